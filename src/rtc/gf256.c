/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/gf256.h"

#include "base/blassert.h"

/* What x^8 comes to. */
#define OVERFLOW 0x1d

/* The products of one factor: of any byte by its two halves. */
typedef struct {
  uint8_t low[16], high[16];
} Products;

static uint8_t
twice (uint8_t a)
{
  return (uint8_t)(a << 1 ^ (a & 0x80 ? OVERFLOW : 0));
}

static Products
products_of (uint8_t factor)
{
  Products p = { .low = { 0, factor } };
  for (unsigned i = 2; i < 16; i++)
    p.low[i]
        = i % 2 == 0 ? twice (p.low[i / 2]) : (uint8_t)(p.low[i - 1] ^ factor);
  p.high[1] = twice (p.low[8]);
  for (unsigned i = 2; i < 16; i++)
    p.high[i] = i % 2 == 0 ? twice (p.high[i / 2])
                           : (uint8_t)(p.high[i - 1] ^ p.high[1]);
  return p;
}

static uint8_t
product (const Products *p, uint8_t a)
{
  return p->low[a & 15] ^ p->high[a >> 4];
}

uint8_t
bl_gf256_multiply (uint8_t a, uint8_t b)
{
  uint8_t sum = 0;
  for (; b != 0; b >>= 1, a = twice (a))
    if (b & 1)
      sum ^= a;
  return sum;
}

uint8_t
bl_gf256_inverse (uint8_t a)
{
  bl_assert (a != 0);
  /* a^255 is 1, so a^254 is the inverse: 2 + 4 + … + 128. */
  uint8_t inverse = 1;
  for (unsigned i = 1; i < 8; i++) {
    a = bl_gf256_multiply (a, a);
    inverse = bl_gf256_multiply (inverse, a);
  }
  return inverse;
}

void
bl_gf256_add_multiple (uint8_t *restrict to, const uint8_t *restrict from,
                       uint8_t factor, size_t n)
{
  Products p = products_of (factor);
  for (size_t i = 0; i < n; i++)
    to[i] ^= product (&p, from[i]);
}

void
bl_gf256_scale (uint8_t *to, uint8_t factor, size_t n)
{
  Products p = products_of (factor);
  for (size_t i = 0; i < n; i++)
    to[i] = product (&p, to[i]);
}
