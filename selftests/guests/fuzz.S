/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where a random guest program (fuzz/host/guest.c) begins, in each mode: fault handlers that go on
 * at G_FIXUP. The program itself is made in memory, and RIP put there.
 *
 * org: 0x8000
 */
#include "guest.h"

.macro BEGIN name:req, mode:req
GUEST \name, \mode
	hlt
.endm

BEGIN mode_REAL, MODE_REAL
BEGIN mode_PROT16, MODE_PROT16
BEGIN mode_PROT32, MODE_PROT32
BEGIN mode_PAGED32, MODE_PAGED32
BEGIN mode_PAE, MODE_PAE
BEGIN mode_LONG, MODE_LONG
