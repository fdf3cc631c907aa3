/* SPDX-License-Identifier: Apache-2.0 */
#include "base/connection.h"

BlConnection
bl_connection_judge (const BlConnectionFigures *figures)
{
  const BlConnectionFigures *f = figures;
  if (f->silent_us >= BL_CONNECTION_LOST_US)
    return BL_CONNECTION_LOST;
  if (f->silent_us >= BL_CONNECTION_FRESH_US || f->loss >= BL_CONNECTION_LOSS
      || f->queue_us >= BL_CONNECTION_QUEUE_US
      || f->age_us >= BL_CONNECTION_AGE_US
      || (f->video_bps >= 0 && f->video_bps < BL_CONNECTION_VIDEO_BPS))
    return BL_CONNECTION_POOR;
  return BL_CONNECTION_GOOD;
}

const char *
bl_connection_name (BlConnection connection)
{
  static const char *const names[] = {
    [BL_CONNECTION_GOOD] = "good",
    [BL_CONNECTION_POOR] = "poor",
    [BL_CONNECTION_LOST] = "lost",
  };
  return names[connection];
}
