/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Programs that serve a device of one machine.
 */
#ifndef VMCTL_SERVER_H
#define VMCTL_SERVER_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#define SERVER_FD	3	/* where it finds its socket, and systemd's servers find theirs */

/**
 * server_start - start a program, and connect to it
 * @argv: it and its arguments, ending in NULL; looked for as a shell does
 * @pid: set to its process; who does not wait for it leaves that to the end of vmctl
 *
 * It listens on SERVER_FD, a Unix socket that has no name any more: nobody else can connect.  It
 * is not of vmctl's process group, and gets a SIGTERM if vmctl ends before it, however that ends.
 * Only before the sandbox, while there is one thread.
 *
 * Return: the connection, or -1 with errno set.  That the program cannot be executed, or ends at
 * once, is seen by the connection's being closed.
 */
int server_start(const char * const *argv, pid_t *pid);

/*
 * Have it end, with the processes that it has started.  Until it is waited for its number is no
 * other's.  In the sandbox it has to be one of sandbox_needs.servers.
 */
void server_kill(pid_t pid);

/*
 * Take notice of its end, so that there is no zombie, and wait for that for up to @ms.  It must not
 * be killed after that.  In the sandbox this is for the event loop, as vCPUs may not wait for
 * processes.  Return: whether it has ended.
 */
bool server_reap(pid_t pid, unsigned int ms);

/*
 * Wait for the end of a server whose connection was closed.  It may have much to write out before,
 * so after some seconds the user is told that @program, for @what, is what is waited for.
 */
void server_wait(pid_t pid, const char *program, const char *what);

/**
 * struct server_end - of a server whose connection was closed, and that nobody waits for
 * @pid: of it; 0: it has ended
 * @program: for messages
 * @what: that it serves, likewise
 * @seconds: that it has, before it is killed
 * @since: when it was asked for first; server_has_ended()'s
 * @killed: it was; likewise
 */
struct server_end {
	pid_t pid;
	const char *program, *what;
	unsigned int seconds;
	time_t since;
	bool killed;
};

/* Has it ended?  To be asked again and again, of a process group of its own; it does not wait. */
bool server_has_ended(struct server_end *end);

#endif
