/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/hub.h"

#include <string.h>

#include "../run_suite.h"
#include "world.h"

START_TEST (pictures_and_sound_reach_a_viewer_in_order)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = world_join (BL_SESSION_VIEWER, 2);
  ck_assert_uint_eq (world_count_events (BL_WORKER_SESSION_CONNECTED, 1), 1);
  ck_assert_uint_eq (world_count_events (BL_WORKER_SESSION_CONNECTED, 2), 1);

  for (int i = 0; i < 60; i++) {
    peer_send_picture (publisher, i == 0, 4);
    peer_send_audio (publisher);
    world_settle ();
    world_advance (33333);
  }
  ck_assert_uint_eq (world_assert_whole (viewer), 60 * 4);
  ck_assert_uint_eq (viewer->n_rtp, 60 * 5);
  ck_assert_uint_eq (world_count_events (BL_WORKER_SOURCE_STARTED, 0), 1);
  ck_assert_uint_eq (world_count_events (BL_WORKER_SOURCE_FORMAT, 0), 1);

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

START_TEST (a_passive_publisher_is_called_by_the_relay)
{
  Peer *publisher = world_new_peer (BL_SESSION_PUBLISHER, 1);
  publisher->negotiated.dtls_client = true;
  BlSessionSetup setup = peer_setup (publisher);
  bl_hub_add_session (world.hub, 1, WORLD_SOURCE, &setup);
  peer_start_dtls (publisher);
  peer_check (publisher, true);
  world_settle ();
  ck_assert (peer_is_up (publisher));
  Peer *viewer = world_join (BL_SESSION_VIEWER, 2);
  world_send_pictures (publisher, 5, 4);
  ck_assert_uint_eq (world_assert_whole (viewer), 5 * 4);
}
END_TEST

START_TEST (the_format_event_says_what_the_sps_says)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  world_send_pictures (publisher, 2, 3);
  world_send_pictures (publisher, 2, 3);
  for (unsigned i = 0; i < world.n_events; i++)
    if (world.events[i].kind == BL_WORKER_SOURCE_FORMAT) {
      ck_assert_uint_eq (world.events[i].profile_level_id, 0x42c01f);
      ck_assert_uint_eq (world.events[i].width, 320);
      ck_assert_uint_eq (world.events[i].height, 240);
    }
  ck_assert_uint_eq (world_count_events (BL_WORKER_SOURCE_FORMAT, 0), 1);
}
END_TEST

START_TEST (a_packet_lost_on_the_way_in_is_asked_for_and_reaches_the_viewer)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = world_join (BL_SESSION_VIEWER, 2);
  world_send_pictures (publisher, 5, 4);
  publisher->drop_next = true;
  peer_send_picture (publisher, false, 6);
  world_settle ();
  world_advance (100 * BL_MS);
  ck_assert_uint_eq (publisher->n_nacks, 1);
  ck_assert_uint_eq (world_assert_whole (viewer), 5 * 4 + 6);

  BlWorkerStats *stats = bl_hub_stats (world.hub);
  ck_assert_uint_eq (stats->sources[0].tracks[BL_TRACK_VIDEO].recovered, 1);
  ck_assert_uint_eq (stats->sources[0].tracks[BL_TRACK_VIDEO].lost, 0);
  ck_assert_uint_eq (stats->sources[0].tracks[BL_TRACK_VIDEO].frames, 6);
  bl_worker_stats_free (stats);
}
END_TEST

START_TEST (a_packet_that_stays_lost_makes_the_relay_ask_for_a_keyframe)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  publisher->answers_nack = false;
  world_send_pictures (publisher, 5, 4);
  unsigned before = publisher->n_plis;
  publisher->drop_next = true;
  world_send_pictures (publisher, 2, 6);
  for (int i = 0; i < 60; i++) {
    peer_send_picture (publisher, false, 2);
    world_advance (33333);
  }
  ck_assert_uint_gt (publisher->n_nacks, 2);
  ck_assert_uint_gt (publisher->n_plis, before);
}
END_TEST

START_TEST (a_nack_is_answered_by_rtx_until_the_budget_is_spent)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = world_join (BL_SESSION_VIEWER, 2);
  world_send_pictures (publisher, 10, 4);
  unsigned before = viewer->n_rtp;
  uint16_t wanted = viewer->rtp[7].seq;
  peer_send_nack (viewer, viewer->video_ssrc, wanted);
  world_settle ();
  ck_assert_uint_eq (viewer->n_rtp, before + 1);
  const PeerRtp *rtx = &viewer->rtp[before];
  ck_assert_uint_eq (rtx->ssrc, viewer->rtx_ssrc);
  ck_assert_uint_eq (rtx->payload_type, PT_RTX);
  ck_assert_uint_eq (rtx->original_seq, wanted);
  ck_assert_uint_eq (rtx->timestamp, viewer->rtp[7].timestamp);
  ck_assert_int_eq (rtx->marker, viewer->rtp[7].marker);

  for (int i = 0; i < 200; i++)
    peer_send_nack (viewer, viewer->video_ssrc, wanted);
  world_settle ();
  ck_assert_uint_gt (world_dropped (BL_DROP_RTX_BUDGET), 50);
  ck_assert_uint_eq (
      viewer->n_rtp - before + world_dropped (BL_DROP_RTX_BUDGET), 201);
  peer_send_nack (viewer, viewer->video_ssrc, (uint16_t)(wanted - 500));
  world_settle ();
  ck_assert_uint_eq (world_dropped (BL_DROP_RTX_GONE), 1);
}
END_TEST

START_TEST (what_a_call_sent_does_not_shrink_when_a_viewer_leaves)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = world_join (BL_SESSION_VIEWER, 2);
  world_join (BL_SESSION_VIEWER, 3);
  world_send_pictures (publisher, 10, 4);
  peer_send_nack (viewer, viewer->video_ssrc, viewer->rtp[7].seq);
  world_settle ();
  BlWorkerStats *before = bl_hub_stats (world.hub);
  bl_hub_remove_session (world.hub, 2);
  BlWorkerStats *after = bl_hub_stats (world.hub);
  ck_assert_uint_eq (before->sources[0].packets_out,
                     before->viewers[0].packets + before->viewers[1].packets);
  ck_assert_uint_gt (before->sources[0].bytes_out, 0);
  ck_assert_uint_eq (before->sources[0].nacks_in, 1);
  ck_assert_uint_eq (before->sources[0].rtx_sent, 1);
  ck_assert_uint_eq (before->counters.nacks_in, 1);
  ck_assert_uint_eq (after->sources[0].viewers, 1);
  ck_assert_uint_eq (after->sources[0].packets_out,
                     before->sources[0].packets_out);
  ck_assert_uint_eq (after->sources[0].bytes_out, before->sources[0].bytes_out);
  ck_assert_uint_eq (after->sources[0].nacks_in, 1);
  ck_assert_uint_eq (after->sources[0].rtx_sent, 1);
  bl_worker_stats_free (before);
  bl_worker_stats_free (after);
}
END_TEST

START_TEST (keyframe_requests_of_many_viewers_are_one_request_a_while)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  world_send_pictures (publisher, 5, 3);
  world_advance (BL_SECOND);
  Peer *viewers[3];
  for (unsigned i = 0; i < 3; i++)
    viewers[i] = world_join (BL_SESSION_VIEWER, 2 + i);
  unsigned before = publisher->n_plis;
  for (int round = 0; round < 20; round++) {
    for (unsigned i = 0; i < 3; i++)
      peer_send_pli (viewers[i], viewers[i]->video_ssrc);
    world_settle ();
    world_advance (45 * BL_MS);
  }
  ck_assert_uint_eq (publisher->n_plis, before + 2);
  ck_assert_uint_eq (bl_hub_counters (world.hub)->keyframe_requests_in, 60);
  /* Answered: no more. */
  peer_send_picture (publisher, true, 3);
  world_settle ();
  world_advance (2 * BL_SECOND);
  ck_assert_uint_eq (publisher->n_plis, before + 2);
}
END_TEST

START_TEST (viewers_stay_while_the_publisher_comes_back)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = world_join (BL_SESSION_VIEWER, 2);
  world_send_pictures (publisher, 30, 4);
  bl_hub_remove_session (world.hub, 1);
  world_settle ();
  ck_assert_uint_eq (publisher->n_byes, 1);
  ck_assert (publisher->link.closed);
  ck_assert_uint_eq (world_count_events (BL_WORKER_SOURCE_STOPPED, 0), 1);
  uint32_t last = viewer->rtp[viewer->n_rtp - 1].timestamp;
  world_advance (4 * BL_SECOND);

  Peer *again = world_join (BL_SESSION_PUBLISHER, 3);
  again->number = publisher->number;
  unsigned before = viewer->n_rtp;
  peer_send_picture (again, false, 4); /* refers to nothing they have */
  world_send_pictures (again, 30, 4);
  ck_assert_uint_eq (world_count_events (BL_WORKER_SOURCE_STARTED, 0), 2);
  ck_assert_uint_eq (world_assert_whole (viewer), 60 * 4);
  ck_assert (viewer->rtp[before].key);
  /* Four seconds later on the media's clock, too. */
  ck_assert_uint_ge (viewer->rtp[before].timestamp - last, 4 * 90000);
  ck_assert_uint_le (viewer->rtp[before].timestamp - last, 5 * 90000);
}
END_TEST

START_TEST (a_new_publisher_takes_over_from_one_that_still_lives)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = world_join (BL_SESSION_VIEWER, 2);
  world_send_pictures (publisher, 10, 4);
  Peer *second = world_add_peer (BL_SESSION_PUBLISHER, 3);
  /* Until it is connected, the first goes on. */
  world_send_pictures (publisher, 10, 4);
  world_connect (second);
  ck_assert_uint_eq (world_count_events (BL_WORKER_SESSION_LOST, 1), 1);
  ck_assert (publisher->link.closed);
  world_send_pictures (second, 10, 4);
  ck_assert_uint_eq (world_assert_whole (viewer), 30 * 4);
  ck_assert_uint_eq (world_count_events (BL_WORKER_SOURCE_STOPPED, 0), 0);
}
END_TEST

START_TEST (silence_loses_a_session_and_checks_keep_it)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  world_join (BL_SESSION_VIEWER, 2);
  world_send_pictures (publisher, 3, 3);
  for (int i = 0; i < 6; i++) {
    peer_check (publisher, true);
    world_advance (2 * BL_SECOND);
  }
  ck_assert_uint_eq (world_count_events (BL_WORKER_SESSION_LOST, 2), 1);
  ck_assert_uint_eq (world_count_events (BL_WORKER_SESSION_LOST, 1), 0);
  ck_assert_uint_eq (world_count_events (BL_WORKER_SOURCE_STOPPED, 0), 1);
  /* Its address is nobody's now. */
  uint64_t before = world_dropped (BL_DROP_UNKNOWN_ADDRESS);
  peer_send_pli (world.peers[1], 1);
  world_settle ();
  ck_assert_uint_eq (world_dropped (BL_DROP_UNKNOWN_ADDRESS), before + 1);
}
END_TEST

/* What a vehicle behind a mountain needs; see vehicle/call.h. */
START_TEST (a_publisher_may_be_silent_for_longer_once_media_has_come)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = world_join (BL_SESSION_VIEWER, 2);
  world_send_pictures (publisher, 3, 3);
  for (int i = 0; i < 18; i++) {
    peer_check (viewer, true);
    world_advance (5 * BL_SECOND);
  }
  ck_assert_uint_eq (world_count_events (BL_WORKER_SOURCE_STOPPED, 0), 1);
  ck_assert_uint_eq (world_count_events (BL_WORKER_SESSION_LOST, 1), 0);
  peer_send_picture (publisher, true, 3);
  world_settle ();
  ck_assert_uint_eq (world_count_events (BL_WORKER_SOURCE_STARTED, 0), 2);
  world_advance (99 * BL_SECOND);
  ck_assert_uint_eq (world_count_events (BL_WORKER_SESSION_LOST, 1), 0);
  unsigned reports = publisher->n_receiver_reports;
  world_advance (2 * BL_SECOND);
  ck_assert_uint_eq (world_count_events (BL_WORKER_SESSION_LOST, 1), 1);
  ck_assert_uint_eq (publisher->n_receiver_reports, reports);
}
END_TEST

START_TEST (a_publisher_that_knocks_after_an_outage_is_told_at_once)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  world_send_pictures (publisher, 3, 3);
  world_advance (31 * BL_SECOND);
  unsigned reports = publisher->n_receiver_reports;
  peer_check (publisher, true);
  world_settle ();
  ck_assert_uint_eq (publisher->n_receiver_reports, reports + 1);
  /* A check beside media is no knock. */
  peer_send_picture (publisher, true, 3);
  world_settle ();
  peer_check (publisher, true);
  world_settle ();
  ck_assert_uint_eq (publisher->n_receiver_reports, reports + 1);
}
END_TEST

START_TEST (a_publisher_from_which_nothing_ever_came_is_given_up_sooner)
{
  world_join (BL_SESSION_PUBLISHER, 1);
  world_advance (11 * BL_SECOND);
  ck_assert_uint_eq (world_count_events (BL_WORKER_SESSION_LOST, 1), 1);
}
END_TEST

START_TEST (a_session_that_never_connects_is_given_up)
{
  world_add_peer (BL_SESSION_VIEWER, 2);
  world_advance (29 * BL_SECOND);
  ck_assert_uint_eq (world.n_events, 0);
  world_advance (2 * BL_SECOND);
  ck_assert_uint_eq (world_count_events (BL_WORKER_SESSION_LOST, 2), 1);
  ck_assert_int_eq (world.events[0].reason, BL_LOST_NEVER_CONNECTED);
}
END_TEST

START_TEST (the_wrong_certificate_is_refused)
{
  Peer *peer = world_new_peer (BL_SESSION_VIEWER, 2);
  BlSessionSetup setup = peer_setup (peer);
  peer->negotiated.remote_fingerprint[0] ^= 1;
  bl_hub_add_session (world.hub, 2, WORLD_SOURCE, &setup);
  peer_check (peer, true);
  world_settle ();
  peer_start_dtls (peer);
  world_settle ();
  world_settle ();
  ck_assert_uint_eq (world_count_events (BL_WORKER_SESSION_LOST, 2), 1);
  ck_assert_int_eq (world.events[0].reason, BL_LOST_DTLS);
  ck_assert_uint_eq (world_count_events (BL_WORKER_SESSION_CONNECTED, 2), 0);
}
END_TEST

START_TEST (a_peer_that_closes_ends_its_session)
{
  world_join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = world_join (BL_SESSION_VIEWER, 2);
  peer_close (viewer);
  world_settle ();
  ck_assert_uint_eq (world_count_events (BL_WORKER_SESSION_CLOSED, 2), 1);
  bl_hub_remove_session (world.hub, 2);
}
END_TEST

START_TEST (a_publisher_that_says_bye_for_all_its_tracks_has_gone)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  world_send_pictures (publisher, 3, 3);
  peer_send_audio (publisher);
  world_settle ();
  peer_send_bye (publisher);
  world_settle ();
  ck_assert_uint_eq (world_count_events (BL_WORKER_SESSION_CLOSED, 1), 1);
  ck_assert_uint_eq (world_count_events (BL_WORKER_SOURCE_STOPPED, 0), 1);
}
END_TEST

START_TEST (media_moves_to_another_address_without_a_pause)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = world_join (BL_SESSION_VIEWER, 2);
  world_send_pictures (publisher, 10, 4);
  /* The publisher changes its address; nothing from there before a check. */
  world.ports[0] = 3001;
  peer_send_picture (publisher, false, 4);
  world_settle ();
  ck_assert_uint_eq (world_dropped (BL_DROP_UNKNOWN_ADDRESS), 4);
  peer_check (publisher, true);
  world_settle ();
  world_advance (50 * BL_MS);
  peer_send_picture (publisher, false, 4);
  world_settle ();
  world_advance (200 * BL_MS);
  ck_assert_uint_eq (world_assert_whole (viewer), 12 * 4);

  /* The viewer goes silent at one address and is heard at another. */
  world.ports[1] = 3002;
  peer_check (viewer, false);
  world_settle ();
  unsigned before = viewer->n_rtp;
  world_advance (4 * BL_SECOND);
  peer_check (viewer, false);
  world_settle ();
  peer_send_picture (publisher, false, 4);
  world_settle ();
  ck_assert_uint_eq (viewer->n_rtp, before + 4);
}
END_TEST

START_TEST (an_ice_restart_keeps_the_session)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = world_join (BL_SESSION_VIEWER, 2);
  world_send_pictures (publisher, 10, 4);
  bl_hub_restart_ice (world.hub, 1, "fresh", "another-password-of-22");
  /* The old credentials still hold … */
  unsigned answered = publisher->link.n_checks_answered;
  peer_check (publisher, true);
  world_settle ();
  ck_assert_uint_eq (publisher->link.n_checks_answered, answered + 1);
  /* … and the new ones do, from another address. */
  world.ports[0] = 4001;
  g_strlcpy (publisher->ufrag, "fresh", sizeof publisher->ufrag);
  g_strlcpy (publisher->pwd, "another-password-of-22", sizeof publisher->pwd);
  peer_check (publisher, true);
  world_settle ();
  ck_assert_uint_eq (publisher->link.n_checks_answered, answered + 2);
  for (int i = 0; i < 10; i++) {
    peer_send_picture (publisher, false, 4);
    world_settle ();
    world_advance (33333);
  }
  ck_assert_uint_eq (world_assert_whole (viewer), 20 * 4);
  ck_assert_uint_eq (world_count_events (BL_WORKER_SESSION_CONNECTED, 1), 1);
}
END_TEST

START_TEST (garbage_and_forgeries_are_counted_and_harm_nobody)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = world_join (BL_SESSION_VIEWER, 2);
  world_send_pictures (publisher, 5, 4);
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
    world_send (publisher, bytes, length);
    world_settle ();
  }
  g_rand_free (rand);
  world.ports[0] = 1001;
  strcpy (publisher->pwd, "not the right password");
  peer_check (publisher, true);
  world_settle ();
  ck_assert_uint_gt (world_dropped (BL_DROP_GARBAGE), 100);
  ck_assert_uint_gt (world_dropped (BL_DROP_UNKNOWN_ADDRESS), 100);
  ck_assert_uint_gt (world_dropped (BL_DROP_AUTH), 100);
  ck_assert_uint_gt (world_dropped (BL_DROP_STUN), 0);
  ck_assert_uint_eq (publisher->link.n_checks_refused, 1);
  for (int i = 0; i < 5; i++) {
    peer_send_picture (publisher, false, 4);
    world_settle ();
  }
  ck_assert_uint_eq (world_assert_whole (viewer), 10 * 4);
}
END_TEST

START_TEST (a_replayed_packet_is_dropped)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = world_join (BL_SESSION_VIEWER, 2);
  world_send_pictures (publisher, 2, 3);
  peer_send_picture (publisher, false, 1);
  Datagram *d = g_queue_peek_tail (&world.to_hub);
  g_queue_push_tail (&world.to_hub, g_memdup2 (d, sizeof *d));
  world_settle ();
  ck_assert_uint_eq (world_dropped (BL_DROP_REPLAY), 1);
  ck_assert_uint_eq (world_assert_whole (viewer), 7);
}
END_TEST

START_TEST (reports_feedback_and_clock_go_to_the_publisher)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  for (int i = 0; i < 90; i++) {
    /* Its clock is 90 s ahead; a round trip of 20 ms, none of it held. */
    BlNtp ahead
        = bl_ntp_add_us (world_wall_clock (), 90 * BL_SECOND - 10 * BL_MS);
    publisher->capture = bl_ntp_add_us (ahead, -40 * BL_MS);
    peer_send_picture (publisher, i == 0, 3);
    peer_send_audio (publisher);
    world_settle ();
    if (publisher->n_rrtrs > 0 && i % 10 == 9) {
      BlTime since
          = bl_ntp_diff_us (world_wall_clock (), publisher->rrtr) - 20 * BL_MS;
      peer_send_xr (publisher, ahead, (uint32_t)(since * 65536 / BL_SECOND));
    }
    world_settle ();
    world_advance (33333);
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

START_TEST (a_track_is_live_while_its_packets_come)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  world_send_pictures (publisher, 2, 3);
  world_advance (BL_SECOND);
  peer_send_audio (publisher);
  world_settle ();
  for (int second = 0; second < 3; second++) {
    BlWorkerStats *stats = bl_hub_stats (world.hub);
    ck_assert_int_eq (stats->sources[0].live, second < 2);
    ck_assert_int_eq (stats->sources[0].tracks[BL_TRACK_VIDEO].live,
                      second < 1);
    ck_assert_int_eq (stats->sources[0].tracks[BL_TRACK_AUDIO].live,
                      second < 2);
    bl_worker_stats_free (stats);
    world_advance (BL_SECOND);
  }
}
END_TEST

START_TEST (reports_to_viewers_tie_rtp_time_to_capture_time)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = world_join (BL_SESSION_VIEWER, 2);
  for (int i = 0; i < 60; i++) {
    publisher->capture = bl_ntp_add_us (world_wall_clock (), -50 * BL_MS);
    peer_send_picture (publisher, i == 0, 3);
    world_settle ();
    world_advance (33333);
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

START_TEST (reports_leave_with_pictures_and_without_them)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = world_join (BL_SESSION_VIEWER, 2);
  for (int i = 0; i < 300; i++) {
    peer_send_picture (publisher, i == 0, 3);
    world_settle ();
    unsigned with_pictures = viewer->n_sender_reports;
    world_advance (33333);
    ck_assert_uint_eq (viewer->n_sender_reports, with_pictures);
  }
  /* Ten seconds, each report at most a tenth of one early. */
  ck_assert_uint_ge (viewer->n_sender_reports, 10);
  ck_assert_uint_le (viewer->n_sender_reports, 12);
  unsigned before = viewer->n_sender_reports;
  for (int i = 0; i < 3; i++) {
    peer_check (viewer, false);
    world_settle ();
    world_advance (BL_SECOND);
  }
  ck_assert_uint_eq (viewer->n_sender_reports, before + 3);
}
END_TEST

START_TEST (the_tap_gets_every_packet_once_between_start_and_stop)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  world_send_pictures (publisher, 5, 4);
  peer_send_audio (publisher);
  world_settle ();
  world_advance (3 * BL_SECOND);
  world_send_pictures (publisher, 1, 4);
  bl_hub_remove_source (world.hub, WORLD_SOURCE);

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

/* As when the disk has stood still for long. */
static void
fill_tap (void)
{
  const BlTapRecord record = { .kind = BL_TAP_LOST };
  while (bl_tap_write (world.tap, &record, NULL))
    ;
}

static void
empty_tap (void)
{
  const uint8_t *payload;
  while (bl_tap_peek (world.tap, &payload))
    bl_tap_pop (world.tap);
}

START_TEST (a_recording_begins_late_rather_than_never)
{
  fill_tap ();
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  world_send_pictures (publisher, 1, 4);
  empty_tap ();
  world_send_pictures (publisher, 1, 4);
  const uint8_t *payload;
  const BlTapRecord *record = bl_tap_peek (world.tap, &payload);
  ck_assert_ptr_nonnull (record);
  ck_assert_uint_eq (record->kind, BL_TAP_START);
}
END_TEST

START_TEST (a_viewer_that_leaves_takes_nothing_with_it)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  Peer *stays = world_join (BL_SESSION_VIEWER, 2);
  Peer *leaves = world_join (BL_SESSION_VIEWER, 3);
  world_send_pictures (publisher, 5, 4);
  bl_hub_remove_session (world.hub, 3);
  world_settle ();
  ck_assert (leaves->link.closed);
  ck_assert_uint_eq (leaves->n_byes, 1);
  unsigned before = leaves->n_rtp;
  for (int i = 0; i < 5; i++) {
    peer_send_picture (publisher, false, 4);
    world_settle ();
  }
  ck_assert_uint_eq (leaves->n_rtp, before);
  ck_assert_uint_eq (world_assert_whole (stays), 40);
}
END_TEST

START_TEST (removing_a_source_says_goodbye_to_all_and_gives_every_packet_back)
{
  uint32_t free_packets = bl_packet_pool_left (bl_hub_pool (world.hub));
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = world_join (BL_SESSION_VIEWER, 2);
  world_send_pictures (publisher, 10, 4);
  bl_hub_remove_source (world.hub, WORLD_SOURCE);
  world_settle ();
  ck_assert (publisher->link.closed);
  ck_assert (viewer->link.closed);
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
  tcase_add_checked_fixture (tcase, world_set_up, world_tear_down);
  tcase_add_test (tcase, pictures_and_sound_reach_a_viewer_in_order);
  tcase_add_test (tcase, a_passive_publisher_is_called_by_the_relay);
  tcase_add_test (tcase, the_format_event_says_what_the_sps_says);
  tcase_add_test (
      tcase, a_packet_lost_on_the_way_in_is_asked_for_and_reaches_the_viewer);
  tcase_add_test (tcase,
                  a_packet_that_stays_lost_makes_the_relay_ask_for_a_keyframe);
  tcase_add_test (tcase, a_nack_is_answered_by_rtx_until_the_budget_is_spent);
  tcase_add_test (tcase, what_a_call_sent_does_not_shrink_when_a_viewer_leaves);
  tcase_add_test (tcase,
                  keyframe_requests_of_many_viewers_are_one_request_a_while);
  tcase_add_test (tcase, viewers_stay_while_the_publisher_comes_back);
  tcase_add_test (tcase, a_new_publisher_takes_over_from_one_that_still_lives);
  tcase_add_test (tcase, silence_loses_a_session_and_checks_keep_it);
  tcase_add_test (tcase,
                  a_publisher_that_knocks_after_an_outage_is_told_at_once);
  tcase_add_test (tcase,
                  a_publisher_may_be_silent_for_longer_once_media_has_come);
  tcase_add_test (tcase,
                  a_publisher_from_which_nothing_ever_came_is_given_up_sooner);
  tcase_add_test (tcase, a_session_that_never_connects_is_given_up);
  tcase_add_test (tcase, the_wrong_certificate_is_refused);
  tcase_add_test (tcase, a_peer_that_closes_ends_its_session);
  tcase_add_test (tcase, a_publisher_that_says_bye_for_all_its_tracks_has_gone);
  tcase_add_test (tcase, media_moves_to_another_address_without_a_pause);
  tcase_add_test (tcase, an_ice_restart_keeps_the_session);
  tcase_add_test (tcase, garbage_and_forgeries_are_counted_and_harm_nobody);
  tcase_add_test (tcase, a_replayed_packet_is_dropped);
  tcase_add_test (tcase, reports_feedback_and_clock_go_to_the_publisher);
  tcase_add_test (tcase, a_track_is_live_while_its_packets_come);
  tcase_add_test (tcase, reports_to_viewers_tie_rtp_time_to_capture_time);
  tcase_add_test (tcase, reports_leave_with_pictures_and_without_them);
  tcase_add_test (tcase, the_tap_gets_every_packet_once_between_start_and_stop);
  tcase_add_test (tcase, a_recording_begins_late_rather_than_never);
  tcase_add_test (tcase, a_viewer_that_leaves_takes_nothing_with_it);
  tcase_add_test (
      tcase, removing_a_source_says_goodbye_to_all_and_gives_every_packet_back);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
