/* SPDX-License-Identifier: Apache-2.0
 *
 * Times counted by size: exact to 1/64 of the value, any number of them in a
 * fixed memory. One thread.
 */
#pragma once

#include <stdint.h>

/* 64 steps an octave, up to 2^40 ns (18 minutes). */
#define LG_HISTOGRAM_SLOTS (64 * 36)

typedef struct {
  uint64_t total;
  int64_t max_ns; /* exact */
  uint32_t slots[LG_HISTOGRAM_SLOTS];
} LgHistogram;

/* Negative ones count as 0, longer ones as the longest. */
void lg_histogram_add (LgHistogram *histogram, int64_t ns);

/* The least value that `share` (0..1) of all do not exceed; 0 without any. The
 * middle of its step, but never above the maximum. */
int64_t lg_histogram_quantile (const LgHistogram *histogram, double share);

/* The same of `count` exact values, which get sorted; 0 without any. */
int64_t lg_quantile (int64_t *values, unsigned count, double share);
