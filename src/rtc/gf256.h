/* SPDX-License-Identifier: Apache-2.0
 *
 * Arithmetic of GF(2^8) with the polynomial x^8 + x^4 + x^3 + x^2 + 1, as in
 * RFC 5510 section 8.1: addition is XOR, and all but 0 have an inverse.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

uint8_t bl_gf256_multiply (uint8_t a, uint8_t b);

/* `a` is not 0 (programmer error otherwise). */
uint8_t bl_gf256_inverse (uint8_t a);

/* to[i] += factor * from[i] */
void bl_gf256_add_multiple (uint8_t *to, const uint8_t *from, uint8_t factor,
                            size_t n);

/* to[i] *= factor */
void bl_gf256_scale (uint8_t *to, uint8_t factor, size_t n);
