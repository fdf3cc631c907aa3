/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/losscheck.h"

#define ONE 65536

/* Loss comes in bursts, so that a round's share is a rough guess: what exceeds
 * the path's own by less than half of it and these points is noise. Fewer will
 * do when loss was our doing the last time. */
#define MARGIN      (7 * ONE / 100)
#define OURS_MARGIN (4 * ONE / 100)

static void
start_round (BlLossCheck *c, BlTime at)
{
  c->round_us = at;
  c->arrived = c->lost = 0;
}

static BlLossVerdict
judge_trial (BlLossCheck *c, uint32_t share_q16)
{
  c->trial = false;
  /* Bursts alone often halve it by chance. */
  c->ours = share_q16 < c->suspected_q16 / 3;
  if (c->ours)
    return BL_LOSSCHECK_OURS;
  c->own_q16 = (share_q16 + c->suspected_q16) / 2;
  return BL_LOSSCHECK_NOT_OURS;
}

static bool
round_is_over (const BlLossCheck *c, BlTime now)
{
  BlTime lasted = now - c->round_us;
  if (c->trial && lasted >= BL_LOSSCHECK_TRIAL_US)
    return true;
  return lasted >= BL_LOSSCHECK_ROUND_US
         && c->arrived + c->lost >= BL_LOSSCHECK_PACKETS;
}

BlLossVerdict
bl_losscheck_on_feedback (BlLossCheck *c, uint32_t arrived, uint32_t lost,
                          BlTime settle_us, BlTime now)
{
  if (now < c->round_us)
    return BL_LOSSCHECK_NOTHING;
  c->arrived += arrived;
  c->lost += lost;
  uint32_t packets = c->arrived + c->lost;
  if (packets == 0 || !round_is_over (c, now))
    return BL_LOSSCHECK_NOTHING;

  uint32_t share_q16 = (uint32_t)((uint64_t)c->lost * ONE / packets);
  start_round (c, now);
  if (c->trial)
    return judge_trial (c, share_q16);
  uint32_t margin_q16 = c->ours ? OURS_MARGIN : MARGIN;
  if (share_q16 > c->own_q16 + c->own_q16 / 2 + margin_q16) {
    c->trial = true;
    c->suspected_q16 = share_q16;
    start_round (c, now + settle_us);
    return BL_LOSSCHECK_SLOW_DOWN;
  }
  /* What we did ourselves is not to be learnt as the path's own. */
  if (!c->ours || share_q16 < c->own_q16)
    c->own_q16 += (uint32_t)(((int64_t)share_q16 - c->own_q16) / 8);
  return BL_LOSSCHECK_NOTHING;
}
