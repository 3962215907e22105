# SPDX-License-Identifier: GPL-2.0
"""Exits of virtual machines, from what perf has recorded of svmm.ko's tracepoints.

    perf record -e 'svmm:*' -a -- sleep 10
    perf script -s scripts/perf/svmm-exits.py [-- NUMBER]

Prints how many exits there were for each reason, at which guest addresses, and for I/O ports, MSRs
and guest-physical addresses, the NUMBER (20) most frequent ones each. A latency is the time from an
exit to the entry that follows it, less what the virtual CPU slept in HLT.
"""

import os
import sys
from collections import defaultdict

if "PERF_EXEC_PATH" not in os.environ:
    sys.exit("svmm-exits.py: perf runs this: perf script -s scripts/perf/svmm-exits.py")
if len(sys.argv) > 2 or not all(a.isdecimal() and int(a) for a in sys.argv[1:]):
    sys.exit("svmm-exits.py: %s: give how many lines to show, 1 or more" % " ".join(sys.argv[1:]))

sys.path.append(os.environ["PERF_EXEC_PATH"] + "/scripts/python/Perf-Trace-Util/lib/Perf/Trace")
# perf calls the first two, by name, to tell the names of exit reasons.
from Core import define_symbolic_field, define_symbolic_value, symbol_str  # noqa: E402,F401

SHOWN = int(sys.argv[1]) if len(sys.argv) > 1 else 20


class Exit:
    """One on its way: what it is for becomes known while it is handled."""

    def __init__(self, time, reason, rip):
        self.time, self.reason, self.rip = time, reason, rip
        self.entered = None     # time of the entry that ended it
        self.slept = 0
        self.halted = None      # since when
        self.port = self.msr = self.gpa = None


class Table:
    """Latencies by some key."""

    def __init__(self, title, form=str):
        self.title, self.form = title, form
        self.latencies = defaultdict(list)
        self.count = defaultdict(int)

    def add(self, key, latency):
        self.count[key] += 1
        if latency is not None:
            self.latencies[key].append(latency)

    def show(self, number):
        total = sum(self.count.values())
        if not total:
            return
        print("\n%-20s %10s %7s %9s %9s %9s %9s %9s" % (
            self.title, "EXITS", "SHARE", "P50", "P95", "P99", "MAX", "TOTAL"))
        keys = sorted(self.count, key=lambda k: (-self.count[k], str(k)))
        for key in keys[:number]:
            times = sorted(self.latencies[key])
            print("%-20s %10d %6.2f%% %9s %9s %9s %9s %9s" % (
                self.form(key), self.count[key], 100 * self.count[key] / total,
                *(human(percentile(times, p)) for p in (50, 95, 99, 100)), human(sum(times))))
        if len(keys) > number:
            print("and %d more" % (len(keys) - number))


def percentile(times, p):
    """The smallest one that p percent of all do not exceed."""
    return times[max(0, -(-len(times) * p // 100) - 1)] if times else 0


def human(ns):
    if not ns:
        return "-"
    for unit in ("ns", "us", "ms"):
        if ns < 999.95:
            return ("%.0f%s" if unit == "ns" else "%.1f%s") % (ns, unit)
        ns /= 1000
    return "%.1fs" % ns


def address(n):
    return "%#x" % n


pending = {}            # (vm, vcpu): Exit
reasons = Table("REASON")
rips = Table("GUEST RIP", address)
ports = Table("PORT", address)
msrs = Table("MSR", address)
gpas = Table("GUEST-PHYSICAL", address)


def finish(e):
    latency = e.entered - e.time - e.slept if e.entered else None
    reasons.add(e.reason, latency)
    rips.add(e.rip, latency)
    for table, key in ((ports, e.port), (msrs, e.msr), (gpas, e.gpa)):
        if key is not None:
            table.add(key, latency)


def trace_unhandled(name, context, fields, sample):
    """Every event comes here; fields has its own and perf's common ones."""
    if not name.startswith("svmm__") or "vcpu_id" not in fields:
        return
    vcpu = fields["vm"], fields["vcpu_id"]
    time = fields["common_s"] * 10**9 + fields["common_ns"]
    now = pending.get(vcpu)
    event = name[len("svmm__svmm_"):]
    if event == "exit":
        if now:
            finish(now)
        reason = symbol_str(name, "exit_reason", fields["exit_reason"])
        pending[vcpu] = Exit(time, reason or address(fields["exit_reason"]), fields["guest_rip"])
    elif not now:
        return          # of an exit before the first one that was recorded
    elif event == "entry":
        now.entered = time      # the last one before the next exit counts
    elif event == "vcpu_halt":
        now.halted = time
    elif event == "vcpu_wake" and now.halted:
        now.slept += time - now.halted
        now.halted = None
    elif event == "pio":
        now.port = fields["port"]
    elif event == "msr":
        now.msr = fields["ecx"]
    elif event == "page_fault":
        now.gpa = fields["fault_address"] & ~0xfff


def trace_end():
    for e in pending.values():
        finish(e)
    print("%d exits of %d virtual CPUs" % (sum(reasons.count.values()), len(pending)))
    for table in (reasons, rips, ports, msrs, gpas):
        table.show(SHOWN if table is not reasons else 10**9)
