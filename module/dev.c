// SPDX-License-Identifier: GPL-2.0
/*
 * The front door: /dev/svmm, VM fds and vCPU fds.
 *
 * Every user value is copied once, checked, and handed on as a plain argument;
 * nothing behind this file sees an ioctl struct.  It must not know what the
 * arguments mean.  The one rule that holds for all calls on a VM or a vCPU:
 * the caller's address space is the one that created the VM, since that is the
 * memory which the guest runs in.
 */
#include <linux/anon_inodes.h>
#include <linux/capability.h>
#include <linux/ctype.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "core.h"
#include "ioevent.h"
#include "irqfd.h"
#include "memory.h"
#include "stats.h"
#include "tsc.h"
#include "svm/caps.h"
#include "svm/svm.h"

static bool all_zero(const void *p, size_t bytes)
{
	return !memchr_inv(p, 0, bytes);
}

/*
 * vCPU fd
 */

static vm_fault_t vcpu_fault(struct vm_fault *vmf)
{
	struct vcpu *vcpu = vmf->vma->vm_file->private_data;
	void *const area[VCPU_AREAS] = {
		[VCPU_AREA_PAGE] = vcpu->page,
		[VCPU_AREA_IO] = vcpu->io_data,
		[VCPU_AREA_XSAVE] = vcpu->xsave_area,
		[VCPU_AREA_LAPIC] = vcpu->lapic_area,
	};

	if (vmf->pgoff < VCPU_AREAS)
		vmf->page = virt_to_page(area[vmf->pgoff]);
	else
		vmf->page = stats_page(vcpu, vmf->pgoff - VCPU_AREA_STATS);
	if (!vmf->page)
		return VM_FAULT_SIGBUS;
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct vcpu_vm_ops = {
	.fault = vcpu_fault,
};

static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct vcpu *vcpu = file->private_data;

	if (vcpu->vm->mm != current->mm)
		return -EIO;
	if (!(vma->vm_flags & VM_SHARED) || vma->vm_flags & VM_EXEC)
		return -EINVAL;
	if (vma->vm_pgoff < VCPU_AREA_STATS) {
		if (vma->vm_pgoff + vma_pages(vma) > VCPU_AREAS)
			return -EINVAL;
	} else {
		if (vma->vm_pgoff + vma_pages(vma) > VCPU_AREA_STATS + STATS_PAGES)
			return -EINVAL;
		if (vma->vm_flags & VM_WRITE)
			return -EPERM;
		vm_flags_clear(vma, VM_MAYWRITE);
	}
	/* A child after fork() is another address space. */
	vm_flags_set(vma, VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP);
	vm_flags_clear(vma, VM_MAYEXEC);
	vma->vm_ops = &vcpu_vm_ops;
	return 0;
}

static long vcpu_set_cpuid(struct vcpu *vcpu, struct svmm_cpuid __user *arg)
{
	struct svmm_cpuid_entry *table;
	struct svmm_cpuid head;

	if (copy_from_user(&head, arg, sizeof(head)))
		return -EFAULT;
	if (head.flags || !head.nr || head.nr > SVMM_MAX_CPUID)
		return -EINVAL;
	if (vcpu->ran)
		return -EBUSY;
	table = kmalloc_array(head.nr, sizeof(*table), GFP_KERNEL_ACCOUNT);
	if (!table)
		return -ENOMEM;
	if (copy_from_user(table, arg->entries, head.nr * sizeof(*table))) {
		kfree(table);
		return -EFAULT;
	}
	return cpuid_set(vcpu, table, head.nr);
}

static long vcpu_set_sigmask(struct vcpu *vcpu, const void __user *arg)
{
	struct svmm_sigmask mask;

	if (copy_from_user(&mask, arg, sizeof(mask)))
		return -EFAULT;
	if (mask.enable > 1 || mask.reserved)
		return -EINVAL;
	BUILD_BUG_ON(sizeof(sigset_t) != sizeof(mask.mask));
	memcpy(&vcpu->sigmask, &mask.mask, sizeof(vcpu->sigmask));
	sigdelsetmask(&vcpu->sigmask, sigmask(SIGKILL) | sigmask(SIGSTOP));
	vcpu->sigmask_set = mask.enable;
	return 0;
}

static long vcpu_get_stats(struct vcpu *vcpu, const void __user *arg)
{
	struct svmm_vcpu_stats *copy;
	struct svmm_get_stats args;
	long ret = 0;

	if (copy_from_user(&args, arg, sizeof(args)))
		return -EFAULT;
	if (args.flags || args.bytes > sizeof(*copy))
		return -EINVAL;
	copy = stats_copy(vcpu);
	if (!copy)
		return -ENOMEM;
	if (copy_to_user(u64_to_user_ptr(args.stats), copy, args.bytes))
		ret = -EFAULT;
	kfree(copy);
	return ret;
}

static long vcpu_get_counters(struct vcpu *vcpu, void __user *arg)
{
	struct svmm_counters counters = vcpu->counters;

	counters.kicks = atomic64_read(&vcpu->kicks);
	counters.wakeups = atomic64_read(&vcpu->wakeups);
	return copy_to_user(arg, &counters, sizeof(counters)) ? -EFAULT : 0;
}

static long vcpu_debug_vmcb(struct vcpu *vcpu, void __user *arg)
{
	struct svmm_debug_vmcb *out;
	long ret = 0;

	if (!capable(CAP_SYS_RAWIO))
		return -EPERM;
	out = kzalloc(sizeof(*out), GFP_KERNEL_ACCOUNT);
	if (!out)
		return -ENOMEM;
	svm_debug_vmcb(vcpu, out);
	if (copy_to_user(arg, out, sizeof(*out)))
		ret = -EFAULT;
	kfree(out);
	return ret;
}

static long vcpu_set_debug(struct vcpu *vcpu, const void __user *arg)
{
	struct svmm_debug args;

	if (copy_from_user(&args, arg, sizeof(args)))
		return -EFAULT;
	if (args.reserved)
		return -EINVAL;
	return svm_debug_set(vcpu, args.flags, args.db, args.dr7);
}

static long vcpu_get_exits(struct vcpu *vcpu, void __user *arg)
{
	struct svmm_last_exits *out = kzalloc(sizeof(*out), GFP_KERNEL);
	long ret = 0;

	if (!out)
		return -ENOMEM;
	svm_last_exits(vcpu, out);
	if (copy_to_user(arg, out, sizeof(*out)))
		ret = -EFAULT;
	kfree(out);
	return ret;
}

/* With vcpu->mutex held. */
static long vcpu_locked_ioctl(struct vcpu *vcpu, unsigned int cmd, void __user *arg)
{
	u32 groups;

	switch (cmd) {
	case SVMM_GET_STATE:
		if (get_user(groups, (u32 __user *)arg))
			return -EFAULT;
		if (groups & ~SVMM_STATE_ALL)
			return -EINVAL;
		vcpu_get_state(vcpu, groups);
		return 0;
	case SVMM_SET_STATE:
		return arg ? -EINVAL : vcpu_set_state(vcpu);
	case SVMM_SET_CPUID:
		return vcpu_set_cpuid(vcpu, arg);
	case SVMM_SET_SIGMASK:
		return vcpu_set_sigmask(vcpu, arg);
	case SVMM_SET_DEBUG:
		return vcpu_set_debug(vcpu, arg);
	case SVMM_GET_EXITS:
		return vcpu_get_exits(vcpu, arg);
	case SVMM_DEBUG_VMCB:
		return vcpu_debug_vmcb(vcpu, arg);
	}
	return -ENOTTY;
}

static bool vcpu_trylock(struct vcpu *vcpu)
{
	if (!mutex_trylock(&vcpu->mutex))
		return false;
	/* Pairs with tsc_shift(), which wants nobody on any vCPU. */
	if (likely(!smp_load_acquire(&vcpu->vm->shifting)))
		return true;
	mutex_unlock(&vcpu->mutex);
	return false;
}

static long vcpu_set_extint(struct vcpu *vcpu, const u32 __user *arg)
{
	u32 level;

	if (get_user(level, arg))
		return -EFAULT;
	if (level > 1)
		return -EINVAL;
	if (xchg(&vcpu->extint, level) < level)
		lapic_lint(vcpu, 0);
	if (level) {
		vcpu_request(vcpu, VCPU_REQ_EVENT);
		vcpu_kick(vcpu);
	}
	return 0;
}

static long vcpu_ioctl_nmi(struct vcpu *vcpu, unsigned long arg)
{
	if (arg & ~SVMM_NMI_LINT1)
		return -EINVAL;
	if (arg & SVMM_NMI_LINT1)
		lapic_lint(vcpu, 1);
	else
		vcpu_nmi(vcpu);
	return 0;
}

static noinline long vcpu_other_ioctl(struct vcpu *vcpu, unsigned int cmd, unsigned long uarg)
{
	void __user *arg = (void __user *)uarg;
	long ret;

	/* From any thread, also while another one is in RUN. */
	switch (cmd) {
	case SVMM_NMI:
		return vcpu_ioctl_nmi(vcpu, uarg);
	case SVMM_SET_EXTINT:
		return vcpu_set_extint(vcpu, arg);
	case SVMM_GET_COUNTERS:
		return vcpu_get_counters(vcpu, arg);
	case SVMM_GET_STATS:
		return vcpu_get_stats(vcpu, arg);
	}

	if (!vcpu_trylock(vcpu))
		return -EBUSY;
	ret = vcpu_locked_ioctl(vcpu, cmd, arg);
	mutex_unlock(&vcpu->mutex);
	return ret;
}

static long vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long uarg)
{
	struct vcpu *vcpu = file->private_data;
	long ret;

	if (vcpu->vm->mm != current->mm)
		return -EIO;
	if (unlikely(cmd != SVMM_RUN))
		return vcpu_other_ioctl(vcpu, cmd, uarg);
	if (uarg)
		return -EINVAL;
	if (!vcpu_trylock(vcpu))
		return -EBUSY;
	ret = vcpu_run(vcpu);
	mutex_unlock(&vcpu->mutex);
	return ret;
}

static int vcpu_release(struct inode *inode, struct file *file)
{
	struct vcpu *vcpu = file->private_data;

	if (vcpu)
		vm_put(vcpu->vm);
	return 0;
}

static const struct file_operations vcpu_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vcpu_ioctl,
	.mmap = vcpu_mmap,
	.release = vcpu_release,
	.llseek = noop_llseek,
};

/*
 * VM fd
 */

static long vm_ioctl_create_vcpu(struct vm *vm, const void __user *arg)
{
	struct svmm_create_vcpu args;
	struct vcpu *vcpu;
	struct file *file;
	int fd, ret;

	if (copy_from_user(&args, arg, sizeof(args)))
		return -EFAULT;
	if (args.flags || args.id >= SVMM_MAX_VCPUS)
		return -EINVAL;
	/* Cheap to ask first: a vCPU, once created, stays until the VM goes. */
	if (vm_get_vcpu(vm, args.id))
		return -EEXIST;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	/* The file first: what fails after vcpu_create() would leave a vCPU without an fd. */
	file = anon_inode_getfile("svmm-vcpu", &vcpu_fops, NULL, O_RDWR);
	if (IS_ERR(file)) {
		ret = PTR_ERR(file);
		goto err_fd;
	}
	ret = vcpu_create(vm, args.id, &vcpu);
	if (ret)
		goto err_file;
	vm_get(vm);
	file->private_data = vcpu;
	fd_install(fd, file);
	return fd;

err_file:
	fput(file);
err_fd:
	put_unused_fd(fd);
	return ret;
}

static long vm_ioctl_set_slot(struct vm *vm, const void __user *arg)
{
	struct svmm_memory_slot args;

	if (copy_from_user(&args, arg, sizeof(args)))
		return -EFAULT;
	if (args.flags & ~(SVMM_MEM_READONLY | SVMM_MEM_LOG_DIRTY) ||
	    !all_zero(args.reserved, sizeof(args.reserved)))
		return -EINVAL;
	return memslot_set(vm, args.slot, args.flags, args.gpa, args.size, args.user_addr);
}

/* Words of a dirty log's bitmap that are handled at a time; on the stack. */
#define LOG_WORDS	32

/* Nothing is cleared unless it is reported. */
static int dirty_log_words(struct vm *vm, const struct svmm_dirty_log *args, u64 page, u64 pages)
{
	void __user *bitmap = u64_to_user_ptr(args->bitmap + (page - args->first_page) / 8);
	size_t bytes = BITS_TO_LONGS(pages) * sizeof(long);
	bool clear = args->flags & SVMM_DIRTY_CLEAR;
	unsigned long words[LOG_WORDS];
	int ret;

	memset(words, 0xff, sizeof(words));
	if (args->flags & SVMM_DIRTY_ONLY && copy_from_user(words, bitmap, bytes))
		return -EFAULT;
	/* A buffer that cannot be written shows before anything is cleared. */
	if (clear && copy_to_user(bitmap, words, bytes))
		return -EFAULT;
	ret = memslot_dirty_log(vm, args->slot, page, pages, words, clear);
	if (ret || !copy_to_user(bitmap, words, bytes))
		return ret;
	if (clear)
		memslot_dirty_again(vm, args->slot, page, pages, words);
	return -EFAULT;
}

static long vm_ioctl_dirty_log(struct vm *vm, const void __user *arg)
{
	struct svmm_dirty_log args;
	u64 done, n;
	int ret;

	if (copy_from_user(&args, arg, sizeof(args)))
		return -EFAULT;
	if (args.flags & ~(SVMM_DIRTY_CLEAR | SVMM_DIRTY_ONLY) ||
	    !all_zero(args.reserved, sizeof(args.reserved)))
		return -EINVAL;
	if (args.flags == SVMM_DIRTY_ONLY)
		return -EINVAL;
	ret = memslot_dirty_check(vm, args.slot, args.first_page, args.nr_pages);
	for (done = 0; !ret && done < args.nr_pages; done += n) {
		n = min_t(u64, args.nr_pages - done, LOG_WORDS * BITS_PER_LONG);
		ret = dirty_log_words(vm, &args, args.first_page + done, n);
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return ret;
}

static long vm_ioctl_prefault(struct vm *vm, void __user *arg)
{
	struct svmm_prefault args;
	u64 gfn, npages, end;
	int ret;

	if (copy_from_user(&args, arg, sizeof(args)))
		return -EFAULT;
	if (args.flags & ~SVMM_PREFAULT_WRITE || args.reserved ||
	    !PAGE_ALIGNED(args.gpa) || !PAGE_ALIGNED(args.size) ||
	    check_add_overflow(args.gpa, args.size, &end))
		return -EINVAL;
	gfn = args.gpa >> PAGE_SHIFT;
	npages = args.size >> PAGE_SHIFT;
	ret = npt_prefault(vm, &gfn, &npages, args.flags & SVMM_PREFAULT_WRITE);
	args.gpa = gfn << PAGE_SHIFT;
	args.size = npages << PAGE_SHIFT;
	return copy_to_user(arg, &args, sizeof(args)) ? -EFAULT : ret;
}

static long vm_ioctl_msi(struct vm *vm, const void __user *arg)
{
	struct svmm_msi args;

	if (copy_from_user(&args, arg, sizeof(args)))
		return -EFAULT;
	if (args.flags)
		return -EINVAL;
	return lapic_deliver_msi(vm, args.address, args.data);
}

static long vm_ioctl_ioeventfd(struct vm *vm, const void __user *arg)
{
	struct svmm_ioeventfd args;

	return copy_from_user(&args, arg, sizeof(args)) ? -EFAULT : ioevent_set(vm, &args);
}

static long vm_ioctl_irqfd(struct vm *vm, const void __user *arg)
{
	struct svmm_irqfd args;

	return copy_from_user(&args, arg, sizeof(args)) ? -EFAULT : irqfd_set(vm, &args);
}

static long vm_ioctl_tsc_khz(struct vm *vm, const u32 __user *arg)
{
	u32 khz;

	return get_user(khz, arg) ? -EFAULT : tsc_set_khz(vm, khz);
}

static long vm_ioctl_npt(struct vm *vm, void __user *arg)
{
	struct svmm_debug_npt args;

	if (copy_from_user(&args, arg, sizeof(args)))
		return -EFAULT;
	if (args.gpa >> svm_guest_phys_bits())
		return -EINVAL;
	args.nr = npt_entries(vm, args.gpa >> PAGE_SHIFT, capable(CAP_SYS_RAWIO), args.entries,
			      &args.levels);
	return copy_to_user(arg, &args, sizeof(args)) ? -EFAULT : 0;
}

static long vm_ioctl_state(struct vm *vm, const void __user *arg)
{
	struct svmm_vm_state_info args;
	size_t len, i;

	if (copy_from_user(&args, arg, sizeof(args)))
		return -EFAULT;
	len = strnlen(args.reason, sizeof(args.reason));
	if (args.state < SVMM_VM_RUNNING || args.state > SVMM_VM_CRASHED || args.reserved ||
	    !all_zero(args.reason + len, sizeof(args.reason) - len) || len == sizeof(args.reason))
		return -EINVAL;
	for (i = 0; i < len; i++)
		if (!isascii(args.reason[i]) || !isprint(args.reason[i]))
			return -EINVAL;
	return vm_set_state(vm, args.state, len ? args.reason : NULL);
}

static long vm_ioctl(struct file *file, unsigned int cmd, unsigned long uarg)
{
	struct vm *vm = file->private_data;
	void __user *arg = (void __user *)uarg;

	if (vm->mm != current->mm || READ_ONCE(vm->dead))
		return -EIO;

	switch (cmd) {
	case SVMM_CREATE_VCPU:
		return vm_ioctl_create_vcpu(vm, arg);
	case SVMM_SET_MEMORY_SLOT:
		return vm_ioctl_set_slot(vm, arg);
	case SVMM_SIGNAL_MSI:
		return vm_ioctl_msi(vm, arg);
	case SVMM_DIRTY_LOG:
		return vm_ioctl_dirty_log(vm, arg);
	case SVMM_PREFAULT:
		return vm_ioctl_prefault(vm, arg);
	case SVMM_IOEVENTFD:
		return vm_ioctl_ioeventfd(vm, arg);
	case SVMM_IRQFD:
		return vm_ioctl_irqfd(vm, arg);
	case SVMM_SET_TSC_KHZ:
		return vm_ioctl_tsc_khz(vm, arg);
	case SVMM_SET_VM_STATE:
		return vm_ioctl_state(vm, arg);
	case SVMM_DEBUG_NPT:
		return vm_ioctl_npt(vm, arg);
	case SVMM_SHIFT_TIME:
		return tsc_shift(vm, uarg);
	}
	return -ENOTTY;
}

static int vm_release(struct inode *inode, struct file *file)
{
	vm_put(file->private_data);
	return 0;
}

static const struct file_operations vm_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vm_ioctl,
	.release = vm_release,
	.llseek = noop_llseek,
};

/*
 * /dev/svmm
 */

static long dev_get_caps(void __user *arg)
{
	struct svmm_caps caps = {
		.caps = SVMM_CAP_READONLY_MEM | SVMM_CAP_LAPIC | SVMM_CAP_PV_CLOCK |
			SVMM_CAP_DIRTY_LOG | SVMM_CAP_PREFAULT | SVMM_CAP_IOEVENTFD |
			SVMM_CAP_IRQFD | SVMM_CAP_SHIFT_TIME | SVMM_CAP_DEBUG,
		.max_vcpus = SVMM_MAX_VCPUS,
		.max_slots = SVMM_MAX_SLOTS,
		.vcpu_mmap_bytes = VCPU_AREAS * PAGE_SIZE,
	};

	svm_fill_caps(&caps);
	if (caps.xcr0)
		caps.caps |= SVMM_CAP_XSAVE;
	if (stats_kept()) {
		caps.stats_offset = VCPU_AREA_STATS * PAGE_SIZE;
		caps.stats_bytes = sizeof(struct svmm_vcpu_stats);
	}
	return copy_to_user(arg, &caps, sizeof(caps)) ? -EFAULT : 0;
}

static long dev_get_cpuid(struct svmm_cpuid __user *arg)
{
	struct svmm_cpuid_entry *table;
	struct svmm_cpuid head;
	long ret = 0;
	int nr;

	if (copy_from_user(&head, arg, sizeof(head)))
		return -EFAULT;
	if (head.flags)
		return -EINVAL;
	table = kcalloc(SVMM_MAX_CPUID, sizeof(*table), GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	nr = cpuid_supported(table, SVMM_MAX_CPUID);
	if (nr < 0) {
		ret = nr;
		goto out;
	}
	if (head.nr < nr)
		ret = -E2BIG;
	else if (copy_to_user(arg->entries, table, nr * sizeof(*table)))
		ret = -EFAULT;
	head.nr = nr;
	if (copy_to_user(arg, &head, sizeof(head)))
		ret = -EFAULT;
out:
	kfree(table);
	return ret;
}

static bool name_ok(const char *name)
{
	size_t len = strnlen(name, SVMM_NAME_MAX);
	size_t i;

	if (!len || len == SVMM_NAME_MAX || !all_zero(name + len, SVMM_NAME_MAX - len))
		return false;
	for (i = 0; i < len; i++)
		if (!isascii(name[i]) || (!isalnum(name[i]) && !strchr("._-", name[i])))
			return false;
	return true;
}

static long dev_create_vm(const void __user *arg)
{
	struct svmm_create_vm args;
	struct file *file;
	struct vm *vm;
	int fd;

	if (copy_from_user(&args, arg, sizeof(args)))
		return -EFAULT;
	if (args.flags || !all_zero(args.reserved, sizeof(args.reserved)) || !name_ok(args.name))
		return -EINVAL;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	vm = vm_create(args.name);
	if (IS_ERR(vm)) {
		put_unused_fd(fd);
		return PTR_ERR(vm);
	}
	file = anon_inode_getfile("svmm-vm", &vm_fops, vm, O_RDWR);
	if (IS_ERR(file)) {
		vm_put(vm);
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	fd_install(fd, file);
	return fd;
}

static long dev_ioctl(struct file *file, unsigned int cmd, unsigned long uarg)
{
	void __user *arg = (void __user *)uarg;

	switch (cmd) {
	case SVMM_GET_CAPS:
		return dev_get_caps(arg);
	case SVMM_GET_SUPPORTED_CPUID:
		return dev_get_cpuid(arg);
	case SVMM_CREATE_VM:
		return dev_create_vm(arg);
	}
	return -ENOTTY;
}

static const struct file_operations dev_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = dev_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice svmm_dev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "svmm",
	.fops = &dev_fops,
	.mode = 0660,
};

int dev_init(void)
{
	return misc_register(&svmm_dev);
}

void dev_exit(void)
{
	misc_deregister(&svmm_dev);
}
