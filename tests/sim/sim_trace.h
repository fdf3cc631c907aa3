/* SPDX-License-Identifier: Apache-2.0
 *
 * When a link may send: mahimahi's format. Each line is the time in ms of an
 * opportunity to send SIM_OPPORTUNITY_BYTES; the trace starts over at its end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bltime.h"

#define SIM_OPPORTUNITY_BYTES 1504

typedef struct {
  uint32_t *at_ms; /* ascending */
  size_t count, capacity;
  uint32_t length_ms;
} SimTrace;

/* False if the file cannot be read or is no trace. */
bool sim_trace_load (SimTrace *trace, const char *path);

/* A drive: the rate wanders between `least_bps` and `most_bps`, a step up or
 * down by a third each 250 ms on average, with a fade to nothing of 0.2 to 2 s
 * now and then; within a step the opportunities come in bunches. The same seed
 * gives the same drive. */
void sim_trace_drive (SimTrace *trace, uint32_t seconds, uint64_t least_bps,
                      uint64_t most_bps, uint64_t seed);

/* Pieces of a constant rate, one after the other. */
typedef struct {
  uint32_t ms;
  uint64_t rate_bps;
} SimPiece;

void sim_trace_pieces (SimTrace *trace, const SimPiece *pieces, size_t n);

void sim_trace_clear (SimTrace *trace);

/* Time of opportunity `index`, counted on through all rounds. */
BlTime sim_trace_at (const SimTrace *trace, uint64_t index);

/* The time up to `until_us` that lies in gaps longer than `longer_us`. */
BlTime sim_trace_gaps (const SimTrace *trace, BlTime until_us,
                       BlTime longer_us);
