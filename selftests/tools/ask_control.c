// SPDX-License-Identifier: GPL-2.0
/*
 * ask_control SOCKET [LINE ...]: connect to a UNIX socket, send each line and print the one that comes
 * back. Without a line: print all that comes, until it ends.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static int copy_line(FILE *from)
{
	int c;

	while ((c = getc(from)) != EOF) {
		putchar(c);
		if (c == '\n')
			return 0;
	}
	return 1;
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	FILE *in, *out;
	int fd;

	if (argc < 2 || strlen(argv[1]) >= sizeof(address.sun_path))
		return 2;
	strcpy(address.sun_path, argv[1]);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		perror(argv[1]);
		return 1;
	}
	in = fdopen(fd, "r");
	out = fdopen(fd, "w");
	if (!in || !out)
		return 2;
	for (int i = 2; i < argc; i++) {
		fprintf(out, "%s\n", argv[i]);
		fflush(out);
		if (copy_line(in))
			return 1;
	}
	while (argc == 2 && !copy_line(in))
		;
	return 0;
}
