/* SPDX-License-Identifier: Apache-2.0
 *
 * How many repair packets (rtc/fec.h) go behind a picture, and how far back
 * they reach: nothing on a link that loses nothing, and as much as brings back
 * nearly all before a retransmission could.
 *
 * What each path loses is learnt from totals (rtc/pathmeter.h): the larger of
 * the last second's share and the last ten's, so that it rises at once and
 * falls slowly. A packet that takes two paths is lost on both of them.
 *
 * Sans I/O; one thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bltime.h"
#include "vehicle/pathplan.h"

typedef struct {
  uint64_t arrived, lost; /* totals when last looked at */
  uint32_t fast_arrived, fast_lost, slow_arrived, slow_lost; /* fading sums */
} BlFecPath;

/* All zero at start. Shares are of 65536. */
typedef struct {
  BlTime looked_us;
  BlFecPath paths[BL_PATHPLAN_PATHS];
  uint32_t credit; /* repair packets that are owed, in 65536ths */
} BlFecPlan;

/* Totals of a path, each about BL_FECPLAN_US. */
#define BL_FECPLAN_US (100 * BL_MS)
void bl_fecplan_on_totals (BlFecPlan *plan, unsigned path, uint64_t arrived,
                           uint64_t lost);

/* A path begins anew. */
void bl_fecplan_forget (BlFecPlan *plan, unsigned path);

/* The share that is lost of what takes all of `paths`. */
uint32_t bl_fecplan_loss_q16 (const BlFecPlan *plan, unsigned paths);

/* How many repair packets go behind a picture of `packets`, which took all of
 * `paths`. */
unsigned bl_fecplan_repairs (BlFecPlan *plan, unsigned paths, unsigned packets,
                             bool keyframe);
