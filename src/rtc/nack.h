/* SPDX-License-Identifier: Apache-2.0
 *
 * Which packets of one stream are missing, and when to ask for them (again):
 * the receiver's side of generic NACK (RFC 4585 section 6.2.1).
 *
 * Works on extended sequence numbers (rtc/seq.h). A number is missing once a
 * higher one came. It is asked for when `reorder_packets` higher ones came or
 * `reorder_us` went by, then once per round trip, and given up after
 * `max_tries` requests or `max_age_us`. Whatever is given up leaves a hole in
 * the picture: bl_nack_take_gave_up() says so once, and the caller asks for a
 * keyframe.
 *
 * While packets are sent over several paths at once, what is missing on the
 * fastest may be on its way over another: then it is asked for only when it is
 * later than the copies of others were, whatever came meanwhile.
 *
 * Invariant: the table is in ascending order without doubles, every number in
 * it is below `highest`, and it never holds more than BL_NACK_MAX.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bltime.h"

/* Missing at once; a longer gap is an outage, not to be mended by NACK. */
#define BL_NACK_MAX 256

typedef struct {
  uint32_t reorder_packets;
  BlTime reorder_us;
  uint32_t max_tries;
  BlTime max_age_us;
} BlNackConfig;

/* 3 packets or 10 ms; 10 tries; 1 s. */
extern const BlNackConfig bl_nack_defaults;

/* How long copies are expected after one, and bounds of the wait for them. */
#define BL_NACK_COPIES_US     (100 * BL_MS)
#define BL_NACK_COPY_LEAST_US (10 * BL_MS)
#define BL_NACK_COPY_MOST_US  (30 * BL_MS)

/* How long repair packets are expected after one, and how long they are waited
 * for. */
#define BL_NACK_REPAIRS_US     (200 * BL_MS)
#define BL_NACK_REPAIR_WAIT_US (10 * BL_MS)

typedef struct {
  uint64_t seq;
  BlTime since_us; /* noticed */
  BlTime due_us;   /* of the next request, or of giving up */
  uint32_t tries;
} BlNackEntry;

typedef struct {
  BlNackConfig config;
  bool started;
  bool gave_up;
  uint64_t highest;
  uint64_t keyframe; /* where the newest one starts */
  BlTime retry_us;
  BlTime copies_until_us;  /* they are expected; 0: never were */
  BlTime copy_lag_us;      /* the most lately, fading */
  BlTime repairs_until_us; /* the same of repair packets */
  uint32_t count;
  uint64_t requested, recovered, lost; /* totals */
  BlNackEntry entries[BL_NACK_MAX];
} BlNack;

void bl_nack_init (BlNack *n, const BlNackConfig *config);

/* A packet came, first time or by retransmission. */
void bl_nack_on_packet (BlNack *n, uint64_t seq, BlTime now);

/* The round trip to the sender; until known, 100 ms are assumed. */
void bl_nack_set_rtt (BlNack *n, int64_t rtt_us);

/* A copy of a packet of this stream came, `lag_us` after the first. */
void bl_nack_on_copy (BlNack *n, BlTime lag_us, BlTime now);

/* A repair packet came (rtc/fec.h), which covers the stream up to `last`: so
 * much was sent, and for a while what is missing may well be brought back
 * without being asked for. */
void bl_nack_on_repair (BlNack *n, uint64_t last, BlTime now);

/* When to poll next; BL_TIME_NEVER with nothing missing. */
BlTime bl_nack_next_deadline (const BlNack *n);

/* Fills `out_seqs` with the numbers to ask for now, ascending, at most
 * `max_seqs` (the rest stays due); says how many. */
size_t bl_nack_poll (BlNack *n, BlTime now, uint16_t *out_seqs,
                     size_t max_seqs);

/* Was anything given up since the last call? Then a keyframe is needed. */
bool bl_nack_take_gave_up (BlNack *n);

/* A keyframe starts at `seq`, with its parameter sets. What is missing before
 * it is asked for as before, but if that is in vain it takes no other one. */
void bl_nack_on_keyframe (BlNack *n, uint64_t seq);
