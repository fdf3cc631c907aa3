/* SPDX-License-Identifier: Apache-2.0
 *
 * Recordings: the list, one recording's manifest, and the bytes of its parts
 * (docs/api.md). Whoever gets bytes is in the audit.
 */
#define BL_LOG_TOPIC "relay.http"
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "relay/http_request.h"
#include "relay/mp4_codecs.h"
#include "store/calls.h"
#include "store/recordings.h"

#define MAX_LISTED 500

/* A player asks for many ranges; that is one playback. */
#define PLAYBACK_US   (10 * 60 * BL_SECOND)
#define MAX_PLAYBACKS 1024

static BlDb *
db_of (BlRequest *request)
{
  return request->http->context.db;
}

static void
add_recording (JsonBuilder *json, BlDb *db, const BlRecording *recording)
{
  g_autoptr (BlCall) call = bl_calls_get (db, recording->call, NULL);
  gint64 started_us
      = recording->origin_us ? recording->origin_us : recording->created_us;

  bl_json_int (json, "id", recording->id);
  bl_json_string (json, "call", recording->call);
  bl_json_string (json, "unit", call && call->unit ? call->unit : "token");
  bl_json_string (json, "ed", call ? call->ed : NULL);
  bl_json_int (json, "started_us", started_us);
  bl_json_int (json, "origin_us", recording->origin_us);
  bl_json_int (json, "duration_us", recording->duration_us);
  bl_json_int (json, "bytes", recording->bytes);
  bl_json_bool (json, "complete", recording->ended_us != 0);
}

void
bl_http_on_recordings (BlRequest *request)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) list
      = bl_recordings_list (db_of (request), MAX_LISTED, &error);
  if (!list) {
    bl_reply_db_error (request, error, "there are no recordings");
    return;
  }
  g_autoptr (JsonBuilder) json = json_builder_new ();
  json_builder_begin_object (json);
  bl_json_begin_array (json, "recordings");
  for (guint i = 0; i < list->len; i++) {
    json_builder_begin_object (json);
    add_recording (json, db_of (request), g_ptr_array_index (list, i));
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
  json_builder_end_object (json);
  bl_reply_json (request, SOUP_STATUS_OK, json);
}

static gboolean
parse_id (BlRequest *request, guint arg, gint64 maximum, gint64 *out)
{
  if (g_ascii_string_to_signed (bl_request_arg (request, arg), 10, 1, maximum,
                                out, NULL))
    return TRUE;
  bl_reply_error (request, SOUP_STATUS_NOT_FOUND, "there is no recording %s",
                  bl_request_arg (request, 0));
  return FALSE;
}

static void
add_fragments (JsonBuilder *json, const GArray *fragments, guint part)
{
  bl_json_begin_array (json, "fragments");
  for (guint i = 0; i < fragments->len; i++) {
    const BlFragment *fragment = &g_array_index (fragments, BlFragment, i);
    if (fragment->part != part)
      continue;
    json_builder_begin_object (json);
    bl_json_int (json, "offset", fragment->offset);
    bl_json_int (json, "length", fragment->length);
    bl_json_int (json, "start_us", fragment->start_us);
    bl_json_int (json, "duration_us", fragment->duration_us);
    bl_json_bool (json, "keyframe", fragment->keyframe);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
}

static void
add_part (JsonBuilder *json, BlDb *db, gint64 id, const BlPart *part,
          const GArray *fragments)
{
  g_autofree char *path
      = bl_recordings_part_path (bl_db_folder (db), id, part->number);
  g_autofree char *codecs
      = bl_mp4_codecs_of_file (path, (guint64)part->init_bytes);
  g_autofree char *url = g_strdup_printf (
      "/api/recordings/%" G_GINT64_FORMAT "/parts/%u", id, part->number);

  json_builder_begin_object (json);
  bl_json_int (json, "n", part->number);
  bl_json_string (json, "url", url);
  bl_json_string (json, "codecs", codecs);
  bl_json_int (json, "start_us", part->start_us);
  bl_json_int (json, "duration_us", part->duration_us);
  bl_json_int (json, "bytes", part->bytes);
  bl_json_int (json, "init_bytes", part->init_bytes);
  bl_json_bool (json, "closed", part->closed);
  add_fragments (json, fragments, part->number);
  json_builder_end_object (json);
}

static void
add_gaps (JsonBuilder *json, const GPtrArray *gaps)
{
  bl_json_begin_array (json, "gaps");
  for (guint i = 0; i < gaps->len; i++) {
    const BlGap *gap = g_ptr_array_index (gaps, i);
    json_builder_begin_object (json);
    bl_json_string (json, "track", bl_gap_track_name (gap->track));
    bl_json_int (json, "start_us", gap->start_us);
    bl_json_int (json, "duration_us", gap->duration_us);
    bl_json_string (json, "reason", gap->reason);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
}

void
bl_http_on_recording (BlRequest *request)
{
  BlDb *db = db_of (request);
  gint64 id;
  g_autoptr (GError) error = NULL;
  g_autoptr (GArray) parts = NULL;
  g_autoptr (GArray) fragments = NULL;
  g_autoptr (GPtrArray) gaps = NULL;

  if (!parse_id (request, 0, G_MAXINT64, &id))
    return;
  g_autoptr (BlRecording) recording = bl_recordings_get (db, id, &error);
  if (recording)
    parts = bl_recordings_parts (db, id, &error);
  if (parts)
    fragments = bl_recordings_fragments (db, id, &error);
  if (fragments)
    gaps = bl_recordings_gaps (db, id, &error);
  if (!gaps) {
    bl_reply_db_error (request, error, "there is no recording %s",
                       bl_request_arg (request, 0));
    return;
  }
  g_autoptr (JsonBuilder) json = json_builder_new ();
  json_builder_begin_object (json);
  add_recording (json, db, recording);
  bl_json_begin_array (json, "parts");
  for (guint i = 0; i < parts->len; i++)
    add_part (json, db, id, &g_array_index (parts, BlPart, i), fragments);
  json_builder_end_array (json);
  add_gaps (json, gaps);
  json_builder_end_object (json);
  bl_reply_json (request, SOUP_STATUS_OK, json);
}

/* Notes a playback unless this person's was noted a moment ago. */
static gboolean
audit_playback (BlRequest *request, const BlRecording *recording,
                GError **error)
{
  GHashTable *seen = request->http->playbacks;
  gint64 now_us = bl_clock_unix_us ();
  g_autofree char *key = g_strdup_printf ("%s %" G_GINT64_FORMAT,
                                          request->who.owner, recording->id);
  const gint64 *last = g_hash_table_lookup (seen, key);

  if (last && now_us - *last < PLAYBACK_US)
    return TRUE;
  g_autofree char *detail
      = g_strdup_printf ("recording %" G_GINT64_FORMAT, recording->id);
  if (!bl_audit_add (db_of (request), now_us, request->who.actor,
                     request->who.name, BL_AUDIT_PLAYBACK, recording->call,
                     detail, error))
    return FALSE;
  if (g_hash_table_size (seen) >= MAX_PLAYBACKS)
    g_hash_table_remove_all (seen);
  gint64 *noted = g_new (gint64, 1);
  *noted = now_us;
  g_hash_table_insert (seen, g_steal_pointer (&key), noted);
  return TRUE;
}

static const BlPart *
find_part (const GArray *parts, guint number)
{
  for (guint i = 0; parts && i < parts->len; i++) {
    const BlPart *part = &g_array_index (parts, BlPart, i);
    if (part->number == number)
      return part;
  }
  return NULL;
}

void
bl_http_on_part (BlRequest *request)
{
  BlDb *db = db_of (request);
  gint64 id, number;
  g_autoptr (GError) error = NULL;

  if (!parse_id (request, 0, G_MAXINT64, &id)
      || !parse_id (request, 1, G_MAXUINT, &number))
    return;
  g_autoptr (BlRecording) recording = bl_recordings_get (db, id, &error);
  g_autoptr (GArray) parts
      = recording ? bl_recordings_parts (db, id, &error) : NULL;
  if (!parts) {
    bl_reply_db_error (request, error, "there is no recording %s",
                       bl_request_arg (request, 0));
    return;
  }
  const BlPart *part = find_part (parts, (guint)number);
  if (!part) {
    bl_reply_error (request, SOUP_STATUS_NOT_FOUND,
                    "the recording has no part %u", (guint)number);
    return;
  }
  if (!audit_playback (request, recording, &error)) {
    bl_reply_db_error (request, error, "there is no audit");
    return;
  }
  g_autofree char *path
      = bl_recordings_part_path (bl_db_folder (db), id, part->number);
  g_autofree char *etag
      = g_strdup_printf ("%" G_GINT64_FORMAT "-%u-%" G_GINT64_FORMAT, id,
                         part->number, part->bytes);
  bl_reply_file (request, path, (guint64)part->bytes, "video/mp4", etag);
}
