/* SPDX-License-Identifier: Apache-2.0
 *
 * What RTCP reports about one stream: losses and jitter of what we receive
 * (RFC 3550 sections 6.4.1, A.3, A.8), totals of what we send, round trips.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bltime.h"
#include "rtc/clockmap.h"
#include "rtc/rtcp.h"

/* Receiving one SSRC. */
typedef struct {
  uint32_t clock_rate_hz;
  bool started;
  uint64_t base_seq, highest_seq; /* extended */
  uint64_t received;              /* packets, doubles too */
  uint64_t expected_prior, received_prior;
  bool has_transit;
  uint32_t transit;
  uint32_t jitter_q4; /* 16 times the jitter, timestamp units */
  bool has_sr;
  uint32_t sr_ntp_middle;
  BlTime sr_arrival_us;
} BlRtpReceiverStats;

void bl_rtp_receiver_stats_init (BlRtpReceiverStats *s, uint32_t clock_rate_hz);

/* A packet with its extended number (of a BlSeqUnwrapper). Leave out what came
 * as RTX: that is another stream. */
void bl_rtp_receiver_stats_on_packet (BlRtpReceiverStats *s,
                                      uint64_t extended_seq, uint32_t timestamp,
                                      BlTime arrival_us);
void bl_rtp_receiver_stats_on_sr (BlRtpReceiverStats *s, BlNtp ntp,
                                  BlTime arrival_us);

/* Packets lost so far; negative when doubles came. */
int64_t bl_rtp_receiver_stats_lost (const BlRtpReceiverStats *s);

/* The report block about `ssrc`, and the start of the next interval. False,
 * with nothing changed, before the first packet. */
bool bl_rtp_receiver_stats_report (BlRtpReceiverStats *s, uint32_t ssrc,
                                   BlTime now, BlRtcpReportBlock *out_block);

/* Sending one SSRC. */
typedef struct {
  uint32_t packets, octets; /* wrap, as in the report */
  BlClockMap clock;
} BlRtpSenderStats;

void bl_rtp_sender_stats_init (BlRtpSenderStats *s, uint32_t clock_rate_hz);
void bl_rtp_sender_stats_on_sent (BlRtpSenderStats *s, uint32_t payload_bytes);

/* `timestamp` was captured at `ntp`: keep it fresh (each frame), so that the
 * report needs to extrapolate little. */
void bl_rtp_sender_stats_set_clock (BlRtpSenderStats *s, uint32_t timestamp,
                                    BlNtp ntp);

/* The sender's part of an SR that leaves at `now`. False before something was
 * sent and the clock was set. */
bool bl_rtp_sender_stats_info (const BlRtpSenderStats *s, BlNtp now,
                               BlRtcpSenderInfo *out_info);

/* The round trip from a report block (lsr, dlsr) or a DLRR entry (lrr, dlrr)
 * that arrived at `now` on the clock of our reports. False if the other side
 * had nothing to answer, or the figure makes no sense (over 30 s). */
bool bl_rtcp_round_trip_us (uint32_t last, uint32_t delay, BlNtp now,
                            int64_t *out_rtt_us);
