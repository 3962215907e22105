// SPDX-License-Identifier: GPL-2.0
/*
 * EFER.SVME and VM_HSAVE_PA on every CPU, see cpu.h: first VM and last, CPU hotplug, suspend,
 * reboot and kexec, panic. Lock order: cpus_read_lock(), svm_lock; hotplug callbacks run under the
 * former's write side.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpu.h>
#include <linux/gfp.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/panic_notifier.h>
#include <linux/ratelimit.h>
#include <linux/reboot.h>
#include <linux/smp.h>
#include <linux/topology.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>

#include "../compat.h"
#include "../tsc.h"
#include "caps.h"
#include "cpu.h"
#include "svm.h"

DEFINE_PER_CPU(struct svm_cpu, svm_cpu);

static DEFINE_MUTEX(svm_lock);
static unsigned int svm_users;		/* VMs; under svm_lock */
static bool svm_going_down;		/* no VM may begin any more; under svm_lock */
static int svm_hotplug_state;
u64 svm_tsc_lost;
static u64 svm_tsc_slept;		/* what the TSC was, and has lost, when sleep began */

/* On the CPU itself, interrupts off. *@error is left alone on success. */
static void enable_cpu(void *error)
{
	struct svm_cpu *cpu = this_cpu_ptr(&svm_cpu);
	u64 efer;

	if (cpu->enabled)
		return;
	rdmsrq(MSR_EFER, efer);
	if (efer & EFER_SVME) {
		WRITE_ONCE(*(int *)error, -EBUSY);
		return;
	}
	/* #GP if firmware has disabled SVM on this CPU alone. */
	if (wrmsrq_safe(MSR_EFER, efer | EFER_SVME)) {
		WRITE_ONCE(*(int *)error, -ENODEV);
		return;
	}
	wrmsrq(MSR_VM_HSAVE_PA, cpu->hsave_pa);

	if (boot_cpu_has(X86_FEATURE_XSAVES))
		rdmsrq(MSR_IA32_XSS, cpu->xss);
	if (boot_cpu_has(X86_FEATURE_RDTSCP) || boot_cpu_has(X86_FEATURE_RDPID))
		rdmsrq(MSR_TSC_AUX, cpu->tsc_aux);
	if (svm_has(SVM_FEATURE_TSCRATEMSR))
		rdmsrq(MSR_AMD64_TSC_RATIO, cpu->tsc_ratio);
	asid_cpu_init(&cpu->asid, svm.nr_asids - 1, svm_has(SVM_FEATURE_FLUSHBYASID));
	WRITE_ONCE(cpu->enabled, true);
}

/* On the CPU itself, interrupts off. Does nothing where we did not set SVME. */
static void disable_cpu(void *unused)
{
	struct svm_cpu *cpu = this_cpu_ptr(&svm_cpu);
	u64 efer;

	if (!cpu->enabled)
		return;
	WRITE_ONCE(cpu->enabled, false);
	/*
	 * A panic may have come between CLGI and STGI. Without SVME there is no STGI, and with GIF
	 * clear the next kernel could not send this CPU an INIT (APM vol. 2, 15.17).
	 */
	asm volatile("stgi" : : : "memory");
	wrmsrq(MSR_VM_HSAVE_PA, 0);
	if (svm_has(SVM_FEATURE_TSCRATEMSR))
		wrmsr(MSR_AMD64_TSC_RATIO, lower_32_bits(TSC_RATIO_ONE),
		      upper_32_bits(TSC_RATIO_ONE));
	rdmsrq(MSR_EFER, efer);
	wrmsrq(MSR_EFER, efer & ~EFER_SVME);
}

static void free_pages_of(struct svm_cpu *cpu)
{
	if (cpu->hsave)
		free_page((unsigned long)cpu->hsave);
	if (cpu->host_save)
		free_page((unsigned long)cpu->host_save);
	cpu->hsave = NULL;
	cpu->host_save = NULL;
}

static void *alloc_page_near(unsigned int id)
{
	struct page *page = alloc_pages_node(cpu_to_node(id), GFP_KERNEL | __GFP_ZERO, 0);

	return page ? page_address(page) : NULL;
}

static int cpu_online_cb(unsigned int id)
{
	struct svm_cpu *cpu = per_cpu_ptr(&svm_cpu, id);
	int error = 0;

	cpu->hsave = alloc_page_near(id);
	cpu->host_save = alloc_page_near(id);
	if (!cpu->hsave || !cpu->host_save) {
		free_pages_of(cpu);
		return -ENOMEM;
	}
	cpu->hsave_pa = svm_pa(cpu->hsave);
	cpu->host_save_pa = svm_pa(cpu->host_save);

	mutex_lock(&svm_lock);
	if (svm_users && !svm_going_down) {
		local_irq_disable();
		enable_cpu(&error);
		local_irq_enable();
	}
	mutex_unlock(&svm_lock);
	if (error) {
		pr_err("CPU %u stays offline: cannot enable SVM on it (%d)\n", id, error);
		if (error == -EBUSY)
			vm_event(NULL, SVMM_EVENT_SVME_CONFLICT, -1,
				 "a CPU that came online has SVM in use");
		free_pages_of(cpu);
	}
	return error;
}

static int cpu_offline_cb(unsigned int id)
{
	local_irq_disable();
	disable_cpu(NULL);
	local_irq_enable();
	free_pages_of(per_cpu_ptr(&svm_cpu, id));
	return 0;
}

/* The boot CPU is the only one left, interrupts are off, tasks are frozen: no lock. */
static int svm_suspend(void)
{
	disable_cpu(NULL);
	svm_tsc_slept = tsc_host();
	return 0;
}

static void svm_resume(void)
{
	int error = 0;

	/* Sleep may have reset the TSC: guests' must not go back. */
	if (tsc_host() < svm_tsc_slept)
		svm_tsc_lost = svm_tsc_slept - rdtsc_ordered();
	if (svm_users && !svm_going_down)
		enable_cpu(&error);
	if (error)
		pr_err("cannot enable SVM after suspend (%d): guests stop\n", error);
}

SVMM_SYSCORE(svm_syscore, svm_suspend, svm_resume);

/* Also before kexec: the next kernel must find SVME clear. Guests that still run are stopped. */
static int reboot_cb(struct notifier_block *nb, unsigned long action, void *data)
{
	cpus_read_lock();
	mutex_lock(&svm_lock);
	svm_going_down = true;
	on_each_cpu(disable_cpu, NULL, 1);
	mutex_unlock(&svm_lock);
	cpus_read_unlock();
	return NOTIFY_DONE;
}

static struct notifier_block reboot_nb = { .notifier_call = reboot_cb };

/* Only this CPU can still do anything; the others were stopped. */
static int panic_cb(struct notifier_block *nb, unsigned long action, void *data)
{
	unsigned long flags;

	local_irq_save(flags);
	disable_cpu(NULL);
	local_irq_restore(flags);
	return NOTIFY_DONE;
}

static struct notifier_block panic_nb = { .notifier_call = panic_cb };

int svm_get(void)
{
	static struct ratelimit_state told =
		RATELIMIT_STATE_INIT_FLAGS(told, HZ, 10, RATELIMIT_MSG_ON_RELEASE);
	int error = 0;

	cpus_read_lock();
	mutex_lock(&svm_lock);
	if (svm_going_down) {
		error = -ENODEV;
	} else if (!svm_users) {
		on_each_cpu(enable_cpu, &error, 1);
		if (error)
			on_each_cpu(disable_cpu, NULL, 1);
	}
	if (!error)
		svm_users++;
	mutex_unlock(&svm_lock);
	cpus_read_unlock();

	if (error == -EBUSY) {
		/* Who may create VMs may try as often as he likes. */
		if (__ratelimit(&told))
			vm_event(NULL, SVMM_EVENT_SVME_CONFLICT, -1, "a VM was wanted");
		pr_err_ratelimited("SVM is in use (EFER.SVME=1), probably by kvm_amd; try: rmmod kvm_amd\n");
	}
	return error;
}

void svm_put(void)
{
	cpus_read_lock();
	mutex_lock(&svm_lock);
	if (!--svm_users)
		on_each_cpu(disable_cpu, NULL, 1);
	mutex_unlock(&svm_lock);
	cpus_read_unlock();
}

int svm_cpu_init(void)
{
	int ret;

	ret = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "x86/svmm:online", cpu_online_cb,
				cpu_offline_cb);
	if (ret < 0)
		return ret;
	svm_hotplug_state = ret;
	ret = register_reboot_notifier(&reboot_nb);
	if (ret)
		goto err_hotplug;
	ret = atomic_notifier_chain_register(&panic_notifier_list, &panic_nb);
	if (ret)
		goto err_reboot;
	register_syscore(&svm_syscore);
	return 0;

err_reboot:
	unregister_reboot_notifier(&reboot_nb);
err_hotplug:
	cpuhp_remove_state(svm_hotplug_state);
	return ret;
}

void svm_cpu_exit(void)
{
	unregister_syscore(&svm_syscore);
	atomic_notifier_chain_unregister(&panic_notifier_list, &panic_nb);
	unregister_reboot_notifier(&reboot_nb);
	cpuhp_remove_state(svm_hotplug_state);
}
