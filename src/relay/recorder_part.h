/* SPDX-License-Identifier: Apache-2.0
 *
 * The part that is being written: its file, and its rows in the database. The
 * row comes before the file and a fragment's row after its bytes, so that
 * recovery finds every part, and every listed fragment is there. The recorder's
 * thread only. Errors are BL_DB_ERROR or G_IO_ERROR.
 */
#pragma once

#include "relay/recorder_cutter.h"
#include "store/db.h"
#include "store/part_file.h"

typedef struct {
  BlDb *db; /* borrowed */
  gint64 recording;
  gboolean open;
  gboolean has_video, has_audio;
  guint number;
  gint64 start_us; /* on the recording's timeline */
  gint64 duration_us;
  guint32 sequence; /* of the last fragment */
  BlPartFile file;
  GByteArray *bytes; /* one fragment */
} BlRecorderPart;

void bl_recorder_part_init (BlRecorderPart *part, BlDb *db, gint64 recording);
/* Closes the file; not the part's row, if it is still open. */
void bl_recorder_part_clear (BlRecorderPart *part);

gboolean bl_recorder_part_open (BlRecorderPart *part,
                                const BlCmafTracks *tracks, gint64 start_us,
                                GError **error);

/* Takes the cutter's samples to the disk and lists them. On failure they are
 * lost, and the part is as it was before. */
gboolean bl_recorder_part_write (BlRecorderPart *part, BlCutter *cutter,
                                 GError **error);

/* Closed even on failure; recovery then mends what is missing. */
gboolean bl_recorder_part_close (BlRecorderPart *part, GError **error);
