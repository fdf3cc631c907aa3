/* SPDX-License-Identifier: Apache-2.0
 *
 * The receiver's side: noting arrivals, writing feedback.
 */
#include "rtc/twcc.h"

#include "base/blassert.h"
#include "rtc/rtcp.h"

#define FORMAT             15
#define HEADER_BYTES       20 /* up to the first chunk */
#define TICKS_IN_REFERENCE (BL_TWCC_REFERENCE_US / BL_TWCC_TICK_US)
#define MAX_RUN            0x1fff
#define ONE_BIT_SYMBOLS    14 /* in one status vector chunk */
#define TWO_BIT_SYMBOLS    7

enum { LOST, SMALL_DELTA, LARGE_DELTA };

void
bl_twcc_receiver_init (BlTwccReceiver *r)
{
  *r = (BlTwccReceiver){ 0 };
}

static bool
has_arrived (const BlTwccReceiver *r, uint64_t seq)
{
  return r->slots[seq % BL_TWCC_WINDOW].seq == seq;
}

void
bl_twcc_receiver_on_packet (BlTwccReceiver *r, uint16_t transport_seq,
                            BlTime arrival_us)
{
  bool first = !r->seqs.started;
  uint64_t seq = bl_seq_unwrap (&r->seqs, transport_seq);
  uint64_t age = r->seqs.highest - seq;

  if (age >= BL_TWCC_WINDOW || has_arrived (r, seq))
    return;
  r->slots[seq % BL_TWCC_WINDOW]
      = (BlTwccArrivalSlot){ .seq = seq, .arrival_us = arrival_us };
  r->latest_us = arrival_us;
  if (first || seq < r->next)
    r->next = seq;
  if (r->seqs.highest - r->next >= BL_TWCC_WINDOW)
    r->next = r->seqs.highest - BL_TWCC_WINDOW + 1;
}

/* Whether feedback says of `seq` that it was received. */
static bool
counts (const BlTwccReceiver *r, uint64_t seq)
{
  BlTime arrival_us = r->slots[seq % BL_TWCC_WINDOW].arrival_us;
  return has_arrived (r, seq)
         && (seq >= r->reported
             || r->latest_us - arrival_us <= BL_TWCC_AGAIN_US);
}

bool
bl_twcc_receiver_has_news (const BlTwccReceiver *r)
{
  /* One that counts is always left: the latest to arrive, or the highest. */
  return r->seqs.started && r->next <= r->seqs.highest;
}

/* What one feedback packet will say. */
typedef struct {
  uint32_t reference;
  size_t n_statuses;
  size_t delta_bytes;
  uint8_t symbols[BL_TWCC_WINDOW];
  int16_t deltas[BL_TWCC_WINDOW]; /* ticks; of the received ones */
} Plan;

/* The most bytes that chunks for `n` statuses take: whatever write_chunk()
 * chooses, each chunk but the last covers at least TWO_BIT_SYMBOLS. */
static size_t
most_chunk_bytes (size_t n)
{
  return 2 * ((n + TWO_BIT_SYMBOLS - 1) / TWO_BIT_SYMBOLS);
}

static uint64_t
first_that_counts (const BlTwccReceiver *r, uint64_t seq)
{
  while (!counts (r, seq))
    seq++;
  return seq;
}

/* Plans for as many statuses from r->next on as fit into `room` bytes after
 * the header; stops too before a delta that has no 16 bits. */
static void
plan (const BlTwccReceiver *r, size_t room, Plan *p)
{
  uint64_t first = first_that_counts (r, r->next);
  int64_t reference
      = r->slots[first % BL_TWCC_WINDOW].arrival_us / BL_TWCC_REFERENCE_US;
  int64_t last_ticks = reference * TICKS_IN_REFERENCE;

  p->reference = (uint32_t)reference & 0xffffff;
  p->n_statuses = p->delta_bytes = 0;
  for (uint64_t seq = r->next; seq <= r->seqs.highest; seq++) {
    uint8_t symbol = LOST;
    int64_t delta = 0;
    if (counts (r, seq)) {
      delta = r->slots[seq % BL_TWCC_WINDOW].arrival_us / BL_TWCC_TICK_US
              - last_ticks;
      if (delta < INT16_MIN || delta > INT16_MAX)
        break;
      symbol = delta >= 0 && delta <= UINT8_MAX ? SMALL_DELTA : LARGE_DELTA;
    }
    /* A small delta takes one byte, a large one two: the symbol's number. */
    size_t bytes
        = most_chunk_bytes (p->n_statuses + 1) + p->delta_bytes + symbol;
    if ((bytes + 3) / 4 * 4 > room)
      break;
    p->symbols[p->n_statuses] = symbol;
    p->deltas[p->n_statuses] = (int16_t)delta;
    p->n_statuses++;
    p->delta_bytes += symbol;
    last_ticks += delta;
  }
}

/* Writes the chunk that says most about the `n` symbols at `symbols`; says how
 * many it covers. */
static size_t
write_chunk (BlWriter *w, const uint8_t *symbols, size_t n)
{
  size_t run = 1, in_vector = ONE_BIT_SYMBOLS;
  while (run < n && run < MAX_RUN && symbols[run] == symbols[0])
    run++;
  for (size_t i = 0; i < n && i < ONE_BIT_SYMBOLS; i++)
    if (symbols[i] == LARGE_DELTA)
      in_vector = TWO_BIT_SYMBOLS;

  if (run == n || run >= in_vector) {
    bl_writer_be16 (w, (uint16_t)(symbols[0] << 13 | run));
    return run;
  }
  bool two_bits = in_vector == TWO_BIT_SYMBOLS;
  unsigned width = two_bits ? 2 : 1, shift = 14;
  unsigned chunk = two_bits ? 0xc000 : 0x8000;
  size_t used = n < in_vector ? n : in_vector;
  for (size_t i = 0; i < used; i++) {
    shift -= width;
    chunk |= (unsigned)symbols[i] << shift;
  }
  bl_writer_be16 (w, (uint16_t)chunk);
  return used;
}

static void
write_plan (BlWriter *w, const Plan *p)
{
  for (size_t i = 0; i < p->n_statuses;)
    i += write_chunk (w, p->symbols + i, p->n_statuses - i);
  for (size_t i = 0; i < p->n_statuses; i++)
    if (p->symbols[i] != LOST)
      bl_writer_be (w, (uint16_t)p->deltas[i], p->symbols[i]);
}

/* Past the `n` just reported, and what doesn't count of those before. */
static void
go_on (BlTwccReceiver *r, size_t n)
{
  r->next += n;
  while (r->next < r->reported && !counts (r, r->next))
    r->next++;
  if (r->next > r->reported)
    r->reported = r->next;
}

bool
bl_twcc_receiver_write (BlTwccReceiver *r, BlWriter *w, uint32_t sender_ssrc,
                        uint32_t media_ssrc)
{
  size_t room = w->failed ? 0 : (size_t)(w->end - w->at);
  if (!bl_twcc_receiver_has_news (r) || room < BL_TWCC_MIN_ROOM_BYTES)
    return false;

  Plan p;
  plan (r, room - HEADER_BYTES, &p);
  bl_assert (p.n_statuses > 0);

  const uint8_t *start = w->at;
  bl_writer_u8 (w, 2 << 6 | FORMAT);
  bl_writer_u8 (w, BL_RTCP_PT_RTPFB);
  uint8_t *words = bl_writer_reserve (w, 2);
  bl_writer_be32 (w, sender_ssrc);
  bl_writer_be32 (w, media_ssrc);
  bl_writer_be16 (w, (uint16_t)r->next);
  bl_writer_be16 (w, (uint16_t)p.n_statuses);
  bl_writer_be24 (w, p.reference);
  bl_writer_u8 (w, r->feedback_count);
  write_plan (w, &p);

  /* Zeros up to a whole word, without the P bit: that is only for the last
   * packet of a compound, and this may not be the last. */
  size_t length = (size_t)(w->at - start);
  bl_writer_zeros (w, -length % 4);
  BlWriter patch = bl_writer (words, 2);
  bl_writer_be16 (&patch, (uint16_t)((length + 3) / 4 - 1));

  bl_assert (bl_writer_ok (w));
  go_on (r, p.n_statuses);
  r->feedback_count++;
  return true;
}
