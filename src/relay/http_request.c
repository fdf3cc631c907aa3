/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "relay.http"
#include "relay/http_request.h"

#include <string.h>

#include "base/json.h"
#include "base/log.h"

#define DATA_KEY       "bl-request"
#define MAX_JSON_DEPTH 8

/* On loopback there is no TLS, and "__Host-" would need it. */
#define COOKIE          "__Host-bluelight"
#define COOKIE_LOOPBACK "bluelight-loopback"

static void
free_request (BlRequest *request)
{
  bl_who_clear (&request->who);
  g_free (request);
}

BlRequest *
bl_request_new (BlHttp *http, BlDoor door, SoupServerMessage *msg)
{
  BlRequest *request = g_new0 (BlRequest, 1);
  request->http = http;
  request->door = door;
  request->msg = msg;
  g_object_set_data_full (G_OBJECT (msg), DATA_KEY, request,
                          (GDestroyNotify)free_request);
  return request;
}

BlRequest *
bl_request_of (SoupServerMessage *msg)
{
  return g_object_get_data (G_OBJECT (msg), DATA_KEY);
}

const char *
bl_request_arg (const BlRequest *request, guint index)
{
  g_assert (index < BL_ROUTE_ARGS);
  return request->match.args[index];
}

const char *
bl_request_header (const BlRequest *request, const char *name)
{
  return soup_message_headers_get_one (
      soup_server_message_get_request_headers (request->msg), name);
}

const char *
bl_request_body (BlRequest *request, gsize *out_length)
{
  SoupMessageBody *body = soup_server_message_get_request_body (request->msg);
  g_bytes_unref (soup_message_body_flatten (body));
  *out_length = (gsize)body->length;
  return body->data;
}

gint64
bl_request_query_int (const BlRequest *request, const char *name,
                      gint64 fallback)
{
  const char *query
      = g_uri_get_query (soup_server_message_get_uri (request->msg));
  gint64 value = fallback;
  if (!query)
    return fallback;
  g_autoptr (GHashTable) form = soup_form_decode (query);
  const char *text = g_hash_table_lookup (form, name);
  if (text)
    g_ascii_string_to_signed (text, 10, 0, G_MAXINT64, &value, NULL);
  return value;
}

static const char *
cookie_name (const BlRequest *request)
{
  return request->door == BL_DOOR_LOOPBACK ? COOKIE_LOOPBACK : COOKIE;
}

char *
bl_request_cookie (const BlRequest *request)
{
  const char *header = bl_request_header (request, "Cookie");
  const char *name = cookie_name (request);
  if (!header)
    return NULL;
  g_auto (GStrv) pairs = g_strsplit (header, ";", -1);
  for (char **pair = pairs; *pair; pair++) {
    const char *text = g_strstrip (*pair);
    gsize length = strlen (name);
    if (strncmp (text, name, length) == 0 && text[length] == '=')
      return g_strdup (text + length + 1);
  }
  return NULL;
}

void
bl_reply_cookie (BlRequest *request, const char *value, gint64 max_age_s)
{
  g_autofree char *cookie = g_strdup_printf (
      "%s=%s; Path=/; Max-Age=%" G_GINT64_FORMAT "; HttpOnly; "
      "SameSite=Strict%s",
      cookie_name (request), value, max_age_s,
      request->door == BL_DOOR_LOOPBACK ? "" : "; Secure");
  bl_reply_header (request, "Set-Cookie", cookie);
}

char *
bl_request_address (const BlRequest *request)
{
  GSocketAddress *address
      = soup_server_message_get_remote_address (request->msg);
  if (!address || !G_IS_INET_SOCKET_ADDRESS (address))
    return g_strdup ("unknown");
  return g_inet_address_to_string (
      g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (address)));
}

char *
bl_request_self_origin (const BlRequest *request)
{
  const char *host = bl_request_header (request, "Host");
  return g_strdup_printf ("%s://%s",
                          request->door == BL_DOOR_LOOPBACK ? "http" : "https",
                          host ? host : "");
}

void
bl_request_wait (BlRequest *request)
{
  g_assert (!request->waiting);
  request->waiting = TRUE;
  g_object_ref (request->msg);
  soup_server_message_pause (request->msg);
}

void
bl_request_resume (BlRequest *request)
{
  SoupServerMessage *msg = request->msg;
  g_assert (request->waiting);
  request->waiting = FALSE;
  soup_server_message_unpause (msg);
  g_object_unref (msg);
}

/* json-glib's parser recurses: deep nesting is refused before it starts. */
static gboolean
is_shallow (const char *text, gsize length)
{
  guint depth = 0;
  for (gsize i = 0; i < length; i++) {
    if (text[i] == '[' || text[i] == '{')
      depth++;
    else if ((text[i] == ']' || text[i] == '}') && depth > 0)
      depth--;
    if (depth > MAX_JSON_DEPTH)
      return FALSE;
  }
  return TRUE;
}

JsonObject *
bl_request_json (BlRequest *request)
{
  gsize length;
  const char *text = bl_request_body (request, &length);
  g_autoptr (JsonParser) parser = json_parser_new ();

  if (length > 0 && g_utf8_validate (text, (gssize)length, NULL)
      && is_shallow (text, length)
      && json_parser_load_from_data (parser, text, (gssize)length, NULL)) {
    JsonNode *root = json_parser_get_root (parser);
    if (root && JSON_NODE_HOLDS_OBJECT (root))
      return json_node_dup_object (root);
  }
  bl_reply_error (request, SOUP_STATUS_BAD_REQUEST,
                  "the body is not a JSON object");
  return NULL;
}

/* ---- replies ---- */

void
bl_reply_header (BlRequest *request, const char *name, const char *value)
{
  soup_message_headers_append (
      soup_server_message_get_response_headers (request->msg), name, value);
}

void
bl_reply_empty (BlRequest *request, guint status)
{
  soup_server_message_set_status (request->msg, status, NULL);
}

void
bl_reply_text (BlRequest *request, guint status, const char *type,
               const char *body)
{
  soup_server_message_set_status (request->msg, status, NULL);
  soup_server_message_set_response (request->msg, type, SOUP_MEMORY_COPY, body,
                                    strlen (body));
}

void
bl_reply_json (BlRequest *request, guint status, JsonBuilder *builder)
{
  g_autoptr (JsonNode) root = json_builder_get_root (builder);
  g_autofree char *text = json_to_string (root, FALSE);
  bl_reply_text (request, status, "application/json", text);
}

void
bl_reply_error (BlRequest *request, guint status, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *sentence = g_strdup_vprintf (format, args);
  va_end (args);
  const char *path
      = g_uri_get_path (soup_server_message_get_uri (request->msg));

  if (g_str_has_prefix (path, "/api/")) {
    g_autoptr (JsonBuilder) json = json_builder_new ();
    json_builder_begin_object (json);
    bl_json_string (json, "error", sentence);
    json_builder_end_object (json);
    bl_reply_json (request, status, json);
  } else {
    g_autofree char *line = g_strconcat (sentence, "\n", NULL);
    bl_reply_text (request, status, "text/plain; charset=utf-8", line);
  }
}

void
bl_reply_db_error (BlRequest *request, const GError *error, const char *format,
                   ...)
{
  if (!g_error_matches (error, BL_DB_ERROR, BL_DB_ERROR_NOT_FOUND)) {
    bl_error ("%s", error->message);
    bl_reply_error (request, SOUP_STATUS_INTERNAL_SERVER_ERROR,
                    "the relay's database failed; its log says why");
    return;
  }
  va_list args;
  va_start (args, format);
  g_autofree char *sentence = g_strdup_vprintf (format, args);
  va_end (args);
  bl_reply_error (request, SOUP_STATUS_NOT_FOUND, "%s", sentence);
}
