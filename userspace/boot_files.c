// SPDX-License-Identifier: GPL-2.0
/*
 * The files that a guest is booted from.  It knows how options name them, and nothing of what is in
 * them.
 */
#include <stdlib.h>
#include <string.h>

#include "boot_files.h"
#include "message.h"

/* Return: 0, or -1 after a message. */
static int open_file(struct image *image, const char *name, size_t bytes, const char *what)
{
	char *path = strndup(name, bytes);

	if (path && !image_open(image, path, what))
		return 0;
	if (!path)
		message("out of memory");
	free(path);
	return -1;
}

static void close_file(struct image *image)
{
	image_close(image);
	free((char *)image->path);
}

static int open_module(struct boot_files *files, const struct run_file *file)
{
	struct boot_module *m = &files->modules[files->nr_modules];

	if (open_file(&m->image, file->text, file->name_bytes, "module"))
		return -1;
	m->args = file->text + file->name_bytes;
	m->args += strspn(m->args, " ");
	files->nr_modules++;
	return 0;
}

static int open_modules(struct boot_files *files, const struct run_options *o)
{
	struct boot_module *initrd = &files->modules[0];

	files->nr_modules = 0;
	if (o->initrd) {
		if (open_file(&initrd->image, o->initrd, strlen(o->initrd), "initrd"))
			return -1;
		initrd->args = "";
		files->nr_modules++;
	}
	for (unsigned int i = 0; i < o->nr_modules; i++) {
		if (open_module(files, &o->modules[i]))
			return -1;
	}
	return 0;
}

int boot_files_open(struct boot_files *files, const struct run_options *o)
{
	int err;

	if (o->flat.text)
		err = open_file(&files->program, o->flat.text, o->flat.name_bytes, "program");
	else
		err = open_file(&files->program, o->kernel, strlen(o->kernel), "kernel");
	if (err)
		return -1;
	if (!open_modules(files, o))
		return 0;
	boot_files_close(files);
	return -1;
}

void boot_files_close(struct boot_files *files)
{
	close_file(&files->program);
	while (files->nr_modules)
		close_file(&files->modules[--files->nr_modules].image);
}
