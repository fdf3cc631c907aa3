/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_private.h"

#include "base/blassert.h"
#include "rtc/framegate.h"

#define LEAST_FRAME_BYTES 200
#define LEAST_PADDING     200
#define MOST_RESULTS      2048

void
sim_sender_start (Sim *s)
{
  const BlScreamConfig config = {
    .min_bps = 100000,
    .start_bps = s->o.start_bps,
    .max_bps = s->o.cap_bps,
    .mss_bytes = SIM_PACKET_BYTES,
    .l4s = s->o.l4s,
  };
  bl_scream_init (&s->scream, &config);
  bl_pacer_init (&s->pacer, bl_scream_pacing_bps (&s->scream, 0));
  bl_ccfb_sender_init (&s->ccfb_sender);
  bl_twcc_sender_init (&s->twcc_sender);
}

static void
transmit (Sim *s, const SimPacket *packet, BlTime now)
{
  SimTravelling t = { .packet = *packet, .seq = s->seqs[packet->ssrc]++ };
  bool marked;
  uint64_t path_seq = ++s->path_seq;
  bl_scream_on_sent (&s->scream, path_seq, packet->bytes, now);
  bl_ccfb_sender_on_sent (&s->ccfb_sender, packet->ssrc, t.seq, path_seq);
  t.transport_seq
      = bl_twcc_sender_on_sent (&s->twcc_sender, packet->bytes, now);
  s->packets++;
  if (!sim_link_put (&s->link, packet->bytes, now, &t.arrival_us, &marked)) {
    s->lost++;
    return;
  }
  bl_assert (s->travelling_tail - s->travelling_head < SIM_TRAVELLING);
  t.ecn = marked ? BL_ECN_CE : s->o.l4s ? BL_ECN_ECT1 : BL_ECN_ECT0;
  s->travelling[s->travelling_tail++ % SIM_TRAVELLING] = t;
}

/* Frames of three quarters to five quarters of the mean. */
static uint32_t
frame_size (Sim *s)
{
  uint64_t bps = bl_ladder_video_bps (bl_scream_target_bps (&s->scream), true);
  uint64_t bytes = bps / 8 / SIM_FPS * s->o.encoder_percent / 100;
  bytes = bytes * (75 + sim_random_below (&s->random, 51)) / 100;
  if (s->recovery)
    bytes = bytes * s->o.recovery_percent / 100;
  return bytes < LEAST_FRAME_BYTES ? LEAST_FRAME_BYTES : (uint32_t)bytes;
}

static void
encode (Sim *s, BlTime taken, BlTime now)
{
  bl_assert (s->n_frames < SIM_FRAMES);
  uint32_t left = frame_size (s), frame = s->n_frames++;
  s->frames[frame] = (SimFrame){ .captured_us = taken };
  s->recovery = false;
  while (left > 0) {
    uint32_t bytes = left < SIM_PACKET_BYTES ? left : SIM_PACKET_BYTES;
    bl_assert (s->waiting_tail - s->waiting_head < SIM_WAITING);
    s->waiting[s->waiting_tail++ % SIM_WAITING]
        = (SimPacket){ SIM_VIDEO_SSRC, frame, bytes, now };
    s->waiting_bytes += bytes;
    s->frames[frame].packets++;
    left -= bytes;
  }
}

static const SimPacket *
first_waiting (const Sim *s)
{
  return s->waiting_head == s->waiting_tail
             ? NULL
             : &s->waiting[s->waiting_head % SIM_WAITING];
}

/* Of a camera's picture, taken `taken`: is it to be encoded? It waits at the
 * gate for a while, as vehicle/capture has it. */
static void
on_picture (Sim *s, BlTime taken, BlTime now)
{
  const SimPacket *oldest = first_waiting (s);
  BlFrameGateState state = {
    .queued_bytes = s->waiting_bytes,
    .oldest_us = oldest ? oldest->queued_us : 0,
    .target_bps = bl_scream_target_bps (&s->scream),
    .blocked
    = bl_scream_is_stalled (&s->scream, now) || bl_scream_is_full (&s->scream),
  };
  BlFrameGateVerdict verdict = bl_framegate_ask (&state, now);
  if (verdict == BL_FRAMEGATE_DROP) {
    s->waiting_head = s->waiting_tail;
    s->waiting_bytes = 0;
    s->recovery = true;
    s->dropped++;
    state.queued_bytes = 0;
    verdict = bl_framegate_ask (&state, now);
  }
  bool open = verdict == BL_FRAMEGATE_OPEN;
  s->at_gate_us = open ? 0 : taken;
  s->next_look_us = now + BL_FRAMEGATE_ASK_US;
  if (open)
    encode (s, taken, now);
}

static bool
pacer_is_due (const Sim *s, BlTime now)
{
  return s->pacer.free_at_us - s->o.burst_us <= now;
}

static void
send_video (Sim *s, BlTime now)
{
  const SimPacket *packet;
  s->pacer.rate_bps = bl_scream_pacing_bps (&s->scream, now);
  while ((packet = first_waiting (s)) && pacer_is_due (s, now)
         && bl_scream_may_send (&s->scream, packet->bytes, now)) {
    s->waiting_head++;
    s->waiting_bytes -= packet->bytes;
    bl_pacer_on_sent (&s->pacer, packet->bytes, now);
    transmit (s, packet, now);
  }
}

static void
send_padding (Sim *s, BlTime now)
{
  while (!first_waiting (s) && pacer_is_due (s, now)) {
    uint32_t bytes = bl_scream_padding_bytes (&s->scream, now);
    bytes = bytes < SIM_PACKET_BYTES ? bytes : SIM_PACKET_BYTES;
    if (bytes < LEAST_PADDING || !bl_scream_may_send (&s->scream, bytes, now))
      return;
    SimPacket packet = { .ssrc = SIM_PADDING_SSRC, .bytes = bytes };
    s->padding_bytes += bytes;
    bl_pacer_on_sent (&s->pacer, bytes, now);
    transmit (s, &packet, now);
  }
}

static size_t
read_ccfb (Sim *s, const BlRtcpPacket *packet, BlPacketResult *results)
{
  BlCcfbReport report;
  size_t n = 0;
  bl_assert (bl_ccfb_parse (packet, &report) == BL_CCFB_OK);
  while (n < MOST_RESULTS
         && bl_ccfb_sender_next (&s->ccfb_sender, &report, &results[n]))
    n++;
  return n;
}

static size_t
read_twcc (Sim *s, const BlRtcpPacket *packet, BlPacketResult *results)
{
  BlRtcpFeedback common;
  BlTwccFeedback feedback;
  BlTwccAck ack;
  size_t n = 0;
  bl_assert (bl_rtcp_read_feedback (packet, &common));
  bl_assert (bl_twcc_parse (common.fci, common.fci_length, &feedback)
             == BL_TWCC_OK);
  while (n < MOST_RESULTS
         && bl_twcc_sender_next_ack (&s->twcc_sender, &feedback, &ack))
    results[n++] = (BlPacketResult){ .seq = ack.seq - BL_SEQ_CYCLE + 1,
                                     .received = ack.received,
                                     .arrival_us = ack.received_us };
  return n;
}

static void
on_report (Sim *s, const SimReport *report, BlTime now)
{
  BlPacketResult results[MOST_RESULTS];
  BlRtcpIter iter;
  BlRtcpPacket packet;
  bl_assert (bl_rtcp_open (&iter, report->bytes, report->length) == BL_RTCP_OK);
  while (bl_rtcp_next (&iter, &packet)) {
    size_t n = packet.kind == BL_RTCP_KIND_CCFB
                   ? read_ccfb (s, &packet, results)
                   : read_twcc (s, &packet, results);
    bl_scream_on_feedback (&s->scream, results, n, now);
  }
}

void
sim_sender_step (Sim *s, BlTime now)
{
  while (s->reports_head != s->reports_tail
         && s->reports[s->reports_head % SIM_REPORTS].at_us <= now)
    on_report (s, &s->reports[s->reports_head++ % SIM_REPORTS], now);
  if (now >= s->next_audio_us) {
    const SimPacket packet
        = { .ssrc = SIM_AUDIO_SSRC, .bytes = SIM_AUDIO_BYTES };
    s->next_audio_us += 20 * BL_MS;
    if (!bl_scream_sound_waits (&s->scream, now))
      transmit (s, &packet, now);
  }
  if (now >= s->next_frame_us) {
    s->next_frame_us += BL_SECOND / SIM_FPS;
    s->skipped += s->at_gate_us > 0;
    on_picture (s, now, now);
  } else if (s->at_gate_us > 0 && now >= s->next_look_us
             && now - s->at_gate_us <= BL_FRAMEGATE_PATIENCE_US) {
    on_picture (s, s->at_gate_us, now);
  }
  send_video (s, now);
  if (s->o.padding)
    send_padding (s, now);
}
