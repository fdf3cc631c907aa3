/* SPDX-License-Identifier: Apache-2.0
 *
 * Time is an argument. Every module that depends on time takes a BlTime; only
 * the daemons read a clock (base/clock.h), so a test can run hours in a second.
 */
#pragma once

#include <stdint.h>

/* Microseconds on the monotonic clock. */
typedef int64_t BlTime;

#define BL_TIME_NEVER INT64_MAX
#define BL_MS         ((BlTime)1000)
#define BL_SECOND     ((BlTime)1000000)

/* Wall-clock time as NTP's 32.32 fixed point (RFC 5905 section 6). */
typedef uint64_t BlNtp;

/* Seconds from the NTP epoch (1900) to the Unix epoch (1970). */
#define BL_NTP_UNIX_OFFSET UINT64_C (2208988800)

/* A difference of two NTP times in microseconds; wraps like the times do. */
static inline int64_t
bl_ntp_diff_us (BlNtp later, BlNtp earlier)
{
  int64_t diff = (int64_t)(later - earlier);
  return (diff >> 32) * BL_SECOND
         + (int64_t)(((uint64_t)(diff & 0xffffffff) * 1000000) >> 32);
}

static inline BlNtp
bl_ntp_add_us (BlNtp ntp, int64_t us)
{
  int64_t seconds = us / BL_SECOND, rest = us % BL_SECOND;
  if (rest < 0) {
    rest += BL_SECOND;
    seconds--;
  }
  return ntp + ((uint64_t)seconds << 32) + (((uint64_t)rest << 32) / 1000000);
}

static inline BlNtp
bl_ntp_from_unix_us (int64_t unix_us)
{
  return bl_ntp_add_us (BL_NTP_UNIX_OFFSET << 32, unix_us);
}

static inline int64_t
bl_ntp_to_unix_us (BlNtp ntp)
{
  return bl_ntp_diff_us (ntp, BL_NTP_UNIX_OFFSET << 32);
}

/* The middle 32 bits, as RTCP's LSR carries them (RFC 3550 section 6.4.1). */
static inline uint32_t
bl_ntp_middle (BlNtp ntp)
{
  return (uint32_t)(ntp >> 16);
}
