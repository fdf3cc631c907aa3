/* SPDX-License-Identifier: Apache-2.0 */
#include "whep.h"

#include <libsoup/soup.h>
#include <string.h>

#define TIMEOUT_S       10
#define MAX_CONNECTIONS 32

struct PeerWhep {
  SoupSession *session;
  char *url;
  char *authorization; /* NULL: none */
  char *call;          /* NULL: none was named */
};

typedef struct {
  PeerWhep *whep;
  SoupMessage *message;
  PeerWhepAnswer answered;
  void (*done) (gpointer);
  gpointer user_data;
} Request;

PeerWhep *
peer_whep_new (const char *url, const char *ca, const char *token,
               GError **error)
{
  PeerWhep *whep = g_new0 (PeerWhep, 1);
  whep->url = g_strdup (url);
  whep->authorization = token ? g_strdup_printf ("Bearer %s", token) : NULL;
  whep->session = soup_session_new_with_options (
      "timeout", TIMEOUT_S, "max-conns", MAX_CONNECTIONS, "max-conns-per-host",
      MAX_CONNECTIONS, NULL);
  if (ca) {
    g_autoptr (GTlsDatabase) database = g_tls_file_database_new (ca, error);
    if (!database) {
      peer_whep_free (whep);
      return NULL;
    }
    soup_session_set_tls_database (whep->session, database);
  }
  return whep;
}

void
peer_whep_free (PeerWhep *whep)
{
  if (!whep)
    return;
  soup_session_abort (whep->session);
  g_object_unref (whep->session);
  g_free (whep->url);
  g_free (whep->authorization);
  g_free (whep->call);
  g_free (whep);
}

static SoupMessage *
new_message (PeerWhep *whep, const char *method, const char *url)
{
  SoupMessage *message = soup_message_new (method, url);
  if (message && whep->authorization)
    soup_message_headers_replace (soup_message_get_request_headers (message),
                                  "Authorization", whep->authorization);
  return message;
}

static char *
session_url_of (SoupMessage *message)
{
  const char *location = soup_message_headers_get_one (
      soup_message_get_response_headers (message), "Location");
  g_autoptr (GUri) url
      = location ? g_uri_parse_relative (soup_message_get_uri (message),
                                         location, SOUP_HTTP_URI_FLAGS, NULL)
                 : NULL;
  return url ? g_uri_to_string (url) : NULL;
}

static void
on_answer (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autofree Request *request = data;
  g_autoptr (SoupMessage) message = request->message;
  GError *error = NULL;
  g_autoptr (GBytes) bytes = soup_session_send_and_read_finish (
      SOUP_SESSION (source), result, &error);
  if (!bytes) {
    request->answered (NULL, NULL, error, request->user_data);
    return;
  }
  g_autofree char *body
      = g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  g_autofree char *session_url = session_url_of (message);
  guint status = soup_message_get_status (message);
  if (status != SOUP_STATUS_CREATED || !session_url) {
    error = g_error_new (G_IO_ERROR, G_IO_ERROR_FAILED, "HTTP %u: %s", status,
                         body);
    request->answered (NULL, NULL, error, request->user_data);
    return;
  }
  g_free (request->whep->call);
  request->whep->call = g_strdup (soup_message_headers_get_one (
      soup_message_get_response_headers (message), "Bluelight-Call"));
  request->answered (g_steal_pointer (&body), g_steal_pointer (&session_url),
                     NULL, request->user_data);
}

void
peer_whep_post (PeerWhep *whep, const char *offer, PeerWhepAnswer answered,
                gpointer user_data)
{
  SoupMessage *message = new_message (whep, "POST", whep->url);
  if (!message) {
    answered (NULL, NULL,
              g_error_new (G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                           "“%s” is no address", whep->url),
              user_data);
    return;
  }
  /* Else libsoup makes a new connection for each POST; a browser that watches
   * has one from loading the page. */
  soup_message_add_flags (message, SOUP_MESSAGE_IDEMPOTENT);
  g_autoptr (GBytes) body = g_bytes_new (offer, strlen (offer));
  soup_message_set_request_body_from_bytes (message, "application/sdp", body);
  Request *request = g_new (Request, 1);
  *request = (Request){ .whep = whep,
                        .message = message,
                        .answered = answered,
                        .user_data = user_data };
  soup_session_send_and_read_async (whep->session, message, G_PRIORITY_DEFAULT,
                                    NULL, on_answer, request);
}

const char *
peer_whep_call (const PeerWhep *whep)
{
  return whep->call ? whep->call : "";
}

static void
on_deleted (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autofree Request *request = data;
  GBytes *bytes
      = soup_session_send_and_read_finish (SOUP_SESSION (source), result, NULL);
  g_clear_pointer (&bytes, g_bytes_unref);
  g_object_unref (request->message);
  request->done (request->user_data);
}

void
peer_whep_delete (PeerWhep *whep, const char *session_url,
                  void (*done) (gpointer user_data), gpointer user_data)
{
  Request *request = g_new (Request, 1);
  *request = (Request){ .message = new_message (whep, "DELETE", session_url),
                        .done = done,
                        .user_data = user_data };
  soup_session_send_and_read_async (whep->session, request->message,
                                    G_PRIORITY_DEFAULT, NULL, on_deleted,
                                    request);
}
