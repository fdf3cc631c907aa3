/* SPDX-License-Identifier: Apache-2.0
 *
 * RTP headers, their extensions and RTX. What parses must survive being
 * written again: the header byte for byte in meaning, the values in either
 * form.
 */
#include <string.h>

#include "base/blassert.h"
#include "rtc/rtp.h"
#include "rtc/rtpext.h"
#include "rtc/rtx.h"

static const BlRtpExtMap maps[] = {
  { .id = { 1, 2, 3, 4, 5, 14 } },
  { .id = { 1, 2, 3, 4, 5, 255 } }, /* two-byte form */
  { .id = { 0, 0, 3 } },
};

static void
rewrite_header (const BlRtp *rtp)
{
  static uint8_t buffer[BL_RTP_HEADER_BYTES + 60 + 4 + 4 * 0xffff];
  BlWriter w = bl_writer (buffer, sizeof buffer);
  BlRtp again;
  bl_rtp_write_header (&w, rtp);
  bl_assert (bl_writer_ok (&w));
  bl_assert (bl_rtp_parse (buffer, bl_writer_length (&w), &again) == BL_RTP_OK);
  bl_assert (again.seq == rtp->seq && again.ssrc == rtp->ssrc
             && again.timestamp == rtp->timestamp && again.marker == rtp->marker
             && again.payload_type == rtp->payload_type
             && again.ext_length == rtp->ext_length);
}

static void
rewrite_values (const BlRtp *rtp, const BlRtpExtMap *map)
{
  uint8_t buffer[BL_RTP_HEADER_BYTES + BL_RTP_EXT_MAX_BYTES];
  BlRtpExtValues values, again;
  BlRtpExtOffsets offsets;
  BlRtp rewritten;

  bl_rtp_ext_parse (rtp, map, &values);
  BlWriter w = bl_writer (buffer, sizeof buffer);
  bl_rtp_ext_write (&w, rtp, map, &values, &offsets);
  bl_assert (bl_writer_ok (&w));
  bl_rtp_ext_patch_transport_seq (buffer, &offsets, values.transport_seq);
  bl_rtp_ext_patch_abs_send_time (buffer, &offsets, values.abs_send_time);
  bl_assert (bl_rtp_parse (buffer, bl_writer_length (&w), &rewritten)
             == BL_RTP_OK);
  bl_assert (bl_rtp_ext_parse (&rewritten, map, &again));
  /* A mid of zeros alone reads as empty and is not written. */
  bl_assert (
      (values.present & ~again.present & ~BL_RTP_EXT_BIT (BL_RTP_EXT_MID))
      == 0);
  bl_assert (!bl_rtp_ext_has (&values, BL_RTP_EXT_ABS_CAPTURE_TIME)
             || values.capture_ntp == again.capture_ntp);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  BlRtp rtp, original;
  if (bl_rtp_parse (data, size, &rtp) != BL_RTP_OK)
    return 0;
  bl_assert (rtp.payload + rtp.payload_length + rtp.padding == data + size);
  rewrite_header (&rtp);
  for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++)
    rewrite_values (&rtp, &maps[i]);
  if (bl_rtx_unwrap (&rtp, 1, 96, &original))
    bl_assert (original.payload + original.payload_length
               == rtp.payload + rtp.payload_length);
  return 0;
}
