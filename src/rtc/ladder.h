/* SPDX-License-Identifier: Apache-2.0
 *
 * Which size and frame rate a video bitrate is good for, so that a picture that
 * has few bits is smaller and not worse. Decisions only.
 *
 * A change of size costs a keyframe, so there is hysteresis. It goes down when
 * the rate has been under a rung's least for BL_LADDER_DOWN_US, so that a rate
 * that falls by steps is followed by one; at once when it is under half of that
 * (a large picture at a low rate is a late picture). It goes up one rung when
 * the rate has come to what the next one is entered at, and has been good for
 * it for BL_LADDER_UP_US without a break, since on a radio the rate is never
 * steady; or for BL_LADDER_FASTER_US, where only the pictures become more.
 * While nobody tells the rate nothing is known, and the wait begins again.
 * Under the lowest rung's least it stays on it: the clinical floor is a rate
 * below which the picture is no longer of use, and the caller says so.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bltime.h"

#define BL_LADDER_UP_US      (2 * BL_SECOND)
#define BL_LADDER_FASTER_US  (200 * BL_MS)
#define BL_LADDER_DOWN_US    (200 * BL_MS)
#define BL_LADDER_UNKNOWN_US (500 * BL_MS)

/* Below this a picture is of no clinical use; it is sent all the same. */
#define BL_LADDER_CLINICAL_BPS 400000

/* What sound keeps of all there is: Opus with headers and repair. */
#define BL_LADDER_SOUND_BPS 40000

typedef struct {
  uint16_t width, height, fps;
  uint32_t least_bps; /* under it: down */
  uint32_t enter_bps; /* over it for a while: up to this one */
} BlRung;

/* From the largest to the smallest. */
#define BL_LADDER_RUNGS 5
extern const BlRung bl_ladder_rungs[BL_LADDER_RUNGS];

typedef struct {
  unsigned rung, top; /* now, and the highest the camera can give */
  BlTime above_us;    /* since when the rate is good for the next one up */
  BlTime below_us;    /* since when it is too low for this one */
  BlTime told_us;     /* when it was told last */
  bool above, below;
} BlLadder;

/* Begins on the highest rung that `video_bps` is good for, of at most the size
 * and frame rate that the source has. */
void bl_ladder_init (BlLadder *l, uint16_t source_height, uint16_t source_fps,
                     uint64_t video_bps);

/* Tells the rate, often; true if the rung has changed. */
bool bl_ladder_on_rate (BlLadder *l, uint64_t video_bps, BlTime now);

static inline const BlRung *
bl_ladder_rung (const BlLadder *l)
{
  return &bl_ladder_rungs[l->rung];
}

/* What is left for video of what the path carries: sound comes first. 0 when
 * there is no room for both; then no video is encoded. */
uint64_t bl_ladder_video_bps (uint64_t target_bps, bool with_sound);
