// SPDX-License-Identifier: GPL-2.0
/*
 * What a file looks like that is no kernel, and what its user may have meant: words for messages,
 * by the magic numbers of the files that people have beside their kernels.
 */
#include <elf.h>
#include <string.h>

#include "loader.h"

#define MAGIC_MAX	8

static const struct {
	uint32_t offset;
	uint8_t nr;
	char magic[MAGIC_MAX];
	const char *words;
} kinds[] = {
	{ 0, 2, "\x1f\x8b", "is compressed with gzip; uncompress it first (gunzip)" },
	{ 0, 5, "\xfd" "7zXZ", "is compressed with xz; uncompress it first (unxz)" },
	{ 0, 4, "\x28\xb5\x2f\xfd", "is compressed with zstd; uncompress it first (unzstd)" },
	{ 0, 4, "\x04\x22\x4d\x18", "is compressed with lz4; uncompress it first (unlz4)" },
	{ 0, 4, "\x02\x21\x4c\x18", "is compressed with lz4; uncompress it first (unlz4)" },
	{ 0, 3, "BZh", "is compressed with bzip2; uncompress it first (bunzip2)" },
	{ 0, 3, "\x5d", "is compressed with lzma; uncompress it first (unlzma)" },
	{ 56, 4, "ARM\x64", "is a Linux kernel for arm64" },
	{ 36, 4, "\x18\x28\x6f\x01", "is a Linux kernel for arm" },
	{ 56, 4, "RSC\x05", "is a Linux kernel for RISC-V" },
	{ 0, 2, "MZ", "is a program for EFI or Windows, which only firmware starts" },
	{ 0, 2, "#!", "is a script" },
	{ 32769, 5, "CD001", "is an ISO image; a guest can have it as a --disk" },
	{ 0, 4, "QFI\xfb", "is a qcow2 image; a guest can have it as a --disk" },
	{ 0, 4, "\x27\x05\x19\x56", "is an image for U-Boot (uImage); take the kernel out of it" },
	{ 0, 4, "\xd0\x0d\xfe\xed", "is a device tree, or an image for U-Boot (FIT)" },
	{ 0, 8, "ANDROID!", "is an image for Android's boot loader; take the kernel out of it" },
	{ 0, 5, "07070", "is a cpio archive, as an initial RAM disk is; give it with --initrd" },
	{ 0, 7, "!<arch>", "is an archive, as .deb and .a are; take the kernel out of it" },
	{ 0, 4, "PK\x03\x04", "is a zip archive; take the kernel out of it" },
	{ 257, 5, "ustar", "is a tar archive; take the kernel out of it" },
	{ 510, 2, "\x55\xaa", "is a boot sector or a disk image; a guest can have it as a --disk" },
};

static const struct {
	uint16_t machine;
	const char *words;
} machines[] = {
	{ EM_386, "is an ELF file for x86 of an odd kind" },
	{ EM_X86_64, "is an ELF file for x86 of an odd kind (x32?)" },
	{ EM_ARM, "is an ELF file for arm" },
	{ EM_AARCH64, "is an ELF file for arm64" },
	{ EM_RISCV, "is an ELF file for RISC-V" },
	{ EM_PPC64, "is an ELF file for POWER" },
	{ EM_S390, "is an ELF file for s390" },
	{ EM_MIPS, "is an ELF file for MIPS" },
};

/* The machine is at the same place in both classes, in the file's own byte order. */
static const char *elf_kind(const uint8_t *bytes)
{
	const uint8_t *at = bytes + offsetof(Elf32_Ehdr, e_machine);
	uint16_t machine = bytes[EI_DATA] == ELFDATA2MSB ? at[0] << 8 | at[1] : at[1] << 8 | at[0];

	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
		if (machines[i].machine == machine)
			return machines[i].words;
	}
	return "is an ELF file for another processor";
}

static bool is_text(const uint8_t *bytes, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		if (bytes[i] >= 0x7f || (bytes[i] < ' ' && !memchr("\t\n\f\r", bytes[i], 4)))
			return false;
	}
	return true;
}

const char *file_kind(const uint8_t *bytes, size_t nr)
{
	if (!nr)
		return "is empty";
	if (nr >= SELFMAG && !memcmp(bytes, ELFMAG, SELFMAG))
		return nr < sizeof(Elf32_Ehdr) ? "is the beginning of an ELF file; copy it again" :
						 elf_kind(bytes);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (nr >= kinds[i].offset + kinds[i].nr &&
		    !memcmp(bytes + kinds[i].offset, kinds[i].magic, kinds[i].nr))
			return kinds[i].words;
	}
	return is_text(bytes, nr) ? "is text" : "is of a kind that is not known here";
}
