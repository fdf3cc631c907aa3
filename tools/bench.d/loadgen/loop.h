/* SPDX-License-Identifier: Apache-2.0
 *
 * Sockets of a load generator: one epoll set for all, received in batches with
 * the kernel's own time of arrival, so that what waits for this process is not
 * counted as the server's delay. It is itself a source of GLib's main loop,
 * where HTTP runs. One thread.
 */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>

#include "base/address.h"

typedef struct LgLoop LgLoop;

/* A datagram; `arrival_ns` is CLOCK_REALTIME. */
typedef void (*LgReceive) (void *user_data, const BlAddress *from,
                           uint8_t *datagram, size_t length,
                           int64_t arrival_ns);

typedef struct {
  int fd; /* -1: closed */
  LgReceive receive;
  void *user_data;
  uint32_t overflows; /* datagrams, or runs of them with GRO, that found the
                         receive buffer full */
} LgSocket;

int64_t lg_clock_real_ns (void);
int64_t lg_clock_mono_ns (void);

/* `gro`: runs of datagrams are received in one piece (UDP_GRO). */
LgLoop *lg_loop_new (bool gro);
void lg_loop_free (LgLoop *loop);

/* Bound to `own`, or to any address of `family` if it is NULL. The socket stays
 * where it is in memory until it is closed. */
bool lg_socket_open (LgLoop *loop, LgSocket *socket, int family,
                     const BlAddress *own, GError **error);
void lg_socket_close (LgSocket *socket);
/* The address that it is bound to. */
void lg_socket_address (const LgSocket *socket, BlAddress *out_address);
void lg_socket_send (const LgSocket *socket, const BlAddress *to,
                     const void *bytes, size_t length);

/* Calls `on_due` at a time of lg_clock_mono_ns(), also between the sockets of a
 * batch; it gives the next one. */
void lg_loop_set_timer (LgLoop *loop, int64_t (*on_due) (void *user_data),
                        void *user_data, int64_t due_ns);
