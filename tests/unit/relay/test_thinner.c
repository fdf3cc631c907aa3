/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/thinner.h"

#include "../run_suite.h"
#include "rtc/h264.h"

#define START (1000 * BL_SECOND)
#define STEP  (100 * BL_MS)

#define DISPOSABLE BL_H264_DISPOSABLE
#define KEY        BL_H264_HAS_IDR

/* 2.5 Mb/s, half of it for pictures that no other refers to; and none. */
static const BlSourceRates halves = { 2500000, 1300000, 50000, 30000 };
static const BlSourceRates plain = { 2500000, 2500000, 50000, 30000 };

static const BlSourceRates tiny_keys = { 2500000, 2500000, 50000, 9000 };

static BlThinner thinner;
static BlDownlink downlink; /* as if it had been judged */
static BlTime now;

static void
set_up (void)
{
  now = START;
  bl_thinner_init (&thinner, now);
  bl_downlink_init (&downlink, now);
  downlink.has_feedback = true;
}

/* For so long, as often as feedback comes, or until `wanted` changes. */
static BlTime
pass (const BlSourceRates *rates, BlTime us)
{
  BlTime from = now;
  BlPictures before = thinner.wanted;
  while (now - from < us && thinner.wanted == before) {
    now += STEP;
    bl_thinner_update (&thinner, &downlink, rates, now);
  }
  return now - from;
}

static void
overload (uint32_t carried_bps)
{
  downlink.overloaded = downlink.strained = true;
  downlink.carried_bps = downlink.shown_bps = carried_bps;
  downlink.queue_us = 300 * BL_MS;
}

static void
clear (uint32_t shown_bps)
{
  downlink.overloaded = downlink.strained = false;
  downlink.shown_bps = shown_bps;
  downlink.queue_us = 0;
}

/* Overloads the link until less is wanted. */
static void
thin (const BlSourceRates *rates, uint32_t carried_bps)
{
  BlPictures before = thinner.wanted;
  overload (carried_bps);
  pass (rates, 10 * BL_SECOND);
  ck_assert_int_gt (thinner.wanted, before);
}

/* ---- what is wanted ---- */

START_TEST (a_link_that_carries_all_is_given_all_for_ever)
{
  clear (3000000);
  ck_assert_int_ge (pass (&plain, 3600 * BL_SECOND), 3600 * BL_SECOND);
  ck_assert_int_eq (thinner.wanted, BL_PICTURES_ALL);
}
END_TEST

static const struct {
  const char *what;
  const BlSourceRates *rates;
  uint32_t carried_bps;
  BlPictures wanted;
} lowerings[] = {
  { "room without the disposable", &halves, 1800000, BL_PICTURES_REFERENCED },
  { "hardly so: with a margin", &halves, 1400000, BL_PICTURES_KEYFRAMES },
  { "nothing is disposable", &plain, 1800000, BL_PICTURES_KEYFRAMES },
  { "keyframes take a while", &plain, 150000, BL_PICTURES_KEYFRAMES },
  { "keyframes take too long", &plain, 80000, BL_PICTURES_NONE },
  { "not even sound", &plain, 30000, BL_PICTURES_NONE },
  { "nothing is known", &plain, 0, BL_PICTURES_NONE },
};

START_TEST (an_overload_thins_down_to_what_the_link_carries)
{
  overload (lowerings[_i].carried_bps);
  ck_assert_int_eq (pass (lowerings[_i].rates, BL_SECOND), STEP);
  ck_assert_msg (thinner.wanted == lowerings[_i].wanted, "%s: %d",
                 lowerings[_i].what, thinner.wanted);
}
END_TEST

START_TEST (before_the_source_is_known_nothing_is_thinned)
{
  BlSourceRates unknown = { 0 };
  overload (100000);
  pass (&unknown, 10 * BL_SECOND);
  ck_assert_int_eq (thinner.wanted, BL_PICTURES_ALL);
}
END_TEST

START_TEST (what_was_sent_before_may_drain_before_more_is_left_out)
{
  thin (&plain, 1000000);
  ck_assert_int_eq (thinner.wanted, BL_PICTURES_KEYFRAMES);
  overload (60000);
  BlTime took = pass (&plain, 10 * BL_SECOND);
  ck_assert_int_ge (took, 1500 * BL_MS);
  ck_assert_int_le (took, 2500 * BL_MS);
  ck_assert_int_eq (thinner.wanted, BL_PICTURES_NONE);
}
END_TEST

/* The queue is old, or somebody else's. */
START_TEST (keyframes_that_the_link_carries_are_not_left_out)
{
  thin (&plain, 1000000);
  ck_assert_int_ge (pass (&plain, 60 * BL_SECOND), 60 * BL_SECOND);
  ck_assert_int_eq (thinner.wanted, BL_PICTURES_KEYFRAMES);
}
END_TEST

START_TEST (an_overload_that_is_passing_leaves_no_more_out)
{
  thin (&plain, 1000000);
  downlink.strained = false;
  ck_assert_int_ge (pass (&plain, 60 * BL_SECOND), 60 * BL_SECOND);
  ck_assert_int_eq (thinner.wanted, BL_PICTURES_KEYFRAMES);
}
END_TEST

START_TEST (room_that_was_shown_brings_all_back)
{
  thin (&plain, 1000000);
  clear (2000000);
  ck_assert_int_ge (pass (&plain, 10 * BL_SECOND), 10 * BL_SECOND);
  clear (3000000);
  pass (&plain, 10 * BL_SECOND);
  ck_assert_int_eq (thinner.wanted, BL_PICTURES_ALL);
}
END_TEST

START_TEST (room_for_some_brings_some_back)
{
  thin (&halves, 1000000);
  ck_assert_int_eq (thinner.wanted, BL_PICTURES_KEYFRAMES);
  clear (2000000);
  pass (&halves, 10 * BL_SECOND);
  ck_assert_int_eq (thinner.wanted, BL_PICTURES_REFERENCED);
}
END_TEST

START_TEST (a_queue_keeps_it_from_being_raised)
{
  thin (&plain, 1000000);
  clear (3000000);
  downlink.queue_us = 100 * BL_MS;
  ck_assert_int_ge (pass (&plain, 60 * BL_SECOND), 60 * BL_SECOND);
}
END_TEST

START_TEST (sound_alone_shows_nothing_so_keyframes_are_tried)
{
  thin (&plain, 50000);
  ck_assert_int_eq (thinner.wanted, BL_PICTURES_NONE);
  clear (50000);
  BlTime took = pass (&plain, 60 * BL_SECOND);
  ck_assert_int_eq (thinner.wanted, BL_PICTURES_KEYFRAMES);
  ck_assert_int_le (took, BL_THINNER_PATIENCE_MIN_US + STEP);
}
END_TEST

static const struct {
  const BlSourceRates *rates;
  bool feedback;
  int times;
} doubts[] = {
  { &plain, true, BL_THINNER_DOUBTED },
  { &tiny_keys, true, BL_THINNER_BLIND },
  { &plain, false, BL_THINNER_BLIND },
};

START_TEST (without_a_sign_of_room_a_return_is_put_off)
{
  downlink.has_feedback = doubts[_i].feedback;
  thin (doubts[_i].rates, 1000000);
  clear (1000000);
  BlTime took = pass (doubts[_i].rates, 3600 * BL_SECOND);
  BlTime wanted = doubts[_i].times * BL_THINNER_PATIENCE_MIN_US;
  ck_assert_int_eq (thinner.wanted, BL_PICTURES_ALL);
  ck_assert_int_ge (took, wanted - STEP);
  ck_assert_int_le (took, wanted + STEP);
}
END_TEST

/* Nothing shows room; each time all is given again, the link is overloaded. */
START_TEST (returns_that_fail_become_ever_rarer)
{
  BlTime last = 0;
  for (int i = 0; i < 10; i++) {
    thin (&tiny_keys, 1000000);
    clear (1000000);
    BlTime took = pass (&tiny_keys, 3600 * BL_SECOND);
    ck_assert_int_eq (thinner.wanted, BL_PICTURES_ALL);
    ck_assert_int_ge (took, last);
    if (i > 0 && i < 5)
      ck_assert_int_ge (took, last * 19 / 10);
    last = took;
  }
  ck_assert_int_le (last, BL_THINNER_BLIND * BL_THINNER_PATIENCE_MAX_US + STEP);
}
END_TEST

START_TEST (a_return_that_held_is_forgotten)
{
  for (int i = 0; i < 6; i++) {
    thin (&tiny_keys, 1000000);
    clear (1000000);
    pass (&tiny_keys, 3600 * BL_SECOND);
  }
  pass (&plain, 2 * BL_THINNER_STEADY_US);
  thin (&plain, 1000000);
  clear (3000000);
  ck_assert_int_le (pass (&plain, 3600 * BL_SECOND),
                    BL_THINNER_PATIENCE_MIN_US + STEP);
}
END_TEST

START_TEST (being_thinned_further_is_no_failed_return)
{
  thin (&plain, 1000000);
  thin (&plain, 50000);
  ck_assert_int_eq (thinner.wanted, BL_PICTURES_NONE);
  clear (50000);
  ck_assert_int_le (pass (&plain, 3600 * BL_SECOND),
                    BL_THINNER_PATIENCE_MIN_US + STEP);
}
END_TEST

/* ---- what is given ---- */

START_TEST (a_picture_that_has_begun_is_finished)
{
  ck_assert (bl_thinner_takes (&thinner, 1, 0));
  thinner.wanted = BL_PICTURES_KEYFRAMES;
  ck_assert (bl_thinner_takes (&thinner, 1, 0));
  ck_assert (bl_thinner_takes (&thinner, 1, 0));
  for (int i = 0; i < 3; i++)
    ck_assert (!bl_thinner_takes (&thinner, 2, 0));
  ck_assert (bl_thinner_waits_for_key (&thinner));
  ck_assert (!bl_thinner_takes (&thinner, 1, 0));
}
END_TEST

START_TEST (only_disposable_pictures_are_left_out_first)
{
  thinner.wanted = BL_PICTURES_REFERENCED;
  ck_assert (bl_thinner_takes (&thinner, 1, 0));
  ck_assert (!bl_thinner_takes (&thinner, 2, DISPOSABLE));
  ck_assert (bl_thinner_takes (&thinner, 3, 0));
  ck_assert (!bl_thinner_waits_for_key (&thinner));
  thinner.wanted = BL_PICTURES_ALL;
  ck_assert (bl_thinner_takes (&thinner, 4, DISPOSABLE));
}
END_TEST

START_TEST (a_disposable_picture_that_was_begun_is_finished_too)
{
  ck_assert (bl_thinner_takes (&thinner, 1, DISPOSABLE));
  thinner.wanted = BL_PICTURES_REFERENCED;
  ck_assert (bl_thinner_takes (&thinner, 1, DISPOSABLE));
  ck_assert (!bl_thinner_takes (&thinner, 2, DISPOSABLE));
}
END_TEST

static void
wait_for_key (BlPictures wanted)
{
  thinner.wanted = wanted;
  ck_assert (!bl_thinner_takes (&thinner, 10, 0));
  ck_assert (bl_thinner_waits_for_key (&thinner));
}

START_TEST (of_a_keyframe_all_is_taken_also_what_comes_late)
{
  wait_for_key (BL_PICTURES_KEYFRAMES);
  ck_assert (bl_thinner_takes_key (&thinner, 20, now));
  ck_assert (bl_thinner_takes (&thinner, 20, KEY));
  ck_assert (!bl_thinner_takes (&thinner, 21, 0));
  ck_assert (bl_thinner_takes (&thinner, 20, KEY));
  ck_assert (!bl_thinner_takes (&thinner, 19, 0));
}
END_TEST

START_TEST (all_is_given_again_from_a_keyframe_on_and_not_before)
{
  wait_for_key (BL_PICTURES_KEYFRAMES);
  thinner.wanted = BL_PICTURES_ALL;
  ck_assert (!bl_thinner_takes (&thinner, 11, 0));
  ck_assert (bl_thinner_waits_for_key (&thinner));
  ck_assert (bl_thinner_takes_key (&thinner, 20, now));
  ck_assert (!bl_thinner_waits_for_key (&thinner));
  ck_assert (bl_thinner_takes (&thinner, 20, KEY));
  ck_assert (bl_thinner_takes (&thinner, 21, 0));
}
END_TEST

START_TEST (sound_only_takes_no_keyframe_and_drops_the_one_under_way)
{
  wait_for_key (BL_PICTURES_KEYFRAMES);
  ck_assert (bl_thinner_takes_key (&thinner, 20, now));
  ck_assert (bl_thinner_takes (&thinner, 20, KEY));
  thinner.wanted = BL_PICTURES_NONE;
  ck_assert (!bl_thinner_takes (&thinner, 20, KEY));
  ck_assert (!bl_thinner_takes_key (&thinner, 30, now));
  ck_assert (!bl_thinner_takes (&thinner, 30, KEY));
  thinner.wanted = BL_PICTURES_KEYFRAMES;
  ck_assert (!bl_thinner_takes (&thinner, 30, KEY));
  ck_assert (bl_thinner_takes_key (&thinner, 40, now));
  ck_assert (bl_thinner_takes (&thinner, 40, KEY));
}
END_TEST

START_TEST (a_keyframe_waits_until_the_queue_has_drained)
{
  thin (&plain, 1000000);
  wait_for_key (BL_PICTURES_KEYFRAMES);
  ck_assert (!bl_thinner_takes_key (&thinner, 20, now));
  ck_assert (!bl_thinner_wants_first_key (&thinner, now));
  now += downlink.queue_us;
  ck_assert (bl_thinner_wants_first_key (&thinner, now));
  ck_assert (bl_thinner_takes_key (&thinner, 20, now));
}
END_TEST

START_TEST (a_keyframe_is_worth_asking_for_until_one_was_taken)
{
  ck_assert (!bl_thinner_wants_first_key (&thinner, now));
  wait_for_key (BL_PICTURES_NONE);
  ck_assert (!bl_thinner_wants_first_key (&thinner, now));
  thinner.wanted = BL_PICTURES_KEYFRAMES;
  ck_assert (bl_thinner_wants_first_key (&thinner, now));
  ck_assert (bl_thinner_takes_key (&thinner, 20, now));
  ck_assert (!bl_thinner_wants_first_key (&thinner, now + BL_SECOND));
}
END_TEST

START_TEST (a_keyframe_that_is_not_taken_leaves_the_one_before_alone)
{
  overload (100000);
  bl_thinner_update (&thinner, &downlink, &plain, now);
  wait_for_key (BL_PICTURES_KEYFRAMES);
  now += downlink.queue_us;
  ck_assert (bl_thinner_takes_key (&thinner, 20, now));
  ck_assert (!bl_thinner_takes_key (&thinner, 30, now + BL_SECOND));
  ck_assert (bl_thinner_takes (&thinner, 20, KEY));
  ck_assert (!bl_thinner_takes (&thinner, 30, KEY));
}
END_TEST

START_TEST (keyframes_come_no_faster_than_the_link_carries_them)
{
  overload (240000); /* a keyframe takes a second of it */
  bl_thinner_update (&thinner, &downlink, &plain, now);
  wait_for_key (BL_PICTURES_KEYFRAMES);
  unsigned taken = 0;
  for (BlTime t = 0; t < 30 * BL_SECOND; t += 500 * BL_MS)
    taken += bl_thinner_takes_key (&thinner, (uint32_t)t, START + t);
  ck_assert_uint_eq (taken, 20);
  /* But the one from which all is given again is taken at once. */
  thinner.wanted = BL_PICTURES_ALL;
  ck_assert (bl_thinner_takes_key (&thinner, 1, START + 30 * BL_SECOND));
}
END_TEST

START_TEST (a_keyframe_is_paced_to_probe_but_not_to_hold_up_the_sound)
{
  static const uint32_t links_bps[] = { 80000, 300000, 1000000, 10000000 };
  for (size_t i = 0; i < sizeof links_bps / sizeof *links_bps; i++) {
    BlSourceRates rates = { 20000000, 20000000, 50000, 30000 };
    overload (links_bps[i]);
    bl_thinner_update (&thinner, &downlink, &rates, now);
    uint64_t pace_bps = bl_thinner_pace_bps (&thinner);
    ck_assert_uint_gt (pace_bps, links_bps[i]);
    ck_assert_uint_le (pace_bps, (uint64_t)links_bps[i] * 3 / 2 + 1);
    /* What is left in the queue when all of it was sent. */
    uint64_t key_bits = rates.key_bytes * 8;
    uint64_t left = key_bits - key_bits * links_bps[i] / pace_bps;
    ck_assert_uint_le (left * 1000 / links_bps[i], 201);
  }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("relay/thinner");
  TCase *tcase = tcase_create ("thinner");
  tcase_add_checked_fixture (tcase, set_up, NULL);
  tcase_add_test (tcase, a_link_that_carries_all_is_given_all_for_ever);
  tcase_add_loop_test (tcase, an_overload_thins_down_to_what_the_link_carries,
                       0, sizeof lowerings / sizeof *lowerings);
  tcase_add_test (tcase, before_the_source_is_known_nothing_is_thinned);
  tcase_add_test (tcase,
                  what_was_sent_before_may_drain_before_more_is_left_out);
  tcase_add_test (tcase, keyframes_that_the_link_carries_are_not_left_out);
  tcase_add_test (tcase, an_overload_that_is_passing_leaves_no_more_out);
  tcase_add_test (tcase, room_that_was_shown_brings_all_back);
  tcase_add_test (tcase, room_for_some_brings_some_back);
  tcase_add_test (tcase, a_queue_keeps_it_from_being_raised);
  tcase_add_test (tcase, sound_alone_shows_nothing_so_keyframes_are_tried);
  tcase_add_loop_test (tcase, without_a_sign_of_room_a_return_is_put_off, 0,
                       sizeof doubts / sizeof *doubts);
  tcase_add_test (tcase, returns_that_fail_become_ever_rarer);
  tcase_add_test (tcase, a_return_that_held_is_forgotten);
  tcase_add_test (tcase, being_thinned_further_is_no_failed_return);
  tcase_add_test (tcase, a_picture_that_has_begun_is_finished);
  tcase_add_test (tcase, only_disposable_pictures_are_left_out_first);
  tcase_add_test (tcase, a_disposable_picture_that_was_begun_is_finished_too);
  tcase_add_test (tcase, of_a_keyframe_all_is_taken_also_what_comes_late);
  tcase_add_test (tcase, all_is_given_again_from_a_keyframe_on_and_not_before);
  tcase_add_test (tcase,
                  sound_only_takes_no_keyframe_and_drops_the_one_under_way);
  tcase_add_test (tcase, a_keyframe_waits_until_the_queue_has_drained);
  tcase_add_test (tcase, a_keyframe_is_worth_asking_for_until_one_was_taken);
  tcase_add_test (tcase,
                  a_keyframe_that_is_not_taken_leaves_the_one_before_alone);
  tcase_add_test (tcase, keyframes_come_no_faster_than_the_link_carries_them);
  tcase_add_test (tcase,
                  a_keyframe_is_paced_to_probe_but_not_to_hold_up_the_sound);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
