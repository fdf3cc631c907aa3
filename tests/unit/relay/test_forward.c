/* SPDX-License-Identifier: Apache-2.0
 *
 * What viewers are sent, and when: rounds, joins, and a socket that is full.
 */
#include "../run_suite.h"
#include "world.h"

START_TEST (equal_packets_leave_in_one_send)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  world_join (BL_SESSION_VIEWER, 2);
  world_send_pictures (publisher, 3, 3);
  guint64 sends = bl_hub_counters (world.hub)->sends;
  guint64 packets = bl_hub_counters (world.hub)->packets_out;
  peer_send_picture (publisher, false, 40);
  world_settle ();
  ck_assert_uint_eq (bl_hub_counters (world.hub)->sends, sends + 1);
  ck_assert_uint_eq (bl_hub_counters (world.hub)->packets_out, packets + 40);
}
END_TEST

START_TEST (a_late_viewer_gets_the_whole_group_of_pictures_and_then_live)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  world_send_pictures (publisher, 20, 4);
  world_send_pictures (publisher, 50, 10);
  unsigned asked = publisher->n_plis;

  Peer *viewer = world_join (BL_SESSION_VIEWER, 2);
  ck_assert_uint_gt (viewer->n_rtp, 0);
  ck_assert (viewer->rtp[0].key);
  /* Paced: not all of it at once. */
  ck_assert_uint_lt (viewer->n_rtp, 250);
  for (int i = 0; i < 40; i++) {
    peer_send_picture (publisher, false, 10);
    world_settle ();
    world_advance (33333);
  }
  ck_assert_uint_eq (world_assert_whole (viewer), 90 * 10);
  for (unsigned i = 1; i < viewer->n_rtp; i++)
    ck_assert_int_gt ((int16_t)(viewer->rtp[i].seq - viewer->rtp[i - 1].seq),
                      0);
  ck_assert_uint_eq (publisher->n_plis, asked);
}
END_TEST

START_TEST (a_long_join_asks_for_a_keyframe_and_goes_on_from_there)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  world_send_pictures (publisher, 120, 15);
  unsigned asked = publisher->n_plis;
  Peer *viewer = world_join (BL_SESSION_VIEWER, 2);
  world_advance (100 * BL_MS);
  ck_assert_uint_eq (publisher->n_plis, asked + 1);
  ck_assert_uint_lt (viewer->n_rtp, 1000);

  uint32_t before = publisher->number;
  peer_send_picture (publisher, true, 15);
  for (int i = 0; i < 10; i++) {
    world_settle ();
    world_advance (33333);
    peer_send_picture (publisher, false, 15);
  }
  world_settle ();
  unsigned sent = world_assert_whole (viewer);
  ck_assert_uint_lt (sent, 1500);
  for (uint32_t i = 1; i < 11 * 15; i++)
    if (viewer->rtp[sent - 11 * 15 + i].number)
      ck_assert_uint_eq (viewer->rtp[sent - 11 * 15 + i].number, before + i);
}
END_TEST

START_TEST (a_loss_during_a_join_is_sent_once)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  publisher->answers_nack = false;
  world_send_pictures (publisher, 40, 20);
  publisher->drop_next = true;
  peer_send_picture (publisher, false, 20);
  world_settle ();
  Peer *viewer = world_join (BL_SESSION_VIEWER, 2);
  publisher->answers_nack = true;
  for (int i = 0; i < 40; i++) {
    peer_send_picture (publisher, false, 5);
    world_settle ();
    world_advance (33333);
  }
  ck_assert_uint_eq (world_assert_whole (viewer), 41 * 20 + 40 * 5);
}
END_TEST

START_TEST (a_viewer_before_the_publisher_waits_for_its_keyframe)
{
  Peer *viewer = world_join (BL_SESSION_VIEWER, 2);
  world_advance (3 * BL_SECOND);
  ck_assert_uint_eq (viewer->n_rtp, 0);
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  for (int i = 0; i < 3; i++) {
    peer_send_picture (publisher, false, 3);
    world_advance (33333);
  }
  ck_assert_uint_eq (viewer->n_rtp, 0);
  ck_assert_uint_eq (world_dropped (BL_DROP_BEFORE_KEY), 9);
  ck_assert_uint_eq (publisher->n_plis, 1);
  world_send_pictures (publisher, 10, 3);
  ck_assert_uint_eq (world_assert_whole (viewer), 30);
  ck_assert (viewer->rtp[0].key);
}
END_TEST

START_TEST (a_full_socket_costs_neither_packets_nor_their_order)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = world_join (BL_SESSION_VIEWER, 2);
  Peer *other = world_join (BL_SESSION_VIEWER, 3);
  world_send_pictures (publisher, 3, 3);
  world.full = true;
  for (unsigned i = 0; i < 3; i++) {
    peer_send_picture (publisher, false, 25);
    peer_send_audio (publisher);
    world_settle ();
  }
  ck_assert (bl_hub_is_blocked (world.hub));
  guint64 sends = bl_hub_counters (world.hub)->sends;
  world.full = false;
  world_settle ();
  ck_assert_uint_gt (bl_hub_counters (world.hub)->blocked_sends, 0);
  /* It did not ask the kernel in vain for each of them. */
  ck_assert_uint_le (bl_hub_counters (world.hub)->blocked_sends, sends);
  ck_assert_uint_eq (world_assert_whole (viewer), 3 * 3 + 3 * 25);
  ck_assert_uint_eq (world_assert_whole (other), 3 * 3 + 3 * 25);
  ck_assert_uint_eq (viewer->n_rtp, 3 * 3 + 3 * 26);
  for (unsigned i = 1; i < viewer->n_rtp; i++)
    ck_assert_uint_eq (viewer->rtp[i].ext.transport_seq,
                       (uint16_t)(viewer->rtp[i - 1].ext.transport_seq + 1));
}
END_TEST

START_TEST (answers_to_a_full_socket_are_dropped_and_counted)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = world_join (BL_SESSION_VIEWER, 2);
  world_send_pictures (publisher, 3, 3);
  world.full = true;
  peer_send_picture (publisher, false, 3);
  world_settle ();
  unsigned answered = viewer->link.n_checks_answered;
  peer_check (viewer, true);
  world_settle ();
  ck_assert_uint_eq (world_dropped (BL_DROP_SEND_FULL), 1);
  world.full = false;
  world_settle ();
  ck_assert_uint_eq (viewer->link.n_checks_answered, answered);
  peer_check (viewer, true);
  world_settle ();
  ck_assert_uint_eq (viewer->link.n_checks_answered, answered + 1);
  ck_assert_uint_eq (world_assert_whole (viewer), 4 * 3);
}
END_TEST

/* Blocked for as long as `pictures` of 25 packets take to arrive. */
static void
stand_still (Peer *publisher, unsigned pictures)
{
  world.full = true;
  for (unsigned i = 0; i < pictures; i++) {
    peer_send_picture (publisher, false, 25);
    world_settle ();
    world_advance (33333);
  }
  world.full = false;
}

START_TEST (who_fell_out_of_the_history_joins_anew_with_numbers_that_go_on)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = world_join (BL_SESSION_VIEWER, 2);
  world_send_pictures (publisher, 3, 3);
  unsigned asked = publisher->n_plis;
  stand_still (publisher, 100);
  /* The history holds no IDR any more. */
  for (unsigned i = 0; i < 4; i++) {
    peer_send_picture (publisher, false, 3);
    world_settle ();
    world_advance (33333);
  }
  ck_assert_uint_eq (bl_hub_counters (world.hub)->viewers_lost_way, 1);
  ck_assert_uint_gt (publisher->n_plis, asked);
  unsigned before = viewer->n_rtp;
  uint32_t number = publisher->number;
  world_send_pictures (publisher, 3, 3);
  ck_assert_uint_eq (viewer->n_rtp, before + 9);
  ck_assert (viewer->rtp[before].key);
  ck_assert_uint_eq (viewer->rtp[before + 1].number, number + 1);
  world_assert_whole (viewer);
}
END_TEST

START_TEST (who_is_late_goes_on_from_a_newer_keyframe)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = world_join (BL_SESSION_VIEWER, 2);
  world_send_pictures (publisher, 3, 3);
  stand_still (publisher, 30);
  world.full = true;
  uint32_t number = publisher->number;
  world_send_pictures (publisher, 2, 3);
  world.full = false;
  world_settle ();
  peer_send_picture (publisher, false, 3);
  world_settle ();
  /* Of the pictures between, only what was encrypted already. */
  ck_assert_uint_lt (world_assert_whole (viewer), 9 + 2 * 16 + 9 + 1);
  ck_assert_uint_eq (viewer->rtp[viewer->n_rtp - 1].number, number + 8);
  ck_assert_uint_eq (bl_hub_counters (world.hub)->viewers_lost_way, 0);
}
END_TEST

START_TEST (a_burst_is_spread_and_sound_goes_first)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  Peer *viewers[] = { world_join (BL_SESSION_VIEWER, 2),
                      world_join (BL_SESSION_VIEWER, 3) };
  world_send_pictures (publisher, 3, 3);
  unsigned before = viewers[0]->n_rtp;
  peer_send_picture (publisher, true, 60);
  peer_send_audio (publisher);
  world_settle ();
  for (unsigned i = 0; i < 2; i++) {
    ck_assert_uint_eq (viewers[i]->n_rtp, before + 61);
    ck_assert_uint_eq (viewers[i]->rtp[before].payload_type, PT_AUDIO);
  }
  /* Sixteen at a time; twice as many where the last of a round is the first of
   * the next. */
  const BlHistogram *runs = &bl_hub_counters (world.hub)->send_batch;
  ck_assert_uint_ge (runs->counts[4] + runs->counts[5], 4);
  ck_assert_uint_eq (runs->counts[6], 0);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("relay/forward");
  TCase *tcase = tcase_create ("forward");
  tcase_set_timeout (tcase, 60);
  tcase_add_checked_fixture (tcase, world_set_up, world_tear_down);
  tcase_add_test (tcase, equal_packets_leave_in_one_send);
  tcase_add_test (tcase,
                  a_late_viewer_gets_the_whole_group_of_pictures_and_then_live);
  tcase_add_test (tcase,
                  a_long_join_asks_for_a_keyframe_and_goes_on_from_there);
  tcase_add_test (tcase, a_loss_during_a_join_is_sent_once);
  tcase_add_test (tcase, a_viewer_before_the_publisher_waits_for_its_keyframe);
  tcase_add_test (tcase, a_full_socket_costs_neither_packets_nor_their_order);
  tcase_add_test (tcase, answers_to_a_full_socket_are_dropped_and_counted);
  tcase_add_test (
      tcase, who_fell_out_of_the_history_joins_anew_with_numbers_that_go_on);
  tcase_add_test (tcase, who_is_late_goes_on_from_a_newer_keyframe);
  tcase_add_test (tcase, a_burst_is_spread_and_sound_goes_first);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
