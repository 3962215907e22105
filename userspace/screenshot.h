/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmctl screen and vmctl screenshot: what is on a VM's screen, by its control socket.
 */
#ifndef VMCTL_SCREENSHOT_H
#define VMCTL_SCREENSHOT_H

int screen_command(int argc, char **argv);
int screenshot_command(int argc, char **argv);

#endif
