# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# For check-long's scripts that have sourced tap.sh: guests with Debian 12 as it is installed, which
# one uses as a user does, at the login prompt of the serial port. Their disk is the emulated host's
# /dev/vda, which nobody writes, and /dev/vdb, which is the same to begin with and then what the last
# guest has left. It knows no test.

shown="console err"
name=$(basename "$0" .sh)
modprobe virtio_blk
for _ in $(seq 50); do
	[ ! -e /dev/vdb ] || break
	usleep 100000
done
[ -e /dev/vdb ] && [ -e out/long/vmlinuz-debian ] || {
	echo "1..0 # SKIP no disk with Debian 12; as root: scripts/build-guest debian"
	exit 4
}

# image FILE: a qcow2 image, which has what differs from the disk
image() { qemu-img create -q -f qcow2 -b /dev/vda -F raw "$1"; }

# boot OPTION ... : a guest in the background, its PID in $guest; what its console says goes to
# $tmp/raw, and what is written to descriptor 3 is typed there.
boot()
{
	[ -e "$tmp/keys" ] || mkfifo "$tmp/keys"
	exec 3<>"$tmp/keys"
	: >"$tmp/raw"
	vmctl run --name "$name" --kernel out/long/vmlinuz-debian --initrd out/long/debian.img \
		--mem 384M --cpus 2 --append "console=ttyS0 quiet root=/dev/vda rw" "$@" \
		<"$tmp/keys" >"$tmp/raw" 2>"$tmp/err" &
	guest=$!
}

# What it has said by now, without what is for terminals
escape=$(printf '\033')
read_console() { tr -d '\r' <"$tmp/raw" | sed "s/$escape\[[0-9;?]*[a-zA-Z]//g" >"$tmp/console"; }
said() { read_console; grep -q -e "$1" "$tmp/console"; }
# What it said behind a word at the beginning of a line
value() { read_console; sed -n "s/^$1 //p" "$tmp/console"; }

# wait_said SECONDS WORDS: until it says so
wait_said()
{
	until=$(($(date +%s) + $1))
	until said "$2"; do
		[ "$(date +%s)" -lt $until ] && kill -0 "$guest" 2>/dev/null || return 1
		sleep 2
	done
}

# log_in SECONDS: from the first prompt to the shell's
log_in() { wait_said "$1" 'login: $' && echo root >&3 && wait_said 300 '^root@.*# $'; }

# script FILE: what is on standard input, as an image for a disk of the guest's
script() { { cat; yes ''; } 2>/dev/null | head -c 16384 >"$1"; }

# run DISK SECONDS: the guest's shell does what is on its DISK; the status is the script's
runs=0
run()
{
	runs=$((runs + 1))
	echo "sh $1; echo script $runs status \$?" >&3
	wait_said "$2" "^script $runs status [0-9]" && return "$(value "script $runs status")"
}
