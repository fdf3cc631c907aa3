/* SPDX-License-Identifier: Apache-2.0
 *
 * The input is an access unit in Annex B: what is paid out must come back.
 */
#include <stdlib.h>
#include <string.h>

#include "base/blassert.h"
#include "rtc/h264_depay.h"
#include "rtc/h264_pay.h"

#define MAX_PAYLOAD 100

/* The access unit with long start codes, less what isn't sent. False if it has
 * NAL unit types that RTP has no room for. */
static bool
normalise (const uint8_t *data, size_t size, BlWriter *w)
{
  static const uint8_t start_code[4] = { 0, 0, 0, 1 };
  BlH264Iter iter = bl_h264_iter (data, size);
  BlH264Nal nal;
  while (bl_h264_iter_next (&iter, &nal)) {
    unsigned type = bl_h264_nal_type (&nal);
    if (type == 0 || type > 23 || nal.data[0] & 0x80)
      return false;
    if (type == BL_H264_AUD || type == BL_H264_FILLER)
      continue;
    bl_writer_bytes (w, start_code, 4);
    bl_writer_bytes (w, nal.data, nal.length);
  }
  return true;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  size_t capacity = 4 * size + 16;
  uint8_t *expected = malloc (capacity), bytes[MAX_PAYLOAD];
  BlWriter w = bl_writer (expected, capacity);
  BlH264Depay depay;
  bl_assert (expected);
  bl_assert (bl_h264_depay_init (&depay, BL_H264_ANNEX_B, capacity));
  bool comparable = normalise (data, size, &w);
  bl_assert (bl_writer_ok (&w));

  BlH264Pay pay;
  BlH264Payload payload;
  BlH264Au au = { 0 };
  bool marker = false;
  bl_h264_pay_init (&pay, data, size, MAX_PAYLOAD);
  for (uint64_t seq = 1; bl_h264_pay_next (&pay, &payload); seq++) {
    bl_assert (!marker);
    marker = payload.marker;
    BlWriter out = bl_writer (bytes, sizeof bytes);
    bl_h264_payload_write (&payload, &out);
    bl_assert (bl_writer_ok (&out)
               && bl_writer_length (&out) == payload.length);
    BlH264DepayPacket packet = { seq, 0, marker, bytes, payload.length };
    BlH264DepayResult result = bl_h264_depay_push (&depay, &packet, &au);
    bl_assert (!comparable || (result == BL_H264_DEPAY_AU) == marker);
  }
  if (comparable) {
    bl_assert (au.length == bl_writer_length (&w));
    bl_assert (au.length == 0 || memcmp (au.data, expected, au.length) == 0);
  }
  bl_h264_depay_clear (&depay);
  free (expected);
  return 0;
}
