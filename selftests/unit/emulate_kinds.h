/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The instructions that the emulator knows, as data for the test against the CPU: opcode, shape
 * of the operands, and which flags the APM leaves undefined. It knows nothing of how they are run.
 */
#ifndef SELFTESTS_UNIT_EMULATE_KINDS_H
#define SELFTESTS_UNIT_EMULATE_KINDS_H

#include "../../module/emulate/internal.h"

#define K_MEM		BIT(0)	/* memory form only */
#define K_LOCK		BIT(1)	/* takes LOCK with memory */
#define K_STR		BIT(2)
#define K_MOFFS		BIT(3)
#define K_STACK		BIT(4)
#define K_BIT		BIT(5)	/* register bit offset */
#define K_SSE		BIT(6)
#define K_64		BIT(7)	/* 64-bit mode only */
#define K_NO66		BIT(8)	/* 66 makes it another instruction */
#define K_NOREP		BIT(9)	/* F2 and F3 likewise */
#define K_NOW		BIT(10)	/* REX.W likewise */
#define K_AMD66		BIT(11)	/* AMD's reads more than Intel's with 66 */
#define K_LEN		BIT(12)	/* any vector length */
#define K_LIG		BIT(13)	/* the vector length is ignored */
#define K_WIDE		BIT(14)	/* 256 bits and more */
#define K_NDS		BIT(15)	/* VEX names a second source */
#define K_SSE4A		BIT(16)
#define K_BRANCH	BIT(17)	/* the operand is where it goes */
#define K_SEG		BIT(18)	/* the operand is a selector */
#define K_FAR		BIT(19)	/* behind an offset */
#define K_NOT64		BIT(20)
#define K_FLUSH		BIT(21)

#define E_LEGACY	BIT(0)
#define E_VEX		BIT(1)
#define E_EVEX		BIT(2)
#define E_MMX		BIT(3)
#define E_ALL		(E_LEGACY | E_VEX | E_EVEX)
#define NR_ENCODINGS	4
#define BY_W		255	/* 4 bytes, 8 with W */

#define UNDEF_LOGIC	X86_FLAG_AF
#define UNDEF_BIT	(X86_FLAG_OF | X86_FLAG_SF | X86_FLAG_AF | X86_FLAG_PF)
#define UNDEF_SHIFT	BIT(31)		/* depends on the count */

struct kind {
	const char *name;
	u8 prefix;		/* mandatory */
	u8 op[3];
	u8 oplen;
	s8 ext;			/* ModRM.reg, -1: any, -2: no ModRM */
	u8 imm;			/* 0, 1, or 4 for operand size up to 4 */
	unsigned int flags;
	u64 undefined;
	u8 encodings;		/* of K_SSE: E_ */
	u8 evex_w;		/* 0, 1, 2: any */
	u8 bytes;		/* in memory; 0: the vector length */
};

#define ROW(name, op, undef, lk)							\
	{ name " rm8, r8", 0, { (op) }, 1, -1, 0, lk, undef },				\
	{ name " rm, r", 0, { (op) + 1 }, 1, -1, 0, lk, undef },			\
	{ name " r8, rm8", 0, { (op) + 2 }, 1, -1, 0, 0, undef },			\
	{ name " r, rm", 0, { (op) + 3 }, 1, -1, 0, 0, undef },				\
	{ name " rm8, i8", 0, { 0x80 }, 1, (op) >> 3, 1, lk, undef },			\
	{ name " rm, iz", 0, { 0x81 }, 1, (op) >> 3, 4, lk, undef },			\
	{ name " rm, i8", 0, { 0x83 }, 1, (op) >> 3, 1, lk, undef }
#define SHIFTS(name, ext)								\
	{ name " 8, i8", 0, { 0xc0 }, 1, ext, 1, 0, UNDEF_SHIFT },			\
	{ name ", i8", 0, { 0xc1 }, 1, ext, 1, 0, UNDEF_SHIFT },			\
	{ name " 8, 1", 0, { 0xd0 }, 1, ext, 0, 0, UNDEF_SHIFT },			\
	{ name ", 1", 0, { 0xd1 }, 1, ext, 0, 0, UNDEF_SHIFT },				\
	{ name " 8, cl", 0, { 0xd2 }, 1, ext, 0, 0, UNDEF_SHIFT },			\
	{ name ", cl", 0, { 0xd3 }, 1, ext, 0, 0, UNDEF_SHIFT }

#define SIMD(name, prefix, flags, encodings, evex_w, bytes, imm, ...)			\
	{ name, prefix, { __VA_ARGS__ }, sizeof((u8[]){ __VA_ARGS__ }), -1, imm,	\
	  K_MEM | K_SSE | (flags), 0, encodings, evex_w, bytes }

static const struct kind kinds[] = {
	ROW("add", 0x00, 0, K_LOCK), ROW("or", 0x08, UNDEF_LOGIC, K_LOCK),
	ROW("adc", 0x10, 0, K_LOCK), ROW("sbb", 0x18, 0, K_LOCK),
	ROW("and", 0x20, UNDEF_LOGIC, K_LOCK), ROW("sub", 0x28, 0, K_LOCK),
	ROW("xor", 0x30, UNDEF_LOGIC, K_LOCK), ROW("cmp", 0x38, 0, 0),
	SHIFTS("rol", 0), SHIFTS("ror", 1), SHIFTS("rcl", 2), SHIFTS("rcr", 3),
	SHIFTS("shl", 4), SHIFTS("shr", 5), SHIFTS("sar", 7),
	{ "test rm8, r8", 0, { 0x84 }, 1, -1, 0, 0, UNDEF_LOGIC },
	{ "test rm, r", 0, { 0x85 }, 1, -1, 0, 0, UNDEF_LOGIC },
	{ "xchg rm8, r8", 0, { 0x86 }, 1, -1, 0, K_LOCK, 0 },
	{ "xchg rm, r", 0, { 0x87 }, 1, -1, 0, K_LOCK, 0 },
	{ "mov rm8, r8", 0, { 0x88 }, 1, -1, 0, 0, 0 },
	{ "mov rm, r", 0, { 0x89 }, 1, -1, 0, 0, 0 },
	{ "mov r8, rm8", 0, { 0x8a }, 1, -1, 0, 0, 0 },
	{ "mov r, rm", 0, { 0x8b }, 1, -1, 0, 0, 0 },
	{ "mov rm, ds", 0, { 0x8c }, 1, 3, 0, 0, 0 },
	{ "mov rm, ss", 0, { 0x8c }, 1, 2, 0, 0, 0 },
	{ "mov rm8, i8", 0, { 0xc6 }, 1, 0, 1, 0, 0 },
	{ "mov rm, iz", 0, { 0xc7 }, 1, 0, 4, 0, 0 },
	{ "mov al, moffs", 0, { 0xa0 }, 1, -2, 0, K_MOFFS, 0 },
	{ "mov ax, moffs", 0, { 0xa1 }, 1, -2, 0, K_MOFFS, 0 },
	{ "mov moffs, al", 0, { 0xa2 }, 1, -2, 0, K_MOFFS, 0 },
	{ "mov moffs, ax", 0, { 0xa3 }, 1, -2, 0, K_MOFFS, 0 },
	{ "movsxd", 0, { 0x63 }, 1, -1, 0, K_64 | K_AMD66, 0 },
	{ "movzx rm8", 0, { 0x0f, 0xb6 }, 2, -1, 0, 0, 0 },
	{ "movzx rm16", 0, { 0x0f, 0xb7 }, 2, -1, 0, 0, 0 },
	{ "movsx rm8", 0, { 0x0f, 0xbe }, 2, -1, 0, 0, 0 },
	{ "movsx rm16", 0, { 0x0f, 0xbf }, 2, -1, 0, 0, 0 },
	{ "movbe load", 0, { 0x0f, 0x38, 0xf0 }, 3, -1, 0, K_MEM | K_NOREP, 0 },
	{ "movbe store", 0, { 0x0f, 0x38, 0xf1 }, 3, -1, 0, K_MEM | K_NOREP, 0 },
	{ "movnti", 0, { 0x0f, 0xc3 }, 2, -1, 0, K_MEM | K_NO66 | K_NOREP, 0 },
	{ "movsb", 0, { 0xa4 }, 1, -2, 0, K_STR, 0 },
	{ "movs", 0, { 0xa5 }, 1, -2, 0, K_STR, 0 },
	{ "cmpsb", 0, { 0xa6 }, 1, -2, 0, K_STR, 0 },
	{ "cmps", 0, { 0xa7 }, 1, -2, 0, K_STR, 0 },
	{ "stosb", 0, { 0xaa }, 1, -2, 0, K_STR, 0 },
	{ "stos", 0, { 0xab }, 1, -2, 0, K_STR, 0 },
	{ "lodsb", 0, { 0xac }, 1, -2, 0, K_STR, 0 },
	{ "lods", 0, { 0xad }, 1, -2, 0, K_STR, 0 },
	{ "scasb", 0, { 0xae }, 1, -2, 0, K_STR, 0 },
	{ "scas", 0, { 0xaf }, 1, -2, 0, K_STR, 0 },
	{ "test rm8, i8", 0, { 0xf6 }, 1, 0, 1, 0, UNDEF_LOGIC },
	{ "test rm, iz", 0, { 0xf7 }, 1, 1, 4, 0, UNDEF_LOGIC },
	{ "not8", 0, { 0xf6 }, 1, 2, 0, K_LOCK, 0 },
	{ "not", 0, { 0xf7 }, 1, 2, 0, K_LOCK, 0 },
	{ "neg8", 0, { 0xf6 }, 1, 3, 0, K_LOCK, 0 },
	{ "neg", 0, { 0xf7 }, 1, 3, 0, K_LOCK, 0 },
	{ "inc8", 0, { 0xfe }, 1, 0, 0, K_LOCK, 0 },
	{ "inc", 0, { 0xff }, 1, 0, 0, K_LOCK, 0 },
	{ "dec8", 0, { 0xfe }, 1, 1, 0, K_LOCK, 0 },
	{ "dec", 0, { 0xff }, 1, 1, 0, K_LOCK, 0 },
	{ "push", 0, { 0xff }, 1, 6, 0, K_STACK, 0 },
	{ "pop", 0, { 0x8f }, 1, 0, 0, K_STACK, 0 },
	{ "bt", 0, { 0x0f, 0xa3 }, 2, -1, 0, K_BIT, UNDEF_BIT },
	{ "bts", 0, { 0x0f, 0xab }, 2, -1, 0, K_BIT | K_LOCK, UNDEF_BIT },
	{ "btr", 0, { 0x0f, 0xb3 }, 2, -1, 0, K_BIT | K_LOCK, UNDEF_BIT },
	{ "btc", 0, { 0x0f, 0xbb }, 2, -1, 0, K_BIT | K_LOCK, UNDEF_BIT },
	{ "bt i8", 0, { 0x0f, 0xba }, 2, 4, 1, 0, UNDEF_BIT },
	{ "bts i8", 0, { 0x0f, 0xba }, 2, 5, 1, K_LOCK, UNDEF_BIT },
	{ "btr i8", 0, { 0x0f, 0xba }, 2, 6, 1, K_LOCK, UNDEF_BIT },
	{ "btc i8", 0, { 0x0f, 0xba }, 2, 7, 1, K_LOCK, UNDEF_BIT },
	{ "xadd8", 0, { 0x0f, 0xc0 }, 2, -1, 0, K_LOCK, 0 },
	{ "xadd", 0, { 0x0f, 0xc1 }, 2, -1, 0, K_LOCK, 0 },
	{ "cmpxchg8", 0, { 0x0f, 0xb0 }, 2, -1, 0, K_MEM | K_LOCK, 0 },
	{ "cmpxchg", 0, { 0x0f, 0xb1 }, 2, -1, 0, K_MEM | K_LOCK, 0 },
	{ "cmpxchg8b", 0, { 0x0f, 0xc7 }, 2, 1, 0, K_MEM | K_LOCK | K_NOW, 0 },
	{ "setz", 0, { 0x0f, 0x94 }, 2, -1, 0, 0, 0 },
	{ "setnle", 0, { 0x0f, 0x9f }, 2, -1, 0, 0, 0 },
	{ "setl", 0, { 0x0f, 0x9c }, 2, -1, 0, 0, 0 },
	{ "seto", 0, { 0x0f, 0x90 }, 2, -1, 0, 0, 0 },
	{ "setnp", 0, { 0x0f, 0x9b }, 2, -1, 0, 0, 0 },
	{ "setbe", 0, { 0x0f, 0x96 }, 2, -1, 0, 0, 0 },
	{ "cmovc", 0, { 0x0f, 0x42 }, 2, -1, 0, 0, 0 },
	{ "cmovns", 0, { 0x0f, 0x49 }, 2, -1, 0, 0, 0 },
	{ "call", 0, { 0xff }, 1, 2, 0, K_MEM | K_STACK | K_BRANCH | K_NO66, 0 },
	{ "jmp", 0, { 0xff }, 1, 4, 0, K_MEM | K_BRANCH | K_NO66, 0 },
	{ "mov es", 0, { 0x8e }, 1, 0, 0, K_MEM | K_SEG, 0 },
	{ "mov ss", 0, { 0x8e }, 1, 2, 0, K_MEM | K_SEG, 0 },
	{ "mov ds", 0, { 0x8e }, 1, 3, 0, K_MEM | K_SEG, 0 },
	{ "mov gs", 0, { 0x8e }, 1, 5, 0, K_MEM | K_SEG, 0 },
	{ "les", 0, { 0xc4 }, 1, -1, 0, K_MEM | K_SEG | K_FAR | K_NOT64, 0 },
	{ "lds", 0, { 0xc5 }, 1, -1, 0, K_MEM | K_SEG | K_FAR | K_NOT64, 0 },
	{ "lss", 0, { 0x0f, 0xb2 }, 2, -1, 0, K_MEM | K_SEG | K_FAR, 0 },
	{ "lgs", 0, { 0x0f, 0xb5 }, 2, -1, 0, K_MEM | K_SEG | K_FAR, 0 },
	{ "clflush", 0, { 0x0f, 0xae }, 2, 7, 0, K_MEM | K_NO66 | K_NOREP | K_FLUSH, 0 },
	SIMD("movups load", 0, K_LEN, E_ALL, 0, 0, 0, 0x0f, 0x10),
	SIMD("movups store", 0, K_LEN, E_ALL, 0, 0, 0, 0x0f, 0x11),
	SIMD("movlps load", 0, K_NDS, E_ALL, 0, 8, 0, 0x0f, 0x12),
	SIMD("movlps store", 0, 0, E_ALL, 0, 8, 0, 0x0f, 0x13),
	SIMD("movhps load", 0, K_NDS, E_ALL, 0, 8, 0, 0x0f, 0x16),
	SIMD("movhps store", 0, 0, E_ALL, 0, 8, 0, 0x0f, 0x17),
	SIMD("movaps load", 0, K_LEN, E_ALL, 0, 0, 0, 0x0f, 0x28),
	SIMD("movaps store", 0, K_LEN, E_ALL, 0, 0, 0, 0x0f, 0x29),
	SIMD("movntps", 0, K_LEN, E_ALL, 0, 0, 0, 0x0f, 0x2b),
	SIMD("movupd load", 0x66, K_LEN, E_ALL, 1, 0, 0, 0x0f, 0x10),
	SIMD("movupd store", 0x66, K_LEN, E_ALL, 1, 0, 0, 0x0f, 0x11),
	SIMD("movlpd load", 0x66, K_NDS, E_ALL, 1, 8, 0, 0x0f, 0x12),
	SIMD("movlpd store", 0x66, 0, E_ALL, 1, 8, 0, 0x0f, 0x13),
	SIMD("movhpd load", 0x66, K_NDS, E_ALL, 1, 8, 0, 0x0f, 0x16),
	SIMD("movhpd store", 0x66, 0, E_ALL, 1, 8, 0, 0x0f, 0x17),
	SIMD("movapd load", 0x66, K_LEN, E_ALL, 1, 0, 0, 0x0f, 0x28),
	SIMD("movapd store", 0x66, K_LEN, E_ALL, 1, 0, 0, 0x0f, 0x29),
	SIMD("movntpd", 0x66, K_LEN, E_ALL, 1, 0, 0, 0x0f, 0x2b),
	SIMD("movss load", 0xf3, K_LIG, E_ALL, 0, 4, 0, 0x0f, 0x10),
	SIMD("movss store", 0xf3, K_LIG, E_ALL, 0, 4, 0, 0x0f, 0x11),
	SIMD("movsd load", 0xf2, K_LIG, E_ALL, 1, 8, 0, 0x0f, 0x10),
	SIMD("movsd store", 0xf2, K_LIG, E_ALL, 1, 8, 0, 0x0f, 0x11),
	SIMD("movntss", 0xf3, K_SSE4A, E_LEGACY, 0, 4, 0, 0x0f, 0x2b),
	SIMD("movntsd", 0xf2, K_SSE4A, E_LEGACY, 0, 8, 0, 0x0f, 0x2b),
	SIMD("movd load", 0x66, 0, E_ALL, 2, BY_W, 0, 0x0f, 0x6e),
	SIMD("movd store", 0x66, 0, E_ALL, 2, BY_W, 0, 0x0f, 0x7e),
	SIMD("movq load", 0xf3, 0, E_ALL, 1, 8, 0, 0x0f, 0x7e),
	SIMD("movq store", 0x66, 0, E_ALL, 1, 8, 0, 0x0f, 0xd6),
	SIMD("movdqa load", 0x66, K_LEN, E_ALL, 2, 0, 0, 0x0f, 0x6f),
	SIMD("movdqa store", 0x66, K_LEN, E_ALL, 2, 0, 0, 0x0f, 0x7f),
	SIMD("movdqu load", 0xf3, K_LEN, E_ALL, 2, 0, 0, 0x0f, 0x6f),
	SIMD("movdqu store", 0xf3, K_LEN, E_ALL, 2, 0, 0, 0x0f, 0x7f),
	SIMD("vmovdqu8 load", 0xf2, K_LEN, E_EVEX, 2, 0, 0, 0x0f, 0x6f),
	SIMD("vmovdqu8 store", 0xf2, K_LEN, E_EVEX, 2, 0, 0, 0x0f, 0x7f),
	SIMD("movntdq", 0x66, K_LEN, E_ALL, 0, 0, 0, 0x0f, 0xe7),
	SIMD("lddqu", 0xf2, K_LEN, E_LEGACY | E_VEX, 0, 0, 0, 0x0f, 0xf0),
	SIMD("movntdqa", 0x66, K_LEN, E_ALL, 0, 0, 0, 0x0f, 0x38, 0x2a),
	SIMD("pinsrw", 0x66, K_NDS, E_ALL, 2, 2, 1, 0x0f, 0xc4),
	SIMD("pextrb", 0x66, 0, E_ALL, 2, 1, 1, 0x0f, 0x3a, 0x14),
	SIMD("pextrw", 0x66, 0, E_ALL, 2, 2, 1, 0x0f, 0x3a, 0x15),
	SIMD("pextrd", 0x66, 0, E_ALL, 2, BY_W, 1, 0x0f, 0x3a, 0x16),
	SIMD("extractps", 0x66, 0, E_ALL, 2, 4, 1, 0x0f, 0x3a, 0x17),
	SIMD("pinsrb", 0x66, K_NDS, E_ALL, 2, 1, 1, 0x0f, 0x3a, 0x20),
	SIMD("pinsrd", 0x66, K_NDS, E_ALL, 2, BY_W, 1, 0x0f, 0x3a, 0x22),
	SIMD("vinsertf128", 0x66, K_NDS | K_WIDE, E_VEX | E_EVEX, 2, 16, 1, 0x0f, 0x3a, 0x18),
	SIMD("vextractf128", 0x66, K_WIDE, E_VEX | E_EVEX, 2, 16, 1, 0x0f, 0x3a, 0x19),
	SIMD("vinserti128", 0x66, K_NDS | K_WIDE, E_VEX | E_EVEX, 2, 16, 1, 0x0f, 0x3a, 0x38),
	SIMD("vextracti128", 0x66, K_WIDE, E_VEX | E_EVEX, 2, 16, 1, 0x0f, 0x3a, 0x39),
	SIMD("movd mm load", 0, 0, E_MMX, 0, BY_W, 0, 0x0f, 0x6e),
	SIMD("movd mm store", 0, 0, E_MMX, 0, BY_W, 0, 0x0f, 0x7e),
	SIMD("movq mm load", 0, 0, E_MMX, 0, 8, 0, 0x0f, 0x6f),
	SIMD("movq mm store", 0, 0, E_MMX, 0, 8, 0, 0x0f, 0x7f),
	SIMD("movntq", 0, 0, E_MMX, 0, 8, 0, 0x0f, 0xe7),
};

#endif /* SELFTESTS_UNIT_EMULATE_KINDS_H */
