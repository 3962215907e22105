/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Options that are a list, FIRST,KEY=VALUE,..., and the values in them.  It knows no option.
 */
#ifndef VMCTL_SUBOPT_H
#define VMCTL_SUBOPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct subopt_rules - what an option may have behind commas
 * @keys: the names, which a NULL ends; the array is as getsubopt() wants it
 * @set: take @value, NULL where there is no "=", of key @key, its place in @keys, or -1: it is none
 *	of them.  Return: whether that is right; *@wanted is what would be, in any case
 * @first: what has to come first, said where it is missing
 */
struct subopt_rules {
	char * const *keys;
	bool (*set)(void *opaque, int key, char *value, const char **wanted);
	const char *first;
};

/*
 * All of KEY=VALUE,..., which is cut up; NULL is none.  Return: whether it is right; else *@wanted
 * is what would be.
 */
bool subopt_each(char *text, const struct subopt_rules *rules, void *opaque, const char **wanted);

/*
 * FIRST[,KEY=VALUE,...].  Return: a copy of @text that begins with FIRST, to be freed; or NULL,
 * with the reason in @why of @bytes.  Values point into the copy.
 */
char *subopt_parse(const char *text, const struct subopt_rules *rules, void *opaque, char *why,
		   size_t bytes);

/* Return: the place of @value in @words, which a NULL ends, or -1. */
int subopt_word(const char *value, const char * const *words);

/* The rest return whether @value is one; what they fill in is valid only then. */
bool subopt_on_off(const char *value, bool *on);

/* A whole number of @unit bytes, or with a suffix of K, M or G. */
bool subopt_size(const char *value, uint64_t unit, uint64_t max, uint64_t *bytes);

/* Of what firmware boots from: *@order is 1 for bootindex=0, and so on. */
#define SUBOPT_BOOTINDEX	"bootindex is a number, 0 (which boots first) to 99"
#define SUBOPT_BOOT_ORDER_MAX	100u
bool subopt_bootindex(const char *value, unsigned int *order);

/* Decimal, without a sign or zeroes in front. */
bool subopt_number(const char *value, unsigned long min, unsigned long max, unsigned long *n);

#endif
