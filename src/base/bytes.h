/* SPDX-License-Identifier: Apache-2.0
 *
 * Big-endian numbers at places whose room is known: for the packet path, where
 * a header is patched or looked into. All else goes through BlWriter and
 * BlReader, which check.
 */
#pragma once

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t
bl_get_be16 (const uint8_t *at)
{
  uint16_t value;
  memcpy (&value, at, sizeof value);
  return be16toh (value);
}

static inline uint32_t
bl_get_be32 (const uint8_t *at)
{
  uint32_t value;
  memcpy (&value, at, sizeof value);
  return be32toh (value);
}

static inline void
bl_put_be16 (uint8_t *at, uint16_t value)
{
  value = htobe16 (value);
  memcpy (at, &value, sizeof value);
}

static inline void
bl_put_be24 (uint8_t *at, uint32_t value)
{
  at[0] = (uint8_t)(value >> 16);
  bl_put_be16 (at + 1, (uint16_t)value);
}

static inline void
bl_put_be32 (uint8_t *at, uint32_t value)
{
  value = htobe32 (value);
  memcpy (at, &value, sizeof value);
}

static inline void
bl_put_be64 (uint8_t *at, uint64_t value)
{
  value = htobe64 (value);
  memcpy (at, &value, sizeof value);
}
