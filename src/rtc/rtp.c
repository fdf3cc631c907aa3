/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/rtp.h"

#include "base/blassert.h"
#include "base/reader.h"

#define VERSION 2

BlRtpStatus
bl_rtp_parse (const void *data, size_t length, BlRtp *out_rtp)
{
  BlReader r = bl_reader (data, length);
  BlRtp rtp = { 0 };

  uint8_t first = bl_reader_u8 (&r), second = bl_reader_u8 (&r);
  if (!bl_reader_ok (&r))
    return BL_RTP_SHORT;
  if (first >> 6 != VERSION)
    return BL_RTP_BAD_VERSION;

  rtp.marker = second >> 7;
  rtp.payload_type = second & 0x7f;
  rtp.seq = bl_reader_be16 (&r);
  rtp.timestamp = bl_reader_be32 (&r);
  rtp.ssrc = bl_reader_be32 (&r);
  rtp.csrc_count = first & 0x0f;
  rtp.csrcs = bl_reader_bytes (&r, 4 * (size_t)rtp.csrc_count);
  rtp.has_ext = first & 0x10;
  if (rtp.has_ext) {
    rtp.ext_profile = bl_reader_be16 (&r);
    rtp.ext_length = 4 * (uint32_t)bl_reader_be16 (&r);
    rtp.ext = bl_reader_bytes (&r, rtp.ext_length);
  }
  if (!bl_reader_ok (&r))
    return BL_RTP_SHORT;

  size_t left = bl_reader_left (&r);
  if (first & 0x20) {
    if (left == 0 || r.end[-1] == 0 || r.end[-1] > left)
      return BL_RTP_BAD_PADDING;
    rtp.padding = r.end[-1];
  }
  rtp.payload = r.at;
  rtp.payload_length = (uint32_t)(left - rtp.padding);
  *out_rtp = rtp;
  return BL_RTP_OK;
}

void
bl_rtp_write_header (BlWriter *w, const BlRtp *rtp)
{
  bl_assert (rtp->payload_type < 128 && rtp->csrc_count < 16);
  bl_assert (rtp->ext_length % 4 == 0 && rtp->ext_length <= 4 * 0xffff);

  uint8_t *at = bl_writer_reserve (w, BL_RTP_HEADER_BYTES);
  if (!at)
    return;
  /* One reservation, not six: this runs for each packet of each viewer. */
  BlWriter h = bl_writer (at, BL_RTP_HEADER_BYTES);
  bl_writer_u8 (&h,
                (uint8_t)(VERSION << 6 | rtp->has_ext << 4 | rtp->csrc_count));
  bl_writer_u8 (&h, (uint8_t)(rtp->marker << 7 | rtp->payload_type));
  bl_writer_be16 (&h, rtp->seq);
  bl_writer_be32 (&h, rtp->timestamp);
  bl_writer_be32 (&h, rtp->ssrc);

  bl_writer_bytes (w, rtp->csrcs, 4 * (size_t)rtp->csrc_count);
  if (rtp->has_ext) {
    bl_writer_be16 (w, rtp->ext_profile);
    bl_writer_be16 (w, (uint16_t)(rtp->ext_length / 4));
    bl_writer_bytes (w, rtp->ext, rtp->ext_length);
  }
}
