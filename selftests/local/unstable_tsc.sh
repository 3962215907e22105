#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 300
# only: check-long
#
# A host that does not trust its TSC: guests are not told that it is invariant, their clock pages
# follow the CPU, and time goes on as well as it can.

cd "$(dirname "$0")/../.." || exit
exec scripts/amdhost --append tsc=unstable --timeout 280 -- \
	selftests/run pv_clock.c tsc.c shift_time.c apic.c lapic.c halt.c linux_smp.sh
