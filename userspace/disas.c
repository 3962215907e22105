// SPDX-License-Identifier: GPL-2.0
#include <Zydis/Zydis.h>

#include "disas.h"

static ZydisMachineMode mode_of(unsigned int bits)
{
	return bits == 64 ? ZYDIS_MACHINE_MODE_LONG_64 :
	       bits == 32 ? ZYDIS_MACHINE_MODE_LEGACY_32 : ZYDIS_MACHINE_MODE_LEGACY_16;
}

void disas_load(void)
{
	ZydisGetVersion();
}

static void print_line(FILE *out, uint64_t address, const uint8_t *code, size_t len,
		       const char *text)
{
	int width = fprintf(out, "  %llx: ", (unsigned long long)address);

	for (size_t i = 0; i < len; i++)
		width += fprintf(out, " %02x", code[i]);
	fprintf(out, "%*s %s\n", width < 52 ? 52 - width : 0, "", text);
}

void disas_print(FILE *out, unsigned int bits, uint64_t address, const uint8_t *code,
		 size_t bytes, unsigned int count)
{
	ZydisDisassembledInstruction insn;

	for (size_t at = 0, len; at < bytes && count; at += len, count--) {
		const char *text = "(bad)";

		len = 1;
		if (ZYAN_SUCCESS(ZydisDisassembleATT(mode_of(bits), address + at, code + at,
						     bytes - at, &insn))) {
			len = insn.info.length;
			text = insn.text;
		}
		print_line(out, address + at, code + at, len, text);
	}
}
