/* SPDX-License-Identifier: Apache-2.0
 *
 * One viewer of a call: offer, answer, connection, and what it gets to see.
 * Without sockets and clocks: datagrams and times are given to it. One thread.
 *
 *   text = peer_viewer_offer (v)     POST it
 *   peer_viewer_answer (v, answer…)  begins the checks
 *   peer_viewer_receive (v, …)       each datagram
 *   peer_viewer_on_time (v, now)     about every 10 ms
 */
#pragma once

#include "feedback.h"
#include "screen.h"
#include "track.h"

typedef struct PeerViewer {
  /* For the caller to read. */
  PeerSession session;
  PeerTrack video, audio;
  unsigned n_byes;
  unsigned n_unauthentic; /* packets that SRTP refused */

  /* Its own. */
  void (*send) (struct PeerViewer *viewer, const BlAddress *to,
                const uint8_t *bytes, size_t length);
  void *user_data; /* the caller's */
  BlNtp ntp_at_0;  /* the wall clock when the monotonic one was 0 */
  PeerFeedback feedback;
  PeerScreen *screen; /* the caller's, or NULL */
  /* Each packet of sound; or NULL. */
  void (*heard) (BlTime at_us, uint32_t timestamp, void *user_data);
  void *heard_data;
} PeerViewer;

/* Borrows `cert` and `context`. `index` tells viewers of a process apart. */
PeerViewer *peer_viewer_new (unsigned index, const BlCert *cert,
                             const BlDtlsContext *context,
                             void (*send) (PeerViewer *, const BlAddress *,
                                           const uint8_t *, size_t),
                             void *user_data);
void peer_viewer_free (PeerViewer *viewer);

/* Free with g_free(). */
char *peer_viewer_offer (PeerViewer *viewer, BlTime now);

/* FALSE and `error` if no connection can come of it. Where the relay has
 * addresses of both families, IPv4 is used. */
gboolean peer_viewer_answer (PeerViewer *viewer, const char *text, gsize length,
                             GError **error);

void peer_viewer_receive (PeerViewer *viewer, const BlAddress *from,
                          uint8_t *datagram, size_t length, BlTime now);
void peer_viewer_on_time (PeerViewer *viewer, BlTime now);
