/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/tap.h"

#include <glib.h>

#include "../run_suite.h"

static BlTapRecord
packet (uint64_t sequence, uint16_t length)
{
  return (BlTapRecord){ .recording = 7,
                        .kind = BL_TAP_PACKET,
                        .sequence = sequence,
                        .capture_us = BL_TAP_TIME_UNKNOWN,
                        .length = length };
}

/* Payload bytes that tell the record they belong to. */
static void
fill (uint8_t *payload, uint64_t sequence, uint16_t length)
{
  for (uint16_t i = 0; i < length; i++)
    payload[i] = (uint8_t)(sequence * 31 + i);
}

static bool
holds (const uint8_t *payload, uint64_t sequence, uint16_t length)
{
  uint8_t want[BL_TAP_PAYLOAD_MAX];
  fill (want, sequence, length);
  return memcmp (payload, want, length) == 0;
}

START_TEST (records_come_out_as_they_went_in)
{
  BlTap *tap = bl_tap_new (0);
  const uint8_t *payload;
  ck_assert_ptr_null (bl_tap_peek (tap, &payload));
  const BlTapRecord start = { .recording = 9,
                              .arrival_us = 1234567,
                              .kind = BL_TAP_START,
                              .has_video = true };
  const BlTapRecord media = { .recording = 9,
                              .arrival_us = 1234568,
                              .kind = BL_TAP_PACKET,
                              .track = BL_TRACK_AUDIO,
                              .marker = true,
                              .keyframe = true,
                              .length = 3,
                              .sequence = UINT64_C (0x100000001),
                              .rtp_time = UINT64_C (0x200000002),
                              .capture_us = -5 };
  ck_assert (bl_tap_write (tap, &start, NULL));
  ck_assert (bl_tap_write (tap, &media, (const uint8_t *)"abc"));
  const BlTapRecord *got = bl_tap_peek (tap, &payload);
  ck_assert_mem_eq (got, &start, sizeof start);
  bl_tap_pop (tap);
  got = bl_tap_peek (tap, &payload);
  ck_assert_mem_eq (got, &media, sizeof media);
  ck_assert_mem_eq (payload, "abc", 3);
  bl_tap_pop (tap);
  ck_assert_ptr_null (bl_tap_peek (tap, &payload));
  bl_tap_free (tap);
}
END_TEST

START_TEST (a_full_tap_drops_packets_and_counts_but_takes_a_stop)
{
  BlTap *tap = bl_tap_new (0);
  uint8_t bytes[1200] = { 0 };
  uint64_t written = 0;
  BlTapRecord record = packet (0, sizeof bytes);
  while (bl_tap_write (tap, &record, bytes)) {
    record.sequence = ++written;
    ck_assert_uint_lt (written, 1000);
  }
  ck_assert_uint_gt (written, 30);
  ck_assert_uint_eq (bl_tap_dropped (tap), 1);
  const BlTapRecord stop = { .recording = 7, .kind = BL_TAP_STOP };
  ck_assert (bl_tap_write (tap, &stop, NULL));
  const uint8_t *payload;
  for (uint64_t i = 0; i < written; i++) {
    const BlTapRecord *got = bl_tap_peek (tap, &payload);
    ck_assert_uint_eq (got->sequence, i);
    bl_tap_pop (tap);
  }
  ck_assert_int_eq (bl_tap_peek (tap, &payload)->kind, BL_TAP_STOP);
  bl_tap_pop (tap);
  ck_assert_msg (bl_tap_write (tap, &record, bytes), "there is room again");
  bl_tap_free (tap);
}
END_TEST

START_TEST (every_length_survives_every_place_where_the_ring_wraps)
{
  BlTap *tap = bl_tap_new (0);
  uint8_t bytes[BL_TAP_PAYLOAD_MAX];
  const uint8_t *payload;
  uint64_t sequence = 0;
  for (int round = 0; round < 20; round++) {
    for (uint16_t length = 0; length <= BL_TAP_PAYLOAD_MAX; length += 7) {
      BlTapRecord record = packet (++sequence, length);
      fill (bytes, sequence, length);
      ck_assert (bl_tap_write (tap, &record, bytes));
      const BlTapRecord *got = bl_tap_peek (tap, &payload);
      ck_assert_uint_eq (got->sequence, sequence);
      ck_assert_uint_eq (got->length, length);
      ck_assert (holds (payload, sequence, length));
      bl_tap_pop (tap);
    }
  }
  ck_assert_uint_eq (bl_tap_dropped (tap), 0);
  bl_tap_free (tap);
}
END_TEST

#define THREADED_RECORDS 200000

static gpointer
write_records (gpointer data)
{
  BlTap *tap = data;
  uint8_t bytes[BL_TAP_PAYLOAD_MAX];
  for (uint64_t i = 1; i <= THREADED_RECORDS; i++) {
    BlTapRecord record = packet (i, (uint16_t)(i * 7 % 300));
    fill (bytes, i, record.length);
    (void)bl_tap_write (tap, &record, bytes);
  }
  const BlTapRecord stop = { .recording = 7, .kind = BL_TAP_STOP };
  while (!bl_tap_write (tap, &stop, NULL))
    g_thread_yield ();
  return NULL;
}

START_TEST (two_threads_lose_only_what_is_counted)
{
  BlTap *tap = bl_tap_new (0);
  GThread *writer = g_thread_new ("writer", write_records, tap);
  uint64_t last = 0, missing = 0;
  for (bool stopped = false; !stopped;) {
    const uint8_t *payload;
    const BlTapRecord *got = bl_tap_peek (tap, &payload);
    if (!got) {
      bl_tap_wait (tap, -1); /* a lost wake-up would hang here */
      continue;
    }
    stopped = got->kind == BL_TAP_STOP;
    if (!stopped) {
      ck_assert_uint_gt (got->sequence, last);
      missing += got->sequence - last - 1;
      last = got->sequence;
      ck_assert (holds (payload, got->sequence, got->length));
    }
    bl_tap_pop (tap);
  }
  g_thread_join (writer);
  missing += THREADED_RECORDS - last;
  ck_assert_uint_eq (bl_tap_dropped (tap), missing);
  bl_tap_free (tap);
}
END_TEST

static gpointer
write_one_by_one (gpointer data)
{
  BlTap **taps = data;
  const uint8_t *payload;
  for (uint64_t i = 1; i <= 20000; i++) {
    BlTapRecord record = packet (i, 0);
    ck_assert (bl_tap_write (taps[0], &record, NULL));
    while (!bl_tap_peek (taps[1], &payload))
      bl_tap_wait (taps[1], -1);
    bl_tap_pop (taps[1]);
  }
  return NULL;
}

START_TEST (a_sleeping_reader_is_woken_for_each_record)
{
  /* Ping-pong over two taps: each side sleeps before nearly every record. */
  BlTap *taps[2] = { bl_tap_new (0), bl_tap_new (0) };
  GThread *other = g_thread_new ("other", write_one_by_one, taps);
  const uint8_t *payload;
  for (uint64_t i = 1; i <= 20000; i++) {
    while (!bl_tap_peek (taps[0], &payload))
      bl_tap_wait (taps[0], -1);
    bl_tap_pop (taps[0]);
    BlTapRecord record = packet (i, 0);
    ck_assert (bl_tap_write (taps[1], &record, NULL));
  }
  g_thread_join (other);
  bl_tap_free (taps[0]);
  bl_tap_free (taps[1]);
}
END_TEST

START_TEST (a_wake_before_the_wait_is_not_lost)
{
  BlTap *tap = bl_tap_new (0);
  bl_tap_wake (tap);
  bl_tap_wait (tap, -1);
  bl_tap_free (tap);
}
END_TEST

START_TEST (keyframes_asked_for_reach_the_worker_in_order)
{
  BlTap *tap = bl_tap_new (0);
  uint64_t recording = 0;
  ck_assert (!bl_tap_next_keyframe_wanted (tap, &recording));
  for (uint64_t round = 0; round < 5; round++) {
    for (uint64_t i = 1; i <= 40; i++)
      bl_tap_want_keyframe (tap, round * 100 + i); /* 16 fit */
    for (uint64_t i = 1; i <= 16; i++) {
      ck_assert (bl_tap_next_keyframe_wanted (tap, &recording));
      ck_assert_uint_eq (recording, round * 100 + i);
    }
    ck_assert (!bl_tap_next_keyframe_wanted (tap, &recording));
  }
  bl_tap_free (tap);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("relay/tap");
  TCase *tc = tcase_create ("tap");
  tcase_set_timeout (tc, 120);
  tcase_add_test (tc, records_come_out_as_they_went_in);
  tcase_add_test (tc, a_full_tap_drops_packets_and_counts_but_takes_a_stop);
  tcase_add_test (tc, every_length_survives_every_place_where_the_ring_wraps);
  tcase_add_test (tc, two_threads_lose_only_what_is_counted);
  tcase_add_test (tc, a_sleeping_reader_is_woken_for_each_record);
  tcase_add_test (tc, a_wake_before_the_wait_is_not_lost);
  tcase_add_test (tc, keyframes_asked_for_reach_the_worker_in_order);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
