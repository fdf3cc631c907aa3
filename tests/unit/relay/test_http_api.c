/* SPDX-License-Identifier: Apache-2.0
 *
 * Signing in, and the JSON that pages read.
 */
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <string.h>

#include "base/clock.h"
#include "http_fixture.h"
#include "secure/token.h"
#include "store/calls.h"
#include "store/recordings.h"
#include "suite.h"

#define HOUR_US (3600 * BL_SECOND)

/* The reply's JSON object, owned by the parser. */
static JsonObject *
parse (JsonParser *parser, const Reply *reply)
{
  ck_assert (json_parser_load_from_data (parser, reply->body, -1, NULL));
  return json_node_get_object (json_parser_get_root (parser));
}

static void
get (const char *path, const char *cookie, Reply *out)
{
  const Ask ask = { .method = "GET", .path = path, .cookie = cookie };
  site_ask (&ask, out);
}

static guint
count_audit (BlAuditAction action)
{
  guint count = 0;
  g_autoptr (GPtrArray) rows = bl_audit_list (site.db, 0, 1000, NULL);
  for (guint i = 0; i < rows->len; i++) {
    const BlAuditRow *row = g_ptr_array_index (rows, i);
    count += row->action == action;
  }
  return count;
}

/* ---- signing in ---- */

static void
sign_in (BlDoor door, const char *body, Reply *out)
{
  const Ask ask = { .door = door,
                    .method = "POST",
                    .path = "/api/sign-in",
                    .type = "application/json",
                    .body = body };
  site_ask (&ask, out);
}

#define GOOD "{\"name\": \"Ann\", \"password\": \"correct horse battery\"}"
#define BAD  "{\"name\": \"ann\", \"password\": \"wrong horse battery\"}"

START_TEST (a_password_opens_a_session_whose_cookie_is_locked_down)
{
  g_auto (Reply) reply = { 0 };
  site_add_user ("ann", BL_USER_CLINICIAN);
  sign_in (BL_DOOR_MAIN, GOOD, &reply);
  ck_assert_msg (reply.status == 200, "%u: %s", reply.status, reply.body);
  const char *cookie = reply_header (&reply, "Set-Cookie");
  ck_assert (g_str_has_prefix (cookie, "__Host-bluelight="));
  ck_assert_ptr_nonnull (strstr (cookie, "; Secure"));
  ck_assert_ptr_nonnull (strstr (cookie, "; HttpOnly"));
  ck_assert_ptr_nonnull (strstr (cookie, "; SameSite=Strict"));
  ck_assert_ptr_nonnull (strstr (cookie, "; Path=/"));
  ck_assert_ptr_null (strstr (cookie, "Domain"));
  ck_assert_uint_eq (count_audit (BL_AUDIT_SIGN_IN), 1);

  g_autofree char *value = g_strndup (cookie, strcspn (cookie, ";"));
  const Ask me = {
    .door = BL_DOOR_MAIN, .method = "GET", .path = "/api/me", .cookie = value
  };
  g_auto (Reply) who = { 0 };
  site_ask (&me, &who);
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonObject *object = parse (parser, &who);
  ck_assert_str_eq (json_object_get_string_member (object, "name"), "ann");
  ck_assert_str_eq (json_object_get_string_member (object, "role"),
                    "clinician");
}
END_TEST

START_TEST (on_loopback_the_cookie_works_without_tls)
{
  g_auto (Reply) reply = { 0 };
  site_add_user ("ann", BL_USER_CLINICIAN);
  sign_in (BL_DOOR_LOOPBACK, GOOD, &reply);
  ck_assert_uint_eq (reply.status, 200);
  const char *cookie = reply_header (&reply, "Set-Cookie");
  ck_assert (g_str_has_prefix (cookie, "bluelight-loopback="));
  ck_assert_ptr_null (strstr (cookie, "Secure"));
  g_autofree char *value = g_strndup (cookie, strcspn (cookie, ";"));
  g_auto (Reply) calls = { 0 };
  get ("/api/calls", value, &calls);
  ck_assert_uint_eq (calls.status, 200);
}
END_TEST

static const struct {
  const char *body;
  guint status;
} wrong[] = {
  { BAD, 401 },
  { "{\"name\": \"nobody\", \"password\": \"correct horse battery\"}", 401 },
  { "{\"name\": \"carl\", \"password\": \"correct horse battery\"}", 401 },
  { "{\"name\": \"a b\\u0000\", \"password\": \"x\"}", 401 },
  { "{\"code\": \"0000-0000-0000\"}", 401 },
  { "{\"code\": \"\"}", 401 },
  { "{\"name\": \"ann\"}", 400 },
  { "{\"name\": 1, \"password\": []}", 400 },
  { "{}", 400 },
  { "[]", 400 },
  { "null", 400 },
  { "", 400 },
  { "{\"code\": ", 400 },
  { "\xff\xfe", 400 },
  { "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 400 },
};

START_TEST (a_wrong_sign_in_is_refused_and_sets_no_cookie)
{
  g_auto (Reply) reply = { 0 };
  site_add_user ("ann", BL_USER_CLINICIAN);
  gint64 disabled = site_add_user ("carl", BL_USER_CLINICIAN);
  ck_assert (bl_users_set_disabled (site.db, disabled, TRUE, NULL));
  sign_in (BL_DOOR_LOOPBACK, wrong[_i].body, &reply);
  ck_assert_msg (reply.status == wrong[_i].status, "%u: %s", reply.status,
                 reply.body);
  ck_assert_ptr_null (reply_header (&reply, "Set-Cookie"));
  ck_assert_uint_eq (count_audit (BL_AUDIT_SIGN_IN_FAILED),
                     reply.status == 401);
}
END_TEST

START_TEST (a_code_works_once)
{
  gint64 now_us = bl_clock_unix_us ();
  gint64 ann = site_add_user ("ann", BL_USER_IT);
  g_autofree char *code = bl_code_new ();
  g_autofree char *typed = g_ascii_strdown (code, -1);
  g_autofree char *body = g_strdup_printf ("{\"code\": \"%s\"}", typed);
  g_auto (Reply) first = { 0 };
  g_auto (Reply) second = { 0 };
  g_autofree char *plain = bl_code_normalise (code);
  ck_assert (
      bl_users_add_code (site.db, ann, plain, now_us, now_us + HOUR_US, NULL));
  sign_in (BL_DOOR_LOOPBACK, body, &first);
  sign_in (BL_DOOR_LOOPBACK, body, &second);
  ck_assert_uint_eq (first.status, 200);
  ck_assert_uint_eq (second.status, 401);
}
END_TEST

START_TEST (guessing_a_password_is_slowed_down)
{
  site_add_user ("ann", BL_USER_CLINICIAN);
  for (int i = 0; i < 5; i++) {
    g_auto (Reply) reply = { 0 };
    sign_in (BL_DOOR_LOOPBACK, BAD, &reply);
    ck_assert_uint_eq (reply.status, 401);
  }
  g_auto (Reply) reply = { 0 };
  sign_in (BL_DOOR_LOOPBACK, GOOD, &reply); /* even the right one */
  ck_assert_uint_eq (reply.status, 429);
  int wait_s = atoi (reply_header (&reply, "Retry-After"));
  ck_assert_int_ge (wait_s, 1);
  ck_assert_int_le (wait_s, 31);
}
END_TEST

START_TEST (signing_out_ends_the_session)
{
  g_autofree char *cookie = site_cookie ("ann", BL_USER_CLINICIAN);
  g_autofree char *self = g_strdup_printf (
      "http://127.0.0.1:%u", bl_http_port (site.http, BL_DOOR_LOOPBACK));
  const Ask ask = { .method = "POST",
                    .path = "/api/sign-out",
                    .type = "application/json",
                    .body = "{}",
                    .cookie = cookie,
                    .origin = self };
  ck_assert_uint_eq (site_status (&ask), 204);
  g_auto (Reply) calls = { 0 };
  get ("/api/calls", cookie, &calls);
  ck_assert_uint_eq (calls.status, 401);
  ck_assert_uint_eq (count_audit (BL_AUDIT_SIGN_OUT), 1);
}
END_TEST

START_TEST (a_session_ends_when_its_user_is_disabled)
{
  g_autofree char *cookie = site_cookie ("ann", BL_USER_CLINICIAN);
  g_auto (Reply) before = { 0 };
  g_auto (Reply) after = { 0 };
  get ("/api/calls", cookie, &before);
  ck_assert_uint_eq (before.status, 200);
  ck_assert (bl_users_set_disabled (site.db, 1, TRUE, NULL));
  get ("/api/calls", cookie, &after);
  ck_assert_uint_eq (after.status, 401);
}
END_TEST

/* ---- calls ---- */

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
    .capture_age_us = 90000,
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
  ck_assert_str_eq (list.body, "{\"calls\":[]}");
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
    { a_password_opens_a_session_whose_cookie_is_locked_down, 0 },
    { on_loopback_the_cookie_works_without_tls, 0 },
    { a_wrong_sign_in_is_refused_and_sets_no_cookie, G_N_ELEMENTS (wrong) },
    { a_code_works_once, 0 },
    { guessing_a_password_is_slowed_down, 0 },
    { signing_out_ends_the_session, 0 },
    { a_session_ends_when_its_user_is_disabled, 0 },
    { a_live_call_shows_its_state_and_health, 0 },
    { a_call_that_is_not_recorded_says_why, 0 },
    { a_call_that_has_ended_says_when_and_why, 0 },
    { health_is_for_loopback_and_it, 0 },
    { a_manifest_has_parts_fragments_gaps_and_codecs, 0 },
    { a_part_is_given_whole_or_in_ranges, G_N_ELEMENTS (ranges) },
    { a_playback_is_in_the_audit_once, 0 },
    { a_part_whose_file_is_gone_is_not_found, 0 },
    { the_audit_is_given_in_pages, 0 },
  };
  if (!site_mint ())
    return EXIT_FAILURE;
  int status = run_suite ("relay/http_api", tests, G_N_ELEMENTS (tests),
                          site_setup, site_teardown);
  site_unmint ();
  return status;
}
