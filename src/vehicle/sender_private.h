/* SPDX-License-Identifier: Apache-2.0
 *
 * What sender.c (frames and deadlines), sender_packet.c (single packets) and
 * sender_rtcp.c (reports and feedback) share.
 */
#pragma once

#include "rtc/history.h"
#include "rtc/rtpstats.h"
#include "rtc/rtx.h"
#include "rtc/twcc.h"
#include "vehicle/pacer.h"
#include "vehicle/room.h"
#include "vehicle/sender.h"
#include "vehicle/sendqueue.h"

/* Retransmissions waiting for their turn; a power of two. */
#define BL_SENDER_RTX_QUEUE 256

/* With more loss than this a retransmission is sent again so much later: its
 * loss would cost a round trip more, and losses come in bursts. */
#define BL_SENDER_RTX_TWICE_PERCENT 3
#define BL_SENDER_RTX_AGAIN_US      (15 * BL_MS)

typedef struct {
  uint64_t seq;
  BlTime due_us;
} BlRtxOrder;

typedef struct {
  BlRtxOrder orders[BL_SENDER_RTX_QUEUE]; /* in the order they are due */
  uint32_t head, count;
} BlRtxQueue;

#define BL_SENDER_REPORT_US       BL_SECOND
#define BL_SENDER_FIRST_REPORT_US (100 * BL_MS)
#define BL_SENDER_KEYFRAME_US     (500 * BL_MS)
#define BL_SENDER_RECOVERY_US     (500 * BL_MS)

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
  BlSound sound;

  BlPacketPool *pool;
  BlSendQueue queue; /* of video */
  BlHistory history; /* of video that has left */
  bool await_keyframe;
  bool await_recovery; /* or a keyframe */
  BlTime recovery_asked_us;
  bool mid_picture; /* more of the last packet's picture is to leave */
  bool unfinished;  /* more of the last picture queued is to come: */
  uint64_t picture; /* its number */
  unsigned next_piece;
  BlTime frame_us; /* of the last one queued */
  BlPacer pacer;
  BlFlow *flow;
  bool per_path_reports;       /* RFC 8888; else transport-cc */
  BlTime window_full_until_us; /* no path has room: not looked at again before,
                                  unless something comes back */
  uint64_t max_video_bps;
  uint64_t rate_told_bps;
  BlTime rate_told_us;

  /* Repair takes its share of the rate before the encoder does. */
  int32_t repair_share;
  BlTime repair_weighed_us;
  uint64_t video_bytes, repair_bytes; /* of payload, since */

  uint64_t rtx_next_seq;
  BlRtxQueue rtx;       /* asked for */
  BlRtxQueue rtx_again; /* for the second time */

  BlRoom room; /* for pictures */

  BlTwccSender twcc;
  uint64_t twcc_before; /* its number before the flow's first packet */
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

  /* Forward error correction (rtc/fec.h). */
  uint64_t fec_next_seq;
  uint64_t fec_first;       /* no window reaches further back: a hole */
  uint32_t picture_packets; /* that have left of the present picture */
  uint32_t fec_due;         /* repair packets to send now */

  BlSenderStats sender_stats;
};

/* Passes one request on, or remembers it until it may be passed on. */
void bl_sender_want_keyframe (BlSender *s, BlTime now);

/* Puts a packet of video into the queue of retransmissions, once. */
void bl_sender_queue_rtx (BlSender *s, uint16_t seq, BlTime now);

/* Tells the encoder's rate if it has changed. */
void bl_sender_tell_rate (BlSender *s, BlTime now);

/* A repair packet reaches back so far, but not over more packets than
 * BL_FEC_WINDOW_MOST. */
#define BL_SENDER_FEC_US (120 * BL_MS)

/* What a packet of a payload comes to, about. */
#define BL_SENDER_HEADER_BYTES (BL_RTP_HEADER_BYTES + 28)

#define BL_SENDER_MAX_PAYLOAD                                                  \
  (BL_SENDER_MAX_RTP_BYTES - BL_SENDER_HEADER_BYTES - BL_RTX_OSN_BYTES)

/* One packet each, which leaves by `paths`. */
void bl_sender_send_payload (BlSender *s, const BlQueuedPayload *payload,
                             uint64_t seq, unsigned paths, BlTime now,
                             BlNtp wall);
void bl_sender_send_rtx (BlSender *s, const BlHistoryEntry *entry,
                         unsigned paths, BlTime now, BlNtp wall);
/* Covers the packets from number `first` on. */
void bl_sender_send_fec (BlSender *s, uint64_t first, unsigned paths,
                         BlTime now, BlNtp wall);
/* An empty one, to find out whether there is room. */
void bl_sender_send_probe (BlSender *s, unsigned paths, BlTime now, BlNtp wall);

/* The newest frame of sound, and what goes with it. */
void bl_sender_send_sound (BlSender *s, uint64_t seq, uint32_t timestamp,
                           bool first, BlNtp captured_ntp, BlTime now,
                           BlNtp wall);
void bl_sender_send_rtcp (BlSender *s, uint8_t *compound, size_t length,
                          size_t capacity, BlTime now);

void bl_sender_send_report (BlSender *s, BlTime now, BlNtp wall);
