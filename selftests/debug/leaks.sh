#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 120
#
# Nothing has leaked: the debug kernel's kmemleak looks through all memory, once with the module
# loaded and once without. check-debug has it run behind all other tests of a host, so that it is
# their leaks that it finds, also those of module instances that are gone.

kmemleak=/sys/kernel/debug/kmemleak
[ -w $kmemleak ] || { echo "1..0 # SKIP this kernel has no kmemleak"; exit 4; }
failed=0

# An object is reported if it is 5 s old and has not changed since the scan before, if there was one.
scan()
{
	sleep 6
	echo scan >$kmemleak
	cat $kmemleak >/tmp/leaks
	if [ -s /tmp/leaks ]; then
		sed 's/^/# /' /tmp/leaks | head -n 200
		echo "not ok $1 $2"
		failed=1
	else
		echo "ok $1 $2"
	fi
	echo clear >$kmemleak
}

echo "1..2"
echo scan >$kmemleak
scan 1 "no leak with the module loaded"
rmmod svmm
scan 2 "no leak with the module unloaded"
exit $failed
