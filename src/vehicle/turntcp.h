/* SPDX-License-Identifier: Apache-2.0
 *
 * TURN over TCP or TLS (RFC 8656 section 3.1), by one network interface.
 * libnice knows no TLS, and its connections to TURN servers go where the routes
 * say. So it is told of a server on loopback, which is this: each connection of
 * our own process is carried on to the true server over a connection that
 * leaves by the interface, with TLS 1.2 or later if it is to be private.
 * Connections of other processes are closed at once.
 *
 * The server is who its certificate says: signed by an authority that we trust,
 * and made out to the name or address that we know it by. Why it can't be used
 * is logged once, in words for the IT staff.
 *
 * Bytes are copied both ways through buffers of fixed size: who sends faster
 * than the network takes waits.
 *
 * Everything happens in the main context that was the thread's default at
 * bl_turn_tcp_new().
 */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>

typedef struct BlTurnTcp BlTurnTcp;

/* Borrowed for the call. */
typedef struct {
  const char *host; /* a name or an address */
  guint16 port;
  bool tls;
  GTlsDatabase *trust; /* the authorities of its certificate; NULL: the
                          system's */
  const char *device;  /* NULL: by the routes */
  bool ipv6;           /* listens on ::1, not on 127.0.0.1 */
} BlTurnTcpOptions;

BlTurnTcp *bl_turn_tcp_new (const BlTurnTcpOptions *options, GError **error);

/* Closes what it carries. Accepts NULL. */
void bl_turn_tcp_free (BlTurnTcp *turn);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlTurnTcp, bl_turn_tcp_free)

/* Where it listens. */
const char *bl_turn_tcp_host (const BlTurnTcp *turn);
guint16 bl_turn_tcp_port (const BlTurnTcp *turn);

/* Why the server could not be used, at first; NULL: there is no such thing. */
const char *bl_turn_tcp_failure (const BlTurnTcp *turn);
