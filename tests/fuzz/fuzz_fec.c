/* SPDX-License-Identifier: Apache-2.0
 *
 * Repair packets of a publisher that sends whatever it likes: records of a step
 * (one byte: how far the stream goes on, and which packet of it is lost), a
 * length (two) and as many bytes of a repair's payload. Whatever comes out is
 * within bounds, and of a packet that was missing.
 */
#include "base/blassert.h"
#include "base/reader.h"
#include "rtc/fec_decoder.h"

#define FIRST UINT64_C (0x1ff00)
#define MOST  1024

static BlFecDecoder decoder;
static bool there[MOST];
static unsigned n_sent;

static bool
find (void *user_data, uint64_t seq, BlFecSource *out)
{
  static const uint8_t payload[20] = { 1, 2, 3 };
  if (seq < FIRST || seq >= FIRST + n_sent || !there[seq - FIRST])
    return false;
  *out = (BlFecSource){ .timestamp = (uint32_t)seq,
                        .payload = payload,
                        .length = (uint16_t)(seq % sizeof payload) };
  return true;
}

static void
go_on (uint8_t step)
{
  for (unsigned i = 0; i < step % 16u && n_sent < MOST; i++) {
    there[n_sent] = i != step / 16u;
    n_sent++;
    if (there[n_sent - 1])
      bl_fec_decoder_on_source (&decoder, FIRST + n_sent - 1);
  }
}

static void
take_all (void)
{
  BlFecRecovered got;
  unsigned n = 0;
  while (bl_fec_decoder_take (&decoder, &got)) {
    volatile uint8_t sum = 0;
    BlFecSource source;
    bl_assert (++n <= BL_FEC_ROWS);
    bl_assert (!find (NULL, got.seq, &source));
    for (unsigned i = 0; i < got.source.length; i++)
      sum = (uint8_t)(sum ^ got.source.payload[i]);
    if (got.seq < FIRST || got.seq >= FIRST + n_sent)
      continue;
    there[got.seq - FIRST] = true;
    bl_fec_decoder_on_source (&decoder, got.seq);
  }
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  BlReader r = bl_reader (data, size);
  bl_fec_decoder_init (&decoder, find, NULL);
  n_sent = 0;
  for (uint16_t key = 0; bl_reader_left (&r) > 0; key++) {
    BlFecRepair repair;
    go_on (bl_reader_u8 (&r));
    size_t length = bl_reader_be16 (&r);
    if (length > bl_reader_left (&r))
      length = bl_reader_left (&r);
    const uint8_t *bytes = bl_reader_bytes (&r, length);
    if (!bytes || !bl_fec_parse (bytes, length, &repair))
      continue;
    uint64_t first = (FIRST & ~UINT64_C (0xffff)) + repair.first;
    bl_fec_decoder_on_repair (&decoder, key, first, &repair);
    bl_assert (decoder.n_rows <= BL_FEC_ROWS);
    take_all ();
  }
  return 0;
}
