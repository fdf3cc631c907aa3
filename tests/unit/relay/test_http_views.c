/* SPDX-License-Identifier: Apache-2.0
 *
 * WHEP, and what PATCH does to a session.
 */
#include "http_calls.h"

#define CANDIDATES                                                             \
  "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijkl\r\n"                   \
  "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"                               \
  "a=candidate:1 1 udp 2130706431 192.0.2.9 4000 typ host\r\n"

#define RESTART                                                                \
  "a=ice-ufrag:wxyz\r\na=ice-pwd:lkjihgfedcba9876543210\r\n"                   \
  "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"

/* ---- WHEP ---- */

START_TEST (a_viewer_joins_and_is_in_the_audit_until_the_end)
{
  open_call ("ca/RTW-1", "call-1");
  g_autofree char *secret = site_token (BL_TOKEN_VIEW, "call-1", 60);
  g_auto (Reply) reply = { 0 };

  whep (secret, "call-1", &reply);
  ck_assert_msg (reply.status == 201, "%u: %s", reply.status, reply.body);
  ck_assert_ptr_nonnull (strstr (reply.body, "a=sendonly"));
  ck_assert (audited (BL_AUDIT_VIEW_START, "1 obs", "call-1"));
  BlLiveCall *call = bl_registry_find (site.registry, "call-1");
  ck_assert_uint_eq (bl_live_call_n_viewers (call), 0);
  fake_media_tell (BL_WORKER_SESSION_CONNECTED, fake_media ()->last_session, 0);
  ck_assert_uint_eq (bl_live_call_n_viewers (call), 1);
  ck_assert (!audited (BL_AUDIT_VIEW_END, "1 obs", "call-1"));
  ck_assert_uint_eq (session ("DELETE", reply_header (&reply, "Location"), NULL,
                              secret, NULL, NULL),
                     200);
  ck_assert_uint_eq (bl_live_call_n_viewers (call), 0);
  ck_assert (audited (BL_AUDIT_VIEW_END, "1 obs", "call-1"));
  ck_assert_int_eq (state_of ("call-1"), BL_LIVE_LIVE);
}
END_TEST

/* What GET /api/calls/call-1 says of the asker's sessions. */
static char *
own_sessions (const char *secret)
{
  g_auto (Reply) reply = { 0 };
  const Ask ask
      = { .method = "GET", .path = "/api/calls/call-1", .bearer = secret };
  site_ask (&ask, &reply);
  ck_assert_uint_eq (reply.status, 200);
  const char *from = strstr (reply.body, "\"sessions\"");
  ck_assert_ptr_nonnull (from);
  return g_strndup (from, (gsize)(strchr (from, ']') + 1 - from));
}

START_TEST (a_viewer_is_told_what_it_is_not_given_and_nobody_else_is)
{
  open_call ("ca/RTW-1", "call-1");
  g_autofree char *secret = site_token (BL_TOKEN_VIEW, "call-1", 60);
  g_autofree char *other = site_token (BL_TOKEN_VIEW, "call-1", 60);
  g_auto (Reply) reply = { 0 };
  whep (secret, "call-1", &reply);
  const char *id = strrchr (reply_header (&reply, "Location"), '/') + 1;

  static const char *const names[]
      = { "all", "referenced", "keyframes", "none" };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    BlViewerStats viewer
        = { .session = fake_media ()->last_session, .pictures = (BlPictures)i };
    BlWorkerStats stats = { .n_viewers = 1, .viewers = &viewer };
    BlWorkerEvent event = { .kind = BL_WORKER_STATS, .stats = &stats };
    bl_registry_on_worker (fake_media ()->worker, &event, site.registry);
    g_autofree char *wanted = g_strdup_printf (
        "\"sessions\":[{\"id\":\"%s\",\"pictures\":\"%s\"}]", id, names[i]);
    g_autofree char *own = own_sessions (secret);
    ck_assert_str_eq (own, wanted);
    g_autofree char *foreign = own_sessions (other);
    ck_assert_str_eq (foreign, "\"sessions\":[]");
  }
}
END_TEST

START_TEST (viewers_stay_while_the_publisher_is_gone_and_go_with_the_call)
{
  open_call ("ca/RTW-1", "call-1");
  BlSessionId publisher = fake_media ()->last_session;
  g_autofree char *secret = site_token (BL_TOKEN_VIEW, "call-1", 60);
  g_auto (Reply) reply = { 0 };
  whep (secret, "call-1", &reply);
  fake_media_tell (BL_WORKER_SESSION_CONNECTED, fake_media ()->last_session, 0);
  BlLiveCall *call = bl_registry_find (site.registry, "call-1");
  fake_media_tell (BL_WORKER_SESSION_LOST, publisher, 0);
  ck_assert_uint_eq (bl_live_call_n_viewers (call), 1);
  g_autofree char *again = live_call ("ca/RTW-1", "call-1");
  ck_assert_uint_eq (bl_live_call_n_viewers (call), 1);
  ck_assert_uint_eq (session ("DELETE", again, "ca/RTW-1", NULL, NULL, NULL),
                     200);
  ck_assert (audited (BL_AUDIT_VIEW_END, "1 obs", "call-1"));
  g_auto (Reply) late = { 0 };
  whep (secret, "call-1", &late);
  ck_assert_uint_eq (late.status, 404);
  ck_assert_ptr_nonnull (strstr (late.body, "has ended"));
}
END_TEST

START_TEST (no_more_viewers_than_allowed_join)
{
  open_call ("ca/RTW-1", "call-1");
  g_autofree char *secret = site_token (BL_TOKEN_VIEW, "call-1", 60);
  for (guint i = 0; i < 3; i++) {
    g_auto (Reply) reply = { 0 };
    whep (secret, "call-1", &reply);
    ck_assert_uint_eq (reply.status, i < 2 ? 201 : 503);
  }
}
END_TEST

START_TEST (a_view_ends_when_its_token_is_revoked)
{
  g_autofree char *secret = site_token (BL_TOKEN_VIEW, "call-1", 60);
  g_auto (Reply) reply = { 0 };
  open_call ("ca/RTW-1", "call-1");
  whep (secret, "call-1", &reply);
  ck_assert_uint_eq (reply.status, 201);
  BlLiveCall *call = bl_registry_find (site.registry, "call-1");
  bl_registry_tick (site.registry, NOW);
  ck_assert_uint_eq (call->viewers->len, 1);
  ck_assert (bl_tokens_revoke (site.db, 1, NOW, NULL));
  bl_registry_tick (site.registry, NOW + 6 * BL_SECOND);
  ck_assert_uint_eq (call->viewers->len, 0);
  ck_assert (audited (BL_AUDIT_VIEW_END, "1 obs", "call-1"));
  ck_assert_int_eq (state_of ("call-1"), BL_LIVE_LIVE);
}
END_TEST

START_TEST (a_viewer_may_wait_for_an_interrupted_call)
{
  open_call ("ca/RTW-1", "call-1");
  site_restart ();
  g_autofree char *secret = site_token (BL_TOKEN_VIEW, "call-1", 60);
  g_auto (Reply) reply = { 0 };
  whep (secret, "call-1", &reply);
  ck_assert_uint_eq (reply.status, 201);
  BlSourceId source = fake_media ()->last_source;
  open_call ("ca/RTW-1", "call-1");
  ck_assert_uint_eq (fake_media ()->last_source, source);
}
END_TEST

/* ---- PATCH ---- */

START_TEST (a_patch_needs_the_sessions_tag)
{
  g_auto (Reply) reply = { 0 };
  whip ("ca/RTW-1", "north", "call-1", &reply);
  const char *url = reply_header (&reply, "Location");
  const char *tag = reply_header (&reply, "ETag");
  const struct {
    const char *if_match;
    guint status;
  } rows[] = {
    { NULL, 428 },       { "\"other\"", 412 },    { tag, 204 },
    { "unquoted", 400 }, { "\"a\", \"b\"", 412 },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    ck_assert_uint_eq (
        session ("PATCH", url, "ca/RTW-1", NULL, rows[i].if_match, CANDIDATES),
        rows[i].status);
  ck_assert_uint_eq (session ("PATCH", url, "ca/RTW-1", NULL, tag, "nonsense"),
                     400);
  ck_assert_uint_eq (session ("PATCH", url, "ca/RTW-2", NULL, tag, CANDIDATES),
                     403);
  ck_assert_uint_eq (
      session ("PATCH", "/session/none", "ca/RTW-1", NULL, tag, CANDIDATES),
      404);
  const Ask wrong_type = { .door = BL_DOOR_VEHICLE,
                           .method = "PATCH",
                           .path = url,
                           .type = "application/sdp",
                           .body = CANDIDATES,
                           .certificate = "ca/RTW-1",
                           .if_match = tag };
  ck_assert_uint_eq (site_status (&wrong_type), 415);
  ck_assert_uint_eq (fake_media ()->restarts, 0);
}
END_TEST

START_TEST (an_ice_restart_gives_new_credentials_and_a_new_tag)
{
  g_auto (Reply) first = { 0 };
  g_auto (Reply) restart = { 0 };
  whip ("ca/RTW-1", "north", "call-1", &first);
  const char *url = reply_header (&first, "Location");
  const char *old = reply_header (&first, "ETag");
  Ask ask = { .door = BL_DOOR_VEHICLE,
              .method = "PATCH",
              .path = url,
              .type = "application/trickle-ice-sdpfrag",
              .body = RESTART,
              .certificate = "ca/RTW-1",
              .if_match = "*" };

  site_ask (&ask, &restart);
  ck_assert_msg (restart.status == 200, "%u: %s", restart.status, restart.body);
  ck_assert_str_eq (reply_header (&restart, "Content-Type"),
                    "application/trickle-ice-sdpfrag");
  ck_assert_str_ne (reply_header (&restart, "ETag"), old);
  ck_assert_uint_eq (fake_media ()->restarts, 1);
  ck_assert_ptr_nonnull (strstr (restart.body, fake_media ()->restart_ufrag));
  ck_assert_ptr_nonnull (strstr (restart.body, "a=ice-lite"));
  ck_assert_ptr_nonnull (strstr (restart.body, "typ host"));
  /* The old tag is of no more use; the new credentials are known now. */
  ask.if_match = old;
  ck_assert_uint_eq (site_status (&ask), 412);
  ask.if_match = reply_header (&restart, "ETag");
  ck_assert_uint_eq (site_status (&ask), 204);
  ck_assert_uint_eq (fake_media ()->restarts, 1);
}
END_TEST

int
main (void)
{
  const SuiteTest tests[] = {
    { a_viewer_joins_and_is_in_the_audit_until_the_end, 0 },
    { a_viewer_is_told_what_it_is_not_given_and_nobody_else_is, 0 },
    { viewers_stay_while_the_publisher_is_gone_and_go_with_the_call, 0 },
    { no_more_viewers_than_allowed_join, 0 },
    { a_view_ends_when_its_token_is_revoked, 0 },
    { a_viewer_may_wait_for_an_interrupted_call, 0 },
    { a_patch_needs_the_sessions_tag, 0 },
    { an_ice_restart_gives_new_credentials_and_a_new_tag, 0 },
  };
  if (!site_mint ())
    return EXIT_FAILURE;
  int status = run_table ("relay/http_views", tests, G_N_ELEMENTS (tests),
                          site_setup, site_teardown);
  site_unmint ();
  return status;
}
