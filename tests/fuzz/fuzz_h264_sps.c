/* SPDX-License-Identifier: Apache-2.0 */
#include "base/blassert.h"
#include "rtc/h264.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  BlH264Sps sps;
  if (!bl_h264_sps_parse (data, size, &sps))
    return 0;
  bl_assert (sps.width > 0 && sps.height > 0);
  bl_assert ((sps.fps_num == 0) == (sps.fps_den == 0));
  bl_assert (bl_h264_sps_profile_level_id (&sps)
             == ((uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3]));
  return 0;
}
