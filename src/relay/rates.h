/* SPDX-License-Identifier: Apache-2.0
 *
 * How much a source sends, all of it and what would be left of it when its
 * pictures are thinned (relay/thinner.h). Sans I/O; a few additions a packet.
 */
#pragma once

#include "rtc/history.h"

/* Header, extensions, SRTP, UDP and IP: what a packet weighs beside its
 * payload. */
#define BL_RATES_OVERHEAD_BYTES 80

#define BL_RATES_SPAN_US (2 * BL_SECOND)

typedef struct {
  uint32_t all_bps;        /* over the last span; 0: not known yet */
  uint32_t referenced_bps; /* of that, without disposable pictures */
  uint32_t sound_bps;
  uint32_t key_bytes; /* of the last keyframe; 0: none yet */
} BlSourceRates;

typedef struct {
  BlSourceRates last; /* to be read */

  /* Since `began`. */
  BlTime began;
  uint64_t all_bytes, disposable_bytes, sound_bytes;
  uint32_t key_timestamp, key_bytes; /* of the newest keyframe so far */
} BlRates;

/* Zeroed memory is an empty one. A packet that was taken; their arrivals don't
 * go back. */
void bl_rates_on_packet (BlRates *rates, const BlHistoryMeta *meta);
