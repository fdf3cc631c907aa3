/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <inttypes.h>

static void
print_count (FILE *file, const char *name, const ImpairCount *count)
{
  fprintf (file, "\"%s\":{\"packets\":%" PRIu64 ",\"bytes\":%" PRIu64 "}", name,
           count->packets, count->bytes);
}

static void
print_lane (FILE *file, const char *name, ImpairReported lane)
{
  const ImpairStats *s = lane.stats;
  fprintf (file, "\"%s\":{", name);
  print_count (file, "in", &s->in);
  fputc (',', file);
  print_count (file, "out", &s->out);
  fputs (",\"drops\":{", file);
  for (unsigned i = 0; i < IMPAIR_N_DROPS; i++)
    fprintf (file, "%s\"%s\":%" PRIu64, i ? "," : "", impair_drop_names[i],
             s->drops[i].packets);
  fprintf (file,
           "},\"marked\":%" PRIu64 ",\"capacity_bytes\":%" PRIu64
           ",\"queued_bytes\":%" PRIu64 ",\"queue_ms\":{\"p50\":%u,\"p95\":%u,"
           "\"max\":%" PRId64 "}}",
           s->marked, s->capacity_bytes, lane.lane->packets.queued_bytes,
           impair_stats_quantile_ms (s, 0.5),
           impair_stats_quantile_ms (s, 0.95), s->waited_max_us / BL_MS);
}

void
impair_report_print (FILE *file, const char *kind, BlTime since_us,
                     ImpairReported up, ImpairReported down)
{
  fprintf (file, "{\"kind\":\"%s\",\"at_ms\":%" PRId64 ",", kind,
           since_us / BL_MS);
  print_lane (file, "up", up);
  fputc (',', file);
  print_lane (file, "down", down);
  fputs ("}\n", file);
  fflush (file);
}
