/* SPDX-License-Identifier: Apache-2.0 */
#include "member.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "rtc/rtx.h"

#define CLOCK_HZ  90000
#define SSRC_BASE 0x70000000u

/* ---- what comes in ---- */

static BlSrtpStatus
decrypt (LgMember *m, uint8_t *data, size_t *length, BlRtp *rtp)
{
  BlSrtpStatus status
      = bl_srtp_unprotect_rtp (m->session.link.srtp, data, length);
  if (status == BL_SRTP_OK && bl_rtp_parse (data, *length, rtp) == BL_RTP_OK)
    m->shared->authentic++;
  else
    m->shared->refused++;
  return status;
}

/* The packet is one of those measured. */
static bool
is_measured (const LgShared *shared, uint64_t number)
{
  return number >= shared->from && number < shared->to;
}

static void
receive_repair (LgMember *m, uint8_t *data, size_t length, BlTime now)
{
  BlRtp rtp;
  m->shared->retransmissions++;
  if (decrypt (m, data, &length, &rtp) != BL_SRTP_OK
      || !bl_rtx_unwrap (&rtp, m->ssrc, m->session.negotiated.video.pt, &rtp)
      || !lg_numbers_on_repair (&m->judge.numbers, rtp.seq))
    return;
  uint64_t extended = bl_seq_near (m->judge.numbers.seqs.highest, rtp.seq);
  bl_nack_on_packet (&m->nack, extended, now);
  if (is_measured (m->shared, extended + m->judge.number_offset))
    m->shared->repaired++;
}

static bool
is_to_decrypt (const LgMember *m, const LgSentPacket *packet, uint64_t extended)
{
  return m->sample || !packet || m->judge.keyframe_ns == LG_NEVER
         || extended % LG_DECRYPT_EACH == 0;
}

static void
note_feedback (LgMember *m, const BlRtp *rtp, uint64_t extended, BlTime now)
{
  BlRtpExtValues ext;
  bl_rtp_ext_parse (rtp, &m->session.negotiated.video.extensions, &ext);
  if (bl_rtp_ext_has (&ext, BL_RTP_EXT_TRANSPORT_CC))
    bl_twcc_receiver_on_packet (&m->feedback.twcc, ext.transport_seq, now);
  bl_nack_on_packet (&m->nack, extended, now);
  bl_rtp_receiver_stats_on_packet (&m->report, extended, rtp->timestamp, now);
}

static void
receive_video (LgMember *m, uint8_t *data, size_t length, BlRtp *rtp,
               int64_t arrival_ns, BlTime now)
{
  uint64_t extended;
  LgShared *shared = m->shared;
  m->ssrc = rtp->ssrc;
  const LgSentPacket *packet
      = lg_judge_on_packet (&m->judge, shared->sent, rtp, &extended);
  if (extended == 0)
    return;
  note_feedback (m, rtp, extended, now);
  if (is_to_decrypt (m, packet, extended)) {
    if (decrypt (m, data, &length, rtp) != BL_SRTP_OK)
      return;
    if (!packet)
      packet = lg_judge_learn (&m->judge, shared->sent, rtp, extended);
  }
  if (!packet)
    return;
  lg_judge_on_sent (&m->judge, packet, arrival_ns);
  if (is_measured (shared, packet->number)) {
    shared->delivered++;
    lg_histogram_add (&shared->latency, arrival_ns - packet->sent_ns);
  }
}

static void
receive_rtp (LgMember *m, uint8_t *data, size_t length, int64_t arrival_ns,
             BlTime now)
{
  const BlNegotiatedTrack *video = &m->session.negotiated.video;
  BlRtp rtp;
  if (bl_rtp_parse (data, length, &rtp) != BL_RTP_OK)
    return;
  m->shared->packets++;
  if (rtp.payload_type == video->pt)
    receive_video (m, data, length, &rtp, arrival_ns, now);
  else if (rtp.payload_type == video->rtx_pt)
    receive_repair (m, data, length, now);
}

static void
receive_rtcp (LgMember *m, uint8_t *data, size_t length, BlTime now)
{
  BlRtcpIter iter;
  BlRtcpPacket packet;
  BlRtcpSenderInfo info;
  uint32_t ssrc;
  if (bl_srtp_unprotect_rtcp (m->session.link.srtp, data, &length) != BL_SRTP_OK
      || bl_rtcp_open (&iter, data, length) != BL_RTCP_OK) {
    m->shared->refused++;
    return;
  }
  while (bl_rtcp_next (&iter, &packet)) {
    if (packet.kind == BL_RTCP_KIND_SR
        && bl_rtcp_read_sr (&packet, &ssrc, &info) && ssrc == m->ssrc)
      bl_rtp_receiver_stats_on_sr (&m->report, info.ntp, now);
    m->n_byes += packet.kind == BL_RTCP_KIND_BYE;
  }
}

/* It is done with what came at `arrival_ns`, until it has keys. */
static void
note_own (LgMember *m, int64_t arrival_ns)
{
  int64_t now = lg_clock_real_ns ();
  if (m->connected_ns != LG_NEVER)
    return;
  m->own_ns += now - MAX (arrival_ns, m->idle_ns);
  m->idle_ns = now;
  if (peer_session_is_up (&m->session))
    m->connected_ns = now;
}

static void
receive (void *data, const BlAddress *from, uint8_t *datagram, size_t length,
         int64_t arrival_ns)
{
  LgMember *m = data;
  BlTime now = arrival_ns / 1000 - m->shared->real_less_mono_us;
  BlDemuxKind kind
      = peer_session_receive (&m->session, from, datagram, length, now);
  if (kind == BL_DEMUX_RTP && m->session.link.srtp)
    receive_rtp (m, datagram, length, arrival_ns, now);
  else if (kind == BL_DEMUX_RTCP && m->session.link.srtp)
    receive_rtcp (m, datagram, length, now);
  note_own (m, arrival_ns);
}

/* ---- its life ---- */

static void
send_datagram (PeerSession *session, const BlAddress *to, const uint8_t *bytes,
               size_t length)
{
  LgMember *m = session->user_data;
  lg_socket_send (&m->socket, to, bytes, length);
}

LgMember *
lg_member_new (unsigned index, LgShared *shared)
{
  static const BlOfferShape shape = { .video = true, .view = true };
  LgMember *m = g_new0 (LgMember, 1);
  m->shared = shared;
  m->sample = index % LG_SAMPLE_EACH == 0;
  m->answered_ns = m->connected_ns = LG_NEVER;
  m->socket = (LgSocket){ .fd = -1, .receive = receive, .user_data = m };
  peer_session_init (&m->session, &shape, SSRC_BASE + 4 * index, shared->cert,
                     shared->context, send_datagram, m);
  lg_judge_init (&m->judge);
  peer_feedback_init (&m->feedback);
  bl_nack_init (&m->nack, &bl_nack_defaults);
  bl_rtp_receiver_stats_init (&m->report, CLOCK_HZ);
  return m;
}

void
lg_member_free (LgMember *m)
{
  if (!m)
    return;
  m->shared->reordered += m->judge.numbers.reordered;
  m->shared->doubles += m->judge.numbers.doubles;
  m->shared->unknown += m->judge.unknown;
  m->shared->remapped += m->judge.remapped;
  m->shared->overflows += m->socket.overflows;
  lg_socket_close (&m->socket);
  peer_session_clear (&m->session);
  g_free (m);
}

void
lg_member_ask (LgMember *m)
{
  m->asked_ns = lg_clock_real_ns ();
}

char *
lg_member_offer (LgMember *m)
{
  char *offer = peer_session_offer (&m->session, bl_clock_now ());
  lg_member_ask (m);
  return offer;
}

bool
lg_member_answer (LgMember *m, const char *answer, GError **error)
{
  m->answered_ns = lg_clock_real_ns ();
  if (!peer_session_answer (&m->session, answer, strlen (answer), error)
      || !lg_socket_open (m->shared->loop, &m->socket,
                          m->session.candidates[0].any.sa_family, NULL, error))
    return false;
  peer_session_on_time (&m->session, bl_clock_now ());
  note_own (m, m->answered_ns);
  return true;
}

/* The address of ours from which the server is reached. */
static void
find_own (const BlAddress *server, BlAddress *out_own)
{
  int fd = socket (server->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  *out_own = (BlAddress){ .length = sizeof out_own->storage };
  if (fd < 0)
    return;
  if (connect (fd, &server->any, server->length) == 0)
    getsockname (fd, &out_own->any, &out_own->length);
  close (fd);
  out_own->in4.sin_port = 0; /* in6's is in the same place */
}

char *
lg_member_accept (LgMember *m, const char *offer, const BlAddress *server,
                  GError **error)
{
  BlAddress own;
  m->answered_ns = lg_clock_real_ns ();
  find_own (server, &own);
  if (!lg_socket_open (m->shared->loop, &m->socket, server->any.sa_family, &own,
                       error))
    return NULL;
  lg_socket_address (&m->socket, &own);
  char *answer = peer_session_accept (&m->session, offer, strlen (offer), &own,
                                      bl_clock_now (), error);
  note_own (m, m->answered_ns);
  return answer;
}

void
lg_member_on_time (LgMember *m, BlTime now)
{
  const PeerFeedbackTrack track = { m->ssrc, &m->report, &m->nack };
  peer_session_on_time (&m->session, now);
  if (!peer_session_is_up (&m->session))
    return;
  if (m->session.round_trip_us > 0)
    bl_nack_set_rtt (&m->nack, m->session.round_trip_us);
  peer_feedback_on_time (&m->feedback, &m->session, &track, 1, now);
}
