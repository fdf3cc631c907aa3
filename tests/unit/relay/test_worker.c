/* SPDX-License-Identifier: Apache-2.0
 *
 * The worker with its thread and its socket, on loopback. What passes through
 * it is tested in test_hub.c; here it is the seam: commands, events, errors.
 */
#include "relay/worker.h"

#include <poll.h>
#include <string.h>

#include "../run_suite.h"
#include "base/clock.h"
#include "peer.h"
#include "refuse.h"
#include "relay/udp.h"

#define MAX_PEERS  4
#define MAX_EVENTS 64

/* However slow the machine; what is awaited comes within milliseconds. */
#define PATIENCE_US (20 * BL_SECOND)

static BlCert *cert;
static BlDtlsContext *dtls;
static BlWorker *worker;
static BlPacketPool *pool;
static BlPacket *packets[BL_UDP_BATCH];
static BlPath paths[BL_UDP_BATCH];

static struct {
  Peer *peer;
  BlUdp *udp;
} peers[MAX_PEERS];
static unsigned n_peers;
static BlUdp *stranger;

static unsigned n_events;
static BlWorkerEvent events[MAX_EVENTS];
static BlWorkerCounters counters;
static unsigned n_stats_viewers;

static void
on_event (BlWorker *from, const BlWorkerEvent *event, gpointer user_data)
{
  ck_assert_ptr_eq (from, worker);
  ck_assert_uint_lt (n_events, MAX_EVENTS);
  events[n_events++] = *event;
  if (event->kind == BL_WORKER_STATS) {
    counters = event->stats->counters;
    n_stats_viewers = event->stats->n_viewers;
  }
}

static unsigned
count_events (BlWorkerEventKind kind, BlSessionId session)
{
  unsigned n = 0;
  for (unsigned i = 0; i < n_events; i++)
    n += events[i].kind == kind && events[i].session == session;
  return n;
}

static BlWorkerOptions
default_options (void)
{
  return (BlWorkerOptions){ .index = 3,
                            .bind_address = "127.0.0.1",
                            .port_key = "[media] port",
                            .dtls = dtls,
                            .max_sources = 2,
                            .max_sessions = 4,
                            .on_event = on_event };
}

static void
set_up (void)
{
  g_autoptr (GError) error = NULL;
  cert = bl_cert_new_self_signed ("relay", bl_clock_unix_us () / 1000000, NULL);
  dtls = bl_dtls_context_new (cert, NULL);
  pool = bl_packet_pool_new (BL_UDP_BATCH);
  for (unsigned i = 0; i < BL_UDP_BATCH; i++)
    packets[i] = bl_packet_new (pool);
  n_peers = n_events = 0;
  BlWorkerOptions options = default_options ();
  worker = bl_worker_new (&options, &error);
  ck_assert_msg (worker, "%s", error ? error->message : "");
}

static void
tear_down (void)
{
  bl_worker_free (worker);
  for (unsigned i = 0; i < n_peers; i++) {
    peer_free (peers[i].peer);
    bl_udp_free (peers[i].udp);
  }
  for (unsigned i = 0; i < BL_UDP_BATCH; i++)
    bl_packet_unref (&packets[i]);
  bl_packet_pool_free (pool);
  bl_dtls_context_free (dtls);
  bl_cert_free (cert);
}

static void
peer_sends (void *data, Peer *peer, const uint8_t *bytes, size_t length)
{
  BlPath to = { 0 };
  ck_assert (bl_address_parse ("127.0.0.1", bl_worker_port (worker), &to.peer));
  bl_udp_send (data, &to, bytes, length, (uint16_t)length);
}

static Peer *
new_peer (BlSessionRole role, unsigned id)
{
  BlUdp *udp = bl_udp_new ("127.0.0.1", 0, "", NULL);
  ck_assert (udp);
  peers[n_peers].udp = udp;
  peers[n_peers].peer = peer_new (role, id, cert, peer_sends, udp);
  return peers[n_peers++].peer;
}

/* What has arrived at the peers; waits for up to 5 ms for it. */
static void
turn_peers (void)
{
  struct pollfd fds[MAX_PEERS];
  for (unsigned i = 0; i < n_peers; i++)
    fds[i]
        = (struct pollfd){ .fd = bl_udp_fd (peers[i].udp), .events = POLLIN };
  poll (fds, n_peers, 5);
  for (unsigned i = 0; i < n_peers; i++) {
    unsigned n = bl_udp_receive (peers[i].udp, packets, BL_UDP_BATCH, paths);
    for (unsigned p = 0; p < n; p++)
      peer_receive (peers[i].peer, packets[p]->data, packets[p]->length);
    peer_on_time (peers[i].peer, bl_clock_now ());
  }
}

/* That, and what has arrived in the main context. */
static void
turn (void)
{
  turn_peers ();
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

#define wait_for(condition)                                                    \
  do {                                                                         \
    BlTime wait_end = bl_clock_now () + PATIENCE_US;                           \
    while (!(condition) && bl_clock_now () < wait_end)                         \
      turn ();                                                                 \
    ck_assert_msg (condition, "waited in vain for: %s", #condition);           \
  } while (0)

static BlSourceId
add_source (void)
{
  BlSourceId source = bl_worker_add_source (worker, 1, FALSE, NULL);
  ck_assert_uint_ne (source, 0);
  return source;
}

static BlSessionId
connect_peer (BlSourceId source, Peer *peer)
{
  BlSessionSetup setup = peer_setup (peer);
  BlSessionId id = bl_worker_add_session (worker, source, &setup, NULL);
  ck_assert_uint_ne (id, 0);
  /* The command and the check race; a peer checks until it is answered. */
  BlTime again = 0;
  while (peer->link.n_checks_answered == 0) {
    if (bl_clock_now () >= again) {
      peer_check (peer, true);
      again = bl_clock_now () + 50 * BL_MS;
    }
    turn ();
  }
  peer_start_dtls (peer);
  wait_for (peer_is_up (peer)
            && count_events (BL_WORKER_SESSION_CONNECTED, id) == 1);
  return id;
}

/* Of five packets each; `between`, if any, is called behind each picture. */
static void
send_pictures (Peer *publisher, unsigned n, void (*between) (void))
{
  for (unsigned i = 0; i < n; i++) {
    peer_send_picture (publisher, i == 0, 5);
    if (between)
      between ();
    turn ();
  }
}

/* All, in order. */
static void
wait_for_pictures (Peer *viewer, unsigned n)
{
  wait_for (viewer->n_rtp >= 5 * n);
  for (unsigned i = 0; i < 5 * n; i++)
    ck_assert_uint_eq ((uint16_t)(viewer->rtp[0].seq + i), viewer->rtp[i].seq);
}

START_TEST (pictures_pass_from_one_socket_to_another)
{
  BlSourceId source = add_source ();
  Peer *publisher = new_peer (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = new_peer (BL_SESSION_VIEWER, 2);
  connect_peer (source, publisher);
  connect_peer (source, viewer);
  send_pictures (publisher, 30, NULL);
  wait_for_pictures (viewer, 30);
  wait_for (count_events (BL_WORKER_SOURCE_STARTED, 0) == 1
            && count_events (BL_WORKER_SOURCE_FORMAT, 0) == 1);
  wait_for (viewer->n_sender_reports > 0 && publisher->n_receiver_reports > 0);

  bl_worker_request_stats (worker);
  wait_for (count_events (BL_WORKER_STATS, 0) == 1);
  ck_assert_uint_eq (n_stats_viewers, 1);
  ck_assert_uint_ge (counters.packets_out, 150);
  /* Fewer where it found several at once; whether it does is chance here. */
  ck_assert_uint_le (counters.sends, counters.packets_out);
}
END_TEST

/* NACKs of a packet that need not be there: each is counted. */
static void
ask_again (void)
{
  Peer *viewer = peers[1].peer;
  for (unsigned i = 0; i < 3; i++)
    peer_send_nack (viewer, viewer->negotiated.video.ssrc, 0);
}

/* Where reports come in by a socket of their own, and where they can't. */
START_TEST (each_report_is_heard_while_pictures_pass)
{
  if (_i) {
    BlWorkerOptions options = default_options ();
    bl_worker_free (worker);
    refuse_socket_option (SO_ATTACH_REUSEPORT_CBPF);
    worker = bl_worker_new (&options, NULL);
    ck_assert (worker);
  }
  BlSourceId source = add_source ();
  Peer *publisher = new_peer (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = new_peer (BL_SESSION_VIEWER, 2);
  connect_peer (source, publisher);
  connect_peer (source, viewer);
  send_pictures (publisher, 60, ask_again);
  wait_for (viewer->n_rtp >= 300);
  for (counters.nacks_in = 0; counters.nacks_in < 180;) {
    unsigned answers = count_events (BL_WORKER_STATS, 0) + 1;
    bl_worker_request_stats (worker);
    wait_for (count_events (BL_WORKER_STATS, 0) == answers);
  }
  ck_assert_uint_eq (counters.nacks_in, 180);
}
END_TEST

/* ---- from nobody ---- */

static void
forge_reports (void)
{
  static const uint8_t report[20] = { 0x81, 201, 0, 4 };
  for (unsigned i = 0; i < 300; i++)
    peer_sends (stranger, NULL, report, sizeof report);
}

START_TEST (a_flood_of_forged_reports_takes_nothing_from_pictures)
{
  BlSourceId source = add_source ();
  Peer *publisher = new_peer (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = new_peer (BL_SESSION_VIEWER, 2);
  connect_peer (source, publisher);
  connect_peer (source, viewer);
  stranger = bl_udp_new ("127.0.0.1", 0, "", NULL);
  send_pictures (publisher, 30, forge_reports);
  bl_udp_free (stranger);
  wait_for_pictures (viewer, 30);
  bl_worker_request_stats (worker);
  wait_for (count_events (BL_WORKER_STATS, 0) == 1);
  ck_assert_uint_gt (counters.drops[BL_DROP_UNKNOWN_ADDRESS], 0);
}
END_TEST

START_TEST (a_removed_session_is_told_and_raises_no_more_events)
{
  BlSourceId source = add_source ();
  Peer *viewer = new_peer (BL_SESSION_VIEWER, 1);
  BlSessionId id = connect_peer (source, viewer);
  ck_assert_uint_eq (bl_worker_n_sessions (worker), 1);
  bl_worker_remove_session (worker, id);
  ck_assert_uint_eq (bl_worker_n_sessions (worker), 0);
  unsigned before = n_events;
  wait_for (viewer->link.closed);
  bl_worker_request_stats (worker);
  wait_for (count_events (BL_WORKER_STATS, 0) == 1);
  ck_assert_uint_eq (n_events, before + 1);
  /* All of these name what is gone. */
  bl_worker_remove_session (worker, id);
  bl_worker_restart_ice (worker, id, "gone", "gone-gone-gone-gone-gone");
  bl_worker_remove_source (worker, source);
  bl_worker_remove_source (worker, source);
  bl_worker_remove_session (worker, id);
}
END_TEST

START_TEST (a_peer_that_goes_is_an_event)
{
  BlSourceId source = add_source ();
  Peer *viewer = new_peer (BL_SESSION_VIEWER, 1);
  BlSessionId id = connect_peer (source, viewer);
  peer_close (viewer);
  wait_for (count_events (BL_WORKER_SESSION_CLOSED, id) == 1);
}
END_TEST

START_TEST (an_event_on_its_way_is_dropped_when_control_removes_its_session)
{
  BlSourceId source = add_source ();
  Peer *viewer = new_peer (BL_SESSION_VIEWER, 1);
  BlSessionId id = connect_peer (source, viewer);
  peer_close (viewer);
  while (!g_main_context_pending (NULL))
    turn_peers ();
  /* The thread's answer to this is behind the event in the queue. */
  bl_worker_request_stats (worker);
  bl_worker_remove_session (worker, id);
  wait_for (count_events (BL_WORKER_STATS, 0) == 1);
  ck_assert_uint_eq (count_events (BL_WORKER_SESSION_CLOSED, id), 0);
}
END_TEST

START_TEST (a_full_worker_says_so_and_has_room_again_after_a_removal)
{
  g_autoptr (GError) error = NULL;
  Peer *peer = new_peer (BL_SESSION_VIEWER, 1);
  BlSessionSetup setup = peer_setup (peer);
  BlSessionId ids[4];
  char ufrag[8];
  BlSourceId source = add_source ();
  setup.local_ufrag = ufrag;
  for (unsigned i = 0; i < 4; i++) {
    g_snprintf (ufrag, sizeof ufrag, "f%u", i);
    ids[i] = bl_worker_add_session (worker, source, &setup, NULL);
    ck_assert_uint_ne (ids[i], 0);
  }
  ck_assert_uint_eq (bl_worker_add_session (worker, source, &setup, &error), 0);
  ck_assert (g_error_matches (error, BL_WORKER_ERROR, BL_WORKER_ERROR_FULL));
  bl_worker_remove_session (worker, ids[2]);
  g_strlcpy (ufrag, "f5", sizeof ufrag);
  ck_assert_uint_ne (bl_worker_add_session (worker, source, &setup, NULL), 0);

  g_clear_error (&error);
  add_source ();
  ck_assert_uint_eq (bl_worker_add_source (worker, 1, FALSE, &error), 0);
  ck_assert (g_error_matches (error, BL_WORKER_ERROR, BL_WORKER_ERROR_FULL));
  bl_worker_remove_source (worker, source);
  ck_assert_uint_eq (bl_worker_n_sessions (worker), 0);
  add_source ();
}
END_TEST

START_TEST (a_port_in_use_names_the_port_and_the_key)
{
  g_autoptr (GError) error = NULL;
  BlWorkerOptions options = default_options ();
  options.port = bl_worker_port (worker);
  ck_assert_ptr_null (bl_worker_new (&options, &error));
  ck_assert (g_error_matches (error, BL_WORKER_ERROR, BL_WORKER_ERROR_BIND));
  g_autofree char *port = g_strdup_printf ("%u", options.port);
  ck_assert_ptr_nonnull (strstr (error->message, port));
  ck_assert_ptr_nonnull (strstr (error->message, "[media] port"));
}
END_TEST

START_TEST (it_may_be_freed_with_everything_running)
{
  BlSourceId source = add_source ();
  Peer *publisher = new_peer (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = new_peer (BL_SESSION_VIEWER, 2);
  connect_peer (source, publisher);
  connect_peer (source, viewer);
  for (int i = 0; i < 5; i++)
    peer_send_picture (publisher, i == 0, 20);
  bl_worker_request_stats (worker);
  BlWorkerOptions options = default_options ();
  bl_worker_free (worker);
  worker = bl_worker_new (&options, NULL);
  wait_for (publisher->link.closed && viewer->link.closed);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("relay/worker");
  TCase *tcase = tcase_create ("worker");
  tcase_set_timeout (tcase, 60);
  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_test (tcase, pictures_pass_from_one_socket_to_another);
  tcase_add_loop_test (tcase, each_report_is_heard_while_pictures_pass, 0, 2);
  tcase_add_test (tcase, a_flood_of_forged_reports_takes_nothing_from_pictures);
  tcase_add_test (tcase, a_removed_session_is_told_and_raises_no_more_events);
  tcase_add_test (tcase, a_peer_that_goes_is_an_event);
  tcase_add_test (
      tcase, an_event_on_its_way_is_dropped_when_control_removes_its_session);
  tcase_add_test (tcase,
                  a_full_worker_says_so_and_has_room_again_after_a_removal);
  tcase_add_test (tcase, a_port_in_use_names_the_port_and_the_key);
  tcase_add_test (tcase, it_may_be_freed_with_everything_running);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
