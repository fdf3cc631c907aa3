/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: a sender in a world of its own. Time goes by when told to; what
 * the sender gives to its callbacks is kept; and, if asked for, the other end
 * reports each 10 ms what arrived, which is all, at once.
 */
#pragma once

#include "rtc/ccfb.h"
#include "rtc/rtp.h"
#include "vehicle/sender.h"

#define VIDEO_SSRC    0x1111
#define RTX_SSRC      0x2222
#define AUDIO_SSRC    0x3333
#define RELAY_SSRC    0x9999
#define BITRATE       UINT64_C (2000000)
#define SOUND_BITRATE 32000
#define SOUND_BYTES   80
#define START         (1000 * BL_SECOND)
#define MAX_SENT      8192

typedef struct {
  uint8_t data[1400];
  size_t length;
  bool rtcp;
  unsigned paths;
  BlTime at_us;
} SenderWorldPacket;

typedef struct {
  SenderWorldPacket sent[MAX_SENT];
  unsigned n_sent, n_keyframes, n_byes, n_lost;
  uint64_t n_frames; /* the number of the next */
  uint8_t n_sounds;  /* likewise */
  uint64_t lost;     /* from this one on, as the encoder was told last */
  bool recovers;     /* the next frames do */
  BlTime now_us;
  uint64_t rate_bps;     /* the last the encoder was told */
  BlSoundSettings sound; /* likewise */
  bool acknowledged;     /* the other end reports what arrives, as all does */
  unsigned loses_every;  /* packet; 0: none */
  BlCcfbReceiver arrivals;
  uint8_t access_unit[400000]; /* the last made */
} SenderWorld;

extern SenderWorld sender_world;
extern const BlNegotiated sender_world_negotiated;

/* The wall clock's reading at `now`. */
BlNtp sender_world_wall (BlTime now);

/* Begins anew at START, with one path, open. The caller frees the sender. */
BlSender *sender_world_open (void);
BlSender *sender_world_open_acknowledged (void);

/* SPS, PPS and one IDR of `bytes`; or one slice. Returns its length. */
size_t sender_world_make_access_unit (bool keyframe, size_t bytes);
void sender_world_send_frame (BlSender *s, bool keyframe, size_t bytes,
                              BlTime captured);

/* A piece of picture `number`, taken now: one slice, or all of
 * sender_world_make_access_unit() if it is the first of a keyframe. */
void sender_world_send_piece (BlSender *s, uint64_t number, unsigned piece,
                              bool more, bool keyframe, size_t bytes);

/* 20 ms of sound, each other bytes. */
void sender_world_send_sound (BlSender *s, BlTime captured);

/* What was written comes from the other end. */
void sender_world_receive_rtcp (BlSender *s, const BlWriter *w);
void sender_world_receive_nack (BlSender *s, uint32_t ssrc,
                                const uint16_t *seqs, size_t n);
void sender_world_receive_pli (BlSender *s);

/* Lets time go by, as the main loop would. */
void sender_world_run_until (BlSender *s, BlTime until);
void sender_world_run_for (BlSender *s, BlTime us);

/* The next packet of `ssrc` from number *index on. */
bool sender_world_next_rtp (unsigned *index, uint32_t ssrc, BlRtp *out_rtp);
