/* SPDX-License-Identifier: Apache-2.0
 *
 * A viewer that floods, and strangers who do: what they cost is bounded, and
 * those who watch beside them lose nothing.
 */
#include "../run_suite.h"
#include "relay/source.h"
#include "rtc/rtcp.h"
#include "world.h"

#define FLOOD   200 /* datagrams between two pictures */
#define SECONDS 4

static Peer *publisher, *viewer, *hostile;
static unsigned n_flooded;

static void
set_up (void)
{
  world_set_up ();
  publisher = world_join (BL_SESSION_PUBLISHER, 1);
  viewer = world_join (BL_SESSION_VIEWER, 2);
  hostile = world_join (BL_SESSION_VIEWER, 3);
  world_send_pictures (publisher, 5, 4);
  n_flooded = 0;
}

/* Pictures at 30 a second, and a flood among them. Gives how many pictures. */
static unsigned
watch_while (void (*flood) (void))
{
  unsigned n = SECONDS * 30;
  for (unsigned i = 0; i < n; i++) {
    for (unsigned j = 0; j < FLOOD; j++, n_flooded++)
      flood ();
    peer_send_picture (publisher, i % 60 == 0, 4);
    world_settle ();
    world_advance (33333);
  }
  return n;
}

static void
assert_unharmed (unsigned n_pictures)
{
  ck_assert_uint_ge (world_assert_whole (viewer), n_pictures * 4);
  ck_assert_uint_eq (world_count_events (BL_WORKER_SESSION_LOST, 2), 0);
}

/* How much of something may have been taken in all that time. */
static uint64_t
allowed (BlBudgetItem item)
{
  const BlBucketLimit *limit = bl_budget_limit (item);
  return limit->burst + (SECONDS + 1) * (uint64_t)limit->per_second;
}

static void
send_compound (Peer *peer, BlWriter *w, uint8_t *data)
{
  ck_assert (bl_writer_ok (w));
  peer_send_rtcp (peer, data, bl_writer_length (w));
}

/* ---- a viewer that is who he says ---- */

static uint32_t
video_ssrc_of (const Peer *peer)
{
  return peer->negotiated.video.ssrc;
}

/* Each asks for 1,000 packets. */
static void
flood_nacks (void)
{
  uint8_t data[1024];
  uint16_t seqs[1000];
  BlWriter w = bl_writer (data, sizeof data);
  for (unsigned i = 0; i < 1000; i++)
    seqs[i] = (uint16_t)(hostile->rtp[0].seq + i);
  bl_rtcp_write_nack (&w, 9, video_ssrc_of (hostile), seqs, 1000);
  send_compound (hostile, &w, data);
}

START_TEST (a_flood_of_nacks_gets_the_budget_of_one)
{
  uint64_t sent = bl_hub_counters (world.hub)->rtx_sent;
  assert_unharmed (watch_while (flood_nacks));
  sent = bl_hub_counters (world.hub)->rtx_sent - sent;
  ck_assert_uint_gt (sent, 0);
  uint32_t least_bytes = hostile->rtp[0].payload_length;
  for (unsigned i = 0; i < hostile->n_rtp; i++)
    least_bytes = MIN (least_bytes, hostile->rtp[i].payload_length);
  ck_assert_uint_le (sent * least_bytes, allowed (BL_BUDGET_REPAIRS));
  ck_assert_uint_gt (world_dropped (BL_DROP_BUDGET), n_flooded / 2);
  ck_assert_uint_gt (world_dropped (BL_DROP_RTX_BUDGET), 0);
}
END_TEST

static void
flood_plis (void)
{
  peer_send_pli (hostile, video_ssrc_of (hostile));
}

static void
flood_firs (void)
{
  static uint8_t seq_nr;
  uint8_t data[64];
  BlWriter w = bl_writer (data, sizeof data);
  bl_rtcp_write_fir (&w, 9, video_ssrc_of (hostile), seq_nr++);
  send_compound (hostile, &w, data);
}

START_TEST (a_flood_of_keyframe_requests_gets_few_keyframes)
{
  uint64_t asked = bl_hub_counters (world.hub)->keyframe_requests_out;
  /* The publisher sends a keyframe each two seconds of itself. */
  assert_unharmed (watch_while (_i ? flood_firs : flood_plis));
  asked = bl_hub_counters (world.hub)->keyframe_requests_out - asked;
  ck_assert_uint_gt (asked, 0);
  /* Each that was let through is repeated until a keyframe comes. */
  uint64_t repeated = 2 * BL_SECOND / BL_KEYFRAME_INTERVAL_US;
  ck_assert_uint_le (asked, allowed (BL_BUDGET_KEYFRAMES) / BL_BUDGET_KEYFRAME
                                * repeated);
  ck_assert_uint_gt (world_dropped (BL_DROP_BUDGET), n_flooded / 2);
}
END_TEST

/* 34 feedbacks in one compound, each on 65,535 packets that never were. */
static void
flood_statuses (void)
{
  uint8_t data[1400];
  BlWriter w = bl_writer (data, sizeof data);
  for (unsigned i = 0; i < 34; i++) {
    bl_writer_be32 (&w, 0x8fcd0009); /* RTPFB 15, ten words */
    bl_writer_be32 (&w, 9);
    bl_writer_be32 (&w, video_ssrc_of (hostile));
    bl_writer_be16 (&w, 0);
    bl_writer_be16 (&w, 65535);
    bl_writer_be32 (&w, 0);
    for (unsigned chunk = 0; chunk < 10; chunk++)
      bl_writer_be16 (&w, 0x1fff); /* a run of 8,191 lost */
  }
  send_compound (hostile, &w, data);
}

START_TEST (a_feedback_bomb_is_not_walked)
{
  assert_unharmed (watch_while (flood_statuses));
  BlWorkerStats *stats = bl_hub_stats (world.hub);
  for (unsigned i = 0; i < stats->n_viewers; i++)
    ck_assert_uint_eq (stats->viewers[i].transport_lost, 0);
  bl_worker_stats_free (stats);
  /* Of those that are let in, each feedback; of the others, the whole. */
  ck_assert_uint_gt (world_dropped (BL_DROP_BUDGET), n_flooded);
}
END_TEST

static void
flood_checks (void)
{
  peer_check (hostile, true);
}

START_TEST (a_flood_of_checks_is_answered_up_to_a_bound)
{
  assert_unharmed (watch_while (flood_checks));
  ck_assert_uint_gt (hostile->link.n_checks_answered, 100);
  ck_assert_uint_le (hostile->link.n_checks_answered,
                     allowed (BL_BUDGET_CHECKS)
                         + allowed (BL_BUDGET_STRANGE_CHECKS));
  /* The others' checks are answered as ever. */
  unsigned before = viewer->link.n_checks_answered;
  peer_check (viewer, true);
  world_settle ();
  ck_assert_uint_eq (viewer->link.n_checks_answered, before + 1);
}
END_TEST

static void
flood_rtp (void)
{
  static const uint8_t packet[60] = { 0x80, PT_VIDEO };
  world_send (hostile, packet, sizeof packet);
}

START_TEST (media_from_a_viewer_is_not_even_decrypted)
{
  uint64_t forged = world_dropped (BL_DROP_AUTH);
  assert_unharmed (watch_while (flood_rtp));
  ck_assert_uint_eq (world_dropped (BL_DROP_AUTH), forged);
  ck_assert_uint_ge (world_dropped (BL_DROP_UNKNOWN_TRACK), n_flooded);
}
END_TEST

static void
flood_dtls (void)
{
  static const uint8_t record[40]
      = { 22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, 0, 27 };
  world_send (hostile, record, sizeof record);
}

START_TEST (a_flood_of_handshake_records_stops_at_a_bound)
{
  assert_unharmed (watch_while (flood_dtls));
  ck_assert_uint_ge (world_dropped (BL_DROP_BUDGET),
                     n_flooded - allowed (BL_BUDGET_DTLS));
}
END_TEST

/* ---- a publisher that is who he says ---- */

static void
send_numbered (uint16_t transport_seq)
{
  publisher->transport_seq = transport_seq;
  peer_send_audio (publisher);
  world_settle ();
}

/* Arrivals 9 s apart in turn, all of which each late one has told again. */
START_TEST (gaps_filled_late_get_no_more_feedback_than_others)
{
  uint16_t first = publisher->transport_seq;
  unsigned gap = BL_TWCC_WINDOW / 2;
  for (unsigned i = 0; i < gap; i++)
    send_numbered ((uint16_t)(first + 2 * i));
  world_advance (9 * BL_SECOND);
  while (--gap >= 100)
    send_numbered ((uint16_t)(first + 2 * gap + 1));
  for (gap = 100; gap-- > 0;) {
    unsigned told = publisher->n_transport_feedback;
    send_numbered ((uint16_t)(first + 2 * gap + 1));
    world_advance (BL_SOURCE_FEEDBACK_US);
    told = publisher->n_transport_feedback - told;
    ck_assert_uint_ge (told, 1);
    ck_assert_uint_le (told, 3);
  }
}
END_TEST

/* ---- strangers ---- */

/* They have overheard the viewer's ufrag, and send from elsewhere. */
static Peer *stranger;

static void
flood_strange_checks (void)
{
  peer_check (stranger, true);
}

START_TEST (strangers_can_not_use_up_the_checks_of_a_viewer)
{
  stranger = world_new_peer (BL_SESSION_VIEWER, 4);
  g_strlcpy (stranger->ufrag, viewer->ufrag, sizeof stranger->ufrag);
  unsigned answered = viewer->link.n_checks_answered;
  unsigned refused = world_dropped (BL_DROP_STUN);
  assert_unharmed (watch_while (flood_strange_checks));
  refused = (unsigned)world_dropped (BL_DROP_STUN) - refused;
  ck_assert_uint_gt (refused, 0);
  ck_assert_uint_le (refused, allowed (BL_BUDGET_STRANGE_CHECKS));
  peer_check (viewer, true);
  world_settle ();
  ck_assert_uint_eq (viewer->link.n_checks_answered, answered + 1);
}
END_TEST

/* Whoever knows the viewer's address can forge that, but not its keys. */
static void
forge_rtcp (void)
{
  static const uint8_t packet[60] = { 0x80, 201, 0, 7 };
  world_send (viewer, packet, sizeof packet);
}

START_TEST (forged_rtcp_costs_a_bounded_number_of_decryptions)
{
  uint64_t forged = world_dropped (BL_DROP_AUTH);
  assert_unharmed (watch_while (forge_rtcp));
  forged = world_dropped (BL_DROP_AUTH) - forged;
  ck_assert_uint_gt (forged, 0);
  ck_assert_uint_le (forged, allowed (BL_BUDGET_FORGED));
  /* And once it is over, the viewer is heard again. */
  world_advance (BL_SECOND);
  uint64_t sent = bl_hub_counters (world.hub)->rtx_sent;
  peer_send_nack (viewer, video_ssrc_of (viewer),
                  viewer->rtp[viewer->n_rtp - 1].seq);
  world_settle ();
  ck_assert_uint_eq (bl_hub_counters (world.hub)->rtx_sent, sent + 1);
}
END_TEST

/* The publisher's address, too; with an SSRC of its own, or one never heard. */
static uint32_t forged_ssrc;

static void
forge_rtp (void)
{
  uint8_t packet[60] = { 0x80, PT_VIDEO };
  BlWriter w = bl_writer (packet + 2, 10);
  bl_writer_be16 (&w, publisher->video_seq);
  bl_writer_be32 (&w, publisher->video_timestamp);
  bl_writer_be32 (&w, forged_ssrc);
  world_send (publisher, packet, sizeof packet);
}

/* There is no budget for it: while a forger used that up, the publisher's own
 * packets would be dropped with his. */
START_TEST (forged_media_is_refused_and_the_publishers_own_is_all_taken)
{
  forged_ssrc = _i ? publisher->video_ssrc + 1000 : publisher->video_ssrc;
  uint64_t forged = world_dropped (BL_DROP_AUTH);
  assert_unharmed (watch_while (forge_rtp));
  ck_assert_uint_eq (world_dropped (BL_DROP_AUTH) - forged, n_flooded);
  ck_assert_uint_eq (world_dropped (BL_DROP_BUDGET), 0);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("relay/hostile");
  TCase *tcase = tcase_create ("hostile");
  tcase_set_timeout (tcase, 120);
  tcase_add_checked_fixture (tcase, set_up, world_tear_down);
  tcase_add_test (tcase, a_flood_of_nacks_gets_the_budget_of_one);
  tcase_add_loop_test (tcase, a_flood_of_keyframe_requests_gets_few_keyframes,
                       0, 2);
  tcase_add_test (tcase, a_feedback_bomb_is_not_walked);
  tcase_add_test (tcase, a_flood_of_checks_is_answered_up_to_a_bound);
  tcase_add_test (tcase, media_from_a_viewer_is_not_even_decrypted);
  tcase_add_test (tcase, a_flood_of_handshake_records_stops_at_a_bound);
  tcase_add_test (tcase, gaps_filled_late_get_no_more_feedback_than_others);
  tcase_add_test (tcase, strangers_can_not_use_up_the_checks_of_a_viewer);
  tcase_add_test (tcase, forged_rtcp_costs_a_bounded_number_of_decryptions);
  tcase_add_loop_test (
      tcase, forged_media_is_refused_and_the_publishers_own_is_all_taken, 0, 2);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
