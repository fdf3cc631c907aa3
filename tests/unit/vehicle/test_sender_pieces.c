/* SPDX-License-Identifier: Apache-2.0
 *
 * Pictures that come to the sender piece by piece, as they are encoded.
 */
#include "../run_suite.h"
#include "rtc/rtpext.h"
#include "sender_world.h"

#define PIECE_BYTES 2000

/* Packets of video so far; how many of them bear a marker, a capture time, or
 * another timestamp than the one before. */
typedef struct {
  unsigned packets, markers, captures, timestamps;
  uint16_t last_seq;
} Seen;

static Seen
look (void)
{
  Seen seen = { 0 };
  BlRtp rtp;
  uint32_t timestamp = 0;
  for (unsigned i = 0; sender_world_next_rtp (&i, VIDEO_SSRC, &rtp);) {
    BlRtpExtValues values;
    ck_assert (bl_rtp_ext_parse (
        &rtp, &sender_world_negotiated.video.extensions, &values));
    seen.timestamps += seen.packets == 0 || rtp.timestamp != timestamp;
    seen.packets++;
    seen.markers += rtp.marker;
    seen.captures += bl_rtp_ext_has (&values, BL_RTP_EXT_ABS_CAPTURE_TIME);
    seen.last_seq = rtp.seq;
    timestamp = rtp.timestamp;
  }
  return seen;
}

START_TEST (the_first_piece_leaves_before_the_last_has_come)
{
  BlSender *s = sender_world_open_acknowledged ();
  sender_world_send_piece (s, 0, 0, true, true, PIECE_BYTES);
  sender_world_run_for (s, 60 * BL_MS);
  Seen first = look ();
  ck_assert_uint_gt (first.packets, 1);
  ck_assert_uint_eq (first.markers, 0);
  ck_assert_uint_eq (first.captures, 1);

  sender_world_send_piece (s, 0, 1, true, true, PIECE_BYTES);
  sender_world_send_piece (s, 0, 2, false, true, PIECE_BYTES);
  sender_world_run_for (s, 60 * BL_MS);
  Seen all = look ();
  ck_assert_uint_gt (all.packets, first.packets);
  ck_assert_uint_eq (all.markers, 1);
  ck_assert_uint_eq (all.captures, 1);
  ck_assert_uint_eq (all.timestamps, 1);
  ck_assert_uint_eq (bl_sender_stats (s).frames, 1);
  ck_assert_uint_eq (sender_world.n_lost, 0);
  bl_sender_free (s);
}
END_TEST

/* What comes in place of piece 1 of picture 1. */
static const struct {
  uint64_t picture;
  unsigned piece;
} wrong[] = {
  { 1, 2 }, /* a later piece of it */
  { 1, 0 }, /* its first one again */
  { 2, 0 }, /* the next picture's first */
  { 2, 1 }, /* and that one's second */
};

START_TEST (a_picture_that_misses_a_piece_is_lost_and_a_keyframe_asked_for)
{
  BlSender *s = sender_world_open_acknowledged ();
  sender_world_send_piece (s, 0, 0, false, true, PIECE_BYTES);
  sender_world_run_for (s, BL_SECOND);
  unsigned asked = sender_world.n_keyframes;

  sender_world_send_piece (s, 1, 0, true, false, PIECE_BYTES);
  sender_world_run_for (s, 60 * BL_MS);
  Seen begun = look ();
  ck_assert_uint_eq (begun.timestamps, 2);
  sender_world_send_piece (s, wrong[_i].picture, wrong[_i].piece, false, false,
                           PIECE_BYTES);
  sender_world_run_for (s, 60 * BL_MS);
  ck_assert_uint_eq (look ().packets, begun.packets);
  ck_assert_uint_eq (sender_world.n_keyframes, asked + 1);

  /* Behind a hole of one number, so that nobody takes it for whole. */
  sender_world_send_piece (s, 3, 0, false, true, PIECE_BYTES);
  sender_world_run_for (s, 60 * BL_MS);
  Seen after = look ();
  ck_assert_uint_eq (after.markers, 2);
  ck_assert_uint_eq ((uint16_t)(after.last_seq - begun.last_seq),
                     after.packets - begun.packets + 1);
  bl_sender_free (s);
}
END_TEST

START_TEST (the_rest_of_a_picture_that_was_refused_is_refused)
{
  BlSender *s = sender_world_open_acknowledged ();
  /* It begins with no keyframe. */
  for (unsigned piece = 0; piece < 3; piece++)
    sender_world_send_piece (s, 0, piece, piece < 2, false, PIECE_BYTES);
  sender_world_run_for (s, BL_SECOND);
  ck_assert_uint_eq (look ().packets, 0);
  ck_assert_uint_eq (bl_sender_stats (s).frames_dropped, 1);
  bl_sender_free (s);
}
END_TEST

START_TEST (the_rest_of_a_picture_that_was_dropped_as_late_is_refused)
{
  BlSender *s = sender_world_open ();
  /* Nothing comes back, so the window fills, and picture 1 waits. */
  sender_world_send_piece (s, 0, 0, false, true, 60000);
  sender_world_send_piece (s, 1, 0, true, false, PIECE_BYTES);
  sender_world_run_for (s, 200 * BL_MS);
  bl_sender_may_encode (s, sender_world.now_us);
  ck_assert_uint_eq (sender_world.n_lost, 1);
  ck_assert_uint_eq (sender_world.lost, 1);

  uint32_t queued = bl_sender_stats (s).queued;
  sender_world_send_piece (s, 1, 1, false, false, PIECE_BYTES);
  ck_assert_uint_le (bl_sender_stats (s).queued, queued);
  sender_world.acknowledged = true;
  sender_world_run_for (s, BL_SECOND);
  ck_assert_uint_eq (look ().timestamps, 1);
  ck_assert_uint_eq (look ().markers, 1);
  bl_sender_free (s);
}
END_TEST

START_TEST (a_picture_that_has_begun_to_leave_is_completed_by_late_pieces)
{
  BlSender *s = sender_world_open ();
  sender_world_send_piece (s, 0, 0, true, true, 60000);
  sender_world_run_for (s, 200 * BL_MS);
  bl_sender_may_encode (s, sender_world.now_us);
  sender_world_send_piece (s, 0, 1, false, true, PIECE_BYTES);
  ck_assert_uint_eq (sender_world.n_lost, 0);
  sender_world.acknowledged = true;
  sender_world_run_for (s, BL_SECOND);
  ck_assert_uint_eq (look ().timestamps, 1);
  ck_assert_uint_eq (look ().markers, 1);
  bl_sender_free (s);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vehicle/sender_pieces");
  TCase *tc = tcase_create ("sender_pieces");
  tcase_add_test (tc, the_first_piece_leaves_before_the_last_has_come);
  tcase_add_loop_test (
      tc, a_picture_that_misses_a_piece_is_lost_and_a_keyframe_asked_for, 0,
      sizeof wrong / sizeof wrong[0]);
  tcase_add_test (tc, the_rest_of_a_picture_that_was_refused_is_refused);
  tcase_add_test (tc,
                  the_rest_of_a_picture_that_was_dropped_as_late_is_refused);
  tcase_add_test (
      tc, a_picture_that_has_begun_to_leave_is_completed_by_late_pieces);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
