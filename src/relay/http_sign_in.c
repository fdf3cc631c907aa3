/* SPDX-License-Identifier: Apache-2.0
 *
 * Signing in and out (docs/api.md).
 */
#define BL_LOG_TOPIC "relay.http"
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "relay/http_request.h"

#define STATUS_TOO_MANY_REQUESTS 429 /* RFC 6585; libsoup has no name */

static void
reply_me (BlRequest *request, const char *name, const char *role)
{
  g_autoptr (JsonBuilder) json = json_builder_new ();
  json_builder_begin_object (json);
  bl_json_string (json, "name", name);
  bl_json_string (json, "role", role);
  json_builder_end_object (json);
  bl_reply_json (request, SOUP_STATUS_OK, json);
}

void
bl_http_on_me (BlRequest *request)
{
  const BlWho *who = &request->who;
  if (who->user)
    reply_me (request, who->display_name, bl_user_role_name (who->user_role));
  else
    reply_me (request, NULL, NULL);
}

static guint
status_of (const GError *error)
{
  if (g_error_matches (error, BL_AUTH_ERROR, BL_AUTH_ERROR_WRONG))
    return SOUP_STATUS_UNAUTHORIZED;
  if (g_error_matches (error, BL_AUTH_ERROR, BL_AUTH_ERROR_THROTTLED))
    return STATUS_TOO_MANY_REQUESTS;
  return SOUP_STATUS_INTERNAL_SERVER_ERROR;
}

static void
on_signed_in (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BlRequest *request = user_data;
  BlHttp *http = request->http;
  g_autoptr (GError) error = NULL;
  g_autoptr (BlUser) user = NULL;
  BlTime wait_us;
  g_autofree char *cookie = bl_auth_sign_in_finish (http->context.auth, result,
                                                    &user, &wait_us, &error);

  if (cookie) {
    gboolean named = user->display_name && *user->display_name;
    bl_reply_cookie (request, cookie, http->context.options->session_idle_s);
    reply_me (request, named ? user->display_name : user->name,
              bl_user_role_name (user->role));
  } else {
    if (wait_us > 0) {
      g_autofree char *wait
          = g_strdup_printf ("%u", (guint)(wait_us / BL_SECOND) + 1);
      bl_reply_header (request, "Retry-After", wait);
    }
    bl_reply_error (request, status_of (error), "%s", error->message);
  }
  bl_request_resume (request);
}

/* A string member, or NULL if it is missing or another kind of thing. */
static const char *
get_string (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);
  if (!node || json_node_get_value_type (node) != G_TYPE_STRING)
    return NULL;
  return json_node_get_string (node);
}

void
bl_http_on_sign_in (BlRequest *request)
{
  g_autoptr (JsonObject) body = bl_request_json (request);
  if (!body)
    return;
  g_autofree char *address = bl_request_address (request);
  const BlSignInTry try = {
    .name = get_string (body, "name"),
    .password = get_string (body, "password"),
    .code = get_string (body, "code"),
    .address = address,
  };
  if (!try.code && !(try.name && try.password)) {
    bl_reply_error (request, SOUP_STATUS_BAD_REQUEST,
                    "give \"name\" and \"password\", or \"code\"");
    return;
  }
  bl_request_wait (request);
  bl_auth_sign_in_async (request->http->context.auth, &try, on_signed_in,
                         request);
}

void
bl_http_on_sign_out (BlRequest *request)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *cookie = bl_request_cookie (request);
  if (!bl_auth_sign_out (request->http->context.auth, &request->who, cookie,
                         &error)) {
    bl_error ("signing %s out: %s", request->who.name, error->message);
    bl_reply_error (request, SOUP_STATUS_INTERNAL_SERVER_ERROR,
                    "signing out failed at the relay; its log says why");
    return;
  }
  bl_reply_cookie (request, "", 0);
  bl_reply_empty (request, SOUP_STATUS_NO_CONTENT);
}
