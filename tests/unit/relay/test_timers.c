/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/timers.h"

#include <glib.h>
#include <stdbool.h>

#include "../run_suite.h"

#define MANY 200

static BlTimers timers;
static unsigned n_run;
static BlTimer *last_run;

static void
note (void *owner, BlTime now)
{
  BlTimer *timer = owner;
  ck_assert_uint_eq (timer->place, 0);
  ck_assert_int_le (timer->due_us, now);
  if (last_run)
    ck_assert_int_le (last_run->due_us, timer->due_us);
  last_run = timer;
  n_run++;
}

static void
set_again (void *owner, BlTime now)
{
  n_run++;
  bl_timers_set (&timers, owner, now);
}

static BlTimer
timer_with (void (*run) (void *, BlTime))
{
  return (BlTimer){ .run = run };
}

static void
set_up (void)
{
  bl_timers_init (&timers, MANY);
  n_run = 0;
  last_run = NULL;
}

static void
tear_down (void)
{
  bl_timers_clear (&timers);
}

START_TEST (many_timers_run_in_order_and_only_when_due)
{
  static BlTimer all[MANY];
  GRand *rand = g_rand_new_with_seed ((guint32)_i);
  for (unsigned i = 0; i < MANY; i++) {
    all[i] = timer_with (note);
    all[i].owner = &all[i];
    bl_timers_set (&timers, &all[i], g_rand_int_range (rand, 0, 1000));
  }
  /* Moved, some cleared. */
  unsigned cleared = 0;
  for (unsigned i = 0; i < MANY; i += 3) {
    bool clear = g_rand_boolean (rand);
    cleared += clear;
    bl_timers_set (&timers, &all[i],
                   clear ? BL_TIME_NEVER : g_rand_int_range (rand, 0, 1000));
  }
  unsigned due = 0;
  for (unsigned i = 0; i < MANY; i++)
    due += all[i].place && all[i].due_us <= 500;
  bl_timers_run (&timers, 500);
  ck_assert_uint_eq (n_run, due);
  ck_assert_int_gt (bl_timers_next (&timers), 500);
  bl_timers_run (&timers, 1000);
  ck_assert_uint_eq (n_run, MANY - cleared);
  ck_assert_int_eq (bl_timers_next (&timers), BL_TIME_NEVER);
  g_rand_free (rand);
}
END_TEST

START_TEST (a_timer_that_sets_itself_to_now_waits_for_the_next_turn)
{
  BlTimer timer = timer_with (set_again);
  timer.owner = &timer;
  bl_timers_set (&timers, &timer, 10);
  bl_timers_run (&timers, 20);
  ck_assert_uint_eq (n_run, 1);
  bl_timers_run (&timers, 20);
  ck_assert_uint_eq (n_run, 2);
  bl_timers_set (&timers, &timer, BL_TIME_NEVER);
}
END_TEST

START_TEST (hastening_never_delays)
{
  BlTimer timer = timer_with (note);
  timer.owner = &timer;
  bl_timers_hasten (&timers, &timer, 50);
  bl_timers_hasten (&timers, &timer, 80);
  ck_assert_int_eq (bl_timers_next (&timers), 50);
  bl_timers_hasten (&timers, &timer, 20);
  ck_assert_int_eq (bl_timers_next (&timers), 20);
  bl_timers_set (&timers, &timer, BL_TIME_NEVER);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("relay/timers");
  TCase *tcase = tcase_create ("timers");
  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_loop_test (tcase, many_timers_run_in_order_and_only_when_due, 0,
                       20);
  tcase_add_test (tcase,
                  a_timer_that_sets_itself_to_now_waits_for_the_next_turn);
  tcase_add_test (tcase, hastening_never_delays);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
