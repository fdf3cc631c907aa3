/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/capture.h"

#include <glib/gstdio.h>
#include <string.h>

#include "../run_suite.h"
#include "base/clock.h"
#include "rtc/h264.h"
#include "run_until.h"

/* Small, so that a slow machine keeps up. */
static const BlCaptureOptions defaults = {
  .folder = BL_TEST_PIPELINES,
  .pipeline = "test",
  .device = "/dev/bl-no-such-camera",
  .location = "",
  .sound = "tone",
  .sound_device = "default",
  .width = 320,
  .height = 240,
  .fps = 30,
  .bitrate_bps = 500000,
  .sound_bitrate_bps = 32000,
};

typedef struct {
  BlCapture *capture;
  guint video, audio, keyframes, bad_keyframes;
  guint loud, quiet; /* of audio */
  gsize bytes;       /* of video */
  guint next_piece, most_pieces;
  guint32 profile_level_id;
  guint width, height;
  BlTime last_captured_us;
  BlTime worst_age_us;
  bool not_ascending;
  guint recoveries; /* that are no keyframes */
  guint64 picture;  /* the last one's number */
  bool failed;
  bool ended;
  char message[512];
} Seen;

static void
look_at_keyframe (Seen *seen, const BlCaptureFrame *frame)
{
  bool sps_seen = false, pps_seen = false, idr_seen = false;
  BlH264Iter iter = bl_h264_iter (frame->data, frame->length);
  BlH264Nal nal;
  while (bl_h264_iter_next (&iter, &nal)) {
    BlH264Sps sps;
    unsigned type = bl_h264_nal_type (&nal);
    if (type == BL_H264_SPS && bl_h264_sps_parse (nal.data, nal.length, &sps)) {
      sps_seen = true;
      seen->profile_level_id = bl_h264_sps_profile_level_id (&sps);
      seen->width = sps.width;
      seen->height = sps.height;
    }
    pps_seen |= type == BL_H264_PPS;
    idr_seen |= type == BL_H264_IDR;
  }
  seen->keyframes++;
  seen->bad_keyframes += !sps_seen || !pps_seen || !idr_seen;
}

static void
on_frame (const BlCaptureFrame *frame, gpointer data)
{
  Seen *seen = data;
  if (!frame->video) {
    seen->audio++;
    /* Silence takes 35 bytes, the tone over 55. */
    seen->loud += frame->length >= 50;
    seen->quiet += frame->length < 50;
    return;
  }
  ck_assert_uint_eq (frame->piece, seen->next_piece);
  seen->next_piece = frame->more ? frame->piece + 1 : 0;
  seen->most_pieces = MAX (seen->most_pieces, frame->piece + 1);
  seen->bytes += frame->length;
  if (frame->piece > 0) {
    ck_assert_uint_eq (frame->picture, seen->picture);
    ck_assert_int_eq (frame->captured_us, seen->last_captured_us);
    return;
  }
  seen->video++;
  seen->recoveries += frame->recovers && !frame->keyframe;
  seen->picture = frame->picture;
  seen->not_ascending |= frame->captured_us <= seen->last_captured_us;
  seen->last_captured_us = frame->captured_us;
  seen->worst_age_us
      = MAX (seen->worst_age_us, bl_clock_now () - frame->captured_us);
  if (frame->keyframe)
    look_at_keyframe (seen, frame);
}

static void
on_state (BlCaptureState state, const char *message, gpointer data)
{
  Seen *seen = data;
  seen->failed |= state == BL_CAPTURE_FAILED;
  seen->ended |= state == BL_CAPTURE_ENDED;
  g_strlcpy (seen->message, message, sizeof seen->message);
}

static const BlCaptureCallbacks callbacks
    = { .frame = on_frame, .state = on_state };

static BlCapture *
start (const BlCaptureOptions *options, Seen *seen)
{
  BlCapture *capture = bl_capture_new (options, &callbacks, seen);
  bl_capture_start (capture);
  return capture;
}

START_TEST (the_test_picture_gives_constrained_baseline_with_parameter_sets)
{
  BlCaptureOptions options = defaults;
  options.width = 1280;
  options.height = 720;
  options.fps = 10;
  Seen seen = { 0 };
  g_autoptr (BlCapture) c G_GNUC_UNUSED = start (&options, &seen);
  RUN_UNTIL (seen.video >= 42 && seen.audio >= 20, seen.message);
  ck_assert_uint_eq (seen.profile_level_id & 0xffff00, 0x42c000);
  ck_assert_uint_eq (seen.width, 1280);
  ck_assert_uint_eq (seen.height, 720);
  ck_assert_uint_ge (seen.keyframes, 2); /* one each four seconds */
  ck_assert_uint_eq (seen.bad_keyframes, 0);
  ck_assert (!seen.not_ascending);
  ck_assert (!seen.failed);
}
END_TEST

START_TEST (a_frame_bears_the_moment_of_its_capture)
{
  Seen seen = { 0 };
  BlTime before = bl_clock_now ();
  g_autoptr (BlCapture) c G_GNUC_UNUSED = start (&defaults, &seen);
  RUN_UNTIL (seen.video >= 10, seen.message);
  ck_assert_int_gt (seen.last_captured_us, before);
  ck_assert_int_le (seen.last_captured_us, bl_clock_now ());
  ck_assert (!seen.not_ascending);
}
END_TEST

START_TEST (a_keyframe_comes_when_it_is_asked_for)
{
  Seen seen = { 0 };
  g_autoptr (BlCapture) c = start (&defaults, &seen);
  RUN_UNTIL (seen.video >= 5, seen.message);
  guint before = seen.keyframes, at = seen.video;
  bl_capture_force_keyframe (c);
  RUN_UNTIL (seen.keyframes > before, seen.message);
  /* Without asking it would be the 121st. */
  ck_assert_uint_lt (seen.video - at, 30);
  ck_assert_uint_eq (seen.bad_keyframes, 0);
}
END_TEST

START_TEST (a_picture_that_never_left_is_not_referred_to)
{
  Seen seen = { 0 };
  g_autoptr (BlCapture) c = start (&defaults, &seen);
  RUN_UNTIL (seen.video >= 5, seen.message);
  ck_assert_uint_eq (seen.recoveries, 0);
  /* It may take a keyframe, if this machine is slow or the numbers begin anew;
   * not each time. */
  while (seen.recoveries == 0) {
    guint keyframes = seen.keyframes;
    bl_capture_lose (c, seen.picture);
    RUN_UNTIL (seen.recoveries + seen.keyframes > keyframes, seen.message);
    ck_assert_uint_lt (seen.keyframes, 20);
  }
}
END_TEST

static gsize
bytes_of (Seen *seen, guint frames)
{
  gsize before = seen->bytes;
  guint until = seen->video + frames;
  RUN_UNTIL (seen->video >= until, seen->message);
  return seen->bytes - before;
}

START_TEST (the_bitrate_changes_while_it_runs)
{
  BlCaptureOptions options = defaults;
  options.bitrate_bps = 1000000;
  Seen seen = { 0 };
  g_autoptr (BlCapture) c = start (&options, &seen);
  (void)bytes_of (&seen, 15);
  gsize high = bytes_of (&seen, 60);
  bl_capture_set_encoder (
      c, &(BlEncoderSettings){
             .width = 320, .height = 240, .every = 1, .bitrate_bps = 150000 });
  (void)bytes_of (&seen, 15);
  gsize low = bytes_of (&seen, 60);
  ck_assert_msg (low * 2 < high, "%zu bytes before, %zu after", high, low);
}
END_TEST

START_TEST (the_sounds_bitrate_changes_while_it_runs)
{
  Seen seen = { 0 };
  g_autoptr (BlCapture) c = start (&defaults, &seen);
  RUN_UNTIL (seen.loud >= 20, seen.message);
  bl_capture_set_sound (c, &(BlSoundSettings){ 14000, 20 });
  RUN_UNTIL (seen.quiet >= 20, seen.message);
  bl_capture_set_sound (c, &(BlSoundSettings){ 32000, 0 });
  guint before = seen.loud;
  RUN_UNTIL (seen.loud >= before + 20, seen.message);
}
END_TEST

START_TEST (the_size_changes_while_it_runs)
{
  Seen seen = { 0 };
  g_autoptr (BlCapture) c = start (&defaults, &seen);
  RUN_UNTIL (seen.video >= 5, seen.message);
  ck_assert_uint_eq (seen.height, 240);
  BlEncoderSettings smaller
      = { .width = 160, .height = 120, .every = 1, .bitrate_bps = 200000 };
  bl_capture_set_encoder (c, &smaller);
  RUN_UNTIL (seen.height == 120, seen.message);
  ck_assert_uint_eq (seen.width, 160);
  ck_assert_uint_eq (seen.bad_keyframes, 0);
}
END_TEST

START_TEST (a_shut_gate_lets_no_picture_through_and_is_no_stall)
{
  BlCaptureOptions options = defaults;
  options.stall_ms = 500;
  Seen seen = { 0 };
  g_autoptr (BlCapture) c = start (&options, &seen);
  RUN_UNTIL (seen.video >= 5, seen.message);
  bl_capture_set_gate (c, false);
  /* Those that were in the encoder come out yet. */
  guint64 skipped = bl_capture_stats (c).skipped;
  RUN_UNTIL (bl_capture_stats (c).skipped >= skipped + 5, seen.message);
  guint before = seen.video;
  RUN_UNTIL (bl_capture_stats (c).skipped >= skipped + 45, seen.message);
  ck_assert_uint_eq (seen.video, before);
  ck_assert_uint_eq (bl_capture_stats (c).restarts, 0);
  bl_capture_set_gate (c, true);
  RUN_UNTIL (seen.video > before, seen.message);
}
END_TEST

/* Open for a sixth of the time, shut for 10 ms each time. */
static gboolean
turn_gate (gpointer data)
{
  static unsigned turns;
  bl_capture_set_gate (data, turns++ % 6 == 0);
  return G_SOURCE_CONTINUE;
}

START_TEST (a_picture_waits_a_little_for_the_gate)
{
  Seen seen = { 0 };
  g_autoptr (BlCapture) c = start (&defaults, &seen);
  RUN_UNTIL (seen.video >= 5, seen.message);
  guint timer = g_timeout_add (2, turn_gate, c);
  guint before = seen.video;
  RUN_UNTIL (seen.video + bl_capture_stats (c).skipped >= before + 60,
             seen.message);
  g_source_remove (timer);
  /* Of those that didn't wait most would be passed over. */
  ck_assert_uint_gt (seen.video - before, bl_capture_stats (c).skipped);
}
END_TEST

START_TEST (a_missing_camera_is_reported_and_tried_again)
{
  BlCaptureOptions options = defaults;
  options.pipeline = "v4l2";
  Seen seen = { 0 };
  g_autoptr (BlCapture) c = start (&options, &seen);
  ck_assert (seen.failed);
  ck_assert (strstr (seen.message, "/dev/bl-no-such-camera"));
  RUN_UNTIL (bl_capture_stats (c).restarts >= 2, seen.message);
  bl_capture_stop (c);
  ck_assert_int_eq (bl_capture_state (c), BL_CAPTURE_STOPPED);
}
END_TEST

START_TEST (a_network_camera_that_is_not_there_says_what_to_check)
{
  BlCaptureOptions options = defaults;
  options.pipeline = "rtsp";
  options.location = "rtsp://127.0.0.1:9/nothing";
  Seen seen = { 0 };
  g_autoptr (BlCapture) c G_GNUC_UNUSED = start (&options, &seen);
  RUN_UNTIL (seen.failed, seen.message);
  ck_assert_msg (strstr (seen.message, "network camera"), "%s", seen.message);
}
END_TEST

START_TEST (a_camera_that_hangs_is_started_anew)
{
  g_autofree char *folder = g_dir_make_tmp ("bl-capture-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "camera", NULL);
  g_autofree char *text = g_strdup_printf (
      "videotestsrc is-live=true ! video/x-raw,format=I420,width=320,"
      "height=240,framerate=30/1 ! shmsink wait-for-connection=false"
      " socket-path=\"%s\"",
      path);
  g_autoptr (GstElement) camera = gst_parse_launch (text, NULL);
  gst_element_set_state (camera, GST_STATE_PLAYING);
  gst_element_get_state (camera, NULL, NULL, GST_CLOCK_TIME_NONE);
  BlCaptureOptions options = defaults;
  options.pipeline = "shm";
  options.location = path;
  options.stall_ms = 500;
  Seen seen = { 0 };
  g_autoptr (BlCapture) c = start (&options, &seen);
  RUN_UNTIL (seen.video >= 5, seen.message);
  ck_assert (!seen.failed);

  gst_element_set_state (camera, GST_STATE_PAUSED);
  RUN_UNTIL (seen.failed, seen.message);
  ck_assert_msg (strstr (seen.message, "hung"), "%s", seen.message);
  gst_element_set_state (camera, GST_STATE_PLAYING);
  guint before = seen.video;
  RUN_UNTIL (seen.video >= before + 5, seen.message);
  ck_assert_int_eq (bl_capture_state (c), BL_CAPTURE_RUNNING);

  bl_capture_stop (c);
  gst_element_set_state (camera, GST_STATE_NULL);
  g_unlink (path);
  g_rmdir (folder);
}
END_TEST

START_TEST (a_microphone_that_fails_is_replaced_by_silence)
{
  g_autofree char *folder = g_dir_make_tmp ("bl-capture-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "mute.pipeline", NULL);
  g_autofree char *test_path
      = g_build_filename (BL_TEST_PIPELINES, "shm.pipeline", NULL);
  g_autofree char *text = NULL;
  ck_assert (g_file_get_contents (test_path, &text, NULL, NULL));
  g_autoptr (GString) mute = g_string_new (text);
  g_string_replace (mute,
                    "shmsrc socket-path=${location} is-live=true"
                    " do-timestamp=true",
                    "videotestsrc is-live=true", 1);
  ck_assert (g_file_set_contents (path, mute->str, -1, NULL));
  BlCaptureOptions options = defaults;
  options.folder = folder;
  options.pipeline = "mute";
  options.sound = "pulse";
  options.sound_device = "bl-no-such-microphone";
  g_setenv ("PULSE_SERVER", "unix:/nonexistent/bl", TRUE);
  Seen seen = { 0 };
  g_autoptr (BlCapture) c G_GNUC_UNUSED = start (&options, &seen);
  RUN_UNTIL (seen.video >= 5 && seen.audio >= 10, seen.message);
  g_unlink (path);
  g_rmdir (folder);
  ck_assert_uint_eq (seen.loud, 0);
  ck_assert_msg (strstr (seen.message, "no microphone"), "%s", seen.message);
}
END_TEST

/* Makes a film of a second with GStreamer itself. */
static void
make_film (const char *path, bool sound)
{
  g_autofree char *text = g_strdup_printf (
      "videotestsrc num-buffers=30 ! video/x-raw,width=320,height=240,"
      "framerate=30/1 ! x264enc tune=zerolatency ! h264parse ! matroskamux"
      " name=mux ! filesink location=\"%s\" %s",
      path, sound ? "audiotestsrc num-buffers=43 ! opusenc ! mux." : "");
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) pipeline = gst_parse_launch (text, &error);
  ck_assert_msg (pipeline, "%s", error ? error->message : "");
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstMessage) end = gst_bus_timed_pop_filtered (
      bus, 30 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  ck_assert (end && GST_MESSAGE_TYPE (end) == GST_MESSAGE_EOS);
  gst_element_set_state (pipeline, GST_STATE_NULL);
}

START_TEST (a_film_is_played_to_its_end_with_sound_or_silence)
{
  bool sound = _i == 0;
  g_autofree char *folder = g_dir_make_tmp ("bl-capture-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "a film.mkv", NULL);
  make_film (path, sound);
  BlCaptureOptions options = defaults;
  options.pipeline = "file";
  options.location = path;
  Seen seen = { 0 };
  g_autoptr (BlCapture) c = start (&options, &seen);
  RUN_UNTIL (seen.ended, seen.message);
  ck_assert (!seen.failed);
  ck_assert_uint_ge (seen.video, 20);
  ck_assert_uint_ge (seen.audio, 20);
  ck_assert_int_eq (seen.loud >= 20, sound);

  /* Again and again, when it is told to. */
  options.loop = TRUE;
  seen = (Seen){ 0 };
  bl_capture_stop (c);
  bl_capture_start (c);
  RUN_UNTIL (seen.video >= 45, seen.message);
  ck_assert (!seen.ended);
  ck_assert (!seen.not_ascending);
  bl_capture_stop (c);
  g_unlink (path);
  g_rmdir (folder);
}
END_TEST

int
main (void)
{
  /* GStreamer's threads don't survive a fork. */
  gst_init (NULL, NULL);
  Suite *suite = suite_create ("vehicle/capture");
  TCase *tc = tcase_create ("capture");
  tcase_set_timeout (tc, 60);
  tcase_add_test (
      tc, the_test_picture_gives_constrained_baseline_with_parameter_sets);
  tcase_add_test (tc, a_frame_bears_the_moment_of_its_capture);
  tcase_add_test (tc, a_keyframe_comes_when_it_is_asked_for);
  tcase_add_test (tc, a_picture_that_never_left_is_not_referred_to);
  tcase_add_test (tc, the_bitrate_changes_while_it_runs);
  tcase_add_test (tc, the_sounds_bitrate_changes_while_it_runs);
  tcase_add_test (tc, the_size_changes_while_it_runs);
  tcase_add_test (tc, a_shut_gate_lets_no_picture_through_and_is_no_stall);
  tcase_add_test (tc, a_picture_waits_a_little_for_the_gate);
  tcase_add_test (tc, a_missing_camera_is_reported_and_tried_again);
  tcase_add_test (tc, a_network_camera_that_is_not_there_says_what_to_check);
  tcase_add_test (tc, a_camera_that_hangs_is_started_anew);
  tcase_add_test (tc, a_microphone_that_fails_is_replaced_by_silence);
  tcase_add_loop_test (tc, a_film_is_played_to_its_end_with_sound_or_silence, 0,
                       2);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
