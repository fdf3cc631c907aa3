/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <string.h>

#include "rtc/stun.h"
#include "signal/answer.h"

#define CHECK_FIRST_US   (50 * BL_MS)
#define CHECK_STEADY_US  (2 * BL_SECOND)
#define FIRST_CHECKS_MAX 100 /* then as seldom as steady ones */

void
peer_session_send (PeerSession *s, const uint8_t *bytes, size_t length)
{
  if (s->remote.length > 0) {
    s->send (s, &s->remote, bytes, length);
    return;
  }
  for (unsigned i = 0; i < s->n_candidates; i++)
    s->send (s, &s->candidates[i], bytes, length);
}

static void
send_of_link (void *data, const uint8_t *bytes, size_t length)
{
  peer_session_send (data, bytes, length);
}

void
peer_session_init (PeerSession *s, const BlOfferShape *shape, uint32_t ssrc,
                   const BlCert *cert, const BlDtlsContext *context,
                   PeerSessionSend send, void *user_data)
{
  *s = (PeerSession){ .shape = *shape,
                      .ssrc = ssrc,
                      .context = context,
                      .send = send,
                      .user_data = user_data,
                      .connected_us = BL_TIME_NEVER,
                      .closed_us = BL_TIME_NEVER,
                      .check_us = BL_TIME_NEVER };
  bl_cert_fingerprint (cert, &s->fingerprint);
  g_snprintf (s->ufrag, sizeof s->ufrag, "p%08x", ssrc);
  g_snprintf (s->pwd, sizeof s->pwd, "%08x%08x%08x", g_random_int (),
              g_random_int (), g_random_int ());
  peer_link_init (&s->link, send_of_link, s);
}

void
peer_session_clear (PeerSession *s)
{
  peer_link_clear (&s->link);
}

/* ---- offer and answer ---- */

static BlSdpLocal
local_of (const PeerSession *s)
{
  return (BlSdpLocal){ .ufrag = s->ufrag,
                       .pwd = s->pwd,
                       .fingerprint = s->fingerprint.bytes,
                       .session_id = s->ssrc,
                       .cname = "peer",
                       .msid = "peer",
                       .video_ssrc = s->ssrc,
                       .video_rtx_ssrc = s->ssrc + 1,
                       .audio_ssrc = s->ssrc + 2 };
}

char *
peer_session_offer (PeerSession *s, BlTime now)
{
  BlSdpLocal local = local_of (s);
  s->started_us = now;
  return bl_offer_build (&s->shape, &local);
}

static void
take_candidates (PeerSession *s, const BlSdpMedia *media, bool ipv6)
{
  for (unsigned i = 0; i < media->n_candidates; i++) {
    const BlCandidate *c = &media->candidates[i];
    BlAddress address;
    if (s->n_candidates < PEER_SESSION_MAX_CANDIDATES
        && c->transport == BL_CANDIDATE_UDP
        && bl_address_parse (c->address, c->port, &address)
        && bl_address_is_ipv6 (&address) == ipv6)
      s->candidates[s->n_candidates++] = address;
  }
}

static void
take_identity (PeerSession *s)
{
  s->relay_fingerprint = (BlFingerprint){ .hash = BL_FINGERPRINT_SHA256,
                                          .length = BL_SDP_SHA256_BYTES };
  memcpy (s->relay_fingerprint.bytes, s->negotiated.remote_fingerprint,
          BL_SDP_SHA256_BYTES);
  peer_link_set_credentials (&s->link, s->negotiated.remote_ufrag,
                             s->negotiated.remote_pwd, s->ufrag);
  s->answered = true;
}

gboolean
peer_session_answer (PeerSession *s, const char *text, gsize length,
                     GError **error)
{
  BlSdpLocal local = local_of (s);
  g_autoptr (BlSdp) answer = bl_sdp_parse (text, length, error);
  if (!answer
      || !bl_offer_read_answer (&s->shape, &local, answer, &s->negotiated,
                                error))
    return FALSE;
  for (unsigned i = 0; i < answer->n_media; i++)
    take_candidates (s, &answer->media[i], false);
  for (unsigned i = 0; i < answer->n_media && s->n_candidates == 0; i++)
    take_candidates (s, &answer->media[i], true);
  if (s->n_candidates == 0) {
    g_set_error (error, BL_SDP_ERROR, BL_SDP_ERROR_NOT_ACCEPTABLE,
                 "the answer has no UDP candidate");
    return FALSE;
  }
  take_identity (s);
  s->check_us = 0;
  return TRUE;
}

char *
peer_session_accept (PeerSession *s, const char *text, gsize length,
                     const BlAddress *own, BlTime now, GError **error)
{
  BlSdpLocal local = local_of (s);
  BlCandidate candidate = { .component = 1,
                            .transport = BL_CANDIDATE_UDP,
                            .type = BL_CANDIDATE_HOST,
                            .priority = 2130706431,
                            .port = bl_address_port (own) };
  char host[BL_ADDRESS_TEXT_BYTES];
  g_strlcpy (candidate.foundation, "1", sizeof candidate.foundation);
  g_strlcpy (candidate.address, bl_address_format_host (own, host),
             sizeof candidate.address);
  local.candidates = &candidate;
  local.n_candidates = 1;
  g_autoptr (BlSdp) offer = bl_sdp_parse (text, length, error);
  char *answer
      = offer ? bl_answer_whip (offer, &local, &s->negotiated, error) : NULL;
  if (!answer)
    return NULL;
  take_identity (s);
  s->started_us = now;
  s->lite = true;
  return answer;
}

/* ---- what comes in ---- */

static void
answer_check (PeerSession *s, const BlAddress *from, const uint8_t *data,
              size_t length)
{
  uint8_t reply[BL_STUN_REPLY_BYTES];
  size_t reply_length;
  BlStunRequest request;
  BlStunResult result = bl_stun_answer (data, length, s->ufrag, s->pwd, from,
                                        &request, reply, &reply_length);
  if (reply_length > 0)
    s->send (s, from, reply, reply_length);
  if (result != BL_STUN_OK)
    return;
  if (s->remote.length == 0 || request.use_candidate)
    s->remote = *from;
  peer_link_start_dtls (&s->link, s->context,
                        s->negotiated.dtls_client ? BL_DTLS_CLIENT
                                                  : BL_DTLS_SERVER,
                        &s->relay_fingerprint);
}

static void
check (PeerSession *s, BlTime now)
{
  bool steady = s->remote.length > 0 || s->n_checks > FIRST_CHECKS_MAX;
  s->n_checks++;
  s->check_sent_us = now;
  s->check_us = now + (steady ? CHECK_STEADY_US : CHECK_FIRST_US);
  peer_link_check (&s->link, s->remote.length > 0);
}

static void
receive_stun (PeerSession *s, const BlAddress *from, const uint8_t *data,
              size_t length, BlTime now)
{
  unsigned before = s->link.n_checks_answered;
  uint8_t reply[BL_STUN_REPLY_BYTES];
  if (s->lite) {
    answer_check (s, from, data, length);
    return;
  }
  size_t reply_length
      = peer_link_answer (&s->link, s->pwd, from, data, length, reply);
  if (reply_length > 0) {
    s->send (s, from, reply, reply_length);
    return;
  }
  peer_link_receive_stun (&s->link, data, length);
  if (s->link.n_checks_answered == before)
    return;
  s->round_trip_us = now - s->check_sent_us;
  if (s->remote.length > 0)
    return;
  s->remote = *from;
  check (s, now); /* nominates */
  peer_link_start_dtls (&s->link, s->context, BL_DTLS_CLIENT,
                        &s->relay_fingerprint);
}

BlDemuxKind
peer_session_receive (PeerSession *s, const BlAddress *from,
                      const uint8_t *datagram, size_t length, BlTime now)
{
  BlDemuxKind kind = bl_demux (datagram, length);
  if (kind == BL_DEMUX_STUN)
    receive_stun (s, from, datagram, length, now);
  else if (kind == BL_DEMUX_DTLS)
    peer_link_receive_dtls (&s->link, datagram, length);
  else
    return kind;
  if (peer_session_is_up (s) && s->connected_us == BL_TIME_NEVER)
    s->connected_us = now;
  if (s->link.closed && s->closed_us == BL_TIME_NEVER)
    s->closed_us = now;
  return kind;
}

/* ---- what goes out ---- */

void
peer_session_on_time (PeerSession *s, BlTime now)
{
  if (!s->answered || s->link.closed)
    return;
  if (now >= s->check_us)
    check (s, now);
  peer_link_on_time (&s->link, now);
}

void
peer_session_send_rtcp (PeerSession *s, uint8_t *data, size_t length,
                        size_t capacity)
{
  if (bl_srtp_protect_rtcp (s->link.srtp, data, &length, capacity)
      == BL_SRTP_OK)
    peer_session_send (s, data, length);
}
