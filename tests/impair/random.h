/* SPDX-License-Identifier: Apache-2.0
 *
 * A seeded stream of numbers (SplitMix64): the same seed, the same numbers, on
 * every machine. A stream for each purpose, so that one setting's draws don't
 * move another's.
 */
#pragma once

#include <stdint.h>

typedef struct {
  uint64_t state;
} ImpairRandom;

static inline uint64_t
impair_random_u64 (ImpairRandom *random)
{
  uint64_t z = random->state += UINT64_C (0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C (0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C (0x94d049bb133111eb);
  return z ^ (z >> 31);
}

/* From 0 on, less than 1. */
static inline double
impair_random_share (ImpairRandom *random)
{
  return (double)(impair_random_u64 (random) >> 11) / (double)(1ull << 53);
}

static inline ImpairRandom
impair_random_init (uint64_t seed, uint64_t purpose)
{
  ImpairRandom random = { seed };
  random.state = impair_random_u64 (&random) ^ (purpose << 32);
  return random;
}
