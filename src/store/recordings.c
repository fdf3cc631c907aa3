/* SPDX-License-Identifier: Apache-2.0 */
#include "store/recordings.h"

#include "store/db_private.h"

#define COLUMNS                                                                \
  "id, call_id, created_us, origin_us, ended_us,"                              \
  " (SELECT count (*) FROM parts WHERE recording_id = id),"                    \
  " (SELECT ifnull (max (start_us + duration_us), 0) FROM parts"               \
  "  WHERE recording_id = id),"                                                \
  " (SELECT ifnull (sum (bytes), 0) FROM parts WHERE recording_id = id)"

static const char *const track_names[] = {
  [BL_GAP_VIDEO] = "video",
  [BL_GAP_AUDIO] = "audio",
  [BL_GAP_BOTH] = "both",
};

const char *
bl_gap_track_name (BlGapTrack track)
{
  return track_names[track];
}

void
bl_recording_free (BlRecording *recording)
{
  if (!recording)
    return;
  g_free (recording->call);
  g_free (recording);
}

void
bl_gap_free (BlGap *gap)
{
  if (!gap)
    return;
  g_free (gap->reason);
  g_free (gap);
}

static gpointer
make_recording (sqlite3_stmt *row)
{
  BlRecording *recording = g_new0 (BlRecording, 1);
  recording->id = sqlite3_column_int64 (row, 0);
  recording->call = bl_db_text (row, 1);
  recording->created_us = sqlite3_column_int64 (row, 2);
  recording->origin_us = sqlite3_column_int64 (row, 3);
  recording->ended_us = sqlite3_column_int64 (row, 4);
  recording->parts = (guint)sqlite3_column_int64 (row, 5);
  recording->duration_us = sqlite3_column_int64 (row, 6);
  recording->bytes = sqlite3_column_int64 (row, 7);
  return recording;
}

static gpointer
make_part (sqlite3_stmt *row)
{
  BlPart *part = g_new0 (BlPart, 1);
  part->number = (guint)sqlite3_column_int64 (row, 0);
  part->start_us = sqlite3_column_int64 (row, 1);
  part->duration_us = sqlite3_column_int64 (row, 2);
  part->bytes = sqlite3_column_int64 (row, 3);
  part->init_bytes = sqlite3_column_int64 (row, 4);
  part->closed = sqlite3_column_int (row, 5) != 0;
  return part;
}

static gpointer
make_fragment (sqlite3_stmt *row)
{
  BlFragment *fragment = g_new0 (BlFragment, 1);
  fragment->part = (guint)sqlite3_column_int64 (row, 0);
  fragment->offset = sqlite3_column_int64 (row, 1);
  fragment->length = sqlite3_column_int64 (row, 2);
  fragment->start_us = sqlite3_column_int64 (row, 3);
  fragment->duration_us = sqlite3_column_int64 (row, 4);
  fragment->keyframe = sqlite3_column_int (row, 5) != 0;
  g_strlcpy (fragment->sha256, (const char *)sqlite3_column_text (row, 6),
             sizeof fragment->sha256);
  return fragment;
}

static gpointer
make_gap (sqlite3_stmt *row)
{
  BlGap *gap = g_new0 (BlGap, 1);
  const char *track = (const char *)sqlite3_column_text (row, 0);
  /* The table's CHECK admits no other name. */
  while (gap->track < BL_GAP_BOTH
         && g_strcmp0 (track, track_names[gap->track]) != 0)
    gap->track++;
  gap->start_us = sqlite3_column_int64 (row, 1);
  gap->duration_us = sqlite3_column_int64 (row, 2);
  gap->reason = bl_db_text (row, 3);
  return gap;
}

gboolean
bl_recordings_open (BlDb *db, const char *call, gint64 now_us, gint64 *out_id,
                    GError **error)
{
  g_autofree char *operation
      = g_strdup_printf ("open the recording of call “%s”", call);
  const BlDbOp *op = BL_DB_OP (db, operation);
  gint64 id;
  if (!bl_db_run (op, error,
                  "INSERT INTO recordings (call_id, created_us) VALUES (?1, ?2)"
                  " ON CONFLICT (call_id) DO UPDATE SET ended_us = 0",
                  "si", call, now_us)
      || !bl_db_number (op, &id, error,
                        "SELECT id FROM recordings WHERE call_id = ?1", "s",
                        call))
    return FALSE;
  *out_id = id;
  return TRUE;
}

BlRecording *
bl_recordings_get (BlDb *db, gint64 id, GError **error)
{
  g_autofree char *missing
      = g_strdup_printf ("there is no recording %" G_GINT64_FORMAT, id);
  return bl_db_one (BL_DB_OP (db, "find a recording"), make_recording, missing,
                    error, "SELECT " COLUMNS " FROM recordings WHERE id = ?1",
                    "i", id);
}

BlRecording *
bl_recordings_find (BlDb *db, const char *call, GError **error)
{
  g_autofree char *missing
      = g_strdup_printf ("the call “%s” has no recording", call);
  return bl_db_one (
      BL_DB_OP (db, "find a recording"), make_recording, missing, error,
      "SELECT " COLUMNS " FROM recordings WHERE call_id = ?1", "s", call);
}

GPtrArray *
bl_recordings_list (BlDb *db, guint limit, GError **error)
{
  return bl_db_list (BL_DB_OP (db, "list the recordings"), make_recording,
                     (GDestroyNotify)bl_recording_free, error,
                     "SELECT " COLUMNS
                     " FROM recordings ORDER BY id DESC LIMIT ?1",
                     "i", (gint64)limit);
}

/* Rows as an array of `size` bytes each. Takes `rows`; NULL for NULL. */
static GArray *
flatten (GPtrArray *rows, guint size)
{
  if (!rows)
    return NULL;
  GArray *array = g_array_sized_new (FALSE, FALSE, size, rows->len);
  for (guint i = 0; i < rows->len; i++)
    g_array_append_vals (array, rows->pdata[i], 1);
  g_ptr_array_unref (rows);
  return array;
}

GArray *
bl_recordings_parts (BlDb *db, gint64 id, GError **error)
{
  return flatten (bl_db_list (BL_DB_OP (db, "list a recording's parts"),
                              make_part, g_free, error,
                              "SELECT number, start_us, duration_us, bytes,"
                              " init_bytes, closed FROM parts"
                              " WHERE recording_id = ?1 ORDER BY number",
                              "i", id),
                  sizeof (BlPart));
}

GArray *
bl_recordings_fragments (BlDb *db, gint64 id, GError **error)
{
  return flatten (bl_db_list (BL_DB_OP (db, "list a recording's fragments"),
                              make_fragment, g_free, error,
                              "SELECT part, offset, length, start_us,"
                              " duration_us, keyframe, sha256 FROM fragments"
                              " WHERE recording_id = ?1 ORDER BY part, offset",
                              "i", id),
                  sizeof (BlFragment));
}

GPtrArray *
bl_recordings_gaps (BlDb *db, gint64 id, GError **error)
{
  return bl_db_list (BL_DB_OP (db, "list a recording's gaps"), make_gap,
                     (GDestroyNotify)bl_gap_free, error,
                     "SELECT track, start_us, duration_us, reason FROM gaps"
                     " WHERE recording_id = ?1 ORDER BY start_us, id",
                     "i", id);
}

char *
bl_recordings_part_path (const char *folder, gint64 id, guint part)
{
  return g_strdup_printf ("%s/%s/%" G_GINT64_FORMAT "/part-%04u.mp4", folder,
                          BL_RECORDINGS_FOLDER, id, part);
}

void
bl_fragment_set_hash (BlFragment *fragment, const guint8 *bytes, gsize length)
{
  bl_sha256_hex (bytes, length, fragment->sha256);
}

/* ---- the recorder's ---- */

gboolean
bl_recordings_set_origin (BlDb *db, gint64 id, gint64 origin_us, GError **error)
{
  return bl_db_run (BL_DB_OP (db, "set a recording's origin"), error,
                    "UPDATE recordings SET origin_us = ?2"
                    " WHERE id = ?1 AND origin_us = 0",
                    "ii", id, origin_us);
}

gboolean
bl_recordings_add_part (BlDb *db, gint64 id, const BlPart *part, GError **error)
{
  return bl_db_run (BL_DB_OP (db, "add a part to a recording"), error,
                    "INSERT INTO parts (recording_id, number, start_us,"
                    " duration_us, bytes, init_bytes, closed)"
                    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                    "iiiiiii", id, (gint64)part->number, part->start_us,
                    part->duration_us, part->bytes, part->init_bytes,
                    (gint64)(part->closed ? 1 : 0));
}

static gboolean
add_fragment (BlDb *db, gint64 id, const BlFragment *fragment, GError **error)
{
  const BlDbOp *op = BL_DB_OP (db, "add a fragment to a recording");
  return bl_db_run (op, error,
                    "INSERT INTO fragments (recording_id, part, offset, length,"
                    " start_us, duration_us, keyframe, sha256)"
                    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                    "iiiiiiis", id, (gint64)fragment->part, fragment->offset,
                    fragment->length, fragment->start_us, fragment->duration_us,
                    (gint64)(fragment->keyframe ? 1 : 0), fragment->sha256)
         && bl_db_run (op, error,
                       "UPDATE parts SET bytes = max (bytes, ?3),"
                       " duration_us = max (duration_us, ?4 - start_us)"
                       " WHERE recording_id = ?1 AND number = ?2",
                       "iiii", id, (gint64)fragment->part,
                       fragment->offset + fragment->length,
                       fragment->start_us + fragment->duration_us);
}

gboolean
bl_recordings_add_fragment (BlDb *db, gint64 id, const BlFragment *fragment,
                            GError **error)
{
  return bl_db_begin (db, error)
         && bl_db_end (db, add_fragment (db, id, fragment, error), error);
}

gboolean
bl_recordings_close_part (BlDb *db, gint64 id, guint part, GError **error)
{
  return bl_db_run (BL_DB_OP (db, "close a part of a recording"), error,
                    "UPDATE parts SET closed = 1"
                    " WHERE recording_id = ?1 AND number = ?2",
                    "ii", id, (gint64)part);
}

gboolean
bl_recordings_add_gap (BlDb *db, gint64 id, BlGapTrack track, gint64 start_us,
                       gint64 duration_us, const char *reason, GError **error)
{
  return bl_db_run (BL_DB_OP (db, "add a gap to a recording"), error,
                    "INSERT INTO gaps (recording_id, track, start_us,"
                    " duration_us, reason) VALUES (?1, ?2, ?3, ?4, ?5)",
                    "isiis", id, track_names[track], start_us, duration_us,
                    reason);
}

gboolean
bl_recordings_end (BlDb *db, gint64 id, gint64 now_us, GError **error)
{
  return bl_db_run (BL_DB_OP (db, "end a recording"), error,
                    "UPDATE recordings SET ended_us = ?2 WHERE id = ?1", "ii",
                    id, now_us);
}
