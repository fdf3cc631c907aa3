/* SPDX-License-Identifier: Apache-2.0 */
#include "trace.h"

#include <gio/gio.h>
#include <stdbool.h>

/* A line's number; false at anything but a number and the line's end. */
static bool
read_line (const char **at, const char *end, uint64_t *out_ms)
{
  uint64_t value = 0;
  const char *from = *at;
  while (*at < end && g_ascii_isdigit (**at) && value <= UINT32_MAX)
    value = value * 10 + (uint64_t)(*(*at)++ - '0');
  bool good = *at > from && value <= UINT32_MAX;
  if (*at < end && **at == '\r')
    (*at)++;
  if (*at < end && *(*at)++ != '\n')
    good = false;
  *out_ms = value;
  return good;
}

ImpairTrace *
impair_trace_parse (const char *text, gsize length, GError **error)
{
  g_autoptr (GArray) times = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  const char *at = text, *end = text + length;
  uint32_t last = 0;
  while (at < end) {
    uint64_t ms;
    if (!read_line (&at, end, &ms) || ms < last) {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "line %u is not a time in ms at or behind the one before",
                   times->len + 1);
      return NULL;
    }
    last = (uint32_t)ms;
    g_array_append_val (times, last);
  }
  if (last == 0) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                 "no opportunity later than 0 ms");
    return NULL;
  }
  ImpairTrace *trace = g_new0 (ImpairTrace, 1);
  trace->count = times->len;
  trace->length_ms = last;
  trace->at_ms
      = (uint32_t *)(void *)g_array_free (g_steal_pointer (&times), FALSE);
  return trace;
}

void
impair_trace_free (ImpairTrace *trace)
{
  if (trace)
    g_free (trace->at_ms);
  g_free (trace);
}

BlTime
impair_trace_at (const ImpairTrace *trace, uint64_t index)
{
  uint64_t round = index / trace->count;
  uint64_t ms = round * trace->length_ms + trace->at_ms[index % trace->count];
  return (BlTime)ms * BL_MS;
}

uint64_t
impair_trace_find (const ImpairTrace *trace, BlTime since_us)
{
  uint64_t ms = since_us <= 0 ? 0 : (uint64_t)((since_us + BL_MS - 1) / BL_MS);
  /* A round's last opportunity is at the same time as the next one's 0 ms. */
  uint64_t round = ms == 0 ? 0 : (ms - 1) / trace->length_ms;
  uint64_t rest = ms - round * trace->length_ms;
  size_t low = 0, high = trace->count - 1;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (trace->at_ms[middle] < rest)
      low = middle + 1;
    else
      high = middle;
  }
  return round * trace->count + low;
}

uint64_t
impair_trace_mean_bps (const ImpairTrace *trace)
{
  return trace->count * IMPAIR_TRACE_BYTES * 8000 / trace->length_ms;
}
