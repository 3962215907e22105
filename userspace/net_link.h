/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Network interfaces of the host, by rtnetlink.
 *
 * It knows names, and what can be set of an interface, not the files by which frames come and go.
 */
#ifndef VMCTL_NET_LINK_H
#define VMCTL_NET_LINK_H

#include <stdbool.h>

/* Does another process have tap interface @name open?  No, if there is none. */
bool link_in_use(const char *name);

/**
 * link_set_up - make an interface carry frames
 * @text: --net's, for messages
 * @name: of the interface
 * @bridge: what to put it into, or NULL: it stays where it is
 * @mtu: its MTU, or 0: as it is
 *
 * What is so already needs no privilege.  Return: 0, or -1 after a message.
 */
int link_set_up(const char *text, const char *name, const char *bridge, unsigned int mtu);

#endif
