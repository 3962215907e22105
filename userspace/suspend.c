// SPDX-License-Identifier: GPL-2.0
/*
 * Waking up from S3: what firmware does between the wake-up event and the guest's own code, or, if
 * there is one, what makes it do that: a reset that finds why in CMOS.
 *
 * Memory has stayed, and so have the devices, which a guest may find in any state.  The processors
 * have lost everything: they get the state that the module gave them at first, of which a copy was
 * kept, and the first one jumps in real mode to the guest's waking vector (ACPI 6.5, 5.2.10 and
 * 16.3.2).  With their APICs is lost what those had to end, so the I/O APIC must not wait for it.
 */
#include <errno.h>
#include <stdlib.h>

#include "acpi.h"
#include "boot.h"
#include "machine.h"
#include "message.h"

/* All but time, which goes on, and what only has a meaning once CR4 and XCR0 are set. */
#define LOST	(SVMM_STATE_GPR | SVMM_STATE_SEG | SVMM_STATE_CR | SVMM_STATE_DR | \
		 SVMM_STATE_MSR | SVMM_STATE_EVENTS | SVMM_STATE_MP | SVMM_STATE_PV | \
		 SVMM_STATE_LAPIC)

#define REAL_MODE_END	0x100000u
#define CR0_NW_CD	0x60000000u	/* a firmware has its caches on */

struct power_on {
	struct svmm_vcpu_page page;
	struct svmm_lapic lapic;
};

static struct svmm_lapic *lapic(const struct vcpu *vcpu)
{
	return (struct svmm_lapic *)((uint8_t *)vcpu->page + vcpu->page->lapic_offset);
}

int suspend_remember(struct vcpu *vcpu)
{
	int err = svmm_get_state(vcpu->fd, LOST);

	if (err)
		return err;
	vcpu->power_on = malloc(sizeof(*vcpu->power_on));
	if (!vcpu->power_on)
		return -ENOMEM;
	vcpu->power_on->page = *vcpu->page;
	vcpu->power_on->lapic = *lapic(vcpu);
	return 0;
}

void suspend_forget(struct vcpu *vcpu)
{
	free(vcpu->power_on);
}

/* The power-on state into @vcpu's page. */
static void power_on(struct vcpu *vcpu)
{
	const struct svmm_vcpu_page *from = &vcpu->power_on->page;
	struct svmm_vcpu_page *to = vcpu->page;

	to->gpr = from->gpr;
	to->seg = from->seg;
	to->cr = from->cr;
	to->dr = from->dr;
	to->msr = from->msr;
	to->events = from->events;
	to->mp = from->mp;
	to->pv = from->pv;
	*lapic(vcpu) = vcpu->power_on->lapic;
	to->dirty = LOST;
}

static void jump(struct svmm_vcpu_page *page, uint32_t vector)
{
	page->seg.cs.selector = vector >> 4;
	page->seg.cs.base = vector & ~15u;
	page->gpr.rip = vector & 15;
	page->cr.cr0 &= ~CR0_NW_CD;
}

static void leave_firmware(struct vcpu *vcpu, uint32_t vector)
{
	/* Memory types are the firmware's work. */
	boot_secondary(vcpu->page);
	if (!vcpu->id)
		jump(vcpu->page, vector);
}

enum machine_stop suspend_wake(struct machine *m)
{
	bool firmware = m->fw_cfg;
	uint32_t vector = firmware ? 0 : acpi_waking_vector(&m->ram);

	if (!firmware && (!vector || vector >= REAL_MODE_END))
		return MACHINE_RESET;
	if (firmware)
		rtc_tell_woken(m->rtc);
	ioapic_reset(m->ioapic);
	for (unsigned int i = 0; i < m->nr_vcpus; i++) {
		struct vcpu *vcpu = &m->vcpus[i];
		int err;

		power_on(vcpu);
		if (!firmware)
			leave_firmware(vcpu, vector);
		vcpu->page->immediate_exit = 0;
		err = svmm_set_state(vcpu->fd);
		if (err) {
			message("cannot wake vCPU %u: %s", i, svmm_explain(SVMM_SET_STATE, err));
			return MACHINE_ERROR;
		}
	}
	return MACHINE_WAKE;
}
