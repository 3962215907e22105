// SPDX-License-Identifier: GPL-2.0
/*
 * The emulator's way to guest memory and devices.
 *
 * An address is translated through the guest's page tables; what lies in a slot
 * is memory, the local APIC's page is answered here, the rest goes to user
 * space.  A read that user space has to answer ends the emulation, which starts
 * over when the data is there and finds it in a log.  Writes come last in every
 * instruction, so they are posted: the instruction is complete, and its writes
 * are handed out one by one, none wider than 8 bytes or across a page, before
 * the guest runs on.
 */
#include <linux/sched/signal.h>

#include "core.h"
#include "ioevent.h"
#include "memory.h"
#include "trace.h"
#include "svm/svm.h"

/* Rounds of a REP instruction before the loop looks at the world again. */
#define REP_ROUNDS		64

void guest_raise(struct vcpu *vcpu)
{
	const struct emu_exception *x = &vcpu->emu.exception;

	event_raise(vcpu, x->vector, x->has_error, x->error_code, x->address);
}

/* An access of at most two pages, in pieces that do not cross one. */
struct piece {
	u64 gpa;
	unsigned int bytes;
};

static enum emu_result split(struct vcpu *vcpu, u64 linear, unsigned int bytes,
			     unsigned int access, struct piece piece[2], unsigned int *nr)
{
	unsigned int first = min_t(unsigned int, bytes, PAGE_SIZE - (linear & ~PAGE_MASK));
	enum emu_result ret;

	piece[0].bytes = first;
	piece[1].bytes = bytes - first;
	*nr = piece[1].bytes ? 2 : 1;
	ret = guest_translate(vcpu, linear, access, &piece[0].gpa);
	if (ret == EMU_OK && piece[1].bytes)
		ret = guest_translate(vcpu, linear + first, access, &piece[1].gpa);
	return ret;
}

static bool in_lapic(struct vcpu *vcpu, u64 gpa)
{
	return (gpa & PAGE_MASK) == vcpu->lapic_page;
}

static __always_inline void fill_exit(struct vcpu *vcpu, bool write, u64 gpa, u64 data,
				      unsigned int bytes)
{
	struct svmm_exit *exit = &vcpu->page->exit;

	exit->reason = SVMM_EXIT_MMIO;
	exit->flags = 0;
	memset(&exit->mmio, 0, sizeof(exit->mmio));
	exit->mmio.gpa = gpa;
	memcpy(exit->mmio.data, &data, sizeof(data));
	exit->mmio.bytes = bytes;
	exit->mmio.is_write = write;
}

/* User space's answer to a read: once, since it may change. */
static __always_inline u64 take_answer(struct vcpu *vcpu, unsigned int bytes)
{
	return READ_ONCE(*(u64 *)vcpu->page->exit.mmio.data) & GENMASK_ULL(8 * bytes - 1, 0);
}

/* A device read of at most 8 bytes: from the log, or by user space. */
static enum emu_result device_read(struct vcpu *vcpu, u64 gpa, u8 *data, unsigned int bytes)
{
	struct vcpu_io *io = &vcpu->io;
	struct mmio_frag *frag;

	if (in_lapic(vcpu, gpa)) {
		lapic_mmio_read(vcpu, gpa & ~PAGE_MASK, data, bytes);
		return EMU_OK;
	}
	if (io->next_read >= MMIO_MAX_FRAGS)
		return EMU_FAIL;
	frag = &io->read[io->next_read];
	if (io->next_read < io->nr_reads) {
		if (frag->gpa == gpa && frag->bytes == bytes) {
			memcpy(data, &frag->data, bytes);
			io->next_read++;
			return EMU_OK;
		}
		/* Another vCPU changed the instruction or its tables meanwhile. */
		io->nr_reads = io->next_read;
	}
	frag->gpa = gpa;
	frag->bytes = bytes;
	io->state = IO_MMIO_READ;
	fill_exit(vcpu, false, gpa, 0, bytes);
	return EMU_IO;
}

static enum emu_result device_write(struct vcpu *vcpu, u64 gpa, const u8 *data,
				    unsigned int bytes)
{
	struct vcpu_io *io = &vcpu->io;
	struct mmio_frag *frag;

	if (in_lapic(vcpu, gpa)) {
		lapic_mmio_write(vcpu, gpa & ~PAGE_MASK, data, bytes);
		return EMU_OK;
	}
	if (io->nr_writes == MMIO_MAX_FRAGS)
		return EMU_FAIL;
	frag = &io->write[io->nr_writes++];
	frag->gpa = gpa;
	frag->bytes = bytes;
	frag->data = 0;
	memcpy(&frag->data, data, bytes);
	return EMU_OK;
}

/* @write: from @p to the guest, which leaves what @p points to as it is. */
static int guest_access(struct emu *e, u64 linear, u8 *p, unsigned int bytes,
			unsigned int access, bool write)
{
	struct vcpu *vcpu = container_of(e, struct vcpu, emu);
	struct piece piece[2];
	unsigned int i, nr, n;
	enum emu_result ret;

	ret = split(vcpu, linear, bytes, access, piece, &nr);
	for (i = 0; ret == EMU_OK && i < nr; i++) {
		u64 gpa = piece[i].gpa;

		if (!in_lapic(vcpu, gpa)) {
			int err = write ? vm_write_guest(vcpu->vm, gpa, p, piece[i].bytes) :
					  vm_read_guest(vcpu->vm, gpa, p, piece[i].bytes);

			if (!err) {
				p += piece[i].bytes;
				continue;
			}
			if (err != -ENOENT)
				return EMU_FAIL;
		}
		for (; ret == EMU_OK && piece[i].bytes; piece[i].bytes -= n, gpa += n, p += n) {
			n = min(piece[i].bytes, 8U);
			ret = write ? device_write(vcpu, gpa, p, n) : device_read(vcpu, gpa, p, n);
		}
	}
	return ret;
}

static int guest_read(struct emu *e, u64 linear, void *data, unsigned int bytes,
		      unsigned int access)
{
	return guest_access(e, linear, data, bytes, access, false);
}

static int guest_write(struct emu *e, u64 linear, const void *data, unsigned int bytes,
		       unsigned int access)
{
	return guest_access(e, linear, (void *)data, bytes, access | GUEST_WRITE, true);
}

static int guest_cmpxchg(struct emu *e, u64 linear, u64 old, u64 new, unsigned int bytes,
			 unsigned int access)
{
	struct vcpu *vcpu = container_of(e, struct vcpu, emu);
	enum emu_result ret;
	u64 gpa;

	/* A split lock is not atomic here; nor does a device know locks. */
	if (linear & (bytes - 1))
		return guest_write(e, linear, &new, bytes, access);
	ret = guest_translate(vcpu, linear, access | GUEST_WRITE, &gpa);
	if (ret != EMU_OK)
		return ret;
	if (!in_lapic(vcpu, gpa)) {
		switch (vm_cmpxchg_guest(vcpu->vm, gpa, old, new, bytes)) {
		case 0:
			return EMU_OK;
		case -EAGAIN:
			return EMU_RETRY;
		case -ENOENT:
			break;
		default:
			return EMU_FAIL;
		}
	}
	return device_write(vcpu, gpa, (u8 *)&new, bytes);
}

static void guest_fpu(struct emu *e, struct emu_fpu *fpu)
{
	svm_emu_fpu(container_of(e, struct vcpu, emu), fpu);
}

const struct emu_ops guest_emu_ops = {
	.read = guest_read,
	.write = guest_write,
	.replace = guest_cmpxchg,
	.fpu = guest_fpu,
};

/*
 * Fetch
 */

static enum emu_result fetch(struct vcpu *vcpu)
{
	struct emu *e = &vcpu->emu;
	unsigned int access = GUEST_FETCH | (e->cpl == 3 ? GUEST_USER : 0);
	u64 linear = emu_fetch_linear(e, e->nbytes);
	unsigned int n = min_t(unsigned int, X86_INSN_MAX - e->nbytes,
			       PAGE_SIZE - (linear & ~PAGE_MASK));
	enum emu_result ret;
	u64 gpa;

	ret = guest_translate(vcpu, linear, access, &gpa);
	if (ret != EMU_OK)
		return ret;
	if (vm_read_guest(vcpu->vm, gpa, e->bytes + e->nbytes, n))
		return EMU_FAIL;
	e->nbytes += n;
	return EMU_OK;
}

enum emu_result mmio_load_emu(struct vcpu *vcpu)
{
	struct emu *e = &vcpu->emu;
	enum emu_result ret = EMU_OK;
	struct x86_insn insn;

	svm_load_emu(vcpu);
	e->ops = &guest_emu_ops;
	if (!e->nbytes)
		ret = fetch(vcpu);
	if (ret != EMU_OK)
		return ret;
	/* The next page is looked at only if the instruction reaches into it. */
	if (e->nbytes < X86_INSN_MAX && !(emu_fetch_linear(e, e->nbytes) & ~PAGE_MASK) &&
	    x86_decode(&insn, e->bytes, e->nbytes, emu_mode(e)) == X86_DECODE_TRUNCATED)
		ret = fetch(vcpu);
	return ret;
}

void mmio_hide_tf(struct vcpu *vcpu, u64 linear)
{
	struct emu *e = &vcpu->emu;
	unsigned int access;
	u8 byte;

	svm_load_emu(vcpu);
	access = e->cpl == 3 ? GUEST_USER : 0;
	/* A device there takes what it has got. */
	if (guest_translate(vcpu, linear + 1, access | GUEST_WRITE, &linear) != EMU_OK ||
	    vm_read_guest(vcpu->vm, linear, &byte, 1))
		return;
	byte &= ~(X86_EFLAGS_TF >> 8);
	vm_write_guest(vcpu->vm, linear, &byte, 1);
}

/*
 * Emulation
 */

enum io_next mmio_failure(struct vcpu *vcpu, u64 gpa)
{
	struct svmm_exit *exit = &vcpu->page->exit;
	const struct emu *e = &vcpu->emu;

	exit->reason = SVMM_EXIT_EMULATION_FAILURE;
	exit->flags = 0;
	memset(&exit->emulation, 0, sizeof(exit->emulation));
	exit->emulation.rip = svm_get_rip(vcpu);
	exit->emulation.gpa = gpa;
	exit->emulation.nbytes = e->nbytes;
	memcpy(exit->emulation.bytes, e->bytes, e->nbytes);
	return IO_NEXT_USER;
}

/* To an eventfd, or to user space, which sees it before the guest runs on. */
static __always_inline enum io_next hand_out(struct vcpu *vcpu, u64 gpa, u64 data,
					     unsigned int bytes)
{
	bool done;

	trace_svmm_mmio(vcpu, true, gpa, data, bytes);
	if (unlikely(ioevent_any(vcpu->vm))) {
		rcu_read_lock();
		done = ioevent_signal(vcpu->vm, false, gpa, data, bytes);
		rcu_read_unlock();
		if (done)
			return IO_NEXT_RUN;
	}
	fill_exit(vcpu, true, gpa, data, bytes);
	return IO_NEXT_USER;
}

enum io_next mmio_next_write(struct vcpu *vcpu)
{
	struct vcpu_io *io = &vcpu->io;
	const struct mmio_frag *frag;

	while (io->next_write < io->nr_writes) {
		frag = &io->write[io->next_write++];
		if (hand_out(vcpu, frag->gpa, frag->data, frag->bytes) == IO_NEXT_USER) {
			io->state = IO_MMIO_WRITE;
			return IO_NEXT_USER;
		}
	}
	io->next_write = 0;
	io->nr_writes = 0;
	return IO_NEXT_RUN;
}

/* One instruction, or one round of a REP instruction. */
static enum emu_result emulate_once(struct vcpu *vcpu)
{
	enum emu_result ret;

	vcpu->io.next_read = 0;
	ret = mmio_load_emu(vcpu);
	if (ret == EMU_OK)
		ret = x86_emulate(&vcpu->emu);
	if (ret == EMU_IO)
		return ret;
	vcpu->io.nr_reads = 0;
	if (ret == EMU_OK)
		svm_store_emu(vcpu);
	else
		vcpu->io.nr_writes = 0;
	return ret;
}

enum io_next mmio_emulate(struct vcpu *vcpu, u64 gpa)
{
	unsigned int rounds;

	/*
	 * An event's delivery met a device where its stack or table should be:
	 * there is no instruction to emulate.
	 */
	if (vcpu->injected.valid)
		return mmio_failure(vcpu, gpa);

	for (rounds = 0; rounds < REP_ROUNDS; rounds++) {
		switch (emulate_once(vcpu)) {
		case EMU_OK:
			if (vcpu->io.nr_writes)
				return mmio_next_write(vcpu);
			if (!vcpu->emu.rep_again || READ_ONCE(vcpu->requests) ||
			    signal_pending(current))
				return IO_NEXT_RUN;
			break;
		case EMU_EXCEPTION:
			guest_raise(vcpu);
			return IO_NEXT_RUN;
		case EMU_RETRY:
			return IO_NEXT_RUN;
		case EMU_IO:
			return IO_NEXT_USER;
		default:
			return mmio_failure(vcpu, gpa);
		}
	}
	return IO_NEXT_RUN;
}

enum io_next mmio_complete_read(struct vcpu *vcpu)
{
	struct vcpu_io *io = &vcpu->io;
	struct mmio_frag *frag = &io->read[io->next_read];

	/* Whatever the guest does now, it begins with it. */
	if (svm_state_loaded(vcpu)) {
		io->nr_reads = 0;
		return IO_NEXT_RUN;
	}
	/* device_read() stopped at this one. */
	frag->data = take_answer(vcpu, frag->bytes);
	io->nr_reads = io->next_read + 1;
	trace_svmm_mmio(vcpu, false, frag->gpa, frag->data, frag->bytes);
	return mmio_emulate(vcpu, frag->gpa);
}

/*
 * Plain MOVs: what the emulator would do, in a few instructions (svm/mov.c)
 */

static enum io_next mov_store(struct vcpu *vcpu, u64 gpa, const struct x86_mov *mov)
{
	u64 data = x86_mov_stored(mov, vcpu->regs);

	return hand_out(vcpu, gpa, data, mov->bytes);
}

static enum io_next mov_load(struct vcpu *vcpu, u64 gpa, const struct x86_mov *mov)
{
	struct vcpu_io *io = &vcpu->io;

	io->state = IO_MMIO_LOAD;
	io->mov = *mov;
	fill_exit(vcpu, false, gpa, 0, mov->bytes);
	return IO_NEXT_USER;
}

enum io_next mmio_complete_load(struct vcpu *vcpu)
{
	const struct x86_mov *mov = &vcpu->io.mov;
	u64 data;

	if (svm_state_loaded(vcpu))
		return IO_NEXT_RUN;
	data = take_answer(vcpu, mov->bytes);
	trace_svmm_mmio(vcpu, false, vcpu->fault.gpa, data, mov->bytes);
	vcpu->regs[mov->reg] = x86_mov_loaded(mov, vcpu->regs[mov->reg], data);
	svm_mov_done(vcpu, mov);
	return IO_NEXT_RUN;
}

enum io_next mmio_fault(struct vcpu *vcpu)
{
	const struct x86_mov *mov = NULL;
	u64 gpa = vcpu->fault.gpa;

	if (likely(!vcpu->injected.valid) && !in_lapic(vcpu, gpa))
		mov = svm_device_mov(vcpu);
	if (unlikely(!mov))
		return mmio_emulate(vcpu, gpa);
	return mov->store ? mov_store(vcpu, gpa, mov) : mov_load(vcpu, gpa, mov);
}
