/* SPDX-License-Identifier: Apache-2.0
 *
 * The other end of a session with the relay, for tests and tools: checks as
 * the controlling ICE agent (by libnice's STUN library), DTLS, SRTP.
 * Without sockets: what it sends goes to a function, what it is to receive is
 * given to it. One thread.
 */
#pragma once

#include <stun/usages/ice.h>

#include "rtc/stun.h"
#include "secure/dtls.h"
#include "secure/srtp.h"

typedef struct {
  void (*send) (void *data, const uint8_t *bytes, size_t length);
  void *send_data; /* given to send */

  /* For the caller to read. */
  BlDtls *dtls; /* NULL before peer_link_start_dtls() */
  BlSrtp *srtp; /* NULL until the handshake is done */
  unsigned n_checks_answered;
  unsigned n_checks_refused;
  bool closed; /* by close_notify, or the handshake failed */

  /* Its own. */
  StunAgent agent;
  char username[600]; /* theirs:ours */
  char callname[600]; /* ours:theirs */
  char pwd[257];      /* theirs */
} PeerLink;

void peer_link_init (PeerLink *link,
                     void (*send) (void *, const uint8_t *, size_t),
                     void *send_data);
void peer_link_clear (PeerLink *link);

/* The relay's credentials, and our ufrag; copied. */
void peer_link_set_credentials (PeerLink *link, const char *relay_ufrag,
                                const char *relay_pwd, const char *our_ufrag);

/* Sends a connectivity check. */
void peer_link_check (PeerLink *link, bool nominate);

/* A datagram that came. */
void peer_link_receive_stun (PeerLink *link, const uint8_t *data,
                             size_t length);
void peer_link_receive_dtls (PeerLink *link, const uint8_t *data,
                             size_t length);

/* A check of a full agent's, for a controlling one with these credentials:
 * whoever wants to be answered must answer. Gives the reply's bytes, 0 if there
 * is none. */
size_t peer_link_answer (PeerLink *link, const char *our_pwd,
                         const BlAddress *from, const uint8_t *data,
                         size_t length, uint8_t out_reply[BL_STUN_REPLY_BYTES]);

/* Begins the handshake, once. */
void peer_link_start_dtls (PeerLink *link, const BlDtlsContext *context,
                           BlDtlsRole role,
                           const BlFingerprint *relay_fingerprint);
bool peer_link_is_up (const PeerLink *link);

/* Retransmissions of DTLS, in real time. */
void peer_link_on_time (PeerLink *link, BlTime now);

/* Sends close_notify, if it is up. */
void peer_link_close (PeerLink *link);
