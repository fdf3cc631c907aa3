/* SPDX-License-Identifier: Apache-2.0
 *
 * The keyframe requests (PLI, FIR) of all viewers, and of joins that wait for
 * an IDR, merged into one stream of requests to the publisher: the first goes
 * at once, the next not within BL_KEYFRAME_INTERVAL_US of the last, and an
 * unanswered one is repeated until a keyframe comes.
 *
 * A viewer that is given nothing but keyframes would have one now and then.
 * Each costs all others a little of their picture's quality, so for its sake
 * one is asked for only when none was seen or asked for in
 * BL_KEYFRAME_SELDOM_US, however many such viewers there are.
 *
 * Sans I/O. Fields are private.
 */
#pragma once

#include <stdbool.h>

#include "base/bltime.h"

#define BL_KEYFRAME_INTERVAL_US (500 * BL_MS)
#define BL_KEYFRAME_SELDOM_US   (4 * BL_SECOND)

typedef struct {
  bool wanted;            /* asked for since the last keyframe */
  bool wanted_seldom;     /* the same, by those who have no haste */
  BlTime last_sent_us;    /* BL_TIME_NEVER: none yet */
  BlTime last_arrival_us; /* of a keyframe, or of the first such wish */
} BlKeyframe;

void bl_keyframe_init (BlKeyframe *keyframe);

/* Somebody needs one. */
void bl_keyframe_want (BlKeyframe *keyframe);

/* Whether somebody does, so that one more costs nothing. */
static inline bool
bl_keyframe_is_wanted (const BlKeyframe *keyframe)
{
  return keyframe->wanted;
}

/* Somebody would have one now and then, and says so again after each. */
void bl_keyframe_want_seldom (BlKeyframe *keyframe, BlTime now);

/* When to send a request; BL_TIME_NEVER if nobody waits. */
BlTime bl_keyframe_due (const BlKeyframe *keyframe);

/* One was sent. It stays wanted. */
void bl_keyframe_on_sent (BlKeyframe *keyframe, BlTime now);

/* A keyframe arrived: nobody waits any more. The interval stays. */
void bl_keyframe_on_arrival (BlKeyframe *keyframe, BlTime now);

/* The publisher is gone, and so are the requests it had; a new one may be
 * asked at once. What is wanted stays wanted. */
void bl_keyframe_on_new_publisher (BlKeyframe *keyframe);
