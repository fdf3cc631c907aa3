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
  bl_keyframe_on_arrival (&keyframe);
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
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
