/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/pipeline.h"

#include <glib/gstdio.h>
#include <stdbool.h>
#include <string.h>

#include "../run_suite.h"

static const BlCaptureOptions defaults = {
  .folder = BL_TEST_PIPELINES,
  .pipeline = "test",
  .device = "/dev/video0",
  .location = "/tmp/some file.mp4",
  .sound = "tone",
  .sound_device = "default",
  .width = 1280,
  .height = 720,
  .fps = 30,
  .bitrate_bps = 2500000,
  .sound_bitrate_bps = 32000,
};

/* Hardware that a test machine need not have. */
static const struct {
  const char *pipeline;
  const char *hardware; /* element whose absence is no failure, or NULL */
} pipelines[] = {
  { "test", NULL },
  { "v4l2", NULL },
  { "file", NULL },
  { "rtsp", NULL },
  { "shm", NULL },
  { "test-vaapi", "vah264enc" },
  { "v4l2-vaapi", "vah264enc" },
  { "test-v4l2m2m", "v4l2h264enc" },
  { "v4l2-v4l2m2m", "v4l2h264enc" },
};

START_TEST (every_pipeline_parses_or_names_the_missing_element)
{
  BlCaptureOptions options = defaults;
  options.pipeline = pipelines[_i].pipeline;
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) pipeline = bl_pipeline_load (&options, &error);
  if (pipeline)
    return;
  ck_assert_msg (pipelines[_i].hardware
                     && g_error_matches (error, BL_PIPELINE_ERROR,
                                         BL_PIPELINE_ERROR_ELEMENT),
                 "%s", error->message);
  ck_assert (strstr (error->message, pipelines[_i].hardware));
  ck_assert (strstr (error->message, "gstreamer1.0-plugins-"));
  ck_assert (bl_pipeline_error_is_final (error));
  g_printerr ("SKIPPED: %s needs hardware that is not here: %s\n",
              pipelines[_i].pipeline, error->message);
}
END_TEST

START_TEST (the_table_above_names_every_pipeline_there_is)
{
  g_autofree char *names = bl_pipeline_list (BL_TEST_PIPELINES);
  g_auto (GStrv) list = g_strsplit (names, ", ", -1);
  ck_assert_uint_eq (g_strv_length (list), G_N_ELEMENTS (pipelines));
  for (guint i = 0; i < G_N_ELEMENTS (pipelines); i++)
    ck_assert (
        g_strv_contains ((const char *const *)list, pipelines[i].pipeline));
}
END_TEST

static const struct {
  const char *text;
  const char *expected;
} fills[] = {
  { "# comment\na ! b\n", "a ! b " },
  { "a w=${width},h=${height}", "a w=1280,h=720 " },
  { "f=${fps} k=${keyframe_interval}", "f=30 k=120 " },
  { "b=${bitrate_kbps} v=${bitrate_bps}", "b=2500 v=2500000 " },
  { "o=${audio_bitrate_bps} l=${level}", "o=32000 l=3.1 " },
  { "d=${device}", "d=\"/dev/video0\" " },
  { "l=${location}", "l=\"/tmp/some file.mp4\" " },
  { "$ {width} ${ x", "$ {width} ${ x " },
};

START_TEST (placeholders_are_filled_from_the_configuration)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text
      = bl_pipeline_expand (fills[_i].text, "t", &defaults, &error);
  ck_assert_msg (text, "%s", error ? error->message : "");
  ck_assert_str_eq (text, fills[_i].expected);
}
END_TEST

START_TEST (an_unknown_placeholder_is_named)
{
  g_autoptr (GError) error = NULL;
  ck_assert_ptr_null (
      bl_pipeline_expand ("a ! ${colour}", "mine", &defaults, &error));
  ck_assert (g_error_matches (error, BL_PIPELINE_ERROR,
                              BL_PIPELINE_ERROR_PLACEHOLDER));
  ck_assert (strstr (error->message, "mine"));
  ck_assert (strstr (error->message, "${colour}"));
}
END_TEST

static const char *const hostile[] = {
  "",
  "x\" ! filesink location=\"/etc/passwd",
  "x' ! fakesink '",
  "x\\",
  "x\n! fakesink",
  "x\x7f",
};

START_TEST (a_value_that_could_leave_its_quotes_is_refused)
{
  BlCaptureOptions options = defaults;
  options.location = hostile[_i];
  g_autoptr (GError) error = NULL;
  ck_assert_ptr_null (bl_pipeline_expand ("filesrc location=${location}", "t",
                                          &options, &error));
  ck_assert (strstr (error->message, "[capture] location"));
}
END_TEST

static const char *const odd_but_harmless[] = {
  "/tmp/a ! fakesink name=evil",     "/tmp/${device} {fakesink}",
  "/tmp/x; y | z ( fakesink )",      "rtsp://user:p=ss!@camera/1?a=b&c=d",
  "/tmp/bin.( fakesink ) name=evil",
};

START_TEST (a_value_never_becomes_an_element)
{
  BlCaptureOptions options = defaults;
  options.location = odd_but_harmless[_i];
  g_autoptr (GError) error = NULL;
  g_autofree char *text = bl_pipeline_expand (
      "filesrc location=${location} name=f ! fakesink", "t", &options, &error);
  ck_assert_ptr_nonnull (text);
  g_autoptr (GstElement) pipeline = gst_parse_launch (text, &error);
  ck_assert_msg (!error, "%s", error ? error->message : "");
  ck_assert_int_eq (GST_BIN_NUMCHILDREN (pipeline), 2);
  g_autoptr (GstElement) source = gst_bin_get_by_name (GST_BIN (pipeline), "f");
  g_autofree char *location = NULL;
  g_object_get (source, "location", &location, NULL);
  ck_assert_str_eq (location, options.location);
}
END_TEST

static const struct {
  const char *text;
  int code;
  const char *says;
} broken[] = {
  { "nosuchelement ! fakesink", BL_PIPELINE_ERROR_ELEMENT, "“nosuchelement”" },
  { "fakesrc ! ! fakesink", BL_PIPELINE_ERROR_SYNTAX, "pipeline mine" },
  { "fakesrc nosuchproperty=1 ! fakesink", BL_PIPELINE_ERROR_SYNTAX,
    "nosuchproperty" },
  { "fakesrc ! fakesink", BL_PIPELINE_ERROR_SHAPE, "“encoder”" },
  { "fakesrc", BL_PIPELINE_ERROR_SHAPE, "“encoder”" },
  { "", BL_PIPELINE_ERROR_SYNTAX, "pipeline mine" },
  { "fakesrc ! identity name=encoder ! fakesink name=video"
    " fakesrc ! appsink name=audio",
    BL_PIPELINE_ERROR_SHAPE, "“video”" },
};

START_TEST (a_broken_pipeline_has_a_message_that_names_it)
{
  g_autofree char *folder = g_dir_make_tmp ("bl-pipeline-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "mine.pipeline", NULL);
  ck_assert (g_file_set_contents (path, broken[_i].text, -1, NULL));
  BlCaptureOptions options = defaults;
  options.folder = folder;
  options.pipeline = "mine";
  g_autoptr (GError) error = NULL;
  ck_assert_ptr_null (bl_pipeline_load (&options, &error));
  g_unlink (path);
  g_rmdir (folder);
  ck_assert_msg (g_error_matches (error, BL_PIPELINE_ERROR, broken[_i].code),
                 "%s", error->message);
  ck_assert_msg (strstr (error->message, broken[_i].says), "%s",
                 error->message);
}
END_TEST

START_TEST (an_unknown_pipeline_lists_those_there_are)
{
  static const char *const names[]
      = { "nosuch", "../pipelines/test", "", ".." };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    BlCaptureOptions options = defaults;
    options.pipeline = names[i];
    g_autoptr (GError) error = NULL;
    ck_assert_ptr_null (bl_pipeline_load (&options, &error));
    ck_assert (
        g_error_matches (error, BL_PIPELINE_ERROR, BL_PIPELINE_ERROR_FILE));
    ck_assert (strstr (error->message, "v4l2"));
  }
}
END_TEST

static const struct {
  const char *pipeline;
  const char *device;
  const char *location;
  const char *says; /* NULL: all is well */
} sources[] = {
  { "v4l2", "/dev/bl-no-such-camera", "", "plugged in" },
  { "v4l2", "/tmp", "", "not a camera" },
  { "file", "", "/tmp/bl-no-such-file.mp4", "[capture] location" },
  { "rtsp", "", "rtsp://192.0.2.1/", NULL },
  { "test", "/dev/bl-no-such-camera", "/tmp/bl-no-such-file", NULL },
};

START_TEST (a_missing_source_says_what_to_do)
{
  BlCaptureOptions options = defaults;
  options.pipeline = sources[_i].pipeline;
  options.device = sources[_i].device;
  options.location = sources[_i].location;
  g_autoptr (GError) error = NULL;
  gboolean ok = bl_pipeline_check_source (&options, &error);
  ck_assert_int_eq (ok, sources[_i].says == NULL);
  if (ok)
    return;
  ck_assert_msg (strstr (error->message, sources[_i].says), "%s",
                 error->message);
  ck_assert (!bl_pipeline_error_is_final (error));
}
END_TEST

static const struct {
  int width, height, fps;
  const char *level;
} level_cases[] = {
  { 640, 360, 30, "3.1" }, { 1280, 720, 30, "3.1" },  { 1280, 720, 60, "4" },
  { 1920, 1080, 30, "4" }, { 1920, 1080, 60, "4.2" }, { 3840, 2160, 30, "5.1" },
};

START_TEST (the_level_is_the_lowest_that_carries_the_picture)
{
  ck_assert_str_eq (bl_pipeline_level (level_cases[_i].width,
                                       level_cases[_i].height,
                                       level_cases[_i].fps),
                    level_cases[_i].level);
}
END_TEST

#define LOOP(test, table)                                                      \
  tcase_add_loop_test (tc, test, 0, G_N_ELEMENTS (table))

int
main (void)
{
  gst_init (NULL, NULL);
  Suite *suite = suite_create ("vehicle/pipeline");
  TCase *tc = tcase_create ("pipeline");
  tcase_set_timeout (tc, 60);
  LOOP (every_pipeline_parses_or_names_the_missing_element, pipelines);
  tcase_add_test (tc, the_table_above_names_every_pipeline_there_is);
  LOOP (placeholders_are_filled_from_the_configuration, fills);
  tcase_add_test (tc, an_unknown_placeholder_is_named);
  LOOP (a_value_that_could_leave_its_quotes_is_refused, hostile);
  LOOP (a_value_never_becomes_an_element, odd_but_harmless);
  LOOP (a_broken_pipeline_has_a_message_that_names_it, broken);
  tcase_add_test (tc, an_unknown_pipeline_lists_those_there_are);
  LOOP (a_missing_source_says_what_to_do, sources);
  LOOP (the_level_is_the_lowest_that_carries_the_picture, level_cases);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
