/* SPDX-License-Identifier: Apache-2.0
 *
 * libsoup has no deadlines of its own. Each connection's socket carries one
 * timer, which is moved at each step of a request; when it fires the socket is
 * shut down and libsoup cleans up as for any client that goes away.
 */
#define BL_LOG_TOPIC "relay.http"
#include "base/log.h"
#include "relay/http_request.h"

#define DATA_KEY "bl-connection"

typedef struct {
  BlHttp *http;
  GSocket *socket; /* owns this */
  char *address;
  guint *open; /* how many its door has; a flood of one spares the others */
  guint timer;
} Connection;

static void
free_connection (Connection *connection)
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
  g_clear_handle_id (&connection->timer, g_source_remove);
  g_free (connection->address);
  g_free (connection);
}

static gboolean
on_deadline (gpointer user_data)
{
  Connection *connection = user_data;
  connection->timer = 0;
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
static void
arm_again (SoupServerMessage *msg, guint seconds)
{
  GSocket *socket = soup_server_message_get_socket (msg);
  Connection *connection
      = socket ? g_object_get_data (G_OBJECT (socket), DATA_KEY) : NULL;
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
  arm_again (msg, BL_HTTP_IDLE_S);
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
  connection->socket = socket;
  connection->address = bl_request_address (&request);
  guint count = GPOINTER_TO_UINT (
      g_hash_table_lookup (http->per_address, connection->address));
  g_hash_table_insert (http->per_address, g_strdup (connection->address),
                       GUINT_TO_POINTER (count + 1));
  connection->open = &http->connections[index];
  ++*connection->open;
  g_object_set_data_full (G_OBJECT (socket), DATA_KEY, connection,
                          (GDestroyNotify)free_connection);
  if (*connection->open > http->context.max_connections
      || count >= BL_HTTP_MAX_FROM_ONE_ADDRESS) {
    bl_warning ("too many connections (%u, %u of them from %s): one is closed",
                *connection->open, count + 1, connection->address);
    g_socket_shutdown (socket, TRUE, TRUE, NULL);
  }
  return connection;
}

void
bl_http_guard (BlHttp *http, guint index, SoupServerMessage *msg)
{
  GSocket *socket = soup_server_message_get_socket (msg);
  if (!socket)
    return;
  Connection *connection = connection_of (http, index, msg, socket);
  arm (connection, http->context.request_s);
  g_signal_connect (msg, "got-body", G_CALLBACK (on_got_body), NULL);
  g_signal_connect (msg, "wrote-body-data", G_CALLBACK (on_wrote), NULL);
  g_signal_connect (msg, "finished", G_CALLBACK (on_finished), NULL);
}

void
bl_http_abort (SoupServerMessage *msg)
{
  GSocket *socket = soup_server_message_get_socket (msg);
  if (socket)
    g_socket_shutdown (socket, TRUE, TRUE, NULL);
}
