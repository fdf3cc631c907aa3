/* SPDX-License-Identifier: Apache-2.0
 *
 * A viewer of a source: how it joins, what it asks for, what it is told.
 *
 * Sound begins with the first packet after the connection. Video:
 *
 *   WAITING ──an IDR is in the history──▸ JOINING ──caught up──▸ LIVE
 *
 * JOINING sends the group of pictures since the last IDR, several times as fast
 * as the stream runs, with what arrives meanwhile behind it, in order. If that
 * IDR is old, a new one is asked for too, and the join goes on from there when
 * it comes: what was left out takes no sequence numbers.
 *
 * Invariant: each packet of the source since the join, but for those left out,
 * is sent exactly once: by the join if its number is `cursor` or higher when it
 * arrives, else at once.
 */
#pragma once

#include "relay/fanout.h"
#include "relay/source.h"
#include "rtc/joinpacer.h"

typedef enum {
  BL_JOIN_WAITING,
  BL_JOIN_JOINING,
  BL_JOIN_LIVE,
} BlJoinState;

/* A join runs at this many times the stream's rate, and at least at this. */
#define BL_JOIN_SPEED        4
#define BL_JOIN_MIN_RATE_BPS 4000000

/* A join from an IDR older than this also asks for a new one. */
#define BL_JOIN_LONG_US (2500 * BL_MS)

/* Repairs for one viewer: what may be sent at once, and the refill. */
#define BL_REPAIR_BURST_BYTES 100000
#define BL_REPAIR_RATE_BPS    2000000

typedef struct {
  BlLoop *loop;          /* borrowed */
  BlSource *source;      /* borrowed */
  BlTimer *source_timer; /* borrowed: hastened when a keyframe is wanted */
  BlSession *session;    /* owned */
  bool up;

  BlOutTrack tracks[BL_N_TRACKS];
  uint16_t transport_seq;

  BlJoinState join;
  uint64_t cursor; /* JOINING: the next number of the source to send */
  BlJoinPacer pacer;
  BlTimer join_timer;

  BlTimer report_timer;
  uint8_t fir_seq_nr;
  bool fir_seen;
  uint32_t rrtr_ssrc; /* the viewer's last RRTR; 0: none */
  uint32_t rrtr_middle;
  BlTime rrtr_at_us;

  uint64_t repair_bytes; /* what the bucket holds */
  BlTime repair_at_us;   /* when it was last filled */

  BlViewerStats stats;
} BlViewer;

/* Makes its session too. All that is borrowed outlives it. */
BlViewer *bl_viewer_new (BlLoop *loop, BlSessionId id, BlSourceId source_id,
                         const BlSessionSetup *setup, BlSource *source,
                         BlTimer *source_timer);

/* Says goodbye to the peer. Accepts NULL. */
void bl_viewer_free (BlViewer *viewer);

/* Sends what is fresh in the source. */
void bl_viewer_forward (BlViewer *viewer);

void bl_viewer_stats (const BlViewer *viewer, BlViewerStats *out_stats);
