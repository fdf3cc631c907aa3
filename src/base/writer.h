/* SPDX-License-Identifier: Apache-2.0
 *
 * The counterpart of BlReader: writes into the caller's buffer and latches the
 * first write that doesn't fit. Nothing is written past `end`; ask
 * bl_writer_ok() once at the end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
  uint8_t *start;
  uint8_t *at;
  uint8_t *end;
  bool failed;
} BlWriter;

static inline BlWriter
bl_writer (void *data, size_t capacity)
{
  uint8_t *bytes = data;
  return (BlWriter){ .start = bytes, .at = bytes, .end = bytes + capacity };
}

static inline bool
bl_writer_ok (const BlWriter *w)
{
  return !w->failed;
}

/* Bytes written so far. */
static inline size_t
bl_writer_length (const BlWriter *w)
{
  return (size_t)(w->at - w->start);
}

/* Room for `length` bytes, to be filled by the caller, or NULL. */
static inline uint8_t *
bl_writer_reserve (BlWriter *w, size_t length)
{
  if (w->failed || length > (size_t)(w->end - w->at)) {
    w->failed = true;
    return NULL;
  }
  uint8_t *bytes = w->at;
  w->at += length;
  return bytes;
}

static inline void
bl_writer_bytes (BlWriter *w, const void *data, size_t length)
{
  uint8_t *bytes = bl_writer_reserve (w, length);
  if (bytes && length > 0)
    memcpy (bytes, data, length);
}

static inline void
bl_writer_zeros (BlWriter *w, size_t length)
{
  uint8_t *bytes = bl_writer_reserve (w, length);
  if (bytes && length > 0)
    memset (bytes, 0, length);
}

/* A big-endian unsigned number of 1 to 8 bytes. */
static inline void
bl_writer_be (BlWriter *w, uint64_t value, size_t width)
{
  uint8_t *bytes = bl_writer_reserve (w, width);
  for (size_t i = 0; bytes && i < width; i++)
    bytes[i] = (uint8_t)(value >> (8 * (width - 1 - i)));
}

static inline void
bl_writer_u8 (BlWriter *w, uint8_t value)
{
  bl_writer_be (w, value, 1);
}

static inline void
bl_writer_be16 (BlWriter *w, uint16_t value)
{
  bl_writer_be (w, value, 2);
}

static inline void
bl_writer_be24 (BlWriter *w, uint32_t value)
{
  bl_writer_be (w, value, 3);
}

static inline void
bl_writer_be32 (BlWriter *w, uint32_t value)
{
  bl_writer_be (w, value, 4);
}

static inline void
bl_writer_be64 (BlWriter *w, uint64_t value)
{
  bl_writer_be (w, value, 8);
}
