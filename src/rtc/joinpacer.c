/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/joinpacer.h"

#include "base/blassert.h"

void
bl_joinpacer_init (BlJoinPacer *pacer, uint64_t rate_bps, uint32_t first_bytes,
                   BlTime now)
{
  bl_assert (rate_bps > 0);
  *pacer = (BlJoinPacer){ .rate_bps = rate_bps,
                          .next_us = now,
                          .free_bytes = first_bytes };
}

void
bl_joinpacer_set_rate (BlJoinPacer *pacer, uint64_t rate_bps)
{
  bl_assert (rate_bps > 0);
  pacer->rate_bps = rate_bps;
}

void
bl_joinpacer_on_live (BlJoinPacer *pacer, uint32_t bytes)
{
  pacer->free_bytes += bytes;
}

BlTime
bl_joinpacer_next_send (const BlJoinPacer *pacer)
{
  return pacer->free_bytes > 0 ? 0 : pacer->next_us;
}

void
bl_joinpacer_on_sent (BlJoinPacer *pacer, uint32_t bytes, BlTime now)
{
  if (pacer->free_bytes > 0) {
    pacer->free_bytes -= bytes;
    return;
  }
  if (pacer->next_us < now - BL_JOINPACER_BURST_US)
    pacer->next_us = now - BL_JOINPACER_BURST_US;
  pacer->next_us
      += (BlTime)(((uint64_t)bytes * 8 * 1000000 + pacer->rate_bps - 1)
                  / pacer->rate_bps);
}
