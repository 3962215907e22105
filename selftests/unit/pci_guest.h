/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest's way to the configuration space of its PCI bus, by ports and by ECAM. Included behind
 * devices_fake.h.
 */
#ifndef SELFTESTS_UNIT_PCI_GUEST_H
#define SELFTESTS_UNIT_PCI_GUEST_H

#include <linux/pci_regs.h>

#include "../../userspace/pci.h"

/* What CF8h is given for one of the four bytes at @offset. */
static inline uint32_t config_address(unsigned int slot, unsigned int offset)
{
	return 1u << 31 | slot << 11 | (offset & 0xfc);
}

static inline uint32_t config_read(unsigned int slot, unsigned int offset, unsigned int bytes)
{
	port_out(0xcf8, 4, config_address(slot, offset));
	return port_in(0xcfc + (offset & 3), bytes);
}

static inline void config_write(unsigned int slot, unsigned int offset, unsigned int bytes,
				uint32_t value)
{
	port_out(0xcf8, 4, config_address(slot, offset));
	port_out(0xcfc + (offset & 3), bytes, value);
}

static inline uint64_t ecam(unsigned int slot, unsigned int offset)
{
	return PCI_ECAM_BASE + (slot << 15) + offset;
}

static inline void set_command(unsigned int slot, uint16_t command)
{
	config_write(slot, PCI_COMMAND, 2, command);
}

static inline void set_bar(unsigned int slot, unsigned int n, uint32_t value)
{
	config_write(slot, PCI_BASE_ADDRESS_0 + 4 * n, 4, value);
}

static inline uint32_t get_bar(unsigned int slot, unsigned int n)
{
	return config_read(slot, PCI_BASE_ADDRESS_0 + 4 * n, 4);
}

#endif
