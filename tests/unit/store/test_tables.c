/* SPDX-License-Identifier: Apache-2.0
 *
 * The tables' modules: users, tokens, calls, recordings, audit.
 */
#include <sqlite3.h>
#include <string.h>

#include "fixture.h"
#include "store/audit.h"
#include "store/calls.h"
#include "store/recordings.h"
#include "store/tokens.h"
#include "store/users.h"

static gint64
add_user (const char *name)
{
  GError *error = NULL;
  gint64 id = 0;
  assert_ok (bl_users_add (db, name, "A Name", BL_USER_CLINICIAN, "$y$hash",
                           100, &id, &error),
             error);
  return id;
}

/* ---- users ---- */

START_TEST (a_user_is_found_by_name_without_regard_to_case)
{
  GError *error = NULL;
  gint64 id = add_user ("Ann");
  g_autoptr (BlUser) user = bl_users_find (db, "aNN", &error);
  assert_ok (user != NULL, error);
  ck_assert_int_eq (user->id, id);
  ck_assert_str_eq (user->name, "Ann");
  ck_assert_str_eq (user->display_name, "A Name");
  ck_assert_int_eq (user->role, BL_USER_CLINICIAN);
  ck_assert_str_eq (user->password_hash, "$y$hash");
  ck_assert (!user->disabled);
  ck_assert_int_eq (user->created_us, 100);
  ck_assert_ptr_null (bl_users_find (db, "bob", &error));
  assert_error (error, BL_DB_ERROR_NOT_FOUND);
  ck_assert (!bl_users_add (db, "ANN", "", BL_USER_IT, NULL, 0, NULL, &error));
  assert_error (error, BL_DB_ERROR_EXISTS);
}
END_TEST

static const char *const bad_names[]
    = { "",
        "a b",
        "a\n",
        "é",
        "'; DROP TABLE users; --",
        "a/b",
        "12345678901234567890123456789012345678901234567890123456789012345" };

START_TEST (a_name_that_can_not_be_is_refused)
{
  GError *error = NULL;
  ck_assert (!bl_users_add (db, bad_names[_i], "x", BL_USER_IT, NULL, 0, NULL,
                            &error));
  assert_error (error, BL_DB_ERROR_VALUE);
}
END_TEST

START_TEST (a_code_works_once_and_until_it_expires)
{
  GError *error = NULL;
  gint64 id = add_user ("ann");
  ck_assert (bl_users_add_code (db, id, "CODE-1", 100, 200, &error));
  ck_assert (bl_users_add_code (db, id, "CODE-2", 100, 200, &error));
  g_autoptr (BlUser) user = bl_users_use_code (db, "CODE-1", 199, &error);
  assert_ok (user != NULL, error);
  ck_assert_int_eq (user->id, id);
  ck_assert_ptr_null (bl_users_use_code (db, "CODE-1", 199, &error));
  assert_error (error, BL_DB_ERROR_NOT_FOUND);
  ck_assert_ptr_null (bl_users_use_code (db, "CODE-2", 200, &error));
  assert_error (error, BL_DB_ERROR_NOT_FOUND);
}
END_TEST

START_TEST (a_cookie_signs_in_until_it_expires_or_signs_out)
{
  GError *error = NULL;
  gint64 id = add_user ("ann");
  assert_ok (bl_users_sign_in (db, id, "cookie", 100, 200, &error), error);
  g_autoptr (BlSignIn) found
      = bl_users_find_sign_in (db, "cookie", 199, &error);
  assert_ok (found != NULL, error);
  ck_assert_str_eq (found->user->name, "ann");
  ck_assert_int_eq (found->created_us, 100);
  ck_assert_int_eq (found->last_seen_us, 100);
  ck_assert_int_eq (found->expires_us, 200);
  ck_assert_ptr_null (bl_users_find_sign_in (db, "cookie", 200, &error));
  assert_error (error, BL_DB_ERROR_NOT_FOUND);
  assert_ok (bl_users_touch_sign_in (db, "cookie", 150, 300, &error), error);
  g_autoptr (BlSignIn) again
      = bl_users_find_sign_in (db, "cookie", 200, &error);
  assert_ok (again != NULL, error);
  ck_assert_int_eq (again->last_seen_us, 150);
  assert_ok (bl_users_sign_out (db, "cookie", &error), error);
  ck_assert_ptr_null (bl_users_find_sign_in (db, "cookie", 200, &error));
  assert_error (error, BL_DB_ERROR_NOT_FOUND);
}
END_TEST

START_TEST (disabling_or_a_new_password_ends_sign_ins_and_codes)
{
  GError *error = NULL;
  gint64 id = add_user ("ann");
  ck_assert (bl_users_sign_in (db, id, "cookie", 100, 900, &error));
  ck_assert (bl_users_add_code (db, id, "CODE", 100, 900, &error));
  assert_ok (_i == 0 ? bl_users_set_disabled (db, id, TRUE, &error)
                     : bl_users_set_password (db, id, "$y$new", &error),
             error);
  assert_ok (bl_users_set_disabled (db, id, FALSE, &error), error);
  ck_assert_ptr_null (bl_users_find_sign_in (db, "cookie", 200, &error));
  assert_error (error, BL_DB_ERROR_NOT_FOUND);
  ck_assert_ptr_null (bl_users_use_code (db, "CODE", 200, &error));
  assert_error (error, BL_DB_ERROR_NOT_FOUND);
  ck_assert (!bl_users_set_disabled (db, id + 1, TRUE, &error));
  assert_error (error, BL_DB_ERROR_NOT_FOUND);
}
END_TEST

START_TEST (a_disabled_user_cannot_come_in)
{
  GError *error = NULL;
  gint64 id = add_user ("ann");
  ck_assert (bl_users_set_disabled (db, id, TRUE, &error));
  ck_assert (bl_users_sign_in (db, id, "cookie", 100, 900, &error));
  ck_assert (bl_users_add_code (db, id, "CODE", 100, 900, &error));
  ck_assert_ptr_null (bl_users_find_sign_in (db, "cookie", 200, NULL));
  ck_assert_ptr_null (bl_users_use_code (db, "CODE", 200, NULL));
}
END_TEST

START_TEST (expired_codes_and_sign_ins_are_forgotten)
{
  GError *error = NULL;
  gint64 id = add_user ("ann");
  ck_assert (bl_users_sign_in (db, id, "old", 100, 200, &error));
  ck_assert (bl_users_sign_in (db, id, "new", 100, 201, &error));
  assert_ok (bl_users_expire (db, 200, &error), error);
  /* As if the clock had been set back. */
  ck_assert_ptr_null (bl_users_find_sign_in (db, "old", 150, NULL));
  g_autoptr (BlSignIn) left = bl_users_find_sign_in (db, "new", 150, &error);
  assert_ok (left != NULL, error);
}
END_TEST

START_TEST (no_secret_is_in_the_file)
{
  GError *error = NULL;
  gint64 id = add_user ("ann");
  ck_assert (bl_users_sign_in (db, id, "SECRETCOOKIE", 1, 2, &error));
  ck_assert (bl_users_add_code (db, id, "SECRETCODE", 1, 2, &error));
  ck_assert (bl_tokens_add (db, BL_TOKEN_VIEW, "call", "l", "SECRETTOKEN", 1, 2,
                            NULL, &error));
  const char *const names[] = { BL_DB_FILE, BL_DB_FILE "-wal" };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *path = g_build_filename (folder, names[i], NULL);
    g_autofree char *bytes = NULL;
    gsize length;
    ck_assert (g_file_get_contents (path, &bytes, &length, NULL));
    ck_assert_ptr_null (memmem (bytes, length, "SECRET", 6));
  }
}
END_TEST

/* ---- tokens ---- */

START_TEST (a_token_is_found_until_it_expires_or_is_revoked)
{
  GError *error = NULL;
  gint64 id;
  assert_ok (bl_tokens_add (db, BL_TOKEN_PUBLISH, "north", "drone", "s3cret",
                            100, 200, &id, &error),
             error);
  g_autoptr (BlToken) token = bl_tokens_find (db, "s3cret", 199, &error);
  assert_ok (token != NULL, error);
  ck_assert_int_eq (token->id, id);
  ck_assert_int_eq (token->kind, BL_TOKEN_PUBLISH);
  ck_assert_str_eq (token->subject, "north");
  ck_assert_str_eq (token->label, "drone");
  ck_assert_ptr_null (bl_tokens_find (db, "s3cret", 200, &error));
  assert_error (error, BL_DB_ERROR_NOT_FOUND);
  ck_assert_ptr_null (bl_tokens_find (db, "other", 150, &error));
  assert_error (error, BL_DB_ERROR_NOT_FOUND);

  ck_assert (bl_tokens_revoke (db, id, 150, &error));
  ck_assert (bl_tokens_revoke (db, id, 160, &error));
  ck_assert_ptr_null (bl_tokens_find (db, "s3cret", 155, &error));
  assert_error (error, BL_DB_ERROR_NOT_FOUND);
  g_autoptr (GPtrArray) list = bl_tokens_list (db, &error);
  ck_assert_uint_eq (list->len, 1);
  ck_assert_int_eq (((BlToken *)list->pdata[0])->revoked_us, 150);
  ck_assert (!bl_tokens_revoke (db, id + 1, 150, &error));
  assert_error (error, BL_DB_ERROR_NOT_FOUND);
}
END_TEST

/* ---- calls ---- */

START_TEST (a_call_lives_is_interrupted_reopened_and_ends_once)
{
  GError *error = NULL;
  ck_assert (bl_calls_add (db, "c1", "north", "unit-7", 0, 100, &error));
  ck_assert (!bl_calls_add (db, "c1", "north", "unit-7", 0, 100, &error));
  assert_error (error, BL_DB_ERROR_EXISTS);
  ck_assert (bl_calls_touch (db, "c1", 150, &error));

  guint count = 0;
  ck_assert (bl_calls_mark_interrupted (db, &count, &error));
  ck_assert_uint_eq (count, 1);
  g_autoptr (GPtrArray) unfinished = bl_calls_list_unfinished (db, &error);
  ck_assert_uint_eq (unfinished->len, 1);
  const BlCall *call = unfinished->pdata[0];
  ck_assert_int_eq (call->state, BL_CALL_INTERRUPTED);
  ck_assert_int_eq (call->seen_us, 150);
  ck_assert_str_eq (call->unit, "unit-7");
  ck_assert_int_eq (call->token, 0);

  ck_assert (bl_calls_reopen (db, "c1", 200, &error));
  ck_assert (bl_calls_end (db, "c1", "hung up", 300, &error));
  ck_assert (bl_calls_end (db, "c1", "again", 400, &error));
  g_autoptr (BlCall) ended = bl_calls_get (db, "c1", &error);
  ck_assert_int_eq (ended->state, BL_CALL_ENDED);
  ck_assert_int_eq (ended->ended_us, 300);
  ck_assert_str_eq (ended->end_reason, "hung up");
  ck_assert (!bl_calls_reopen (db, "c1", 500, &error));
  assert_error (error, BL_DB_ERROR_NOT_FOUND);
  ck_assert (!bl_calls_end (db, "c2", "x", 500, &error));
  assert_error (error, BL_DB_ERROR_NOT_FOUND);
}
END_TEST

START_TEST (calls_are_listed_newest_first)
{
  GError *error = NULL;
  gint64 token;
  ck_assert (bl_tokens_add (db, BL_TOKEN_PUBLISH, "north", "", "t", 1, 9,
                            &token, &error));
  ck_assert (bl_calls_add (db, "c1", "north", "unit-7", 0, 100, &error));
  ck_assert (bl_calls_add (db, "c2", "north", NULL, token, 300, &error));
  ck_assert (bl_calls_add (db, "c3", "south", "unit-8", 0, 200, &error));
  g_autoptr (GPtrArray) list = bl_calls_list (db, 2, &error);
  ck_assert_uint_eq (list->len, 2);
  const BlCall *first = list->pdata[0], *second = list->pdata[1];
  ck_assert_str_eq (first->id, "c2");
  ck_assert_ptr_null (first->unit);
  ck_assert_int_eq (first->token, token);
  ck_assert_str_eq (second->id, "c3");
  ck_assert (!bl_calls_add (db, "c4", "n", NULL, token + 1, 1, &error));
  assert_error (error, BL_DB_ERROR_NOT_FOUND);
}
END_TEST

/* ---- recordings ---- */

START_TEST (a_recording_sums_its_parts)
{
  GError *error = NULL;
  gint64 id, again;
  ck_assert (!bl_recordings_open (db, "c1", 1, &id, &error));
  assert_error (error, BL_DB_ERROR_NOT_FOUND);
  ck_assert (bl_calls_add (db, "c1", "north", "unit-7", 0, 100, &error));
  ck_assert (bl_recordings_open (db, "c1", 100, &id, &error));
  ck_assert (bl_recordings_end (db, id, 150, &error));
  assert_ok (bl_recordings_open (db, "c1", 200, &again, &error), error);
  ck_assert_int_eq (id, again);
  ck_assert (bl_recordings_set_origin (db, id, 5000, &error));
  ck_assert (bl_recordings_set_origin (db, id, 6000, &error));

  const BlPart parts[] = {
    { .number = 1, .start_us = 0, .bytes = 700, .init_bytes = 700 },
    { .number = 2, .start_us = 9000000, .bytes = 800, .init_bytes = 800 },
  };
  const BlFragment fragments[] = {
    { 1, 700, 50, 0, 1000000, TRUE, "a" },
    { 1, 750, 60, 1000000, 900000, FALSE, "b" },
    { 2, 800, 70, 9000000, 500000, TRUE, "c" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    ck_assert (bl_recordings_add_part (db, id, &parts[i], &error));
  for (guint i = 0; i < G_N_ELEMENTS (fragments); i++)
    assert_ok (bl_recordings_add_fragment (db, id, &fragments[i], &error),
               error);
  ck_assert (!bl_recordings_add_fragment (db, id, &fragments[0], &error));
  assert_error (error, BL_DB_ERROR_EXISTS);
  ck_assert (bl_recordings_close_part (db, id, 1, &error));
  ck_assert (bl_recordings_add_gap (db, id, BL_GAP_BOTH, 1900000, 7100000,
                                    "publisher gone", &error));

  g_autoptr (BlRecording) recording = bl_recordings_find (db, "c1", &error);
  ck_assert_int_eq (recording->origin_us, 5000);
  ck_assert_int_eq (recording->ended_us, 0);
  ck_assert_uint_eq (recording->parts, 2);
  ck_assert_int_eq (recording->duration_us, 9500000);
  ck_assert_int_eq (recording->bytes, 810 + 870);
  g_autoptr (GArray) got = bl_recordings_parts (db, id, &error);
  ck_assert_uint_eq (got->len, 2);
  const BlPart *first = &g_array_index (got, BlPart, 0);
  ck_assert_int_eq (first->duration_us, 1900000);
  ck_assert_int_eq (first->bytes, 810);
  ck_assert (first->closed);
  g_autoptr (GArray) listed = bl_recordings_fragments (db, id, &error);
  ck_assert_uint_eq (listed->len, 3);
  const BlFragment *second = &g_array_index (listed, BlFragment, 1);
  ck_assert_int_eq (second->offset, 750);
  ck_assert_int_eq (second->start_us, 1000000);
  ck_assert (!second->keyframe);
  ck_assert_str_eq (second->sha256, "b");
  g_autoptr (GPtrArray) gaps = bl_recordings_gaps (db, id, &error);
  ck_assert_uint_eq (gaps->len, 1);
  const BlGap *gap = gaps->pdata[0];
  ck_assert_int_eq (gap->track, BL_GAP_BOTH);
  ck_assert_str_eq (gap->reason, "publisher gone");
  ck_assert_ptr_null (bl_recordings_get (db, id + 1, &error));
  assert_error (error, BL_DB_ERROR_NOT_FOUND);
}
END_TEST

START_TEST (a_parts_path_names_recording_and_part)
{
  g_autofree char *path = bl_recordings_part_path ("/srv/x", 17, 3);
  ck_assert_str_eq (path, "/srv/x/recordings/17/part-0003.mp4");
}
END_TEST

/* ---- audit ---- */

START_TEST (the_audit_lists_the_newest_first_page_by_page)
{
  GError *error = NULL;
  for (int i = 0; i < 5; i++) {
    g_autofree char *object = g_strdup_printf ("c%d", i);
    assert_ok (bl_audit_add (db, 100 + i, BL_ACTOR_UNIT, "unit-7",
                             BL_AUDIT_CALL_START, object, NULL, &error),
               error);
  }
  g_autoptr (GPtrArray) page = bl_audit_list (db, 0, 3, &error);
  ck_assert_uint_eq (page->len, 3);
  const BlAuditRow *first = page->pdata[0], *third = page->pdata[2];
  ck_assert_str_eq (first->object, "c4");
  ck_assert_str_eq (first->actor, "unit-7");
  ck_assert_int_eq (first->actor_kind, BL_ACTOR_UNIT);
  ck_assert_int_eq (first->action, BL_AUDIT_CALL_START);
  ck_assert_str_eq (first->detail, "");
  g_autoptr (GPtrArray) rest = bl_audit_list (db, third->id, 10, &error);
  ck_assert_uint_eq (rest->len, 2);
  ck_assert_str_eq (((BlAuditRow *)rest->pdata[0])->object, "c1");
}
END_TEST

START_TEST (every_action_and_actor_survives_the_round_trip)
{
  GError *error = NULL;
  for (int action = 0; action < BL_AUDIT_N_ACTIONS; action++) {
    BlActorKind kind = (BlActorKind)(action % BL_ACTOR_N_KINDS);
    ck_assert (bl_audit_add (db, 1, kind, "a", (BlAuditAction)action, "o", "d",
                             &error));
    g_autoptr (GPtrArray) rows = bl_audit_list (db, 0, 1, &error);
    const BlAuditRow *row = rows->pdata[0];
    ck_assert_int_eq (row->action, action);
    ck_assert_int_eq (row->actor_kind, kind);
    ck_assert_str_ne (bl_audit_action_name (row->action), "unknown");
  }
}
END_TEST

START_TEST (what_is_audited_soon_is_there_at_once_for_others)
{
  g_autoptr (GError) error = NULL;
  assert_ok (bl_audit_add_soon (db, 1, BL_ACTOR_USER, "ann",
                                BL_AUDIT_VIEW_START, "call-1", NULL, &error),
             error);
  /* And what follows waits for the disk again. */
  assert_ok (bl_audit_add (db, 2, BL_ACTOR_USER, "ann", BL_AUDIT_VIEW_END,
                           "call-1", NULL, &error),
             error);
  g_autoptr (BlDb) other = bl_db_open (folder, BL_DB_DURABLE, &error);
  ck_assert_ptr_nonnull (other);
  g_autoptr (GPtrArray) rows = bl_audit_list (other, 0, 9, &error);
  ck_assert_uint_eq (rows->len, 2);
  const BlAuditRow *first = rows->pdata[1];
  ck_assert_int_eq (first->action, BL_AUDIT_VIEW_START);
  ck_assert_str_eq (first->object, "call-1");
}
END_TEST

START_TEST (a_change_of_several_parts_is_not_torn_by_one_audited_soon)
{
  g_autoptr (GError) error = NULL;
  ck_assert (bl_db_begin (db, &error));
  assert_ok (bl_audit_add_soon (db, 1, BL_ACTOR_USER, "ann",
                                BL_AUDIT_VIEW_START, "call-1", NULL, &error),
             error);
  ck_assert (!bl_db_end (db, FALSE, NULL));
  g_autoptr (GPtrArray) rows = bl_audit_list (db, 0, 9, &error);
  ck_assert_uint_eq (rows->len, 0);
}
END_TEST

START_TEST (a_name_that_is_not_text_is_audited_too)
{
  GError *error = NULL;
  assert_ok (bl_audit_add (db, 1, BL_ACTOR_USER, "\xff\xfe",
                           BL_AUDIT_SIGN_IN_FAILED, NULL, NULL, &error),
             error);
}
END_TEST

START_TEST (the_audit_refuses_to_be_changed)
{
  static const char *const attempts[]
      = { "DELETE FROM audit", "UPDATE audit SET actor = 'nobody'" };
  GError *error = NULL;
  ck_assert (bl_audit_add (db, 1, BL_ACTOR_USER, "ann", BL_AUDIT_SIGN_IN, NULL,
                           NULL, &error));
  g_autofree char *path = g_build_filename (folder, BL_DB_FILE, NULL);
  sqlite3 *sqlite;
  ck_assert_int_eq (sqlite3_open (path, &sqlite), SQLITE_OK);
  ck_assert_int_ne (sqlite3_exec (sqlite, attempts[_i], NULL, NULL, NULL),
                    SQLITE_OK);
  sqlite3_close (sqlite);
  g_autoptr (GPtrArray) rows = bl_audit_list (db, 0, 9, &error);
  ck_assert_uint_eq (rows->len, 1);
  ck_assert_str_eq (((BlAuditRow *)rows->pdata[0])->actor, "ann");
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("store/tables");
  TCase *tc = tcase_create ("tables");
  tcase_add_checked_fixture (tc, db_setup, db_teardown);
  tcase_add_test (tc, a_user_is_found_by_name_without_regard_to_case);
  tcase_add_loop_test (tc, a_name_that_can_not_be_is_refused, 0,
                       G_N_ELEMENTS (bad_names));
  tcase_add_test (tc, a_code_works_once_and_until_it_expires);
  tcase_add_test (tc, a_cookie_signs_in_until_it_expires_or_signs_out);
  tcase_add_loop_test (tc, disabling_or_a_new_password_ends_sign_ins_and_codes,
                       0, 2);
  tcase_add_test (tc, a_disabled_user_cannot_come_in);
  tcase_add_test (tc, expired_codes_and_sign_ins_are_forgotten);
  tcase_add_test (tc, no_secret_is_in_the_file);
  tcase_add_test (tc, a_token_is_found_until_it_expires_or_is_revoked);
  tcase_add_test (tc, a_call_lives_is_interrupted_reopened_and_ends_once);
  tcase_add_test (tc, calls_are_listed_newest_first);
  tcase_add_test (tc, a_recording_sums_its_parts);
  tcase_add_test (tc, a_parts_path_names_recording_and_part);
  tcase_add_test (tc, the_audit_lists_the_newest_first_page_by_page);
  tcase_add_test (tc, every_action_and_actor_survives_the_round_trip);
  tcase_add_test (tc, what_is_audited_soon_is_there_at_once_for_others);
  tcase_add_test (tc,
                  a_change_of_several_parts_is_not_torn_by_one_audited_soon);
  tcase_add_test (tc, a_name_that_is_not_text_is_audited_too);
  tcase_add_loop_test (tc, the_audit_refuses_to_be_changed, 0, 2);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
