/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "run_suite.h"
#include "track.h"

#define STEP_US (33 * BL_MS)
#define FRAME   3000

static PeerTrack track;
static BlTime now;

static void
setup (void)
{
  peer_track_init (&track, true, 90000);
  now = BL_SECOND;
}

/* A picture in one packet; `key`: an IDR slice. */
static void
give (uint32_t ssrc, uint16_t seq, bool key, bool repair)
{
  const uint8_t payload[] = { key ? 0x65 : 0x61, 0x88, 0x80 };
  const BlRtpExtValues none = { 0 };
  BlRtp rtp = { .payload_type = 96,
                .marker = true,
                .seq = seq,
                .timestamp = seq * FRAME,
                .ssrc = ssrc,
                .payload = payload,
                .payload_length = sizeof payload };
  peer_track_on_packet (&track, &rtp, &none, repair, now, 0);
}

static void
pass (BlTime us)
{
  now += us;
  peer_track_on_time (&track, now, 0);
}

static void
give_run (uint32_t ssrc, uint16_t from, unsigned count)
{
  for (unsigned i = 0; i < count; i++) {
    give (ssrc, (uint16_t)(from + i), i == 0, false);
    pass (STEP_US);
  }
}

START_TEST (an_unbroken_run_over_the_wrap_has_no_faults)
{
  give_run (1, 65530, 20);
  PeerFigures f = peer_track_take_figures (&track, now);
  ck_assert_uint_eq (f.frames, 20);
  ck_assert_uint_eq (f.keyframes, 1);
  ck_assert_uint_eq (f.lost + f.duplicates + f.jumps + f.ssrc_changes, 0);
  ck_assert_int_eq (f.gap_max_us, STEP_US);
  ck_assert_int_eq (track.first_keyframe_us, BL_SECOND);
}
END_TEST

START_TEST (a_repaired_packet_is_not_lost_and_delays_what_follows)
{
  give_run (1, 10, 3);
  give (1, 14, false, false);
  pass (STEP_US);
  ck_assert_uint_eq (track.figures.frames, 3);
  give (1, 13, false, true);
  ck_assert_uint_eq (track.figures.frames, 5);
  ck_assert_uint_eq (track.figures.repaired, 1);
  pass (2 * PEER_TRACK_WAIT_US);
  ck_assert_uint_eq (track.figures.lost, 0);
}
END_TEST

START_TEST (a_packet_that_never_comes_is_lost_once)
{
  give_run (1, 10, 3);
  give (1, 15, false, false);
  pass (PEER_TRACK_WAIT_US / 2);
  ck_assert_uint_eq (track.figures.lost, 0);
  pass (PEER_TRACK_WAIT_US);
  pass (PEER_TRACK_WAIT_US);
  ck_assert_uint_eq (track.figures.lost, 2);
}
END_TEST

START_TEST (a_keyframe_behind_a_hole_is_whole)
{
  static const uint8_t sps[] = { 0x67, 0x42, 0xc0, 0x1f };
  const BlRtpExtValues none = { 0 };
  give_run (1, 10, 3);
  BlRtp rtp = { .payload_type = 96,
                .seq = 14,
                .timestamp = 15 * FRAME,
                .ssrc = 1,
                .payload = sps,
                .payload_length = sizeof sps };
  peer_track_on_packet (&track, &rtp, &none, false, now, 0);
  give (1, 15, true, false);
  pass (2 * PEER_TRACK_WAIT_US);
  ck_assert_uint_eq (track.figures.lost, 1);
  ck_assert_uint_eq (track.figures.frames, 4);
  ck_assert_uint_eq (track.figures.keyframes, 2);
}
END_TEST

START_TEST (faults_are_counted_by_kind)
{
  give_run (1, 10, 3);
  give (1, 12, false, false);
  ck_assert_uint_eq (track.figures.duplicates, 1);
  give_run (1, 30000, 3);
  ck_assert_uint_eq (track.figures.jumps, 1);
  give_run (2, 50, 3);
  ck_assert_uint_eq (track.figures.ssrc_changes, 1);
  ck_assert_uint_eq (track.figures.regressions, 1);
  ck_assert_uint_eq (track.figures.frames, 9);
}
END_TEST

START_TEST (ninety_five_of_a_hundred_are_no_older)
{
  PeerFigures figures = { 0 };
  ck_assert_int_eq (peer_figures_age_p95_us (&figures), -1);
  figures.ages = 100;
  figures.ages_by_step[3] = 94;
  figures.ages_by_step[7] = 1;
  figures.ages_by_step[PEER_AGE_STEPS - 1] = 5;
  ck_assert_int_eq (peer_figures_age_p95_us (&figures), 8 * PEER_AGE_STEP_US);
  figures.ages_by_step[7] = 0;
  figures.ages_by_step[PEER_AGE_STEPS - 1] = 6;
  ck_assert_int_eq (peer_figures_age_p95_us (&figures),
                    PEER_AGE_STEPS * PEER_AGE_STEP_US);
}
END_TEST

START_TEST (a_silence_that_lasts_counts_as_a_gap)
{
  give_run (1, 10, 3);
  pass (5 * BL_SECOND);
  PeerFigures f = peer_track_take_figures (&track, now);
  ck_assert_int_eq (f.gap_max_us, 5 * BL_SECOND + STEP_US);
  ck_assert_uint_eq (f.frames, 3);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("peer/track");
  TCase *tc = tcase_create ("track");
  tcase_add_checked_fixture (tc, setup, NULL);
  tcase_add_test (tc, an_unbroken_run_over_the_wrap_has_no_faults);
  tcase_add_test (tc, a_repaired_packet_is_not_lost_and_delays_what_follows);
  tcase_add_test (tc, a_packet_that_never_comes_is_lost_once);
  tcase_add_test (tc, a_keyframe_behind_a_hole_is_whole);
  tcase_add_test (tc, faults_are_counted_by_kind);
  tcase_add_test (tc, ninety_five_of_a_hundred_are_no_older);
  tcase_add_test (tc, a_silence_that_lasts_counts_as_a_gap);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
