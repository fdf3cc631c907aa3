/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/kiosk.h"

#include <json-glib/json-glib.h>
#include <libsoup/soup.h>
#include <stdlib.h>
#include <string.h>

#include "../run_suite.h"

static BlKiosk *kiosk;
static SoupSession *session;
static char *called;
static guint hang_ups;

static void
on_state (BlKioskState *out_state, gpointer user_data)
{
  static const char *const eds[] = { "north", "south", NULL };
  static const BlHealthPath paths[] = {
    { "wwan0",
      { .there = true,
        .best = true,
        .rtt_us = 51500,
        .queue_us = 4000,
        .loss_percent = 2,
        .target_bps = 1500000 } },
    { "wlan0", { .there = true, .second = true, .silent_us = BL_SECOND } },
  };
  *out_state = (BlKioskState){
    .state = "live",
    .unit = "AMB \"1\"",
    .ed = "north",
    .call_id = "id",
    .since_unix_s = 1700000000,
    .eds = eds,
    .message = "",
    .capture = "running",
    .connection = "poor",
    .paths = paths,
    .n_paths = G_N_ELEMENTS (paths),
    .encoder = { .settings = { .width = 960, .height = 540 }, .skipped = 7 },
    .target_bps = 2700000,
    .late_drops = 3,
    .bitrate_bps = 2500000,
    .fps = 29.97,
    .rtt_us = 42500,
    .loss = 0.25,
    .viewers = -1,
  };
}

static char *
on_call (const char *ed, gpointer user_data)
{
  if (!g_str_equal (ed, "north"))
    return g_strdup_printf ("“%s” is no department", ed);
  g_free (called);
  called = g_strdup (ed);
  return NULL;
}

static char *
on_hang_up (gpointer user_data)
{
  return hang_ups++ == 0 ? NULL : g_strdup ("there is no call");
}

static const BlKioskCallbacks callbacks
    = { .state = on_state, .call = on_call, .hang_up = on_hang_up };

static void
set_up (void)
{
  g_autoptr (GError) error = NULL;
  kiosk = bl_kiosk_new (0, &callbacks, NULL, &error);
  ck_assert_msg (kiosk, "%s", error ? error->message : "");
  session = soup_session_new ();
}

static void
tear_down (void)
{
  g_object_unref (session);
  bl_kiosk_free (kiosk);
  g_clear_pointer (&called, g_free);
}

typedef struct {
  bool done;
  GBytes *body;
} Reply;

static void
on_reply (GObject *source, GAsyncResult *result, gpointer data)
{
  Reply *reply = data;
  reply->body
      = soup_session_send_and_read_finish (SOUP_SESSION (source), result, NULL);
  reply->done = true;
}

/* The status; the body goes to *out_body (free with g_free) if wanted. */
static guint
ask (const char *method, const char *path, const char *host, const char *origin,
     const char *type, const char *body, char **out_body)
{
  g_autofree char *url
      = g_strdup_printf ("http://127.0.0.1:%u%s", bl_kiosk_port (kiosk), path);
  g_autoptr (SoupMessage) message = soup_message_new (method, url);
  SoupMessageHeaders *headers = soup_message_get_request_headers (message);
  if (host)
    soup_message_headers_replace (headers, "Host", host);
  if (origin)
    soup_message_headers_replace (headers, "Origin", origin);
  if (body) {
    g_autoptr (GBytes) bytes = g_bytes_new (body, strlen (body));
    soup_message_set_request_body_from_bytes (message, type, bytes);
  }
  Reply reply = { 0 };
  soup_session_send_and_read_async (session, message, G_PRIORITY_DEFAULT, NULL,
                                    on_reply, &reply);
  while (!reply.done)
    g_main_context_iteration (NULL, TRUE);
  if (out_body)
    *out_body = reply.body ? g_strndup (g_bytes_get_data (reply.body, NULL),
                                        g_bytes_get_size (reply.body))
                           : g_strdup ("");
  g_clear_pointer (&reply.body, g_bytes_unref);
  return soup_message_get_status (message);
}

START_TEST (the_state_is_json_that_the_page_knows)
{
  g_autofree char *body = NULL;
  ck_assert_uint_eq (ask ("GET", "/api/state", NULL, NULL, NULL, NULL, &body),
                     200);
  g_autoptr (JsonParser) parser = json_parser_new ();
  ck_assert_msg (json_parser_load_from_data (parser, body, -1, NULL), "%s",
                 body);
  JsonObject *o = json_node_get_object (json_parser_get_root (parser));
  ck_assert_str_eq (json_object_get_string_member (o, "state"), "live");
  ck_assert_str_eq (json_object_get_string_member (o, "unit"), "AMB \"1\"");
  ck_assert_str_eq (json_object_get_string_member (o, "ed"), "north");
  ck_assert_int_eq (json_object_get_int_member (o, "bitrate_bps"), 2500000);
  ck_assert (json_object_get_double_member (o, "rtt_ms") == 42.5);
  ck_assert (json_object_get_double_member (o, "loss") == 0.25);
  ck_assert (json_object_get_null_member (o, "viewers"));
  JsonArray *eds = json_object_get_array_member (o, "eds");
  ck_assert_uint_eq (json_array_get_length (eds), 2);
}
END_TEST

START_TEST (each_path_and_what_is_sent_are_told)
{
  g_autofree char *body = NULL;
  ck_assert_uint_eq (ask ("GET", "/api/state", NULL, NULL, NULL, NULL, &body),
                     200);
  ck_assert_msg (
      strstr (body,
              "\"connection\":\"poor\",\"target_bps\":2700000,"
              "\"width\":960,\"height\":540,\"skipped\":7,"
              "\"late_drops\":3,\"paths\":[{\"interface\":\"wwan0\","
              "\"state\":\"best\",\"best\":true,\"rtt_ms\":51.5,"
              "\"queue_ms\":4.0,\"loss\":0.02,\"target_bps\":1500000},"
              "{\"interface\":\"wlan0\",\"state\":\"silent\",\"best\":false,"),
      "%s", body);
}
END_TEST

START_TEST (the_page_and_its_parts_are_there)
{
  static const char *const paths[] = { "/", "/kiosk.css", "/kiosk.js" };
  for (guint i = 0; i < G_N_ELEMENTS (paths); i++) {
    g_autofree char *body = NULL;
    ck_assert_uint_eq (ask ("GET", paths[i], NULL, NULL, NULL, NULL, &body),
                       200);
    ck_assert_uint_gt (strlen (body), 100);
  }
}
END_TEST

#define JSON  "application/json"
#define NORTH "{\"ed\": \"north\"}"

static const struct {
  const char *method, *path, *host, *origin, *type, *body;
  guint status;
} requests[] = {
  { "POST", "/call", NULL, NULL, JSON, NORTH, 202 },
  { "POST", "/call", "localhost:8080", "http://localhost:8080", JSON, NORTH,
    202 },
  { "POST", "/call", "[::1]:8080", "http://[::1]:8080", JSON, NORTH, 202 },
  /* another site */
  { "POST", "/call", NULL, "http://evil.example", JSON, NORTH, 403 },
  { "POST", "/call", NULL, "null", JSON, NORTH, 403 },
  { "POST", "/call", "localhost:8080", "http://localhost:9999", JSON, NORTH,
    403 },
  { "POST", "/hangup", NULL, "https://evil.example", NULL, NULL, 403 },
  { "GET", "/api/state", NULL, "http://evil.example", NULL, NULL, 403 },
  /* DNS rebinding */
  { "GET", "/", "evil.example", NULL, NULL, NULL, 421 },
  { "GET", "/", "127.0.0.1.evil.example", NULL, NULL, NULL, 421 },
  { "POST", "/call", "localhost.evil.example", NULL, JSON, NORTH, 421 },
  /* a form can't say that it is JSON */
  { "POST", "/call", NULL, NULL, "text/plain", NORTH, 415 },
  { "POST", "/call", NULL, NULL, "application/x-www-form-urlencoded", "ed=a",
    415 },
  { "POST", "/call", NULL, NULL, NULL, NULL, 415 },
  /* not what we asked for */
  { "POST", "/call", NULL, NULL, JSON, "", 400 },
  { "POST", "/call", NULL, NULL, JSON, "{", 400 },
  { "POST", "/call", NULL, NULL, JSON, "[]", 400 },
  { "POST", "/call", NULL, NULL, JSON, "null", 400 },
  { "POST", "/call", NULL, NULL, JSON, "{}", 400 },
  { "POST", "/call", NULL, NULL, JSON, "{\"ed\": 5}", 400 },
  { "POST", "/call", NULL, NULL, JSON, "{\"ed\": null}", 400 },
  { "POST", "/call", NULL, NULL, JSON, "{\"ed\": [\"north\"]}", 400 },
  { "POST", "/call", NULL, NULL, JSON, "{\"ed\": \"\xff\"}", 400 },
  { "POST", "/call", NULL, NULL, JSON, "{\"ed\": \"west\"}", 409 },
  { "GET", "/call", NULL, NULL, NULL, NULL, 405 },
  { "POST", "/", NULL, NULL, JSON, "{}", 405 },
  { "DELETE", "/hangup", NULL, NULL, NULL, NULL, 405 },
  { "GET", "/../etc/passwd", NULL, NULL, NULL, NULL, 404 },
  { "GET", "/kiosk.css/", NULL, NULL, NULL, NULL, 404 },
};

START_TEST (only_our_page_and_this_machine_may_ask)
{
  guint status
      = ask (requests[_i].method, requests[_i].path, requests[_i].host,
             requests[_i].origin, requests[_i].type, requests[_i].body, NULL);
  ck_assert_msg (status == requests[_i].status, "%s %s: %u",
                 requests[_i].method, requests[_i].path, status);
  ck_assert_int_eq (called != NULL, status == 202);
}
END_TEST

START_TEST (a_refusal_says_why)
{
  g_autofree char *body = NULL;
  ck_assert_uint_eq (
      ask ("POST", "/call", NULL, NULL, JSON, "{\"ed\": \"west\"}", &body),
      409);
  ck_assert_str_eq (body, "{\"error\":\"“west” is no department\"}");
}
END_TEST

START_TEST (a_second_hang_up_is_told_that_there_is_no_call)
{
  ck_assert_uint_eq (ask ("POST", "/hangup", NULL, NULL, JSON, "{}", NULL),
                     202);
  ck_assert_uint_eq (ask ("POST", "/hangup", NULL, NULL, NULL, NULL, NULL),
                     409);
}
END_TEST

START_TEST (a_large_body_is_refused_and_nothing_else_harmed)
{
  g_autofree char *large = g_strnfill (1000000, ' ');
  guint status = ask ("POST", "/call", NULL, NULL, JSON, large, NULL);
  /* 0 to 99: the connection was closed while we were still sending. */
  ck_assert_msg (status == 413 || status < 100, "%u", status);
  ck_assert_ptr_null (called);
  ck_assert_uint_eq (ask ("POST", "/call", NULL, NULL, JSON, NORTH, NULL), 202);
}
END_TEST

static guint
open_files (void)
{
  g_autoptr (GDir) folder = g_dir_open ("/proc/self/fd", 0, NULL);
  guint count = 0;
  while (g_dir_read_name (folder))
    count++;
  return count;
}

/* As a program that asks once and goes, and would have kept its connection. */
static void
ask_and_go (void)
{
  static const char request[]
      = "GET /api/state HTTP/1.1\r\nHost: localhost\r\n\r\n";
  char answer[64];
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnection) connection = g_socket_client_connect_to_host (
      client, "127.0.0.1", bl_kiosk_port (kiosk), NULL, NULL);
  ck_assert_ptr_nonnull (connection);
  GSocket *socket = g_socket_connection_get_socket (connection);
  ck_assert_int_gt (
      g_socket_send (socket, request, strlen (request), NULL, NULL), 0);
  while (!(g_socket_condition_check (socket, G_IO_IN) & G_IO_IN))
    g_main_context_iteration (NULL, TRUE);
  ck_assert_int_gt (
      g_socket_receive (socket, answer, sizeof answer, NULL, NULL), 0);
}

/* The test's time is the limit. */
START_TEST (a_client_that_goes_leaves_nothing_open)
{
  ask_and_go ();
  guint before = open_files ();
  for (guint i = 0; i < 20; i++)
    ask_and_go ();
  while (open_files () > before)
    g_main_context_iteration (NULL, TRUE);
}
END_TEST

START_TEST (a_port_in_use_is_named)
{
  g_autoptr (GError) error = NULL;
  ck_assert_ptr_null (
      bl_kiosk_new (bl_kiosk_port (kiosk), &callbacks, NULL, &error));
  g_autofree char *port = g_strdup_printf ("%u", bl_kiosk_port (kiosk));
  ck_assert (strstr (error->message, port));
  ck_assert (strstr (error->message, "[kiosk] port"));
}
END_TEST

START_TEST (loopback_has_three_names)
{
  static const char *const good[]
      = { "localhost", "LOCALHOST:80", "127.0.0.1:8080", "[::1]", "[::1]:1" };
  static const char *const bad[]
      = { "",           "localhost:",      "localhost:8a", "localhostx",
          "127.0.0.12", "127.0.0.1.a.org", "[::1",         "::1",
          "0.0.0.0",    "a@localhost" };
  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    ck_assert_msg (bl_kiosk_host_is_loopback (good[i]), "%s", good[i]);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    ck_assert_msg (!bl_kiosk_host_is_loopback (bad[i]), "%s", bad[i]);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vehicle/kiosk");
  TCase *tc = tcase_create ("kiosk");
  tcase_add_checked_fixture (tc, set_up, tear_down);
  tcase_add_test (tc, the_state_is_json_that_the_page_knows);
  tcase_add_test (tc, each_path_and_what_is_sent_are_told);
  tcase_add_test (tc, the_page_and_its_parts_are_there);
  tcase_add_loop_test (tc, only_our_page_and_this_machine_may_ask, 0,
                       G_N_ELEMENTS (requests));
  tcase_add_test (tc, a_refusal_says_why);
  tcase_add_test (tc, a_second_hang_up_is_told_that_there_is_no_call);
  tcase_add_test (tc, a_large_body_is_refused_and_nothing_else_harmed);
  tcase_add_test (tc, a_client_that_goes_leaves_nothing_open);
  tcase_add_test (tc, a_port_in_use_is_named);
  tcase_add_test (tc, loopback_has_three_names);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
