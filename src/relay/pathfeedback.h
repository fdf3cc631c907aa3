/* SPDX-License-Identifier: Apache-2.0
 *
 * What came from a publisher over each of its paths, and when: a record of
 * arrivals for each, and the reports on them (RFC 8888). A vehicle sends by
 * each network what that one carries, so a report goes back by the very path
 * that it is about.
 *
 * A packet that was sent over two paths arrives twice, and is in the report on
 * either, though only the first is of use.
 *
 * A path's reports are BL_PATHFEEDBACK_US apart at least, and leave when there
 * is something to tell; a lone packet after another report waits for company
 * until BL_PATHFEEDBACK_LONE_US after that one.
 *
 * Invariants: no two paths have the same peer address; at most BL_PATHS_MAX.
 * For one more, that which was silent longest gives way. What a path takes (98
 * KB) is taken with its first packet.
 *
 * Sans I/O: times come in, reports go out.
 */
#pragma once

#include "base/writer.h"
#include "relay/paths.h"
#include "rtc/ccfb.h"

#define BL_PATHFEEDBACK_US      (10 * BL_MS)
#define BL_PATHFEEDBACK_LONE_US (50 * BL_MS)

/* What is known of a packet from its headers alone. */
typedef struct {
  uint32_t ssrc;
  uint16_t seq;
  BlEcn ecn;
} BlArrival;

typedef struct {
  BlPath path;
  BlTime heard_us;
  BlTime reported_us;
  BlTime due_us;        /* of the next report; NEVER: nothing is new */
  unsigned waiting;     /* packets since the last report */
  BlCcfbReceiver *seen; /* owned */
} BlPathArrivals;

typedef struct {
  BlTime began_us;
  BlNtp began_ntp;
  unsigned n;
  BlPathArrivals paths[BL_PATHS_MAX];
} BlPathFeedback;

/* `ntp` is the wall clock at `now`; only how time passes since counts. */
void bl_pathfeedback_init (BlPathFeedback *f, BlTime now, BlNtp ntp);
void bl_pathfeedback_clear (BlPathFeedback *f);

/* A packet arrived over `path`, its copies included. How long before it came
 * over another path; -1 if it did not. */
BlTime bl_pathfeedback_on_arrival (BlPathFeedback *f, const BlPath *path,
                                   const BlArrival *arrival, BlTime now);

/* When a report is due; BL_TIME_NEVER: there is none. */
BlTime bl_pathfeedback_due (const BlPathFeedback *f);

/* Appends a report that is due and says by which path it goes (borrowed until
 * the next call); NULL, and nothing appended, if there is none. Call it until
 * then. `w` has room for BL_CCFB_MIN_ROOM_BYTES at least. */
const BlPath *bl_pathfeedback_write (BlPathFeedback *f, BlWriter *w,
                                     uint32_t own_ssrc, BlTime now);
