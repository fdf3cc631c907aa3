/* SPDX-License-Identifier: Apache-2.0
 *
 * A histogram of whole numbers (microseconds, packets) in buckets that double:
 * bucket i counts what is at most 2^i and more than the bucket below holds.
 * Adding is a count of leading zeros and two additions, so that it can stand
 * in the packet path.
 *
 * Invariants: the counts add up to how many values were added; the last bucket
 * takes whatever is too large for the others. All zero is an empty histogram.
 * One writer; a reader gets a copy.
 */
#pragma once

#include <stdint.h>

/* The last but one ends at 2^22: 4 s in microseconds. */
#define BL_HISTOGRAM_BUCKETS 24

typedef struct {
  uint64_t counts[BL_HISTOGRAM_BUCKETS];
  uint64_t sum; /* of the values; of less than nothing: 0 */
} BlHistogram;

/* Which bucket counts `value`. */
static inline unsigned
bl_histogram_bucket (uint64_t value)
{
  if (value <= 1)
    return 0;
  unsigned bucket = 64 - (unsigned)__builtin_clzll (value - 1);
  return bucket < BL_HISTOGRAM_BUCKETS ? bucket : BL_HISTOGRAM_BUCKETS - 1;
}

/* Counts `value` as often as `times` says. Less than nothing (a clock's
 * whim) counts as 0. */
static inline void
bl_histogram_add_many (BlHistogram *histogram, int64_t value, uint64_t times)
{
  uint64_t counted = value > 0 ? (uint64_t)value : 0;
  histogram->counts[bl_histogram_bucket (counted)] += times;
  histogram->sum += counted * times;
}

static inline void
bl_histogram_add (BlHistogram *histogram, int64_t value)
{
  bl_histogram_add_many (histogram, value, 1);
}

/* How many values are at most 2^`bucket`, which is below the last. */
static inline uint64_t
bl_histogram_at_most (const BlHistogram *histogram, unsigned bucket)
{
  uint64_t count = 0;
  for (unsigned i = 0; i <= bucket; i++)
    count += histogram->counts[i];
  return count;
}

static inline uint64_t
bl_histogram_count (const BlHistogram *histogram)
{
  return bl_histogram_at_most (histogram, BL_HISTOGRAM_BUCKETS - 1);
}
