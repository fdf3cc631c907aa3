/* SPDX-License-Identifier: Apache-2.0
 *
 * A cursor over received bytes that latches its first failure: read what the
 * format says, then ask bl_reader_ok() once. After a failure every read gives
 * zero or NULL and the position no longer moves. Borrows the bytes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  const uint8_t *at;
  const uint8_t *end;
  bool failed;
} BlReader;

static inline BlReader
bl_reader (const void *data, size_t length)
{
  const uint8_t *bytes = data;
  return (BlReader){ .at = bytes, .end = bytes ? bytes + length : bytes };
}

static inline bool
bl_reader_ok (const BlReader *r)
{
  return !r->failed;
}

static inline size_t
bl_reader_left (const BlReader *r)
{
  return r->failed ? 0 : (size_t)(r->end - r->at);
}

/* The next `length` bytes, or NULL if fewer are left. */
static inline const uint8_t *
bl_reader_bytes (BlReader *r, size_t length)
{
  if (length > bl_reader_left (r)) {
    r->failed = true;
    return NULL;
  }
  const uint8_t *bytes = r->at;
  if (length > 0)
    r->at += length;
  return bytes;
}

static inline void
bl_reader_skip (BlReader *r, size_t length)
{
  (void)bl_reader_bytes (r, length);
}

/* A reader of the next `length` bytes alone; failed if fewer are left. */
static inline BlReader
bl_reader_sub (BlReader *r, size_t length)
{
  const uint8_t *bytes = bl_reader_bytes (r, length);
  BlReader sub = bl_reader (bytes, bytes ? length : 0);
  sub.failed = r->failed;
  return sub;
}

/* A big-endian unsigned number of 1 to 8 bytes. */
static inline uint64_t
bl_reader_be (BlReader *r, size_t width)
{
  const uint8_t *bytes = bl_reader_bytes (r, width);
  uint64_t value = 0;
  for (size_t i = 0; bytes && i < width; i++)
    value = value << 8 | bytes[i];
  return value;
}

static inline uint8_t
bl_reader_u8 (BlReader *r)
{
  return (uint8_t)bl_reader_be (r, 1);
}

static inline uint16_t
bl_reader_be16 (BlReader *r)
{
  return (uint16_t)bl_reader_be (r, 2);
}

static inline uint32_t
bl_reader_be24 (BlReader *r)
{
  return (uint32_t)bl_reader_be (r, 3);
}

static inline uint32_t
bl_reader_be32 (BlReader *r)
{
  return (uint32_t)bl_reader_be (r, 4);
}

static inline uint64_t
bl_reader_be64 (BlReader *r)
{
  return bl_reader_be (r, 8);
}
