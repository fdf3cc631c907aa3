/* SPDX-License-Identifier: Apache-2.0 */
#include "janus.h"

#include <libsoup/soup.h>
#include <string.h>

#include "base/json.h"

#define TIMEOUT_S 40 /* longer than a long poll, which is 30 */

struct LgJanus {
  SoupSession *http;
  char *url;
  int mountpoint;
  LgJanusEvents events;
};

/* What a response is for; the next step of a join. */
typedef void (*Step) (LgJanusViewer *viewer, JsonObject *response);

struct LgJanusViewer {
  LgJanus *janus;
  gpointer user_data;
  gint64 session, handle;
  gboolean settled; /* answered, or failed */
  unsigned pending; /* requests under way */
  void (*done) (gpointer);
  gpointer done_data;
};

typedef struct {
  LgJanusViewer *viewer;
  SoupMessage *message;
  Step step; /* NULL: whatever it is */
} Request;

static void
fail (LgJanusViewer *v, const char *why)
{
  if (v->settled)
    return;
  v->settled = TRUE;
  v->janus->events.failed (why, v->user_data);
}

static void
finish (LgJanusViewer *v)
{
  if (v->pending > 0 || !v->done)
    return;
  v->done (v->done_data);
  g_free (v);
}

static void
on_response (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autofree Request *request = data;
  LgJanusViewer *v = request->viewer;
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GBytes) bytes = soup_session_send_and_read_finish (
      SOUP_SESSION (source), result, &error);
  g_object_unref (request->message);
  v->pending--;
  if (bytes && request->step && !v->done) {
    gsize length;
    const char *text = g_bytes_get_data (bytes, &length);
    if (json_parser_load_from_data (parser, text, (gssize)length, &error)
        && JSON_NODE_HOLDS_OBJECT (json_parser_get_root (parser)))
      request->step (v, json_node_get_object (json_parser_get_root (parser)));
  }
  if (error && request->step)
    fail (v, error->message);
  finish (v);
}

/* `body` NULL: a GET, which waits for an event. */
static void
ask (LgJanusViewer *v, const char *body, Step step)
{
  GString *url = g_string_new (v->janus->url);
  Request *request = g_new (Request, 1);
  if (v->session)
    g_string_append_printf (url, "/%" G_GINT64_FORMAT, v->session);
  if (v->handle && body)
    g_string_append_printf (url, "/%" G_GINT64_FORMAT, v->handle);
  if (!body)
    g_string_append (url, "?maxev=1");
  *request = (Request){ v, soup_message_new (body ? "POST" : "GET", url->str),
                        step };
  g_string_free (url, TRUE);
  /* On a connection that is there already, as a browser would. */
  soup_message_add_flags (request->message, SOUP_MESSAGE_IDEMPOTENT);
  if (body) {
    g_autoptr (GBytes) bytes = g_bytes_new (body, strlen (body));
    soup_message_set_request_body_from_bytes (request->message,
                                              "application/json", bytes);
  }
  v->pending++;
  soup_session_send_and_read_async (v->janus->http, request->message,
                                    G_PRIORITY_DEFAULT, NULL, on_response,
                                    request);
}

/* ---- a join, step by step ---- */

static gint64
id_of (LgJanusViewer *v, JsonObject *response)
{
  JsonObject *data = json_object_has_member (response, "data")
                         ? json_object_get_object_member (response, "data")
                         : NULL;
  gint64 id
      = data ? json_object_get_int_member_with_default (data, "id", 0) : 0;
  if (id == 0)
    fail (v, "Janus gave no id");
  return id;
}

static void
start (LgJanusViewer *v, const char *answer)
{
  g_autoptr (JsonBuilder) b = json_builder_new ();
  json_builder_begin_object (b);
  bl_json_string (b, "janus", "message");
  bl_json_string (b, "transaction", "start");
  bl_json_begin_object (b, "body");
  bl_json_string (b, "request", "start");
  json_builder_end_object (b);
  bl_json_begin_object (b, "jsep");
  bl_json_string (b, "type", "answer");
  bl_json_string (b, "sdp", answer);
  bl_json_bool (b, "trickle", FALSE);
  json_builder_end_object (b);
  json_builder_end_object (b);
  g_autoptr (JsonNode) root = json_builder_get_root (b);
  g_autofree char *text = json_to_string (root, FALSE);
  ask (v, text, NULL);
}

static void
on_event (LgJanusViewer *v, JsonObject *event)
{
  if (!json_object_has_member (event, "jsep")) {
    if (!v->settled)
      ask (v, NULL, on_event);
    return;
  }
  JsonObject *jsep = json_object_get_object_member (event, "jsep");
  g_autofree char *answer = v->janus->events.offered (
      json_object_get_string_member (jsep, "sdp"), v->user_data);
  v->settled = TRUE;
  if (answer)
    start (v, answer);
}

static void
on_ignored (LgJanusViewer *v, JsonObject *response)
{
}

static void
on_attached (LgJanusViewer *v, JsonObject *response)
{
  g_autofree char *watch
      = g_strdup_printf ("{\"janus\":\"message\",\"transaction\":\"watch\","
                         "\"body\":{\"request\":\"watch\",\"id\":%d}}",
                         v->janus->mountpoint);
  v->handle = id_of (v, response);
  if (v->handle == 0)
    return;
  v->janus->events.asking (v->user_data);
  ask (v, watch, on_ignored);
  ask (v, NULL, on_event);
}

static void
on_created (LgJanusViewer *v, JsonObject *response)
{
  v->session = id_of (v, response);
  if (v->session)
    ask (v,
         "{\"janus\":\"attach\",\"plugin\":\"janus.plugin.streaming\","
         "\"transaction\":\"attach\"}",
         on_attached);
}

LgJanusViewer *
lg_janus_watch (LgJanus *janus, gpointer user_data)
{
  LgJanusViewer *v = g_new0 (LgJanusViewer, 1);
  v->janus = janus;
  v->user_data = user_data;
  ask (v, "{\"janus\":\"create\",\"transaction\":\"create\"}", on_created);
  return v;
}

void
lg_janus_keep (LgJanusViewer *v)
{
  gint64 handle = v->handle;
  if (!v->session || v->done)
    return;
  v->handle = 0; /* it is the session that is kept */
  ask (v, "{\"janus\":\"keepalive\",\"transaction\":\"keep\"}", NULL);
  v->handle = handle;
}

void
lg_janus_leave (LgJanusViewer *v, void (*done) (gpointer), gpointer done_data)
{
  v->done = done;
  v->done_data = done_data;
  v->handle = 0;
  if (v->session)
    ask (v, "{\"janus\":\"destroy\",\"transaction\":\"destroy\"}", NULL);
  else
    finish (v);
}

LgJanus *
lg_janus_new (const char *url, int mountpoint, int viewers,
              const LgJanusEvents *events)
{
  LgJanus *janus = g_new0 (LgJanus, 1);
  janus->url = g_strdup (url);
  janus->mountpoint = mountpoint;
  janus->events = *events;
  janus->http = soup_session_new_with_options (
      "timeout", TIMEOUT_S, "max-conns", 2 * viewers + 8, "max-conns-per-host",
      2 * viewers + 8, NULL);
  return janus;
}

void
lg_janus_free (LgJanus *janus)
{
  if (!janus)
    return;
  soup_session_abort (janus->http);
  g_object_unref (janus->http);
  g_free (janus->url);
  g_free (janus);
}
