/* SPDX-License-Identifier: GPL-2.0 */
/*
 * main() of a fuzzer's target as a unit test: it is given each input of its corpus, and must come
 * back. It knows no target. Included behind the target's source.
 */
#ifndef SELFTESTS_UNIT_FUZZ_REPLAY_H
#define SELFTESTS_UNIT_FUZZ_REPLAY_H

#include <dirent.h>
#include <stdio.h>

#include "tap.h"

#define INPUT_BYTES	4096u		/* of one, at most */

static inline size_t read_input(const char *dir, const char *name, uint8_t *data)
{
	char path[512];
	size_t bytes;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "r");
	if (!f)
		abort();
	bytes = fread(data, 1, INPUT_BYTES, f);
	fclose(f);
	return bytes;
}

/* In memory of just its size, so that nobody reads beyond it. Return: how many there were. */
static inline unsigned int replay(const char *dir)
{
	uint8_t data[INPUT_BYTES], *exact;
	struct dirent *entry;
	unsigned int nr = 0;
	size_t bytes;
	DIR *d = opendir(dir);

	while (d && (entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		bytes = read_input(dir, entry->d_name, data);
		exact = malloc(bytes);
		memcpy(exact, data, bytes);
		/* What it dies of is reported with the input that was the last one named. */
		ksft_print_msg("%s\n", entry->d_name);
		LLVMFuzzerTestOneInput(exact, bytes);
		free(exact);
		nr++;
	}
	if (d)
		closedir(d);
	return nr;
}

/* @name: of the target; from the project's root */
static inline int replay_main(const char *name)
{
	char dir[200];
	unsigned int nr;

	snprintf(dir, sizeof(dir), "selftests/fuzz/corpus/%s", name);
	setbuf(stdout, NULL);
	ksft_print_header();
	ksft_set_plan(1);
	nr = replay(dir);
	ksft_test_result(nr, "%u inputs of %s\n", nr, dir);
	ksft_finished();
	return 0;
}

#endif
