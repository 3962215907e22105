// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cli.h"
#include "message.h"
#include "options.h"

#define MAX_INTERVAL_S	3600.0
#define MAX_TIMEOUT_S	86400
#define MAX_VCPU	63u

static int usage_error(const char *command)
{
	message("try: vmctl %s --help", command);
	return STATUS_USAGE;
}

/* getopt's table of what a command takes. */
static void known_options(unsigned int takes, struct option known[8])
{
	unsigned int n = 0;

	if (takes & SHOW_INTERVAL)
		known[n++] = (struct option){ "interval", required_argument, NULL, 'i' };
	if (takes & SHOW_JSON)
		known[n++] = (struct option){ "json", no_argument, NULL, 'j' };
	if (takes & SHOW_KEYS)
		known[n++] = (struct option){ "keys", no_argument, NULL, 'k' };
	if (takes & SHOW_SVG)
		known[n++] = (struct option){ "svg", required_argument, NULL, 's' };
	if (takes & SHOW_TIMEOUT)
		known[n++] = (struct option){ "timeout", required_argument, NULL, 't' };
	if (takes & SHOW_VCPU)
		known[n++] = (struct option){ "vcpu", required_argument, NULL, 'v' };
	known[n++] = (struct option){ "help", no_argument, NULL, 'h' };
	known[n] = (struct option){ 0 };
}

static int check_words(const char *command, unsigned int takes, int nr)
{
	if (takes & SHOW_ALL_VMS && nr)
		message("%s: it takes no name", command);
	else if (nr > 1 && !(takes & (SHOW_VALUES | SHOW_WORDS | SHOW_FILE)))
		message("%s: of one VM at a time", command);
	else if (takes & SHOW_ONE_VM && !nr)
		message("%s: of which VM? vmctl list shows their names", command);
	else if (takes & SHOW_VALUES && nr < 2)
		message("%s: what? give KEY=VALUE", command);
	else if (takes & SHOW_FILE && nr != 2)
		message("%s: give one file behind the VM's name", command);
	else
		return CLI_GO_ON;
	return usage_error(command);
}

static bool parse_interval(const char *text, double *seconds)
{
	char *end;

	*seconds = strtod(text, &end);
	if (end != text && !*end && *seconds >= 0 && *seconds <= MAX_INTERVAL_S)
		return true;
	message("--interval: give seconds, 0 to 3600");
	return false;
}

static bool parse_timeout(const char *text, unsigned int *seconds)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	*seconds = n;
	if (isdigit((unsigned char)*text) && !*end && n <= MAX_TIMEOUT_S)
		return true;
	message("--timeout: give whole seconds, 0 to 86400");
	return false;
}

static bool parse_vcpu(const char *text, unsigned int *vcpu)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	*vcpu = n;
	if (isdigit((unsigned char)*text) && !*end && n <= MAX_VCPU)
		return true;
	message("--vcpu: give a number, 0 to %u", MAX_VCPU);
	return false;
}

int show_parse(int argc, char **argv, unsigned int takes, const char *help,
	       struct show_options *options)
{
	const char *command = argv[0];
	struct option known[8];
	int option;

	known_options(takes, known);
	argv[0] = (char *)"vmctl";	/* getopt starts its messages with it */
	while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		switch (option) {
		case 'i':
			if (!parse_interval(optarg, &options->interval))
				return usage_error(command);
			break;
		case 'j':
			options->json = true;
			break;
		case 'k':
			options->keys = true;
			break;
		case 's':
			options->svg = optarg;
			break;
		case 't':
			if (!parse_timeout(optarg, &options->timeout))
				return usage_error(command);
			break;
		case 'v':
			if (!parse_vcpu(optarg, &options->vcpu))
				return usage_error(command);
			break;
		case 'h':
			fputs(help, stdout);
			return STATUS_OK;
		default:
			return usage_error(command);
		}
	}
	options->name = argv[optind];
	if (options->name)
		options->values = argv + optind + 1;
	return check_words(command, takes, argc - optind);
}

double now_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

const char *show_ns(double ns, char text[16])
{
	static const char * const unit[] = { "ns", "us", "ms", "s" };
	unsigned int i = 0;

	/* As it is rounded below. */
	for (; ns >= (i ? 999.95 : 999.5) && i < 3; i++)
		ns /= 1000;
	if (!ns)
		return "-";
	snprintf(text, 16, i ? "%.1f%s" : "%.0f%s", ns, unit[i]);
	return text;
}

const char *show_bytes(uint64_t bytes, char text[16])
{
	static const char unit[] = "KMGT";
	double n = bytes / 1024.0;
	unsigned int i = 0;

	for (; n >= 1023.95 && i < 3; i++)
		n /= 1024;
	snprintf(text, 16, n == (uint64_t)n ? "%.0f%c" : "%.1f%c", n, unit[i]);
	return text;
}
