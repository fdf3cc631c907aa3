/* SPDX-License-Identifier: Apache-2.0
 *
 * TUN devices, each in a network namespace. Needs root.
 */
#pragma once

#include <gio/gio.h>

/* A namespace's file for setns(): by the name that ip-netns(8) gave it, or ""
 * for the one this thread is in. -1 and `error`. */
int impair_netns_open (const char *name, GError **error);

/* Opens device `name` with an address such as 10.1.2.3/24 in the namespace
 * `netns_fd`, and sets it up; this thread stays where it was. Gives a
 * non-blocking file of IP packets, or -1 and `error`. */
int impair_tun_open (int netns_fd, const char *name, const char *address,
                     GError **error);
