/* SPDX-License-Identifier: Apache-2.0 */
#include "store/recovery.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fixture.h"
#include "store/calls.h"
#include "store/part_file.h"
#include "store/recordings.h"

#define N_FRAGMENTS 4

static gint64 recording;
static char *path;
static gint64 ends[N_FRAGMENTS]; /* file offsets */

static const guint8 sps[] = { 0x67, 0x42, 0xc0, 0x0a, 0xda, 0x10, 0x8c };
static const guint8 pps[] = { 0x68, 0xce, 0x3c, 0x80 };
static const BlCmafTracks tracks = { .sps = sps,
                                     .sps_length = sizeof sps,
                                     .pps = pps,
                                     .pps_length = sizeof pps,
                                     .width = 16,
                                     .height = 16 };

/* A second long: one picture. */
static GByteArray *
make_fragment (guint n)
{
  const guint8 data[] = { 0, 0, 0, 3, 0x65, (guint8)n, 9 };
  const BlCmafSample sample = { 90000, sizeof data, n == 0 };
  const BlCmafRun run = { n * 90000, &sample, 1, data, sizeof data };
  GByteArray *out = g_byte_array_new ();
  bl_cmaf_append_fragment (out, n + 1, &run, NULL);
  return out;
}

/* A part of four fragments, of which the database knows `listed`, left as by
 * a crash. */
static void
write_part (guint number, guint listed)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GByteArray) init = g_byte_array_new ();
  bl_cmaf_append_init (init, &tracks);
  const BlPart part = { .number = number,
                        .start_us = 5000000,
                        .bytes = init->len,
                        .init_bytes = init->len };
  assert_ok (bl_recordings_add_part (db, recording, &part, &error), error);
  g_free (path);
  path = bl_recordings_part_path (folder, recording, number);
  g_auto (BlPartFile) file = BL_PART_FILE_INIT;
  assert_ok (bl_part_file_create (&file, path, init->data, init->len, &error),
             error);
  for (guint i = 0; i < N_FRAGMENTS; i++) {
    g_autoptr (GByteArray) bytes = make_fragment (i);
    const BlFragment fragment = { .part = number,
                                  .offset = file.bytes,
                                  .length = bytes->len,
                                  .start_us = 5000000 + i * 1000000,
                                  .duration_us = 1000000,
                                  .keyframe = i == 0 };
    assert_ok (bl_part_file_append (&file, bytes->data, bytes->len,
                                    (i + 1) * 1000000, &error),
               error);
    ends[i] = file.bytes;
    if (i < listed)
      assert_ok (bl_recordings_add_fragment (db, recording, &fragment, &error),
                 error);
  }
}

static void
setup (void)
{
  db_setup ();
  GError *error = NULL;
  assert_ok (bl_calls_add (db, "call", "north", "unit", 0, 1, &error), error);
  assert_ok (bl_recordings_open (db, "call", 1, &recording, &error), error);
}

static void
teardown (void)
{
  g_clear_pointer (&path, g_free);
  db_teardown ();
}

static BlRecoverySummary
recover (void)
{
  GError *error = NULL;
  BlRecoverySummary summary;
  assert_ok (bl_recovery_run (db, &summary, &error), error);
  return summary;
}

/* The part ends after `whole` fragments, in the file and in the database. */
static void
assert_part_has (guint whole)
{
  GStatBuf st;
  ck_assert_int_eq (stat (path, &st), 0);
  ck_assert_int_eq (st.st_size, ends[whole - 1]);
  g_autoptr (GArray) parts = bl_recordings_parts (db, recording, NULL);
  ck_assert_uint_eq (parts->len, 1);
  const BlPart *part = &g_array_index (parts, BlPart, 0);
  ck_assert (part->closed);
  ck_assert_int_eq (part->bytes, ends[whole - 1]);
  ck_assert_int_eq (part->duration_us, whole * 1000000);
  g_autoptr (GArray) fragments = bl_recordings_fragments (db, recording, NULL);
  ck_assert_uint_eq (fragments->len, whole);
  for (guint i = 0; i < whole; i++) {
    const BlFragment *f = &g_array_index (fragments, BlFragment, i);
    ck_assert_int_eq (f->offset + f->length, ends[i]);
    ck_assert_int_eq (f->start_us, 5000000 + i * 1000000);
    ck_assert_int_eq (f->duration_us, 1000000);
    ck_assert_int_eq (f->keyframe, i == 0);
  }
  g_autofree char *bytes = NULL;
  gsize length;
  ck_assert (g_file_get_contents (path, &bytes, &length, NULL));
  const guint8 *mehd = memmem (bytes, length, "mehd", 4);
  ck_assert_ptr_nonnull (mehd);
  guint32 duration_ms;
  memcpy (&duration_ms, mehd + 12, sizeof duration_ms);
  ck_assert_uint_eq (GUINT32_FROM_BE (duration_ms), whole * 1000);
}

START_TEST (fragments_that_were_not_listed_are_listed)
{
  write_part (1, (guint)_i);
  BlRecoverySummary summary = recover ();
  ck_assert_uint_eq (summary.parts, 1);
  ck_assert_uint_eq (summary.fragments, N_FRAGMENTS - (guint)_i);
  ck_assert_uint_eq (summary.cut_bytes, 0);
  assert_part_has (N_FRAGMENTS);
}
END_TEST

START_TEST (a_file_cut_at_any_byte_of_its_last_fragment_is_mended)
{
  write_part (1, N_FRAGMENTS - 1);
  g_autofree char *bytes = NULL;
  gsize length;
  ck_assert (g_file_get_contents (path, &bytes, &length, NULL));
  for (gint64 size = ends[N_FRAGMENTS - 2]; size < ends[N_FRAGMENTS - 1];
       size++) {
    ck_assert (g_file_set_contents (path, bytes, (gssize)size, NULL));
    BlRecoverySummary summary = recover ();
    ck_assert_uint_eq (summary.parts, 1);
    ck_assert_uint_eq (summary.cut_bytes,
                       (guint64)(size - ends[N_FRAGMENTS - 2]));
    assert_part_has (N_FRAGMENTS - 1);
    /* Open again, for the next cut. */
    g_autofree char *name = g_build_filename (folder, BL_DB_FILE, NULL);
    sqlite3 *sqlite;
    ck_assert_int_eq (sqlite3_open (name, &sqlite), SQLITE_OK);
    ck_assert_int_eq (
        sqlite3_exec (sqlite, "UPDATE parts SET closed = 0", NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close (sqlite);
  }
}
END_TEST

START_TEST (a_listed_fragment_that_never_reached_the_disk_is_struck_off)
{
  write_part (1, N_FRAGMENTS);
  /* The power went: the file's end was allocated but not written. */
  int fd = open (path, O_WRONLY);
  g_autofree guint8 *zeros
      = g_malloc0 ((gsize)(ends[N_FRAGMENTS - 1] - ends[N_FRAGMENTS - 2]));
  ck_assert_int_gt (
      pwrite (fd, zeros, (gsize)(ends[N_FRAGMENTS - 1] - ends[N_FRAGMENTS - 2]),
              ends[N_FRAGMENTS - 2]),
      0);
  close (fd);
  BlRecoverySummary summary = recover ();
  ck_assert_uint_gt (summary.cut_bytes, 0);
  assert_part_has (N_FRAGMENTS - 1);
}
END_TEST

START_TEST (mending_twice_changes_nothing)
{
  write_part (1, 1);
  recover ();
  BlRecoverySummary summary = recover ();
  ck_assert_uint_eq (summary.parts, 0);
  assert_part_has (N_FRAGMENTS);
}
END_TEST

START_TEST (a_part_without_a_whole_fragment_is_forgotten)
{
  write_part (1, 0);
  ck_assert_int_eq (truncate (path, ends[0] - 1), 0);
  BlRecoverySummary summary = recover ();
  ck_assert_uint_eq (summary.parts, 1);
  ck_assert (!g_file_test (path, G_FILE_TEST_EXISTS));
  g_autoptr (GArray) parts = bl_recordings_parts (db, recording, NULL);
  ck_assert_uint_eq (parts->len, 0);
}
END_TEST

START_TEST (a_part_whose_file_was_never_made_is_forgotten)
{
  write_part (1, 0);
  ck_assert_int_eq (unlink (path), 0);
  BlRecoverySummary summary = recover ();
  ck_assert_uint_eq (summary.failed, 0);
  g_autoptr (GArray) parts = bl_recordings_parts (db, recording, NULL);
  ck_assert_uint_eq (parts->len, 0);
}
END_TEST

START_TEST (a_part_that_lost_its_file_or_beginning_is_left_and_counted)
{
  write_part (1, 2);
  if (_i == 0)
    ck_assert_int_eq (unlink (path), 0);
  else
    ck_assert_int_eq (truncate (path, 10), 0);
  BlRecoverySummary summary = recover ();
  ck_assert_uint_eq (summary.failed, 1);
  g_autoptr (GArray) fragments = bl_recordings_fragments (db, recording, NULL);
  ck_assert_uint_eq (fragments->len, 2);
}
END_TEST

START_TEST (a_write_to_a_full_disk_leaves_the_file_whole)
{
  write_part (1, 0);
  g_auto (BlPartFile) file = BL_PART_FILE_INIT;
  g_autoptr (GError) error = NULL;
  ck_assert (bl_part_file_open (&file, path, TRUE, &error));
  signal (SIGXFSZ, SIG_IGN);
  const struct rlimit limit = { (rlim_t)file.bytes + 20, RLIM_INFINITY };
  ck_assert_int_eq (setrlimit (RLIMIT_FSIZE, &limit), 0);
  g_autoptr (GByteArray) bytes = make_fragment (4);
  ck_assert (
      !bl_part_file_append (&file, bytes->data, bytes->len, 5000000, &error));
  const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
  ck_assert_int_eq (setrlimit (RLIMIT_FSIZE, &none), 0);
  ck_assert (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE));
  ck_assert_ptr_nonnull (strstr (error->message, path));
  recover ();
  assert_part_has (N_FRAGMENTS);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("store/recovery");
  TCase *tc = tcase_create ("recovery");
  tcase_set_timeout (tc, 60);
  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_loop_test (tc, fragments_that_were_not_listed_are_listed, 0,
                       N_FRAGMENTS + 1);
  tcase_add_test (tc, a_file_cut_at_any_byte_of_its_last_fragment_is_mended);
  tcase_add_test (tc,
                  a_listed_fragment_that_never_reached_the_disk_is_struck_off);
  tcase_add_test (tc, mending_twice_changes_nothing);
  tcase_add_test (tc, a_part_without_a_whole_fragment_is_forgotten);
  tcase_add_test (tc, a_part_whose_file_was_never_made_is_forgotten);
  tcase_add_loop_test (
      tc, a_part_that_lost_its_file_or_beginning_is_left_and_counted, 0, 2);
  tcase_add_test (tc, a_write_to_a_full_disk_leaves_the_file_whole);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
