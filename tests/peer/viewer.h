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

#include "base/address.h"
#include "link.h"
#include "rtc/twcc.h"
#include "signal/negotiated.h"
#include "track.h"

#define PEER_VIEWER_MAX_CANDIDATES 8

typedef struct PeerViewer {
  /* For the caller to read. */
  PeerLink link;
  PeerTrack video, audio;
  BlTime started_us;   /* the offer was made */
  BlTime connected_us; /* keys are there; BL_TIME_NEVER */
  BlTime closed_us;    /* the relay hung up; BL_TIME_NEVER */
  unsigned n_byes;
  unsigned n_unauthentic; /* packets that SRTP refused */

  /* Its own. */
  void (*send) (struct PeerViewer *viewer, const BlAddress *to,
                const uint8_t *bytes, size_t length);
  void *user_data; /* the caller's */
  const BlCert *cert;
  const BlDtlsContext *context;
  BlFingerprint relay_fingerprint;
  BlNegotiated negotiated;
  bool answered;
  char ufrag[16], pwd[33];
  uint32_t ssrc;  /* of our RTCP */
  BlNtp ntp_at_0; /* the wall clock when the monotonic one was 0 */
  unsigned n_candidates;
  BlAddress candidates[PEER_VIEWER_MAX_CANDIDATES];
  BlAddress remote; /* the candidate that answered */
  BlTime check_us, check_sent_us, report_us, feedback_us;
  unsigned n_checks;
  BlTwccReceiver twcc;
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
