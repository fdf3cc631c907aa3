/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <stdio.h>

#include "base/json.h"

static const struct {
  const char *name;
  double share;
} quantiles[] = { { "p50", 0.5 }, { "p95", 0.95 }, { "p99", 0.99 } };

/* What the figures come to. */
typedef struct {
  double seconds;
  uint64_t expected; /* the source's packets times the viewers */
  int64_t lost;      /* never came as themselves; copies may have mended it */
  double loss;
  double cpu_us_per_packet; /* 0: not known */
  double kib_per_viewer;
} Sums;

static Sums
sum_up (const LgOptions *o, const LgResult *r)
{
  const LgShared *shared = r->shared;
  Sums sums = { .seconds = (double)r->measured_ns / 1e9,
                .expected = r->source_packets * (uint64_t)o->viewers };
  sums.lost = (int64_t)(sums.expected - shared->delivered);
  sums.loss = sums.expected ? (double)sums.lost / (double)sums.expected : 0;
  if (r->has_process && shared->delivered > 0)
    sums.cpu_us_per_packet = (double)(r->to.cpu_us - r->from.cpu_us)
                             / (double)(shared->delivered + shared->repaired);
  if (r->has_process)
    sums.kib_per_viewer
        = (double)(r->to.rss_kib - r->before.rss_kib) / o->viewers;
  return sums;
}

static void
add_latency (JsonBuilder *b, const LgHistogram *latency)
{
  bl_json_begin_object (b, "latency_us");
  for (unsigned i = 0; i < G_N_ELEMENTS (quantiles); i++)
    bl_json_double (b, quantiles[i].name,
                    (double)lg_histogram_quantile (latency, quantiles[i].share)
                        / 1e3);
  bl_json_double (b, "max", (double)latency->max_ns / 1e3);
  json_builder_end_object (b);
}

static void
add_times (JsonBuilder *b, const char *name, int64_t *times_ns, unsigned count)
{
  bl_json_begin_object (b, name);
  bl_json_int (b, "count", count);
  for (unsigned i = 0; i < G_N_ELEMENTS (quantiles); i++)
    bl_json_double (b, quantiles[i].name,
                    (double)lg_quantile (times_ns, count, quantiles[i].share)
                        / 1e6);
  bl_json_double (b, "max", (double)lg_quantile (times_ns, count, 1) / 1e6);
  json_builder_end_object (b);
}

static void
add_packets (JsonBuilder *b, const LgResult *r, const Sums *sums)
{
  const LgShared *shared = r->shared;
  bl_json_double (b, "delivered_per_s",
                  (double)shared->delivered / sums->seconds);
  bl_json_int (b, "expected", (int64_t)sums->expected);
  bl_json_int (b, "lost", sums->lost);
  bl_json_double (b, "loss", sums->loss);
  bl_json_int (b, "repaired", (int64_t)shared->repaired);
  bl_json_begin_object (b, "since_start");
  bl_json_int (b, "packets", (int64_t)shared->packets);
  bl_json_int (b, "retransmissions", (int64_t)shared->retransmissions);
  bl_json_int (b, "reordered", (int64_t)shared->reordered);
  bl_json_int (b, "doubles", (int64_t)shared->doubles);
  bl_json_int (b, "authentic", (int64_t)shared->authentic);
  bl_json_int (b, "refused", (int64_t)shared->refused);
  bl_json_int (b, "unknown", (int64_t)shared->unknown);
  bl_json_int (b, "remapped", (int64_t)shared->remapped);
  bl_json_int (b, "overflows", (int64_t)shared->overflows);
  json_builder_end_object (b);
}

static void
add_source (JsonBuilder *b, const LgResult *r, const Sums *sums)
{
  bl_json_begin_object (b, "source");
  bl_json_double (b, "packets_per_s",
                  (double)r->source_packets / sums->seconds);
  bl_json_double (b, "bps", (double)r->source_bytes * 8 / sums->seconds);
  bl_json_double (b, "late_max_ms", (double)r->source->late_max_ns / 1e6);
  bl_json_int (b, "nacks", (int64_t)r->source->nacks);
  bl_json_int (b, "plis", (int64_t)r->source->plis);
  json_builder_end_object (b);
}

static void
add_process (JsonBuilder *b, const LgResult *r, const Sums *sums)
{
  if (!r->has_process)
    return;
  bl_json_begin_object (b, "server");
  bl_json_double (b, "cpu_us_per_packet", sums->cpu_us_per_packet);
  bl_json_double (
      b, "cpu", (double)(r->to.cpu_us - r->from.cpu_us) / 1e6 / sums->seconds);
  bl_json_double (b, "kib_per_viewer", sums->kib_per_viewer);
  bl_json_int (b, "rss_before_kib", r->before.rss_kib);
  bl_json_int (b, "rss_kib", r->to.rss_kib);
  bl_json_int (b, "pss_kib", r->to.pss_kib);
  bl_json_int (b, "threads_before", r->before.threads);
  bl_json_int (b, "threads", r->to.threads);
  bl_json_int (b, "fds_before", r->before.fds);
  bl_json_int (b, "fds", r->to.fds);
  json_builder_end_object (b);
}

static void
print_json (const LgOptions *o, LgResult *r, const Sums *sums)
{
  g_autoptr (JsonBuilder) b = json_builder_new ();
  json_builder_begin_object (b);
  bl_json_int (b, "viewers", o->viewers);
  bl_json_int (b, "joined", r->joined);
  bl_json_int (b, "complete", r->complete);
  bl_json_int (b, "failed", r->failed);
  bl_json_string (b, "error", r->first_error);
  bl_json_double (b, "seconds", sums->seconds);
  bl_json_bool (b, "gro", !o->no_gro);
  add_packets (b, r, sums);
  add_latency (b, &r->shared->latency);
  add_times (b, "answer_ms", r->answers_ns, r->complete);
  add_times (b, "connect_ms", r->connects_ns, r->complete);
  add_times (b, "connect_own_ms", r->owns_ns, r->complete);
  add_times (b, "keyframe_ms", r->keyframes_ns, r->complete);
  add_source (b, r, sums);
  add_process (b, r, sums);
  bl_json_double (b, "own_cpu", (double)r->own_cpu_us / 1e6 / sums->seconds);
  bl_json_double (b, "machine_cpu", (double)r->busy_us / 1e6 / sums->seconds);
  json_builder_end_object (b);
  g_autoptr (JsonNode) root = json_builder_get_root (b);
  g_autofree char *text = json_to_string (root, FALSE);
  puts (text);
  fflush (stdout);
}

static double
latency_ms (const LgShared *shared, double share)
{
  return (double)lg_histogram_quantile (&shared->latency, share) / 1e6;
}

static void
print_summary (const LgOptions *o, LgResult *r, const Sums *sums)
{
  const LgShared *shared = r->shared;
  fprintf (stderr,
           "%d viewers (%u of %u saw a keyframe, %u failures), %.1f s, "
           "%.0f packets/s delivered, %" G_GINT64_FORMAT " lost (%.4f %%)\n",
           o->viewers, r->complete, r->joined, r->failed, sums->seconds,
           (double)shared->delivered / sums->seconds, sums->lost,
           sums->loss * 100);
  fprintf (stderr,
           "  %" G_GUINT64_FORMAT " reordered, %" G_GUINT64_FORMAT
           " twice, %" G_GUINT64_FORMAT " sent again, %" G_GUINT64_FORMAT
           " of %" G_GUINT64_FORMAT " not authentic\n",
           shared->reordered, shared->doubles, shared->retransmissions,
           shared->refused, shared->refused + shared->authentic);
  fprintf (stderr, "  added latency %.3f / %.3f / %.3f / %.3f ms, ",
           latency_ms (shared, 0.5), latency_ms (shared, 0.95),
           latency_ms (shared, 0.99), (double)shared->latency.max_ns / 1e6);
  fprintf (stderr, "connect %.1f / %.1f ms, keyframe %.1f / %.1f ms\n",
           (double)lg_quantile (r->connects_ns, r->complete, 0.5) / 1e6,
           (double)lg_quantile (r->connects_ns, r->complete, 0.95) / 1e6,
           (double)lg_quantile (r->keyframes_ns, r->complete, 0.5) / 1e6,
           (double)lg_quantile (r->keyframes_ns, r->complete, 0.95) / 1e6);
  if (r->has_process)
    fprintf (
        stderr,
        "  server: %.2f µs of CPU a packet, %.0f KiB a viewer, %d threads\n",
        sums->cpu_us_per_packet, sums->kib_per_viewer, r->to.threads);
  if (r->first_error)
    fprintf (stderr, "  first failure: %s\n", r->first_error);
}

void
lg_report_print (const LgOptions *o, LgResult *r)
{
  Sums sums = sum_up (o, r);
  print_json (o, r, &sums);
  if (!o->quiet)
    print_summary (o, r, &sums);
}
