/* SPDX-License-Identifier: Apache-2.0
 *
 * When a track's samples were captured: the line from RTP time to the relay's
 * wall clock. The capture times that packets carry are followed smoothly, so
 * that a drifting clock is tracked and a jittery one smoothed. Where there are
 * none, the earliest arrivals stand for them, less the delay that the other
 * track has measured.
 *
 * A capture time that can't be true (in the future, or long before it
 * arrived) counts as none. Invariant: a packet that was learned from is mapped
 * to within these bounds; if RTP time jumps out of them, a new line begins.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "relay/tap.h"

#define BL_RECORDER_DELAY_UNKNOWN INT64_MAX

/* From arrival to capture: so much before, so much after. */
#define BL_RECORDER_AGE_MAX_US  (30 * BL_SECOND)
#define BL_RECORDER_LEAD_MAX_US (1 * BL_SECOND)

/* Larger RTP times are nonsense: no call lasts for centuries. */
#define BL_RECORDER_RTP_MAX (UINT64_C (1) << 52)

typedef struct {
  uint32_t rate;     /* RTP's ticks a second */
  bool set;          /* offset_us is known */
  bool by_capture;   /* and comes from capture times */
  int64_t offset_us; /* wall clock minus RTP time */
  int64_t last_us;   /* RTP time of the last packet */
  int64_t delay_us;  /* smallest from capture to arrival; or UNKNOWN */
  uint32_t outliers; /* capture times off the line, in a row */
  uint32_t followed; /* capture times learned from, at most SMOOTHING */
} BlRecorderClock;

void bl_recorder_clock_init (BlRecorderClock *clock, uint32_t rate);

/* Learns from a packet. `other_delay_us` is the other track's delay_us. */
void bl_recorder_clock_update (BlRecorderClock *clock, uint64_t rtp_time,
                               int64_t capture_us, int64_t arrival_us,
                               int64_t other_delay_us);

/* Unix microseconds at which the sample with this RTP time was captured. Only
 * after an update. */
int64_t bl_recorder_clock_map (const BlRecorderClock *clock, uint64_t rtp_time);
