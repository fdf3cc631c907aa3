/* SPDX-License-Identifier: Apache-2.0
 *
 * Pacing of an instant join. A new viewer gets the current group of pictures
 * from its IDR on; live packets queue up behind it, in order. What was queued
 * at the join leaves at the pacer's rate, but for a first part (the IDR) that
 * leaves at once; each live packet that joins the
 * queue lets as many bytes leave at once. So the queue doesn't grow while live
 * runs, however low the rate, and the join is over when it is empty.
 *
 *   while (queue && bl_joinpacer_next_send (&pacer) <= now)
 *     { send; bl_joinpacer_on_sent (&pacer, bytes, now); }
 *
 * Invariants: a packet is charged to the first part and to live's bytes while
 * there are any, else to the rate. In any span of time, bytes sent <= rate *
 * span + the first part + bytes of live that came in it +
 * BL_JOINPACER_BURST_US * rate + two packets.
 */
#pragma once

#include <stdint.h>

#include "base/bltime.h"

/* Time at the rate that may be caught up in one go after an idle spell. */
#define BL_JOINPACER_BURST_US (10 * BL_MS)

typedef struct {
  uint64_t rate_bps;
  BlTime next_us;     /* when the rate allows a packet */
  int64_t free_bytes; /* let out by live or at the start, less what used it */
} BlJoinPacer;

/* `rate_bps` must be > 0 (programmer error otherwise). The first packet may
 * leave at `now`, and with it the first `first_bytes`. */
void bl_joinpacer_init (BlJoinPacer *pacer, uint64_t rate_bps,
                        uint32_t first_bytes, BlTime now);

/* From now on at this rate (> 0). */
void bl_joinpacer_set_rate (BlJoinPacer *pacer, uint64_t rate_bps);

/* A live packet was put at the end of the queue. */
void bl_joinpacer_on_live (BlJoinPacer *pacer, uint32_t bytes);

/* Earliest time the next packet may leave; <= now means send it. */
BlTime bl_joinpacer_next_send (const BlJoinPacer *pacer);

void bl_joinpacer_on_sent (BlJoinPacer *pacer, uint32_t bytes, BlTime now);
