// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "message.h"
#include "symbols.h"

struct symbol {
	uint64_t address;
	char *name;
};

struct symbols {
	struct symbol *symbol;
	size_t nr, room;
};

static bool add(struct symbols *s, uint64_t address, const char *name)
{
	if (s->nr == s->room) {
		size_t room = s->room ? s->room * 2 : 4096;
		void *more = realloc(s->symbol, room * sizeof(*s->symbol));

		if (!more)
			return false;
		s->symbol = more;
		s->room = room;
	}
	s->symbol[s->nr].address = address;
	s->symbol[s->nr].name = strdup(name);
	return s->symbol[s->nr++].name;
}

/* "ffffffff81000000 T _stext", and in kallsyms a module's name behind it. */
static bool read_text(struct symbols *s, FILE *f, uint64_t offset)
{
	char line[512], name[256], type;
	unsigned long address;

	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx %c %255s", &address, &type, name) != 3 ||
		    !strchr("tTwW", type) || !address)
			continue;
		if (!add(s, address + offset, name))
			return false;
	}
	return true;
}

static bool read_table(struct symbols *s, Elf *elf, Elf_Scn *section, const GElf_Shdr *head,
		       uint64_t offset)
{
	Elf_Data *data = elf_getdata(section, NULL);
	GElf_Sym sym;
	const char *name;

	for (size_t i = 0; data && head->sh_entsize && i < head->sh_size / head->sh_entsize; i++) {
		if (!gelf_getsym(data, i, &sym) || GELF_ST_TYPE(sym.st_info) != STT_FUNC ||
		    sym.st_shndx == SHN_UNDEF)
			continue;
		name = elf_strptr(elf, head->sh_link, sym.st_name);
		if (name && !add(s, sym.st_value + offset, name))
			return false;
	}
	return true;
}

/* False without memory; a file that is no ELF file has no symbols. */
static bool read_elf(struct symbols *s, int fd, uint64_t offset)
{
	Elf_Scn *section = NULL;
	GElf_Shdr head;
	bool ok = true;
	Elf *elf;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return true;
	elf = elf_begin(fd, ELF_C_READ, NULL);
	while (ok && elf && (section = elf_nextscn(elf, section)))
		if (gelf_getshdr(section, &head) && head.sh_type == SHT_SYMTAB)
			ok = read_table(s, elf, section, &head, offset);
	elf_end(elf);
	return ok;
}

static int by_address(const void *pa, const void *pb)
{
	const struct symbol *a = pa, *b = pb;

	return a->address < b->address ? -1 : a->address > b->address;
}

struct symbols *symbols_read(const char *path, uint64_t offset)
{
	struct symbols *s = calloc(1, sizeof(*s));
	FILE *f = fopen(path, "re");
	char magic[4] = "";
	bool ok = s;

	if (!f) {
		message("cannot read %s: %s", path, strerror(errno));
		free(s);
		return NULL;
	}
	if (ok && fread(magic, 1, 4, f) == 4 && !memcmp(magic, "\177ELF", 4)) {
		ok = read_elf(s, fileno(f), offset);
	} else if (ok) {
		rewind(f);
		ok = read_text(s, f, offset);
	}
	fclose(f);
	if (!ok) {
		message("out of memory");
	} else if (!s->nr) {
		message("%s has no functions; give a System.map, a vmlinux with symbols, or a "
			"guest's /proc/kallsyms as its root sees it", path);
		ok = false;
	}
	if (!ok) {
		symbols_free(s);
		return NULL;
	}
	qsort(s->symbol, s->nr, sizeof(*s->symbol), by_address);
	return s;
}

void symbols_free(struct symbols *s)
{
	for (size_t i = 0; s && i < s->nr; i++)
		free(s->symbol[i].name);
	if (s)
		free(s->symbol);
	free(s);
}

const char *symbols_name(const struct symbols *s, uint64_t address)
{
	size_t low = 0, high = s ? s->nr : 0, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (s->symbol[mid].address <= address)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? s->symbol[low - 1].name : NULL;
}
