/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/pathplan.h"

#include "../run_suite.h"

#define START  (1000 * BL_SECOND)
#define FIRST  1u
#define SECOND 2u
#define BOTH   3u

static BlPathPlan plan;
static BlTime now;

static void
begin (BlPathMode mode)
{
  now = START;
  bl_pathplan_init (&plan, mode);
  bl_pathplan_add (&plan, 0);
  bl_pathplan_add (&plan, 1);
}

/* `us` in steps of 20 ms, with feedback over the paths in `heard`. */
static void
pass (BlTime us, unsigned heard)
{
  for (BlTime end = now + us; now < end; now += 20 * BL_MS) {
    bl_pathplan_on_sent (&plan, BOTH, now);
    for (unsigned i = 0; i < 2; i++)
      if (heard >> i & 1)
        bl_pathplan_on_heard (&plan, i);
    bl_pathplan_on_time (&plan, now);
  }
}

static const struct {
  BlPathMode mode;
  BlPacketUse use;
  unsigned calm, doubt; /* the paths for it, the first one best */
} choices[] = {
  { BL_PATH_MODE_SINGLE, BL_USE_SOUND, FIRST, FIRST },
  { BL_PATH_MODE_SINGLE, BL_USE_PICTURE, FIRST, FIRST },
  { BL_PATH_MODE_FAILOVER, BL_USE_SOUND, FIRST, SECOND },
  { BL_PATH_MODE_FAILOVER, BL_USE_PICTURE, FIRST, SECOND },
  { BL_PATH_MODE_PROTECT, BL_USE_SOUND, BOTH, BOTH },
  { BL_PATH_MODE_PROTECT, BL_USE_KEYFRAME, BOTH, BOTH },
  { BL_PATH_MODE_PROTECT, BL_USE_REPAIR, BOTH, BOTH },
  { BL_PATH_MODE_PROTECT, BL_USE_FEC, SECOND, SECOND },
  { BL_PATH_MODE_PROTECT, BL_USE_REPORT, BOTH, BOTH },
  { BL_PATH_MODE_PROTECT, BL_USE_PICTURE, FIRST, BOTH },
  { BL_PATH_MODE_DUPLICATE, BL_USE_PICTURE, BOTH, BOTH },
};

START_TEST (each_mode_gives_each_packet_its_paths)
{
  begin (choices[_i].mode);
  pass (BL_SECOND, BOTH);
  ck_assert_uint_eq (bl_pathplan_choose (&plan, choices[_i].use, now),
                     choices[_i].calm);
  pass (BL_PATHPLAN_SILENT_US + 60 * BL_MS, SECOND);
  ck_assert_uint_eq (bl_pathplan_choose (&plan, choices[_i].use, now),
                     choices[_i].doubt);
}
END_TEST

static const struct {
  BlPathReport report;
  bool doubt;
} reports[] = {
  { { .queue_us = BL_PATHPLAN_QUEUE_US }, false },
  { { .queue_us = BL_PATHPLAN_QUEUE_US + 1 }, true },
  { { .loss_percent = BL_PATHPLAN_LOSS_PERCENT }, false },
  { { .loss_percent = BL_PATHPLAN_LOSS_PERCENT + 1 }, true },
};

START_TEST (a_queue_or_a_loss_beyond_its_bound_puts_a_path_in_doubt)
{
  begin (BL_PATH_MODE_PROTECT);
  bl_pathplan_report (&plan, 0, &reports[_i].report);
  ck_assert (bl_pathplan_in_doubt (&plan, 0, now) == reports[_i].doubt);
}
END_TEST

START_TEST (a_path_that_carries_nothing_is_not_silent)
{
  begin (BL_PATH_MODE_PROTECT);
  now += 10 * BL_SECOND;
  ck_assert (!bl_pathplan_in_doubt (&plan, 0, now));
}
END_TEST

START_TEST (a_lasting_doubt_makes_the_second_path_the_best)
{
  begin (BL_PATH_MODE_PROTECT);
  pass (BL_PATHPLAN_SILENT_US + BL_PATHPLAN_DOUBT_US + 100 * BL_MS, SECOND);
  ck_assert_uint_eq (plan.best, 1);
  ck_assert_uint_eq (bl_pathplan_choose (&plan, BL_USE_PICTURE, now), SECOND);
}
END_TEST

START_TEST (when_both_are_in_doubt_both_are_tried_and_none_is_preferred)
{
  begin (BL_PATH_MODE_PROTECT);
  pass (5 * BL_SECOND, 0);
  ck_assert_uint_eq (plan.best, 0);
  ck_assert_uint_eq (bl_pathplan_choose (&plan, BL_USE_PICTURE, now), BOTH);
}
END_TEST

START_TEST (a_clearly_better_path_takes_over_after_a_while_an_equal_one_never)
{
  begin (BL_PATH_MODE_PROTECT);
  bl_pathplan_report (&plan, 0, &(BlPathReport){ .rate_bps = 3000000 });
  bl_pathplan_report (&plan, 1, &(BlPathReport){ .rate_bps = 3900000 });
  pass (10 * BL_SECOND, BOTH);
  ck_assert_uint_eq (plan.best, 0);
  bl_pathplan_report (&plan, 1, &(BlPathReport){ .rate_bps = 4100000 });
  pass (BL_PATHPLAN_BETTER_US - 100 * BL_MS, BOTH);
  ck_assert_uint_eq (plan.best, 0);
  pass (200 * BL_MS, BOTH);
  ck_assert_uint_eq (plan.best, 1);
}
END_TEST

START_TEST (a_single_path_stays_until_it_is_gone)
{
  begin (BL_PATH_MODE_SINGLE);
  pass (10 * BL_SECOND, SECOND);
  ck_assert_uint_eq (bl_pathplan_choose (&plan, BL_USE_SOUND, now), FIRST);
  bl_pathplan_remove (&plan, 0, now);
  ck_assert_uint_eq (bl_pathplan_choose (&plan, BL_USE_SOUND, now), SECOND);
  bl_pathplan_remove (&plan, 1, now);
  ck_assert_uint_eq (bl_pathplan_choose (&plan, BL_USE_SOUND, now), 0);
}
END_TEST

START_TEST (a_mode_has_a_name_and_no_other_text_is_one)
{
  BlPathMode mode = BL_PATH_MODE_SINGLE;
  for (int i = BL_PATH_MODE_SINGLE; i <= BL_PATH_MODE_DUPLICATE; i++) {
    ck_assert (bl_path_mode_parse (bl_path_mode_name ((BlPathMode)i), &mode));
    ck_assert_int_eq (mode, i);
  }
  ck_assert (!bl_path_mode_parse ("both", &mode));
  ck_assert_int_eq (mode, BL_PATH_MODE_DUPLICATE);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vehicle/pathplan");
  TCase *tc = tcase_create ("pathplan");
  tcase_add_loop_test (tc, each_mode_gives_each_packet_its_paths, 0,
                       (int)(sizeof choices / sizeof *choices));
  tcase_add_loop_test (tc,
                       a_queue_or_a_loss_beyond_its_bound_puts_a_path_in_doubt,
                       0, (int)(sizeof reports / sizeof *reports));
  tcase_add_test (tc, a_path_that_carries_nothing_is_not_silent);
  tcase_add_test (tc, a_lasting_doubt_makes_the_second_path_the_best);
  tcase_add_test (tc,
                  when_both_are_in_doubt_both_are_tried_and_none_is_preferred);
  tcase_add_test (
      tc, a_clearly_better_path_takes_over_after_a_while_an_equal_one_never);
  tcase_add_test (tc, a_single_path_stays_until_it_is_gone);
  tcase_add_test (tc, a_mode_has_a_name_and_no_other_text_is_one);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
