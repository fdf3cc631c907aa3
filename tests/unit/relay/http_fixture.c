/* SPDX-License-Identifier: Apache-2.0 */
#include "http_fixture.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "secure/password.h"
#include "secure/token.h"
#include "signal/offer.h"

#define PASSWORD "correct horse battery"

Site site;
static char *minted;

/* ---- certificates ---- */

static int
remove_one (const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
  return remove (path);
}

static void
remove_folder (const char *folder)
{
  nftw (folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

gboolean
site_mint (void)
{
  const char *script = g_getenv ("BL_TEST_MINT_SITE");
  g_autoptr (GError) error = NULL;
  int status = -1;
  minted = g_dir_make_tmp ("bluelight-mint-XXXXXX", NULL);
  const char *argv[] = { script, minted, NULL };
  if (script && minted
      && g_spawn_sync (NULL, (char **)argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL,
                       NULL, NULL, NULL, NULL, &status, &error)
      && status == 0)
    return TRUE;
  fprintf (stderr, "can't mint (BL_TEST_MINT_SITE=%s): %s\n", script,
           error ? error->message : "it failed");
  return FALSE;
}

void
site_unmint (void)
{
  remove_folder (minted);
  g_clear_pointer (&minted, g_free);
}

char *
site_cert (const char *name)
{
  return g_build_filename (minted, name, NULL);
}

/* ---- the relay ---- */

static BlOptions *
make_options (void)
{
  g_autofree char *text = g_strdup_printf (
      "[http]\nlisten = 127.0.0.1\nloopback_port = 1\n"
      "[tls]\ncertificate = %s/ca/relay.pem\n"
      "key = %s/ca/relay.key\n"
      "vehicle_ca = %s/ca/ca.pem\nvehicle_crl = %s/ca/crl.pem\n"
      "[media]\nworkers = 1\nadvertise = 192.0.2.1, 2001:db8::1\n"
      "[ice]\nservers = stun:192.0.2.3, turn:u:p@192.0.2.3\n"
      "[calls]\neds = north, south\ngrace_s = 60\nmax = 3\nmax_viewers = 2\n"
      "[store]\nfolder = %s\n",
      minted, minted, minted, minted, site.folder);
  g_autoptr (GError) error = NULL;
  BlOptions *options
      = bl_options_parse (text, strlen (text), "relay.ini", &error);
  ck_assert_msg (options != NULL, "%s", error ? error->message : "");
  /* Any free ones. */
  options->http_port = options->vehicle_port = options->loopback_port = 0;
  return options;
}

static void
start (void)
{
  g_autoptr (GError) error = NULL;
  site.auth = bl_auth_new (site.db, site.options, &error);
  ck_assert_msg (site.auth != NULL, "%s", error ? error->message : "");
  BlRegistryOptions registry = { .db = site.db, .options = site.options };
  site.registry = bl_registry_new (&registry, &error);
  ck_assert_msg (site.registry != NULL, "%s", error ? error->message : "");
  BlMediaOptions media = {
    .options = site.options,
    .on_worker = bl_registry_on_worker,
    .on_recorder = bl_registry_on_recorder,
    .user_data = site.registry,
  };
  site.media = bl_media_new (&media, &error);
  ck_assert_msg (site.media != NULL, "%s", error ? error->message : "");
  bl_registry_attach (site.registry, site.media);
  BlHttpOptions http = {
    .options = site.options,
    .db = site.db,
    .auth = site.auth,
    .registry = site.registry,
    .request_s = site.request_s,
    .max_connections = site.max_connections,
  };
  site.http = bl_http_new (&http, &error);
  ck_assert_msg (site.http != NULL, "%s", error ? error->message : "");
}

static void
stop (void)
{
  g_clear_pointer (&site.http, bl_http_free);
  g_clear_pointer (&site.registry, bl_registry_free);
  g_clear_pointer (&site.media, bl_media_free);
  g_clear_pointer (&site.auth, bl_auth_free);
}

void
site_restart (void)
{
  stop ();
  start ();
}

void
site_setup (void)
{
  g_autoptr (GError) error = NULL;
  site.folder = g_dir_make_tmp ("bluelight-test-XXXXXX", NULL);
  site.options = make_options ();
  site.db = bl_db_open (site.folder, BL_DB_RELAXED, &error);
  ck_assert_msg (site.db != NULL, "%s", error ? error->message : "");
  start ();
}

void
site_teardown (void)
{
  stop ();
  g_clear_pointer (&site.db, bl_db_close);
  g_clear_pointer (&site.options, bl_options_free);
  remove_folder (site.folder);
  g_clear_pointer (&site.folder, g_free);
}

/* ---- people and tokens ---- */

gint64
site_add_user (const char *name, BlUserRole role)
{
  gint64 id;
  g_autoptr (GError) error = NULL;
  g_autofree char *hash = bl_password_hash (PASSWORD, &error);
  ck_assert_msg (hash != NULL, "%s", error ? error->message : "");
  ck_assert_msg (bl_users_add (site.db, name, name, role, hash,
                               bl_clock_unix_us (), &id, &error),
                 "%s", error ? error->message : "");
  return id;
}

char *
site_cookie (const char *name, BlUserRole role)
{
  gint64 now_us = bl_clock_unix_us ();
  g_autofree char *cookie = bl_token_new ();
  gint64 id;
  ck_assert (bl_users_add (site.db, name, name, role, NULL, now_us, &id, NULL));
  ck_assert (bl_users_sign_in (site.db, id, cookie, now_us,
                               now_us + 3600 * BL_SECOND, NULL));
  return g_strdup_printf ("bluelight-loopback=%s", cookie);
}

char *
site_token (BlTokenKind kind, const char *subject, gint64 from_now_s)
{
  gint64 now_us = bl_clock_unix_us (), id;
  char *secret = bl_token_new ();
  g_autoptr (GError) error = NULL;
  ck_assert_msg (bl_tokens_add (site.db, kind, subject, "obs", secret,
                                now_us - 7200 * BL_SECOND,
                                now_us + from_now_s * BL_SECOND, &id, &error),
                 "%s", error ? error->message : "");
  return secret;
}

/* ---- the client ---- */

static gboolean
accept_any (SoupMessage *msg, GTlsCertificate *certificate,
            GTlsCertificateFlags errors, gpointer user_data)
{
  return TRUE;
}

static SoupMessage *
make_message (const Ask *ask)
{
  BlDoor door = ask->door ? ask->door : BL_DOOR_LOOPBACK;
  g_autofree char *url = g_strdup_printf (
      "%s://127.0.0.1:%u%s", door == BL_DOOR_LOOPBACK ? "http" : "https",
      bl_http_port (site.http, door), ask->path);
  SoupMessage *msg = soup_message_new (ask->method, url);
  SoupMessageHeaders *headers = soup_message_get_request_headers (msg);
  const struct {
    const char *name, *value;
  } optional[] = {
    { "Cookie", ask->cookie },     { "Origin", ask->origin },
    { "If-Match", ask->if_match }, { "Bluelight-Call", ask->call },
    { "Range", ask->range },       { "Host", ask->host },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (optional); i++) {
    if (optional[i].value)
      soup_message_headers_replace (headers, optional[i].name,
                                    optional[i].value);
  }
  if (ask->bearer) {
    g_autofree char *value = g_strdup_printf ("Bearer %s", ask->bearer);
    soup_message_headers_append (headers, "Authorization", value);
  }
  if (ask->certificate) {
    g_autofree char *base = site_cert (ask->certificate);
    g_autofree char *pem = g_strconcat (base, ".pem", NULL);
    g_autofree char *key = g_strconcat (base, ".key", NULL);
    g_autoptr (GError) error = NULL;
    g_autoptr (GTlsCertificate) certificate
        = g_tls_certificate_new_from_files (pem, key, &error);
    ck_assert_msg (certificate != NULL, "%s", error ? error->message : "");
    soup_message_set_tls_client_certificate (msg, certificate);
  }
  if (ask->body) {
    gsize length = ask->body_bytes ? ask->body_bytes : strlen (ask->body);
    g_autoptr (GBytes) body = g_bytes_new (ask->body, length);
    soup_message_set_request_body_from_bytes (msg, ask->type, body);
  }
  g_signal_connect (msg, "accept-certificate", G_CALLBACK (accept_any), NULL);
  return msg;
}

static void
on_answer (GObject *source, GAsyncResult *result, gpointer user_data)
{
  *(GAsyncResult **)user_data = g_object_ref (result);
}

void
site_ask (const Ask *ask, Reply *out_reply)
{
  g_autoptr (SoupSession) session
      = soup_session_new_with_options ("timeout", 30, NULL);
  g_autoptr (SoupMessage) msg = make_message (ask);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  soup_session_send_and_read_async (session, msg, G_PRIORITY_DEFAULT, NULL,
                                    on_answer, &result);
  while (!result)
    g_main_context_iteration (NULL, TRUE);
  g_autoptr (GBytes) body
      = soup_session_send_and_read_finish (session, result, &error);
  ck_assert_msg (body != NULL, "%s %s: %s", ask->method, ask->path,
                 error ? error->message : "");
  out_reply->status = soup_message_get_status (msg);
  out_reply->body
      = g_strndup (g_bytes_get_data (body, NULL), g_bytes_get_size (body));
  out_reply->body_bytes = g_bytes_get_size (body);
  out_reply->headers
      = soup_message_headers_ref (soup_message_get_response_headers (msg));
}

void
reply_clear (Reply *reply)
{
  g_clear_pointer (&reply->body, g_free);
  g_clear_pointer (&reply->headers, soup_message_headers_unref);
}

const char *
reply_header (const Reply *reply, const char *name)
{
  return soup_message_headers_get_list (reply->headers, name);
}

guint
site_status (const Ask *ask)
{
  g_auto (Reply) reply = { 0 };
  site_ask (ask, &reply);
  return reply.status;
}

static char *
offer (gboolean view)
{
  guint8 fingerprint[BL_SDP_SHA256_BYTES] = { 7 };
  const BlOfferShape shape = { .audio = true, .video = true, .view = view };
  const BlSdpLocal local = {
    .ufrag = "abcd",
    .pwd = "0123456789abcdefghijkl",
    .fingerprint = fingerprint,
    .session_id = 1,
    .cname = "c",
    .msid = "m",
    .audio_ssrc = 1,
    .video_ssrc = 2,
    .video_rtx_ssrc = 3,
  };
  return bl_offer_build (&shape, &local);
}

char *
offer_whip (void)
{
  return offer (FALSE);
}

char *
offer_whep (void)
{
  return offer (TRUE);
}

/* ---- raw ---- */

typedef struct {
  GString *text;
  gboolean closed;
  char piece[4096];
} Raw;

static void
on_raw (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Raw *raw = user_data;
  gssize n = g_input_stream_read_finish (G_INPUT_STREAM (source), result, NULL);
  if (n <= 0) {
    raw->closed = TRUE;
    return;
  }
  g_string_append_len (raw->text, raw->piece, n);
  g_input_stream_read_async (G_INPUT_STREAM (source), raw->piece,
                             sizeof raw->piece, G_PRIORITY_DEFAULT, NULL,
                             on_raw, raw);
}

static gboolean
on_too_late (gpointer user_data)
{
  *(gboolean *)user_data = TRUE;
  return G_SOURCE_REMOVE;
}

char *
site_raw (BlDoor door, const char *bytes, gsize length, guint wait_s)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnection) connection = g_socket_client_connect_to_host (
      client, "127.0.0.1", bl_http_port (site.http, door), NULL, NULL);
  ck_assert_ptr_nonnull (connection);
  GOutputStream *out = g_io_stream_get_output_stream (G_IO_STREAM (connection));
  Raw raw = { .text = g_string_new (NULL) };
  gboolean too_late = FALSE;

  g_input_stream_read_async (
      g_io_stream_get_input_stream (G_IO_STREAM (connection)), raw.piece,
      sizeof raw.piece, G_PRIORITY_DEFAULT, NULL, on_raw, &raw);
  for (gsize sent = 0; sent < length && !raw.closed;) {
    gssize n = g_pollable_output_stream_write_nonblocking (
        G_POLLABLE_OUTPUT_STREAM (out), bytes + sent,
        MIN (length - sent, 65536), NULL, NULL);
    if (n > 0)
      sent += (gsize)n;
    g_main_context_iteration (NULL, FALSE);
  }
  guint timer = g_timeout_add_seconds (wait_s, on_too_late, &too_late);
  while (!raw.closed && !too_late)
    g_main_context_iteration (NULL, TRUE);
  if (!too_late)
    g_source_remove (timer);
  ck_assert (raw.closed);
  return g_string_free (raw.text, FALSE);
}
