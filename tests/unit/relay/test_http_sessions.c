/* SPDX-License-Identifier: Apache-2.0
 *
 * WHIP, and the identity of calls behind it.
 */
#include "http_calls.h"

/* ---- WHIP ---- */

START_TEST (an_offer_is_answered_as_rfc_9725_says)
{
  g_auto (Reply) reply = { 0 };
  whip ("ca/RTW-1", "north", "call-1", &reply);
  ck_assert_msg (reply.status == 201, "%u: %s", reply.status, reply.body);
  ck_assert (g_str_has_prefix (reply_header (&reply, "Location"), "/session/"));
  ck_assert_uint_ge (strlen (reply_header (&reply, "Location")), 9 + 22);
  ck_assert (g_str_has_prefix (reply_header (&reply, "ETag"), "\""));
  ck_assert_str_eq (reply_header (&reply, "Content-Type"), "application/sdp");
  ck_assert_str_eq (reply_header (&reply, "Accept-Patch"),
                    "application/trickle-ice-sdpfrag");
  ck_assert_str_eq (reply_header (&reply, "Bluelight-Call"), "call-1");
  const char *link = reply_header (&reply, "Link");
  ck_assert_ptr_nonnull (strstr (link, "<stun:192.0.2.3>; rel=\"ice-server\""));
  ck_assert_ptr_nonnull (strstr (link, "<turn:192.0.2.3>"));
  ck_assert_ptr_nonnull (strstr (link, "username=\"u\""));
  ck_assert_ptr_nonnull (strstr (reply.body, "a=ice-lite"));
  ck_assert_ptr_nonnull (strstr (reply.body, "a=setup:passive"));
  ck_assert_ptr_nonnull (strstr (reply.body, "192.0.2.1 50000 typ host"));
  ck_assert_ptr_nonnull (strstr (reply.body, "2001:db8::1 50000 typ host"));
  ck_assert (fake_media ()->recorded);
  ck_assert (audited (BL_AUDIT_CALL_START, "RTW-1", "call-1"));
  ck_assert_int_eq (state_of ("call-1"), BL_LIVE_WAITING);
}
END_TEST

static const struct {
  const char *ed, *call, *body, *words;
  guint status;
} refused[] = {
  { "west", "c", NULL, "there are: north, south", 404 },
  { "north", "", NULL, "Bluelight-Call", 400 },
  { "north", "../x", NULL, "Bluelight-Call", 400 },
  { "north", "c", "", "", 400 },
  { "north", "c", "v=0\r\n", "no m-line", 406 },
  { "north", "c", "\x01\x02\x03", "", 400 },
  { "north", "c", "vp8", "VP8/90000", 406 },
};

/* An offer of a codec that we don't take. */
static char *
vp8_offer (void)
{
  g_autofree char *offer = offer_whip ();
  GString *text = g_string_new (offer);
  g_string_replace (text, "H264/90000", "VP8/90000", 0);
  g_string_replace (text, "opus/48000/2", "G722/8000", 0);
  return g_string_free (text, FALSE);
}

START_TEST (an_offer_that_can_not_be_taken_is_told_why_and_opens_no_call)
{
  g_autofree char *good = offer_whip ();
  g_autofree char *vp8 = vp8_offer ();
  const char *body = refused[_i].body;
  g_autofree char *path = g_strdup_printf ("/whip/%s", refused[_i].ed);
  g_auto (Reply) reply = { 0 };

  post (BL_DOOR_VEHICLE, "ca/RTW-1", NULL, path, refused[_i].call,
        !body                       ? good
        : g_str_equal (body, "vp8") ? vp8
                                    : body,
        &reply);
  ck_assert_msg (reply.status == refused[_i].status, "%u: %s", reply.status,
                 reply.body);
  ck_assert_msg (strstr (reply.body, refused[_i].words) != NULL, "%s",
                 reply.body);
  g_autoptr (GPtrArray) calls = bl_calls_list (site.db, 10, NULL);
  ck_assert_uint_eq (calls->len, 0);
  ck_assert_uint_eq (fake_media ()->sessions_added, 0);
}
END_TEST

START_TEST (a_token_is_not_told_which_eds_there_are)
{
  g_autofree char *secret = site_token (BL_TOKEN_PUBLISH, "west", 60);
  g_autofree char *offer = offer_whip ();
  g_auto (Reply) reply = { 0 };
  post (BL_DOOR_MAIN, NULL, secret, "/whip/west", NULL, offer, &reply);
  ck_assert_uint_eq (reply.status, 404);
  ck_assert_ptr_null (strstr (reply.body, "south"));
}
END_TEST

/* ---- identity ---- */

START_TEST (a_vehicle_that_comes_back_replaces_its_publisher)
{
  g_autofree char *first = live_call ("ca/RTW-1", "call-1");
  BlSessionId old = fake_media ()->last_session;
  BlSourceId source = fake_media ()->last_source;
  g_auto (Reply) again = { 0 };

  whip ("ca/RTW-1", "north", "call-1", &again);
  ck_assert_uint_eq (again.status, 201);
  ck_assert_str_ne (reply_header (&again, "Location"), first);
  /* The old one flows on until the new one is connected. */
  ck_assert_uint_eq (fake_media ()->sessions_removed, 0);
  ck_assert_int_eq (state_of ("call-1"), BL_LIVE_LIVE);
  fake_media_tell (BL_WORKER_SESSION_CONNECTED, fake_media ()->last_session,
                   source);
  ck_assert_uint_eq (fake_media ()->last_removed, old);
  ck_assert_uint_eq (fake_media ()->last_source, source);
  ck_assert_int_eq (state_of ("call-1"), BL_LIVE_LIVE);
  ck_assert_uint_eq (session ("DELETE", first, "ca/RTW-1", NULL, NULL, NULL),
                     404);
}
END_TEST

START_TEST (offers_that_never_connect_do_not_pile_up)
{
  for (int i = 0; i < 5; i++)
    ck_assert_uint_eq (whip_status ("ca/RTW-1", "north", "call-1"), 201);
  ck_assert_uint_eq (fake_media ()->sessions_added, 5);
  ck_assert_uint_eq (fake_media ()->sessions_removed, 4);
}
END_TEST

START_TEST (a_call_is_its_units_and_its_eds)
{
  open_call ("ca/RTW-1", "call-1");
  ck_assert_uint_eq (whip_status ("ca/RTW-2", "north", "call-1"), 409);
  ck_assert_uint_eq (whip_status ("ca/RTW-1", "south", "call-1"), 409);
  ck_assert_uint_eq (whip_status ("ca/RTW-2", "north", "call-2"), 201);
}
END_TEST

START_TEST (a_unit_ends_its_call_by_delete_and_it_stays_ended)
{
  g_autofree char *url = live_call ("ca/RTW-1", "call-1");
  ck_assert_uint_eq (session ("DELETE", url, "ca/RTW-2", NULL, NULL, NULL),
                     403);
  ck_assert_uint_eq (session ("DELETE", url, "ca/RTW-1", NULL, NULL, NULL),
                     200);
  ck_assert_uint_eq (session ("DELETE", url, "ca/RTW-1", NULL, NULL, NULL),
                     404);
  ck_assert_ptr_null (bl_registry_find (site.registry, "call-1"));
  g_autoptr (BlCall) stored = bl_calls_get (site.db, "call-1", NULL);
  ck_assert_int_eq (stored->state, BL_CALL_ENDED);
  ck_assert (audited (BL_AUDIT_CALL_END, "RTW-1", "call-1"));
  ck_assert_uint_eq (whip_status ("ca/RTW-1", "north", "call-1"), 410);
}
END_TEST

START_TEST (a_unit_ends_its_call_by_delete_after_its_session_is_gone)
{
  g_autofree char *url = live_call ("ca/RTW-1", "call-1");
  fake_media_tell (BL_WORKER_SESSION_CLOSED, fake_media ()->last_session,
                   fake_media ()->last_source);
  ck_assert_int_eq (state_of ("call-1"), BL_LIVE_LOST);
  ck_assert_uint_eq (session ("DELETE", url, "ca/RTW-2", NULL, NULL, NULL),
                     404);
  ck_assert_uint_eq (session ("DELETE", url, "ca/RTW-1", NULL, NULL, NULL),
                     200);
  ck_assert_ptr_null (bl_registry_find (site.registry, "call-1"));
}
END_TEST

START_TEST (a_call_ends_when_its_publisher_stays_away)
{
  open_call ("ca/RTW-1", "call-1");
  fake_media_tell (BL_WORKER_SESSION_LOST, fake_media ()->last_session,
                   fake_media ()->last_source);
  ck_assert_int_eq (state_of ("call-1"), BL_LIVE_LOST);
  bl_registry_tick (site.registry, NOW + 59 * BL_SECOND);
  ck_assert_ptr_nonnull (bl_registry_find (site.registry, "call-1"));
  bl_registry_tick (site.registry, NOW + 62 * BL_SECOND);
  ck_assert_ptr_null (bl_registry_find (site.registry, "call-1"));
  g_autoptr (BlCall) stored = bl_calls_get (site.db, "call-1", NULL);
  ck_assert_ptr_nonnull (strstr (stored->end_reason, "out of reach"));
}
END_TEST

START_TEST (a_call_goes_on_within_its_grace_time)
{
  open_call ("ca/RTW-1", "call-1");
  BlSourceId source = fake_media ()->last_source;
  fake_media_tell (BL_WORKER_SESSION_LOST, fake_media ()->last_session, source);
  open_call ("ca/RTW-1", "call-1");
  ck_assert_uint_eq (fake_media ()->last_source, source);
  ck_assert_int_eq (state_of ("call-1"), BL_LIVE_LIVE);
  bl_registry_tick (site.registry, NOW + 3600 * BL_SECOND);
  ck_assert_ptr_nonnull (bl_registry_find (site.registry, "call-1"));
}
END_TEST

START_TEST (a_restarted_relay_goes_on_with_the_call)
{
  open_call ("ca/RTW-1", "call-1");
  site_restart ();
  BlLiveCall *call = bl_registry_find (site.registry, "call-1");
  ck_assert_ptr_nonnull (call);
  ck_assert (call->interrupted);
  ck_assert_int_eq (bl_live_call_state (call), BL_LIVE_LOST);
  ck_assert_uint_eq (whip_status ("ca/RTW-2", "north", "call-1"), 409);
  open_call ("ca/RTW-1", "call-1");
  ck_assert_int_eq (state_of ("call-1"), BL_LIVE_LIVE);
  g_autoptr (BlCall) stored = bl_calls_get (site.db, "call-1", NULL);
  ck_assert_int_eq (stored->state, BL_CALL_OPEN);
}
END_TEST

START_TEST (an_interrupted_call_that_nobody_resumes_ends)
{
  open_call ("ca/RTW-1", "call-1");
  site_restart ();
  bl_registry_tick (site.registry, NOW + 62 * BL_SECOND);
  ck_assert_ptr_null (bl_registry_find (site.registry, "call-1"));
  g_autoptr (BlCall) stored = bl_calls_get (site.db, "call-1", NULL);
  ck_assert_int_eq (stored->state, BL_CALL_ENDED);
}
END_TEST

/* A WHIP POST of a program that has a token. */
static void
whip_by_token (const char *secret, Reply *out)
{
  g_autofree char *offer = offer_whip ();
  post (BL_DOOR_MAIN, NULL, secret, "/whip/north", NULL, offer, out);
}

START_TEST (a_tokens_live_publisher_is_not_replaced_but_resumed_when_gone)
{
  g_autofree char *secret = site_token (BL_TOKEN_PUBLISH, "north", 60);
  g_auto (Reply) first = { 0 };
  g_auto (Reply) second = { 0 };
  g_auto (Reply) third = { 0 };

  whip_by_token (secret, &first);
  ck_assert_uint_eq (first.status, 201);
  BlSessionId publisher = fake_media ()->last_session;
  fake_media_tell (BL_WORKER_SESSION_CONNECTED, publisher, 0);
  whip_by_token (secret, &second);
  ck_assert_uint_eq (second.status, 409);
  fake_media_tell (BL_WORKER_SESSION_CLOSED, publisher, 0);
  whip_by_token (secret, &third);
  ck_assert_uint_eq (third.status, 201);
  ck_assert_str_eq (reply_header (&third, "Bluelight-Call"),
                    reply_header (&first, "Bluelight-Call"));
}
END_TEST

/* A program that crashed, and is started again at once. */
START_TEST (a_tokens_silent_publisher_is_replaced)
{
  g_autofree char *secret = site_token (BL_TOKEN_PUBLISH, "north", 60);
  g_auto (Reply) first = { 0 };
  g_auto (Reply) second = { 0 };
  g_auto (Reply) third = { 0 };

  whip_by_token (secret, &first);
  fake_media_tell (BL_WORKER_SESSION_CONNECTED, fake_media ()->last_session, 0);
  fake_media_tell (BL_WORKER_SOURCE_STARTED, 0, fake_media ()->last_source);
  whip_by_token (secret, &second);
  ck_assert_uint_eq (second.status, 409);
  fake_media_tell (BL_WORKER_SOURCE_STOPPED, 0, fake_media ()->last_source);
  whip_by_token (secret, &third);
  ck_assert_uint_eq (third.status, 201);
  ck_assert_str_eq (reply_header (&third, "Bluelight-Call"),
                    reply_header (&first, "Bluelight-Call"));
}
END_TEST

START_TEST (a_tokens_delete_ends_the_session_and_the_call_waits)
{
  g_autofree char *secret = site_token (BL_TOKEN_PUBLISH, "north", 60);
  g_auto (Reply) reply = { 0 };
  whip_by_token (secret, &reply);
  fake_media_tell (BL_WORKER_SESSION_CONNECTED, fake_media ()->last_session, 0);
  ck_assert_uint_eq (session ("DELETE", reply_header (&reply, "Location"), NULL,
                              secret, NULL, NULL),
                     200);
  BlLiveCall *call = bl_registry_find (site.registry,
                                       reply_header (&reply, "Bluelight-Call"));
  ck_assert_ptr_nonnull (call);
  ck_assert_int_ne (call->gone_since_us, 0);
}
END_TEST

START_TEST (a_delete_after_the_goodbye_is_confirmed_once)
{
  g_autofree char *secret = site_token (BL_TOKEN_PUBLISH, "north", 60);
  g_autofree char *other = site_token (BL_TOKEN_PUBLISH, "north", 60);
  g_auto (Reply) reply = { 0 };
  whip_by_token (secret, &reply);
  const char *url = reply_header (&reply, "Location");
  const struct {
    const char *token;
    guint status;
  } rows[] = { { other, 404 }, { secret, 200 }, { secret, 404 } };

  fake_media_tell (BL_WORKER_SESSION_CLOSED, fake_media ()->last_session, 0);
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    ck_assert_uint_eq (session ("DELETE", url, NULL, rows[i].token, NULL, NULL),
                       rows[i].status);
}
END_TEST

START_TEST (no_more_calls_than_allowed_are_opened)
{
  g_auto (Reply) reply = { 0 };
  for (int i = 0; i < 3; i++) {
    g_autofree char *call = g_strdup_printf ("call-%d", i);
    ck_assert_uint_eq (whip_status ("ca/RTW-1", "north", call), 201);
  }
  whip ("ca/RTW-1", "north", "call-3", &reply);
  ck_assert_uint_eq (reply.status, 503);
  ck_assert_str_eq (reply_header (&reply, "Retry-After"), "5");
  /* One that is there already goes on. */
  ck_assert_uint_eq (whip_status ("ca/RTW-1", "north", "call-1"), 201);
}
END_TEST

START_TEST (a_full_worker_leaves_no_call_behind)
{
  fake_media ()->full = TRUE;
  ck_assert_uint_eq (whip_status ("ca/RTW-1", "north", "call-1"), 503);
  ck_assert_ptr_null (bl_registry_find (site.registry, "call-1"));
}
END_TEST

int
main (void)
{
  const SuiteTest tests[] = {
    { an_offer_is_answered_as_rfc_9725_says, 0 },
    { an_offer_that_can_not_be_taken_is_told_why_and_opens_no_call,
      G_N_ELEMENTS (refused) },
    { a_token_is_not_told_which_eds_there_are, 0 },
    { a_vehicle_that_comes_back_replaces_its_publisher, 0 },
    { offers_that_never_connect_do_not_pile_up, 0 },
    { a_call_is_its_units_and_its_eds, 0 },
    { a_unit_ends_its_call_by_delete_and_it_stays_ended, 0 },
    { a_unit_ends_its_call_by_delete_after_its_session_is_gone, 0 },
    { a_call_ends_when_its_publisher_stays_away, 0 },
    { a_call_goes_on_within_its_grace_time, 0 },
    { a_restarted_relay_goes_on_with_the_call, 0 },
    { an_interrupted_call_that_nobody_resumes_ends, 0 },
    { a_tokens_live_publisher_is_not_replaced_but_resumed_when_gone, 0 },
    { a_tokens_silent_publisher_is_replaced, 0 },
    { a_delete_after_the_goodbye_is_confirmed_once, 0 },
    { a_tokens_delete_ends_the_session_and_the_call_waits, 0 },
    { no_more_calls_than_allowed_are_opened, 0 },
    { a_full_worker_leaves_no_call_behind, 0 },
  };
  if (!site_mint ())
    return EXIT_FAILURE;
  int status = run_table ("relay/http_sessions", tests, G_N_ELEMENTS (tests),
                          site_setup, site_teardown);
  site_unmint ();
  return status;
}
