/* SPDX-License-Identifier: Apache-2.0
 *
 * Redundant audio data (RFC 2198): one RTP payload with the packet's own frame
 * and, before it, earlier ones again, each with how much earlier it was.
 *
 * Invariants of a BlRed: its blocks lie within the payload, in the order
 * written; the last one is the packet's own and has `back` 0.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/writer.h"

/* In one packet, its own among them. With more it is malformed to us: they are
 * of no use, and each costs work. */
#define BL_RED_BLOCKS 9

#define BL_RED_MAX_BACK  0x3fff /* RTP ticks: 341 ms at 48 kHz */
#define BL_RED_MAX_BYTES 0x3ff  /* of an earlier frame */

#define BL_RED_HEADER_BYTES     4 /* of each earlier frame */
#define BL_RED_OWN_HEADER_BYTES 1

typedef struct {
  uint8_t payload_type;
  uint16_t back; /* RTP ticks before the packet's timestamp */
  uint16_t length;
  const uint8_t *data;
} BlRedBlock;

typedef struct {
  unsigned n; /* at least 1 */
  BlRedBlock blocks[BL_RED_BLOCKS];
} BlRed;

/* Borrows the payload. False, `out_red` untouched, if it is malformed. */
bool bl_red_parse (const uint8_t *payload, size_t length, BlRed *out_red);

/* The payload of `n` blocks, the packet's own as the last. */
void bl_red_write (BlWriter *w, const BlRedBlock *blocks, unsigned n);
