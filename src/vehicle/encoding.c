/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/encoding.h"

/* A step of the correction, in percent of what it was. */
#define UP_PERCENT   4
#define DOWN_PERCENT 10

/* With less a picture shows nothing any more: then there are fewer of them, by
 * the gate. */
#define LEAST_BITRATE_BPS 100000

void
bl_encoding_init (BlEncoding *e, uint16_t width, uint16_t height, uint16_t fps,
                  uint64_t rate_bps)
{
  *e = (BlEncoding){ .source_width = width,
                     .source_height = height,
                     .source_fps = fps,
                     .rate_bps = rate_bps,
                     .percent = 100 };
  bl_ladder_init (&e->ladder, height, fps, rate_bps);
}

static void
measure_anew (BlEncoding *e)
{
  e->pictures = 0;
  e->bytes = e->share = 0;
}

/* By more than an eighth? */
static bool
is_large_change (uint64_t before_bps, uint64_t rate_bps)
{
  uint64_t change
      = before_bps > rate_bps ? before_bps - rate_bps : rate_bps - before_bps;
  return change * 8 > before_bps;
}

bool
bl_encoding_set_rate (BlEncoding *e, uint64_t rate_bps, BlTime now)
{
  bool other_rung = bl_ladder_on_rate (&e->ladder, rate_bps, now);
  if (other_rung)
    measure_anew (e);
  if (other_rung || is_large_change (e->rate_bps, rate_bps))
    e->settling = BL_ENCODING_SETTLES;
  e->rate_bps = rate_bps;
  return other_rung;
}

static uint16_t
every (const BlEncoding *e)
{
  unsigned fps = bl_ladder_rung (&e->ladder)->fps;
  return e->source_fps > fps ? (uint16_t)((e->source_fps + fps - 1) / fps) : 1;
}

bool
bl_encoding_on_picture (BlEncoding *e, uint32_t bytes, bool keyframe)
{
  /* A keyframe is as large as it must be, and what follows makes up for it. */
  if (keyframe)
    e->settling = BL_ENCODING_SETTLES;
  if (e->settling > 0) {
    e->settling--;
    return false;
  }
  e->bytes += bytes;
  e->share += e->rate_bps * every (e) / (8 * e->source_fps);
  if (++e->pictures < BL_ENCODING_PICTURES)
    return false;
  uint64_t made = e->bytes * 100, share = e->share;
  uint32_t before = e->percent;
  measure_anew (e);
  if (made < share * (100 - UP_PERCENT))
    e->percent += e->percent * UP_PERCENT / 100;
  else if (made > share * (100 + UP_PERCENT))
    e->percent -= e->percent * DOWN_PERCENT / 100;
  if (e->percent > BL_ENCODING_MOST_PERCENT)
    e->percent = BL_ENCODING_MOST_PERCENT;
  if (e->percent < BL_ENCODING_LEAST_PERCENT)
    e->percent = BL_ENCODING_LEAST_PERCENT;
  return e->percent != before;
}

BlEncoderSettings
bl_encoding_settings (const BlEncoding *e)
{
  const BlRung *rung = bl_ladder_rung (&e->ladder);
  uint32_t height
      = rung->height < e->source_height ? rung->height : e->source_height;
  /* Of the source's shape, which may not be the ladder's. */
  uint32_t width = (uint32_t)e->source_width * height / e->source_height;
  uint64_t bitrate = e->rate_bps * e->percent / 100;
  if (bitrate < LEAST_BITRATE_BPS)
    bitrate = LEAST_BITRATE_BPS;
  return (BlEncoderSettings){
    .width = (uint16_t)(width / 2 * 2),
    .height = (uint16_t)(height / 2 * 2),
    .every = every (e),
    /* An encoder counts pictures, and thinks that it is given each one. */
    .bitrate_bps = (uint32_t)(bitrate * every (e)),
  };
}
