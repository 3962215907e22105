// SPDX-License-Identifier: GPL-2.0
/*
 * One table of registers: what GDB is told of them, and where on the shared page each one is.
 *
 * The order is GDB's (org.gnu.gdb.i386.core and its like); the x87's are in the XSAVE area's legacy
 * half, where FXSAVE has them (APM vol. 2, 11.4.4).
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "gdb_registers.h"

#define XSTATE_BV	512	/* in the XSAVE area; behind what FXSAVE has of it */
#define XSTATE_X87	1
#define XSTATE_SSE	2

enum where { GPR, SELECTOR, BASE, CR, MSR, FX, FX_TAG };

struct gdb_register {
	const char *name, *type;
	uint8_t bits, bytes;	/* that GDB sees, and that there are */
	enum where where;
	uint16_t offset;	/* in the page, or in the XSAVE area */
};

#define PAGE(member)	offsetof(struct svmm_vcpu_page, member)
#define REG(n, t)	{ #n, t, 64, 8, GPR, PAGE(gpr.n) }
#define NUM(n)		{ #n, "int64", 64, 8, GPR, PAGE(gpr.n) }
#define SEG(n)		{ #n, "int32", 32, 2, SELECTOR, PAGE(seg.n.selector) }
#define ST(n)		{ "st" #n, "i387_ext", 80, 10, FX, 32 + 16 * (n) }
#define FX_WORD(name, bytes, offset) { name, "int", 32, bytes, FX, offset }
#define XMM(n)		{ "xmm" #n, "vec128", 128, 16, FX, 160 + 16 * (n) }
#define CTL(n)		{ #n, "int64", 64, 8, CR, PAGE(cr.n) }

static const struct gdb_register core[] = {
	NUM(rax), NUM(rbx), NUM(rcx), NUM(rdx), NUM(rsi), NUM(rdi),
	REG(rbp, "data_ptr"), REG(rsp, "data_ptr"),
	NUM(r8), NUM(r9), NUM(r10), NUM(r11), NUM(r12), NUM(r13), NUM(r14), NUM(r15),
	REG(rip, "code_ptr"),
	{ "eflags", "i386_eflags", 32, 4, GPR, PAGE(gpr.rflags) },
	SEG(cs), SEG(ss), SEG(ds), SEG(es), SEG(fs), SEG(gs),
	ST(0), ST(1), ST(2), ST(3), ST(4), ST(5), ST(6), ST(7),
	FX_WORD("fctrl", 2, 0), FX_WORD("fstat", 2, 2), { "ftag", "int", 32, 2, FX_TAG, 4 },
	FX_WORD("fiseg", 2, 12), FX_WORD("fioff", 4, 8), FX_WORD("foseg", 2, 20),
	FX_WORD("fooff", 4, 16), FX_WORD("fop", 2, 6),
};

static const struct gdb_register sse[] = {
	XMM(0), XMM(1), XMM(2), XMM(3), XMM(4), XMM(5), XMM(6), XMM(7),
	XMM(8), XMM(9), XMM(10), XMM(11), XMM(12), XMM(13), XMM(14), XMM(15),
	{ "mxcsr", "i386_mxcsr", 32, 4, FX, 24 },
};

static const struct gdb_register segments[] = {
	{ "fs_base", "int", 64, 8, BASE, PAGE(seg.fs.base) },
	{ "gs_base", "int", 64, 8, BASE, PAGE(seg.gs.base) },
};

static const struct gdb_register control[] = {
	CTL(cr0), CTL(cr2), CTL(cr3), CTL(cr4), CTL(cr8), CTL(efer),
	{ "k_gs_base", "int64", 64, 8, MSR, PAGE(msr.kernel_gs_base) },
};

#define NR(table)	(sizeof(table) / sizeof((table)[0]))

/* What each feature needs beside its registers: types. */
#define CORE_TYPES							\
	"<flags id=\"i386_eflags\" size=\"4\">"				\
	"<field name=\"\" start=\"22\" end=\"31\"/><field name=\"CF\" start=\"0\" end=\"0\"/>"	\
	"<field name=\"PF\" start=\"2\" end=\"2\"/><field name=\"AF\" start=\"4\" end=\"4\"/>"	\
	"<field name=\"ZF\" start=\"6\" end=\"6\"/><field name=\"SF\" start=\"7\" end=\"7\"/>"	\
	"<field name=\"TF\" start=\"8\" end=\"8\"/><field name=\"IF\" start=\"9\" end=\"9\"/>"	\
	"<field name=\"DF\" start=\"10\" end=\"10\"/><field name=\"OF\" start=\"11\" end=\"11\"/>" \
	"<field name=\"NT\" start=\"14\" end=\"14\"/><field name=\"RF\" start=\"16\" end=\"16\"/>" \
	"<field name=\"VM\" start=\"17\" end=\"17\"/><field name=\"AC\" start=\"18\" end=\"18\"/>" \
	"<field name=\"ID\" start=\"21\" end=\"21\"/></flags>"

#define SSE_TYPES							\
	"<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>"		\
	"<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"		\
	"<vector id=\"v16i8\" type=\"int8\" count=\"16\"/>"		\
	"<vector id=\"v8i16\" type=\"int16\" count=\"8\"/>"		\
	"<vector id=\"v4i32\" type=\"int32\" count=\"4\"/>"		\
	"<vector id=\"v2i64\" type=\"int64\" count=\"2\"/>"		\
	"<union id=\"vec128\"><field name=\"v4_float\" type=\"v4f\"/>"	\
	"<field name=\"v2_double\" type=\"v2d\"/><field name=\"v16_int8\" type=\"v16i8\"/>"	\
	"<field name=\"v8_int16\" type=\"v8i16\"/><field name=\"v4_int32\" type=\"v4i32\"/>"	\
	"<field name=\"v2_int64\" type=\"v2i64\"/>"				\
	"<field name=\"uint128\" type=\"uint128\"/></union>"		\
	"<flags id=\"i386_mxcsr\" size=\"4\"><field name=\"IE\" start=\"0\" end=\"0\"/>"	\
	"<field name=\"DE\" start=\"1\" end=\"1\"/><field name=\"ZE\" start=\"2\" end=\"2\"/>"	\
	"<field name=\"OE\" start=\"3\" end=\"3\"/><field name=\"UE\" start=\"4\" end=\"4\"/>"	\
	"<field name=\"PE\" start=\"5\" end=\"5\"/><field name=\"DAZ\" start=\"6\" end=\"6\"/>"	\
	"<field name=\"IM\" start=\"7\" end=\"7\"/><field name=\"DM\" start=\"8\" end=\"8\"/>"	\
	"<field name=\"ZM\" start=\"9\" end=\"9\"/><field name=\"OM\" start=\"10\" end=\"10\"/>" \
	"<field name=\"UM\" start=\"11\" end=\"11\"/><field name=\"PM\" start=\"12\" end=\"12\"/>" \
	"<field name=\"FZ\" start=\"15\" end=\"15\"/></flags>"

static const struct feature {
	const char *name, *types, *group;
	const struct gdb_register *registers;
	unsigned int nr;
} features[] = {
	{ "org.gnu.gdb.i386.core", CORE_TYPES, NULL, core, NR(core) },
	{ "org.gnu.gdb.i386.sse", SSE_TYPES, NULL, sse, NR(sse) },
	{ "org.gnu.gdb.i386.segments", "", NULL, segments, NR(segments) },
	{ "org.svmm.control", "", "system", control, NR(control) },
};

unsigned int gdb_registers_nr(void)
{
	return NR(core) + NR(sse) + NR(segments) + NR(control);
}

static const struct gdb_register *find(unsigned int n)
{
	for (unsigned int i = 0; i < NR(features); n -= features[i].nr, i++) {
		if (n < features[i].nr)
			return &features[i].registers[n];
	}
	return NULL;
}

static void print_feature(FILE *out, const struct feature *f)
{
	fprintf(out, "<feature name=\"%s\">%s", f->name, f->types);
	for (unsigned int i = 0; i < f->nr; i++) {
		const struct gdb_register *r = &f->registers[i];

		fprintf(out, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\"", r->name, r->bits,
			r->type);
		if (f->group)
			fprintf(out, " group=\"%s\"", f->group);
		fputs("/>", out);
	}
	fputs("</feature>", out);
}

const char *gdb_registers_xml(void)
{
	static char text[12288];
	FILE *out = *text ? NULL : fmemopen(text, sizeof(text), "w");

	if (!out)
		return text;
	fputs("<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">"
	      "<target version=\"1.0\"><architecture>i386:x86-64</architecture>", out);
	for (unsigned int i = 0; i < NR(features); i++)
		print_feature(out, &features[i]);
	fputs("</target>", out);
	fclose(out);
	return text;
}

/* FXSAVE says of each register only whether it is empty; GDB wants the x87's two bits. */
static uint16_t tags_of(const uint8_t *fx)
{
	uint16_t tags = 0;

	for (unsigned int i = 0; i < 8; i++)
		tags |= (fx[4] & 1u << i ? 0 : 3) << 2 * i;
	return tags;
}

static uint8_t tags_to(uint16_t tags)
{
	uint8_t there = 0;

	for (unsigned int i = 0; i < 8; i++)
		there |= ((tags >> 2 * i & 3) != 3) << i;
	return there;
}

unsigned int gdb_register_get(const struct svmm_vcpu_page *page, unsigned int n, uint8_t *value)
{
	const struct gdb_register *r = find(n);
	const uint8_t *fx = (const uint8_t *)page + page->xsave_offset;
	uint16_t tags;

	if (!r)
		return 0;
	memset(value, 0, r->bits / 8);
	if (r->where == FX_TAG) {
		tags = tags_of(fx);
		memcpy(value, &tags, sizeof(tags));
	} else {
		memcpy(value, (r->where == FX ? fx : (const uint8_t *)page) + r->offset, r->bytes);
	}
	return r->bits / 8;
}

uint32_t gdb_register_set(struct svmm_vcpu_page *page, unsigned int n, const uint8_t *value)
{
	static const uint32_t groups[] = {
		[GPR] = SVMM_STATE_GPR, [BASE] = SVMM_STATE_SEG, [CR] = SVMM_STATE_CR,
		[MSR] = SVMM_STATE_MSR, [FX] = SVMM_STATE_XSAVE, [FX_TAG] = SVMM_STATE_XSAVE,
	};
	const struct gdb_register *r = find(n);
	uint8_t *fx = (uint8_t *)page + page->xsave_offset;
	uint16_t tags;

	/* A selector without its descriptor is no segment. */
	if (!r || r->where == SELECTOR)
		return 0;
	if (r->where == FX_TAG) {
		memcpy(&tags, value, sizeof(tags));
		fx[4] = tags_to(tags);
	} else {
		memcpy((r->where == FX ? fx : (uint8_t *)page) + r->offset, value, r->bytes);
	}
	if (groups[r->where] == SVMM_STATE_XSAVE)
		fx[XSTATE_BV] |= XSTATE_X87 | XSTATE_SSE;	/* it is not in its initial state */
	return groups[r->where];
}
