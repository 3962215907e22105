// SPDX-License-Identifier: GPL-2.0
/*
 * diskread DEVICE COUNT: as many reads of 4 KiB, past the page cache, at places that look random
 * but are the same each time; one after the other. What is read must say where it is from
 * (scripts/bench-disk writes it so). Prints the sum of it all.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <linux/fs.h>
#include <unistd.h>

#define BYTES 4096

int main(int argc, char **argv)
{
	uint64_t size, place = 12345, sum = 0;
	uint64_t *data = aligned_alloc(BYTES, BYTES);
	int fd = argc == 3 ? open(argv[1], O_RDONLY | O_DIRECT) : -1;

	if (fd < 0 || !data || ioctl(fd, BLKGETSIZE64, &size)) {
		perror("diskread");
		return 1;
	}
	for (long i = atol(argv[2]); i; i--) {
		uint64_t page;

		place = place * 6364136223846793005u + 1442695040888963407u;
		page = (place >> 33) % (size / BYTES);
		if (pread(fd, data, BYTES, page * BYTES) != BYTES || data[0] != page) {
			fprintf(stderr, "diskread: page %llu is not what it was\n",
				(unsigned long long)page);
			return 1;
		}
		sum = sum * 31 + data[0];
	}
	printf("%llu\n", (unsigned long long)sum);
	return 0;
}
