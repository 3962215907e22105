// SPDX-License-Identifier: GPL-2.0
// needs: userspace/subopt.c userspace/share.c
/*
 * Options that are lists: what comes first, keys and their values, and what is said of a wrong one;
 * and --share, of which there is little else that needs no host.
 */
#include "../../userspace/server.h"
#include "../../userspace/share.h"
#include "../../userspace/subopt.h"
#include "devices_fake.h"
#include "said.h"

int server_start(const char * const *argv, pid_t *pid)
{
	return -1;
}

int vhost_user_open(struct vhost_user *u, int fd, pid_t pid)
{
	return -1;
}

/* ---- a list of our own ---------------------------------------------------------------------- */

static char * const keys[] = { (char *)"one", (char *)"two", NULL };
static char got[128];

static bool set(void *opaque, int key, char *value, const char **wanted)
{
	size_t n = strlen(got);

	CHECK(opaque == got);
	*wanted = key < 0 ? "keys are one and two" : "no value is bad";
	snprintf(got + n, sizeof(got) - n, "%d=%s;", key, value ? value : "(none)");
	return key >= 0 && (!value || strcmp(value, "bad"));
}

static const struct subopt_rules rules = { .keys = keys, .set = set, .first = "give something" };

/* Return: whether @text is right, is FIRST and then @list. */
static bool parses(const char *text, const char *first, const char *list)
{
	char why[32] = "", *copy;
	bool right;

	*got = '\0';
	copy = subopt_parse(text, &rules, got, why, sizeof(why));
	right = copy && !strcmp(copy, first) && !strcmp(got, list) && !*why;
	free(copy);
	return right;
}

static bool refused(const char *text, const char *words)
{
	char why[32] = "";

	*got = '\0';
	return !subopt_parse(text, &rules, got, why, sizeof(why)) && !strcmp(why, words);
}

static void test_lists(void)
{
	const char *wanted = NULL;

	CHECK(parses("a", "a", "") && parses("a,", "a", ""));
	CHECK(parses("/x=y,one=1,two,one=", "/x=y", "0=1;1=(none);0=;"));
	CHECK(parses("one=1,two=2=3", "one=1", "1=2=3;"));
	CHECK(refused("", "give something") && refused(",one=1", "give something"));
	CHECK(refused("a,three=3", "keys are one and two"));
	CHECK(refused("a,,", "keys are one and two"));
	CHECK(refused("a,one=bad,three", "no value is bad"));
	CHECK(!strcmp(got, "0=bad;"));		/* what follows is not looked at */
	CHECK(subopt_each(NULL, &rules, got, &wanted) && !wanted);
}

/* ---- --share -------------------------------------------------------------------------------- */

static void test_share(void)
{
	static const char * const bad[][2] = {
		{ "", "give a directory" },
		{ "/a,what=x", "keys are tag, cache and sandbox" },
		{ "/a,tag", "tag has 1 to 36 characters" },
		{ "/a,tag=1234567890123456789012345678901234567", "tag has 1 to 36 characters" },
		{ "/a,cache=maybe", "cache is auto, always or none" },
		{ "/a,sandbox", "sandbox is namespace, chroot or none" },
	};
	struct share_options s;
	char why[64];

	CHECK(share_parse("/a", &s, why, sizeof(why)));
	CHECK(!strcmp(s.path, "/a") && !strcmp(s.model.tag, "host"));
	CHECK(!strcmp(s.cache, "auto") && !strcmp(s.sandbox, "namespace"));
	free((char *)s.path);
	CHECK(share_parse("/b c,tag=t,cache=none,sandbox=chroot", &s, why, sizeof(why)));
	CHECK(!strcmp(s.path, "/b c") && !strcmp(s.model.tag, "t"));
	CHECK(!strcmp(s.cache, "none") && !strcmp(s.sandbox, "chroot"));
	free((char *)s.path);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(!share_parse(bad[i][0], &s, why, sizeof(why)) && !strcmp(why, bad[i][1]));
}

static const struct test tests[] = {
	{ "lists of keys and values", test_lists },
	{ "--share", test_share },
};

int main(void)
{
	return RUN_TESTS(tests);
}
