#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 300
#
# The watchdog under Linux's own driver, which the generic flavour of Debian's kernel has: a guest
# that serves it goes on, one that stops to is reset, and its driver says afterwards why. What the
# guest does is in scripts/guest/serve_watchdog.

. selftests/lib/tap.sh

echo "1..3"
vmctl run --kernel out/long/vmlinuz-generic --initrd out/long/watchdog.img --watchdog reset \
	--append "console=ttyS0 quiet svmm.quiet svmm.run=serve_watchdog" </dev/null 2>"$tmp/err" |
	tr -d '\r' >"$tmp/out"
grep -q '^watchdog: identity i6300ESB timer$' "$tmp/out"
result $? "Linux has a driver for it"
grep -q '^watchdog: served$' "$tmp/out" && grep -q '^watchdog: bootstatus 0$' "$tmp/out"
result $? "a guest that serves it goes on"
grep -q 'has not served its watchdog: reset' "$tmp/err" && ! grep -q 'alive' "$tmp/out" &&
	[ "$(grep '^watchdog: bootstatus' "$tmp/out" | tail -n 1)" = "watchdog: bootstatus 32" ]
result $? "one that does not is reset, and knows why"
exit $failed
