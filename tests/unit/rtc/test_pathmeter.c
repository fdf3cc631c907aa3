/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/pathmeter.h"

#include "rtc_bytes.h"
#include "run_suite.h"

#define BYTES  1000
#define ONEWAY (25 * BL_MS)

/* The receiver's clock need not agree with ours. */
#define SKEW (-77 * BL_SECOND)

/* Large: not for the stack. */
static BlPathMeter meter;

static void
setup (void)
{
  bl_pathmeter_init (&meter);
}

static BlPacketResult
arrived (uint64_t seq, BlTime at)
{
  return (
      BlPacketResult){ .seq = seq, .received = true, .arrival_us = at + SKEW };
}

/* One packet there, its feedback back, with so much queue on the way. */
static BlPathNews
round_trip (uint64_t seq, BlTime sent_us, BlTime queue_us)
{
  bl_pathmeter_on_sent (&meter, seq, BYTES, sent_us);
  BlPacketResult result = arrived (seq, sent_us + ONEWAY + queue_us);
  return bl_pathmeter_on_feedback (&meter, &result, 1,
                                   sent_us + 2 * ONEWAY + queue_us);
}

START_TEST (the_round_trip_is_smoothed_from_its_first_sample)
{
  round_trip (1, 0, 0);
  ck_assert_int_eq (meter.rtt_us, 2 * ONEWAY);
  ck_assert_int_eq (meter.smoothed_rtt_us, 2 * ONEWAY);
  round_trip (2, BL_SECOND, 80 * BL_MS);
  ck_assert_int_eq (meter.rtt_us, 2 * ONEWAY + 80 * BL_MS);
  ck_assert_int_eq (meter.smoothed_rtt_us, 2 * ONEWAY + 10 * BL_MS);
  ck_assert_int_eq (bl_pathmeter_base_rtt (&meter), 2 * ONEWAY);
}
END_TEST

START_TEST (what_an_outage_held_back_is_soon_forgotten)
{
  uint64_t seq = 1;
  for (; seq <= 10; seq++)
    round_trip (seq, 0, 0);
  for (; seq <= 20; seq++)
    round_trip (seq, BL_SECOND, 3 * BL_SECOND);
  ck_assert_int_gt (meter.smoothed_rtt_us, 2 * BL_SECOND);
  for (; seq <= 24; seq++)
    round_trip (seq, 5 * BL_SECOND, 0);
  ck_assert_int_lt (meter.smoothed_rtt_us, 4 * 2 * ONEWAY);
  /* Jitter is smoothed as ever. */
  BlTime before = meter.smoothed_rtt_us;
  round_trip (seq, 6 * BL_SECOND, 0);
  ck_assert_int_gt (meter.smoothed_rtt_us, before * 3 / 4);
}
END_TEST

START_TEST (queue_delay_is_what_exceeds_the_least_delay)
{
  round_trip (1, 0, 5 * BL_MS);
  ck_assert_int_eq (meter.queue_us, 0);
  round_trip (2, 100 * BL_MS, 0);
  ck_assert_int_eq (meter.queue_us, 0);
  round_trip (3, 200 * BL_MS, 30 * BL_MS);
  ck_assert_int_eq (meter.queue_us, 30 * BL_MS);
}
END_TEST

START_TEST (the_least_delay_is_forgotten_after_ten_seconds)
{
  uint64_t seq = 1;
  round_trip (seq++, 0, 0);
  for (BlTime t = 100 * BL_MS; t < 9 * BL_SECOND; t += 100 * BL_MS)
    round_trip (seq++, t, 40 * BL_MS);
  ck_assert_int_eq (meter.queue_us, 40 * BL_MS);
  for (BlTime t = 9 * BL_SECOND; t < 12 * BL_SECOND; t += 100 * BL_MS)
    round_trip (seq++, t, 40 * BL_MS);
  ck_assert_int_eq (meter.queue_us, 0);
}
END_TEST

START_TEST (a_short_burst_is_no_standing_queue)
{
  uint64_t seq = 1;
  BlTime t = 0;
  for (; t < BL_SECOND; t += 10 * BL_MS)
    round_trip (seq++, t, t % (40 * BL_MS) == 0 ? 60 * BL_MS : 2 * BL_MS);
  ck_assert_int_le (meter.standing_queue_us, 2 * BL_MS);
  for (; t < 2 * BL_SECOND; t += 10 * BL_MS)
    round_trip (seq++, t, 60 * BL_MS);
  ck_assert_int_eq (meter.standing_queue_us, 58 * BL_MS);
}
END_TEST

START_TEST (a_queue_that_stays_for_a_second_is_the_paths_own)
{
  uint64_t seq = 1;
  BlTime t = 0;
  for (; t < BL_SECOND; t += 10 * BL_MS)
    round_trip (seq++, t, 0);
  /* A handover to a longer way. */
  for (; t < 1900 * BL_MS; t += 10 * BL_MS)
    round_trip (seq++, t, 30 * BL_MS);
  ck_assert_int_eq (meter.standing_queue_us, 30 * BL_MS);
  for (; t < 2200 * BL_MS; t += 10 * BL_MS)
    round_trip (seq++, t, 30 * BL_MS);
  ck_assert_int_eq (meter.standing_queue_us, 0);
  /* A queue on top of it still counts. */
  for (; t < 2500 * BL_MS; t += 10 * BL_MS)
    round_trip (seq++, t, 55 * BL_MS);
  ck_assert_int_eq (meter.standing_queue_us, 25 * BL_MS);
  /* And back: all is as before. */
  for (; t < 2600 * BL_MS; t += 10 * BL_MS)
    round_trip (seq++, t, 0);
  ck_assert_int_eq (meter.own_queue_us, 0);
}
END_TEST

START_TEST (a_deep_queue_is_never_the_paths_own)
{
  uint64_t seq = 1;
  BlTime t = 0;
  for (; t < BL_SECOND; t += 10 * BL_MS)
    round_trip (seq++, t, 0);
  for (; t < 4 * BL_SECOND; t += 10 * BL_MS)
    round_trip (seq++, t, 100 * BL_MS);
  ck_assert_int_eq (meter.standing_queue_us, 100 * BL_MS);
}
END_TEST

START_TEST (all_up_to_the_newest_arrival_is_no_longer_in_flight)
{
  for (uint64_t seq = 10; seq < 15; seq++)
    bl_pathmeter_on_sent (&meter, seq, BYTES, 0);
  ck_assert_uint_eq (bl_pathmeter_in_flight (&meter), 5 * BYTES);
  BlPacketResult result = arrived (12, ONEWAY);
  BlPathNews news = bl_pathmeter_on_feedback (&meter, &result, 1, 2 * ONEWAY);
  ck_assert (news.progress);
  ck_assert_uint_eq (news.past_bytes, 3 * BYTES);
  ck_assert_uint_eq (bl_pathmeter_in_flight (&meter), 2 * BYTES);
  /* Told twice, or of what never was: no news. */
  ck_assert (
      !bl_pathmeter_on_feedback (&meter, &result, 1, 2 * ONEWAY).progress);
  result.seq = 99;
  ck_assert (
      !bl_pathmeter_on_feedback (&meter, &result, 1, 2 * ONEWAY).progress);
  result.seq = 0;
  ck_assert (
      !bl_pathmeter_on_feedback (&meter, &result, 1, 2 * ONEWAY).progress);
}
END_TEST

START_TEST (a_packet_is_lost_when_one_well_after_it_has_arrived)
{
  bl_pathmeter_on_sent (&meter, 1, BYTES, 0);
  bl_pathmeter_on_sent (&meter, 2, BYTES, BL_PATHMETER_REORDER_US - 1);
  bl_pathmeter_on_sent (&meter, 3, BYTES, BL_PATHMETER_REORDER_US);
  BlPacketResult result = arrived (2, ONEWAY);
  BlPathNews news = bl_pathmeter_on_feedback (&meter, &result, 1, ONEWAY);
  ck_assert_uint_eq (news.lost_packets, 0);
  result = arrived (3, ONEWAY);
  news = bl_pathmeter_on_feedback (&meter, &result, 1, ONEWAY);
  ck_assert_uint_eq (news.lost_packets, 1);
  ck_assert_uint_eq (meter.lost_packets, 1);
}
END_TEST

START_TEST (a_packet_overtaken_by_a_little_is_not_lost)
{
  bl_pathmeter_on_sent (&meter, 1, BYTES, 0);
  bl_pathmeter_on_sent (&meter, 2, BYTES, BL_MS);
  bl_pathmeter_on_sent (&meter, 3, BYTES, BL_SECOND);
  const BlPacketResult out_of_order[]
      = { arrived (2, ONEWAY), arrived (1, ONEWAY), arrived (3, BL_SECOND) };
  bl_pathmeter_on_feedback (&meter, out_of_order, 2, ONEWAY);
  bl_pathmeter_on_feedback (&meter, out_of_order + 2, 1, 2 * BL_SECOND);
  ck_assert_uint_eq (meter.lost_packets, 0);
  ck_assert_uint_eq (meter.arrived_packets, 3);
}
END_TEST

START_TEST (the_share_of_loss_follows_the_path)
{
  uint64_t seq = 1;
  for (; seq <= 2000; seq++) {
    BlTime t = (BlTime)seq * 10 * BL_MS;
    if (seq % 10 == 0)
      bl_pathmeter_on_sent (&meter, seq, BYTES, t);
    else
      round_trip (seq, t, 0);
  }
  ck_assert_uint_ge (meter.loss_q16, 65536 * 8 / 100);
  ck_assert_uint_le (meter.loss_q16, 65536 * 12 / 100);
}
END_TEST

START_TEST (silence_is_counted_only_while_something_is_in_flight)
{
  ck_assert_int_eq (bl_pathmeter_silence (&meter, BL_SECOND), 0);
  bl_pathmeter_on_sent (&meter, 1, BYTES, BL_SECOND);
  ck_assert_int_eq (bl_pathmeter_silence (&meter, BL_SECOND + 5), 5);
  BlPacketResult result = arrived (1, BL_SECOND + ONEWAY);
  bl_pathmeter_on_feedback (&meter, &result, 1, BL_SECOND + 2 * ONEWAY);
  ck_assert_int_eq (bl_pathmeter_silence (&meter, 9 * BL_SECOND), 0);
}
END_TEST

START_TEST (the_rate_of_delivery_is_what_arrives)
{
  for (uint64_t seq = 1; seq <= 500; seq++)
    round_trip (seq, (BlTime)seq * 4 * BL_MS, 0);
  ck_assert_uint_ge (meter.delivered_bps, 1980000);
  ck_assert_uint_le (meter.delivered_bps, 2020000);
}
END_TEST

START_TEST (an_hour_of_silence_is_no_trouble)
{
  round_trip (1, 0, 0);
  round_trip (2, 3600 * BL_SECOND, 10 * BL_MS);
  ck_assert_int_eq (meter.queue_us, 0);
  ck_assert_int_eq (meter.rtt_us, 2 * ONEWAY + 10 * BL_MS);
}
END_TEST

static Suite *
suite (void)
{
  Suite *s = suite_create ("rtc/pathmeter");
  TCase *tc = tcase_create ("pathmeter");
  tcase_add_checked_fixture (tc, setup, NULL);
  tcase_add_test (tc, the_round_trip_is_smoothed_from_its_first_sample);
  tcase_add_test (tc, what_an_outage_held_back_is_soon_forgotten);
  tcase_add_test (tc, queue_delay_is_what_exceeds_the_least_delay);
  tcase_add_test (tc, the_least_delay_is_forgotten_after_ten_seconds);
  tcase_add_test (tc, a_short_burst_is_no_standing_queue);
  tcase_add_test (tc, a_queue_that_stays_for_a_second_is_the_paths_own);
  tcase_add_test (tc, a_deep_queue_is_never_the_paths_own);
  tcase_add_test (tc, all_up_to_the_newest_arrival_is_no_longer_in_flight);
  tcase_add_test (tc, a_packet_is_lost_when_one_well_after_it_has_arrived);
  tcase_add_test (tc, a_packet_overtaken_by_a_little_is_not_lost);
  tcase_add_test (tc, the_share_of_loss_follows_the_path);
  tcase_add_test (tc, silence_is_counted_only_while_something_is_in_flight);
  tcase_add_test (tc, the_rate_of_delivery_is_what_arrives);
  tcase_add_test (tc, an_hour_of_silence_is_no_trouble);
  suite_add_tcase (s, tc);
  return s;
}

int
main (void)
{
  return run_suite (suite ());
}
