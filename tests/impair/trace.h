/* SPDX-License-Identifier: Apache-2.0
 *
 * A link recorded in mahimahi's format: each line is the time, in milliseconds
 * from the beginning, of one opportunity to deliver IMPAIR_TRACE_BYTES. It
 * begins anew at its last line's time. Without I/O; immutable.
 */
#pragma once

#include <glib.h>

#include "base/bltime.h"

#define IMPAIR_TRACE_BYTES 1504

typedef struct {
  uint32_t *at_ms; /* ascending */
  size_t count;
  uint32_t length_ms; /* > 0 */
} ImpairTrace;

/* NULL and `error`, which says the line, for text that is no trace. */
ImpairTrace *impair_trace_parse (const char *text, gsize length,
                                 GError **error);
void impair_trace_free (ImpairTrace *trace);

/* When opportunity `index` is, since the trace's beginning; the numbers go on
 * behind the last line. */
BlTime impair_trace_at (const ImpairTrace *trace, uint64_t index);

/* The first opportunity at `since_us` or later. */
uint64_t impair_trace_find (const ImpairTrace *trace, BlTime since_us);

uint64_t impair_trace_mean_bps (const ImpairTrace *trace);
