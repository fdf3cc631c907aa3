/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer.h"

#include <string.h>

#include "base/clock.h"
#include "rtc/demux.h"
#include "rtc/rtcp.h"
#include "rtc/rtx.h"
#include "signal/offer.h"

#define CHECK_FIRST_US   (50 * BL_MS)
#define CHECK_STEADY_US  (2 * BL_SECOND)
#define REPORT_US        BL_SECOND
#define FEEDBACK_US      (100 * BL_MS)
#define RTCP_BYTES       1200
#define MAX_NACKS        64
#define FIRST_CHECKS_MAX 100 /* then as seldom as steady ones */

static const BlOfferShape shape
    = { .audio = true, .video = true, .view = true };

static void
send_to_remote (void *data, const uint8_t *bytes, size_t length)
{
  PeerViewer *v = data;
  if (v->remote.length > 0) {
    v->send (v, &v->remote, bytes, length);
    return;
  }
  for (unsigned i = 0; i < v->n_candidates; i++)
    v->send (v, &v->candidates[i], bytes, length);
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
  v->cert = cert;
  v->context = context;
  v->ssrc = 0x70000000u + index;
  v->connected_us = v->closed_us = BL_TIME_NEVER;
  v->check_us = BL_TIME_NEVER;
  g_snprintf (v->ufrag, sizeof v->ufrag, "v%05u", index % 100000);
  g_snprintf (v->pwd, sizeof v->pwd, "%08x%08x%08x", g_random_int (),
              g_random_int (), g_random_int ());
  peer_link_init (&v->link, send_to_remote, v);
  peer_track_init (&v->video, true, 90000);
  peer_track_init (&v->audio, false, 48000);
  bl_twcc_receiver_init (&v->twcc);
  return v;
}

void
peer_viewer_free (PeerViewer *v)
{
  if (!v)
    return;
  peer_link_clear (&v->link);
  g_free (v);
}

/* ---- offer and answer ---- */

static BlSdpLocal
local_of (const PeerViewer *v, BlFingerprint *out_fingerprint)
{
  bl_cert_fingerprint (v->cert, out_fingerprint);
  return (BlSdpLocal){ .ufrag = v->ufrag,
                       .pwd = v->pwd,
                       .fingerprint = out_fingerprint->bytes,
                       .session_id = v->ssrc,
                       .cname = "viewer",
                       .msid = "viewer" };
}

char *
peer_viewer_offer (PeerViewer *v, BlTime now)
{
  BlFingerprint fingerprint;
  BlSdpLocal local = local_of (v, &fingerprint);
  v->started_us = now;
  v->ntp_at_0 = bl_ntp_add_us (bl_clock_ntp (), -bl_clock_now ());
  return bl_offer_build (&shape, &local);
}

static void
take_candidates (PeerViewer *v, const BlSdpMedia *media, bool ipv6)
{
  for (unsigned i = 0; i < media->n_candidates; i++) {
    const BlCandidate *c = &media->candidates[i];
    BlAddress address;
    if (v->n_candidates < PEER_VIEWER_MAX_CANDIDATES
        && c->transport == BL_CANDIDATE_UDP
        && bl_address_parse (c->address, c->port, &address)
        && bl_address_is_ipv6 (&address) == ipv6)
      v->candidates[v->n_candidates++] = address;
  }
}

gboolean
peer_viewer_answer (PeerViewer *v, const char *text, gsize length,
                    GError **error)
{
  BlFingerprint fingerprint;
  BlSdpLocal local = local_of (v, &fingerprint);
  g_autoptr (BlSdp) answer = bl_sdp_parse (text, length, error);
  if (!answer
      || !bl_offer_read_answer (&shape, &local, answer, &v->negotiated, error))
    return FALSE;
  for (unsigned i = 0; i < answer->n_media; i++)
    take_candidates (v, &answer->media[i], false);
  for (unsigned i = 0; i < answer->n_media && v->n_candidates == 0; i++)
    take_candidates (v, &answer->media[i], true);
  if (v->n_candidates == 0) {
    g_set_error (error, BL_SDP_ERROR, BL_SDP_ERROR_NOT_ACCEPTABLE,
                 "the answer has no UDP candidate");
    return FALSE;
  }
  v->relay_fingerprint = (BlFingerprint){ .hash = BL_FINGERPRINT_SHA256,
                                          .length = BL_SDP_SHA256_BYTES };
  memcpy (v->relay_fingerprint.bytes, v->negotiated.remote_fingerprint,
          BL_SDP_SHA256_BYTES);
  peer_link_set_credentials (&v->link, v->negotiated.remote_ufrag,
                             v->negotiated.remote_pwd, v->ufrag);
  v->check_us = 0;
  v->answered = true;
  return TRUE;
}

/* ---- what comes in ---- */

static void
receive_stun (PeerViewer *v, const BlAddress *from, const uint8_t *data,
              size_t length, BlTime now)
{
  unsigned before = v->link.n_checks_answered;
  peer_link_receive_stun (&v->link, data, length);
  if (v->link.n_checks_answered == before)
    return;
  bl_nack_set_rtt (&v->video.nack, now - v->check_sent_us);
  if (v->remote.length > 0)
    return;
  v->remote = *from;
  v->check_us = now; /* nominate at once */
  peer_link_start_dtls (&v->link, v->context, BL_DTLS_CLIENT,
                        &v->relay_fingerprint);
}

static void
receive_rtp (PeerViewer *v, uint8_t *data, size_t length, BlTime now)
{
  const BlNegotiatedTrack *video = &v->negotiated.video;
  const BlNegotiatedTrack *audio = &v->negotiated.audio;
  BlRtp rtp;
  BlRtpExtValues ext;
  if (bl_srtp_unprotect_rtp (v->link.srtp, data, &length) != BL_SRTP_OK
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
    bl_twcc_receiver_on_packet (&v->twcc, ext.transport_seq, now);
  if (repair && !bl_rtx_unwrap (&rtp, v->video.ssrc, video->pt, &rtp))
    return;
  if (rtp.payload_type == video->pt)
    peer_track_on_packet (&v->video, &rtp, &ext, repair, now, ntp);
  else if (sound)
    peer_track_on_packet (&v->audio, &rtp, &ext, false, now, ntp);
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
  if (bl_srtp_unprotect_rtcp (v->link.srtp, data, &length) != BL_SRTP_OK
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
  switch (bl_demux (datagram, length)) {
  case BL_DEMUX_STUN:
    receive_stun (v, from, datagram, length, now);
    break;
  case BL_DEMUX_DTLS:
    peer_link_receive_dtls (&v->link, datagram, length);
    break;
  case BL_DEMUX_RTP:
    if (v->link.srtp)
      receive_rtp (v, datagram, length, now);
    break;
  case BL_DEMUX_RTCP:
    if (v->link.srtp)
      receive_rtcp (v, datagram, length, now);
    break;
  case BL_DEMUX_OTHER:
    v->n_unauthentic++;
  }
  if (peer_link_is_up (&v->link) && v->connected_us == BL_TIME_NEVER)
    v->connected_us = now;
  if (v->link.closed && v->closed_us == BL_TIME_NEVER)
    v->closed_us = now;
}

/* ---- what goes out by itself ---- */

static void
check (PeerViewer *v, BlTime now)
{
  bool steady = v->remote.length > 0 || v->n_checks > FIRST_CHECKS_MAX;
  v->n_checks++;
  v->check_sent_us = now;
  v->check_us = now + (steady ? CHECK_STEADY_US : CHECK_FIRST_US);
  peer_link_check (&v->link, v->remote.length > 0);
}

/* An RR with our CNAME, as every compound begins. */
static void
write_report (PeerViewer *v, BlWriter *w, BlTime now)
{
  BlRtcpReportBlock blocks[2];
  size_t n = 0;
  n += bl_rtp_receiver_stats_report (&v->video.report, v->video.ssrc, now,
                                     &blocks[n]);
  n += bl_rtp_receiver_stats_report (&v->audio.report, v->audio.ssrc, now,
                                     &blocks[n]);
  bl_rtcp_write_rr (w, v->ssrc, blocks, n);
  bl_rtcp_write_cname (w, v->ssrc, "viewer");
  v->report_us = now + REPORT_US;
}

static void
write_repair (PeerViewer *v, BlWriter *w, BlTime now)
{
  uint16_t seqs[MAX_NACKS];
  size_t n = bl_nack_poll (&v->video.nack, now, seqs, MAX_NACKS);
  if (n > 0)
    bl_rtcp_write_nack (w, v->ssrc, v->video.ssrc, seqs, n);
  if (bl_nack_take_gave_up (&v->video.nack))
    bl_rtcp_write_pli (w, v->ssrc, v->video.ssrc);
}

static void
write_feedback (PeerViewer *v, BlWriter *w, BlTime now)
{
  if (now < v->feedback_us
      || !(v->negotiated.video.feedback & BL_FEEDBACK_TRANSPORT_CC))
    return;
  v->feedback_us = now + FEEDBACK_US;
  bl_twcc_receiver_write (&v->twcc, w, v->ssrc, v->video.ssrc);
}

static void
send_rtcp (PeerViewer *v, BlTime now)
{
  uint8_t data[RTCP_BYTES + BL_SRTP_TRAILER_MAX];
  BlWriter w = bl_writer (data, RTCP_BYTES);
  bool due = now >= v->report_us;
  if (due)
    write_report (v, &w, now);
  size_t head = bl_writer_length (&w);
  write_repair (v, &w, now);
  write_feedback (v, &w, now);
  size_t length = bl_writer_length (&w);
  if (!bl_writer_ok (&w) || (!due && length == head))
    return;
  if (bl_srtp_protect_rtcp (v->link.srtp, data, &length, sizeof data)
      == BL_SRTP_OK)
    send_to_remote (v, data, length);
}

void
peer_viewer_on_time (PeerViewer *v, BlTime now)
{
  if (!v->answered || v->link.closed)
    return;
  BlNtp ntp = bl_ntp_add_us (v->ntp_at_0, now);
  if (now >= v->check_us)
    check (v, now);
  peer_link_on_time (&v->link, now);
  if (!peer_link_is_up (&v->link))
    return;
  peer_track_on_time (&v->video, now, ntp);
  peer_track_on_time (&v->audio, now, ntp);
  send_rtcp (v, now);
}
