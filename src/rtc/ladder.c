/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/ladder.h"

#include <stddef.h>

/* Least video worth its packets. */
#define LEAST_VIDEO_BPS 30000

/* A rung is entered at a quarter more than where the one above it is left.
 * Fewer pictures are larger ones, and those come late and freeze (ADR 8): the
 * last is for where one of thirty would have a third of a packet. */
const BlRung bl_ladder_rungs[BL_LADDER_RUNGS] = {
  { 1920, 1080, 30, 2800000, 3500000 },
  { 1280, 720, 30, 1200000, 1500000 },
  { 960, 540, 30, 700000, 900000 },
  { 640, 360, 30, 100000, 130000 },
  { 640, 360, 15, 0, 0 },
};

static bool
fits_source (const BlRung *rung, uint16_t height, uint16_t fps)
{
  return rung->height <= height && rung->fps <= fps;
}

void
bl_ladder_init (BlLadder *l, uint16_t source_height, uint16_t source_fps,
                uint64_t video_bps)
{
  *l = (BlLadder){ 0 };
  while (l->top < BL_LADDER_RUNGS - 1
         && !fits_source (&bl_ladder_rungs[l->top], source_height, source_fps))
    l->top++;
  l->rung = l->top;
  while (video_bps < bl_ladder_rungs[l->rung].least_bps)
    l->rung++;
}

static bool
is_to_go_down (BlLadder *l, uint64_t video_bps, BlTime now)
{
  uint32_t least_bps = bl_ladder_rungs[l->rung].least_bps;
  bool below = video_bps < least_bps;
  if (!below || !l->below)
    l->below_us = now;
  l->below = below;
  return below
         && (video_bps < least_bps / 2
             || now - l->below_us >= BL_LADDER_DOWN_US);
}

static BlTime
wait_us (const BlLadder *l, const BlRung *next)
{
  return next->height == bl_ladder_rungs[l->rung].height ? BL_LADDER_FASTER_US
                                                         : BL_LADDER_UP_US;
}

static bool
is_to_go_up (BlLadder *l, uint64_t video_bps, BlTime now)
{
  const BlRung *next = l->rung > l->top ? &bl_ladder_rungs[l->rung - 1] : NULL;
  bool began = l->above && now - l->told_us < BL_LADDER_UNKNOWN_US;
  bool above = next && video_bps >= (began ? next->least_bps : next->enter_bps);
  if (!above || !began)
    l->above_us = now;
  l->above = above;
  return above && now - l->above_us >= wait_us (l, next);
}

bool
bl_ladder_on_rate (BlLadder *l, uint64_t video_bps, BlTime now)
{
  unsigned before = l->rung;
  if (is_to_go_up (l, video_bps, now))
    l->rung--;
  else if (is_to_go_down (l, video_bps, now))
    while (video_bps < bl_ladder_rungs[l->rung].least_bps)
      l->rung++;
  l->told_us = now;
  if (l->rung != before)
    l->above = l->below = false;
  return l->rung != before;
}

uint64_t
bl_ladder_video_bps (uint64_t target_bps, bool with_sound)
{
  uint64_t sound = with_sound ? BL_LADDER_SOUND_BPS : 0;
  return target_bps >= sound + LEAST_VIDEO_BPS ? target_bps - sound : 0;
}
