/* SPDX-License-Identifier: Apache-2.0 */
#include "histogram.h"

#include <math.h>
#include <stdlib.h>

#define STEP_BITS 6
#define STEPS     (1u << STEP_BITS)

/* Below 64 each value has a slot; above, the 6 bits after the highest. */
static unsigned
slot_of (uint64_t ns)
{
  if (ns < STEPS)
    return (unsigned)ns;
  unsigned octave = 63 - (unsigned)__builtin_clzll (ns);
  unsigned slot = ((octave - STEP_BITS + 1) << STEP_BITS)
                  + ((unsigned)(ns >> (octave - STEP_BITS)) & (STEPS - 1));
  return slot < LG_HISTOGRAM_SLOTS ? slot : LG_HISTOGRAM_SLOTS - 1;
}

static int64_t
middle_of (unsigned slot)
{
  if (slot < STEPS)
    return slot;
  unsigned shift = (slot >> STEP_BITS) - 1;
  uint64_t low = (uint64_t)(STEPS + (slot & (STEPS - 1))) << shift;
  return (int64_t)(low + ((UINT64_C (1) << shift) >> 1));
}

void
lg_histogram_add (LgHistogram *h, int64_t ns)
{
  if (ns < 0)
    ns = 0;
  h->total++;
  h->slots[slot_of ((uint64_t)ns)]++;
  if (ns > h->max_ns)
    h->max_ns = ns;
}

/* How many of `total` are at or below the quantile: at least one. */
static uint64_t
rank_of (uint64_t total, double share)
{
  uint64_t rank = (uint64_t)ceil (share * (double)total);
  return rank < 1 ? 1 : rank > total ? total : rank;
}

int64_t
lg_histogram_quantile (const LgHistogram *h, double share)
{
  uint64_t seen = 0;
  if (h->total == 0)
    return 0;
  for (unsigned i = 0; i < LG_HISTOGRAM_SLOTS; i++) {
    seen += h->slots[i];
    if (seen >= rank_of (h->total, share))
      return middle_of (i) < h->max_ns ? middle_of (i) : h->max_ns;
  }
  return h->max_ns;
}

static int
compare (const void *a, const void *b)
{
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

int64_t
lg_quantile (int64_t *values, unsigned count, double share)
{
  if (count == 0)
    return 0;
  qsort (values, count, sizeof *values, compare);
  return values[rank_of (count, share) - 1];
}
