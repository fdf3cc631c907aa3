/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/keyframe.h"

void
bl_keyframe_init (BlKeyframe *keyframe)
{
  *keyframe = (BlKeyframe){ .last_sent_us = BL_TIME_NEVER,
                            .last_arrival_us = BL_TIME_NEVER };
}

void
bl_keyframe_want (BlKeyframe *keyframe)
{
  keyframe->wanted = true;
}

void
bl_keyframe_want_seldom (BlKeyframe *keyframe, BlTime now)
{
  keyframe->wanted_seldom = true;
  if (keyframe->last_arrival_us == BL_TIME_NEVER)
    keyframe->last_arrival_us = now;
}

BlTime
bl_keyframe_due (const BlKeyframe *keyframe)
{
  BlTime sent_us = keyframe->last_sent_us;
  if (keyframe->wanted)
    return sent_us == BL_TIME_NEVER ? 0 : sent_us + BL_KEYFRAME_INTERVAL_US;
  if (!keyframe->wanted_seldom)
    return BL_TIME_NEVER;
  BlTime last_us = keyframe->last_arrival_us;
  if (sent_us != BL_TIME_NEVER && sent_us > last_us)
    last_us = sent_us;
  return last_us + BL_KEYFRAME_SELDOM_US;
}

void
bl_keyframe_on_sent (BlKeyframe *keyframe, BlTime now)
{
  keyframe->last_sent_us = now;
}

void
bl_keyframe_on_arrival (BlKeyframe *keyframe, BlTime now)
{
  keyframe->wanted = keyframe->wanted_seldom = false;
  keyframe->last_arrival_us = now;
}

void
bl_keyframe_on_new_publisher (BlKeyframe *keyframe)
{
  keyframe->last_sent_us = BL_TIME_NEVER;
}
