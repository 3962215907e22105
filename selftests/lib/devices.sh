# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# For scripts that have sourced tap.sh: a guest that does what scripts/guest/devices can. $pid is
# its vmctl, $tmp/out its console; at its steps it waits for a word through its port "step".

talk=out/selftests/tools/talk
pid=
clean() { [ -z "$pid" ] || kill "$pid" 2>/dev/null; }

# begin NAME COMMAND OPTION ...: a guest of that name in the background, whose shell does COMMAND
begin()
{
	append="console=ttyS0 quiet svmm.quiet svmm.run=\"$2\""
	vm=$1
	shift 2
	: >"$tmp/out"		# not what the guest before has said
	vmctl run --kernel out/guest/vmlinuz --initrd out/guest/devices.img --name "$vm" \
		--console "file:$tmp/out" --serial-port "step=unix:$tmp/step" --append "$append" \
		"$@" </dev/null >/dev/null 2>"$tmp/err" &
	pid=$!
}

# how_often LINE: how often it has said that; said LINE: has it? value WORD: what it said behind
# that, the last time
how_often() { tr -d '\r' <"$tmp/out" | grep -c "^devices: $1\$"; }
said() { [ "$(how_often "$1")" -gt 0 ]; }
value() { tr -d '\r' <"$tmp/out" | sed -n "s/^devices: $1 //p" | tail -n 1; }
# step NAME [N]: it has come to that step, for the Nth time; it is given a minute and a half
step()
{
	i=0
	while [ "$(how_often "step $1")" -lt "${2:-1}" ] && [ $i -lt 900 ] &&
	      kill -0 $pid 2>/dev/null; do
		usleep 100000
		i=$((i + 1))
	done
	[ "$(how_often "step $1")" -ge "${2:-1}" ]
}
go_on() { [ "$($talk "unix:$tmp/step" go)" = on ]; }
# ends: the guest's end; the status is in $status
ends() { wait $pid; status=$?; pid=; }
