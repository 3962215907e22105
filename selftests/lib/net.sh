# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What scripts about a guest's network share; they source it: a bridge br9 of the host, Linux guests
# whose tasks are scripts/guest/net's, and who plays their peers.

. selftests/lib/tap.sh
shown="out err vm"
host=10.9.0.1
guest=10.9.0.2
mem=160M
image=out/guest/devices.img
mode=$(stat -c %a /dev/svmm)
exit=/tmp/net.exit			# where nobody may read it
away=
clean()
{
	[ -z "$(jobs -p)" ] || kill $(jobs -p) 2>/dev/null
	for link in tap8 tap9 br9; do ip link del $link; done
	rm -f $exit
	[ ! -e /dev/away ] || mv /dev/away "$away"
	chmod "$mode" /dev/svmm
} >/dev/null 2>&1

# linux TASKS COMMAND ...: a guest does that; what it says goes to $tmp/vm. Who plays its peers is in
# the background, and waits for it no longer than it lives.
linux()
{
	append="console=ttyS0 quiet svmm.quiet svmm.run=\"$1\""
	shift
	"$@" --kernel out/guest/vmlinuz --initrd $image --mem $mem --cpus ${CPUS:-2} \
		--append "$append" </dev/null >"$tmp/raw" 2>&1
	status=$?
	tr -d '\r' <"$tmp/raw" >"$tmp/vm"
	if [ $status -eq 0 ] && grep -q '^svmm.run: status 0$' "$tmp/vm"; then
		wait
	else
		kill $(jobs -p)
		return 1
	fi
}
# What the guest said of a task, each time
said() { sed -n "s/^net: $1//p" "$tmp/vm" | tr '\n' ';'; }
# Wait until it does.
says() { until grep -q "^net: $1" "$tmp/raw" 2>/dev/null; do usleep 200000; done; }

# make_data BYTES: what goes each way
make_data()
{
	head -c "$1" /dev/urandom >"$tmp/data"
	mkfifo "$tmp/silence"
	sum=$(md5sum <"$tmp/data" | cut -d' ' -f1)
}
# serve PORT: the data to who comes; take PORT: what comes, its sum to $tmp/sum. nc ends when the
# other side has nothing more to say, so who only listens has an input without an end.
serve() { nc -l -p "$1" <"$tmp/data" >/dev/null & }
take() { nc -l -p "$1" <>"$tmp/silence" | md5sum | cut -d' ' -f1 >"$tmp/sum" & }

vmctl=$(command -v vmctl)
as_root() { "$vmctl" run "$@"; }
as_nobody()
{
	line=
	for word; do line="$line '$word'"; done
	su nobody -s /bin/sh -c "exec $vmctl run $line"
}

for module in tun bridge vhost_net; do modprobe $module; done
chmod 666 /dev/net/tun			# as udev has it
ip link add br9 type bridge
ip address add $host/24 dev br9
ip link set br9 up
