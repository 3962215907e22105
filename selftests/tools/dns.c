// SPDX-License-Identifier: GPL-2.0
/*
 * dns ADDRESS: a name server on 127.0.0.1, at which every name has that IPv4 address and no other.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define HEADER		12		/* RFC 1035, 4.1.1 */
#define TYPE_A		1

/* Return: where the question of a query of @bytes ends, or 0: it has none. */
static size_t question_end(const uint8_t *query, size_t bytes)
{
	size_t at = HEADER;

	while (at < bytes && query[at])
		at += 1 + query[at];
	at += 1 + 4;			/* the root's label, type and class */
	return at <= bytes ? at : 0;
}

/* Make the query at @m its answer.  Return: its bytes, or 0: it is no query. */
static size_t answer(uint8_t *m, size_t bytes, in_addr_t address)
{
	static const uint8_t record[] = { 0xc0, HEADER, 0, TYPE_A, 0, 1, 0, 0, 0, 60, 0, 4 };
	size_t end = bytes < HEADER ? 0 : question_end(m, bytes);

	if (!end)
		return 0;
	memcpy(m + 2, "\x81\x80\0\1\0\0\0\0\0\0", 10);
	if (m[end - 3] != TYPE_A)
		return end;
	m[7] = 1;
	memcpy(m + end, record, sizeof(record));
	memcpy(m + end + sizeof(record), &address, sizeof(address));
	return end + sizeof(record) + sizeof(address);
}

int main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				 .sin_port = htons(53) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct in_addr address;
	uint8_t m[600];

	if (argc != 2 || inet_pton(AF_INET, argv[1], &address) != 1) {
		fprintf(stderr, "usage: dns ADDRESS\n");
		return 2;
	}
	if (bind(fd, (struct sockaddr *)&a, sizeof(a))) {
		perror("dns");
		return 1;
	}
	for (;;) {
		struct sockaddr_in from;
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, m, 512, 0, (struct sockaddr *)&from, &len);
		size_t bytes = n < 0 ? 0 : answer(m, n, address.s_addr);

		if (bytes)
			sendto(fd, m, bytes, 0, (struct sockaddr *)&from, len);
	}
}
