/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/keyframe.h"

#include "../run_suite.h"

#define START (100 * BL_SECOND)

static BlKeyframe keyframe;

static void
set_up (void)
{
  bl_keyframe_init (&keyframe);
}

START_TEST (nobody_asks_and_nothing_is_due)
{
  ck_assert_int_eq (bl_keyframe_due (&keyframe), BL_TIME_NEVER);
}
END_TEST

START_TEST (the_first_request_is_due_at_once)
{
  bl_keyframe_want (&keyframe);
  ck_assert_int_le (bl_keyframe_due (&keyframe), START);
}
END_TEST

START_TEST (further_requests_wait_for_the_interval)
{
  bl_keyframe_want (&keyframe);
  bl_keyframe_on_sent (&keyframe, START);
  for (int i = 0; i < 20; i++)
    bl_keyframe_want (&keyframe);
  ck_assert_int_eq (bl_keyframe_due (&keyframe),
                    START + BL_KEYFRAME_INTERVAL_US);
}
END_TEST

START_TEST (an_arrival_ends_the_asking_but_not_the_interval)
{
  bl_keyframe_want (&keyframe);
  bl_keyframe_on_sent (&keyframe, START);
  bl_keyframe_on_arrival (&keyframe, START + BL_MS);
  ck_assert_int_eq (bl_keyframe_due (&keyframe), BL_TIME_NEVER);
  bl_keyframe_want (&keyframe);
  ck_assert_int_eq (bl_keyframe_due (&keyframe),
                    START + BL_KEYFRAME_INTERVAL_US);
}
END_TEST

START_TEST (a_new_publisher_is_asked_at_once_for_what_is_still_wanted)
{
  bl_keyframe_on_new_publisher (&keyframe);
  ck_assert_int_eq (bl_keyframe_due (&keyframe), BL_TIME_NEVER);
  bl_keyframe_want (&keyframe);
  bl_keyframe_on_sent (&keyframe, START);
  bl_keyframe_on_new_publisher (&keyframe);
  ck_assert_int_le (bl_keyframe_due (&keyframe), START);
}
END_TEST

START_TEST (who_has_no_haste_waits_for_what_comes_by_itself)
{
  bl_keyframe_want_seldom (&keyframe, START);
  ck_assert_int_eq (bl_keyframe_due (&keyframe), START + BL_KEYFRAME_SELDOM_US);
  bl_keyframe_want_seldom (&keyframe, START + BL_SECOND);
  ck_assert_int_eq (bl_keyframe_due (&keyframe), START + BL_KEYFRAME_SELDOM_US);
  bl_keyframe_on_arrival (&keyframe, START + 2 * BL_SECOND);
  ck_assert_int_eq (bl_keyframe_due (&keyframe), BL_TIME_NEVER);
  bl_keyframe_want_seldom (&keyframe, START + 3 * BL_SECOND);
  ck_assert_int_eq (bl_keyframe_due (&keyframe),
                    START + 2 * BL_SECOND + BL_KEYFRAME_SELDOM_US);
}
END_TEST

START_TEST (many_without_haste_ask_as_seldom_as_one)
{
  BlTime now = START;
  unsigned asked = 0;
  for (; now < START + 60 * BL_SECOND; now += 10 * BL_MS) {
    for (int viewer = 0; viewer < 20; viewer++)
      bl_keyframe_want_seldom (&keyframe, now);
    if (bl_keyframe_due (&keyframe) > now)
      continue;
    asked++;
    bl_keyframe_on_sent (&keyframe, now);
    bl_keyframe_on_arrival (&keyframe, now);
  }
  ck_assert_uint_le (asked, 60 * BL_SECOND / BL_KEYFRAME_SELDOM_US);
  ck_assert_uint_ge (asked, 60 * BL_SECOND / BL_KEYFRAME_SELDOM_US - 1);
}
END_TEST

START_TEST (an_unanswered_wish_without_haste_is_repeated_as_seldom)
{
  bl_keyframe_want_seldom (&keyframe, START);
  bl_keyframe_on_sent (&keyframe, START + BL_KEYFRAME_SELDOM_US);
  ck_assert_int_eq (bl_keyframe_due (&keyframe),
                    START + 2 * BL_KEYFRAME_SELDOM_US);
}
END_TEST

START_TEST (haste_goes_before_no_haste)
{
  bl_keyframe_want_seldom (&keyframe, START);
  bl_keyframe_want (&keyframe);
  ck_assert_int_le (bl_keyframe_due (&keyframe), START);
  bl_keyframe_on_sent (&keyframe, START);
  bl_keyframe_want_seldom (&keyframe, START);
  ck_assert_int_eq (bl_keyframe_due (&keyframe),
                    START + BL_KEYFRAME_INTERVAL_US);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("relay/keyframe");
  TCase *tcase = tcase_create ("keyframe");
  tcase_add_checked_fixture (tcase, set_up, NULL);
  tcase_add_test (tcase, nobody_asks_and_nothing_is_due);
  tcase_add_test (tcase, the_first_request_is_due_at_once);
  tcase_add_test (tcase, further_requests_wait_for_the_interval);
  tcase_add_test (tcase, an_arrival_ends_the_asking_but_not_the_interval);
  tcase_add_test (tcase,
                  a_new_publisher_is_asked_at_once_for_what_is_still_wanted);
  tcase_add_test (tcase, who_has_no_haste_waits_for_what_comes_by_itself);
  tcase_add_test (tcase, many_without_haste_ask_as_seldom_as_one);
  tcase_add_test (tcase,
                  an_unanswered_wish_without_haste_is_repeated_as_seldom);
  tcase_add_test (tcase, haste_goes_before_no_haste);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
