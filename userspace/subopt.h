/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Values of KEY=VALUE parts of an option (getsubopt); a value is NULL where there is no "=".
 */
#ifndef VMCTL_SUBOPT_H
#define VMCTL_SUBOPT_H

#include <stdbool.h>
#include <stdint.h>

/* Return: the place of @value in @words, which a NULL ends, or -1. */
int subopt_word(const char *value, const char * const *words);

/* The rest return whether @value is one; what they fill in is valid only then. */
bool subopt_on_off(const char *value, bool *on);

/* A whole number of @unit bytes, or with a suffix of K, M or G. */
bool subopt_size(const char *value, uint64_t unit, uint64_t max, uint64_t *bytes);

/* Decimal, without a sign or zeroes in front. */
bool subopt_number(const char *value, unsigned long min, unsigned long max, unsigned long *n);

#endif
