/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/sender.h"

#include "../run_suite.h"
#include "rtc/rtpext.h"
#include "rtc/twcc.h"
#include "sender_world.h"
#include "vehicle/sender_private.h"
#include "vehicle/sendqueue.h"

START_TEST (a_keyframe_is_spread_out_and_not_thrown_at_the_network)
{
  BlSender *s = sender_world_open_acknowledged ();
  sender_world_send_frame (s, true, 30000, sender_world.now_us);
  /* At most 5 ms of what is paced, twice the target, may leave at once. */
  uint64_t pace_bps = bl_sender_stats (s).target_bps * 2;
  size_t at_once = 0;
  for (unsigned i = 0; i < sender_world.n_sent; i++)
    at_once += sender_world.sent[i].length;
  ck_assert_uint_le (at_once, pace_bps / 8 * 5 / 1000 + 1300);
  ck_assert_uint_gt (bl_sender_stats (s).queued, 0);
  sender_world_run_until (s, START + 300 * BL_MS);
  ck_assert_uint_eq (bl_sender_stats (s).queued, 0);
  bl_sender_free (s);
}
END_TEST

START_TEST (the_encoder_is_told_a_rate_that_grows_up_to_its_bound)
{
  BlSender *s = sender_world_open_acknowledged ();
  sender_world_run_until (s, START + 10 * BL_MS);
  uint64_t first_bps = sender_world.rate_bps;
  ck_assert_uint_gt (first_bps, 0);
  ck_assert_uint_lt (first_bps, BITRATE);
  for (int frame = 0; frame < 150; frame++) {
    sender_world_send_frame (s, frame == 0,
                             (size_t)(sender_world.rate_bps / 8 / 30),
                             sender_world.now_us);
    sender_world_run_for (s, 33 * BL_MS);
  }
  ck_assert_uint_eq (sender_world.rate_bps, BITRATE);
  bl_sender_free (s);
}
END_TEST

START_TEST (repair_takes_its_share_before_the_encoder_does)
{
  BlSender *s = sender_world_open_acknowledged ();
  unsigned at = 0;
  for (int frame = 0; frame < 150; frame++) {
    sender_world_send_frame (s, frame == 0,
                             (size_t)(sender_world.rate_bps / 8 / 30),
                             sender_world.now_us);
    sender_world_run_for (s, 33 * BL_MS);
    uint16_t seqs[64];
    size_t n = 0;
    BlRtp rtp;
    while (n < 64 && sender_world_next_rtp (&at, VIDEO_SSRC, &rtp))
      seqs[n++] = rtp.seq;
    if (n > 0)
      sender_world_receive_nack (s, VIDEO_SSRC, seqs, n);
  }
  ck_assert_uint_gt (sender_world.rate_bps, BITRATE / 3);
  ck_assert_uint_lt (sender_world.rate_bps, BITRATE * 2 / 3);
  bl_sender_free (s);
}
END_TEST

/* Nothing comes back, so the window fills and of the keyframe the rest waits.
 */
static BlSender *
open_and_fill (void)
{
  BlSender *s = sender_world_open ();
  ck_assert (bl_sender_may_encode (s, sender_world.now_us));
  sender_world_send_frame (s, true, 60000, sender_world.now_us);
  sender_world_run_until (s, START + 60 * BL_MS);
  return s;
}

START_TEST (the_gate_shuts_while_pictures_wait_and_drops_what_is_late)
{
  BlSender *s = open_and_fill ();
  ck_assert (!bl_sender_may_encode (s, sender_world.now_us));
  ck_assert_uint_gt (bl_sender_stats (s).queued, 0);
  unsigned asked = sender_world.n_keyframes;
  sender_world_run_until (s, START + BL_SECOND);
  bl_sender_may_encode (s, sender_world.now_us);
  ck_assert_uint_eq (bl_sender_stats (s).queued, 0);
  ck_assert_uint_eq (bl_sender_stats (s).late_drops, 1);
  ck_assert_uint_eq (sender_world.n_keyframes, asked + 1);
  /* What was dropped took no numbers, but for one that says that the picture
   * is not whole. */
  sender_world.acknowledged = true;
  sender_world_send_frame (s, true, 1000, sender_world.now_us);
  sender_world_run_for (s, BL_SECOND);
  unsigned i = 0, n = 0;
  BlRtp rtp;
  uint16_t seq = 0;
  uint32_t timestamp = 0;
  for (; sender_world_next_rtp (&i, VIDEO_SSRC, &rtp); n++) {
    unsigned step = rtp.timestamp == timestamp ? 1 : 2;
    ck_assert (n == 0 || rtp.seq == (uint16_t)(seq + step));
    seq = rtp.seq;
    timestamp = rtp.timestamp;
  }
  ck_assert (rtp.ssrc != 0 && n > 1 && rtp.marker);
  bl_sender_free (s);
}
END_TEST

START_TEST (a_late_keyframe_is_asked_for_again_at_once)
{
  BlSender *s = open_and_fill ();
  sender_world_send_frame (s, true, 5000, sender_world.now_us);
  unsigned asked = sender_world.n_keyframes;
  uint32_t queued = bl_sender_stats (s).queued;
  sender_world_run_until (s, START + 230 * BL_MS);
  bl_sender_may_encode (s, sender_world.now_us);
  ck_assert_uint_lt (bl_sender_stats (s).queued + 4, queued);
  ck_assert_uint_eq (sender_world.n_keyframes, asked + 1);
  /* What recovers refers to pictures that not all have. */
  uint64_t frames = bl_sender_stats (s).frames;
  sender_world.recovers = true;
  sender_world_send_frame (s, false, 1000, sender_world.now_us);
  ck_assert_uint_eq (bl_sender_stats (s).frames, frames);
  sender_world_send_frame (s, true, 1000, sender_world.now_us);
  ck_assert_uint_eq (bl_sender_stats (s).frames, frames + 1);
  bl_sender_free (s);
}
END_TEST

START_TEST (a_late_picture_is_lost_whole_and_one_that_has_begun_is_completed)
{
  BlSender *s = open_and_fill ();
  sender_world_send_frame (s, false, 5000, sender_world.now_us);
  sender_world_send_frame (s, false, 5000, sender_world.now_us);
  unsigned asked = sender_world.n_keyframes;
  sender_world_run_until (s, START + 200 * BL_MS);
  uint32_t queued = bl_sender_stats (s).queued;
  ck_assert (!bl_sender_may_encode (s, sender_world.now_us));
  ck_assert_uint_eq (sender_world.n_lost, 1);
  ck_assert_uint_eq (sender_world.lost, 1);
  ck_assert_uint_eq (sender_world.n_keyframes, asked);
  ck_assert_uint_gt (bl_sender_stats (s).queued, 0);
  ck_assert_uint_lt (bl_sender_stats (s).queued, queued);
  /* Told once, and what was in the encoder meanwhile is lost with it. */
  sender_world_run_until (s, START + 250 * BL_MS);
  bl_sender_may_encode (s, sender_world.now_us);
  ck_assert_uint_eq (bl_sender_stats (s).late_drops, 1);
  queued = bl_sender_stats (s).queued;
  sender_world_send_frame (s, false, 1000, sender_world.now_us);
  ck_assert_uint_eq (bl_sender_stats (s).queued, queued);

  sender_world.acknowledged = true;
  sender_world.recovers = true;
  sender_world_send_frame (s, false, 1000, sender_world.now_us);
  ck_assert_uint_gt (bl_sender_stats (s).queued, queued);
  sender_world_run_for (s, BL_SECOND);
  unsigned i = 0, pictures = 0;
  BlRtp rtp;
  uint16_t seq = 0;
  for (unsigned n = 0; sender_world_next_rtp (&i, VIDEO_SSRC, &rtp); n++) {
    ck_assert (n == 0 || rtp.seq == (uint16_t)(seq + 1));
    seq = rtp.seq;
    pictures += rtp.marker;
  }
  ck_assert_uint_eq (pictures, 2);
  bl_sender_free (s);
}
END_TEST

START_TEST (what_does_not_recover_in_time_has_to_be_a_keyframe)
{
  BlSender *s = open_and_fill ();
  sender_world_send_frame (s, false, 5000, sender_world.now_us);
  sender_world_run_until (s, START + 200 * BL_MS);
  bl_sender_may_encode (s, sender_world.now_us);
  ck_assert_uint_eq (sender_world.n_lost, 1);
  sender_world.acknowledged = true;
  unsigned asked = sender_world.n_keyframes;
  for (unsigned i = 0; i < 14; i++) {
    sender_world_send_frame (s, false, 1000, sender_world.now_us);
    sender_world_run_for (s, 33 * BL_MS);
  }
  ck_assert_uint_eq (sender_world.n_keyframes, asked);
  for (unsigned i = 0; i < 31; i++) {
    sender_world_send_frame (s, false, 1000, sender_world.now_us);
    sender_world_run_for (s, 33 * BL_MS);
  }
  ck_assert_uint_ge (sender_world.n_keyframes, asked + 2);
  sender_world_send_frame (s, true, 1000, sender_world.now_us);
  ck_assert_uint_eq (bl_sender_stats (s).frames, 3);
  bl_sender_free (s);
}
END_TEST

/* What it can't send must not keep it busy either. */
START_TEST (where_there_is_no_room_no_picture_waits)
{
  BlSender *s = sender_world_open_acknowledged ();
  s->room.open = false;
  s->room.probe_us = sender_world.now_us + BL_SECOND;
  unsigned dropped = bl_sender_stats (s).frames_dropped;
  sender_world_send_frame (s, true, 1000, sender_world.now_us);
  ck_assert_uint_eq (bl_sender_stats (s).queued, 0);
  ck_assert_uint_eq (bl_sender_stats (s).frames_dropped, dropped + 1);
  ck_assert_int_gt (bl_sender_deadline (s), sender_world.now_us);
  bl_sender_free (s);
}
END_TEST

START_TEST (silence_is_not_repaired_where_there_is_no_room)
{
  BlSender *s = sender_world_open_acknowledged ();
  sender_world_send_frame (s, true, 1000, sender_world.now_us);
  sender_world_run_until (s, START + 100 * BL_MS);
  bl_sender_add_path (s, 1);
  sender_world.acknowledged = false;
  sender_world_send_frame (s, false, 5000, sender_world.now_us);
  sender_world_run_for (s, 30 * BL_MS);
  ck_assert_uint_eq (bl_sender_stats (s).queued, 0);
  s->room.open = false;
  s->room.probe_us = sender_world.now_us + 100 * BL_SECOND;
  sender_world_run_for (s, BL_SECOND);
  ck_assert (s->flow && bl_flow_path (s->flow, 0, sender_world.now_us).best);
  ck_assert_int_gt (bl_flow_path (s->flow, 0, sender_world.now_us).silent_us,
                    500 * BL_MS);
  ck_assert_uint_eq (s->rtx.count, 0);
  ck_assert_int_gt (bl_sender_deadline (s), sender_world.now_us);
  bl_sender_free (s);
}
END_TEST

START_TEST (a_second_path_gets_sound_and_keyframes_too)
{
  BlSender *s = sender_world_open_acknowledged ();
  bl_sender_add_path (s, 1);
  sender_world_send_sound (s, sender_world.now_us);
  ck_assert_uint_eq (sender_world.sent[sender_world.n_sent - 1].paths, 3);
  sender_world_send_frame (s, true, 500, sender_world.now_us);
  ck_assert_uint_eq (sender_world.sent[sender_world.n_sent - 1].paths, 3);
  sender_world_run_for (s, 20 * BL_MS);
  sender_world_send_frame (s, false, 500, sender_world.now_us);
  ck_assert_uint_eq (sender_world.sent[sender_world.n_sent - 1].paths, 1);
  bl_sender_remove_path (s, 0, sender_world.now_us);
  sender_world_run_for (s, 20 * BL_MS);
  sender_world_send_frame (s, false, 500, sender_world.now_us);
  ck_assert_uint_eq (sender_world.sent[sender_world.n_sent - 1].paths, 2);
  bl_sender_free (s);
}
END_TEST

START_TEST (sound_does_not_wait_behind_a_keyframe)
{
  BlSender *s = sender_world_open ();
  sender_world_send_frame (s, true, 60000, sender_world.now_us);
  unsigned before = sender_world.n_sent;
  sender_world_send_sound (s, sender_world.now_us);
  ck_assert_uint_eq (sender_world.n_sent, before + 1);
  BlRtp rtp;
  ck_assert (bl_rtp_parse (sender_world.sent[before].data,
                           sender_world.sent[before].length, &rtp)
             == BL_RTP_OK);
  ck_assert_uint_eq (rtp.ssrc, AUDIO_SSRC);
  ck_assert_uint_eq (rtp.payload_length, SOUND_BYTES);
  bl_sender_free (s);
}
END_TEST

START_TEST (video_starts_with_a_keyframe_and_stops_with_the_path)
{
  BlSender *s = sender_world_open ();
  sender_world_send_frame (s, false, 1000, sender_world.now_us);
  ck_assert_uint_eq (sender_world.n_sent, 0);
  ck_assert_uint_eq (bl_sender_stats (s).frames_dropped, 1);
  sender_world_send_frame (s, true, 60000, sender_world.now_us);
  ck_assert_uint_gt (sender_world.n_sent, 0);
  bl_sender_set_open (s, false, sender_world.now_us);
  unsigned before = sender_world.n_sent;
  ck_assert_int_eq (bl_sender_deadline (s), BL_TIME_NEVER);
  sender_world_send_frame (s, true, 1000, sender_world.now_us);
  bl_sender_on_deadline (s, sender_world.now_us + BL_SECOND,
                         sender_world_wall (sender_world.now_us + BL_SECOND));
  ck_assert_uint_eq (sender_world.n_sent, before);
  /* What waited is too old by then: nothing but the next keyframe is sent. */
  sender_world.now_us += 5 * BL_SECOND;
  bl_sender_set_open (s, true, sender_world.now_us);
  ck_assert_uint_eq (sender_world.n_keyframes, 2);
  sender_world_send_frame (s, false, 1000, sender_world.now_us);
  ck_assert_uint_eq (sender_world.n_sent, before);
  sender_world_send_frame (s, true, 1000, sender_world.now_us);
  ck_assert_uint_gt (sender_world.n_sent, before);
  bl_sender_free (s);
}
END_TEST

START_TEST (a_frame_without_room_is_dropped_whole)
{
  BlSender *s = sender_world_open_acknowledged ();
  sender_world_send_frame (s, true, 390000, sender_world.now_us);
  sender_world_send_frame (s, false, 390000, sender_world.now_us);
  ck_assert_uint_le (bl_sender_stats (s).queued, BL_SENDQUEUE_PACKETS);
  sender_world_send_frame (s, false, 390000, sender_world.now_us);
  sender_world_send_frame (s, false, 390000, sender_world.now_us);
  BlSenderStats stats = bl_sender_stats (s);
  ck_assert_uint_gt (stats.frames_dropped, 0);
  ck_assert_uint_le (stats.queued, BL_SENDQUEUE_PACKETS);
  /* Every frame that was begun is sent to its marker. */
  sender_world_run_until (s, START + 10 * BL_SECOND);
  unsigned i = 0, markers = 0;
  BlRtp rtp;
  while (sender_world_next_rtp (&i, VIDEO_SSRC, &rtp))
    markers += rtp.marker;
  ck_assert_uint_eq (markers, stats.frames);
  bl_sender_free (s);
}
END_TEST

START_TEST (transport_feedback_is_matched_with_what_was_sent)
{
  BlSender *s = sender_world_open ();
  sender_world_send_frame (s, true, 20000, sender_world.now_us);
  sender_world_run_until (s, START + 90 * BL_MS);
  BlTwccReceiver receiver;
  bl_twcc_receiver_init (&receiver);
  unsigned i = 0, n = 0, lost = 0;
  BlRtp rtp;
  for (; sender_world_next_rtp (&i, VIDEO_SSRC, &rtp); n++) {
    BlRtpExtValues values;
    bl_rtp_ext_parse (&rtp, &sender_world_negotiated.video.extensions, &values);
    if (n % 5 == 2)
      lost++;
    else
      bl_twcc_receiver_on_packet (&receiver, values.transport_seq,
                                  sender_world.sent[i - 1].at_us + 30 * BL_MS);
  }
  uint8_t buffer[1200];
  BlWriter w = bl_writer (buffer, sizeof buffer);
  ck_assert (bl_twcc_receiver_write (&receiver, &w, RELAY_SSRC, VIDEO_SSRC));
  sender_world_receive_rtcp (s, &w);
  BlSenderStats stats = bl_sender_stats (s);
  ck_assert_uint_eq (stats.twcc_lost, lost);
  ck_assert_uint_eq (stats.twcc_received, n - lost);
  bl_sender_free (s);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vehicle/sender_flow");
  TCase *tc = tcase_create ("sender_flow");
  tcase_set_timeout (tc, 60);
  tcase_add_test (tc, a_keyframe_is_spread_out_and_not_thrown_at_the_network);
  tcase_add_test (tc, the_encoder_is_told_a_rate_that_grows_up_to_its_bound);
  tcase_add_test (tc, repair_takes_its_share_before_the_encoder_does);
  tcase_add_test (tc,
                  the_gate_shuts_while_pictures_wait_and_drops_what_is_late);
  tcase_add_test (tc, a_late_keyframe_is_asked_for_again_at_once);
  tcase_add_test (
      tc, a_late_picture_is_lost_whole_and_one_that_has_begun_is_completed);
  tcase_add_test (tc, what_does_not_recover_in_time_has_to_be_a_keyframe);
  tcase_add_test (tc, where_there_is_no_room_no_picture_waits);
  tcase_add_test (tc, silence_is_not_repaired_where_there_is_no_room);
  tcase_add_test (tc, a_second_path_gets_sound_and_keyframes_too);
  tcase_add_test (tc, sound_does_not_wait_behind_a_keyframe);
  tcase_add_test (tc, video_starts_with_a_keyframe_and_stops_with_the_path);
  tcase_add_test (tc, a_frame_without_room_is_dropped_whole);
  tcase_add_test (tc, transport_feedback_is_matched_with_what_was_sent);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
