/* SPDX-License-Identifier: Apache-2.0
 *
 * The sending side of a session: access units and Opus packets become RTP
 * (RFC 6184, RFC 7587), are paced, kept for retransmission (RFC 4585, 4588) and
 * reported on (RFC 3550, RFC 3611). Sans I/O: time comes in, packets go out
 * through a callback, in clear; the caller protects and sends them.
 *
 * Shape of use: bl_sender_set_open() when the path is up; frames as they come;
 * received RTCP as it comes; bl_sender_on_deadline() when its time is reached.
 *
 * Invariants: an RTP packet is at most BL_SENDER_MAX_RTP_BYTES long; the
 * sequence numbers of a track are given in the order packets are queued, and
 * each leaves at most once under its own number; what waits for its turn is
 * never more than BL_SENDER_QUEUE packets: when a frame has no room it is
 * dropped whole, counted, and a keyframe asked for.
 *
 * All memory is taken by bl_sender_new(). One thread.
 *
 * Congestion control is to come in at bl_sender_on_rtcp(), where each
 * acknowledgement of transport-cc passes by, and out through
 * bl_sender_set_bitrate(); so far the rate is what the configuration says.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bltime.h"
#include "signal/negotiated.h"
#include "vehicle/pathplan.h"

#define BL_SENDER_MAX_RTP_BYTES 1200

/* Room behind a packet that the callback may use (an SRTP tag). */
#define BL_SENDER_TAIL_BYTES 64

/* Packets of video waiting for their turn, and kept for retransmission: two
 * powers of two. At 2.5 Mb/s 2048 packets are seven seconds. */
#define BL_SENDER_QUEUE   1024
#define BL_SENDER_HISTORY 2048

typedef struct BlSender BlSender;

typedef struct {
  /* `packet` may be changed in place up to `capacity`. Not kept. */
  void (*send) (uint8_t *packet, size_t length, size_t capacity,
                BlPacketUse use, void *user_data);
  /* The other end, or we, need a keyframe. Rate-limited. */
  void (*keyframe) (void *user_data);
  /* The other end says goodbye (RTCP BYE). */
  void (*bye) (void *user_data);
} BlSenderCallbacks;

typedef struct {
  uint64_t frames;         /* access units queued */
  uint64_t frames_dropped; /* no room, or the path was not open */
  uint64_t packets;        /* RTP, with retransmissions and sound */
  uint64_t bytes;          /* of RTP, with headers */
  uint64_t rtx_packets;
  uint64_t nacked;      /* packets asked for again */
  uint64_t nack_misses; /* of these, too old or never sent */
  uint64_t keyframe_requests;
  uint64_t bad_rtcp;
  uint64_t twcc_received; /* acknowledged by transport-cc */
  uint64_t twcc_lost;
  int64_t rtt_us;         /* 0: not known yet */
  uint32_t fraction_lost; /* of 256; video's last report */
  uint32_t jitter_us;     /* video's last report */
  uint32_t queued;        /* packets waiting now */
} BlSenderStats;

/* Borrows `callbacks`; copies the rest. `ours` are the tracks we send; SSRCs
 * as offered. `seed` is random: first sequence numbers and timestamps are made
 * from it. NULL if there is no memory. */
BlSender *bl_sender_new (const BlNegotiated *negotiated, const char *cname,
                         uint64_t bitrate_bps, uint64_t seed,
                         const BlSenderCallbacks *callbacks, void *user_data);

/* Accepts NULL. Sends nothing; bl_sender_send_bye() does. */
void bl_sender_free (BlSender *sender);

/* Is there a path? While there is none, frames are dropped, not kept. On
 * opening a keyframe is asked for, and video starts with it. */
void bl_sender_set_open (BlSender *sender, bool open, BlTime now);

/* Of video; sets the pacer. */
void bl_sender_set_bitrate (BlSender *sender, uint64_t bitrate_bps);

/* An access unit in Annex B; borrowed. `wall` is now on the wall clock. */
void bl_sender_video (BlSender *sender, const uint8_t *data, size_t length,
                      bool keyframe, BlTime captured_us, BlNtp captured_ntp,
                      BlTime now, BlNtp wall);

/* One Opus packet of 20 ms; borrowed. It is not paced. */
void bl_sender_audio (BlSender *sender, const uint8_t *data, size_t length,
                      BlTime captured_us, BlNtp captured_ntp, BlTime now,
                      BlNtp wall);

/* A compound from the network, already authenticated. */
void bl_sender_on_rtcp (BlSender *sender, const uint8_t *data, size_t length,
                        BlTime now, BlNtp wall);

/* When bl_sender_on_deadline() is due; BL_TIME_NEVER while not open. */
BlTime bl_sender_deadline (const BlSender *sender);

/* Sends what is due: paced packets and reports. */
void bl_sender_on_deadline (BlSender *sender, BlTime now, BlNtp wall);

/* RTCP BYE for all our streams, at once. */
void bl_sender_send_bye (BlSender *sender, BlTime now, BlNtp wall);

BlSenderStats bl_sender_stats (const BlSender *sender);
