/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/recorder_clock.h"

#include "base/blassert.h"
#include "base/bltime.h"

/* Further than this off the line is a jump of the clock, when it persists. */
#define JUMP_US    (100 * BL_MS)
#define JUMP_AFTER 5

/* How fast the line follows: 1/32 a packet is about 1 s of pictures. Until
 * there have been so many it is their mean. */
#define SMOOTHING 32

/* How fast a line by arrivals, which only ever finds earlier ones, is let
 * rise again: more than any clock drifts. */
#define RISE_PPM 250

void
bl_recorder_clock_init (BlRecorderClock *clock, uint32_t rate)
{
  *clock = (BlRecorderClock){ .rate = rate,
                              .delay_us = BL_RECORDER_DELAY_UNKNOWN };
}

static int64_t
to_us (const BlRecorderClock *clock, uint64_t rtp_time)
{
  uint64_t rate = clock->rate;
  return (int64_t)(rtp_time / rate * 1000000
                   + rtp_time % rate * 1000000 / rate);
}

static void
follow_capture (BlRecorderClock *clock, int64_t offset_us)
{
  int64_t error_us = offset_us - clock->offset_us;
  if (!clock->by_capture) {
    clock->by_capture = true;
    clock->offset_us = offset_us;
    clock->followed = 1;
  } else if (error_us > JUMP_US || error_us < -JUMP_US) {
    if (++clock->outliers < JUMP_AFTER)
      return;
    clock->offset_us = offset_us;
    clock->followed = 1;
  } else {
    if (clock->followed < SMOOTHING)
      clock->followed++;
    clock->offset_us += error_us / (int64_t)clock->followed;
  }
  clock->outliers = 0;
}

static void
follow_arrival (BlRecorderClock *clock, int64_t rtp_us, int64_t offset_us)
{
  if (!clock->set || offset_us < clock->offset_us) {
    clock->offset_us = offset_us;
  } else if (rtp_us > clock->last_us) {
    int64_t rise_us = (rtp_us - clock->last_us) * RISE_PPM / 1000000;
    int64_t room_us = offset_us - clock->offset_us;
    clock->offset_us += rise_us < room_us ? rise_us : room_us;
  }
}

static bool
is_plausible (int64_t capture_us, int64_t arrival_us)
{
  return capture_us <= arrival_us + BL_RECORDER_LEAD_MAX_US
         && capture_us >= arrival_us - BL_RECORDER_AGE_MAX_US;
}

void
bl_recorder_clock_update (BlRecorderClock *clock, uint64_t rtp_time,
                          int64_t capture_us, int64_t arrival_us,
                          int64_t other_delay_us)
{
  int64_t rtp_us = to_us (clock, rtp_time);
  bool believed = capture_us != BL_TAP_TIME_UNKNOWN
                  && is_plausible (capture_us, arrival_us);
  if (clock->set && !is_plausible (clock->offset_us + rtp_us, arrival_us))
    clock->set = clock->by_capture = false;
  if (believed) {
    int64_t delay_us = arrival_us - capture_us;
    if (delay_us < clock->delay_us)
      clock->delay_us = delay_us;
    else
      clock->delay_us += (delay_us - clock->delay_us) / 256;
    follow_capture (clock, capture_us - rtp_us);
  } else if (!clock->by_capture) {
    int64_t delay_us
        = other_delay_us == BL_RECORDER_DELAY_UNKNOWN ? 0 : other_delay_us;
    follow_arrival (clock, rtp_us, arrival_us - delay_us - rtp_us);
  }
  clock->set = true;
  clock->last_us = rtp_us;
}

int64_t
bl_recorder_clock_map (const BlRecorderClock *clock, uint64_t rtp_time)
{
  bl_assert (clock->set);
  return clock->offset_us + to_us (clock, rtp_time);
}
