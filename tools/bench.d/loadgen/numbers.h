/* SPDX-License-Identifier: Apache-2.0
 *
 * A stream's sequence numbers, judged: what is missing, out of order, double.
 * Works on the header alone. One thread.
 *
 * Invariants: expected = received + repaired + missing; a number that comes
 * late leaves `missing` and is counted in `reordered`.
 */
#pragma once

#include "rtc/seq.h"

/* How far back late and double ones are told apart; a power of two. */
#define LG_NUMBERS_WINDOW 2048

typedef enum {
  LG_NUMBER_NEXT,   /* higher than all before */
  LG_NUMBER_LATE,   /* a higher one came before it */
  LG_NUMBER_DOUBLE, /* it was there already, or is too old to tell */
} LgNumberKind;

typedef struct {
  BlSeqUnwrapper seqs;
  uint64_t first; /* extended */
  uint64_t received, repaired, reordered, doubles;
  uint64_t seen[LG_NUMBERS_WINDOW / 64];
} LgNumbers;

/* A packet of the stream; its extended number. */
LgNumberKind lg_numbers_on_packet (LgNumbers *numbers, uint16_t seq,
                                   uint64_t *out_extended);

/* A retransmission of `seq` came: true if that was missing. */
bool lg_numbers_on_repair (LgNumbers *numbers, uint16_t seq);

/* From the first to the highest. */
static inline uint64_t
lg_numbers_expected (const LgNumbers *n)
{
  return n->seqs.started ? n->seqs.highest - n->first + 1 : 0;
}

static inline uint64_t
lg_numbers_missing (const LgNumbers *n)
{
  return lg_numbers_expected (n) - n->received - n->repaired;
}
