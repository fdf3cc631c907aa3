/* SPDX-License-Identifier: Apache-2.0
 *
 * A client's session with a relay, of a viewer or a publisher, without its
 * media: offer and answer, candidates, checks, DTLS, keys. Without sockets and
 * clocks: datagrams and times are given to it. One thread.
 *
 *   text = peer_session_offer (s, now)    POST it
 *   peer_session_answer (s, answer…)      begins the checks
 * or, where the other end offers (Janus):
 *   text = peer_session_accept (s, offer…)
 * then
 *   peer_session_receive (s, …)           each datagram
 *   peer_session_on_time (s, now)         about every 10 ms
 */
#pragma once

#include "base/address.h"
#include "link.h"
#include "rtc/demux.h"
#include "signal/negotiated.h"
#include "signal/offer.h"

#define PEER_SESSION_MAX_CANDIDATES 8

typedef struct PeerSession PeerSession;

/* A datagram leaves. */
typedef void (*PeerSessionSend) (PeerSession *session, const BlAddress *to,
                                 const uint8_t *bytes, size_t length);

struct PeerSession {
  /* For the caller to read. */
  PeerLink link;
  BlNegotiated negotiated; /* holds once `answered` */
  BlTime started_us;       /* the offer was made */
  BlTime connected_us;     /* keys are there; BL_TIME_NEVER */
  BlTime closed_us;        /* the relay hung up; BL_TIME_NEVER */
  int64_t round_trip_us;   /* of the last check; 0: none was answered */
  uint32_t ssrc;           /* of what we send; the RTX stream's is next */
  bool answered;
  void *user_data; /* the caller's */

  /* Its own. */
  PeerSessionSend send;
  BlOfferShape shape;
  BlFingerprint fingerprint;
  const BlDtlsContext *context;
  BlFingerprint relay_fingerprint;
  bool lite; /* the other end checks, we answer */
  char ufrag[16], pwd[33];
  unsigned n_candidates;
  BlAddress candidates[PEER_SESSION_MAX_CANDIDATES];
  BlAddress remote; /* the candidate that answered */
  BlTime check_us, check_sent_us;
  unsigned n_checks;
};

/* Borrows `context`. `ssrc` also tells the sessions of a process
 * apart. */
void peer_session_init (PeerSession *session, const BlOfferShape *shape,
                        uint32_t ssrc, const BlCert *cert,
                        const BlDtlsContext *context, PeerSessionSend send,
                        void *user_data);
void peer_session_clear (PeerSession *session);

/* Free with g_free(). */
char *peer_session_offer (PeerSession *session, BlTime now);

/* FALSE and `error` if no connection can come of it. Where the relay has
 * addresses of both families, IPv4 is used. */
gboolean peer_session_answer (PeerSession *session, const char *text,
                              gsize length, GError **error);

/* The answer to an offer to send us something, as an ICE-lite agent reached at
 * `own`; NULL and `error` if it can't be taken. Free with g_free(). */
char *peer_session_accept (PeerSession *session, const char *offer,
                           gsize length, const BlAddress *own, BlTime now,
                           GError **error);

/* Takes STUN and DTLS; says what the datagram was: RTP and RTCP are the
 * caller's, and of no use before the session is up. */
BlDemuxKind peer_session_receive (PeerSession *session, const BlAddress *from,
                                  const uint8_t *datagram, size_t length,
                                  BlTime now);
void peer_session_on_time (PeerSession *session, BlTime now);

static inline bool
peer_session_is_up (const PeerSession *session)
{
  return peer_link_is_up (&session->link);
}

/* To the relay's address, or to all of them while it is not known which. */
void peer_session_send (PeerSession *session, const uint8_t *bytes,
                        size_t length);

/* Protects a compound of `length` in `data` of `capacity` and sends it. */
void peer_session_send_rtcp (PeerSession *session, uint8_t *data, size_t length,
                             size_t capacity);
