/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/joinpacer.h"

#include <stdbool.h>

#include "run_suite.h"

#define PACKET 1000 /* bytes */

/* Sends what may leave at `now`, at most `queue` packets; gives how many. */
static unsigned
drain (BlJoinPacer *pacer, unsigned queue, BlTime now)
{
  unsigned sent = 0;
  while (sent < queue && bl_joinpacer_next_send (pacer) <= now) {
    bl_joinpacer_on_sent (pacer, PACKET, now);
    sent++;
  }
  return sent;
}

START_TEST (a_group_of_pictures_leaves_at_the_rate)
{
  /* 8 Mb/s: a packet a millisecond. */
  BlJoinPacer pacer;
  bl_joinpacer_init (&pacer, 8000000, 0, 5 * BL_SECOND);
  unsigned sent = 0;
  for (BlTime t = 0; t < BL_SECOND; t += 1 * BL_MS) {
    sent += drain (&pacer, 10000, 5 * BL_SECOND + t);
    ck_assert_int_eq (sent, t / BL_MS + 1);
  }
}
END_TEST

START_TEST (the_first_packet_leaves_at_once)
{
  BlJoinPacer pacer;
  bl_joinpacer_init (&pacer, 1, 0, 100);
  ck_assert_int_le (bl_joinpacer_next_send (&pacer), 100);
}
END_TEST

START_TEST (the_first_part_leaves_at_once_and_the_rest_at_the_rate)
{
  BlJoinPacer pacer;
  bl_joinpacer_init (&pacer, 8000000, 40 * PACKET, 0);
  /* The first of the rest is due now, too. */
  ck_assert_uint_eq (drain (&pacer, 10000, 0), 41);
  ck_assert_uint_eq (drain (&pacer, 10000, 5 * BL_MS), 5);
}
END_TEST

START_TEST (a_new_rate_holds_from_the_next_packet_on)
{
  BlJoinPacer pacer;
  bl_joinpacer_init (&pacer, 80000000, 0, 0);
  ck_assert_uint_eq (drain (&pacer, 10000, 900), 10);
  bl_joinpacer_set_rate (&pacer, 8000000);
  ck_assert_uint_eq (drain (&pacer, 10000, 10 * BL_MS), 10);
}
END_TEST

START_TEST (late_calls_catch_up_by_no_more_than_the_burst)
{
  BlJoinPacer pacer;
  bl_joinpacer_init (&pacer, 8000000, 0, 0);
  drain (&pacer, 1, 0);
  /* Ten milliseconds' worth, and the one that is due now. */
  ck_assert_uint_eq (drain (&pacer, 10000, 3 * BL_SECOND), 11);
}
END_TEST

START_TEST (the_queue_shrinks_while_live_is_faster_than_the_rate)
{
  /* Live brings 8 Mb/s, the pacer has but 0.8. */
  BlJoinPacer pacer;
  bl_joinpacer_init (&pacer, 800000, 0, 0);
  unsigned queue = 60, last = queue;
  for (BlTime now = 0; queue > 0; now += BL_MS) {
    ck_assert_int_lt (now, 2 * BL_SECOND);
    queue++;
    bl_joinpacer_on_live (&pacer, PACKET);
    queue -= drain (&pacer, queue, now);
    ck_assert_uint_le (queue, last);
    last = queue;
  }
}
END_TEST

START_TEST (live_of_smaller_packets_lets_out_no_more_than_its_bytes)
{
  BlJoinPacer pacer;
  bl_joinpacer_init (&pacer, 8000, 0, 0); /* a packet a second */
  drain (&pacer, 1, 0);
  /* 40 sounds of 100 bytes are worth four packets. The clock grants one in
   * that second. */
  unsigned sent = 0;
  for (BlTime now = 25 * BL_MS; now <= BL_SECOND; now += 25 * BL_MS) {
    bl_joinpacer_on_live (&pacer, 100);
    sent += drain (&pacer, 1000, now);
  }
  ck_assert_uint_ge (sent, 4);
  ck_assert_uint_le (sent, 6);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("rtc/joinpacer");
  TCase *tcase = tcase_create ("joinpacer");
  tcase_add_test (tcase, a_group_of_pictures_leaves_at_the_rate);
  tcase_add_test (tcase, the_first_packet_leaves_at_once);
  tcase_add_test (tcase,
                  the_first_part_leaves_at_once_and_the_rest_at_the_rate);
  tcase_add_test (tcase, a_new_rate_holds_from_the_next_packet_on);
  tcase_add_test (tcase, late_calls_catch_up_by_no_more_than_the_burst);
  tcase_add_test (tcase, the_queue_shrinks_while_live_is_faster_than_the_rate);
  tcase_add_test (tcase,
                  live_of_smaller_packets_lets_out_no_more_than_its_bytes);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
