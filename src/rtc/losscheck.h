/* SPDX-License-Identifier: Apache-2.0
 *
 * Is loss our own doing? A radio loses packets at any rate; a queue of a few
 * packets loses them because we send too fast. Where no queue delay tells the
 * two apart, an experiment does: send less for a moment. Loss that falls with
 * the rate is congestion; loss that stays is the path's own, and from then on
 * only more than it counts.
 *
 * Sans I/O; one thread. Integers only: the same input gives the same verdicts.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bltime.h"

/* Loss is judged over rounds of at least so much; a trial lasts no longer than
 * the last of these, however few the packets. */
#define BL_LOSSCHECK_PACKETS  400
#define BL_LOSSCHECK_ROUND_US (500 * BL_MS)
#define BL_LOSSCHECK_TRIAL_US (2 * BL_SECOND)

typedef enum {
  BL_LOSSCHECK_NOTHING,
  BL_LOSSCHECK_SLOW_DOWN, /* send less until the next verdict but NOTHING */
  BL_LOSSCHECK_OURS,      /* it helped: this is congestion */
  BL_LOSSCHECK_NOT_OURS,  /* it did not: send as before */
} BlLossVerdict;

/* All zero at start. Shares are of 65536. */
typedef struct {
  uint32_t own_q16; /* the path's own loss, as far as known */
  uint32_t suspected_q16;
  bool trial;
  bool ours;       /* the last trial said so */
  BlTime round_us; /* when the round begins; packets before don't count */
  uint32_t arrived, lost;
} BlLossCheck;

/* What a feedback told. `settle_us` is how long a change of rate takes to show:
 * a round trip. */
BlLossVerdict bl_losscheck_on_feedback (BlLossCheck *c, uint32_t arrived,
                                        uint32_t lost, BlTime settle_us,
                                        BlTime now);
