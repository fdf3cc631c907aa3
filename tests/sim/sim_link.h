/* SPDX-License-Identifier: Apache-2.0
 *
 * One direction of a simulated network: losses, then a drop-tail queue before a
 * link whose rate is constant or follows a trace, then a delay. A packet's fate
 * is known when it is put in, so virtual time needs no events.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bltime.h"
#include "sim_random.h"
#include "sim_trace.h"

typedef struct {
  const SimTrace *trace; /* NULL: rate_bps */
  uint64_t rate_bps;
  BlTime delay_us;
  BlTime jitter_us;     /* added at random, less than this; the order stays */
  uint32_t queue_bytes; /* 0: as much as comes */
  uint32_t mark_bytes;  /* CE above so much in the queue; 0: never */
  uint32_t mark_ppm;    /* CE at random, in a million */
  uint32_t loss_ppm;    /* lost at random */
  /* Gilbert-Elliott: from good to bad, from bad to good, lost while bad. */
  uint32_t to_bad_ppm, to_good_ppm, bad_loss_ppm;
  BlTime dead_from_us, dead_until_us; /* all is lost */
  uint64_t seed;
} SimLinkOptions;

#define SIM_LINK_QUEUE 65536 /* packets; a power of two */

/* Large: not for the stack. */
typedef struct {
  SimLinkOptions options;
  SimRandom random;
  bool bad;
  BlTime free_us;       /* constant rate: when the link is free */
  uint64_t opportunity; /* trace: the next one, counted through all rounds */
  uint32_t left;        /* bytes of it not used yet */
  BlTime last_arrival_us;
  uint32_t queued_bytes;
  uint32_t head, tail;
  struct {
    BlTime leaves_us;
    uint32_t bytes;
  } queue[SIM_LINK_QUEUE];
} SimLink;

void sim_link_init (SimLink *link, const SimLinkOptions *options);

/* False if the packet is lost; else when it arrives, and whether marked CE. */
bool sim_link_put (SimLink *link, uint32_t bytes, BlTime now,
                   BlTime *out_arrival_us, bool *out_marked);

/* What the link could carry up to `until_us`, in bytes; of at most `cap_bps` in
 * each tenth of a second. */
uint64_t sim_link_capacity (const SimLinkOptions *options, BlTime until_us,
                            uint64_t cap_bps);
