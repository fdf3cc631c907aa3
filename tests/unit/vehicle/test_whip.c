/* SPDX-License-Identifier: Apache-2.0
 *
 * The WHIP client against a small server in the same main context, in clear
 * and over TLS with certificates made by certs/mint. BL_MINT says where that
 * is.
 */
#include "vehicle/whip.h"

#include <libsoup/soup.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "../run_suite.h"
#include "old_tls.h"
#include "signal/link.h"

/* What the server shall answer, and what it was asked. */
typedef struct {
  guint status;
  const char *headers[8]; /* name, value, … NULL */
  const char *body;
  guint requests;
  char *method, *path, *call, *if_match, *type, *request_body;
} Script;

static Script script;

static void
clear_script (void)
{
  g_free (script.method);
  g_free (script.path);
  g_free (script.call);
  g_free (script.if_match);
  g_free (script.type);
  g_free (script.request_body);
  script = (Script){ 0 };
}

/* What the server says to the next offer. */
static void
answer_offer (const char *location, const char *body)
{
  clear_script ();
  script.status = 201;
  script.headers[0] = "Location";
  script.headers[1] = location;
  script.body = body;
}

static char *
header (SoupServerMessage *message, const char *name)
{
  return g_strdup (soup_message_headers_get_one (
      soup_server_message_get_request_headers (message), name));
}

static void
on_request (SoupServer *server, SoupServerMessage *message, const char *path,
            GHashTable *query, gpointer data)
{
  SoupMessageHeaders *out = soup_server_message_get_response_headers (message);
  script.requests++;
  /* /hops/N leads to /hops/N-1 and at last to what the script says. */
  int hops;
  if (sscanf (path, "/whip/hops%d", &hops) == 1 && hops > 0) {
    g_autofree char *next = g_strdup_printf ("/whip/hops%d", hops - 1);
    soup_message_headers_append (out, "Location", next);
    soup_server_message_set_status (message, 307, NULL);
    return;
  }
  script.method = g_strdup (soup_server_message_get_method (message));
  script.path = g_strdup (path);
  script.call = header (message, "Bluelight-Call");
  script.if_match = header (message, "If-Match");
  script.type = header (message, "Content-Type");
  SoupMessageBody *body = soup_server_message_get_request_body (message);
  script.request_body
      = g_strndup (body->data ? body->data : "", (gsize)body->length);
  for (guint i = 0; script.headers[i]; i += 2)
    soup_message_headers_append (out, script.headers[i], script.headers[i + 1]);
  soup_server_message_set_status (message, script.status, NULL);
  if (script.body)
    soup_server_message_set_response (message, "text/plain", SOUP_MEMORY_COPY,
                                      script.body, strlen (script.body));
}

typedef struct {
  bool done;
  BlWhipReply *reply;
  GError *error;
} Outcome;

static void
on_done (GObject *source, GAsyncResult *result, gpointer data)
{
  Outcome *outcome = data;
  outcome->reply = bl_whip_finish (NULL, result, &outcome->error);
  outcome->done = true;
}

static void
wait_for (Outcome *outcome)
{
  while (!outcome->done)
    g_main_context_iteration (NULL, TRUE);
}

static void
clear_outcome (Outcome *outcome)
{
  bl_whip_reply_free (outcome->reply);
  g_clear_error (&outcome->error);
  *outcome = (Outcome){ 0 };
}

static char *
server_url (SoupServer *server)
{
  GSList *uris = soup_server_get_uris (server);
  char *url
      = g_strdup_printf ("%s://localhost:%d", g_uri_get_scheme (uris->data),
                         g_uri_get_port (uris->data));
  g_slist_free_full (uris, (GDestroyNotify)g_uri_unref);
  return url;
}

static SoupServer *server;
static BlWhip *whip;
static char *base;

static void
set_up (void)
{
  server = soup_server_new (NULL, NULL);
  soup_server_add_handler (server, NULL, on_request, NULL, NULL);
  ck_assert (
      soup_server_listen_local (server, 0, SOUP_SERVER_LISTEN_IPV4_ONLY, NULL));
  base = server_url (server);
  BlWhipOptions options = { .relay_url = base };
  whip = bl_whip_new (&options, NULL);
  ck_assert_ptr_nonnull (whip);
}

static void
tear_down (void)
{
  bl_whip_free (whip);
  soup_server_disconnect (server);
  g_object_unref (server);
  g_free (base);
  clear_script ();
}

START_TEST (an_offer_is_posted_and_its_answer_read)
{
  script = (Script){
    .status = 201,
    .headers = { "Location", "/session/abc", "ETag", "\"tag1\"", "Link",
                 "<turn:t.example?transport=udp>; rel=\"ice-server\";"
                 " username=\"u\"; credential=\"c\"; credential-type="
                 "\"password\", <stun:s.example>; rel=\"ice-server\"",
                 NULL },
    .body = "the answer",
  };
  Outcome o = { 0 };
  bl_whip_post (whip, "north", "CALL-ID", "the offer", NULL, on_done, &o);
  wait_for (&o);
  ck_assert_msg (o.reply, "%s", o.error ? o.error->message : "");
  ck_assert_str_eq (script.method, "POST");
  ck_assert_str_eq (script.path, "/whip/north");
  ck_assert_str_eq (script.call, "CALL-ID");
  ck_assert_str_eq (script.type, "application/sdp");
  ck_assert_str_eq (script.request_body, "the offer");
  ck_assert_str_eq (o.reply->body, "the answer");
  ck_assert_str_eq (o.reply->etag, "tag1");
  g_autofree char *expected = g_strconcat (base, "/session/abc", NULL);
  ck_assert_str_eq (o.reply->session_url, expected);
  ck_assert_uint_eq (o.reply->servers->len, 2);
  const BlIceServer *turn = g_ptr_array_index (o.reply->servers, 0);
  ck_assert_str_eq (turn->username, "u");
  clear_outcome (&o);
}
END_TEST

START_TEST (candidates_go_with_the_tag_and_a_restart_with_a_star)
{
  g_autofree char *url = g_strconcat (base, "/session/abc", NULL);
  static const struct {
    const char *etag;
    const char *expected;
  } cases[] = { { "tag1", "\"tag1\"" }, { NULL, "*" } };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    clear_script ();
    script.status = 204;
    Outcome o = { 0 };
    bl_whip_patch (whip, url, cases[i].etag, "fragment", NULL, on_done, &o);
    wait_for (&o);
    ck_assert_msg (o.reply, "%s", o.error ? o.error->message : "");
    ck_assert_str_eq (script.method, "PATCH");
    ck_assert_str_eq (script.path, "/session/abc");
    ck_assert_str_eq (script.if_match, cases[i].expected);
    ck_assert_str_eq (script.type, "application/trickle-ice-sdpfrag");
    ck_assert_str_eq (o.reply->body, "");
    clear_outcome (&o);
  }
}
END_TEST

START_TEST (a_network_that_is_gone_is_no_obstacle)
{
  static const char *const networks[] = { "lo", "no-such-if0", "", NULL };
  for (guint i = 0; i < G_N_ELEMENTS (networks) - 1; i++) {
    g_autofree char *url = g_strconcat (base, "/session/abc", NULL);
    clear_script ();
    script.status = 200;
    bl_whip_set_networks (whip, networks + i);
    Outcome o = { 0 };
    bl_whip_delete (whip, url, NULL, on_done, &o);
    wait_for (&o);
    ck_assert_msg (o.reply, "%s", o.error ? o.error->message : "");
    ck_assert_str_eq (script.method, "DELETE");
    ck_assert_uint_eq (script.requests, 1);
    clear_outcome (&o);
  }
}
END_TEST

START_TEST (a_session_that_is_gone_is_deleted_well_enough)
{
  g_autofree char *url = g_strconcat (base, "/session/abc", NULL);
  static const guint statuses[] = { 200, 204, 404, 410 };
  for (guint i = 0; i < G_N_ELEMENTS (statuses); i++) {
    clear_script ();
    script.status = statuses[i];
    Outcome o = { 0 };
    bl_whip_delete (whip, url, NULL, on_done, &o);
    wait_for (&o);
    ck_assert_msg (o.reply, "%s", o.error ? o.error->message : "");
    ck_assert_str_eq (script.method, "DELETE");
    clear_outcome (&o);
  }
}
END_TEST

static const struct {
  guint status;
  const char *body;
  int code;
  const char *says;
  bool final;
} refusals[] = {
  { 400, "line 3: x", BL_WHIP_ERROR_NOT_ACCEPTABLE, "line 3: x", true },
  { 401, NULL, BL_WHIP_ERROR_CERTIFICATE, "[relay] certificate", true },
  { 403, NULL, BL_WHIP_ERROR_CERTIFICATE, "revoked", true },
  { 404, "no such ED", BL_WHIP_ERROR_UNKNOWN_ED, "no such ED", true },
  { 405, NULL, BL_WHIP_ERROR_RELAY, "[relay] url", false },
  { 406, "no H.264", BL_WHIP_ERROR_NOT_ACCEPTABLE, "no H.264", true },
  { 409, NULL, BL_WHIP_ERROR_CONFLICT, "somebody else", false },
  { 410, NULL, BL_WHIP_ERROR_OVER, "called anew", false },
  { 413, NULL, BL_WHIP_ERROR_NOT_ACCEPTABLE, "too large", true },
  { 415, NULL, BL_WHIP_ERROR_NOT_ACCEPTABLE, "version", true },
  { 429, NULL, BL_WHIP_ERROR_BUSY, "wait", false },
  { 500, "<html>…", BL_WHIP_ERROR_RELAY, "the relay failed [", false },
  { 503, "full", BL_WHIP_ERROR_BUSY, "full", false },
  { 200, "hello", BL_WHIP_ERROR_RELAY, "the relay failed", false },
  { 302, NULL, BL_WHIP_ERROR_RELAY, "elsewhere", false },
  { 307, NULL, BL_WHIP_ERROR_RELAY, "elsewhere", false }, /* to nowhere */
  { 201, "answer", BL_WHIP_ERROR_RELAY, "Location", false },
};

START_TEST (a_refusal_is_told_in_words)
{
  script.status = refusals[_i].status;
  script.body = refusals[_i].body;
  Outcome o = { 0 };
  bl_whip_post (whip, "north", "CALL", "offer", NULL, on_done, &o);
  wait_for (&o);
  ck_assert_ptr_nonnull (o.error);
  ck_assert_msg (g_error_matches (o.error, BL_WHIP_ERROR, refusals[_i].code),
                 "%s", o.error->message);
  ck_assert_msg (strstr (o.error->message, refusals[_i].says), "%s",
                 o.error->message);
  ck_assert_int_eq (bl_whip_error_is_final (o.error), refusals[_i].final);
  clear_outcome (&o);
}
END_TEST

START_TEST (a_session_that_is_gone_is_no_unknown_department)
{
  g_autofree char *url = g_strconcat (base, "/session/abc", NULL);
  static const struct {
    guint status;
    int code;
  } cases[] = {
    { 404, BL_WHIP_ERROR_GONE },
    { 410, BL_WHIP_ERROR_GONE },
    { 412, BL_WHIP_ERROR_PRECONDITION },
    { 428, BL_WHIP_ERROR_PRECONDITION },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    clear_script ();
    script.status = cases[i].status;
    Outcome o = { 0 };
    bl_whip_patch (whip, url, "x", "fragment", NULL, on_done, &o);
    wait_for (&o);
    ck_assert (g_error_matches (o.error, BL_WHIP_ERROR, cases[i].code));
    clear_outcome (&o);
  }
}
END_TEST

START_TEST (three_redirects_are_followed_and_no_fourth)
{
  for (int hops = 3; hops <= 4; hops++) {
    answer_offer ("/session/abc", "answer");
    g_autofree char *ed = g_strdup_printf ("hops%d", hops);
    Outcome o = { 0 };
    bl_whip_post (whip, ed, "CALL", "offer", NULL, on_done, &o);
    wait_for (&o);
    ck_assert_int_eq (o.reply != NULL, hops == 3);
    ck_assert_uint_eq (script.requests, 4);
    if (o.reply) {
      ck_assert_str_eq (script.request_body, "offer");
      ck_assert_str_eq (script.call, "CALL");
    }
    clear_outcome (&o);
  }
}
END_TEST

START_TEST (a_location_of_another_scheme_is_refused)
{
  static const char *const locations[]
      = { "https://localhost/session/1", "file:///etc/passwd", "data:,x" };
  for (guint i = 0; i < G_N_ELEMENTS (locations); i++) {
    answer_offer (locations[i], "answer");
    Outcome o = { 0 };
    bl_whip_post (whip, "north", "CALL", "offer", NULL, on_done, &o);
    wait_for (&o);
    ck_assert (g_error_matches (o.error, BL_WHIP_ERROR, BL_WHIP_ERROR_RELAY));
    clear_outcome (&o);
  }
}
END_TEST

START_TEST (an_endless_answer_is_cut_off)
{
  g_autofree char *endless = g_strnfill (70000, 'x');
  answer_offer ("/session/abc", endless);
  Outcome o = { 0 };
  bl_whip_post (whip, "north", "CALL", "offer", NULL, on_done, &o);
  wait_for (&o);
  ck_assert (g_error_matches (o.error, BL_WHIP_ERROR, BL_WHIP_ERROR_RELAY));
  clear_outcome (&o);
}
END_TEST

START_TEST (a_cancelled_request_says_that_it_was_cancelled)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  script.status = 201;
  Outcome o = { 0 };
  bl_whip_post (whip, "north", "CALL", "offer", cancellable, on_done, &o);
  g_cancellable_cancel (cancellable);
  wait_for (&o);
  ck_assert (g_error_matches (o.error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
  clear_outcome (&o);
}
END_TEST

START_TEST (a_relay_that_is_not_there_is_unreachable)
{
  static const struct {
    const char *url;
    const char *says;
  } cases[] = {
    { "http://127.0.0.1:9", "can't be reached" },
    { "http://no-such-relay.invalid", "looked up" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    BlWhipOptions options = { .relay_url = cases[i].url };
    g_autoptr (BlWhip) lost = bl_whip_new (&options, NULL);
    Outcome o = { 0 };
    bl_whip_post (lost, "north", "CALL", "offer", NULL, on_done, &o);
    wait_for (&o);
    ck_assert (
        g_error_matches (o.error, BL_WHIP_ERROR, BL_WHIP_ERROR_UNREACHABLE));
    ck_assert_msg (strstr (o.error->message, cases[i].says), "%s",
                   o.error->message);
    ck_assert (!bl_whip_error_is_final (o.error));
    clear_outcome (&o);
  }
}
END_TEST

/* --- TLS -------------------------------------------------------------------
 */

static char *folder;

static void
run (const char *command)
{
  int status = 0;
  g_autofree char *output = NULL, *errors = NULL;
  char *argv[] = { (char *)"sh", (char *)"-ec", (char *)command, NULL };
  g_autoptr (GError) error = NULL;
  ck_assert_msg (g_spawn_sync (folder, argv, NULL, G_SPAWN_SEARCH_PATH, NULL,
                               NULL, &output, &errors, &status, &error),
                 "%s", error ? error->message : "");
  ck_assert_msg (status == 0, "%s: %s", command, errors);
}

/* One CA with a relay and a vehicle, another with the same names, and, from the
 * first, certificates that ended in 2020. */
static void
make_certificates (void)
{
  ck_assert_msg (g_getenv ("BL_MINT"), "set BL_MINT to certs/mint");
  folder = g_dir_make_tmp ("bl-whip-XXXXXX", NULL);
  run ("for ca in mine other; do"
       "  $BL_MINT ca $ca; $BL_MINT relay $ca localhost;"
       "  $BL_MINT vehicle $ca AMB-1; done");
  run ("cat >ca.cnf <<EOF\n"
       "[ca]\ndefault_ca=c\n[c]\ndatabase=index\nserial=serial\n"
       "new_certs_dir=.\ndefault_md=sha256\npolicy=p\nunique_subject=no\n"
       "[p]\ncommonName=supplied\n"
       "[relay]\nsubjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n"
       "[named]\nsubjectAltName=DNS:other.example\n"
       "extendedKeyUsage=serverAuth\n"
       "[vehicle]\nextendedKeyUsage=clientAuth\nEOF\n"
       ": >index; echo 77 >serial; mkdir odd;"
       "issue () {"
       "  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
       "    -keyout odd/$1.key -out odd/$1.csr -subj /CN=$2 2>/dev/null;"
       "  openssl ca -batch -notext -config ca.cnf -cert mine/ca.pem"
       "    -keyfile mine/ca.key -extensions $3 -startdate 20200101000000Z"
       "    -enddate $4 -in odd/$1.csr -out odd/$1.pem 2>/dev/null; };"
       "issue expired localhost relay 20200201000000Z;"
       "issue named other.example named 20491231000000Z;"
       "issue AMB-1 AMB-1 vehicle 20200201000000Z");
}

static void
remove_certificates (void)
{
  run ("rm -r \"$PWD\"");
  g_free (folder);
}

static char *
in_folder (const char *name)
{
  return name ? g_build_filename (folder, name, NULL) : NULL;
}

static gboolean
on_certificate (SoupServerMessage *message, GTlsCertificate *certificate,
                GTlsCertificateFlags flags, gpointer data)
{
  return flags == 0;
}

static void
on_started (SoupServer *tls, SoupServerMessage *message, gpointer data)
{
  g_signal_connect (message, "accept-certificate", G_CALLBACK (on_certificate),
                    NULL);
}

static SoupServer *
new_tls_server (const char *pem, const char *key)
{
  g_autofree char *pem_path = in_folder (pem), *key_path = in_folder (key);
  g_autofree char *ca_path = in_folder ("mine/ca.pem");
  g_autoptr (GTlsCertificate) certificate
      = g_tls_certificate_new_from_files (pem_path, key_path, NULL);
  g_autoptr (GTlsDatabase) database = g_tls_file_database_new (ca_path, NULL);
  ck_assert (certificate && database);
  SoupServer *tls = soup_server_new ("tls-certificate", certificate,
                                     "tls-database", database, "tls-auth-mode",
                                     G_TLS_AUTHENTICATION_REQUIRED, NULL);
  soup_server_add_handler (tls, NULL, on_request, NULL, NULL);
  g_signal_connect (tls, "request-started", G_CALLBACK (on_started), NULL);
  ck_assert (soup_server_listen_local (
      tls, 0, SOUP_SERVER_LISTEN_IPV4_ONLY | SOUP_SERVER_LISTEN_HTTPS, NULL));
  return tls;
}

static const struct {
  const char *what;
  const char *relay; /* its certificate */
  const char *relay_key;
  const char *ca; /* that we trust */
  const char *vehicle;
  const char *vehicle_key;
  int code; /* -1: it works */
  const char *says;
} tls_cases[] = {
  { "all is well", "mine/relay.pem", "mine/relay.key", "mine/ca.pem",
    "mine/AMB-1.pem", "mine/AMB-1.key", -1, "" },
  { "the relay's certificate has expired", "odd/expired.pem", "odd/expired.key",
    "mine/ca.pem", "mine/AMB-1.pem", "mine/AMB-1.key",
    BL_WHIP_ERROR_RELAY_IDENTITY, "has expired" },
  { "the relay is of another authority", "other/relay.pem", "other/relay.key",
    "mine/ca.pem", "mine/AMB-1.pem", "mine/AMB-1.key",
    BL_WHIP_ERROR_RELAY_IDENTITY, "[relay] ca" },
  { "the relay has another name", "odd/named.pem", "odd/named.key",
    "mine/ca.pem", "mine/AMB-1.pem", "mine/AMB-1.key",
    BL_WHIP_ERROR_RELAY_IDENTITY, "another name" },
  { "our certificate is of another authority", "mine/relay.pem",
    "mine/relay.key", "mine/ca.pem", "other/AMB-1.pem", "other/AMB-1.key", -2,
    "" },
};

START_TEST (tls_checks_both_ends_and_says_what_is_wrong)
{
  g_autofree char *ca = in_folder (tls_cases[_i].ca);
  g_autofree char *pem = in_folder (tls_cases[_i].vehicle);
  g_autofree char *key = in_folder (tls_cases[_i].vehicle_key);
  SoupServer *tls
      = new_tls_server (tls_cases[_i].relay, tls_cases[_i].relay_key);
  g_autofree char *url = server_url (tls);
  BlWhipOptions options
      = { .relay_url = url, .ca = ca, .certificate = pem, .key = key };
  g_autoptr (GError) error = NULL;
  BlWhip *client = bl_whip_new (&options, &error);
  ck_assert_msg (client, "%s", error ? error->message : "");
  ck_assert_int_gt (bl_whip_certificate_expires_unix_s (client), 0);
  answer_offer ("/session/abc", "answer");
  Outcome o = { 0 };
  bl_whip_post (client, "north", "CALL", "offer", NULL, on_done, &o);
  wait_for (&o);
  if (tls_cases[_i].code == -1) {
    ck_assert_msg (o.reply, "%s", o.error ? o.error->message : "");
  } else {
    ck_assert_msg (o.error, "%s", tls_cases[_i].what);
    ck_assert_uint_eq (script.requests, 0);
    if (tls_cases[_i].code >= 0)
      ck_assert_msg (
          g_error_matches (o.error, BL_WHIP_ERROR, tls_cases[_i].code), "%s",
          o.error->message);
    ck_assert_msg (strstr (o.error->message, tls_cases[_i].says), "%s",
                   o.error->message);
  }
  clear_outcome (&o);
  bl_whip_free (client);
  soup_server_disconnect (tls);
  g_object_unref (tls);
  clear_script ();
}
END_TEST

static const char *const old_versions[] = { "-tls1", "-tls1_1" };

START_TEST (a_relay_with_tls_that_is_too_old_is_sent_nothing)
{
  g_autofree char *ca = in_folder ("mine/ca.pem");
  g_autofree char *pem = in_folder ("mine/AMB-1.pem");
  g_autofree char *key = in_folder ("mine/AMB-1.key");
  g_autofree char *received = NULL;
  g_autofree char *relay_pem = in_folder ("mine/relay.pem");
  g_autofree char *relay_key = in_folder ("mine/relay.key");
  guint16 port;
  g_autoptr (GSubprocess) relay
      = start_old_tls (relay_pem, relay_key, old_versions[_i], &port);
  g_autofree char *url = g_strdup_printf ("https://localhost:%u", port);
  BlWhipOptions options
      = { .relay_url = url, .ca = ca, .certificate = pem, .key = key };
  BlWhip *client = bl_whip_new (&options, NULL);
  Outcome o = { 0 };
  bl_whip_post (client, "north", "CALL", "the offer", NULL, on_done, &o);
  wait_for (&o);
  ck_assert (g_error_matches (o.error, BL_WHIP_ERROR, BL_WHIP_ERROR_RELAY));
  ck_assert_msg (strstr (o.error->message, "no TLS 1.2"), "%s",
                 o.error->message);
  bl_whip_free (client);
  ck_assert (
      g_subprocess_communicate_utf8 (relay, NULL, NULL, &received, NULL, NULL));
  ck_assert_ptr_nonnull (strstr (received, "CIPHER is"));
  ck_assert_ptr_null (strstr (received, "POST"));
  ck_assert_ptr_null (strstr (received, "the offer"));
  clear_outcome (&o);
}
END_TEST

static const struct {
  const char *ca, *certificate, *key;
  const char *says;
} unusable[] = {
  { "mine/ca.pem", "odd/AMB-1.pem", "odd/AMB-1.key", "expired on 2020-02-01" },
  { "mine/ca.pem", "nowhere.pem", "mine/AMB-1.key", "nowhere.pem" },
  { "mine/ca.pem", "mine/ca.pem", "ca.cnf", "ca.cnf" },
  { "nowhere.pem", "mine/AMB-1.pem", "mine/AMB-1.key", "[relay] ca" },
};

START_TEST (a_certificate_that_can_not_be_used_is_found_at_the_start)
{
  g_autofree char *ca = in_folder (unusable[_i].ca);
  g_autofree char *pem = in_folder (unusable[_i].certificate);
  g_autofree char *key = in_folder (unusable[_i].key);
  BlWhipOptions options = {
    .relay_url = "https://localhost", .ca = ca, .certificate = pem, .key = key
  };
  g_autoptr (GError) error = NULL;
  ck_assert_ptr_null (bl_whip_new (&options, &error));
  ck_assert (g_error_matches (error, BL_WHIP_ERROR, BL_WHIP_ERROR_CERTIFICATE));
  ck_assert_msg (strstr (error->message, unusable[_i].says), "%s",
                 error->message);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vehicle/whip");
  TCase *plain = tcase_create ("http");
  tcase_add_checked_fixture (plain, set_up, tear_down);
  tcase_add_test (plain, an_offer_is_posted_and_its_answer_read);
  tcase_add_test (plain, candidates_go_with_the_tag_and_a_restart_with_a_star);
  tcase_add_test (plain, a_session_that_is_gone_is_deleted_well_enough);
  tcase_add_test (plain, a_network_that_is_gone_is_no_obstacle);
  tcase_add_loop_test (plain, a_refusal_is_told_in_words, 0,
                       G_N_ELEMENTS (refusals));
  tcase_add_test (plain, a_session_that_is_gone_is_no_unknown_department);
  tcase_add_test (plain, three_redirects_are_followed_and_no_fourth);
  tcase_add_test (plain, a_location_of_another_scheme_is_refused);
  tcase_add_test (plain, an_endless_answer_is_cut_off);
  tcase_add_test (plain, a_cancelled_request_says_that_it_was_cancelled);
  tcase_add_test (plain, a_relay_that_is_not_there_is_unreachable);
  suite_add_tcase (suite, plain);
  TCase *tls = tcase_create ("tls");
  tcase_set_timeout (tls, 60);
  tcase_add_unchecked_fixture (tls, make_certificates, remove_certificates);
  tcase_add_loop_test (tls, tls_checks_both_ends_and_says_what_is_wrong, 0,
                       G_N_ELEMENTS (tls_cases));
  tcase_add_loop_test (tls, a_relay_with_tls_that_is_too_old_is_sent_nothing, 0,
                       G_N_ELEMENTS (old_versions));
  tcase_add_loop_test (tls,
                       a_certificate_that_can_not_be_used_is_found_at_the_start,
                       0, G_N_ELEMENTS (unusable));
  suite_add_tcase (suite, tls);
  return run_suite (suite);
}
