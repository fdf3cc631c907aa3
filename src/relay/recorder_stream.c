/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/recorder_stream.h"

#include <gio/gio.h>

#include "store/recordings.h"

#define VIDEO_SLOTS 1024 /* 0.7 s at 15 Mb/s */
#define AUDIO_SLOTS 128
#define PICTURE_MAX (2 * 1024 * 1024)

#define RETRY_US        (5 * BL_SECOND)
#define KEYFRAME_ASK_US (1 * BL_SECOND)

/* Sound that has not come for so long is filled with silence, up to so far
 * behind the picture. */
#define SILENT_AFTER_US (2 * BL_SECOND)
#define SILENCE_LAG_US  (1 * BL_SECOND)

/* Shorter than this is rounding, not a gap. */
#define GAP_MIN_US (5 * BL_MS)

static void
reset_media (BlRecorderStream *stream)
{
  bl_reorder_reset (&stream->order[BL_TRACK_VIDEO]);
  bl_reorder_reset (&stream->order[BL_TRACK_AUDIO]);
  bl_recorder_clock_init (&stream->clock[BL_TRACK_VIDEO], BL_CMAF_VIDEO_RATE);
  bl_recorder_clock_init (&stream->clock[BL_TRACK_AUDIO], BL_CMAF_AUDIO_RATE);
  bl_h264_depay_reset (&stream->depay);
  stream->audio_placed = FALSE;
  stream->damaged = FALSE;
}

static void
set_reason (BlRecorderStream *stream, const char *reason)
{
  stream->gap_reason[BL_TRACK_VIDEO] = reason;
  stream->gap_reason[BL_TRACK_AUDIO] = reason;
}

/* What was collected is lost: the recording ends where the part's file does. */
static void
forget_unwritten (BlRecorderStream *stream)
{
  bl_cutter_reset (&stream->cutter);
  gint64 end_us = stream->part.start_us + stream->part.duration_us;
  for (guint i = 0; i < BL_N_TRACKS; i++)
    stream->end_us[i] = MIN (stream->end_us[i], end_us);
  stream->floor_us = MAX (stream->floor_us, end_us);
}

/* Stands still until there is room again, or whatever it was has passed. */
static void
stop (BlRecorderStream *stream, const GError *error)
{
  gboolean full = g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE)
                  || g_error_matches (error, BL_DB_ERROR, BL_DB_ERROR_FULL);
  stream->retry_us = stream->now_us + RETRY_US;
  if (stream->part.open)
    (void)bl_recorder_part_close (&stream->part, NULL);
  forget_unwritten (stream);
  if (stream->stopped)
    return;
  stream->stopped = TRUE;
  stream->shared->stats.stopped++;
  set_reason (stream, full ? "disk full" : "disk failed");
  stream->shared->post (stream->shared->post_data,
                        full ? BL_RECORDER_FULL : BL_RECORDER_FAILED,
                        stream->id, error->message);
}

/* FALSE and `error` when the disk has less than the reserve. */
static gboolean
check_room (const BlRecorderShared *shared, GError **error)
{
  guint64 left = shared->free_bytes (shared->folder, shared->user_data);
  if (left >= shared->reserve_bytes)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
               "%s: only %" G_GUINT64_FORMAT
               " MiB are left of the %" G_GUINT64_FORMAT
               " kept for the database: make room",
               shared->folder, left >> 20, shared->reserve_bytes >> 20);
  return FALSE;
}

/* Continues a recording that has parts already. */
static gboolean
resume (BlRecorderStream *stream)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BlRecording) row
      = bl_recordings_get (stream->shared->db, stream->id, &error);
  if (!row) {
    stop (stream, error);
    return FALSE;
  }
  stream->known = TRUE;
  if (row->origin_us == 0)
    return TRUE;
  stream->placed = TRUE;
  stream->origin_us = row->origin_us;
  stream->floor_us = row->duration_us;
  stream->end_us[BL_TRACK_VIDEO] = row->duration_us;
  stream->end_us[BL_TRACK_AUDIO] = row->duration_us;
  set_reason (stream, "relay restarted");
  return TRUE;
}

static void
retry (BlRecorderStream *stream)
{
  g_autoptr (GError) error = NULL;
  if (!check_room (stream->shared, &error)) {
    stream->retry_us = stream->now_us + RETRY_US;
    return;
  }
  stream->stopped = FALSE;
  stream->shared->stats.stopped--;
  if (!stream->known && !resume (stream))
    return;
  stream->waiting_since_us = 0;
  stream->resuming = TRUE;
  bl_recorder_stream_want_keyframe (stream);
}

BlRecorderStream *
bl_recorder_stream_new (BlRecorderShared *shared, const BlTapRecord *start)
{
  BlRecorderStream *stream = g_new0 (BlRecorderStream, 1);
  stream->shared = shared;
  stream->id = (gint64)start->recording;
  stream->now_us = start->arrival_us;
  stream->has[BL_TRACK_VIDEO] = start->has_video;
  stream->has[BL_TRACK_AUDIO] = start->has_audio;
  bl_cutter_init (&stream->cutter);
  bl_recorder_part_init (&stream->part, shared->db, stream->id);
  shared->stats.recordings++;
  if (!bl_reorder_init (&stream->order[BL_TRACK_VIDEO], VIDEO_SLOTS,
                        BL_RECORDER_REPAIR_US)
      || !bl_reorder_init (&stream->order[BL_TRACK_AUDIO], AUDIO_SLOTS,
                           BL_RECORDER_REPAIR_US)
      || !bl_h264_depay_init (&stream->depay, BL_H264_AVCC, PICTURE_MAX)) {
    bl_recorder_stream_free (stream);
    return NULL;
  }
  reset_media (stream);
  (void)resume (stream);
  return stream;
}

void
bl_recorder_stream_free (BlRecorderStream *stream)
{
  if (!stream)
    return;
  stream->shared->stats.recordings--;
  if (stream->stopped)
    stream->shared->stats.stopped--;
  bl_reorder_clear (&stream->order[BL_TRACK_VIDEO]);
  bl_reorder_clear (&stream->order[BL_TRACK_AUDIO]);
  bl_h264_depay_clear (&stream->depay);
  bl_cutter_clear (&stream->cutter);
  bl_recorder_part_clear (&stream->part);
  g_free (stream);
}

/* ---- parts and fragments ---- */

static gboolean
describe_tracks (BlRecorderStream *stream, gboolean picture,
                 BlCmafTracks *out_tracks)
{
  BlCmafTracks tracks = { .audio = stream->has[BL_TRACK_AUDIO], .channels = 2 };
  const BlH264Depay *depay = &stream->depay;
  if (picture) {
    BlH264Sps sps;
    if (depay->pps.length == 0
        || !bl_h264_sps_parse (depay->sps.data, depay->sps.length, &sps))
      return FALSE;
    tracks.sps = depay->sps.data;
    tracks.sps_length = depay->sps.length;
    tracks.pps = depay->pps.data;
    tracks.pps_length = depay->pps.length;
    tracks.width = sps.width;
    tracks.height = sps.height;
  }
  *out_tracks = tracks;
  return picture || tracks.audio;
}

gboolean
bl_recorder_stream_begin_part (BlRecorderStream *stream, gint64 at_us,
                               gboolean picture)
{
  g_autoptr (GError) error = NULL;
  BlCmafTracks tracks;
  if (!describe_tracks (stream, picture, &tracks))
    return FALSE;
  bl_cutter_reset (&stream->cutter);
  /* Parts don't overlap: what comes early moves the timeline on. */
  if (at_us < stream->floor_us)
    stream->skew_us += stream->floor_us - at_us;
  if (!check_room (stream->shared, &error)
      || !bl_recordings_set_origin (stream->shared->db, stream->id,
                                    stream->origin_us, &error)
      || !bl_recorder_part_open (&stream->part, &tracks,
                                 MAX (at_us, stream->floor_us), &error)) {
    stop (stream, error);
    return FALSE;
  }
  stream->placed = TRUE;
  stream->part_parameters = stream->depay.parameter_changes;
  stream->waiting_since_us = 0;
  stream->audio_placed = FALSE;
  return TRUE;
}

void
bl_recorder_stream_end_part (BlRecorderStream *stream)
{
  if (!stream->part.open)
    return;
  bl_cutter_end_picture (&stream->cutter, 0);
  bl_recorder_stream_cut (stream);
  g_autoptr (GError) error = NULL;
  if (stream->part.open && !bl_recorder_part_close (&stream->part, &error))
    stop (stream, error);
  stream->floor_us
      = MAX (stream->end_us[BL_TRACK_VIDEO], stream->end_us[BL_TRACK_AUDIO]);
}

/* Keeps the sound going where none comes, so that players that count its
 * samples stay with the picture. */
static void
fill_silence (BlRecorderStream *stream)
{
  gint64 end_us
      = stream->end_us[BL_TRACK_VIDEO] - stream->part.start_us - SILENCE_LAG_US;
  if (!stream->part.has_audio || !stream->part.has_video || end_us <= 0
      || stream->now_us - stream->audio_seen_us < SILENT_AFTER_US)
    return;
  bl_cutter_add_silence (&stream->cutter, (guint64)end_us * 6 / 125);
}

void
bl_recorder_stream_cut (BlRecorderStream *stream)
{
  if (bl_cutter_is_empty (&stream->cutter))
    return;
  fill_silence (stream);
  BlRecorderShared *shared = stream->shared;
  g_autoptr (GError) error = NULL;
  if (!check_room (shared, &error)
      || !bl_recorder_part_write (&stream->part, &stream->cutter, &error)) {
    stop (stream, error);
    return;
  }
  shared->stats.fragments++;
  shared->stats.bytes += stream->part.bytes->len;
  if (!stream->started || stream->resuming)
    shared->post (shared->post_data,
                  stream->started ? BL_RECORDER_RESUMED : BL_RECORDER_STARTED,
                  stream->id, NULL);
  stream->started = TRUE;
  stream->resuming = FALSE;
}

void
bl_recorder_stream_cut_in_time (BlRecorderStream *stream)
{
  if (bl_cutter_pictures (&stream->cutter) == 1)
    bl_cutter_end_picture (&stream->cutter, 0);
  bl_recorder_stream_cut (stream);
  stream->collecting_since_us = stream->now_us;
}

void
bl_recorder_stream_want_keyframe (BlRecorderStream *stream)
{
  if (stream->now_us - stream->keyframe_asked_us < KEYFRAME_ASK_US)
    return;
  stream->keyframe_asked_us = stream->now_us;
  bl_tap_want_keyframe (stream->shared->tap, (guint64)stream->id);
}

void
bl_recorder_stream_note_gap (BlRecorderStream *stream, BlTrackKind track,
                             gint64 at_us)
{
  const char *reason = stream->gap_reason[track];
  stream->gap_reason[track] = NULL;
  gint64 duration_us = at_us - stream->end_us[track];
  if (!reason || duration_us < GAP_MIN_US)
    return;
  g_autoptr (GError) error = NULL;
  if (!bl_recordings_add_gap (
          stream->shared->db, stream->id,
          track == BL_TRACK_VIDEO ? BL_GAP_VIDEO : BL_GAP_AUDIO,
          stream->end_us[track], duration_us, reason, &error))
    stop (stream, error);
}

/* ---- records ---- */

/* Everything that is in order by now; with `flush`, everything. */
static void
drain (BlRecorderStream *stream, BlTrackKind track, gboolean flush)
{
  const BlTapRecord *record;
  const guint8 *payload;
  guint64 lost;
  while ((record = bl_reorder_pull (&stream->order[track], stream->now_us,
                                    flush, &payload, &lost))) {
    stream->shared->stats.lost += lost;
    if (track == BL_TRACK_VIDEO)
      bl_recorder_stream_on_video (stream, record, payload, lost);
    else
      bl_recorder_stream_on_audio (stream, record, payload, lost);
  }
}

static void
drain_both (BlRecorderStream *stream, gboolean flush)
{
  drain (stream, BL_TRACK_VIDEO, flush);
  drain (stream, BL_TRACK_AUDIO, flush);
}

static void
on_packet (BlRecorderStream *stream, const BlTapRecord *record,
           const guint8 *payload)
{
  BlTrackKind track = (BlTrackKind)record->track;
  if (track >= BL_N_TRACKS || !stream->has[track]
      || record->rtp_time >= BL_RECORDER_RTP_MAX)
    return;
  if (!bl_reorder_push (&stream->order[track], record, payload)) {
    drain (stream, track, TRUE);
    (void)bl_reorder_push (&stream->order[track], record, payload);
  }
  /* The other track may have waited for this time to come. */
  drain_both (stream, FALSE);
}

static void
on_start_again (BlRecorderStream *stream, const BlTapRecord *record)
{
  if (stream->has[BL_TRACK_VIDEO] == record->has_video
      && stream->has[BL_TRACK_AUDIO] == record->has_audio)
    return;
  drain_both (stream, TRUE);
  bl_recorder_stream_end_part (stream);
  reset_media (stream);
  stream->has[BL_TRACK_VIDEO] = record->has_video;
  stream->has[BL_TRACK_AUDIO] = record->has_audio;
}

static void
on_lost (BlRecorderStream *stream)
{
  drain_both (stream, TRUE);
  if (!stream->stopped)
    set_reason (stream, "publisher gone");
}

static void
on_back (BlRecorderStream *stream)
{
  drain_both (stream, TRUE);
  reset_media (stream);
  /* Until it is known to stand on its own. */
  stream->damaged = TRUE;
  stream->damaged_since_us = stream->now_us;
  if (!stream->stopped && !stream->gap_reason[BL_TRACK_VIDEO])
    set_reason (stream, "publisher gone");
}

void
bl_recorder_stream_take (BlRecorderStream *stream, const BlTapRecord *record,
                         const guint8 *payload)
{
  stream->now_us = MAX (stream->now_us, record->arrival_us);
  switch ((BlTapKind)record->kind) {
  case BL_TAP_PACKET:
    on_packet (stream, record, payload);
    break;
  case BL_TAP_START:
    on_start_again (stream, record);
    break;
  case BL_TAP_LOST:
    on_lost (stream);
    break;
  case BL_TAP_BACK:
    on_back (stream);
    break;
  case BL_TAP_STOP:
    break; /* the recorder finishes and frees it */
  }
}

void
bl_recorder_stream_tick (BlRecorderStream *stream, gint64 now_us)
{
  stream->now_us = MAX (stream->now_us, now_us);
  drain_both (stream, FALSE);
  if (stream->stopped) {
    if (now_us >= stream->retry_us)
      retry (stream);
    return;
  }
  if (!bl_cutter_is_empty (&stream->cutter)
      && stream->now_us - stream->collecting_since_us
             >= BL_RECORDER_FRAGMENT_US)
    bl_recorder_stream_cut_in_time (stream);
}

void
bl_recorder_stream_finish (BlRecorderStream *stream, gboolean end)
{
  drain_both (stream, TRUE);
  bl_recorder_stream_end_part (stream);
  if (!end)
    return;
  g_autoptr (GError) error = NULL;
  BlRecorderShared *shared = stream->shared;
  if (bl_recordings_end (shared->db, stream->id, stream->now_us, &error))
    shared->post (shared->post_data, BL_RECORDER_ENDED, stream->id, NULL);
  else
    stop (stream, error);
}
