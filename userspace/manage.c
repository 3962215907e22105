// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "cli.h"
#include "control_protocol.h"
#include "json.h"
#include "manage.h"
#include "message.h"
#include "options.h"
#include "subopt.h"

#define ANSWER_S	30	/* that a VM's process has for an answer that waits for nothing */
#define DEFAULT_TIMEOUT	30

/* Ask the VM of that name.  As ask(). */
static struct json_object *ask_vm(const char *name, struct json_object *request, int seconds)
{
	struct json_object *answer;
	int fd = ask_connect(name);

	if (fd < 0) {
		json_object_put(request);
		return NULL;
	}
	answer = ask(fd, name, request, seconds);
	close(fd);
	return answer;
}

static const char *text_of(struct json_object *o, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(o, key, &value) ? json_object_get_string(value) : "?";
}

static long long number_of(struct json_object *o, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(o, key, &value) ? json_object_get_int64(value) : 0;
}

/* pause, resume, reset, nmi: a word, and it is done */

static int do_it(int argc, char **argv, const char *help)
{
	struct show_options options = { 0 };
	const char *command = argv[0];
	struct json_object *answer;
	int status = show_parse(argc, argv, SHOW_ONE_VM, help, &options);

	if (status != CLI_GO_ON)
		return status;
	answer = ask_vm(options.name, ask_for(command), ANSWER_S);
	json_object_put(answer);
	return answer ? STATUS_OK : STATUS_ERROR;
}

int pause_command(int argc, char **argv)
{
	return do_it(argc, argv,
"usage: vmctl pause NAME\n"
"Stop a virtual machine: its CPUs leave the guest, its clocks and timers stand still.\n");
}

int resume_command(int argc, char **argv)
{
	return do_it(argc, argv,
"usage: vmctl resume NAME\n"
"Let a paused virtual machine go on; the guest's clocks go on where they were.\n"
"One whose guest has suspended itself to RAM is woken.\n");
}

int reset_command(int argc, char **argv)
{
	return do_it(argc, argv,
"usage: vmctl reset NAME\n"
"Start a virtual machine's guest afresh, whatever it is at, as its reset button would.\n");
}

int nmi_command(int argc, char **argv)
{
	return do_it(argc, argv,
"usage: vmctl nmi NAME\n"
"Send a non-maskable interrupt to a virtual machine's first CPU.\n");
}

/* stop, wait: an answer that comes with the VM's end */

static const char stop_help[] =
"usage: vmctl stop [--timeout SECONDS] NAME\n"
"Press a virtual machine's power button; if it has not powered off in time, kill it.\n"
"Prints which it was. A paused machine goes on for that.\n"
"\n"
"  --timeout SECONDS   time to power off; 30 if not given, 0: kill it at once\n";

int stop_command(int argc, char **argv)
{
	struct show_options options = { .timeout = DEFAULT_TIMEOUT };
	struct json_object *request, *answer;
	const char *end;
	int status = show_parse(argc, argv, SHOW_TIMEOUT | SHOW_ONE_VM, stop_help, &options);

	if (status != CLI_GO_ON)
		return status;
	request = ask_for("stop");
	json_add_number(request, "timeout", options.timeout);
	answer = ask_vm(options.name, request, options.timeout + ANSWER_S);
	if (!answer)
		return STATUS_ERROR;
	end = text_of(answer, "end");
	if (!strcmp(end, "power-off"))
		printf("%s: powered off\n", options.name);
	else if (!strcmp(end, "killed") && options.timeout)
		printf("%s: killed, it had not powered off in %u s\n", options.name,
		       options.timeout);
	else if (!strcmp(end, "killed"))
		printf("%s: killed\n", options.name);
	else
		printf("%s: ended otherwise, status %lld\n", options.name,
		       number_of(answer, "status"));
	json_object_put(answer);
	return STATUS_OK;
}

static const char wait_help[] =
"usage: vmctl wait NAME\n"
"Wait for a virtual machine's end, and exit with the status of its vmctl run.\n";

int wait_command(int argc, char **argv)
{
	struct show_options options = { 0 };
	struct json_object *answer;
	int status = show_parse(argc, argv, SHOW_ONE_VM, wait_help, &options);

	if (status != CLI_GO_ON)
		return status;
	answer = ask_vm(options.name, ask_for("wait"), ASK_FOREVER);
	if (!answer)
		return STATUS_ERROR;
	status = number_of(answer, "status");
	json_object_put(answer);
	return status;
}

/* inspect */

static const char inspect_help[] =
"usage: vmctl inspect [--json] NAME\n"
"Show what a virtual machine's process knows of it.\n"
"\n"
"  --json   all of it, as an object\n";

static void print_threads(struct json_object *vm)
{
	struct json_object *all;

	if (!json_object_object_get_ex(vm, "vcpus", &all))
		return;
	printf("vCPUs     %zu, threads", json_object_array_length(all));
	for (size_t i = 0; i < json_object_array_length(all); i++)
		printf(" %lld", number_of(json_object_array_get_idx(all, i), "tid"));
	printf("; nice %lld, worth %lld shares\n", number_of(vm, "nice"),
	       number_of(vm, "cpu-shares"));
}

static void print_shares(struct json_object *vm)
{
	struct json_object *all, *share;

	if (!json_object_object_get_ex(vm, "shares", &all))
		return;
	for (size_t i = 0; i < json_object_array_length(all); i++) {
		share = json_object_array_get_idx(all, i);
		printf("share     %s, %s%s\n", text_of(share, "tag"), text_of(share, "path"),
		       strcmp(text_of(share, "server"), "ended") ? "" :
		       "; its virtiofsd has ended: run the VM anew to have it");
	}
}

static void print_vm(struct json_object *vm)
{
	const int form = JSON_C_TO_STRING_NOSLASHESCAPE;
	struct json_object *console, *balloon, *options;
	char up[16], guest[16], memory[16];

	printf("name      %s\n", text_of(vm, "vm"));
	printf("process   %lld\n", number_of(vm, "pid"));
	printf("state     %s, up %s; boot %lld, %s old\n", text_of(vm, "state"),
	       show_ns(number_of(vm, "up_ns"), up), number_of(vm, "boots"),
	       show_ns(number_of(vm, "guest_ns"), guest));
	printf("memory    %s\n", show_bytes(number_of(vm, "memory_bytes"), memory));
	print_threads(vm);
	if (json_object_object_get_ex(vm, "console", &console))
		printf("console   %s; %lld viewers, %lld bytes of output\n",
		       text_of(console, "where"), number_of(console, "viewers"),
		       number_of(console, "output_bytes"));
	if (json_object_object_get_ex(vm, "balloon", &balloon))
		printf("balloon   %s of %s\n",
		       show_bytes(number_of(balloon, "actual_bytes"), guest),
		       show_bytes(number_of(balloon, "target_bytes"), memory));
	print_shares(vm);
	if (json_object_object_get_ex(vm, "options", &options))
		printf("options   %s\n", json_object_to_json_string_ext(options, form));
}

int inspect_command(int argc, char **argv)
{
	struct show_options options = { 0 };
	struct json_object *answer, *vm;
	int status = show_parse(argc, argv, SHOW_JSON | SHOW_ONE_VM, inspect_help, &options);

	if (status != CLI_GO_ON)
		return status;
	answer = ask_vm(options.name, ask_for("inspect"), ANSWER_S);
	if (!answer)
		return STATUS_ERROR;
	status = STATUS_OK;
	if (!json_object_object_get_ex(answer, "vm", &vm)) {
		message("%s: the VM's process says nothing of it", options.name);
		status = STATUS_ERROR;
	} else if (options.json) {
		json_print(json_object_get(vm), true);
	} else {
		print_vm(vm);
	}
	json_object_put(answer);
	return status;
}

/* set */

static const char set_help[] =
"usage: vmctl set NAME KEY=VALUE ...\n"
"Change a running virtual machine: all that is given, or nothing.\n"
"\n"
"  balloon=SIZE   how much memory it shall give back, of one that has a balloon; suffix\n"
"                 K, M (the default) or G. The guest takes its time\n"
"  cpu-shares=N   its share of the host's CPUs where they are short: 15 to 88818,\n"
"                 and what has never been set has 1024. It becomes the nice value\n"
"                 of the virtual CPUs' threads that comes closest. In a sandbox, and\n"
"                 of who is not root, at most what it began with\n";

static bool add_shares(struct json_object *request, const char *value)
{
	unsigned long n;

	if (!subopt_number(value, 0, UINT32_MAX, &n)) {
		message("set cpu-shares=%s: give a whole number, 15 to 88818", value);
		return false;
	}
	json_add_number(request, "cpu-shares", n);
	return true;
}

static bool add_balloon(struct json_object *request, const char *value)
{
	uint64_t bytes;

	if (!subopt_size(value, 1u << 20, CONTROL_BALLOON_MAX, &bytes)) {
		message("set balloon=%s: give a whole number, and K, M or G", value);
		return false;
	}
	json_add_number(request, "balloon", bytes);
	return true;
}

static bool add_value(struct json_object *request, const char *text)
{
	if (!strncmp(text, "cpu-shares=", strlen("cpu-shares=")))
		return add_shares(request, text + strlen("cpu-shares="));
	if (!strncmp(text, "balloon=", strlen("balloon=")))
		return add_balloon(request, text + strlen("balloon="));
	message("set %s: unknown; there are balloon=SIZE and cpu-shares=N", text);
	return false;
}

static void print_set(const char *name, struct json_object *answer)
{
	struct json_object *balloon;
	char target[16], actual[16];

	if (json_object_object_get_ex(answer, "balloon", &balloon))
		printf("%s: a balloon of %s, and now it has %s\n", name,
		       show_bytes(number_of(balloon, "target_bytes"), target),
		       show_bytes(number_of(balloon, "actual_bytes"), actual));
	if (json_object_object_get_ex(answer, "cpu-shares", NULL))
		printf("%s: nice %lld, worth %lld shares\n", name, number_of(answer, "nice"),
		       number_of(answer, "cpu-shares"));
}

int set_command(int argc, char **argv)
{
	struct show_options options = { 0 };
	struct json_object *request, *answer;
	int status = show_parse(argc, argv, SHOW_ONE_VM | SHOW_VALUES, set_help, &options);

	if (status != CLI_GO_ON)
		return status;
	request = ask_for("set");
	for (char **value = options.values; *value; value++) {
		if (add_value(request, *value))
			continue;
		message("try: vmctl set --help");
		json_object_put(request);
		return STATUS_USAGE;
	}
	answer = ask_vm(options.name, request, ANSWER_S);
	if (!answer)
		return STATUS_ERROR;
	print_set(options.name, answer);
	json_object_put(answer);
	return STATUS_OK;
}
