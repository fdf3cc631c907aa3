/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/recorder_clock.h"

#include <glib.h>

#include "../run_suite.h"
#include "base/bltime.h"

#define START_US INT64_C (1700000000000000)
#define FRAME    3000 /* 30 a second at 90 kHz */

/* Pictures in the vehicle's time, whose clock is off by `ppm`. */
typedef struct {
  BlRecorderClock clock;
  double ppm;
  int64_t jitter_us; /* of the capture times, from one to the next */
  int64_t delay_us;  /* to the arrival; varies up to twice that */
  bool captures;
  int64_t other_delay_us;
} World;

static int64_t
true_us (const World *w, uint64_t n)
{
  return START_US + (int64_t)((double)n * FRAME / 0.09 / (1 + w->ppm / 1e6));
}

static void
run (World *w, uint64_t from, uint64_t to)
{
  for (uint64_t n = from; n < to; n++) {
    int64_t at_us = true_us (w, n);
    int64_t jitter_us = n % 2 ? w->jitter_us : -w->jitter_us;
    int64_t delay_us
        = w->delay_us + (int64_t)(n * 7919 % 101) * w->delay_us / 100;
    bl_recorder_clock_update (&w->clock, n * FRAME,
                              w->captures ? at_us + jitter_us
                                          : BL_TAP_TIME_UNKNOWN,
                              at_us + delay_us, w->other_delay_us);
  }
}

static World
world (void)
{
  World w = { .delay_us = 40000,
              .captures = true,
              .other_delay_us = BL_RECORDER_DELAY_UNKNOWN };
  bl_recorder_clock_init (&w.clock, 90000);
  return w;
}

static int64_t
error_us (const World *w, uint64_t n)
{
  int64_t error = bl_recorder_clock_map (&w->clock, n * FRAME) - true_us (w, n);
  return error < 0 ? -error : error;
}

START_TEST (a_drifting_clock_is_followed_within_a_millisecond)
{
  World w = world ();
  w.ppm = _i * 100.0;
  w.jitter_us = 3000;
  for (uint64_t n = 0; n < 18000; n += 300) {
    run (&w, n, n + 300);
    if (n > 0)
      ck_assert_int_le (error_us (&w, n + 299), 1000);
  }
}
END_TEST

START_TEST (one_wild_capture_time_changes_nothing_but_a_lasting_jump_does)
{
  World w = world ();
  run (&w, 0, 100);
  int64_t before_us = bl_recorder_clock_map (&w.clock, 100 * FRAME);
  int64_t at_us = true_us (&w, 100);
  bl_recorder_clock_update (&w.clock, 100 * FRAME, at_us - 5000000,
                            at_us + 40000, w.other_delay_us);
  ck_assert_int_eq (bl_recorder_clock_map (&w.clock, 100 * FRAME), before_us);
  for (uint64_t n = 101; n < 110; n++) {
    at_us = true_us (&w, n);
    bl_recorder_clock_update (&w.clock, n * FRAME, at_us - 500000,
                              at_us + 40000, w.other_delay_us);
  }
  ck_assert_int_le (
      ABS (bl_recorder_clock_map (&w.clock, 109 * FRAME) - (at_us - 500000)),
      1000);
}
END_TEST

START_TEST (without_capture_times_the_earliest_arrivals_count)
{
  World w = world ();
  w.captures = false;
  run (&w, 0, 300);
  /* The smallest delay is unknown, and so is left in. */
  ck_assert_int_le (ABS (bl_recorder_clock_map (&w.clock, 300 * FRAME)
                         - true_us (&w, 300) - 40000),
                    5000);
}
END_TEST

START_TEST (the_other_tracks_delay_is_taken_off_arrivals)
{
  World w = world ();
  w.captures = false;
  w.other_delay_us = 40000;
  run (&w, 0, 300);
  ck_assert_int_le (error_us (&w, 300), 5000);
}
END_TEST

static const int64_t lies_us[] = { 2000000, -31000000, INT64_MAX / 2 };

START_TEST (a_capture_time_that_can_not_be_true_counts_as_none)
{
  World w = world ();
  bl_recorder_clock_update (&w.clock, 0, START_US + lies_us[_i], START_US,
                            w.other_delay_us);
  ck_assert (!w.clock.by_capture);
  ck_assert_int_eq (bl_recorder_clock_map (&w.clock, 0), START_US);
}
END_TEST

static const uint64_t jumps[]
    = { 0, 90000 * UINT64_C (3600), BL_RECORDER_RTP_MAX - 1 };

START_TEST (rtp_time_that_jumps_begins_a_new_line)
{
  World w = world ();
  w.captures = _i % 2;
  run (&w, 2000, 2100);
  int64_t now_us = true_us (&w, 2100);
  int64_t capture_us = w.captures ? now_us - 40000 : BL_TAP_TIME_UNKNOWN;
  bl_recorder_clock_update (&w.clock, jumps[_i / 2], capture_us, now_us,
                            w.other_delay_us);
  int64_t mapped_us = bl_recorder_clock_map (&w.clock, jumps[_i / 2]);
  ck_assert_int_le (mapped_us, now_us + BL_RECORDER_LEAD_MAX_US);
  ck_assert_int_ge (mapped_us, now_us - BL_RECORDER_AGE_MAX_US);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("relay/recorder_clock");
  TCase *tc = tcase_create ("clock");
  tcase_add_test (tc, without_capture_times_the_earliest_arrivals_count);
  tcase_add_loop_test (tc, a_drifting_clock_is_followed_within_a_millisecond,
                       -2, 5);
  tcase_add_test (
      tc, one_wild_capture_time_changes_nothing_but_a_lasting_jump_does);
  tcase_add_test (tc, the_other_tracks_delay_is_taken_off_arrivals);
  tcase_add_loop_test (tc, a_capture_time_that_can_not_be_true_counts_as_none,
                       0, G_N_ELEMENTS (lies_us));
  tcase_add_loop_test (tc, rtp_time_that_jumps_begins_a_new_line, 0,
                       2 * G_N_ELEMENTS (jumps));
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
