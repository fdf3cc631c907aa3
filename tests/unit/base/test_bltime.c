/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bltime.h"

#include "run_suite.h"

/* 2026-11-21 12:00:00 UTC */
#define UNIX_US  INT64_C (1795262400000000)
#define NTP_SECS UINT64_C (4004251200)

START_TEST (unix_time_and_ntp_time_are_70_years_apart)
{
  ck_assert_uint_eq (bl_ntp_from_unix_us (0), UINT64_C (2208988800) << 32);
  ck_assert_uint_eq (bl_ntp_from_unix_us (UNIX_US), NTP_SECS << 32);
  ck_assert_uint_eq (bl_ntp_from_unix_us (UNIX_US + 500000),
                     NTP_SECS << 32 | 0x80000000);
}
END_TEST

START_TEST (unix_time_comes_back_from_ntp_time)
{
  static const int64_t times_us[]
      = { 0, 1, 999999, UNIX_US, UNIX_US + 1, UNIX_US + 123457, -1, -1500000 };
  for (size_t i = 0; i < sizeof times_us / sizeof *times_us; i++) {
    int64_t back = bl_ntp_to_unix_us (bl_ntp_from_unix_us (times_us[i]));
    /* The fixed point's unit is a quarter of a nanosecond, rounded down. */
    ck_assert_int_le (back, times_us[i]);
    ck_assert_int_ge (back, times_us[i] - 1);
  }
}
END_TEST

START_TEST (a_difference_has_its_sign)
{
  BlNtp t = bl_ntp_from_unix_us (UNIX_US);
  ck_assert_int_eq (bl_ntp_diff_us (t, t), 0);
  ck_assert_int_eq (bl_ntp_diff_us (bl_ntp_add_us (t, 2000000), t), 2000000);
  ck_assert_int_eq (bl_ntp_diff_us (t, bl_ntp_add_us (t, 2000000)), -2000000);
  ck_assert_int_eq (bl_ntp_diff_us (t, t + 0x80000000), -500000);
  ck_assert_int_eq (bl_ntp_diff_us (t + 0x80000000, t), 500000);
}
END_TEST

START_TEST (differences_survive_the_end_of_the_era)
{
  BlNtp before = UINT64_C (0xffffffff) << 32; /* 2036-02-07 06:28:15 */
  BlNtp after = bl_ntp_add_us (before, 3 * BL_SECOND);
  ck_assert_uint_lt (after, before);
  ck_assert_int_eq (bl_ntp_diff_us (after, before), 3 * BL_SECOND);
  ck_assert_int_eq (bl_ntp_diff_us (before, after), -3 * BL_SECOND);
}
END_TEST

START_TEST (adding_less_than_nothing_goes_back)
{
  BlNtp t = UINT64_C (100) << 32;
  ck_assert_uint_eq (bl_ntp_add_us (t, -500000),
                     UINT64_C (99) << 32 | 0x80000000);
  ck_assert_uint_eq (bl_ntp_add_us (t, -1 * BL_SECOND), UINT64_C (99) << 32);
  ck_assert_uint_eq (bl_ntp_add_us (t, 0), t);
}
END_TEST

START_TEST (the_middle_is_what_rtcp_carries)
{
  /* RFC 3550 section 6.4.1, figure 2 */
  ck_assert_uint_eq (bl_ntp_middle (UINT64_C (0xb44db70520000000)), 0xb7052000);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("base/bltime");
  TCase *tcase = tcase_create ("bltime");
  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, unix_time_and_ntp_time_are_70_years_apart);
  tcase_add_test (tcase, unix_time_comes_back_from_ntp_time);
  tcase_add_test (tcase, a_difference_has_its_sign);
  tcase_add_test (tcase, differences_survive_the_end_of_the_era);
  tcase_add_test (tcase, adding_less_than_nothing_goes_back);
  tcase_add_test (tcase, the_middle_is_what_rtcp_carries);
  return run_suite (suite);
}
