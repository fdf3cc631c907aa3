/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "store.recovery"
#include "store/recovery.h"

#include <glib/gstdio.h>

#include "base/log.h"
#include "store/db_private.h"
#include "store/part_file.h"
#include "store/recordings.h"

typedef struct {
  gint64 recording;
  guint number;
  gint64 start_us;
  gint64 n_fragments; /* listed */
} OpenPart;

static gpointer
make_open_part (sqlite3_stmt *row)
{
  OpenPart *part = g_new0 (OpenPart, 1);
  part->recording = sqlite3_column_int64 (row, 0);
  part->number = (guint)sqlite3_column_int64 (row, 1);
  part->start_us = sqlite3_column_int64 (row, 2);
  part->n_fragments = sqlite3_column_int64 (row, 3);
  return part;
}

/* Lists the fragments that the file has and the database has not; both, those
 * the database has and the file lost, are made to agree with the file. */
static gboolean
list_fragments (BlDb *db, const OpenPart *part, GArray *fragments,
                guint *out_new, GError **error)
{
  const BlDbOp *op = BL_DB_OP (db, "list a recording's fragments again");
  gint64 bytes = 0, duration_us = 0;
  if (!bl_db_run (op, error,
                  "DELETE FROM fragments"
                  " WHERE recording_id = ?1 AND part = ?2",
                  "ii", part->recording, (gint64)part->number))
    return FALSE;
  for (guint i = 0; i < fragments->len; i++) {
    BlFragment *fragment = &g_array_index (fragments, BlFragment, i);
    if (!bl_recordings_add_fragment (db, part->recording, fragment, error))
      return FALSE;
    bytes = fragment->offset + fragment->length;
    duration_us = MAX (duration_us, fragment->start_us + fragment->duration_us
                                        - part->start_us);
  }
  *out_new = (guint)MAX (0, (gint64)fragments->len - part->n_fragments);
  return bl_db_run (op, error,
                    "UPDATE parts SET bytes = max (init_bytes, ?3),"
                    " duration_us = ?4, closed = 1"
                    " WHERE recording_id = ?1 AND number = ?2",
                    "iiii", part->recording, (gint64)part->number, bytes,
                    duration_us);
}

/* The whole fragments of the file; `out_end` is where they end. */
static GArray *
scan (const BlPartFile *file, const OpenPart *part, gint64 *out_end,
      GError **error)
{
  g_autoptr (GArray) fragments
      = g_array_new (FALSE, FALSE, sizeof (BlFragment));
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  gint64 at = file->init_bytes;
  BlCmafFragment found;
  gsize moof_bytes;
  BlPartNext next;
  while (
      (next = bl_part_file_read (file, at, bytes, &moof_bytes, &found, error))
      == BL_PART_FRAGMENT) {
    BlFragment fragment = {
      .part = part->number,
      .offset = at,
      .length = bytes->len,
      .start_us = part->start_us + found.start_us,
      .duration_us = found.end_us - found.start_us,
      .keyframe = found.keyframe,
    };
    bl_fragment_set_hash (&fragment, bytes->data, bytes->len);
    g_array_append_val (fragments, fragment);
    at += bytes->len;
  }
  if (next == BL_PART_ERROR)
    return NULL;
  *out_end = at;
  return g_steal_pointer (&fragments);
}

static gint64
last_end (const GArray *fragments, const OpenPart *part)
{
  gint64 end_us = 0;
  for (guint i = 0; i < fragments->len; i++) {
    const BlFragment *f = &g_array_index (fragments, BlFragment, i);
    end_us = MAX (end_us, f->start_us + f->duration_us - part->start_us);
  }
  return end_us;
}

/* A part without a whole fragment, or without its file: as if never begun. */
static gboolean
forget_part (BlDb *db, const OpenPart *part, const char *path, GError **error)
{
  const BlDbOp *op = BL_DB_OP (db, "forget an empty part of a recording");
  (void)g_unlink (path);
  return bl_db_run (op, error,
                    "DELETE FROM fragments"
                    " WHERE recording_id = ?1 AND part = ?2",
                    "ii", part->recording, (gint64)part->number)
         && bl_db_run (op, error,
                       "DELETE FROM parts"
                       " WHERE recording_id = ?1 AND number = ?2",
                       "ii", part->recording, (gint64)part->number);
}

static gboolean
mend_part (BlDb *db, const OpenPart *part, BlRecoverySummary *summary,
           GError **error)
{
  g_autofree char *path = bl_recordings_part_path (
      bl_db_folder (db), part->recording, part->number);
  g_auto (BlPartFile) file = BL_PART_FILE_INIT;
  if (part->n_fragments == 0 && !g_file_test (path, G_FILE_TEST_EXISTS))
    return forget_part (db, part, path, error);
  if (!bl_part_file_open (&file, path, TRUE, error))
    return FALSE;
  gint64 end = 0;
  g_autoptr (GArray) fragments = scan (&file, part, &end, error);
  if (!fragments)
    return FALSE;
  gint64 cut = file.bytes - end;
  if (cut > 0 && !bl_part_file_truncate (&file, end, error))
    return FALSE;
  guint listed = 0;
  gboolean done;
  if (!bl_db_begin (db, error))
    return FALSE;
  if (fragments->len == 0)
    done = forget_part (db, part, path, error);
  else
    done = bl_part_file_set_duration (&file, last_end (fragments, part), error)
           && list_fragments (db, part, fragments, &listed, error);
  if (!bl_db_end (db, done, error))
    return FALSE;
  summary->parts++;
  summary->fragments += listed;
  summary->cut_bytes += (guint64)cut;
  bl_info ("%s: closed after a crash: %u fragments, %u of them listed anew, "
           "%" G_GINT64_FORMAT " torn bytes cut off",
           path, fragments->len, listed, cut);
  return TRUE;
}

gboolean
bl_recovery_run (BlDb *db, BlRecoverySummary *out_summary, GError **error)
{
  BlRecoverySummary summary = { 0 };
  g_autoptr (GPtrArray) parts = bl_db_list (
      BL_DB_OP (db, "find recordings to mend"), make_open_part, g_free, error,
      "SELECT recording_id, number, start_us,"
      " (SELECT count (*) FROM fragments AS f"
      "  WHERE f.recording_id = parts.recording_id AND f.part = number)"
      " FROM parts WHERE NOT closed",
      "");
  if (!parts)
    return FALSE;
  for (guint i = 0; i < parts->len; i++) {
    g_autoptr (GError) problem = NULL;
    if (mend_part (db, parts->pdata[i], &summary, &problem))
      continue;
    if (problem->domain == BL_DB_ERROR) {
      g_propagate_error (error, g_steal_pointer (&problem));
      return FALSE;
    }
    bl_warning ("recording left as it is: %s", problem->message);
    summary.failed++;
  }
  if (out_summary)
    *out_summary = summary;
  return TRUE;
}
