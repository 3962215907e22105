// SPDX-License-Identifier: GPL-2.0
// mode: 64
/*
 * What each bit of a long-mode page-table entry does: rights, accessed and dirty bits, page sizes,
 * reserved bits, global pages, and SMEP, SMAP, PKU and PCID where there are any.
 */
#include "conform.h"

#define P	1ul
#define W	2ul
#define U	4ul
#define PWT	8ul
#define PCD	0x10ul
#define A	0x20ul
#define D	0x40ul
#define PS	0x80ul
#define G	0x100ul
#define NX	(1ul << 63)

#define AREA	0x8000000000ul		/* under an entry of its own at the top */
#define TABLE(n) ((uint64_t *)(MEMORY + 0x1000 * (n)))
enum { PDPT, PD, PT, NEXT_PT };
#define PAGE_A	(MEMORY + 0x100000)
#define PAGE_B	(MEMORY + 0x101000)

static uint64_t *pml4;

static void flush(void)
{
	write_cr3(read_cr3());
}

/* All levels with all rights; the first page is A, the second one B. */
static void build(void)
{
	for (unsigned int i = 0; i < 4 * 512; i++)
		TABLE(0)[i] = 0;
	pml4[1] = (word)TABLE(PDPT) | P | W | U;
	TABLE(PDPT)[0] = (word)TABLE(PD) | P | W | U;
	TABLE(PD)[0] = (word)TABLE(PT) | P | W | U;
	TABLE(PT)[0] = PAGE_A | P | W | U;
	TABLE(PT)[1] = PAGE_B | P | W | U;
	flush();
}

static void report_bits(const char *name)
{
	report(name, (pml4[1] & (A | D)) << 24 | (TABLE(PDPT)[0] & (A | D)) << 16 |
		     (TABLE(PD)[0] & (A | D)) << 8 | (TABLE(PT)[0] & (A | D)));
}

#define READ(name, at) REPORT_TRY(name, "movb (%0), %%al", : "r"(at) : "rax", "memory")
#define WRITE(name, at) REPORT_TRY(name, "movb $1, (%0)", : "r"(at) : "memory")

static void call_there(void)
{
	asm volatile("call *%0" : : "r"(AREA) : "memory");
}

/* Execute there: a RET, or what faults. */
static void execute(const char *name)
{
	*(uint8_t *)PAGE_A = 0xc3;
	fault.vector = NO_FAULT;
	call_there();
	if (fault.vector == NO_FAULT)
		report(name, 0);
	else
		report(name, fault.vector << 32 | fault.error);
	*(uint8_t *)PAGE_A = 0;
}

/* Of a call that faulted at its target: back to the caller. */
static void page_fault(struct frame *f)
{
	if (f->ip != AREA) {
		report("unexpected.page_fault", f->ip);
		quit(1);
	}
	fault.vector = 14;
	fault.error = f->error;
	f->ip = *(word *)f->sp;
	f->sp += sizeof(word);
}

static void accessed_dirty(void)
{
	build();
	report_bits("ad.before");
	READ("ad.read", AREA);
	report_bits("ad.after_read");
	WRITE("ad.write", AREA);
	report_bits("ad.after_write");
	build();
	WRITE("ad.write_first", AREA);
	report_bits("ad.after_write_first");
	build();
	TABLE(PT)[0] &= ~W;
	WRITE("ad.write_fault", AREA);
	report_bits("ad.after_write_fault");
	build();
	TABLE(PT)[0] = 0;
	READ("ad.not_present", AREA);
	report_bits("ad.after_not_present");
	build();
	REPORT_TRY("ad.failed_cmpxchg", "lock cmpxchg %%cl, (%0)", : "r"(AREA), "c"(1), "a"(0x77)
		   : "memory");
	report_bits("ad.after_failed_cmpxchg");
	build();
	asm volatile("invlpg (%0)" : : "r"(AREA));
	report_bits("ad.after_invlpg");
}

static void rights(void)
{
	const word cr0 = read_cr0();

	for (unsigned int level = 0; level < 4; level++) {
		static const char *const write[] = {
			"wp.pml4", "wp.pdpt", "wp.pd", "wp.pt",
		};
		uint64_t *entry = level ? &TABLE(level - 1)[0] : &pml4[1];

		build();
		*entry &= ~W;
		flush();
		WRITE(write[level], AREA);
		write_cr0(cr0 & ~(word)CR0_WP);
		WRITE(write[level], AREA);
		write_cr0(cr0);
	}
	on_vector(14, page_fault);
	for (unsigned int level = 0; level < 4; level++) {
		uint64_t *entry = level ? &TABLE(level - 1)[0] : &pml4[1];

		build();
		*entry |= NX;
		flush();
		execute("nx");
	}
	build();
	execute("nx.none");
	wrmsr(0xc0000080, rdmsr(0xc0000080) & ~0x800ul);
	TABLE(PT)[0] |= NX;
	flush();
	execute("nx.reserved");
	on_vector(14, NULL);
	READ("nx.reserved_read", AREA);
	wrmsr(0xc0000080, rdmsr(0xc0000080) | 0x800ul);
	flush();
}

static void sizes(void)
{
	build();
	TABLE(PD)[0] = (MEMORY & ~0x1ffffful) | P | W | PS;
	flush();
	*(volatile uint32_t *)PAGE_A = 0x1234;
	report("size.2m", *(volatile uint32_t *)(AREA + (PAGE_A & 0x1fffff)));
	report("size.2m_ad", TABLE(PD)[0] & (A | D));
	TABLE(PD)[0] |= 0x2000;
	flush();
	READ("size.2m_reserved", AREA);
	build();
	TABLE(PDPT)[0] = P | W | PS;
	flush();
	if (cpuid(0x80000001, 0).edx & 1u << 26) {
		report("size.1g", *(volatile uint32_t *)(AREA + PAGE_A));
		TABLE(PDPT)[0] |= 0x2000;
		flush();
	} else {
		report_absent("size.1g");
	}
	READ("size.1g_reserved", AREA);
	build();
	pml4[1] |= PS;
	flush();
	READ("size.pml4_ps", AREA);
	build();
	TABLE(PT)[0] |= 1ul << 51;
	flush();
	READ("size.high_address_bit", AREA);
	WRITE("size.high_address_bit", AREA);
	build();
	pml4[1] |= G;
	flush();
	READ("size.pml4_global", AREA);
	build();
	TABLE(PT)[0] |= 0x7ul << 52 | 0xe00;
	flush();
	READ("size.available_bits", AREA);
}

static void across(void)
{
	build();
	TABLE(PT)[1] = 0;
	flush();
	REPORT_TRY("across.read", "movq (%0), %%rax", : "r"(AREA + 0xffc) : "rax");
	report("across.before", *(volatile uint32_t *)(PAGE_A + 0xffc));
	REPORT_TRY("across.write", "movq %1, (%0)", : "r"(AREA + 0xffc), "r"(-1ul) : "memory");
	report("across.after", *(volatile uint32_t *)(PAGE_A + 0xffc));
	build();
	REPORT_TRY("across.both", "movq %1, (%0)", : "r"(AREA + 0xffc), "r"(0x123456789abcdeful)
		   : "memory");
	report("across.first", *(volatile uint32_t *)(PAGE_A + 0xffc));
	report("across.second", *(volatile uint32_t *)PAGE_B);
}

static void stale(void)
{
	*(volatile uint32_t *)PAGE_A = 0xa;
	*(volatile uint32_t *)PAGE_B = 0xb;
	build();
	report("tlb.first", *(volatile uint32_t *)AREA);
	TABLE(PT)[0] = PAGE_B | P | W | U;
	asm volatile("invlpg (%0)" : : "r"(AREA) : "memory");
	report("tlb.invlpg", *(volatile uint32_t *)AREA);
	TABLE(PT)[0] = PAGE_A | P | W | U;
	flush();
	report("tlb.cr3", *(volatile uint32_t *)AREA);
	write_cr4(read_cr4() | 0x80);
	TABLE(PT)[0] = PAGE_A | P | W | U | G;
	flush();
	report("tlb.global", *(volatile uint32_t *)AREA);
	TABLE(PT)[0] = PAGE_B | P | W | U;
	write_cr4(read_cr4() & ~0x80ul);
	report("tlb.cr4_pge", *(volatile uint32_t *)AREA);
	TABLE(PT)[0] = PAGE_A | P | W | U;
	write_cr0(read_cr0() & ~(word)CR0_WP);
	write_cr0(read_cr0() | CR0_WP);
	flush();
	report("tlb.cr0_wp", *(volatile uint32_t *)AREA);
}

/* Ring 3 */

static void user_read(void)
{
	asm volatile("movb (%0), %%al; int $0x80" : : "r"(AREA) : "rax");
}

static void user_write(void)
{
	asm volatile("movb $1, (%0); int $0x80" : : "r"(AREA) : "memory");
}

static void report_user(const char *name, void (*code)(void))
{
	in_ring3(code);
	report_fault(name);
}

static void user(void)
{
	build();
	report_user("user.read", user_read);
	report_user("user.write", user_write);
	for (unsigned int level = 0; level < 4; level++) {
		uint64_t *entry = level ? &TABLE(level - 1)[0] : &pml4[1];

		build();
		*entry &= ~U;
		flush();
		report_user("user.supervisor", user_read);
	}
	build();
	TABLE(PT)[0] &= ~W;
	flush();
	report_user("user.read_only", user_write);
	write_cr0(read_cr0() & ~(word)CR0_WP);
	report_user("user.read_only_no_wp", user_write);
	write_cr0(read_cr0() | CR0_WP);
}

static void protection_features(void)
{
	const struct cpuid c = cpuid(7, 0);
	const word cr4 = read_cr4();

	build();
	/* All but the area is the supervisor's, so that main() can go on. */
	pml4[0] &= ~U;
	flush();
	if (c.ebx & 1u << 7) {
		write_cr4(cr4 | 1ul << 20);
		on_vector(14, page_fault);
		execute("smep.user");
		TABLE(PT)[0] &= ~U;
		flush();
		execute("smep.supervisor");
		TABLE(PT)[0] |= U;
		flush();
		on_vector(14, NULL);
		READ("smep.read", AREA);
	} else {
		report_absent("smep");
	}
	if (c.ebx & 1u << 20) {
		write_cr4(cr4 | 1ul << 21);
		asm volatile("clac");
		READ("smap.read", AREA);
		WRITE("smap.write", AREA);
		asm volatile("stac");
		READ("smap.stac", AREA);
		asm volatile("clac");
		TABLE(PT)[0] &= ~U;
		flush();
		READ("smap.supervisor", AREA);
	} else {
		report_absent("smap");
	}
	write_cr4(cr4);
	pml4[0] |= U;
	build();
	if (cpuid(1, 0).ecx & 1u << 17) {
		write_cr4(cr4 | 1ul << 17);
		report("pcid", read_cr4());
		write_cr4(cr4);
	} else {
		report_absent("pcid");
	}
	if (c.ecx & 1u << 3) {
		write_cr4(cr4 | 1ul << 22);
		TABLE(PT)[0] |= 1ul << 59;
		flush();
		asm volatile("wrpkru" : : "a"(4), "c"(0), "d"(0));
		READ("pku.access_disabled", AREA);
		asm volatile("wrpkru" : : "a"(8), "c"(0), "d"(0));
		READ("pku.write_disabled_read", AREA);
		WRITE("pku.write_disabled", AREA);
		asm volatile("wrpkru" : : "a"(0), "c"(0), "d"(0));
		write_cr4(cr4);
	} else {
		report_absent("pku");
	}
}

int main(void)
{
	pml4 = (uint64_t *)(read_cr3() & ~0xffful);
	accessed_dirty();
	rights();
	sizes();
	across();
	stale();
	user();
	protection_features();
	return 0;
}
