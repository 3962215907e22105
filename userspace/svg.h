/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pictures as SVG 1.1, without scripts: rectangles and text, in pixels from the upper left corner.
 * All text is escaped, and printable ASCII; a tooltip is what a viewer shows under the mouse.
 */
#ifndef VMCTL_SVG_H
#define VMCTL_SVG_H

#include <stdbool.h>

struct svg;

enum svg_anchor { SVG_LEFT, SVG_MIDDLE, SVG_RIGHT };

/* Can a picture be put there?  Before what it is to show is measured; false after a message. */
bool svg_possible(const char *path);

/**
 * svg_open - begin a picture
 * @path: of the file; one that is there is not touched before svg_close(), unless it is no regular
 *	file
 * @width: in pixels
 * @height: in pixels
 *
 * Return: NULL after a message.
 */
struct svg *svg_open(const char *path, unsigned int width, unsigned int height);
void svg_rect(struct svg *svg, double x, double y, double width, double height, const char *color,
	      const char *tooltip);
/* @y is that of the base line; @size in pixels. */
void svg_text(struct svg *svg, double x, double y, unsigned int size, enum svg_anchor anchor,
	      const char *text);
/**
 * svg_close - end it
 * @svg: from svg_open(); it is gone afterwards
 *
 * Return: true, and all of it is in the file; or false after a message, and a regular file at its
 * path is as it was.
 */
bool svg_close(struct svg *svg);

#endif
