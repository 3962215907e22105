#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 180
#
# vmctl top on a terminal, tmux's, whose screen is looked at: a guest that only computes and one that
# only sleeps, keys, a change of the window's size, and an end that leaves the terminal as it was.

. selftests/lib/tap.sh
shown=screen
mux="tmux -f /dev/null -L svmm-top-$$"
clean() { $mux kill-server 2>/dev/null; }

# The screen comes to have a line of that pattern, while there is a screen.
shows()
{
	for i in $(seq $((60 * ${SLOWDOWN:-1}))); do
		$mux capture-pane -p >"$tmp/screen" || return
		grep -qE "$1" "$tmp/screen" && return
		sleep 1
	done
	return 1
}

cat >"$tmp/host" <<'END'
printf '\353\376' >/tmp/loop
printf '\364\353\375' >/tmp/sleep
vmctl run --flat /tmp/loop --mem 1M --name busy --console none </dev/null &
vmctl run --flat /tmp/sleep --mem 1M --name idle --console none </dev/null &
sleep 2
vmctl top --interval 0.5
echo "status $?"
stty -a | grep -qw -- -echo || echo it echoes
sleep 1000
END

echo "1..8"
$mux new-session -d -x 100 -y 16 "scripts/amdhost --timeout 170 -- sh -c '$(sed "s/'/'\\\\''/g" "$tmp/host")'"
shows '^[0-9:]{8}  VMs 2  vCPUs 2  exits/s [0-9]+  every 0.5 s'
result $? "what there is"
shows '^busy +0 running +[0-9]+  g{40}'
result $? "one is in the guest"
shows '^idle +0 halted +[0-9]+  \.{50,53}$'
result $? "one is halted"
grep -q '^g guest .*s switch .*k kernel .*u user .*q quit' "$tmp/screen"
result $? "a legend"
$mux send-keys -- -
shows 'every 1.0 s'
result $? "a key makes the interval longer"
$mux send-keys e
shows '^busy' && [ "$(grep -nE '^(busy|idle)' "$tmp/screen" | cut -d: -f2 | cut -c1-4 | head -n 1)" = busy ]
result $? "sorted by exits"
$mux resize-window -x 120 -y 16
shows '^idle +0 halted +[0-9]+  \.{70,73}$'
result $? "a wider window has longer bars"
$mux send-keys q
shows '^status 0' && shows '^it echoes'
result $? "q ends it, and the terminal is as it was"
exit $failed
