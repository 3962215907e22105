// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "message.h"
#include "symbols.h"

#define MAX_SYMBOLS	(4u << 20)
#define MAX_NAME	255
#define MAX_FUNCTION	(256u << 10)	/* bytes, of one whose size is not known */

/* Which of the symbols of one address has it. */
enum rank { GLOBAL, WEAK, LOCAL, LOCAL_WEAK, NO_FUNCTION };

struct symbol {
	uint64_t address, bytes;
	char *name;			/* NULL: what begins here is no function */
	enum rank rank;
};

struct symbols {
	const char *path;
	uint64_t offset;
	struct symbol *symbol;
	size_t nr, room;
};

/* Names go to a terminal, and are not to be commands for it. */
static void make_printable(char *text)
{
	for (; *text; text++) {
		if (*text < ' ' || *text > '~')
			*text = '?';
	}
}

/* False after a message. */
static bool add(struct symbols *s, const struct symbol *symbol, const char *name)
{
	struct symbol *new;

	if (s->nr == MAX_SYMBOLS) {
		message("%s has more than %u symbols: no kernel's", s->path, MAX_SYMBOLS);
		return false;
	}
	if (s->nr == s->room) {
		size_t room = s->room ? s->room * 2 : 4096;
		void *more = realloc(s->symbol, room * sizeof(*s->symbol));

		if (!more)
			goto no_memory;
		s->symbol = more;
		s->room = room;
	}
	new = &s->symbol[s->nr];
	*new = *symbol;
	new->address += s->offset;
	new->name = NULL;
	if (symbol->rank != NO_FUNCTION) {
		new->name = strndup(name, MAX_NAME);
		if (!new->name)
			goto no_memory;
		make_printable(new->name);
	}
	s->nr++;
	return true;

no_memory:
	message("out of memory");
	return false;
}

/* By nm's letter; data is kept, for a function ends where it begins. */
static enum rank rank_of(char type, const char *name)
{
	static const char letters[] = "TWtw";
	const char *letter = strchr(letters, type);

	/* They have a function's letter, and what follows them is none. */
	if (!letter || !strcmp(name, "_etext") || !strcmp(name, "_einittext"))
		return NO_FUNCTION;
	return letter - letters;
}

/* "ffffffff81000000 T _stext", and in kallsyms a module's name behind it. @line: the first one. */
static bool read_text(struct symbols *s, FILE *f, char *line, int size)
{
	struct symbol symbol = { .bytes = MAX_FUNCTION };
	char name[MAX_NAME + 1], type;
	int c;

	do {
		/* What does not fit must not be taken for a line. */
		if (!strchr(line, '\n')) {
			do
				c = fgetc(f);
			while (c != EOF && c != '\n');
		}
		/* A: a number that is no address. An address of 0 is one that was hidden. */
		if (sscanf(line, "%lx %c %255s", &symbol.address, &type, name) != 3 ||
		    strchr("AaUNn", type) || !symbol.address)
			continue;
		symbol.rank = rank_of(type, name);
		if (!add(s, &symbol, name))
			return false;
	} while (fgets(line, size, f));
	if (ferror(f))
		message("cannot read %s: %s", s->path, strerror(errno));
	return !ferror(f);
}

/* Where a function of an ELF file is. False: it is none, or nowhere. */
static bool locate(Elf *elf, const GElf_Sym *sym, struct symbol *symbol)
{
	unsigned int type = GELF_ST_TYPE(sym->st_info), bind = GELF_ST_BIND(sym->st_info);
	GElf_Shdr section;
	uint64_t rest;

	/* Entry points in assembly have a size and no type. */
	if (type != STT_FUNC && !(type == STT_NOTYPE && sym->st_size))
		return false;
	if (!gelf_getshdr(elf_getscn(elf, sym->st_shndx), &section) ||
	    !(section.sh_flags & SHF_EXECINSTR) ||
	    sym->st_value - section.sh_addr >= section.sh_size)
		return false;
	rest = section.sh_size - (sym->st_value - section.sh_addr);
	symbol->address = sym->st_value;
	symbol->bytes = sym->st_size ? sym->st_size : MAX_FUNCTION;
	if (symbol->bytes > rest)
		symbol->bytes = rest;
	symbol->rank = bind == STB_GLOBAL ? GLOBAL : bind == STB_WEAK ? WEAK : LOCAL;
	return true;
}

static bool read_table(struct symbols *s, Elf *elf, Elf_Scn *table, const GElf_Shdr *head)
{
	Elf_Data *data = elf_getdata(table, NULL);
	struct symbol symbol;
	const char *name;
	GElf_Sym sym;

	for (int i = 0; data && gelf_getsym(data, i, &sym); i++) {
		if (!locate(elf, &sym, &symbol))
			continue;
		name = elf_strptr(elf, head->sh_link, sym.st_name);
		if (name && !add(s, &symbol, name))
			return false;
	}
	return true;
}

static bool read_elf(struct symbols *s, int fd)
{
	Elf_Scn *section = NULL;
	GElf_Shdr head;
	struct stat st;
	bool ok = true;
	Elf *elf;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		message("cannot read %s: a vmlinux has to be a regular file", s->path);
		return false;
	}
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf) {
		message("cannot read %s: %s", s->path, elf_errmsg(-1));
		return false;
	}
	/* There is one table at most; many would be a way to keep us busy. */
	while ((section = elf_nextscn(elf, section))) {
		if (gelf_getshdr(section, &head) && head.sh_type == SHT_SYMTAB) {
			ok = read_table(s, elf, section, &head);
			break;
		}
	}
	elf_end(elf);
	return ok;
}

/* Which of both it is, the first bytes tell; nothing is read twice, for it may be a pipe. */
static bool read_any(struct symbols *s, FILE *f)
{
	char line[512] = "";

	if (!fgets(line, sizeof(line), f) && ferror(f)) {
		message("cannot read %s: %s", s->path, strerror(errno));
		return false;
	}
	if (!memcmp(line, "\177ELF", 4))
		return read_elf(s, fileno(f));
	return read_text(s, f, line, sizeof(line));
}

static int by_address(const void *pa, const void *pb)
{
	const struct symbol *a = pa, *b = pb;

	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return a->name ? strcmp(a->name, b->name) : 0;
}

/* Sorted, and of each address one.  Return: how many functions there are. */
static size_t put_in_order(struct symbols *s)
{
	size_t nr = 0, functions = 0;

	if (s->nr)
		qsort(s->symbol, s->nr, sizeof(*s->symbol), by_address);
	for (size_t i = 0; i < s->nr; i++) {
		if (nr && s->symbol[nr - 1].address == s->symbol[i].address) {
			free(s->symbol[i].name);
			continue;
		}
		functions += s->symbol[i].name ? 1 : 0;
		s->symbol[nr++] = s->symbol[i];
	}
	s->nr = nr;
	return functions;
}

struct symbols *symbols_read(const char *path, uint64_t offset)
{
	struct symbols *s;
	FILE *f = fopen(path, "re");
	bool ok;

	if (!f) {
		message("cannot read %s: %s", path, strerror(errno));
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	if (!s) {
		message("out of memory");
		fclose(f);
		return NULL;
	}
	s->path = path;
	s->offset = offset;
	ok = read_any(s, f);
	fclose(f);
	if (ok && !put_in_order(s)) {
		message("%s has no functions; give a System.map, a vmlinux with symbols, or a "
			"guest's /proc/kallsyms as its root sees it", path);
		ok = false;
	}
	if (!ok) {
		symbols_free(s);
		return NULL;
	}
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
	const struct symbol *symbol;

	while (low < high) {
		mid = (low + high) / 2;
		if (s->symbol[mid].address <= address)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low)
		return NULL;
	symbol = &s->symbol[low - 1];
	return address - symbol->address < symbol->bytes ? symbol->name : NULL;
}
