/* SPDX-License-Identifier: Apache-2.0 */
#include "source.h"

#include <string.h>

#include "base/clock.h"
#include "rtc/h264_pay.h"
#include "rtc/rtpext.h"

#define SSRC       0x5e17d000u
#define CLOCK_HZ   90000
#define PLAIN_PT   96
#define SECOND_NS  INT64_C (1000000000)
#define RTCP_BYTES 200

/* ---- a frame ---- */

static int64_t
frame_due_ns (const LgSource *s, uint64_t frame)
{
  return s->started_ns + (int64_t)frame * SECOND_NS / (int64_t)s->fps;
}

static int64_t
packet_due_ns (const LgSource *s)
{
  unsigned sent = s->n_packets - s->n_left;
  return frame_due_ns (s, s->n_frames)
         + (s->n_packets > 0 ? s->pace_ns * sent / s->n_packets : 0);
}

static void
write_header (LgSource *s, BlWriter *w, bool marker, uint32_t timestamp)
{
  const BlNegotiatedTrack *video = &s->session.negotiated.video;
  BlRtp rtp = { .payload_type = s->plain ? PLAIN_PT : video->pt,
                .marker = marker,
                .seq = s->seq++,
                .timestamp = timestamp,
                .ssrc = SSRC };
  BlRtpExtValues ext
      = { .present = BL_RTP_EXT_BIT (BL_RTP_EXT_MID)
                     | BL_RTP_EXT_BIT (BL_RTP_EXT_ABS_CAPTURE_TIME),
          .capture_ntp = bl_clock_ntp () };
  if (s->plain) {
    bl_rtp_write_header (w, &rtp);
    return;
  }
  g_strlcpy (ext.mid, video->mid, sizeof ext.mid);
  bl_rtp_ext_write (w, &rtp, &video->extensions, &ext, NULL);
}

static void
add_packet (LgSource *s, const BlH264Payload *payload, bool key,
            uint32_t timestamp)
{
  if (s->n_packets == LG_SOURCE_FRAME_PACKETS)
    return;
  uint8_t *packet = s->packets[s->n_packets];
  BlWriter w = bl_writer (packet, LG_SOURCE_PACKET_BYTES - BL_SRTP_TRAILER_MAX);
  write_header (s, &w, payload->marker, timestamp);
  size_t header = bl_writer_length (&w);
  bl_h264_payload_write (payload, &w);
  g_assert (bl_writer_ok (&w));
  size_t length = bl_writer_length (&w);
  s->bytes += length - header;
  bl_rtp_sender_stats_on_sent (&s->stats, (uint32_t)(length - header));
  s->notes[s->n_packets]
      = (LgSentPacket){ .hash
                        = lg_payload_hash (packet + header, length - header),
                        .timestamp = timestamp,
                        .frame = (uint32_t)s->n_frames,
                        .key = key };
  if (!s->plain
      && bl_srtp_protect_rtp (s->session.link.srtp, packet, &length,
                              LG_SOURCE_PACKET_BYTES)
             != BL_SRTP_OK)
    return;
  s->lengths[s->n_packets++] = length;
}

static void
prepare_frame (LgSource *s)
{
  const LgFrame *frame = &g_array_index (s->stream->frames, LgFrame,
                                         s->n_frames % s->stream->frames->len);
  uint32_t timestamp
      = s->timestamp_at_0 + (uint32_t)(s->n_frames * CLOCK_HZ / s->fps);
  BlH264Pay pay;
  BlH264Payload payload;
  s->n_packets = 0;
  bl_h264_pay_init (&pay, frame->data, frame->length,
                    (uint16_t)s->payload_bytes);
  while (bl_h264_pay_next (&pay, &payload))
    add_packet (s, &payload, frame->key, timestamp);
  for (unsigned i = 0; i < s->n_packets; i++)
    s->notes[i].count = (uint16_t)s->n_packets;
  s->n_left = s->n_packets;
  bl_rtp_sender_stats_set_clock (&s->stats, timestamp, bl_clock_ntp ());
}

static void
send_packet (LgSource *s)
{
  unsigned i = s->n_packets - s->n_left--;
  s->notes[i].sent_ns = lg_clock_real_ns ();
  lg_sent_add (s->sent, &s->notes[i]);
  lg_socket_send (&s->socket, s->plain ? &s->to : &s->session.remote,
                  s->packets[i], s->lengths[i]);
}

/* Sends all that is due; when the next is. */
static int64_t
on_due (void *data)
{
  LgSource *s = data;
  int64_t now = lg_clock_mono_ns ();
  while (packet_due_ns (s) <= now) {
    if (s->n_left == 0) {
      s->late_max_ns
          = MAX (s->late_max_ns, now - frame_due_ns (s, s->n_frames));
      prepare_frame (s);
    }
    while (s->n_left > 0 && packet_due_ns (s) <= now)
      send_packet (s);
    if (s->n_left == 0) {
      s->n_frames++;
      s->n_packets = 0;
    }
  }
  return packet_due_ns (s);
}

static void
start (LgSource *s)
{
  s->running = true;
  s->seq = (uint16_t)g_random_int_range (0, 0x8000);
  s->timestamp_at_0 = g_random_int ();
  bl_rtp_sender_stats_init (&s->stats, CLOCK_HZ);
  s->started_ns = lg_clock_mono_ns ();
  lg_loop_set_timer (s->loop, on_due, s, s->started_ns);
}

/* ---- the session ---- */

static void
send_datagram (PeerSession *session, const BlAddress *to, const uint8_t *bytes,
               size_t length)
{
  LgSource *s = session->user_data;
  lg_socket_send (&s->socket, to, bytes, length);
}

static void
receive_rtcp (LgSource *s, uint8_t *data, size_t length)
{
  BlRtcpIter iter;
  BlRtcpPacket packet;
  if (bl_srtp_unprotect_rtcp (s->session.link.srtp, data, &length) != BL_SRTP_OK
      || bl_rtcp_open (&iter, data, length) != BL_RTCP_OK)
    return;
  while (bl_rtcp_next (&iter, &packet)) {
    s->plis
        += packet.kind == BL_RTCP_KIND_PLI || packet.kind == BL_RTCP_KIND_FIR;
    s->nacks += packet.kind == BL_RTCP_KIND_NACK;
  }
}

static void
receive (void *data, const BlAddress *from, uint8_t *datagram, size_t length,
         int64_t arrival_ns)
{
  LgSource *s = data;
  if (s->plain)
    return;
  if (peer_session_receive (&s->session, from, datagram, length,
                            bl_clock_now ())
          == BL_DEMUX_RTCP
      && s->session.link.srtp)
    receive_rtcp (s, datagram, length);
}

char *
lg_source_offer (LgSource *s, const BlCert *cert, const BlDtlsContext *context)
{
  static const BlOfferShape shape = { .video = true };
  s->socket = (LgSocket){ .fd = -1, .receive = receive, .user_data = s };
  peer_session_init (&s->session, &shape, SSRC, cert, context, send_datagram,
                     s);
  return peer_session_offer (&s->session, bl_clock_now ());
}

bool
lg_source_answer (LgSource *s, const char *answer, GError **error)
{
  return peer_session_answer (&s->session, answer, strlen (answer), error)
         && lg_socket_open (s->loop, &s->socket,
                            s->session.candidates[0].any.sa_family, NULL,
                            error);
}

bool
lg_source_start_plain (LgSource *s, const BlAddress *to, GError **error)
{
  s->socket = (LgSocket){ .fd = -1, .receive = receive, .user_data = s };
  s->plain = true;
  s->to = *to;
  if (!lg_socket_open (s->loop, &s->socket, to->any.sa_family, NULL, error))
    return false;
  start (s);
  return true;
}

static void
send_report (LgSource *s, BlTime now)
{
  uint8_t data[RTCP_BYTES + BL_SRTP_TRAILER_MAX];
  BlWriter w = bl_writer (data, RTCP_BYTES);
  BlRtcpSenderInfo info;
  if (now < s->report_us
      || !bl_rtp_sender_stats_info (&s->stats, bl_clock_ntp (), &info))
    return;
  s->report_us = now + BL_SECOND;
  bl_rtcp_write_sr (&w, SSRC, &info, NULL, 0);
  bl_rtcp_write_cname (&w, SSRC, "source");
  peer_session_send_rtcp (&s->session, data, bl_writer_length (&w),
                          sizeof data);
}

void
lg_source_on_time (LgSource *s, BlTime now)
{
  if (s->plain)
    return;
  peer_session_on_time (&s->session, now);
  if (!peer_session_is_up (&s->session))
    return;
  if (!s->running)
    start (s);
  send_report (s, now);
}

void
lg_source_clear (LgSource *s)
{
  if (!s->plain)
    peer_session_clear (&s->session);
  lg_socket_close (&s->socket);
}
