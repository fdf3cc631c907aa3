/* SPDX-License-Identifier: Apache-2.0 */
#include "loss.h"

#include "run_suite.h"

#define PACKETS 200000

typedef struct {
  double share, burst; /* of all; packets lost in a row, the mean */
} Lost;

static Lost
lose (const ImpairSettings *settings, uint64_t seed)
{
  ImpairLoss loss = impair_loss_init (seed);
  unsigned lost = 0, bursts = 0;
  bool before = false;
  for (unsigned i = 0; i < PACKETS; i++) {
    bool now = impair_loss_next (&loss, settings);
    lost += now;
    bursts += now && !before;
    before = now;
  }
  return (Lost){ (double)lost / PACKETS, bursts ? (double)lost / bursts : 0 };
}

START_TEST (shares_and_bursts_are_as_set)
{
  static const struct {
    ImpairSettings settings;
    double share, burst;
  } cases[] = {
    { { 0 }, 0, 0 },
    { { .loss = 1 }, 1, PACKETS },
    { { .loss = 0.05 }, 0.05, 1 / 0.95 },
    { { .ge_to_bad = 0.05, .ge_to_good = 0.2, .ge_loss_in_bad = 1 }, 0.2, 5 },
    { { .ge_to_bad = 0.01,
        .ge_to_good = 0.25,
        .ge_loss_in_bad = 0.5,
        .ge_loss_in_good = 0.01 },
      /* bad 1/26 of the time */
      0.5 / 26 + 0.01 * 25 / 26,
      0 },
  };
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
    Lost lost = lose (&cases[i].settings, i);
    ck_assert_double_eq_tol (lost.share, cases[i].share, 0.006);
    if (cases[i].burst > 0)
      ck_assert_double_eq_tol (lost.burst, cases[i].burst,
                               cases[i].burst * 0.03);
  }
}
END_TEST

START_TEST (the_same_seed_is_the_same_fate_whatever_else_is_set)
{
  const ImpairSettings bursts
      = { .ge_to_bad = 0.1, .ge_to_good = 0.3, .ge_loss_in_bad = 1 };
  ImpairSettings both = bursts;
  both.loss = 0.2;
  ImpairLoss one = impair_loss_init (3), two = impair_loss_init (3),
             other = impair_loss_init (4);
  unsigned differences = 0;
  for (unsigned i = 0; i < 1000; i++) {
    bool lost = impair_loss_next (&one, &bursts);
    /* More settings lose more; they don't lose others. */
    ck_assert (impair_loss_next (&two, &both) || !lost);
    differences += impair_loss_next (&other, &bursts) != lost;
  }
  ck_assert_uint_gt (differences, 0);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("impair/loss");
  TCase *tcase = tcase_create ("loss");
  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, shares_and_bursts_are_as_set);
  tcase_add_test (tcase, the_same_seed_is_the_same_fate_whatever_else_is_set);
  return run_suite (suite);
}
