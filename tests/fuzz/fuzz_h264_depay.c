/* SPDX-License-Identifier: Apache-2.0
 *
 * The input is packets, each: what (bit 0: marker, bit 1: the timestamp
 * changes, bits 2-3: packets lost before it), length, payload.
 */
#include "base/blassert.h"
#include "base/reader.h"
#include "rtc/h264_depay.h"

#define CAPACITY 2048

static void
check_au (const BlH264Au *au, uint64_t newest)
{
  bl_assert (au->length > 0 && au->length <= CAPACITY);
  bl_assert (au->first_seq <= au->last_seq && au->last_seq <= newest);
  /* Lengths lead from NAL unit to NAL unit, to the very end. */
  BlReader r = bl_reader (au->data, au->length);
  bool idr = false;
  while (bl_reader_left (&r) > 0) {
    uint32_t length = bl_reader_be32 (&r);
    const uint8_t *nal = bl_reader_bytes (&r, length);
    bl_assert (nal && length > 0);
    idr |= (nal[0] & 0x1f) == BL_H264_IDR;
  }
  bl_assert (bl_reader_ok (&r) && idr == au->keyframe);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  BlReader r = bl_reader (data, size);
  BlH264Depay depay;
  BlH264DepayPacket packet = { .seq = 65536 };
  bl_assert (bl_h264_depay_init (&depay, BL_H264_AVCC, CAPACITY));
  while (bl_reader_left (&r) >= 2) {
    uint8_t what = bl_reader_u8 (&r);
    size_t length = bl_reader_u8 (&r);
    if (length > bl_reader_left (&r))
      length = bl_reader_left (&r);
    packet.payload = bl_reader_bytes (&r, length);
    packet.length = length;
    packet.marker = what & 1;
    packet.timestamp += what & 2 ? 3000 : 0;
    packet.seq += 1 + (what >> 2 & 3);

    BlH264Au au;
    BlH264DepayResult result;
    unsigned rounds = 0;
    do {
      bl_assert (rounds++ < 2);
      result = bl_h264_depay_push (&depay, &packet, &au);
      if (result != BL_H264_DEPAY_MORE)
        check_au (&au, packet.seq);
    } while (result == BL_H264_DEPAY_AGAIN);
  }
  bl_h264_depay_clear (&depay);
  return 0;
}
