/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "vehicle.whip"
#include "vehicle/whip.h"

#include <libsoup/soup.h>
#include <stdbool.h>
#include <string.h>

#include "base/log.h"
#include "signal/link.h"
#include "signal/sdpfrag.h"
#include "vehicle/interfaces.h"
#include "vehicle/whip_error.h"

#define TIMEOUT_S      6
#define MAX_REDIRECTS  3
#define MAX_BODY_BYTES 65536

struct BlWhip {
  BlWhipOptions options;
  SoupSession *session;
  char **networks; /* NULL: by the routes */
  gint64 expires_unix_s;
};

/* One request, from its start to its reply; the task's data. */
typedef struct {
  BlWhip *whip;
  const char *method;
  char *url;
  char *content_type; /* NULL: no body */
  char *body;
  char *call_id; /* NULL: none */
  char *if_match;
  guint redirects;
  GTlsCertificate *certificate;
  GTlsCertificateFlags relay_flags; /* what is wrong with the relay's */
  SoupMessage *message;

  char **networks; /* NULL: by the routes, or a connection that there is */
  guint attempts;  /* before this one */
  bool connected;  /* the request may have been sent */
  bool old_tls;    /* it has not: the relay's TLS is too old for it */
  GCancellable *attempt;
  gulong cancelled_handler;
  GSource *next_network;
  guint8 buffer[MAX_BODY_BYTES + 1];
} Request;

static void send_request (GTask *task);

static void
request_free (gpointer data)
{
  Request *r = data;
  g_free (r->url);
  g_free (r->content_type);
  g_free (r->body);
  g_free (r->call_id);
  g_free (r->if_match);
  g_clear_object (&r->certificate);
  g_clear_object (&r->message);
  g_strfreev (r->networks);
  g_free (r);
}

void
bl_whip_reply_free (BlWhipReply *reply)
{
  if (!reply)
    return;
  g_free (reply->body);
  g_free (reply->session_url);
  g_free (reply->etag);
  g_ptr_array_unref (reply->servers);
  g_free (reply);
}

/* --- certificates
 * ----------------------------------------------------------------- */

static GTlsCertificate *
load_certificate (BlWhip *whip, GError **error)
{
  const BlWhipOptions *o = &whip->options;
  g_autoptr (GError) why = NULL;
  g_autoptr (GTlsCertificate) certificate
      = g_tls_certificate_new_from_files (o->certificate, o->key, &why);
  if (!certificate) {
    g_set_error (error, BL_WHIP_ERROR, BL_WHIP_ERROR_CERTIFICATE,
                 "can't use this vehicle's certificate %s with the key %s: %s",
                 o->certificate, o->key, why->message);
    return NULL;
  }
  g_autoptr (GDateTime) end
      = g_tls_certificate_get_not_valid_after (certificate);
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  if (end && g_date_time_compare (end, now) < 0) {
    g_autofree char *date = g_date_time_format (end, "%Y-%m-%d");
    g_set_error (error, BL_WHIP_ERROR, BL_WHIP_ERROR_CERTIFICATE,
                 "this vehicle's certificate %s expired on %s: install a new"
                 " one (certs/README.md), and check the clock",
                 o->certificate, date);
    return NULL;
  }
  whip->expires_unix_s = end ? g_date_time_to_unix (end) : 0;
  return g_steal_pointer (&certificate);
}

BlWhip *
bl_whip_new (const BlWhipOptions *options, GError **error)
{
  g_autoptr (BlWhip) whip = g_new0 (BlWhip, 1);
  whip->options = *options;
  whip->session = soup_session_new ();
  soup_session_set_timeout (whip->session, TIMEOUT_S);
  soup_session_set_user_agent (whip->session, "bluelight-vehicle/" BL_VERSION);
  if (options->certificate) {
    g_autoptr (GTlsCertificate) certificate = load_certificate (whip, error);
    if (!certificate)
      return NULL;
  }
  if (options->ca) {
    g_autoptr (GError) why = NULL;
    g_autoptr (GTlsDatabase) database
        = g_tls_file_database_new (options->ca, &why);
    if (!database) {
      g_set_error (error, BL_WHIP_ERROR, BL_WHIP_ERROR_CERTIFICATE,
                   "can't read the relay's CA %s: %s; see [relay] ca",
                   options->ca, why->message);
      return NULL;
    }
    soup_session_set_tls_database (whip->session, database);
  }
  return g_steal_pointer (&whip);
}

void
bl_whip_free (BlWhip *whip)
{
  if (!whip)
    return;
  soup_session_abort (whip->session);
  g_object_unref (whip->session);
  g_strfreev (whip->networks);
  g_free (whip);
}

void
bl_whip_set_networks (BlWhip *whip, const char *const *networks)
{
  g_strfreev (whip->networks);
  whip->networks = g_strdupv ((char **)networks);
}

gint64
bl_whip_certificate_expires_unix_s (const BlWhip *whip)
{
  return whip->expires_unix_s;
}

/* --- the reply
 * ----------------------------------------------------------------------- */

static BlWhipReply *
make_reply (Request *r, const char *body, GError **error)
{
  SoupMessageHeaders *headers = soup_message_get_response_headers (r->message);
  g_autoptr (BlWhipReply) reply = g_new0 (BlWhipReply, 1);
  reply->body = g_strdup (body);
  const char *etag = soup_message_headers_get_one (headers, "ETag");
  reply->etag = etag ? bl_etag_unquote (etag) : NULL;
  reply->servers
      = bl_link_parse (soup_message_headers_get_list (headers, "Link"));
  if (!g_str_equal (r->method, "POST"))
    return g_steal_pointer (&reply);

  const char *location = soup_message_headers_get_one (headers, "Location");
  g_autoptr (GUri) url
      = location ? g_uri_parse_relative (soup_message_get_uri (r->message),
                                         location, SOUP_HTTP_URI_FLAGS, NULL)
                 : NULL;
  if (!url || !bl_whip_same_scheme (url, soup_message_get_uri (r->message))) {
    g_set_error (error, BL_WHIP_ERROR, BL_WHIP_ERROR_RELAY,
                 "%s took the offer but did not say where the session is"
                 " (Location “%s”): it speaks no WHIP",
                 r->url, location ? location : "");
    return NULL;
  }
  reply->session_url = g_uri_to_string (url);
  return g_steal_pointer (&reply);
}

/* TRUE: the request is on its way to another place. */
static gboolean
follow_redirect (GTask *task, Request *r, guint status)
{
  if (status != SOUP_STATUS_TEMPORARY_REDIRECT
      && status != SOUP_STATUS_PERMANENT_REDIRECT)
    return FALSE;
  const char *location = soup_message_headers_get_one (
      soup_message_get_response_headers (r->message), "Location");
  g_autoptr (GUri) url
      = location ? g_uri_parse_relative (soup_message_get_uri (r->message),
                                         location, SOUP_HTTP_URI_FLAGS, NULL)
                 : NULL;
  if (!url || r->redirects++ == MAX_REDIRECTS
      || !bl_whip_same_scheme (url, soup_message_get_uri (r->message)))
    return FALSE;
  g_free (r->url);
  r->url = g_uri_to_string (url);
  r->connected = false;
  send_request (task);
  return TRUE;
}

static void
on_body (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Request *r = g_task_get_task_data (task);
  gsize length = 0;
  g_autoptr (GError) why = NULL;
  if (!g_input_stream_read_all_finish (G_INPUT_STREAM (source), result, &length,
                                       &why)) {
    g_task_return_error (task,
                         bl_whip_transport_error (r->url, why, r->relay_flags));
    return;
  }
  if (length > MAX_BODY_BYTES) {
    g_task_return_new_error (task, BL_WHIP_ERROR, BL_WHIP_ERROR_RELAY,
                             "%s answered with more than %d bytes: it speaks"
                             " no WHIP",
                             r->url, MAX_BODY_BYTES);
    return;
  }
  g_autofree char *body = g_strndup ((char *)r->buffer, length);
  guint status = soup_message_get_status (r->message);
  if (follow_redirect (task, r, status)) {
    (void)g_steal_pointer (&task);
    return;
  }
  GError *error = bl_whip_status_error (r->method, r->url, status, body);
  BlWhipReply *reply = error ? NULL : make_reply (r, body, &error);
  if (error)
    g_task_return_error (task, error);
  else
    g_task_return_pointer (task, reply, (GDestroyNotify)bl_whip_reply_free);
}

/* --- one network after the other
 * ------------------------------------------------ */

static bool
is_last_attempt (const Request *r)
{
  guint n = r->networks ? g_strv_length (r->networks) : 0;
  return n < 2 || r->attempts >= n;
}

static gboolean
on_next_network (gpointer data)
{
  g_cancellable_cancel (((Request *)data)->attempt);
  return G_SOURCE_REMOVE;
}

static void
stop_waiting (Request *r)
{
  if (!r->next_network)
    return;
  g_source_destroy (r->next_network);
  g_clear_pointer (&r->next_network, g_source_unref);
}

static void
on_cancelled (GCancellable *cancellable, gpointer attempt)
{
  g_cancellable_cancel (attempt);
}

static void
begin_attempt (GTask *task, Request *r)
{
  GCancellable *cancellable = g_task_get_cancellable (task);
  r->attempt = g_cancellable_new ();
  if (cancellable)
    r->cancelled_handler = g_cancellable_connect (
        cancellable, G_CALLBACK (on_cancelled), r->attempt, NULL);
  if (is_last_attempt (r))
    return;
  r->next_network = g_timeout_source_new (BL_WHIP_NEXT_MS);
  g_source_set_callback (r->next_network, on_next_network, r, NULL);
  g_source_attach (r->next_network, g_main_context_get_thread_default ());
}

static void
end_attempt (GTask *task, Request *r)
{
  stop_waiting (r);
  g_cancellable_disconnect (g_task_get_cancellable (task),
                            r->cancelled_handler);
  g_clear_object (&r->attempt);
}

/* GIO takes whatever TLS GnuTLS knows, and that goes back to 1.0. */
static bool
has_old_tls (GIOStream *stream)
{
  return G_IS_TLS_CONNECTION (stream)
         && g_tls_connection_get_protocol_version (G_TLS_CONNECTION (stream))
                < G_TLS_PROTOCOL_VERSION_TLS_1_2;
}

static void
on_network_event (SoupMessage *message, GSocketClientEvent event,
                  GIOStream *stream, gpointer data)
{
  Request *r = data;
  if (event == G_SOCKET_CLIENT_CONNECTED) {
    r->connected = true;
    stop_waiting (r);
  }
  if (event == G_SOCKET_CLIENT_TLS_HANDSHAKED && has_old_tls (stream)) {
    r->old_tls = true;
    g_cancellable_cancel (r->attempt);
  }
  if (event != G_SOCKET_CLIENT_CONNECTING || !r->networks || !*r->networks)
    return;
  const char *network = r->networks[r->attempts % g_strv_length (r->networks)];
  g_autoptr (GError) error = NULL;
  int fd = g_socket_get_fd (
      g_socket_connection_get_socket (G_SOCKET_CONNECTION (stream)));
  if (*network && !bl_interface_bind (fd, network, &error))
    bl_debug ("%s", error->message);
}

/* TRUE: it is tried by another network. */
static gboolean
try_next_network (GTask *task, Request *r, const GError *why)
{
  if (r->connected || is_last_attempt (r)
      || g_cancellable_is_cancelled (g_task_get_cancellable (task)))
    return FALSE;
  bl_debug ("%s %s by “%s”: %s", r->method, r->url, r->networks[r->attempts],
            why->message);
  r->attempts++;
  send_request (task);
  return TRUE;
}

static void
on_headers (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Request *r = g_task_get_task_data (task);
  g_autoptr (GError) why = NULL;
  g_autoptr (GInputStream) stream
      = soup_session_send_finish (SOUP_SESSION (source), result, &why);
  end_attempt (task, r);
  if (r->old_tls) {
    g_task_return_error (task, bl_whip_old_tls_error (r->url));
    return;
  }
  if (!stream && try_next_network (task, r, why)) {
    (void)g_steal_pointer (&task);
    return;
  }
  if (!stream) {
    g_task_return_error (task,
                         bl_whip_transport_error (r->url, why, r->relay_flags));
    return;
  }
  g_input_stream_read_all_async (
      stream, r->buffer, sizeof r->buffer, G_PRIORITY_DEFAULT,
      g_task_get_cancellable (task), on_body, g_object_ref (task));
}

/* --- the request
 * -------------------------------------------------------------------- */

/* Never accepts what didn't pass; only remembers why. */
static gboolean
on_relay_certificate (SoupMessage *message, GTlsCertificate *certificate,
                      GTlsCertificateFlags flags, gpointer data)
{
  ((Request *)data)->relay_flags = flags;
  return FALSE;
}

static gboolean
on_certificate_wanted (SoupMessage *message, GTlsClientConnection *connection,
                       gpointer data)
{
  Request *r = data;
  if (!r->certificate)
    return FALSE;
  soup_message_set_tls_client_certificate (message, r->certificate);
  return TRUE;
}

static void
set_headers (Request *r)
{
  SoupMessageHeaders *headers = soup_message_get_request_headers (r->message);
  if (r->call_id)
    soup_message_headers_replace (headers, "Bluelight-Call", r->call_id);
  if (r->if_match)
    soup_message_headers_replace (headers, "If-Match", r->if_match);
  if (r->body) {
    g_autoptr (GBytes) bytes = g_bytes_new (r->body, strlen (r->body));
    soup_message_set_request_body_from_bytes (r->message, r->content_type,
                                              bytes);
  }
}

static void
send_request (GTask *task)
{
  Request *r = g_task_get_task_data (task);
  g_clear_object (&r->message);
  r->message = soup_message_new (r->method, r->url);
  if (!r->message) {
    g_task_return_new_error (task, BL_WHIP_ERROR, BL_WHIP_ERROR_RELAY,
                             "“%s” is no address", r->url);
    g_object_unref (task);
    return;
  }
  soup_message_add_flags (r->message, SOUP_MESSAGE_NO_REDIRECT);
  if (r->networks)
    /* One that there is may go by a network that has died. */
    soup_message_add_flags (r->message, SOUP_MESSAGE_NEW_CONNECTION);
  g_signal_connect (r->message, "accept-certificate",
                    G_CALLBACK (on_relay_certificate), r);
  g_signal_connect (r->message, "request-certificate",
                    G_CALLBACK (on_certificate_wanted), r);
  g_signal_connect (r->message, "network-event", G_CALLBACK (on_network_event),
                    r);
  set_headers (r);
  begin_attempt (task, r);
  soup_session_send_async (r->whip->session, r->message, G_PRIORITY_DEFAULT,
                           r->attempt, on_headers, task);
}

/* Takes `url`. */
static void
start (BlWhip *whip, const char *method, char *url, Request *r,
       GCancellable *cancellable, GAsyncReadyCallback callback,
       gpointer user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  g_task_set_task_data (task, r, request_free);
  r->whip = whip;
  r->method = method;
  r->url = url;
  /* Further candidates follow the offer at once, by its connection. */
  if (!r->if_match || g_str_equal (r->if_match, "*"))
    r->networks = g_strdupv (whip->networks);
  GError *error = NULL;
  if (whip->options.certificate
      && !(r->certificate = load_certificate (whip, &error))) {
    g_task_return_error (task, error);
    g_object_unref (task);
    return;
  }
  send_request (task);
}

void
bl_whip_post (BlWhip *whip, const char *ed, const char *call_id,
              const char *offer, GCancellable *cancellable,
              GAsyncReadyCallback callback, gpointer user_data)
{
  Request *r = g_new0 (Request, 1);
  r->content_type = g_strdup ("application/sdp");
  r->body = g_strdup (offer);
  r->call_id = g_strdup (call_id);
  g_autofree char *escaped = g_uri_escape_string (ed, NULL, FALSE);
  start (whip, "POST",
         g_strdup_printf ("%s/whip/%s", whip->options.relay_url, escaped), r,
         cancellable, callback, user_data);
}

void
bl_whip_patch (BlWhip *whip, const char *session_url, const char *etag,
               const char *fragment, GCancellable *cancellable,
               GAsyncReadyCallback callback, gpointer user_data)
{
  Request *r = g_new0 (Request, 1);
  r->content_type = g_strdup (BL_SDPFRAG_TYPE);
  r->body = g_strdup (fragment);
  r->if_match = etag ? bl_etag_quote (etag) : g_strdup ("*");
  start (whip, "PATCH", g_strdup (session_url), r, cancellable, callback,
         user_data);
}

void
bl_whip_delete (BlWhip *whip, const char *session_url,
                GCancellable *cancellable, GAsyncReadyCallback callback,
                gpointer user_data)
{
  start (whip, "DELETE", g_strdup (session_url), g_new0 (Request, 1),
         cancellable, callback, user_data);
}

BlWhipReply *
bl_whip_finish (BlWhip *whip, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
