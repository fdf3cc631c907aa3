/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <time.h>

#include "run_suite.h"

START_TEST (the_monotonic_clock_never_goes_back)
{
  BlTime last = bl_clock_now ();
  for (int i = 0; i < 1000; i++) {
    BlTime now = bl_clock_now ();
    ck_assert_int_ge (now, last);
    last = now;
  }
}
END_TEST

START_TEST (wall_time_is_that_of_the_system)
{
  int64_t before_s = (int64_t)time (NULL);
  int64_t unix_us = bl_clock_unix_us ();
  int64_t ntp_us = bl_ntp_to_unix_us (bl_clock_ntp ());
  int64_t after_s = (int64_t)time (NULL);
  /* time() may lag by a tick of the kernel. */
  ck_assert_int_ge (unix_us, (before_s - 1) * BL_SECOND);
  ck_assert_int_le (unix_us, (after_s + 2) * BL_SECOND);
  ck_assert_int_ge (ntp_us, unix_us - 1);
  ck_assert_int_le (ntp_us, (after_s + 2) * BL_SECOND);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("base/clock");
  TCase *tcase = tcase_create ("clock");
  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, the_monotonic_clock_never_goes_back);
  tcase_add_test (tcase, wall_time_is_that_of_the_system);
  return run_suite (suite);
}
