/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/losscheck.h"

#include "rtc_bytes.h"
#include "run_suite.h"

#define RTT   (50 * BL_MS)
#define STEP  (10 * BL_MS)
#define A_LOT 40 /* packets in a step */

/* Feeds `percent` loss for so long; gives the last verdict but NOTHING. */
static BlLossVerdict
feed (BlLossCheck *c, unsigned percent, BlTime for_us, BlTime *now)
{
  BlLossVerdict last = BL_LOSSCHECK_NOTHING;
  unsigned owed = 0;
  for (BlTime end = *now + for_us; *now < end; *now += STEP) {
    owed += A_LOT * percent;
    BlLossVerdict verdict = bl_losscheck_on_feedback (c, A_LOT - owed / 100,
                                                      owed / 100, RTT, *now);
    owed %= 100;
    if (verdict != BL_LOSSCHECK_NOTHING)
      last = verdict;
    if (verdict == BL_LOSSCHECK_SLOW_DOWN)
      return last;
  }
  return last;
}

START_TEST (a_little_loss_is_nobodys_fault)
{
  BlLossCheck c = { 0 };
  BlTime now = 0;
  ck_assert_int_eq (feed (&c, 0, BL_SECOND, &now), BL_LOSSCHECK_NOTHING);
  ck_assert_int_eq (feed (&c, 6, 20 * BL_SECOND, &now), BL_LOSSCHECK_NOTHING);
}
END_TEST

START_TEST (loss_that_falls_with_the_rate_is_ours)
{
  BlLossCheck c = { 0 };
  BlTime now = 0;
  ck_assert_int_eq (feed (&c, 15, 2 * BL_SECOND, &now), BL_LOSSCHECK_SLOW_DOWN);
  ck_assert_int_eq (feed (&c, 2, BL_SECOND, &now), BL_LOSSCHECK_OURS);
  /* And is not forgotten: it counts sooner from then on. */
  ck_assert_int_eq (feed (&c, 6, 5 * BL_SECOND, &now), BL_LOSSCHECK_SLOW_DOWN);
}
END_TEST

START_TEST (loss_that_stays_is_the_paths_own)
{
  BlLossCheck c = { 0 };
  BlTime now = 0;
  ck_assert_int_eq (feed (&c, 15, 2 * BL_SECOND, &now), BL_LOSSCHECK_SLOW_DOWN);
  ck_assert_int_eq (feed (&c, 14, BL_SECOND, &now), BL_LOSSCHECK_NOT_OURS);
  ck_assert_int_eq (feed (&c, 17, 20 * BL_SECOND, &now), BL_LOSSCHECK_NOTHING);
  ck_assert_int_eq (feed (&c, 40, 5 * BL_SECOND, &now), BL_LOSSCHECK_SLOW_DOWN);
}
END_TEST

START_TEST (a_path_that_got_better_is_trusted_no_more_than_that)
{
  BlLossCheck c = { 0 };
  BlTime now = 0;
  feed (&c, 20, 2 * BL_SECOND, &now);
  ck_assert_int_eq (feed (&c, 20, BL_SECOND, &now), BL_LOSSCHECK_NOT_OURS);
  feed (&c, 0, 30 * BL_SECOND, &now);
  ck_assert_int_eq (feed (&c, 12, 5 * BL_SECOND, &now), BL_LOSSCHECK_SLOW_DOWN);
}
END_TEST

START_TEST (a_trial_of_few_packets_comes_to_an_end)
{
  BlLossCheck c = { 0 };
  BlTime now = 0;
  feed (&c, 30, 2 * BL_SECOND, &now);
  now += RTT + BL_SECOND;
  ck_assert_int_eq (bl_losscheck_on_feedback (&c, 10, 0, RTT, now),
                    BL_LOSSCHECK_NOTHING);
  now += BL_LOSSCHECK_TRIAL_US;
  ck_assert_int_eq (bl_losscheck_on_feedback (&c, 10, 0, RTT, now),
                    BL_LOSSCHECK_OURS);
}
END_TEST

START_TEST (what_left_before_it_slowed_down_does_not_count)
{
  BlLossCheck c = { 0 };
  BlTime now = 0;
  feed (&c, 30, 2 * BL_SECOND, &now);
  feed (&c, 30, RTT, &now);
  ck_assert_int_eq (feed (&c, 0, BL_SECOND, &now), BL_LOSSCHECK_OURS);
}
END_TEST

static Suite *
suite (void)
{
  Suite *s = suite_create ("rtc/losscheck");
  TCase *tc = tcase_create ("losscheck");
  tcase_add_test (tc, a_little_loss_is_nobodys_fault);
  tcase_add_test (tc, loss_that_falls_with_the_rate_is_ours);
  tcase_add_test (tc, loss_that_stays_is_the_paths_own);
  tcase_add_test (tc, a_path_that_got_better_is_trusted_no_more_than_that);
  tcase_add_test (tc, a_trial_of_few_packets_comes_to_an_end);
  tcase_add_test (tc, what_left_before_it_slowed_down_does_not_count);
  suite_add_tcase (s, tc);
  return s;
}

int
main (void)
{
  return run_suite (suite ());
}
