/* SPDX-License-Identifier: Apache-2.0
 *
 * Forward error correction of one RTP stream by a sliding window: a repair
 * packet is a random linear combination over GF(2^8) of some of the last
 * packets (the idea of RFC 8681, in a format of our own; docs/protocols.md). As
 * many repair packets as packets of their windows are missing bring these back,
 * whichever were lost.
 *
 * A repair packet is RTP with an SSRC, a payload type and sequence numbers of
 * its own. Its payload:
 *
 *   number of the window's first packet   16 bits
 *   packets in the window, at least 1      8 bits
 *   sum of coefficient * symbol, as long as the longest symbol
 *
 * The symbol of a packet is its marker (1 bit), the length of its payload
 * (15 bits), its timestamp (32 bits) and its payload; it ends in as many zeros
 * as are needed. A coefficient follows from the repair packet's own sequence
 * number and the packet's, and is never 0.
 *
 * Sans I/O. Numbers are extended ones (rtc/seq.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/writer.h"

#define BL_FEC_HEADER_BYTES        3
#define BL_FEC_SYMBOL_HEADER_BYTES 6
#define BL_FEC_PAYLOAD_MOST        1200
#define BL_FEC_SYMBOL_MOST         (BL_FEC_SYMBOL_HEADER_BYTES + BL_FEC_PAYLOAD_MOST)

/* Packets in a window at most: what undoing one repair may cost. */
#define BL_FEC_WINDOW_MOST 128

/* A packet that is protected; the payload is borrowed. */
typedef struct {
  uint32_t timestamp;
  bool marker;
  const uint8_t *payload;
  uint16_t length;
} BlFecSource;

/* Finds the packet of a number; false if it is not there, or has a payload
 * longer than BL_FEC_PAYLOAD_MOST. */
typedef bool (*BlFecFind) (void *user_data, uint64_t seq, BlFecSource *out);

/* What a repair packet covers. */
typedef struct {
  uint16_t first;
  uint8_t count;
  const uint8_t *sum; /* borrowed of the packet */
  uint16_t length;
} BlFecRepair;

/* False, with nothing that counts written, if one of the packets isn't there
 * (or there is no room). `key` is the repair packet's sequence number; `count`
 * is 1 to BL_FEC_WINDOW_MOST (programmer error otherwise). */
bool bl_fec_write (BlWriter *w, uint16_t key, uint64_t first, unsigned count,
                   BlFecFind find, void *user_data);

/* The payload of a repair packet; false if it is malformed. */
bool bl_fec_parse (const uint8_t *payload, size_t length, BlFecRepair *out);

uint8_t bl_fec_coefficient (uint16_t key, uint64_t seq);

/* Adds `coefficient` times the symbol of `source`, which is not longer than
 * `length`, to `sum`. */
void bl_fec_add_symbol (uint8_t *sum, size_t length, uint8_t coefficient,
                        const BlFecSource *source);

/* The packet in a symbol; false if there is none. */
bool bl_fec_read_symbol (const uint8_t *symbol, size_t length,
                         BlFecSource *out);
