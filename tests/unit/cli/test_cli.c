/* SPDX-License-Identifier: Apache-2.0
 *
 * The operator's command as it is typed.
 */
#include "cli/cli.h"

#include <string.h>

#include "secure/password.h"
#include "store/calls.h"
#include "store/fixture.h"
#include "store/recordings.h"
#include "store/tokens.h"
#include "store/users.h"

static char *said; /* standard output of the last command */
static char *error_said;

static char *
read_back (FILE *stream)
{
  char text[16384];
  rewind (stream);
  gsize length = fread (text, 1, sizeof text - 1, stream);
  text[length] = '\0';
  fclose (stream);
  return g_strdup (text);
}

/* Runs "bluelight `line`", of words separated by spaces, with FOLDER standing
 * for the store's folder and `typed` as its input. */
static int
run (const char *line, const char *typed)
{
  g_auto (GStrv) words = g_strsplit (line, " ", -1);
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_ptr_array_add (argv, (char *)(gpointer) "bluelight");
  for (guint i = 0; words[i]; i++) {
    if (words[i][0] != '\0')
      g_ptr_array_add (argv,
                       g_str_equal (words[i], "FOLDER") ? folder : words[i]);
  }
  g_ptr_array_add (argv, NULL);
  FILE *in = tmpfile (), *out = tmpfile (), *err = tmpfile ();
  fputs (typed ? typed : "", in);
  rewind (in);
  int status
      = bl_cli_run ((int)argv->len - 1, (char **)argv->pdata, in, out, err);
  fclose (in);
  g_free (said);
  g_free (error_said);
  said = read_back (out);
  error_said = read_back (err);
  return status;
}

static void
teardown (void)
{
  g_clear_pointer (&said, g_free);
  g_clear_pointer (&error_said, g_free);
  db_teardown ();
}

#define assert_said(text)                                                      \
  ck_assert_msg (strstr (said, text) != NULL, "said: %s%s", said, error_said)

static BlAuditRow *
last_audit (void)
{
  g_autoptr (GPtrArray) rows = bl_audit_list (db, 0, 1, NULL);
  return rows->len ? g_ptr_array_steal_index (rows, 0) : NULL;
}

/* ---- the command line ---- */

static const struct {
  const char *line;
  int status;
  const char *says, *complains;
} lines[] = {
  { "--help", 0, "user add NAME", NULL },
  { "-h", 0, "bluelight COMMAND --help", NULL },
  { "--version", 0, "bluelight " BL_VERSION, NULL },
  { "user add --help", 0, "--no-password", NULL },
  { "token new --help", 0, "--publish=ED", NULL },
  { "", 2, NULL, "a command is missing" },
  { "user", 2, NULL, "no command “user”" },
  { "user fly", 2, NULL, "no command “user fly”" },
  { "user list --folder FOLDER more", 2, NULL, "takes no arguments" },
  { "user add --folder FOLDER", 2, NULL, "takes NAME" },
  { "user list --folder FOLDER --shiny", 2, NULL, "--shiny" },
  { "user list --folder FOLDER --publish x", 2, NULL, "--publish" },
  { "--folder /nowhere/at/all user list", 1, NULL, "/nowhere/at/all" },
  { "--folder FOLDER user add a --role king", 2, NULL, "clinician or it" },
  { "--folder FOLDER user add a/b --no-password", 1, NULL, "a/b" },
  { "--folder FOLDER user code nobody", 1, NULL, "no user “nobody”" },
  { "--folder FOLDER token new", 2, NULL, "--publish ED" },
  { "--folder FOLDER token new --publish a --view b", 2, NULL, "--publish ED" },
  { "--folder FOLDER token new --publish a --metrics", 2, NULL, "--metrics" },
  { "--folder FOLDER token new --publish a --days -1", 2, NULL, "10 years" },
  { "--folder FOLDER token new --view gone", 1, NULL, "no call “gone”" },
  { "--folder FOLDER token revoke seven", 2, NULL, "“seven”" },
  { "--folder FOLDER token revoke 7", 1, NULL, "no token 7" },
  { "--folder FOLDER recording export 7 x.mp4", 1, NULL, "no recording 7" },
  { "--folder FOLDER user list", 0, "NAME", NULL },
  { "user list --folder FOLDER", 0, "NAME", NULL },
  { "--folder FOLDER call list --limit 3", 0, "CALL", NULL },
  { "--folder FOLDER recording list", 0, "LENGTH", NULL },
  { "--folder FOLDER audit list", 0, "WHO", NULL },
};

START_TEST (each_command_line_gets_a_clear_answer)
{
  int status = run (lines[_i].line, NULL);
  ck_assert_msg (status == lines[_i].status, "“%s” gave %d: %s%s",
                 lines[_i].line, status, said, error_said);
  if (lines[_i].says)
    assert_said (lines[_i].says);
  if (lines[_i].complains)
    ck_assert_msg (strstr (error_said, lines[_i].complains) != NULL,
                   "“%s” says: %s", lines[_i].line, error_said);
  else
    ck_assert_str_eq (error_said, "");
}
END_TEST

/* ---- users ---- */

START_TEST (a_user_is_added_with_a_password_from_standard_input)
{
  ck_assert_int_eq (run ("--folder FOLDER user add ann --role it",
                         "four random common words\n"),
                    0);
  g_autoptr (BlUser) user = bl_users_find (db, "ann", NULL);
  ck_assert_ptr_nonnull (user);
  ck_assert_int_eq (user->role, BL_USER_IT);
  ck_assert (
      bl_password_verify (user->password_hash, "four random common words"));
  g_autoptr (BlAuditRow) row = last_audit ();
  ck_assert_int_eq (row->action, BL_AUDIT_USER_ADD);
  ck_assert_int_eq (row->actor_kind, BL_ACTOR_OPERATOR);
  ck_assert_str_eq (row->object, "ann");
}
END_TEST

static const char *const bad_input[] = { "", "short\n" };

START_TEST (a_bad_password_adds_nobody)
{
  ck_assert_int_eq (run ("--folder FOLDER user add ann", bad_input[_i]), 1);
  ck_assert_str_ne (error_said, "");
  ck_assert_ptr_null (bl_users_find (db, "ann", NULL));
  ck_assert_ptr_null (last_audit ());
}
END_TEST

START_TEST (a_code_signs_in_and_is_shown_on_a_line_of_its_own)
{
  ck_assert_int_eq (run ("--folder FOLDER user add ann --no-password", NULL),
                    0);
  ck_assert_int_eq (run ("--folder FOLDER user code ann --minutes 60", NULL),
                    0);
  g_auto (GStrv) shown = g_strsplit (said, "\n", 2);
  gint64 now_us = g_get_real_time ();
  g_autoptr (BlUser) late = bl_users_use_code (
      db, shown[0], now_us + G_GINT64_CONSTANT (3601000000), NULL);
  ck_assert_ptr_null (late);
  g_autoptr (BlUser) user = bl_users_use_code (
      db, shown[0], now_us + G_GINT64_CONSTANT (3590000000), NULL);
  ck_assert_ptr_nonnull (user);
  ck_assert_str_eq (user->name, "ann");
  ck_assert_ptr_null (user->password_hash);
}
END_TEST

START_TEST (a_disabled_user_gets_no_code_until_it_is_undone)
{
  run ("--folder FOLDER user add ann --no-password", NULL);
  ck_assert_int_eq (run ("--folder FOLDER user disable ann", NULL), 0);
  ck_assert_int_eq (run ("--folder FOLDER user list", NULL), 0);
  assert_said ("disabled");
  ck_assert_int_eq (run ("--folder FOLDER user code ann", NULL), 1);
  ck_assert_int_eq (run ("--folder FOLDER user disable ann --undo", NULL), 0);
  ck_assert_int_eq (run ("--folder FOLDER user code ann", NULL), 0);
}
END_TEST

START_TEST (a_password_can_be_changed)
{
  run ("--folder FOLDER user add ann --no-password", NULL);
  ck_assert_int_eq (
      run ("--folder FOLDER user password ann", "another long password\n"), 0);
  g_autoptr (BlUser) user = bl_users_find (db, "ann", NULL);
  ck_assert (bl_password_verify (user->password_hash, "another long password"));
}
END_TEST

/* ---- tokens ---- */

START_TEST (a_token_is_shown_once_listed_and_revoked)
{
  ck_assert_int_eq (run ("--folder FOLDER token new --publish north --label obs"
                         " --days 2",
                         NULL),
                    0);
  g_auto (GStrv) shown = g_strsplit (said, "\n", 2);
  gint64 now_us = g_get_real_time ();
  g_autoptr (BlToken) token = bl_tokens_find (db, shown[0], now_us, NULL);
  ck_assert_ptr_nonnull (token);
  ck_assert_str_eq (token->subject, "north");
  ck_assert_int_le (token->expires_us,
                    now_us + G_GINT64_CONSTANT (172800000000));
  ck_assert_int_eq (run ("--folder FOLDER token list", NULL), 0);
  assert_said ("valid");
  assert_said ("obs");
  ck_assert_ptr_null (strstr (said, shown[0]));
  ck_assert_int_eq (run ("--folder FOLDER token revoke 1", NULL), 0);
  ck_assert_int_eq (run ("--folder FOLDER token list", NULL), 0);
  assert_said ("revoked");
  ck_assert_ptr_null (bl_tokens_find (db, shown[0], now_us, NULL));
}
END_TEST

START_TEST (a_token_for_metrics_has_no_subject)
{
  ck_assert_int_eq (run ("--folder FOLDER token new --metrics", NULL), 0);
  assert_said ("may read metrics until");
  g_auto (GStrv) shown = g_strsplit (said, "\n", 2);
  g_autoptr (BlToken) token
      = bl_tokens_find (db, shown[0], g_get_real_time (), NULL);
  ck_assert_ptr_nonnull (token);
  ck_assert_int_eq (token->kind, BL_TOKEN_METRICS);
  ck_assert_str_eq (token->subject, "");
  g_autoptr (BlAuditRow) row = last_audit ();
  ck_assert_str_eq (row->detail, "metrics");
}
END_TEST

START_TEST (a_viewers_token_is_for_a_call_that_exists)
{
  ck_assert (bl_calls_add (db, "call-1", "north", "unit-7", 0, 1, NULL));
  ck_assert_int_eq (
      run ("--folder FOLDER token new --view call-1 --hours 1", NULL), 0);
  assert_said ("may view call-1");
  ck_assert_int_eq (run ("--folder FOLDER call list", NULL), 0);
  assert_said ("unit-7");
}
END_TEST

/* ---- the audit ---- */

START_TEST (nothing_in_the_audit_can_harm_a_terminal)
{
  ck_assert (bl_audit_add (db, 1, BL_ACTOR_USER, "\x1b[2J\nroot",
                           BL_AUDIT_SIGN_IN_FAILED, "a\tb", NULL, NULL));
  ck_assert_int_eq (run ("--folder FOLDER audit list", NULL), 0);
  assert_said ("?[2J?root");
  ck_assert_ptr_null (strchr (said, '\x1b'));
}
END_TEST

START_TEST (a_recording_without_its_file_is_told)
{
  gint64 id;
  ck_assert (bl_calls_add (db, "call-1", "north", "unit-7", 0, 1, NULL));
  ck_assert (bl_recordings_open (db, "call-1", 1, &id, NULL));
  const BlPart part = { .number = 1, .bytes = 9, .init_bytes = 9 };
  ck_assert (bl_recordings_add_part (db, id, &part, NULL));
  ck_assert_int_eq (run ("--folder FOLDER recording verify 1", NULL), 1);
  assert_said ("part-0001.mp4");
  ck_assert_ptr_nonnull (strstr (error_said, "1 problems"));
  ck_assert_int_eq (
      run ("--folder FOLDER recording export 1 /nowhere/out.mp4", NULL), 1);
  g_autoptr (BlAuditRow) row = last_audit ();
  ck_assert_int_eq (row->action, BL_AUDIT_EXPORT);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("cli/cli");
  TCase *tc = tcase_create ("cli");
  tcase_set_timeout (tc, 60);
  tcase_add_checked_fixture (tc, db_setup, teardown);
  tcase_add_loop_test (tc, each_command_line_gets_a_clear_answer, 0,
                       G_N_ELEMENTS (lines));
  tcase_add_test (tc, a_user_is_added_with_a_password_from_standard_input);
  tcase_add_loop_test (tc, a_bad_password_adds_nobody, 0,
                       G_N_ELEMENTS (bad_input));
  tcase_add_test (tc, a_code_signs_in_and_is_shown_on_a_line_of_its_own);
  tcase_add_test (tc, a_disabled_user_gets_no_code_until_it_is_undone);
  tcase_add_test (tc, a_password_can_be_changed);
  tcase_add_test (tc, a_token_is_shown_once_listed_and_revoked);
  tcase_add_test (tc, a_token_for_metrics_has_no_subject);
  tcase_add_test (tc, a_viewers_token_is_for_a_call_that_exists);
  tcase_add_test (tc, nothing_in_the_audit_can_harm_a_terminal);
  tcase_add_test (tc, a_recording_without_its_file_is_told);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
