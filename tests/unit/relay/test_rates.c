/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/rates.h"

#include "../run_suite.h"
#include "rtc/h264.h"

#define START (100 * BL_SECOND)
#define BYTES 1000 /* a packet with all that belongs to it */

static BlRates rates;
static BlTime now;

static void
set_up (void)
{
  rates = (BlRates){ 0 };
  now = START;
}

static void
give (bool audio, uint8_t h264, uint32_t timestamp, bool marker)
{
  BlHistoryMeta meta = { .timestamp = timestamp,
                         .payload_length = BYTES - BL_RATES_OVERHEAD_BYTES,
                         .marker = marker,
                         .audio = audio,
                         .h264 = h264,
                         .received_us = now };
  bl_rates_on_packet (&rates, &meta);
}

/* 100 packets a second: a tenth sound, three tenths disposable. */
static void
run (int seconds)
{
  for (int i = 0; i < seconds * 100; i++, now += 10 * BL_MS)
    give (i % 10 == 0, i % 10 > 0 && i % 10 < 4 ? BL_H264_DISPOSABLE : 0,
          (uint32_t)i, true);
}

START_TEST (nothing_is_known_before_a_span_is_over)
{
  run (1);
  ck_assert_uint_eq (rates.last.all_bps, 0);
}
END_TEST

START_TEST (all_sound_and_what_is_referred_to_are_told_apart)
{
  run (10);
  ck_assert_uint_eq (rates.last.all_bps, 100 * BYTES * 8);
  ck_assert_uint_eq (rates.last.sound_bps, 10 * BYTES * 8);
  ck_assert_uint_eq (rates.last.referenced_bps, 70 * BYTES * 8);
}
END_TEST

START_TEST (a_pause_does_not_make_a_source_look_slow)
{
  run (10);
  now += 3600 * BL_SECOND;
  run (1);
  ck_assert_uint_eq (rates.last.all_bps, 100 * BYTES * 8);
}
END_TEST

START_TEST (a_keyframe_is_weighed_whole)
{
  for (int i = 0; i < 20; i++)
    give (false, BL_H264_HAS_IDR, 1, i == 19);
  ck_assert_uint_eq (rates.last.key_bytes, 20 * BYTES);
  /* A smaller one counts once it is whole, a larger one at once. */
  for (int i = 0; i < 9; i++)
    give (false, BL_H264_HAS_IDR, 2, false);
  ck_assert_uint_eq (rates.last.key_bytes, 20 * BYTES);
  give (false, BL_H264_HAS_IDR, 2, true);
  ck_assert_uint_eq (rates.last.key_bytes, 10 * BYTES);
  for (int i = 0; i < 30; i++)
    give (false, BL_H264_HAS_IDR, 3, false);
  ck_assert_uint_eq (rates.last.key_bytes, 30 * BYTES);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("relay/rates");
  TCase *tcase = tcase_create ("rates");
  tcase_add_checked_fixture (tcase, set_up, NULL);
  tcase_add_test (tcase, nothing_is_known_before_a_span_is_over);
  tcase_add_test (tcase, all_sound_and_what_is_referred_to_are_told_apart);
  tcase_add_test (tcase, a_pause_does_not_make_a_source_look_slow);
  tcase_add_test (tcase, a_keyframe_is_weighed_whole);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
