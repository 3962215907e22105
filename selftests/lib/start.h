/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Start states for vmtest: descriptor tables and page tables in the guest's
 * memory, and the matching registers on the shared page.
 */
#ifndef SELFTESTS_START_H
#define SELFTESTS_START_H

#include "vmtest.h"

/* Addresses of the guest's exception stubs. */
struct stubs {
	uint32_t s16, s32, s64;
};

void start_memory(uint8_t *ram, const struct stubs *stubs, int mode);
void start_registers(struct svmm_vcpu_page *page, int mode, uint64_t rip);

#endif
