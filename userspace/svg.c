// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message.h"
#include "svg.h"

struct svg {
	FILE *file;
	char *path;
	char *new;		/* what is written, to become @path; NULL: @path itself */
	int error;		/* the first one */
};

/* stdio keeps that something failed, not what. */
static void note_error(struct svg *svg)
{
	if (!svg->error && ferror(svg->file))
		svg->error = errno ? errno : EIO;
}

/*
 * Text, or the value of an attribute. What XML cannot have at all becomes a question mark, and so
 * do bytes that would have to be UTF-8: names are ASCII.
 */
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
			fputc(*text < ' ' || *text > '~' ? '?' : *text, f);
		}
	}
}

/* A new file beside @path, with the rights of the one that it will replace. */
static int open_new(struct svg *svg, const struct stat *old)
{
	mode_t mode, mask;
	int fd;

	if (asprintf(&svg->new, "%s.XXXXXX", svg->path) < 0) {
		svg->new = NULL;
		errno = ENOMEM;
		return -1;
	}
	fd = mkostemp(svg->new, O_CLOEXEC);
	if (fd < 0) {
		free(svg->new);
		svg->new = NULL;
		return -1;
	}
	mask = umask(0);
	umask(mask);
	mode = old ? old->st_mode & 0777 : 0666 & ~mask;
	if (fchmod(fd, mode)) {
		close(fd);
		return -1;
	}
	return fd;
}

/*
 * A picture that is there stays until the new one is whole. What is no regular file, a device or a
 * symbolic link, is written to as it is, and never removed.
 */
static bool open_file(struct svg *svg)
{
	struct stat st;
	bool there = !lstat(svg->path, &st);
	int fd;

	if (there ? S_ISREG(st.st_mode) : errno == ENOENT)
		fd = open_new(svg, there ? &st : NULL);
	else
		fd = open(svg->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		return false;
	svg->file = fdopen(fd, "w");
	return svg->file;
}

static void discard(struct svg *svg)
{
	if (svg->new)
		unlink(svg->new);
	free(svg->new);
	free(svg->path);
	free(svg);
}

bool svg_possible(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? strndup(path, slash - path + 1) : strdup(".");
	/* A file is replaced by a new one beside it; anything else is written to. */
	struct stat st;
	bool file = lstat(path, &st) || S_ISREG(st.st_mode);
	bool ok = dir && !access(file ? dir : path, W_OK);

	if (!ok)
		message("cannot write %s: %s", path, strerror(errno));
	free(dir);
	return ok;
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
	if (!open_file(svg)) {
		message("cannot write %s: %s", path, strerror(errno));
		discard(svg);
		return NULL;
	}
	fprintf(svg->file,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"%u\" "
		"height=\"%u\" viewBox=\"0 0 %u %u\" font-family=\"sans-serif\">\n"
		"<rect width=\"%u\" height=\"%u\" fill=\"#ffffff\"/>\n",
		width, height, width, height, width, height);
	note_error(svg);
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
	note_error(svg);
}

void svg_text(struct svg *svg, double x, double y, unsigned int size, enum svg_anchor anchor,
	      const char *text)
{
	static const char * const name[] = { "start", "middle", "end" };

	fprintf(svg->file, "<text x=\"%.2f\" y=\"%.2f\" font-size=\"%u\" text-anchor=\"%s\" "
		"pointer-events=\"none\">", x, y, size, name[anchor]);
	put_escaped(svg->file, text);
	fputs("</text>\n", svg->file);
	note_error(svg);
}

bool svg_close(struct svg *svg)
{
	int error;

	fputs("</svg>\n", svg->file);
	fflush(svg->file);
	note_error(svg);
	if (fclose(svg->file) && !svg->error)
		svg->error = errno;
	if (!svg->error && svg->new) {
		if (rename(svg->new, svg->path)) {
			svg->error = errno;
		} else {
			free(svg->new);
			svg->new = NULL;
		}
	}
	error = svg->error;
	if (error)
		message("cannot write %s: %s", svg->path, strerror(error));
	discard(svg);
	return !error;
}
