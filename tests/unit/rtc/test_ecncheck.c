/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/ecncheck.h"

#include "../run_suite.h"

#define N(array) (sizeof (array) / sizeof *(array))

/* Reports `n` packets from `from` on; `ecn` is repeated over them. */
static void
report (BlEcnCheck *c, uint64_t from, unsigned n, const BlEcn *ecn,
        size_t n_ecn)
{
  for (unsigned i = 0; i < n; i++) {
    BlPacketResult result
        = { .seq = from + i, .received = true, .ecn = ecn[i % n_ecn] };
    bl_ecncheck_on_sent (c, 0);
    bl_ecncheck_on_feedback (c, &result, 1);
  }
}

static const struct {
  BlEcn ecn[4];
  size_t n;
  BlEcnCheckState state;
} paths[] = {
  { { BL_ECN_ECT1 }, 1, BL_ECNCHECK_CAPABLE },
  { { BL_ECN_ECT1, BL_ECN_CE }, 2, BL_ECNCHECK_CAPABLE },
  { { BL_ECN_ECT1, BL_ECN_CE, BL_ECN_CE, BL_ECN_CE }, 4, BL_ECNCHECK_CAPABLE },
  { { BL_ECN_CE }, 1, BL_ECNCHECK_FAILED },
  { { BL_ECN_NOT_ECT }, 1, BL_ECNCHECK_FAILED },
  { { BL_ECN_ECT0 }, 1, BL_ECNCHECK_FAILED },
  { { BL_ECN_NOT_ECT, BL_ECN_NOT_ECT, BL_ECN_ECT1 }, 3, BL_ECNCHECK_FAILED },
};

START_TEST (a_path_is_known_by_what_becomes_of_its_marks)
{
  BlEcnCheck c = { 0 };
  report (&c, 1, BL_ECNCHECK_PACKETS - 1, paths[_i].ecn, paths[_i].n);
  ck_assert_int_eq (c.state, BL_ECNCHECK_TESTING);
  ck_assert (bl_ecncheck_may_mark (&c));
  report (&c, BL_ECNCHECK_PACKETS, 1, paths[_i].ecn, paths[_i].n);
  ck_assert_int_eq (c.state, paths[_i].state);
  ck_assert_int_eq (bl_ecncheck_may_mark (&c),
                    paths[_i].state == BL_ECNCHECK_CAPABLE);
}
END_TEST

START_TEST (marks_that_vanish_later_are_given_up_for_good)
{
  static const BlEcn good = BL_ECN_ECT1, bad = BL_ECN_NOT_ECT;
  BlEcnCheck c = { 0 };
  report (&c, 1, 3 * BL_ECNCHECK_PACKETS, &good, 1);
  ck_assert_int_eq (c.state, BL_ECNCHECK_CAPABLE);
  report (&c, 1000, BL_ECNCHECK_PACKETS, &bad, 1);
  ck_assert_int_eq (c.state, BL_ECNCHECK_FAILED);
  report (&c, 2000, BL_ECNCHECK_PACKETS, &good, 1);
  ck_assert_int_eq (c.state, BL_ECNCHECK_FAILED);
}
END_TEST

START_TEST (congestion_all_the_time_is_no_fault_once_marks_are_known_to_work)
{
  static const BlEcn good = BL_ECN_ECT1, full = BL_ECN_CE;
  BlEcnCheck c = { 0 };
  report (&c, 1, BL_ECNCHECK_PACKETS, &good, 1);
  report (&c, 1000, BL_ECNCHECK_PACKETS, &full, 1);
  ck_assert_int_eq (c.state, BL_ECNCHECK_CAPABLE);
}
END_TEST

START_TEST (what_is_reported_again_or_lost_does_not_count)
{
  BlEcnCheck c = { 0 };
  BlPacketResult again = { .seq = 1, .received = true };
  for (unsigned i = 0; i < 10 * BL_ECNCHECK_PACKETS; i++) {
    BlPacketResult lost = { .seq = 2 + i };
    bl_ecncheck_on_feedback (&c, &again, 1);
    bl_ecncheck_on_feedback (&c, &lost, 1);
  }
  ck_assert_int_eq (c.state, BL_ECNCHECK_TESTING);
}
END_TEST

static const struct {
  bool heard;
  BlTime after_us;
  BlEcnCheckState state;
} silences[] = {
  { false, BL_ECNCHECK_SILENT_US, BL_ECNCHECK_TESTING },
  { false, BL_ECNCHECK_SILENT_US + 1, BL_ECNCHECK_FAILED },
  { true, BL_ECNCHECK_SILENT_US + 1, BL_ECNCHECK_TESTING },
};

START_TEST (a_path_that_swallows_marked_packets_gets_none)
{
  BlEcnCheck c = { 0 };
  BlPacketResult result
      = { .seq = 1, .received = silences[_i].heard, .ecn = BL_ECN_ECT1 };
  bl_ecncheck_on_sent (&c, 1000);
  bl_ecncheck_on_feedback (&c, &result, 1);
  bl_ecncheck_on_sent (&c, 1000 + silences[_i].after_us);
  ck_assert_int_eq (c.state, silences[_i].state);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("rtc/ecncheck");
  TCase *tc = tcase_create ("ecncheck");
  tcase_add_loop_test (tc, a_path_is_known_by_what_becomes_of_its_marks, 0,
                       N (paths));
  tcase_add_test (tc, marks_that_vanish_later_are_given_up_for_good);
  tcase_add_test (
      tc, congestion_all_the_time_is_no_fault_once_marks_are_known_to_work);
  tcase_add_test (tc, what_is_reported_again_or_lost_does_not_count);
  tcase_add_loop_test (tc, a_path_that_swallows_marked_packets_gets_none, 0,
                       N (silences));
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
