/* SPDX-License-Identifier: Apache-2.0
 *
 * The keyframe requests (PLI, FIR) of all viewers, and of joins that wait for
 * an IDR, merged into one stream of requests to the publisher: the first goes
 * at once, the next not within BL_KEYFRAME_INTERVAL_US of the last, and an
 * unanswered one is repeated until a keyframe comes.
 *
 * Sans I/O. Fields are private.
 */
#pragma once

#include <stdbool.h>

#include "base/bltime.h"

#define BL_KEYFRAME_INTERVAL_US (500 * BL_MS)

typedef struct {
  bool wanted;         /* asked for since the last keyframe */
  BlTime last_sent_us; /* BL_TIME_NEVER: none yet */
} BlKeyframe;

void bl_keyframe_init (BlKeyframe *keyframe);

/* Somebody needs one. */
void bl_keyframe_want (BlKeyframe *keyframe);

/* When to send a request; BL_TIME_NEVER if nobody waits. */
BlTime bl_keyframe_due (const BlKeyframe *keyframe);

/* One was sent. It stays wanted. */
void bl_keyframe_on_sent (BlKeyframe *keyframe, BlTime now);

/* A keyframe arrived: nobody waits any more. The interval stays. */
void bl_keyframe_on_arrival (BlKeyframe *keyframe);

/* The publisher is gone, and so are the requests it had; a new one may be
 * asked at once. What is wanted stays wanted. */
void bl_keyframe_on_new_publisher (BlKeyframe *keyframe);
