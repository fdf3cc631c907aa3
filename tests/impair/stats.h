/* SPDX-License-Identifier: Apache-2.0
 *
 * What passed through one direction of a link, and what did not. A value.
 * Invariant: in = out + all drops + what is still on its way.
 */
#pragma once

#include "base/bltime.h"

/* Queue delays are kept by the millisecond; the last slot holds what is more.
 */
#define IMPAIR_DELAY_SLOTS 20001

typedef struct {
  uint64_t packets, bytes;
} ImpairCount;

typedef enum {
  IMPAIR_DROP_QUEUE,   /* the queue was full */
  IMPAIR_DROP_LOSS,    /* drawn */
  IMPAIR_DROP_OUTAGE,  /* in-outage=drop */
  IMPAIR_DROP_REFUSED, /* too large, or the far end did not take it */
  IMPAIR_N_DROPS
} ImpairDrop;

typedef struct {
  ImpairCount in, out, drops[IMPAIR_N_DROPS];
  uint64_t marked;
  uint64_t capacity_bytes; /* what it could carry; 0 without a limit */
  uint64_t waited;         /* packets that left the queue */
  BlTime waited_max_us;
  uint32_t waited_ms[IMPAIR_DELAY_SLOTS];
} ImpairStats;

extern const char *const impair_drop_names[IMPAIR_N_DROPS];

void impair_stats_add (ImpairStats *sum, const ImpairStats *part);
void impair_stats_waited (ImpairStats *stats, BlTime waited_us);

/* The queue delay that `share` of the packets did not exceed, in ms. */
unsigned impair_stats_quantile_ms (const ImpairStats *stats, double share);
