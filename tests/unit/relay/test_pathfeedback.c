/* SPDX-License-Identifier: Apache-2.0
 *
 * The record of each path alone, and in a relay with a publisher that has two.
 */
#include "relay/pathfeedback.h"

#include <string.h>

#include "../run_suite.h"
#include "rtc/rtcp.h"
#include "world.h"

#define NOW  (1000 * BL_SECOND)
#define SSRC 77

static BlPathFeedback feedback;
static BlPath paths[BL_PATHS_MAX + 1];
static uint8_t report[1200];
static size_t report_length;

static void
set_up (void)
{
  memset (paths, 0, sizeof paths);
  for (unsigned i = 0; i < G_N_ELEMENTS (paths); i++)
    ck_assert (
        bl_address_parse ("192.0.2.1", (uint16_t)(1000 + i), &paths[i].peer));
  bl_pathfeedback_init (&feedback, NOW, bl_ntp_from_unix_us (NOW));
}

static void
tear_down (void)
{
  bl_pathfeedback_clear (&feedback);
}

static BlTime
arrive (unsigned path, uint16_t seq, BlTime now)
{
  BlArrival arrival = { .ssrc = SSRC, .seq = seq, .ecn = BL_ECN_CE };
  return bl_pathfeedback_on_arrival (&feedback, &paths[path], &arrival, now);
}

/* By which path the report went; -1: there is none. */
static int
write_at (BlTime now)
{
  BlWriter w = bl_writer (report, sizeof report);
  const BlPath *path = bl_pathfeedback_write (&feedback, &w, 1, now);
  report_length = bl_writer_length (&w);
  return path ? bl_address_port (&path->peer) - 1000 : -1;
}

/* How many packets the last report says have arrived. */
static unsigned
count_received (void)
{
  BlRtcpIter iter;
  BlRtcpPacket packet;
  BlCcfbReport parsed;
  BlCcfbResult result;
  unsigned n = 0;
  ck_assert_int_eq (bl_rtcp_open (&iter, report, report_length), BL_RTCP_OK);
  ck_assert (bl_rtcp_next (&iter, &packet));
  ck_assert_int_eq (bl_ccfb_parse (&packet, &parsed), BL_CCFB_OK);
  while (bl_ccfb_next (&parsed, &result)) {
    ck_assert_uint_eq (result.ssrc, SSRC);
    ck_assert (!result.received || result.ecn == BL_ECN_CE);
    n += result.received;
  }
  return n;
}

START_TEST (under_load_reports_are_ten_milliseconds_apart)
{
  unsigned n = 0;
  for (int i = 0; i < 1000; i++) {
    BlTime now = NOW + i * BL_MS;
    arrive (0, (uint16_t)i, now);
    if (bl_pathfeedback_due (&feedback) > now)
      continue;
    ck_assert_int_eq (write_at (now), 0);
    ck_assert_int_eq (write_at (now), -1);
    n++;
  }
  ck_assert_uint_eq (n, 100);
}
END_TEST

START_TEST (little_is_told_seldom_and_late_by_no_more_than_fifty)
{
  arrive (0, 1, NOW);
  ck_assert_int_eq (bl_pathfeedback_due (&feedback), NOW);
  ck_assert_int_eq (write_at (NOW), 0);
  ck_assert_int_eq (bl_pathfeedback_due (&feedback), BL_TIME_NEVER);
  arrive (0, 2, NOW + 5 * BL_MS);
  ck_assert_int_eq (bl_pathfeedback_due (&feedback), NOW + 50 * BL_MS);
  ck_assert_int_eq (write_at (NOW + 49 * BL_MS), -1);
  /* Two are worth a report. */
  arrive (0, 3, NOW + 30 * BL_MS);
  ck_assert_int_le (bl_pathfeedback_due (&feedback), NOW + 30 * BL_MS);
  ck_assert_int_eq (write_at (NOW + 30 * BL_MS), 0);
  ck_assert_uint_eq (count_received (), 3);
}
END_TEST

START_TEST (a_report_is_of_its_path_alone)
{
  for (uint16_t i = 0; i < 10; i++)
    arrive (i % 2, i, NOW + i);
  unsigned seen = 0;
  for (int path; (path = write_at (NOW + 10 * BL_MS)) >= 0;) {
    ck_assert_uint_eq (count_received (), 5);
    seen |= 1u << path;
  }
  ck_assert_uint_eq (seen, 3);
}
END_TEST

START_TEST (a_copy_is_in_the_reports_of_both_paths_and_its_lag_is_known)
{
  ck_assert_int_eq (arrive (0, 65535, NOW), -1);
  ck_assert_int_eq (arrive (0, 65535, NOW + 1), -1);
  ck_assert_int_eq (arrive (0, 0, NOW + 2), -1);
  ck_assert_int_eq (arrive (1, 65535, NOW + 3 * BL_MS), 3 * BL_MS);
  ck_assert_int_eq (arrive (1, 0, NOW + 2 + 5 * BL_MS), 5 * BL_MS);
  for (int path = 0; path < 2; path++) {
    ck_assert_int_eq (write_at (NOW + 20 * BL_MS), path);
    ck_assert_uint_eq (count_received (), 2);
  }
}
END_TEST

START_TEST (what_does_not_fit_follows_at_once)
{
  for (uint16_t i = 0; i < 512; i++)
    arrive (0, i, NOW);
  BlWriter w = bl_writer (report, 100);
  ck_assert_ptr_nonnull (bl_pathfeedback_write (&feedback, &w, 1, NOW));
  ck_assert_int_le (bl_pathfeedback_due (&feedback), NOW);
  ck_assert_int_eq (write_at (NOW), 0);
}
END_TEST

START_TEST (one_path_more_takes_the_place_of_the_most_silent)
{
  for (unsigned i = 0; i < BL_PATHS_MAX; i++)
    arrive (i, 1, NOW + i);
  arrive (0, 2, NOW + 10);
  arrive (BL_PATHS_MAX, 7, NOW + 20);
  ck_assert_uint_eq (feedback.n, BL_PATHS_MAX);
  unsigned seen = 0;
  for (int path; (path = write_at (NOW + BL_SECOND)) >= 0;)
    seen |= 1u << path;
  ck_assert_uint_eq (seen, 1 << 0 | 1 << 2 | 1 << 3 | 1 << 4);
}
END_TEST

/* ---- in a relay ---- */

static Peer *publisher, *viewer;

static void
open_world (void)
{
  world_set_up ();
  publisher = world_new_peer (BL_SESSION_PUBLISHER, 1);
  publisher->negotiated.video.feedback
      = BL_FEEDBACK_NACK | BL_FEEDBACK_PLI | BL_FEEDBACK_CCFB;
  publisher->negotiated.video.rtcp_rsize = true;
  publisher->negotiated.audio.feedback = BL_FEEDBACK_CCFB;
  publisher->answers_nack = true;
  BlSessionSetup setup = peer_setup (publisher);
  bl_hub_add_session (world.hub, 1, WORLD_SOURCE, &setup);
  world_connect (publisher);
  world.second_port = 2001;
  publisher->has_two_ways = true;
  world.ways = 2;
  peer_check (publisher, false);
  world_settle ();
  viewer = world_join (BL_SESSION_VIEWER, 2);
}

static void
send_pictures (unsigned n, unsigned ways)
{
  world.ways = ways;
  for (unsigned i = 0; i < n; i++) {
    peer_send_picture (publisher, publisher->number == 0, 4);
    world_settle ();
    world_advance (33333);
  }
}

START_TEST (reports_go_by_the_path_that_they_are_of)
{
  send_pictures (30, 1);
  ck_assert_uint_ge (publisher->n_path_reports[0], 30);
  ck_assert_uint_eq (publisher->n_path_reports[1], 0);
  ck_assert_uint_eq (publisher->reported_seq[0],
                     (uint16_t)(publisher->video_seq - 1));
  send_pictures (30, 2);
  ck_assert_uint_ge (publisher->n_path_reports[1], 30);
  ck_assert_uint_eq (publisher->reported_seq[1],
                     (uint16_t)(publisher->video_seq - 1));
  ck_assert_uint_eq (publisher->n_transport_feedback, 0);
}
END_TEST

START_TEST (copies_are_reported_and_counted_and_cost_no_request)
{
  send_pictures (30, 3);
  for (unsigned way = 0; way < 2; way++) {
    ck_assert_uint_ge (publisher->n_path_reports[way], 30);
    ck_assert_uint_eq (publisher->reported_seq[way],
                       (uint16_t)(publisher->video_seq - 1));
  }
  ck_assert_uint_eq (publisher->n_nacks, 0);
  ck_assert_uint_eq (world_assert_whole (viewer), 30 * 4);
  BlWorkerStats *stats = bl_hub_stats (world.hub);
  ck_assert_uint_eq (stats->sources[0].copies, 30 * 4);
  ck_assert_uint_eq (stats->sources[0].nacks_out, 0);
  bl_worker_stats_free (stats);
}
END_TEST

START_TEST (either_path_may_die_without_a_gap)
{
  send_pictures (10, 3);
  send_pictures (10, _i == 0 ? 1 : 2);
  ck_assert_uint_eq (world_assert_whole (viewer), 20 * 4);
}
END_TEST

/* The chosen path is dead, which can't be known yet. */
START_TEST (a_request_goes_by_every_path_that_was_heard_just_now)
{
  send_pictures (10, 3);
  world.ways = 2;
  publisher->drop_next = true;
  send_pictures (2, 2);
  world_advance (100 * BL_MS);
  ck_assert_uint_ge (publisher->n_nacks, 1);
  ck_assert_uint_ge (bl_hub_counters (world.hub)->nacks_out, 1);
  ck_assert_uint_eq (world_assert_whole (viewer), 12 * 4);
}
END_TEST

/* _i: under a number that is still to come, or that came before. */
START_TEST (forgeries_are_in_no_report)
{
  send_pictures (3, 1);
  world_advance (BL_SECOND / 2);
  unsigned before = publisher->n_path_reports[0];
  uint8_t forged[200] = { 0x80, PT_VIDEO };
  unsigned seq = publisher->video_seq + (_i == 0 ? 5u : -1u);
  forged[2] = (uint8_t)(seq >> 8);
  forged[3] = (uint8_t)seq;
  for (unsigned i = 0; i < 4; i++)
    forged[8 + i] = (uint8_t)(publisher->video_ssrc >> (24 - 8 * i));
  uint64_t dropped = world_dropped (BL_DROP_AUTH);
  world_send (publisher, forged, sizeof forged);
  world_settle ();
  world_advance (BL_SECOND / 2);
  ck_assert_uint_eq (world_dropped (BL_DROP_AUTH), dropped + 1);
  ck_assert_uint_eq (publisher->n_path_reports[0], before);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("relay/pathfeedback");
  TCase *alone = tcase_create ("alone");
  tcase_add_checked_fixture (alone, set_up, tear_down);
  tcase_add_test (alone, under_load_reports_are_ten_milliseconds_apart);
  tcase_add_test (alone, little_is_told_seldom_and_late_by_no_more_than_fifty);
  tcase_add_test (alone, a_report_is_of_its_path_alone);
  tcase_add_test (alone,
                  a_copy_is_in_the_reports_of_both_paths_and_its_lag_is_known);
  tcase_add_test (alone, what_does_not_fit_follows_at_once);
  tcase_add_test (alone, one_path_more_takes_the_place_of_the_most_silent);
  suite_add_tcase (suite, alone);
  TCase *relay = tcase_create ("relay");
  tcase_set_timeout (relay, 60);
  tcase_add_checked_fixture (relay, open_world, world_tear_down);
  tcase_add_test (relay, reports_go_by_the_path_that_they_are_of);
  tcase_add_test (relay, copies_are_reported_and_counted_and_cost_no_request);
  tcase_add_loop_test (relay, either_path_may_die_without_a_gap, 0, 2);
  tcase_add_test (relay, a_request_goes_by_every_path_that_was_heard_just_now);
  tcase_add_loop_test (relay, forgeries_are_in_no_report, 0, 2);
  suite_add_tcase (suite, relay);
  return run_suite (suite);
}
