/* SPDX-License-Identifier: Apache-2.0
 *
 * Puts a track's packets in order of their sequence numbers. A packet that is
 * missing is waited for, so that a repair can still take its place; after
 * `wait_us` it is given up.
 *
 * Invariants: packets come out in rising sequence order, each at most once; one
 * that arrives after its place was given up is dropped. Memory is taken at
 * init. Time is the caller's: the arrival times of the records.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "relay/tap.h"

typedef struct BlReorderSlot BlReorderSlot;

typedef struct {
  BlReorderSlot *slots;
  uint32_t capacity; /* a power of two */
  uint32_t held;
  int64_t wait_us;
  uint64_t next;    /* sequence number that comes out next */
  uint64_t skipped; /* a hole too wide to hold, not yet reported */
  bool started;
  uint64_t lost; /* given up, since init */
  uint64_t late; /* came after that, or twice */
} BlReorder;

/* Room for `capacity` packets (a power of two). False without memory. */
bool bl_reorder_init (BlReorder *order, uint32_t capacity, int64_t wait_us);
void bl_reorder_clear (BlReorder *order);

/* Takes a copy. False: there is no room before the packets that wait are
 * pulled with `flush`; then push again. */
bool bl_reorder_push (BlReorder *order, const BlTapRecord *record,
                      const uint8_t *payload);

/* The next packet in order, valid until the next push; NULL if there is none
 * yet at `now_us`. With `flush`, missing packets are given up at once.
 * `out_lost` is how many were given up just before this one. */
const BlTapRecord *bl_reorder_pull (BlReorder *order, int64_t now_us,
                                    bool flush, const uint8_t **out_payload,
                                    uint64_t *out_lost);

/* Forgets what it holds: the next packet starts a new order. */
void bl_reorder_reset (BlReorder *order);
