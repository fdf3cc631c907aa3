/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "test.topic"
#include "base/log.h"

#include <string.h>
#include <unistd.h>

#include "run_suite.h"

/* Standard error, as long as it is caught: a pipe holds what these tests
 * say. Each test runs in a process of its own. */
static int caught[2];

static void
catch_lines (BlLogLevel level)
{
  ck_assert_int_eq (pipe (caught), 0);
  ck_assert_int_eq (dup2 (caught[1], STDERR_FILENO), STDERR_FILENO);
  close (caught[1]);
  bl_log_init (level);
}

static char *
caught_lines (void)
{
  static char text[4096];
  close (STDERR_FILENO);
  ssize_t length = read (caught[0], text, sizeof text - 1);
  ck_assert_int_ge (length, 0);
  text[length] = '\0';
  return text;
}

START_TEST (a_line_has_time_level_topic_and_message)
{
  catch_lines (BL_LOG_INFO);
  bl_info ("call %d began", 7);
  const char *line = caught_lines ();
  ck_assert_msg (g_regex_match_simple ("^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:"
                                       "\\d\\d\\.\\d{3}Z info    test\\.topic: "
                                       "call 7 began\n$",
                                       line, 0, 0),
                 "%s", line);
}
END_TEST

START_TEST (lines_above_the_level_are_dropped)
{
  catch_lines (BL_LOG_WARNING);
  bl_debug ("one");
  bl_info ("two");
  bl_warning ("three");
  bl_error ("four");
  const char *lines = caught_lines ();
  ck_assert_ptr_null (strstr (lines, "one"));
  ck_assert_ptr_null (strstr (lines, "two"));
  ck_assert_ptr_nonnull (strstr (lines, "warning test.topic: three\n"));
  ck_assert_ptr_nonnull (strstr (lines, "error   test.topic: four\n"));
}
END_TEST

START_TEST (what_a_peer_sent_can_not_forge_a_line)
{
  catch_lines (BL_LOG_INFO);
  bl_info ("peer said “%s”", "a\r\n2026-01-01 error: forged\x1b[31m\x7f");
  const char *lines = caught_lines ();
  ck_assert_ptr_eq (strchr (lines, '\n'), lines + strlen (lines) - 1);
  ck_assert_ptr_null (strchr (lines, '\x1b'));
  ck_assert_ptr_null (strchr (lines, '\r'));
  ck_assert_ptr_null (strchr (lines, '\x7f'));
}
END_TEST

START_TEST (levels_have_names)
{
  static const struct {
    const char *name;
    BlLogLevel level;
  } names[] = {
    { "error", BL_LOG_ERROR },
    { "warning", BL_LOG_WARNING },
    { "info", BL_LOG_INFO },
    { "debug", BL_LOG_DEBUG },
  };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    BlLogLevel level = (BlLogLevel)77;
    ck_assert (bl_log_level_from_string (names[i].name, &level));
    ck_assert_int_eq (level, names[i].level);
  }
  BlLogLevel untouched = BL_LOG_DEBUG;
  ck_assert (!bl_log_level_from_string ("Error", &untouched));
  ck_assert (!bl_log_level_from_string ("", &untouched));
  ck_assert_int_eq (untouched, BL_LOG_DEBUG);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("base/log");
  TCase *tcase = tcase_create ("log");
  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, a_line_has_time_level_topic_and_message);
  tcase_add_test (tcase, lines_above_the_level_are_dropped);
  tcase_add_test (tcase, what_a_peer_sent_can_not_forge_a_line);
  tcase_add_test (tcase, levels_have_names);
  return run_suite (suite);
}
