// SPDX-License-Identifier: GPL-2.0
/*
 * `vmctl overhead`: the sum over all reasons to leave the guest of frequency times latency, which
 * is what virtualization costs.
 */
#include <stdio.h>
#include <stdlib.h>

#include "accounts.h"
#include "cli.h"
#include "json.h"
#include "message.h"
#include "options.h"
#include "overhead.h"
#include "svg.h"

static const char help[] =
"usage: vmctl overhead [--interval SECONDS] [--keys] [--json | --svg FILE] NAME\n"
"Show what a VM's exits cost beside the guest's own time: for each reason how many\n"
"there were, and how long one took between guest and host and back (SWITCH), in\n"
"the kernel and in user space; what that comes to, and its share of the time in the\n"
"guest. Of all its virtual CPUs together.\n"
"\n"
"  --interval SECONDS  within that time from now, up to 3600, with fractions;\n"
"                      0, the default: since it started\n"
"  --keys      what tells exits of one reason apart, too: I/O ports, MSRs, pages of\n"
"              MMIO, hypercalls; the most frequent ones. Each virtual CPU counts 32\n"
"              of a kind: <= is a count that may be too high, >= one that may be too\n"
"              low (within an interval), ~ one that may be either\n"
"  --json      an object with all of it, and with histograms of the latencies\n"
"  --svg FILE  a chart instead, into a file\n";

static const struct {
	const char *title, *json, *format;
} kinds[SVMM_KEYS] = {
	[SVMM_KEY_PORT] = { "PORT", "ports", "%lxh" },
	[SVMM_KEY_MSR] = { "MSR", "msrs", "%lxh" },
	[SVMM_KEY_MMIO] = { "MMIO PAGE", "mmio_pages", "%lxh" },
	[SVMM_KEY_HYPERCALL] = { "HYPERCALL", "hypercalls", "%lu" },
};

static double share(double ns, const struct vm_accounts *sum)
{
	double guest = sum->ns[SVMM_PHASE_GUEST];

	return guest ? ns / guest : 0;
}

static void print_line(const char *name, uint64_t count, const double ns[SVMM_PHASES],
		       const struct vm_accounts *sum)
{
	double cost = ns[SVMM_PHASE_SWITCH] + ns[SVMM_PHASE_KERNEL] + ns[SVMM_PHASE_USER];
	double each = count ? 1.0 / count : 0;
	char a[16], b[16], c[16], d[16], e[16], of_guest[16] = "-";

	if (sum->ns[SVMM_PHASE_GUEST])
		snprintf(of_guest, sizeof(of_guest), "%.2f%%", share(cost, sum) * 100);
	printf("%-16s %10lu %10.1f %9s %9s %9s %9s %9s %9s\n", name, count,
	       sum->wall_ns ? count * 1e9 / sum->wall_ns : 0,
	       show_ns(ns[SVMM_PHASE_SWITCH] * each, a), show_ns(ns[SVMM_PHASE_KERNEL] * each, b),
	       show_ns(ns[SVMM_PHASE_USER] * each, c), show_ns(cost * each, d), show_ns(cost, e),
	       of_guest);
}

static void print_key(const struct key_accounts *k, int kind)
{
	const char *mark = k->error ? k->at_least ? "~" : "<=" : k->at_least ? ">=" : "";
	char text[32], count[32], a[16], b[16];

	snprintf(text, sizeof(text), kinds[kind].format, k->key);
	snprintf(count, sizeof(count), "%s%lu", mark, k->count);
	printf("%-16s %10s %9s %9s\n", text, count,
	       show_ns(k->count > k->error ? k->ns / (k->count - k->error) : 0, a),
	       show_ns(k->ns, b));
}

static void print_keys(const struct vm_accounts *sum, int kind)
{
	const unsigned int nr = sum->nr_keys[kind];

	if (!nr)
		return;
	printf("\n%-16s %10s %9s %9s\n", kinds[kind].title, "COUNT", "LATENCY", "TOTAL");
	for (unsigned int i = 0; i < nr && i < SVMM_STATS_KEYS; i++)
		print_key(&sum->keys[kind][i], kind);
	if (nr > SVMM_STATS_KEYS)
		printf("and %u more\n", nr - SVMM_STATS_KEYS);
}

static void print_table(const struct show_options *options, const struct vm_accounts *sum)
{
	char guest[16], halted[16], wall[16], name[EXIT_NAME_MAX];

	printf("%s: %u vCPU%s for %s, %s in the guest, %s halted\n\n", options->name, sum->vcpus,
	       sum->vcpus == 1 ? "" : "s", show_ns(sum->wall_ns, wall),
	       show_ns(sum->ns[SVMM_PHASE_GUEST], guest), show_ns(sum->halted_ns, halted));
	printf("%-16s %10s %10s %9s %9s %9s %9s %9s %9s\n", "EXIT", "COUNT", "PER-SEC", "SWITCH",
	       "KERNEL", "USER", "LATENCY", "TOTAL", "OF-GUEST");
	for (unsigned int i = 0; i < sum->nr_reasons; i++)
		if (reason_shown(&sum->reason[i]))
			print_line(exit_code_name(sum->reason[i].code, name), sum->reason[i].count,
				   sum->reason[i].ns, sum);
	print_line("all", sum->exits, sum->ns, sum);
	for (int kind = 0; options->keys && kind < SVMM_KEYS; kind++)
		print_keys(sum, kind);
}

static void add_phases(struct json_object *to, const double ns[SVMM_PHASES],
		       const struct vm_accounts *sum)
{
	double cost = ns[SVMM_PHASE_SWITCH] + ns[SVMM_PHASE_KERNEL] + ns[SVMM_PHASE_USER];

	json_add_number(to, "guest_ns", ns[SVMM_PHASE_GUEST]);
	json_add_number(to, "switch_ns", ns[SVMM_PHASE_SWITCH]);
	json_add_number(to, "kernel_ns", ns[SVMM_PHASE_KERNEL]);
	json_add_number(to, "user_ns", ns[SVMM_PHASE_USER]);
	json_add_number(to, "overhead_ns", cost);
	json_object_object_add(to, "share_of_guest", sum->ns[SVMM_PHASE_GUEST] ?
			       json_object_new_double(share(cost, sum)) : NULL);
}

static struct json_object *json_reason(const struct reason *r, const struct vm_accounts *sum)
{
	struct json_object *o = json_object_new_object(), *histogram = json_object_new_array();
	char name[EXIT_NAME_MAX];

	json_add_text(o, "reason", exit_code_name(r->code, name));
	json_add_number(o, "exit_code", r->code);
	json_add_number(o, "count", r->count);
	add_phases(o, r->ns, sum);
	for (int i = 0; i < SVMM_STATS_BUCKETS; i++)
		json_object_array_add(histogram, json_object_new_int64(r->histogram[i]));
	json_object_object_add(o, "histogram_log2_ticks", histogram);
	json_object_object_add(o, "histogram_saturated", json_object_new_boolean(r->saturated));
	return o;
}

static struct json_object *json_keys(const struct vm_accounts *sum, int kind)
{
	struct json_object *all = json_object_new_array(), *o;

	for (unsigned int i = 0; i < sum->nr_keys[kind]; i++) {
		const struct key_accounts *k = &sum->keys[kind][i];

		o = json_object_new_object();
		json_add_number(o, "key", k->key);
		json_add_number(o, "count", k->count);
		json_add_number(o, "count_error", k->error);
		json_object_object_add(o, "count_at_least", json_object_new_boolean(k->at_least));
		json_add_number(o, "overhead_ns", k->ns);
		json_object_array_add(all, o);
	}
	return all;
}

static void print_json(const struct show_options *options, const struct vm_accounts *sum)
{
	struct json_object *o = json_object_new_object(), *reasons = json_object_new_array();

	json_add_text(o, "vm", options->name);
	json_add_number(o, "vcpus", sum->vcpus);
	json_add_number(o, "tsc_khz", sum->tsc_khz);
	json_add_number(o, "wall_ns", sum->wall_ns);
	json_add_number(o, "halted_ns", sum->halted_ns);
	json_add_number(o, "stopped_ns", sum->stopped_ns);
	json_add_number(o, "preempted_ns", sum->preempted_ns);
	json_add_number(o, "count", sum->exits);
	add_phases(o, sum->ns, sum);
	for (unsigned int i = 0; i < sum->nr_reasons; i++)
		json_object_array_add(reasons, json_reason(&sum->reason[i], sum));
	json_object_object_add(o, "exits", reasons);
	for (int kind = 0; options->keys && kind < SVMM_KEYS; kind++)
		json_object_object_add(o, kinds[kind].json, json_keys(sum, kind));
	json_print(o, true);
}

int overhead_command(int argc, char **argv)
{
	struct vm_accounts *sum = NULL;
	struct show_options options = { 0 };
	struct accounts accounts;
	int status = show_parse(argc, argv, SHOW_INTERVAL | SHOW_JSON | SHOW_KEYS | SHOW_SVG |
				SHOW_ONE_VM, help, &options);

	if (status != CLI_GO_ON)
		return status;
	if (options.svg && (options.json || options.keys)) {
		message("overhead: --svg is instead of all else; try: vmctl overhead --help");
		return STATUS_USAGE;
	}
	if (options.svg && !svg_possible(options.svg))
		return STATUS_ERROR;
	if (accounts_read(options.name, true, options.interval, &accounts))
		sum = accounts_sum(&accounts);
	accounts_free(&accounts);
	if (!sum)
		return STATUS_ERROR;
	status = STATUS_OK;
	if (options.svg)
		status = overhead_chart(options.svg, options.name, sum) ? STATUS_OK : STATUS_ERROR;
	else if (options.json)
		print_json(&options, sum);
	else
		print_table(&options, sum);
	free(sum);
	return status;
}
