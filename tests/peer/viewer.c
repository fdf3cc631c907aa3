/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer.h"

#include "base/clock.h"
#include "rtc/rtcp.h"
#include "rtc/rtx.h"

static const BlOfferShape shape
    = { .audio = true, .video = true, .view = true };

static void
send_datagram (PeerSession *session, const BlAddress *to, const uint8_t *bytes,
               size_t length)
{
  PeerViewer *v = session->user_data;
  v->send (v, to, bytes, length);
}

PeerViewer *
peer_viewer_new (unsigned index, const BlCert *cert,
                 const BlDtlsContext *context,
                 void (*send) (PeerViewer *, const BlAddress *, const uint8_t *,
                               size_t),
                 void *user_data)
{
  PeerViewer *v = g_new0 (PeerViewer, 1);
  v->send = send;
  v->user_data = user_data;
  peer_session_init (&v->session, &shape, 0x70000000u + index, cert, context,
                     send_datagram, v);
  peer_track_init (&v->video, true, 90000);
  peer_track_init (&v->audio, false, 48000);
  peer_feedback_init (&v->feedback);
  return v;
}

void
peer_viewer_free (PeerViewer *v)
{
  if (!v)
    return;
  peer_session_clear (&v->session);
  g_free (v);
}

char *
peer_viewer_offer (PeerViewer *v, BlTime now)
{
  v->ntp_at_0 = bl_ntp_add_us (bl_clock_ntp (), -bl_clock_now ());
  return peer_session_offer (&v->session, now);
}

gboolean
peer_viewer_answer (PeerViewer *v, const char *text, gsize length,
                    GError **error)
{
  return peer_session_answer (&v->session, text, length, error);
}

/* ---- what comes in ---- */

static void
receive_rtp (PeerViewer *v, uint8_t *data, size_t length, BlTime now)
{
  const BlNegotiatedTrack *video = &v->session.negotiated.video;
  const BlNegotiatedTrack *audio = &v->session.negotiated.audio;
  BlRtp rtp;
  BlRtpExtValues ext;
  if (bl_srtp_unprotect_rtp (v->session.link.srtp, data, &length) != BL_SRTP_OK
      || bl_rtp_parse (data, length, &rtp) != BL_RTP_OK) {
    v->n_unauthentic++;
    return;
  }
  BlNtp ntp = bl_ntp_add_us (v->ntp_at_0, now);
  bool repair = rtp.payload_type == video->rtx_pt;
  bool sound = rtp.payload_type == audio->pt;
  bl_rtp_ext_parse (&rtp, sound ? &audio->extensions : &video->extensions,
                    &ext);
  if (bl_rtp_ext_has (&ext, BL_RTP_EXT_TRANSPORT_CC))
    bl_twcc_receiver_on_packet (&v->feedback.twcc, ext.transport_seq, now);
  if (repair && !bl_rtx_unwrap (&rtp, v->video.ssrc, video->pt, &rtp))
    return;
  if (rtp.payload_type == video->pt) {
    peer_track_on_packet (&v->video, &rtp, &ext, repair, now, ntp);
    if (v->screen)
      peer_screen_on_packet (v->screen, &rtp, &ext, repair, now);
  }
  if (sound)
    peer_track_on_packet (&v->audio, &rtp, &ext, false, now, ntp);
  if (sound && v->heard)
    v->heard (now, rtp.timestamp, v->heard_data);
}

static void
receive_sr (PeerViewer *v, const BlRtcpPacket *packet, BlTime now)
{
  uint32_t ssrc;
  BlRtcpSenderInfo info;
  if (!bl_rtcp_read_sr (packet, &ssrc, &info))
    return;
  if (ssrc == v->video.ssrc)
    bl_rtp_receiver_stats_on_sr (&v->video.report, info.ntp, now);
  else if (ssrc == v->audio.ssrc)
    bl_rtp_receiver_stats_on_sr (&v->audio.report, info.ntp, now);
}

static void
receive_rtcp (PeerViewer *v, uint8_t *data, size_t length, BlTime now)
{
  BlRtcpIter iter;
  BlRtcpPacket packet;
  if (bl_srtp_unprotect_rtcp (v->session.link.srtp, data, &length) != BL_SRTP_OK
      || bl_rtcp_open (&iter, data, length) != BL_RTCP_OK) {
    v->n_unauthentic++;
    return;
  }
  while (bl_rtcp_next (&iter, &packet)) {
    if (packet.kind == BL_RTCP_KIND_SR)
      receive_sr (v, &packet, now);
    else if (packet.kind == BL_RTCP_KIND_BYE)
      v->n_byes++;
  }
}

void
peer_viewer_receive (PeerViewer *v, const BlAddress *from, uint8_t *datagram,
                     size_t length, BlTime now)
{
  BlDemuxKind kind
      = peer_session_receive (&v->session, from, datagram, length, now);
  if (kind == BL_DEMUX_OTHER)
    v->n_unauthentic++;
  else if (kind == BL_DEMUX_RTP && v->session.link.srtp)
    receive_rtp (v, datagram, length, now);
  else if (kind == BL_DEMUX_RTCP && v->session.link.srtp)
    receive_rtcp (v, datagram, length, now);
}

void
peer_viewer_on_time (PeerViewer *v, BlTime now)
{
  BlNtp ntp = bl_ntp_add_us (v->ntp_at_0, now);
  peer_session_on_time (&v->session, now);
  if (!peer_session_is_up (&v->session))
    return;
  if (v->session.round_trip_us > 0)
    bl_nack_set_rtt (&v->video.nack, v->session.round_trip_us);
  peer_track_on_time (&v->video, now, ntp);
  peer_track_on_time (&v->audio, now, ntp);
  const PeerFeedbackTrack tracks[]
      = { { v->video.ssrc, &v->video.report, &v->video.nack },
          { v->audio.ssrc, &v->audio.report, NULL } };
  peer_feedback_on_time (&v->feedback, &v->session, tracks, 2, now);
}
