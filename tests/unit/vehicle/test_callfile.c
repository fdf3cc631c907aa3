/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/callfile.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "../run_suite.h"
#include "secure/token.h"

static char *folder;

static void
set_up (void)
{
  g_autofree char *parent = g_dir_make_tmp ("bl-callfile-XXXXXX", NULL);
  folder = g_build_filename (parent, "state", NULL);
  g_autoptr (GError) error = NULL;
  ck_assert_msg (bl_call_file_prepare (folder, &error), "%s",
                 error ? error->message : "");
}

static void
tear_down (void)
{
  static const char *const names[] = { "call", "call.bad" };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *path = g_build_filename (folder, names[i], NULL);
    g_unlink (path);
  }
  g_rmdir (folder);
  g_autofree char *parent = g_path_get_dirname (folder);
  g_rmdir (parent);
  g_free (folder);
}

START_TEST (a_call_is_kept_until_it_is_forgotten)
{
  BlCallFile call = { 0 };
  g_autoptr (GError) error = NULL;
  ck_assert (!bl_call_file_load (folder, &call, &error));
  ck_assert_ptr_null (error);

  g_autofree char *id = bl_id_new ();
  BlCallFile saved
      = { .ed = (char *)"north", .id = id, .started_unix_s = 1700000000 };
  ck_assert (bl_call_file_save (folder, &saved, &error));
  ck_assert (bl_call_file_load (folder, &call, &error));
  ck_assert_str_eq (call.ed, "north");
  ck_assert_str_eq (call.id, id);
  ck_assert_int_eq (call.started_unix_s, 1700000000);
  bl_call_file_clear (&call);

  bl_call_file_forget (folder);
  bl_call_file_forget (folder);
  ck_assert (!bl_call_file_load (folder, &call, &error));
  ck_assert_ptr_null (error);
}
END_TEST

static const char *const broken[] = {
  "",
  "garbage",
  "[call]\ned=north\n",
  "[call]\nid=AAAAAAAAAAAAAAAAAAAAAA\n",
  "[call]\ned=../x\nid=AAAAAAAAAAAAAAAAAAAAAA\n",
  "[call]\ned=north\nid=short\n",
};

START_TEST (a_file_that_makes_no_sense_is_put_aside_once)
{
  g_autofree char *path = g_build_filename (folder, "call", NULL);
  ck_assert (g_file_set_contents (path, broken[_i], -1, NULL));
  BlCallFile call = { 0 };
  g_autoptr (GError) error = NULL;
  ck_assert (!bl_call_file_load (folder, &call, &error));
  ck_assert_msg (error && strstr (error->message, path), "no error");
  g_autoptr (GError) second = NULL;
  ck_assert (!bl_call_file_load (folder, &call, &second));
  ck_assert_ptr_null (second);
}
END_TEST

START_TEST (a_folder_that_can_not_be_made_is_named)
{
  g_autofree char *file = g_build_filename (folder, "call", NULL);
  ck_assert (g_file_set_contents (file, "x", -1, NULL));
  g_autofree char *under = g_build_filename (file, "state", NULL);
  g_autoptr (GError) error = NULL;
  ck_assert (!bl_call_file_prepare (under, &error));
  ck_assert (strstr (error->message, under));
  ck_assert (strstr (error->message, "[vehicle] state_folder"));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vehicle/callfile");
  TCase *tc = tcase_create ("callfile");
  tcase_add_checked_fixture (tc, set_up, tear_down);
  tcase_add_test (tc, a_call_is_kept_until_it_is_forgotten);
  tcase_add_loop_test (tc, a_file_that_makes_no_sense_is_put_aside_once, 0,
                       G_N_ELEMENTS (broken));
  tcase_add_test (tc, a_folder_that_can_not_be_made_is_named);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
