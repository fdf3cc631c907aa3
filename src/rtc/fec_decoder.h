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
 * Bounded: BL_FEC_ROWS equations; a repair costs at most as many steps over a
 * packet's bytes as BL_FEC_WINDOW_MOST + 2 * BL_FEC_ROWS. The oldest row gives
 * way when there is no room.
 *
 * Sans I/O; one thread; all memory is in the structure (about 100 KB).
 */
#pragma once

#include "rtc/fec.h"

#define BL_FEC_ROWS 64
#define BL_FEC_SPAN 256

typedef enum {
  BL_FEC_USED,     /* it tells something of what is missing */
  BL_FEC_NEEDLESS, /* nothing is missing that it covers, or it is told */
  BL_FEC_STALE,    /* what it covers is too long ago, or far off */
} BlFecVerdict;

typedef struct {
  uint64_t pivot;
  uint16_t length;                   /* of the symbol; zeros follow */
  uint8_t coefficients[BL_FEC_SPAN]; /* of number n at n mod BL_FEC_SPAN */
  uint8_t symbol[BL_FEC_SYMBOL_MOST];
} BlFecRow;

typedef struct {
  BlFecFind find;
  void *user_data;
  bool started;
  uint64_t newest; /* the last number that a repair covered */
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
