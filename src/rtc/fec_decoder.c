/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/fec_decoder.h"

#include <string.h>

#include "rtc/gf256.h"

void
bl_fec_decoder_init (BlFecDecoder *d, BlFecFind find, void *user_data)
{
  d->find = find;
  d->user_data = user_data;
  d->started = false;
  d->newest = 0;
  d->steps = 0;
  d->n_rows = 0;
  for (unsigned i = 0; i <= BL_FEC_ROWS; i++)
    d->order[i] = &d->rows[i];
}

void
bl_fec_decoder_forget (BlFecDecoder *d)
{
  d->n_rows = 0;
}

static uint8_t *
coefficient_of (BlFecRow *row, uint64_t seq)
{
  return &row->coefficients[seq % BL_FEC_SPAN];
}

static void
add_row (BlFecDecoder *d, BlFecRow *to, const BlFecRow *from, uint8_t factor)
{
  if (factor == 0)
    return;
  d->steps++;
  to->changed = true;
  bl_gf256_add_multiple (to->coefficients, from->coefficients, factor,
                         BL_FEC_SPAN);
  bl_gf256_add_multiple (to->symbol, from->symbol, factor, from->length);
  if (from->length > to->length)
    to->length = from->length;
}

/* The row stays where it is in memory; only its place in the order is given
 * up. */
static void
remove_row (BlFecDecoder *d, unsigned index)
{
  BlFecRow *row = d->order[index];
  d->order[index] = d->order[--d->n_rows];
  d->order[d->n_rows] = row;
}

static void
remove_oldest (BlFecDecoder *d)
{
  unsigned oldest = 0;
  for (unsigned i = 1; i < d->n_rows; i++)
    if (d->order[i]->pivot < d->order[oldest]->pivot)
      oldest = i;
  remove_row (d, oldest);
}

/* The lowest number that the row tells of; false if it tells nothing. */
static bool
find_pivot (const BlFecDecoder *d, BlFecRow *row)
{
  for (uint64_t seq = d->newest - BL_FEC_SPAN + 1; seq <= d->newest; seq++)
    if (*coefficient_of (row, seq) != 0) {
      row->pivot = seq;
      return true;
    }
  return false;
}

/* The row behind the last one in use becomes one of them, if it tells
 * anything that the others don't. */
static bool
take_in (BlFecDecoder *d)
{
  BlFecRow *row = d->order[d->n_rows];
  for (unsigned i = 0; i < d->n_rows; i++)
    add_row (d, row, d->order[i], *coefficient_of (row, d->order[i]->pivot));
  if (!find_pivot (d, row))
    return false;
  uint8_t inverse = bl_gf256_inverse (*coefficient_of (row, row->pivot));
  bl_gf256_scale (row->coefficients, inverse, BL_FEC_SPAN);
  bl_gf256_scale (row->symbol, inverse, row->length);
  d->steps++;
  row->changed = true;
  for (unsigned i = 0; i < d->n_rows; i++)
    add_row (d, d->order[i], row, *coefficient_of (d->order[i], row->pivot));
  d->n_rows++;
  if (d->n_rows > BL_FEC_ROWS)
    remove_oldest (d);
  return true;
}

/* Forgets what has fallen out of the span that ends at `newest`. */
static void
move_on (BlFecDecoder *d, uint64_t newest)
{
  if (d->started && newest <= d->newest)
    return;
  for (unsigned i = d->n_rows; i-- > 0;)
    if (d->order[i]->pivot + BL_FEC_SPAN <= newest)
      remove_row (d, i);
  d->newest = newest;
  d->started = true;
}

static bool
is_missing (const BlFecDecoder *d, uint64_t first, unsigned count)
{
  BlFecSource source;
  for (unsigned i = 0; i < count; i++)
    if (!d->find (d->user_data, first + i, &source))
      return true;
  return false;
}

/* Takes what is known of a row off it. */
static void
take_off (BlFecDecoder *d, BlFecRow *row, uint64_t seq)
{
  uint8_t *coefficient = coefficient_of (row, seq);
  BlFecSource source;
  if (*coefficient == 0 || !d->find (d->user_data, seq, &source)
      || (size_t)BL_FEC_SYMBOL_HEADER_BYTES + source.length
             > sizeof row->symbol)
    return;
  if (row->length < BL_FEC_SYMBOL_HEADER_BYTES + source.length)
    row->length = (uint16_t)(BL_FEC_SYMBOL_HEADER_BYTES + source.length);
  bl_fec_add_symbol (row->symbol, row->length, *coefficient, &source);
  d->steps++;
  row->changed = true;
  *coefficient = 0;
}

BlFecVerdict
bl_fec_decoder_on_repair (BlFecDecoder *d, uint16_t key, uint64_t first,
                          const BlFecRepair *repair)
{
  uint64_t last = first + repair->count - 1;
  if (d->started && first + BL_FEC_SPAN <= d->newest)
    return BL_FEC_STALE;
  d->steps++;
  if (!is_missing (d, first, repair->count))
    return BL_FEC_NEEDLESS;
  move_on (d, last);
  BlFecRow *row = d->order[d->n_rows];
  memset (row->coefficients, 0, sizeof row->coefficients);
  memset (row->symbol + repair->length, 0, sizeof row->symbol - repair->length);
  memcpy (row->symbol, repair->sum, repair->length);
  row->length = repair->length;
  for (uint64_t seq = first; seq <= last; seq++) {
    *coefficient_of (row, seq) = bl_fec_coefficient (key, seq);
    take_off (d, row, seq);
  }
  return take_in (d) ? BL_FEC_USED : BL_FEC_NEEDLESS;
}

void
bl_fec_decoder_on_source (BlFecDecoder *d, uint64_t seq)
{
  if (d->n_rows == 0 || seq > d->newest || seq + BL_FEC_SPAN <= d->newest)
    return;
  for (unsigned i = 0; i < d->n_rows; i++)
    take_off (d, d->order[i], seq);
  for (unsigned i = 0; i < d->n_rows; i++)
    if (d->order[i]->pivot == seq) {
      remove_row (d, i);
      take_in (d);
      return;
    }
}

static bool
is_solved (BlFecRow *row)
{
  unsigned others = 0;
  if (!row->changed)
    return false;
  row->changed = false;
  for (unsigned i = 0; i < BL_FEC_SPAN; i++)
    others += row->coefficients[i] != 0;
  return others == 1;
}

bool
bl_fec_decoder_take (BlFecDecoder *d, BlFecRecovered *out)
{
  for (unsigned i = 0; i < d->n_rows; i++) {
    BlFecRow *row = d->order[i];
    if (!is_solved (row))
      continue;
    remove_row (d, i--);
    if (!bl_fec_read_symbol (row->symbol, row->length, &out->source))
      continue;
    out->seq = row->pivot;
    return true;
  }
  return false;
}
