/* SPDX-License-Identifier: Apache-2.0
 *
 * One recording, in simulated time.
 */
#include "relay/recorder_stream.h"

#include "recorded.h"
#include "store/calls.h"
#include "store/db_private.h"
#include "store/export.h"
#include "store/fixture.h"
#include "synthetic.h"

#define START_US INT64_C (1700000000000000)

static BlRecorderShared shared;
static BlRecorderStream *stream;
static gint64 recording;
static guint64 room;
static guint events[BL_RECORDER_ENDED + 1];
static gint64 next_tick_us;
/* What happens to packets on the way; FALSE: it is lost. */
static gboolean (*on_the_way) (const BlTapRecord *record);

static void
count_event (gpointer data, BlRecorderEventKind kind, gint64 id,
             const char *message)
{
  (void)data, (void)message;
  ck_assert_int_eq (id, recording);
  events[kind]++;
}

static guint64
tell_room (const char *path, gpointer data)
{
  (void)path, (void)data;
  return room;
}

static void
setup (void)
{
  db_setup ();
  GError *error = NULL;
  assert_ok (bl_calls_add (db, "call", "north", "unit", 0, 1, &error), error);
  assert_ok (bl_recordings_open (db, "call", 1, &recording, &error), error);
  room = G_MAXUINT64;
  memset (events, 0, sizeof events);
  on_the_way = NULL;
  next_tick_us = 0;
  shared = (BlRecorderShared){ .db = db,
                               .tap = bl_tap_new (0),
                               .folder = folder,
                               .reserve_bytes = 1000,
                               .free_bytes = tell_room,
                               .post = count_event };
}

static void
teardown (void)
{
  bl_recorder_stream_free (stream);
  stream = NULL;
  bl_tap_free (shared.tap);
  db_teardown ();
}

static void
pass_on (const BlTapRecord *record, const guint8 *payload, gpointer data)
{
  (void)data;
  if (record->kind == BL_TAP_PACKET && on_the_way && !on_the_way (record))
    return;
  if (!stream) {
    ck_assert_int_eq (record->kind, BL_TAP_START);
    stream = bl_recorder_stream_new (&shared, record);
    next_tick_us = record->arrival_us;
    return;
  }
  for (; next_tick_us <= record->arrival_us; next_tick_us += 20000)
    bl_recorder_stream_tick (stream, next_tick_us);
  bl_recorder_stream_take (stream, record, payload);
}

#define SECONDS(n) (START_US + (gint64)((n)*1e6))

static Publisher
new_publisher (void)
{
  Publisher p = publisher (pass_on, NULL, (guint64)recording, START_US);
  return p;
}

static void
stop (gboolean call_has_ended)
{
  bl_recorder_stream_finish (stream, call_has_ended);
  bl_recorder_stream_free (stream);
  stream = NULL;
}

static void
finish (void)
{
  stop (TRUE);
}

/* The call begins, and its publisher sends for so long. */
static void
begin (Publisher *p, double seconds)
{
  publisher_control (p, BL_TAP_START, START_US);
  publisher_run (p, SECONDS (seconds));
}

static void
record_for (Publisher *p, double seconds)
{
  begin (p, seconds);
  finish ();
}

/* Its publisher loses its connection, and has one again. */
static void
be_away (Publisher *p, double from_s, double until_s)
{
  publisher_control (p, BL_TAP_LOST, SECONDS (from_s));
  publisher_skip (p, SECONDS (until_s));
  publisher_control (p, BL_TAP_BACK, SECONDS (until_s));
}

/* Sound has no hole, in any part. */
static void
assert_sound_unbroken (const GArray *samples)
{
  const Sample *last = NULL;
  for (guint i = 0; i < samples->len; i++) {
    const Sample *s = &g_array_index (samples, Sample, i);
    if (s->video)
      continue;
    if (last && last->part == s->part)
      ck_assert_int_le (ABS (s->at_us - last->at_us - last->duration_us), 25);
    last = s;
  }
}

/* The largest difference between where a picture and the sound captured with
 * it lie in the file. */
static gint64
worst_sync_us (const GArray *samples, const Publisher *p)
{
  gint64 shift_us = G_MININT64, worst_us = 0;
  g_autofree gint64 *shifts = g_new (gint64, p->sound + 1);
  for (guint n = 0; n <= p->sound; n++)
    shifts[n] = G_MININT64;
  for (guint i = 0; i < samples->len; i++) {
    const Sample *s = &g_array_index (samples, Sample, i);
    if (!s->video && s->number <= p->sound)
      shifts[s->number]
          = s->at_us
            - (gint64)((double)s->number * 20000 / (1 + p->audio_ppm / 1e6));
  }
  for (guint i = 0; i < samples->len; i++) {
    const Sample *s = &g_array_index (samples, Sample, i);
    if (!s->video)
      continue;
    gint64 capture_us = (gint64)s->number * 1000000 / p->fps;
    guint n = (guint)((double)capture_us * (1 + p->audio_ppm / 1e6) / 20000);
    if (n > p->sound || shifts[n] == G_MININT64)
      continue;
    shift_us = s->at_us - capture_us;
    worst_us = MAX (worst_us, ABS (shift_us - shifts[n]));
  }
  ck_assert_msg (shift_us != G_MININT64, "nothing was compared");
  return worst_us;
}

/* ---- tests ---- */

START_TEST (a_call_becomes_one_part_with_all_its_samples)
{
  Publisher p = new_publisher ();
  record_for (&p, 10);
  g_autoptr (GArray) samples = read_recording (db, recording);
  ck_assert_uint_eq (count_samples (samples, TRUE), 300);
  ck_assert_uint_eq (count_samples (samples, FALSE), 500);
  assert_sound_unbroken (samples);
  ck_assert_int_le (worst_sync_us (samples, &p), 1000);
  g_autoptr (BlRecording) row = bl_recordings_get (db, recording, NULL);
  ck_assert_uint_eq (row->parts, 1);
  ck_assert_int_eq (row->origin_us, START_US);
  ck_assert_int_le (ABS (row->duration_us - 10000000), 1000);
  ck_assert_int_ne (row->ended_us, 0);
  g_autoptr (GArray) parts = bl_recordings_parts (db, recording, NULL);
  ck_assert (g_array_index (parts, BlPart, 0).closed);
  g_autoptr (GPtrArray) gaps = bl_recordings_gaps (db, recording, NULL);
  ck_assert_uint_eq (gaps->len, 0);
  ck_assert_uint_eq (events[BL_RECORDER_STARTED], 1);
  ck_assert_uint_eq (events[BL_RECORDER_ENDED], 1);
}
END_TEST

START_TEST (fragments_are_short_and_every_idr_begins_one)
{
  Publisher p = new_publisher ();
  record_for (&p, 10);
  g_autoptr (GArray) fragments = bl_recordings_fragments (db, recording, NULL);
  ck_assert_uint_ge (fragments->len, 10);
  for (guint i = 0; i < fragments->len; i++)
    ck_assert_int_le (g_array_index (fragments, BlFragment, i).duration_us,
                      BL_RECORDER_FRAGMENT_US);
  g_autoptr (GArray) samples = read_recording (db, recording);
  guint last = G_MAXUINT;
  for (guint i = 0; i < samples->len; i++) {
    const Sample *s = &g_array_index (samples, Sample, i);
    if (s->video && s->keyframe)
      ck_assert_uint_ne (s->fragment, last);
    if (s->video)
      last = s->fragment;
  }
}
END_TEST

/* As a SourceBuffer judges whether a picture follows the one before: Media
 * Source Extensions, "coded frame processing". */
static guint
count_holes (const GArray *samples)
{
  guint holes = 0;
  const Sample *last = NULL;
  for (guint i = 0; i < samples->len; i++) {
    const Sample *s = &g_array_index (samples, Sample, i);
    if (!s->video)
      continue;
    holes += last && s->at_us - last->at_us > 2 * last->duration_us;
    last = s;
  }
  return holes;
}

/* The camera stands still for `pictures`, at 30 a second. */
static void
pause_pictures (Publisher *p, double at_s, guint pictures)
{
  publisher_run (p, SECONDS (at_s));
  p->frame += pictures;
}

START_TEST (pictures_that_pause_leave_no_hole)
{
  Publisher p = new_publisher ();
  p.gop = 100000;
  p.has_audio = _i % 2;
  publisher_control (&p, BL_TAP_START, START_US);
  /* Wherever the pause lies among the fragments. */
  guint left_out = 0;
  for (guint n = 0; n < 40; n++) {
    guint pictures = 3 + n % 24;
    pause_pictures (&p, 2 * n + 1 + 0.05 * n, pictures);
    left_out += pictures;
  }
  publisher_run (&p, SECONDS (90));
  finish ();
  g_autoptr (GArray) samples = read_recording (db, recording);
  ck_assert_uint_eq (count_samples (samples, TRUE), 2700 - left_out);
  ck_assert_uint_eq (count_holes (samples), 0);
  if (p.has_audio)
    ck_assert_int_le (worst_sync_us (samples, &p), 1000);
}
END_TEST

START_TEST (behind_a_hole_a_keyframe_is_asked_for)
{
  Publisher p = new_publisher ();
  p.gop = 100000;
  publisher_control (&p, BL_TAP_START, START_US);
  guint64 wanted = 0;
  pause_pictures (&p, 2.5, 75);
  publisher_run (&p, SECONDS (4.9));
  ck_assert (!bl_tap_next_keyframe_wanted (shared.tap, &wanted));
  publisher_run (&p, SECONDS (5.5));
  ck_assert (bl_tap_next_keyframe_wanted (shared.tap, &wanted));
  finish ();
  g_autoptr (GArray) samples = read_recording (db, recording);
  ck_assert_uint_eq (count_holes (samples), 1);
}
END_TEST

static gboolean
lose_some (const BlTapRecord *record)
{
  /* Bursts of each track, at odd distances; not the first packets. */
  guint64 n = record->sequence;
  return record->track == BL_TRACK_VIDEO ? n % 4001 > 2 : n % 1499 > 6;
}

static const double drifts_ppm[] = { 100, -100, 400 };

START_TEST (sound_and_picture_stay_together_for_ten_minutes)
{
  Publisher p = new_publisher ();
  p.audio_ppm = drifts_ppm[_i];
  on_the_way = lose_some;
  begin (&p, 200);
  be_away (&p, 200, 205.13);
  publisher_run (&p, SECONDS (600));
  finish ();
  g_autoptr (GArray) samples = read_recording (db, recording);
  ck_assert_uint_gt (count_samples (samples, TRUE), 15000);
  assert_sound_unbroken (samples);
  gint64 worst_us = worst_sync_us (samples, &p);
  ck_assert_msg (worst_us <= 20000, "%" G_GINT64_FORMAT " us apart", worst_us);
  g_autoptr (BlRecording) row = bl_recordings_get (db, recording, NULL);
  ck_assert_uint_eq (row->parts, 1);
  /* By the sound's clock: 0.4 permille of ten minutes at the most. */
  ck_assert_int_le (ABS (row->duration_us - 600000000), 300000);
}
END_TEST

START_TEST (without_capture_times_arrivals_keep_them_together)
{
  Publisher p = new_publisher ();
  p.audio_ppm = 100;
  p.no_captures = TRUE;
  record_for (&p, 120);
  g_autoptr (GArray) samples = read_recording (db, recording);
  ck_assert_int_le (worst_sync_us (samples, &p), 20000);
}
END_TEST

static gboolean
lose_one_picture (const BlTapRecord *record)
{
  /* Of the 100th picture: 4 packets an IDR, 2 another; 2 IDRs before. */
  return !(record->track == BL_TRACK_VIDEO
           && record->sequence == 65000 + 2 * 100 + 2 * 2 + 1);
}

START_TEST (after_a_loss_pictures_are_left_out_until_the_next_idr)
{
  Publisher p = new_publisher ();
  on_the_way = lose_one_picture;
  record_for (&p, 6);
  g_autoptr (GArray) samples = read_recording (db, recording);
  ck_assert_uint_eq (count_samples (samples, TRUE), 180 - 20);
  ck_assert_uint_eq (count_samples (samples, FALSE), 300);
  guint64 wanted = 0;
  ck_assert (bl_tap_next_keyframe_wanted (shared.tap, &wanted));
  ck_assert_uint_eq (wanted, (guint64)recording);
  g_autoptr (GPtrArray) gaps = bl_recordings_gaps (db, recording, NULL);
  ck_assert_uint_eq (gaps->len, 1);
  const BlGap *gap = gaps->pdata[0];
  ck_assert_int_eq (gap->track, BL_GAP_VIDEO);
  ck_assert_str_eq (gap->reason, "packets lost");
  ck_assert_int_le (ABS (gap->start_us - 100 * 1000000 / 30), 1000);
  ck_assert_int_le (ABS (gap->duration_us - 20 * 1000000 / 30), 1000);
}
END_TEST

START_TEST (without_another_idr_pictures_go_on_after_two_seconds)
{
  Publisher p = new_publisher ();
  p.gop = 100000;
  on_the_way = lose_one_picture;
  record_for (&p, 10);
  g_autoptr (GArray) samples = read_recording (db, recording);
  guint pictures = count_samples (samples, TRUE);
  ck_assert_uint_ge (pictures, 300 - 85);
  ck_assert_uint_le (pictures, 300 - 60);
}
END_TEST

/* ---- repairs ---- */

static BlTapRecord held;
static guint8 held_payload[64];
static gint64 repair_us;

static void
repair_late (const BlTapRecord *record, const guint8 *payload, gpointer data)
{
  if (record->kind == BL_TAP_PACKET && !lose_one_picture (record)) {
    held = *record;
    memcpy (held_payload, payload, record->length);
    held.arrival_us += repair_us;
    return;
  }
  if (held.length > 0 && record->arrival_us >= held.arrival_us) {
    pass_on (&held, held_payload, data);
    held.length = 0;
  }
  pass_on (record, payload, data);
}

static const struct {
  gint64 late_us;
  guint pictures;
} repairs[] = { { 10000, 180 }, { 500000, 180 }, { 900000, 160 } };

START_TEST (a_repair_within_the_wait_takes_its_place)
{
  Publisher p = new_publisher ();
  p.sink = repair_late;
  repair_us = repairs[_i].late_us;
  record_for (&p, 6);
  g_autoptr (GArray) samples = read_recording (db, recording);
  ck_assert_uint_eq (count_samples (samples, TRUE), repairs[_i].pictures);
}
END_TEST

/* ---- parts ---- */

START_TEST (new_parameters_begin_a_new_part_without_a_gap)
{
  Publisher p = new_publisher ();
  begin (&p, 4);
  p.level = 20;
  p.since_idr = 0;
  publisher_run (&p, SECONDS (8));
  finish ();
  g_autoptr (GArray) samples = read_recording (db, recording);
  ck_assert_uint_eq (count_samples (samples, TRUE), 240);
  ck_assert_uint_ge (count_samples (samples, FALSE), 398);
  ck_assert_int_le (worst_sync_us (samples, &p), 20000);
  g_autoptr (GArray) parts = bl_recordings_parts (db, recording, NULL);
  ck_assert_uint_eq (parts->len, 2);
  const BlPart *second = &g_array_index (parts, BlPart, 1);
  ck_assert_int_le (ABS (second->start_us - 4000000), 21000);
}
END_TEST

START_TEST (a_publisher_that_comes_back_soon_goes_on_in_the_same_part)
{
  Publisher p = new_publisher ();
  begin (&p, 4);
  be_away (&p, 4, 7);
  /* Another session: other numbers and times. */
  p.video_seq = 5;
  p.audio_seq = 9;
  p.video_base = 123;
  p.audio_base = 0;
  publisher_run (&p, SECONDS (9));
  finish ();
  g_autoptr (GArray) samples = read_recording (db, recording);
  ck_assert_uint_eq (count_samples (samples, TRUE), 180);
  ck_assert_uint_eq (count_samples (samples, FALSE), 450); /* with silence */
  assert_sound_unbroken (samples);
  ck_assert_int_le (worst_sync_us (samples, &p), 20000);
  g_autoptr (GArray) parts = bl_recordings_parts (db, recording, NULL);
  ck_assert_uint_eq (parts->len, 1);
  g_autoptr (GPtrArray) gaps = bl_recordings_gaps (db, recording, NULL);
  ck_assert_uint_eq (gaps->len, 2);
  for (guint i = 0; i < gaps->len; i++) {
    const BlGap *gap = gaps->pdata[i];
    ck_assert_str_eq (gap->reason, "publisher gone");
    ck_assert_int_le (ABS (gap->start_us - 4000000), 21000);
    ck_assert_int_le (ABS (gap->duration_us - 3000000), 42000);
  }
}
END_TEST

START_TEST (a_long_absence_begins_a_new_part_in_its_place)
{
  Publisher p = new_publisher ();
  begin (&p, 4);
  be_away (&p, 4, 300);
  publisher_run (&p, SECONDS (304));
  finish ();
  g_autoptr (GArray) samples = read_recording (db, recording);
  ck_assert_uint_eq (count_samples (samples, TRUE), 240);
  ck_assert_int_le (worst_sync_us (samples, &p), 20000);
  g_autoptr (GArray) parts = bl_recordings_parts (db, recording, NULL);
  ck_assert_uint_eq (parts->len, 2);
  const BlPart *second = &g_array_index (parts, BlPart, 1);
  ck_assert_int_le (ABS (second->start_us - 300000000), 21000);
  ck_assert_int_le (second->duration_us, 4040000);
}
END_TEST

START_TEST (a_restarted_relay_goes_on_in_a_new_part)
{
  Publisher p = new_publisher ();
  begin (&p, 4);
  stop (FALSE);
  publisher_skip (&p, SECONDS (6));
  publisher_control (&p, BL_TAP_START, SECONDS (6));
  publisher_run (&p, SECONDS (9));
  finish ();
  g_autoptr (GArray) samples = read_recording (db, recording);
  ck_assert_int_le (worst_sync_us (samples, &p), 20000);
  g_autoptr (BlRecording) row = bl_recordings_get (db, recording, NULL);
  ck_assert_uint_eq (row->parts, 2);
  ck_assert_int_eq (row->origin_us, START_US);
  ck_assert_int_le (ABS (row->duration_us - 9000000), 21000);
  g_autoptr (GPtrArray) gaps = bl_recordings_gaps (db, recording, NULL);
  ck_assert_uint_eq (gaps->len, 2);
  ck_assert_str_eq (((BlGap *)gaps->pdata[0])->reason, "relay restarted");
}
END_TEST

static void
rename_table (const char *from, const char *to)
{
  g_autofree char *sql
      = g_strdup_printf ("ALTER TABLE %s RENAME TO %s", from, to);
  GError *error = NULL;
  assert_ok (bl_db_run (BL_DB_OP (db, "rename a table"), &error, sql, ""),
             error);
}

START_TEST (a_database_that_fails_at_the_restart_loses_no_place)
{
  Publisher p = new_publisher ();
  p.gop = 15;
  begin (&p, 4);
  stop (FALSE);
  rename_table ("recordings", "away");
  publisher_skip (&p, SECONDS (6));
  publisher_control (&p, BL_TAP_START, SECONDS (6));
  publisher_run (&p, SECONDS (9));
  ck_assert_uint_eq (events[BL_RECORDER_FAILED], 1);
  rename_table ("away", "recordings");
  publisher_run (&p, SECONDS (20));
  finish ();
  ck_assert_uint_eq (events[BL_RECORDER_STARTED], 2);
  g_autoptr (GArray) samples = read_recording (db, recording);
  ck_assert_int_le (worst_sync_us (samples, &p), 20000);
  g_autoptr (BlRecording) row = bl_recordings_get (db, recording, NULL);
  ck_assert_uint_eq (row->parts, 2);
  ck_assert_int_le (ABS (row->duration_us - 20000000), 21000);
}
END_TEST

/* ---- one track alone ---- */

static const gboolean tracks[][2] = { { TRUE, FALSE }, { FALSE, TRUE } };

START_TEST (a_call_of_one_track_is_recorded)
{
  Publisher p = new_publisher ();
  p.has_video = tracks[_i][0];
  p.has_audio = tracks[_i][1];
  record_for (&p, 5);
  g_autoptr (GArray) samples = read_recording (db, recording);
  ck_assert_uint_eq (count_samples (samples, TRUE), p.has_video ? 150 : 0);
  ck_assert_uint_eq (count_samples (samples, FALSE), p.has_audio ? 250 : 0);
  g_autoptr (BlRecording) row = bl_recordings_get (db, recording, NULL);
  ck_assert_int_le (ABS (row->duration_us - 5000000), 1000);
}
END_TEST

static gboolean
picture_after_five_seconds (const BlTapRecord *record)
{
  return record->track == BL_TRACK_AUDIO || record->capture_us >= SECONDS (5);
}

START_TEST (sound_is_not_kept_waiting_for_a_picture_that_does_not_come)
{
  Publisher p = new_publisher ();
  on_the_way = picture_after_five_seconds;
  record_for (&p, 10);
  g_autoptr (GArray) samples = read_recording (db, recording);
  ck_assert_uint_ge (count_samples (samples, FALSE), 448);
  ck_assert_uint_ge (count_samples (samples, TRUE), 120);
  ck_assert_int_le (worst_sync_us (samples, &p), 20000);
  g_autoptr (GArray) parts = bl_recordings_parts (db, recording, NULL);
  ck_assert_uint_eq (parts->len, 2);
}
END_TEST

static gboolean
no_sound_for_a_while (const BlTapRecord *record)
{
  return record->track == BL_TRACK_VIDEO || record->capture_us < SECONDS (3)
         || record->capture_us >= SECONDS (9);
}

START_TEST (sound_that_stops_is_silence_until_it_comes_back)
{
  Publisher p = new_publisher ();
  on_the_way = no_sound_for_a_while;
  record_for (&p, 12);
  g_autoptr (GArray) samples = read_recording (db, recording);
  ck_assert_uint_eq (count_samples (samples, TRUE), 360);
  assert_sound_unbroken (samples);
  ck_assert_uint_eq (count_samples (samples, FALSE), 600);
  ck_assert_int_le (worst_sync_us (samples, &p), 20000);
}
END_TEST

/* ---- a full disk ---- */

START_TEST (a_full_disk_stops_the_recording_until_there_is_room)
{
  Publisher p = new_publisher ();
  p.gop = 15; /* so that a picture comes before sound goes on alone */
  begin (&p, 5);
  room = 999;
  publisher_run (&p, SECONDS (20));
  ck_assert_uint_eq (events[BL_RECORDER_FULL], 1);
  ck_assert_uint_eq (events[BL_RECORDER_RESUMED], 0);
  ck_assert_uint_eq (shared.stats.stopped, 1);
  room = G_MAXUINT64;
  publisher_run (&p, SECONDS (40));
  finish ();
  ck_assert_uint_eq (events[BL_RECORDER_FULL], 1);
  ck_assert_uint_eq (events[BL_RECORDER_RESUMED], 1);
  ck_assert_uint_eq (events[BL_RECORDER_FAILED], 0);
  ck_assert_uint_eq (shared.stats.stopped, 0);
  g_autoptr (GArray) samples = read_recording (db, recording);
  ck_assert_int_le (worst_sync_us (samples, &p), 20000);
  g_autoptr (GArray) parts = bl_recordings_parts (db, recording, NULL);
  ck_assert_uint_eq (parts->len, 2);
  ck_assert (g_array_index (parts, BlPart, 0).closed);
  ck_assert (g_array_index (parts, BlPart, 1).closed);
  g_autoptr (GPtrArray) gaps = bl_recordings_gaps (db, recording, NULL);
  ck_assert_uint_eq (gaps->len, 2);
  ck_assert_str_eq (((BlGap *)gaps->pdata[0])->reason, "disk full");
}
END_TEST

/* ---- export ---- */

static void
assert_exports (const char *path, guint files)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) paths = bl_export_run (db, recording, path, &error);
  assert_ok (paths != NULL, error);
  ck_assert_uint_eq (paths->len, files);
}

/* Asserts that the file is whole and gives its length in time. */
static gint64
assert_exported (const char *path, guint pictures, guint packets)
{
  g_auto (BlPartFile) file = BL_PART_FILE_INIT;
  g_autoptr (GError) error = NULL;
  assert_ok (bl_part_file_open (&file, path, FALSE, &error), error);
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autoptr (GArray) samples = g_array_new (FALSE, FALSE, sizeof (Sample));
  BlCmafFragment fragment;
  gsize moof;
  gint64 at = file.init_bytes, end_us = 0;
  guint32 sequence = 0;
  while (bl_part_file_read (&file, at, bytes, &moof, &fragment, NULL)
         == BL_PART_FRAGMENT) {
    ck_assert_uint_eq (fragment.sequence, ++sequence);
    add_samples (samples, bytes->data, moof, bytes->len, (Sample){ 0 });
    end_us = MAX (end_us, fragment.end_us);
    at += bytes->len;
  }
  ck_assert_int_eq (at, file.bytes);
  ck_assert_uint_eq (count_samples (samples, TRUE), pictures);
  ck_assert_uint_ge (count_samples (samples, FALSE), packets - 2);
  ck_assert_uint_le (count_samples (samples, FALSE), packets);
  const Sample *last = NULL;
  for (guint i = 0; i < samples->len; i++) {
    const Sample *s = &g_array_index (samples, Sample, i);
    if (s->video)
      continue;
    if (last) /* less than a packet, where parts meet */
      ck_assert_int_lt (ABS (s->at_us - last->at_us - last->duration_us),
                        20000);
    last = s;
  }
  return end_us;
}

START_TEST (a_recording_of_two_parts_is_exported_as_one_file)
{
  Publisher p = new_publisher ();
  begin (&p, 4);
  be_away (&p, 4, 300);
  publisher_run (&p, SECONDS (304));
  finish ();
  g_autofree char *path = g_build_filename (folder, "out.mp4", NULL);
  assert_exports (path, 1);
  gint64 end_us = assert_exported (path, 240, 304 * 50);
  ck_assert_int_le (ABS (end_us - 304000000), 40000);
  /* Not over a file that is there. */
  g_autoptr (GError) error = NULL;
  ck_assert_ptr_null (bl_export_run (db, recording, path, &error));
  ck_assert_ptr_nonnull (strstr (error->message, path));
  assert_exported (path, 240, 304 * 50);
}
END_TEST

START_TEST (parts_that_do_not_fit_together_are_exported_beside_each_other)
{
  Publisher p = new_publisher ();
  begin (&p, 4);
  p.level = 20;
  p.since_idr = 0;
  publisher_run (&p, SECONDS (6));
  finish ();
  g_autofree char *path = g_build_filename (folder, "out.mp4", NULL);
  g_autofree char *second = g_build_filename (folder, "out-2.mp4", NULL);
  assert_exports (path, 2);
  assert_exported (path, 120, 200);
  assert_exported (second, 60, 100);
}
END_TEST

START_TEST (a_changed_byte_is_found_by_verify)
{
  Publisher p = new_publisher ();
  record_for (&p, 4);
  g_autoptr (GPtrArray) none = bl_export_verify (db, recording, NULL);
  ck_assert_uint_eq (none->len, 0);
  g_autofree char *path = bl_recordings_part_path (folder, recording, 1);
  g_autofree char *bytes = NULL;
  gsize length;
  ck_assert (g_file_get_contents (path, &bytes, &length, NULL));
  bytes[length - 3] ^= 1; /* in a sound packet */
  ck_assert (g_file_set_contents (path, bytes, (gssize)length, NULL));
  g_autoptr (GPtrArray) problems = bl_export_verify (db, recording, NULL);
  ck_assert_uint_eq (problems->len, 1);
  ck_assert_ptr_nonnull (strstr (problems->pdata[0], path));
}
END_TEST

/* ---- nonsense ---- */

START_TEST (nonsense_from_the_network_leaves_whole_files)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed ((guint32)_i);
  Publisher p = new_publisher ();
  begin (&p, 1);
  guint8 payload[200];
  for (guint i = 0; i < 3000; i++) {
    for (guint k = 0; k < sizeof payload; k++)
      payload[k] = (guint8)g_rand_int (rand);
    if (i % 2)
      payload[0] = (guint8)g_rand_int_range (rand, 0x60, 0x80);
    BlTapRecord record = {
      .recording = (guint64)recording,
      .arrival_us = SECONDS (1) + i * 1000,
      .kind = BL_TAP_PACKET,
      .track = (uint8_t)g_rand_int_range (rand, 0, 3),
      .marker = g_rand_boolean (rand),
      .length = (uint16_t)g_rand_int_range (rand, 0, sizeof payload),
      .sequence = (guint64)g_rand_int (rand) << (i % 5 == 0 ? 20 : 0),
      .rtp_time = (guint64)g_rand_int (rand) << (i % 7 == 0 ? 30 : 0),
      .capture_us = i % 3 ? BL_TAP_TIME_UNKNOWN
                          : (gint64)((guint64)g_rand_int (rand) << 30),
    };
    pass_on (&record, payload, NULL);
  }
  finish ();
  g_autoptr (GArray) samples = read_recording (db, recording);
  ck_assert_uint_ge (count_samples (samples, TRUE), 20);
  g_autoptr (BlRecording) row = bl_recordings_get (db, recording, NULL);
  ck_assert_int_le (row->duration_us, 8000000); /* it took 4 s */
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("relay/recorder_stream");
  TCase *tc = tcase_create ("stream");
  tcase_set_timeout (tc, 120);
  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, a_call_becomes_one_part_with_all_its_samples);
  tcase_add_test (tc, fragments_are_short_and_every_idr_begins_one);
  tcase_add_loop_test (tc, pictures_that_pause_leave_no_hole, 0, 2);
  tcase_add_test (tc, behind_a_hole_a_keyframe_is_asked_for);
  tcase_add_loop_test (tc, sound_and_picture_stay_together_for_ten_minutes, 0,
                       G_N_ELEMENTS (drifts_ppm));
  tcase_add_test (tc, without_capture_times_arrivals_keep_them_together);
  tcase_add_test (tc, after_a_loss_pictures_are_left_out_until_the_next_idr);
  tcase_add_test (tc, without_another_idr_pictures_go_on_after_two_seconds);
  tcase_add_loop_test (tc, a_repair_within_the_wait_takes_its_place, 0,
                       G_N_ELEMENTS (repairs));
  tcase_add_test (tc, new_parameters_begin_a_new_part_without_a_gap);
  tcase_add_test (tc,
                  a_publisher_that_comes_back_soon_goes_on_in_the_same_part);
  tcase_add_test (tc, a_long_absence_begins_a_new_part_in_its_place);
  tcase_add_test (tc, a_restarted_relay_goes_on_in_a_new_part);
  tcase_add_test (tc, a_database_that_fails_at_the_restart_loses_no_place);
  tcase_add_loop_test (tc, a_call_of_one_track_is_recorded, 0,
                       G_N_ELEMENTS (tracks));
  tcase_add_test (tc,
                  sound_is_not_kept_waiting_for_a_picture_that_does_not_come);
  tcase_add_test (tc, sound_that_stops_is_silence_until_it_comes_back);
  tcase_add_test (tc, a_full_disk_stops_the_recording_until_there_is_room);
  tcase_add_test (tc, a_recording_of_two_parts_is_exported_as_one_file);
  tcase_add_test (
      tc, parts_that_do_not_fit_together_are_exported_beside_each_other);
  tcase_add_test (tc, a_changed_byte_is_found_by_verify);
  tcase_add_loop_test (tc, nonsense_from_the_network_leaves_whole_files, 1, 6);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
