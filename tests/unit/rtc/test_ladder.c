/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/ladder.h"

#include "rtc_bytes.h"
#include "run_suite.h"

#define KBPS 1000

static const struct {
  const char *what;
  uint16_t height, fps;
  uint64_t bps;
  uint16_t expected_height, expected_fps;
} starts[] = {
  { "plenty", 1080, 30, 9000 * KBPS, 1080, 30 },
  { "plenty, a camera of 720p", 720, 30, 9000 * KBPS, 720, 30 },
  { "a camera of 15 pictures", 1080, 15, 9000 * KBPS, 360, 15 },
  { "a small camera", 240, 30, 9000 * KBPS, 360, 15 },
  { "2 Mb/s", 1080, 30, 2000 * KBPS, 720, 30 },
  { "1 Mb/s", 1080, 30, 1000 * KBPS, 540, 30 },
  { "the clinical floor", 1080, 30, BL_LADDER_CLINICAL_BPS, 360, 30 },
  { "less", 1080, 30, 101 * KBPS, 360, 30 },
  { "next to nothing", 1080, 30, 99 * KBPS, 360, 15 },
  { "nothing", 1080, 30, 0, 360, 15 },
};

START_TEST (a_call_begins_on_the_rung_its_rate_is_good_for)
{
  BlLadder l;
  bl_ladder_init (&l, starts[_i].height, starts[_i].fps, starts[_i].bps);
  ck_assert_msg (bl_ladder_rung (&l)->height == starts[_i].expected_height
                     && bl_ladder_rung (&l)->fps == starts[_i].expected_fps,
                 "%s", starts[_i].what);
}
END_TEST

START_TEST (a_lower_rate_goes_down_at_once_and_far)
{
  BlLadder l;
  bl_ladder_init (&l, 1080, 30, 6000 * KBPS);
  ck_assert (bl_ladder_on_rate (&l, 500 * KBPS, 0));
  ck_assert_uint_eq (bl_ladder_rung (&l)->height, 360);
  ck_assert_uint_eq (bl_ladder_rung (&l)->fps, 30);
}
END_TEST

START_TEST (a_rate_that_is_a_little_too_low_may_be_for_a_moment)
{
  BlLadder l;
  bl_ladder_init (&l, 1080, 30, 6000 * KBPS);
  ck_assert (!bl_ladder_on_rate (&l, 2000 * KBPS, 0));
  ck_assert (!bl_ladder_on_rate (&l, 2800 * KBPS, BL_LADDER_DOWN_US - 1));
  ck_assert (!bl_ladder_on_rate (&l, 2000 * KBPS, BL_LADDER_DOWN_US));
  ck_assert (!bl_ladder_on_rate (&l, 1500 * KBPS, 2 * BL_LADDER_DOWN_US - 1));
  ck_assert (bl_ladder_on_rate (&l, 1000 * KBPS, 2 * BL_LADDER_DOWN_US));
  ck_assert_uint_eq (bl_ladder_rung (&l)->height, 540);
}
END_TEST

/* A path that is silent says nothing of what it carries. */
START_TEST (the_wait_begins_again_where_the_rate_was_not_told)
{
  BlLadder l;
  BlTime t = 0;
  bl_ladder_init (&l, 1080, 30, 1000 * KBPS);
  for (; t < BL_LADDER_UP_US - 1; t += 100 * BL_MS)
    ck_assert (!bl_ladder_on_rate (&l, 2000 * KBPS, t));
  t += BL_LADDER_UNKNOWN_US;
  ck_assert (!bl_ladder_on_rate (&l, 2000 * KBPS, t));
  BlTime again = t;
  while (!bl_ladder_on_rate (&l, 2000 * KBPS, t))
    t += 100 * BL_MS;
  ck_assert_int_eq (t - again, BL_LADDER_UP_US);
}
END_TEST

START_TEST (it_goes_up_a_rung_at_a_time_after_a_while)
{
  BlLadder l;
  unsigned changes = 0;
  bl_ladder_init (&l, 1080, 30, 300 * KBPS);
  for (BlTime t = 0; t <= 4 * BL_LADDER_UP_US; t += 100 * BL_MS) {
    unsigned before = l.rung;
    if (!bl_ladder_on_rate (&l, 6000 * KBPS, t))
      continue;
    changes++;
    ck_assert_uint_eq (l.rung, before - 1);
    ck_assert_int_ge (t, changes * BL_LADDER_UP_US);
  }
  ck_assert_uint_ge (changes, 3);
}
END_TEST

START_TEST (more_pictures_of_the_same_size_come_back_quickly)
{
  BlLadder l;
  bl_ladder_init (&l, 1080, 30, 50 * KBPS);
  ck_assert_uint_eq (bl_ladder_rung (&l)->fps, 15);
  ck_assert (!bl_ladder_on_rate (&l, 300 * KBPS, 0));
  ck_assert (!bl_ladder_on_rate (&l, 300 * KBPS, BL_LADDER_FASTER_US - 1));
  ck_assert (bl_ladder_on_rate (&l, 300 * KBPS, BL_LADDER_FASTER_US));
  ck_assert_uint_eq (bl_ladder_rung (&l)->height, 360);
  ck_assert_uint_eq (bl_ladder_rung (&l)->fps, 30);
}
END_TEST

/* Tells the same each 100 ms, and at last `until`. True if the rung changed. */
static bool
tell (BlLadder *l, uint64_t bps, BlTime from, BlTime until)
{
  for (BlTime t = from; t < until; t += 100 * BL_MS)
    if (bl_ladder_on_rate (l, bps, t))
      return true;
  return bl_ladder_on_rate (l, bps, until);
}

START_TEST (a_dip_below_what_the_next_one_needs_starts_the_wait_again)
{
  BlLadder l;
  bl_ladder_init (&l, 1080, 30, 1000 * KBPS);
  ck_assert (!tell (&l, 2000 * KBPS, 0, BL_LADDER_UP_US - 2));
  ck_assert (!bl_ladder_on_rate (&l, 1199 * KBPS, BL_LADDER_UP_US - 1));
  ck_assert (!tell (&l, 2000 * KBPS, BL_LADDER_UP_US, 2 * BL_LADDER_UP_US - 1));
  ck_assert (bl_ladder_on_rate (&l, 2000 * KBPS, 2 * BL_LADDER_UP_US));
}
END_TEST

START_TEST (a_dip_that_the_next_one_would_bear_does_not)
{
  BlLadder l;
  bl_ladder_init (&l, 1080, 30, 1000 * KBPS);
  ck_assert (!bl_ladder_on_rate (&l, 1500 * KBPS, 0));
  ck_assert (!tell (&l, 1200 * KBPS, 1, BL_LADDER_UP_US - 1));
  ck_assert (bl_ladder_on_rate (&l, 1300 * KBPS, BL_LADDER_UP_US));
  ck_assert_uint_eq (bl_ladder_rung (&l)->height, 720);
}
END_TEST

START_TEST (a_rate_between_leave_and_enter_changes_nothing)
{
  for (unsigned i = 1; i < BL_LADDER_RUNGS; i++) {
    const BlRung *higher = &bl_ladder_rungs[i - 1];
    BlLadder l;
    uint64_t between = (higher->least_bps + higher->enter_bps) / 2;
    bl_ladder_init (&l, 1080, 30, bl_ladder_rungs[i].least_bps);
    ck_assert_uint_eq (l.rung, i);
    for (BlTime t = 0; t < 60 * BL_SECOND; t += 100 * BL_MS)
      ck_assert (!bl_ladder_on_rate (&l, between, t));
    bl_ladder_init (&l, 1080, 30, higher->enter_bps);
    ck_assert_uint_eq (l.rung, i - 1);
    for (BlTime t = 0; t < 60 * BL_SECOND; t += 100 * BL_MS)
      ck_assert (!bl_ladder_on_rate (&l, between, t));
  }
}
END_TEST

START_TEST (it_never_goes_above_what_the_camera_gives)
{
  BlLadder l;
  bl_ladder_init (&l, 720, 30, 6000 * KBPS);
  for (BlTime t = 0; t < 60 * BL_SECOND; t += 100 * BL_MS)
    ck_assert (!bl_ladder_on_rate (&l, 6000 * KBPS, t));
}
END_TEST

START_TEST (sound_comes_before_the_picture)
{
  static const struct {
    uint64_t target, video;
    bool sound;
  } shares[] = {
    { 1000 * KBPS, 960 * KBPS, true },
    { 1000 * KBPS, 1000 * KBPS, false },
    { 70 * KBPS, 30 * KBPS, true },
    { 69 * KBPS, 0, true },
    { 40 * KBPS, 0, true },
    { 0, 0, true },
    { 40 * KBPS, 40 * KBPS, false },
    { 20 * KBPS, 0, false },
  };
  for (size_t i = 0; i < N_OF (shares); i++)
    ck_assert_uint_eq (bl_ladder_video_bps (shares[i].target, shares[i].sound),
                       shares[i].video);
}
END_TEST

static Suite *
suite (void)
{
  Suite *s = suite_create ("rtc/ladder");
  TCase *tc = tcase_create ("ladder");
  tcase_add_loop_test (tc, a_call_begins_on_the_rung_its_rate_is_good_for, 0,
                       N_OF (starts));
  tcase_add_test (tc, a_lower_rate_goes_down_at_once_and_far);
  tcase_add_test (tc, a_rate_that_is_a_little_too_low_may_be_for_a_moment);
  tcase_add_test (tc, the_wait_begins_again_where_the_rate_was_not_told);
  tcase_add_test (tc, it_goes_up_a_rung_at_a_time_after_a_while);
  tcase_add_test (tc, more_pictures_of_the_same_size_come_back_quickly);
  tcase_add_test (tc,
                  a_dip_below_what_the_next_one_needs_starts_the_wait_again);
  tcase_add_test (tc, a_dip_that_the_next_one_would_bear_does_not);
  tcase_add_test (tc, a_rate_between_leave_and_enter_changes_nothing);
  tcase_add_test (tc, it_never_goes_above_what_the_camera_gives);
  tcase_add_test (tc, sound_comes_before_the_picture);
  suite_add_tcase (s, tc);
  return s;
}

int
main (void)
{
  return run_suite (suite ());
}
