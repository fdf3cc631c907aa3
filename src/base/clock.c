/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <time.h>

static int64_t
read_us (clockid_t id)
{
  struct timespec ts;
  clock_gettime (id, &ts);
  return (int64_t)ts.tv_sec * BL_SECOND + ts.tv_nsec / 1000;
}

BlTime
bl_clock_now (void)
{
  return read_us (CLOCK_MONOTONIC);
}

BlNtp
bl_clock_ntp (void)
{
  return bl_ntp_from_unix_us (bl_clock_unix_us ());
}

int64_t
bl_clock_unix_us (void)
{
  return read_us (CLOCK_REALTIME);
}
