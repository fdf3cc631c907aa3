/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/rates.h"

#include "rtc/h264.h"

static uint32_t
bps (uint64_t bytes, BlTime span_us)
{
  return (uint32_t)(bytes * 8 * 1000000 / (uint64_t)span_us);
}

static void
begin_span (BlRates *rates, BlTime now)
{
  rates->began = now;
  rates->all_bytes = rates->disposable_bytes = rates->sound_bytes = 0;
}

static void
end_span (BlRates *rates, BlTime now)
{
  BlTime span_us = now - rates->began;
  /* After a pause there is nothing to be said of it. */
  if (span_us < 2 * BL_RATES_SPAN_US) {
    rates->last.all_bps = bps (rates->all_bytes, span_us);
    rates->last.referenced_bps
        = bps (rates->all_bytes - rates->disposable_bytes, span_us);
    rates->last.sound_bps = bps (rates->sound_bytes, span_us);
  }
  begin_span (rates, now);
}

static void
weigh_key (BlRates *rates, const BlHistoryMeta *meta, uint32_t bytes)
{
  if (meta->timestamp != rates->key_timestamp || rates->key_bytes == 0)
    rates->key_bytes = 0;
  rates->key_timestamp = meta->timestamp;
  rates->key_bytes += bytes;
  /* The newest is not whole yet, but the last one is no longer all of it. */
  if (rates->key_bytes > rates->last.key_bytes || meta->marker)
    rates->last.key_bytes = rates->key_bytes;
}

void
bl_rates_on_packet (BlRates *rates, const BlHistoryMeta *meta)
{
  uint32_t bytes = meta->payload_length + BL_RATES_OVERHEAD_BYTES;
  if (rates->all_bytes == 0)
    begin_span (rates, meta->received_us);
  else if (meta->received_us - rates->began >= BL_RATES_SPAN_US)
    end_span (rates, meta->received_us);

  rates->all_bytes += bytes;
  if (meta->audio)
    rates->sound_bytes += bytes;
  if (meta->h264 & BL_H264_DISPOSABLE)
    rates->disposable_bytes += bytes;
  if (meta->h264 & BL_H264_HAS_IDR)
    weigh_key (rates, meta, bytes);
}
