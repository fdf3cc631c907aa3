/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/red.h"

#include "base/blassert.h"
#include "base/reader.h"

#define FOLLOWED     0x80 /* F: another header comes after this one */
#define PAYLOAD_TYPE 0x7f
#define LENGTH_BITS  10

bool
bl_red_parse (const uint8_t *payload, size_t length, BlRed *out_red)
{
  BlReader r = bl_reader (payload, length);
  BlRed red = { 0 };
  bool followed = length <= UINT16_MAX;
  while (followed && bl_reader_ok (&r)) {
    if (red.n == BL_RED_BLOCKS)
      return false;
    BlRedBlock *block = &red.blocks[red.n++];
    uint8_t first = bl_reader_u8 (&r);
    block->payload_type = first & PAYLOAD_TYPE;
    followed = first & FOLLOWED;
    if (followed) {
      uint32_t rest = bl_reader_be24 (&r);
      block->back = (uint16_t)(rest >> LENGTH_BITS);
      block->length = rest & BL_RED_MAX_BYTES;
    }
  }
  for (unsigned i = 0; i < red.n; i++) {
    BlRedBlock *block = &red.blocks[i];
    if (i == red.n - 1)
      block->length = (uint16_t)bl_reader_left (&r);
    block->data = bl_reader_bytes (&r, block->length);
  }
  if (!bl_reader_ok (&r) || red.n == 0)
    return false;
  *out_red = red;
  return true;
}

void
bl_red_write (BlWriter *w, const BlRedBlock *blocks, unsigned n)
{
  bl_assert (n > 0);
  for (unsigned i = 0; i < n - 1; i++) {
    const BlRedBlock *block = &blocks[i];
    bl_assert (block->back <= BL_RED_MAX_BACK
               && block->length <= BL_RED_MAX_BYTES);
    bl_writer_u8 (w, FOLLOWED | block->payload_type);
    bl_writer_be24 (w, (uint32_t)block->back << LENGTH_BITS | block->length);
  }
  bl_writer_u8 (w, blocks[n - 1].payload_type);
  for (unsigned i = 0; i < n; i++)
    bl_writer_bytes (w, blocks[i].data, blocks[i].length);
}
