/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/clockmap.h"

#include "rtc_bytes.h"
#include "run_suite.h"

#define VIDEO_HZ 90000
#define NOON     (UINT64_C (0xe8000000) << 32)

static BlClockMap map;
static BlClockOffset offset;

static void
setup (void)
{
  bl_clock_map_init (&map, VIDEO_HZ);
  bl_clock_offset_init (&offset);
}

START_TEST (without_a_report_there_is_no_capture_time)
{
  BlNtp ntp = 4711;
  uint32_t timestamp = 4711;
  ck_assert_int_eq (bl_clock_map_ntp (&map, 0, &ntp), BL_CLOCK_MAP_NONE);
  ck_assert_int_eq (bl_clock_map_timestamp (&map, NOON, &timestamp),
                    BL_CLOCK_MAP_NONE);
  ck_assert_uint_eq (ntp, 4711);
  ck_assert_uint_eq (timestamp, 4711);
}
END_TEST

/* Timestamps around the one reported, and microseconds from its time. */
static const struct {
  uint32_t timestamp;
  int64_t us;
} steps[] = {
  { 0xffffff00, 0 },
  { 0xffffff00u + 90000, 1000000 }, /* over the wrap */
  { 0xffffff00u + 45, 500 },
  { 0xffffff00u - 9000, -100000 },
  { 0xffffff00u + 0x7fffff70, INT64_C (23860927822) }, /* nearly half a cycle */
  { 0xffffff00u - 0x7fffff70, -INT64_C (23860927822) },
};

START_TEST (timestamps_become_capture_times_and_back)
{
  BlNtp ntp;
  uint32_t timestamp;
  bl_clock_map_on_sr (&map, 0xffffff00, NOON);
  ck_assert_int_eq (bl_clock_map_ntp (&map, steps[_i].timestamp, &ntp),
                    BL_CLOCK_MAP_SR);
  int64_t error_us = bl_ntp_diff_us (ntp, NOON) - steps[_i].us;
  ck_assert_int_ge (error_us, -1);
  ck_assert_int_le (error_us, 1);
  ck_assert_int_eq (bl_clock_map_timestamp (&map, ntp, &timestamp),
                    BL_CLOCK_MAP_SR);
  ck_assert_uint_eq (timestamp, steps[_i].timestamp);
}
END_TEST

START_TEST (the_latest_report_counts)
{
  BlNtp ntp;
  bl_clock_map_on_sr (&map, 1000, NOON);
  bl_clock_map_on_sr (&map, 1000, NOON + 5);
  ck_assert_int_eq (bl_clock_map_ntp (&map, 1000, &ntp), BL_CLOCK_MAP_SR);
  ck_assert_uint_eq (ntp, NOON + 5);
}
END_TEST

START_TEST (capture_times_silence_sender_reports)
{
  BlNtp ntp;
  bl_clock_map_on_sr (&map, 1000, NOON + 5);
  bl_clock_map_on_capture (&map, 1000, NOON);
  bl_clock_map_on_sr (&map, 1000, NOON + 5);
  ck_assert_int_eq (bl_clock_map_ntp (&map, 1000, &ntp), BL_CLOCK_MAP_CAPTURE);
  ck_assert_uint_eq (ntp, NOON);
}
END_TEST

START_TEST (every_rate_maps_back_to_the_same_timestamp)
{
  static const uint32_t rates[] = { 8000, 44100, 48000, 90000, 10000000 };
  Random random = RANDOM_SEED;
  for (size_t i = 0; i < N_OF (rates); i++)
    for (int j = 0; j < 2000; j++) {
      uint32_t timestamp = (uint32_t)random_next (&random), back;
      BlNtp ntp;
      bl_clock_map_init (&map, rates[i]);
      bl_clock_map_on_sr (&map, (uint32_t)random_next (&random),
                          random_next (&random));
      bl_clock_map_ntp (&map, timestamp, &ntp);
      bl_clock_map_timestamp (&map, ntp, &back);
      ck_assert_uint_eq (back, timestamp);
    }
}
END_TEST

/* A round trip at `now`: the remote's clock is `ahead_us` before ours, the
 * answer took `back_us` of `rtt_us`. */
static void
round_trip (BlTime now, int64_t ahead_us, int64_t back_us, int64_t rtt_us)
{
  BlNtp local = bl_ntp_add_us (NOON, now);
  BlNtp remote = bl_ntp_add_us (local, ahead_us - back_us);
  bl_clock_offset_on_round_trip (&offset, remote, local, rtt_us, now);
}

static void
one_way (BlTime now, int64_t ahead_us, int64_t delay_us)
{
  BlNtp local = bl_ntp_add_us (NOON, now);
  bl_clock_offset_on_one_way (
      &offset, bl_ntp_add_us (local, ahead_us - delay_us), local, now);
}

static void
assert_offset (BlTime now, BlClockOffsetKind kind, int64_t us,
               int64_t uncertainty_us)
{
  ck_assert_int_eq (bl_clock_offset_kind (&offset), kind);
  int64_t error_us = bl_clock_offset_us (&offset, now) - us;
  ck_assert_msg (error_us >= -2 && error_us <= 2, "off by %lld us",
                 (long long)error_us);
  ck_assert_int_eq (bl_clock_offset_uncertainty_us (&offset, now),
                    uncertainty_us);
}

START_TEST (nothing_heard_is_no_offset)
{
  assert_offset (0, BL_CLOCK_OFFSET_NONE, 0, INT64_MAX);
  ck_assert_uint_eq (bl_clock_offset_to_local (&offset, NOON, 0), NOON);
}
END_TEST

START_TEST (a_symmetric_round_trip_gives_the_offset)
{
  round_trip (BL_SECOND, 3 * BL_SECOND, 20 * BL_MS, 40 * BL_MS);
  assert_offset (BL_SECOND, BL_CLOCK_OFFSET_MEASURED, 3 * BL_SECOND,
                 20 * BL_MS);
  BlNtp local = bl_clock_offset_to_local (
      &offset, bl_ntp_add_us (NOON, 3 * BL_SECOND), BL_SECOND);
  int64_t error_us = bl_ntp_diff_us (local, NOON);
  ck_assert (error_us >= -2 && error_us <= 2);
}
END_TEST

START_TEST (the_margin_covers_the_most_lopsided_round_trip)
{
  round_trip (BL_SECOND, -5 * BL_SECOND, 40 * BL_MS, 40 * BL_MS);
  assert_offset (BL_SECOND, BL_CLOCK_OFFSET_MEASURED,
                 -5 * BL_SECOND - 20 * BL_MS, 20 * BL_MS);
}
END_TEST

START_TEST (the_shortest_round_trip_of_the_window_counts)
{
  for (int i = 0; i < 30; i++) {
    int64_t queue_us = i == 7 ? 0 : (1 + i % 5) * 30 * BL_MS;
    round_trip (i * BL_SECOND, BL_SECOND, 20 * BL_MS + queue_us,
                40 * BL_MS + queue_us);
  }
  /* 22 s old: 2.2 ms of drift may have come since. */
  assert_offset (29 * BL_SECOND, BL_CLOCK_OFFSET_MEASURED, BL_SECOND,
                 20 * BL_MS + 2200);
}
END_TEST

START_TEST (an_old_sample_leaves_when_its_slice_comes_round)
{
  round_trip (0, BL_SECOND, 10 * BL_MS, 20 * BL_MS);
  BlTime later = BL_CLOCK_SLICES * BL_CLOCK_SLICE_US;
  round_trip (later, BL_SECOND + 3 * BL_MS, 20 * BL_MS, 40 * BL_MS);
  assert_offset (later, BL_CLOCK_OFFSET_MEASURED, BL_SECOND + 3 * BL_MS,
                 20 * BL_MS);
}
END_TEST

START_TEST (a_clock_that_was_set_is_believed_at_once)
{
  round_trip (BL_SECOND, 0, 5 * BL_MS, 10 * BL_MS);
  round_trip (2 * BL_SECOND, 7 * BL_SECOND, 50 * BL_MS, 100 * BL_MS);
  assert_offset (2 * BL_SECOND, BL_CLOCK_OFFSET_MEASURED, 7 * BL_SECOND,
                 50 * BL_MS);
}
END_TEST

START_TEST (without_round_trips_the_least_delay_is_assumed_to_be_none)
{
  static const int64_t delays_us[] = { 90000, 35000, 60000 };
  for (int i = 0; i < 3; i++)
    one_way (i * BL_SECOND, 10 * BL_SECOND, delays_us[i]);
  assert_offset (2 * BL_SECOND, BL_CLOCK_OFFSET_ASSUMED, 10 * BL_SECOND - 35000,
                 BL_CLOCK_ASSUMED_UNCERTAINTY_US + 100);
}
END_TEST

START_TEST (measured_wins_over_assumed_even_when_old)
{
  round_trip (0, BL_SECOND, 10 * BL_MS, 20 * BL_MS);
  for (int i = 1; i < 200; i++)
    one_way (i * BL_SECOND, BL_SECOND, 5 * BL_MS);
  assert_offset (199 * BL_SECOND, BL_CLOCK_OFFSET_MEASURED, BL_SECOND,
                 10 * BL_MS + 19900);
}
END_TEST

START_TEST (any_remote_time_is_taken_without_overflow)
{
  Random random = RANDOM_SEED;
  for (int i = 0; i < 10000; i++) {
    BlTime now = i * BL_SECOND;
    bl_clock_offset_on_round_trip (&offset, random_next (&random), NOON,
                                   random_below (&random, 30000000), now);
    bl_clock_offset_on_one_way (&offset, random_next (&random), NOON, now);
    ck_assert_int_eq (bl_clock_offset_kind (&offset), BL_CLOCK_OFFSET_MEASURED);
    ck_assert_int_ge (bl_clock_offset_uncertainty_us (&offset, now), 0);
  }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("rtc/clockmap");
  TCase *tcase = tcase_create ("clockmap");
  tcase_add_checked_fixture (tcase, setup, NULL);
  tcase_add_test (tcase, without_a_report_there_is_no_capture_time);
  tcase_add_loop_test (tcase, timestamps_become_capture_times_and_back, 0,
                       N_OF (steps));
  tcase_add_test (tcase, the_latest_report_counts);
  tcase_add_test (tcase, capture_times_silence_sender_reports);
  tcase_add_test (tcase, every_rate_maps_back_to_the_same_timestamp);
  tcase_add_test (tcase, nothing_heard_is_no_offset);
  tcase_add_test (tcase, a_symmetric_round_trip_gives_the_offset);
  tcase_add_test (tcase, the_margin_covers_the_most_lopsided_round_trip);
  tcase_add_test (tcase, the_shortest_round_trip_of_the_window_counts);
  tcase_add_test (tcase, an_old_sample_leaves_when_its_slice_comes_round);
  tcase_add_test (tcase, a_clock_that_was_set_is_believed_at_once);
  tcase_add_test (tcase,
                  without_round_trips_the_least_delay_is_assumed_to_be_none);
  tcase_add_test (tcase, measured_wins_over_assumed_even_when_old);
  tcase_add_test (tcase, any_remote_time_is_taken_without_overflow);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
