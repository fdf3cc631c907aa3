/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of recordings. A call has at most one recording; it has parts (one
 * file each), parts have fragments, and what is missing is a gap.
 *
 * Positions are microseconds on the recording's timeline, which starts at 0
 * with the first sample; `origin_us` is that sample's capture time (Unix
 * microseconds), so origin_us + position is the time on the wall.
 */
#pragma once

#include "secure/sha256.h"
#include "store/db.h"

typedef struct {
  gint64 id;
  char *call;
  gint64 created_us;
  gint64 origin_us; /* 0: nothing written yet */
  gint64 ended_us;  /* 0: still open */
  /* Sums over parts and fragments. */
  guint parts;
  gint64 duration_us; /* end of the last fragment */
  gint64 bytes;
} BlRecording;

typedef struct {
  guint number;    /* from 1 */
  gint64 start_us; /* where its time 0 lies on the timeline */
  gint64 duration_us;
  gint64 bytes;      /* length of the file's good part */
  gint64 init_bytes; /* length of ftyp + moov */
  gboolean closed;
} BlPart;

typedef struct {
  guint part;
  gint64 offset, length; /* bytes in the part's file */
  gint64 start_us, duration_us;
  gboolean keyframe; /* its first picture is an IDR, or it has no pictures */
  char sha256[BL_SHA256_HEX_LENGTH + 1]; /* of its bytes, in hex */
} BlFragment;

typedef enum {
  BL_GAP_VIDEO,
  BL_GAP_AUDIO,
  BL_GAP_BOTH,
} BlGapTrack;

/* "video", "audio" or "both". */
const char *bl_gap_track_name (BlGapTrack track);

typedef struct {
  BlGapTrack track;
  gint64 start_us, duration_us;
  char *reason; /* "packets lost", "publisher gone", "disk full", … */
} BlGap;

void bl_recording_free (BlRecording *recording);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlRecording, bl_recording_free)
void bl_gap_free (BlGap *gap);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlGap, bl_gap_free)

/* The call's recording, made or opened again. Control, before it tells the
 * worker. NOT_FOUND if there is no such call. */
gboolean bl_recordings_open (BlDb *db, const char *call, gint64 now_us,
                             gint64 *out_id, GError **error);

/* NOT_FOUND */
BlRecording *bl_recordings_get (BlDb *db, gint64 id, GError **error);
/* Of a call; NOT_FOUND. */
BlRecording *bl_recordings_find (BlDb *db, const char *call, GError **error);
/* Newest first, at most `limit`: (element-type BlRecording). */
GPtrArray *bl_recordings_list (BlDb *db, guint limit, GError **error);
/* (element-type BlPart), by number; free with g_array_unref(). */
GArray *bl_recordings_parts (BlDb *db, gint64 id, GError **error);
/* (element-type BlFragment), in file order. */
GArray *bl_recordings_fragments (BlDb *db, gint64 id, GError **error);
/* (element-type BlGap), by start, with free function. */
GPtrArray *bl_recordings_gaps (BlDb *db, gint64 id, GError **error);

/* `folder`/recordings/<id>/part-0001.mp4; free with g_free(). */
char *bl_recordings_part_path (const char *folder, gint64 id, guint part);

/* The fragment's hash from its bytes. */
void bl_fragment_set_hash (BlFragment *fragment, const guint8 *bytes,
                           gsize length);

/* ---- the recorder's ---- */

/* With the first sample; later calls change nothing. */
gboolean bl_recordings_set_origin (BlDb *db, gint64 id, gint64 origin_us,
                                   GError **error);
gboolean bl_recordings_add_part (BlDb *db, gint64 id, const BlPart *part,
                                 GError **error);
/* Adds the fragment, and its length and end to its part. */
gboolean bl_recordings_add_fragment (BlDb *db, gint64 id,
                                     const BlFragment *fragment,
                                     GError **error);
gboolean bl_recordings_close_part (BlDb *db, gint64 id, guint part,
                                   GError **error);
gboolean bl_recordings_add_gap (BlDb *db, gint64 id, BlGapTrack track,
                                gint64 start_us, gint64 duration_us,
                                const char *reason, GError **error);
gboolean bl_recordings_end (BlDb *db, gint64 id, gint64 now_us, GError **error);
