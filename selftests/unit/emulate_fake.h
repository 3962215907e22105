/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest for the emulator that is put together by hand: flat segments, one device register as all
 * of its memory, a descriptor table, an FPU image. It knows nothing of what is tried on it.
 */
#ifndef SELFTESTS_UNIT_EMULATE_FAKE_H
#define SELFTESTS_UNIT_EMULATE_FAKE_H

#include <stdint.h>

#include "../../module/emulate/emulate.h"
#include "../../module/emulate/internal.h"
#include "random.h"
#include "tap.h"

static u64 below(u64 n)
{
	return (rng() >> 16) % n;
}

static inline bool chance(unsigned int percent)
{
	return below(100) < percent;
}

static unsigned int bad;

#define CHECK(cond) do {						\
	if (!(cond)) {							\
		printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond);	\
		bad++;							\
	}								\
} while (0)

/* Memory is one register at a single address; everything is recorded. */
static struct {
	u64 at, value;
	unsigned int reads, writes, swaps, access;
	u64 old;
	int swap_result;
} dev;

/* At 9000h, for who reads it as the processor does. */
static u64 gdt[8];

static int op_read(struct emu *e, u64 linear, void *data, unsigned int bytes, unsigned int access)
{
	dev.access = access;
	if (access & GUEST_IMPLICIT && linear >= 0x9000 && linear < 0x9000 + sizeof(gdt)) {
		memcpy(data, (u8 *)gdt + (linear - 0x9000), bytes);
		return EMU_OK;
	}
	if (linear != dev.at)
		return emu_page_fault(e, linear, 0);
	dev.reads++;
	memset(data, 0, bytes);
	memcpy(data, &dev.value, min(bytes, 8u));
	return EMU_OK;
}

static int op_write(struct emu *e, u64 linear, const void *data, unsigned int bytes,
		    unsigned int access)
{
	if (linear != dev.at)
		return emu_page_fault(e, linear, PF_ERR_W);
	dev.writes++;
	dev.access = access;
	memcpy(&dev.value, data, min(bytes, 8u));
	return EMU_OK;
}

static int op_cmpxchg(struct emu *e, u64 linear, u64 old, u64 new, unsigned int bytes,
		      unsigned int access)
{
	CHECK(!((old | new) & ~size_mask(bytes)));
	dev.swaps++;
	dev.old = old;
	dev.access = access;
	if (dev.swap_result)
		return dev.swap_result;
	if (access & GUEST_IMPLICIT) {
		memcpy((u8 *)gdt + (linear - 0x9000), &new, bytes);
		return EMU_OK;
	}
	return op_write(e, linear, &new, bytes, access);
}

/* AVX, but no AVX-512. */
static u8 fpu_image[832];
static u64 xcr0;

static void op_fpu(struct emu *e, struct emu_fpu *fpu)
{
	*fpu = (struct emu_fpu){ .fxsave = fpu_image, .xcr0 = xcr0 };
	if (xcr0)
		fpu->ymm_hi = fpu_image + 576;
}

static const struct emu_ops ops = { op_read, op_write, op_cmpxchg, op_fpu };
static const struct emu_ops ops_no_fpu = { op_read, op_write, op_cmpxchg };

static struct emu state(enum x86_mode mode)
{
	struct emu e = { .ops = &ops, .rip = 0x1000, .rflags = 2, .cr0 = 0x80000011,
			 .cr4 = 0x620 };
	unsigned int i;

	for (i = 0; i < X86_NR_SEGS; i++)
		e.seg[i] = (struct emu_seg){ .attrib = 0xc93, .limit = 0xffffffff };
	e.seg[X86_SEG_CS].attrib = mode == X86_MODE_64 ? 0xa9b : mode == X86_MODE_32 ? 0xc9b : 0x9b;
	if (mode == X86_MODE_64)
		e.efer = 0x500;
	e.gdtr = (struct emu_seg){ .base = 0x9000, .limit = sizeof(gdt) - 1 };
	memset(&dev, 0, sizeof(dev));
	return e;
}

/* As at power-on, and in a 16-bit boot loader. */
static inline struct emu real_mode(void)
{
	struct emu e = state(X86_MODE_16);
	unsigned int i;

	e.cr0 = 0x10;
	for (i = 0; i < X86_NR_SEGS; i++)
		e.seg[i] = (struct emu_seg){ .attrib = 0x93, .limit = 0xffff };
	return e;
}

#define RUN(e, ...) ({						\
	static const u8 bytes_[] = { __VA_ARGS__ };		\
	(e)->nbytes = sizeof(bytes_);				\
	memcpy((e)->bytes, bytes_, sizeof(bytes_));		\
	x86_emulate(e);						\
})

static inline bool raised(const struct emu *e, unsigned int vector, bool has_error)
{
	return e->exception.vector == vector && e->exception.has_error == has_error &&
	       e->exception.error_code == 0;
}

#endif /* SELFTESTS_UNIT_EMULATE_FAKE_H */
