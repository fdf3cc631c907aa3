/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "relay.session"
#include "relay/session.h"

#include "base/log.h"
#include "base/prefetch.h"
#include "base/reader.h"
#include "rtc/demux.h"
#include "rtc/stun.h"

/* Media, RTX and RTCP of two tracks, and some changes of SSRC. */
#define REMOTE_SSRCS 32

static const BlTime path_patience_us[] = {
  [BL_SESSION_PUBLISHER] = BL_SESSION_PUBLISHER_PATH_SILENCE_US,
  [BL_SESSION_VIEWER] = BL_SESSION_VIEWER_PATH_SILENCE_US,
};

static void on_timer (void *owner, BlTime now);
static void update_timer (BlSession *session);
static void follow_dtls (BlSession *session);

static void
add_credentials (BlSession *session, const char *ufrag, const char *pwd)
{
  BlIceCredentials *c = session->credentials;
  if (c[1].ufrag[0])
    bl_mux_remove_ufrag (session->loop->mux, c[1].ufrag);
  c[1] = c[0];
  g_strlcpy (c[0].ufrag, ufrag, sizeof c[0].ufrag);
  g_strlcpy (c[0].pwd, pwd, sizeof c[0].pwd);
  bl_mux_add_ufrag (session->loop->mux, ufrag, session);
}

BlSession *
bl_session_new (BlLoop *loop, BlSessionId id, BlSourceId source,
                const BlSessionSetup *setup, const BlSessionRoleOps *ops,
                void *owner)
{
  BlSession *session = g_new0 (BlSession, 1);
  session->loop = loop;
  session->id = id;
  session->source = source;
  session->role = setup->role;
  session->ops = ops;
  session->owner = owner;
  session->begun_us = loop->now;
  bl_paths_init (&session->paths, path_patience_us[setup->role]);
  session->timer = (BlTimer){ .run = on_timer, .owner = session };
  session->fingerprint = (BlFingerprint){ .hash = BL_FINGERPRINT_SHA256,
                                          .length = BL_SDP_SHA256_BYTES };
  session->dtls_client = setup->negotiated->dtls_client;
  memcpy (session->fingerprint.bytes, setup->negotiated->remote_fingerprint,
          BL_SDP_SHA256_BYTES);
  add_credentials (session, setup->local_ufrag, setup->local_pwd);
  update_timer (session);
  return session;
}

void
bl_session_restart_ice (BlSession *session, const char *ufrag, const char *pwd)
{
  if (session->state != BL_SESSION_ENDED)
    add_credentials (session, ufrag, pwd);
}

/* Room for an answer, or NULL while the socket is full: what asked for it will
 * ask again. */
static uint8_t *
open_reply (BlSession *session, const BlPath *path)
{
  BlSender *sender = &session->loop->sender;
  uint8_t *at
      = bl_sender_open (sender, path) ? bl_sender_reserve (sender) : NULL;
  if (!at)
    bl_loop_drop (session->loop, BL_DROP_SEND_FULL);
  return at;
}

/* ---- the end ---- */

static void
send_dtls_output (BlSession *session)
{
  uint8_t *at;
  size_t length;
  const BlPath *path = bl_paths_chosen (&session->paths);
  if (!session->dtls || !path)
    return;
  do {
    at = open_reply (session, path);
    if (!at)
      return; /* it will be sent again, and the timer sees to that */
    length = bl_dtls_next_output (session->dtls, at, BL_DTLS_MTU_BYTES);
    if (length > 0)
      bl_sender_commit (&session->loop->sender, length);
  } while (length > 0);
}

/* Leaves the tables; says goodbye if there is somebody to say it to. */
static void
leave (BlSession *session)
{
  if (session->state == BL_SESSION_ENDED)
    return;
  session->state = BL_SESSION_ENDED;
  if (session->dtls)
    bl_dtls_close (session->dtls);
  send_dtls_output (session);
  for (unsigned i = 0; i < G_N_ELEMENTS (session->credentials); i++)
    if (session->credentials[i].ufrag[0])
      bl_mux_remove_ufrag (session->loop->mux, session->credentials[i].ufrag);
  for (const BlPath *path; (path = bl_paths_chosen (&session->paths));) {
    BlAddress peer = path->peer;
    bl_mux_remove_address (session->loop->mux, &peer);
    bl_paths_forget (&session->paths, &peer);
  }
  bl_timers_set (&session->loop->timers, &session->timer, BL_TIME_NEVER);
}

static void
emit (BlSession *session, BlWorkerEventKind kind, BlLostReason reason)
{
  BlWorkerEvent event = { .kind = kind,
                          .source = session->source,
                          .session = session->id,
                          .reason = reason };
  session->loop->emit (session->loop->emit_data, &event);
}

void
bl_session_end (BlSession *session, BlLostReason reason)
{
  if (session->state == BL_SESSION_ENDED)
    return;
  leave (session);
  session->ops->on_ended (session->owner);
  emit (session,
        reason == BL_LOST_NONE ? BL_WORKER_SESSION_CLOSED
                               : BL_WORKER_SESSION_LOST,
        reason);
}

void
bl_session_free (BlSession *session)
{
  if (!session)
    return;
  leave (session);
  bl_dtls_free (session->dtls);
  bl_srtp_free (session->srtp);
  g_free (session);
}

/* ---- paths ---- */

void
bl_session_forget_address (BlSession *session, const BlAddress *address)
{
  bl_paths_forget (&session->paths, address);
}

/* A check with our password has come this way. */
static void
prove_path (BlSession *session, const BlPath *path, bool nominated)
{
  BlMux *mux = session->loop->mux;
  BlAddress old;
  BlPathsProof proof = bl_paths_prove (&session->paths, path, nominated,
                                       session->loop->now, &old);
  session->heard_us = session->loop->now;
  if (proof == BL_PATHS_KNOWN)
    return;
  if (proof == BL_PATHS_NEW_FOR_OLD)
    bl_mux_remove_address (mux, &old);
  BlSession *before = bl_mux_set_address (mux, &path->peer, session);
  if (before)
    bl_session_forget_address (before, &path->peer);
}

/* ---- components ---- */

static bool
take (BlSession *session, BlBudgetItem item)
{
  if (bl_budget_take (&session->budget, item, 1, session->loop->now))
    return true;
  bl_loop_drop (session->loop, BL_DROP_BUDGET);
  return false;
}

/* Whether a check may be looked at. Strangers can't use up what the peer itself
 * has: the ufrag is no secret on the way, but an address that is a path is. */
static bool
may_check (BlSession *session, const BlPath *path)
{
  BlLoop *loop = session->loop;
  if (bl_mux_by_address (loop->mux, &path->peer) == session)
    return take (session, BL_BUDGET_CHECKS);
  if (!take (session, BL_BUDGET_STRANGE_CHECKS))
    return false;
  if (bl_budget_take (&loop->strangers, BL_BUDGET_WORKER_CHECKS, 1, loop->now))
    return true;
  bl_loop_drop (loop, BL_DROP_BUDGET);
  return false;
}

static void
on_stun (BlSession *session, const BlPath *path, BlPacket *packet)
{
  BlStunResult result = BL_STUN_IGNORED;
  BlStunRequest request;
  uint8_t reply[BL_STUN_REPLY_BYTES];
  size_t reply_length = 0;
  const char *ufrag;
  size_t ufrag_length;

  if (!bl_stun_peek_ufrag (packet->data, packet->length, &ufrag,
                           &ufrag_length)) {
    bl_loop_drop (session->loop, BL_DROP_STUN);
    return;
  }
  if (!may_check (session, path))
    return;
  for (unsigned i = 0; i < G_N_ELEMENTS (session->credentials); i++) {
    const BlIceCredentials *c = &session->credentials[i];
    if (strlen (c->ufrag) == ufrag_length
        && memcmp (c->ufrag, ufrag, ufrag_length) == 0)
      result = bl_stun_answer (packet->data, packet->length, c->ufrag, c->pwd,
                               &path->peer, &request, reply, &reply_length);
  }
  if (reply_length > 0) {
    uint8_t *at = open_reply (session, path);
    if (at) {
      memcpy (at, reply, reply_length);
      bl_sender_commit (&session->loop->sender, reply_length);
    }
  }
  if (result != BL_STUN_OK) {
    bl_loop_drop (session->loop, BL_DROP_STUN);
    return;
  }

  bool knock = session->loop->now - session->heard_us > BL_SESSION_SILENT_US;
  prove_path (session, path, request.use_candidate);
  if (knock && session->state == BL_SESSION_UP && session->ops->on_knock)
    session->ops->on_knock (session->owner);
  if (session->state == BL_SESSION_NEW) {
    session->state = BL_SESSION_HANDSHAKE;
    session->dtls
        = bl_dtls_new (session->loop->dtls,
                       session->dtls_client ? BL_DTLS_CLIENT : BL_DTLS_SERVER,
                       &session->fingerprint, 1);
    if (session->dtls)
      follow_dtls (session);
    else
      bl_session_end (session, BL_LOST_INTERNAL);
  }
}

static void
go_up (BlSession *session)
{
  BlSrtpKeys keys;
  if (bl_dtls_keys (session->dtls, &keys)) {
    session->srtp = bl_srtp_new (&keys, REMOTE_SSRCS);
    bl_srtp_keys_clear (&keys);
  }
  if (!session->srtp) {
    bl_session_end (session, BL_LOST_INTERNAL);
    return;
  }
  session->state = BL_SESSION_UP;
  update_timer (session);
  emit (session, BL_WORKER_SESSION_CONNECTED, BL_LOST_NONE);
  session->ops->on_up (session->owner);
}

static void
follow_dtls (BlSession *session)
{
  send_dtls_output (session);
  /* The peer waits for it, and going up takes a while. */
  bl_sender_flush (&session->loop->sender);
  switch (bl_dtls_state (session->dtls)) {
  case BL_DTLS_CONNECTING:
    update_timer (session);
    break;
  case BL_DTLS_UP:
    if (session->state == BL_SESSION_HANDSHAKE)
      go_up (session);
    break;
  case BL_DTLS_CLOSED:
    bl_session_end (session, BL_LOST_NONE);
    break;
  case BL_DTLS_FAILED:
    bl_warning ("session %" G_GUINT64_FORMAT ": DTLS failed: %s", session->id,
                bl_dtls_failure_text (session->dtls));
    bl_session_end (session, BL_LOST_DTLS);
    break;
  }
}

static void
on_dtls (BlSession *session, const BlPath *path, BlPacket *packet)
{
  if (!session->dtls) {
    bl_loop_drop (session->loop, BL_DROP_DTLS);
    return;
  }
  if (take (session, BL_BUDGET_DTLS)
      && !bl_handshakes_push (&session->loop->handshakes, session->id, packet))
    bl_loop_drop (session->loop, BL_DROP_DTLS);
}

void
bl_session_shake_hands (BlSession *session, const BlPacket *packet)
{
  bl_dtls_receive (session->dtls, packet->data, packet->length);
  follow_dtls (session);
}

static const BlDrop srtp_drops[] = {
  [BL_SRTP_SHORT] = BL_DROP_RTP,
  [BL_SRTP_AUTH] = BL_DROP_AUTH,
  [BL_SRTP_REPLAYED] = BL_DROP_REPLAY,
  [BL_SRTP_COPY] = BL_DROP_REPLAY,
  [BL_SRTP_NO_ROOM] = BL_DROP_RTP,
  [BL_SRTP_MANY_SSRCS] = BL_DROP_UNKNOWN_TRACK,
  [BL_SRTP_FAILED] = BL_DROP_AUTH,
};

typedef BlSrtpStatus (*Unprotect) (BlSrtp *srtp, uint8_t *packet,
                                   size_t *length);

static BlSrtpStatus
decrypt (BlSession *session, const BlPath *path, BlPacket *packet,
         Unprotect unprotect)
{
  size_t length = packet->length;
  BlSrtpStatus status = unprotect (session->srtp, packet->data, &length);
  if (status != BL_SRTP_OK) {
    bl_loop_drop (session->loop, srtp_drops[status]);
    return status;
  }
  packet->length = (uint16_t)length;
  if (!session->settled)
    session->settled = bl_dtls_settle (session->dtls);
  session->heard_us = session->loop->now;
  bl_paths_hear (&session->paths, &path->peer, session->loop->now);
  return BL_SRTP_OK;
}

/* The demultiplexer has seen to it that there is a whole header. */
static BlArrival
read_arrival (const BlPacket *packet)
{
  BlReader r = bl_reader (packet->data, packet->length);
  BlArrival arrival = { .ecn = (BlEcn)packet->ecn };
  bl_reader_skip (&r, 2);
  arrival.seq = bl_reader_be16 (&r);
  bl_reader_skip (&r, 4);
  arrival.ssrc = bl_reader_be32 (&r);
  return arrival;
}

static void
on_media (BlSession *session, const BlPath *path, BlPacket *packet)
{
  BlArrival arrival = read_arrival (packet);
  BlSrtpStatus status = decrypt (session, path, packet, bl_srtp_unprotect_rtp);
  bool copy = status == BL_SRTP_COPY;
  if (copy)
    bl_paths_hear (&session->paths, &path->peer, session->loop->now);
  if (copy || status == BL_SRTP_OK)
    session->ops->on_arrival (session->owner, path, &arrival, copy);
  if (status != BL_SRTP_OK)
    return;
  session->has_published = true;
  session->ops->on_rtp (session->owner, packet);
}

static void
on_rtp (BlSession *session, const BlPath *path, BlPacket *packet)
{
  /* It is not worth the decryption. */
  if (session->role == BL_SESSION_VIEWER)
    bl_loop_drop (session->loop, BL_DROP_UNKNOWN_TRACK);
  else if (session->state != BL_SESSION_UP)
    bl_loop_drop (session->loop, BL_DROP_NO_KEYS);
  else
    on_media (session, path, packet);
}

/* A peer reports seldom: what that needs has left the cache since, and comes
 * back all at once instead of one after the other. */
static void
look_ahead (const BlSession *session)
{
  bl_srtp_prefetch (session->srtp, BL_SRTP_PREFETCH_STEPS);
  bl_prefetch (&session->budget, sizeof session->budget);
}

static void
on_rtcp (BlSession *session, const BlPath *path, BlPacket *packet)
{
  BlBudget *budget = &session->budget;
  BlTime now = session->loop->now;
  if (session->state != BL_SESSION_UP) {
    bl_loop_drop (session->loop, BL_DROP_NO_KEYS);
    return;
  }
  look_ahead (session);
  if (!bl_budget_holds (budget, BL_BUDGET_FORGED, now)
      || !bl_budget_holds (budget, BL_BUDGET_RTCP, now))
    bl_loop_drop (session->loop, BL_DROP_BUDGET);
  else if (decrypt (session, path, packet, bl_srtp_unprotect_rtcp)
           != BL_SRTP_OK)
    bl_budget_take (budget, BL_BUDGET_FORGED, 1, now);
  else if (take (session, BL_BUDGET_RTCP))
    session->ops->on_rtcp (session->owner, packet->data, packet->length);
}

typedef void (*Component) (BlSession *session, const BlPath *path,
                           BlPacket *packet);

static const Component components[] = {
  [BL_DEMUX_STUN] = on_stun,
  [BL_DEMUX_DTLS] = on_dtls,
  [BL_DEMUX_RTP] = on_rtp,
  [BL_DEMUX_RTCP] = on_rtcp,
};

void
bl_session_receive (BlSession *session, BlDemuxKind kind, const BlPath *path,
                    BlPacket *packet)
{
  g_assert (kind < G_N_ELEMENTS (components) && components[kind]);
  components[kind](session, path, packet);
}

/* ---- timer ---- */

/* When it is given up if nothing comes. Not moved by each packet: the timer
 * looks again when it fires. */
static BlTime
patience (const BlSession *session)
{
  const BlLoop *loop = session->loop;
  if (session->state != BL_SESSION_UP)
    return session->begun_us + loop->connect_us;
  return session->heard_us
         + (session->has_published ? loop->publisher_silence_us
                                   : loop->silence_us);
}

static void
update_timer (BlSession *session)
{
  BlTime due = patience (session);
  if (session->dtls) {
    BlTime dtls_due = bl_dtls_deadline (session->dtls, session->loop->now);
    due = MIN (due, dtls_due);
  }
  bl_timers_set (&session->loop->timers, &session->timer, due);
}

static void
on_timer (void *owner, BlTime now)
{
  BlSession *session = owner;
  if (patience (session) <= now) {
    bl_session_end (session, session->state == BL_SESSION_UP
                                 ? BL_LOST_SILENT
                                 : BL_LOST_NEVER_CONNECTED);
    return;
  }
  if (session->dtls) {
    bl_dtls_on_deadline (session->dtls);
    follow_dtls (session);
  }
  if (session->state != BL_SESSION_ENDED)
    update_timer (session);
}

/* ---- out ---- */

bool
bl_session_open (BlSession *session)
{
  const BlPath *path = bl_paths_chosen (&session->paths);
  return session->state == BL_SESSION_UP && path
         && bl_sender_open (&session->loop->sender, path);
}

void
bl_session_prefetch (const BlSession *session, unsigned step)
{
  if (step == BL_SESSION_PREFETCH_STEPS)
    bl_prefetch (session, offsetof (BlSession, paths.known[1]));
  else if (session->srtp)
    bl_srtp_prefetch (session->srtp, step);
}

uint8_t *
bl_session_reserve (BlSession *session)
{
  return bl_sender_reserve (&session->loop->sender);
}

void
bl_session_commit_rtp (BlSession *session, uint8_t *packet, size_t length)
{
  if (bl_srtp_protect_rtp (session->srtp, packet, &length, BL_PACKET_CAPACITY)
      == BL_SRTP_OK)
    bl_sender_commit (&session->loop->sender, length);
  else
    bl_loop_drop (session->loop, BL_DROP_PROTECT);
}

/* 0: it can't be sent now. */
static size_t
protect_rtcp (BlSession *session, const uint8_t *data, size_t length,
              uint8_t out_data[BL_PACKET_CAPACITY])
{
  g_assert (length <= BL_SESSION_RTCP_MAX);
  if (length == 0 || session->state != BL_SESSION_UP)
    return 0;
  memcpy (out_data, data, length);
  if (bl_srtp_protect_rtcp (session->srtp, out_data, &length,
                            BL_PACKET_CAPACITY)
      == BL_SRTP_OK)
    return length;
  bl_loop_drop (session->loop, BL_DROP_PROTECT);
  return 0;
}

static void
send_over (BlSession *session, const BlPath *path, const uint8_t *data,
           size_t length)
{
  uint8_t *at = length > 0 && path ? open_reply (session, path) : NULL;
  if (!at)
    return;
  memcpy (at, data, length);
  bl_sender_commit (&session->loop->sender, length);
}

void
bl_session_send_rtcp_over (BlSession *session, const BlPath *path,
                           const uint8_t *data, size_t length)
{
  uint8_t bytes[BL_PACKET_CAPACITY];
  length = protect_rtcp (session, data, length, bytes);
  send_over (session, path, bytes, length);
}

void
bl_session_send_rtcp (BlSession *session, const uint8_t *data, size_t length)
{
  bl_session_send_rtcp_over (session, bl_paths_chosen (&session->paths), data,
                             length);
}

void
bl_session_send_rtcp_widely (BlSession *session, const uint8_t *data,
                             size_t length)
{
  uint8_t bytes[BL_PACKET_CAPACITY];
  const BlPaths *paths = &session->paths;
  bool fresh = false;
  length = protect_rtcp (session, data, length, bytes);
  for (unsigned i = 0; i < paths->n; i++) {
    if (session->loop->now - paths->known[i].heard_us > BL_SESSION_FRESH_US)
      continue;
    send_over (session, &paths->known[i].path, bytes, length);
    fresh = true;
  }
  if (!fresh && session->loop->now - session->heard_us <= BL_SESSION_CONSENT_US)
    send_over (session, bl_paths_chosen (paths), bytes, length);
}
