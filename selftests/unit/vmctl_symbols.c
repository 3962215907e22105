// SPDX-License-Identifier: GPL-2.0
// needs: userspace/symbols.c
// libs: -lelf
/*
 * vmctl's symbols: which function an address is in, and which are in none; and files that mean
 * harm, for a guest's owner can write them and root may read them.
 */
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../userspace/symbols.h"
#include "tap.h"

#define TEXT	0xffffffff81000000UL
#define INIT	0xffffffff83000000UL

static char path[64];
static char said[2048];
static struct symbols *s;

void message(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(said, sizeof(said), format, args);
	va_end(args);
}

static bool read_map(const char *map, uint64_t offset)
{
	int fd = open(path, O_WRONLY | O_TRUNC);
	ssize_t n = write(fd, map, strlen(map));

	close(fd);
	said[0] = '\0';
	symbols_free(s);
	s = symbols_read(path, offset);
	return s && n == (ssize_t)strlen(map);
}

static bool is(uint64_t address, const char *wanted)
{
	const char *name = symbols_name(s, address);
	bool ok = name ? wanted && !strcmp(name, wanted) : !wanted;

	if (!ok)
		ksft_print_msg("%lx is in %s\n", (unsigned long)address, name ? name : "none");
	return ok;
}

/* ---- texts -------------------------------------------------------------------------------- */

static void test_map(void)
{
	static const char map[] =
		"0000000000001000 D per_cpu\n"
		"ffffffff81000000 T startup_64\n"
		"ffffffff81002000 t helper\n"
		"ffffffff81001000 T early\n"
		"ffffffff81003000 W weak\n"
		"ffffffff81004000 T _etext\n"
		"ffffffff81300000 T lonely\n"
		"ffffffff81002800 A number\n"
		"ffffffff82000000 D data\n"
		"ffffffff82000010 T stub\n"
		"ffffffff82000020 d more_data\n";
	bool ok = read_map(map, 0);

	ok &= is(TEXT, "startup_64") && is(TEXT + 0xfff, "startup_64");
	ok &= is(TEXT + 0x1000, "early") && is(TEXT + 0x2fff, "helper");
	ok &= is(TEXT + 0x3000, "weak");
	ok &= is(TEXT - 1, NULL) && is(0, NULL) && is(0x1000, NULL);
	ksft_test_result(ok, "functions\n");

	ok = is(TEXT + 0x4000, NULL) && is(TEXT + 0x2fffff, NULL);
	ok &= is(TEXT + 0x300000, "lonely") && is(TEXT + 0x33ffff, "lonely");
	ok &= is(TEXT + 0x340000, NULL);
	ok &= is(0xffffffff82000018, "stub") && is(0xffffffff82000020, NULL);
	ok &= is(0xffffffff8200000f, NULL) && is(0xffffffffc0001000, NULL) && is(~0UL, NULL);
	ksft_test_result(ok, "no function goes on into data, or for ever\n");

	ok = read_map(map, 0x1a000000) && is(TEXT + 0x1a001000, "early") && is(TEXT, NULL);
	ksft_test_result(ok, "a kernel that was moved\n");
}

static void test_aliases(void)
{
	static const char * const maps[] = {
		"ffffffff81000000 t a_local\nffffffff81000000 W a_weak\n"
		"ffffffff81000000 R data\nffffffff81000000 T z\nffffffff81000000 T y\n",
		"ffffffff81000000 T y\nffffffff81000000 T z\nffffffff81000000 R data\n"
		"ffffffff81000000 W a_weak\nffffffff81000000 t a_local\n",
	};
	bool ok = true;

	for (int i = 0; i < 2; i++)
		ok &= read_map(maps[i], 0) && is(TEXT + 1, "y");
	ok &= read_map("ffffffff81000000 t b\nffffffff81000000 W c\nffffffff81000000 t a\n", 0);
	ksft_test_result(ok && is(TEXT, "c"), "of several names always the same\n");
}

static void test_names(void)
{
	char map[2048] = "ffffffff81000000 T a\033]0;b\a\303\244\177~\n", *p = map + strlen(map);
	bool ok;

	/* What is longer than any line that is read, and would be a line if it were cut there. */
	p += sprintf(p, "ffffffff81001000 T ");
	memset(p, 'x', 511 - 19);
	strcpy(p + 511 - 19, "ffffffff81003000 T hidden\nffffffff81002000 T next\n");
	ok = read_map(map, 0) && is(TEXT, "a?]0;b????~");
	ksft_test_result(ok, "names are printable\n");
	ok = strlen(symbols_name(s, TEXT + 0x1000)) == 255 && is(TEXT + 0x2000, "next");
	ksft_test_result(ok && is(TEXT + 0x3000, "next"), "nor are they as long as they like\n");
}

static void test_unusable(void)
{
	bool ok = !read_map("", 0) && strstr(said, "has no functions");

	ok &= !read_map("root:x:0:0:root:/root:/bin/sh\n", 0) && strstr(said, "has no functions");
	ok &= !read_map("0000000000000000 T hidden\n", 0) && strstr(said, "has no functions");
	ok &= !read_map("ffffffff81000000 D data\n", 0) && strstr(said, "has no functions");
	ksft_test_result(ok, "files without functions\n");

	ok = !symbols_read("/tmp", 0) && strstr(said, "cannot read /tmp: Is a directory");
	ok &= !symbols_read("/nowhere", 0) && strstr(said, "No such file or directory");
	ok &= !read_map("\177ELF\2\1\1, and no more", 0) && strstr(said, path);
	ksft_test_result(ok, "what is no such file\n");
}

/* Through a pipe that a child fills. */
static bool read_pipe(const char *text, unsigned int times)
{
	char name[64];
	int fd[2], pid;

	if (pipe(fd))
		return false;
	pid = fork();
	if (!pid) {
		close(fd[0]);
		signal(SIGPIPE, SIG_DFL);
		while (times-- && write(fd[1], text, strlen(text)) > 0)
			;
		_exit(0);
	}
	close(fd[1]);
	snprintf(name, sizeof(name), "/dev/fd/%d", fd[0]);
	said[0] = '\0';
	symbols_free(s);
	s = symbols_read(name, 0);
	close(fd[0]);
	waitpid(pid, NULL, 0);
	return s;
}

static void test_pipe(void)
{
	static char many[64 * 1024];
	bool ok = read_pipe("ffffffff81000000 T first\nffffffff81001000 T second\n", 1);

	ok &= is(TEXT, "first") && is(TEXT + 0x1000, "second");
	ksft_test_result(ok, "a pipe, from its first line on\n");
	ok = !read_pipe("\177ELF\2\1\1 and so on\n", 1) && strstr(said, "regular file");
	ksft_test_result(ok, "but for ELF\n");

	while (strlen(many) < sizeof(many) - 32)
		strcat(many, "1 d x\n");
	ok = !read_pipe(many, 1000) && strstr(said, "more than 4194304 symbols");
	ksft_test_result(ok, "there is an end to symbols\n");
}

/* ---- ELF ---------------------------------------------------------------------------------- */

static void add_section(Elf *elf, Elf64_Word type, Elf64_Xword flags, uint64_t address, size_t size,
			void *bytes, size_t entry, unsigned int link)
{
	Elf_Scn *section = elf_newscn(elf);
	Elf_Data *data = elf_newdata(section);
	GElf_Shdr head;

	data->d_buf = bytes;
	data->d_size = size;
	data->d_type = type == SHT_SYMTAB ? ELF_T_SYM : ELF_T_BYTE;
	data->d_align = 1;
	gelf_getshdr(section, &head);
	head.sh_type = type;
	head.sh_flags = flags;
	head.sh_addr = address;
	head.sh_entsize = entry;
	head.sh_link = link;
	gelf_update_shdr(section, &head);
}

#define SYMBOL(name, bind, type, section, value, size)	\
	{ name, GELF_ST_INFO(bind, type), 0, section, value, size }

/* Sections: 1 .text of 12 KiB, 2 .init.text of 4 KiB, 3 data, 4 names, 5 symbols. */
static void make_vmlinux(void)
{
	static char names[1000] = "\0sized\0open\0entry\0object\0label\0lo\0ba\nd\0outside\0absent";
	static char bytes[0x3000];
	Elf64_Sym symbols[] = {
		{ 0 },
		SYMBOL(1, STB_GLOBAL, STT_FUNC, 1, TEXT, 0x100),
		SYMBOL(31, STB_LOCAL, STT_FUNC, 1, TEXT, 0x100),
		SYMBOL(25, STB_LOCAL, STT_NOTYPE, 1, TEXT + 0x80, 0),
		SYMBOL(12, STB_GLOBAL, STT_NOTYPE, 1, TEXT + 0x1000, 0x40),
		SYMBOL(7, STB_LOCAL, STT_FUNC, 1, TEXT + 0x2000, 0),
		SYMBOL(18, STB_GLOBAL, STT_OBJECT, 3, INIT + 0x1000, 0x100),
		SYMBOL(34, STB_WEAK, STT_FUNC, 2, INIT, ~0UL),
		SYMBOL(39, STB_GLOBAL, STT_FUNC, 2, INIT + 0x100000, 0x100),
		SYMBOL(47, STB_GLOBAL, STT_FUNC, SHN_UNDEF, INIT + 0x200000, 0x100),
		SYMBOL(1, STB_GLOBAL, STT_FUNC, 60000, INIT + 0x300000, 0x100),
		SYMBOL(60000, STB_GLOBAL, STT_FUNC, 1, TEXT + 0x2800, 0x100),
		SYMBOL(500, STB_GLOBAL, STT_FUNC, 1, TEXT + 0x1800, 0x100),
	};
	int fd = open(path, O_RDWR | O_TRUNC);
	GElf_Ehdr head;
	Elf *elf;

	memset(names + 500, 'x', 400);
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_WRITE, NULL);
	gelf_newehdr(elf, ELFCLASS64);
	gelf_getehdr(elf, &head);
	head.e_machine = EM_X86_64;
	head.e_type = ET_EXEC;
	head.e_version = EV_CURRENT;
	head.e_ident[EI_DATA] = ELFDATA2LSB;
	gelf_update_ehdr(elf, &head);
	add_section(elf, SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, TEXT, 0x3000, bytes, 0, 0);
	add_section(elf, SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, INIT, 0x1000, bytes, 0, 0);
	add_section(elf, SHT_PROGBITS, SHF_ALLOC, INIT + 0x1000, 0x1000, bytes, 0, 0);
	add_section(elf, SHT_STRTAB, 0, 0, sizeof(names), names, 0, 0);
	add_section(elf, SHT_SYMTAB, 0, 0, sizeof(symbols), symbols, sizeof(symbols[0]), 4);
	if (elf_update(elf, ELF_C_WRITE) < 0)
		ksft_print_msg("%s\n", elf_errmsg(-1));
	elf_end(elf);
	close(fd);
}

static void test_elf(void)
{
	bool ok;

	make_vmlinux();
	symbols_free(s);
	s = symbols_read(path, 0);
	ok = is(TEXT, "sized") && is(TEXT + 0x90, "sized") && is(TEXT + 0xff, "sized");
	ok &= is(TEXT + 0x100, NULL) && is(TEXT + 0x1000, "entry") && is(TEXT + 0x1040, NULL);
	ok &= strlen(symbols_name(s, TEXT + 0x1800)) == 255;
	ksft_test_result(s && ok, "functions of a vmlinux end with their size\n");

	ok = is(TEXT + 0x2000, "open") && is(TEXT + 0x2fff, "open") && is(TEXT + 0x3000, NULL);
	ok &= is(INIT, "ba?d") && is(INIT + 0xfff, "ba?d") && is(INIT + 0x1000, NULL);
	ksft_test_result(s && ok, "or with their section\n");

	ok = is(INIT + 0x100000, NULL) && is(INIT + 0x200000, NULL) && is(INIT + 0x300000, NULL);
	ksft_test_result(s && ok, "what is in no section is none\n");
}

/* A file that has been cut or changed anywhere is read or refused, by the sanitizers' measure. */
static void test_damaged(void)
{
	static unsigned char whole[1 << 16], damaged[1 << 16];
	int fd = open(path, O_RDONLY);
	ssize_t size = read(fd, whole, sizeof(whole));
	unsigned int seed = 1;
	bool ok = size > 0;

	close(fd);
	for (int i = 0; ok && i < 300; i++) {
		memcpy(damaged, whole, size);
		for (int j = 0; j < 8; j++) {
			/* The header, and what is behind the sections' bytes. */
			size_t at = rand_r(&seed) % 1200;

			damaged[at < 64 ? at : size - 1200 + at] = rand_r(&seed);
		}
		fd = open(path, O_WRONLY | O_TRUNC);
		ok = write(fd, damaged, i % 3 ? size : rand_r(&seed) % size) > 0;
		close(fd);
		symbols_free(s);
		s = symbols_read(path, 0);
		symbols_name(s, TEXT + 0x2000);
	}
	ksft_test_result(ok, "damaged files\n");
}

int main(void)
{
	int fd;

	strcpy(path, "/tmp/vmctl_symbols.XXXXXX");
	fd = mkstemp(path);
	if (fd < 0)
		ksft_exit_fail_msg("mkstemp: %s\n", strerror(errno));
	close(fd);
	ksft_print_header();
	ksft_set_plan(15);
	alarm(50);
	test_map();
	test_aliases();
	test_names();
	test_unusable();
	test_pipe();
	test_elf();
	test_damaged();
	symbols_free(s);
	unlink(path);
	ksft_finished();
}
