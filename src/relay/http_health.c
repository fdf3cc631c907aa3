/* SPDX-License-Identifier: Apache-2.0
 *
 * Health for operators and the demo's line (docs/api.md).
 */
#include <sys/statvfs.h>

#include "base/clock.h"
#include "relay/http_json.h"
#include "relay/http_request.h"

static void
add_worker (JsonBuilder *json, const BlWorker *worker,
            const BlWorkerStats *stats)
{
  static const BlWorkerStats none = { 0 };
  const BlWorkerCounters *counters = stats ? &stats->counters : &none.counters;

  json_builder_begin_object (json);
  bl_json_int (json, "port", bl_worker_port (worker));
  bl_json_int (json, "sources", bl_worker_n_sources (worker));
  bl_json_int (json, "sessions", bl_worker_n_sessions (worker));
  bl_json_int (json, "packets_in", (gint64)counters->packets_in);
  bl_json_int (json, "bytes_in", (gint64)counters->bytes_in);
  bl_json_int (json, "packets_out", (gint64)counters->packets_out);
  bl_json_int (json, "bytes_out", (gint64)counters->bytes_out);
  bl_json_int (json, "sends", (gint64)counters->sends);
  bl_json_int (json, "rtx_sent", (gint64)counters->rtx_sent);
  bl_json_begin_object (json, "drops");
  for (guint i = 0; i < BL_N_DROPS; i++) {
    if (counters->drops[i] > 0)
      bl_json_int (json, bl_drop_name (i), (gint64)counters->drops[i]);
  }
  json_builder_end_object (json);
  json_builder_end_object (json);
}

static void
add_workers (JsonBuilder *json, BlRegistry *registry)
{
  BlMedia *media = bl_registry_media (registry);
  bl_json_begin_array (json, "workers");
  for (guint i = 0; i < bl_media_n_workers (media); i++)
    add_worker (json, bl_media_worker (media, i),
                bl_registry_worker_stats (registry, i));
  json_builder_end_array (json);
}

/* null where it is ICE-lite alone. */
static void
add_full_ice (JsonBuilder *json, const BlGateway *gateway)
{
  BlGatewayStats stats;
  json_builder_set_member_name (json, "full_ice");
  if (!gateway) {
    json_builder_add_null_value (json);
    return;
  }
  bl_gateway_get_stats (gateway, &stats);
  json_builder_begin_object (json);
  bl_json_int (json, "sessions", stats.gates);
  for (guint i = 0; i < G_N_ELEMENTS (stats.chosen); i++)
    bl_json_int (json, bl_candidate_type_name ((BlCandidateType)i),
                 stats.chosen[i]);
  bl_json_int (json, "refused", (gint64)stats.refused);
  json_builder_end_object (json);
}

/* Sums over the recorders; gives how many recordings stand still. */
static guint
add_recorders (JsonBuilder *json, BlMedia *media)
{
  BlRecorderStats sum = { 0 };
  for (guint i = 0; i < bl_media_n_workers (media); i++) {
    BlRecorderStats stats;
    bl_recorder_get_stats (bl_media_recorder (media, i), &stats);
    sum.recordings += stats.recordings;
    sum.stopped += stats.stopped;
    sum.fragments += stats.fragments;
    sum.bytes += stats.bytes;
    sum.lost += stats.lost;
    sum.broken += stats.broken;
  }
  bl_json_begin_object (json, "recorder");
  bl_json_int (json, "recordings", sum.recordings);
  bl_json_int (json, "stopped", sum.stopped);
  bl_json_int (json, "fragments", (gint64)sum.fragments);
  bl_json_int (json, "bytes", (gint64)sum.bytes);
  bl_json_int (json, "lost", (gint64)sum.lost);
  bl_json_int (json, "broken", (gint64)sum.broken);
  json_builder_end_object (json);
  return sum.stopped;
}

/* Gives the first reason why a call is not recorded; borrowed. */
static const char *
add_calls (JsonBuilder *json, const GPtrArray *calls)
{
  const char *message = NULL;
  bl_json_begin_array (json, "calls");
  for (guint i = 0; i < calls->len; i++) {
    const BlLiveCall *call = g_ptr_array_index (calls, i);
    json_builder_begin_object (json);
    bl_http_add_call (json, call);
    bl_http_add_health (json, call);
    json_builder_end_object (json);
    if (!message)
      message = call->recording_message;
  }
  json_builder_end_array (json);
  return message;
}

void
bl_http_on_health (BlRequest *request)
{
  const BlHttp *http = request->http;
  BlRegistry *registry = http->context.registry;
  g_autoptr (JsonBuilder) json = json_builder_new ();
  g_autoptr (GPtrArray) calls = bl_registry_list (registry);
  struct statvfs disk;
  gboolean has_disk = statvfs (http->context.options->folder, &disk) == 0;

  json_builder_begin_object (json);
  bl_json_string (json, "version", BL_VERSION);
  bl_json_int (json, "uptime_us", bl_clock_unix_us () - http->started_us);
  bl_json_known (json, "disk_free_bytes", has_disk,
                 has_disk ? (gint64)(disk.f_bavail * disk.f_frsize) : 0);
  add_workers (json, registry);
  add_full_ice (json, bl_media_gateway (bl_registry_media (registry)));
  guint stopped = add_recorders (json, bl_registry_media (registry));
  const char *message = add_calls (json, calls);
  bl_json_recording (json, stopped == 0 && !message, message);
  json_builder_end_object (json);
  bl_reply_json (request, SOUP_STATUS_OK, json);
}
