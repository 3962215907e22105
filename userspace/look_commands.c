// SPDX-License-Identifier: GPL-2.0
/*
 * `vmctl regs`, `disas`, `walk` and `dump`: what a running VM's process finds in its guest.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "cli.h"
#include "disas.h"
#include "json.h"
#include "manage.h"
#include "message.h"
#include "options.h"

#define ANSWER_S	30
#define INSNS		20u

static const char *text_of(struct json_object *o, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(o, key, &value) ? json_object_get_string(value) : "";
}

/* A request about a vCPU and, if there is one, an address.  As ask(). */
static struct json_object *ask_look(const struct show_options *options, const char *command,
				    const char *address)
{
	int fd = ask_connect(options->name);
	struct json_object *request, *answer;

	if (fd < 0)
		return NULL;
	request = ask_for(command);
	json_add_number(request, "vcpu", options->vcpu);
	if (address)
		json_add_text(request, "address", address);
	answer = ask(fd, options->name, request, ANSWER_S);
	close(fd);
	return answer;
}

static int print_text(const struct show_options *options, const char *command,
		      const char *address)
{
	struct json_object *answer = ask_look(options, command, address);

	if (!answer)
		return STATUS_ERROR;
	fputs(text_of(answer, "text"), stdout);
	json_object_put(answer);
	return STATUS_OK;
}

/* So many words behind the name.  Return: CLI_GO_ON, or the exit status. */
static int check_words(const struct show_options *options, const char *command, unsigned int min,
		       unsigned int max, const char *what)
{
	unsigned int nr = 0;

	while (options->values[nr])
		nr++;
	if (nr >= min && nr <= max)
		return CLI_GO_ON;
	if (max)
		message("%s: give a VM's name and %s", command, what);
	else
		message("%s: of one VM at a time", command);
	message("try: vmctl %s --help", command);
	return STATUS_USAGE;
}

static const char regs_help[] =
"usage: vmctl regs [--vcpu N] NAME\n"
"Show the registers of a virtual CPU. It stands still for a moment.\n"
"\n"
"  --vcpu N   which one; 0 if not given\n";

int regs_command(int argc, char **argv)
{
	struct show_options options = { 0 };
	int status = show_parse(argc, argv, SHOW_ONE_VM | SHOW_VCPU, regs_help, &options);

	return status == CLI_GO_ON ? print_text(&options, "regs", NULL) : status;
}

static const char walk_help[] =
"usage: vmctl walk [--vcpu N] NAME ADDRESS\n"
"Show how a guest-linear address is translated: the entries of the guest's page tables,\n"
"of the nested ones for each of them, and how many references to memory that makes.\n"
"\n"
"  --vcpu N   whose page tables; 0 if not given\n"
"  ADDRESS    hexadecimal\n";

int walk_command(int argc, char **argv)
{
	struct show_options options = { 0 };
	int status = show_parse(argc, argv, SHOW_ONE_VM | SHOW_VCPU | SHOW_WORDS, walk_help,
				&options);

	if (status == CLI_GO_ON)
		status = check_words(&options, "walk", 1, 1, "an ADDRESS");
	return status == CLI_GO_ON ? print_text(&options, "walk", options.values[0]) : status;
}

/* disas */

static size_t bytes_of(const char *hex, uint8_t *bytes, size_t room)
{
	size_t n = 0;
	unsigned int byte;

	for (; n < room && sscanf(hex + 2 * n, "%2x", &byte) == 1; n++)
		bytes[n] = byte;
	return n;
}

static const char disas_help[] =
"usage: vmctl disas [--vcpu N] NAME [ADDRESS]\n"
"Show the instructions at an address of a guest, or those that a virtual CPU comes to next.\n"
"\n"
"  --vcpu N   whose page tables and mode; 0 if not given\n"
"  ADDRESS    guest-linear, hexadecimal\n";

int disas_command(int argc, char **argv)
{
	struct show_options options = { 0 };
	uint8_t code[INSNS * DISAS_INSN_MAX];
	struct json_object *answer, *bits;
	size_t bytes;
	int status = show_parse(argc, argv, SHOW_ONE_VM | SHOW_VCPU | SHOW_WORDS, disas_help,
				&options);

	if (status == CLI_GO_ON)
		status = check_words(&options, "disas", 0, 1, "at most one ADDRESS");
	if (status != CLI_GO_ON)
		return status;
	answer = ask_look(&options, "code", options.values[0]);
	if (!answer)
		return STATUS_ERROR;
	bytes = bytes_of(text_of(answer, "bytes"), code, sizeof(code));
	disas_print(stdout, json_object_object_get_ex(answer, "bits", &bits) ?
		    json_object_get_int(bits) : 64, strtoull(text_of(answer, "address"), NULL, 16),
		    code, bytes, INSNS);
	json_object_put(answer);
	return STATUS_OK;
}

/* dump */

static const char dump_help[] =
"usage: vmctl dump NAME FILE\n"
"Write a guest's memory and registers to a file, as an ELF core for gdb. The guest\n"
"stands still meanwhile. The file is as large as the memory, with holes where that is zero.\n";

static int dump_to(const struct show_options *options, const char *path)
{
	int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), fd, status;
	struct json_object *answer;

	if (file < 0) {
		message("dump %s: %s%s", path, strerror(errno),
			errno == EEXIST ? "; remove it, or choose another name" : "");
		return STATUS_ERROR;
	}
	fd = ask_connect(options->name);
	answer = fd < 0 ? NULL :
		 ask_with(fd, options->name, ask_for("dump"), &file, 1, ASK_FOREVER);
	status = answer ? STATUS_OK : STATUS_ERROR;
	/* A core that is not whole is of no use. */
	if (close(file) && answer) {
		message("dump %s: %s", path, strerror(errno));
		status = STATUS_ERROR;
	}
	if (status != STATUS_OK)
		unlink(path);
	if (fd >= 0)
		close(fd);
	json_object_put(answer);
	return status;
}

int dump_command(int argc, char **argv)
{
	struct show_options options = { 0 };
	int status = show_parse(argc, argv, SHOW_ONE_VM | SHOW_WORDS, dump_help, &options);

	if (status == CLI_GO_ON)
		status = check_words(&options, "dump", 1, 1, "a FILE");
	return status == CLI_GO_ON ? dump_to(&options, options.values[0]) : status;
}
