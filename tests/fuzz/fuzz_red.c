/* SPDX-License-Identifier: Apache-2.0
 *
 * Redundant sound: what parses lies within the payload, makes up all of it, and
 * is written anew to the same bytes.
 */
#include <string.h>

#include "base/blassert.h"
#include "rtc/opus.h"
#include "rtc/red.h"

static uint8_t buffer[65536];

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  BlRed red;
  bl_assert (bl_opus_ticks (data, size) <= 5760);
  if (!bl_red_parse (data, size, &red))
    return 0;
  bl_assert (red.n >= 1 && red.n <= BL_RED_BLOCKS);
  const uint8_t *at = red.blocks[0].data;
  for (unsigned i = 0; i < red.n; i++) {
    bl_assert (red.blocks[i].data == at);
    at += red.blocks[i].length;
  }
  bl_assert (at == data + size);

  BlWriter w = bl_writer (buffer, sizeof buffer);
  bl_red_write (&w, red.blocks, red.n);
  bl_assert (bl_writer_ok (&w) && bl_writer_length (&w) == size);
  bl_assert (memcmp (buffer, data, size) == 0);
  return 0;
}
