# SPDX-License-Identifier: GPL-2.0
#
# KVER    kernel to build for: a release, or 6.1, 6.12, 6.1-generic, 6.12-generic, rt, 6.12-rt, 7.3,
#         debug
# KDIR    its build directory, if not /lib/modules/KVER/build
# CPU     emulated host of demo and shell: epyc or opteron
# CPUS    CPUs of the guest of demo and shell (1)
# TESTS, HOSTS, QEMU    what check runs (see scripts/check)
# TIME, FUZZ    seconds of fuzz for each, and what it fuzzes (see scripts/fuzz)

ifeq ($(shell scripts/native >/dev/null && echo yes),yes)
KVER = $(shell uname -r)
else
KVER = 6.1
endif
export KDIR CPU TESTS HOSTS QEMU TIME

.PHONY: all modules vmctl examples guest demo shell insmod check check-long check-kernels check-debug coverage fuzz bench bench-boot bench-disk bench-matrix bench-memory bench-native bench-own install uninstall deb clean help

all: modules vmctl			## svmm.ko and vmctl

modules:				## svmm.ko for KVER, in out/modules/RELEASE/
	@scripts/setup build $(KVER)
	@scripts/build-module $(KVER)

vmctl:					## out/vmctl
	@scripts/setup build
	@$(MAKE) --no-print-directory -C userspace

examples:				## examples/ with libsvmm, in out/examples/
	@scripts/setup build
	@$(MAKE) --no-print-directory -C examples

guest:					## the demonstration guest, in out/guest/
	@scripts/setup host
	@scripts/build-guest

demo: all guest				## boot a Linux guest, show its console (CPU=opteron: on an early Opteron)
	@scripts/demo

shell: all guest			## the same, up to an interactive shell in the guest; Ctrl-A X ends it
	@scripts/demo shell

insmod: KVER = $(shell uname -r)
insmod: modules				## load svmm.ko into this machine's kernel
	@scripts/insmod

check:					## the whole test suite (TESTS="name ..." HOSTS="epyc-6.1 ...")
	@scripts/check

check-long:				## the suite on more hosts and with a second emulator
	@scripts/check --long

check-kernels:				## build for each of Debian's kernels, load there, boot a guest
	@scripts/check --kernels

check-debug:				## the suite on a kernel with KASAN, lockdep, kmemleak and the like
	@scripts/check --debug

coverage: guest				## which lines of svmm.ko the suite executes; out/coverage/not-executed
	@scripts/setup host
	@scripts/build-module 6.1
	@$(MAKE) --no-print-directory -C userspace
	@$(MAKE) --no-print-directory -C selftests host
	@scripts/coverage

fuzz:					## fuzz svmm.ko, vmctl's parts and loaders, TIME seconds each (FUZZ="name ...")
	@scripts/fuzz $(FUZZ)

bench: all guest				## host instructions per operation: svmm against kvm_amd; out/bench.json, .svg
	@scripts/setup host
	@scripts/build-module 6.1
	@$(MAKE) --no-print-directory -C selftests
	@scripts/bench

bench-boot: all guest			## host instructions of a guest boot: vmctl against QEMU on kvm_amd
	@scripts/bench-boot

bench-disk: all guest			## host instructions of a read from a virtio disk: vmctl against QEMU on kvm_amd
	@scripts/build-module 6.1
	@scripts/bench-disk

bench-matrix: all guest			## real jobs in 1x1 to 4x4 VMs x CPUs: svmm, kvm_amd and QEMU's TCG
	@scripts/setup matrix
	@scripts/build-module 6.1
	@scripts/bench-matrix

bench-memory:				## host instructions of memory operations: svmm against kvm_amd
	@scripts/setup host
	@scripts/build-module 6.1
	@$(MAKE) --no-print-directory -C selftests
	@scripts/bench-memory

bench-native:				## what an exit costs on this machine's own processor, in ticks of its TSC
	@$(MAKE) --no-print-directory -C selftests
	@scripts/bench-native

bench-own: all guest			## a guest's system calls, page faults and forks against the bare host's
	@scripts/setup host
	@scripts/build-module 6.1
	@scripts/bench-own

install uninstall: KVER = $(shell uname -r)
install: all				## install module, vmctl, libsvmm, udev rule, systemd unit (DESTDIR=, KVER=)
	@scripts/install "$(DESTDIR)" $(KVER)

uninstall:				## remove what install has installed (DESTDIR=, KVER=)
	@scripts/install --remove "$(DESTDIR)" $(KVER)

deb:					## Debian packages, in out/deb/
	@scripts/setup deb
	@scripts/build-deb

clean:					## remove everything that was built
	rm -rf out

help:					## this list
	@sed -n 's/^\([a-z-]*\):[^#]*##/\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 14
