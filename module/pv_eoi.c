// SPDX-License-Identifier: GPL-2.0
/*
 * The end of an interrupt without an exit: KVM_FEATURE_PV_EOI (Linux:
 * Documentation/virt/kvm/x86/msr.rst, MSR_KVM_PV_EOI_EN).
 *
 * A bit in the guest's memory says that the interrupt in service may be ended by
 * clearing it.  It is set only if nothing depends on the end: one vector in
 * service, edge-triggered, and none requested.  The one trick: an offer lasts
 * from VMRUN to #VMEXIT and not longer.  Whoever requests another vector makes
 * the vCPU exit (lapic_outranked() lets no such kick be saved), and the exit
 * looks what became of the bit before it does anything else, so nobody else has
 * to know that the APIC's state was out of date in between.
 */
#include <linux/kvm_para.h>

#include "lapic.h"
#include "memory.h"

void pv_eoi_offer(struct vcpu *vcpu)
{
	const u8 on = KVM_PV_EOI_ENABLED;
	struct lapic *lapic = vcpu->lapic;
	int vector = lapic->isr_top;

	if (!(vcpu->pv.pv_eoi & PV_ENABLE) || vector < 0 || test_bit(vector, lapic->tmr))
		return;
	/* The lowest in service is the highest; what is requested after this look kicks. */
	if (find_first_bit(lapic->isr, 256) != vector || find_first_bit(lapic->irr, 256) != 256)
		return;
	/* Kept: the guest may move its page before the offer is settled. */
	vcpu->eoi_gpa = vcpu->pv.pv_eoi & ~(u64)PV_ENABLE;
	if (vm_write_guest_nofault(vcpu->vm, vcpu->eoi_gpa, &on, sizeof(on)))
		return;
	WRITE_ONCE(vcpu->eoi_offer, vector);
	vcpu->counters.pv_eoi_offered++;
}

/* The bit is clear in memory again, and was @value. */
static void eoi_settled(struct vcpu *vcpu, u8 value)
{
	struct lapic *lapic = vcpu->lapic;

	if (!(value & KVM_PV_EOI_ENABLED)) {
		/* It was the only one in service, but an EOI may have come the long way, too. */
		__clear_bit(vcpu->eoi_offer, lapic->isr);
		lapic_isr_changed(lapic);
		vcpu_request(vcpu, VCPU_REQ_EVENT);
		vcpu->counters.pv_eoi_taken++;
	}
	WRITE_ONCE(vcpu->eoi_offer, 0);
}

bool pv_eoi_take_back(struct vcpu *vcpu)
{
	const u8 off = KVM_PV_EOI_DISABLED;
	u8 value;

	if (!vcpu->eoi_offer)
		return true;
	if (vm_read_guest_nofault(vcpu->vm, vcpu->eoi_gpa, &value, sizeof(value)) ||
	    vm_write_guest_nofault(vcpu->vm, vcpu->eoi_gpa, &off, sizeof(off))) {
		/* The host took the page meanwhile. */
		vcpu_request(vcpu, VCPU_REQ_PV_EOI);
		return false;
	}
	eoi_settled(vcpu, value);
	return true;
}

void pv_eoi_settle(struct vcpu *vcpu)
{
	const u8 off = KVM_PV_EOI_DISABLED;
	u8 value = KVM_PV_EOI_ENABLED;

	if (!vcpu->eoi_offer)
		return;
	/* A page that is no more: the guest has to end its interrupt itself. */
	if (!vm_read_guest(vcpu->vm, vcpu->eoi_gpa, &value, sizeof(value)))
		vm_write_guest(vcpu->vm, vcpu->eoi_gpa, &off, sizeof(off));
	eoi_settled(vcpu, value);
}
