/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/rtx.h"

void
bl_rtx_write_payload (BlWriter *w, uint16_t original_seq,
                      const uint8_t *payload, size_t length)
{
  bl_writer_be16 (w, original_seq);
  bl_writer_bytes (w, payload, length);
}

bool
bl_rtx_unwrap (const BlRtp *rtx, uint32_t original_ssrc,
               uint8_t original_payload_type, BlRtp *out_rtp)
{
  if (rtx->payload_length < BL_RTX_OSN_BYTES)
    return false;
  BlRtp rtp = *rtx;
  rtp.ssrc = original_ssrc;
  rtp.payload_type = original_payload_type;
  rtp.seq = (uint16_t)(rtx->payload[0] << 8 | rtx->payload[1]);
  rtp.payload += BL_RTX_OSN_BYTES;
  rtp.payload_length -= BL_RTX_OSN_BYTES;
  *out_rtp = rtp;
  return true;
}
