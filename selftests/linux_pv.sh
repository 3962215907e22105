#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# hosts: epyc-6.1
# timeout: 180
#
# Debian's kernel, unmodified, uses each paravirtual feature that it is offered: its log says so,
# its steal time grows, the module's counters move. Without the CPUID bits none of that happens.

log=$(mktemp)
trap 'rm -f "$log"' EXIT
n=0
failed=0
result()
{
	n=$((n + 1))
	[ "$1" -eq 0 ] && { echo "ok $n $2"; return; }
	grep -E 'kvm|vmctl:|^pv:' "$log" | tail -n 40 | sed 's/^/# /'
	echo "not ok $n $2"
	failed=1
}

# Four CPUs, all busy for a while, on two of the host: each waits for its turn.
work='for i in 1 2 3 4; do timeout 3 yes >/dev/null & done; wait'
# Then Linux patches its own code and makes all other CPUs notice, by an interrupt to each. It would
# use the shorthand for that, and hypercalls for a list of CPUs only: no_ipi_broadcast makes it one.
work="$work; for i in 1 0 1 0; do echo \$i >/proc/sys/kernel/sched_schedstats; done"
report='grep ^cpu /proc/stat | sed s/^/pv:/; dmesg | grep kvm'
linux()
{
	vmctl run --kernel out/guest/vmlinuz --initrd out/guest/initrd.img --mem 256M --cpus 4 \
		--counters --append "console=ttyS0 no_ipi_broadcast=1 svmm.run=\"$work; $report\"" "$@" \
		2>&1 </dev/null | tr -d '\r' >"$log"
	grep -q '^svmm.run: status 0$' "$log"
}
has() { grep -q "$1" "$log"; }
steal() { sed -n 's/^pv:cpu  *//p' "$log" | cut -d' ' -f8; }
# The sum over all vCPUs of what follows a word in vmctl's counters
count()
{
	sed -n "s/^vmctl: vCPU.* $1 \([0-9]*\).*/\1/p" "$log" |
		awk '{ sum += $1 } END { print sum + 0 }'
}

echo "1..14"
linux
result $? "a guest with 4 CPUs"
has 'kvm-clock: Using msrs 4b564d01 and 4b564d00'
result $? "clock"
has 'kvm-guest: PV spinlocks enabled'
result $? "spinlocks"
has 'kvm-guest: setup PV IPIs'
result $? "IPIs"
has 'kvm-guest: KVM setup pv remote TLB flush'
result $? "TLB flush"
has 'kvm-guest: setup PV sched yield'
result $? "yield"
[ "$(steal)" -gt 20 ]
result $? "stolen: $(steal) ticks in /proc/stat"
[ "$(count 'stolen')" -gt 200000 ]
result $? "and $(count 'stolen') us by the module"
[ "$(count 'EOIs')" -gt 500 ]
result $? "interrupts that ended without an exit: $(count 'EOIs')"
[ "$(count 'IPIs')" -gt 0 ]
result $? "interrupts sent by hypercall: $(count 'IPIs')"

none=-kvm-pv-tlb-flush,-kvm-steal-time,-kvm-pv-eoi,-kvm-pv-ipi,-kvm-pv-unhalt
linux --cpu host,$none,-kvm-pv-sched-yield
result $? "the same without"
has 'kvm-clock: Using msrs' && ! has 'kvm-guest:.*setup' && ! has 'PV spinlocks enabled'
result $? "the log names none but the clock"
[ "$(steal)" -eq 0 ] && [ "$(count stolen)" -eq 0 ]
result $? "nothing is stolen"
[ "$(count EOIs)" -eq 0 ] && [ "$(count IPIs)" -eq 0 ] && [ "$(count unhalts)" -eq 0 ] &&
	[ "$(count yields)" -eq 0 ] && [ "$(count flushes)" -eq 0 ]
result $? "no paravirtual call"
exit $failed
