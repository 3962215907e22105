/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A campaign: random programs against svmm.ko, in the emulated host, for a time or a number of
 * commands. A target says what a command is and executes programs of them; the campaign makes up
 * programs, keeps those that reach code which none before has reached (where the kernel has KCOV),
 * watches, and on a failure finds a short program that fails, and prints it.
 */
#ifndef SELFTESTS_FUZZ_CAMPAIGN_H
#define SELFTESTS_FUZZ_CAMPAIGN_H

#include <stddef.h>
#include <stdint.h>

#define COMMAND_BYTES	32
#define COMMANDS_MAX	48	/* of a program */

struct program {
	uint32_t nr;
	uint8_t command[COMMANDS_MAX][COMMAND_BYTES];
};

/**
 * struct target - what is fuzzed
 * @name: as the program that fuzzes it is called
 * @begin: once in each process that executes programs
 * @execute: one program, from a clean state to a clean state; NULL, or what is wrong, a phrase
 * @describe: a command as text, for people; a NUL within @bytes
 */
struct target {
	const char *name;
	void (*begin)(void);
	const char *(*execute)(const struct program *program);
	void (*describe)(const uint8_t *command, char *text, size_t bytes);
};

/* The options are in its usage(). 0, or 1 if something failed. */
int campaign(const struct target *target, int argc, char **argv);

/* From a target's execute(): so many commands have had their effect. */
void campaign_count(unsigned int commands);

/* A failure's words. */
const char *campaign_wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A pseudo-random number that the argument alone decides. */
static inline uint64_t campaign_mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

#endif
