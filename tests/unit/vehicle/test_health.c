/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/health.h"

#include <string.h>

#include "../run_suite.h"

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
}
END_TEST

START_TEST (the_line_says_what_is_sent)
{
  BlHealth h = { .bitrate_bps = 500000, .loss = 0.25 };
  BlSenderStats s
      = { .late_drops = 3, .sound_kept_back = 9, .target_bps = 720000 };
  BlHealthEncoder encoder
      = { .settings = { .width = 960, .height = 540 }, .skipped = 7 };
  g_autofree char *line = bl_health_line (&h, &s, &encoder);
  ck_assert_msg (strstr (line, "bitrate_kbps=500 target_kbps=720 size=960x540"),
                 "%s", line);
  ck_assert_msg (strstr (line, " late=3 sound_kept_back=9 skipped=7 "), "%s",
                 line);
  ck_assert_msg (strstr (line, "loss_pct=25.0"), "%s", line);
}
END_TEST

START_TEST (a_path_has_a_line_of_its_own)
{
  BlHealthPath path = { .interface = "wwan0",
                        .flow = { .there = true,
                                  .best = true,
                                  .rtt_us = 51200,
                                  .queue_us = 4000,
                                  .loss_percent = 2,
                                  .target_bps = 1500000 } };
  g_autofree char *line = bl_health_path_line (&path);
  ck_assert_str_eq (line, "interface=wwan0 state=best rtt_ms=51.2 queue_ms=4.0 "
                          "loss_pct=2 target_kbps=1500");
}
END_TEST

static const struct {
  BlFlowPath path;
  const char *state;
} states[] = {
  { { .there = true, .best = true }, "best" },
  { { .there = true, .second = true }, "second" },
  { { .there = true }, "spare" },
  { { .there = true, .best = true, .in_doubt = true }, "doubt" },
  { { .there = true, .second = true, .silent_us = 149 * BL_MS }, "second" },
  { { .there = true, .in_doubt = true, .silent_us = 151 * BL_MS }, "silent" },
};

START_TEST (a_path_is_in_one_state)
{
  ck_assert_str_eq (bl_health_path_state (&states[_i].path), states[_i].state);
}
END_TEST

/* One path or two, the first of them the best. */
static const struct {
  const char *name;
  BlTime silent_us[2];
  BlTime queue_us;
  guint n_paths;
  double loss;
  guint64 video_bps;
  const char *word;
} connections[] = {
  { "all is well", { 0, 0 }, 5 * BL_MS, 1, 0, 2500000, "good" },
  { "a fifth is lost, and repaired", { 0, 0 }, 0, 1, 0.2, 2500000, "good" },
  { "a quarter is lost", { 0, 0 }, 0, 1, 0.25, 2500000, "poor" },
  { "one is silent, not the other",
    { 9 * BL_SECOND, 20 * BL_MS },
    0,
    2,
    0,
    2500000,
    "good" },
  { "both are silent for a second",
    { 2 * BL_SECOND, 1 * BL_SECOND },
    0,
    2,
    0,
    2500000,
    "poor" },
  { "both are silent", { 9 * BL_SECOND, 3 * BL_SECOND }, 0, 2, 0, 1, "lost" },
  { "a queue", { 0, 0 }, 150 * BL_MS, 1, 0, 2500000, "poor" },
  { "little room", { 0, 0 }, 0, 1, 0, 300000, "poor" },
};

START_TEST (the_connection_is_that_of_all_paths)
{
  BlTime now = 100 * BL_SECOND;
  BlHealth h = { .loss = connections[_i].loss };
  guint n = connections[_i].n_paths;
  BlHealthPath paths[2] = {
    { .flow = { .best = true, .queue_us = connections[_i].queue_us } },
    { .flow = { .second = true, .queue_us = BL_SECOND } },
  };
  for (guint i = 0; i < n; i++)
    paths[i].flow.silent_us = connections[_i].silent_us[i];
  bl_health_hear (&h, paths, n, now);
  BlConnection judged
      = bl_health_connection (&h, paths, n, connections[_i].video_bps, now);
  ck_assert_msg (
      g_str_equal (bl_connection_name (judged), connections[_i].word), "%s: %s",
      connections[_i].name, bl_connection_name (judged));
}
END_TEST

START_TEST (without_any_path_the_connection_is_lost_after_a_while)
{
  BlHealth h = { 0 };
  BlTime now = 100 * BL_SECOND;
  ck_assert_int_eq (bl_health_connection (&h, NULL, 0, 2500000, now),
                    BL_CONNECTION_LOST);
  BlHealthPath path = { .flow = { .best = true } };
  bl_health_hear (&h, &path, 1, now);
  now += BL_SECOND;
  bl_health_hear (&h, NULL, 0, now);
  ck_assert_int_eq (bl_health_connection (&h, NULL, 0, 2500000, now),
                    BL_CONNECTION_POOR);
  now += 2 * BL_SECOND;
  ck_assert_int_eq (bl_health_connection (&h, NULL, 0, 2500000, now),
                    BL_CONNECTION_LOST);
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
  tcase_add_loop_test (tc, a_path_is_in_one_state, 0, G_N_ELEMENTS (states));
  tcase_add_loop_test (tc, the_connection_is_that_of_all_paths, 0,
                       G_N_ELEMENTS (connections));
  tcase_add_test (tc, without_any_path_the_connection_is_lost_after_a_while);
  tcase_add_test (tc, the_line_says_what_is_sent);
  tcase_add_test (tc, rates_are_those_of_the_last_span);
  tcase_add_test (tc, a_new_session_does_not_look_like_a_negative_rate);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
