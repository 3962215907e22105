#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Libraries that vmctl loads when it calls them: a program that is built as vmctl is, with a library
# of its own, calls functions with arguments in all registers and on the stack. vmctl itself is linked
# with none of those libraries, and an ordinary link of it, whose dependencies Debian's package has,
# with all.

. selftests/lib/tap.sh

echo "1..6"
cat >"$tmp/given.c" <<'END'
#include <stdarg.h>
#include <stdio.h>

double first(long a, int b, long c, int d, long e, char f, double g, float h, double i, double j,
	     double k, double l, double m, double n, double o, const char *p)
{
	printf("%ld %d %ld %d %ld %c %g %g %g %g %g %g %g %g %g %s\n", a, b, c, d, e, f, g, h, i,
	       j, k, l, m, n, o, p);
	return g / 2;
}

int many(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	return vprintf(format, args);
}
END
cat >"$tmp/calls.c" <<'END'
#include <stdio.h>

#include "message.h"

double first(long a, int b, long c, int d, long e, char f, double g, float h, double i, double j,
	     double k, double l, double m, double n, double o, const char *p);
int many(const char *format, ...);

/* What lazy.c has of vmctl. */
void message(const char *format, ...)
{
	printf("failed\n");
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return many("%d %s %g\n", 7, "words", 1.5);
	printf("%g\n", first(-1, 2, 1L << 40, -4, 5, '6', 7.5, 8, 9, 10, 11, 12, 13, 14, 15, "end"));
	return many("%d %s %g\n", 7, "words", 1.5);
}
END
(
	set -e
	export LIBRARY_PATH="$tmp"
	gcc -shared -fPIC -Wl,-soname,libgiven.so.1 -o "$tmp/libgiven.so" "$tmp/given.c"
	ln -s libgiven.so "$tmp/libgiven.so.1"
	gcc -Iuserspace -c -o "$tmp/calls.o" "$tmp/calls.c"
	CC=gcc userspace/lazy/functions "$tmp/calls.o" given >"$tmp/functions.S"
	gcc -D_GNU_SOURCE -Iuserspace -Iuapi -o "$tmp/calls" "$tmp/calls.o" "$tmp/functions.S" \
		userspace/lazy.c userspace/library.c
) >"$tmp/out" 2>"$tmp/err"
result $? "a program is built"

LD_LIBRARY_PATH=$tmp "$tmp/calls" >"$tmp/out" 2>"$tmp/err"
[ $? -eq 12 ] && [ "$(cat "$tmp/out")" = "-1 2 1099511627776 -4 5 6 7.5 8 9 10 11 12 13 14 15 end
3.75
7 words 1.5" ]
result $? "what it calls gets its arguments"
LD_LIBRARY_PATH=$tmp "$tmp/calls" many >"$tmp/out" 2>"$tmp/err"
[ $? -eq 12 ] && [ "$(cat "$tmp/out")" = "7 words 1.5" ]
result $? "so does a function of any number of them"
"$tmp/calls" >"$tmp/out" 2>"$tmp/err"
[ $? -eq 1 ] && [ "$(cat "$tmp/out")" = failed ]
result $? "without the library it ends"

# needed PROGRAM: the libraries that it is linked with
needed() { objdump -p "$1" | awk '$1 == "NEEDED" { print $2 }' | sort; }
needed out/vmctl >"$tmp/out" 2>"$tmp/err"
[ "$(cat "$tmp/out")" = "libc.so.6
libjson-c.so.5" ]
result $? "vmctl is linked with what a VM needs"
make -C userspace linked >/dev/null 2>"$tmp/err" && needed out/vmctl-linked >"$tmp/out"
[ "$(grep -c -e libnl -e libncursesw -e libtinfo -e libelf -e liburing -e libpng "$tmp/out")" = 8 ]
result $? "the link for Debian's package has all"
exit $failed
