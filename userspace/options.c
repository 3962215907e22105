// SPDX-License-Identifier: GPL-2.0
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "message.h"
#include "options.h"

#define MAX_INTERVAL_S	3600.0

static int usage_error(const char *command)
{
	message("try: vmctl %s --help", command);
	return STATUS_USAGE;
}

int show_parse(int argc, char **argv, const char *help, struct show_options *options)
{
	static const struct option known[] = {
		{ "interval", required_argument, NULL, 'i' },
		{ "json", no_argument, NULL, 'j' },
		{ "keys", no_argument, NULL, 'k' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	const char *command = argv[0];
	int option;
	char *end;

	*options = (struct show_options){ 0 };
	argv[0] = (char *)"vmctl";	/* getopt starts its messages with it */
	while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		switch (option) {
		case 'i':
			options->interval = strtod(optarg, &end);
			if (end == optarg || *end ||
			    !(options->interval > 0 && options->interval <= MAX_INTERVAL_S)) {
				message("--interval: give seconds, up to 3600");
				return usage_error(command);
			}
			break;
		case 'j':
			options->json = true;
			break;
		case 'k':
			options->keys = true;
			break;
		case 'h':
			fputs(help, stdout);
			return STATUS_OK;
		default:
			return usage_error(command);
		}
	}
	if (optind + 1 < argc) {
		message("%s: of one VM at a time", command);
		return usage_error(command);
	}
	options->name = argv[optind];
	return CLI_GO_ON;
}

const char *show_ns(double ns, char text[16])
{
	static const char * const unit[] = { "ns", "us", "ms", "s" };
	unsigned int i = 0;

	for (; ns >= 999.95 && i < 3; i++)
		ns /= 1000;
	if (!ns)
		return "-";
	snprintf(text, 16, i ? "%.1f%s" : "%.0f%s", ns, unit[i]);
	return text;
}
