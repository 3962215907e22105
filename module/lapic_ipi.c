// SPDX-License-Identifier: GPL-2.0
/*
 * Messages between local APICs and from devices: who is addressed, and what the
 * message does there (APM vol. 2, 16.5 and 16.6).
 *
 * It must not know who the sender is: an IPI and an MSI differ only in how
 * their words are taken apart.  A physical destination is an index into the
 * VM's vCPUs; everything else looks at each of them once.  Nothing here takes
 * a lock or sleeps: any context may send.
 */
#include "lapic.h"
#include "trace.h"

/* ICR (APM vol. 2, figure 16-18) */
#define ICR_LOGICAL		BIT(11)
#define ICR_SHORTHAND(icr)	((icr) >> 18 & 3)

enum { TO_DEST, TO_SELF, TO_ALL, TO_OTHERS };

/* MSI address and data (APM vol. 2, 16.11) */
#define MSI_ADDRESS_BASE	0xfee00000
#define MSI_LOGICAL		BIT(2)
#define MSI_REDIRECT		BIT(3)

#define DFR_FLAT		0xf
#define DFR_CLUSTER		0x0

/**
 * struct lapic_message - what goes over the bus
 * @word: vector 7:0, mode 10:8, level 14, trigger 15, as in ICR and MSI data
 * @mode: enum lapic_mode; differs from @word's if the sender asks for redirection
 * @dest: destination
 * @logical: @dest is logical
 * @wide: @dest has 32 bits: FFh is no broadcast
 * @skip: not to this vCPU; NULL: no exception
 * @everyone: a shorthand: @dest means nothing
 */
struct lapic_message {
	u32 word;
	enum lapic_mode mode;
	u32 dest;
	bool logical;
	bool wide;
	bool everyone;
	const struct vcpu *skip;
};

static bool lapic_broadcast(const struct lapic_message *msg)
{
	return msg->everyone || msg->dest == ~0U || (!msg->wide && msg->dest == 0xff);
}

/* The receiver's mode decides how a logical destination reads. */
static bool lapic_match_logical(const struct vcpu *vcpu, u32 dest)
{
	const struct lapic *lapic = vcpu->lapic;
	u32 ldr = lapic_get(lapic, LAPIC_LDR) >> 24;

	if (lapic_x2apic(lapic))
		return dest >> 16 == vcpu->id >> 4 && dest & BIT(vcpu->id & 15);
	if (dest > 0xff)
		return false;
	switch (lapic_get(lapic, LAPIC_DFR) >> 28) {
	case DFR_FLAT:
		return dest & ldr;
	case DFR_CLUSTER:
		return (dest >> 4 == 0xf || dest >> 4 == ldr >> 4) && dest & ldr & 0xf;
	}
	return false;
}

static bool lapic_match(const struct vcpu *vcpu, const struct lapic_message *msg)
{
	if (vcpu == msg->skip)
		return false;
	if (lapic_broadcast(msg))
		return true;
	return msg->logical ? lapic_match_logical(vcpu, msg->dest) : vcpu->id == msg->dest;
}

static bool lapic_takes(const struct vcpu *vcpu, enum lapic_mode mode)
{
	if (mode == LAPIC_MODE_FIXED || mode == LAPIC_MODE_LOWEST)
		return lapic_listens(vcpu->lapic);
	return lapic_enabled(vcpu->lapic);
}

/* Return: 1 if @vcpu's APIC took the message. */
static int lapic_receive(struct vcpu *vcpu, const struct lapic_message *msg)
{
	u8 vector = msg->word & LAPIC_VECTOR;

	if (!lapic_takes(vcpu, msg->mode))
		return 0;

	switch (msg->mode) {
	case LAPIC_MODE_FIXED:
	case LAPIC_MODE_LOWEST:
		if (vector < 16)
			lapic_error(vcpu, LAPIC_ERR_RECEIVED_VECTOR);
		else
			lapic_request_vector(vcpu, vector, msg->word & LAPIC_LEVEL);
		return 1;
	case LAPIC_MODE_NMI:
		vcpu_nmi(vcpu);
		return 1;
	case LAPIC_MODE_INIT:
		/* A start-up IPI from before is void; one that follows is not. */
		clear_bit(VCPU_REQ_SIPI, &vcpu->requests);
		vcpu_request(vcpu, VCPU_REQ_INIT);
		break;
	case LAPIC_MODE_STARTUP:
		WRITE_ONCE(vcpu->sipi_vector, vector);
		/* The vector before the request that names it. */
		smp_wmb();
		vcpu_request(vcpu, VCPU_REQ_SIPI);
		break;
	default:
		/* SMI: there is no SMM.  ExtINT: the 8259 has a line of its own. */
		return 0;
	}
	vcpu_kick(vcpu);
	return 1;
}

/**
 * lapic_lint() - an edge at a pin of the local APIC
 * @vcpu: whose
 * @pin: 0 or 1
 *
 * The pin's LVT says what it does; with APIC_BASE disabled pin 1 is the CPU's NMI.  ExtINT is a
 * level, which event.c looks at.  Any context.
 */
void lapic_lint(struct vcpu *vcpu, unsigned int pin)
{
	u32 lvt = lapic_get(vcpu->lapic, LAPIC_LVT_LINT0 + pin);
	struct lapic_message msg = {
		.word = lvt,
		.mode = LAPIC_MODE(lvt),
	};

	if (!lapic_enabled(vcpu->lapic)) {
		if (pin)
			vcpu_nmi(vcpu);
		return;
	}
	/* No pin asks for the lowest priority or for a start-up (APM vol. 2, 16.4). */
	if (!(lvt & LAPIC_LVT_MASKED) && msg.mode != LAPIC_MODE_LOWEST &&
	    msg.mode != LAPIC_MODE_STARTUP)
		lapic_receive(vcpu, &msg);
}

/* Is @a a better target for a lowest-priority message than @b? */
static bool lapic_lower(const struct lapic *a, const struct lapic *b)
{
	u32 ppr_a = lapic_ppr(a) >> 4, ppr_b = lapic_ppr(b) >> 4;

	if (ppr_a != ppr_b)
		return ppr_a < ppr_b;
	return (int)(READ_ONCE(a->taken) - READ_ONCE(b->taken)) < 0;
}

static int lapic_send(struct vm *vm, const struct lapic_message *msg)
{
	unsigned int id, nr = READ_ONCE(vm->nr_vcpus);
	struct vcpu *vcpu, *best = NULL;
	int taken = 0;

	if (!msg->logical && !lapic_broadcast(msg)) {
		vcpu = vm_get_vcpu(vm, msg->dest);
		return vcpu ? lapic_receive(vcpu, msg) : 0;
	}

	for (id = 0; id < nr; id++) {
		vcpu = vm_get_vcpu(vm, id);
		if (!vcpu || !lapic_match(vcpu, msg))
			continue;
		if (msg->mode != LAPIC_MODE_LOWEST)
			taken += lapic_receive(vcpu, msg);
		else if (lapic_takes(vcpu, msg->mode) &&
			 (!best || lapic_lower(vcpu->lapic, best->lapic)))
			best = vcpu;
	}
	if (best) {
		WRITE_ONCE(best->lapic->taken, READ_ONCE(best->lapic->taken) + 1);
		taken = lapic_receive(best, msg);
	}
	return taken;
}

/**
 * lapic_send_ipi() - the ICR was written
 * @vcpu: the sender; its thread is the caller
 * @icr: lower half, reserved bits clear
 * @dest: upper half: 8 bits in xAPIC, 32 in x2APIC mode
 *
 * INIT level de-assert does nothing (APM vol. 2, 16.5), a reserved mode neither.
 */
void lapic_send_ipi(struct vcpu *vcpu, u32 icr, u32 dest)
{
	struct lapic_message msg = {
		.word = icr & ~LAPIC_LEVEL,	/* an IPI is edge-triggered */
		.mode = LAPIC_MODE(icr),
		.dest = dest,
		.logical = icr & ICR_LOGICAL,
		.wide = lapic_x2apic(vcpu->lapic),
	};

	trace_svmm_apic_ipi(vcpu, icr, dest);
	if (msg.mode == LAPIC_MODE_INIT && LAPIC_DEASSERT(icr))
		return;
	if ((msg.mode == LAPIC_MODE_FIXED || msg.mode == LAPIC_MODE_LOWEST) &&
	    (icr & LAPIC_VECTOR) < 16) {
		lapic_error(vcpu, LAPIC_ERR_SENT_VECTOR);
		return;
	}

	/* To itself, alone or among all, a CPU sends fixed interrupts only (table 16-4). */
	if (msg.mode != LAPIC_MODE_FIXED &&
	    (ICR_SHORTHAND(icr) == TO_SELF || ICR_SHORTHAND(icr) == TO_ALL))
		return;

	switch (ICR_SHORTHAND(icr)) {
	case TO_SELF:
		lapic_receive(vcpu, &msg);
		return;
	case TO_OTHERS:
		msg.skip = vcpu;
		fallthrough;
	case TO_ALL:
		msg.everyone = true;
		break;
	}
	lapic_send(vcpu->vm, &msg);
}

/* A reserved mode makes it none. */
bool lapic_msi_valid(u64 address, u32 data)
{
	return (address & 0xfffff00000) == MSI_ADDRESS_BASE && LAPIC_MODE(data) != 3;
}

/**
 * lapic_deliver_msi() - an interrupt message from a device
 * @vm: the VM
 * @address: as a PCI function writes it, see struct svmm_msi
 * @data: likewise
 *
 * Any context.  Return: how many APICs took it (a level-triggered de-assert:
 * 0), or -EINVAL: no message address, or a reserved mode.
 */
int lapic_deliver_msi(struct vm *vm, u64 address, u32 data)
{
	struct lapic_message msg = {
		.word = data,
		.mode = LAPIC_MODE(data),
		.dest = (address >> 12 & 0xff) | (u32)(address >> 40) << 8,
		.logical = address & MSI_LOGICAL,
		.wide = address >> 40,
	};

	if (!lapic_msi_valid(address, data))
		return -EINVAL;
	if (LAPIC_DEASSERT(data))
		return 0;
	if (msg.mode == LAPIC_MODE_FIXED && msg.logical && address & MSI_REDIRECT)
		msg.mode = LAPIC_MODE_LOWEST;
	return lapic_send(vm, &msg);
}
