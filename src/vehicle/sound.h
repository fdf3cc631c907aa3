/* SPDX-License-Identifier: Apache-2.0
 *
 * Sound on its way out: what each packet carries besides its own frame, and
 * what the encoder is asked for. Sans I/O; one thread.
 *
 * Where the other end takes redundancy (RFC 2198), a packet carries earlier
 * frames again
 *   - while sound gets lost: those one and two distances back, where a distance
 *     is as long as losses last, so that one loss seldom takes both;
 *   - when they are asked for (NACK): there is no RTX for sound, as a packet
 *     for a frame of 80 bytes is a waste, and the next one is never far;
 *   - on a narrow path: each second frame travels with the one after it, since
 *     50 headers a second are more than the sound in them.
 * On a clean path that is not narrow a packet is its frame and nothing else.
 *
 * Loss is judged by what reports say of each packet, whichever path it took; a
 * frame that came by either of two was not lost. What an outage swallows does
 * not count: no redundancy would have helped.
 *
 * Frames are of 20 ms, numbered as their packets are.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bltime.h"
#include "base/writer.h"
#include "rtc/red.h"

#define BL_SOUND_FRAME_TICKS 960

/* How far back a packet may reach, in frames. */
#define BL_SOUND_BACK_MOST (BL_RED_MAX_BACK / BL_SOUND_FRAME_TICKS)

/* Remembered; a power of two. */
#define BL_SOUND_FRAMES 32

#define BL_SOUND_FRAME_BYTES 1200

/* Sound is lost from this on, until hardly any is, in 65536ths. */
#define BL_SOUND_ALL_Q16   65536
#define BL_SOUND_LOSSY_Q16 655 /* 1 % */
#define BL_SOUND_CLEAN_Q16 164

/* A second copy of each frame from here on. */
#define BL_SOUND_TWICE_Q16 1966 /* 3 % */

#define BL_SOUND_DISTANCE_MOST 4

/* Longer losses than this many frames are outages. */
#define BL_SOUND_RUN_MOST 8

/* A path is good for more only when it has been so for so long. */
#define BL_SOUND_UP_US BL_SECOND

/* What the encoder is asked for. */
typedef struct {
  uint32_t bitrate_bps;
  uint8_t loss_percent; /* for its in-band FEC; 0: none, it costs quality */
} BlSoundSettings;

typedef struct {
  uint64_t seq;       /* 0: empty */
  uint64_t last_sent; /* the packet that carried it last; 0: none yet */
  uint32_t timestamp;
  uint16_t length;
  bool alone;  /* a packet of its number has left */
  bool heard;  /* and has arrived */
  bool wanted; /* asked for again */
  uint8_t data[BL_SOUND_FRAME_BYTES];
} BlSoundFrame;

typedef struct {
  uint8_t pt, red_pt; /* red_pt 0: no redundancy */
  uint32_t full_bps;
  BlSoundSettings settings;

  BlSoundFrame frames[BL_SOUND_FRAMES];
  uint64_t newest; /* 0: none yet */
  bool held;       /* the newest waits for the next */

  uint64_t heard, judged; /* numbers: the highest, and up to here */
  uint32_t run;           /* frames lost in a row, up to here */
  uint32_t loss_q16;
  uint32_t run_q8; /* how long losses last */
  bool lossy;

  unsigned shape; /* by what the path carries */
  BlTime better_since_us;

  uint64_t again; /* frames that were carried again */
} BlSound;

/* `red_pt` 0: the other end takes no redundancy. */
void bl_sound_init (BlSound *s, uint8_t pt, uint8_t red_pt, uint32_t full_bps);

/* The next frame, of at most BL_SOUND_FRAME_BYTES; numbers go up by one, and
 * the first is not 0. False: it waits for the one after it. */
bool bl_sound_on_frame (BlSound *s, uint64_t seq, uint32_t timestamp,
                        const uint8_t *data, size_t length);

/* The payload of the newest frame's packet, which is to leave now; with earlier
 * ones it has at most `most_bytes`. Gives its payload type. */
uint8_t bl_sound_write (BlSound *s, BlWriter *w, size_t most_bytes);

/* This packet has arrived, by whichever path. */
void bl_sound_on_heard (BlSound *s, uint16_t seq);

/* Where nothing is said of each packet: the share that was lost of late, of
 * 256. */
void bl_sound_on_fraction_lost (BlSound *s, uint8_t fraction);

/* It is asked for again. False: it can't be had any more. */
bool bl_sound_on_nack (BlSound *s, uint16_t seq);

/* What all that leaves may come to; call it often. True if `settings` have
 * changed. */
bool bl_sound_on_rate (BlSound *s, uint64_t target_bps, BlTime now);

/* What sound takes of the rate now, headers of RTP with it. */
uint64_t bl_sound_bps (const BlSound *s);
