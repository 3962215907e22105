/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is on a guest's screen, as text or as pixels: of a struct vga_view, and so of whatever
 * adapter gives one.  It knows no registers.
 */
#ifndef VMCTL_SCREEN_H
#define VMCTL_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devices/vga.h"

/* Room for any text: each cell takes up to 3 bytes, each row a newline, and there is a NUL. */
#define SCREEN_TEXT_BYTES	((VGA_MAX_CELLS * 3 + 1) * VGA_MAX_CELLS + 1)
#define SCREEN_ROW_BYTES	(VGA_MAX_SIDE * 3)

/**
 * screen_text - text mode's cells
 * @view: whose kind is VGA_TEXT
 * @text: filled in: UTF-8, a line for each row, without the blanks at its end
 * @room: SCREEN_TEXT_BYTES do
 *
 * Code page 437, also what others take for control characters: there are none in it.
 *
 * Return: bytes of @text, without its NUL.
 */
size_t screen_text(const struct vga_view *view, char *text, size_t room);

/* Row @y of the picture: @rgb gets red, green, blue of each of view->width pixels. */
void screen_row(const struct vga_view *view, uint32_t y, uint8_t *rgb);

#endif
