/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/history.h"

#include "rtc/h264.h"
#include "run_suite.h"

#define CAPACITY 16
#define POOL     32

static BlPacketPool *pool;
static BlHistory history;

static void
setup (void)
{
  pool = bl_packet_pool_new (POOL);
  ck_assert_ptr_nonnull (pool);
  ck_assert (bl_history_init (&history, CAPACITY));
}

static void
teardown (void)
{
  bl_history_clear (&history);
  ck_assert_uint_eq (bl_packet_pool_left (pool), POOL);
  bl_packet_pool_free (pool);
}

static BlHistoryInsert
insert_meta (uint64_t seq, BlHistoryMeta meta)
{
  BlPacket *packet = bl_packet_new (pool);
  ck_assert_ptr_nonnull (packet);
  packet->data[0] = (uint8_t)seq;
  BlHistoryInsert result = bl_history_insert (&history, seq, packet, &meta);
  bl_packet_unref (&packet);
  return result;
}

static BlHistoryInsert
insert (uint64_t seq)
{
  return insert_meta (seq, (BlHistoryMeta){ .payload_length = 10 });
}

START_TEST (a_packet_is_found_until_the_window_moves_past_it)
{
  for (uint64_t seq = 65536; seq < 65536 + 3 * CAPACITY; seq++) {
    ck_assert_int_eq (insert (seq), BL_HISTORY_INSERTED);
    ck_assert_ptr_nonnull (bl_history_get (&history, seq));
    ck_assert_uint_eq (bl_history_get (&history, seq)->packet->data[0],
                       (uint8_t)seq);
    if (seq >= 65536 + CAPACITY) {
      ck_assert_ptr_null (bl_history_get (&history, seq - CAPACITY));
      ck_assert_ptr_nonnull (bl_history_get (&history, seq - CAPACITY + 1));
    }
    ck_assert_ptr_null (bl_history_get (&history, seq + 1));
  }
}
END_TEST

START_TEST (an_empty_history_has_nothing)
{
  uint64_t seq;
  ck_assert_ptr_null (bl_history_get (&history, 0));
  ck_assert_ptr_null (bl_history_get (&history, 65536));
  ck_assert (!bl_history_newest (&history, &seq));
  ck_assert (!bl_history_key_start (&history, &seq));
  ck_assert_uint_eq (bl_history_bytes_since (&history, 0), 0);
  ck_assert_uint_eq (bl_history_next_arrival (&history), 0);
  ck_assert_uint_eq (bl_history_oldest_arrival (&history), 0);
}
END_TEST

static const struct {
  uint64_t seq;
  BlHistoryInsert result;
  uint64_t newest;
} inserts[] = {
  { 1000, BL_HISTORY_INSERTED, 1000 },
  { 1003, BL_HISTORY_INSERTED, 1003 },
  { 1001, BL_HISTORY_INSERTED, 1003 },
  { 1001, BL_HISTORY_DUPLICATE, 1003 },
  { 1003, BL_HISTORY_DUPLICATE, 1003 },
  { 999, BL_HISTORY_INSERTED, 1003 },
  { 988, BL_HISTORY_INSERTED, 1003 },
  { 987, BL_HISTORY_TOO_OLD, 1003 },
  { 1, BL_HISTORY_TOO_OLD, 1003 },
  { 1004, BL_HISTORY_INSERTED, 1004 },
  { 988, BL_HISTORY_TOO_OLD, 1004 },
  { 5000, BL_HISTORY_INSERTED, 5000 },
  { 1004, BL_HISTORY_TOO_OLD, 5000 },
  /* Slot of 1000, which is still in it but out of the window. */
  { 4984 + 8, BL_HISTORY_INSERTED, 5000 },
  { 4984 + 8, BL_HISTORY_DUPLICATE, 5000 },
};

START_TEST (late_double_and_old_packets_are_told_apart)
{
  for (size_t i = 0; i < sizeof inserts / sizeof *inserts; i++) {
    ck_assert_msg (insert (inserts[i].seq) == inserts[i].result, "step %zu", i);
    uint64_t newest = 0;
    ck_assert (bl_history_newest (&history, &newest));
    ck_assert_uint_eq (newest, inserts[i].newest);
  }
  ck_assert_ptr_null (bl_history_get (&history, 1000));
}
END_TEST

START_TEST (a_duplicate_takes_no_reference)
{
  BlPacket *packet = bl_packet_new (pool);
  BlHistoryMeta meta = { 0 };
  ck_assert_int_eq (bl_history_insert (&history, 7, packet, &meta),
                    BL_HISTORY_INSERTED);
  ck_assert_uint_eq (packet->refs, 2);
  ck_assert_int_eq (bl_history_insert (&history, 7, packet, &meta),
                    BL_HISTORY_DUPLICATE);
  ck_assert_uint_eq (packet->refs, 2);
  bl_packet_unref (&packet);
}
END_TEST

START_TEST (what_is_known_of_a_packet_comes_back)
{
  insert_meta (70000, (BlHistoryMeta){ .timestamp = 3000,
                                       .payload_offset = 20,
                                       .payload_length = 1000,
                                       .marker = true,
                                       .h264 = BL_H264_HAS_IDR,
                                       .capture = 77,
                                       .received_us = 88 });
  const BlHistoryMeta *meta = &bl_history_get (&history, 70000)->meta;
  ck_assert_uint_eq (meta->timestamp, 3000);
  ck_assert_uint_eq (meta->payload_offset, 20);
  ck_assert_uint_eq (meta->payload_length, 1000);
  ck_assert (meta->marker);
  ck_assert_uint_eq (meta->h264, BL_H264_HAS_IDR);
  ck_assert_uint_eq (meta->capture, 77);
  ck_assert_int_eq (meta->received_us, 88);
}
END_TEST

/* A packet of a made-up stream; `what` is P (a picture's only packet), S (SPS
 * and PPS), I (an IDR's first packet), i (its next ones). */
static void
insert_h264 (uint64_t seq, uint32_t timestamp, char what)
{
  uint8_t flags = 0;
  switch (what) {
  case 'S':
    flags = BL_H264_HAS_SPS | BL_H264_HAS_PPS | BL_H264_PICTURE_START;
    break;
  case 'I':
    flags = BL_H264_HAS_IDR | BL_H264_SLICE_START | BL_H264_PICTURE_START;
    break;
  case 'i':
    flags = BL_H264_HAS_IDR;
    break;
  default:
    flags = BL_H264_SLICE_START | BL_H264_PICTURE_START;
  }
  insert_meta (seq, (BlHistoryMeta){ .timestamp = timestamp,
                                     .h264 = flags,
                                     .payload_length = 100 });
}

/* Each step: one packet, and where a viewer would then join (0: nowhere). */
static const struct {
  uint64_t seq;
  uint32_t timestamp;
  char what;
  uint64_t key_start;
} joins[] = {
  { 100, 10, 'P', 0 },
  /* In order: SPS ahead of the IDR belongs to it. */
  { 101, 20, 'S', 0 },
  { 102, 20, 'I', 101 },
  { 103, 20, 'i', 101 },
  { 104, 30, 'P', 101 },
  /* SPS comes last. */
  { 107, 40, 'i', 101 },
  { 106, 40, 'I', 101 },
  { 105, 40, 'S', 105 },
  { 108, 50, 'P', 105 },
  /* While the next IDR's beginning is missing, the old one is the key. */
  { 112, 60, 'i', 105 },
  { 109, 60, 'S', 105 },
  { 111, 60, 'i', 105 },
  { 110, 60, 'I', 109 },
  { 113, 70, 'P', 109 },
  /* A late IDR packet of an older picture changes nothing. */
  { 99, 5, 'I', 109 },
  /* The window moves on: 109 is the last one in it, then it is gone. */
  { 124, 80, 'P', 109 },
  { 125, 90, 'P', 0 },
  /* Timestamps wrap; an IDR alone, without SPS, is a beginning too. */
  { 126, 0xffffffff, 'P', 0 },
  { 127, 0, 'I', 127 },
  /* The same after a hole: SPS may have been in it, until it is filled. */
  { 130, 10, 'I', 127 },
  { 128, 5, 'P', 127 },
  { 129, 5, 'P', 130 },
  /* A hole ahead of the SPS does no harm. */
  { 132, 20, 'S', 130 },
  { 133, 20, 'I', 132 },
};

START_TEST (a_viewer_joins_where_the_newest_idr_picture_begins)
{
  for (size_t i = 0; i < sizeof joins / sizeof *joins; i++) {
    insert_h264 (joins[i].seq, joins[i].timestamp, joins[i].what);
    uint64_t start = 0;
    bool known = bl_history_key_start (&history, &start);
    ck_assert_msg (known == (joins[i].key_start != 0)
                       && start == joins[i].key_start,
                   "step %zu: %d %lu", i, known, (unsigned long)start);
  }
}
END_TEST

START_TEST (a_keyframe_flushes_nothing)
{
  for (uint64_t seq = 1; seq <= 8; seq++)
    insert_h264 (seq, (uint32_t)seq, 'P');
  insert_h264 (9, 9, 'I');
  for (uint64_t seq = 1; seq <= 9; seq++)
    ck_assert_ptr_nonnull (bl_history_get (&history, seq));
}
END_TEST

START_TEST (a_late_packet_is_once_in_the_arrivals_where_it_came)
{
  static const uint64_t order[] = { 100, 102, 103, 101, 104 };
  for (unsigned i = 0; i < 5; i++) {
    ck_assert_uint_eq (bl_history_next_arrival (&history), i);
    insert (order[i]);
    insert (order[i]);
  }
  ck_assert_uint_eq (bl_history_next_arrival (&history), 5);
  for (unsigned i = 0; i < 5; i++)
    ck_assert_uint_eq (bl_history_arrival (&history, i)->seq, order[i]);
  ck_assert_uint_eq (bl_history_bytes_since (&history, 2), 30);
  ck_assert_uint_eq (bl_history_bytes_since (&history, 5), 0);
}
END_TEST

START_TEST (arrivals_are_known_as_long_as_their_ring_and_window_have_them)
{
  for (uint64_t seq = 100; seq < 100 + 3 * CAPACITY; seq++)
    insert (seq);
  ck_assert_uint_eq (bl_history_next_arrival (&history), 3 * CAPACITY);
  ck_assert_uint_eq (bl_history_oldest_arrival (&history), 2 * CAPACITY);
  ck_assert_uint_eq (bl_history_arrival (&history, 2 * CAPACITY)->seq,
                     100 + 2 * CAPACITY);
  /* The window leaps past them; they did arrive. */
  insert (10000);
  ck_assert_ptr_null (bl_history_arrival (&history, 3 * CAPACITY - 1));
  ck_assert_uint_eq (bl_history_arrival (&history, 3 * CAPACITY)->seq, 10000);
}
END_TEST

/* Numbers in order of arrival, and where a join at the key 10 begins. */
static const struct {
  uint64_t order[8];
  uint64_t arrival;
} join_points[] = {
  { { 8, 9, 10, 11, 12 }, 2 },
  { { 8, 11, 9, 10, 12 }, 1 },  /* reordered */
  { { 8, 11, 12, 13, 10 }, 1 }, /* repaired */
  { { 10, 9, 11 }, 0 },
};

START_TEST (a_join_begins_with_the_first_arrival_of_its_pictures)
{
  uint64_t arrival = 0;
  for (unsigned i = 0; join_points[_i].order[i]; i++)
    insert (join_points[_i].order[i]);
  ck_assert (bl_history_join_point (&history, 10, &arrival));
  ck_assert_uint_eq (arrival, join_points[_i].arrival);
  for (unsigned i = 0; i < CAPACITY; i++)
    insert (14 + i);
  ck_assert (!bl_history_join_point (&history, 10, &arrival));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("rtc/history");
  TCase *tcase = tcase_create ("history");
  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_add_test (tcase, a_packet_is_found_until_the_window_moves_past_it);
  tcase_add_test (tcase, an_empty_history_has_nothing);
  tcase_add_test (tcase, late_double_and_old_packets_are_told_apart);
  tcase_add_test (tcase, a_duplicate_takes_no_reference);
  tcase_add_test (tcase, what_is_known_of_a_packet_comes_back);
  tcase_add_test (tcase, a_viewer_joins_where_the_newest_idr_picture_begins);
  tcase_add_test (tcase, a_keyframe_flushes_nothing);
  tcase_add_test (tcase, a_late_packet_is_once_in_the_arrivals_where_it_came);
  tcase_add_test (
      tcase, arrivals_are_known_as_long_as_their_ring_and_window_have_them);
  tcase_add_loop_test (tcase,
                       a_join_begins_with_the_first_arrival_of_its_pictures, 0,
                       sizeof join_points / sizeof *join_points);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
