/* SPDX-License-Identifier: Apache-2.0
 *
 * RTP sequence numbers (16 bits) and timestamps (32 bits): comparison modulo
 * their width (RFC 1982) and extension to 64 bits.
 *
 * Invariants of extended numbers: the low bits are the number on the wire; the
 * first one extended lands in cycle 1, not 0, so that a packet reordered
 * before it doesn't go below zero; and what is nearer than half a cycle to the
 * highest so far, before or after, is told apart.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Subtract from an extended sequence number to count cycles from 0. */
#define BL_SEQ_CYCLE UINT64_C (0x10000)

/* a - b, in -32768..32767. */
static inline int16_t
bl_seq_diff (uint16_t a, uint16_t b)
{
  return (int16_t)(uint16_t)(a - b);
}

/* Is `a` after `b`? Exactly half a cycle apart counts as before. */
static inline bool
bl_seq_newer (uint16_t a, uint16_t b)
{
  return bl_seq_diff (a, b) > 0;
}

/* a - b for RTP timestamps. */
static inline int32_t
bl_ts_diff (uint32_t a, uint32_t b)
{
  return (int32_t)(a - b);
}

static inline bool
bl_ts_newer (uint32_t a, uint32_t b)
{
  return bl_ts_diff (a, b) > 0;
}

/* The extended number nearest to `reference` (>= 2^16) whose low 16 bits are
 * `seq`: what a NACK or a retransmission means beside the highest so far. */
static inline uint64_t
bl_seq_near (uint64_t reference, uint16_t seq)
{
  return reference + (uint64_t)(int64_t)bl_seq_diff (seq, (uint16_t)reference);
}

/* All zero at start. `highest` is the highest extended number so far. */
typedef struct {
  bool started;
  uint64_t highest;
} BlSeqUnwrapper;

/* Extends `seq`; an older one doesn't move `highest`. */
static inline uint64_t
bl_seq_unwrap (BlSeqUnwrapper *u, uint16_t seq)
{
  uint64_t extended
      = u->started ? bl_seq_near (u->highest, seq) : BL_SEQ_CYCLE + seq;
  if (!u->started || extended > u->highest)
    u->highest = extended;
  u->started = true;
  return extended;
}

/* The same for 32-bit timestamps; the first lands at 2^32 + timestamp. */
typedef struct {
  bool started;
  uint64_t highest;
} BlTsUnwrapper;

static inline uint64_t
bl_ts_unwrap (BlTsUnwrapper *u, uint32_t timestamp)
{
  uint64_t extended = (UINT64_C (1) << 32) + timestamp;
  if (u->started) {
    int32_t step = bl_ts_diff (timestamp, (uint32_t)u->highest);
    extended = u->highest + (uint64_t)(int64_t)step;
  }
  if (!u->started || extended > u->highest)
    u->highest = extended;
  u->started = true;
  return extended;
}
