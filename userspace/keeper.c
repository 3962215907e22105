// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keeper.h"

/* All but @a and @b, @a being the lower one; what vmctl's output goes to is not held open either. */
static void close_others(int a, int b)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	syscall(SYS_close_range, STDERR_FILENO + 1, a - 1, 0);
	syscall(SYS_close_range, a + 1, b - 1, 0);
	syscall(SYS_close_range, b + 1, ~0u, 0);
}

static void keep(int life_fd, int dir, const char *name, const struct stat *file)
{
	struct stat st;
	sigset_t all;
	char byte;

	/* What ends vmctl shall not end it first. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	setpgid(0, 0);
	prctl(PR_SET_NAME, "vmctl-keeper");
	close_others(life_fd < dir ? life_fd : dir, life_fd < dir ? dir : life_fd);
	while (read(life_fd, &byte, 1) < 0 && errno == EINTR)
		;
	if (!fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) && st.st_dev == file->st_dev &&
	    st.st_ino == file->st_ino)
		unlinkat(dir, name, 0);
	_exit(0);
}

int keeper_start(struct keeper *k, int dir, const char *name)
{
	struct stat file;
	int life[2];

	if (fstatat(dir, name, &file, AT_SYMLINK_NOFOLLOW) || pipe2(life, O_CLOEXEC))
		return -1;
	k->life_fd = life[1];
	k->pid = fork();
	if (!k->pid)
		keep(life[0], dir, name, &file);
	close(life[0]);
	if (k->pid > 0)
		return 0;
	close(life[1]);
	return -1;
}

void keeper_end(struct keeper *k)
{
	close(k->life_fd);
	waitpid(k->pid, NULL, 0);
}
