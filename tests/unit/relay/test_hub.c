/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole worker without its thread: publishers and viewers on a network that
 * is two queues, in a time that moves only when a test says so.
 */
#include "relay/hub.h"

#include <string.h>

#include "../run_suite.h"
#include "base/clock.h"
#include "peer.h"
#include "rtc/rtcp.h"

#define MAX_PEERS  8
#define MAX_EVENTS 64
#define SOURCE     7

typedef struct {
  Peer *from; /* NULL: from the relay, to the address */
  BlPath path;
  size_t length;
  uint8_t bytes[2048];
} Datagram;

static struct {
  BlHub *hub;
  BlCert *cert;
  BlDtlsContext *dtls;
  BlTap *tap;
  BlTime now;
  GQueue to_hub, to_peers;
  unsigned n_peers;
  Peer *peers[MAX_PEERS];
  uint16_t ports[MAX_PEERS]; /* where each peer is now */
  bool full;                 /* the socket takes nothing */
  unsigned n_events;
  BlWorkerEvent events[MAX_EVENTS];
} world;

static BlNtp
wall_clock (void)
{
  return bl_ntp_from_unix_us (1800000000 * BL_SECOND + world.now);
}

static void
peer_sends (void *data, Peer *peer, const uint8_t *bytes, size_t length)
{
  Datagram *d = g_new0 (Datagram, 1);
  unsigned i = 0;
  while (world.peers[i] != peer)
    i++;
  ck_assert (bl_address_parse ("192.0.2.1", world.ports[i], &d->path.peer));
  d->from = peer;
  d->length = length;
  memcpy (d->bytes, bytes, length);
  g_queue_push_tail (&world.to_hub, d);
}

static BlUdpSend
hub_sends (void *data, const BlPath *path, const uint8_t *bytes, size_t length,
           uint16_t segment_bytes, guint64 *out_calls)
{
  ++*out_calls;
  if (world.full)
    return BL_UDP_FULL;
  for (size_t at = 0; at < length; at += segment_bytes) {
    Datagram *d = g_new0 (Datagram, 1);
    d->path = *path;
    d->length = MIN (segment_bytes, length - at);
    memcpy (d->bytes, bytes + at, d->length);
    g_queue_push_tail (&world.to_peers, d);
  }
  return BL_UDP_SENT;
}

static void
note_event (void *data, const BlWorkerEvent *event)
{
  ck_assert_uint_lt (world.n_events, MAX_EVENTS);
  world.events[world.n_events++] = *event;
}

static unsigned
count_events (BlWorkerEventKind kind, BlSessionId session)
{
  unsigned n = 0;
  for (unsigned i = 0; i < world.n_events; i++)
    n += world.events[i].kind == kind && world.events[i].session == session;
  return n;
}

/* Everything that is on its way arrives, at most a batch in a turn. */
static void
settle (void)
{
  do {
    Datagram *d;
    bl_hub_set_time (world.hub, world.now, wall_clock ());
    for (unsigned n = 0;
         n < BL_UDP_BATCH && (d = g_queue_pop_head (&world.to_hub)); n++) {
      BlPacket *packet = bl_packet_new (bl_hub_pool (world.hub));
      ck_assert (packet);
      packet->length = (uint16_t)d->length;
      memcpy (packet->data, d->bytes, d->length);
      bl_hub_receive (world.hub, &d->path, packet);
      bl_packet_unref (&packet);
      g_free (d);
    }
    bl_hub_finish_turn (world.hub);
    while ((d = g_queue_pop_head (&world.to_peers))) {
      for (unsigned i = 0; i < world.n_peers; i++)
        if (world.ports[i] == bl_address_port (&d->path.peer))
          peer_receive (world.peers[i], d->bytes, d->length);
      g_free (d);
    }
  } while (!g_queue_is_empty (&world.to_hub));
}

static void
advance (BlTime us)
{
  BlTime end = world.now + us;
  while (world.now < end) {
    BlTime due = bl_hub_next_deadline (world.hub);
    world.now = CLAMP (due, world.now + 1, end);
    settle ();
  }
}

static Peer *
add_peer (BlSessionRole role, BlSessionId id)
{
  Peer *peer = peer_new (role, (unsigned)id, world.cert, peer_sends, NULL);
  BlSessionSetup setup = peer_setup (peer);
  world.ports[world.n_peers] = (uint16_t)(1000 + id);
  world.peers[world.n_peers++] = peer;
  bl_hub_add_session (world.hub, id, SOURCE, &setup);
  return peer;
}

static void
connect_peer (Peer *peer)
{
  peer_check (peer, true);
  settle ();
  peer_start_dtls (peer);
  for (int i = 0; i < 100 && !peer_is_up (peer); i++)
    settle ();
  ck_assert (peer_is_up (peer));
}

static Peer *
join (BlSessionRole role, BlSessionId id)
{
  Peer *peer = add_peer (role, id);
  connect_peer (peer);
  return peer;
}

/* Pictures at 30 a second, the first of them an IDR. */
static void
send_pictures (Peer *publisher, unsigned n, unsigned n_packets)
{
  for (unsigned i = 0; i < n; i++) {
    peer_send_picture (publisher, i == 0, n_packets);
    settle ();
    advance (33333);
  }
}

static void
set_up (void)
{
  memset (&world, 0, sizeof world);
  world.now = 1000 * BL_SECOND;
  world.cert
      = bl_cert_new_self_signed ("relay", bl_clock_unix_us () / 1000000, NULL);
  world.dtls = bl_dtls_context_new (world.cert, NULL);
  world.tap = bl_tap_new (1 << 20);
  BlHubOptions options = { .max_sources = 2,
                           .max_sessions = 16,
                           .connect_us = 30 * BL_SECOND,
                           .silence_us = 10 * BL_SECOND,
                           .dtls = world.dtls,
                           .tap = world.tap,
                           .send = hub_sends,
                           .emit = note_event };
  world.hub = bl_hub_new (&options);
  ck_assert (world.hub);
  bl_hub_set_time (world.hub, world.now, wall_clock ());
  bl_hub_add_source (world.hub, SOURCE, 99, true);
}

static void
tear_down (void)
{
  bl_hub_free (world.hub);
  g_queue_clear_full (&world.to_hub, g_free);
  g_queue_clear_full (&world.to_peers, g_free);
  for (unsigned i = 0; i < world.n_peers; i++)
    peer_free (world.peers[i]);
  bl_tap_free (world.tap);
  bl_dtls_context_free (world.dtls);
  bl_cert_free (world.cert);
}

static uint64_t
dropped (BlDrop reason)
{
  return bl_hub_counters (world.hub)->drops[reason];
}

/* The viewer's video, RTX put back: sequence numbers without a gap or a double,
 * from the first. Returns how many. */
static unsigned
assert_whole (const Peer *viewer)
{
  static bool seen[65536];
  unsigned n = 0;
  uint16_t first = 0, low;
  memset (seen, 0, sizeof seen);
  for (unsigned i = 0; i < viewer->n_rtp; i++) {
    const PeerRtp *rtp = &viewer->rtp[i];
    if (rtp->payload_type == PT_AUDIO)
      continue;
    uint16_t seq = rtp->payload_type == PT_RTX ? rtp->original_seq : rtp->seq;
    if (n == 0)
      first = seq;
    ck_assert_msg (!seen[seq], "%u came twice", seq);
    seen[seq] = true;
    n++;
  }
  low = first;
  for (unsigned i = 0; i < n; i++)
    ck_assert_msg (seen[(uint16_t)(low + i)], "%u is missing",
                   (uint16_t)(low + i));
  return n;
}

START_TEST (pictures_and_sound_reach_a_viewer_in_order)
{
  Peer *publisher = join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = join (BL_SESSION_VIEWER, 2);
  ck_assert_uint_eq (count_events (BL_WORKER_SESSION_CONNECTED, 1), 1);
  ck_assert_uint_eq (count_events (BL_WORKER_SESSION_CONNECTED, 2), 1);

  for (int i = 0; i < 60; i++) {
    peer_send_picture (publisher, i == 0, 4);
    peer_send_audio (publisher);
    settle ();
    advance (33333);
  }
  ck_assert_uint_eq (assert_whole (viewer), 60 * 4);
  ck_assert_uint_eq (viewer->n_rtp, 60 * 5);
  ck_assert_uint_eq (count_events (BL_WORKER_SOURCE_STARTED, 0), 1);
  ck_assert_uint_eq (count_events (BL_WORKER_SOURCE_FORMAT, 0), 1);

  uint32_t number = 0;
  for (unsigned i = 0; i < viewer->n_rtp; i++) {
    const PeerRtp *rtp = &viewer->rtp[i];
    ck_assert (bl_rtp_ext_has (&rtp->ext, BL_RTP_EXT_MID));
    if (rtp->payload_type == PT_AUDIO) {
      ck_assert_uint_eq (rtp->ssrc, viewer->audio_ssrc);
      ck_assert_str_eq (rtp->ext.mid, "a");
      continue;
    }
    ck_assert_uint_eq (rtp->ssrc, viewer->video_ssrc);
    ck_assert_str_eq (rtp->ext.mid, "v");
    ck_assert (bl_rtp_ext_has (&rtp->ext, BL_RTP_EXT_PLAYOUT_DELAY));
    ck_assert_uint_eq (rtp->ext.playout_max_ms, 0);
    ck_assert_uint_eq (rtp->ext.transport_seq, (uint16_t)i);
    if (rtp->number)
      ck_assert_uint_eq (rtp->number, number);
    ck_assert_int_eq (rtp->marker, number % 4 == 3);
    number++;
  }
}
END_TEST

START_TEST (the_format_event_says_what_the_sps_says)
{
  Peer *publisher = join (BL_SESSION_PUBLISHER, 1);
  send_pictures (publisher, 2, 3);
  send_pictures (publisher, 2, 3);
  for (unsigned i = 0; i < world.n_events; i++)
    if (world.events[i].kind == BL_WORKER_SOURCE_FORMAT) {
      ck_assert_uint_eq (world.events[i].profile_level_id, 0x42c01f);
      ck_assert_uint_eq (world.events[i].width, 320);
      ck_assert_uint_eq (world.events[i].height, 240);
    }
  ck_assert_uint_eq (count_events (BL_WORKER_SOURCE_FORMAT, 0), 1);
}
END_TEST

START_TEST (equal_packets_leave_in_one_send)
{
  Peer *publisher = join (BL_SESSION_PUBLISHER, 1);
  join (BL_SESSION_VIEWER, 2);
  send_pictures (publisher, 3, 3);
  guint64 sends = bl_hub_counters (world.hub)->sends;
  guint64 packets = bl_hub_counters (world.hub)->packets_out;
  peer_send_picture (publisher, false, 40);
  settle ();
  ck_assert_uint_eq (bl_hub_counters (world.hub)->sends, sends + 1);
  ck_assert_uint_eq (bl_hub_counters (world.hub)->packets_out, packets + 40);
}
END_TEST

START_TEST (a_packet_lost_on_the_way_in_is_asked_for_and_reaches_the_viewer)
{
  Peer *publisher = join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = join (BL_SESSION_VIEWER, 2);
  send_pictures (publisher, 5, 4);
  publisher->drop_next = true;
  peer_send_picture (publisher, false, 6);
  settle ();
  advance (100 * BL_MS);
  ck_assert_uint_eq (publisher->n_nacks, 1);
  ck_assert_uint_eq (assert_whole (viewer), 5 * 4 + 6);

  BlWorkerStats *stats = bl_hub_stats (world.hub);
  ck_assert_uint_eq (stats->sources[0].tracks[BL_TRACK_VIDEO].recovered, 1);
  ck_assert_uint_eq (stats->sources[0].tracks[BL_TRACK_VIDEO].lost, 0);
  ck_assert_uint_eq (stats->sources[0].tracks[BL_TRACK_VIDEO].frames, 6);
  bl_worker_stats_free (stats);
}
END_TEST

START_TEST (a_packet_that_stays_lost_makes_the_relay_ask_for_a_keyframe)
{
  Peer *publisher = join (BL_SESSION_PUBLISHER, 1);
  publisher->answers_nack = false;
  send_pictures (publisher, 5, 4);
  unsigned before = publisher->n_plis;
  publisher->drop_next = true;
  send_pictures (publisher, 2, 6);
  for (int i = 0; i < 60; i++) {
    peer_send_picture (publisher, false, 2);
    advance (33333);
  }
  ck_assert_uint_gt (publisher->n_nacks, 2);
  ck_assert_uint_gt (publisher->n_plis, before);
}
END_TEST

START_TEST (a_nack_is_answered_by_rtx_until_the_budget_is_spent)
{
  Peer *publisher = join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = join (BL_SESSION_VIEWER, 2);
  send_pictures (publisher, 10, 4);
  unsigned before = viewer->n_rtp;
  uint16_t wanted = viewer->rtp[7].seq;
  peer_send_nack (viewer, viewer->video_ssrc, wanted);
  settle ();
  ck_assert_uint_eq (viewer->n_rtp, before + 1);
  const PeerRtp *rtx = &viewer->rtp[before];
  ck_assert_uint_eq (rtx->ssrc, viewer->rtx_ssrc);
  ck_assert_uint_eq (rtx->payload_type, PT_RTX);
  ck_assert_uint_eq (rtx->original_seq, wanted);
  ck_assert_uint_eq (rtx->timestamp, viewer->rtp[7].timestamp);
  ck_assert_int_eq (rtx->marker, viewer->rtp[7].marker);

  for (int i = 0; i < 200; i++)
    peer_send_nack (viewer, viewer->video_ssrc, wanted);
  settle ();
  ck_assert_uint_gt (dropped (BL_DROP_RTX_BUDGET), 50);
  ck_assert_uint_eq (viewer->n_rtp - before + dropped (BL_DROP_RTX_BUDGET),
                     201);
  peer_send_nack (viewer, viewer->video_ssrc, (uint16_t)(wanted - 500));
  settle ();
  ck_assert_uint_eq (dropped (BL_DROP_RTX_GONE), 1);
}
END_TEST

START_TEST (a_late_viewer_gets_the_whole_group_of_pictures_and_then_live)
{
  Peer *publisher = join (BL_SESSION_PUBLISHER, 1);
  send_pictures (publisher, 20, 4);
  send_pictures (publisher, 50, 10);
  unsigned asked = publisher->n_plis;

  Peer *viewer = join (BL_SESSION_VIEWER, 2);
  ck_assert_uint_gt (viewer->n_rtp, 0);
  ck_assert (viewer->rtp[0].key);
  /* Paced: not all of it at once. */
  ck_assert_uint_lt (viewer->n_rtp, 250);
  for (int i = 0; i < 40; i++) {
    peer_send_picture (publisher, false, 10);
    settle ();
    advance (33333);
  }
  ck_assert_uint_eq (assert_whole (viewer), 90 * 10);
  for (unsigned i = 1; i < viewer->n_rtp; i++)
    ck_assert_int_gt ((int16_t)(viewer->rtp[i].seq - viewer->rtp[i - 1].seq),
                      0);
  ck_assert_uint_eq (publisher->n_plis, asked);
}
END_TEST

START_TEST (a_loss_during_a_join_is_sent_once)
{
  Peer *publisher = join (BL_SESSION_PUBLISHER, 1);
  publisher->answers_nack = false;
  send_pictures (publisher, 40, 20);
  publisher->drop_next = true;
  peer_send_picture (publisher, false, 20);
  settle ();
  Peer *viewer = join (BL_SESSION_VIEWER, 2);
  publisher->answers_nack = true;
  for (int i = 0; i < 40; i++) {
    peer_send_picture (publisher, false, 5);
    settle ();
    advance (33333);
  }
  ck_assert_uint_eq (assert_whole (viewer), 41 * 20 + 40 * 5);
}
END_TEST

START_TEST (a_viewer_before_the_publisher_waits_for_its_keyframe)
{
  Peer *viewer = join (BL_SESSION_VIEWER, 2);
  advance (3 * BL_SECOND);
  ck_assert_uint_eq (viewer->n_rtp, 0);
  Peer *publisher = join (BL_SESSION_PUBLISHER, 1);
  for (int i = 0; i < 3; i++) {
    peer_send_picture (publisher, false, 3);
    advance (33333);
  }
  ck_assert_uint_eq (viewer->n_rtp, 0);
  ck_assert_uint_eq (dropped (BL_DROP_BEFORE_KEY), 9);
  ck_assert_uint_eq (publisher->n_plis, 1);
  send_pictures (publisher, 10, 3);
  ck_assert_uint_eq (assert_whole (viewer), 30);
  ck_assert (viewer->rtp[0].key);
}
END_TEST

START_TEST (keyframe_requests_of_many_viewers_are_one_request_a_while)
{
  Peer *publisher = join (BL_SESSION_PUBLISHER, 1);
  send_pictures (publisher, 5, 3);
  advance (BL_SECOND);
  Peer *viewers[3];
  for (unsigned i = 0; i < 3; i++)
    viewers[i] = join (BL_SESSION_VIEWER, 2 + i);
  unsigned before = publisher->n_plis;
  for (int round = 0; round < 20; round++) {
    for (unsigned i = 0; i < 3; i++)
      peer_send_pli (viewers[i], viewers[i]->video_ssrc);
    settle ();
    advance (45 * BL_MS);
  }
  ck_assert_uint_eq (publisher->n_plis, before + 2);
  ck_assert_uint_eq (bl_hub_counters (world.hub)->keyframe_requests_in, 60);
  /* Answered: no more. */
  peer_send_picture (publisher, true, 3);
  settle ();
  advance (2 * BL_SECOND);
  ck_assert_uint_eq (publisher->n_plis, before + 2);
}
END_TEST

START_TEST (viewers_stay_while_the_publisher_comes_back)
{
  Peer *publisher = join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = join (BL_SESSION_VIEWER, 2);
  send_pictures (publisher, 30, 4);
  bl_hub_remove_session (world.hub, 1);
  settle ();
  ck_assert_uint_eq (publisher->n_byes, 1);
  ck_assert (publisher->closed);
  ck_assert_uint_eq (count_events (BL_WORKER_SOURCE_STOPPED, 0), 1);
  uint32_t last = viewer->rtp[viewer->n_rtp - 1].timestamp;
  advance (4 * BL_SECOND);

  Peer *again = join (BL_SESSION_PUBLISHER, 3);
  again->number = publisher->number;
  unsigned before = viewer->n_rtp;
  peer_send_picture (again, false, 4); /* refers to nothing they have */
  send_pictures (again, 30, 4);
  ck_assert_uint_eq (count_events (BL_WORKER_SOURCE_STARTED, 0), 2);
  ck_assert_uint_eq (assert_whole (viewer), 60 * 4);
  ck_assert (viewer->rtp[before].key);
  /* Four seconds later on the media's clock, too. */
  ck_assert_uint_ge (viewer->rtp[before].timestamp - last, 4 * 90000);
  ck_assert_uint_le (viewer->rtp[before].timestamp - last, 5 * 90000);
}
END_TEST

START_TEST (a_new_publisher_takes_over_from_one_that_still_lives)
{
  Peer *publisher = join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = join (BL_SESSION_VIEWER, 2);
  send_pictures (publisher, 10, 4);
  Peer *second = add_peer (BL_SESSION_PUBLISHER, 3);
  /* Until it is connected, the first goes on. */
  send_pictures (publisher, 10, 4);
  connect_peer (second);
  ck_assert_uint_eq (count_events (BL_WORKER_SESSION_LOST, 1), 1);
  ck_assert (publisher->closed);
  send_pictures (second, 10, 4);
  ck_assert_uint_eq (assert_whole (viewer), 30 * 4);
  ck_assert_uint_eq (count_events (BL_WORKER_SOURCE_STOPPED, 0), 0);
}
END_TEST

START_TEST (silence_loses_a_session_and_checks_keep_it)
{
  Peer *publisher = join (BL_SESSION_PUBLISHER, 1);
  join (BL_SESSION_VIEWER, 2);
  send_pictures (publisher, 3, 3);
  for (int i = 0; i < 6; i++) {
    peer_check (publisher, true);
    advance (2 * BL_SECOND);
  }
  ck_assert_uint_eq (count_events (BL_WORKER_SESSION_LOST, 2), 1);
  ck_assert_uint_eq (count_events (BL_WORKER_SESSION_LOST, 1), 0);
  ck_assert_uint_eq (count_events (BL_WORKER_SOURCE_STOPPED, 0), 1);
  /* Its address is nobody's now. */
  uint64_t before = dropped (BL_DROP_UNKNOWN_ADDRESS);
  peer_send_pli (world.peers[1], 1);
  settle ();
  ck_assert_uint_eq (dropped (BL_DROP_UNKNOWN_ADDRESS), before + 1);
}
END_TEST

START_TEST (a_session_that_never_connects_is_given_up)
{
  add_peer (BL_SESSION_VIEWER, 2);
  advance (29 * BL_SECOND);
  ck_assert_uint_eq (world.n_events, 0);
  advance (2 * BL_SECOND);
  ck_assert_uint_eq (count_events (BL_WORKER_SESSION_LOST, 2), 1);
  ck_assert_int_eq (world.events[0].reason, BL_LOST_NEVER_CONNECTED);
}
END_TEST

START_TEST (the_wrong_certificate_is_refused)
{
  Peer *peer = peer_new (BL_SESSION_VIEWER, 2, world.cert, peer_sends, NULL);
  BlSessionSetup setup = peer_setup (peer);
  peer->negotiated.remote_fingerprint[0] ^= 1;
  world.ports[0] = 1002;
  world.peers[world.n_peers++] = peer;
  bl_hub_add_session (world.hub, 2, SOURCE, &setup);
  peer_check (peer, true);
  settle ();
  peer_start_dtls (peer);
  settle ();
  settle ();
  ck_assert_uint_eq (count_events (BL_WORKER_SESSION_LOST, 2), 1);
  ck_assert_int_eq (world.events[0].reason, BL_LOST_DTLS);
  ck_assert_uint_eq (count_events (BL_WORKER_SESSION_CONNECTED, 2), 0);
}
END_TEST

START_TEST (a_peer_that_closes_ends_its_session)
{
  join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = join (BL_SESSION_VIEWER, 2);
  peer_close (viewer);
  settle ();
  ck_assert_uint_eq (count_events (BL_WORKER_SESSION_CLOSED, 2), 1);
  bl_hub_remove_session (world.hub, 2);
}
END_TEST

START_TEST (a_publisher_that_says_bye_for_all_its_tracks_has_gone)
{
  Peer *publisher = join (BL_SESSION_PUBLISHER, 1);
  send_pictures (publisher, 3, 3);
  peer_send_audio (publisher);
  settle ();
  peer_send_bye (publisher);
  settle ();
  ck_assert_uint_eq (count_events (BL_WORKER_SESSION_CLOSED, 1), 1);
  ck_assert_uint_eq (count_events (BL_WORKER_SOURCE_STOPPED, 0), 1);
}
END_TEST

START_TEST (media_moves_to_another_address_without_a_pause)
{
  Peer *publisher = join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = join (BL_SESSION_VIEWER, 2);
  send_pictures (publisher, 10, 4);
  /* The publisher changes its address; nothing from there before a check. */
  world.ports[0] = 3001;
  peer_send_picture (publisher, false, 4);
  settle ();
  ck_assert_uint_eq (dropped (BL_DROP_UNKNOWN_ADDRESS), 4);
  peer_check (publisher, true);
  settle ();
  advance (50 * BL_MS);
  peer_send_picture (publisher, false, 4);
  settle ();
  advance (200 * BL_MS);
  ck_assert_uint_eq (assert_whole (viewer), 12 * 4);

  /* The viewer goes silent at one address and is heard at another. */
  world.ports[1] = 3002;
  peer_check (viewer, false);
  settle ();
  unsigned before = viewer->n_rtp;
  advance (500 * BL_MS);
  peer_check (viewer, false);
  settle ();
  peer_send_picture (publisher, false, 4);
  settle ();
  ck_assert_uint_eq (viewer->n_rtp, before + 4);
}
END_TEST

START_TEST (an_ice_restart_keeps_the_session)
{
  Peer *publisher = join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = join (BL_SESSION_VIEWER, 2);
  send_pictures (publisher, 10, 4);
  bl_hub_restart_ice (world.hub, 1, "fresh", "another-password-of-22");
  /* The old credentials still hold … */
  unsigned answered = publisher->n_checks_answered;
  peer_check (publisher, true);
  settle ();
  ck_assert_uint_eq (publisher->n_checks_answered, answered + 1);
  /* … and the new ones do, from another address. */
  world.ports[0] = 4001;
  g_strlcpy (publisher->ufrag, "fresh", sizeof publisher->ufrag);
  g_strlcpy (publisher->pwd, "another-password-of-22", sizeof publisher->pwd);
  peer_check (publisher, true);
  settle ();
  ck_assert_uint_eq (publisher->n_checks_answered, answered + 2);
  for (int i = 0; i < 10; i++) {
    peer_send_picture (publisher, false, 4);
    settle ();
    advance (33333);
  }
  ck_assert_uint_eq (assert_whole (viewer), 20 * 4);
  ck_assert_uint_eq (count_events (BL_WORKER_SESSION_CONNECTED, 1), 1);
}
END_TEST

START_TEST (garbage_and_forgeries_are_counted_and_harm_nobody)
{
  Peer *publisher = join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = join (BL_SESSION_VIEWER, 2);
  send_pictures (publisher, 5, 4);
  uint8_t bytes[1200];
  GRand *rand = g_rand_new_with_seed (42);
  for (int i = 0; i < 4000; i++) {
    size_t length = 1 + g_rand_int (rand) % sizeof bytes;
    for (size_t b = 0; b < length; b++)
      bytes[b] = (uint8_t)g_rand_int (rand);
    /* Some from a stranger, some in the publisher's name. */
    world.ports[0] = i % 2 ? 1001 : (uint16_t)(5000 + i);
    if (i % 3 == 0)
      bytes[0] = 0x80;
    peer_sends (NULL, publisher, bytes, length);
    settle ();
  }
  g_rand_free (rand);
  world.ports[0] = 1001;
  strcpy (publisher->pwd, "not the right password");
  peer_check (publisher, true);
  settle ();
  ck_assert_uint_gt (dropped (BL_DROP_GARBAGE), 100);
  ck_assert_uint_gt (dropped (BL_DROP_UNKNOWN_ADDRESS), 100);
  ck_assert_uint_gt (dropped (BL_DROP_AUTH), 100);
  ck_assert_uint_gt (dropped (BL_DROP_STUN), 0);
  ck_assert_uint_eq (publisher->n_checks_refused, 1);
  for (int i = 0; i < 5; i++) {
    peer_send_picture (publisher, false, 4);
    settle ();
  }
  ck_assert_uint_eq (assert_whole (viewer), 10 * 4);
}
END_TEST

START_TEST (a_replayed_packet_is_dropped)
{
  Peer *publisher = join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = join (BL_SESSION_VIEWER, 2);
  send_pictures (publisher, 2, 3);
  peer_send_picture (publisher, false, 1);
  Datagram *d = g_queue_peek_tail (&world.to_hub);
  g_queue_push_tail (&world.to_hub, g_memdup2 (d, sizeof *d));
  settle ();
  ck_assert_uint_eq (dropped (BL_DROP_REPLAY), 1);
  ck_assert_uint_eq (assert_whole (viewer), 7);
}
END_TEST

START_TEST (a_full_socket_costs_packets_but_not_their_order)
{
  Peer *publisher = join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = join (BL_SESSION_VIEWER, 2);
  send_pictures (publisher, 3, 3);
  world.full = true;
  peer_send_picture (publisher, false, 5);
  settle ();
  world.full = false;
  ck_assert_uint_eq (dropped (BL_DROP_SEND_FULL), 5);
  uint16_t next = (uint16_t)(viewer->rtp[viewer->n_rtp - 1].seq + 6);
  peer_send_picture (publisher, false, 2);
  settle ();
  ck_assert_uint_eq (viewer->rtp[viewer->n_rtp - 2].seq, next);
}
END_TEST

START_TEST (reports_feedback_and_clock_go_to_the_publisher)
{
  Peer *publisher = join (BL_SESSION_PUBLISHER, 1);
  for (int i = 0; i < 90; i++) {
    /* Its clock is 90 s ahead; a round trip of 20 ms, none of it held. */
    BlNtp ahead = bl_ntp_add_us (wall_clock (), 90 * BL_SECOND - 10 * BL_MS);
    publisher->capture = bl_ntp_add_us (ahead, -40 * BL_MS);
    peer_send_picture (publisher, i == 0, 3);
    peer_send_audio (publisher);
    settle ();
    if (publisher->n_rrtrs > 0 && i % 10 == 9) {
      BlTime since
          = bl_ntp_diff_us (wall_clock (), publisher->rrtr) - 20 * BL_MS;
      peer_send_xr (publisher, ahead, (uint32_t)(since * 65536 / BL_SECOND));
    }
    settle ();
    advance (33333);
  }
  ck_assert_uint_ge (publisher->n_receiver_reports, 3);
  ck_assert_uint_ge (publisher->n_transport_feedback, 30);
  BlWorkerStats *stats = bl_hub_stats (world.hub);
  const BlSourceStats *source = &stats->sources[0];
  ck_assert (source->clock_known);
  ck_assert_int_lt (ABS (source->clock_offset_us + 90 * BL_SECOND), 1000);
  ck_assert_int_lt (ABS ((int64_t)source->rtt_us - 20 * BL_MS), 1000);
  /* 50 ms from capture to arrival, and a frame's time since. */
  ck_assert_int_lt (ABS (source->capture_age_us - 83333), 2000);
  bl_worker_stats_free (stats);
}
END_TEST

START_TEST (reports_to_viewers_tie_rtp_time_to_capture_time)
{
  Peer *publisher = join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = join (BL_SESSION_VIEWER, 2);
  for (int i = 0; i < 60; i++) {
    publisher->capture = bl_ntp_add_us (wall_clock (), -50 * BL_MS);
    peer_send_picture (publisher, i == 0, 3);
    settle ();
    advance (33333);
  }
  ck_assert_uint_ge (viewer->n_sender_reports, 2);
  const PeerRtp *last = &viewer->rtp[viewer->n_rtp - 1];
  ck_assert (bl_rtp_ext_has (&last->ext, BL_RTP_EXT_ABS_CAPTURE_TIME));
  int64_t by_media_us
      = (int64_t)(int32_t)(viewer->sr_timestamp - last->timestamp) * 1000000
        / 90000;
  int64_t by_clock_us = bl_ntp_diff_us (viewer->sr_ntp, last->ext.capture_ntp);
  ck_assert_int_lt (ABS (by_media_us - by_clock_us), 2000);
}
END_TEST

START_TEST (the_tap_gets_every_packet_once_between_start_and_stop)
{
  Peer *publisher = join (BL_SESSION_PUBLISHER, 1);
  send_pictures (publisher, 5, 4);
  peer_send_audio (publisher);
  settle ();
  advance (3 * BL_SECOND);
  send_pictures (publisher, 1, 4);
  bl_hub_remove_source (world.hub, SOURCE);

  unsigned n[BL_TAP_STOP + 1] = { 0 };
  const uint8_t *payload;
  const BlTapRecord *record;
  BlTapKind last = BL_TAP_PACKET;
  while ((record = bl_tap_peek (world.tap, &payload))) {
    ck_assert_uint_eq (record->recording, 99);
    if (n[BL_TAP_START] == 0)
      ck_assert_int_eq (record->kind, BL_TAP_START);
    last = record->kind;
    n[last]++;
    bl_tap_pop (world.tap);
  }
  ck_assert_int_eq (last, BL_TAP_STOP);
  ck_assert_uint_eq (n[BL_TAP_START], 1);
  ck_assert_uint_eq (n[BL_TAP_PACKET], 25);
  ck_assert_uint_eq (n[BL_TAP_LOST], 2);
  ck_assert_uint_eq (n[BL_TAP_BACK], 1);
}
END_TEST

START_TEST (a_viewer_that_leaves_takes_nothing_with_it)
{
  Peer *publisher = join (BL_SESSION_PUBLISHER, 1);
  Peer *stays = join (BL_SESSION_VIEWER, 2);
  Peer *leaves = join (BL_SESSION_VIEWER, 3);
  send_pictures (publisher, 5, 4);
  bl_hub_remove_session (world.hub, 3);
  settle ();
  ck_assert (leaves->closed);
  ck_assert_uint_eq (leaves->n_byes, 1);
  unsigned before = leaves->n_rtp;
  for (int i = 0; i < 5; i++) {
    peer_send_picture (publisher, false, 4);
    settle ();
  }
  ck_assert_uint_eq (leaves->n_rtp, before);
  ck_assert_uint_eq (assert_whole (stays), 40);
}
END_TEST

START_TEST (removing_a_source_says_goodbye_to_all_and_gives_every_packet_back)
{
  uint32_t free_packets = bl_packet_pool_left (bl_hub_pool (world.hub));
  Peer *publisher = join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = join (BL_SESSION_VIEWER, 2);
  send_pictures (publisher, 10, 4);
  bl_hub_remove_source (world.hub, SOURCE);
  settle ();
  ck_assert (publisher->closed);
  ck_assert (viewer->closed);
  ck_assert_uint_eq (bl_packet_pool_left (bl_hub_pool (world.hub)),
                     free_packets);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("relay/hub");
  TCase *tcase = tcase_create ("hub");
  tcase_set_timeout (tcase, 60);
  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_test (tcase, pictures_and_sound_reach_a_viewer_in_order);
  tcase_add_test (tcase, the_format_event_says_what_the_sps_says);
  tcase_add_test (tcase, equal_packets_leave_in_one_send);
  tcase_add_test (
      tcase, a_packet_lost_on_the_way_in_is_asked_for_and_reaches_the_viewer);
  tcase_add_test (tcase,
                  a_packet_that_stays_lost_makes_the_relay_ask_for_a_keyframe);
  tcase_add_test (tcase, a_nack_is_answered_by_rtx_until_the_budget_is_spent);
  tcase_add_test (tcase,
                  a_late_viewer_gets_the_whole_group_of_pictures_and_then_live);
  tcase_add_test (tcase, a_loss_during_a_join_is_sent_once);
  tcase_add_test (tcase, a_viewer_before_the_publisher_waits_for_its_keyframe);
  tcase_add_test (tcase,
                  keyframe_requests_of_many_viewers_are_one_request_a_while);
  tcase_add_test (tcase, viewers_stay_while_the_publisher_comes_back);
  tcase_add_test (tcase, a_new_publisher_takes_over_from_one_that_still_lives);
  tcase_add_test (tcase, silence_loses_a_session_and_checks_keep_it);
  tcase_add_test (tcase, a_session_that_never_connects_is_given_up);
  tcase_add_test (tcase, the_wrong_certificate_is_refused);
  tcase_add_test (tcase, a_peer_that_closes_ends_its_session);
  tcase_add_test (tcase, a_publisher_that_says_bye_for_all_its_tracks_has_gone);
  tcase_add_test (tcase, media_moves_to_another_address_without_a_pause);
  tcase_add_test (tcase, an_ice_restart_keeps_the_session);
  tcase_add_test (tcase, garbage_and_forgeries_are_counted_and_harm_nobody);
  tcase_add_test (tcase, a_replayed_packet_is_dropped);
  tcase_add_test (tcase, a_full_socket_costs_packets_but_not_their_order);
  tcase_add_test (tcase, reports_feedback_and_clock_go_to_the_publisher);
  tcase_add_test (tcase, reports_to_viewers_tie_rtp_time_to_capture_time);
  tcase_add_test (tcase, the_tap_gets_every_packet_once_between_start_and_stop);
  tcase_add_test (tcase, a_viewer_that_leaves_takes_nothing_with_it);
  tcase_add_test (
      tcase, removing_a_source_says_goodbye_to_all_and_gives_every_packet_back);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
