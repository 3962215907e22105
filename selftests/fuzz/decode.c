// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer on the decoder: coverage finds the paths, Zydis says what is right (bug class 29).
 * The first byte of an input chooses the mode, the rest is the instruction.
 *
 * needs: module/emulate/decode.c
 * libs: -lZydis
 * max-len: 16
 */
#include <stdlib.h>

#include "../unit/decode_oracle.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct x86_insn insn;
	u8 bytes[16] = { 0 };
	int ret;

	if (!size)
		return 0;
	if (!decoders[0].machine_mode && !compared)
		zydis_init();

	/* what is there and no more: AddressSanitizer watches the end of the input */
	ret = x86_decode(&insn, data + 1, size - 1, data[0] % 3);
	if (ret < X86_DECODE_OK || ret > X86_DECODE_TOO_LONG ||
	    (ret == X86_DECODE_OK && (!insn.len || insn.len > X86_INSN_MAX || insn.len > size - 1)))
		abort();
	memcpy(bytes, data + 1, min_t(size_t, size - 1, 15));
	if (!compare(bytes, data[0] % 3))
		abort();
	return 0;
}
