// SPDX-License-Identifier: GPL-2.0
/*
 * vmctl screen and vmctl screenshot.  The VM's process, which its guest may have taken over, is
 * believed no more than its answer can be checked: the picture's size is bounded, and its pixels
 * are read from a file of our own.
 */
#include <errno.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ask.h"
#include "cli.h"
#include "devices/vga.h"
#include "json.h"
#include "message.h"
#include "options.h"
#include "screenshot.h"

#define ANSWER_S	30

static const char screen_help[] =
"usage: vmctl screen NAME\n"
"Print what is on the screen of a virtual machine that has one (--vga) in text mode,\n"
"without the blanks at the lines' ends.\n";

static const char screenshot_help[] =
"usage: vmctl screenshot NAME FILE.png\n"
"Write a picture of a virtual machine's screen (--vga), in text mode or graphics.\n";

static long long number_of(struct json_object *o, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(o, key, &value) ? json_object_get_int64(value) : 0;
}

/* Control characters would be the terminal's. */
static bool is_plain(const char *text)
{
	for (; *text; text++) {
		if (((unsigned char)*text < ' ' && *text != '\n') || *text == 0x7f)
			return false;
	}
	return true;
}

/* Return: status to exit with. */
static int print_screen(const char *name, struct json_object *answer)
{
	struct json_object *value;
	const char *text;

	if (!json_object_object_get_ex(answer, "text", &value)) {
		message("%s: the screen is in graphics mode, %lld x %lld; vmctl screenshot %s "
			"FILE.png writes a picture of it", name, number_of(answer, "width"),
			number_of(answer, "height"), name);
		return STATUS_ERROR;
	}
	text = json_object_get_string(value);
	if (!text || !is_plain(text)) {
		message("%s: the VM's process gave no proper text", name);
		return STATUS_ERROR;
	}
	fputs(text, stdout);
	return STATUS_OK;
}

int screen_command(int argc, char **argv)
{
	struct show_options options = { 0 };
	struct json_object *answer = NULL;
	int status = show_parse(argc, argv, SHOW_ONE_VM, screen_help, &options), fd;

	if (status != CLI_GO_ON)
		return status;
	fd = ask_connect(options.name);
	if (fd >= 0) {
		answer = ask(fd, options.name, ask_for("screen"), ANSWER_S);
		close(fd);
	}
	if (!answer)
		return STATUS_ERROR;
	status = print_screen(options.name, answer);
	json_object_put(answer);
	return status;
}

/* screenshot */

/* Ask the VM to write its pixels to @pixels.  Return: 0 with the size, or -1 after a message. */
static int get_picture(const char *name, int pixels, uint32_t *width, uint32_t *height)
{
	struct json_object *answer;
	int fd = ask_connect(name);
	long long w, h;

	if (fd < 0)
		return -1;
	answer = ask_with(fd, name, ask_for("screenshot"), &pixels, 1, ANSWER_S);
	close(fd);
	if (!answer)
		return -1;
	w = number_of(answer, "width");
	h = number_of(answer, "height");
	json_object_put(answer);
	if (w < 1 || w > VGA_MAX_SIDE || h < 1 || h > VGA_MAX_SIDE) {
		message("%s: the VM's process gave a picture of no size that a screen has", name);
		return -1;
	}
	*width = w;
	*height = h;
	return 0;
}

/* Return: the pixels, or NULL after a message. */
static uint8_t *read_pixels(const char *name, int fd, size_t bytes)
{
	uint8_t *pixels = malloc(bytes);
	size_t done = 0;
	ssize_t n = 1;

	if (!pixels) {
		message("out of memory");
		return NULL;
	}
	for (; done < bytes && n > 0; done += n > 0 ? n : 0)
		n = pread(fd, pixels + done, bytes - done, done);
	if (done == bytes)
		return pixels;
	message("%s: the VM's process gave fewer pixels than its picture has", name);
	free(pixels);
	return NULL;
}

/* Return: 0, or -1 after a message. */
static int write_png(const char *path, const uint8_t *pixels, uint32_t width, uint32_t height)
{
	png_image image = {
		.version = PNG_IMAGE_VERSION, .width = width, .height = height,
		.format = PNG_FORMAT_RGB,
	};
	FILE *file = fopen(path, "w");
	bool ok;

	if (!file) {
		message("screenshot %s: %s", path, strerror(errno));
		return -1;
	}
	ok = png_image_write_to_stdio(&image, file, 0, pixels, 0, NULL);
	if (!ok)
		message("screenshot %s: cannot write it: %s", path, image.message);
	if (fclose(file) && ok) {
		message("screenshot %s: %s", path, strerror(errno));
		ok = false;
	}
	if (!ok)
		unlink(path);
	return ok ? 0 : -1;
}

static int take_screenshot(const char *name, const char *path)
{
	uint32_t width, height;
	uint8_t *pixels = NULL;
	int fd = memfd_create("svmm-screenshot", MFD_CLOEXEC), err = -1;

	if (fd < 0) {
		message("screenshot: no memory for the picture: %s", strerror(errno));
		return -1;
	}
	if (!get_picture(name, fd, &width, &height))
		pixels = read_pixels(name, fd, (size_t)width * height * 3);
	if (pixels)
		err = write_png(path, pixels, width, height);
	free(pixels);
	close(fd);
	return err;
}

int screenshot_command(int argc, char **argv)
{
	struct show_options options = { 0 };
	int status = show_parse(argc, argv, SHOW_ONE_VM | SHOW_FILE, screenshot_help, &options);

	if (status != CLI_GO_ON)
		return status;
	return take_screenshot(options.name, options.values[0]) ? STATUS_ERROR : STATUS_OK;
}
