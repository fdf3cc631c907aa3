/* SPDX-License-Identifier: Apache-2.0
 *
 * Who gets in, and what happens to requests that are wrong.
 */
#include <string.h>

#include "http_fixture.h"
#include "suite.h"

static char *
body_of (const Ask *ask, guint status)
{
  g_auto (Reply) reply = { 0 };
  site_ask (ask, &reply);
  ck_assert_msg (reply.status == status, "%s %s: %u instead of %u: %s",
                 ask->method, ask->path, reply.status, status, reply.body);
  return g_steal_pointer (&reply.body);
}

static void
expect (const Ask *ask, guint status)
{
  g_free (body_of (ask, status));
}

/* Without any credential. */
static const struct {
  BlDoor door;
  const char *method, *path;
  guint status;
} nobody[] = {
  { BL_DOOR_LOOPBACK, "GET", "/", 200 },
  { BL_DOOR_MAIN, "GET", "/", 200 },
  { BL_DOOR_MAIN, "GET", "/app/main.js", 200 },
  { BL_DOOR_MAIN, "GET", "/app/no.js", 404 },
  { BL_DOOR_MAIN, "GET", "/app/../index.html", 404 },
  { BL_DOOR_MAIN, "GET", "/app/%2e%2e/%2e%2e/etc/passwd", 404 },
  { BL_DOOR_MAIN, "GET", "/nothing", 404 },
  { BL_DOOR_MAIN, "GET", "/api/time", 200 },
  { BL_DOOR_MAIN, "GET", "/api/me", 200 },
  { BL_DOOR_MAIN, "POST", "/api/time", 405 },
  { BL_DOOR_MAIN, "DELETE", "/", 405 },
  { BL_DOOR_MAIN, "GET", "/api/calls", 401 },
  { BL_DOOR_MAIN, "GET", "/api/calls/x", 401 },
  { BL_DOOR_MAIN, "GET", "/api/recordings", 401 },
  { BL_DOOR_MAIN, "GET", "/api/recordings/1", 401 },
  { BL_DOOR_MAIN, "GET", "/api/recordings/1/parts/1", 401 },
  { BL_DOOR_MAIN, "GET", "/api/audit", 401 },
  { BL_DOOR_MAIN, "GET", "/api/health", 401 },
  { BL_DOOR_LOOPBACK, "GET", "/api/health", 200 },
  { BL_DOOR_LOOPBACK, "GET", "/api/calls", 401 },
  { BL_DOOR_MAIN, "POST", "/api/sign-out", 401 },
  { BL_DOOR_MAIN, "POST", "/whip/north", 401 },
  { BL_DOOR_MAIN, "POST", "/whep/x", 401 },
  { BL_DOOR_MAIN, "GET", "/whip/north", 405 },
  { BL_DOOR_MAIN, "PATCH", "/session/x", 401 },
  { BL_DOOR_MAIN, "DELETE", "/session/x", 401 },
  { BL_DOOR_MAIN, "OPTIONS", "/whip/north", 204 },
  { BL_DOOR_MAIN, "OPTIONS", "/whep/x", 204 },
  { BL_DOOR_MAIN, "OPTIONS", "/session/x", 204 },
  { BL_DOOR_MAIN, "OPTIONS", "/api/calls", 405 },
  { BL_DOOR_VEHICLE, "GET", "/", 404 },
  { BL_DOOR_VEHICLE, "GET", "/api/calls", 404 },
  { BL_DOOR_VEHICLE, "POST", "/whep/x", 404 },
  { BL_DOOR_VEHICLE, "POST", "/whip/north", 403 },
};

START_TEST (nobody_gets_only_what_is_for_anybody)
{
  const Ask ask = { .door = nobody[_i].door,
                    .method = nobody[_i].method,
                    .path = nobody[_i].path };
  expect (&ask, nobody[_i].status);
}
END_TEST

/* A signed-in person, by role. */
static const struct {
  BlUserRole role;
  const char *path;
  guint status;
} people[] = {
  { BL_USER_CLINICIAN, "/api/calls", 200 },
  { BL_USER_CLINICIAN, "/api/recordings", 200 },
  { BL_USER_CLINICIAN, "/api/audit", 403 },
  { BL_USER_IT, "/api/calls", 200 },
  { BL_USER_IT, "/api/audit", 200 },
  { BL_USER_IT, "/api/health", 200 },
  { BL_USER_CLINICIAN, "/api/calls/unknown", 404 },
  { BL_USER_CLINICIAN, "/api/recordings/1", 404 },
  { BL_USER_CLINICIAN, "/api/recordings/x", 404 },
  { BL_USER_CLINICIAN, "/api/recordings/1/parts/1", 404 },
};

START_TEST (people_get_what_their_role_allows)
{
  g_autofree char *cookie = site_cookie ("ann", people[_i].role);
  const Ask ask
      = { .method = "GET", .path = people[_i].path, .cookie = cookie };
  expect (&ask, people[_i].status);
}
END_TEST

static const struct {
  const char *certificate, *words;
  guint status;
} vehicles[] = {
  { "ca/RTW-1", "Bluelight-Call", 400 }, /* in: only the call's name lacks */
  { NULL, "no client certificate", 403 }, { "revoked", "revoked", 403 },
  { "expired", "expired", 403 },          { "foreign/RTW-1", "RTW-1", 403 },
  { "ca/relay", "refused", 403 }, /* a server's, not a vehicle's */
};

START_TEST (a_vehicles_certificate_is_judged_and_told_why)
{
  const Ask ask = { .door = BL_DOOR_VEHICLE,
                    .method = "POST",
                    .path = "/whip/north",
                    .type = "application/sdp",
                    .body = "v=0\r\n",
                    .certificate = vehicles[_i].certificate };
  g_autofree char *body = body_of (&ask, vehicles[_i].status);
  ck_assert_msg (strstr (body, vehicles[_i].words) != NULL,
                 "“%s” does not say “%s”", body, vehicles[_i].words);
}
END_TEST

/* Tokens: kind, what for, how long, and what it gets. */
static const struct {
  BlTokenKind kind;
  const char *subject;
  gint64 from_now_s;
  const char *method, *path, *type;
  guint status;
} tokens[] = {
  { BL_TOKEN_PUBLISH, "north", 60, "POST", "/whip/north", "application/sdp",
    400 }, /* in: only the offer is bad */
  { BL_TOKEN_PUBLISH, "north", -60, "POST", "/whip/north", "application/sdp",
    401 },
  { BL_TOKEN_PUBLISH, "south", 60, "POST", "/whip/north", "application/sdp",
    403 },
  { BL_TOKEN_VIEW, "north", 60, "POST", "/whip/north", "application/sdp", 403 },
  { BL_TOKEN_PUBLISH, "x", 60, "POST", "/whep/x", "application/sdp", 403 },
  { BL_TOKEN_VIEW, "y", 60, "POST", "/whep/x", "application/sdp", 403 },
  { BL_TOKEN_VIEW, "x", 60, "POST", "/whep/x", "application/sdp", 400 },
  { BL_TOKEN_VIEW, "x", 60, "GET", "/api/calls/x", NULL, 404 },
  { BL_TOKEN_VIEW, "x", 60, "GET", "/api/calls/y", NULL, 403 },
  { BL_TOKEN_VIEW, "x", 60, "GET", "/api/calls", NULL, 403 },
  { BL_TOKEN_VIEW, "x", 60, "GET", "/api/audit", NULL, 403 },
  { BL_TOKEN_PUBLISH, "north", 60, "POST", "/whip/north", "text/plain", 415 },
  { BL_TOKEN_PUBLISH, "north", 60, "POST", "/whip/north", NULL, 415 },
};

START_TEST (a_token_opens_only_what_it_was_made_for)
{
  g_autofree char *secret
      = site_token (tokens[_i].kind, tokens[_i].subject, tokens[_i].from_now_s);
  gboolean post = g_str_equal (tokens[_i].method, "POST");
  const Ask ask = { .door = BL_DOOR_MAIN,
                    .method = tokens[_i].method,
                    .path = tokens[_i].path,
                    .type = tokens[_i].type,
                    .body = post ? "nonsense" : NULL,
                    .bearer = secret };
  expect (&ask, tokens[_i].status);
}
END_TEST

START_TEST (a_token_is_of_no_use_once_revoked_or_made_up)
{
  g_autofree char *secret = site_token (BL_TOKEN_VIEW, "x", 60);
  Ask ask = { .method = "GET", .path = "/api/calls/x", .bearer = secret };
  expect (&ask, 404);
  ck_assert (bl_tokens_revoke (site.db, 1, 1, NULL));
  g_auto (Reply) reply = { 0 };
  site_ask (&ask, &reply);
  ck_assert_uint_eq (reply.status, 401);
  ck_assert_ptr_nonnull (
      strstr (reply_header (&reply, "WWW-Authenticate"), "invalid_token"));
  ask.bearer = "made-up";
  ck_assert_uint_eq (site_status (&ask), 401);
}
END_TEST

/* A cookie and another site's page. */
static const struct {
  const char *origin;
  guint status;
} origins[] = {
  { "http://evil.example", 403 },
  { "null", 403 },
  { NULL, 403 },
  { "self", 204 },
};

START_TEST (another_sites_page_can_not_use_a_cookie)
{
  g_autofree char *cookie = site_cookie ("ann", BL_USER_CLINICIAN);
  g_autofree char *self = g_strdup_printf (
      "http://127.0.0.1:%u", bl_http_port (site.http, BL_DOOR_LOOPBACK));
  const char *origin = origins[_i].origin;
  const Ask ask = { .method = "POST",
                    .path = "/api/sign-out",
                    .cookie = cookie,
                    .origin = g_strcmp0 (origin, "self") == 0 ? self : origin };
  expect (&ask, origins[_i].status);
  const Ask me = { .method = "GET", .path = "/api/calls", .cookie = cookie };
  ck_assert_uint_eq (site_status (&me), origins[_i].status == 204 ? 401 : 200);
}
END_TEST

START_TEST (another_sites_page_can_not_sign_its_victim_in)
{
  const Ask ask = { .method = "POST",
                    .path = "/api/sign-in",
                    .type = "application/json",
                    .body = "{\"code\": \"x\"}",
                    .origin = "https://evil.example" };
  ck_assert_uint_eq (site_status (&ask), 403);
}
END_TEST

START_TEST (a_name_that_points_to_loopback_does_not_get_in)
{
  const Ask ask
      = { .method = "GET", .path = "/api/health", .host = "evil.example" };
  ck_assert_uint_eq (site_status (&ask), 403);
}
END_TEST

START_TEST (a_body_that_is_too_large_is_refused)
{
  g_autofree char *big = g_strnfill (BL_SDP_MAX_BYTES + 1, 'a');
  g_autofree char *secret = site_token (BL_TOKEN_PUBLISH, "north", 60);
  Ask ask = { .method = "POST",
              .path = "/whip/north",
              .type = "application/sdp",
              .body = big,
              .bearer = secret };
  ck_assert_uint_eq (site_status (&ask), 413);
  ask.path = "/api/sign-in";
  ask.type = "application/json";
  ask.body_bytes = 4097;
  ask.bearer = NULL;
  ck_assert_uint_eq (site_status (&ask), 413);
}
END_TEST

START_TEST (a_body_without_a_length_is_cut_off_while_it_is_read)
{
  GString *text = g_string_new ("POST /api/sign-in HTTP/1.1\r\n"
                                "Host: 127.0.0.1\r\nConnection: close\r\n"
                                "Content-Type: application/json\r\n"
                                "Transfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 100; i++)
    g_string_append_printf (text, "400\r\n%01024d\r\n", i);
  g_string_append (text, "0\r\n\r\n");
  g_autofree char *answer
      = site_raw (BL_DOOR_LOOPBACK, text->str, text->len, 10);
  ck_assert_msg (g_str_has_prefix (answer, "HTTP/1.1 413 "), "%s", answer);
  g_string_free (text, TRUE);
}
END_TEST

START_TEST (a_body_without_end_ends_the_connection)
{
  GString *text = g_string_new ("POST /api/sign-in HTTP/1.1\r\n"
                                "Host: 127.0.0.1\r\n"
                                "Content-Type: application/json\r\n"
                                "Transfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 80; i++)
    g_string_append_printf (text, "10000\r\n%065536d\r\n", i);
  g_free (site_raw (BL_DOOR_LOOPBACK, text->str, text->len, 10));
  g_string_free (text, TRUE);
  const Ask after = { .method = "GET", .path = "/api/time" };
  ck_assert_uint_eq (site_status (&after), 200);
}
END_TEST

/* Slow or silent clients are cut off after the deadline. */
static const struct {
  BlDoor door;
  const char *text;
} slow[] = {
  { BL_DOOR_LOOPBACK, "" },
  { BL_DOOR_LOOPBACK, "GET /api/ti" },
  { BL_DOOR_LOOPBACK, "POST /api/sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                      "Content-Type: application/json\r\n"
                      "Content-Length: 100\r\n\r\n{" },
  { BL_DOOR_MAIN, "" },                       /* no TLS handshake */
  { BL_DOOR_MAIN, "GET / HTTP/1.1\r\n\r\n" }, /* not TLS */
  { BL_DOOR_VEHICLE, "\x16\x03\x01\x02" },    /* half a ClientHello */
};

START_TEST (a_client_that_dawdles_is_cut_off)
{
  site.request_s = 1;
  site_restart ();
  g_autofree char *answer
      = site_raw (slow[_i].door, slow[_i].text, strlen (slow[_i].text), 10);
  ck_assert (!g_str_has_prefix (answer, "HTTP/1.1 200"));
  const Ask after = { .method = "GET", .path = "/api/time" };
  ck_assert_uint_eq (site_status (&after), 200);
}
END_TEST

START_TEST (a_door_that_is_flooded_leaves_the_others_open)
{
  site.max_connections = 2;
  site_restart ();
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  GSocketConnection *flood[2];
  for (guint i = 0; i < G_N_ELEMENTS (flood); i++)
    flood[i] = g_socket_client_connect_to_host (
        client, "127.0.0.1", bl_http_port (site.http, BL_DOOR_MAIN), NULL,
        NULL);
  /* There is no room for a third. */
  g_free (site_raw (BL_DOOR_MAIN, "", 0, 10));
  const Ask other = { .method = "GET", .path = "/api/time" };
  ck_assert_uint_eq (site_status (&other), 200);
  for (guint i = 0; i < G_N_ELEMENTS (flood); i++)
    g_object_unref (flood[i]);
}
END_TEST

static const char *const garbage[] = {
  "\x00\xff\xfe garbage\r\n\r\n",
  "GET\r\n\r\n",
  "GET / HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n",
  "GET / HTTP/1.1\r\n\r\n", /* no Host */
  "POST /api/sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\n"
  "Transfer-Encoding: nonsense\r\n\r\n",
  "POST /api/sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\n"
  "Content-Length: -1\r\n\r\n",
};

START_TEST (garbage_on_the_port_harms_nothing)
{
  site.request_s = 1;
  site_restart ();
  g_autofree char *answer
      = site_raw (BL_DOOR_LOOPBACK, garbage[_i], strlen (garbage[_i]), 10);
  ck_assert_msg (!g_str_has_prefix (answer, "HTTP/1.1 2"), "%s", answer);
  const Ask after = { .method = "GET", .path = "/api/time" };
  ck_assert_uint_eq (site_status (&after), 200);
}
END_TEST

START_TEST (every_answer_carries_the_headers_that_protect_a_browser)
{
  g_auto (Reply) page = { 0 };
  g_auto (Reply) api = { 0 };
  const Ask ask_page = { .door = BL_DOOR_MAIN, .method = "GET", .path = "/" };
  const Ask ask_api = { .method = "GET", .path = "/api/calls" };
  site_ask (&ask_page, &page);
  site_ask (&ask_api, &api);
  ck_assert_ptr_nonnull (
      strstr (reply_header (&page, "Content-Security-Policy"),
              "frame-ancestors 'none'"));
  ck_assert_str_eq (reply_header (&page, "X-Content-Type-Options"), "nosniff");
  ck_assert_str_eq (reply_header (&page, "Cache-Control"), "no-cache");
  ck_assert_str_eq (reply_header (&api, "Cache-Control"), "no-store");
  ck_assert_ptr_nonnull (strstr (api.body, "\"error\""));
}
END_TEST

START_TEST (a_preflight_names_what_other_origins_may_do)
{
  g_auto (Reply) reply = { 0 };
  const Ask ask = { .door = BL_DOOR_MAIN,
                    .method = "OPTIONS",
                    .path = "/whip/north",
                    .origin = "https://studio.example" };
  site_ask (&ask, &reply);
  ck_assert_uint_eq (reply.status, 204);
  ck_assert_str_eq (reply_header (&reply, "Access-Control-Allow-Origin"), "*");
  ck_assert_str_eq (reply_header (&reply, "Access-Control-Allow-Methods"),
                    "POST, OPTIONS");
  ck_assert_ptr_nonnull (strstr (
      reply_header (&reply, "Access-Control-Allow-Headers"), "Authorization"));
  ck_assert_ptr_nonnull (strstr (
      reply_header (&reply, "Access-Control-Expose-Headers"), "Location"));
  ck_assert_str_eq (reply_header (&reply, "Accept-Post"), "application/sdp");
  ck_assert_ptr_null (
      reply_header (&reply, "Access-Control-Allow-Credentials"));
}
END_TEST

START_TEST (a_port_in_use_is_named_with_its_key)
{
  g_autoptr (GError) error = NULL;
  site.options->vehicle_port = bl_http_port (site.http, BL_DOOR_MAIN);
  const BlHttpOptions http = { .options = site.options,
                               .db = site.db,
                               .auth = site.auth,
                               .registry = site.registry };
  g_autoptr (BlHttp) second = bl_http_new (&http, &error);
  ck_assert_ptr_null (second);
  ck_assert_ptr_nonnull (strstr (error->message, "[http] vehicle_port"));
  ck_assert_ptr_nonnull (strstr (error->message, "choose another port"));
}
END_TEST

static const struct {
  const char *certificate, *key, *words;
} tls[] = {
  { "none.pem", "ca/relay.key", "none.pem" },
  { "ca/relay.pem", "none.key", "none.key" },
  { "ca/relay.pem", "ca/RTW-1.key", "relay" },
  { "expired.pem", "expired.key", "expired" },
  { "ca/index.txt", "ca/relay.key", "index.txt" },
};

START_TEST (a_certificate_that_can_not_be_used_is_named)
{
  g_autoptr (GError) error = NULL;
  g_free (site.options->certificate);
  g_free (site.options->key);
  site.options->certificate = site_cert (tls[_i].certificate);
  site.options->key = site_cert (tls[_i].key);
  const BlHttpOptions http = { .options = site.options,
                               .db = site.db,
                               .auth = site.auth,
                               .registry = site.registry };
  g_autoptr (BlHttp) second = bl_http_new (&http, &error);
  ck_assert_ptr_null (second);
  ck_assert_msg (g_str_has_prefix (error->message, "[tls] "), "%s",
                 error->message);
  ck_assert_msg (strstr (error->message, tls[_i].words) != NULL, "%s",
                 error->message);
}
END_TEST

int
main (void)
{
  const SuiteTest tests[] = {
    { nobody_gets_only_what_is_for_anybody, G_N_ELEMENTS (nobody) },
    { people_get_what_their_role_allows, G_N_ELEMENTS (people) },
    { a_vehicles_certificate_is_judged_and_told_why, G_N_ELEMENTS (vehicles) },
    { a_token_opens_only_what_it_was_made_for, G_N_ELEMENTS (tokens) },
    { a_token_is_of_no_use_once_revoked_or_made_up, 0 },
    { another_sites_page_can_not_use_a_cookie, G_N_ELEMENTS (origins) },
    { another_sites_page_can_not_sign_its_victim_in, 0 },
    { a_name_that_points_to_loopback_does_not_get_in, 0 },
    { a_body_that_is_too_large_is_refused, 0 },
    { a_body_without_a_length_is_cut_off_while_it_is_read, 0 },
    { a_body_without_end_ends_the_connection, 0 },
    { a_client_that_dawdles_is_cut_off, G_N_ELEMENTS (slow) },
    { a_door_that_is_flooded_leaves_the_others_open, 0 },
    { garbage_on_the_port_harms_nothing, G_N_ELEMENTS (garbage) },
    { every_answer_carries_the_headers_that_protect_a_browser, 0 },
    { a_preflight_names_what_other_origins_may_do, 0 },
    { a_port_in_use_is_named_with_its_key, 0 },
    { a_certificate_that_can_not_be_used_is_named, G_N_ELEMENTS (tls) },
  };
  if (!site_mint ())
    return EXIT_FAILURE;
  int status = run_table ("relay/http_gates", tests, G_N_ELEMENTS (tests),
                          site_setup, site_teardown);
  site_unmint ();
  return status;
}
