/* SPDX-License-Identifier: Apache-2.0
 *
 * The sending side of a session: access units and Opus packets become RTP
 * (RFC 6184, RFC 7587, and RFC 2198 by vehicle/sound.h), are paced, kept for
 * retransmission (RFC 4585, 4588) and reported on (RFC 3550, RFC 3611). Sans
 * I/O: time comes in, packets go out through a callback, in clear; the caller
 * protects and sends them.
 *
 * Shape of use: bl_sender_set_open() when there is a path, and each path that
 * comes or goes; bl_sender_may_encode() before each picture; frames as they
 * come; received RTCP as it comes; bl_sender_on_deadline() when its time is
 * reached.
 *
 * How much leaves, and by which paths, is vehicle/flow's to say: the encoder's
 * rate comes out of the callback `rate`, the frame gate (rtc/framegate.h) out
 * of bl_sender_may_encode().
 *
 * Invariants: an RTP packet is at most BL_SENDER_MAX_RTP_BYTES long; the
 * sequence numbers of a track are given in the order packets leave, each once,
 * and none is left out but where the rest of a picture was dropped;
 * what waits for its turn is never more than BL_SENDQUEUE_PACKETS, nor older
 * than BL_FRAMEGATE_LATE_US for long: whole pictures are dropped and counted,
 * and the encoder is told which; the rest of one that has begun to leave
 * follows, unless it is older than BL_SENDER_REST_US: then a keyframe is asked
 * for. Sound is never held back, but for 20 ms where the path is narrow.
 *
 * All memory is taken by bl_sender_new(). One thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bltime.h"
#include "signal/negotiated.h"
#include "vehicle/flow.h"
#include "vehicle/sound.h"

#define BL_SENDER_MAX_RTP_BYTES 1200

/* Room behind a packet that the callback may use (an SRTP tag). */
#define BL_SENDER_TAIL_BYTES 64

/* Packets of video kept for retransmission; a power of two. At 2.5 Mb/s these
 * are seven seconds. */
#define BL_SENDER_HISTORY 2048

/* The rest of a picture is worth being sent for so long: without it nothing is
 * shown before a keyframe. */
#define BL_SENDER_REST_US (400 * BL_MS)

typedef struct BlSender BlSender;

typedef struct {
  /* To be sent by each of `paths` (bits). `packet` may be changed in place up
   * to `capacity`. Not kept. */
  void (*send) (uint8_t *packet, size_t length, size_t capacity, unsigned paths,
                bool rtcp, void *user_data);
  /* What the encoder may make from now on, in all: 0 when there is only room
   * for sound. */
  void (*rate) (uint64_t video_bps, void *user_data);
  /* What the sound's encoder is asked for from now on. */
  void (*sound) (const BlSoundSettings *settings, void *user_data);
  /* Pictures from this one on were dropped before any of them began to leave:
   * what the encoder makes next may refer to none of them. */
  void (*lost) (uint64_t picture, void *user_data);
  /* The other end, or we, need a keyframe. Rate-limited. */
  void (*keyframe) (void *user_data);
  /* The other end says goodbye (RTCP BYE). */
  void (*bye) (void *user_data);
} BlSenderCallbacks;

typedef struct {
  uint64_t frames;         /* access units queued */
  uint64_t frames_dropped; /* no room, or the path was not open */
  uint64_t late_drops;     /* times that what waited too long was dropped */
  uint64_t padding_packets;
  uint64_t packets; /* RTP, with retransmissions and sound */
  uint64_t bytes;   /* of RTP, with headers */
  uint64_t rtx_packets;
  uint64_t fec_packets;     /* of forward error correction */
  uint64_t nacked;          /* packets asked for again */
  uint64_t nack_misses;     /* of these, too old or never sent */
  uint64_t sound_again;     /* frames of sound that were carried again */
  uint64_t sound_kept_back; /* packets, in an outage or without any path */
  uint64_t keyframe_requests;
  uint64_t bad_rtcp;
  uint64_t twcc_received; /* acknowledged by transport-cc */
  uint64_t twcc_lost;
  int64_t rtt_us;         /* 0: not known yet */
  uint32_t fraction_lost; /* of 256; video's last report */
  uint32_t jitter_us;     /* video's last report */
  uint32_t queued;        /* packets waiting now */
  uint64_t target_bps;    /* what all that leaves may come to */
} BlSenderStats;

typedef struct {
  const char *cname;
  uint64_t seed;          /* random: first numbers and timestamps */
  uint64_t max_video_bps; /* what the encoder is asked for at most */
  uint32_t sound_bps;     /* likewise, of sound */
  BlPathMode path_mode;
} BlSenderOptions;

/* Borrows `callbacks`; copies the rest. NULL if there is no memory. */
BlSender *bl_sender_new (const BlNegotiated *negotiated,
                         const BlSenderOptions *options,
                         const BlSenderCallbacks *callbacks, void *user_data);

/* Accepts NULL. Sends nothing; bl_sender_send_bye() does. */
void bl_sender_free (BlSender *sender);

/* Is there a path? While there is none, frames are dropped, not kept. On
 * opening a keyframe is asked for, and video starts with it. */
void bl_sender_set_open (BlSender *sender, bool open, BlTime now);

/* A path has come, or works anew; or it is gone. */
void bl_sender_add_path (BlSender *sender, unsigned path);
void bl_sender_remove_path (BlSender *sender, unsigned path, BlTime now);

/* The gate before the encoder: would a picture that is encoded now leave at
 * once? What has waited for too long is dropped here. Call it about every 5 ms
 * and pass the answer on. */
bool bl_sender_may_encode (BlSender *sender, BlTime now);

/* An access unit in Annex B, or a piece of one: whole NAL units. All pieces say
 * the same of their picture. */
typedef struct {
  const uint8_t *data;
  size_t length;
  uint64_t number; /* for the callback `lost` */
  unsigned piece;  /* 0 is the first */
  bool more;       /* of the same one follow */
  bool keyframe;
  bool recovers; /* it refers to nothing that `lost` has told of */
  BlTime captured_us;
  BlNtp captured_ntp;
} BlSenderPicture;

/* Borrowed. `wall` is now on the wall clock. Pieces come in order, as soon as
 * they are there, and leave likewise; a picture that misses one is lost. */
void bl_sender_video (BlSender *sender, const BlSenderPicture *picture,
                      BlTime now, BlNtp wall);

/* One Opus packet of 20 ms; borrowed. It is not paced. */
void bl_sender_audio (BlSender *sender, const uint8_t *data, size_t length,
                      BlTime captured_us, BlNtp captured_ntp, BlTime now,
                      BlNtp wall);

/* A compound that came over `path`, already authenticated. */
void bl_sender_on_rtcp (BlSender *sender, unsigned path, const uint8_t *data,
                        size_t length, BlTime now, BlNtp wall);

/* When bl_sender_on_deadline() is due; BL_TIME_NEVER while not open. */
BlTime bl_sender_deadline (const BlSender *sender);

/* Sends what is due: paced packets and reports. */
void bl_sender_on_deadline (BlSender *sender, BlTime now, BlNtp wall);

/* RTCP BYE for all our streams, at once. */
void bl_sender_send_bye (BlSender *sender, BlTime now, BlNtp wall);

BlSenderStats bl_sender_stats (const BlSender *sender);

/* What is known of a path. */
BlFlowPath bl_sender_path (const BlSender *sender, unsigned path, BlTime now);

/* As bl_flow_may_mark(). */
bool bl_sender_may_mark (const BlSender *sender, unsigned path);
