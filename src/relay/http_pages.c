/* SPDX-License-Identifier: Apache-2.0
 *
 * The pages, out of the GResource of src/web.
 */
#include <gio/gio.h>

#include "relay/http_request.h"
#include "secure/sha256.h"

#define ROOT "/bluelight/relay/"

static const struct {
  const char *suffix, *type;
} types[] = {
  { ".html", "text/html; charset=utf-8" },
  { ".js", "text/javascript; charset=utf-8" },
  { ".css", "text/css; charset=utf-8" },
  { ".svg", "image/svg+xml" },
};

static const char *
type_of (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (types); i++) {
    if (g_str_has_suffix (name, types[i].suffix))
      return types[i].type;
  }
  return "application/octet-stream";
}

static void
reply_resource (BlRequest *request, const char *name)
{
  g_autofree char *path = g_strconcat (ROOT, name, NULL);
  g_autoptr (GBytes) data
      = g_resources_lookup_data (path, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
  if (!data) {
    bl_reply_error (request, SOUP_STATUS_NOT_FOUND, "there is no such page");
    return;
  }
  char hash[BL_SHA256_HEX_LENGTH + 1];
  bl_sha256_hex (g_bytes_get_data (data, NULL), g_bytes_get_size (data), hash);
  g_autofree char *etag = g_strdup_printf ("\"%.32s\"", hash);
  SoupMessageHeaders *headers
      = soup_server_message_get_response_headers (request->msg);
  soup_message_headers_replace (headers, "Cache-Control", "no-cache");
  bl_reply_header (request, "ETag", etag);
  if (g_strcmp0 (bl_request_header (request, "If-None-Match"), etag) == 0) {
    bl_reply_empty (request, SOUP_STATUS_NOT_MODIFIED);
    return;
  }
  soup_server_message_set_status (request->msg, SOUP_STATUS_OK, NULL);
  soup_message_headers_set_content_type (headers, type_of (name), NULL);
  soup_message_body_append_bytes (
      soup_server_message_get_response_body (request->msg), data);
}

void
bl_http_on_page (BlRequest *request)
{
  reply_resource (request, "index.html");
}

void
bl_http_on_app (BlRequest *request)
{
  reply_resource (request, bl_request_arg (request, 0));
}
