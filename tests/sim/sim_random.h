/* SPDX-License-Identifier: Apache-2.0
 *
 * Random numbers that are the same everywhere from the same seed (splitmix64).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct {
  uint64_t state;
} SimRandom;

/* 0 .. below - 1. */
static inline uint32_t
sim_random_below (SimRandom *r, uint32_t below)
{
  uint64_t z = r->state += UINT64_C (0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * UINT64_C (0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C (0x94d049bb133111eb);
  return (uint32_t)(((z ^ z >> 31) >> 32) * below >> 32);
}

/* True `ppm` times in a million. */
static inline bool
sim_random_hit (SimRandom *r, uint32_t ppm)
{
  return sim_random_below (r, 1000000) < ppm;
}
