/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "relay.http"
#include "relay/http.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "relay/http_request.h"
#include "secure/cert.h"

/* So much of a body that is refused is read and thrown away, so that the
 * client gets to read why. */
#define MAX_DISCARD_BYTES (4u << 20)

G_DEFINE_QUARK (bl_http_error, bl_http_error)

/* What each door has of its own, in the order of BlHttp.servers. */
static const struct {
  BlDoor door;
  const char *key; /* of its port in the configuration */
  gboolean tls, client_certificate;
} doors[] = {
  { BL_DOOR_MAIN, "[http] port", TRUE, FALSE },
  { BL_DOOR_VEHICLE, "[http] vehicle_port", TRUE, TRUE },
  { BL_DOOR_LOOPBACK, "[http] loopback_port", FALSE, FALSE },
};

static const struct {
  const char *name, *value;
} common_headers[] = {
  { "Content-Security-Policy",
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; media-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'" },
  { "X-Content-Type-Options", "nosniff" },
  { "X-Frame-Options", "DENY" },
  { "Referrer-Policy", "no-referrer" },
  { "Cross-Origin-Opener-Policy", "same-origin" },
  { "Cache-Control", "no-store" },
};

/* ---- gates ---- */

static void
add_cors (BlRequest *request)
{
  /* Without Allow-Credentials a page of another origin can use a token, which
   * it must have, but not somebody's cookie. */
  bl_reply_header (request, "Access-Control-Allow-Origin", "*");
  bl_reply_header (request, "Access-Control-Expose-Headers",
                   "Location, ETag, Link, Accept-Patch, Retry-After, "
                   "Bluelight-Call");
}

static void
reply_options (BlRequest *request)
{
  gboolean post = strstr (request->match.allow, "POST") != NULL;
  bl_reply_header (request, "Allow", request->match.allow);
  bl_reply_header (request, "Access-Control-Allow-Methods",
                   request->match.allow);
  bl_reply_header (request, "Access-Control-Allow-Headers",
                   "Authorization, Content-Type, If-Match, Bluelight-Call");
  bl_reply_header (request, "Access-Control-Max-Age", "86400");
  bl_reply_header (request, post ? "Accept-Post" : "Accept-Patch",
                   post ? "application/sdp"
                        : "application/trickle-ice-sdpfrag");
  bl_reply_empty (request, SOUP_STATUS_NO_CONTENT);
}

static gboolean
pass_route (BlRequest *request)
{
  const char *method = soup_server_message_get_method (request->msg);
  const char *path
      = g_uri_get_path (soup_server_message_get_uri (request->msg));
  BlRouteResult result
      = bl_route_find (bl_http_routes, bl_http_n_routes, request->door, method,
                       path, &request->match);

  if (request->match.cors)
    add_cors (request);
  if (result == BL_ROUTE_FOUND)
    return TRUE;
  if (result == BL_ROUTE_NO_PATH) {
    bl_reply_error (request, SOUP_STATUS_NOT_FOUND, "there is nothing here");
  } else if (request->match.cors && g_str_equal (method, "OPTIONS")) {
    reply_options (request);
  } else {
    bl_reply_header (request, "Allow", request->match.allow);
    bl_reply_error (request, SOUP_STATUS_METHOD_NOT_ALLOWED,
                    "only %s can be done here", request->match.allow);
  }
  return FALSE;
}

/* A name in DNS that points to 127.0.0.1 must not lead a browser here. */
static gboolean
pass_host (BlRequest *request)
{
  static const char *const names[] = { "localhost", "127.0.0.1", "::1", NULL };
  const char *host
      = g_uri_get_host (soup_server_message_get_uri (request->msg));
  if (request->door != BL_DOOR_LOOPBACK || g_strv_contains (names, host))
    return TRUE;
  bl_reply_error (request, SOUP_STATUS_FORBIDDEN,
                  "this port is for http://localhost alone");
  return FALSE;
}

static gboolean
pass_identity (BlRequest *request)
{
  g_autofree char *cookie = bl_request_cookie (request);
  g_autoptr (GByteArray) der = NULL;
  g_autoptr (GError) error = NULL;
  BlCredentials credentials = {
    .door = request->door,
    .cookie = cookie,
    .authorization = bl_request_header (request, "Authorization"),
  };
  GTlsCertificate *certificate
      = soup_server_message_get_tls_peer_certificate (request->msg);
  if (certificate) {
    g_object_get (certificate, "certificate", &der, NULL);
    credentials.certificate = der->data;
    credentials.certificate_bytes = der->len;
  }
  if (bl_auth_identify (request->http->context.auth, &credentials,
                        bl_clock_unix_us (), &request->who, &error)
      || request->match.route->roles & BL_ROLE_ANYBODY)
    return TRUE;

  guint status = SOUP_STATUS_INTERNAL_SERVER_ERROR;
  if (error->code == BL_AUTH_ERROR_CERTIFICATE)
    status = SOUP_STATUS_FORBIDDEN;
  if (error->code == BL_AUTH_ERROR_TOKEN) {
    status = SOUP_STATUS_UNAUTHORIZED;
    bl_reply_header (request, "WWW-Authenticate",
                     "Bearer realm=\"bluelight\", error=\"invalid_token\"");
  }
  bl_reply_error (request, status, "%s", error->message);
  return FALSE;
}

/* The first row of which all roles may use the route. */
static const char *
who_may (const BlRoute *route)
{
  static const struct {
    guint roles;
    const char *text;
  } rows[] = {
    { BL_ROLE_CLINICIAN | BL_ROLE_IT, "people who sign in" },
    { BL_ROLE_CLINICIAN, "clinicians" },
    { BL_ROLE_METRICS, "IT staff, and those who hold a token for metrics" },
    { BL_ROLE_IT, "IT staff" },
    { BL_ROLE_VEHICLE, "ambulances" },
    { BL_ROLE_PUBLISHER, "those who hold a token to publish" },
    { BL_ROLE_VIEWER, "those who hold a token to view" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++) {
    if ((route->roles & rows[i].roles) == rows[i].roles)
      return rows[i].text;
  }
  return "this machine alone";
}

static gboolean
pass_role (BlRequest *request)
{
  switch (bl_auth_decide (&request->match, &request->who)) {
  case BL_AUTH_ALLOW:
    return TRUE;
  case BL_AUTH_SIGN_IN:
    bl_reply_header (request, "WWW-Authenticate", "Bearer realm=\"bluelight\"");
    bl_reply_error (request, SOUP_STATUS_UNAUTHORIZED,
                    "sign in, or show a token, to do this");
    return FALSE;
  case BL_AUTH_DENY:
    bl_reply_error (request, SOUP_STATUS_FORBIDDEN,
                    "%s may not do this: it is for %s",
                    request->who.display_name, who_may (request->match.route));
    return FALSE;
  }
  g_assert_not_reached ();
}

/* Cross-site request forgery, signing in included: a page of another origin
 * must not sign its victim in as somebody else. */
static gboolean
pass_origin (BlRequest *request)
{
  const char *origin = bl_request_header (request, "Origin");
  const char *method = request->match.route->method;
  gboolean by_page = request->who.by_cookie || (origin && !request->match.cors);
  if (g_str_equal (method, "GET") || !by_page)
    return TRUE;
  g_autofree char *self = bl_request_self_origin (request);
  if (bl_auth_is_same_origin (
          origin, bl_request_header (request, "Sec-Fetch-Site"), self))
    return TRUE;
  bl_reply_error (request, SOUP_STATUS_FORBIDDEN,
                  "this request came from another site's page (Origin %s)",
                  origin ? origin : "is missing");
  return FALSE;
}

static gboolean
pass_body (BlRequest *request)
{
  const BlRoute *route = request->match.route;
  SoupMessageHeaders *headers
      = soup_server_message_get_request_headers (request->msg);
  SoupEncoding encoding = soup_message_headers_get_encoding (headers);
  goffset length = soup_message_headers_get_content_length (headers);
  const char *type = soup_message_headers_get_content_type (headers, NULL);
  gboolean has_body = encoding == SOUP_ENCODING_CHUNKED || length > 0;

  if (route->accepts && has_body
      && (!type || g_ascii_strcasecmp (type, route->accepts) != 0)) {
    bl_reply_header (request,
                     g_str_equal (route->method, "PATCH") ? "Accept-Patch"
                                                          : "Accept-Post",
                     route->accepts);
    bl_reply_error (request, SOUP_STATUS_UNSUPPORTED_MEDIA_TYPE,
                    "the body must be %s", route->accepts);
    return FALSE;
  }
  if (encoding == SOUP_ENCODING_CONTENT_LENGTH
      && length > (goffset)route->body_max_bytes) {
    bl_reply_error (request, SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE,
                    "the body may have at most %" G_GSIZE_FORMAT " bytes",
                    route->body_max_bytes);
    return FALSE;
  }
  return TRUE;
}

static gboolean
pass_running (BlRequest *request)
{
  if (!request->http->stopping)
    return TRUE;
  bl_reply_header (request, "Retry-After", "5");
  bl_reply_error (request, SOUP_STATUS_SERVICE_UNAVAILABLE,
                  "the relay is going down; try again");
  return FALSE;
}

/* In this order; each has replied when it gives FALSE. */
static gboolean (*const gates[]) (BlRequest *) = {
  pass_running, pass_host,   pass_route, pass_identity,
  pass_role,    pass_origin, pass_body,
};

/* ---- the body as it comes in ---- */

static void
keep_no_body (BlRequest *request)
{
  SoupMessageBody *body = soup_server_message_get_request_body (request->msg);
  soup_message_body_set_accumulate (body, FALSE);
  soup_message_body_truncate (body);
}

static void
on_chunk (SoupServerMessage *msg, GBytes *chunk, gpointer user_data)
{
  BlRequest *request = bl_request_of (msg);
  request->body_bytes += g_bytes_get_size (chunk);

  if (soup_server_message_get_status (msg) == 0
      && request->body_bytes > request->match.route->body_max_bytes) {
    keep_no_body (request);
    bl_reply_error (request, SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE,
                    "the body may have at most %" G_GSIZE_FORMAT " bytes",
                    request->match.route->body_max_bytes);
  }
  if (request->body_bytes > MAX_DISCARD_BYTES)
    bl_http_abort (msg);
}

static void
on_headers (SoupServer *server, SoupServerMessage *msg, const char *path,
            GHashTable *query, gpointer user_data)
{
  BlRequest *request = bl_request_of (msg);

  for (gsize i = 0; i < G_N_ELEMENTS (common_headers); i++)
    bl_reply_header (request, common_headers[i].name, common_headers[i].value);
  /* libsoup 3.2 knows the client's certificate only for a connection's first
   * request: later ones on it would look as if none had been shown. */
  if (request->door == BL_DOOR_VEHICLE || !bl_http_may_keep (msg))
    bl_reply_header (request, "Connection", "close");
  g_signal_connect (msg, "got-chunk", G_CALLBACK (on_chunk), NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (gates); i++) {
    if (!gates[i](request)) {
      keep_no_body (request);
      return;
    }
  }
}

static void
on_request (SoupServer *server, SoupServerMessage *msg, const char *path,
            GHashTable *query, gpointer user_data)
{
  BlRequest *request = bl_request_of (msg);
  request->match.route->handler (request);
}

/* Whatever certificate a client shows, TLS goes on: secure/cert judges it and
 * the client gets to read what is wrong with it. */
static gboolean
on_certificate (SoupServerMessage *msg, GTlsCertificate *certificate,
                GTlsCertificateFlags errors, gpointer user_data)
{
  return TRUE;
}

static void
on_started (SoupServer *server, SoupServerMessage *msg, gpointer user_data)
{
  BlHttp *http = user_data;
  for (guint i = 0; i < G_N_ELEMENTS (doors); i++) {
    if (http->servers[i] != server)
      continue;
    bl_request_new (http, doors[i].door, msg);
    bl_http_guard (http, i, msg);
  }
  g_signal_connect (msg, "accept-certificate", G_CALLBACK (on_certificate),
                    NULL);
}

/* ---- doors ---- */

static GTlsCertificate *
load_certificate (const BlOptions *options, GError **error)
{
  /* Ours says what is wrong in better words than GTls does. */
  g_autoptr (BlCert) cert
      = bl_cert_load (options->certificate, options->key,
                      bl_clock_unix_us () / BL_SECOND, error);
  if (!cert) {
    g_prefix_error (error, "[tls] certificate: ");
    return NULL;
  }
  gint64 left_s
      = bl_cert_expires_unix_s (cert) - bl_clock_unix_us () / BL_SECOND;
  if (left_s < 30 * 86400)
    bl_warning ("%s expires in %" G_GINT64_FORMAT " days; renew it",
                options->certificate, left_s / 86400);
  g_autoptr (GError) why = NULL;
  GTlsCertificate *tls = g_tls_certificate_new_from_files (options->certificate,
                                                           options->key, &why);
  if (!tls)
    g_set_error (error, BL_HTTP_ERROR, BL_HTTP_ERROR_TLS,
                 "[tls] certificate: can't use %s: %s", options->certificate,
                 why->message);
  return tls;
}

static gboolean
listen_at (SoupServer *server, const BlOptions *options, BlDoor door,
           guint16 port, SoupServerListenOptions flags, GError **error)
{
  if (door == BL_DOOR_LOOPBACK)
    return soup_server_listen_local (server, port, flags, error);
  if (!*options->http_listen)
    return soup_server_listen_all (server, port, flags, error);
  g_autoptr (GSocketAddress) address
      = g_inet_socket_address_new_from_string (options->http_listen, port);
  return soup_server_listen (server, address, flags, error);
}

static gboolean
open_door (BlHttp *http, guint index, guint16 port, GTlsCertificate *tls,
           GError **error)
{
  g_autoptr (GError) why = NULL;
  SoupServer *server
      = soup_server_new ("server-header", "Bluelight", "raw-paths", TRUE, NULL);
  http->servers[index] = server;
  if (doors[index].tls)
    soup_server_set_tls_certificate (server, tls);
  if (doors[index].client_certificate)
    soup_server_set_tls_auth_mode (server, G_TLS_AUTHENTICATION_REQUESTED);
  g_signal_connect (server, "request-started", G_CALLBACK (on_started), http);
  soup_server_add_early_handler (server, NULL, on_headers, NULL, NULL);
  soup_server_add_handler (server, NULL, on_request, NULL, NULL);
  if (listen_at (server, http->context.options, doors[index].door, port,
                 doors[index].tls ? SOUP_SERVER_LISTEN_HTTPS : 0, &why))
    return TRUE;
  g_set_error (error, BL_HTTP_ERROR, BL_HTTP_ERROR_LISTEN,
               "%s: can't listen on TCP port %u: %s; stop the program that has "
               "it, or choose another port",
               doors[index].key, port, why->message);
  return FALSE;
}

BlHttp *
bl_http_new (const BlHttpOptions *given, GError **error)
{
  const BlOptions *options = given->options;
  g_autoptr (GTlsCertificate) tls = NULL;
  g_autoptr (BlHttp) http = g_new0 (BlHttp, 1);

  http->context = *given;
  if (http->context.request_s == 0)
    http->context.request_s = BL_HTTP_REQUEST_S;
  if (http->context.max_connections == 0)
    http->context.max_connections = BL_HTTP_MAX_CONNECTIONS;
  http->started_us = bl_clock_unix_us ();
  http->per_address
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  http->playbacks
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  bl_http_watch_calls (http);
  if (*options->certificate) {
    tls = load_certificate (options, error);
    if (!tls || !open_door (http, 0, options->http_port, tls, error))
      return NULL;
    if (options->has_vehicles
        && !open_door (http, 1, options->vehicle_port, tls, error))
      return NULL;
  }
  if (options->has_loopback
      && !open_door (http, 2, options->loopback_port, NULL, error))
    return NULL;
  return g_steal_pointer (&http);
}

void
bl_http_stop (BlHttp *http)
{
  http->stopping = TRUE;
}

void
bl_http_free (BlHttp *http)
{
  if (!http)
    return;
  bl_http_unwatch_calls (http);
  for (gsize i = 0; i < G_N_ELEMENTS (http->servers); i++) {
    if (http->servers[i])
      soup_server_disconnect (http->servers[i]);
    g_clear_object (&http->servers[i]);
  }
  g_hash_table_unref (http->playbacks);
  g_hash_table_unref (http->per_address);
  g_free (http);
}

guint16
bl_http_port (const BlHttp *http, BlDoor door)
{
  guint16 port = 0;
  for (gsize i = 0; i < G_N_ELEMENTS (doors); i++) {
    if (doors[i].door != door || !http->servers[i])
      continue;
    /* Not soup_server_get_uris(), which leaks an address in libsoup 3.2. */
    g_autoptr (GSList) sockets = soup_server_get_listeners (http->servers[i]);
    g_autoptr (GSocketAddress) address
        = sockets ? g_socket_get_local_address (sockets->data, NULL) : NULL;
    if (address)
      port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address));
  }
  return port;
}
