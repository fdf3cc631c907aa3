/* SPDX-License-Identifier: Apache-2.0
 *
 * A viewer behind a link that is smaller than the stream, beside one on a wide
 * link. The narrow link is a queue in the test: it decides when each packet
 * arrived, and the viewer reports that as transport-cc.
 */
#include "../run_suite.h"
#include "rtc/rtcp.h"
#include "rtc/twcc.h"
#include "world.h"

/* 30 pictures of 10 packets of 1,000 bytes, so about 2.7 Mb/s with overhead; a
 * keyframe each 60. */
#define PACKETS   10
#define OF_KEY    30
#define OF_SLICES (OF_KEY - 1) /* that have a number; the first has none */
#define KEY_EVERY 60
#define OVERHEAD  80
#define CLOCK_US  (77 * BL_SECOND) /* the viewer's clock is elsewhere */

static Peer *publisher, *wide, *narrow;
static BlTwccReceiver receiver;
static uint32_t rate_bps;
static BlTime link_free_at; /* when the queue is empty */
static BlTime room_us;      /* what exceeds such a queue is lost */
static unsigned n_pictures;

/* What was lost, by its number, and is asked for with each feedback. */
static uint16_t missing[1024];
static unsigned n_missing;

/* What the narrow viewer got. */
static unsigned n_read, n_keys, n_key_packets, n_others, n_sounds;
static bool has_seq;
static uint16_t last_seq;
static uint32_t last_number;
static BlTime last_key_at, longest_wait_us, longest_queue_us;
static uint32_t key_first, key_packets; /* of the last keyframe: its number, and
                                           a bit for each packet that came */

static void
set_up (void)
{
  world_set_up ();
  bl_twcc_receiver_init (&receiver);
  rate_bps = 20000000;
  link_free_at = 0;
  room_us = BL_TIME_NEVER;
  n_pictures = n_read = n_missing = 0;
  has_seq = false;
  last_key_at = world.now;
  publisher = world_join (BL_SESSION_PUBLISHER, 1);
  peer_send_picture (publisher, true, PACKETS);
  world_settle ();
  wide = world_join (BL_SESSION_VIEWER, 2);
  narrow = world_join (BL_SESSION_VIEWER, 3);
}

static void
forget (void)
{
  n_keys = n_key_packets = n_others = n_sounds = 0;
  longest_wait_us = longest_queue_us = 0;
}

static void
note_arrival (const PeerRtp *rtp, BlTime arrival)
{
  uint32_t at = rtp->number - key_first;
  if (!rtp->key || at >= OF_SLICES || key_packets & 1u << at)
    return;
  key_packets |= 1u << at;
  if (key_packets != (1u << OF_SLICES) - 1)
    return;
  n_keys++;
  longest_wait_us = MAX (longest_wait_us, arrival - last_key_at);
  last_key_at = arrival;
}

static void
note_video (const PeerRtp *rtp)
{
  /* Whatever was left out, no number is missing. */
  ck_assert (!has_seq || rtp->seq == (uint16_t)(last_seq + 1));
  has_seq = true;
  last_seq = rtp->seq;
  if (!rtp->key) {
    /* No picture but after the one before it. */
    ck_assert_uint_eq (rtp->number, last_number + 1);
    n_others++;
  } else
    n_key_packets++;
  last_number = rtp->number;
}

static void
lose (const PeerRtp *rtp)
{
  if (rtp->payload_type != PT_AUDIO && n_missing < G_N_ELEMENTS (missing))
    missing[n_missing++]
        = rtp->payload_type == PT_RTX ? rtp->original_seq : rtp->seq;
}

/* What was sent to the narrow viewer since the last time enters its link. */
static void
read_narrow (void)
{
  for (; n_read < narrow->n_rtp; n_read++) {
    const PeerRtp *rtp = &narrow->rtp[n_read];
    uint32_t bits = (rtp->payload_length + OVERHEAD) * 8;
    if (rtp->payload_type == PT_VIDEO)
      note_video (rtp);
    else if (rtp->payload_type == PT_AUDIO)
      n_sounds++;
    if (link_free_at - world.now > room_us) {
      lose (rtp);
      continue;
    }
    link_free_at = MAX (link_free_at, world.now)
                   + (BlTime)((uint64_t)bits * 1000000 / rate_bps);
    longest_queue_us = MAX (longest_queue_us, link_free_at - world.now);
    bl_twcc_receiver_on_packet (&receiver, rtp->ext.transport_seq,
                                link_free_at + CLOCK_US);
    if (rtp->payload_type != PT_AUDIO)
      note_arrival (rtp, link_free_at);
  }
  narrow->n_rtp = n_read = 0;
}

static void
send_feedback (void)
{
  uint8_t data[1200];
  BlWriter w = bl_writer (data, sizeof data);
  bl_twcc_receiver_write (&receiver, &w, 9, narrow->negotiated.video.ssrc);
  if (bl_writer_length (&w) > 0)
    peer_send_rtcp (narrow, data, bl_writer_length (&w));
  for (unsigned i = 0; i < n_missing; i++)
    peer_send_nack (narrow, narrow->negotiated.video.ssrc, missing[i]);
  n_missing = 0;
}

/* The publisher sends a keyframe when it is asked for one, too. */
static void
run_pictures (int count)
{
  unsigned asked = publisher->n_plis + publisher->n_firs;
  for (int i = 0; i < count; i++) {
    unsigned asks = publisher->n_plis + publisher->n_firs;
    bool key = n_pictures++ % KEY_EVERY == 0 || asks > asked;
    if (key) {
      key_first = publisher->number + 1;
      key_packets = 0;
    }
    peer_send_picture (publisher, key, key ? OF_KEY : PACKETS);
    asked = asks;
    peer_send_audio (publisher);
    for (int step = 0; step < 3; step++) {
      world_settle ();
      read_narrow ();
      world_advance (11111);
      read_narrow ();
    }
    if (i % 3 == 0)
      send_feedback ();
    ck_assert_uint_gt (wide->n_rtp, 0);
    if (wide->n_rtp > PEER_MAX_RECEIVED / 2) {
      world_assert_whole (wide);
      wide->rtp[0] = wide->rtp[wide->n_rtp - 1];
      wide->n_rtp = 0;
    }
  }
}

static void
run (int seconds)
{
  run_pictures (seconds * 30);
}

static BlPictures
given (void)
{
  BlPictures pictures = BL_PICTURES_ALL;
  BlWorkerStats *stats = bl_hub_stats (world.hub);
  for (unsigned i = 0; i < stats->n_viewers; i++) {
    if (stats->viewers[i].session == 3)
      pictures = stats->viewers[i].pictures;
    else
      ck_assert_int_eq (stats->viewers[i].pictures, BL_PICTURES_ALL);
  }
  bl_worker_stats_free (stats);
  return pictures;
}

START_TEST (on_a_wide_link_nothing_is_left_out)
{
  run (20);
  forget ();
  run (20);
  ck_assert_int_eq (given (), BL_PICTURES_ALL);
  ck_assert_uint_eq (n_others, 20 * 59 / 2 * PACKETS);
  ck_assert_uint_eq (n_key_packets, 20 / 2 * OF_KEY);
}
END_TEST

START_TEST (a_viewer_behind_a_narrow_link_gets_fresh_keyframes_and_all_sound)
{
  run (5);
  rate_bps = 1000000;
  run (10);
  ck_assert_int_eq (given (), BL_PICTURES_KEYFRAMES);
  forget ();
  run (20);
  ck_assert_int_eq (given (), BL_PICTURES_KEYFRAMES);
  ck_assert_uint_eq (n_others, 0);
  ck_assert_uint_eq (n_sounds, 20 * 30);
  ck_assert_uint_ge (n_keys, 9);
  ck_assert_uint_eq (n_key_packets, n_keys * OF_KEY);
  ck_assert_int_le (longest_wait_us, 2500 * BL_MS);
  /* The sound hardly waits behind them. */
  ck_assert_int_le (longest_queue_us, 300 * BL_MS);
}
END_TEST

/* Its queue is full when nothing but keyframes are given: a keyframe sent at
 * once would lose its end, and so would the sound behind it. */
START_TEST (behind_a_queue_that_overflows_the_next_keyframe_is_whole)
{
  run_pictures (150 + _i); /* wherever between two keyframes that is */
  rate_bps = 1000000;
  room_us = 400 * BL_MS;
  forget ();
  last_key_at = world.now;
  run (10);
  ck_assert_int_eq (given (), BL_PICTURES_KEYFRAMES);
  ck_assert_int_le (longest_wait_us, 3500 * BL_MS);
  ck_assert_uint_ge (n_keys, 4);
}
END_TEST

START_TEST (when_the_link_widens_all_comes_back_from_a_keyframe_on)
{
  run (5);
  rate_bps = 1000000;
  run (20);
  ck_assert_int_eq (given (), BL_PICTURES_KEYFRAMES);
  rate_bps = 8000000;
  run (30);
  ck_assert_int_eq (given (), BL_PICTURES_ALL);
  forget ();
  run (10);
  ck_assert_uint_eq (n_others, 10 * 59 / 2 * PACKETS);
  ck_assert_uint_eq (n_key_packets, 10 / 2 * OF_KEY);
}
END_TEST

START_TEST (a_link_for_sound_alone_is_given_sound_alone)
{
  run (5);
  rate_bps = 60000;
  run (40);
  forget ();
  run (5);
  ck_assert_uint_eq (n_sounds, 5 * 30);
  ck_assert_uint_eq (n_others, 0);
  rate_bps = 8000000;
  run (120);
  ck_assert_int_eq (given (), BL_PICTURES_ALL);
}
END_TEST

START_TEST (it_does_not_come_and_go)
{
  unsigned n_changes = 0;
  run (5);
  rate_bps = 2000000;
  BlPictures last = given ();
  for (int i = 0; i < 300; i++) {
    run (1);
    n_changes += given () != last;
    last = given ();
  }
  ck_assert_uint_ge (n_changes, 1);
  /* Two trials may fail, each a change there and back. */
  ck_assert_uint_le (n_changes, 1 + 2 * 2);
}
END_TEST

/* Nothing but keyframes are given, and the source sends none by itself. */
START_TEST (keyframes_for_it_are_asked_for_seldom)
{
  run (5);
  rate_bps = 1000000;
  run (10);
  n_pictures = 1;
  uint64_t asked = bl_hub_counters (world.hub)->keyframe_requests_out;
  for (int i = 0; i < 20; i++) {
    peer_send_pli (narrow, narrow->negotiated.video.ssrc);
    n_pictures = 1;
    run (1);
  }
  asked = bl_hub_counters (world.hub)->keyframe_requests_out - asked;
  ck_assert_uint_ge (asked, 3);
  ck_assert_uint_le (asked, 6);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("relay/thinning");
  TCase *tcase = tcase_create ("thinning");
  tcase_set_timeout (tcase, 120);
  tcase_add_checked_fixture (tcase, set_up, world_tear_down);
  tcase_add_test (tcase, on_a_wide_link_nothing_is_left_out);
  tcase_add_test (
      tcase, a_viewer_behind_a_narrow_link_gets_fresh_keyframes_and_all_sound);
  tcase_add_loop_test (tcase,
                       behind_a_queue_that_overflows_the_next_keyframe_is_whole,
                       0, KEY_EVERY);
  tcase_add_test (tcase,
                  when_the_link_widens_all_comes_back_from_a_keyframe_on);
  tcase_add_test (tcase, a_link_for_sound_alone_is_given_sound_alone);
  tcase_add_test (tcase, it_does_not_come_and_go);
  tcase_add_test (tcase, keyframes_for_it_are_asked_for_seldom);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
