/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"

#include <string.h>

#include "run_suite.h"

START_TEST (every_key_is_read)
{
  ImpairSettings s = { 0 };
  ck_assert (impair_settings_parse (
      &s,
      "rate=1.5M delay=40,jitter=2.5 reorder=yes queue=300ms loss=0.05 "
      "ge=0.1:0.2:0.9:0.01 mark=5 ce=0.2 outages=10-20:40.5-70 "
      "in-outage=drop offset=3",
      NULL));
  ck_assert_uint_eq (s.rate_bps, 1500000);
  ck_assert_int_eq (s.delay_us, 40000);
  ck_assert_int_eq (s.jitter_us, 2500);
  ck_assert (s.reorder);
  ck_assert_int_eq (s.queue_us, 300000);
  ck_assert_double_eq (s.loss, 0.05);
  ck_assert_double_eq (s.ge_to_bad, 0.1);
  ck_assert_double_eq (s.ge_to_good, 0.2);
  ck_assert_double_eq (s.ge_loss_in_bad, 0.9);
  ck_assert_double_eq (s.ge_loss_in_good, 0.01);
  ck_assert (s.mark);
  ck_assert_int_eq (s.mark_us, 5000);
  ck_assert_double_eq (s.mark_share, 0.2);
  ck_assert_uint_eq (s.n_outages, 2);
  ck_assert_int_eq (s.outages[1].from_us, 40500000);
  ck_assert_int_eq (s.outages[1].to_us, 70000000);
  ck_assert (s.drops_in_outage);
  ck_assert_int_eq (s.trace_offset_us, 3000000);
}
END_TEST

START_TEST (a_queue_has_one_limit)
{
  ImpairSettings s = { 0 };
  ck_assert (impair_settings_parse (&s, "queue=64k", NULL));
  ck_assert_uint_eq (s.queue_bytes, 64000);
  ck_assert (impair_settings_parse (&s, "queue=3p", NULL));
  ck_assert_uint_eq (s.queue_bytes, 0);
  ck_assert_uint_eq (s.queue_packets, 3);
  ck_assert (impair_settings_parse (&s, "queue=0", NULL));
  ck_assert_uint_eq (s.queue_packets, 0);
}
END_TEST

START_TEST (a_rate_and_a_trace_take_each_others_place)
{
  ImpairSettings s = { .trace = (const ImpairTrace *)&s };
  ck_assert (impair_settings_parse (&s, "trace=/a/b", NULL));
  ck_assert_str_eq (s.trace_path, "/a/b");
  ck_assert_ptr_null (s.trace);
  ck_assert (impair_settings_parse (&s, "rate=2k", NULL));
  ck_assert_str_eq (s.trace_path, "");
  ck_assert_uint_eq (s.rate_bps, 2000);
}
END_TEST

START_TEST (what_is_wrong_changes_nothing)
{
  static const char *const wrong[]
      = { "speed=3",      "rate",       "rate=",        "rate=-1",
          "rate=1G",      "loss=1.1",   "loss=nan",     "delay=4x",
          "queue=5s",     "ge=0.1",     "ge=1:1:1:1:1", "reorder=maybe",
          "outages=5-5",  "outages=1-", "trace=",       "in-outage=keep",
          "delay=1 foo=2" };
  const ImpairSettings before = { .rate_bps = 5, .delay_us = 7 };
  for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    ImpairSettings s = before;
    GError *error = NULL;
    ck_assert_msg (!impair_settings_parse (&s, wrong[i], &error), "%s",
                   wrong[i]);
    ck_assert_ptr_nonnull (error);
    ck_assert_mem_eq (&s, &before, sizeof s);
    g_error_free (error);
  }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("impair/settings");
  TCase *tcase = tcase_create ("settings");
  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, every_key_is_read);
  tcase_add_test (tcase, a_queue_has_one_limit);
  tcase_add_test (tcase, a_rate_and_a_trace_take_each_others_place);
  tcase_add_test (tcase, what_is_wrong_changes_nothing);
  return run_suite (suite);
}
