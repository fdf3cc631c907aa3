/* SPDX-License-Identifier: Apache-2.0
 *
 * WHIP and WHEP at a relay with full ICE.
 */
#include "http_calls.h"

#define RESTART                                                                \
  "a=ice-ufrag:wxyz\r\na=ice-pwd:lkjihgfedcba9876543210\r\n"                   \
  "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"

#define CANDIDATES                                                             \
  "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"                               \
  "a=candidate:1 1 udp 2130706431 127.0.0.1 9 typ host\r\n"

/* Where the gateway gathers; it needs no server then. */
static void
start_at (const char *listen)
{
  site_setup ();
  site.options->full_ice = TRUE;
  g_free (site.options->media_listen);
  site.options->media_listen = g_strdup (listen);
  g_ptr_array_unref (site.options->own_ice_servers);
  site.options->own_ice_servers = g_ptr_array_new ();
  site_restart ();
}

static void
setup (void)
{
  start_at ("127.0.0.1");
}

static BlGatewayStats
gateway_stats (void)
{
  BlGatewayStats stats;
  bl_gateway_get_stats (bl_media_gateway (site.media), &stats);
  return stats;
}

/* Those of the worker, as ever, and those of the agent. */
static void
assert_full (const char *body)
{
  ck_assert_ptr_null (strstr (body, "a=ice-lite"));
  ck_assert_ptr_nonnull (strstr (body, "a=candidate:1 1 udp"));
  ck_assert_ptr_nonnull (strstr (body, "192.0.2.1 50000 typ host"));
  ck_assert_ptr_nonnull (strstr (body, "a=candidate:g"));
  ck_assert_ptr_nonnull (strstr (body, "a=end-of-candidates"));
}

START_TEST (an_answer_has_the_agents_candidates_and_is_not_ice_lites)
{
  g_auto (Reply) reply = { 0 };
  whip ("ca/RTW-1", "north", "call-1", &reply);
  ck_assert_msg (reply.status == 201, "%u: %s", reply.status, reply.body);
  assert_full (reply.body);
  ck_assert_uint_eq (gateway_stats ().gates, 1);
}
END_TEST

START_TEST (a_viewers_answer_has_them_too)
{
  open_call ("ca/RTW-1", "call-1");
  g_autofree char *secret = site_token (BL_TOKEN_VIEW, "call-1", 60);
  g_auto (Reply) reply = { 0 };
  whep (secret, "call-1", &reply);
  ck_assert_msg (reply.status == 201, "%u: %s", reply.status, reply.body);
  assert_full (reply.body);
  ck_assert_uint_eq (gateway_stats ().gates, 2);
}
END_TEST

START_TEST (an_ice_restart_is_answered_with_them)
{
  g_auto (Reply) first = { 0 };
  g_auto (Reply) restart = { 0 };
  whip ("ca/RTW-1", "north", "call-1", &first);
  const Ask ask = { .door = BL_DOOR_VEHICLE,
                    .method = "PATCH",
                    .path = reply_header (&first, "Location"),
                    .type = "application/trickle-ice-sdpfrag",
                    .body = RESTART,
                    .certificate = "ca/RTW-1",
                    .if_match = "*" };
  site_ask (&ask, &restart);
  ck_assert_uint_eq (restart.status, 200);
  assert_full (restart.body);
  /* The worker has the same. */
  ck_assert_ptr_nonnull (strstr (restart.body, fake_media ()->restart_ufrag));
}
END_TEST

START_TEST (candidates_may_trickle_in)
{
  g_auto (Reply) reply = { 0 };
  whip ("ca/RTW-1", "north", "call-1", &reply);
  ck_assert_uint_eq (session ("PATCH", reply_header (&reply, "Location"),
                              "ca/RTW-1", NULL, reply_header (&reply, "ETag"),
                              CANDIDATES),
                     204);
}
END_TEST

START_TEST (an_agent_goes_with_its_session)
{
  g_auto (Reply) reply = { 0 };
  whip ("ca/RTW-1", "north", "call-1", &reply);
  ck_assert_uint_eq (session ("DELETE", reply_header (&reply, "Location"),
                              "ca/RTW-1", NULL, NULL, NULL),
                     200);
  ck_assert_uint_eq (gateway_stats ().gates, 0);
}
END_TEST

/* After RTW-1 has opened call-1. */
static const struct {
  const char *certificate; /* NULL: a token for call-1 */
  const char *path, *call;
  const char *body; /* NULL: an honest viewer's or vehicle's */
  guint status;
} refused[] = {
  { "ca/RTW-2", "/whip/west", "call-2", NULL, 404 },
  { "ca/RTW-2", "/whip/north", "call-2", "nonsense", 400 },
  { "ca/RTW-2", "/whip/north", "call-2", "", 400 },
  { "ca/RTW-2", "/whip/north", "call-1", NULL, 409 },
  { "ca/RTW-2", "/whip/north", "not a name", NULL, 400 },
  { "ca/RTW-2", "/whip/north", NULL, NULL, 400 },
  { NULL, "/whep/call-1", NULL, "nonsense", 400 },
  { NULL, "/whep/call-2", NULL, NULL, 403 },
  { NULL, "/whip/north", NULL, NULL, 403 },
};

START_TEST (an_offer_that_is_refused_costs_no_agent)
{
  open_call ("ca/RTW-1", "call-1");
  const char *certificate = refused[_i].certificate;
  g_autofree char *secret = site_token (BL_TOKEN_VIEW, "call-1", 60);
  g_autofree char *honest = certificate ? offer_whip () : offer_whep ();
  g_auto (Reply) reply = { 0 };
  post (certificate ? BL_DOOR_VEHICLE : BL_DOOR_MAIN, certificate,
        certificate ? NULL : secret, refused[_i].path, refused[_i].call,
        refused[_i].body ? refused[_i].body : honest, &reply);
  ck_assert_msg (reply.status == refused[_i].status, "%u: %s", reply.status,
                 reply.body);
  ck_assert_uint_eq (gateway_stats ().asked, 1);
}
END_TEST

START_TEST (a_view_of_a_call_that_is_over_or_full_costs_no_agent)
{
  g_autofree char *location = live_call ("ca/RTW-1", "call-1");
  g_autofree char *secret = site_token (BL_TOKEN_VIEW, "call-1", 60);
  g_auto (Reply) full = { 0 };
  g_auto (Reply) over = { 0 };
  site.options->max_viewers = 0;
  whep (secret, "call-1", &full);
  ck_assert_uint_eq (full.status, 503);
  ck_assert_uint_eq (session ("DELETE", location, "ca/RTW-1", NULL, NULL, NULL),
                     200);
  whep (secret, "call-1", &over);
  ck_assert_uint_eq (over.status, 404);
  ck_assert_uint_eq (gateway_stats ().asked, 1);
}
END_TEST

/* What nobody decodes is found out by making the answer. */
START_TEST (an_offer_without_a_common_codec_costs_no_agent)
{
  g_autofree char *offer = offer_whip ();
  g_autoptr (GString) without = g_string_new (offer);
  g_string_replace (without, "H264/", "H000/", 0);
  g_string_replace (without, "opus/", "none/", 0);
  g_auto (Reply) reply = { 0 };
  post (BL_DOOR_VEHICLE, "ca/RTW-1", NULL, "/whip/north", "call-1",
        without->str, &reply);
  ck_assert_msg (reply.status == 406, "%u: %s", reply.status, reply.body);
  ck_assert_uint_eq (gateway_stats ().asked, 0);
}
END_TEST

START_TEST (without_an_agent_ice_lite_has_to_do)
{
  g_auto (Reply) reply = { 0 };
  site_teardown ();
  start_at ("192.0.2.1"); /* none of this machine's */
  whip ("ca/RTW-1", "north", "call-1", &reply);
  ck_assert_msg (reply.status == 201, "%u: %s", reply.status, reply.body);
  ck_assert_ptr_nonnull (strstr (reply.body, "a=ice-lite"));
  ck_assert_ptr_null (strstr (reply.body, "a=candidate:g"));
  ck_assert_uint_eq (gateway_stats ().refused, 1);
}
END_TEST

int
main (void)
{
  const SuiteTest tests[] = {
    { an_answer_has_the_agents_candidates_and_is_not_ice_lites, 0 },
    { a_viewers_answer_has_them_too, 0 },
    { an_ice_restart_is_answered_with_them, 0 },
    { candidates_may_trickle_in, 0 },
    { an_agent_goes_with_its_session, 0 },
    { an_offer_that_is_refused_costs_no_agent, G_N_ELEMENTS (refused) },
    { a_view_of_a_call_that_is_over_or_full_costs_no_agent, 0 },
    { an_offer_without_a_common_codec_costs_no_agent, 0 },
    { without_an_agent_ice_lite_has_to_do, 0 },
  };
  if (!site_mint ())
    return EXIT_FAILURE;
  int status = run_table ("relay/http_full_ice", tests, G_N_ELEMENTS (tests),
                          setup, site_teardown);
  site_unmint ();
  return status;
}
