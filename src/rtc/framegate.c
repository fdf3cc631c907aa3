/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/framegate.h"

BlTime
bl_framegate_backlog (const BlFrameGateState *state, BlTime now)
{
  if (state->queued_bytes == 0)
    return 0;
  if (state->target_bps == 0)
    return BL_TIME_NEVER;
  BlTime waited = now - state->oldest_us;
  BlTime takes = (BlTime)((uint64_t)state->queued_bytes * 8 * BL_SECOND
                          / state->target_bps);
  return waited > takes ? waited : takes;
}

BlFrameGateVerdict
bl_framegate_ask (const BlFrameGateState *state, BlTime now)
{
  if (state->queued_bytes > 0 && now - state->oldest_us >= BL_FRAMEGATE_LATE_US)
    return BL_FRAMEGATE_DROP;
  if (state->blocked
      || bl_framegate_backlog (state, now) > BL_FRAMEGATE_BACKLOG_US)
    return BL_FRAMEGATE_SHUT;
  return BL_FRAMEGATE_OPEN;
}
