// SPDX-License-Identifier: GPL-2.0
/*
 * integer ROUNDS: the integer loop of the VM matrix: a sieve, a sort of what is left, and a CRC of
 * all of it. The same rounds print the same sum everywhere.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBERS	262144
#define PRIMES	23000		/* at most; below NUMBERS there are exactly 23000 */

static uint8_t composite[NUMBERS];
static uint32_t values[PRIMES];

static uint32_t crc(uint32_t sum, const void *data, size_t bytes)
{
	for (const uint8_t *p = data; bytes--; p++) {
		sum ^= *p;
		for (unsigned int bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ (sum & 1 ? 0xedb88320 : 0);
	}
	return sum;
}

static unsigned int sieve(uint32_t seed)
{
	unsigned int n = 0;

	memset(composite, 0, sizeof(composite));
	for (unsigned int i = 2; i < NUMBERS; i++) {
		if (composite[i])
			continue;
		if (n < PRIMES)
			values[n] = i * (seed | 1);	/* in an order of the round's own */
		n++;
		for (uint64_t j = (uint64_t)i * i; j < NUMBERS; j += i)
			composite[j] = 1;
	}
	return n;
}

/* Shell's: all its work is done here, none in the C library. */
static void sort(unsigned int n)
{
	for (unsigned int gap = n / 2; gap; gap /= 2) {
		for (unsigned int i = gap; i < n; i++) {
			uint32_t v = values[i];
			unsigned int at = i;

			for (; at >= gap && values[at - gap] > v; at -= gap)
				values[at] = values[at - gap];
			values[at] = v;
		}
	}
}

int main(int argc, char **argv)
{
	unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
	uint32_t sum = ~0U;

	for (unsigned long round = 0; round < rounds; round++) {
		unsigned int n = sieve(sum);

		sum = crc(sum, &n, sizeof(n));
		sort(n < PRIMES ? n : PRIMES);
		sum = crc(sum, values, sizeof(values));
	}
	printf("%08x\n", (unsigned int)~sum);
	return 0;
}
