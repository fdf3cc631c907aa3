/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that will be needed soon is on its way to the cache meanwhile. What
 * lies behind pointers is fetched in steps, each of which follows one pointer
 * that the step before has fetched: no step waits.
 */
#pragma once

#include <stddef.h>

#define BL_CACHE_LINE_BYTES 64

/* All lines of `bytes` from `data` on, to be written to. */
static inline void
bl_prefetch (const void *data, size_t bytes)
{
  const char *line = data;
  for (size_t at = 0; at < bytes; at += BL_CACHE_LINE_BYTES)
    __builtin_prefetch (line + at, 1);
  /* The first need not begin a line. */
  __builtin_prefetch (line + bytes - 1, 1);
}
