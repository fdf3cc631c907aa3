/* SPDX-License-Identifier: Apache-2.0
 *
 * The main() of a Check suite of one table of tests.
 */
#pragma once

#include "../run_suite.h"

typedef struct {
  const TTest *test;
  int loops; /* how many rows of a table it runs over; 0: once */
} SuiteTest;

static inline int
run_table (const char *name, const SuiteTest *tests, size_t n, SFun setup,
           SFun teardown)
{
  Suite *suite = suite_create (name);
  for (size_t i = 0; i < n; i++) {
    TCase *tcase = tcase_create (tests[i].test->name);
    tcase_set_timeout (tcase, 60);
    if (setup)
      tcase_add_checked_fixture (tcase, setup, teardown);
    tcase_add_loop_test (tcase, tests[i].test, 0,
                         tests[i].loops ? tests[i].loops : 1);
    suite_add_tcase (suite, tcase);
  }
  return run_suite (suite);
}
