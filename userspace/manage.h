/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Commands that do something to a VM, through its control socket.
 */
#ifndef VMCTL_MANAGE_H
#define VMCTL_MANAGE_H

/* argv[0] is the command's name.  Return: the exit status. */
int pause_command(int argc, char **argv);
int resume_command(int argc, char **argv);
int reset_command(int argc, char **argv);
int nmi_command(int argc, char **argv);
int stop_command(int argc, char **argv);
int wait_command(int argc, char **argv);
int inspect_command(int argc, char **argv);
int set_command(int argc, char **argv);
int attach_command(int argc, char **argv);	/* attach.c, like the next one */
int detach_command(int argc, char **argv);
int key_command(int argc, char **argv);		/* key.c */
int regs_command(int argc, char **argv);	/* look_commands.c, like the next three */
int disas_command(int argc, char **argv);
int walk_command(int argc, char **argv);
int dump_command(int argc, char **argv);

#endif
