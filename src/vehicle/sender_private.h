/* SPDX-License-Identifier: Apache-2.0
 *
 * What sender.c (packets) and sender_rtcp.c (reports and feedback) share.
 */
#pragma once

#include "rtc/history.h"
#include "rtc/rtpstats.h"
#include "rtc/twcc.h"
#include "vehicle/pacer.h"
#include "vehicle/sender.h"

/* Retransmissions waiting for their turn; a power of two. */
#define BL_SENDER_RTX_QUEUE 256

#define BL_SENDER_REPORT_US       BL_SECOND
#define BL_SENDER_FIRST_REPORT_US (100 * BL_MS)
#define BL_SENDER_KEYFRAME_US     (500 * BL_MS)

typedef struct {
  BlNegotiatedTrack negotiated;
  uint64_t next_seq; /* extended */
  uint32_t timestamp_offset;
  uint32_t last_timestamp;
  bool started;
  BlRtpSenderStats stats;
} BlSenderTrack;

struct BlSender {
  const BlSenderCallbacks *callbacks;
  void *user_data;
  char cname[BL_SDP_CNAME_SIZE];
  bool open;

  BlSenderTrack video;
  BlSenderTrack audio;

  /* Video's payloads, sent and waiting: the queue is the part of the history
   * from next_to_send on. */
  BlPacketPool *pool;
  BlHistory history;
  uint64_t next_to_send;
  bool await_keyframe;
  BlPacer pacer;

  uint64_t rtx_next_seq;
  uint64_t rtx_queue[BL_SENDER_RTX_QUEUE];
  uint32_t rtx_head, rtx_count;

  BlTwccSender twcc;
  BlTime next_report_us;
  BlTime keyframe_after_us; /* none is asked for before this */
  bool keyframe_pending;
  bool fir_seen;
  uint8_t fir_seq_nr;

  /* The other end's last RRTR, to be answered with the next report. */
  bool rrtr_seen;
  uint32_t rrtr_ssrc;
  uint32_t rrtr_middle;
  BlTime rrtr_at_us;

  BlSenderStats sender_stats;
};

/* Passes one request on, or remembers it until it may be passed on. */
void bl_sender_want_keyframe (BlSender *s, BlTime now);

/* Puts a packet of video into the queue of retransmissions, once. */
void bl_sender_queue_rtx (BlSender *s, uint16_t seq);

void bl_sender_send_report (BlSender *s, BlTime now, BlNtp wall);
