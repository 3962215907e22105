# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Guests with disks, for test scripts that have sourced tap.sh: what the guest executes is a script
# on its first disk, so that no command line is too short for it. It knows no image.

shown="out err refused"

# guest OPTIONS... : in the background, its PID in $guest, its console in $tmp/out; the script is
# stdin, its status the guest's "status: " line. $append: more for its kernel.
guest()
{
	{ cat; yes ''; } 2>/dev/null | dd of="$tmp/script" bs=16k count=1 iflag=fullblock 2>/dev/null
	vmctl run --kernel out/guest/vmlinuz --initrd out/guest/devices.img --mem 192M \
		--append "console=ttyS0 quiet svmm.quiet svmm.run=\"sh /dev/vda\" $append" \
		--disk "$tmp/script,readonly=on" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null &
	guest=$!
}

# The same, to its end. Status: vmctl's.
run_guest()
{
	guest "$@"
	wait "$guest"
}

said() { tr -d '\r' <"$tmp/out" | grep -q -- "$1"; }
# What the guest said behind a word at the beginning of a line.
value() { tr -d '\r' <"$tmp/out" | sed -n "s/^$1 //p"; }
# wait_said WORDS: until it says so, for a minute at most
wait_said()
{
	for _ in $(seq 300); do
		! said "$1" || return 0
		kill -0 "$guest" 2>/dev/null || return 1
		usleep 200000
	done
	return 1
}

# refused STATUS WORDS OPTIONS...: vmctl says so and ends, without a guest
refused()
{
	wanted=$1
	words=$2
	shift 2
	timeout 60 vmctl run --kernel out/guest/vmlinuz --mem 64M "$@" >"$tmp/none" \
		2>"$tmp/refused" </dev/null
	[ $? -eq "$wanted" ] && grep -q -- "^vmctl: .*$words" "$tmp/refused" && [ ! -s "$tmp/none" ]
	result $? "refused: $words"
}
