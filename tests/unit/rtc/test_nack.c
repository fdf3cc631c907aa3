/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/nack.h"

#include "rtc/seq.h"
#include "rtc_bytes.h"
#include "run_suite.h"

#define BASE (BL_SEQ_CYCLE + 65530) /* the wrap comes soon */

static BlNack nack;
static uint16_t asked[BL_NACK_MAX];

static void
setup (void)
{
  bl_nack_init (&nack, &bl_nack_defaults);
}

static size_t
poll_at (BlTime now)
{
  return bl_nack_poll (&nack, now, asked, N_OF (asked));
}

START_TEST (a_stream_without_gaps_asks_for_nothing)
{
  for (uint64_t i = 0; i < 1000; i++)
    bl_nack_on_packet (&nack, BASE + i, (BlTime)i * BL_MS);
  ck_assert_int_eq (bl_nack_next_deadline (&nack), BL_TIME_NEVER);
  ck_assert_uint_eq (poll_at (BL_SECOND), 0);
  ck_assert (!bl_nack_take_gave_up (&nack));
}
END_TEST

START_TEST (a_gap_is_asked_for_after_the_reordering_time)
{
  bl_nack_on_packet (&nack, BASE, 0);
  bl_nack_on_packet (&nack, BASE + 2, 1000);
  ck_assert_int_eq (bl_nack_next_deadline (&nack), 1000 + 10 * BL_MS);
  ck_assert_uint_eq (poll_at (999 + 10 * BL_MS), 0);
  ck_assert_uint_eq (poll_at (1000 + 10 * BL_MS), 1);
  ck_assert_uint_eq (asked[0], 65531);
}
END_TEST

START_TEST (a_gap_is_asked_for_at_once_when_three_more_have_come)
{
  bl_nack_on_packet (&nack, BASE, 0);
  bl_nack_on_packet (&nack, BASE + 2, 100);
  bl_nack_on_packet (&nack, BASE + 3, 200);
  ck_assert_uint_eq (poll_at (200), 0);
  bl_nack_on_packet (&nack, BASE + 4, 300);
  ck_assert_int_eq (bl_nack_next_deadline (&nack), 300);
  ck_assert_uint_eq (poll_at (300), 1);
}
END_TEST

/* Over two paths, the second of which is slower by the first figure. */
static const struct {
  BlTime lag_us, wait_us;
} copies[] = {
  { 0, 10 * BL_MS },
  { 15 * BL_MS, 20 * BL_MS },
  { BL_SECOND, 30 * BL_MS },
};

START_TEST (what_may_come_over_another_path_is_waited_for)
{
  bl_nack_on_packet (&nack, BASE, 0);
  bl_nack_on_copy (&nack, copies[_i].lag_us, 0);
  for (uint64_t i = 2; i < 30; i++)
    bl_nack_on_packet (&nack, BASE + i, 100);
  ck_assert_int_eq (bl_nack_next_deadline (&nack), 100 + copies[_i].wait_us);
  ck_assert_uint_eq (poll_at (99 + copies[_i].wait_us), 0);
  ck_assert_uint_eq (poll_at (100 + copies[_i].wait_us), 1);
}
END_TEST

START_TEST (without_copies_for_a_while_nothing_is_waited_for)
{
  bl_nack_on_packet (&nack, BASE, 0);
  bl_nack_on_copy (&nack, 25 * BL_MS, 0);
  for (uint64_t i = 2; i < 5; i++)
    bl_nack_on_packet (&nack, BASE + i, BL_NACK_COPIES_US);
  ck_assert_uint_eq (poll_at (BL_NACK_COPIES_US), 1);
}
END_TEST

START_TEST (a_packet_only_reordered_is_never_asked_for)
{
  bl_nack_on_packet (&nack, BASE, 0);
  bl_nack_on_packet (&nack, BASE + 2, 100);
  bl_nack_on_packet (&nack, BASE + 1, 200);
  ck_assert_int_eq (bl_nack_next_deadline (&nack), BL_TIME_NEVER);
  ck_assert_uint_eq (poll_at (BL_SECOND / 2), 0);
  ck_assert_uint_eq (nack.recovered, 0);
}
END_TEST

START_TEST (a_gap_across_the_wrap_is_asked_for_in_order)
{
  bl_nack_on_packet (&nack, BASE + 4, 0);
  bl_nack_on_packet (&nack, BASE + 8, 0);
  ck_assert_uint_eq (poll_at (BL_SECOND / 2), 3);
  ck_assert_uint_eq (asked[0], 65535);
  ck_assert_uint_eq (asked[1], 0);
  ck_assert_uint_eq (asked[2], 1);
}
END_TEST

START_TEST (a_request_is_repeated_a_round_trip_later)
{
  bl_nack_set_rtt (&nack, 80 * BL_MS);
  bl_nack_on_packet (&nack, BASE, 0);
  bl_nack_on_packet (&nack, BASE + 2, 0);
  ck_assert_uint_eq (poll_at (10 * BL_MS), 1);
  ck_assert_int_eq (bl_nack_next_deadline (&nack), (10 + 105) * BL_MS);
  ck_assert_uint_eq (poll_at ((10 + 105) * BL_MS - 1), 0);
  ck_assert_uint_eq (poll_at ((10 + 105) * BL_MS), 1);
  bl_nack_on_packet (&nack, BASE + 1, 150 * BL_MS);
  ck_assert_uint_eq (nack.recovered, 1);
  ck_assert_uint_eq (nack.requested, 2);
  ck_assert_int_eq (bl_nack_next_deadline (&nack), BL_TIME_NEVER);
}
END_TEST

static const struct {
  int64_t rtt_us;
  BlTime retry_us;
} round_trips[] = {
  { INT64_MIN, 15 * BL_MS },  { -1, 15 * BL_MS },
  { 0, 15 * BL_MS },          { 8 * BL_MS, 15 * BL_MS },
  { 40 * BL_MS, 55 * BL_MS }, { 499 * BL_MS, 500 * BL_MS },
  { INT64_MAX, 500 * BL_MS },
};

START_TEST (the_time_between_requests_stays_within_reason)
{
  bl_nack_set_rtt (&nack, round_trips[_i].rtt_us);
  ck_assert_int_eq (nack.retry_us, round_trips[_i].retry_us);
}
END_TEST

START_TEST (after_all_tries_it_gives_up_and_says_so_once)
{
  bl_nack_set_rtt (&nack, 0);
  bl_nack_on_packet (&nack, BASE, 0);
  bl_nack_on_packet (&nack, BASE + 2, 0);
  unsigned tries = 0;
  BlTime now = 0;
  for (; bl_nack_next_deadline (&nack) != BL_TIME_NEVER; tries++) {
    ck_assert (!bl_nack_take_gave_up (&nack));
    now = bl_nack_next_deadline (&nack);
    ck_assert_uint_le (poll_at (now), 1);
  }
  ck_assert_uint_eq (nack.requested, bl_nack_defaults.max_tries);
  ck_assert_uint_eq (tries, bl_nack_defaults.max_tries + 1);
  /* The last answer had its time to come. */
  ck_assert_int_eq (now, (10 + 10 * 15) * BL_MS);
  ck_assert_uint_eq (nack.lost, 1);
  ck_assert (bl_nack_take_gave_up (&nack));
  ck_assert (!bl_nack_take_gave_up (&nack));
}
END_TEST

START_TEST (what_is_too_old_is_given_up_whatever_its_tries)
{
  bl_nack_set_rtt (&nack, 400 * BL_MS);
  bl_nack_on_packet (&nack, BASE, 0);
  bl_nack_on_packet (&nack, BASE + 2, 0);
  ck_assert_uint_eq (poll_at (10 * BL_MS), 1);
  ck_assert_uint_eq (poll_at (520 * BL_MS), 1);
  ck_assert_int_eq (bl_nack_next_deadline (&nack), BL_SECOND);
  ck_assert_uint_eq (poll_at (BL_SECOND), 0);
  ck_assert (bl_nack_take_gave_up (&nack));
}
END_TEST

START_TEST (a_request_too_long_for_the_caller_goes_on_next_time)
{
  bl_nack_on_packet (&nack, BASE, 0);
  bl_nack_on_packet (&nack, BASE + 6, 0);
  ck_assert_uint_eq (bl_nack_poll (&nack, 10 * BL_MS, asked, 3), 3);
  ck_assert_uint_eq (asked[2], 65533);
  ck_assert_int_eq (bl_nack_next_deadline (&nack), 10 * BL_MS);
  ck_assert_uint_eq (bl_nack_poll (&nack, 10 * BL_MS, asked, 3), 2);
  ck_assert_uint_eq (asked[0], 65534);
}
END_TEST

START_TEST (an_outage_is_given_up_at_once)
{
  bl_nack_on_packet (&nack, BASE, 0);
  bl_nack_on_packet (&nack, BASE + 3, 0);
  bl_nack_on_packet (&nack, BASE + 4 + BL_NACK_MAX + 1, 0);
  ck_assert_uint_eq (nack.count, 0);
  ck_assert_uint_eq (nack.lost, 2 + BL_NACK_MAX + 1);
  ck_assert (bl_nack_take_gave_up (&nack));
  ck_assert_int_eq (bl_nack_next_deadline (&nack), BL_TIME_NEVER);
}
END_TEST

START_TEST (a_full_table_gives_up_its_oldest)
{
  bl_nack_on_packet (&nack, BASE, 0);
  bl_nack_on_packet (&nack, BASE + 1 + BL_NACK_MAX, 0);
  ck_assert_uint_eq (nack.count, BL_NACK_MAX);
  ck_assert (!bl_nack_take_gave_up (&nack));
  bl_nack_on_packet (&nack, BASE + 1 + BL_NACK_MAX + 3, 0);
  ck_assert_uint_eq (nack.count, BL_NACK_MAX);
  ck_assert_uint_eq (nack.entries[0].seq, BASE + 3);
  ck_assert_uint_eq (nack.entries[BL_NACK_MAX - 1].seq,
                     BASE + 1 + BL_NACK_MAX + 2);
  ck_assert_uint_eq (nack.lost, 2);
  ck_assert (bl_nack_take_gave_up (&nack));
}
END_TEST

START_TEST (what_a_keyframe_made_needless_needs_no_other)
{
  for (int after = 0; after < 2; after++) {
    bl_nack_init (&nack, &bl_nack_defaults);
    bl_nack_on_packet (&nack, BASE, 0);
    bl_nack_on_packet (&nack, BASE + 3, 0);
    bl_nack_on_keyframe (&nack, BASE + 3);
    if (after)
      bl_nack_on_packet (&nack, BASE + 5, 0);
    /* It is asked for all the same: a recording has use for it. */
    ck_assert_uint_eq (poll_at (10 * BL_MS), 2 + after);
    poll_at (BL_SECOND);
    ck_assert_uint_eq (nack.lost, 2 + after);
    ck_assert_int_eq (bl_nack_take_gave_up (&nack), after);
  }
}
END_TEST

static bool
table_is_ordered (void)
{
  for (uint32_t i = 0; i < nack.count; i++)
    if (nack.entries[i].seq >= nack.highest
        || (i > 0 && nack.entries[i - 1].seq >= nack.entries[i].seq))
      return false;
  return nack.count <= BL_NACK_MAX;
}

/* The invariant of the header, over random loss, order and repair. */
START_TEST (the_table_stays_ordered_and_bounded)
{
  Random random = RANDOM_SEED;
  uint64_t seq = BASE;
  for (BlTime now = 0; now < 20 * BL_SECOND; now += BL_MS) {
    uint32_t dice = random_below (&random, 100);
    if (dice < 60)
      seq++;
    else if (dice < 90)
      seq += random_below (&random, 8);
    else if (dice < 91)
      seq += random_below (&random, 400);
    bl_nack_on_packet (
        &nack, dice < 97 ? seq : seq - random_below (&random, 300), now);
    if (dice % 4 == 0)
      poll_at (now);
    ck_assert (table_is_ordered ());
  }
  ck_assert_uint_gt (nack.recovered, 0);
  ck_assert_uint_gt (nack.lost, 0);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("rtc/nack");
  TCase *tcase = tcase_create ("nack");
  tcase_add_checked_fixture (tcase, setup, NULL);
  tcase_add_test (tcase, a_stream_without_gaps_asks_for_nothing);
  tcase_add_test (tcase, a_gap_is_asked_for_after_the_reordering_time);
  tcase_add_test (tcase, a_gap_is_asked_for_at_once_when_three_more_have_come);
  tcase_add_loop_test (tcase, what_may_come_over_another_path_is_waited_for, 0,
                       N_OF (copies));
  tcase_add_test (tcase, without_copies_for_a_while_nothing_is_waited_for);
  tcase_add_test (tcase, a_packet_only_reordered_is_never_asked_for);
  tcase_add_test (tcase, a_gap_across_the_wrap_is_asked_for_in_order);
  tcase_add_test (tcase, a_request_is_repeated_a_round_trip_later);
  tcase_add_loop_test (tcase, the_time_between_requests_stays_within_reason, 0,
                       N_OF (round_trips));
  tcase_add_test (tcase, after_all_tries_it_gives_up_and_says_so_once);
  tcase_add_test (tcase, what_is_too_old_is_given_up_whatever_its_tries);
  tcase_add_test (tcase, a_request_too_long_for_the_caller_goes_on_next_time);
  tcase_add_test (tcase, an_outage_is_given_up_at_once);
  tcase_add_test (tcase, a_full_table_gives_up_its_oldest);
  tcase_add_test (tcase, what_a_keyframe_made_needless_needs_no_other);
  tcase_add_test (tcase, the_table_stays_ordered_and_bounded);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
