/* SPDX-License-Identifier: Apache-2.0
 *
 * What a viewer is given of the pictures, when its link is smaller than the
 * stream: fewer of them in time, instead of all of them ever later. Sound is
 * never left out.
 *
 * Two halves. What is *wanted* follows the link (rtc/downlink.h): down to what
 * it carries as soon as it is overloaded; up again when it has shown that it
 * carries more. Where nothing can show that, without transport-cc or with tiny
 * keyframes, up again on trial after a longer time; and after a very long one
 * even against what it has shown. A return that fails doubles the time until
 * the next.
 *
 * What is *given* follows what is wanted only where the pictures allow it, so
 * that no picture ever lacks one that it refers to:
 *
 *   ALL ◂─any picture─▸ REFERENCED ──any picture─▸ KEYFRAMES ◂─▸ NONE
 *    ▴                       ▴                          │           │
 *    └───────────────────────┴───────a keyframe─────────┴───────────┘
 *
 * While KEYFRAMES or NONE is given, the viewer asks bl_thinner_takes_key()
 * about each new keyframe, again and again while it is fresh, and if it is to
 * be taken goes on from its beginning; what was left out before it takes no
 * sequence numbers.
 *
 * Sans I/O: values and times in, decisions out. Fields but for the levels are
 * private.
 */
#pragma once

#include "relay/rates.h"
#include "relay/stats.h"
#include "rtc/downlink.h"

/* The time until a return, at first and at most; how many times as long where
 * nothing can show that the link has room; and where it seems to have none. */
#define BL_THINNER_PATIENCE_MIN_US (5 * BL_SECOND)
#define BL_THINNER_PATIENCE_MAX_US (160 * BL_SECOND)
#define BL_THINNER_BLIND           4
#define BL_THINNER_DOUBTED         16

/* A smaller keyframe has too few packets to show anything. */
#define BL_THINNER_SHOWING_BYTES 20000

/* Overloaded within so long: it has failed. Not for so long: all is well. */
#define BL_THINNER_FAILED_US (10 * BL_SECOND)
#define BL_THINNER_STEADY_US (60 * BL_SECOND)

/* How long a keyframe may take to go through. */
#define BL_THINNER_KEYFRAME_US (8 * BL_SECOND)

typedef struct {
  BlPictures wanted, given;

  BlTime settled_at;  /* not lowered again before */
  BlTime raise_at;    /* not raised before */
  BlTime raised_at;   /* for the last time */
  BlTime patience_us; /* from lowering to raising */
  uint32_t link_bps;  /* what it is thought to carry; 0: not known */
  uint32_t key_bytes; /* of the source's keyframes */
  BlTime next_key_at; /* the link has room for one */
  bool has_picture;   /* `picture` is the timestamp of the one passing */
  bool has_key;       /* `key` is that of the keyframe taken last, since
                         nothing else is given */
  uint32_t picture, key;
} BlThinner;

void bl_thinner_init (BlThinner *thinner, BlTime now);

/* After the link's estimate has changed. */
void bl_thinner_update (BlThinner *thinner, const BlDownlink *link,
                        const BlSourceRates *rates, BlTime now);

/* Whether a packet of video is to be sent; asked for each in order of arrival.
 */
bool bl_thinner_takes (BlThinner *thinner, uint32_t timestamp, uint8_t h264);

/* Only keyframes are being given, or nothing. */
static inline bool
bl_thinner_waits_for_key (const BlThinner *thinner)
{
  return thinner->given >= BL_PICTURES_KEYFRAMES;
}

/* No keyframe was taken since nothing else is given, and the link has room for
 * one: worth asking for it. */
static inline bool
bl_thinner_wants_first_key (const BlThinner *thinner, BlTime now)
{
  return bl_thinner_waits_for_key (thinner)
         && thinner->wanted == BL_PICTURES_KEYFRAMES && !thinner->has_key
         && now >= thinner->next_key_at;
}

/* A keyframe with this timestamp is there to be sent from its beginning. True:
 * do so, at bl_thinner_pace_bps(). False: leave it. Only while
 * bl_thinner_waits_for_key(). */
bool bl_thinner_takes_key (BlThinner *thinner, uint32_t timestamp, BlTime now);

/* At what rate a keyframe may be sent so that it shows if there is more room
 * than thought, and makes the sound wait for no more than 200 ms if not. */
uint32_t bl_thinner_pace_bps (const BlThinner *thinner);
