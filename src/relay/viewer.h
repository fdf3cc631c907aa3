/* SPDX-License-Identifier: Apache-2.0
 *
 * A viewer of a source: how it joins, what it asks for, what it is told.
 *
 * For each track it has a cursor into the source's arrivals (rtc/history.h),
 * and all that is ever sent is "from the cursor on", a bounded number of
 * packets a visit: live, joining, and going on after the socket was full.
 * bl_viewer_serve is the visit, and may_pass() in viewer_send.c the one place
 * that decides whether a packet goes to this viewer, and now.
 *
 * Sound begins with the first packet after the connection. Video:
 *
 *   WAITING ──an IDR is in the history──▸ JOINING ──caught up──▸ LIVE
 *      ▴                                                           │
 *      └──────────────the cursor's packet is gone──────────────────┘
 *
 * JOINING begins at the last IDR, which leaves nearly at once, and goes on
 * several times as fast as the stream runs, with what arrives meanwhile behind
 * it. If that IDR is old, a new one is asked for too. Whoever is behind, in a
 * join or because the socket was full, goes on from a newer IDR when there is
 * one: what was left out takes no sequence numbers.
 *
 * One whose link is smaller than the stream is given fewer pictures
 * (relay/thinner.h). While it is given keyframes only, its way goes from one to
 * the next, each sent at the pace that its link carries.
 *
 * Invariants:
 * - Cursors only go forward. So each arrival is sent at most once, in order.
 * - A viewer that is up and has something to send now is in its feed's round,
 *   or its join timer is set.
 */
#pragma once

#include "relay/fanout.h"
#include "relay/source.h"
#include "relay/thinner.h"
#include "rtc/joinpacer.h"

typedef enum {
  BL_JOIN_WAITING,
  BL_JOIN_JOINING,
  BL_JOIN_LIVE,
} BlJoinState;

/* A join runs at this many times the stream's rate, and at least at this. */
#define BL_JOIN_SPEED        4
#define BL_JOIN_MIN_RATE_BPS 4000000

/* Of the IDR, as much leaves at once, and the rest of it at this rate: it is
 * what the viewer waits for. */
#define BL_JOIN_FIRST_BYTES  65536
#define BL_JOIN_KEY_RATE_BPS 100000000

/* The most packets of one visit: few enough that nobody waits long for his
 * turn, enough that a picture leaves with one system call. */
#define BL_VIEWER_VISIT_PACKETS 16

/* A viewer so far behind goes on from a newer IDR, if there is one. */
#define BL_VIEWER_LATE_US (500 * BL_MS)

/* One whose link has room for keyframes alone is given none that is older: its
 * page would cover it as not live. */
#define BL_VIEWER_KEY_OLD_US (1 * BL_SECOND)

/* How long a join is no sign of a link that is too small. */
#define BL_JOIN_PARDON_US (3 * BL_SECOND)

/* A join from an IDR older than this also asks for a new one. */
#define BL_JOIN_LONG_US (2500 * BL_MS)

typedef struct {
  BlLoop *loop;          /* borrowed */
  BlSource *source;      /* borrowed */
  BlTimer *source_timer; /* borrowed: hastened when a keyframe is wanted */
  BlSession *session;    /* owned */
  bool up;

  BlOutTrack tracks[BL_N_TRACKS];
  uint16_t transport_seq;

  BlJoinState join;
  uint64_t key_seq;       /* the IDR that it has joined at, or looked at last */
  uint32_t key_timestamp; /* the IDR's that it has joined at */
  uint64_t join_rate_bps; /* behind that IDR */
  BlJoinPacer pacer;
  uint64_t paced; /* arrivals that the pacer knows of */
  BlTimer join_timer;

  BlDownlink link;
  BlThinner thinner;

  BlTimer report_timer;
  uint8_t fir_seq_nr;
  bool fir_seen;
  uint32_t rrtr_ssrc; /* the viewer's last RRTR; 0: none */
  uint32_t rrtr_middle;
  BlTime rrtr_at_us;

  BlViewerStats stats;
} BlViewer;

/* Makes its session too. All that is borrowed outlives it. */
BlViewer *bl_viewer_new (BlLoop *loop, BlSessionId id, BlSourceId source_id,
                         const BlSessionSetup *setup, BlSource *source,
                         BlTimer *source_timer);

/* Says goodbye to the peer. Accepts NULL. */
void bl_viewer_free (BlViewer *viewer);

/* A visit: sends from the cursor on what may go now, at most
 * BL_VIEWER_VISIT_PACKETS. Returns how many were sent; `out_more`: a further
 * visit would find more. Sends nothing while the socket is full. */
unsigned bl_viewer_serve (BlViewer *viewer, BlTrackKind kind, bool *out_more);

/* What a visit will need, in BL_VIEWER_PREFETCH_STEPS steps, from that number
 * down to 1, each some visits before (base/prefetch.h): a viewer's state has
 * left the cache since the last picture. */
#define BL_VIEWER_PREFETCH_STEPS (BL_SESSION_PREFETCH_STEPS + 1)
void bl_viewer_prefetch (const BlViewer *viewer, BlTrackKind kind,
                         unsigned step);

void bl_viewer_stats (const BlViewer *viewer, BlViewerStats *out_stats);
