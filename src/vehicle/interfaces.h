/* SPDX-License-Identifier: Apache-2.0
 *
 * The network interfaces of this machine that are up, each with its addresses.
 * Any thread.
 */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>

typedef struct {
  char *name;
  GPtrArray *addresses; /* of numeric text, in the kernel's order */
} BlInterface;

/* All that are up, in the kernel's order. Those of IPv6 that only reach the
 * link are left out: a relay is not there. Free with g_ptr_array_unref(). */
GPtrArray *bl_interfaces_list (bool loopback);

/* Of `all`, those that `wanted` asks for, by name or by one of their addresses
 * (then with that one only), in its order; all of them if `wanted` is empty.
 * New copies. */
GPtrArray *bl_interfaces_choose (const GPtrArray *all,
                                 const char *const *wanted);

/* What the socket sends leaves by the interface `name`, whatever the routes
 * say, and only what comes by it is received. */
bool bl_interface_bind (int fd, const char *name, GError **error);

/* "eth0 192.0.2.1 2001:db8::1, wwan0 198.51.100.7": equal texts are equal
 * lists. Free with g_free. */
char *bl_interfaces_describe (const GPtrArray *interfaces);
