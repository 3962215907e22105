# SPDX-License-Identifier: GPL-2.0
#
# For check-long's scripts, which source it: starts guests of out/long with a deadline, and judges
# what they wrote. Each line of a guest's console is kept with the host's time of its arrival, so
# that the guest's clock can be held against another one.

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0
failed=0
CPUS=${CPUS:-4}

# run_guest NAME LIMIT KERNEL MEM WORKLOAD...: its console goes to $tmp/NAME, its status is ours
run_guest()
{
	name=$1 limit=$2 kernel=$3 mem=$4
	shift 4
	{
		timeout -k 5 "$limit" vmctl run --name "$name" --kernel "$kernel" \
			--initrd out/long/initrd.img --mem "$mem" --cpus "$CPUS" \
			--append "console=ttyS0 svmm.quiet svmm.run=\"workload $*\"" 2>&1 </dev/null
		echo $? >"$tmp/$name.status"
	} | awk '{ sub(/\r$/, ""); print systime() " " $0; fflush() }' >"$tmp/$name"
	return "$(cat "$tmp/$name.status")"
}

console() { sed 's/^[0-9]* //' "$tmp/$1"; }

# result STATUS NAME TEXT: on a failure the guest's last words
result()
{
	n=$((n + 1))
	[ "$1" -eq 0 ] && { echo "ok $n $3"; return; }
	echo "# $2 ended with status $(cat "$tmp/$2.status" 2>/dev/null); its last lines:"
	console "$2" | tail -n 40 | sed 's/^/# /'
	echo "not ok $n $3"
	failed=1
}

# show NAME PATTERN: the figures, for whoever reads the report
show() { console "$1" | grep -E -- "$2" | sed 's/^/# /'; }

has() { console "$1" | grep -q -E -- "$2"; }

# What no kernel says that gets its CPU time, its interrupts and a steady clock
quiet()
{
	! console "$1" | grep -v hw-vuln | grep -E -e 'rcu.*(stall|starved|detected)' \
		-e 'clocksource.*(watchdog|unstable|skew|Long readout)' -e 'blocked for more than' \
		-e 'task .* hung' -e 'No irq handler for vector' \
		-e 'failed to (boot|online|report)|do_boot_cpu failed' -e 'not responding' -e 'unexpected IRQ trap' -f scripts/host/trouble >"$tmp/bad" &&
		return
	sed 's/^/# complaint: /' "$tmp/bad" | head -n 40
	return 1
}

# The watchdogs were on with the kernel's own limits, from the first moment to the last.
watchdogs()
{
	[ "$(console "$1" | grep -c '^workload: watchdogs soft 1 thresh 10 rcu 21 suppressed 0$')" \
		-eq 2 ]
}

# Between its two clock lines, the guest's clock and the host's went on by the same time. The host's
# side is in seconds, and a line may be long under way on a busy host: 5 s or 5 % are no difference.
clock_kept()
{
	awk '/workload: clock (start|end) / { host[$4] = $1; guest[$4] = $5 }
	END {
		off = (guest["end"] - guest["start"]) - (host["end"] - host["start"])
		printf "# clock: %.1f s in the guest, %d s in the host\n",
			guest["end"] - guest["start"], host["end"] - host["start"]
		allowed = (host["end"] - host["start"]) / 20
		allowed = allowed < 5 ? 5 : allowed
		exit !("end" in guest) || off > allowed || off < -allowed
	}' "$tmp/$1"
}

# bogo_ops NAME STRESSOR...: each of them has a line of metrics with more than no operations
bogo_ops()
{
	guest=$1
	shift
	for s; do
		ops=$(console "$guest" | sed -n "s/^stress-ng: metrc: \[[0-9]*\] $s  *\([0-9]*\) .*/\1/p")
		echo "# $guest: $s ${ops:-no} bogo-ops"
		[ "${ops:-0}" -gt 0 ] || return
	done
}

# all_cpus NAME: Linux counts as many CPUs as the guest was given
all_cpus()
{
	if [ "$CPUS" -eq 1 ]; then range=0; else range=0-$((CPUS - 1)); fi
	has "$1" "^workload: cpus $CPUS online $range "
}
