/* SPDX-License-Identifier: Apache-2.0 */
#include "store/db.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "store/audit.h"
#include "store/calls.h"

static char *
db_path (void)
{
  return g_build_filename (folder, BL_DB_FILE, NULL);
}

/* Runs SQL on the file, past bl_db. */
static void
raw (const char *sql)
{
  g_autofree char *path = db_path ();
  sqlite3 *sqlite;
  ck_assert_int_eq (sqlite3_open (path, &sqlite), SQLITE_OK);
  ck_assert_int_eq (sqlite3_exec (sqlite, sql, NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close (sqlite);
}

static int
read_number (void *out, int n, char **values, char **names)
{
  (void)n, (void)names;
  *(int *)out = atoi (values[0]);
  return 0;
}

static int
raw_number (const char *sql)
{
  g_autofree char *path = db_path ();
  sqlite3 *sqlite;
  int number = -1;
  ck_assert_int_eq (sqlite3_open (path, &sqlite), SQLITE_OK);
  ck_assert_int_eq (sqlite3_exec (sqlite, sql, read_number, &number, NULL),
                    SQLITE_OK);
  sqlite3_close (sqlite);
  return number;
}

START_TEST (a_new_database_gets_every_migration_and_nobody_else_may_read_it)
{
  GError *error = NULL;
  g_autoptr (BlDb) opened = bl_db_open (folder, BL_DB_DURABLE, &error);
  assert_ok (opened != NULL, error);
  ck_assert_str_eq (bl_db_folder (opened), folder);
  ck_assert_int_ge (bl_db_version (), 1);
  ck_assert_int_eq (raw_number ("PRAGMA user_version"), bl_db_version ());
  const char *const names[] = { BL_DB_FILE, BL_DB_FILE "-wal" };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *path = g_build_filename (folder, names[i], NULL);
    struct stat st;
    ck_assert_int_eq (stat (path, &st), 0);
    ck_assert_uint_eq (st.st_mode & 0777, 0600);
  }
}
END_TEST

START_TEST (what_was_written_is_there_after_opening_again)
{
  GError *error = NULL;
  BlDb *first = bl_db_open (folder, BL_DB_DURABLE, &error);
  assert_ok (bl_calls_add (first, "c1", "north", "unit-7", 0, 5, &error),
             error);
  bl_db_close (first);
  g_autoptr (BlDb) second = bl_db_open (folder, BL_DB_DURABLE, &error);
  g_autoptr (BlCall) call = bl_calls_get (second, "c1", &error);
  assert_ok (call != NULL, error);
  ck_assert_str_eq (call->ed, "north");
}
END_TEST

START_TEST (a_newer_database_is_refused_and_left_alone)
{
  GError *error = NULL;
  bl_db_close (bl_db_open (folder, BL_DB_DURABLE, NULL));
  raw ("PRAGMA user_version = 999");
  ck_assert_ptr_null (bl_db_open (folder, BL_DB_DURABLE, &error));
  ck_assert_ptr_nonnull (strstr (error->message, folder));
  ck_assert_ptr_nonnull (strstr (error->message, "999"));
  assert_error (error, BL_DB_ERROR_NEWER);
  ck_assert_int_eq (raw_number ("PRAGMA user_version"), 999);
}
END_TEST

START_TEST (another_programs_database_is_refused_and_left_alone)
{
  GError *error = NULL;
  raw ("CREATE TABLE theirs (x)");
  ck_assert_ptr_null (bl_db_open (folder, BL_DB_DURABLE, &error));
  assert_error (error, BL_DB_ERROR_OPEN);
  ck_assert_int_eq (raw_number ("SELECT count (*) FROM sqlite_master"), 1);
}
END_TEST

START_TEST (a_file_that_is_no_database_is_named)
{
  GError *error = NULL;
  g_autofree char *path = db_path ();
  g_autofree char *text = g_strnfill (4096, 'x');
  ck_assert (g_file_set_contents (path, text, -1, NULL));
  ck_assert_ptr_null (bl_db_open (folder, BL_DB_DURABLE, &error));
  ck_assert_ptr_nonnull (strstr (error->message, path));
  assert_error (error, BL_DB_ERROR_OPEN);
}
END_TEST

START_TEST (a_missing_folder_is_named)
{
  GError *error = NULL;
  g_autofree char *path = g_build_filename (folder, "nowhere", NULL);
  ck_assert_ptr_null (bl_db_open (path, BL_DB_DURABLE, &error));
  ck_assert_ptr_nonnull (strstr (error->message, path));
  assert_error (error, BL_DB_ERROR_OPEN);
}
END_TEST

START_TEST (a_change_taken_back_at_any_level_has_not_happened)
{
  /* outer commits, inner commits → there? */
  static const struct {
    gboolean outer, inner, there;
  } cases[] = {
    { TRUE, TRUE, TRUE },
    { TRUE, FALSE, FALSE },
    { FALSE, TRUE, FALSE },
    { FALSE, FALSE, FALSE },
  };
  GError *error = NULL;
  g_autoptr (BlDb) opened = bl_db_open (folder, BL_DB_DURABLE, &error);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *id = g_strdup_printf ("call-%u", i);
    ck_assert (bl_db_begin (opened, &error));
    ck_assert (bl_db_begin (opened, &error));
    ck_assert (bl_calls_add (opened, id, "north", "unit", 0, 1, &error));
    ck_assert_int_eq (bl_db_end (opened, cases[i].inner, &error),
                      cases[i].inner);
    ck_assert_int_eq (bl_db_end (opened, cases[i].outer, &error),
                      cases[i].there);
    g_clear_error (&error);
    g_autoptr (BlCall) call = bl_calls_get (opened, id, NULL);
    ck_assert_int_eq (call != NULL, cases[i].there);
  }
}
END_TEST

START_TEST (a_full_disk_is_said_to_be_full)
{
  GError *error = NULL;
  g_autoptr (BlDb) opened = bl_db_open (folder, BL_DB_DURABLE, &error);
  assert_ok (opened != NULL, error);
  /* Past this size a write fails as it would on a full disk. */
  signal (SIGXFSZ, SIG_IGN);
  raw ("PRAGMA wal_checkpoint (TRUNCATE)");
  gboolean full = FALSE;
  g_autofree char *detail = g_strnfill (100000, 'x');
  const struct rlimit limit = { 400000, RLIM_INFINITY };
  ck_assert_int_eq (setrlimit (RLIMIT_FSIZE, &limit), 0);
  for (int i = 0; i < 100 && !full; i++)
    full = !bl_audit_add (opened, i, BL_ACTOR_SYSTEM, "relay",
                          BL_AUDIT_CALL_START, "c", detail, &error);
  const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
  ck_assert_int_eq (setrlimit (RLIMIT_FSIZE, &none), 0);
  assert_error (error, BL_DB_ERROR_FULL);
  assert_ok (bl_audit_add (opened, 1, BL_ACTOR_SYSTEM, "relay",
                           BL_AUDIT_CALL_END, "c", NULL, &error),
             error);
}
END_TEST

START_TEST (two_connections_see_each_others_commits)
{
  GError *error = NULL;
  g_autoptr (BlDb) one = bl_db_open (folder, BL_DB_DURABLE, &error);
  g_autoptr (BlDb) two = bl_db_open (folder, BL_DB_RELAXED, &error);
  ck_assert (bl_calls_add (one, "c1", "north", "unit", 0, 1, &error));
  assert_ok (bl_calls_end (two, "c1", "hung up", 9, &error), error);
  g_autoptr (BlCall) call = bl_calls_get (one, "c1", &error);
  ck_assert_int_eq (call->state, BL_CALL_ENDED);
}
END_TEST

/* Closing any descriptor of the file takes a process's locks away, and with
 * them SQLite's knowledge that we have it open: another program's goodbye
 * would delete our journal, and what we write then would be nowhere. */
START_TEST (another_program_that_comes_and_goes_leaves_our_journal)
{
  int go[2], status;
  ck_assert_int_eq (pipe (go), 0);
  pid_t other = fork ();
  if (other == 0) {
    char byte;
    if (read (go[0], &byte, 1) != 1)
      _exit (2);
    BlDb *theirs = bl_db_open (folder, BL_DB_DURABLE, NULL);
    bl_db_close (theirs);
    _exit (theirs ? 0 : 1);
  }
  GError *error = NULL;
  g_autoptr (BlDb) one = bl_db_open (folder, BL_DB_DURABLE, &error);
  g_autoptr (BlDb) two = bl_db_open (folder, BL_DB_RELAXED, &error);
  ck_assert (bl_calls_add (one, "c1", "north", "unit", 0, 1, &error));
  ck_assert_int_eq (write (go[1], "", 1), 1);
  ck_assert_int_eq (waitpid (other, &status, 0), other);
  ck_assert_int_eq (status, 0);
  g_autofree char *journal = g_build_filename (folder, BL_DB_FILE "-wal", NULL);
  ck_assert_int_eq (access (journal, F_OK), 0);
  ck_assert_ptr_nonnull (two);
  close (go[0]);
  close (go[1]);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("store/db");
  TCase *tc = tcase_create ("db");
  tcase_add_checked_fixture (tc, folder_setup, folder_teardown);
  tcase_add_test (
      tc, a_new_database_gets_every_migration_and_nobody_else_may_read_it);
  tcase_add_test (tc, what_was_written_is_there_after_opening_again);
  tcase_add_test (tc, a_newer_database_is_refused_and_left_alone);
  tcase_add_test (tc, another_programs_database_is_refused_and_left_alone);
  tcase_add_test (tc, a_file_that_is_no_database_is_named);
  tcase_add_test (tc, a_missing_folder_is_named);
  tcase_add_test (tc, a_change_taken_back_at_any_level_has_not_happened);
  tcase_add_test (tc, a_full_disk_is_said_to_be_full);
  tcase_add_test (tc, two_connections_see_each_others_commits);
  tcase_add_test (tc, another_program_that_comes_and_goes_leaves_our_journal);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
