/* SPDX-License-Identifier: Apache-2.0 */
#include "base/blassert.h"
#include "rtc/ccfb.h"
#include "rtc/rtcp.h"
#include "vehicle/sender_private.h"

#define REPORT_BYTES 512

/* Passed on at a time. */
#define RESULTS 64

/* --- what we report ---------------------------------------------------------
 */

static bool
write_sr (BlWriter *w, const BlSenderTrack *track, BlNtp wall)
{
  BlRtcpSenderInfo info;
  if (!track->negotiated.present
      || !bl_rtp_sender_stats_info (&track->stats, wall, &info))
    return false;
  bl_rtcp_write_sr (w, track->negotiated.ssrc, &info, NULL, 0);
  return true;
}

static void
send_compound (BlSender *s, uint8_t *buffer, const BlWriter *w, BlTime now)
{
  bl_assert (bl_writer_ok (w));
  bl_sender_send_rtcp (s, buffer, bl_writer_length (w),
                       REPORT_BYTES + BL_SENDER_TAIL_BYTES, now);
}

void
bl_sender_send_report (BlSender *s, BlTime now, BlNtp wall)
{
  uint8_t buffer[REPORT_BYTES + BL_SENDER_TAIL_BYTES];
  BlWriter w = bl_writer (buffer, REPORT_BYTES);
  bool video = write_sr (&w, &s->video, wall);
  bool audio = write_sr (&w, &s->audio, wall);
  if (!video && !audio) {
    s->next_report_us = now + BL_SENDER_FIRST_REPORT_US;
    return;
  }
  s->next_report_us = now + BL_SENDER_REPORT_US;
  const BlNegotiatedTrack *first
      = video ? &s->video.negotiated : &s->audio.negotiated;
  if (video)
    bl_rtcp_write_cname (&w, s->video.negotiated.ssrc, s->cname);
  if (audio)
    bl_rtcp_write_cname (&w, s->audio.negotiated.ssrc, s->cname);
  if (s->rrtr_seen) {
    BlRtcpDlrr dlrr = {
      .ssrc = s->rrtr_ssrc,
      .lrr = s->rrtr_middle,
      .dlrr = (uint32_t)((now - s->rrtr_at_us) * 65536 / BL_SECOND),
    };
    bl_rtcp_write_xr_dlrr (&w, first->ssrc, &dlrr, 1);
    s->rrtr_seen = false;
  }
  send_compound (s, buffer, &w, now);
}

void
bl_sender_send_bye (BlSender *sender, BlTime now, BlNtp wall)
{
  if (!sender->open)
    return;
  uint8_t buffer[REPORT_BYTES + BL_SENDER_TAIL_BYTES];
  BlWriter w = bl_writer (buffer, REPORT_BYTES);
  const BlSenderTrack *tracks[] = { &sender->video, &sender->audio };
  for (size_t i = 0; i < 2; i++) {
    if (write_sr (&w, tracks[i], wall)) {
      bl_rtcp_write_cname (&w, tracks[i]->negotiated.ssrc, sender->cname);
      bl_rtcp_write_bye (&w, tracks[i]->negotiated.ssrc);
    }
  }
  if (bl_writer_length (&w) > 0)
    send_compound (sender, buffer, &w, now);
}

/* --- what the other end reports ---------------------------------------------
 */

static void
on_report (BlSender *s, const BlRtcpPacket *packet, BlNtp wall)
{
  BlRtcpReportBlock block;
  for (unsigned i = 0; bl_rtcp_read_report (packet, i, &block); i++) {
    bool video = block.ssrc == s->video.negotiated.ssrc;
    if (!video && block.ssrc != s->audio.negotiated.ssrc)
      continue;
    int64_t rtt_us;
    if (bl_rtcp_round_trip_us (block.lsr, block.dlsr, wall, &rtt_us))
      s->sender_stats.rtt_us = rtt_us;
    if (!video) {
      if (!s->per_path_reports)
        bl_sound_on_fraction_lost (&s->sound, block.fraction_lost);
      continue;
    }
    s->sender_stats.fraction_lost = block.fraction_lost;
    s->sender_stats.jitter_us
        = (uint32_t)((uint64_t)block.jitter * 1000000 / 90000);
  }
}

static void
ask_for_sound (BlSender *s, uint16_t seq)
{
  s->sender_stats.nacked++;
  if (!bl_sound_on_nack (&s->sound, seq))
    s->sender_stats.nack_misses++;
}

static void
on_nack (BlSender *s, const BlRtcpPacket *packet, BlTime now)
{
  BlRtcpFeedback feedback;
  if (!bl_rtcp_read_feedback (packet, &feedback))
    return;
  BlRtcpNackIter iter = bl_rtcp_nack_iter (&feedback);
  uint16_t seq;
  while (bl_rtcp_nack_next (&iter, &seq)) {
    if (feedback.media_ssrc == s->video.negotiated.ssrc)
      bl_sender_queue_rtx (s, seq, now);
    else if (feedback.media_ssrc == s->audio.negotiated.ssrc)
      ask_for_sound (s, seq);
  }
}

static void
on_pli (BlSender *s, const BlRtcpPacket *packet, BlTime now)
{
  BlRtcpFeedback feedback;
  if (!bl_rtcp_read_feedback (packet, &feedback)
      || feedback.media_ssrc != s->video.negotiated.ssrc)
    return;
  s->sender_stats.keyframe_requests++;
  bl_sender_want_keyframe (s, now);
}

static void
on_fir (BlSender *s, const BlRtcpPacket *packet, BlTime now)
{
  BlRtcpFeedback feedback;
  if (!bl_rtcp_read_feedback (packet, &feedback))
    return;
  uint32_t ssrc;
  uint8_t seq_nr;
  for (unsigned i = 0; bl_rtcp_read_fir (&feedback, i, &ssrc, &seq_nr); i++) {
    if (ssrc != s->video.negotiated.ssrc
        || (s->fir_seen && seq_nr == s->fir_seq_nr))
      continue;
    s->fir_seen = true;
    s->fir_seq_nr = seq_nr;
    s->sender_stats.keyframe_requests++;
    bl_sender_want_keyframe (s, now);
  }
}

/* Where our relay's own reports are not spoken. */
static void
on_transport_cc (BlSender *s, const BlRtcpPacket *packet, BlTime now)
{
  BlRtcpFeedback feedback;
  BlTwccFeedback twcc;
  BlTwccAck ack;
  BlPacketResult results[RESULTS];
  unsigned n = 0;
  if (!bl_rtcp_read_feedback (packet, &feedback)
      || bl_twcc_parse (feedback.fci, feedback.fci_length, &twcc)
             != BL_TWCC_OK) {
    s->sender_stats.bad_rtcp++;
    return;
  }
  while (bl_twcc_sender_next_ack (&s->twcc, &twcc, &ack)) {
    if (ack.received)
      s->sender_stats.twcc_received++;
    else
      s->sender_stats.twcc_lost++;
    if (s->per_path_reports)
      continue;
    results[n++] = (BlPacketResult){ .seq = ack.seq - s->twcc_before,
                                     .received = ack.received,
                                     .arrival_us = ack.received_us };
    if (n == RESULTS) {
      bl_flow_on_results (s->flow, results, n, now);
      n = 0;
    }
  }
  if (n > 0)
    bl_flow_on_results (s->flow, results, n, now);
}

static void
on_ccfb (BlSender *s, unsigned path, const BlRtcpPacket *packet, BlTime now)
{
  BlCcfbReport report;
  BlCcfbResult result;
  if (!s->per_path_reports)
    return;
  if (bl_ccfb_parse (packet, &report) != BL_CCFB_OK) {
    s->sender_stats.bad_rtcp++;
    return;
  }
  bl_flow_on_ccfb (s->flow, path, &report, now);
  while (bl_ccfb_next (&report, &result)) {
    uint32_t before = (uint32_t)(result.before_us * 65536 / BL_SECOND);
    if (result.received && result.ssrc == s->audio.negotiated.ssrc)
      bl_sound_on_heard (&s->sound, result.seq);
    else if (result.received && result.ssrc == s->video.negotiated.rtx_ssrc)
      bl_room_on_arrival (&s->room, result.seq, report.timestamp - before);
  }
}

static void
on_xr (BlSender *s, const BlRtcpPacket *packet, BlTime now)
{
  BlRtcpXr xr;
  if (!bl_rtcp_read_xr (packet, &xr) || !xr.has_rrtr)
    return;
  s->rrtr_seen = true;
  s->rrtr_ssrc = xr.ssrc;
  s->rrtr_middle = bl_ntp_middle (xr.rrtr);
  s->rrtr_at_us = now;
}

void
bl_sender_on_rtcp (BlSender *sender, unsigned path, const uint8_t *data,
                   size_t length, BlTime now, BlNtp wall)
{
  BlRtcpIter iter;
  BlRtcpPacket packet;
  if (bl_rtcp_open (&iter, data, length) != BL_RTCP_OK) {
    sender->sender_stats.bad_rtcp++;
    return;
  }
  bool bye = false;
  bl_flow_on_heard (sender->flow, path);
  while (bl_rtcp_next (&iter, &packet)) {
    switch (packet.kind) {
    case BL_RTCP_KIND_SR:
    case BL_RTCP_KIND_RR:
      on_report (sender, &packet, wall);
      break;
    case BL_RTCP_KIND_NACK:
      on_nack (sender, &packet, now);
      break;
    case BL_RTCP_KIND_PLI:
      on_pli (sender, &packet, now);
      break;
    case BL_RTCP_KIND_FIR:
      on_fir (sender, &packet, now);
      break;
    case BL_RTCP_KIND_TRANSPORT_CC:
      on_transport_cc (sender, &packet, now);
      break;
    case BL_RTCP_KIND_CCFB:
      on_ccfb (sender, path, &packet, now);
      break;
    case BL_RTCP_KIND_XR:
      on_xr (sender, &packet, now);
      break;
    case BL_RTCP_KIND_BYE:
      bye = true;
      break;
    case BL_RTCP_KIND_SDES:
    case BL_RTCP_KIND_REMB:
    case BL_RTCP_KIND_OTHER:
      break;
    }
  }
  /* Windows may have room now. */
  sender->window_full_until_us = now;
  bl_sender_on_deadline (sender, now, wall);
  if (bye)
    sender->callbacks->bye (sender->user_data);
}
