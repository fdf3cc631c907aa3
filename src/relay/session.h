/* SPDX-License-Identifier: Apache-2.0
 *
 * One association with one peer: ICE-lite, then DTLS, then SRTP, each a
 * component that knows nothing of the others; this file passes datagrams among
 * them, keeps the paths to the peer, and ends the session when it is lost. What
 * the packets mean is for its role (relay/feed.h, relay/viewer.h).
 *
 *   NEW ──valid check──▸ HANDSHAKE ──keys──▸ UP ──▸ ENDED
 *    └──────────────────────┴──▸ ENDED (also from any state)
 *
 * Invariants:
 * - Only an address from which a check with our password came is a path, and
 * the mux knows each of them.
 * - ENDED: not in the mux, no timer, sends nothing.
 * - What a datagram costs before it is known to be the peer's is bounded by a
 *   budget (relay/budget.h), save for a publisher's media: a forger who used
 *   that up would silence the publisher (docs/adr/0007).
 */
#pragma once

#include "relay/loop.h"
#include "relay/pathfeedback.h"
#include "relay/paths.h"
#include "rtc/demux.h"
#include "secure/dtls.h"
#include "secure/srtp.h"

/* Who sends checks, and nothing else has come for so long, knocks. Shorter than
 * the pause between two of our vehicle's knocks. */
#define BL_SESSION_SILENT_US (90 * BL_MS)

/* How long a chosen path may be silent while another is heard. A publisher's
 * media comes all the time; from a viewer come only reports and checks. */
#define BL_SESSION_PUBLISHER_PATH_SILENCE_US (400 * BL_MS)
#define BL_SESSION_VIEWER_PATH_SILENCE_US    (3 * BL_SECOND)

typedef enum {
  BL_SESSION_NEW,
  BL_SESSION_HANDSHAKE,
  BL_SESSION_UP,
  BL_SESSION_ENDED,
} BlSessionState;

/* What a role does; all but on_ended only while UP. */
typedef struct {
  /* Keys are there: media may flow. */
  void (*on_up) (void *owner);
  /* An authentic RTP packet of a publisher's came over `path`, before it is
   * given to `on_rtp`; or (`copy`) came again, and won't be. */
  void (*on_arrival) (void *owner, const BlPath *path, const BlArrival *arrival,
                      bool copy);
  /* A publisher's, decrypted; `packet` is borrowed, take a reference to keep
   * it. */
  void (*on_rtp) (void *owner, BlPacket *packet);
  void (*on_rtcp) (void *owner, const uint8_t *data, size_t length);
  /* A check, and nothing else for BL_SESSION_SILENT_US: the peer wants to know
   * whether it is heard. May be NULL. */
  void (*on_knock) (void *owner);
  /* It has just become ENDED. */
  void (*on_ended) (void *owner);
} BlSessionRoleOps;

typedef struct {
  char ufrag[BL_MUX_UFRAG_SIZE];
  char pwd[BL_SDP_PWD_SIZE];
} BlIceCredentials;

struct BlSession {
  BlLoop *loop; /* borrowed */
  BlSessionId id;
  BlSourceId source;
  BlSessionRole role;
  const BlSessionRoleOps *ops;
  void *owner; /* borrowed; what `ops` get */

  /* What each packet needs, side by side. */
  BlSessionState state;
  bool settled; /* DTLS has let go of OpenSSL */
  BlDtls *dtls; /* from HANDSHAKE on */
  BlSrtp *srtp; /* from UP on */
  BlPaths paths;

  /* The newest first; "" if there are none. */
  BlIceCredentials credentials[2];
  BlBudget budget; /* what the peer may cost */

  BlFingerprint fingerprint;
  bool dtls_client; /* the peer is passive */

  BlTime begun_us;
  BlTime heard_us;
  bool has_published; /* media came */
  BlTimer timer;
};

/* Begins to listen under the setup's ufrag. The owner and the loop outlive it.
 */
BlSession *bl_session_new (BlLoop *loop, BlSessionId id, BlSourceId source,
                           const BlSessionSetup *setup,
                           const BlSessionRoleOps *ops, void *owner);

/* Sends close_notify if it is not ENDED. Without a call of `on_ended`. Accepts
 * NULL. */
void bl_session_free (BlSession *session);

/* A further pair of credentials (ICE restart). */
void bl_session_restart_ice (BlSession *session, const char *ufrag,
                             const char *pwd);

/* A datagram that the mux found to be this session's: STUN by its ufrag, all
 * else by its address. Changed in place. */
void bl_session_receive (BlSession *session, BlDemuxKind kind,
                         const BlPath *path, BlPacket *packet);

/* A DTLS datagram of this session, which bl_session_receive() has put into the
 * loop's handshakes, has its turn. */
void bl_session_shake_hands (BlSession *session, const BlPacket *packet);

/* The peer at this address has become another session's. */
void bl_session_forget_address (BlSession *session, const BlAddress *address);

/* Ends it, with close_notify; `reason` NONE: the peer has closed. */
void bl_session_end (BlSession *session, BlLostReason reason);

/* What follows is for this peer. False while the socket is full, not UP, or
 * without a path. */
bool bl_session_open (BlSession *session);

/* Once open: room for a packet (BL_PACKET_CAPACITY), or NULL while the socket
 * is full. */
uint8_t *bl_session_reserve (BlSession *session);

/* What all this will need, in BL_SESSION_PREFETCH_STEPS steps, from that number
 * down to 1 (base/prefetch.h). */
#define BL_SESSION_PREFETCH_STEPS (BL_SRTP_PREFETCH_STEPS + 1)
void bl_session_prefetch (const BlSession *session, unsigned step);

/* Encrypts the `length` bytes written there and passes them to the sender. */
void bl_session_commit_rtp (BlSession *session, uint8_t *packet, size_t length);

/* Encrypts and sends a compound (at most BL_SESSION_RTCP_MAX), or drops it
 * while the socket is full: the next one has fresher news. */
#define BL_SESSION_RTCP_MAX 1400
void bl_session_send_rtcp (BlSession *session, const uint8_t *data,
                           size_t length);

/* The same over `path`, whichever is chosen. */
void bl_session_send_rtcp_over (BlSession *session, const BlPath *path,
                                const uint8_t *data, size_t length);

/* The same over each path that was heard within BL_SESSION_FRESH_US, for what
 * can't wait until it is known that one has died; over the chosen one if there
 * is none, as long as the peer was heard within BL_SESSION_CONSENT_US. The
 * bytes are the same on each, so that the peer's replay check leaves one. */
#define BL_SESSION_FRESH_US   (200 * BL_MS)
#define BL_SESSION_CONSENT_US (30 * BL_SECOND) /* RFC 7675 section 5.1 */
void bl_session_send_rtcp_widely (BlSession *session, const uint8_t *data,
                                  size_t length);
