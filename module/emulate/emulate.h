/* SPDX-License-Identifier: GPL-2.0 */
/*
 * x86 decoder, MMIO-class emulator, string I/O and guest page walker: everything that must
 * understand guest instructions or guest page tables in software. Pure C, no allocation, no
 * global state; it must not know the VMCB, the vCPU or how guest memory is reached. The one
 * trick: it works on a copy of the guest's registers, so that a page fault, a pending MMIO read
 * or a lost race is answered by throwing the copy away and starting over.
 */
#ifndef SVMM_EMULATE_H
#define SVMM_EMULATE_H

#include "../pure.h"

/* ---- vocabulary ------------------------------------------------------------------------- */

#define X86_INSN_MAX	15

enum x86_mode {
	X86_MODE_16,		/* real mode, virtual-8086 mode, or CS.D = 0 */
	X86_MODE_32,		/* CS.D = 1, legacy or compatibility mode */
	X86_MODE_64,
};

/* Index of a general-purpose register: the hardware's own numbering. */
enum x86_gpr {
	X86_RAX, X86_RCX, X86_RDX, X86_RBX, X86_RSP, X86_RBP, X86_RSI, X86_RDI,
	X86_R8, X86_R9, X86_R10, X86_R11, X86_R12, X86_R13, X86_R14, X86_R15,
	X86_NR_GPRS
};

/* Index of a segment register: the numbering of MOV Sreg and of the VMCB save area. */
enum x86_seg {
	X86_SEG_ES, X86_SEG_CS, X86_SEG_SS, X86_SEG_DS, X86_SEG_FS, X86_SEG_GS,
	X86_NR_SEGS,
	X86_SEG_NONE = 0xff
};

/*
 * What an access is. The emulator passes these to the memory callbacks, which may pass them on
 * to guest_walk() as they are.
 */
#define GUEST_READ	0u
#define GUEST_WRITE	BIT(0)	/* also set on the read half of a read-modify-write */
#define GUEST_USER	BIT(1)	/* made at CPL 3 */
#define GUEST_FETCH	BIT(2)	/* instruction fetch */
#define GUEST_IMPLICIT	BIT(3)	/* descriptor table, TSS: supervisor whatever the CPL is */

/* ---- decoder ---------------------------------------------------------------------------- */

enum x86_decode_result {
	X86_DECODE_OK = 0,
	X86_DECODE_TRUNCATED,	/* more bytes are needed than were given */
	X86_DECODE_UNDEFINED,	/* no processor defines this: #UD */
	X86_DECODE_TOO_LONG,	/* more than 15 bytes: #GP(0) */
};

enum x86_map {
	X86_MAP_1BYTE,
	X86_MAP_0F,
	X86_MAP_0F38,
	X86_MAP_0F3A,
	X86_MAP_3DNOW,		/* 0F 0F modrm ... opcode */
	X86_MAP_VEX,		/* C4, C5; ->vex_map is its map field */
	X86_MAP_XOP,		/* 8F with map 8..10; likewise */
	X86_MAP_EVEX,		/* 62 */
};

/**
 * struct x86_insn - a decoded instruction
 * @len: length in bytes, 1..15
 * @mode: enum x86_mode it was decoded for
 * @map: enum x86_map
 * @vex_map: map number of a VEX, XOP or EVEX encoding, else 0; its W, R, X and B are in @rex (in
 *	64-bit mode), its implied prefix is in @rep and @opsize_prefix
 * @vex_l: its vector length: 16 << this, in bytes; 3 is none
 * @vex_v: its second source register, 0 if there is none
 * @evex: third byte of an EVEX prefix: z, L'L, b, V', aaa
 * @evex_r: 16 if EVEX.R' counts
 * @opcode: last opcode byte
 * @opsize: effective operand size in bytes: 2, 4 or 8 (byte forms of an opcode are not
 *	distinguished here; near branches and stack operations in 64-bit mode say 8)
 * @adsize: effective address size in bytes: 2, 4 or 8
 * @rep: the last of the F2 and F3 prefixes, or 0
 * @opsize_prefix: 66 was present
 * @lock: F0 was present
 * @seg: enum x86_seg of the effective override, or X86_SEG_NONE; in 64-bit mode only FS and
 *	GS are ever reported
 * @rex: REX prefix byte (40..4F), or 0 if there was none that counts
 * @has_modrm: @modrm is valid
 * @modrm: ModRM byte as it stands
 * @mod: ModRM.mod
 * @reg: ModRM.reg with REX.R applied
 * @rm: ModRM.rm with REX.B applied: the register, if @mod is 3
 * @has_sib: @sib is valid
 * @sib: SIB byte as it stands
 * @disp_len: bytes of displacement (also the moffs of A0..A3, 2, 4 or 8)
 * @imm_len: bytes of immediate in total, including the selector of a far pointer
 * @disp: displacement, sign-extended (moffs: zero-extended); of EVEX not yet scaled
 * @imm: immediate, sign-extended from @imm_len; a far pointer's offset; ENTER's size
 * @imm2: the selector of a far pointer; ENTER's level; EXTRQ's and INSERTQ's second byte
 *
 * MOV to or from a control or debug register: the control register is @reg, the
 * general-purpose register is @rm, whatever @mod says. LOCK MOV CR0 (AMD's AltMovCr8, APM
 * vol. 3) is reported with @lock set and @reg 0: the caller makes it CR8.
 */
struct x86_insn {
	u8 len;
	u8 mode;
	u8 map;
	u8 vex_map;
	u8 vex_l;
	u8 vex_v;
	u8 evex;
	u8 evex_r;
	u8 opcode;
	u8 opsize;
	u8 adsize;
	u8 rep;
	bool opsize_prefix;
	bool lock;
	u8 seg;
	u8 rex;
	bool has_modrm;
	u8 modrm;
	u8 mod;
	u8 reg;
	u8 rm;
	bool has_sib;
	u8 sib;
	u8 disp_len;
	u8 imm_len;
	u16 imm2;
	s64 disp;
	s64 imm;
};

/**
 * x86_decode() - decode one instruction
 * @insn: result; complete only with X86_DECODE_OK
 * @bytes: instruction bytes, as fetched from CS:RIP
 * @nbytes: how many there are; more than 15 are ignored
 * @mode: the mode of the code segment
 *
 * Knows the length of every instruction of the APM (vol. 3 to 5) in legacy, VEX, EVEX and XOP
 * encoding. OK does not promise that the CPU has the instruction's feature: what follows from
 * CPUID bits, CPL or control registers is the caller's, and so are gaps in the SIMD maps (the
 * length is right, whether the CPU defines that opcode is not judged).
 *
 * Return: 0 (X86_DECODE_OK) or another enum x86_decode_result. Any context.
 */
int x86_decode(struct x86_insn *insn, const u8 *bytes, unsigned int nbytes, enum x86_mode mode);

/* ---- emulator --------------------------------------------------------------------------- */

enum emu_result {
	EMU_OK = 0,
	EMU_EXCEPTION,		/* emu->exception is to be injected, nothing else commits */
	EMU_IO,			/* user space must complete an MMIO; then start over */
	EMU_RETRY,		/* lost a race: start over, or simply re-enter the guest */
	EMU_TRUNCATED,		/* emu->bytes ends within the instruction: fetch more */
	EMU_FAIL,		/* not known here: an EMULATION_FAILURE exit with the bytes */
};

/* #vectors that the emulator raises */
#define X86_VEC_BP	3
#define X86_VEC_OF	4
#define X86_VEC_UD	6
#define X86_VEC_NM	7
#define X86_VEC_NP	11
#define X86_VEC_SS	12
#define X86_VEC_GP	13
#define X86_VEC_PF	14
#define X86_VEC_AC	17

/* Same layout as a segment register in the VMCB save area (APM vol. 2, appendix B). */
struct emu_seg {
	u16 selector;
	u16 attrib;	/* type 3:0, S 4, DPL 6:5, P 7, AVL 8, L 9, D/B 10, G 11 */
	u32 limit;	/* in bytes, granularity already applied */
	u64 base;
};

/**
 * struct emu_exception - what to inject
 * @vector: X86_VEC_*
 * @has_error: @error_code is pushed
 * @error_code: as the hardware would push it
 * @address: CR2, if @vector is #PF
 */
struct emu_exception {
	u8 vector;
	bool has_error;
	u32 error_code;
	u64 address;
};

struct emu;

#define EMU_FXSAVE_XMM	160	/* XMM0..XMM15 in an FXSAVE image */

/**
 * struct emu_fpu - the guest's FPU state, as an XSAVE image in the standard format has it
 * @fxsave: its legacy area, which is all that FXSAVE knows
 * @ymm_hi: upper halves of YMM0..YMM15, or NULL: no VEX
 * @zmm_hi: upper halves of ZMM0..ZMM15, or NULL
 * @zmm_16: ZMM16..ZMM31, or NULL: no EVEX
 * @xcr0: the guest's, 0 without XSAVE
 */
struct emu_fpu {
	u8 *fxsave;
	u8 *ymm_hi;
	u8 *zmm_hi;
	u8 *zmm_16;
	u64 xcr0;
};

/**
 * struct emu_ops - how the emulator reaches guest memory
 * @read: read @bytes (1, 2, 4, 8, for vectors 16, 32, 64) at a linear address
 * @write: likewise, write
 * @replace: atomically replace @old by @new (@bytes 1, 2, 4 or 8), for LOCKed instructions and
 *	XCHG; EMU_RETRY if memory no longer held @old. On MMIO it is a plain write.
 * @fpu: where the guest's FPU state is. May be NULL: such instructions are then EMU_FAIL. A load
 *	changes the state directly, as its last act.
 *
 * Addresses are linear, and segment limits, canonical form and (with CR0.AM) alignment are
 * already checked; an access may cross a page, which is for the callback to split: it must
 * translate both pages before it changes either. Each returns EMU_OK, EMU_EXCEPTION (with
 * emu->exception filled in: emu_page_fault()), EMU_IO, EMU_RETRY or EMU_FAIL.
 *
 * All reads of one x86_emulate() come before its single write, in an order that depends only on
 * the state in struct emu. After EMU_IO the caller gets the data and calls x86_emulate() again
 * with the same state: the callbacks then replay what is already known.
 */
struct emu_ops {
	int (*read)(struct emu *e, u64 linear, void *data, unsigned int bytes,
		    unsigned int access);
	int (*write)(struct emu *e, u64 linear, const void *data, unsigned int bytes,
		     unsigned int access);
	int (*replace)(struct emu *e, u64 linear, u64 old, u64 new, unsigned int bytes,
		       unsigned int access);
	void (*fpu)(struct emu *e, struct emu_fpu *fpu);
};

/**
 * struct emu - a copy of the guest's state, and the outcome
 * @ops: memory callbacks
 * @ctx: theirs
 * @regs: by enum x86_gpr
 * @rip: of the instruction
 * @rflags: RFLAGS
 * @seg: by enum x86_seg
 * @gdtr: base and limit
 * @ldtr: likewise, and P in attrib
 * @cr0: as the guest sees it
 * @cr4: as the guest sees it
 * @efer: as the guest sees it
 * @cpl: 0..3
 * @nbytes: valid bytes in @bytes
 * @bytes: instruction bytes from CS:RIP
 * @insn: filled by x86_emulate() and x86_string_io(); filled by the caller for the operand
 *	helpers
 * @exception: valid with EMU_EXCEPTION
 * @rep_again: with EMU_OK: one round of a REP instruction is done, RIP has not moved
 * @loaded_seg: with EMU_OK: index of the segment register that was loaded, or X86_SEG_NONE
 */
struct emu {
	const struct emu_ops *ops;
	void *ctx;
	u64 regs[X86_NR_GPRS];
	u64 rip;
	u64 rflags;
	struct emu_seg seg[X86_NR_SEGS];
	struct emu_seg gdtr;
	struct emu_seg ldtr;
	u64 cr0;
	u64 cr4;
	u64 efer;
	u8 cpl;
	u8 nbytes;
	u8 bytes[X86_INSN_MAX];
	struct x86_insn insn;
	struct emu_exception exception;
	bool rep_again;
	u8 loaded_seg;
};

/**
 * x86_emulate() - execute the instruction in @e->bytes
 * @e: state, changed only as the instruction changes it
 *
 * MOV in all memory forms, MOVZX, MOVSX, MOVSXD, MOVBE, MOVNTI, MOVS, STOS, LODS, CMPS, SCAS,
 * the two-operand ALU instructions, TEST, NOT, NEG, INC, DEC, shifts and rotates, BT*, XCHG,
 * XADD, CMPXCHG, CMPXCHG8B, SETcc, CMOVcc, PUSH, POP, near CALL and JMP by memory, MOV to a
 * segment register, far pointers, CLFLUSH, and the moves of SSE, AVX, AVX-512 (without masks) and
 * MMX.
 *
 * A REP instruction does one round per call: EMU_OK with @rep_again set, registers advanced and
 * RIP unchanged. The caller commits and may call again (bounded, and looking for pending events
 * in between) or re-enter the guest, which takes it from there.
 *
 * With EMU_OK the caller commits regs, rip, rflags and a loaded segment, ends the interrupt shadow
 * or, behind a MOV to SS, begins one, and raises #DB if RFLAGS.TF was set before. With anything
 * else it drops the copy.
 *
 * Return: enum emu_result. The callbacks' context.
 */
enum emu_result x86_emulate(struct emu *e);

/**
 * emu_mode() - decoding mode of the current code segment
 * @e: cr0, rflags, efer and seg[X86_SEG_CS] are used
 */
enum x86_mode emu_mode(const struct emu *e);

/**
 * emu_fetch_linear() - linear address of CS:RIP plus an offset
 * @e: state
 * @offset: bytes past RIP
 */
u64 emu_fetch_linear(const struct emu *e, unsigned int offset);

/**
 * emu_advance_rip() - skip an instruction
 * @e: RIP wraps at the width of the mode; RFLAGS.RF is cleared, as a completed instruction does
 * @len: its length
 */
void emu_advance_rip(struct emu *e, unsigned int len);

/**
 * emu_page_fault() - fill in @e->exception with #PF
 * @e: state
 * @address: faulting linear address
 * @error_code: walk_result's
 *
 * Return: EMU_EXCEPTION, for a callback to return at once.
 */
int emu_page_fault(struct emu *e, u64 address, u32 error_code);

/**
 * emu_linear() - logical to linear address with all segment checks
 * @e: state
 * @seg: enum x86_seg
 * @offset: effective address, already truncated to the address size
 * @bytes: size of the access
 * @access: GUEST_WRITE or GUEST_READ
 * @linear: result
 *
 * Return: EMU_OK, or EMU_EXCEPTION with #GP(0) or #SS(0).
 */
int emu_linear(struct emu *e, unsigned int seg, u64 offset, unsigned int bytes,
	       unsigned int access, u64 *linear);

/**
 * emu_operand_linear() - linear address of the ModRM memory operand of @e->insn
 * @e: state with a decoded @e->insn whose mod is not 3
 * @bytes: size of the access; 0: no checks at all (INVLPG, APM vol. 3)
 * @access: GUEST_WRITE or GUEST_READ
 * @linear: result
 *
 * Return: EMU_OK, EMU_EXCEPTION.
 */
int emu_operand_linear(struct emu *e, unsigned int bytes, unsigned int access, u64 *linear);

/**
 * emu_read_rm() - read the register or memory operand that ModRM of @e->insn names
 * @e: state with a decoded @e->insn
 * @bytes: 1, 2, 4 or 8
 * @val: result, zero-extended
 *
 * For intercepted LMSW. Return: enum emu_result.
 */
int emu_read_rm(struct emu *e, unsigned int bytes, u64 *val);

/**
 * emu_write_rm() - write the register or memory operand that ModRM of @e->insn names
 * @e: state with a decoded @e->insn
 * @bytes: 1, 2, 4 or 8; a 4-byte register write clears the upper half
 * @val: value
 *
 * For intercepted SMSW. Return: enum emu_result.
 */
int emu_write_rm(struct emu *e, unsigned int bytes, u64 val);

/* ---- string I/O ------------------------------------------------------------------------- */

/**
 * struct x86_strio - the rest of an INS or OUTS
 * @in: INS, else OUTS
 * @backward: RFLAGS.DF: each next element lies below
 * @size: bytes per element: 1, 2 or 4
 * @port: DX
 * @count: elements left; 1 without REP; 0: REP with rCX = 0, nothing to transfer
 * @batch: 1..4096: that many elements, the first included, lie in the same 4 KiB page and
 *	inside the segment limit (1 if the first itself crosses a page); 0 if @count is 0
 * @linear: linear address of the first element; a backward batch of n occupies
 *	@linear - (n - 1) * @size up to @linear + @size - 1
 */
struct x86_strio {
	bool in;
	bool backward;
	u8 size;
	u16 port;
	u64 count;
	u32 batch;
	u64 linear;
};

/**
 * x86_string_io() - decode an intercepted INS or OUTS and locate its memory
 * @e: state; @e->insn is filled from @e->bytes
 * @io: result
 *
 * Permission to use the port is not looked at: the hardware checks IOPL and the TSS before the
 * intercept (APM vol. 2, 15.10.2).
 *
 * Return: EMU_OK; EMU_EXCEPTION (segment check of the first element); EMU_TRUNCATED; EMU_FAIL if
 * this is neither INS nor OUTS.
 */
int x86_string_io(struct emu *e, struct x86_strio *io);

/**
 * x86_string_io_advance() - account for transferred elements
 * @e: rSI or rDI, rCX and, when nothing is left, RIP move on
 * @io: from x86_string_io() of the same state
 * @n: elements done, at most @io->count; 0 is right for @io->count 0
 *
 * Return: true if the instruction is complete (RIP has moved).
 */
bool x86_string_io_advance(struct emu *e, const struct x86_strio *io, u64 n);

/* ---- guest page walker ------------------------------------------------------------------ */

enum walk_status {
	WALK_OK = 0,
	WALK_FAULT,		/* #PF with walk_result.error_code, CR2 = linear */
	WALK_NONCANONICAL,	/* #GP(0), or #SS(0) for the stack */
	WALK_RETRY,		/* an entry changed while its A or D bit was set: walk again */
	WALK_ABORT,		/* a table is not in guest memory; walk_result.table_gpa */
};

/* Page-fault error code (APM vol. 2, 8.4.2) */
#define PF_ERR_P	BIT(0)
#define PF_ERR_W	BIT(1)
#define PF_ERR_U	BIT(2)
#define PF_ERR_RSVD	BIT(3)
#define PF_ERR_I	BIT(4)
#define PF_ERR_PK	BIT(5)

/**
 * struct walk_cfg - everything that the meaning of a guest page table depends on
 * @cr0: guest CR0
 * @cr3: guest CR3
 * @cr4: guest CR4
 * @efer: guest EFER; LMA decides
 * @rflags: guest RFLAGS; AC matters under SMAP
 * @pkru: guest PKRU, looked at if CR4.PKE is set
 * @maxphyaddr: guest-physical address width, 32..52: higher bits in an entry are reserved
 * @has_1g: 1 GiB pages (CPUID 8000_0001 EDX bit 26)
 * @ctx: of the callbacks
 * @read_phys: read an entry of 4 or 8 bytes, naturally aligned, in one access. 0, or anything
 *	else to abort the walk.
 * @cmpxchg_phys: replace an entry atomically if it is still @old. 0, -EAGAIN if it is not,
 *	anything else to abort. NULL: accessed and dirty bits are not updated (a look without
 *	side effects).
 */
struct walk_cfg {
	u64 cr0;
	u64 cr3;
	u64 cr4;
	u64 efer;
	u64 rflags;
	u32 pkru;
	u8 maxphyaddr;
	bool has_1g;
	void *ctx;
	int (*read_phys)(void *ctx, u64 gpa, void *entry, unsigned int bytes);
	int (*cmpxchg_phys)(void *ctx, u64 gpa, u64 old, u64 new, unsigned int bytes);
};

/**
 * struct walk_result - where a linear address leads
 * @gpa: guest-physical address, offset included
 * @page_size: bytes that are contiguous around @gpa: 4 KiB, 2 MiB, 4 MiB or 1 GiB; 4 KiB
 *	without paging
 * @error_code: with WALK_FAULT
 * @table_gpa: with WALK_ABORT and WALK_RETRY, the entry concerned
 */
struct walk_result {
	u64 gpa;
	u64 page_size;
	u32 error_code;
	u64 table_gpa;
};

/**
 * guest_walk() - translate a guest linear address
 * @cfg: paging state
 * @linear: linear address
 * @access: GUEST_* bits; GUEST_USER says CPL 3
 * @res: result
 *
 * No paging, 32-bit paging with PSE and PSE-36, PAE, 4 and 5 levels; NX, WP, SMEP, SMAP, PKU,
 * reserved bits. In PAE mode the four PDPTEs are read from memory on each walk, as nested paging
 * does (APM vol. 2, 15.25.10). Shadow stacks (CR4.CET) are not known: do not offer them.
 * At most five reads and five updates.
 *
 * A and D bits are set only when the walk is sure to succeed. Every access must be walked as what
 * it is: a read-modify-write as a write.
 *
 * Return: enum walk_status. The callbacks' context.
 */
int guest_walk(const struct walk_cfg *cfg, u64 linear, unsigned int access,
	       struct walk_result *res);

#endif /* SVMM_EMULATE_H */
