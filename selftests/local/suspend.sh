#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# only: check-long
# timeout: 240
#
# A host that sleeps with a guest running: host_events.sh, on a host whose CPU 0 is not kept apart,
# since Linux could not take all others down then. The guest stays away from CPU 0 nevertheless.
# It takes a host on idle CPU time long to fall asleep.

cd "$(dirname "$0")/../.." || exit
scripts/amdhost --all-cpus --timeout 220 -- env SLEEP_S=20 taskset -c 1,2 selftests/host_events.sh
