/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/fecplan.h"

#include "../run_suite.h"

static BlFecPlan plan;

/* Ten seconds in which a path lost so much of 600 packets a second. */
static void
lose (unsigned path, unsigned percent)
{
  uint64_t arrived = plan.paths[path].arrived, lost = plan.paths[path].lost;
  for (unsigned i = 0; i < 100; i++) {
    lost += 60 * percent / 100;
    arrived += 60 - 60 * percent / 100;
    bl_fecplan_on_totals (&plan, path, arrived, lost);
  }
}

/* Behind a hundred pictures of `packets`. */
static unsigned
repairs (unsigned paths, unsigned packets, bool keyframes)
{
  unsigned n = 0;
  for (unsigned i = 0; i < 100; i++)
    n += bl_fecplan_repairs (&plan, paths, packets, keyframes);
  return n;
}

static const struct {
  const char *what;
  unsigned losses[2]; /* of each path, in percent */
  unsigned paths, packets;
  bool keyframe;
  unsigned least, most; /* behind a hundred pictures */
} cases[] = {
  { "nothing lost", { 0, 0 }, 1, 20, false, 0, 0 },
  { "nothing lost of a keyframe", { 0, 0 }, 1, 60, true, 0, 0 },
  { "5 %", { 5, 0 }, 1, 20, false, 200, 300 },
  { "10 %", { 10, 0 }, 1, 20, false, 650, 750 },
  { "20 %", { 20, 0 }, 1, 20, false, 1700, 1900 },
  { "more behind a keyframe", { 10, 0 }, 1, 20, true, 850, 950 },
  { "never more than the picture", { 20, 0 }, 1, 1, true, 100, 100 },
  { "nearly all lost", { 100, 0 }, 1, 20, false, 2000, 2000 },
  { "a path that loses nothing", { 20, 0 }, 2, 20, false, 0, 0 },
  { "both paths lose 20 %", { 20, 20 }, 3, 20, false, 600, 800 },
  { "one of two loses nothing", { 20, 0 }, 3, 20, false, 0, 0 },
  { "no path", { 20, 20 }, 0, 20, false, 0, 0 },
};

START_TEST (repairs_follow_what_is_lost)
{
  plan = (BlFecPlan){ 0 };
  for (unsigned path = 0; path < 2; path++)
    lose (path, cases[_i].losses[path]);
  unsigned n = repairs (cases[_i].paths, cases[_i].packets, cases[_i].keyframe);
  ck_assert_msg (n >= cases[_i].least && n <= cases[_i].most, "%s: %u",
                 cases[_i].what, n);
}
END_TEST

START_TEST (a_loss_or_two_bring_no_repairs)
{
  plan = (BlFecPlan){ 0 };
  bl_fecplan_on_totals (&plan, 0, 50, 2);
  ck_assert_uint_eq (repairs (1, 20, false), 0);
}
END_TEST

START_TEST (repairs_come_at_once_and_end_when_the_path_is_clean)
{
  plan = (BlFecPlan){ 0 };
  lose (0, 0);
  for (uint64_t i = 1; i <= 5; i++)
    bl_fecplan_on_totals (&plan, 0, 6000 + 54 * i, 6 * i);
  ck_assert_uint_gt (repairs (1, 20, false), 100);
  for (unsigned i = 0; i < 5; i++)
    lose (0, 0);
  ck_assert_uint_eq (repairs (1, 20, false), 0);
}
END_TEST

START_TEST (a_path_that_begins_anew_has_lost_nothing)
{
  plan = (BlFecPlan){ 0 };
  lose (0, 20);
  bl_fecplan_forget (&plan, 0);
  ck_assert_uint_eq (bl_fecplan_loss_q16 (&plan, 1), 0);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vehicle/fecplan");
  TCase *tcase = tcase_create ("fecplan");
  tcase_add_loop_test (tcase, repairs_follow_what_is_lost, 0,
                       (int)(sizeof cases / sizeof cases[0]));
  tcase_add_test (tcase, a_loss_or_two_bring_no_repairs);
  tcase_add_test (tcase, repairs_come_at_once_and_end_when_the_path_is_clean);
  tcase_add_test (tcase, a_path_that_begins_anew_has_lost_nothing);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
