/* SPDX-License-Identifier: Apache-2.0
 *
 * Time, calls and audit (docs/api.md).
 */
#define BL_LOG_TOPIC "relay.http"
#include "base/clock.h"
#include "base/connection.h"
#include "base/log.h"
#include "relay/http_json.h"
#include "relay/http_request.h"
#include "store/recordings.h"

#define MAX_ROWS 200

static const char *const state_names[] = {
  [BL_LIVE_WAITING] = "waiting",
  [BL_LIVE_LIVE] = "live",
  [BL_LIVE_LOST] = "lost",
};

void
bl_http_on_time (BlRequest *request)
{
  g_autoptr (JsonBuilder) json = json_builder_new ();
  json_builder_begin_object (json);
  bl_json_int (json, "unix_us", bl_clock_unix_us ());
  json_builder_end_object (json);
  bl_reply_json (request, SOUP_STATUS_OK, json);
}

static void
add_viewers (JsonBuilder *json, const BlLiveCall *call)
{
  bl_json_int (json, "viewers", bl_live_call_n_viewers (call));
  bl_json_begin_array (json, "watching");
  for (guint i = 0; i < call->viewers->len; i++) {
    const BlPeer *peer = g_ptr_array_index (call->viewers, i);
    if (peer->connected)
      json_builder_add_string_value (json, peer->display_name);
  }
  json_builder_end_array (json);
}

void
bl_http_add_call (JsonBuilder *json, const BlLiveCall *call)
{
  bl_json_string (json, "id", call->id);
  bl_json_string (json, "ed", call->ed);
  bl_json_string (json, "unit", call->publisher);
  bl_json_string (json, "state", state_names[bl_live_call_state (call)]);
  bl_json_int (json, "started_us", call->started_us);
  bl_json_null (json, "ended_us");
  bl_json_known (json, "lost_since_us", call->gone_since_us != 0,
                 call->gone_since_us);
  add_viewers (json, call);
  bl_json_recording (json, call->recording_ok, call->recording_message);
}

static void
add_clock (JsonBuilder *json, const BlSourceStats *stats)
{
  /* With a round trip the offset is right to within half of it; without, it
   * rests on the quickest packet having taken no time. */
  gboolean measured = stats->clock_known && stats->rtt_us > 0;
  const char *kind = measured             ? "measured"
                     : stats->clock_known ? "assumed"
                                          : "unknown";
  bl_json_begin_object (json, "clock");
  bl_json_string (json, "kind", kind);
  bl_json_known (json, "offset_us", stats->clock_known, stats->clock_offset_us);
  bl_json_known (json, "uncertainty_us", measured, stats->rtt_us / 2);
  json_builder_end_object (json);
}

/* The publisher's connection, as far as it is known here. */
static const char *
connection_word (const BlLiveCall *call)
{
  switch (bl_live_call_state (call)) {
  case BL_LIVE_WAITING:
    return NULL;
  case BL_LIVE_LOST:
    return bl_connection_name (BL_CONNECTION_LOST);
  case BL_LIVE_LIVE:
    break;
  }
  if (!call->rates.known)
    return NULL;
  /* Snapshots are a second apart. */
  BlConnectionFigures figures = {
    .silent_us = call->rates.flows[BL_TRACK_VIDEO] ? 0 : BL_CONNECTION_FRESH_US,
    .loss = call->rates.loss,
    .age_us = MAX (call->stats.capture_age_us, 0),
    .video_bps = -1,
  };
  return bl_connection_name (bl_connection_judge (&figures));
}

void
bl_http_add_health (JsonBuilder *json, const BlLiveCall *call)
{
  const BlSourceStats *stats = &call->stats;
  gboolean known = call->rates.known;

  bl_json_begin_object (json, "health");
  bl_json_string (json, "connection", connection_word (call));
  bl_json_known (json, "bitrate_bps", known, call->rates.bitrate_bps);
  bl_json_known_double (json, "fps", known, call->rates.fps);
  bl_json_known_double (json, "loss", known, call->rates.loss);
  bl_json_known (json, "width", call->width > 0, call->width);
  bl_json_known (json, "height", call->height > 0, call->height);
  bl_json_known (json, "rtt_us", stats->rtt_us > 0, stats->rtt_us);
  bl_json_known (json, "capture_age_us",
                 call->has_stats && stats->capture_age_us >= 0,
                 stats->capture_age_us);
  bl_json_bool (json, "video", call->rates.flows[BL_TRACK_VIDEO]);
  bl_json_bool (json, "audio", call->rates.flows[BL_TRACK_AUDIO]);
  bl_json_int (json, "viewers", bl_live_call_n_viewers (call));
  add_clock (json, stats);
  json_builder_end_object (json);
}

/* The asker's own, so that a page can tell whoever looks at it. */
static void
add_sessions (JsonBuilder *json, const BlLiveCall *call, const char *owner)
{
  bl_json_begin_array (json, "sessions");
  for (guint i = 0; i < call->viewers->len; i++) {
    const BlPeer *peer = g_ptr_array_index (call->viewers, i);
    if (g_strcmp0 (peer->owner, owner) != 0)
      continue;
    json_builder_begin_object (json);
    bl_json_string (json, "id", peer->id);
    bl_json_string (json, "pictures", bl_pictures_name (peer->pictures));
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
}

static void
add_ended_call (JsonBuilder *json, const BlCall *call)
{
  bl_json_string (json, "id", call->id);
  bl_json_string (json, "ed", call->ed);
  bl_json_string (json, "unit", call->unit);
  bl_json_string (json, "state", "ended");
  bl_json_int (json, "started_us", call->started_us);
  bl_json_known (json, "ended_us", call->ended_us != 0, call->ended_us);
  bl_json_string (json, "end_reason", call->end_reason);
  bl_json_int (json, "viewers", 0);
  bl_json_begin_array (json, "watching");
  json_builder_end_array (json);
  bl_json_recording (json, TRUE, NULL);
}

void
bl_http_on_call (BlRequest *request)
{
  const char *id = bl_request_arg (request, 0);
  g_autoptr (JsonBuilder) json = json_builder_new ();
  BlLiveCall *live = bl_registry_find (request->http->context.registry, id);
  g_autoptr (GError) error = NULL;
  g_autoptr (BlCall) stored = NULL;

  json_builder_begin_object (json);
  if (live) {
    bl_http_add_call (json, live);
    bl_http_add_health (json, live);
    add_sessions (json, live, request->who.owner);
  } else {
    stored = bl_calls_get (request->http->context.db, id, &error);
    if (!stored) {
      bl_reply_db_error (request, error, "there is no call %s", id);
      return;
    }
    add_ended_call (json, stored);
  }
  json_builder_end_object (json);
  bl_reply_json (request, SOUP_STATUS_OK, json);
}

static void
add_audit_row (JsonBuilder *json, const BlAuditRow *row)
{
  json_builder_begin_object (json);
  bl_json_int (json, "id", row->id);
  bl_json_int (json, "at_us", row->at_us);
  bl_json_string (json, "actor_kind", bl_actor_kind_name (row->actor_kind));
  bl_json_string (json, "actor", row->actor);
  bl_json_string (json, "action", bl_audit_action_name (row->action));
  bl_json_string (json, "object", row->object);
  bl_json_string (json, "detail", row->detail);
  json_builder_end_object (json);
}

void
bl_http_on_audit (BlRequest *request)
{
  g_autoptr (GError) error = NULL;
  gint64 before = bl_request_query_int (request, "before", 0);
  gint64 limit = bl_request_query_int (request, "limit", MAX_ROWS);
  g_autoptr (GPtrArray) rows
      = bl_audit_list (request->http->context.db, before,
                       (guint)CLAMP (limit, 1, MAX_ROWS), &error);
  if (!rows) {
    bl_reply_db_error (request, error, "there is no audit");
    return;
  }
  g_autoptr (JsonBuilder) json = json_builder_new ();
  json_builder_begin_object (json);
  bl_json_begin_array (json, "entries");
  for (guint i = 0; i < rows->len; i++)
    add_audit_row (json, g_ptr_array_index (rows, i));
  json_builder_end_array (json);
  json_builder_end_object (json);
  bl_reply_json (request, SOUP_STATUS_OK, json);
}
