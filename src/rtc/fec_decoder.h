/* SPDX-License-Identifier: Apache-2.0
 *
 * Gets lost packets back from repair packets (rtc/fec.h): Gaussian elimination
 * over what is missing, a step with each packet that comes.
 *
 * Nothing is done, and nothing kept, while nothing is missing that a repair
 * packet covers. What else arrives is looked at only while repairs wait.
 *
 * Invariants: a row is an equation in packets that are missing, all of them in
 * (newest - BL_FEC_SPAN, newest]; its pivot is the first of them, with
 * coefficient 1, and has coefficient 0 in every other row. So a row with
 * nothing but its pivot is that packet.
 *
 * Bounded: BL_FEC_ROWS equations; the oldest row gives way when there is no
 * room. What it costs is counted in steps over a packet's bytes: a repair takes
 * at most BL_FEC_REPAIR_STEPS, a packet that comes 2 for each row and one more.
 * Repairs that never solve anything make each later packet cost that: the owner
 * sets the limit, and has all rows forgotten at it.
 *
 * Sans I/O; one thread; all memory is in the structure (about 100 KB).
 */
#pragma once

#include "rtc/fec.h"

#define BL_FEC_ROWS 64
#define BL_FEC_SPAN 256

#define BL_FEC_REPAIR_STEPS (BL_FEC_WINDOW_MOST + 2 * BL_FEC_ROWS + 2)

typedef enum {
  BL_FEC_USED,     /* it tells something of what is missing */
  BL_FEC_NEEDLESS, /* nothing is missing that it covers, or it is told */
  BL_FEC_STALE,    /* what it covers is too long ago, or far off */
} BlFecVerdict;

typedef struct {
  uint64_t pivot;
  bool changed;    /* since it was last seen not to be solved */
  uint16_t length; /* of the symbol; zeros follow */
  uint8_t coefficients[BL_FEC_SPAN]; /* of number n at n mod BL_FEC_SPAN */
  uint8_t symbol[BL_FEC_SYMBOL_MOST];
} BlFecRow;

typedef struct {
  BlFecFind find;
  void *user_data;
  bool started;
  uint64_t newest; /* the last number that a repair covered */
  uint64_t steps;  /* that were taken so far */
  unsigned n_rows;
  BlFecRow *order[BL_FEC_ROWS + 1]; /* the first n_rows are in use */
  BlFecRow rows[BL_FEC_ROWS + 1];
} BlFecDecoder;

typedef struct {
  uint64_t seq;
  BlFecSource source; /* borrowed until the next call but this one */
} BlFecRecovered;

/* `find` is asked which packets are there. */
void bl_fec_decoder_init (BlFecDecoder *d, BlFecFind find, void *user_data);

/* A repair packet, whose RTP sequence number is `key`; `first` is the number of
 * its window's first packet. */
BlFecVerdict bl_fec_decoder_on_repair (BlFecDecoder *d, uint16_t key,
                                       uint64_t first,
                                       const BlFecRepair *repair);

/* `find` knows this packet from now on. */
void bl_fec_decoder_on_source (BlFecDecoder *d, uint64_t seq);

/* The next packet that was got back; false if there is none. Call it until
 * then. */
bool bl_fec_decoder_take (BlFecDecoder *d, BlFecRecovered *out);

/* All equations; what comes later is taken as ever. */
void bl_fec_decoder_forget (BlFecDecoder *d);
