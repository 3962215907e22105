// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "message.h"
#include "svg.h"

struct svg {
	FILE *file;
	char *path;
};

/* Text, or the value of an attribute. What XML cannot have at all becomes a question mark. */
static void put_escaped(FILE *f, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", f);
			break;
		case '<':
			fputs("&lt;", f);
			break;
		case '>':
			fputs("&gt;", f);
			break;
		case '"':
			fputs("&quot;", f);
			break;
		default:
			fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, f);
		}
	}
}

struct svg *svg_open(const char *path, unsigned int width, unsigned int height)
{
	struct svg *svg = calloc(1, sizeof(*svg));

	if (svg)
		svg->path = strdup(path);
	if (!svg || !svg->path) {
		message("out of memory");
		free(svg);
		return NULL;
	}
	svg->file = fopen(path, "we");
	if (!svg->file) {
		message("cannot write %s: %s", path, strerror(errno));
		free(svg->path);
		free(svg);
		return NULL;
	}
	fprintf(svg->file,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"%u\" "
		"height=\"%u\" viewBox=\"0 0 %u %u\" font-family=\"sans-serif\">\n"
		"<rect width=\"%u\" height=\"%u\" fill=\"#ffffff\"/>\n",
		width, height, width, height, width, height);
	return svg;
}

void svg_rect(struct svg *svg, double x, double y, double width, double height, const char *color,
	      const char *tooltip)
{
	fprintf(svg->file, "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"",
		x, y, width, height);
	put_escaped(svg->file, color);
	fputs("\"", svg->file);
	if (tooltip) {
		fputs("><title>", svg->file);
		put_escaped(svg->file, tooltip);
		fputs("</title></rect>\n", svg->file);
	} else {
		fputs("/>\n", svg->file);
	}
}

void svg_text(struct svg *svg, double x, double y, unsigned int size, enum svg_anchor anchor,
	      const char *text)
{
	static const char * const name[] = { "start", "middle", "end" };

	fprintf(svg->file, "<text x=\"%.2f\" y=\"%.2f\" font-size=\"%u\" text-anchor=\"%s\" "
		"pointer-events=\"none\">", x, y, size, name[anchor]);
	put_escaped(svg->file, text);
	fputs("</text>\n", svg->file);
}

bool svg_close(struct svg *svg)
{
	bool failed;

	fputs("</svg>\n", svg->file);
	failed = ferror(svg->file);
	failed |= fclose(svg->file) != 0;
	if (failed) {
		message("cannot write %s: %s", svg->path, strerror(errno));
		unlink(svg->path);
	}
	free(svg->path);
	free(svg);
	return !failed;
}
