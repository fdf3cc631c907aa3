/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "judge.h"
#include "run_suite.h"

#define FRAME 3000

/* ---- quantiles ---- */

START_TEST (a_quantile_is_within_a_64th_of_the_exact_one)
{
  static LgHistogram histogram;
  memset (&histogram, 0, sizeof histogram);
  for (int64_t us = 1; us <= 10000; us++)
    lg_histogram_add (&histogram, us * 1000);
  static const struct {
    double share;
    int64_t exact_ns;
  } rows[] = { { 0.5, 5000000 }, { 0.95, 9500000 }, { 0.99, 9900000 } };
  for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
    int64_t ns = lg_histogram_quantile (&histogram, rows[i].share);
    ck_assert_int_le (ns, rows[i].exact_ns + rows[i].exact_ns / 64);
    ck_assert_int_ge (ns, rows[i].exact_ns - rows[i].exact_ns / 64);
  }
  ck_assert_int_eq (lg_histogram_quantile (&histogram, 1), 10000000);
  ck_assert_int_eq (histogram.max_ns, 10000000);
}
END_TEST

START_TEST (odd_times_are_counted_at_the_ends)
{
  static LgHistogram histogram;
  memset (&histogram, 0, sizeof histogram);
  ck_assert_int_eq (lg_histogram_quantile (&histogram, 0.5), 0);
  lg_histogram_add (&histogram, -5);
  ck_assert_int_eq (lg_histogram_quantile (&histogram, 0.5), 0);
  lg_histogram_add (&histogram, INT64_MAX);
  ck_assert_uint_eq (histogram.total, 2);
  ck_assert_uint_eq (histogram.slots[LG_HISTOGRAM_SLOTS - 1], 1);
}
END_TEST

START_TEST (exact_quantiles_take_the_rank_from_above)
{
  int64_t values[] = { 40, 10, 30, 20 };
  ck_assert_int_eq (lg_quantile (values, 4, 0.5), 20);
  ck_assert_int_eq (lg_quantile (values, 4, 0.51), 30);
  ck_assert_int_eq (lg_quantile (values, 4, 0.95), 40);
  ck_assert_int_eq (lg_quantile (values, 4, 0), 10);
  ck_assert_int_eq (lg_quantile (values, 0, 0.5), 0);
}
END_TEST

/* ---- numbers ---- */

static LgNumbers numbers;

static LgNumberKind
give (uint16_t seq)
{
  uint64_t extended;
  return lg_numbers_on_packet (&numbers, seq, &extended);
}

static void
reset_numbers (void)
{
  memset (&numbers, 0, sizeof numbers);
}

START_TEST (an_unbroken_run_over_the_wrap_misses_nothing)
{
  for (unsigned i = 0; i < 5000; i++)
    ck_assert_int_eq (give ((uint16_t)(65000 + i)), LG_NUMBER_NEXT);
  ck_assert_uint_eq (lg_numbers_expected (&numbers), 5000);
  ck_assert_uint_eq (lg_numbers_missing (&numbers), 0);
  ck_assert_uint_eq (numbers.reordered + numbers.doubles, 0);
}
END_TEST

START_TEST (a_hole_is_missing_until_it_is_filled)
{
  give (10);
  give (13);
  ck_assert_uint_eq (lg_numbers_missing (&numbers), 2);
  ck_assert_int_eq (give (11), LG_NUMBER_LATE);
  ck_assert_uint_eq (lg_numbers_missing (&numbers), 1);
  ck_assert_uint_eq (numbers.reordered, 1);
  ck_assert (lg_numbers_on_repair (&numbers, 12));
  ck_assert_uint_eq (lg_numbers_missing (&numbers), 0);
  ck_assert_uint_eq (numbers.repaired, 1);
}
END_TEST

START_TEST (what_came_already_is_double_and_nothing_to_repair)
{
  give (10);
  give (11);
  ck_assert_int_eq (give (10), LG_NUMBER_DOUBLE);
  ck_assert_int_eq (give (9), LG_NUMBER_DOUBLE);
  ck_assert_uint_eq (numbers.doubles, 2);
  ck_assert (!lg_numbers_on_repair (&numbers, 11));
  ck_assert (!lg_numbers_on_repair (&numbers, 12));
  ck_assert_uint_eq (numbers.received, 2);
}
END_TEST

START_TEST (a_hole_longer_than_the_window_is_all_missing)
{
  give (0);
  give (3 * LG_NUMBERS_WINDOW);
  ck_assert_uint_eq (lg_numbers_missing (&numbers), 3 * LG_NUMBERS_WINDOW - 1);
  ck_assert_int_eq (give (3 * LG_NUMBERS_WINDOW - 1), LG_NUMBER_LATE);
  ck_assert_int_eq (give (5), LG_NUMBER_DOUBLE);
}
END_TEST

/* ---- the judge ---- */

#define FRAME_PACKETS  4
#define SEQ_OFFSET     1000
#define TIMESTAMP_SKEW 77777

static LgSent *sent;
static LgJudge judge;
static uint8_t payload[8];

/* Packet `number` of a source with four packets a frame, each tenth a key
 * frame, each frame a second after the other. */
static void
send_one (uint64_t number)
{
  memcpy (payload, &number, sizeof number);
  uint32_t frame = (uint32_t)(number / FRAME_PACKETS);
  LgSentPacket packet = { .sent_ns = (int64_t)number * 1000,
                          .hash = lg_payload_hash (payload, sizeof payload),
                          .timestamp = frame * FRAME,
                          .frame = frame,
                          .count = FRAME_PACKETS,
                          .key = frame % 10 == 0 };
  lg_sent_add (sent, &packet);
}

static BlRtp
header (uint64_t number, uint64_t offset)
{
  memcpy (payload, &number, sizeof number);
  return (BlRtp){ .seq = (uint16_t)(number + offset),
                  .timestamp
                  = (uint32_t)(number / FRAME_PACKETS) * FRAME + TIMESTAMP_SKEW,
                  .payload = payload,
                  .payload_length = sizeof payload };
}

static void
set_up (void)
{
  sent = calloc (1, sizeof *sent);
  lg_judge_init (&judge);
}

static void
tear_down (void)
{
  free (sent);
}

START_TEST (one_payload_explains_all_headers_after_it)
{
  uint64_t extended;
  for (uint64_t i = 0; i < 200; i++)
    send_one (i);
  BlRtp rtp = header (100, SEQ_OFFSET);
  ck_assert_ptr_null (lg_judge_on_packet (&judge, sent, &rtp, &extended));
  ck_assert_ptr_nonnull (lg_judge_learn (&judge, sent, &rtp, extended));
  for (uint64_t i = 101; i < 200; i++) {
    rtp = header (i, SEQ_OFFSET);
    const LgSentPacket *packet
        = lg_judge_on_packet (&judge, sent, &rtp, &extended);
    ck_assert_ptr_nonnull (packet);
    ck_assert_uint_eq (packet->number, i);
    ck_assert_int_eq (packet->sent_ns, (int64_t)i * 1000);
  }
  ck_assert_uint_eq (judge.remapped + judge.unknown, 0);
}
END_TEST

START_TEST (what_the_server_left_out_is_noticed_and_learnt_anew)
{
  uint64_t extended;
  for (uint64_t i = 0; i < 200; i++)
    send_one (i);
  BlRtp rtp = header (100, SEQ_OFFSET);
  lg_judge_on_packet (&judge, sent, &rtp, &extended);
  lg_judge_learn (&judge, sent, &rtp, extended);
  /* A whole frame less: later numbers move up. */
  rtp = header (105, SEQ_OFFSET - FRAME_PACKETS);
  ck_assert_ptr_null (lg_judge_on_packet (&judge, sent, &rtp, &extended));
  ck_assert_uint_ne (extended, 0);
  const LgSentPacket *packet = lg_judge_learn (&judge, sent, &rtp, extended);
  ck_assert_uint_eq (packet->number, 105);
  ck_assert_uint_eq (judge.remapped, 1);
}
END_TEST

START_TEST (a_payload_that_was_never_sent_is_unknown)
{
  uint64_t extended;
  send_one (0);
  BlRtp rtp = header (12345, 0);
  lg_judge_on_packet (&judge, sent, &rtp, &extended);
  ck_assert_ptr_null (lg_judge_learn (&judge, sent, &rtp, extended));
  ck_assert_uint_eq (judge.unknown, 1);
}
END_TEST

START_TEST (of_equal_payloads_the_latest_is_meant)
{
  uint64_t number;
  send_one (7);
  send_one (7);
  ck_assert (
      lg_sent_find (sent, lg_payload_hash (payload, sizeof payload), &number));
  ck_assert_uint_eq (number, 1);
}
END_TEST

START_TEST (the_ring_forgets_and_does_not_foresee)
{
  for (uint64_t i = 0; i < LG_SENT_PACKETS + 10; i++)
    send_one (i);
  ck_assert_ptr_null (lg_sent_get (sent, 9));
  ck_assert_uint_eq (lg_sent_get (sent, 10)->number, 10);
  ck_assert_ptr_null (lg_sent_get (sent, LG_SENT_PACKETS + 10));
  ck_assert_ptr_null (lg_sent_get (sent, UINT64_MAX));
}
END_TEST

START_TEST (a_keyframe_counts_once_all_its_packets_came)
{
  for (uint64_t i = 0; i < 200; i++)
    send_one (i);
  /* The second half of frame 10, all of 11, all of 20. */
  for (uint64_t i = 42; i < 48; i++)
    lg_judge_on_sent (&judge, lg_sent_get (sent, i), (int64_t)i);
  ck_assert_int_eq (judge.keyframe_ns, LG_NEVER);
  for (uint64_t i = 80; i < 84; i++)
    lg_judge_on_sent (&judge, lg_sent_get (sent, i), (int64_t)i);
  ck_assert_int_eq (judge.keyframe_ns, 83);
}
END_TEST

static Suite *
loadgen_suite (void)
{
  Suite *suite = suite_create ("bench/loadgen");
  TCase *quantiles = tcase_create ("quantiles");
  tcase_add_test (quantiles, a_quantile_is_within_a_64th_of_the_exact_one);
  tcase_add_test (quantiles, odd_times_are_counted_at_the_ends);
  tcase_add_test (quantiles, exact_quantiles_take_the_rank_from_above);
  suite_add_tcase (suite, quantiles);
  TCase *seqs = tcase_create ("numbers");
  tcase_add_checked_fixture (seqs, reset_numbers, NULL);
  tcase_add_test (seqs, an_unbroken_run_over_the_wrap_misses_nothing);
  tcase_add_test (seqs, a_hole_is_missing_until_it_is_filled);
  tcase_add_test (seqs, what_came_already_is_double_and_nothing_to_repair);
  tcase_add_test (seqs, a_hole_longer_than_the_window_is_all_missing);
  suite_add_tcase (suite, seqs);
  TCase *judging = tcase_create ("judge");
  tcase_add_checked_fixture (judging, set_up, tear_down);
  tcase_add_test (judging, one_payload_explains_all_headers_after_it);
  tcase_add_test (judging, what_the_server_left_out_is_noticed_and_learnt_anew);
  tcase_add_test (judging, a_payload_that_was_never_sent_is_unknown);
  tcase_add_test (judging, of_equal_payloads_the_latest_is_meant);
  tcase_add_test (judging, the_ring_forgets_and_does_not_foresee);
  tcase_add_test (judging, a_keyframe_counts_once_all_its_packets_came);
  suite_add_tcase (suite, judging);
  return suite;
}

int
main (void)
{
  return run_suite (loadgen_suite ());
}
