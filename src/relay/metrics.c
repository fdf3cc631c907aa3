/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/metrics.h"

#include <stddef.h>

#include "base/clock.h"
#include "relay/openmetrics.h"

#define LABELS_BYTES 96
#define US           1e-6 /* in seconds */

typedef char Labels[LABELS_BYTES];

/* A counter that stands in a struct of stats.h. */
typedef struct {
  const char *name, *unit, *help;
  gsize offset;
} CounterRow;

static double
counter_at (const void *counters, gsize offset)
{
  return (double)*(const guint64 *)((const char *)counters + offset);
}

static BlMetricFamily
family_of (const CounterRow *row)
{
  return (BlMetricFamily){ row->name, BL_METRIC_COUNTER, row->unit, row->help };
}

/* ---- workers ---- */

#define WORKER(field) offsetof (BlWorkerCounters, field)

static const CounterRow worker_counters[] = {
  { "bluelight_worker_received_packets", "packets",
    "Datagrams received, of any kind.", WORKER (packets_in) },
  { "bluelight_worker_received_bytes", "bytes", "Their bytes.",
    WORKER (bytes_in) },
  { "bluelight_worker_sent_packets", "packets", "Datagrams sent.",
    WORKER (packets_out) },
  { "bluelight_worker_sent_bytes", "bytes", "Their bytes.",
    WORKER (bytes_out) },
  { "bluelight_worker_sends", NULL,
    "System calls to send; packets for each say how long the runs are.",
    WORKER (sends) },
  { "bluelight_worker_blocked_sends", NULL,
    "Sends that found the socket's buffer full.", WORKER (blocked_sends) },
  { "bluelight_worker_failed_sends", NULL, "Sends that the kernel refused.",
    WORKER (failed_sends) },
  { "bluelight_worker_nacks_received", NULL,
    "Packets that viewers asked for again.", WORKER (nacks_in) },
  { "bluelight_worker_nacks_sent", NULL, "Packets asked of publishers again.",
    WORKER (nacks_out) },
  { "bluelight_worker_rtx_sent", NULL, "Packets sent again to viewers.",
    WORKER (rtx_sent) },
  { "bluelight_worker_viewers_lost_way", NULL,
    "Viewers so far behind that they had to join anew.",
    WORKER (viewers_lost_way) },
  { "bluelight_worker_keyframe_requests_received", NULL,
    "Keyframes that viewers asked for.", WORKER (keyframe_requests_in) },
  { "bluelight_worker_keyframe_requests_sent", NULL,
    "Keyframes asked of publishers.", WORKER (keyframe_requests_out) },
};

static const struct {
  BlMetricFamily family;
  gsize offset;
  guint first, last; /* bounds shown: 2^first to 2^last */
  double unit;
} worker_histograms[] = {
  { { "bluelight_worker_receive_batch_packets", BL_METRIC_HISTOGRAM, "packets",
      "Datagrams taken with one system call." },
    WORKER (receive_batch),
    0,
    8,
    1 },
  { { "bluelight_worker_send_batch_packets", BL_METRIC_HISTOGRAM, "packets",
      "Datagrams sent with one system call." },
    WORKER (send_batch),
    0,
    8,
    1 },
  { { "bluelight_worker_queue_seconds", BL_METRIC_HISTOGRAM, "seconds",
      "From a media packet's arrival until its last copy has left: what the "
      "relay adds." },
    WORKER (queue_us),
    4,
    19,
    US },
};

static void
worker_labels (Labels labels, guint index)
{
  g_snprintf (labels, LABELS_BYTES, "worker=\"%u\"", index);
}

static const BlWorkerCounters *
counters_of (BlRegistry *registry, guint index)
{
  static const BlWorkerCounters none;
  const BlWorkerStats *stats = bl_registry_worker_stats (registry, index);
  return stats ? &stats->counters : &none;
}

static void
add_worker_counters (GString *text, BlRegistry *registry, guint n)
{
  Labels labels;
  for (gsize row = 0; row < G_N_ELEMENTS (worker_counters); row++) {
    BlMetricFamily family = family_of (&worker_counters[row]);
    bl_openmetrics_begin (text, &family);
    for (guint i = 0; i < n; i++) {
      worker_labels (labels, i);
      bl_openmetrics_add (
          text, &family, labels,
          counter_at (counters_of (registry, i), worker_counters[row].offset));
    }
  }
}

static void
add_worker_histograms (GString *text, BlRegistry *registry, guint n)
{
  Labels labels;
  for (gsize row = 0; row < G_N_ELEMENTS (worker_histograms); row++) {
    bl_openmetrics_begin (text, &worker_histograms[row].family);
    for (guint i = 0; i < n; i++) {
      const char *counters = (const char *)counters_of (registry, i);
      worker_labels (labels, i);
      bl_openmetrics_add_histogram (
          text, &worker_histograms[row].family, labels,
          (const BlHistogram *)(counters + worker_histograms[row].offset),
          worker_histograms[row].first, worker_histograms[row].last,
          worker_histograms[row].unit);
    }
  }
}

static void
add_drops (GString *text, BlRegistry *registry, guint n)
{
  static const BlMetricFamily family
      = { "bluelight_worker_dropped_packets", BL_METRIC_COUNTER, "packets",
          "What was not taken in or not sent on, by reason." };
  Labels labels;
  bl_openmetrics_begin (text, &family);
  for (guint i = 0; i < n; i++) {
    const BlWorkerCounters *counters = counters_of (registry, i);
    for (guint drop = 0; drop < BL_N_DROPS; drop++) {
      g_snprintf (labels, sizeof labels, "worker=\"%u\",reason=\"%s\"", i,
                  bl_drop_name (drop));
      bl_openmetrics_add (text, &family, labels, (double)counters->drops[drop]);
    }
  }
}

/* ---- what control itself knows of a worker ---- */

static double
worker_cpu (BlRegistry *registry, guint index)
{
  BlMedia *media = bl_registry_media (registry);
  return (double)bl_worker_cpu_us (bl_media_worker (media, index)) * US;
}

/* Since the relay's start if it has never answered. */
static double
worker_stats_age (BlRegistry *registry, guint index)
{
  const BlWorkerStats *stats = bl_registry_worker_stats (registry, index);
  BlTime at_us = stats ? stats->at_us : bl_registry_attached_us (registry);
  return (double)(bl_clock_now () - at_us) * US;
}

static double
worker_calls (BlRegistry *registry, guint index)
{
  return bl_worker_n_sources (
      bl_media_worker (bl_registry_media (registry), index));
}

static double
worker_sessions (BlRegistry *registry, guint index)
{
  return bl_worker_n_sessions (
      bl_media_worker (bl_registry_media (registry), index));
}

static BlRecorderStats
recorder_stats (BlRegistry *registry, guint index)
{
  BlRecorderStats stats;
  bl_recorder_get_stats (
      bl_media_recorder (bl_registry_media (registry), index), &stats);
  return stats;
}

static double
recorder_open (BlRegistry *registry, guint index)
{
  return recorder_stats (registry, index).recordings;
}

static double
recorder_stopped (BlRegistry *registry, guint index)
{
  return recorder_stats (registry, index).stopped;
}

static double
recorder_fragments (BlRegistry *registry, guint index)
{
  return (double)recorder_stats (registry, index).fragments;
}

static double
recorder_bytes (BlRegistry *registry, guint index)
{
  return (double)recorder_stats (registry, index).bytes;
}

static double
recorder_lost (BlRegistry *registry, guint index)
{
  return (double)recorder_stats (registry, index).lost;
}

static double
recorder_broken (BlRegistry *registry, guint index)
{
  return (double)recorder_stats (registry, index).broken;
}

static double
recorder_tap_drops (BlRegistry *registry, guint index)
{
  return (double)bl_media_tap_dropped (bl_registry_media (registry), index);
}

static const struct {
  BlMetricFamily family;
  double (*value) (BlRegistry *registry, guint index);
} worker_values[] = {
  { { "bluelight_worker_cpu_seconds", BL_METRIC_COUNTER, "seconds",
      "CPU time of the worker's thread." },
    worker_cpu },
  { { "bluelight_worker_stats_age_seconds", BL_METRIC_GAUGE, "seconds",
      "How old the worker's figures are: more than a few is a worker that does "
      "not answer." },
    worker_stats_age },
  { { "bluelight_worker_calls", BL_METRIC_GAUGE, NULL, "Calls on the worker." },
    worker_calls },
  { { "bluelight_worker_sessions", BL_METRIC_GAUGE, NULL,
      "Publishers and viewers, connected or about to be." },
    worker_sessions },
  { { "bluelight_recorder_recordings", BL_METRIC_GAUGE, NULL,
      "Recordings that are open." },
    recorder_open },
  { { "bluelight_recorder_stopped", BL_METRIC_GAUGE, NULL,
      "Of these, those that stand still: the disk is full or fails." },
    recorder_stopped },
  { { "bluelight_recorder_fragments", BL_METRIC_COUNTER, NULL,
      "Fragments written." },
    recorder_fragments },
  { { "bluelight_recorder_written_bytes", BL_METRIC_COUNTER, "bytes",
      "Their bytes." },
    recorder_bytes },
  { { "bluelight_recorder_lost_packets", BL_METRIC_COUNTER, "packets",
      "Packets that never came, or that the recorder was too slow for." },
    recorder_lost },
  { { "bluelight_recorder_broken_pictures", BL_METRIC_COUNTER, "pictures",
      "Pictures left out because of them." },
    recorder_broken },
  { { "bluelight_recorder_overrun_packets", BL_METRIC_COUNTER, "packets",
      "Packets that the recorder was too slow for." },
    recorder_tap_drops },
};

static void
add_worker_values (GString *text, BlRegistry *registry, guint n)
{
  Labels labels;
  for (gsize row = 0; row < G_N_ELEMENTS (worker_values); row++) {
    bl_openmetrics_begin (text, &worker_values[row].family);
    for (guint i = 0; i < n; i++) {
      worker_labels (labels, i);
      bl_openmetrics_add (text, &worker_values[row].family, labels,
                          worker_values[row].value (registry, i));
    }
  }
}

/* ---- calls ---- */

#define CALL(field)  offsetof (BlSourceStats, field)
#define TRACK(field) offsetof (BlTrackStats, field)

static const CounterRow call_counters[] = {
  { "bluelight_call_copied_packets", "packets",
    "Packets that came from its publisher once more, over another path.",
    CALL (copies) },
  { "bluelight_call_sent_packets", "packets", "Packets sent to its viewers.",
    CALL (packets_out) },
  { "bluelight_call_sent_bytes", "bytes", "Their bytes of payload.",
    CALL (bytes_out) },
  { "bluelight_call_nacks_received", NULL,
    "Packets that its viewers asked for again.", CALL (nacks_in) },
  { "bluelight_call_nacks_sent", NULL, "Packets asked of its publisher again.",
    CALL (nacks_out) },
  { "bluelight_call_rtx_sent", NULL, "Packets sent again to its viewers.",
    CALL (rtx_sent) },
};

static const CounterRow track_counters[] = {
  { "bluelight_call_received_packets", "packets",
    "Packets of media received, repairs included.", TRACK (packets) },
  { "bluelight_call_received_bytes", "bytes", "Their bytes of payload.",
    TRACK (bytes) },
  { "bluelight_call_frames", NULL, "Pictures received.", TRACK (frames) },
  { "bluelight_call_keyframes", NULL, "Of these, keyframes.",
    TRACK (keyframes) },
  { "bluelight_call_lost_packets", "packets", "Packets that never came.",
    TRACK (lost) },
  { "bluelight_call_recovered_packets", "packets",
    "Packets that came when asked for again, or as redundancy.",
    TRACK (recovered) },
  { "bluelight_call_repair_packets", "packets",
    "Packets of forward error correction received.", TRACK (repairs) },
  { "bluelight_call_corrected_packets", "packets",
    "Lost packets that these brought back.", TRACK (fec_recovered) },
};

static double
call_live (const BlLiveCall *call)
{
  return bl_live_call_state (call) == BL_LIVE_LIVE;
}

static double
call_viewers (const BlLiveCall *call)
{
  return bl_live_call_n_viewers (call);
}

static double
call_recorded (const BlLiveCall *call)
{
  return call->recording_ok;
}

static double
call_rtt (const BlLiveCall *call)
{
  return call->stats.rtt_us * US;
}

static double
call_age (const BlLiveCall *call)
{
  return call->has_stats ? (double)MAX (call->stats.capture_age_us, 0) * US : 0;
}

static const struct {
  BlMetricFamily family;
  double (*value) (const BlLiveCall *call);
} call_values[] = {
  { { "bluelight_call_live", BL_METRIC_GAUGE, NULL,
      "1 while its media flows, else 0." },
    call_live },
  { { "bluelight_call_viewers", BL_METRIC_GAUGE, NULL, "Viewers connected." },
    call_viewers },
  { { "bluelight_call_recorded", BL_METRIC_GAUGE, NULL,
      "1 while it is recorded as it should be, else 0." },
    call_recorded },
  { { "bluelight_call_rtt_seconds", BL_METRIC_GAUGE, "seconds",
      "Round trip to the publisher; 0 if not known." },
    call_rtt },
  { { "bluelight_call_capture_age_seconds", BL_METRIC_GAUGE, "seconds",
      "Capture to arrival of its last picture; 0 if not known." },
    call_age },
};

static void
call_labels (Labels labels, const BlLiveCall *call)
{
  g_snprintf (labels, LABELS_BYTES, "worker=\"%u\",call=\"%u\"",
              bl_worker_index (call->worker), call->number);
}

static void
track_labels (Labels labels, const BlLiveCall *call, guint track)
{
  static const char *const names[]
      = { [BL_TRACK_VIDEO] = "video", [BL_TRACK_AUDIO] = "audio" };
  g_snprintf (labels, LABELS_BYTES, "worker=\"%u\",call=\"%u\",track=\"%s\"",
              bl_worker_index (call->worker), call->number, names[track]);
}

static void
add_call_info (GString *text, const GPtrArray *calls)
{
  static const BlMetricFamily family
      = { "bluelight_call", BL_METRIC_INFO, NULL,
          "The call's number here, and its recording's in the list of "
          "recordings; 0 if it has none." };
  Labels labels;
  bl_openmetrics_begin (text, &family);
  for (guint i = 0; i < calls->len; i++) {
    const BlLiveCall *call = calls->pdata[i];
    g_snprintf (labels, sizeof labels,
                "worker=\"%u\",call=\"%u\",recording=\"%" G_GINT64_FORMAT "\"",
                bl_worker_index (call->worker), call->number, call->recording);
    bl_openmetrics_add (text, &family, labels, 1);
  }
}

static void
add_call_values (GString *text, const GPtrArray *calls)
{
  Labels labels;
  for (gsize row = 0; row < G_N_ELEMENTS (call_values); row++) {
    bl_openmetrics_begin (text, &call_values[row].family);
    for (guint i = 0; i < calls->len; i++) {
      call_labels (labels, calls->pdata[i]);
      bl_openmetrics_add (text, &call_values[row].family, labels,
                          call_values[row].value (calls->pdata[i]));
    }
  }
}

static void
add_call_counters (GString *text, const GPtrArray *calls)
{
  Labels labels;
  for (gsize row = 0; row < G_N_ELEMENTS (call_counters); row++) {
    BlMetricFamily family = family_of (&call_counters[row]);
    bl_openmetrics_begin (text, &family);
    for (guint i = 0; i < calls->len; i++) {
      const BlLiveCall *call = calls->pdata[i];
      call_labels (labels, call);
      bl_openmetrics_add (text, &family, labels,
                          counter_at (&call->stats, call_counters[row].offset));
    }
  }
}

static void
add_track_counters (GString *text, const GPtrArray *calls)
{
  Labels labels;
  for (gsize row = 0; row < G_N_ELEMENTS (track_counters); row++) {
    BlMetricFamily family = family_of (&track_counters[row]);
    bl_openmetrics_begin (text, &family);
    for (guint i = 0; i < calls->len * BL_N_TRACKS; i++) {
      const BlLiveCall *call = calls->pdata[i / BL_N_TRACKS];
      guint track = i % BL_N_TRACKS;
      track_labels (labels, call, track);
      bl_openmetrics_add (
          text, &family, labels,
          counter_at (&call->stats.tracks[track], track_counters[row].offset));
    }
  }
}

/* Those that are on a worker. */
static GPtrArray *
placed_calls (BlRegistry *registry)
{
  g_autoptr (GPtrArray) all = bl_registry_list (registry);
  GPtrArray *placed = g_ptr_array_new ();
  for (guint i = 0; i < all->len; i++) {
    const BlLiveCall *call = all->pdata[i];
    if (call->worker)
      g_ptr_array_add (placed, all->pdata[i]);
  }
  return placed;
}

/* ---- HTTP ---- */

static void
add_http (GString *text, const BlMetricsInput *input)
{
  static const BlMetricFamily requests
      = { "bluelight_http_requests", BL_METRIC_COUNTER, NULL,
          "Requests answered, by class of status." };
  static const BlMetricFamily connections
      = { "bluelight_http_connections", BL_METRIC_GAUGE, NULL,
          "Open connections, by door." };
  static const char *const doors[] = { "main", "vehicle", "loopback" };
  Labels labels;
  bl_openmetrics_begin (text, &requests);
  for (guint i = 1; i < G_N_ELEMENTS (input->requests); i++) {
    g_snprintf (labels, sizeof labels, "status=\"%uxx\"", i);
    bl_openmetrics_add (text, &requests, labels, (double)input->requests[i]);
  }
  bl_openmetrics_begin (text, &connections);
  for (guint i = 0; i < G_N_ELEMENTS (doors); i++) {
    g_snprintf (labels, sizeof labels, "door=\"%s\"", doors[i]);
    bl_openmetrics_add (text, &connections, labels, input->connections[i]);
  }
}

/* ---- full ICE ---- */

/* All zero for an ICE-lite relay. */
static void
add_full_ice (GString *text, const BlGateway *gateway)
{
  static const BlMetricFamily sessions
      = { "bluelight_full_ice_sessions", BL_METRIC_GAUGE, NULL,
          "Sessions with an ICE agent of the relay's." };
  static const BlMetricFamily paths
      = { "bluelight_full_ice_paths", BL_METRIC_GAUGE, NULL,
          "Of them, those with a path, by how its address here was found." };
  static const BlMetricFamily refused
      = { "bluelight_full_ice_refused", BL_METRIC_COUNTER, NULL,
          "Sessions that had to do with ICE-lite." };
  BlGatewayStats stats = { 0 };
  Labels labels;
  if (gateway)
    bl_gateway_get_stats (gateway, &stats);
  bl_openmetrics_begin (text, &sessions);
  bl_openmetrics_add (text, &sessions, "", stats.gates);
  bl_openmetrics_begin (text, &paths);
  for (guint i = 0; i < G_N_ELEMENTS (stats.chosen); i++) {
    g_snprintf (labels, sizeof labels, "type=\"%s\"",
                bl_candidate_type_name ((BlCandidateType)i));
    bl_openmetrics_add (text, &paths, labels, stats.chosen[i]);
  }
  bl_openmetrics_begin (text, &refused);
  bl_openmetrics_add (text, &refused, "", (double)stats.refused);
}

static void
add_build (GString *text)
{
  static const BlMetricFamily family
      = { "bluelight_build", BL_METRIC_INFO, NULL, "The relay's version." };
  bl_openmetrics_begin (text, &family);
  bl_openmetrics_add (text, &family, "version=\"" BL_VERSION "\"", 1);
}

char *
bl_metrics_write (const BlMetricsInput *input)
{
  BlRegistry *registry = input->registry;
  guint n_workers = bl_media_n_workers (bl_registry_media (registry));
  g_autoptr (GPtrArray) calls = placed_calls (registry);
  GString *text = g_string_sized_new (32768);

  add_build (text);
  bl_metrics_add_process (text, input);
  add_http (text, input);
  add_full_ice (text, bl_media_gateway (bl_registry_media (registry)));
  add_worker_values (text, registry, n_workers);
  add_worker_counters (text, registry, n_workers);
  add_drops (text, registry, n_workers);
  add_worker_histograms (text, registry, n_workers);
  add_call_info (text, calls);
  add_call_values (text, calls);
  add_call_counters (text, calls);
  add_track_counters (text, calls);
  bl_openmetrics_end (text);
  return g_string_free (text, FALSE);
}
