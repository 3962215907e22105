#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 120
#
# The boundaries between the module's parts (docs/design.md), as far as a grep can hold them.
# Each check is run twice: on the tree, where it must find nothing, and on a copy of the tree with
# one line changed, where it must find something.

export LC_ALL=C
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0
failed=0

# Two trees: raw/ as it is, code/ without comments.
mkdir "$tmp/raw"
cp -r module uapi "$tmp/raw"
cp -r "$tmp/raw" "$tmp/code"
(cd "$tmp/raw" && find . -type f) | while read -r f; do
	gcc -x c -w -E -P -fpreprocessed -dD "$tmp/raw/$f" -o "$tmp/code/$f" || exit
done || exit

# check NAME TREE FUNCTION FILE SED-SCRIPT: FUNCTION prints what breaks the rule; the script, on
# FILE, breaks it.
check()
{
	n=$((n + 1))
	found=$(cd "$tmp/$2" && $3 2>&1)
	rm -rf "$tmp/broken"
	cp -r "$tmp/$2" "$tmp/broken"
	sed -i "$5" "$tmp/broken/$4"
	if cmp -s "$tmp/broken/$4" "$tmp/$2/$4"; then
		echo "# this breaks nothing: $5"
	elif [ -n "$found" ]; then
		echo "$found" | sed 's/^/# /'
	elif [ -z "$(cd "$tmp/broken" && $3 2>&1)" ]; then
		echo "# goes unnoticed in $4: $5"
	else
		echo "ok $n $1"
		return
	fi
	echo "not ok $n $1"
	failed=1
}

# 1. module/svm and module/npt meet in {npt_root_pa, tlb_gen} only.
svm_knows_no_npt() { grep -rE '#include.*npt|\bnpt_[a-z_]+\(' module/svm; }
npt_knows_no_svm() { grep -rE '#include.*(svm/|vmcb|asid|caps)|\b(svm|vmcb|asid)_[a-z_]+\(|\bvmcb->' module/npt; }
nobody_carries() { grep -E '#include.*(svm|npt)/' module/*.h module/emulate/*; }

# 2. Fields that a clean bit covers (_name) are written by vmcb.h's accessors. FS, GS, LDTR and TR
# have no clean bit.
field='(->|\.)_[a-z][a-z0-9_]*(\[[^]]*\])?(\.[a-z_]+)*'
clean_fields()
{
	grep -rE "$field *([-+|&^*/%]|<<|>>)?=[^=]|$field *(\+\+|--)" module --exclude=vmcb.h
	grep -rE "(^|[=(,!?:]|return) *&[a-z_]+(->[a-z_]+)*$field" module --exclude=vmcb.h |
		grep -vE '\bconst struct |\[VMCB_(FS|GS|LDTR|TR)\]'
	grep -rE '\bmem(cpy|set|move)\((sv->|vcpu->svm->)?vmcb\b' module --exclude=vmcb.h
}

# 3. In the window there is no user pointer, no allocation and no sleep. state.c, which serves the
# state groups, and the three that set up and tear down are outside of it.
window()
{
	find module/svm -name '*.[chS]' ! -name state.c ! -name svm.c ! -name cpu.c ! -name caps.c -exec \
		grep -HE '__user|\b(copy_(from|to)_user|get_user|put_user|vm_(read|write|cmpxchg)_guest)\(|alloc|\bkv?free\(|GFP_|mutex_|\bdown_|schedule\(|cond_resched|sleep|wait_event|synchronize_|[^_]srcu_' {} +
}

# 4. The mandatory intercepts are one constant, which one function ORs in last.
mandatory()
{
	grep -rhE '_intercepts(\[[^]]*\])? *([|&^])?=[^=]' module |
		grep -vxE '[[:space:]]*(vmcb->_intercepts\[word\] = value;|const u32 svm_mandatory_intercepts\[SVM_WORDS\] = \{)'
	[ "$(grep -rhE '_intercepts\[[^]]*\] *=[^=]' module | grep -c 'vmcb->')" = 1 ] ||
		echo "not one place that writes intercepts"
	grep -qF 'u32 value = policy | svm_mandatory_intercepts[word];' module/svm/vmcb.h ||
		echo "the mandatory intercepts are not ORed in"
}

# 5. Values of the guest and of user space reach the hardware through module/svm and msr.c only,
# and the shared page is read in one place, which copies it first.
hardware()
{
	grep -rE '\b(native_)?wrmsr[a-z_]*\(|\bnative_write_[a-z0-9]+\(|"[^"]*xsetbv|\bxsetbv0?\(|set_debugreg\(|wrpkru|\bwrite_cr[0-9]' module |
		grep -vE '^module/(compat\.h|msr\.c|svm/(run|cpu|cr|state)\.c):'
}
vmcb_is_private() { grep -rE '\bvmcb_[a-z]+\(|\bvmcb->|struct vmcb\b|#include.*(vmcb|svm_vcpu)\.h' module --exclude-dir=svm; }
shared_page()
{
	grep -rE 'page->(gpr|seg|cr|dr|msr|events|tsc|mp|pv)\b' module | grep -v '^module/vcpu\.c:'
	grep -E '[^&]\bpage->(gpr|seg|cr|dr|msr|events|tsc|mp|pv)\b' module/vcpu.c |
		grep -vE '^[[:space:]]*page->[a-z._]+ = '
	grep -rE '\b(lapic_area|xsave_area)\b' module | grep -vE '^module/(core\.h|vcpu\.c|dev\.c):'
}

# 6. What is pure C compiles in user space, with pure.h for its vocabulary; vmcb.h alone asks the
# kernel for the names of architectural bits.
pure="module/npt/npt.c module/svm/asid.c module/svm/bitmap.c module/svm/vmcb.c module/emulate/*.c"
pure_builds()
{
	for f in $pure; do
		gcc -std=gnu11 -Wall -Wextra -Wshadow -Werror -Wno-unused-parameter \
			-Wno-missing-field-initializers -fsyntax-only "$f"
	done
}
pure_words()
{
	grep -E '__KERNEL__|#include <' $pure module/npt/npt.h module/npt/pte.h \
		module/svm/asid.h module/svm/bitmap.h module/emulate/*.h
}

# 7. Only compat.h knows kernel versions; each entry says which change it is for.
versions() { grep -rE 'LINUX_VERSION|KERNEL_VERSION|UTS_RELEASE|LINUX_COMPILE' module uapi --exclude=compat.h; }
version_reasons()
{
	awk '/^\/\*/ { reason = 0 }
	     /^(\/\*| \*) [0-9]+\.[0-9]+.*, "/ || /^(\/\*| \*) [0-9]+\.[0-9]+.*stable kernels, "/ { reason = 1 }
	     /^#if.*(VERSION|_TIF)/ { if (!reason) print FILENAME ": " $0; reason = 0 }' module/compat.h
}

# 8. The entry points behind dev.c take plain arguments, and only dev.c and memslot.c follow user
# pointers, and guest_path.h and memory.h those that memslot.c has checked.
plain_arguments()
{
	tr '\n' ' ' <module/core.h | tr ';' '\n' |
		grep -E '\b(vm|vcpu|memslot)_[a-z_]+\([^)]*struct svmm_'
}
user_pointers()
{
	grep -rE '__user\b|\bcopy_(from|to)_user|\b(get|put)_user\(|_ioctl\b' module |
		grep -vE '^module/(dev\.c|memslot\.c|(guest_path|memory)\.h):'
}

# Size.
module_size()
{
	lines=$(find module -type f -exec cat {} + | wc -l)
	[ "$lines" -lt 21000 ] || echo "module/ has $lines lines"
}
file_size()
{
	find module -type f | while read -r f; do
		lines=$(wc -l <"$f")
		[ "$lines" -le 700 ] || echo "$f has $lines lines"
	done
}

echo "1..21"
check "svm does not know npt" code svm_knows_no_npt \
	module/svm/run.c '$a #include "../npt/npt.h"'
check "svm does not call npt" code svm_knows_no_npt \
	module/svm/exit.c '$a int x = npt_fault(vcpu, gpa, 0);'
check "npt does not know svm" code npt_knows_no_svm \
	module/npt/npt_mm.c '$a #include "../svm/svm.h"'
check "no common header carries one to the other" code nobody_carries \
	module/core.h '$a #include "svm/vmcb.h"'
check "fields with a clean bit are written by accessors" code clean_fields \
	module/svm/cr.c '$a vmcb->_cr0 |= X86_CR0_PG;'
check "no pointer to such a field is handed out" code clean_fields \
	module/svm/state.c '$a u64 *p = &vmcb->_seg[VMCB_CS].base;'
check "nothing in the window allocates, sleeps or follows user pointers" code window \
	module/svm/exit.c '$a p = kmalloc(8, GFP_ATOMIC);'
check "mandatory intercepts are ORed in last" code mandatory \
	module/svm/vmcb.h 's/ = policy | svm_mandatory_intercepts\[word\]/ = policy/'
check "no other way to an intercept word" code mandatory \
	module/svm/vmcb.h '$a static void f(struct vmcb *vmcb) { vmcb->_intercepts[0] = 0; }'
check "who writes to the processor" code hardware \
	module/pv.c '$a wrmsrq(MSR_TSC_AUX, value);'
check "the VMCB is module/svm's" code vmcb_is_private \
	module/event.c '$a vcpu->svm->vmcb->event_inj = 0;'
check "only vcpu.c touches the shared page's state" code shared_page \
	module/svm/state.c '$a vmcb->rip = vcpu->page->gpr.rip;'
check "and reads its copy of it" code shared_page \
	module/vcpu.c '$a vcpu->tsc_offset = page->tsc.offset;'
check "pure C compiles in user space" code pure_builds \
	module/npt/npt.c '$a void f(void) { cond_resched(); }'
check "pure C includes pure.h, and no kernel header" code pure_words \
	module/npt/pte.h '1i #include <linux/mm_types.h>'
check "only compat.h knows kernel versions" code versions \
	module/vcpu.c '$a #if LINUX_VERSION_CODE < 1'
check "each entry of compat.h has its reason" raw version_reasons \
	module/compat.h '$a #if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)'
check "entry points take plain arguments" code plain_arguments \
	module/core.h '$a int memslot_add(struct vm *vm, struct svmm_memory_slot *slot);'
check "dev.c is the door" code user_pointers \
	module/vcpu.c '$a ret = copy_from_user(\&args, arg, sizeof(args));'
check "module/ has fewer than 21,000 lines" raw module_size \
	module/core.h 'p;p;p;p;p;p;p;p'
check "no file of module/ has more than 700 lines" raw file_size \
	module/vm.c 'p;p;p'
exit $failed
