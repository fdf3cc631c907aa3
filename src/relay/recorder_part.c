/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/recorder_part.h"

#include "store/recordings.h"

void
bl_recorder_part_init (BlRecorderPart *part, BlDb *db, gint64 recording)
{
  *part = (BlRecorderPart){
    .db = db,
    .recording = recording,
    .file = BL_PART_FILE_INIT,
    .bytes = g_byte_array_new (),
  };
}

void
bl_recorder_part_clear (BlRecorderPart *part)
{
  bl_part_file_close (&part->file);
  part->open = FALSE;
  g_clear_pointer (&part->bytes, g_byte_array_unref);
}

/* The number after the last part, past any file without a row. */
static gboolean
find_number (BlRecorderPart *part, GError **error)
{
  g_autoptr (GArray) parts
      = bl_recordings_parts (part->db, part->recording, error);
  if (!parts)
    return FALSE;
  part->number = parts->len > 0
                     ? g_array_index (parts, BlPart, parts->len - 1).number
                     : 0;
  for (gboolean taken = TRUE; taken;) {
    part->number++;
    g_autofree char *path = bl_recordings_part_path (
        bl_db_folder (part->db), part->recording, part->number);
    taken = g_file_test (path, G_FILE_TEST_EXISTS);
  }
  return TRUE;
}

gboolean
bl_recorder_part_open (BlRecorderPart *part, const BlCmafTracks *tracks,
                       gint64 start_us, GError **error)
{
  g_assert (!part->open);
  g_byte_array_set_size (part->bytes, 0);
  bl_cmaf_append_init (part->bytes, tracks);
  if (!find_number (part, error))
    return FALSE;
  const BlPart row = { .number = part->number,
                       .start_us = start_us,
                       .bytes = part->bytes->len,
                       .init_bytes = part->bytes->len };
  g_autofree char *path = bl_recordings_part_path (
      bl_db_folder (part->db), part->recording, part->number);
  if (!bl_recordings_add_part (part->db, part->recording, &row, error)
      || !bl_part_file_create (&part->file, path, part->bytes->data,
                               part->bytes->len, error))
    return FALSE;
  part->open = TRUE;
  part->has_video = tracks->sps != NULL;
  part->has_audio = tracks->audio;
  part->start_us = start_us;
  part->duration_us = 0;
  part->sequence = 0;
  return TRUE;
}

gboolean
bl_recorder_part_write (BlRecorderPart *part, BlCutter *cutter, GError **error)
{
  g_assert (part->open);
  gint64 start_us = bl_cutter_start_us (cutter);
  gint64 end_us = bl_cutter_end_us (cutter);
  BlFragment fragment = {
    .part = part->number,
    .offset = part->file.bytes,
    .start_us = part->start_us + start_us,
    .duration_us = end_us - start_us,
    .keyframe = bl_cutter_starts_with_keyframe (cutter),
  };
  g_byte_array_set_size (part->bytes, 0);
  bl_cutter_take (cutter, part->sequence + 1, part->bytes);
  fragment.length = part->bytes->len;
  bl_fragment_set_hash (&fragment, part->bytes->data, part->bytes->len);
  gint64 duration_us = MAX (part->duration_us, end_us);
  if (!bl_part_file_append (&part->file, part->bytes->data, part->bytes->len,
                            duration_us, error))
    return FALSE;
  if (!bl_recordings_add_fragment (part->db, part->recording, &fragment,
                                   error)) {
    (void)bl_part_file_truncate (&part->file, fragment.offset, NULL);
    return FALSE;
  }
  part->sequence++;
  part->duration_us = duration_us;
  return TRUE;
}

gboolean
bl_recorder_part_close (BlRecorderPart *part, GError **error)
{
  g_assert (part->open);
  part->open = FALSE;
  gboolean ok
      = bl_part_file_set_duration (&part->file, part->duration_us, error);
  bl_part_file_close (&part->file);
  return ok
         && bl_recordings_close_part (part->db, part->recording, part->number,
                                      error);
}
