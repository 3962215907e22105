/* SPDX-License-Identifier: GPL-2.0 */
/* High-precision event timer; see device.h for the rules of devices. */
#ifndef VMCTL_HPET_H
#define VMCTL_HPET_H

#include "../device.h"

#define HPET_BASE	0xfed00000u
#define HPET_BYTES	1024u
#define HPET_ID		0x8086a201u	/* lower half of its first register */
#define HPET_MIN_TICKS	10000u		/* between interrupts: 100 us */

struct hpet;
struct hpet *hpet_new(struct machine *m);
void hpet_free(struct hpet *h);

#endif
