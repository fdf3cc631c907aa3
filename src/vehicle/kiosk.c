/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "vehicle.kiosk"
#include "vehicle/kiosk.h"

#include <libsoup/soup.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"

#define RESOURCES "/bluelight/vehicle"

struct BlKiosk {
  const BlKioskCallbacks *callbacks;
  gpointer user_data;
  SoupServer *server;
  guint16 port;
};

typedef void (*Handler) (BlKiosk *kiosk, SoupServerMessage *message);

/* --- replies
 * ------------------------------------------------------------------ */

static void
reply (SoupServerMessage *message, guint status, const char *type,
       const char *body, gsize length)
{
  static const struct {
    const char *name;
    const char *value;
  } fixed[] = {
    { "Cache-Control", "no-store" },
    { "X-Content-Type-Options", "nosniff" },
    { "Referrer-Policy", "no-referrer" },
    { "Cross-Origin-Resource-Policy", "same-origin" },
    { "Content-Security-Policy",
      "default-src 'self'; frame-ancestors 'none'; base-uri 'none';"
      " form-action 'none'" },
  };
  SoupMessageHeaders *headers
      = soup_server_message_get_response_headers (message);
  for (guint i = 0; i < G_N_ELEMENTS (fixed); i++)
    soup_message_headers_replace (headers, fixed[i].name, fixed[i].value);
  soup_server_message_set_status (message, status, NULL);
  soup_server_message_set_response (message, type, SOUP_MEMORY_COPY, body,
                                    length);
}

/* Takes `builder`'s content. */
static void
reply_json (SoupServerMessage *message, guint status, JsonBuilder *builder)
{
  g_autoptr (JsonNode) root = json_builder_get_root (builder);
  g_autofree char *text = json_to_string (root, FALSE);
  reply (message, status, "application/json", text, strlen (text));
}

static void
reply_error (SoupServerMessage *message, guint status, const char *sentence)
{
  g_autoptr (JsonBuilder) b = json_builder_new ();
  json_builder_begin_object (b);
  bl_json_string (b, "error", sentence);
  json_builder_end_object (b);
  reply_json (message, status, b);
}

/* --- who may ask
 * ---------------------------------------------------------------- */

bool
bl_kiosk_host_is_loopback (const char *host)
{
  static const char *const names[] = { "localhost", "127.0.0.1", "[::1]" };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    gsize length = strlen (names[i]);
    if (g_ascii_strncasecmp (host, names[i], length) != 0)
      continue;
    const char *rest = host + length;
    if (!*rest
        || (*rest == ':' && rest[1]
            && strspn (rest + 1, "0123456789") == strlen (rest + 1)))
      return true;
  }
  return false;
}

/* A page of ours has the same host and port in Origin as in Host. */
static bool
origin_is_ours (const char *origin, const char *host)
{
  const char *prefix = "http://";
  return !origin
         || (g_str_has_prefix (origin, prefix)
             && g_ascii_strcasecmp (origin + strlen (prefix), host) == 0);
}

static bool
may_ask (SoupServerMessage *message)
{
  SoupMessageHeaders *headers
      = soup_server_message_get_request_headers (message);
  const char *host = soup_message_headers_get_one (headers, "Host");
  if (!host || !bl_kiosk_host_is_loopback (host)) {
    reply_error (message, 421, "this page is for this machine alone");
    return false;
  }
  const char *origin = soup_message_headers_get_one (headers, "Origin");
  if (!origin_is_ours (origin, host)) {
    reply_error (message, 403, "pages of other sites may not ask");
    return false;
  }
  return true;
}

static bool
is_json (SoupServerMessage *message)
{
  const char *type = soup_message_headers_get_content_type (
      soup_server_message_get_request_headers (message), NULL);
  if (type && g_ascii_strcasecmp (type, "application/json") == 0)
    return true;
  reply_error (message, 415, "send JSON with Content-Type: application/json");
  return false;
}

/* --- the API
 * -------------------------------------------------------------------- */

static void
add_path (JsonBuilder *b, const BlHealthPath *path)
{
  json_builder_begin_object (b);
  bl_json_string (b, "interface", path->interface);
  bl_json_string (b, "state", bl_health_path_state (&path->flow));
  bl_json_bool (b, "best", path->flow.best);
  bl_json_double (b, "rtt_ms", (double)path->flow.rtt_us / 1000);
  bl_json_double (b, "queue_ms", (double)path->flow.queue_us / 1000);
  bl_json_double (b, "loss", path->flow.loss_percent / 100.0);
  bl_json_int (b, "target_bps", (gint64)path->flow.target_bps);
  json_builder_end_object (b);
}

static void
add_sending (JsonBuilder *b, const BlKioskState *s)
{
  bl_json_string (b, "connection", s->connection);
  bl_json_int (b, "target_bps", (gint64)s->target_bps);
  bl_json_int (b, "width", s->encoder.settings.width);
  bl_json_int (b, "height", s->encoder.settings.height);
  bl_json_int (b, "skipped", (gint64)s->encoder.skipped);
  bl_json_int (b, "late_drops", (gint64)s->late_drops);
  bl_json_begin_array (b, "paths");
  for (guint i = 0; i < s->n_paths; i++)
    add_path (b, &s->paths[i]);
  json_builder_end_array (b);
}

static void
on_get_state (BlKiosk *kiosk, SoupServerMessage *message)
{
  BlKioskState s = { 0 };
  kiosk->callbacks->state (&s, kiosk->user_data);
  g_autoptr (JsonBuilder) b = json_builder_new ();
  json_builder_begin_object (b);
  bl_json_string (b, "state", s.state);
  bl_json_string (b, "unit", s.unit);
  bl_json_string (b, "ed", s.ed);
  bl_json_string (b, "call", s.call_id);
  bl_json_int (b, "since", s.since_unix_s);
  bl_json_string (b, "message", s.message);
  bl_json_string (b, "capture", s.capture);
  bl_json_string (b, "path", s.path);
  add_sending (b, &s);
  bl_json_int (b, "bitrate_bps", (gint64)s.bitrate_bps);
  bl_json_double (b, "fps", s.fps);
  bl_json_double (b, "rtt_ms", (double)s.rtt_us / 1000);
  bl_json_double (b, "loss", s.loss);
  bl_json_int (b, "capture_restarts", (gint64)s.restarts);
  bl_json_known (b, "viewers", s.viewers >= 0, s.viewers);
  bl_json_begin_array (b, "eds");
  for (const char *const *ed = s.eds; ed && *ed; ed++)
    json_builder_add_string_value (b, *ed);
  json_builder_end_array (b);
  json_builder_end_object (b);
  reply_json (message, 200, b);
}

/* The object's member `ed`, or NULL. Free with g_free. */
static char *
read_ed (SoupServerMessage *message)
{
  SoupMessageBody *body = soup_server_message_get_request_body (message);
  g_autoptr (GBytes) bytes = soup_message_body_flatten (body);
  gsize length;
  const char *text = g_bytes_get_data (bytes, &length);
  g_autoptr (JsonParser) parser = json_parser_new ();
  if (!text || !g_utf8_validate (text, (gssize)length, NULL)
      || !json_parser_load_from_data (parser, text, (gssize)length, NULL))
    return NULL;
  JsonNode *root = json_parser_get_root (parser);
  if (!root || !JSON_NODE_HOLDS_OBJECT (root))
    return NULL;
  JsonNode *ed = json_object_get_member (json_node_get_object (root), "ed");
  if (!ed || !JSON_NODE_HOLDS_VALUE (ed)
      || json_node_get_value_type (ed) != G_TYPE_STRING)
    return NULL;
  return g_strdup (json_node_get_string (ed));
}

static void
reply_outcome (SoupServerMessage *message, const char *why_not)
{
  if (why_not)
    reply_error (message, 409, why_not);
  else
    reply (message, 202, "application/json", "{}", 2);
}

static void
on_post_call (BlKiosk *kiosk, SoupServerMessage *message)
{
  g_autofree char *ed = is_json (message) ? read_ed (message) : NULL;
  if (soup_server_message_get_status (message) == 415)
    return;
  if (!ed) {
    reply_error (message, 400, "send {\"ed\": \"NAME\"}");
    return;
  }
  g_autofree char *why_not = kiosk->callbacks->call (ed, kiosk->user_data);
  reply_outcome (message, why_not);
}

static void
on_post_hang_up (BlKiosk *kiosk, SoupServerMessage *message)
{
  g_autofree char *why_not = kiosk->callbacks->hang_up (kiosk->user_data);
  reply_outcome (message, why_not);
}

/* --- the page
 * ----------------------------------------------------------------------- */

static void
reply_resource (SoupServerMessage *message, const char *name, const char *type)
{
  g_autofree char *path = g_build_path ("/", RESOURCES, name, NULL);
  g_autoptr (GBytes) bytes
      = g_resources_lookup_data (path, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  if (!bytes) {
    reply_error (message, 404, "there is no such page");
    return;
  }
  gsize length;
  const char *data = g_bytes_get_data (bytes, &length);
  reply (message, 200, type, data, length);
}

static void
on_get_page (BlKiosk *kiosk, SoupServerMessage *message)
{
  reply_resource (message, "index.html", "text/html; charset=utf-8");
}

static void
on_get_css (BlKiosk *kiosk, SoupServerMessage *message)
{
  reply_resource (message, "kiosk.css", "text/css; charset=utf-8");
}

static void
on_get_js (BlKiosk *kiosk, SoupServerMessage *message)
{
  reply_resource (message, "kiosk.js", "text/javascript; charset=utf-8");
}

/* --- dispatch
 * ----------------------------------------------------------------------- */

static const struct {
  const char *method;
  const char *path;
  Handler handler;
} routes[] = {
  { "GET", "/", on_get_page },       { "GET", "/kiosk.css", on_get_css },
  { "GET", "/kiosk.js", on_get_js }, { "GET", "/api/state", on_get_state },
  { "POST", "/call", on_post_call }, { "POST", "/hangup", on_post_hang_up },
};

static void
on_request (SoupServer *server, SoupServerMessage *message, const char *path,
            GHashTable *query, gpointer data)
{
  /* An answer given already, to a body that was too large. */
  if (soup_server_message_get_status (message) != 0 || !may_ask (message))
    return;
  const char *method = soup_server_message_get_method (message);
  bool known = false;
  for (guint i = 0; i < G_N_ELEMENTS (routes); i++) {
    if (!g_str_equal (routes[i].path, path))
      continue;
    known = true;
    if (g_str_equal (routes[i].method, method)) {
      routes[i].handler (data, message);
      return;
    }
  }
  if (known)
    reply_error (message, 405, "this address does not do that");
  else
    reply_error (message, 404, "there is nothing here");
}

/* Counts a body while it comes, so that no more than the bound is kept. */
static void
on_chunk (SoupServerMessage *message, GBytes *chunk, gpointer data)
{
  SoupMessageBody *body = soup_server_message_get_request_body (message);
  if (body->length <= BL_KIOSK_MAX_BODY_BYTES)
    return;
  soup_message_body_set_accumulate (body, FALSE);
  reply_error (message, 413, "the request is too large");
}

/* libsoup before 3.4, which Debian 12 has, keeps a connection for good that its
 * client ends between two requests (mended by its commit d20c6601), and never
 * lets go of a socket that it accepted (b545d5f0). So each connection carries
 * one request, and its message takes over the reference that is left. */
static void
end_with_message (SoupServerMessage *message)
{
  static const char key[] = "bl-accepted";
  soup_message_headers_replace (
      soup_server_message_get_response_headers (message), "Connection",
      "close");
  GSocket *socket = soup_server_message_get_socket (message);
  if (soup_check_version (3, 4, 0) || !socket
      || g_object_get_data (G_OBJECT (socket), key))
    return;
  g_object_set_data (G_OBJECT (socket), key, socket);
  g_object_set_data_full (G_OBJECT (message), key, socket, g_object_unref);
}

static void
on_started (SoupServer *server, SoupServerMessage *message, gpointer data)
{
  end_with_message (message);
  g_signal_connect (message, "got-chunk", G_CALLBACK (on_chunk), NULL);
}

static guint16
listening_port (SoupServer *server)
{
  /* Not soup_server_get_uris(), which leaks an address in libsoup 3.2. */
  g_autoptr (GSList) sockets = soup_server_get_listeners (server);
  g_autoptr (GSocketAddress) address
      = sockets ? g_socket_get_local_address (sockets->data, NULL) : NULL;
  return address
             ? g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address))
             : 0;
}

BlKiosk *
bl_kiosk_new (guint16 port, const BlKioskCallbacks *callbacks,
              gpointer user_data, GError **error)
{
  g_autoptr (BlKiosk) kiosk = g_new0 (BlKiosk, 1);
  kiosk->callbacks = callbacks;
  kiosk->user_data = user_data;
  kiosk->server = soup_server_new ("server-header", NULL, NULL);
  soup_server_add_handler (kiosk->server, NULL, on_request, kiosk, NULL);
  g_signal_connect (kiosk->server, "request-started", G_CALLBACK (on_started),
                    NULL);
  g_autoptr (GError) why = NULL;
  if (!soup_server_listen_local (kiosk->server, port,
                                 SOUP_SERVER_LISTEN_IPV4_ONLY, &why)) {
    g_set_error (error, why->domain, why->code,
                 "can't serve the crew's page on 127.0.0.1:%u: %s; is another"
                 " bluelight-vehicle running? [kiosk] port chooses another",
                 port, why->message);
    return NULL;
  }
  kiosk->port = listening_port (kiosk->server);
  /* A machine without IPv6 is no error. */
  soup_server_listen_local (kiosk->server, kiosk->port,
                            SOUP_SERVER_LISTEN_IPV6_ONLY, NULL);
  return g_steal_pointer (&kiosk);
}

void
bl_kiosk_free (BlKiosk *kiosk)
{
  if (!kiosk)
    return;
  soup_server_disconnect (kiosk->server);
  g_object_unref (kiosk->server);
  g_free (kiosk);
}

guint16
bl_kiosk_port (const BlKiosk *kiosk)
{
  return kiosk->port;
}
