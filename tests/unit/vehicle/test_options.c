/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/options.h"

#include <string.h>

#include "../run_suite.h"
#include "signal/link.h"

#define RELAY                                                                  \
  "[relay]\nurl=https://relay.example:8444/\ncertificate=v.pem\nkey=v.key\n"

static BlVehicleOptions *
parse (const char *text, GError **error)
{
  return bl_vehicle_options_parse (text, strlen (text), "/etc/v.conf", error);
}

START_TEST (a_short_configuration_is_enough)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BlVehicleOptions) o = parse (RELAY, &error);
  ck_assert_msg (o, "%s", error ? error->message : "");
  ck_assert_str_eq (o->relay_url, "https://relay.example:8444");
  ck_assert_str_eq (o->certificate, "/etc/v.pem");
  ck_assert_ptr_null (o->relay_ca);
  ck_assert_str_eq (o->capture.pipeline, "v4l2");
  ck_assert_int_eq (o->capture.bitrate_bps, 2500000);
  ck_assert_uint_eq (o->kiosk_port, 8080);
}
END_TEST

START_TEST (servers_and_departments_are_read)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BlVehicleOptions) o
      = parse (RELAY "[ice]\nservers = stun:s.example:3478,"
                     " turn:me:p@ss:w@t.example:3478?transport=tcp,"
                     " turns:me:pw@t.example:443\n"
                     "ca = turn.pem\n"
                     "[eds]\nlist = north, south\n",
               &error);
  ck_assert_msg (o, "%s", error ? error->message : "");
  ck_assert_uint_eq (o->ice_servers->len, 3);
  const BlIceServer *turn = g_ptr_array_index (o->ice_servers, 1);
  ck_assert_str_eq (turn->url, "turn:t.example:3478?transport=tcp");
  ck_assert_str_eq (turn->username, "me");
  ck_assert_str_eq (turn->credential, "p@ss:w");
  const BlIceServer *turns = g_ptr_array_index (o->ice_servers, 2);
  ck_assert_str_eq (turns->url, "turns:t.example:443");
  ck_assert_str_eq (o->ice_ca, "/etc/turn.pem");
  ck_assert_str_eq (o->eds[0], "north");
  ck_assert_str_eq (o->eds[1], "south");
  ck_assert_ptr_null (o->eds[2]);
}
END_TEST

static const struct {
  const char *text;
  const char *says;
} wrong[] = {
  { "", "[relay] url is missing" },
  { "[relay]\nurl = relay.example\n", "/etc/v.conf:2: [relay] url" },
  { "[relay]\nurl = http://relay.example:8444\n", "not encrypted" },
  { "[relay]\nurl = ftp://relay.example\n", "[relay] url" },
  { "[relay]\nurl = https://u:p@relay.example\n", "[relay] url" },
  { "[relay]\nurl = https://relay.example\n", "[relay] certificate" },
  { "[relay]\nurl = https://r.example\ncertificate = c\n", "[relay] key" },
  { RELAY "[capture]\nfps = 500\n", "/etc/v.conf:6: [capture] fps" },
  { RELAY "[capture]\nwidth = 641\n", "[capture] width" },
  { RELAY "[capture]\nsound = loud\n", "[capture] sound" },
  { RELAY "[capture]\ncolour = red\n", "no key “colour”" },
  { RELAY "[ice]\nservers = turn:t.example:3478\n", "entry 1" },
  { RELAY "[ice]\nservers = stun:a, http://b\n", "entry 2" },
  { RELAY "[ice]\nservers = stun:\n", "entry 1" },
  { RELAY "[ice]\nservers = turns:t.example\n", "entry 1" },
  { RELAY "[ice]\nservers = turns:me:pw@t.example?transport=udp\n", "entry 1" },
  { RELAY "[eds]\nlist = North/1\n", "“North/1”" },
  { RELAY "[kiosk]\nport = 70000\n", "[kiosk] port" },
  { "what is this", "/etc/v.conf:1" },
};

START_TEST (a_wrong_value_is_named_with_file_line_and_key)
{
  g_autoptr (GError) error = NULL;
  ck_assert_ptr_null (parse (wrong[_i].text, &error));
  ck_assert_msg (strstr (error->message, wrong[_i].says), "%s", error->message);
  ck_assert (strstr (error->message, "/etc/v.conf"));
}
END_TEST

START_TEST (an_unreadable_file_is_named)
{
  g_autoptr (GError) error = NULL;
  ck_assert_ptr_null (bl_vehicle_options_load ("/nonexistent/v.conf", &error));
  ck_assert (strstr (error->message, "/nonexistent/v.conf"));
}
END_TEST

START_TEST (http_is_for_loopback)
{
  static const char *const texts[] = {
    "[relay]\nurl = http://127.0.0.1:8080\n",
    "[relay]\nurl = http://[::1]:8080\n",
    "[relay]\nurl = http://localhost:8080\n",
  };
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (BlVehicleOptions) o = parse (texts[i], &error);
    ck_assert_msg (o, "%s", error ? error->message : "");
  }
}
END_TEST

static const struct {
  const char *source;
  const char *pipeline; /* NULL: refused */
} sources[] = {
  { "test", "test" },
  { "test-vaapi", "test-vaapi" },
  { "/dev/video7", "v4l2" },
  { "rtsp://camera/1", "rtsp" },
  { BL_TEST_PIPELINES "/test.pipeline", "file" },
  { "/nonexistent/film.mp4", NULL },
  { "..", NULL },
};

START_TEST (source_is_a_pipeline_a_camera_an_address_or_a_file)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BlVehicleOptions) o
      = parse (RELAY "[capture]\npipelines = " BL_TEST_PIPELINES "\n", &error);
  gboolean ok = bl_vehicle_options_set_source (o, sources[_i].source, &error);
  ck_assert_int_eq (ok, sources[_i].pipeline != NULL);
  if (ok)
    ck_assert_str_eq (o->capture.pipeline, sources[_i].pipeline);
  else
    ck_assert_msg (strstr (error->message, "v4l2"), "%s", error->message);
}
END_TEST

START_TEST (a_department_has_a_plain_name)
{
  static const char *const good[] = { "north", "ed-2", "a.b_c" };
  static const char *const bad[]
      = { "", "North", "a/b", "..", ".x", "a b", "a?b", "é" };
  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    ck_assert (bl_vehicle_ed_is_valid (good[i]));
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    ck_assert_msg (!bl_vehicle_ed_is_valid (bad[i]), "%s", bad[i]);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vehicle/options");
  TCase *tc = tcase_create ("options");
  tcase_add_test (tc, a_short_configuration_is_enough);
  tcase_add_test (tc, servers_and_departments_are_read);
  tcase_add_loop_test (tc, a_wrong_value_is_named_with_file_line_and_key, 0,
                       G_N_ELEMENTS (wrong));
  tcase_add_test (tc, an_unreadable_file_is_named);
  tcase_add_test (tc, http_is_for_loopback);
  tcase_add_loop_test (tc, source_is_a_pipeline_a_camera_an_address_or_a_file,
                       0, G_N_ELEMENTS (sources));
  tcase_add_test (tc, a_department_has_a_plain_name);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
