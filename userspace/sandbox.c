// SPDX-License-Identifier: GPL-2.0
/*
 * The way into the sandbox: what is inherited, namespaces, an empty root, privileges.  Which system
 * calls are left is sandbox_filter.c's.
 *
 * Who gets hold of vmctl can still do what the VM can: use its memory, its disks, its console.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "message.h"
#include "sandbox.h"
#include "sandbox_filter.h"

#define INHERITED_MAX	1024
#define ROOT		"/tmp"	/* where an empty file system is put, which becomes the root */
#define RESOLV_DIR	"/etc"
#define RESOLV_CONF	"/etc/resolv.conf"
#define RESOLV_MAX	16384	/* bytes of it */
#define NOBODY		65534

static bool inherited[INHERITED_MAX];

/* What is not on the list: an attack, or a mistake in the list. */
static void forbidden(int sig, siginfo_t *info, void *context)
{
	char text[128];

	(void)sig;
	(void)context;
	snprintf(text, sizeof(text),
		 "vmctl: the sandbox ends it at system call %d; if the guest is not "
		 "to blame, report it, and use --no-sandbox\n", info->si_syscall);
	message_at_once(text);
	_exit(1);
}

/* Files, namespaces and privileges */

/* poll() tells of all at once which are open, if there may be so many. */
void sandbox_remember_fds(void)
{
	struct pollfd fds[INHERITED_MAX];
	bool known;

	for (int fd = 0; fd < INHERITED_MAX; fd++)
		fds[fd] = (struct pollfd) { .fd = fd };
	known = poll(fds, INHERITED_MAX, 0) >= 0;
	for (int fd = STDERR_FILENO + 1; fd < INHERITED_MAX; fd++)
		inherited[fd] = known ? !(fds[fd].revents & POLLNVAL) : fcntl(fd, F_GETFD) >= 0;
	syscall(SYS_close_range, STDERR_FILENO + 1, ~0u, 4 /* CLOSE_RANGE_CLOEXEC */);
}

static void close_inherited(void)
{
	for (int fd = STDERR_FILENO + 1; fd < INHERITED_MAX; fd++) {
		if (inherited[fd])
			close(fd);
	}
}

/* Return: its bytes in @text, or -1: it is not there. */
static ssize_t read_file(const char *path, char *text, size_t bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, bytes);

	if (fd >= 0)
		close(fd);
	return n;
}

static bool write_file(const char *path, int flags, const char *text, size_t bytes)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0444);
	bool done = fd >= 0 && write(fd, text, bytes) == (ssize_t)bytes;

	if (fd >= 0)
		close(fd);
	return done;
}

/* Go into an own root, which is empty as yet, and can be written to.  Return: whether it may. */
static bool make_root(void)
{
	return !unshare(CLONE_NEWNS) &&
	       !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount("none", ROOT, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=32k") &&
	       !chdir(ROOT);
}

/* Nothing in it changes any more, and there is no way out.  Return: whether that is so. */
static bool enter_root(void)
{
	if (mount(NULL, ".", NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "size=32k"))
		return false;
	/* An initial RAM disk cannot be pivoted away from. */
	if (!syscall(SYS_pivot_root, ".", "."))
		umount2(".", MNT_DETACH);
	else if (chroot("."))
		return false;
	return !chdir("/");
}

/* Return: whether it is permitted; else the host's root stays, which the filter guards. */
static bool leave_files(void)
{
	return make_root() && enter_root();
}

/* A root with a copy of the host's name servers.  Return: whether it is permitted. */
static bool leave_files_but_servers(void)
{
	static char text[RESOLV_MAX];
	ssize_t bytes = read_file(RESOLV_CONF, text, sizeof(text));

	if (!make_root())
		return false;
	umask(022);
	if (bytes >= 0 && (mkdir("." RESOLV_DIR, 0755) ||
			   !write_file("." RESOLV_CONF, O_CREAT | O_EXCL, text, bytes)))
		return false;
	return enter_root();
}

/* The host's root, in which that one file can be read.  Return: whether the kernel can do that. */
static bool forbid_files_but_servers(void)
{
	const struct landlock_ruleset_attr all = {
		.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1,
	};
	struct landlock_path_beneath_attr file = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE,
		.parent_fd = open(RESOLV_CONF, O_PATH | O_CLOEXEC),
	};
	int rules = syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
	bool done;

	done = rules >= 0 && file.parent_fd >= 0 &&
	       !syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &file, 0) &&
	       !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !syscall(SYS_landlock_restrict_self, rules, 0);
	if (rules >= 0)
		close(rules);
	if (file.parent_fd >= 0)
		close(file.parent_fd);
	return done;
}

/* In a user namespace there are no files of who is nobody in it. */
static void map_user(uid_t uid, gid_t gid)
{
	char map[64];

	snprintf(map, sizeof(map), "%u %u 1", uid, uid);
	write_file("/proc/self/uid_map", 0, map, strlen(map));
	write_file("/proc/self/setgroups", 0, "deny", strlen("deny"));
	snprintf(map, sizeof(map), "%u %u 1", gid, gid);
	write_file("/proc/self/gid_map", 0, map, strlen(map));
}

/* Root's files, processes and devices are not for a guest.  A namespace may have no nobody. */
static int become_nobody(void)
{
	if (setgroups(0, NULL) && errno != EPERM)
		return -1;
	if (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))
		return errno == EINVAL ? 0 : -1;
	return 0;
}

static void drop_bounding_set(void)
{
	for (int cap = 0; !prctl(PR_CAPBSET_DROP, cap); cap++)
		;
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

static void lacks(char *list, size_t room, bool there, const char *what)
{
	size_t n = strlen(list);

	if (!there)
		snprintf(list + n, room - n, "%s%s", n ? ", " : "", what);
}

/* What is not permitted here, is told; the filter of system calls is there in any case. */
static void leave_host(void)
{
	/* Who has no privileges has namespaces within a user's, if the host lets him. */
	bool users = !geteuid() || !unshare(CLONE_NEWUSER);
	bool network = !unshare(CLONE_NEWNET);
	bool ipc = !unshare(CLONE_NEWIPC | CLONE_NEWUTS);
	bool files = leave_files();
	char list[80] = "";

	lacks(list, sizeof(list), files, "an empty root");
	lacks(list, sizeof(list), network, "a network of its own");
	lacks(list, sizeof(list), ipc, "IPC of its own");
	if (*list)
		message("the sandbox is without %s, as this host does not permit it%s", list,
			users ? "" : "; see sysctl user.max_user_namespaces and "
				     "kernel.unprivileged_userns_clone");
}

static int drop_privileges(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { { 0 } };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return syscall(SYS_capset, &header, none);
}

/* Return: 0, or -1 after a message; @err is what loading a filter gave. */
static int check_filter(int err)
{
	if (!err)
		return 0;
	message("cannot filter system calls: %s; --no-sandbox does without", strerror(-err));
	return -1;
}

int sandbox_enter(const struct sandbox_needs *needs)
{
	const struct sigaction trap = { .sa_sigaction = forbidden, .sa_flags = SA_SIGINFO };

	close_inherited();
	leave_host();
	drop_bounding_set();
	if (drop_privileges()) {
		message("cannot drop privileges: %s", strerror(errno));
		return -1;
	}
	sigaction(SIGSYS, &trap, NULL);
	return check_filter(filter_process(needs));
}

int sandbox_enter_network(void)
{
	const struct sigaction trap = { .sa_sigaction = forbidden, .sa_flags = SA_SIGINFO };
	uid_t uid = geteuid();
	gid_t gid = getegid();
	bool files;

	if (uid && !unshare(CLONE_NEWUSER))
		map_user(uid, gid);
	unshare(CLONE_NEWIPC | CLONE_NEWUTS);
	files = leave_files_but_servers() || forbid_files_but_servers();
	drop_bounding_set();
	if ((!uid && become_nobody()) || drop_privileges()) {
		message("cannot drop privileges: %s", strerror(errno));
		return -1;
	}
	sigaction(SIGSYS, &trap, NULL);
	return check_filter(filter_network(files));
}
