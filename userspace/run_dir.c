// SPDX-License-Identifier: GPL-2.0
/*
 * The run directory and the sockets in it.
 *
 * It knows no protocol.  The one trick is how to tell a leftover: a socket whose process is gone,
 * however it went, refuses a connection.  Between that look and the removal the directory is
 * locked, and so it is while a new socket does not listen yet.  Sockets are reached through
 * /proc/self/fd, so that it is the directory that was looked at, and of no path too long.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "run_dir.h"

#define ROOT_DIR	"/run/svmm"
#define SUFFIX		".sock"
#define BACKLOG		16
#define LOCK_TRIES	200
#define LOCK_PAUSE_US	10000

/* The directory */

static bool find_path(uid_t uid, char path[PATH_MAX], char *why, size_t room)
{
	const char *base = getenv("XDG_RUNTIME_DIR");
	int len;

	if (!uid) {
		strcpy(path, ROOT_DIR);
		return true;
	}
	if (uid != geteuid()) {
		snprintf(path, PATH_MAX, "/run/user/%u/svmm", uid);
		return true;
	}
	if (!base || base[0] != '/') {
		snprintf(why, room, "XDG_RUNTIME_DIR is not set; set it to a directory of yours with "
			 "mode 700, as systemd-logind does");
		return false;
	}
	len = snprintf(path, PATH_MAX, "%s/svmm", base);
	if (len < PATH_MAX)
		return true;
	snprintf(why, room, "XDG_RUNTIME_DIR is too long");
	return false;
}

/* Only the user's, or somebody else could put sockets there. */
static bool is_safe(int dir, uid_t uid, const char *path, char *why, size_t room)
{
	struct stat st;

	if (fstat(dir, &st)) {
		snprintf(why, room, "cannot look at %s: %s", path, strerror(errno));
		return false;
	}
	if (st.st_uid != uid) {
		snprintf(why, room, "%s belongs to user %u; remove it, or give it to user %u",
			 path, st.st_uid, uid);
		return false;
	}
	if (st.st_mode & 077) {
		snprintf(why, room, "%s has mode %o, so others get into it; run: chmod 700 %s",
			 path, st.st_mode & 07777, path);
		return false;
	}
	return true;
}

int run_dir_open(uid_t uid, bool create, char *why, size_t room)
{
	char path[PATH_MAX];
	int dir;

	if (!find_path(uid, path, why, room))
		return -1;
	if (create && mkdir(path, 0700) && errno != EEXIST) {
		snprintf(why, room, "cannot make %s: %s", path, strerror(errno));
		return -1;
	}
	dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0) {
		snprintf(why, room, "cannot open %s: %s", path, strerror(errno));
		return -1;
	}
	if (is_safe(dir, uid, path, why, room))
		return dir;
	close(dir);
	return -1;
}

/* False: somebody keeps it locked, and nobody does that for long who means well. */
static bool lock(int dir)
{
	for (unsigned int i = 0; i < LOCK_TRIES; i++) {
		if (!flock(dir, LOCK_EX | LOCK_NB))
			return true;
		usleep(LOCK_PAUSE_US);
	}
	return false;
}

static void unlock(int dir)
{
	flock(dir, LOCK_UN);
}

/* Sockets */

static bool find_address(int dir, const char *name, struct sockaddr_un *address)
{
	int len;

	address->sun_family = AF_UNIX;
	len = snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/%s" SUFFIX,
		       dir, name);
	return !strchr(name, '/') && len < (int)sizeof(address->sun_path);
}

int run_dir_connect(int dir, const char *name)
{
	struct sockaddr_un address;
	int fd, error;

	if (!find_address(dir, name, &address))
		return -ENOENT;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	error = errno;
	close(fd);
	return -error;
}

/* The directory is locked.  Return: whether there is, now, no socket of that name. */
static bool remove_leftover(int dir, const char *name)
{
	int fd = run_dir_connect(dir, name);

	if (fd >= 0)
		close(fd);
	if (fd == -ECONNREFUSED)
		run_dir_remove(dir, name);
	return fd == -ECONNREFUSED || fd == -ENOENT;
}

int run_dir_listen(int dir, const char *name)
{
	struct sockaddr_un address;
	int fd, ret;

	if (!find_address(dir, name, &address))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (!lock(dir)) {
		close(fd);
		return -EBUSY;
	}
	ret = fd;
	if (!remove_leftover(dir, name))
		ret = -EEXIST;
	else if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, BACKLOG))
		ret = -errno;
	unlock(dir);
	if (ret < 0)
		close(fd);
	return ret;
}

void run_dir_remove(int dir, const char *name)
{
	char file[NAME_MAX + 1];

	if (snprintf(file, sizeof(file), "%s" SUFFIX, name) < (int)sizeof(file))
		unlinkat(dir, file, 0);
}

void run_dir_clean(int dir)
{
	int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *all = again < 0 ? NULL : fdopendir(again);
	struct dirent *entry;
	char *end;

	if (!all || !lock(dir))
		goto out;
	while ((entry = readdir(all))) {
		end = strrchr(entry->d_name, '.');
		if (!end || strcmp(end, SUFFIX))
			continue;
		*end = '\0';
		remove_leftover(dir, entry->d_name);
	}
	unlock(dir);
out:
	if (all)
		closedir(all);
	else if (again >= 0)
		close(again);
}
