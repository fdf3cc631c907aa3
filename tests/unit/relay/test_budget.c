/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/budget.h"

#include "../run_suite.h"

#define START (100 * BL_SECOND)

/* What an honest peer asks for, at worst: so often, so much each time, for so
 * long. None of it may be refused. */
static const struct {
  const char *what;
  BlBudgetItem item;
  BlTime every_us;
  uint32_t units;
  BlTime for_us;
} honest[] = {
  { "a browser's checks of ten paths at its start", BL_BUDGET_CHECKS, 5 * BL_MS,
    1, 1 * BL_SECOND },
  { "its checks of one path", BL_BUDGET_CHECKS, 50 * BL_MS, 1, 60 * BL_SECOND },
  { "its first checks of ten paths", BL_BUDGET_STRANGE_CHECKS, 50 * BL_MS, 4,
    1 * BL_SECOND },
  { "a hundred who connect in a second", BL_BUDGET_WORKER_CHECKS, 10 * BL_MS,
    10, 10 * BL_SECOND },
  { "a handshake over a link that loses half of it", BL_BUDGET_DTLS,
    100 * BL_MS, 4, 4 * BL_SECOND },
  { "feedback, reports and a NACK each 20 ms", BL_BUDGET_RTCP, 10 * BL_MS, 1,
    60 * BL_SECOND },
  { "a fifth of 400 packets a second, asked for ten times", BL_BUDGET_NACKED,
    20 * BL_MS, 16, 60 * BL_SECOND },
  { "an outage of three seconds", BL_BUDGET_NACKED, BL_SECOND, 1200,
    10 * BL_SECOND },
  { "feedback on 1,000 packets a second", BL_BUDGET_STATUSES, 50 * BL_MS, 50,
    60 * BL_SECOND },
  { "and after an outage", BL_BUDGET_STATUSES, 10 * BL_SECOND, 3000,
    60 * BL_SECOND },
  { "a tenth of 2.5 Mb/s", BL_BUDGET_REPAIRS, 40 * BL_MS, 1200,
    60 * BL_SECOND },
  { "a keyframe each two seconds", BL_BUDGET_KEYFRAMES, 2 * BL_SECOND,
    BL_BUDGET_KEYFRAME, 600 * BL_SECOND },
};

START_TEST (an_honest_peer_gets_all_that_it_asks_for)
{
  BlBudget budget = { 0 };
  for (BlTime t = 0; t < honest[_i].for_us; t += honest[_i].every_us)
    ck_assert_msg (
        bl_budget_take (&budget, honest[_i].item, honest[_i].units, START + t),
        "%s: refused after %d ms", honest[_i].what, (int)(t / BL_MS));
}
END_TEST

/* The bound on what ten seconds of a flood may take. */
START_TEST (a_flood_gets_no_more_than_the_limit)
{
  BlBudgetItem item = (BlBudgetItem)_i;
  const BlBucketLimit *limit = bl_budget_limit (item);
  BlBudget budget = { 0 };
  uint64_t taken = 0;
  for (BlTime t = 0; t < 10 * BL_SECOND; t += BL_MS)
    for (int i = 0; i < 1000 && bl_budget_take (&budget, item, 1, START + t);
         i++)
      taken++;
  ck_assert_uint_gt (limit->per_second, 0);
  ck_assert_uint_le (taken, limit->burst + 10 * (uint64_t)limit->per_second);
}
END_TEST

START_TEST (looking_takes_nothing)
{
  BlBudget budget = { 0 };
  const BlBucketLimit *limit = bl_budget_limit ((BlBudgetItem)_i);
  for (uint32_t left = limit->burst; left > 0; left--) {
    ck_assert (bl_budget_holds (&budget, (BlBudgetItem)_i, START));
    ck_assert (bl_budget_take (&budget, (BlBudgetItem)_i, 1, START));
  }
  ck_assert (!bl_budget_holds (&budget, (BlBudgetItem)_i, START));
}
END_TEST

START_TEST (one_kind_of_flood_leaves_the_others_alone)
{
  BlBudget budget = { 0 };
  while (bl_budget_take (&budget, (BlBudgetItem)_i, 1, START))
    ;
  for (int other = 0; other < BL_N_BUDGETS; other++)
    ck_assert (other == _i
               || bl_budget_take (&budget, (BlBudgetItem)other, 1, START));
}
END_TEST

START_TEST (a_feedback_on_everything_there_is_is_refused)
{
  BlBudget budget = { 0 };
  ck_assert (!bl_budget_take (&budget, BL_BUDGET_STATUSES, 65535, START));
}
END_TEST

START_TEST (a_viewer_gets_few_keyframes_however_often_it_asks)
{
  BlBudget budget = { 0 };
  unsigned taken = 0;
  for (BlTime t = 0; t < 60 * BL_SECOND; t += 10 * BL_MS)
    taken += bl_budget_take (&budget, BL_BUDGET_KEYFRAMES, BL_BUDGET_KEYFRAME,
                             START + t);
  ck_assert_uint_eq (taken, 31);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("relay/budget");
  TCase *tcase = tcase_create ("budget");
  tcase_add_loop_test (tcase, an_honest_peer_gets_all_that_it_asks_for, 0,
                       sizeof honest / sizeof *honest);
  tcase_add_loop_test (tcase, a_flood_gets_no_more_than_the_limit, 0,
                       BL_N_BUDGETS);
  tcase_add_loop_test (tcase, looking_takes_nothing, 0, BL_N_BUDGETS);
  tcase_add_loop_test (tcase, one_kind_of_flood_leaves_the_others_alone, 0,
                       BL_N_BUDGETS);
  tcase_add_test (tcase, a_feedback_on_everything_there_is_is_refused);
  tcase_add_test (tcase, a_viewer_gets_few_keyframes_however_often_it_asks);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
