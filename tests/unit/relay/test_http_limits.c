/* SPDX-License-Identifier: Apache-2.0
 *
 * Connections that stay open between requests: how they end, and who gives
 * way when there are too many.
 */
#include "http_calls.h"
#include "relay/http_request.h"

#define REQUEST "GET /api/time HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

static gboolean
accept_any (GTlsConnection *tls, GTlsCertificate *certificate,
            GTlsCertificateFlags errors, gpointer user_data)
{
  return TRUE;
}

static void
on_done (GObject *source, GAsyncResult *result, gpointer user_data)
{
  *(GAsyncResult **)user_data = g_object_ref (result);
}

static GAsyncResult *
await (GAsyncResult **result)
{
  while (!*result)
    g_main_context_iteration (NULL, TRUE);
  return *result;
}

/* A client's connection by a door; over TLS, if the door wants it. */
static GIOStream *
connect_to (BlDoor door)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GAsyncResult) shaken = NULL;
  GSocketConnection *tcp = g_socket_client_connect_to_host (
      client, "127.0.0.1", bl_http_port (site.http, door), NULL, NULL);
  ck_assert_ptr_nonnull (tcp);
  if (door == BL_DOOR_LOOPBACK)
    return G_IO_STREAM (tcp);
  GIOStream *tls = g_tls_client_connection_new (G_IO_STREAM (tcp), NULL, NULL);
  g_object_unref (tcp);
  g_signal_connect (tls, "accept-certificate", G_CALLBACK (accept_any), NULL);
  g_tls_connection_handshake_async (G_TLS_CONNECTION (tls), G_PRIORITY_DEFAULT,
                                    NULL, on_done, &shaken);
  ck_assert (g_tls_connection_handshake_finish (G_TLS_CONNECTION (tls),
                                                await (&shaken), NULL));
  return tls;
}

/* A request and its whole answer; FALSE if the connection was closed instead.
 */
static gboolean
ask_on (GIOStream *stream)
{
  char answer[4096] = "";
  gsize length = 0;
  GInputStream *in = g_io_stream_get_input_stream (stream);
  if (!g_output_stream_write_all (g_io_stream_get_output_stream (stream),
                                  REQUEST, strlen (REQUEST), NULL, NULL, NULL))
    return FALSE;
  while (!strchr (answer, '}')) {
    g_autoptr (GAsyncResult) result = NULL;
    g_input_stream_read_async (in, answer + length, sizeof answer - 1 - length,
                               G_PRIORITY_DEFAULT, NULL, on_done, &result);
    gssize n = g_input_stream_read_finish (in, await (&result), NULL);
    if (n <= 0)
      return FALSE;
    length += (gsize)n;
    answer[length] = '\0';
  }
  return g_str_has_prefix (answer, "HTTP/1.1 200");
}

/* Until the relay has so many connections; the test's time is the limit. */
static void
await_connections (guint count)
{
  while (site.http->connections[0] + site.http->connections[2] != count)
    g_main_context_iteration (NULL, TRUE);
}

/* A process's first connection is closed after its answer. */
static void
setup (void)
{
  const Ask first = { .method = "GET", .path = "/api/time" };
  site_setup ();
  ck_assert_uint_eq (site_status (&first), 200);
  await_connections (0);
}

static const BlDoor doors[] = { BL_DOOR_LOOPBACK, BL_DOOR_MAIN };

START_TEST (a_connection_serves_many_requests_and_goes_with_its_client)
{
  GIOStream *streams[3];
  for (guint i = 0; i < G_N_ELEMENTS (streams); i++) {
    streams[i] = connect_to (doors[_i]);
    for (guint j = 0; j < 3; j++)
      ck_assert (ask_on (streams[i]));
  }
  ck_assert_uint_eq (site.http->idle.length, 3);
  for (guint i = 0; i < G_N_ELEMENTS (streams); i++)
    g_object_unref (streams[i]);
  await_connections (0);
  ck_assert_uint_eq (site.http->idle.length, 0);
}
END_TEST

/* With TLS's goodbye, and without. */
START_TEST (a_client_that_says_goodbye_is_forgotten_too)
{
  g_autoptr (GIOStream) polite = connect_to (BL_DOOR_MAIN);
  ck_assert (ask_on (polite));
  ck_assert (g_io_stream_close (polite, NULL, NULL));
  await_connections (0);

  GIOStream *rude = connect_to (BL_DOOR_MAIN);
  ck_assert (ask_on (rude));
  g_autoptr (GIOStream) base = NULL;
  g_object_get (rude, "base-io-stream", &base, NULL);
  GSocket *socket = g_socket_connection_get_socket (G_SOCKET_CONNECTION (base));
  ck_assert (g_socket_close (socket, NULL));
  g_object_unref (rude);
  await_connections (0);
}
END_TEST

/* As one who doesn't know our certificate, or is no TLS client at all. */
START_TEST (a_handshake_that_fails_is_forgotten)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnection) tcp = g_socket_client_connect_to_host (
      client, "127.0.0.1", bl_http_port (site.http, BL_DOOR_MAIN), NULL, NULL);
  g_autoptr (GIOStream) tls
      = g_tls_client_connection_new (G_IO_STREAM (tcp), NULL, NULL);
  g_autoptr (GAsyncResult) result = NULL;
  g_tls_connection_handshake_async (G_TLS_CONNECTION (tls), G_PRIORITY_DEFAULT,
                                    NULL, on_done, &result);
  ck_assert (!g_tls_connection_handshake_finish (G_TLS_CONNECTION (tls),
                                                 await (&result), NULL));
  g_io_stream_close (G_IO_STREAM (tcp), NULL, NULL);
  await_connections (0);
  g_free (site_raw (BL_DOOR_MAIN, "GET / HTTP/1.1\r\n\r\n", 18, 10));
  await_connections (0);
}
END_TEST

START_TEST (the_one_that_was_idle_for_longest_makes_room)
{
  site.max_connections = 2;
  site_restart ();
  g_autoptr (GIOStream) first = connect_to (doors[_i]);
  g_autoptr (GIOStream) second = connect_to (doors[_i]);
  ck_assert (ask_on (first));
  ck_assert (ask_on (second));
  ck_assert (ask_on (first)); /* now the second is idle for longer */
  g_autoptr (GIOStream) third = connect_to (doors[_i]);
  ck_assert (ask_on (third));
  ck_assert (ask_on (first));
  ck_assert (!ask_on (second));
  await_connections (2);
}
END_TEST

int
main (void)
{
  const SuiteTest tests[] = {
    { a_connection_serves_many_requests_and_goes_with_its_client,
      G_N_ELEMENTS (doors) },
    { a_client_that_says_goodbye_is_forgotten_too, 0 },
    { a_handshake_that_fails_is_forgotten, 0 },
    { the_one_that_was_idle_for_longest_makes_room, G_N_ELEMENTS (doors) },
  };
  if (!site_mint ())
    return EXIT_FAILURE;
  int status = run_table ("relay/http_limits", tests, G_N_ELEMENTS (tests),
                          setup, site_teardown);
  site_unmint ();
  return status;
}
