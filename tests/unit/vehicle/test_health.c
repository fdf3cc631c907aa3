/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/health.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST (rates_are_those_of_the_last_span)
{
  BlHealth h = { 0 };
  BlSenderStats s = { .bytes = 1000, .frames = 10 };
  bl_health_update (&h, &s, 5 * BL_SECOND);
  ck_assert_uint_eq (h.bitrate_bps, 0);
  s.bytes += 125000;
  s.frames += 30;
  s.rtt_us = 40000;
  s.fraction_lost = 64;
  bl_health_update (&h, &s, 6 * BL_SECOND);
  ck_assert_uint_eq (h.bitrate_bps, 1000000);
  ck_assert (h.fps == 30.0);
  ck_assert (h.loss == 0.25);
  ck_assert_int_eq (h.rtt_us, 40000);
  s.bytes += 125000;
  bl_health_update (&h, &s, 8 * BL_SECOND);
  ck_assert_uint_eq (h.bitrate_bps, 500000);
  ck_assert (h.fps == 0.0);
  g_autofree char *line = bl_health_line (&h, &s);
  ck_assert_msg (strstr (line, "bitrate_kbps=500 "), "%s", line);
  ck_assert_msg (strstr (line, "loss_pct=25.0"), "%s", line);
}
END_TEST

START_TEST (a_path_has_a_line_of_its_own)
{
  BlFlowPath path = { .there = true,
                      .best = true,
                      .rtt_us = 51200,
                      .queue_us = 4000,
                      .loss_percent = 2,
                      .target_bps = 1500000 };
  g_autofree char *line = bl_health_path_line ("wwan0", &path);
  ck_assert_str_eq (line, "interface=wwan0 state=best rtt_ms=51.2 queue_ms=4.0 "
                          "loss_pct=2 target_kbps=1500");
  path.in_doubt = true;
  g_autofree char *doubt = bl_health_path_line ("wwan0", &path);
  ck_assert (strstr (doubt, "state=doubt"));
}
END_TEST

START_TEST (a_new_session_does_not_look_like_a_negative_rate)
{
  BlHealth h = { 0 };
  BlSenderStats s = { .bytes = 1000000, .frames = 500 };
  bl_health_update (&h, &s, BL_SECOND);
  s.bytes += 1000;
  bl_health_update (&h, &s, 2 * BL_SECOND);
  s = (BlSenderStats){ .bytes = 10, .frames = 1 };
  bl_health_update (&h, &s, 3 * BL_SECOND);
  ck_assert_uint_eq (h.bitrate_bps, 8000);
  bl_health_update (&h, &s, 3 * BL_SECOND);
  ck_assert_uint_eq (h.bitrate_bps, 8000);
  bl_health_reset (&h);
  ck_assert_uint_eq (h.bitrate_bps, 0);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vehicle/health");
  TCase *tc = tcase_create ("health");
  tcase_add_test (tc, a_path_has_a_line_of_its_own);
  tcase_add_test (tc, rates_are_those_of_the_last_span);
  tcase_add_test (tc, a_new_session_does_not_look_like_a_negative_rate);
  suite_add_tcase (suite, tc);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
