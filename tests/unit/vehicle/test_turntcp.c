/* SPDX-License-Identifier: Apache-2.0
 *
 * TURN over TCP and TLS against small servers in the same main context, with
 * certificates made by certs/mint (BL_MINT), and an old one by openssl. What is
 * carried is opaque to it, so the servers echo.
 */
#include "vehicle/turntcp.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../run_suite.h"
#include "old_tls.h"

#define ECHO_BYTES  1000000
#define FLOOD_BYTES (64 * 1024 * 1024)
#define FEW_BYTES   (32 * 1024 * 1024)

/* --- certificates
 * ------------------------------------------------------------ */

static char *folder;

static void
run (const char *command)
{
  int status = 0;
  g_autofree char *errors = NULL;
  char *argv[] = { (char *)"sh", (char *)"-ec", (char *)command, NULL };
  g_autoptr (GError) error = NULL;
  ck_assert_msg (g_spawn_sync (folder, argv, NULL, G_SPAWN_SEARCH_PATH, NULL,
                               NULL, NULL, &errors, &status, &error),
                 "%s", error ? error->message : "");
  ck_assert_msg (status == 0, "%s: %s", command, errors);
}

static void
make_certificates (void)
{
  ck_assert_msg (g_getenv ("BL_MINT"), "set BL_MINT to certs/mint");
  folder = g_dir_make_tmp ("bl-turn-XXXXXX", NULL);
  run ("for ca in mine other named; do $BL_MINT ca $ca; done;"
       "$BL_MINT relay mine 127.0.0.1; $BL_MINT relay named t.example;"
       "mkdir old; openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=old"
       "  -addext subjectAltName=IP:127.0.0.1 -keyout old/ca.key"
       "  -out old/ca.pem");
}

static void
remove_certificates (void)
{
  run ("rm -r \"$PWD\"");
  g_free (folder);
}

/* --- a server
 * ---------------------------------------------------------------- */

static struct {
  GSocketService *service;
  guint16 port;
  GTlsCertificate *certificate; /* NULL: no TLS */
  bool deaf;                    /* doesn't read */
  GIOStream *kept;
  unsigned connections;
} server;

static void
on_echoed (GObject *source, GAsyncResult *result, gpointer data)
{
  g_object_unref (data);
}

static gboolean
on_incoming (GSocketService *service, GSocketConnection *connection,
             GObject *source, gpointer data)
{
  g_autoptr (GIOStream) stream = G_IO_STREAM (g_object_ref (connection));
  server.connections++;
  if (server.certificate) {
    GIOStream *tls
        = g_tls_server_connection_new (stream, server.certificate, NULL);
    g_object_unref (stream);
    stream = tls;
  }
  if (server.deaf)
    server.kept = g_steal_pointer (&stream);
  else
    g_output_stream_splice_async (
        g_io_stream_get_output_stream (stream),
        g_io_stream_get_input_stream (stream), G_OUTPUT_STREAM_SPLICE_NONE,
        G_PRIORITY_DEFAULT, NULL, on_echoed, g_object_ref (stream));
  return TRUE;
}

/* `certificates`: a folder of `make_certificates`; NULL: no TLS. */
static void
start_server (const char *certificates)
{
  server.service = g_socket_service_new ();
  server.port = g_socket_listener_add_any_inet_port (
      G_SOCKET_LISTENER (server.service), NULL, NULL);
  g_signal_connect (server.service, "incoming", G_CALLBACK (on_incoming), NULL);
  if (!certificates)
    return;
  g_autofree char *pem
      = g_build_filename (folder, certificates, "relay.pem", NULL);
  g_autofree char *key
      = g_build_filename (folder, certificates, "relay.key", NULL);
  server.certificate = g_tls_certificate_new_from_files (pem, key, NULL);
  ck_assert_ptr_nonnull (server.certificate);
}

static void
stop_server (void)
{
  g_socket_service_stop (server.service);
  g_socket_listener_close (G_SOCKET_LISTENER (server.service));
  g_clear_object (&server.service);
  g_clear_object (&server.certificate);
  g_clear_object (&server.kept);
  server.deaf = false;
  server.connections = 0;
}

/* --- the way to it
 * ----------------------------------------------------------- */

/* `ca`: a folder; NULL: no TLS. */
static BlTurnTcp *
new_turn (guint16 port, const char *ca)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GTlsDatabase) trust = NULL;
  if (ca) {
    g_autofree char *path = g_build_filename (folder, ca, "ca.pem", NULL);
    trust = g_tls_file_database_new (path, &error);
    ck_assert_msg (trust, "%s", error ? error->message : "");
  }
  BlTurnTcpOptions options = {
    .host = "127.0.0.1", .port = port, .tls = ca != NULL, .trust = trust
  };
  BlTurnTcp *turn = bl_turn_tcp_new (&options, &error);
  ck_assert_msg (turn, "%s", error ? error->message : "");
  return turn;
}

static GSocketConnection *
connect_to (const BlTurnTcp *turn)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GError) error = NULL;
  GSocketConnection *connection = g_socket_client_connect_to_host (
      client, bl_turn_tcp_host (turn), bl_turn_tcp_port (turn), NULL, &error);
  ck_assert_msg (connection, "%s", error ? error->message : "");
  return connection;
}

static void
on_count (GObject *source, GAsyncResult *result, gpointer data)
{
  gsize *out_count = data;
  gsize count = 0;
  if (G_IS_OUTPUT_STREAM (source))
    g_output_stream_write_all_finish (G_OUTPUT_STREAM (source), result, &count,
                                      NULL);
  else
    g_input_stream_read_all_finish (G_INPUT_STREAM (source), result, &count,
                                    NULL);
  *out_count = count;
}

/* What comes back for `length` bytes until all of them or the end; `buffer` is
 * overwritten. */
static gsize
converse (GSocketConnection *connection, guint8 *buffer, gsize length)
{
  gsize written = G_MAXSIZE, read = G_MAXSIZE;
  g_autofree guint8 *sent = g_memdup2 (buffer, length);
  g_output_stream_write_all_async (
      g_io_stream_get_output_stream (G_IO_STREAM (connection)), sent, length,
      G_PRIORITY_DEFAULT, NULL, on_count, &written);
  g_input_stream_read_all_async (
      g_io_stream_get_input_stream (G_IO_STREAM (connection)), buffer, length,
      G_PRIORITY_DEFAULT, NULL, on_count, &read);
  while (written == G_MAXSIZE || read == G_MAXSIZE)
    g_main_context_iteration (NULL, TRUE);
  return read;
}

static void
settle (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

/* --- tests
 * ------------------------------------------------------------------- */

static const struct {
  const char *certificates;
} kinds[] = { { NULL }, { "mine" } };

START_TEST (bytes_go_there_and_back_unchanged)
{
  start_server (kinds[_i].certificates);
  g_autoptr (BlTurnTcp) turn = new_turn (server.port, kinds[_i].certificates);
  g_autoptr (GSocketConnection) connection = connect_to (turn);
  g_autofree guint8 *bytes = g_malloc (ECHO_BYTES);
  for (gsize i = 0; i < ECHO_BYTES; i++)
    bytes[i] = (guint8)(i * 2654435761U >> 13);
  g_autofree guint8 *expected = g_memdup2 (bytes, ECHO_BYTES);
  ck_assert_uint_eq (converse (connection, bytes, ECHO_BYTES), ECHO_BYTES);
  ck_assert_mem_eq (bytes, expected, ECHO_BYTES);
  ck_assert_ptr_null (bl_turn_tcp_failure (turn));
  stop_server ();
}
END_TEST

static const struct {
  const char *certificates, *ca, *says;
} strangers[] = {
  { "mine", "other", "[ice] ca" },
  { "named", "named", "t.example" },
  { "named", "named", "another name" },
  { NULL, "mine", "TLS" },
};

START_TEST (a_server_that_is_not_to_be_trusted_gets_nothing_and_is_named)
{
  start_server (strangers[_i].certificates);
  g_autoptr (BlTurnTcp) turn = new_turn (server.port, strangers[_i].ca);
  g_autoptr (GSocketConnection) connection = connect_to (turn);
  guint8 bytes[100] = { 0 };
  ck_assert_uint_eq (converse (connection, bytes, sizeof bytes), 0);
  const char *failure = bl_turn_tcp_failure (turn);
  ck_assert_ptr_nonnull (failure);
  ck_assert_msg (strstr (failure, strangers[_i].says), "%s", failure);
  stop_server ();
}
END_TEST

START_TEST (a_server_that_is_not_there_is_named)
{
  start_server (NULL);
  guint16 port = server.port;
  stop_server ();
  g_autoptr (BlTurnTcp) turn = new_turn (port, NULL);
  g_autoptr (GSocketConnection) connection = connect_to (turn);
  guint8 byte = 0;
  ck_assert_uint_eq (converse (connection, &byte, 1), 0);
  g_autofree char *name = g_strdup_printf ("127.0.0.1:%u", port);
  ck_assert (strstr (bl_turn_tcp_failure (turn), name));
}
END_TEST

START_TEST (tls_that_is_too_old_is_refused)
{
  guint16 port;
  g_autofree char *pem = g_build_filename (folder, "old", "ca.pem", NULL);
  g_autofree char *key = g_build_filename (folder, "old", "ca.key", NULL);
  g_autoptr (GSubprocess) old = start_old_tls (pem, key, "-tls1_1", &port);
  g_autoptr (BlTurnTcp) turn = new_turn (port, "old");
  g_autoptr (GSocketConnection) connection = connect_to (turn);
  guint8 byte = 0;
  ck_assert_uint_eq (converse (connection, &byte, 1), 0);
  g_subprocess_force_exit (old);
  g_subprocess_wait (old, NULL, NULL);
  ck_assert (strstr (bl_turn_tcp_failure (turn), "TLS 1.2"));
}
END_TEST

/* In a process of its own: 0 if it is shut out. */
static int
knock (guint16 port)
{
  struct sockaddr_in to = { .sin_family = AF_INET,
                            .sin_port = htons (port),
                            .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  int fd = socket (AF_INET, SOCK_STREAM, 0);
  char byte;
  if (connect (fd, (struct sockaddr *)&to, sizeof to) < 0)
    return 2;
  return recv (fd, &byte, 1, 0) <= 0 ? 0 : 1;
}

static void
on_child (GPid pid, int status, gpointer data)
{
  *(int *)data = status;
}

START_TEST (another_process_is_shut_out)
{
  start_server (NULL);
  g_autoptr (BlTurnTcp) turn = new_turn (server.port, NULL);
  pid_t child = fork ();
  if (child == 0)
    _exit (knock (bl_turn_tcp_port (turn)));
  int status = -1;
  g_child_watch_add (child, on_child, &status);
  while (status == -1)
    g_main_context_iteration (NULL, TRUE);
  ck_assert_int_eq (status, 0);
  ck_assert_uint_eq (server.connections, 0);
  stop_server ();
}
END_TEST

START_TEST (who_sends_faster_than_the_server_reads_waits)
{
  static const guint8 block[65536];
  start_server (NULL);
  server.deaf = true;
  g_autoptr (BlTurnTcp) turn = new_turn (server.port, NULL);
  g_autoptr (GSocketConnection) connection = connect_to (turn);
  GPollableOutputStream *out = G_POLLABLE_OUTPUT_STREAM (
      g_io_stream_get_output_stream (G_IO_STREAM (connection)));
  while (!server.kept)
    g_main_context_iteration (NULL, TRUE);
  gsize sent = 0;
  gssize count;
  while (sent < FLOOD_BYTES
         && (count = g_pollable_output_stream_write_nonblocking (
                 out, block, sizeof block, NULL, NULL))
                > 0) {
    sent += (gsize)count;
    settle ();
  }
  ck_assert_uint_lt (sent, FEW_BYTES);
  /* Once it reads, all of it comes. */
  guint8 *read = g_malloc (sent);
  gsize got = G_MAXSIZE;
  g_input_stream_read_all_async (g_io_stream_get_input_stream (server.kept),
                                 read, sent, G_PRIORITY_DEFAULT, NULL, on_count,
                                 &got);
  while (got == G_MAXSIZE)
    g_main_context_iteration (NULL, TRUE);
  ck_assert_uint_eq (got, sent);
  g_free (read);
  stop_server ();
}
END_TEST

START_TEST (it_can_be_freed_at_any_moment)
{
  start_server ("mine");
  BlTurnTcp *turn = new_turn (server.port, "mine");
  g_autoptr (GSocketConnection) connection = connect_to (turn);
  for (int i = 0; i < _i; i++)
    g_main_context_iteration (NULL, FALSE);
  bl_turn_tcp_free (turn);
  guint8 byte = 0;
  ck_assert_uint_eq (converse (connection, &byte, 1), 0);
  settle ();
  stop_server ();
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vehicle/turntcp");
  TCase *tc = tcase_create ("turntcp");
  tcase_set_timeout (tc, 60);
  tcase_add_unchecked_fixture (tc, make_certificates, remove_certificates);
  tcase_add_loop_test (tc, bytes_go_there_and_back_unchanged, 0,
                       G_N_ELEMENTS (kinds));
  tcase_add_loop_test (
      tc, a_server_that_is_not_to_be_trusted_gets_nothing_and_is_named, 0,
      G_N_ELEMENTS (strangers));
  tcase_add_test (tc, a_server_that_is_not_there_is_named);
  tcase_add_test (tc, tls_that_is_too_old_is_refused);
  tcase_add_test (tc, another_process_is_shut_out);
  tcase_add_test (tc, who_sends_faster_than_the_server_reads_waits);
  tcase_add_loop_test (tc, it_can_be_freed_at_any_moment, 0, 20);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
