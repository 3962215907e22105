/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where things are in a test guest's memory, and the ports it talks through.
 * Included by the C side (vmtest.c) and by every guest program (guest.h).
 *
 * All of it lies below 64 KiB, so that one flat link address serves real,
 * protected and long mode with segment bases of 0.
 */
#ifndef SELFTESTS_LAYOUT_H
#define SELFTESTS_LAYOUT_H

#define G_GDT		0x1000
#define G_IDT		0x2000
#define G_TSS		0x3000

/* The mailbox: the guest's default fault handlers and vmtest.c share it. */
#define G_VECTOR	0x4000	/* u32: last fault, or NO_FAULT */
#define G_ERROR		0x4004	/* u32: its error code */
#define G_RIP		0x4008	/* u64: where it happened */
#define G_CR2		0x4010	/* u64 */
#define G_FIXUP		0x4018	/* u64: where the handler goes on; 0: unexpected */
#define G_EOI		0x4020	/* u32: how interrupts are ended: EOI_* */
#define G_ARG		0x4040	/* u64[8]: from the test */
#define G_RES		0x4080	/* u64[48]: to the test */
#define G_COUNTS	0x4400	/* u32[256]: how often each vector arrived */
#define G_HANDLERS	0x4800	/* u64[256]: own handlers; 0: the default */
#define G_USER_STACK	0x5800
#define G_IST1		0x6000
#define G_RSP0		0x6800
#define G_STACK		0x7ff0

#define G_CODE		0x8000	/* link and load address */

#define G_PML4		0x10000	/* identity mapping of 4 GiB, all of it user and writable */
#define G_PDPT		0x11000
#define G_PD		0x12000	/* four of them: 2 MiB pages, but for 2 MiB to 4 MiB: */
#define G_PT		0x18000	/* 4 KiB pages, for guests that play with them */
#define G_PDPT_PAE	0x16000
#define G_PD32		0x17000	/* 4 MiB pages */

#define G_FREE		0x100000
#define G_PAGED		0x200000 /* what G_PT maps */
#define G_RAM_BYTES	0x400000

#define G_MMIO		0xd0000000

#define NO_FAULT	0xff

#define EOI_NONE	0
#define EOI_XAPIC	1
#define EOI_X2APIC	2

/* Ports, 32 bits wide. */
#define PORT_REPORT	0xe0	/* a value for the test */
#define PORT_DONE	0xe1	/* the end; value 0 is success */
#define PORT_UNEXPECTED	0xe2	/* a fault without G_FIXUP: its vector */

/* Start states. */
#define MODE_REAL	1
#define MODE_PROT16	2	/* 16-bit code segment, no paging */
#define MODE_PROT32	3	/* no paging */
#define MODE_PAGED32	4	/* 32-bit page tables */
#define MODE_PAE	5
#define MODE_LONG	6
#define MODE_TABLE	15	/* not a guest: address of a table of stubs */

/* Selectors; the order from SEL_USER32 on is what SYSRET wants. */
#define SEL_CODE64	0x08
#define SEL_DATA	0x10
#define SEL_CODE32	0x18
#define SEL_CODE16	0x20
#define SEL_USER32	0x33
#define SEL_USER_DATA	0x3b
#define SEL_USER64	0x43
#define SEL_TSS		0x48

#define STUB_BYTES	16

#endif
