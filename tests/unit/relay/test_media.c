/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/media.h"

#include "suite.h"

#define FULL BL_WORKER_MAX_SOURCES

static const struct {
  const char *why;
  BlMediaLoad loads[3];
  guint chosen;
} rows[] = {
  { "the first of equals", { { 0, 0 }, { 0, 0 }, { 0, 0 } }, 0 },
  { "the fewest sessions", { { 1, 100 }, { 1, 20 }, { 1, 21 } }, 1 },
  { "sessions before calls", { { 1, 100 }, { 2, 99 }, { 3, 98 } }, 2 },
  { "then the fewest calls", { { 3, 6 }, { 2, 6 }, { 1, 6 } }, 2 },
  { "none that is full of calls", { { FULL, 9 }, { 1, 900 }, { FULL, 8 } }, 1 },
  { "the least of the full", { { FULL, 9 }, { FULL, 8 }, { FULL, 10 } }, 1 },
};

START_TEST (a_call_goes_to_the_least_loaded_worker)
{
  ck_assert_msg (bl_media_choose (rows[_i].loads, 3) == rows[_i].chosen, "%s",
                 rows[_i].why);
}
END_TEST

/* Each new call is watched by as many as the first: all get the same. */
START_TEST (calls_spread_over_the_workers)
{
  BlMediaLoad loads[4] = { { 0, 0 } };
  for (guint call = 0; call < 16; call++) {
    BlMediaLoad *load = &loads[bl_media_choose (loads, 4)];
    load->calls++;
    load->sessions += 11;
  }
  for (guint i = 0; i < 4; i++) {
    ck_assert_uint_eq (loads[i].calls, 4);
    ck_assert_uint_eq (loads[i].sessions, 44);
  }
}
END_TEST

int
main (void)
{
  const SuiteTest tests[] = {
    { a_call_goes_to_the_least_loaded_worker, G_N_ELEMENTS (rows) },
    { calls_spread_over_the_workers, 0 },
  };
  return run_table ("relay/media", tests, G_N_ELEMENTS (tests), NULL, NULL);
}
