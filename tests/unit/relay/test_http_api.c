/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls, health, recordings and the audit, as pages read them.
 */
#include <glib/gstdio.h>

#include "http_json.h"
#include "relay/http_request.h"
#include "store/calls.h"
#include "store/recordings.h"

/* ---- calls ---- */

static gint64 capture_age_us = 90 * BL_MS;

static void
tell_stats (BlTime at_us, guint64 bytes, guint64 frames, guint64 packets,
            guint64 lost)
{
  BlSourceStats source = {
    .source = fake_media ()->last_source,
    .live = TRUE,
    .rtt_us = 40000,
    .clock_known = TRUE,
    .clock_offset_us = -1500,
    .capture_age_us = capture_age_us,
  };
  source.tracks[BL_TRACK_VIDEO] = (BlTrackStats){
    .packets = packets,
    .bytes = bytes,
    .frames = frames,
    .lost = lost,
    .live = TRUE,
  };
  const BlWorkerStats stats
      = { .at_us = at_us, .n_sources = 1, .sources = &source };
  const BlWorkerEvent event = { .kind = BL_WORKER_STATS, .stats = &stats };
  bl_registry_on_worker (fake_media ()->worker, &event, site.registry);
}

static void
make_call (void)
{
  g_autofree char *offer = offer_whip ();
  const Ask ask = { .door = BL_DOOR_VEHICLE,
                    .method = "POST",
                    .path = "/whip/north",
                    .type = "application/sdp",
                    .body = offer,
                    .certificate = "ca/RTW-1",
                    .call = "call-1" };
  ck_assert_uint_eq (site_status (&ask), 201);
  fake_media_tell (BL_WORKER_SESSION_CONNECTED, fake_media ()->last_session, 0);
  fake_media_tell (BL_WORKER_SOURCE_STARTED, 0, fake_media ()->last_source);
  fake_media_tell (BL_WORKER_SOURCE_FORMAT, 0, fake_media ()->last_source);
}

START_TEST (a_live_call_shows_its_state_and_health)
{
  g_autofree char *cookie = site_cookie ("ann", BL_USER_CLINICIAN);
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_auto (Reply) reply = { 0 };

  make_call ();
  tell_stats (10 * BL_SECOND, 1000, 10, 100, 0);
  tell_stats (12 * BL_SECOND, 251000, 70, 190, 10);
  get ("/api/calls/call-1", cookie, &reply);
  JsonObject *call = parse (parser, &reply);
  ck_assert_str_eq (json_object_get_string_member (call, "state"), "live");
  ck_assert_str_eq (json_object_get_string_member (call, "unit"), "RTW-1");
  ck_assert_str_eq (json_object_get_string_member (call, "ed"), "north");
  ck_assert_int_eq (json_object_get_int_member (call, "viewers"), 0);
  JsonObject *recording = json_object_get_object_member (call, "recording");
  ck_assert (json_object_get_boolean_member (recording, "ok"));
  JsonObject *health = json_object_get_object_member (call, "health");
  ck_assert_int_eq (json_object_get_int_member (health, "bitrate_bps"),
                    1000000);
  ck_assert_double_eq (json_object_get_double_member (health, "fps"), 30);
  ck_assert_double_eq (json_object_get_double_member (health, "loss"), 0.1);
  ck_assert_int_eq (json_object_get_int_member (health, "width"), 1280);
  ck_assert (json_object_get_boolean_member (health, "video"));
  ck_assert (!json_object_get_boolean_member (health, "audio"));
  ck_assert_int_eq (json_object_get_int_member (health, "rtt_us"), 40000);
  JsonObject *clock = json_object_get_object_member (health, "clock");
  ck_assert_str_eq (json_object_get_string_member (clock, "kind"), "measured");
  ck_assert_int_eq (json_object_get_int_member (clock, "offset_us"), -1500);
  ck_assert_int_eq (json_object_get_int_member (clock, "uncertainty_us"),
                    20000);
}
END_TEST

/* The last span's packets and losses, and the newest picture's age. */
static const struct {
  guint64 packets, lost;
  gint64 capture_age_us;
  gboolean gone;
  const char *word;
} connections[] = {
  { 100, 0, 90 * BL_MS, FALSE, "\"good\"" },
  { 100, 0, -1, FALSE, "\"good\"" }, /* its capture time is not known */
  { 96, 4, 90 * BL_MS, FALSE, "\"good\"" },
  { 95, 5, 90 * BL_MS, FALSE, "\"poor\"" },
  { 100, 0, 400 * BL_MS, FALSE, "\"poor\"" },
  { 0, 0, -1, FALSE, "\"poor\"" }, /* no pictures */
  { 0, 0, 1500 * BL_MS, FALSE, "\"poor\"" },
  { 100, 0, 90 * BL_MS, TRUE, "\"lost\"" },
};

START_TEST (the_ambulances_connection_is_told_in_a_word)
{
  g_autofree char *cookie = site_cookie ("ann", BL_USER_CLINICIAN);
  g_auto (Reply) early = { 0 };
  g_auto (Reply) reply = { 0 };
  make_call ();
  capture_age_us = connections[_i].capture_age_us;
  tell_stats (10 * BL_SECOND, 1000, 10, 100, 0);
  get ("/api/calls/call-1", cookie, &early);
  ck_assert_ptr_nonnull (strstr (early.body, "\"connection\":null"));
  tell_stats (12 * BL_SECOND, 251000, 70, 100 + connections[_i].packets,
              connections[_i].lost);
  if (connections[_i].gone)
    fake_media_tell (BL_WORKER_SESSION_LOST, fake_media ()->last_session, 0);
  get ("/api/calls/call-1", cookie, &reply);
  g_autofree char *member
      = g_strdup_printf ("\"connection\":%s", connections[_i].word);
  ck_assert_msg (strstr (reply.body, member), "%s", reply.body);
}
END_TEST

START_TEST (a_call_that_is_not_recorded_says_why)
{
  g_autofree char *cookie = site_cookie ("ann", BL_USER_CLINICIAN);
  make_call ();
  const BlRecorderEvent full
      = { .kind = BL_RECORDER_FULL, .recording = 1, .message = "disk full" };
  const BlRecorderEvent resumed
      = { .kind = BL_RECORDER_RESUMED, .recording = 1 };
  bl_registry_on_recorder (&full, site.registry);
  g_auto (Reply) stopped = { 0 };
  get ("/api/calls", cookie, &stopped);
  ck_assert_ptr_nonnull (strstr (
      stopped.body, "\"recording\":{\"ok\":false,\"message\":\"disk full\"}"));
  bl_registry_on_recorder (&resumed, site.registry);
  g_auto (Reply) on = { 0 };
  get ("/api/calls", cookie, &on);
  ck_assert_ptr_nonnull (
      strstr (on.body, "\"recording\":{\"ok\":true,\"message\":null}"));
}
END_TEST

START_TEST (a_call_that_has_ended_says_when_and_why)
{
  g_autofree char *cookie = site_cookie ("ann", BL_USER_CLINICIAN);
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_auto (Reply) reply = { 0 };
  g_auto (Reply) list = { 0 };
  make_call ();
  fake_media_tell (BL_WORKER_SESSION_LOST, fake_media ()->last_session, 0);
  bl_registry_tick (site.registry, bl_clock_unix_us () + HOUR_US);
  get ("/api/calls/call-1", cookie, &reply);
  JsonObject *call = parse (parser, &reply);
  ck_assert_str_eq (json_object_get_string_member (call, "state"), "ended");
  ck_assert_int_gt (json_object_get_int_member (call, "ended_us"), 0);
  get ("/api/calls", cookie, &list);
  ck_assert_ptr_nonnull (strstr (list.body, "\"calls\":[]"));
}
END_TEST

static gint64
edition_of (Reply *reply)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  return json_object_get_int_member (parse (parser, reply), "edition");
}

static gboolean
on_idle_call (gpointer data)
{
  make_call ();
  return G_SOURCE_REMOVE;
}

START_TEST (a_list_that_is_known_is_answered_when_there_is_another)
{
  g_autofree char *cookie = site_cookie ("ann", BL_USER_CLINICIAN);
  g_auto (Reply) empty = { 0 };
  g_auto (Reply) held = { 0 };
  get ("/api/calls", cookie, &empty);
  gint64 edition = edition_of (&empty);
  g_autofree char *path
      = g_strdup_printf ("/api/calls?after=%" G_GINT64_FORMAT, edition);
  /* After the relay has taken the question. */
  g_idle_add_full (G_PRIORITY_LOW, on_idle_call, NULL, NULL);
  get (path, cookie, &held);
  ck_assert_int_eq (edition_of (&held), edition + 1);
  ck_assert_ptr_nonnull (strstr (held.body, "\"id\":\"call-1\""));
}
END_TEST

static void
on_changed (gpointer data)
{
  guint *changes = data;
  ++*changes;
}

START_TEST (a_call_changes_the_list_as_it_opens_and_as_it_ends)
{
  guint changes = 0;
  bl_registry_watch (site.registry, on_changed, &changes);
  make_call ();
  ck_assert_uint_eq (changes, 1);
  fake_media_tell (BL_WORKER_SESSION_LOST, fake_media ()->last_session, 0);
  ck_assert_uint_eq (changes, 1);
  bl_registry_tick (site.registry, bl_clock_unix_us () + HOUR_US);
  ck_assert_uint_eq (changes, 2);
}
END_TEST

/* A connection whose question the relay holds. */
static GSocketConnection *
hold_question (void)
{
  g_autofree char *cookie = site_cookie ("ann", BL_USER_CLINICIAN);
  g_auto (Reply) empty = { 0 };
  get ("/api/calls", cookie, &empty);
  g_autofree char *question = g_strdup_printf (
      "GET /api/calls?after=%" G_GINT64_FORMAT " HTTP/1.1\r\n"
      "Host: localhost\r\nCookie: %s\r\n\r\n",
      edition_of (&empty), cookie);
  GSocketClient *client = g_socket_client_new ();
  GSocketConnection *connection = g_socket_client_connect_to_host (
      client, "127.0.0.1", bl_http_port (site.http, BL_DOOR_LOOPBACK), NULL,
      NULL);
  g_object_unref (client);
  ck_assert_ptr_nonnull (connection);
  GOutputStream *out = g_io_stream_get_output_stream (G_IO_STREAM (connection));
  ck_assert (g_output_stream_write_all (out, question, strlen (question), NULL,
                                        NULL, NULL));
  while (g_queue_is_empty (&site.http->held))
    g_main_context_iteration (NULL, TRUE);
  return connection;
}

START_TEST (questions_that_are_held_end_with_the_relay)
{
  g_autoptr (GSocketConnection) connection = hold_question ();
  site_restart ();
  GInputStream *in = g_io_stream_get_input_stream (G_IO_STREAM (connection));
  char byte;
  ck_assert_int_le (g_input_stream_read (in, &byte, 1, NULL, NULL), 0);
}
END_TEST

START_TEST (a_held_question_whose_asker_has_left_is_let_go)
{
  g_autoptr (GSocketConnection) connection = hold_question ();
  guint others = site.http->connections[2] - 1;
  g_io_stream_close (G_IO_STREAM (connection), NULL, NULL);
  make_call ();
  ck_assert (g_queue_is_empty (&site.http->held));
  while (site.http->connections[2] > others)
    g_main_context_iteration (NULL, TRUE);
}
END_TEST

START_TEST (health_is_for_loopback_and_it)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_auto (Reply) reply = { 0 };
  make_call ();
  get ("/api/health", NULL, &reply);
  JsonObject *health = parse (parser, &reply);
  ck_assert_str_eq (json_object_get_string_member (health, "version"),
                    BL_VERSION);
  ck_assert_uint_eq (
      json_array_get_length (json_object_get_array_member (health, "workers")),
      1);
  ck_assert_uint_eq (
      json_array_get_length (json_object_get_array_member (health, "calls")),
      1);
}
END_TEST

/* ---- recordings ---- */

#define INIT     "....moov....avcC\x01\x42\xe0\x1f....dOps"
#define INIT_LEN 28

/* A recording of one part of 100,000 bytes, of which `listed` are good. */
static void
make_recording (gint64 listed)
{
  gint64 id, now_us = bl_clock_unix_us ();
  const BlPart part = { .number = 1, .init_bytes = INIT_LEN };
  const BlFragment fragment = { .part = 1,
                                .offset = INIT_LEN,
                                .length = listed - INIT_LEN,
                                .duration_us = BL_SECOND,
                                .keyframe = TRUE };
  ck_assert (bl_calls_add (site.db, "c", "north", "RTW-1", 0, now_us, NULL));
  ck_assert (bl_recordings_open (site.db, "c", now_us, &id, NULL));
  ck_assert_int_eq (id, 1);
  ck_assert (bl_recordings_set_origin (site.db, id, now_us, NULL));
  ck_assert (bl_recordings_add_part (site.db, id, &part, NULL));
  ck_assert (bl_recordings_add_fragment (site.db, id, &fragment, NULL));
  ck_assert (
      bl_recordings_add_gap (site.db, id, BL_GAP_VIDEO, 5, 6, "why", NULL));

  g_autofree char *path = bl_recordings_part_path (site.folder, id, 1);
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *data = g_malloc (100000);
  for (int i = 0; i < 100000; i++)
    data[i] = (char)('a' + i % 26);
  memcpy (data, INIT, INIT_LEN);
  ck_assert_int_eq (g_mkdir_with_parents (folder, 0700), 0);
  ck_assert (g_file_set_contents (path, data, 100000, NULL));
}

START_TEST (a_manifest_has_parts_fragments_gaps_and_codecs)
{
  g_autofree char *cookie = site_cookie ("ann", BL_USER_CLINICIAN);
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_auto (Reply) reply = { 0 };
  g_auto (Reply) list = { 0 };
  make_recording (90000);
  get ("/api/recordings/1", cookie, &reply);
  JsonObject *manifest = parse (parser, &reply);
  ck_assert_str_eq (json_object_get_string_member (manifest, "unit"), "RTW-1");
  ck_assert (!json_object_get_boolean_member (manifest, "complete"));
  JsonObject *part = json_array_get_object_element (
      json_object_get_array_member (manifest, "parts"), 0);
  ck_assert_str_eq (json_object_get_string_member (part, "codecs"),
                    "avc1.42e01f,opus");
  ck_assert_int_eq (json_object_get_int_member (part, "bytes"), 90000);
  JsonObject *fragment = json_array_get_object_element (
      json_object_get_array_member (part, "fragments"), 0);
  ck_assert_int_eq (json_object_get_int_member (fragment, "offset"), INIT_LEN);
  ck_assert_ptr_nonnull (strstr (reply.body, "\"reason\":\"why\""));
  get ("/api/recordings", cookie, &list);
  ck_assert_ptr_nonnull (strstr (list.body, "\"call\":\"c\""));
}
END_TEST

static const struct {
  const char *range;
  guint status;
  gsize bytes;
  const char *content_range;
} ranges[] = {
  { NULL, 200, 90000, NULL },
  { "bytes=0-31", 206, 32, "bytes 0-31/90000" },
  { "bytes=26-27", 206, 2, "bytes 26-27/90000" },
  { "bytes=1000-80999", 206, 80000, "bytes 1000-80999/90000" },
  { "bytes=-10", 206, 10, "bytes 89990-89999/90000" },
  { "bytes=89999-", 206, 1, "bytes 89999-89999/90000" },
  /* The file is longer; what is not listed is not given. */
  { "bytes=90000-", 416, 0, "bytes */90000" },
  { "bytes=0-1,5-6", 200, 90000, NULL },
};

START_TEST (a_part_is_given_whole_or_in_ranges)
{
  g_autofree char *cookie = site_cookie ("ann", BL_USER_CLINICIAN);
  g_auto (Reply) reply = { 0 };
  make_recording (90000);
  const Ask ask = { .method = "GET",
                    .path = "/api/recordings/1/parts/1",
                    .cookie = cookie,
                    .range = ranges[_i].range };
  site_ask (&ask, &reply);
  ck_assert_uint_eq (reply.status, ranges[_i].status);
  ck_assert_pstr_eq (reply_header (&reply, "Content-Range"),
                     ranges[_i].content_range);
  if (ranges[_i].status == 416)
    return;
  ck_assert_uint_eq (reply.body_bytes, ranges[_i].bytes);
  ck_assert_str_eq (reply_header (&reply, "Content-Type"), "video/mp4");
  ck_assert_str_eq (reply_header (&reply, "Accept-Ranges"), "bytes");
  guint64 first = 0;
  if (ranges[_i].content_range)
    first = g_ascii_strtoull (ranges[_i].content_range + 6, NULL, 10);
  for (gsize i = first < INIT_LEN ? INIT_LEN - first : 0; i < reply.body_bytes;
       i++)
    ck_assert_int_eq (reply.body[i], (char)('a' + (first + i) % 26));
}
END_TEST

START_TEST (a_playback_is_in_the_audit_once)
{
  g_autofree char *cookie = site_cookie ("ann", BL_USER_CLINICIAN);
  make_recording (90000);
  ck_assert_uint_eq (count_audit (BL_AUDIT_PLAYBACK), 0);
  for (int i = 0; i < 3; i++) {
    const Ask ask = { .method = "GET",
                      .path = "/api/recordings/1/parts/1",
                      .cookie = cookie,
                      .range = "bytes=5-9" };
    ck_assert_uint_eq (site_status (&ask), 206);
  }
  ck_assert_uint_eq (count_audit (BL_AUDIT_PLAYBACK), 1);
}
END_TEST

START_TEST (a_part_whose_file_is_gone_is_not_found)
{
  g_autofree char *cookie = site_cookie ("ann", BL_USER_CLINICIAN);
  g_auto (Reply) gone = { 0 };
  g_auto (Reply) none = { 0 };
  make_recording (90000);
  g_autofree char *path = bl_recordings_part_path (site.folder, 1, 1);
  ck_assert_int_eq (g_remove (path), 0);
  get ("/api/recordings/1/parts/1", cookie, &gone);
  ck_assert_uint_eq (gone.status, 404);
  get ("/api/recordings/1/parts/2", cookie, &none);
  ck_assert_uint_eq (none.status, 404);
}
END_TEST

START_TEST (the_audit_is_given_in_pages)
{
  g_autofree char *cookie = site_cookie ("eve", BL_USER_IT);
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_auto (Reply) reply = { 0 };
  for (int i = 0; i < 5; i++)
    ck_assert (bl_audit_add (site.db, 100 + i, BL_ACTOR_SYSTEM, "relay",
                             BL_AUDIT_EXPORT, "o", NULL, NULL));
  get ("/api/audit?before=4&limit=2", cookie, &reply);
  JsonArray *entries
      = json_object_get_array_member (parse (parser, &reply), "entries");
  ck_assert_uint_eq (json_array_get_length (entries), 2);
  JsonObject *first = json_array_get_object_element (entries, 0);
  ck_assert_int_eq (json_object_get_int_member (first, "id"), 3);
  ck_assert_str_eq (json_object_get_string_member (first, "action"), "export");
}
END_TEST

int
main (void)
{
  const SuiteTest tests[] = {
    { a_live_call_shows_its_state_and_health, 0 },
    { the_ambulances_connection_is_told_in_a_word, G_N_ELEMENTS (connections) },
    { a_call_that_is_not_recorded_says_why, 0 },
    { a_call_that_has_ended_says_when_and_why, 0 },
    { a_list_that_is_known_is_answered_when_there_is_another, 0 },
    { a_call_changes_the_list_as_it_opens_and_as_it_ends, 0 },
    { questions_that_are_held_end_with_the_relay, 0 },
    { a_held_question_whose_asker_has_left_is_let_go, 0 },
    { health_is_for_loopback_and_it, 0 },
    { a_manifest_has_parts_fragments_gaps_and_codecs, 0 },
    { a_part_is_given_whole_or_in_ranges, G_N_ELEMENTS (ranges) },
    { a_playback_is_in_the_audit_once, 0 },
    { a_part_whose_file_is_gone_is_not_found, 0 },
    { the_audit_is_given_in_pages, 0 },
  };
  if (!site_mint ())
    return EXIT_FAILURE;
  int status = run_table ("relay/http_api", tests, G_N_ELEMENTS (tests),
                          site_setup, site_teardown);
  site_unmint ();
  return status;
}
