/* SPDX-License-Identifier: Apache-2.0
 *
 * What the encoder is to make of the rate that it is given: size and frame rate
 * by the ladder (rtc/ladder.h), and a bitrate such that what comes out fits.
 * With a short buffer (VBV) an encoder stays under what it is told, by a
 * quarter and more; so what comes out is measured, and it is told as much more.
 *
 * Decisions only; one thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "rtc/ladder.h"

/* The encoder is told between these shares of the rate, in percent: above, a
 * picture that has suddenly more in it would not fit before it is noticed. */
#define BL_ENCODING_MOST_PERCENT  135
#define BL_ENCODING_LEAST_PERCENT 85

/* Pictures over which it is measured, and those from a keyframe or a large
 * change of the rate on that say nothing of it: the encoder is settling. */
#define BL_ENCODING_PICTURES 15
#define BL_ENCODING_SETTLES  4

typedef struct {
  uint16_t width, height; /* of the encoded picture; even */
  uint16_t every;         /* 1: each picture of the source, 2: every second */
  uint32_t bitrate_bps;   /* what to tell the encoder */
} BlEncoderSettings;

typedef struct {
  uint16_t source_width, source_height, source_fps;
  BlLadder ladder;
  uint64_t rate_bps;
  uint32_t percent;      /* of the rate that the encoder is told */
  uint32_t pictures;     /* measured so far */
  uint32_t settling;     /* this many more are not */
  uint64_t bytes, share; /* what they came to, and what the rate gave them */
} BlEncoding;

void bl_encoding_init (BlEncoding *e, uint16_t width, uint16_t height,
                       uint16_t fps, uint64_t rate_bps);

/* A new rate, or the same again as time goes by. True if size or frame rate are
 * to be others. */
bool bl_encoding_set_rate (BlEncoding *e, uint64_t rate_bps, BlTime now);

/* The encoder has made a picture. True if it is to be told something new. */
bool bl_encoding_on_picture (BlEncoding *e, uint32_t bytes, bool keyframe);

BlEncoderSettings bl_encoding_settings (const BlEncoding *e);
