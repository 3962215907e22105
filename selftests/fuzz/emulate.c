// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer on the emulator and on string I/O: any bytes, any state, any answer of the memory
 * callbacks (bug class 29). What must hold is the contract of struct emu_ops: all reads before the
 * one write, nothing wider than 64 bytes, the same accesses when started over, and RIP moves if
 * and only if the instruction is complete.
 *
 * needs: module/emulate/decode.c module/emulate/alu.c module/emulate/operand.c
 * needs: module/emulate/string.c module/emulate/emulate.c module/emulate/simd.c
 * needs: module/emulate/segment.c
 * max-len: 512
 */
#include <stdlib.h>

#include "../../module/emulate/emulate.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define MAX_ACCESSES	4	/* offset, selector, descriptor, accessed bit */

/* What the callbacks answer, and what they saw. */
static struct {
	u8 results[MAX_ACCESSES];
	u64 value;
	unsigned int n, writes;
	u64 linear[MAX_ACCESSES];
	unsigned int bytes[MAX_ACCESSES];
} mem;

static int answer(u64 linear, unsigned int bytes, bool write)
{
	static const u8 results[] = { EMU_OK, EMU_OK, EMU_OK, EMU_EXCEPTION, EMU_IO, EMU_RETRY,
				      EMU_FAIL };

	if (mem.n == MAX_ACCESSES || mem.writes || !bytes || bytes > 64 || bytes & (bytes - 1))
		abort();
	mem.linear[mem.n] = linear;
	mem.bytes[mem.n] = bytes;
	mem.writes += write;
	return results[mem.results[mem.n++] % sizeof(results)];
}

static int op_read(struct emu *e, u64 linear, void *data, unsigned int bytes, unsigned int access)
{
	int ret = answer(linear, bytes, false);
	unsigned int i;

	if (!!(access & GUEST_USER) != (e->cpl == 3))
		abort();
	if (access & GUEST_IMPLICIT && bytes != 8)
		abort();
	for (i = 0; i < bytes && ret == EMU_OK; i++)
		((u8 *)data)[i] = mem.value >> (8 * (i & 7));
	return ret;
}

volatile u8 fuzz_sink;	/* not static: the reads into it must stay */

static int op_write(struct emu *e, u64 linear, const void *data, unsigned int bytes,
		    unsigned int access)
{
	unsigned int i;

	if (!!(access & GUEST_USER) != (e->cpl == 3) || !(access & GUEST_WRITE))
		abort();
	for (i = 0; i < bytes; i++)	/* all of it must be readable */
		fuzz_sink ^= ((const u8 *)data)[i];
	return answer(linear, bytes, true);
}

static int op_cmpxchg(struct emu *e, u64 linear, u64 old, u64 new, unsigned int bytes,
		      unsigned int access)
{
	if (bytes > 8 || (bytes < 8 && (old | new) >> (8 * bytes)))
		abort();
	if (access & GUEST_IMPLICIT)	/* to a descriptor table the CPL does not matter */
		return answer(linear, bytes, true);
	return op_write(e, linear, &new, bytes, access);
}

/* Which parts of the FPU there are: by the input. */
static u8 fpu_parts;

static void op_fpu(struct emu *e, struct emu_fpu *fpu)
{
	static u8 fxsave[512], ymm_hi[256], zmm_hi[512], zmm_16[1024];

	fpu->fxsave = fxsave;
	fpu->ymm_hi = fpu_parts & 1 ? ymm_hi : NULL;
	fpu->zmm_hi = fpu_parts & 2 ? zmm_hi : NULL;
	fpu->zmm_16 = fpu_parts & 2 ? zmm_16 : NULL;
	fpu->xcr0 = fpu_parts & 4 ? 0xe7 : fpu_parts & 8 ? 7 : 0;
}

static void check_string_io(struct emu e)
{
	struct x86_strio io;
	u64 rip = e.rip;
	bool done;
	int ret = x86_string_io(&e, &io);

	if (ret != EMU_OK)
		return;
	if (io.batch > 4096 || io.batch > io.count || !io.batch != !io.count ||
	    (io.size != 1 && io.size != 2 && io.size != 4))
		abort();
	done = x86_string_io_advance(&e, &io, io.batch);
	if (done != (io.batch == io.count) || (!done && e.rip != rip))
		abort();
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static const struct emu_ops all = { op_read, op_write, op_cmpxchg, op_fpu };
	static const struct emu_ops no_fpu = { op_read, op_write, op_cmpxchg };
	struct emu state, e;
	unsigned int n, i;
	u64 linear[MAX_ACCESSES];
	int ret;

	/* bytes of the instruction first, then the answers, then any part of the state */
	if (size < 32)
		return 0;
	memset(&state, 0, sizeof(state));
	memcpy(&state.regs, data + 32, min(size - 32, offsetof(struct emu, nbytes) -
					   offsetof(struct emu, regs)));
	memcpy(state.bytes, data, X86_INSN_MAX);
	state.nbytes = data[15] & 0x80 ? data[15] & 15 : X86_INSN_MAX;
	state.cpl = data[16] & 3;
	state.ops = data[16] & 4 ? &no_fpu : &all;
	fpu_parts = data[17];
	/* the bits that choose the mode are too rare to be left to chance */
	if (data[16] & 16)
		state.efer |= BIT(10);
	if (data[16] & 32)
		state.seg[X86_SEG_CS].attrib |= BIT(9);
	memset(&mem, 0, sizeof(mem));
	memcpy(mem.results, data + 20, sizeof(mem.results));
	memcpy(&mem.value, data + 24, 8);

	check_string_io(state);

	e = state;
	ret = x86_emulate(&e);
	if (ret < EMU_OK || ret > EMU_FAIL)
		abort();
	/* a branch may lead to itself */
	if (ret != EMU_OK || e.rep_again ? e.rip != state.rip :
					   e.rip == state.rip && e.insn.opcode != 0xff)
		abort();
	if (ret == EMU_OK && e.loaded_seg != X86_SEG_NONE) {
		if (e.loaded_seg >= X86_NR_SEGS || e.loaded_seg == X86_SEG_CS)
			abort();
		e.seg[e.loaded_seg] = state.seg[e.loaded_seg];
	}
	if (memcmp(e.seg, state.seg, sizeof(e.seg)) || e.cr0 != state.cr0 || e.cpl != state.cpl)
		abort();

	/* started over: the same accesses and the same end */
	n = mem.n;
	memcpy(linear, mem.linear, sizeof(linear));
	mem.n = 0;
	mem.writes = 0;
	e = state;
	if (x86_emulate(&e) != (enum emu_result)ret || mem.n != n)
		abort();
	for (i = 0; i < n; i++)
		if (mem.linear[i] != linear[i])
			abort();
	return 0;
}
