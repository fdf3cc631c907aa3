/* SPDX-License-Identifier: Apache-2.0
 *
 * The recorder's thread, with a real disk and judges from outside.
 */
#include "relay/recorder.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "recorded.h"
#include "store/calls.h"
#include "store/fixture.h"
#include "store/recovery.h"
#include "synthetic.h"

typedef struct {
  guint counts[BL_RECORDER_ENDED + 1];
  GThread *thread;
} Events;

static BlTap *tap;
static Events events;
static gint64 recording;

static void
on_event (const BlRecorderEvent *event, gpointer data)
{
  Events *to = data;
  ck_assert_ptr_eq (to->thread, g_thread_self ());
  to->counts[event->kind]++;
}

static BlRecorder *
start_recorder (void)
{
  GError *error = NULL;
  events = (Events){ .thread = g_thread_self () };
  const BlRecorderOptions options = { .folder = folder,
                                      .tap = tap,
                                      .reserve_bytes = 1,
                                      .on_event = on_event,
                                      .user_data = &events };
  BlRecorder *recorder = bl_recorder_new (&options, &error);
  assert_ok (recorder != NULL, error);
  return recorder;
}

static void
open_call (const char *call)
{
  GError *error = NULL;
  assert_ok (bl_calls_add (db, call, "north", "unit", 0, 1, &error), error);
  assert_ok (bl_recordings_open (db, call, 1, &recording, &error), error);
}

static void
setup (void)
{
  db_setup ();
  tap = bl_tap_new (4 << 20);
  open_call ("call");
}

static void
teardown (void)
{
  bl_tap_free (tap);
  db_teardown ();
}

static void
to_tap (const BlTapRecord *record, const guint8 *payload, gpointer data)
{
  (void)data;
  ck_assert (bl_tap_write (tap, record, payload));
}

/* A call of `seconds`, as fast as it can be written. */
static void
send_call (gint64 id, double seconds)
{
  gint64 start_us = bl_clock_unix_us ();
  Publisher p = publisher (to_tap, NULL, (guint64)id, start_us);
  publisher_control (&p, BL_TAP_START, start_us);
  publisher_run (&p, start_us + (gint64)(seconds * 1e6));
  publisher_control (&p, BL_TAP_STOP, start_us + (gint64)(seconds * 1e6));
}

static void
wait_for (BlRecorderEventKind kind)
{
  while (events.counts[kind] == 0)
    g_main_context_iteration (NULL, TRUE);
}

/* What a program printed; NULL, loudly, if it is not installed. */
static char *
ask (const char *const *argv)
{
  g_autofree char *path = g_find_program_in_path (argv[0]);
  if (!path) {
    g_printerr ("SKIPPED: %s is not installed, nobody else judges the file\n",
                argv[0]);
    return NULL;
  }
  char *out = NULL;
  g_autofree char *problems = NULL;
  gint status = -1;
  g_autoptr (GError) error = NULL;
  ck_assert_msg (g_spawn_sync (NULL, (char **)(gpointer)argv, NULL,
                               G_SPAWN_SEARCH_PATH, NULL, NULL, &out, &problems,
                               &status, &error),
                 "%s", error ? error->message : "");
  ck_assert_msg (status == 0 && problems[0] == '\0', "%s says: %s", argv[0],
                 problems);
  return out;
}

static void
assert_judges_accept (const char *path, double seconds)
{
  const char *const probe[]
      = { "ffprobe", "-v", "error", "-show_entries", "format=duration", "-of",
          "csv",     path, NULL };
  g_autofree char *duration = ask (probe);
  if (duration) {
    double told = g_ascii_strtod (strchr (duration, ',') + 1, NULL);
    ck_assert_msg (ABS (told - seconds) < 0.1, "ffprobe says %s", duration);
  }
  const char *const decode[]
      = { "ffmpeg", "-v", "error", "-i", path, "-f", "null", "-", NULL };
  g_free (ask (decode));
}

START_TEST (a_call_through_the_tap_becomes_a_file_that_others_can_play)
{
  BlRecorder *recorder = start_recorder ();
  send_call (recording, 6);
  wait_for (BL_RECORDER_ENDED);
  ck_assert_uint_eq (events.counts[BL_RECORDER_STARTED], 1);
  bl_recorder_free (recorder);
  g_autoptr (GArray) samples = read_recording (db, recording);
  ck_assert_uint_eq (count_samples (samples, TRUE), 180);
  ck_assert_uint_eq (count_samples (samples, FALSE), 300);
  g_autofree char *path = bl_recordings_part_path (folder, recording, 1);
  assert_judges_accept (path, 6);
}
END_TEST

START_TEST (two_calls_at_once_are_two_recordings)
{
  gint64 first = recording;
  open_call ("other");
  gint64 second = recording;
  gint64 start_us = bl_clock_unix_us ();
  Publisher a = publisher (to_tap, NULL, (guint64)first, start_us);
  Publisher b = publisher (to_tap, NULL, (guint64)second, start_us);
  BlRecorder *recorder = start_recorder ();
  publisher_control (&a, BL_TAP_START, start_us);
  publisher_control (&b, BL_TAP_START, start_us);
  for (gint64 us = 0; us < 3000000; us += 100000) {
    publisher_run (&a, start_us + us);
    publisher_run (&b, start_us + us);
  }
  publisher_control (&a, BL_TAP_STOP, start_us + 3000000);
  publisher_control (&b, BL_TAP_STOP, start_us + 3000000);
  while (events.counts[BL_RECORDER_ENDED] < 2)
    g_main_context_iteration (NULL, TRUE);
  BlRecorderStats stats;
  bl_recorder_get_stats (recorder, &stats);
  ck_assert_uint_gt (stats.fragments, 0);
  bl_recorder_free (recorder);
  for (gint64 id = first; id <= second; id++) {
    g_autoptr (GArray) samples = read_recording (db, id);
    ck_assert_uint_eq (count_samples (samples, TRUE), 87);
  }
}
END_TEST

START_TEST (freeing_the_recorder_closes_what_is_open)
{
  gint64 start_us = bl_clock_unix_us ();
  Publisher p = publisher (to_tap, NULL, (guint64)recording, start_us);
  BlRecorder *recorder = start_recorder ();
  publisher_control (&p, BL_TAP_START, start_us);
  publisher_run (&p, start_us + 2000000);
  bl_recorder_free (recorder);
  g_autoptr (GArray) samples = read_recording (db, recording);
  ck_assert_uint_eq (count_samples (samples, TRUE), 60);
  g_autoptr (GArray) parts = bl_recordings_parts (db, recording, NULL);
  ck_assert (g_array_index (parts, BlPart, 0).closed);
  g_autoptr (BlRecording) row = bl_recordings_get (db, recording, NULL);
  ck_assert_int_eq (row->ended_us, 0); /* the call may go on */
  /* Its events were on their way: they must not arrive any more. */
  guint before = events.counts[BL_RECORDER_STARTED];
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  ck_assert_uint_eq (events.counts[BL_RECORDER_STARTED], before);
}
END_TEST

START_TEST (a_folder_that_is_not_there_is_named)
{
  GError *error = NULL;
  const BlRecorderOptions options
      = { .folder = "/proc/nowhere", .tap = tap, .on_event = on_event };
  ck_assert_ptr_null (bl_recorder_new (&options, &error));
  ck_assert_ptr_nonnull (strstr (error->message, "/proc/nowhere"));
  g_clear_error (&error);
}
END_TEST

/* In a child: records in real time until it is killed. Tells by the pipe how
 * much has been sent. */
static void
record_until_killed (int to_parent)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL); /* not to outlive a test that fails */
  tap = bl_tap_new (4 << 20);
  (void)start_recorder ();
  gint64 start_us = bl_clock_unix_us ();
  Publisher p = publisher (to_tap, NULL, (guint64)recording, start_us);
  p.network_us = 0;
  publisher_control (&p, BL_TAP_START, start_us);
  for (;;) {
    gint64 sent_us = bl_clock_unix_us () - start_us;
    publisher_run (&p, start_us + sent_us);
    if (write (to_parent, &sent_us, sizeof sent_us) < 0)
      _exit (1);
    g_usleep (10000);
  }
}

START_TEST (kill_9_loses_less_than_two_seconds)
{
  /* The child must make its own connection. */
  bl_db_close (db);
  int fds[2];
  ck_assert_int_eq (pipe (fds), 0);
  pid_t child = fork ();
  ck_assert_int_ge (child, 0);
  if (child == 0)
    record_until_killed (fds[1]);
  gint64 sent_us = 0;
  while (sent_us < 4300000)
    ck_assert_int_eq (read (fds[0], &sent_us, sizeof sent_us), sizeof sent_us);
  kill (child, SIGKILL);
  ck_assert_int_eq (waitpid (child, NULL, 0), child);
  close (fds[0]);
  close (fds[1]);

  GError *error = NULL;
  db = bl_db_open (folder, BL_DB_DURABLE, &error);
  assert_ok (db != NULL, error);
  BlRecoverySummary summary;
  assert_ok (bl_recovery_run (db, &summary, &error), error);
  ck_assert_uint_eq (summary.parts, 1);
  ck_assert_uint_eq (summary.failed, 0);
  g_autoptr (GArray) samples = read_recording (db, recording);
  ck_assert_uint_gt (count_samples (samples, TRUE), 60);
  g_autoptr (BlRecording) row = bl_recordings_get (db, recording, NULL);
  ck_assert_msg (sent_us - row->duration_us < 2000000,
                 "%" G_GINT64_FORMAT " us are lost",
                 sent_us - row->duration_us);
  g_autofree char *path = bl_recordings_part_path (folder, recording, 1);
  assert_judges_accept (path, (double)row->duration_us / 1e6);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("relay/recorder");
  TCase *tc = tcase_create ("recorder");
  tcase_set_timeout (tc, 120);
  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc,
                  a_call_through_the_tap_becomes_a_file_that_others_can_play);
  tcase_add_test (tc, two_calls_at_once_are_two_recordings);
  tcase_add_test (tc, freeing_the_recorder_closes_what_is_open);
  tcase_add_test (tc, a_folder_that_is_not_there_is_named);
  tcase_add_test (tc, kill_9_loses_less_than_two_seconds);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
