/* SPDX-License-Identifier: Apache-2.0 */
#include "peer.h"

#include <check.h>
#include <string.h>

#include "base/clock.h"
#include "rtc/ccfb.h"
#include "rtc/demux.h"
#include "rtc/rtcp.h"
#include "rtc/rtx.h"

/* 320×240, constrained baseline 3.1 (profile-level-id 42c01f). */
static const uint8_t sps[] = { 0x67, 0x42, 0xc0, 0x1f, 0xda, 0x05, 0x07, 0xe4 };
static const uint8_t pps[] = { 0x68, 0xce, 0x3c, 0x80 };

static void
negotiate_track (BlNegotiatedTrack *track, const char *mid, bool sends,
                 unsigned id)
{
  *track = (BlNegotiatedTrack){
    .present = true,
    .sends = sends,
    .rtx_pt = -1,
    .rcvr_rtt = true,
    .rtcp_rsize = true,
    .extensions.id = { [BL_RTP_EXT_MID] = 4,
                       [BL_RTP_EXT_ABS_SEND_TIME] = 2,
                       [BL_RTP_EXT_TRANSPORT_CC] = 3,
                       [BL_RTP_EXT_ABS_CAPTURE_TIME] = 5,
                       [BL_RTP_EXT_PLAYOUT_DELAY] = 6 },
  };
  g_strlcpy (track->mid, mid, sizeof track->mid);
  g_snprintf (track->cname, sizeof track->cname, "cname-%u", id);
}

static void
negotiate (Peer *peer, unsigned id)
{
  bool viewer = peer->role == BL_SESSION_VIEWER;
  BlNegotiated *n = &peer->negotiated;
  BlFingerprint fingerprint;

  negotiate_track (&n->video, "v", viewer, id);
  negotiate_track (&n->audio, "a", viewer, id);
  n->video.pt = PT_VIDEO;
  n->video.rtx_pt = PT_RTX;
  n->video.clock_rate = 90000;
  n->video.feedback = BL_FEEDBACK_NACK | BL_FEEDBACK_PLI | BL_FEEDBACK_FIR
                      | BL_FEEDBACK_TRANSPORT_CC;
  n->video.ssrc = peer->video_ssrc;
  n->video.rtx_ssrc = peer->rtx_ssrc;
  n->audio.pt = PT_AUDIO;
  n->audio.clock_rate = 48000;
  n->audio.feedback = BL_FEEDBACK_TRANSPORT_CC;
  n->audio.ssrc = peer->audio_ssrc;
  bl_cert_fingerprint (peer->cert, &fingerprint);
  memcpy (n->remote_fingerprint, fingerprint.bytes, BL_SDP_SHA256_BYTES);
}

static void
send_datagram (void *data, const uint8_t *bytes, size_t length)
{
  Peer *peer = data;
  peer->send (peer->send_data, peer, bytes, length);
}

Peer *
peer_new (BlSessionRole role, unsigned id, const BlCert *relay_cert,
          void (*send) (void *, Peer *, const uint8_t *, size_t),
          void *send_data)
{
  Peer *peer = g_new0 (Peer, 1);
  peer->role = role;
  peer->send = send;
  peer->send_data = send_data;
  peer->cert
      = bl_cert_new_self_signed ("peer", bl_clock_unix_us () / 1000000, NULL);
  peer->context = bl_dtls_context_new (peer->cert, NULL);
  peer->video_ssrc = 1000 * id + 1;
  peer->rtx_ssrc = 1000 * id + 2;
  peer->audio_ssrc = 1000 * id + 3;
  peer->video_seq = (uint16_t)(65500 + id);
  peer->video_timestamp = 0xfffff000u + id * 77777;
  peer->audio_timestamp = id * 4444;
  peer->answers_nack = true;
  g_snprintf (peer->ufrag, sizeof peer->ufrag, "u%03u", id);
  g_snprintf (peer->pwd, sizeof peer->pwd, "password-of-peer-%06u", id);
  bl_cert_fingerprint (relay_cert, &peer->relay_fingerprint);
  negotiate (peer, id);
  peer_link_init (&peer->link, send_datagram, peer);
  return peer;
}

void
peer_free (Peer *peer)
{
  peer_link_clear (&peer->link);
  bl_dtls_context_free (peer->context);
  bl_cert_free (peer->cert);
  g_free (peer);
}

BlSessionSetup
peer_setup (Peer *peer)
{
  return (BlSessionSetup){ .role = peer->role,
                           .local_ufrag = peer->ufrag,
                           .local_pwd = peer->pwd,
                           .negotiated = &peer->negotiated };
}

/* ---- ICE and DTLS ---- */

void
peer_check (Peer *peer, bool nominate)
{
  peer_link_set_credentials (&peer->link, peer->ufrag, peer->pwd, "peer");
  peer_link_check (&peer->link, nominate);
}

void
peer_start_dtls (Peer *peer)
{
  peer_link_start_dtls (&peer->link, peer->context,
                        peer->negotiated.dtls_client ? BL_DTLS_SERVER
                                                     : BL_DTLS_CLIENT,
                        &peer->relay_fingerprint);
}

bool
peer_is_up (const Peer *peer)
{
  return peer_link_is_up (&peer->link);
}

void
peer_close (Peer *peer)
{
  peer_link_close (&peer->link);
}

void
peer_on_time (Peer *peer, BlTime now)
{
  peer_link_on_time (&peer->link, now);
}

/* ---- publisher ---- */

static void
send_rtp (Peer *peer, const BlRtp *header, const uint16_t *original_seq,
          const uint8_t *payload, size_t length)
{
  uint8_t packet[1500];
  const BlRtpExtMap *map = &peer->negotiated.video.extensions;
  BlWriter w = bl_writer (packet, sizeof packet);
  BlRtpExtValues ext = { .present = BL_RTP_EXT_BIT (BL_RTP_EXT_MID)
                                    | BL_RTP_EXT_BIT (BL_RTP_EXT_TRANSPORT_CC),
                         .transport_seq = peer->transport_seq++ };
  g_strlcpy (ext.mid, header->payload_type == PT_AUDIO ? "a" : "v",
             sizeof ext.mid);
  if (peer->capture) {
    ext.present |= BL_RTP_EXT_BIT (BL_RTP_EXT_ABS_CAPTURE_TIME);
    ext.capture_ntp = peer->capture;
  }
  bl_rtp_ext_write (&w, header, map, &ext, NULL);
  if (original_seq)
    bl_rtx_write_payload (&w, *original_seq, payload, length);
  else
    bl_writer_bytes (&w, payload, length);
  size_t size = bl_writer_length (&w);
  ck_assert_int_eq (
      bl_srtp_protect_rtp (peer->link.srtp, packet, &size, sizeof packet),
      BL_SRTP_OK);
  peer->send (peer->send_data, peer, packet, size);
}

static void
send_video (Peer *peer, bool marker, const uint8_t *payload, size_t length)
{
  PeerKept *kept = &peer->kept[peer->video_seq % PEER_KEPT];
  *kept = (PeerKept){ .seq = peer->video_seq,
                      .timestamp = peer->video_timestamp,
                      .marker = marker,
                      .length = length };
  memcpy (kept->payload, payload, length);
  BlRtp header = { .payload_type = PT_VIDEO,
                   .marker = marker,
                   .seq = peer->video_seq++,
                   .timestamp = peer->video_timestamp,
                   .ssrc = peer->video_ssrc };
  if (!peer->drop_next)
    send_rtp (peer, &header, NULL, payload, length);
  peer->drop_next = false;
}

static size_t
write_parameter_sets (uint8_t *payload)
{
  BlWriter w = bl_writer (payload, 100);
  bl_writer_u8 (&w, 0x78);
  bl_writer_be16 (&w, sizeof sps);
  bl_writer_bytes (&w, sps, sizeof sps);
  bl_writer_be16 (&w, sizeof pps);
  bl_writer_bytes (&w, pps, sizeof pps);
  return bl_writer_length (&w);
}

void
peer_send_picture (Peer *peer, bool key, unsigned n_packets)
{
  uint8_t payload[1000] = { 0 };
  peer->video_timestamp += 3000;
  for (unsigned i = 0; i < n_packets; i++) {
    bool last = i == n_packets - 1;
    size_t length = sizeof payload;
    if (key && i == 0)
      length = write_parameter_sets (payload);
    else {
      /* FU-A, its number where the slice data would be. */
      bool first = i == (key ? 1 : 0);
      memset (payload, 0, sizeof payload);
      payload[0] = 0x7c;
      payload[1]
          = (uint8_t)((first ? 0x80 : 0) | (last ? 0x40 : 0) | (key ? 5 : 1));
      payload[2] = 0x88; /* first_mb_in_slice 0 */
      BlWriter w = bl_writer (payload + 4, 4);
      bl_writer_be32 (&w, peer->number);
    }
    peer->number++;
    send_video (peer, last, payload, length);
  }
}

void
peer_send_audio (Peer *peer)
{
  uint8_t payload[80] = { 0xfc };
  peer->audio_timestamp += 960;
  BlRtp header = { .payload_type = PT_AUDIO,
                   .seq = peer->audio_seq++,
                   .timestamp = peer->audio_timestamp,
                   .ssrc = peer->audio_ssrc };
  send_rtp (peer, &header, NULL, payload, sizeof payload);
}

/* ---- RTCP ---- */

void
peer_send_rtcp (Peer *peer, const uint8_t *data, size_t length)
{
  uint8_t packet[1500];
  memcpy (packet, data, length);
  ck_assert_int_eq (
      bl_srtp_protect_rtcp (peer->link.srtp, packet, &length, sizeof packet),
      BL_SRTP_OK);
  peer->send (peer->send_data, peer, packet, length);
}

static void
send_written (Peer *peer, BlWriter *w)
{
  ck_assert (bl_writer_ok (w));
  peer_send_rtcp (peer, w->start, bl_writer_length (w));
}

void
peer_send_sr (Peer *peer, BlNtp ntp)
{
  uint8_t data[200];
  BlWriter w = bl_writer (data, sizeof data);
  BlRtcpSenderInfo video
      = { .ntp = ntp, .rtp_timestamp = peer->video_timestamp };
  BlRtcpSenderInfo audio
      = { .ntp = ntp, .rtp_timestamp = peer->audio_timestamp };
  bl_rtcp_write_sr (&w, peer->video_ssrc, &video, NULL, 0);
  bl_rtcp_write_sr (&w, peer->audio_ssrc, &audio, NULL, 0);
  send_written (peer, &w);
}

void
peer_send_xr (Peer *peer, BlNtp ntp, uint32_t delay_65536)
{
  uint8_t data[200];
  BlWriter w = bl_writer (data, sizeof data);
  BlRtcpSenderInfo video
      = { .ntp = ntp, .rtp_timestamp = peer->video_timestamp };
  BlRtcpDlrr dlrr = { .ssrc = peer->relay_ssrc,
                      .lrr = bl_ntp_middle (peer->rrtr),
                      .dlrr = delay_65536 };
  bl_rtcp_write_sr (&w, peer->video_ssrc, &video, NULL, 0);
  bl_rtcp_write_xr_dlrr (&w, peer->video_ssrc, &dlrr, 1);
  send_written (peer, &w);
}

void
peer_send_nack (Peer *peer, uint32_t ssrc, uint16_t seq)
{
  uint8_t data[64];
  BlWriter w = bl_writer (data, sizeof data);
  bl_rtcp_write_nack (&w, 1, ssrc, &seq, 1);
  send_written (peer, &w);
}

void
peer_send_pli (Peer *peer, uint32_t ssrc)
{
  uint8_t data[64];
  BlWriter w = bl_writer (data, sizeof data);
  bl_rtcp_write_pli (&w, 1, ssrc);
  send_written (peer, &w);
}

void
peer_send_bye (Peer *peer)
{
  uint8_t data[64];
  BlWriter w = bl_writer (data, sizeof data);
  bl_rtcp_write_bye (&w, peer->video_ssrc);
  bl_rtcp_write_bye (&w, peer->audio_ssrc);
  send_written (peer, &w);
}

static void
answer_nack (Peer *peer, const BlRtcpPacket *packet)
{
  BlRtcpFeedback feedback;
  uint16_t seq;
  ck_assert (bl_rtcp_read_feedback (packet, &feedback));
  BlRtcpNackIter iter = bl_rtcp_nack_iter (&feedback);
  while (bl_rtcp_nack_next (&iter, &seq)) {
    const PeerKept *kept = &peer->kept[seq % PEER_KEPT];
    peer->n_nacks++;
    if (!peer->answers_nack || kept->seq != seq)
      continue;
    BlRtp header = { .payload_type = PT_RTX,
                     .marker = kept->marker,
                     .seq = peer->rtx_seq++,
                     .timestamp = kept->timestamp,
                     .ssrc = peer->rtx_ssrc };
    send_rtp (peer, &header, &seq, kept->payload, kept->length);
  }
}

static void
read_xr (Peer *peer, const BlRtcpPacket *packet)
{
  BlRtcpXr xr;
  if (bl_rtcp_read_xr (packet, &xr) && xr.has_rrtr) {
    peer->n_rrtrs++;
    peer->rrtr = xr.rrtr;
  }
}

static void
read_ccfb (Peer *peer, const BlRtcpPacket *packet)
{
  BlCcfbReport report;
  BlCcfbResult result;
  ck_assert_int_eq (bl_ccfb_parse (packet, &report), BL_CCFB_OK);
  peer->n_path_reports[peer->way]++;
  while (bl_ccfb_next (&report, &result))
    if (result.ssrc == peer->video_ssrc && result.received)
      peer->reported_seq[peer->way] = result.seq;
}

static void
receive_rtcp (Peer *peer, const uint8_t *data, size_t length)
{
  BlRtcpIter iter;
  BlRtcpPacket packet;
  BlRtcpSenderInfo info;
  ck_assert_int_eq (bl_rtcp_open (&iter, data, length), BL_RTCP_OK);
  while (bl_rtcp_next (&iter, &packet))
    switch (packet.kind) {
    case BL_RTCP_KIND_SR:
      peer->n_sender_reports++;
      ck_assert (bl_rtcp_read_sr (&packet, &peer->sr_ssrc, &info));
      if (peer->sr_ssrc == peer->video_ssrc) {
        peer->sr_ntp = info.ntp;
        peer->sr_timestamp = info.rtp_timestamp;
      }
      break;
    case BL_RTCP_KIND_RR:
      peer->n_receiver_reports++;
      bl_rtcp_read_ssrc (&packet, &peer->relay_ssrc);
      break;
    case BL_RTCP_KIND_PLI:
      peer->n_plis++;
      break;
    case BL_RTCP_KIND_FIR:
      peer->n_firs++;
      break;
    case BL_RTCP_KIND_TRANSPORT_CC:
      peer->n_transport_feedback++;
      break;
    case BL_RTCP_KIND_CCFB:
      read_ccfb (peer, &packet);
      break;
    case BL_RTCP_KIND_BYE:
      peer->n_byes++;
      break;
    case BL_RTCP_KIND_XR:
      read_xr (peer, &packet);
      break;
    case BL_RTCP_KIND_NACK:
      answer_nack (peer, &packet);
      break;
    default:
      break;
    }
}

/* ---- viewer ---- */

static void
receive_rtp (Peer *peer, const uint8_t *data, size_t length)
{
  BlRtp rtp;
  ck_assert_int_eq (bl_rtp_parse (data, length, &rtp), BL_RTP_OK);
  ck_assert_uint_lt (peer->n_rtp, PEER_MAX_RECEIVED);
  PeerRtp *received = &peer->rtp[peer->n_rtp++];
  *received = (PeerRtp){ .ssrc = rtp.ssrc,
                         .payload_type = rtp.payload_type,
                         .marker = rtp.marker,
                         .seq = rtp.seq,
                         .timestamp = rtp.timestamp,
                         .payload_length = rtp.payload_length };
  ck_assert (bl_rtp_ext_parse (&rtp, &peer->negotiated.video.extensions,
                               &received->ext));
  BlReader r = bl_reader (rtp.payload, rtp.payload_length);
  if (rtp.payload_type == PT_RTX)
    received->original_seq = bl_reader_be16 (&r);
  uint8_t type = bl_reader_u8 (&r) & 0x1f;
  received->key = type == 24 || (bl_reader_u8 (&r) & 0x1f) == 5;
  bl_reader_skip (&r, 2);
  if (type != 24)
    received->number = bl_reader_be32 (&r);
}

void
peer_receive (Peer *peer, const uint8_t *data, size_t length)
{
  uint8_t packet[2048];
  size_t size = length;
  BlSrtpStatus status;
  ck_assert_uint_le (length, sizeof packet);
  memcpy (packet, data, length);
  switch (bl_demux (data, length)) {
  case BL_DEMUX_STUN:
    peer_link_receive_stun (&peer->link, data, length);
    break;
  case BL_DEMUX_DTLS:
    peer_link_receive_dtls (&peer->link, data, length);
    break;
  case BL_DEMUX_RTP:
    ck_assert (peer->link.srtp);
    ck_assert_int_eq (bl_srtp_unprotect_rtp (peer->link.srtp, packet, &size),
                      BL_SRTP_OK);
    receive_rtp (peer, packet, size);
    break;
  case BL_DEMUX_RTCP:
    ck_assert (peer->link.srtp);
    status = bl_srtp_unprotect_rtcp (peer->link.srtp, packet, &size);
    /* By its other way it has come already. */
    if (status == BL_SRTP_REPLAYED && peer->has_two_ways)
      break;
    ck_assert_int_eq (status, BL_SRTP_OK);
    receive_rtcp (peer, packet, size);
    break;
  case BL_DEMUX_OTHER:
    ck_abort_msg ("the relay sent garbage");
  }
}
