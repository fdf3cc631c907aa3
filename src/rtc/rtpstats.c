/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/rtpstats.h"

#include "base/blassert.h"
#include "rtc/seq.h"

#define MAX_LOST         0x7fffff /* 24 bits with sign */
#define MIN_LOST         (-0x800000)
#define SANE_RTT_UNITS   (30 * 65536)
#define CLOCK_SLIP_UNITS (65536 / 20) /* 50 ms */

void
bl_rtp_receiver_stats_init (BlRtpReceiverStats *s, uint32_t clock_rate_hz)
{
  bl_assert (clock_rate_hz > 0);
  *s = (BlRtpReceiverStats){ .clock_rate_hz = clock_rate_hz };
}

/* RFC 3550 appendix A.8. */
static void
update_jitter (BlRtpReceiverStats *s, uint32_t timestamp, BlTime arrival_us)
{
  int64_t arrival = arrival_us / BL_SECOND * s->clock_rate_hz
                    + arrival_us % BL_SECOND * s->clock_rate_hz / BL_SECOND;
  uint32_t transit = (uint32_t)arrival - timestamp;
  uint32_t d = transit - s->transit;
  if (d & 0x80000000)
    d = -d;
  if (s->has_transit)
    s->jitter_q4 += d - ((s->jitter_q4 + 8) >> 4);
  s->has_transit = true;
  s->transit = transit;
}

void
bl_rtp_receiver_stats_on_packet (BlRtpReceiverStats *s, uint64_t extended_seq,
                                 uint32_t timestamp, BlTime arrival_us)
{
  if (!s->started) {
    s->started = true;
    s->base_seq = s->highest_seq = extended_seq;
  }
  if (extended_seq > s->highest_seq)
    s->highest_seq = extended_seq;
  s->received++;
  update_jitter (s, timestamp, arrival_us);
}

void
bl_rtp_receiver_stats_on_sr (BlRtpReceiverStats *s, BlNtp ntp,
                             BlTime arrival_us)
{
  s->has_sr = true;
  s->sr_ntp_middle = bl_ntp_middle (ntp);
  s->sr_arrival_us = arrival_us;
}

static uint64_t
expected (const BlRtpReceiverStats *s)
{
  return s->started ? s->highest_seq - s->base_seq + 1 : 0;
}

int64_t
bl_rtp_receiver_stats_lost (const BlRtpReceiverStats *s)
{
  return (int64_t)(expected (s) - s->received);
}

/* Of 256, since the last report (RFC 3550 appendix A.3). */
static uint8_t
fraction_lost (BlRtpReceiverStats *s)
{
  int64_t want = (int64_t)(expected (s) - s->expected_prior);
  int64_t lost = want - (int64_t)(s->received - s->received_prior);
  s->expected_prior = expected (s);
  s->received_prior = s->received;
  if (want <= 0 || lost <= 0)
    return 0;
  int64_t fraction = lost * 256 / want;
  return (uint8_t)(fraction < 255 ? fraction : 255);
}

bool
bl_rtp_receiver_stats_report (BlRtpReceiverStats *s, uint32_t ssrc, BlTime now,
                              BlRtcpReportBlock *out_block)
{
  if (!s->started)
    return false;
  int64_t lost = bl_rtp_receiver_stats_lost (s);
  if (lost > MAX_LOST)
    lost = MAX_LOST;
  if (lost < MIN_LOST)
    lost = MIN_LOST;
  *out_block = (BlRtcpReportBlock){
    .ssrc = ssrc,
    .fraction_lost = fraction_lost (s),
    .cumulative_lost = (int32_t)lost,
    .highest_seq = (uint32_t)(s->highest_seq - BL_SEQ_CYCLE),
    .jitter = s->jitter_q4 >> 4,
  };
  if (s->has_sr) {
    out_block->lsr = s->sr_ntp_middle;
    out_block->dlsr = (uint32_t)((now - s->sr_arrival_us) * 65536 / BL_SECOND);
  }
  return true;
}

void
bl_rtp_sender_stats_init (BlRtpSenderStats *s, uint32_t clock_rate_hz)
{
  *s = (BlRtpSenderStats){ 0 };
  bl_clock_map_init (&s->clock, clock_rate_hz);
}

void
bl_rtp_sender_stats_on_sent (BlRtpSenderStats *s, uint32_t payload_bytes)
{
  s->packets++;
  s->octets += payload_bytes;
}

void
bl_rtp_sender_stats_set_clock (BlRtpSenderStats *s, uint32_t timestamp,
                               BlNtp ntp)
{
  bl_clock_map_on_capture (&s->clock, timestamp, ntp);
}

bool
bl_rtp_sender_stats_info (const BlRtpSenderStats *s, BlNtp now,
                          BlRtcpSenderInfo *out_info)
{
  BlRtcpSenderInfo info
      = { .ntp = now, .packets = s->packets, .octets = s->octets };
  if (s->packets == 0
      || bl_clock_map_timestamp (&s->clock, now, &info.rtp_timestamp)
             == BL_CLOCK_MAP_NONE)
    return false;
  *out_info = info;
  return true;
}

bool
bl_rtcp_round_trip_us (uint32_t last, uint32_t delay, BlNtp now,
                       int64_t *out_rtt_us)
{
  int32_t units = (int32_t)(bl_ntp_middle (now) - last - delay);
  if (last == 0 || units < -CLOCK_SLIP_UNITS || units > SANE_RTT_UNITS)
    return false;
  /* Below zero by a little: rounding, or a wall clock that was set back. */
  *out_rtt_us = units > 0 ? (int64_t)units * BL_SECOND / 65536 : 0;
  return true;
}
