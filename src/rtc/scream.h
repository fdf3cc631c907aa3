/* SPDX-License-Identifier: Apache-2.0
 *
 * Self-clocked rate adaptation for multimedia, version 2
 * (draft-johansson-ccwg-rfc8298bis-screamv2): how much one path carries.
 *
 *   config → bl_scream_init()
 *   each packet that leaves           → bl_scream_on_sent()
 *   each feedback, of whichever kind  → bl_scream_on_feedback()
 *   bl_scream_target_bps()     what encoders and all else may make together
 *   bl_scream_may_send()       is there room in the window?
 *   bl_scream_pacing_bps()     how fast packets may follow one another
 *   bl_scream_padding_bytes()  what it would like to have sent besides
 *   bl_scream_is_stalled()     is the path carrying nothing just now?
 *   bl_scream_is_full()        does it already carry all that it may?
 *
 * Everything that leaves is counted (sound, retransmissions, padding), but only
 * video need ask bl_scream_may_send(): sound is too small to wait, while
 * anything comes back; sound asks bl_scream_sound_waits().
 *
 * What differs from the draft, and why, is in
 * docs/adr/0008-congestion-control.md. In short: queue delay is judged by the
 * standing queue, the least of the last moment, so that a radio's short pauses
 * do not count; loss without queue delay counts only when it is our own doing
 * (rtc/losscheck.h).
 *
 * Invariants: BL_SCREAM_MIN_WINDOW_PACKETS * mss <= window; min_bps <= target
 * <= max_bps; integers only, so the same input gives the same output on every
 * machine. Sans I/O; one thread; all memory is in the structure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bltime.h"
#include "rtc/losscheck.h"
#include "rtc/packetresult.h"
#include "rtc/pathmeter.h"

#define BL_SCREAM_QUEUE_TARGET_US    (60 * BL_MS)
#define BL_SCREAM_MIN_WINDOW_PACKETS 3

typedef struct {
  /* Of all that leaves, with RTP headers. 0 < min <= start <= max. */
  uint64_t min_bps, start_bps, max_bps;
  uint32_t mss_bytes;     /* of the largest packet */
  BlTime queue_target_us; /* 0: BL_SCREAM_QUEUE_TARGET_US */
  bool l4s; /* packets leave as ECT(1); else CE is as of RFC 3168 */
} BlScreamConfig;

typedef struct {
  BlScreamConfig config;
  BlPathMeter meter;
  uint64_t target_bps;
  int64_t window_bytes;
  int64_t growth_q16; /* less than a byte, not yet in the window */

  /* The window at the last congestion: near it all changes are small. */
  int64_t inflection_bytes; /* 0: none yet */
  BlTime inflection_us;
  bool congested_once;
  BlTime congestion_us; /* last */

  /* Most in flight in this round and in the one before. */
  BlTime round_us;
  uint32_t round_flight, last_flight;
  uint32_t round_packets, round_ce;
  uint32_t alpha_q16; /* share of packets marked CE, smoothed (RFC 8257) */

  BlLossCheck losscheck;
  int64_t before_trial_bytes;
  uint64_t before_trial_bps; /* that arrived */
  BlTime shallow_until_us;   /* the queue is known to hold little until then */

  bool wants_more; /* the window could grow if more were sent */
  int64_t padding_credit_bytes;
  BlTime padding_us;
} BlScream;

void bl_scream_init (BlScream *s, const BlScreamConfig *config);

/* Takes effect with the next feedback. */
void bl_scream_set_max (BlScream *s, uint64_t max_bps);

/* `seq` counts the path's packets: one more than the last, the first >= 1. */
void bl_scream_on_sent (BlScream *s, uint64_t seq, uint32_t bytes, BlTime now);

/* What one feedback says, or a part of it; in any order, repeated or not. */
void bl_scream_on_feedback (BlScream *s, const BlPacketResult *results,
                            size_t n, BlTime now);

static inline uint64_t
bl_scream_target_bps (const BlScream *s)
{
  return s->target_bps;
}

/* Twice as fast as the target; hardly faster where the path's queue is
 * known to be too short for that. */
uint64_t bl_scream_pacing_bps (const BlScream *s, BlTime now);

/* One packet always may, now and then, when nothing comes back: by it we learn
 * that the path is there again. */
bool bl_scream_may_send (const BlScream *s, uint32_t bytes, BlTime now);

/* So that the rate can climb though the encoder makes too little: how many
 * bytes of padding may leave now, through the pacer, when it has nothing else
 * to send. */
uint32_t bl_scream_padding_bytes (BlScream *s, BlTime now);

/* In an outage sound goes on, and lies in the queue of a modem that keeps it:
 * ten seconds of it are 50 kB, which took a narrow path four seconds when it
 * came back, with the first picture behind. So after half a second, and once as
 * much is on the way as the window holds, one packet each 200 ms has to do; it
 * also finds out when the path is back. After ten seconds all is sent again: no
 * modem keeps it for so long, and perhaps only what comes back is lost. */
bool bl_scream_sound_waits (const BlScream *s, BlTime now);

/* A picture encoded now would only wait. */
bool bl_scream_is_stalled (const BlScream *s, BlTime now);

/* More is on its way than the window holds: a picture encoded now would join
 * the queue that is there already. Never before the first report. */
bool bl_scream_is_full (const BlScream *s);
