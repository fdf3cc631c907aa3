/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of calls. Who names the edition that it has is answered when there
 * is another one, so that a call is seen as it comes; and after HOLD_MS in any
 * case, for states and counts change too.
 */
#include "base/json.h"
#include "relay/http_request.h"

#define HOLD_MS 1000

static void
reply_calls (BlRequest *request)
{
  BlRegistry *registry = request->http->context.registry;
  g_autoptr (JsonBuilder) json = json_builder_new ();
  g_autoptr (GPtrArray) calls = bl_registry_list (registry);

  json_builder_begin_object (json);
  bl_json_int (json, "edition", bl_registry_edition (registry));
  bl_json_begin_array (json, "calls");
  for (guint i = 0; i < calls->len; i++) {
    json_builder_begin_object (json);
    bl_http_add_call (json, g_ptr_array_index (calls, i));
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
  json_builder_end_object (json);
  bl_reply_json (request, SOUP_STATUS_OK, json);
}

static void
answer_held (BlRequest *request)
{
  g_clear_handle_id (&request->hold, g_source_remove);
  g_queue_remove (&request->http->held, request);
  reply_calls (request);
  bl_request_resume (request);
}

static gboolean
on_held_long (gpointer data)
{
  BlRequest *request = data;
  request->hold = 0;
  answer_held (request);
  return G_SOURCE_REMOVE;
}

static void
on_changed (gpointer data)
{
  BlHttp *http = data;
  while (http->held.head)
    answer_held (http->held.head->data);
}

void
bl_http_on_calls (BlRequest *request)
{
  BlHttp *http = request->http;
  gint64 known = bl_request_query_int (request, "after", -1);
  if (known != bl_registry_edition (http->context.registry)) {
    reply_calls (request);
    return;
  }
  bl_request_wait (request);
  request->hold = g_timeout_add (HOLD_MS, on_held_long, request);
  g_queue_push_tail (&http->held, request);
}

void
bl_http_watch_calls (BlHttp *http)
{
  bl_registry_watch (http->context.registry, on_changed, http);
}

void
bl_http_unwatch_calls (BlHttp *http)
{
  bl_registry_watch (http->context.registry, NULL, NULL);
  on_changed (http);
}
