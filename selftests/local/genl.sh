#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 100
#
# The netlink family as a tool that knows nothing of it sees it: iproute2's genl.

. selftests/lib/tap.sh

echo "1..4"
scripts/amdhost --with genl --timeout 80 -- sh -c '
	genl ctrl get name svmm; rmmod svmm; genl ctrl get name svmm || echo gone' \
	>"$tmp/out" 2>"$tmp/err" </dev/null
grep -q 'Name: svmm' "$tmp/out" && grep -q 'Version: 0x1' "$tmp/out"
result $? "name and version"
[ "$(grep -c '#[0-9]*:  ID-0x[1-9a-f]' "$tmp/out")" -ge 4 ]
result $? "commands"
sed -n '/multicast groups:/,$p' "$tmp/out" | grep -q 'name: events'
result $? "the multicast group"
[ "$(tail -n 1 "$tmp/out")" = gone ]
result $? "gone with the module"
exit $failed
