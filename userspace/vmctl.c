// SPDX-License-Identifier: GPL-2.0
/*
 * vmctl: which subcommand.  Each one lives in a file of its own.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "cli.h"
#include "events.h"
#include "list.h"
#include "manage.h"
#include "mem.h"
#include "message.h"
#include "overhead.h"
#include "profile.h"
#include "run.h"
#include "screenshot.h"
#include "stat.h"
#include "top.h"
#include "trace.h"
#include "viewer.h"

static const char help[] =
"usage: vmctl COMMAND [OPTION ...]\n"
"\n"
"  run       run a virtual machine\n"
"  list      list the virtual machines that run\n"
"  inspect   show what one is made of\n"
"  console   connect this terminal with one's console\n"
"  screen    print what is on one's screen\n"
"  screenshot  write a picture of it\n"
"  pause     stop one, and its clocks\n"
"  resume    let it go on\n"
"  stop      press its power button, and kill it if that does not help\n"
"  reset     press its reset button\n"
"  nmi       send it a non-maskable interrupt\n"
"  key       press keys of its keyboard\n"
"  wait      wait for its end\n"
"  set       change its share of the host's CPUs, or its balloon\n"
"  attach    plug a disk or a network card into one\n"
"  detach    have its guest let go of one, and take it out\n"
"  regs      show the registers of one's virtual CPU\n"
"  disas     show the instructions that it comes to next\n"
"  walk      show how an address of its guest is translated\n"
"  dump      write its memory to a file, for gdb and crash\n"
"  events    follow what happens to them\n"
"  stat      show what virtual CPUs do with their time\n"
"  top       the same, live\n"
"  overhead  show what a virtual machine's exits cost\n"
"  trace     print a virtual machine's exits as they happen\n"
"  profile   show where a guest spends its time, or exits\n"
"  mem       show a virtual machine's memory\n"
"  check     say whether this machine can run guests, and if not, why\n"
"  help      show this, or a command's options\n"
"\n"
"vmctl COMMAND --help has each one's options. vmctl --version says which vmctl it is.\n";

static int usage_error(void)
{
	message("try: vmctl help");
	return STATUS_USAGE;
}

static int cmd_run(int argc, char **argv)
{
	struct run_options options;
	int status;

	argv[0] = (char *)"vmctl";	/* getopt starts its messages with it */
	status = cli_parse_run(argc, argv, &options);
	if (status == CLI_GO_ON)
		status = run_vm(&options);
	run_settings_free(&options.settings);
	return status;
}

static const char check_help[] =
"usage: vmctl check\n"
"Ask, one after the other, what this machine needs to run guests: the CPU, the firmware,\n"
"the module, the permission. The first answer that is no says what to do. Status 0: it can.\n";

static int cmd_check(int argc, char **argv)
{
	if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		fputs(check_help, stdout);
		return STATUS_OK;
	}
	if (argc > 1) {
		message("check %s: check takes no arguments", argv[1]);
		return usage_error();
	}
	return check_host();
}

static int run_command(int argc, char **argv);

static int cmd_help(int argc, char **argv)
{
	char *command[3] = { argv[1], (char *)"--help" };

	if (argc > 2) {
		message("help %s %s: of one command at a time", argv[1], argv[2]);
		return usage_error();
	}
	if (argc == 2 && *argv[1] != '-')
		return run_command(2, command);
	fputs(help, stdout);
	return STATUS_OK;
}

static int cmd_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("vmctl " VMCTL_VERSION);
	return STATUS_OK;
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "run", cmd_run },
	{ "list", list_command },
	{ "inspect", inspect_command },
	{ "console", console_command },
	{ "screen", screen_command },
	{ "screenshot", screenshot_command },
	{ "pause", pause_command },
	{ "resume", resume_command },
	{ "stop", stop_command },
	{ "reset", reset_command },
	{ "nmi", nmi_command },
	{ "key", key_command },
	{ "wait", wait_command },
	{ "set", set_command },
	{ "attach", attach_command },
	{ "detach", detach_command },
	{ "regs", regs_command },
	{ "disas", disas_command },
	{ "walk", walk_command },
	{ "dump", dump_command },
	{ "events", events_command },
	{ "mem", mem_command },
	{ "overhead", overhead_command },
	{ "stat", stat_command },
	{ "top", top_command },
	{ "trace", trace_command },
	{ "profile", profile_command },
	{ "check", cmd_check },
	{ "help", cmd_help },
	{ "--help", cmd_help },
	{ "-h", cmd_help },
	{ "--version", cmd_version },
};

static int run_command(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (!strcmp(argv[0], commands[i].name))
			return commands[i].run(argc, argv);
	}
	message("%s: no such command", argv[0]);
	return usage_error();
}

/* What is opened next must not become standard input, output or error by accident. */
static void open_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	if (fd > 2)
		close(fd);
}

int main(int argc, char **argv)
{
	int status;

	open_standard_fds();
	if (argc < 2) {
		message("which command?");
		return usage_error();
	}
	status = run_command(argc - 1, argv + 1);
	return !flush_stdout() && status == STATUS_OK ? STATUS_ERROR : status;
}
