// SPDX-License-Identifier: GPL-2.0
/*
 * ACPI tables, by which the guest finds its interrupt controllers, its power
 * button and its way to power off (ACPI specification 6.5, chapters 4 and 5).
 *
 * They are written back to back, into the BIOS area or for a firmware that moves
 * them; each returns where it lies, and the next names it.  The machine has ACPI
 * fixed hardware without a legacy mode (SMI_CMD is 0), and no firmware that keeps
 * state.
 */
#include <stddef.h>
#include <string.h>

#include "acpi.h"
#include "boot.h"
#include "device.h"
#include "devices/hpet.h"
#include "dsdt.hex"
#include "machine.h"
#include "pci.h"
#include "pci.hex"
#include "pci_low.hex"
#include "pvpanic.hex"

#define PACKED __attribute__((packed))

struct PACKED header {
	char signature[4];
	uint32_t length;
	uint8_t revision;
	uint8_t checksum;
	char oem_id[6];
	char oem_table_id[8];
	uint32_t oem_revision;
	char creator_id[4];
	uint32_t creator_revision;
};

/* 5.2.3.2, "Generic Address Structure" */
struct PACKED gas {
	uint8_t space;
	uint8_t bit_width;
	uint8_t bit_offset;
	uint8_t access;
	uint64_t address;
};

#define GAS_IO		1
#define GAS_BYTE	1
#define GAS_WORD	2
#define GAS_DWORD	3

struct PACKED rsdp {
	char signature[8];
	uint8_t checksum;
	char oem_id[6];
	uint8_t revision;
	uint32_t rsdt;
	uint32_t length;
	uint64_t xsdt;
	uint8_t extended_checksum;
	uint8_t reserved[3];
};

#define RSDP_V1_BYTES	20

#define TABLES_MAX	ACPI_TABLES_MAX

struct PACKED xsdt {
	struct header h;
	uint64_t entry[TABLES_MAX];
};

/* PCI Firmware Specification 3.2, 4.1.2: where ECAM is. */
struct PACKED mcfg {
	struct header h;
	uint64_t reserved0;
	uint64_t base;
	uint16_t segment;
	uint8_t first_bus, last_bus;
	uint32_t reserved1;
};

/* IA-PC HPET Specification 1.0a, 3.2.4. */
struct PACKED hpet_table {
	struct header h;
	uint32_t id;
	struct gas base;
	uint8_t number;
	uint16_t min_ticks;
	uint8_t attributes;
};

/* 5.2.9; members that are 0 here are not named. */
struct PACKED fadt {
	struct header h;
	uint32_t facs;
	uint32_t dsdt;
	uint8_t reserved0;
	uint8_t pm_profile;
	uint16_t sci_irq;
	uint8_t no_smi[8];
	uint32_t pm1a_evt, pm1b_evt, pm1a_cnt, pm1b_cnt, pm2_cnt, pm_tmr, gpe0, gpe1;
	uint8_t pm1_evt_len, pm1_cnt_len, pm2_cnt_len, pm_tmr_len;
	uint8_t gpe0_len, gpe1_len, gpe1_base, cst_cnt;
	uint16_t c2_latency, c3_latency;
	uint16_t flush_size, flush_stride;
	uint8_t duty_offset, duty_width;
	uint8_t day_alarm, month_alarm, century;
	uint16_t boot_arch;
	uint8_t reserved1;
	uint32_t flags;
	struct gas reset_reg;
	uint8_t reset_value;
	uint16_t arm_boot_arch;
	uint8_t minor;
	uint64_t x_facs, x_dsdt;
	struct gas x_pm1a_evt, x_pm1b_evt, x_pm1a_cnt, x_pm1b_cnt, x_pm2_cnt, x_pm_tmr;
	struct gas x_gpe0, x_gpe1;
	struct gas sleep_control, sleep_status;
	uint64_t hypervisor_vendor;
};

#define FADT_PROFILE_DESKTOP	1
#define FADT_NO_C2		101	/* latencies above these mean: not there */
#define FADT_NO_C3		1001
#define FADT_WBINVD		(1u << 0)
#define FADT_PROC_C1		(1u << 2)
#define FADT_SLP_BUTTON		(1u << 5)	/* 1: no fixed sleep button */
#define FADT_RESET_REG_SUP	(1u << 10)
#define BOOT_ARCH_LEGACY	(1u << 0)
/* Without a keyboard it only holds the reset line, and probing it for keys takes long. */
#define BOOT_ARCH_8042		(1u << 1)
#define BOOT_ARCH_NO_VGA	(1u << 2)

struct PACKED facs {
	char signature[4];
	uint32_t length;
	uint32_t hardware_signature;
	uint32_t waking_vector;
	uint32_t global_lock;
	uint32_t flags;
	uint64_t x_waking_vector;
	uint8_t version;
	uint8_t reserved[31];
};

#define FACS_ALIGN	64
#define FACS_GPA	((RAM_BIOS_START + sizeof(struct rsdp) + FACS_ALIGN - 1) & -FACS_ALIGN)

struct PACKED madt {
	struct header h;
	uint32_t lapic_address;
	uint32_t flags;
};

#define MADT_PCAT_COMPAT	1	/* there are 8259s, too */

struct PACKED madt_lapic {
	uint8_t type, length, uid, apic_id;
	uint32_t flags;
};

struct PACKED madt_ioapic {
	uint8_t type, length, id, reserved;
	uint32_t address;
	uint32_t gsi_base;
};

struct PACKED madt_override {
	uint8_t type, length, bus, irq;
	uint32_t gsi;
	uint16_t flags;
};

struct PACKED madt_lapic_nmi {
	uint8_t type, length, uid;
	uint16_t flags;
	uint8_t lint;
};

#define MADT_ALL_CPUS		0xff
#define MPS_ACTIVE_HIGH		1
#define MPS_LEVEL		(3 << 2)
#define RESET_VALUE		0x06	/* full reset, at ACPI_RESET_PORT */
#define RTC_CENTURY		0x32	/* CMOS byte that holds it */

/* Where the next table goes: @gpa, which is at @host + gpa; and what is written down of it. */
struct writer {
	uint8_t *host;
	uint64_t gpa;
	struct acpi_links *links;	/* or NULL */
};

static uint8_t checksum(const void *data, size_t bytes)
{
	const uint8_t *p = data;
	uint8_t sum = 0;

	while (bytes--)
		sum -= *p++;
	return sum;
}

static uint64_t put(struct writer *w, const void *data, size_t bytes, size_t align)
{
	uint64_t gpa = (w->gpa + align - 1) & ~(uint64_t)(align - 1);

	memcpy(w->host + gpa, data, bytes);
	w->gpa = gpa + bytes;
	return gpa;
}

/* At @gpa is the address of another table, in @bytes. */
static void note_pointer(struct writer *w, uint64_t gpa, unsigned int bytes)
{
	struct acpi_links *links = w->links;

	if (links)
		links->pointer[links->nr_pointers++] = (struct acpi_pointer) { gpa, bytes };
}

/*
 * The byte at @gpa makes the sum of @bytes from @start on 0, as long as no pointer changes.  If one
 * does it is 0 until then: UEFI sets it to what is missing then, and adds nothing to it.
 */
static void note_checksum(struct writer *w, uint64_t gpa, uint64_t start, uint32_t bytes)
{
	struct acpi_links *links = w->links;

	if (!links)
		return;
	w->host[gpa] = 0;
	links->checksum[links->nr_checksums++] = (struct acpi_checksum) {
		.at = gpa, .start = start, .bytes = bytes,
	};
}

static struct header header(const char *signature, uint8_t revision, size_t bytes)
{
	struct header h = {
		.length = bytes,
		.revision = revision,
		.oem_id = { 'S', 'V', 'M', 'M', ' ', ' ' },
		.oem_table_id = { 'V', 'M', 'C', 'T', 'L', ' ', ' ', ' ' },
		.oem_revision = 1,
		.creator_id = { 'S', 'V', 'M', 'M' },
		.creator_revision = 1,
	};

	memcpy(h.signature, signature, sizeof(h.signature));
	return h;
}

static struct gas io_register(uint64_t port, uint8_t bits, uint8_t access)
{
	return (struct gas) {
		.space = GAS_IO,
		.bit_width = bits,
		.access = access,
		.address = port,
	};
}

static uint64_t put_facs(struct writer *w)
{
	const struct facs facs = {
		.signature = { 'F', 'A', 'C', 'S' },
		.length = sizeof(facs),
		.version = 2,
	};

	return put(w, &facs, sizeof(facs), FACS_ALIGN);
}

uint32_t acpi_waking_vector(const struct ram *ram)
{
	const struct facs *facs = (const struct facs *)(ram->host + FACS_GPA);

	return facs->waking_vector;
}

static uint64_t put_fadt(struct writer *w, uint64_t facs, uint64_t dsdt, bool keyboard)
{
	struct fadt fadt = {
		.h = header("FACP", 6, sizeof(fadt)),
		.facs = facs,
		.dsdt = dsdt,
		.pm_profile = FADT_PROFILE_DESKTOP,
		.sci_irq = ACPI_SCI_IRQ,
		.pm1a_evt = ACPI_PM_BASE,
		.pm1a_cnt = ACPI_PM_BASE + 4,
		.pm_tmr = ACPI_PM_BASE + 8,
		.gpe0 = ACPI_GPE_BASE,
		.pm1_evt_len = 4,
		.pm1_cnt_len = 2,
		.pm_tmr_len = 4,
		.gpe0_len = 4,
		.c2_latency = FADT_NO_C2,
		.c3_latency = FADT_NO_C3,
		.century = RTC_CENTURY,
		.boot_arch = BOOT_ARCH_LEGACY | BOOT_ARCH_NO_VGA |
			     (keyboard ? BOOT_ARCH_8042 : 0),
		.flags = FADT_WBINVD | FADT_PROC_C1 | FADT_SLP_BUTTON |
			 FADT_RESET_REG_SUP,
		.reset_reg = io_register(ACPI_RESET_PORT, 8, GAS_BYTE),
		.reset_value = RESET_VALUE,
		.minor = 5,
		.x_dsdt = dsdt,
		.x_pm1a_evt = io_register(ACPI_PM_BASE, 32, GAS_WORD),
		.x_pm1a_cnt = io_register(ACPI_PM_BASE + 4, 16, GAS_WORD),
		.x_pm_tmr = io_register(ACPI_PM_BASE + 8, 32, GAS_DWORD),
		.x_gpe0 = io_register(ACPI_GPE_BASE, 32, GAS_BYTE),
	};

	uint64_t gpa;

	fadt.h.checksum = checksum(&fadt, sizeof(fadt));
	gpa = put(w, &fadt, sizeof(fadt), 16);
	note_pointer(w, gpa + offsetof(struct fadt, facs), sizeof(fadt.facs));
	note_pointer(w, gpa + offsetof(struct fadt, dsdt), sizeof(fadt.dsdt));
	note_pointer(w, gpa + offsetof(struct fadt, x_dsdt), sizeof(fadt.x_dsdt));
	note_checksum(w, gpa + offsetof(struct header, checksum), gpa, sizeof(fadt));
	return gpa;
}

/* IRQ 0 comes in at pin 2, as on every PC; the SCI is level-triggered, active high. */
static uint64_t put_madt(struct writer *w, const struct topology *t)
{
	const unsigned int nr_cpus = topology_cpus(t);
	const struct madt_ioapic ioapic = {
		.type = 1,
		.length = sizeof(ioapic),
		.id = MACHINE_IOAPIC_ID,
		.address = MACHINE_IOAPIC_BASE,
	};
	const struct madt_override timer = {
		.type = 2,
		.length = sizeof(timer),
		.irq = 0,
		.gsi = 2,
	};
	const struct madt_override sci = {
		.type = 2,
		.length = sizeof(sci),
		.irq = ACPI_SCI_IRQ,
		.gsi = ACPI_SCI_IRQ,
		.flags = MPS_ACTIVE_HIGH | MPS_LEVEL,
	};
	const struct madt_lapic_nmi nmi = {
		.type = 4,
		.length = sizeof(nmi),
		.uid = MADT_ALL_CPUS,
		.lint = 1,
	};
	size_t bytes = sizeof(struct madt) + nr_cpus * sizeof(struct madt_lapic) + sizeof(ioapic) +
		       sizeof(timer) + sizeof(sci) + sizeof(nmi);
	const struct madt madt = {
		.h = header("APIC", 5, bytes),
		.lapic_address = MACHINE_APIC_BASE,
		.flags = MADT_PCAT_COMPAT,
	};
	uint64_t gpa = put(w, &madt, sizeof(madt), 16);
	struct header *h = (struct header *)(w->host + gpa);

	for (unsigned int i = 0; i < nr_cpus; i++) {
		const struct madt_lapic lapic = {
			.length = sizeof(lapic),
			.uid = i,
			.apic_id = topology_apic_id(t, i),
			.flags = 1,
		};

		put(w, &lapic, sizeof(lapic), 1);
	}
	put(w, &ioapic, sizeof(ioapic), 1);
	put(w, &timer, sizeof(timer), 1);
	put(w, &sci, sizeof(sci), 1);
	put(w, &nmi, sizeof(nmi), 1);
	h->checksum = checksum(h, bytes);
	return gpa;
}

static uint64_t put_mcfg(struct writer *w)
{
	struct mcfg mcfg = {
		.h = header("MCFG", 1, sizeof(mcfg)),
		.base = PCI_ECAM_BASE,
	};

	mcfg.h.checksum = checksum(&mcfg, sizeof(mcfg));
	return put(w, &mcfg, sizeof(mcfg), 16);
}

static uint64_t put_hpet(struct writer *w)
{
	struct hpet_table hpet = {
		.h = header("HPET", 1, sizeof(hpet)),
		.id = HPET_ID,
		.base = { .bit_width = 64, .address = HPET_BASE },
		.min_ticks = HPET_MIN_TICKS,
	};

	hpet.h.checksum = checksum(&hpet, sizeof(hpet));
	return put(w, &hpet, sizeof(hpet), 16);
}

static uint64_t put_xsdt(struct writer *w, const uint64_t *tables, unsigned int nr)
{
	size_t bytes = sizeof(struct header) + nr * sizeof(tables[0]);
	struct xsdt xsdt = { .h = header("XSDT", 1, bytes) };
	uint64_t gpa;

	memcpy(xsdt.entry, tables, nr * sizeof(tables[0]));
	xsdt.h.checksum = checksum(&xsdt, bytes);
	gpa = put(w, &xsdt, bytes, 16);
	for (unsigned int i = 0; i < nr; i++)
		note_pointer(w, gpa + offsetof(struct xsdt, entry) + i * sizeof(tables[0]),
			     sizeof(tables[0]));
	note_checksum(w, gpa + offsetof(struct header, checksum), gpa, bytes);
	return gpa;
}

/* The RSDP comes first, where a search of the BIOS area finds it at once. */
static uint64_t build(uint8_t *host, uint64_t gpa, const struct acpi_choice *is,
		      struct acpi_links *links)
{
	struct writer w = { .host = host, .gpa = gpa + sizeof(struct rsdp), .links = links };
	struct writer start = { .host = host, .gpa = gpa };
	struct rsdp rsdp = {
		.signature = { 'R', 'S', 'D', ' ', 'P', 'T', 'R', ' ' },
		.oem_id = { 'S', 'V', 'M', 'M', ' ', ' ' },
		.revision = 2,
		.length = sizeof(rsdp),
	};
	uint64_t facs, dsdt, tables[TABLES_MAX];
	unsigned int nr = 0;

	facs = put_facs(&w);
	dsdt = put(&w, dsdt_aml_code, sizeof(dsdt_aml_code), 16);
	tables[nr++] = put_fadt(&w, facs, dsdt, is->keyboard);
	tables[nr++] = put_madt(&w, is->topology);
	if (is->pci) {
		tables[nr++] = put_mcfg(&w);
		tables[nr++] = put(&w, pci_aml_code, sizeof(pci_aml_code), 16);
	}
	if (is->pci_low)
		tables[nr++] = put(&w, pci_low_aml_code, sizeof(pci_low_aml_code), 16);
	if (is->pvpanic)
		tables[nr++] = put(&w, pvpanic_aml_code, sizeof(pvpanic_aml_code), 16);
	if (is->hpet)
		tables[nr++] = put_hpet(&w);
	rsdp.xsdt = put_xsdt(&w, tables, nr);
	rsdp.checksum = checksum(&rsdp, RSDP_V1_BYTES);
	rsdp.extended_checksum = checksum(&rsdp, sizeof(rsdp));
	put(&start, &rsdp, sizeof(rsdp), 1);
	note_pointer(&w, gpa + offsetof(struct rsdp, xsdt), sizeof(rsdp.xsdt));
	note_checksum(&w, gpa + offsetof(struct rsdp, extended_checksum), gpa, sizeof(rsdp));
	return w.gpa;
}

uint64_t acpi_build(const struct ram *ram, const struct acpi_choice *is)
{
	build(ram->host, RAM_BIOS_START, is, NULL);
	return RAM_BIOS_START;
}

uint32_t acpi_image(uint8_t *to, const struct acpi_choice *is, struct acpi_links *links)
{
	*links = (struct acpi_links) { 0 };
	return build(to, 0, is, links);
}
