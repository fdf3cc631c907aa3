/* SPDX-License-Identifier: Apache-2.0
 *
 * How much may leave, and by which paths: congestion control of each path
 * (rtc/scream.h), fed by what is reported of it, and the plan of which packet
 * takes which (vehicle/pathplan.h).
 *
 * Where the other end speaks RFC 8888 as our relay does, a report that comes
 * over a path is of that path. Else there is one transport-wide report for all
 * of them: then one control stands for whatever path is the best, and no copies
 * are sent.
 *
 * In `protect` the second path takes over as soon as nothing comes back by the
 * best one: before that is in doubt, as its control would let nothing leave
 * meanwhile. What has gone into the silence is repaired at once, by the second.
 * For that it has to be known what the second carries, which the little that it
 * is given doesn't tell: its window is warmed by padding when it comes, and
 * again each minute unless it is as wide as the best one's.
 *
 * Sans I/O; one thread.
 */
#pragma once

#include "rtc/ccfb.h"
#include "rtc/packetresult.h"
#include "vehicle/fecplan.h"
#include "vehicle/pathplan.h"

typedef struct BlFlow BlFlow;

typedef struct {
  BlPathMode mode;
  bool per_path; /* reports are RFC 8888, of the path that they come over */
  uint64_t start_bps, max_bps; /* of all that leaves */
} BlFlowOptions;

/* NULL if there is no memory (about 0.5 MB a path). */
BlFlow *bl_flow_new (const BlFlowOptions *options);
/* Accepts NULL. */
void bl_flow_free (BlFlow *flow);

/* A path has come, or works anew; or it is gone. */
void bl_flow_add_path (BlFlow *flow, unsigned path);
void bl_flow_remove_path (BlFlow *flow, unsigned path, BlTime now);

/* The paths for a packet of `bytes`, a bit each. Reports always have one while
 * there is any, and so has sound (whatever its bytes) but in an outage
 * (bl_scream_sound_waits()); for all else it is 0 when no window has room. */
unsigned bl_flow_choose (const BlFlow *flow, BlPacketUse use, uint32_t bytes,
                         BlTime now);

/* It left by `paths`, as bl_flow_choose() said. */
void bl_flow_on_sent (BlFlow *flow, unsigned paths, uint32_t ssrc, uint16_t seq,
                      uint32_t bytes, BlTime now);

/* Has the best path fallen silent, where a second one can take its place? Says
 * so once each time. */
bool bl_flow_take_silence (BlFlow *flow, BlTime now);

/* It left by the best path alone, and nothing has come back since. */
bool bl_flow_is_unheard (const BlFlow *flow, uint32_t ssrc, uint16_t seq);

/* An authentic compound came over `path`. */
void bl_flow_on_heard (BlFlow *flow, unsigned path);

/* A report of RFC 8888 that came over it, from its beginning. */
void bl_flow_on_ccfb (BlFlow *flow, unsigned path, const BlCcfbReport *report,
                      BlTime now);

/* What transport-cc says; numbers as of bl_flow_on_sent() calls, from 1 on. */
void bl_flow_on_results (BlFlow *flow, const BlPacketResult *results,
                         unsigned n, BlTime now);

/* Call about every 20 ms. */
void bl_flow_on_time (BlFlow *flow, BlTime now);

/* What all that leaves may come to. */
uint64_t bl_flow_target_bps (const BlFlow *flow, BlTime now);

/* How fast packets of video may follow one another. */
uint64_t bl_flow_pacing_bps (const BlFlow *flow, BlTime now);

/* Nothing comes back from the path that counts. */
bool bl_flow_is_stalled (const BlFlow *flow, BlTime now);

/* What is encoded now would only wait: it is stalled, or its window full. */
bool bl_flow_is_blocked (const BlFlow *flow, BlTime now);

/* The path on which a packet of padding would help to find out whether there is
 * room for more; 0: on none. */
unsigned bl_flow_choose_padding (BlFlow *flow, uint32_t bytes, BlTime now);

/* How many repair packets go behind a picture of `packets`. */
unsigned bl_flow_repairs (BlFlow *flow, unsigned packets, bool keyframe,
                          BlTime now);

/* Shall what leaves by it be marked as ECT(1)? Only where reports tell what
 * became of that, and as long as it gets through (rtc/ecncheck.h). */
bool bl_flow_may_mark (const BlFlow *flow, unsigned path);

typedef struct {
  bool there, best, second, in_doubt;
  BlTime silent_us; /* nothing has come back for so long of what was sent */
  BlTime rtt_us, queue_us; /* 0: not known yet */
  uint32_t loss_percent;
  uint64_t target_bps;
} BlFlowPath;

BlFlowPath bl_flow_path (const BlFlow *flow, unsigned path, BlTime now);
