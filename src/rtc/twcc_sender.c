/* SPDX-License-Identifier: Apache-2.0
 *
 * The sender's side: reading feedback, matching it with what was sent.
 */
#include "rtc/twcc.h"

#define RESERVED 3 /* status symbol */

static bool
is_run (uint16_t chunk)
{
  return !(chunk & 0x8000);
}

static uint16_t
symbols_in (uint16_t chunk)
{
  if (is_run (chunk))
    return chunk & 0x1fff;
  return chunk & 0x4000 ? 7 : 14;
}

/* Also the number of bytes that its delta takes. */
static unsigned
symbol_at (uint16_t chunk, unsigned index)
{
  if (is_run (chunk))
    return chunk >> 13 & 3;
  if (chunk & 0x4000)
    return chunk >> (12 - 2 * index) & 3;
  return chunk >> (13 - index) & 1;
}

/* Adds up the bytes of the deltas that the first `n` symbols of `chunk` call
 * for; false if one is the reserved symbol. */
static bool
count_deltas (uint16_t chunk, uint32_t n, size_t *bytes)
{
  uint32_t times = is_run (chunk) ? n : 1, symbols = is_run (chunk) ? 1 : n;
  for (uint32_t i = 0; i < symbols; i++) {
    unsigned symbol = symbol_at (chunk, i);
    if (symbol == RESERVED)
      return false;
    *bytes += (size_t)symbol * times;
  }
  return true;
}

BlTwccStatus
bl_twcc_parse (const uint8_t *fci, size_t length, BlTwccFeedback *out_feedback)
{
  BlReader r = bl_reader (fci, length);
  BlTwccFeedback f = { 0 };
  f.base_seq = bl_reader_be16 (&r);
  f.status_count = bl_reader_be16 (&r);
  f.reference = bl_reader_be24 (&r);
  f.feedback_count = bl_reader_u8 (&r);
  if (!bl_reader_ok (&r))
    return BL_TWCC_SHORT;
  if (f.status_count == 0)
    return BL_TWCC_EMPTY;

  const uint8_t *chunks = r.at;
  uint32_t left = f.status_count;
  size_t delta_bytes = 0;
  while (left > 0) {
    uint16_t chunk = bl_reader_be16 (&r);
    if (!bl_reader_ok (&r))
      return BL_TWCC_SHORT;
    uint32_t n = symbols_in (chunk) < left ? symbols_in (chunk) : left;
    if (n > 0 && !count_deltas (chunk, n, &delta_bytes))
      return BL_TWCC_BAD_SYMBOL;
    left -= n;
  }
  f.chunks = bl_reader (chunks, (size_t)(r.at - chunks));
  f.deltas = bl_reader_sub (&r, delta_bytes);
  if (!bl_reader_ok (&r))
    return BL_TWCC_SHORT;
  *out_feedback = f;
  return BL_TWCC_OK;
}

bool
bl_twcc_next (BlTwccFeedback *f, BlTwccResult *out_result)
{
  if (f->done == f->status_count)
    return false;
  while (f->chunk_left == 0) {
    f->chunk = bl_reader_be16 (&f->chunks);
    if (!bl_reader_ok (&f->chunks))
      return false;
    f->chunk_left = symbols_in (f->chunk);
  }
  unsigned symbol
      = symbol_at (f->chunk, (unsigned)(symbols_in (f->chunk) - f->chunk_left));
  f->chunk_left--;

  BlTwccResult result
      = { .seq = (uint16_t)(f->base_seq + f->done), .received = symbol != 0 };
  f->done++;
  if (result.received) {
    f->offset_ticks += symbol == 1 ? bl_reader_u8 (&f->deltas)
                                   : (int16_t)bl_reader_be16 (&f->deltas);
    result.offset_us = f->offset_ticks * BL_TWCC_TICK_US;
  }
  *out_result = result;
  return true;
}

void
bl_twcc_sender_init (BlTwccSender *s)
{
  *s = (BlTwccSender){ .next_seq = BL_SEQ_CYCLE };
}

uint16_t
bl_twcc_sender_on_sent (BlTwccSender *s, uint32_t bytes, BlTime now)
{
  uint64_t seq = s->next_seq++;
  s->slots[seq % BL_TWCC_SENT]
      = (BlTwccSentSlot){ .seq = seq, .sent_us = now, .bytes = bytes };
  return (uint16_t)seq;
}

/* The 24-bit reference time, extended next to the last one. */
static int64_t
extend_reference (BlTwccSender *s, uint32_t reference)
{
  if (!s->has_reference) {
    s->has_reference = true;
    s->reference = reference;
  }
  uint32_t step = (reference - (uint32_t)s->reference) & 0xffffff;
  int64_t extended = s->reference + step;
  if (step & 0x800000)
    extended -= 0x1000000;
  if (extended > s->reference)
    s->reference = extended;
  return extended;
}

bool
bl_twcc_sender_next_ack (BlTwccSender *s, BlTwccFeedback *feedback,
                         BlTwccAck *out_ack)
{
  int64_t reference = extend_reference (s, feedback->reference);
  BlTwccResult result;
  while (bl_twcc_next (feedback, &result)) {
    uint64_t seq = bl_seq_near (s->next_seq - 1, result.seq);
    BlTwccSentSlot *slot = &s->slots[seq % BL_TWCC_SENT];
    if (slot->seq != seq || slot->acked)
      continue;
    slot->acked = result.received;
    *out_ack = (BlTwccAck){
      .seq = seq,
      .sent_us = slot->sent_us,
      .bytes = slot->bytes,
      .received = result.received,
      .received_us = result.received
                         ? reference * BL_TWCC_REFERENCE_US + result.offset_us
                         : 0,
    };
    return true;
  }
  return false;
}
