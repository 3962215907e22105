// SPDX-License-Identifier: GPL-2.0
// needs: userspace/svg.c userspace/flame.c
/*
 * vmctl's pictures: what is in the way of one is replaced, or kept, and never lost; texts cannot
 * be more than texts; and frames are counted by their names.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../userspace/flame.h"
#include "../../userspace/svg.h"
#include "tap.h"

static char base[64];
static char said[2048];

void message(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(said, sizeof(said), format, args);
	va_end(args);
}

static const char *at(const char *name)
{
	static char path[2][128];
	static int i;

	i = !i;
	snprintf(path[i], sizeof(path[i]), "%s/%s", base, name);
	return path[i];
}

static char *content(const char *name)
{
	static char text[8192];
	int fd = open(at(name), O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	close(fd);
	return text;
}

static bool draw(const char *path)
{
	struct svg *svg;

	said[0] = '\0';
	svg = svg_open(path, 10, 10);
	if (!svg)
		return false;
	for (int i = 0; i < 1000; i++)
		svg_rect(svg, i, i, 1, 1, "#000000", "a tooltip");
	svg_text(svg, 1, 1, 10, SVG_LEFT, "drawn");
	return svg_close(svg);
}

static void put(const char *name, mode_t mode)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC, mode);

	ksft_print_msg("%zd\n", write(fd, "precious", 8));
	close(fd);
}

static void test_texts(void)
{
	struct svg *svg = svg_open(at("texts"), 10, 10);
	char *text;

	svg_rect(svg, 0, 0, 1, 1, "#000000", "a<b>&\"c\"\033[2J\303\244\177~");
	svg_text(svg, 0, 0, 12, SVG_MIDDLE, "</text><script>");
	ksft_test_result(svg_close(svg), "a picture\n");
	text = content("texts");
	ksft_test_result(strstr(text, "<title>a&lt;b&gt;&amp;&quot;c&quot;?[2J???~</title>") &&
			 strstr(text, ">&lt;/text&gt;&lt;script&gt;</text>") &&
			 strstr(text, "</svg>\n"), "texts are texts, and ASCII\n");
}

static void test_replaced(void)
{
	struct stat st;
	struct svg *svg;
	bool ok;

	put("old", 0640);
	chmod(at("old"), 0640);
	svg = svg_open(at("old"), 10, 10);
	ok = svg && !strcmp(content("old"), "precious");
	ok &= svg && svg_close(svg) && strstr(content("old"), "</svg>");
	ok &= !stat(at("old"), &st) && (st.st_mode & 0777) == 0640;
	ksft_test_result(ok, "a file is replaced when the picture is whole\n");

	umask(022);
	ok = draw(at("new")) && !stat(at("new"), &st) && (st.st_mode & 0777) == 0644;
	ksft_test_result(ok, "a new one has the usual rights\n");

	put("target", 0600);
	ok = !symlink("target", at("link")) && draw(at("link")) && !lstat(at("link"), &st);
	ok &= S_ISLNK(st.st_mode) && strstr(content("target"), "<svg");
	ksft_test_result(ok, "a link stays one\n");
}

static void test_failures(void)
{
	const struct rlimit small = { .rlim_cur = 1000, .rlim_max = RLIM_INFINITY };
	struct rlimit all;
	struct stat st;
	bool ok;

	ok = !draw(at("nowhere/x")) && strstr(said, "No such file or directory");
	ok &= !draw(base) && strstr(said, "Is a directory") && !access(base, F_OK);
	ksft_test_result(ok, "where no file can be\n");

	ok = !symlink("/dev/full", at("full")) && !draw(at("full")) && !lstat(at("full"), &st);
	ksft_test_result(ok && strstr(said, strerror(ENOSPC)), "a device is not removed\n");

	put("kept", 0600);
	getrlimit(RLIMIT_FSIZE, &all);
	setrlimit(RLIMIT_FSIZE, &small);
	signal(SIGXFSZ, SIG_IGN);
	errno = 0;
	ok = !draw(at("kept"));
	setrlimit(RLIMIT_FSIZE, &all);
	ok &= strstr(said, strerror(EFBIG)) && !strcmp(content("kept"), "precious");
	/* Nothing stays beside it: only then can the directory be removed below. */
	ksft_test_result(ok, "nor is a picture that another could not replace\n");
}

static bool has(const struct flame *f, unsigned int i, const char *name, uint64_t samples)
{
	return f->nr_children > i && !strcmp(f->child[i].name, name) &&
	       f->child[i].samples == samples;
}

static void test_frames(void)
{
	struct flame root = { .name = (char *)"all" };
	const char *frames[2];
	char name[16];
	bool ok = true;

	frames[0] = "outer";
	frames[1] = name;
	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "f%d", i % 5000);
		ok &= flame_add(&root, frames, 2);
	}
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "f%d", i % 2);
		ok &= flame_add(&root, frames, 2);
	}
	flame_sort(&root);
	ok &= root.samples == 15000 && root.nr_children == 1 && has(&root, 0, "outer", 15000);
	ok &= root.child[0].nr_children == 4097 && has(&root.child[0], 0, "f0", 2502);
	ok &= has(&root.child[0], 1, "f1", 2502) && has(&root.child[0], 3, "f10", 2);
	ok &= has(&root.child[0], 2, "[elsewhere]", 2 * (5000 - 4096));
	ok &= flame_draw(&root, at("flame"), "a title") && strstr(content("flame"), "<title>outer");
	flame_free(&root);
	ksft_test_result(ok && !root.child, "frames of one name are one, and there are so many\n");
}

int main(void)
{
	static const char * const made[] = { "texts", "old", "new", "target", "link", "full",
					     "kept", "flame" };

	ksft_print_header();
	ksft_set_plan(10);
	strcpy(base, "/tmp/vmctl_svg.XXXXXX");
	if (!mkdtemp(base))
		ksft_exit_fail_msg("mkdtemp: %s\n", strerror(errno));
	test_texts();
	test_replaced();
	test_failures();
	test_frames();
	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
		unlink(at(made[i]));
	ksft_test_result(!rmdir(base), "nothing is left beside\n");
	ksft_finished();
}
