/* SPDX-License-Identifier: Apache-2.0
 *
 * libsoup has no deadlines of its own. Each connection's socket carries one
 * timer, which is moved at each step of a request; when it fires the socket is
 * shut down and libsoup cleans up as for any client that goes away.
 *
 * But for three faults of libsoup before 3.4, which Debian 12 has. It reads the
 * end of a connection between two requests and then keeps it for good (mended
 * by its commit d20c6601); it keeps one whose TLS handshake failed (6308303e);
 * and it never lets go of the socket that it accepted (b545d5f0). So we watch
 * idle connections, and when one has ended let libsoup's server know by the
 * signal that its connections give when they end, which drops the server's
 * reference; and we drop the handshake's message and the socket for it. The
 * connection's class is private; we learn the object from the first argument of
 * its signal "request-started".
 */
#define BL_LOG_TOPIC "relay.http"
#include <glib-unix.h>
#include <poll.h>

#include "base/log.h"
#include "relay/http_request.h"

#define DATA_KEY  "bl-connection"
#define SOUP_KEY  "bl-soup-connection"
#define UNREAD_MS 200 /* until libsoup is asked again for the end it read */

typedef struct {
  BlHttp *http;
  GSocket *socket; /* owned */
  GObject *soup;   /* libsoup's connection, which owns this; NULL: not known */
  SoupServerMessage *initial; /* libsoup's, until TLS is up; or NULL */
  char *address;
  guint *open; /* how many its door has; a flood of one spares the others */
  guint timer;
  guint watch; /* for the client's end, while idle */
  GList link;  /* in http->idle, longest first, while `idle` */
  gboolean idle;
  gboolean ended; /* and no longer counted */
} Connection;

static gboolean
libsoup_forgets (void)
{
  return !soup_check_version (3, 4, 0);
}

/* A request has begun, or the connection ends. */
static void
leave_idle (Connection *connection)
{
  g_clear_handle_id (&connection->watch, g_source_remove);
  if (connection->idle)
    g_queue_unlink (&connection->http->idle, &connection->link);
  connection->idle = FALSE;
}

static void
uncount (Connection *connection)
{
  GHashTable *table = connection->http->per_address;
  guint count
      = GPOINTER_TO_UINT (g_hash_table_lookup (table, connection->address));

  if (count > 1)
    g_hash_table_insert (table, g_strdup (connection->address),
                         GUINT_TO_POINTER (count - 1));
  else
    g_hash_table_remove (table, connection->address);
  --*connection->open;
  leave_idle (connection);
  g_clear_handle_id (&connection->timer, g_source_remove);
  connection->ended = TRUE;
}

static void
free_connection (Connection *connection)
{
  if (!connection->ended)
    uncount (connection);
  g_object_set_data (G_OBJECT (connection->socket), DATA_KEY, NULL);
  if (libsoup_forgets ())
    g_object_unref (connection->socket);
  g_object_unref (connection->socket);
  g_free (connection->address);
  g_free (connection);
}

static void
on_connected (SoupServerMessage *msg, gpointer user_data)
{
  Connection *connection = user_data;
  connection->initial = NULL;
}

static void
on_disconnected (GObject *soup, gpointer user_data)
{
  Connection *connection = user_data;
  if (connection->ended)
    return;
  uncount (connection);
  if (libsoup_forgets ())
    g_clear_object (&connection->initial);
}

/* ---- the end of an idle connection ---- */

/* Libsoup has read the end, and has dropped what it kept for the next request,
 * once nobody but its server refers to the connection. */
static gboolean
on_ended (gpointer user_data)
{
  Connection *connection = user_data;
  connection->timer = 0;
  if (connection->soup->ref_count == 1)
    g_signal_emit_by_name (connection->soup, "disconnected");
  else
    connection->timer = g_timeout_add (UNREAD_MS, on_ended, connection);
  return G_SOURCE_REMOVE;
}

static void
end_idle (Connection *connection)
{
  leave_idle (connection);
  g_clear_handle_id (&connection->timer, g_source_remove);
  g_socket_shutdown (connection->socket, TRUE, TRUE, NULL);
  /* After libsoup's turn to read it. */
  if (libsoup_forgets () && connection->soup)
    connection->timer
        = g_idle_add_full (G_PRIORITY_LOW, on_ended, connection, NULL);
}

static gboolean
on_hang_up (gint fd, GIOCondition condition, gpointer user_data)
{
  Connection *connection = user_data;
  connection->watch = 0;
  end_idle (connection);
  return G_SOURCE_REMOVE;
}

static void
enter_idle (Connection *connection)
{
  if (connection->idle)
    return;
  connection->idle = TRUE;
  g_queue_push_tail_link (&connection->http->idle, &connection->link);
  if (libsoup_forgets ())
    connection->watch = g_unix_fd_add_full (
        G_PRIORITY_LOW, g_socket_get_fd (connection->socket),
        (GIOCondition)POLLRDHUP, on_hang_up, connection, NULL);
}

/* ---- deadlines ---- */

static gboolean
on_deadline (gpointer user_data)
{
  Connection *connection = user_data;
  connection->timer = 0;
  if (connection->idle)
    end_idle (connection);
  else
    g_socket_shutdown (connection->socket, TRUE, TRUE, NULL);
  return G_SOURCE_REMOVE;
}

static void
arm (Connection *connection, guint seconds)
{
  g_clear_handle_id (&connection->timer, g_source_remove);
  connection->timer = g_timeout_add_seconds (seconds, on_deadline, connection);
}

/* A message may outlive its socket: look it up each time. */
static Connection *
find_connection (SoupServerMessage *msg)
{
  GSocket *socket = soup_server_message_get_socket (msg);
  return socket ? g_object_get_data (G_OBJECT (socket), DATA_KEY) : NULL;
}

static void
arm_again (SoupServerMessage *msg, guint seconds)
{
  Connection *connection = find_connection (msg);
  if (connection)
    arm (connection, seconds);
}

static void
on_got_body (SoupServerMessage *msg, gpointer user_data)
{
  arm_again (msg, BL_HTTP_STALL_S);
}

static void
on_wrote (SoupServerMessage *msg, guint length, gpointer user_data)
{
  arm_again (msg, BL_HTTP_STALL_S);
}

static void
on_finished (SoupServerMessage *msg, gpointer user_data)
{
  BlRequest *request = bl_request_of (msg);
  guint class = soup_server_message_get_status (msg) / 100;
  if (class < G_N_ELEMENTS (request->http->requests))
    request->http->requests[class]++;
  Connection *connection = find_connection (msg);
  if (!connection)
    return;
  arm (connection, BL_HTTP_IDLE_S);
  enter_idle (connection);
}

/* ---- limits ---- */

/* Ends the connection that has been idle for longest, of those by this door
 * or, if given, from this address. */
static gboolean
make_room (BlHttp *http, const guint *open, const char *address)
{
  for (GList *link = http->idle.head; link; link = link->next) {
    Connection *connection = link->data;
    if (address ? g_str_equal (connection->address, address)
                : connection->open == open) {
      end_idle (connection);
      return TRUE;
    }
  }
  return FALSE;
}

static void
check_limits (Connection *connection, guint from_here)
{
  BlHttp *http = connection->http;
  if ((*connection->open <= http->context.max_connections
       || make_room (http, connection->open, NULL))
      && (from_here <= BL_HTTP_MAX_FROM_ONE_ADDRESS
          || make_room (http, connection->open, connection->address)))
    return;
  bl_warning ("too many connections (%u, %u of them from %s): one is closed",
              *connection->open, from_here, connection->address);
  g_socket_shutdown (connection->socket, TRUE, TRUE, NULL);
}

/* A connection that we don't know ends with its first message. */
static void
watch_end (Connection *connection, SoupServerMessage *msg)
{
  GObject *owner = connection->soup ? connection->soup : G_OBJECT (msg);
  g_object_set_data_full (owner, DATA_KEY, connection,
                          (GDestroyNotify)free_connection);
  if (!connection->soup)
    return;
  connection->initial = msg;
  g_signal_connect (msg, "connected", G_CALLBACK (on_connected), connection);
  g_signal_connect (owner, "disconnected", G_CALLBACK (on_disconnected),
                    connection);
}

static Connection *
connection_of (BlHttp *http, guint index, SoupServerMessage *msg,
               GSocket *socket)
{
  Connection *connection = g_object_get_data (G_OBJECT (socket), DATA_KEY);
  if (connection)
    return connection;
  BlRequest request = { .msg = msg };
  connection = g_new0 (Connection, 1);
  connection->http = http;
  connection->socket = g_object_ref (socket);
  connection->soup = g_object_get_data (G_OBJECT (socket), SOUP_KEY);
  connection->address = bl_request_address (&request);
  guint count = GPOINTER_TO_UINT (
      g_hash_table_lookup (http->per_address, connection->address));
  g_hash_table_insert (http->per_address, g_strdup (connection->address),
                       GUINT_TO_POINTER (count + 1));
  connection->open = &http->connections[index];
  ++*connection->open;
  connection->link.data = connection;
  g_object_set_data (G_OBJECT (socket), DATA_KEY, connection);
  watch_end (connection, msg);
  check_limits (connection, count + 1);
  return connection;
}

/* "request-started" of libsoup's connections, before anybody else's turn. The
 * pointer is good while the connection lives, and it is who calls us. */
static gboolean
note_connection (GSignalInvocationHint *hint, guint n_values,
                 const GValue *values, gpointer user_data)
{
  GObject *soup = g_value_get_object (&values[0]);
  g_autoptr (GSocket) socket = NULL;
  g_object_get (soup, "socket", &socket, NULL);
  if (socket)
    g_object_set_data (G_OBJECT (socket), SOUP_KEY, soup);
  return TRUE;
}

/* The class is there once there has been a connection: it is found in the
 * middle of the first one's signal, which is too late for that one. */
static void
hook_connections (void)
{
  static gboolean hooked;
  GType type = g_type_from_name ("SoupServerConnection");
  guint signal = type ? g_signal_lookup ("request-started", type) : 0;
  if (!hooked && signal)
    g_signal_add_emission_hook (signal, 0, note_connection, NULL, NULL);
  hooked = TRUE;
}

void
bl_http_guard (BlHttp *http, guint index, SoupServerMessage *msg)
{
  GSocket *socket = soup_server_message_get_socket (msg);
  if (!socket)
    return;
  hook_connections ();
  Connection *connection = connection_of (http, index, msg, socket);
  leave_idle (connection);
  arm (connection, http->context.request_s);
  g_signal_connect (msg, "got-body", G_CALLBACK (on_got_body), NULL);
  g_signal_connect (msg, "wrote-body-data", G_CALLBACK (on_wrote), NULL);
  g_signal_connect (msg, "finished", G_CALLBACK (on_finished), NULL);
}

gboolean
bl_http_may_keep (SoupServerMessage *msg)
{
  const Connection *connection = find_connection (msg);
  return connection && connection->soup;
}

void
bl_http_abort (SoupServerMessage *msg)
{
  GSocket *socket = soup_server_message_get_socket (msg);
  if (socket)
    g_socket_shutdown (socket, TRUE, TRUE, NULL);
}
