/* SPDX-License-Identifier: Apache-2.0 */
#include "store/flusher.h"

#include <glib/gstdio.h>

#include "run_suite.h"

START_TEST (a_file_that_is_not_there_has_no_flusher)
{
  ck_assert_ptr_null (bl_flusher_new ("/nowhere/at/all"));
}
END_TEST

START_TEST (many_requests_are_flushed_before_it_ends)
{
  g_autofree char *path = NULL;
  int fd = g_file_open_tmp (NULL, &path, NULL);
  ck_assert_int_ge (fd, 0);
  BlFlusher *flusher = bl_flusher_new (path);
  ck_assert_ptr_nonnull (flusher);
  for (guint i = 0; i < 1000; i++)
    bl_flusher_request (flusher);
  ck_assert (!bl_flusher_has_failed (flusher));
  bl_flusher_free (flusher);
  g_unlink (path);
  g_close (fd, NULL);
}
END_TEST

/* Flushing a device that is no disk is refused (EINVAL). */
START_TEST (a_flush_that_fails_is_remembered)
{
  BlFlusher *flusher = bl_flusher_new ("/dev/null");
  ck_assert_ptr_nonnull (flusher);
  ck_assert (!bl_flusher_has_failed (flusher));
  bl_flusher_request (flusher);
  while (!bl_flusher_has_failed (flusher))
    g_thread_yield ();
  bl_flusher_free (flusher);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("store/flusher");
  TCase *tcase = tcase_create ("flusher");
  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, a_file_that_is_not_there_has_no_flusher);
  tcase_add_test (tcase, many_requests_are_flushed_before_it_ends);
  tcase_add_test (tcase, a_flush_that_fails_is_remembered);
  return run_suite (suite);
}
