/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/fecplan.h"

#define ONE 65536u

#define FAST_SHIFT 3
#define SLOW_SHIFT 6

/* A path that loses less than this counts as clean. */
#define LEAST_LOSS_Q16 (ONE / 100)
#define LEAST_LOST     3

/* Repair packets: so much of what is lost, so many more behind each picture and
 * behind each keyframe (65536ths of one), but never more than the picture has.
 * Up to 5 % lost it is twice what is lost; the more is lost, the more of it
 * meets the same pictures. What two paths lose of the same packets is little,
 * and comes in one heap.
 */
#define MARGIN_LEAST_PERCENT  200
#define MARGIN_MOST_PERCENT   350
#define MARGIN_COPIES_PERCENT 800
#define EACH_Q16              (ONE / 2)
#define KEYFRAME_Q16          (2 * ONE)

void
bl_fecplan_forget (BlFecPlan *plan, unsigned path)
{
  plan->paths[path] = (BlFecPath){ 0 };
}

/* Sums are kept in 256ths so that they fade evenly. */
static void
add (uint32_t *sum, uint64_t value, unsigned shift)
{
  *sum += (uint32_t)(value << 8) - (*sum >> shift);
}

void
bl_fecplan_on_totals (BlFecPlan *plan, unsigned path, uint64_t arrived,
                      uint64_t lost)
{
  BlFecPath *p = &plan->paths[path];
  uint64_t new_arrived = arrived - p->arrived, new_lost = lost - p->lost;
  p->arrived = arrived;
  p->lost = lost;
  add (&p->fast_arrived, new_arrived, FAST_SHIFT);
  add (&p->fast_lost, new_lost, FAST_SHIFT);
  add (&p->slow_arrived, new_arrived, SLOW_SHIFT);
  add (&p->slow_lost, new_lost, SLOW_SHIFT);
}

static uint32_t
share (uint32_t lost, uint32_t arrived)
{
  uint64_t all = (uint64_t)lost + arrived;
  return all == 0 ? 0 : (uint32_t)((uint64_t)lost * ONE / all);
}

static uint32_t
loss_of (const BlFecPath *p)
{
  uint32_t fast = share (p->fast_lost, p->fast_arrived);
  uint32_t slow = share (p->slow_lost, p->slow_arrived);
  uint32_t loss = fast > slow ? fast : slow;
  return p->slow_lost < LEAST_LOST << 8 || loss < LEAST_LOSS_Q16 ? 0 : loss;
}

uint32_t
bl_fecplan_loss_q16 (const BlFecPlan *plan, unsigned paths)
{
  uint64_t loss = paths == 0 ? 0 : ONE;
  for (unsigned i = 0; i < BL_PATHPLAN_PATHS; i++)
    if (paths >> i & 1)
      loss = loss * loss_of (&plan->paths[i]) / ONE;
  return (uint32_t)loss;
}

static uint64_t
margin_percent (uint64_t loss_q16, bool copies)
{
  uint64_t percent = 100 + 2000 * loss_q16 / ONE;
  if (copies)
    return MARGIN_COPIES_PERCENT;
  if (percent < MARGIN_LEAST_PERCENT)
    return MARGIN_LEAST_PERCENT;
  return percent < MARGIN_MOST_PERCENT ? percent : MARGIN_MOST_PERCENT;
}

unsigned
bl_fecplan_repairs (BlFecPlan *plan, unsigned paths, unsigned packets,
                    bool keyframe)
{
  uint64_t loss = bl_fecplan_loss_q16 (plan, paths);
  if (loss == 0) {
    plan->credit = 0;
    return 0;
  }
  /* So many are lost of each that arrives. */
  uint64_t rate = loss * ONE / (ONE - loss + 1);
  bool copies = (paths & (paths - 1)) != 0;
  uint64_t owed = packets * rate * margin_percent (loss, copies) / 100
                  + EACH_Q16 + (keyframe ? KEYFRAME_Q16 : 0);
  if (owed > (uint64_t)packets * ONE)
    owed = (uint64_t)packets * ONE;
  owed += plan->credit;
  plan->credit = (uint32_t)(owed % ONE);
  return (unsigned)(owed / ONE);
}
