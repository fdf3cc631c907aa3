/* SPDX-License-Identifier: Apache-2.0
 *
 * Handshakes wait for media, and not the other way round.
 */
#include "../run_suite.h"
#include "relay/handshakes.h"
#include "world.h"

#define N_JOINING 4

/* So many viewers have checked their path, and their ClientHellos are on the
 * way, all before what the test sends next. */
static void
let_many_say_hello (Peer **out_viewers)
{
  for (unsigned i = 0; i < N_JOINING; i++) {
    out_viewers[i] = world_add_peer (BL_SESSION_VIEWER, 3 + i);
    peer_check (out_viewers[i], true);
  }
  world_settle ();
  for (unsigned i = 0; i < N_JOINING; i++)
    peer_start_dtls (out_viewers[i]);
}

START_TEST (media_behind_many_hellos_leaves_in_the_same_turn)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = world_join (BL_SESSION_VIEWER, 2), *joining[N_JOINING];
  world_send_pictures (publisher, 3, 3);
  unsigned before = viewer->n_rtp;
  let_many_say_hello (joining);
  peer_send_picture (publisher, false, 10);

  world_turn ();
  ck_assert_uint_eq (viewer->n_rtp, before + 10);
  /* The next turn is due now, and one of them has been answered. */
  ck_assert (bl_hub_next_deadline (world.hub) <= world.now);
  ck_assert_uint_eq (g_queue_get_length (&world.to_hub), 1);

  for (unsigned i = 0; i < N_JOINING; i++) {
    for (int n = 0; n < 20 && !peer_is_up (joining[i]); n++)
      world_settle ();
    ck_assert (peer_is_up (joining[i]));
  }
  ck_assert_uint_eq (world_dropped (BL_DROP_DTLS), 0);
}
END_TEST

START_TEST (a_session_may_go_while_its_datagram_waits)
{
  Peer *joining[N_JOINING];
  let_many_say_hello (joining);
  world_turn ();
  for (unsigned i = 0; i < N_JOINING; i++)
    bl_hub_remove_session (world.hub, 3 + i);
  world_settle ();
  for (unsigned i = 0; i < N_JOINING; i++)
    ck_assert (!peer_is_up (joining[i]));
}
END_TEST

START_TEST (none_is_answered_while_the_socket_is_full)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  world_join (BL_SESSION_VIEWER, 2);
  world_send_pictures (publisher, 3, 3);
  Peer *joining[N_JOINING];
  let_many_say_hello (joining);
  peer_send_picture (publisher, false, 10);
  world.full = true;
  world_turn ();
  ck_assert (bl_hub_is_blocked (world.hub));
  /* It sleeps until there is room. */
  ck_assert (bl_hub_next_deadline (world.hub) > world.now);
  world.full = false;
  for (unsigned i = 0; i < N_JOINING; i++) {
    for (int n = 0; n < 20 && !peer_is_up (joining[i]); n++)
      world_settle ();
    ck_assert (peer_is_up (joining[i]));
  }
}
END_TEST

START_TEST (a_queue_keeps_its_order_and_its_bound)
{
  BlPacketPool *pool = bl_packet_pool_new (1);
  BlPacket *packet = bl_packet_new (pool);
  BlHandshakes *queue = g_new0 (BlHandshakes, 1);
  BlHandshake next;
  ck_assert (!bl_handshakes_pop (queue, &next));
  for (unsigned round = 0; round < 3; round++) {
    for (BlSessionId id = 1; id <= BL_HANDSHAKES_MAX; id++)
      ck_assert (bl_handshakes_push (queue, id, packet));
    ck_assert (!bl_handshakes_push (queue, 999, packet));
    for (BlSessionId id = 1; id <= BL_HANDSHAKES_MAX - 7; id++) {
      ck_assert (bl_handshakes_pop (queue, &next));
      ck_assert_uint_eq (next.session, id);
      bl_packet_unref (&next.packet);
    }
    bl_handshakes_clear (queue);
  }
  ck_assert_uint_eq (packet->refs, 1);
  bl_packet_unref (&packet);
  g_free (queue);
  bl_packet_pool_free (pool);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("relay/handshakes");
  TCase *tcase = tcase_create ("handshakes");
  tcase_add_checked_fixture (tcase, world_set_up, world_tear_down);
  tcase_add_test (tcase, media_behind_many_hellos_leaves_in_the_same_turn);
  tcase_add_test (tcase, a_session_may_go_while_its_datagram_waits);
  tcase_add_test (tcase, none_is_answered_while_the_socket_is_full);
  tcase_add_test (tcase, a_queue_keeps_its_order_and_its_bound);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
