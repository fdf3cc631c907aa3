/* SPDX-License-Identifier: Apache-2.0
 *
 * The gate before the encoder: a picture that could not leave at once is not
 * encoded at all, so that the next one is fresh; and what has waited too long
 * in the pacer is dropped, never sent late. Decisions only: values in, a
 * verdict out.
 *
 * After BL_FRAMEGATE_DROP the caller empties the pacer of video, and the next
 * picture encoded must not refer to what was dropped: a keyframe, or a frame
 * with the lost references invalidated.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bltime.h"

/* Less than from one picture to the next: what is left of the last one, where
 * the path holds it back, shuts the gate. */
#define BL_FRAMEGATE_BACKLOG_US (30 * BL_MS)
#define BL_FRAMEGATE_LATE_US    (150 * BL_MS)

/* How often it is asked, and how long a raw picture waits for it: less than
 * from one to the next, at 60 a second too. */
#define BL_FRAMEGATE_ASK_US      (5 * BL_MS)
#define BL_FRAMEGATE_PATIENCE_US (15 * BL_MS)

/* The pacer's video, and the path behind it. */
typedef struct {
  uint32_t queued_bytes;
  BlTime oldest_us;    /* when the first of them was queued; any if none */
  uint64_t target_bps; /* what the path is thought to carry; 0: nothing */
  bool blocked; /* nothing comes back from the path, or its window is full */
} BlFrameGateState;

typedef enum {
  BL_FRAMEGATE_OPEN, /* encode the next picture */
  BL_FRAMEGATE_SHUT, /* skip it */
  BL_FRAMEGATE_DROP, /* drop the pacer's video first; then it is open, unless
                        the path is blocked */
} BlFrameGateVerdict;

/* How long the pacer's video will be in it: the longer of how long the first
 * packet has waited and how long all takes at the target. */
BlTime bl_framegate_backlog (const BlFrameGateState *state, BlTime now);

BlFrameGateVerdict bl_framegate_ask (const BlFrameGateState *state, BlTime now);
