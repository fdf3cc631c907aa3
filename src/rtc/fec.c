/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/fec.h"

#include "base/blassert.h"
#include "base/reader.h"
#include "rtc/gf256.h"

#define MARKER 0x8000

uint8_t
bl_fec_coefficient (uint16_t key, uint64_t seq)
{
  /* The finaliser of MurmurHash3: each bit of both tells in each bit. */
  uint32_t h = (uint32_t)key << 16 | (uint16_t)seq;
  h = (h ^ h >> 16) * UINT32_C (0x85ebca6b);
  h = (h ^ h >> 13) * UINT32_C (0xc2b2ae35);
  h ^= h >> 16;
  return (uint8_t)(1 + h % 255);
}

void
bl_fec_add_symbol (uint8_t *sum, size_t length, uint8_t coefficient,
                   const BlFecSource *source)
{
  uint8_t header[BL_FEC_SYMBOL_HEADER_BYTES];
  BlWriter w = bl_writer (header, sizeof header);
  bl_writer_be16 (&w,
                  (uint16_t)(source->length | (source->marker ? MARKER : 0)));
  bl_writer_be32 (&w, source->timestamp);
  bl_assert (sizeof header + source->length <= length);
  bl_gf256_add_multiple (sum, header, coefficient, sizeof header);
  bl_gf256_add_multiple (sum + sizeof header, source->payload, coefficient,
                         source->length);
}

bool
bl_fec_read_symbol (const uint8_t *symbol, size_t length, BlFecSource *out)
{
  BlReader r = bl_reader (symbol, length);
  uint16_t first = bl_reader_be16 (&r);
  BlFecSource source = {
    .timestamp = bl_reader_be32 (&r),
    .marker = (first & MARKER) != 0,
    .length = (uint16_t)(first & ~MARKER),
  };
  source.payload = bl_reader_bytes (&r, source.length);
  if (!bl_reader_ok (&r))
    return false;
  *out = source;
  return true;
}

bool
bl_fec_write (BlWriter *w, uint16_t key, uint64_t first, unsigned count,
              BlFecFind find, void *user_data)
{
  bl_assert (count >= 1 && count <= BL_FEC_WINDOW_MOST);
  BlFecSource source;
  size_t longest = 0;
  for (unsigned i = 0; i < count; i++) {
    if (!find (user_data, first + i, &source))
      return false;
    if (source.length > longest)
      longest = source.length;
  }
  bl_writer_be16 (w, (uint16_t)first);
  bl_writer_u8 (w, (uint8_t)count);
  size_t length = BL_FEC_SYMBOL_HEADER_BYTES + longest;
  uint8_t *sum = bl_writer_reserve (w, length);
  if (!sum)
    return false;
  memset (sum, 0, length);
  for (unsigned i = 0; i < count; i++)
    if (find (user_data, first + i, &source))
      bl_fec_add_symbol (sum, length, bl_fec_coefficient (key, first + i),
                         &source);
  return true;
}

bool
bl_fec_parse (const uint8_t *payload, size_t length, BlFecRepair *out)
{
  BlReader r = bl_reader (payload, length);
  BlFecRepair repair
      = { .first = bl_reader_be16 (&r), .count = bl_reader_u8 (&r) };
  size_t left = bl_reader_left (&r);
  repair.sum = bl_reader_bytes (&r, left);
  if (!bl_reader_ok (&r) || repair.count == 0
      || repair.count > BL_FEC_WINDOW_MOST || left < BL_FEC_SYMBOL_HEADER_BYTES
      || left > BL_FEC_SYMBOL_MOST)
    return false;
  repair.length = (uint16_t)left;
  *out = repair;
  return true;
}
