/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes and random numbers for the tests of the protocol parsers.
 */
#pragma once

#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define N_OF(array) (sizeof (array) / sizeof (array)[0])

/* Memory of just this size, so that AddressSanitizer sees a read past it. */
static inline uint8_t *
exact_copy (const void *data, size_t length)
{
  uint8_t *copy = malloc (length ? length : 1);
  ck_assert_ptr_nonnull (copy);
  memcpy (copy, data, length);
  return copy;
}

/* xorshift64 from a fixed seed: the same numbers in every run. */
typedef struct {
  uint64_t state;
} Random;

#define RANDOM_SEED ((Random){ .state = 0x9e3779b97f4a7c15 })

static inline uint64_t
random_next (Random *random)
{
  random->state ^= random->state << 13;
  random->state ^= random->state >> 7;
  random->state ^= random->state << 17;
  return random->state;
}

static inline uint32_t
random_below (Random *random, uint32_t limit)
{
  return (uint32_t)(random_next (random) >> 32) % limit;
}
