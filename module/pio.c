// SPDX-License-Identifier: GPL-2.0
/*
 * Port accesses to and from user space, through the vCPU's port data area.
 *
 * OUT and OUTS are posted: the guest's registers have moved on when user space
 * sees the exit.  IN and INS are completed by the next RUN.  A string
 * instruction hands over as many elements as lie in one page, in the order in
 * which the ports would see them.
 */
#include <linux/mm.h>

#include "core.h"
#include "ioevent.h"
#include "trace.h"
#include "svm/svm.h"

static void fill_exit(struct vcpu *vcpu, u16 port, bool in, u8 bytes, u32 count)
{
	struct svmm_exit *exit = &vcpu->page->exit;

	exit->reason = SVMM_EXIT_IO;
	exit->flags = 0;
	exit->io.port = port;
	exit->io.direction = in ? SVMM_IO_IN : SVMM_IO_OUT;
	exit->io.bytes = bytes;
	exit->io.count = count;
	exit->io.data_offset = VCPU_AREA_IO * PAGE_SIZE;
	exit->io.reserved = 0;
}

void pio_in(struct vcpu *vcpu, u16 port, u8 bytes)
{
	vcpu->io.state = IO_PIO_IN;
	vcpu->io.port = port;
	vcpu->io.bytes = bytes;
	*(u32 *)vcpu->io_data = 0;
	fill_exit(vcpu, port, true, bytes, 1);
}

enum io_next pio_out(struct vcpu *vcpu, u16 port, u8 bytes)
{
	u32 value = vcpu->regs[X86_RAX];

	if (bytes < 4)
		value &= (1U << 8 * bytes) - 1;
	trace_svmm_pio(vcpu, true, port, bytes, 1, value);
	if (ioevent_signal(vcpu->vm, true, port, value, bytes))
		return IO_NEXT_RUN;
	*(u32 *)vcpu->io_data = value;
	fill_exit(vcpu, port, false, bytes, 1);
	return IO_NEXT_USER;
}

enum io_next pio_out_outside(struct vcpu *vcpu)
{
	enum io_next next;

	rcu_read_lock();
	next = pio_out(vcpu, vcpu->io.port, vcpu->io.bytes);
	rcu_read_unlock();
	return next;
}

void pio_complete_in(struct vcpu *vcpu)
{
	u32 value = READ_ONCE(*(u32 *)vcpu->io_data);
	u64 *rax = &vcpu->regs[X86_RAX];

	trace_svmm_pio(vcpu, false, vcpu->io.port, vcpu->io.bytes, 1, value);
	switch (vcpu->io.bytes) {
	case 1:
		*rax = (*rax & ~0xffULL) | (value & 0xff);
		break;
	case 2:
		*rax = (*rax & ~0xffffULL) | (value & 0xffff);
		break;
	default:
		*rax = value;
	}
}

/* Decode INS or OUTS; what is not EMU_OK has been dealt with. */
static enum emu_result load_string(struct vcpu *vcpu, struct x86_strio *io)
{
	enum emu_result ret = mmio_load_emu(vcpu);

	if (ret == EMU_OK)
		ret = x86_string_io(&vcpu->emu, io);
	return ret;
}

static enum io_next string_error(struct vcpu *vcpu, enum emu_result ret)
{
	switch (ret) {
	case EMU_EXCEPTION:
		guest_raise(vcpu);
		return IO_NEXT_RUN;
	case EMU_RETRY:
		return IO_NEXT_RUN;
	default:
		return mmio_failure(vcpu, 0);
	}
}

/* Element @i of the batch; addresses fall with RFLAGS.DF. */
static u64 element(const struct x86_strio *io, u32 i)
{
	u64 offset = (u64)i * io->size;

	return io->backward ? io->linear - offset : io->linear + offset;
}

static u32 batch_size(const struct x86_strio *io)
{
	return min_t(u32, io->batch, PAGE_SIZE / io->size);
}

static u32 first_element(const struct vcpu *vcpu, u8 size)
{
	u32 value = 0;

	memcpy(&value, vcpu->io_data, size);
	return value;
}

enum io_next pio_string(struct vcpu *vcpu)
{
	struct emu *e = &vcpu->emu;
	enum emu_result ret;
	struct x86_strio io;
	unsigned int access;
	u32 i, n;
	u64 gpa;

	ret = load_string(vcpu, &io);
	if (ret != EMU_OK)
		return string_error(vcpu, ret);
	access = e->cpl == 3 ? GUEST_USER : 0;
	vcpu->io.next_read = 0;
	vcpu->io.nr_reads = 0;
	n = batch_size(&io);
	if (!n) {
		x86_string_io_advance(e, &io, 0);
		svm_store_emu(vcpu);
		return IO_NEXT_RUN;
	}

	if (io.in) {
		/* A port read cannot be taken back: find out first that it can be stored. */
		ret = guest_translate(vcpu, io.linear, access | GUEST_WRITE, &gpa);
		if (ret == EMU_OK)
			ret = guest_translate(vcpu, io.linear + io.size - 1,
					      access | GUEST_WRITE, &gpa);
		if (ret != EMU_OK)
			return string_error(vcpu, ret);
		vcpu->io.state = IO_STRING_IN;
		vcpu->io.count = n;
		vcpu->io.bytes = io.size;
		memset(vcpu->io_data, 0, n * io.size);
	} else {
		for (i = 0; i < n; i++) {
			ret = e->ops->read(e, element(&io, i), vcpu->io_data + i * io.size,
					   io.size, access);
			if (ret == EMU_OK)
				continue;
			if (i)
				break;		/* those before it first */
			/* OUTS from a device's memory is nothing that a machine does. */
			vcpu->io.state = IO_NONE;
			return string_error(vcpu, ret == EMU_IO ? EMU_FAIL : ret);
		}
		/* A read that found a device is void: the ports come first. */
		vcpu->io.state = IO_NONE;
		n = i;
		x86_string_io_advance(e, &io, n);
		svm_store_emu(vcpu);
		trace_svmm_pio(vcpu, true, io.port, io.size, n, first_element(vcpu, io.size));
	}
	fill_exit(vcpu, io.port, io.in, io.size, n);
	return IO_NEXT_USER;
}

enum io_next pio_complete_string_in(struct vcpu *vcpu)
{
	struct emu *e = &vcpu->emu;
	enum emu_result ret;
	struct x86_strio io;
	unsigned int access;
	u32 i;
	u8 data[4];

	/* The registers have not moved, but user space or another vCPU may have. */
	ret = load_string(vcpu, &io);
	if (ret != EMU_OK)
		return string_error(vcpu, ret);
	if (!io.in || io.size != vcpu->io.bytes)
		return IO_NEXT_RUN;
	access = GUEST_WRITE | (e->cpl == 3 ? GUEST_USER : 0);
	trace_svmm_pio(vcpu, false, io.port, io.size, vcpu->io.count,
		       first_element(vcpu, io.size));

	for (i = 0; i < min(vcpu->io.count, batch_size(&io)); i++) {
		memcpy(data, vcpu->io_data + i * io.size, io.size);
		ret = e->ops->write(e, element(&io, i), data, io.size, access);
		if (ret != EMU_OK)
			break;
	}
	if (!i)
		return string_error(vcpu, ret);
	x86_string_io_advance(e, &io, i);
	svm_store_emu(vcpu);
	return mmio_next_write(vcpu);
}
