// SPDX-License-Identifier: GPL-2.0
// flags: -m32
/*
 * The multiboot kernel once more, loaded by the addresses in its header.
 */
#define ADDRESSES
#include "multiboot.c"
