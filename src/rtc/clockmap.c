/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/clockmap.h"

#include "base/blassert.h"
#include "rtc/seq.h"

#define MAX_CLOCK_RATE_HZ 10000000
#define DRIFT(age_us)     ((age_us) / 10000) /* 100 us a second */

void
bl_clock_map_init (BlClockMap *map, uint32_t clock_rate_hz)
{
  bl_assert (clock_rate_hz > 0 && clock_rate_hz <= MAX_CLOCK_RATE_HZ);
  *map = (BlClockMap){ .clock_rate_hz = clock_rate_hz };
}

void
bl_clock_map_on_sr (BlClockMap *map, uint32_t timestamp, BlNtp ntp)
{
  if (map->source == BL_CLOCK_MAP_CAPTURE)
    return;
  map->source = BL_CLOCK_MAP_SR;
  map->timestamp = timestamp;
  map->ntp = ntp;
}

void
bl_clock_map_on_capture (BlClockMap *map, uint32_t timestamp, BlNtp ntp)
{
  map->source = BL_CLOCK_MAP_CAPTURE;
  map->timestamp = timestamp;
  map->ntp = ntp;
}

BlClockMapSource
bl_clock_map_ntp (const BlClockMap *map, uint32_t timestamp, BlNtp *out_ntp)
{
  if (map->source == BL_CLOCK_MAP_NONE)
    return BL_CLOCK_MAP_NONE;
  int64_t ticks = bl_ts_diff (timestamp, map->timestamp);
  int64_t rate = map->clock_rate_hz, second = INT64_C (1) << 32;
  /* In two parts: ticks * 2^32 has no room in 64 bits. */
  int64_t step = ticks / rate * second + ticks % rate * second / rate;
  *out_ntp = map->ntp + (uint64_t)step;
  return map->source;
}

BlClockMapSource
bl_clock_map_timestamp (const BlClockMap *map, BlNtp ntp,
                        uint32_t *out_timestamp)
{
  if (map->source == BL_CLOCK_MAP_NONE)
    return BL_CLOCK_MAP_NONE;
  uint64_t step = ntp - map->ntp; /* modulo 2^64, as is the answer */
  uint64_t fraction = (step & 0xffffffff) * map->clock_rate_hz;
  uint64_t ticks = (step >> 32) * map->clock_rate_hz
                   + ((fraction + (UINT64_C (1) << 31)) >> 32);
  *out_timestamp = map->timestamp + (uint32_t)ticks;
  return map->source;
}

void
bl_clock_offset_init (BlClockOffset *o)
{
  *o = (BlClockOffset){ 0 };
}

/* How much worse a sample is than one of no delay, taken now. */
static int64_t
badness (const BlClockSample *sample, BlTime now)
{
  return sample->delay_us + DRIFT (now - sample->at_us);
}

static const BlClockSample *
best (const BlClockSample *samples, BlTime now)
{
  const BlClockSample *found = NULL;
  for (int i = 0; i < BL_CLOCK_SLICES; i++)
    if (samples[i].used
        && (!found || badness (&samples[i], now) < badness (found, now)))
      found = &samples[i];
  return found;
}

/* Keeps the best sample of each slice of time. */
static void
keep (BlClockSample *samples, BlClockSample sample)
{
  BlTime slice = sample.at_us / BL_CLOCK_SLICE_US;
  BlClockSample *slot = &samples[slice % BL_CLOCK_SLICES];
  if (!slot->used || slot->at_us / BL_CLOCK_SLICE_US != slice
      || sample.delay_us <= slot->delay_us)
    *slot = sample;
}

void
bl_clock_offset_on_round_trip (BlClockOffset *o, BlNtp remote, BlNtp local,
                               int64_t rtt_us, BlTime now)
{
  BlClockSample sample = {
    .used = true,
    .at_us = now,
    .delay_us = rtt_us / 2,
    .offset_us = bl_ntp_diff_us (remote, local) + rtt_us / 2,
  };
  /* Two samples whose margins don't meet: one of the clocks was set. What was
   * measured before says nothing any more. */
  const BlClockSample *old = best (o->measured, now);
  if (old) {
    int64_t apart = sample.offset_us - old->offset_us;
    int64_t margins = sample.delay_us + badness (old, now) + BL_MS;
    if (apart > margins || apart < -margins)
      bl_clock_offset_init (o);
  }
  keep (o->measured, sample);
}

void
bl_clock_offset_on_one_way (BlClockOffset *o, BlNtp remote, BlNtp local,
                            BlTime now)
{
  int64_t offset_us = bl_ntp_diff_us (remote, local);
  keep (o->assumed, (BlClockSample){ .used = true,
                                     .at_us = now,
                                     .delay_us = -offset_us,
                                     .offset_us = offset_us });
}

BlClockOffsetKind
bl_clock_offset_kind (const BlClockOffset *o)
{
  if (best (o->measured, 0))
    return BL_CLOCK_OFFSET_MEASURED;
  return best (o->assumed, 0) ? BL_CLOCK_OFFSET_ASSUMED : BL_CLOCK_OFFSET_NONE;
}

int64_t
bl_clock_offset_us (const BlClockOffset *o, BlTime now)
{
  const BlClockSample *sample = best (o->measured, now);
  if (!sample)
    sample = best (o->assumed, now);
  return sample ? sample->offset_us : 0;
}

int64_t
bl_clock_offset_uncertainty_us (const BlClockOffset *o, BlTime now)
{
  const BlClockSample *sample = best (o->measured, now);
  if (sample)
    return badness (sample, now);
  sample = best (o->assumed, now);
  return sample ? BL_CLOCK_ASSUMED_UNCERTAINTY_US + DRIFT (now - sample->at_us)
                : INT64_MAX;
}

BlNtp
bl_clock_offset_to_local (const BlClockOffset *o, BlNtp remote, BlTime now)
{
  return bl_ntp_add_us (remote, -bl_clock_offset_us (o, now));
}
