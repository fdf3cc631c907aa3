/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/pacer.h"

#include "../run_suite.h"

START_TEST (the_pacer_keeps_its_rate_over_any_span)
{
  BlPacer pacer;
  uint64_t rate = 1000000;
  bl_pacer_init (&pacer, rate);
  BlTime start = 77 * BL_SECOND, now = start;
  uint64_t bytes = 0;
  for (int i = 0; i < 1000; i++) {
    BlTime next = bl_pacer_next_send (&pacer);
    now = next > now ? next : now;
    if (i == 500)
      now += BL_SECOND; /* a pause is not made up for */
    bl_pacer_on_sent (&pacer, 1000, now);
    bytes += 1000;
    BlTime span = now - start + BL_PACER_BURST_US;
    ck_assert_uint_le (bytes * 8, rate * (uint64_t)span / 1000000 + 8000 + 8);
  }
  ck_assert_int_ge (now - start, 8 * BL_SECOND + 900 * BL_MS);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vehicle/pacer");
  TCase *tcase = tcase_create ("pacer");
  tcase_add_test (tcase, the_pacer_keeps_its_rate_over_any_span);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
