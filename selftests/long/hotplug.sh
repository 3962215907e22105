#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 900
#
# A guest takes its CPUs 1 to 3 away and brings them back, fifty times, while all of them are busy:
# INIT and SIPI to CPUs that have run, interrupts and timers that move away and return.

. selftests/lib/workload.sh

echo "1..6"
run_guest hotplug 800 out/guest/vmlinuz 384M hotplug 50
result $? hotplug "the guest powered off"
all_cpus hotplug
result $? hotplug "all $CPUS CPUs are online before"
has hotplug "^workload: hotplug 50 times, 0 failed, online 0-$((CPUS - 1))\$"
result $? hotplug "50 times a CPU went and came back"
watchdogs hotplug
result $? hotplug "the guest's watchdogs were on, as its kernel has them"
quiet hotplug
result $? hotplug "none of them, and nothing else, complained"
clock_kept hotplug
result $? hotplug "the guest's clock went with the host's"
show hotplug '^workload: hotplug'
exit $failed
