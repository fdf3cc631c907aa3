/* SPDX-License-Identifier: Apache-2.0
 *
 * The packets of one direction: a fixed store, the queue before the bottleneck
 * (first in, first out), and what flies behind it, ordered by arrival.
 * Invariant: a packet of the store is free, queued or flying.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/bltime.h"

#define IMPAIR_MAX_PACKET 1600
#define IMPAIR_STORE      16384

typedef struct {
  BlTime entered_us, arrives_us;
  uint64_t order; /* ties of arrival, by departure */
  size_t length;
  uint8_t bytes[IMPAIR_MAX_PACKET];
} ImpairPacket;

typedef struct {
  ImpairPacket *store;
  uint32_t free[IMPAIR_STORE];
  unsigned n_free;
  uint32_t queue[IMPAIR_STORE]; /* a ring */
  unsigned queue_first, n_queued;
  uint64_t queued_bytes;
  uint32_t flight[IMPAIR_STORE]; /* a heap, the earliest first */
  unsigned n_flying;
  uint64_t departures;
} ImpairPackets;

void impair_packets_init (ImpairPackets *packets);
void impair_packets_clear (ImpairPackets *packets);

/* Copies; false: the store is full. `length` is IMPAIR_MAX_PACKET at most. */
bool impair_packets_enqueue (ImpairPackets *packets, const uint8_t *bytes,
                             size_t length, BlTime now);

/* The head of the queue; NULL: empty. */
ImpairPacket *impair_packets_head (const ImpairPackets *packets);
void impair_packets_drop_head (ImpairPackets *packets);
void impair_packets_launch_head (ImpairPackets *packets, BlTime arrives_us);

/* The next to arrive; NULL: none. It stays readable after landing, until the
 * next packet is queued. */
ImpairPacket *impair_packets_first (const ImpairPackets *packets);
void impair_packets_land_first (ImpairPackets *packets);
