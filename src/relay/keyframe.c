/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/keyframe.h"

void
bl_keyframe_init (BlKeyframe *keyframe)
{
  *keyframe = (BlKeyframe){ .last_sent_us = BL_TIME_NEVER };
}

void
bl_keyframe_want (BlKeyframe *keyframe)
{
  keyframe->wanted = true;
}

BlTime
bl_keyframe_due (const BlKeyframe *keyframe)
{
  if (!keyframe->wanted)
    return BL_TIME_NEVER;
  if (keyframe->last_sent_us == BL_TIME_NEVER)
    return 0;
  return keyframe->last_sent_us + BL_KEYFRAME_INTERVAL_US;
}

void
bl_keyframe_on_sent (BlKeyframe *keyframe, BlTime now)
{
  keyframe->last_sent_us = now;
}

void
bl_keyframe_on_arrival (BlKeyframe *keyframe)
{
  keyframe->wanted = false;
}

void
bl_keyframe_on_new_publisher (BlKeyframe *keyframe)
{
  keyframe->last_sent_us = BL_TIME_NEVER;
}
