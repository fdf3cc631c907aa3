/* SPDX-License-Identifier: Apache-2.0
 *
 * Big-endian numbers to places whose room is known: for the packet path, where
 * a header is patched. All else goes through BlWriter, which checks.
 */
#pragma once

#include <endian.h>
#include <stdint.h>
#include <string.h>

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
