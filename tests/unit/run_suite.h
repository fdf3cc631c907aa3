/* SPDX-License-Identifier: Apache-2.0
 *
 * The main of a unit test: runs one suite, prints its summary line.
 */
#pragma once

#include <check.h>
#include <stdlib.h>

static inline int
run_suite (Suite *suite)
{
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
