// SPDX-License-Identifier: GPL-2.0
/*
 * It runs in the event loop: no picture has more rows or pixels than struct vga_view may have, and
 * the file that it goes to is the client's, who vouches for it that writing does not take long.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control_screen.h"
#include "json.h"
#include "plug.h"
#include "screen.h"

static bool look(const struct plugs *plugs, const char *command, struct vga_view *view, char *why,
		 size_t room)
{
	const struct vga *vga = plugs ? plug_vga(plugs) : NULL;

	if (!vga) {
		snprintf(why, room, "%s: the VM has no screen; run it with --vga", command);
		return false;
	}
	vga_look(vga, view);
	return true;
}

enum control_answer control_screen(const struct plugs *plugs, struct json_object *reply, char *why,
				   size_t room)
{
	struct vga_view view;
	char *text;

	if (!look(plugs, "screen", &view, why, room))
		return CONTROL_FAILED;
	if (view.kind != VGA_TEXT) {
		json_add_text(reply, "mode", "graphics");
		json_add_number(reply, "width", view.width);
		json_add_number(reply, "height", view.height);
		return CONTROL_DONE;
	}
	text = malloc(SCREEN_TEXT_BYTES);
	if (!text) {
		snprintf(why, room, "screen: out of memory");
		return CONTROL_FAILED;
	}
	screen_text(&view, text, SCREEN_TEXT_BYTES);
	json_add_text(reply, "mode", "text");
	json_add_number(reply, "columns", view.columns);
	json_add_number(reply, "rows", view.rows);
	json_add_text(reply, "text", text);
	free(text);
	return CONTROL_DONE;
}

/* Return: 0 or -errno. */
static int write_row(int fd, const uint8_t *row, size_t bytes, off_t at)
{
	ssize_t n;

	for (; bytes; bytes -= n, row += n, at += n) {
		n = pwrite(fd, row, bytes, at);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			return n ? -errno : -ENOSPC;
	}
	return 0;
}

/* A file that grows beyond that would have a signal end the VM. */
static bool may_write(uint64_t bytes)
{
	struct rlimit limit;

	return !getrlimit(RLIMIT_FSIZE, &limit) && bytes <= limit.rlim_cur;
}

/* Row after row, from the file's start.  Return: 0 or -errno. */
static int write_picture(const struct vga_view *view, int fd)
{
	size_t bytes = view->width * 3;
	uint8_t *row;
	int err = 0;

	if (!may_write((uint64_t)bytes * view->height))
		return -EFBIG;
	row = malloc(SCREEN_ROW_BYTES);
	if (!row)
		return -ENOMEM;
	for (uint32_t y = 0; y < view->height && !err; y++) {
		screen_row(view, y, row);
		err = write_row(fd, row, bytes, (off_t)y * bytes);
	}
	free(row);
	return err;
}

enum control_answer control_screenshot(const struct plugs *plugs,
				       const struct control_request *request,
				       struct json_object *reply, char *why, size_t room)
{
	const struct control_fds *fds = request->fds;
	struct vga_view view;
	struct stat st;
	int err;

	if (!look(plugs, "screenshot", &view, why, room))
		return CONTROL_FAILED;
	if (fds->nr != 1 || fstat(fds->fd[0], &st) || !S_ISREG(st.st_mode)) {
		snprintf(why, room, "screenshot: send one regular file, open for writing, with the "
			 "request: the pixels go there");
		return CONTROL_FAILED;
	}
	err = write_picture(&view, fds->fd[0]);
	if (err) {
		snprintf(why, room, "screenshot: cannot write the pixels: %s", strerror(-err));
		return CONTROL_FAILED;
	}
	json_add_number(reply, "width", view.width);
	json_add_number(reply, "height", view.height);
	return CONTROL_DONE;
}
