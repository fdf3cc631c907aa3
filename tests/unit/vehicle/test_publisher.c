/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole session against a small WHIP server and an ICE-lite relay, all in one
 * main context: offer, answer, media, ICE restart, hang-up.
 */
#include "vehicle/publisher.h"

#include <libsoup/soup.h>
#include <string.h>

#include "../run_suite.h"
#include "base/clock.h"
#include "lite_relay.h"
#include "rtc/rtp.h"
#include "run_until.h"
#include "signal/answer.h"
#include "signal/sdpfrag.h"

static BlCert *cert;
static BlDtlsContext *dtls;
static BlFingerprint fingerprint;
static LiteRelay *relay;
static SoupServer *server;
static BlWhip *whip;
static char *base;
static BlPublisher *publisher;

/* What the server does and saw. */
static struct {
  guint posts, restarts, trickles, deletes;
  guint answered;                  /* of these, or the vehicle left before */
  guint refuse_post, refuse_patch; /* a status; 0: don't */
  bool bad_answer;
  char ufrag[BL_SDP_UFRAG_SIZE], pwd[BL_SDP_PWD_SIZE]; /* the vehicle's */
  char *call, *deleted;
} seen;

static guint n_sessions, n_connected, n_lost, n_failed, n_keyframes, n_done;
static bool last_keyed;
static char message[512];

/* --- the relay -------------------------------------------------------------
 */

static void
reply (SoupServerMessage *m, guint status, const char *type, const char *body)
{
  soup_server_message_set_status (m, status, NULL);
  if (body)
    soup_server_message_set_response (m, type, SOUP_MEMORY_COPY, body,
                                      strlen (body));
}

static void
on_post (SoupServerMessage *m, const char *body)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BlSdp) offer = bl_sdp_parse (body, strlen (body), &error);
  ck_assert_msg (offer, "%s", error ? error->message : "");
  BlCandidate candidate = lite_relay_candidate (relay);
  BlSdpLocal local = {
    .ufrag = relay->ufrag,
    .pwd = relay->pwd,
    .fingerprint = relay->fingerprint.bytes,
    .candidates = &candidate,
    .n_candidates = 1,
    .session_id = 1,
    .cname = "relay",
    .msid = "relay",
  };
  BlNegotiated negotiated;
  g_autofree char *answer = bl_answer_whip (offer, &local, &negotiated, &error);
  ck_assert_msg (answer, "%s", error ? error->message : "");
  ck_assert (negotiated.video.present && negotiated.audio.present);
  ck_assert_uint_ne (negotiated.video.ssrc, negotiated.audio.ssrc);
  relay->peer.hash = BL_FINGERPRINT_SHA256;
  relay->peer.length = BL_SDP_SHA256_BYTES;
  memcpy (relay->peer.bytes, negotiated.remote_fingerprint,
          BL_SDP_SHA256_BYTES);
  g_strlcpy (seen.ufrag, negotiated.remote_ufrag, sizeof seen.ufrag);
  g_strlcpy (seen.pwd, negotiated.remote_pwd, sizeof seen.pwd);
  seen.posts++;
  SoupMessageHeaders *out = soup_server_message_get_response_headers (m);
  soup_message_headers_append (out, "Location", "/session/s1");
  soup_message_headers_append (out, "ETag", "\"t1\"");
  reply (m, 201, "application/sdp", seen.bad_answer ? "v=0\r\n" : answer);
}

static void
on_patch (SoupServerMessage *m, const char *body)
{
  BlSdpFrag *frag = g_new0 (BlSdpFrag, 1);
  ck_assert (bl_sdpfrag_parse (body, strlen (body), frag, NULL));
  if (!bl_sdpfrag_is_restart (frag, seen.ufrag, seen.pwd)) {
    seen.trickles++;
    reply (m, 204, NULL, NULL);
    g_free (frag);
    return;
  }
  seen.restarts++;
  g_strlcpy (seen.ufrag, frag->ufrag, sizeof seen.ufrag);
  g_strlcpy (seen.pwd, frag->pwd, sizeof seen.pwd);
  ck_assert_uint_gt (frag->n_candidates, 0);
  lite_relay_renew (relay);
  memset (frag, 0, sizeof *frag);
  g_strlcpy (frag->ufrag, relay->ufrag, sizeof frag->ufrag);
  g_strlcpy (frag->pwd, relay->pwd, sizeof frag->pwd);
  g_strlcpy (frag->mid, "0", sizeof frag->mid);
  frag->ice_lite = true;
  frag->n_candidates = 1;
  frag->candidates[0] = lite_relay_candidate (relay);
  g_autofree char *text = bl_sdpfrag_build (frag);
  g_free (frag);
  soup_message_headers_append (soup_server_message_get_response_headers (m),
                               "ETag", "\"t2\"");
  reply (m, 200, BL_SDPFRAG_TYPE, text);
}

static void
on_request (SoupServer *s, SoupServerMessage *m, const char *path,
            GHashTable *query, gpointer data)
{
  const char *method = soup_server_message_get_method (m);
  SoupMessageBody *request = soup_server_message_get_request_body (m);
  g_autofree char *body
      = g_strndup (request->data ? request->data : "", (gsize)request->length);
  if (g_str_equal (method, "POST")) {
    g_free (seen.call);
    seen.call = g_strdup (soup_message_headers_get_one (
        soup_server_message_get_request_headers (m), "Bluelight-Call"));
    ck_assert_str_eq (path, "/whip/north");
    if (seen.refuse_post)
      reply (m, seen.refuse_post, "text/plain", "no");
    else
      on_post (m, body);
  } else if (g_str_equal (method, "PATCH")) {
    if (seen.refuse_patch)
      reply (m, seen.refuse_patch, "text/plain", "no");
    else
      on_patch (m, body);
  } else {
    seen.deletes++;
    g_free (seen.deleted);
    seen.deleted = g_strdup (path);
    reply (m, 200, NULL, NULL);
  }
}

static void
on_answered (SoupServer *s, SoupServerMessage *m, gpointer data)
{
  seen.answered++;
}

/* --- the vehicle ------------------------------------------------------------
 */

static void
on_session (gpointer user_data)
{
  n_sessions++;
}

static void
on_connected (gpointer user_data)
{
  n_connected++;
}

static void
on_lost (const char *reason, bool keyed, gpointer user_data)
{
  n_lost++;
  last_keyed = keyed;
  g_strlcpy (message, reason, sizeof message);
}

static void
on_silent (gpointer user_data)
{
}

static void
on_failed (const GError *error, gpointer user_data)
{
  n_failed++;
  g_strlcpy (message, error->message, sizeof message);
}

static void
on_keyframe (gpointer user_data)
{
  n_keyframes++;
}

static void
on_done (gpointer user_data)
{
  n_done++;
}

static void
on_rate (guint64 video_bps, gpointer user_data)
{
}

static void
on_gate (bool open, gpointer user_data)
{
}

static void
on_sound (const BlSoundSettings *settings, gpointer data)
{
}

static const BlPublisherCallbacks callbacks = {
  .session = on_session,
  .connected = on_connected,
  .lost = on_lost,
  .silent = on_silent,
  .failed = on_failed,
  .keyframe = on_keyframe,
  .rate = on_rate,
  .sound = on_sound,
  .gate = on_gate,
};

static void
set_up (void)
{
  cert = bl_cert_new_self_signed ("vehicle", bl_clock_unix_us () / BL_SECOND,
                                  NULL);
  dtls = bl_dtls_context_new (cert, NULL);
  bl_cert_fingerprint (cert, &fingerprint);
  relay = lite_relay_new ();
  server = soup_server_new (NULL, NULL);
  soup_server_add_handler (server, NULL, on_request, NULL, NULL);
  g_signal_connect (server, "request-finished", G_CALLBACK (on_answered), NULL);
  g_signal_connect (server, "request-aborted", G_CALLBACK (on_answered), NULL);
  ck_assert (
      soup_server_listen_local (server, 0, SOUP_SERVER_LISTEN_IPV4_ONLY, NULL));
  GSList *uris = soup_server_get_uris (server);
  base = g_strdup_printf ("http://127.0.0.1:%d", g_uri_get_port (uris->data));
  g_slist_free_full (uris, (GDestroyNotify)g_uri_unref);
  BlWhipOptions whip_options = { .relay_url = base };
  whip = bl_whip_new (&whip_options, NULL);
  BlPublisherOptions options = {
    .whip = whip,
    .uplink = { .dtls = dtls, .loopback = true },
    .fingerprint = fingerprint.bytes,
    .ed = "north",
    .call_id = "THE-CALL",
    .max_video_bps = 2000000,
  };
  publisher = bl_publisher_new (&options, &callbacks, NULL);
}

static void
tear_down (void)
{
  bl_publisher_free (publisher);
  bl_whip_free (whip);
  soup_server_disconnect (server);
  g_object_unref (server);
  lite_relay_free (relay);
  bl_dtls_context_free (dtls);
  bl_cert_free (cert);
  g_free (base);
  g_free (seen.call);
  g_free (seen.deleted);
}

static void
send_keyframe (void)
{
  static const guint8 access_unit[]
      = { 0,    0,    0,    1,    0x67, 0x42, 0xc0, 0x1f, 0x8c, 0, 0, 0, 1,
          0x68, 0xce, 0x3c, 0x80, 0,    0,    0,    1,    0x65, 1, 2, 3 };
  BlCaptureFrame frame = {
    .video = true,
    .keyframe = true,
    .data = access_unit,
    .length = sizeof access_unit,
    .captured_us = bl_clock_now (),
    .captured_ntp = bl_clock_ntp (),
  };
  bl_publisher_frame (publisher, &frame);
}

START_TEST (a_session_is_offered_answered_and_carries_media)
{
  send_keyframe (); /* before there is a path: dropped */
  bl_publisher_open (publisher);
  RUN_UNTIL (n_connected == 1, message);
  ck_assert_uint_eq (seen.posts, 1);
  ck_assert_str_eq (seen.call, "THE-CALL");
  ck_assert_uint_eq (n_sessions, 1);
  ck_assert_uint_eq (n_keyframes, 1); /* asked for when the path is open */
  ck_assert_uint_eq (relay->rtp, 0);
  send_keyframe ();
  RUN_UNTIL (relay->rtp >= 2, message);
  BlRtp rtp;
  ck_assert (bl_rtp_parse (relay->last, relay->last_length, &rtp) == BL_RTP_OK);
  ck_assert (rtp.has_ext);
  RUN_UNTIL (relay->rtcp >= 1, message);
  ck_assert_uint_eq (relay->bad, 0);
}
END_TEST

START_TEST (an_ice_restart_keeps_the_session)
{
  bl_publisher_open (publisher);
  RUN_UNTIL (n_connected == 1, message);
  send_keyframe ();
  RUN_UNTIL (relay->rtp >= 2, message);
  bl_publisher_restart_ice (publisher);
  /* Another one takes the first one's place. */
  bl_publisher_restart_ice (publisher);
  RUN_UNTIL (n_connected == 2, message);
  ck_assert_uint_eq (seen.posts, 1);
  ck_assert_uint_ge (seen.restarts, 1);
  guint before = relay->rtp;
  send_keyframe ();
  RUN_UNTIL (relay->rtp > before, message);
  ck_assert_uint_eq (n_failed, 0);
  ck_assert_uint_eq (n_lost, 0);
}
END_TEST

START_TEST (a_restart_that_the_relay_refuses_fails)
{
  bl_publisher_open (publisher);
  RUN_UNTIL (n_connected == 1, message);
  seen.refuse_patch = 404;
  bl_publisher_restart_ice (publisher);
  RUN_UNTIL (n_failed == 1, message);
  ck_assert (strstr (message, "no longer has this session"));
}
END_TEST

START_TEST (hanging_up_deletes_the_session)
{
  bl_publisher_open (publisher);
  RUN_UNTIL (n_connected == 1, message);
  send_keyframe ();
  RUN_UNTIL (relay->rtp >= 2, message);
  guint before = relay->rtcp;
  bl_publisher_hang_up (publisher, on_done);
  RUN_UNTIL (n_done == 1, message);
  ck_assert_uint_eq (seen.deletes, 1);
  ck_assert_str_eq (seen.deleted, "/session/s1");
  RUN_UNTIL (relay->rtcp > before, message); /* the BYE */
}
END_TEST

START_TEST (hanging_up_before_the_answer_is_done_at_once)
{
  bl_publisher_hang_up (publisher, on_done);
  ck_assert_uint_eq (n_done, 1);
  ck_assert_uint_eq (seen.deletes, 0);
}
END_TEST

START_TEST (a_refused_offer_fails_with_the_reason)
{
  seen.refuse_post = 404;
  bl_publisher_open (publisher);
  RUN_UNTIL (n_failed == 1, message);
  ck_assert (strstr (message, "department"));
  ck_assert_uint_eq (n_sessions, 0);
}
END_TEST

START_TEST (an_answer_that_makes_no_sense_fails)
{
  seen.bad_answer = true;
  bl_publisher_open (publisher);
  RUN_UNTIL (n_failed == 1, message);
  ck_assert_msg (strstr (message, "makes no sense"), "%s", message);
}
END_TEST

/* At once, and while the answer is on its way. */
START_TEST (a_publisher_that_is_freed_early_is_not_called_back)
{
  bl_publisher_open (publisher);
  if (_i == 1)
    RUN_UNTIL (seen.posts == 1, message);
  g_clear_pointer (&publisher, bl_publisher_free);
  if (_i == 1)
    RUN_UNTIL (seen.answered == 1, message);
  RUN_UNTIL (!g_main_context_pending (NULL), message);
  ck_assert_uint_eq (n_sessions + n_failed + n_connected + n_lost, 0);
}
END_TEST

START_TEST (silence_is_a_loss_that_ice_can_mend)
{
  bl_publisher_open (publisher);
  RUN_UNTIL (n_connected == 1, message);
  RUN_UNTIL (n_lost == 1, message);
  ck_assert (last_keyed);
  bl_publisher_restart_ice (publisher);
  RUN_UNTIL (n_connected == 2, message);
  ck_assert_uint_eq (seen.posts, 1);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vehicle/publisher");
  TCase *tc = tcase_create ("publisher");
  tcase_set_timeout (tc, 60);
  tcase_add_checked_fixture (tc, set_up, tear_down);
  tcase_add_test (tc, a_session_is_offered_answered_and_carries_media);
  tcase_add_test (tc, an_ice_restart_keeps_the_session);
  tcase_add_test (tc, a_restart_that_the_relay_refuses_fails);
  tcase_add_test (tc, hanging_up_deletes_the_session);
  tcase_add_test (tc, hanging_up_before_the_answer_is_done_at_once);
  tcase_add_test (tc, a_refused_offer_fails_with_the_reason);
  tcase_add_test (tc, an_answer_that_makes_no_sense_fails);
  tcase_add_loop_test (tc, a_publisher_that_is_freed_early_is_not_called_back,
                       0, 2);
  tcase_add_test (tc, silence_is_a_loss_that_ice_can_mend);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
