/* SPDX-License-Identifier: Apache-2.0
 *
 * Which paths a packet takes. Sans I/O: what is known of each path comes in,
 * sets of paths (a bit each) come out.
 *
 *   single     the first path that came, for as long as it is there
 *   failover   the best path; another once it is in doubt
 *   protect    the best path carries everything; the second best carries sound,
 *              keyframes and repairs too, and everything while the first is in
 *              doubt
 *   duplicate  the two best paths carry everything
 *
 * Where two paths carry anything, repair packets take the second alone: what
 * befalls the best one's packets does not befall them.
 *
 * A path is in doubt when its queue or its loss has grown beyond a bound, or
 * when nothing is reported of it. Copies cost the second network's volume, so a
 * path that can't take them (its window is full) is left out by the caller.
 *
 * The best path changes for one that has clearly been better for a while, so
 * that two equal networks don't take turns; when it is in doubt and the other
 * is not, sooner: at once where nothing else carries its packets meanwhile.
 *
 * Invariants: the best path is one that is there; a set is never empty while
 * any path is there; in `single` and `failover` it has one bit.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bltime.h"

#define BL_PATHPLAN_PATHS 4

/* Beyond these a path is in doubt. */
#define BL_PATHPLAN_QUEUE_US     (60 * BL_MS)
#define BL_PATHPLAN_LOSS_PERCENT 3
#define BL_PATHPLAN_SILENT_US    (150 * BL_MS)

/* Another is better if it carries a third more, for so long; or if it is not in
 * doubt while the best one is, for so long where copies bridge the time. */
#define BL_PATHPLAN_BETTER_US (2 * BL_SECOND)
#define BL_PATHPLAN_DOUBT_US  (500 * BL_MS)

typedef enum {
  BL_PATH_MODE_SINGLE,
  BL_PATH_MODE_FAILOVER,
  BL_PATH_MODE_PROTECT,
  BL_PATH_MODE_DUPLICATE,
} BlPathMode;

#define BL_PATH_MODE_CHOICES "single|failover|protect|duplicate"

/* "single", …; false if it is none of them. */
bool bl_path_mode_parse (const char *name, BlPathMode *out_mode);
const char *bl_path_mode_name (BlPathMode mode);

/* What a packet is for. */
typedef enum {
  BL_USE_SOUND,
  BL_USE_KEYFRAME,
  BL_USE_REPAIR, /* RTX */
  BL_USE_FEC,    /* repair packets (rtc/fec.h) */
  BL_USE_PICTURE,
  BL_USE_REPORT, /* RTCP */
} BlPacketUse;

/* What its congestion control says of a path. */
typedef struct {
  BlTime queue_us; /* what its queue holds, estimated */
  uint32_t loss_percent;
  uint64_t rate_bps; /* what it carries, estimated */
} BlPathReport;

typedef struct {
  BlTime unheard_since_us; /* something was sent first since it was heard last;
                              BL_TIME_NEVER: nothing */
  BlTime better_since_us;  /* than the best one; BL_TIME_NEVER: it is not */
  BlPathReport report;
} BlPlannedPath;

typedef struct {
  BlPathMode mode;
  unsigned there; /* a bit for each path */
  unsigned best;  /* counts only if there is one */
  BlPlannedPath paths[BL_PATHPLAN_PATHS];
} BlPathPlan;

void bl_pathplan_init (BlPathPlan *plan, BlPathMode mode);

/* A path has come, or has begun anew; or it is gone. */
void bl_pathplan_add (BlPathPlan *plan, unsigned path);
void bl_pathplan_remove (BlPathPlan *plan, unsigned path, BlTime now);

/* A packet went over each of `paths`. */
void bl_pathplan_on_sent (BlPathPlan *plan, unsigned paths, BlTime now);

/* Feedback came over it; and what was learnt from it. */
void bl_pathplan_on_heard (BlPathPlan *plan, unsigned path);
void bl_pathplan_report (BlPathPlan *plan, unsigned path,
                         const BlPathReport *report);

bool bl_pathplan_in_doubt (const BlPathPlan *plan, unsigned path, BlTime now);

/* For how long nothing has come back over it of what was sent. */
BlTime bl_pathplan_silent_us (const BlPathPlan *plan, unsigned path,
                              BlTime now);

/* The one that is the best but for the best; BL_PATHPLAN_PATHS: there is
 * none. */
unsigned bl_pathplan_second (const BlPathPlan *plan, BlTime now);

/* Chooses the best path anew. Call about every 20 ms. */
void bl_pathplan_on_time (BlPathPlan *plan, BlTime now);

/* The paths for a packet; 0 if there is none. */
unsigned bl_pathplan_choose (const BlPathPlan *plan, BlPacketUse use,
                             BlTime now);
