/* SPDX-License-Identifier: Apache-2.0 */
#include "store/export.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>

#include "store/part_file.h"
#include "store/recordings.h"

/* Silence is written in pieces of so much. */
#define PIECE_TICKS (60 * BL_CMAF_AUDIO_RATE)

/* The file that is being written. */
typedef struct {
  BlPartFile file; /* closed: none yet */
  gint64 start_us; /* of its time 0, on the timeline */
  guint32 sequence;
  guint64 audio_end; /* ticks; 0: no sound yet */
  gint64 duration_us;
  GPtrArray *paths;  /* all written so far */
  const char *first; /* the path that was asked for */
} Target;

/* "out.mp4", "out-2.mp4", … */
static char *
target_path (const char *first, guint n)
{
  if (n == 1)
    return g_strdup (first);
  gsize stem = strlen (first);
  const char *suffix = "";
  if (g_str_has_suffix (first, ".mp4")) {
    stem -= 4;
    suffix = ".mp4";
  }
  return g_strdup_printf ("%.*s-%u%s", (int)stem, first, n, suffix);
}

static gboolean
append (Target *target, const guint8 *bytes, gsize length, gint64 end_us,
        GError **error)
{
  target->duration_us = MAX (target->duration_us, end_us);
  return bl_part_file_append (&target->file, bytes, length, target->duration_us,
                              error);
}

/* Silence from where the sound ended to where it goes on. */
static gboolean
bridge (Target *target, guint64 until, GError **error)
{
  g_autoptr (GArray) samples
      = g_array_new (FALSE, FALSE, sizeof (BlCmafSample));
  g_autoptr (GByteArray) data = g_byte_array_new ();
  g_autoptr (GByteArray) out = g_byte_array_new ();
  while (target->audio_end > 0
         && target->audio_end + BL_CMAF_SILENCE_TICKS <= until) {
    guint64 start = target->audio_end;
    g_array_set_size (samples, 0);
    g_byte_array_set_size (data, 0);
    g_byte_array_set_size (out, 0);
    while (target->audio_end + BL_CMAF_SILENCE_TICKS <= until
           && target->audio_end - start < PIECE_TICKS) {
      const BlCmafSample sample
          = { BL_CMAF_SILENCE_TICKS, sizeof bl_cmaf_silence, TRUE };
      g_array_append_val (samples, sample);
      g_byte_array_append (data, bl_cmaf_silence, sizeof bl_cmaf_silence);
      target->audio_end += BL_CMAF_SILENCE_TICKS;
    }
    const BlCmafRun run = { start, (const BlCmafSample *)(void *)samples->data,
                            samples->len, data->data, data->len };
    bl_cmaf_append_fragment (out, ++target->sequence, NULL, &run);
    if (!append (target, out->data, out->len, 0, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
copy_fragments (Target *target, const BlPartFile *from, gint64 shift_us,
                GError **error)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  BlCmafFragment fragment;
  gsize moof;
  gint64 at = from->init_bytes;
  BlPartNext next;
  while ((next = bl_part_file_read (from, at, bytes, &moof, &fragment, error))
         == BL_PART_FRAGMENT) {
    at += bytes->len;
    (void)bl_cmaf_shift_moof (bytes->data, moof, 0, shift_us);
    (void)bl_cmaf_read_moof (bytes->data, moof, &fragment);
    if (fragment.n_audio > 0 && !bridge (target, fragment.audio_time, error))
      return FALSE;
    (void)bl_cmaf_shift_moof (bytes->data, moof, ++target->sequence, 0);
    if (!append (target, bytes->data, bytes->len, fragment.end_us, error))
      return FALSE;
    if (fragment.n_audio > 0)
      target->audio_end = fragment.audio_time + fragment.audio_duration;
  }
  /* A torn end is what the relay is writing now, or what a crash left. */
  return next != BL_PART_ERROR;
}

static gboolean
finish_file (Target *target, GError **error)
{
  if (target->file.fd < 0)
    return TRUE;
  gboolean ok
      = bl_part_file_set_duration (&target->file, target->duration_us, error);
  bl_part_file_close (&target->file);
  return ok;
}

/* Where in the target the part's time 0 goes; a new target if it must be. */
static gboolean
place_part (Target *target, const BlPartFile *from, gint64 start_us,
            GError **error)
{
  g_autoptr (GByteArray) init = g_byte_array_new ();
  if (!bl_part_file_read_init (from, init, error))
    return FALSE;
  if (target->file.fd >= 0
      && bl_cmaf_init_equal (init->data, init->len, target->file.init,
                             (gsize)target->file.init_bytes))
    return TRUE;
  if (!finish_file (target, error))
    return FALSE;
  g_autofree char *path = target_path (target->first, target->paths->len + 1);
  if (!bl_part_file_create (&target->file, path, init->data, init->len, error))
    return FALSE;
  g_ptr_array_add (target->paths, g_steal_pointer (&path));
  target->file.lazy = TRUE;
  target->start_us = start_us;
  target->sequence = 0;
  target->audio_end = 0;
  target->duration_us = 0;
  return TRUE;
}

static gboolean
copy_parts (BlDb *db, gint64 recording, Target *target, GError **error)
{
  g_autoptr (GArray) parts = bl_recordings_parts (db, recording, error);
  if (!parts)
    return FALSE;
  for (guint i = 0; i < parts->len; i++) {
    const BlPart *part = &g_array_index (parts, BlPart, i);
    g_autofree char *path
        = bl_recordings_part_path (bl_db_folder (db), recording, part->number);
    g_auto (BlPartFile) from = BL_PART_FILE_INIT;
    if (!bl_part_file_open (&from, path, FALSE, error)
        || !place_part (target, &from, part->start_us, error)
        || !copy_fragments (target, &from, part->start_us - target->start_us,
                            error))
      return FALSE;
  }
  if (parts->len > 0)
    return TRUE;
  g_set_error (error, BL_DB_ERROR, BL_DB_ERROR_NOT_FOUND,
               "recording %" G_GINT64_FORMAT " is empty", recording);
  return FALSE;
}

GPtrArray *
bl_export_run (BlDb *db, gint64 recording, const char *path, GError **error)
{
  g_autoptr (BlRecording) row = bl_recordings_get (db, recording, error);
  if (!row)
    return NULL;
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  Target target = { .file = BL_PART_FILE_INIT, .paths = paths, .first = path };
  gboolean ok = copy_parts (db, recording, &target, error)
                && finish_file (&target, error);
  bl_part_file_close (&target.file);
  if (ok)
    return g_steal_pointer (&paths);
  for (guint i = 0; i < paths->len; i++)
    (void)g_unlink (paths->pdata[i]);
  return NULL;
}

/* ---- verify ---- */

static void G_GNUC_PRINTF (2, 3)
    complain (GPtrArray *problems, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_ptr_array_add (problems, g_strdup_vprintf (format, args));
  va_end (args);
}

/* Whether the bytes at `at` are the row's, to the last one. */
static gboolean
is_as_listed (const BlPartFile *file, const BlPart *part, gint64 at,
              const BlFragment *row)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  BlCmafFragment found;
  gsize moof;
  if (row->offset != at
      || bl_part_file_read (file, at, bytes, &moof, &found, NULL)
             != BL_PART_FRAGMENT)
    return FALSE;
  BlFragment again;
  bl_fragment_set_hash (&again, bytes->data, bytes->len);
  return row->length == bytes->len
         && row->start_us == part->start_us + found.start_us
         && g_str_equal (row->sha256, again.sha256);
}

/* Compares one file with its rows, which begin at fragments[*index]. */
static void
verify_file (const BlPartFile *file, const BlPart *part,
             const GArray *fragments, guint *index, GPtrArray *problems)
{
  gint64 at = file->init_bytes;
  for (; *index < fragments->len; (*index)++) {
    const BlFragment *row = &g_array_index (fragments, BlFragment, *index);
    if (row->part != part->number)
      break;
    if (!is_as_listed (file, part, at, row))
      complain (problems,
                "%s: the fragment at byte %" G_GINT64_FORMAT
                " is not what was recorded",
                file->path, row->offset);
    at = row->offset + row->length;
  }
  if (part->closed && at != file->bytes)
    complain (problems,
              "%s: %" G_GINT64_FORMAT " bytes at its end are not listed",
              file->path, file->bytes - at);
}

GPtrArray *
bl_export_verify (BlDb *db, gint64 recording, GError **error)
{
  g_autoptr (BlRecording) row = bl_recordings_get (db, recording, error);
  if (!row)
    return NULL;
  g_autoptr (GArray) parts = bl_recordings_parts (db, recording, error);
  g_autoptr (GArray) fragments
      = parts ? bl_recordings_fragments (db, recording, error) : NULL;
  if (!fragments)
    return NULL;
  GPtrArray *problems = g_ptr_array_new_with_free_func (g_free);
  guint index = 0;
  for (guint i = 0; i < parts->len; i++) {
    const BlPart *part = &g_array_index (parts, BlPart, i);
    g_autofree char *path
        = bl_recordings_part_path (bl_db_folder (db), recording, part->number);
    g_auto (BlPartFile) file = BL_PART_FILE_INIT;
    g_autoptr (GError) problem = NULL;
    if (bl_part_file_open (&file, path, FALSE, &problem))
      verify_file (&file, part, fragments, &index, problems);
    else
      complain (problems, "%s", problem->message);
    while (index < fragments->len
           && g_array_index (fragments, BlFragment, index).part <= part->number)
      index++;
  }
  return problems;
}
