/* SPDX-License-Identifier: Apache-2.0 */
#include "numbers.h"

static uint64_t *
word_of (LgNumbers *n, uint64_t extended)
{
  return &n->seen[extended % LG_NUMBERS_WINDOW / 64];
}

static uint64_t
bit_of (uint64_t extended)
{
  return UINT64_C (1) << (extended % 64);
}

/* Forgets what the places of `from`..`to` stood for a window ago. */
static void
make_room (LgNumbers *n, uint64_t from, uint64_t to)
{
  if (to - from >= LG_NUMBERS_WINDOW)
    from = to - LG_NUMBERS_WINDOW + 1;
  for (uint64_t i = from; i <= to; i++)
    *word_of (n, i) &= ~bit_of (i);
}

/* False if it was noted, or is from before the first or the window. */
static bool
note (LgNumbers *n, uint64_t extended)
{
  if (extended < n->first || extended + LG_NUMBERS_WINDOW <= n->seqs.highest
      || (*word_of (n, extended) & bit_of (extended)))
    return false;
  *word_of (n, extended) |= bit_of (extended);
  return true;
}

LgNumberKind
lg_numbers_on_packet (LgNumbers *n, uint16_t seq, uint64_t *out_extended)
{
  bool first = !n->seqs.started;
  uint64_t before = n->seqs.highest;
  uint64_t extended = bl_seq_unwrap (&n->seqs, seq);
  *out_extended = extended;
  if (first)
    n->first = before = extended;
  if (extended > before)
    make_room (n, before + 1, extended);
  if (!note (n, extended)) {
    n->doubles++;
    return LG_NUMBER_DOUBLE;
  }
  n->received++;
  if (first || extended > before)
    return LG_NUMBER_NEXT;
  n->reordered++;
  return LG_NUMBER_LATE;
}

bool
lg_numbers_on_repair (LgNumbers *n, uint16_t seq)
{
  if (!n->seqs.started)
    return false;
  uint64_t extended = bl_seq_near (n->seqs.highest, seq);
  if (extended > n->seqs.highest || !note (n, extended))
    return false;
  n->repaired++;
  return true;
}
