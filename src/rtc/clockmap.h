/* SPDX-License-Identifier: Apache-2.0
 *
 * Truth about time, in two steps.
 *
 * BlClockMap: RTP timestamps of one track -> capture time on the *sender's*
 * wall clock, from abs-capture-time where it comes, else from sender reports.
 * It extrapolates from the last value: exact to half a timestamp unit beside
 * it, and off by the drift between the track's clock and the wall clock since
 * (50 parts in a million, typically: 50 us for each second of age).
 *
 * BlClockOffset: the sender's wall clock -> ours.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bltime.h"

typedef enum {
  BL_CLOCK_MAP_NONE,
  BL_CLOCK_MAP_SR,      /* may be the time of sending, with some publishers */
  BL_CLOCK_MAP_CAPTURE, /* abs-capture-time; once seen, SRs no longer count */
} BlClockMapSource;

typedef struct {
  uint32_t clock_rate_hz;
  BlClockMapSource source;
  uint32_t timestamp;
  BlNtp ntp;
} BlClockMap;

/* `clock_rate_hz` > 0. */
void bl_clock_map_init (BlClockMap *map, uint32_t clock_rate_hz);
void bl_clock_map_on_sr (BlClockMap *map, uint32_t timestamp, BlNtp ntp);
void bl_clock_map_on_capture (BlClockMap *map, uint32_t timestamp, BlNtp ntp);

/* The capture time of `timestamp`, and where it is from; `out_ntp` untouched
 * with BL_CLOCK_MAP_NONE. Good for half a cycle of the timestamp to either
 * side of the last value (6.6 hours at 90 kHz). */
BlClockMapSource bl_clock_map_ntp (const BlClockMap *map, uint32_t timestamp,
                                   BlNtp *out_ntp);

/* The way back: the timestamp of an instant, for reports of our own. */
BlClockMapSource bl_clock_map_timestamp (const BlClockMap *map, BlNtp ntp,
                                         uint32_t *out_timestamp);

typedef enum {
  BL_CLOCK_OFFSET_NONE,
  BL_CLOCK_OFFSET_ASSUMED,  /* from one-way differences */
  BL_CLOCK_OFFSET_MEASURED, /* from round trips */
} BlClockOffsetKind;

/* The best sample of each slice of time; BL_CLOCK_SLICES of them make the
 * window in which the best is looked for. */
#define BL_CLOCK_SLICES   8
#define BL_CLOCK_SLICE_US (8 * BL_SECOND)

typedef struct {
  bool used;
  BlTime at_us;
  int64_t delay_us;  /* less is better: half the round trip; or, assumed,
                        one way in unlike clocks */
  int64_t offset_us; /* remote minus local */
} BlClockSample;

typedef struct {
  BlClockSample measured[BL_CLOCK_SLICES];
  BlClockSample assumed[BL_CLOCK_SLICES];
} BlClockOffset;

void bl_clock_offset_init (BlClockOffset *o);

/* A round trip: the remote wrote `remote` (the NTP time of the SR, or of the
 * RRTR, in the compound with the DLRR) when it sent, we read `local` on our
 * wall clock when it arrived at `now`; rtt_us is from bl_rtcp_round_trip_us().
 */
void bl_clock_offset_on_round_trip (BlClockOffset *o, BlNtp remote, BlNtp local,
                                    int64_t rtt_us, BlTime now);

/* One way: the remote's time of an SR, or of a capture, and ours of arrival. */
void bl_clock_offset_on_one_way (BlClockOffset *o, BlNtp remote, BlNtp local,
                                 BlTime now);

/* What the offset stands on; measured wins, even when it is old. */
BlClockOffsetKind bl_clock_offset_kind (const BlClockOffset *o);

/* Remote wall clock minus ours; 0 when the kind is NONE. An assumed offset is
 * too small by the least one-way delay (and encoding, for captures), as if
 * that were nothing: ages computed with it come out too small by that. */
int64_t bl_clock_offset_us (const BlClockOffset *o, BlTime now);

/* How far off it may be, to either side: half the round trip (all of the delay
 * may be one way) plus 100 us for each second of the sample's age. Assumed:
 * BL_CLOCK_ASSUMED_UNCERTAINTY_US plus the same. INT64_MAX when NONE. */
#define BL_CLOCK_ASSUMED_UNCERTAINTY_US (250 * BL_MS)
int64_t bl_clock_offset_uncertainty_us (const BlClockOffset *o, BlTime now);

/* A time on the remote's wall clock, on ours. */
BlNtp bl_clock_offset_to_local (const BlClockOffset *o, BlNtp remote,
                                BlTime now);
