/* SPDX-License-Identifier: Apache-2.0
 *
 * When the next packet may leave: a keyframe is spread out over a few
 * milliseconds rather than thrown at the modem in one go. Sans I/O; one thread.
 *
 * Invariant: in any span of time, bytes sent <= rate * (span + the burst) + one
 * packet.
 */
#pragma once

#include <stdint.h>

#include "base/bltime.h"

/* What may leave at once after a pause, as time at the rate: main loops wake
 * in milliseconds. */
#define BL_PACER_BURST_US (5 * BL_MS)

typedef struct {
  uint64_t rate_bps;
  BlTime free_at_us; /* when all that was sent would be through at the rate */
} BlPacer;

static inline void
bl_pacer_init (BlPacer *p, uint64_t rate_bps)
{
  *p = (BlPacer){ .rate_bps = rate_bps, .free_at_us = 0 };
}

/* Earliest time the next packet may leave; <= now means send it. */
static inline BlTime
bl_pacer_next_send (const BlPacer *p)
{
  return p->free_at_us - BL_PACER_BURST_US;
}

static inline void
bl_pacer_on_sent (BlPacer *p, uint32_t bytes, BlTime now)
{
  BlTime start = p->free_at_us > now ? p->free_at_us : now;
  p->free_at_us = start + (BlTime)((uint64_t)bytes * 8 * 1000000 / p->rate_bps);
}
