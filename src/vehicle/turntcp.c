/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "vehicle.turn"
#include "vehicle/turntcp.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "vehicle/interfaces.h"

#define CONNECT_S 6

/* As many bytes as may wait in the kernel to be sent: what waits there is old
 * when it leaves. */
#define UNSENT_BYTES 16384

/* Shared with what is under way when it is freed. GLib shakes hands in threads
 * of its own, and the last to let go of a handshake may be one of these. */
struct BlTurnTcp {
  GSocketService *service;
  GSocketClient *client;
  GTlsDatabase *trust;
  GCancellable *cancellable;
  char *host, *device;
  guint16 server_port, port;
  bool ipv6;
  char *failure;
};

/* One connection of libnice's. */
typedef struct {
  BlTurnTcp *turn;
  GIOStream *inner;
} Carried;

static void
turn_clear (gpointer data)
{
  BlTurnTcp *turn = data;
  g_object_unref (turn->service);
  g_signal_handlers_disconnect_by_data (turn->client, turn);
  g_object_unref (turn->client);
  g_clear_object (&turn->trust);
  g_object_unref (turn->cancellable);
  g_free (turn->host);
  g_free (turn->device);
  g_free (turn->failure);
}

static void
release (BlTurnTcp *turn)
{
  g_atomic_rc_box_release_full (turn, turn_clear);
}

/* --- what went wrong
 * --------------------------------------------------------- */

static const struct {
  GTlsCertificateFlags flag;
  const char *text;
} faults[] = {
  { G_TLS_CERTIFICATE_EXPIRED,
    "has expired: it must be renewed (or this vehicle's clock is wrong)" },
  { G_TLS_CERTIFICATE_NOT_ACTIVATED,
    "is not valid yet: is this vehicle's clock right?" },
  { G_TLS_CERTIFICATE_REVOKED, "was revoked" },
  { G_TLS_CERTIFICATE_UNKNOWN_CA,
    "was signed by an authority that this vehicle doesn't trust: name the PEM"
    " file of the right one in [ice] ca" },
  { G_TLS_CERTIFICATE_BAD_IDENTITY,
    "is made out to another name: call the server by the name that its"
    " certificate has" },
};

static const char *
fault_text (GTlsCertificateFlags flags)
{
  for (guint i = 0; i < G_N_ELEMENTS (faults); i++)
    if (flags & faults[i].flag)
      return faults[i].text;
  return "can't be trusted";
}

/* Takes `why`. */
static void
fail (BlTurnTcp *turn, char *why)
{
  if (turn->failure) {
    g_free (why);
    return;
  }
  turn->failure = g_strdup_printf (
      "the TURN server %s:%u%s%s can't be used: %s", turn->host,
      turn->server_port, turn->device ? " by " : "",
      turn->device ? turn->device : "", why);
  bl_warning ("%s", turn->failure);
  g_free (why);
}

/* Never accepts what didn't pass; only says why. */
static gboolean
on_bad_certificate (GTlsConnection *tls, GTlsCertificate *certificate,
                    GTlsCertificateFlags flags, gpointer data)
{
  g_autofree char *subject = g_tls_certificate_get_subject_name (certificate);
  g_autofree char *issuer = g_tls_certificate_get_issuer_name (certificate);
  fail (data, g_strdup_printf ("its certificate (%s, signed by %s) %s",
                               subject && *subject ? subject : "without a name",
                               issuer ? issuer : "nobody", fault_text (flags)));
  return FALSE;
}

/* --- the way to the server
 * --------------------------------------------------- */

static void
prepare_socket (const BlTurnTcp *turn, GSocket *socket)
{
  g_autoptr (GError) error = NULL;
  g_socket_set_option (socket, IPPROTO_TCP, TCP_NODELAY, 1, NULL);
  g_socket_set_option (socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_BYTES,
                       NULL);
  if (turn->device
      && !bl_interface_bind (g_socket_get_fd (socket), turn->device, &error))
    bl_warning ("%s", error->message);
}

static void
release_closure (gpointer data, GClosure *closure)
{
  release (data);
}

static void
on_client_event (GSocketClient *client, GSocketClientEvent event,
                 GSocketConnectable *connectable, GIOStream *stream,
                 gpointer data)
{
  BlTurnTcp *turn = data;
  if (event == G_SOCKET_CLIENT_CONNECTING) {
    prepare_socket (
        turn, g_socket_connection_get_socket (G_SOCKET_CONNECTION (stream)));
  } else if (event == G_SOCKET_CLIENT_TLS_HANDSHAKING) {
    if (turn->trust)
      g_tls_connection_set_database (G_TLS_CONNECTION (stream), turn->trust);
    /* A handshake that was given up may still end. */
    g_signal_connect_data (stream, "accept-certificate",
                           G_CALLBACK (on_bad_certificate),
                           g_atomic_rc_box_acquire (turn), release_closure, 0);
  }
}

static bool
is_modern (GSocketConnection *outer)
{
  if (!G_IS_TCP_WRAPPER_CONNECTION (outer))
    return true;
  GIOStream *tls = g_tcp_wrapper_connection_get_base_io_stream (
      G_TCP_WRAPPER_CONNECTION (outer));
  return !G_IS_TLS_CONNECTION (tls)
         || g_tls_connection_get_protocol_version (G_TLS_CONNECTION (tls))
                >= G_TLS_PROTOCOL_VERSION_TLS_1_2;
}

/* --- one connection
 * ---------------------------------------------------------- */

static void
carried_free (Carried *carried)
{
  g_object_unref (carried->inner);
  release (carried->turn);
  g_free (carried);
}

static void
on_carried (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) why = NULL;
  Carried *carried = data;
  if (!g_io_stream_splice_finish (result, &why))
    bl_debug ("the TURN server %s:%u: %s", carried->turn->host,
              carried->turn->server_port, why->message);
  carried_free (carried);
}

static void
on_connected (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) why = NULL;
  Carried *carried = data;
  BlTurnTcp *turn = carried->turn;
  g_autoptr (GSocketConnection) outer = g_socket_client_connect_to_host_finish (
      G_SOCKET_CLIENT (source), result, &why);
  if (outer && is_modern (outer)) {
    /* The client's deadline is for connecting. */
    g_socket_set_timeout (g_socket_connection_get_socket (outer), 0);
    g_io_stream_splice_async (
        carried->inner, G_IO_STREAM (outer),
        G_IO_STREAM_SPLICE_CLOSE_STREAM1 | G_IO_STREAM_SPLICE_CLOSE_STREAM2,
        G_PRIORITY_DEFAULT, turn->cancellable, on_carried, carried);
    return;
  }
  if (!g_error_matches (why, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    fail (turn, g_strdup (why ? why->message : "it has no TLS 1.2"));
  carried_free (carried);
}

/* Is `fd` the other end of a connection from `far` to `near`? */
static bool
is_other_end (int fd, const struct sockaddr_storage *near,
              const struct sockaddr_storage *far, socklen_t length)
{
  struct sockaddr_storage own = { 0 }, peer = { 0 };
  socklen_t own_length = sizeof own, peer_length = sizeof peer;
  return getsockname (fd, (struct sockaddr *)&own, &own_length) == 0
         && getpeername (fd, (struct sockaddr *)&peer, &peer_length) == 0
         && own_length == length && peer_length == length
         && memcmp (&own, far, length) == 0
         && memcmp (&peer, near, length) == 0;
}

/* Anybody on this machine can connect to loopback. */
static bool
is_ours (GSocketConnection *inner)
{
  struct sockaddr_storage near = { 0 }, far = { 0 };
  socklen_t near_length = sizeof near, far_length = sizeof far;
  int fd = g_socket_get_fd (g_socket_connection_get_socket (inner));
  g_autoptr (GDir) fds = g_dir_open ("/proc/self/fd", 0, NULL);
  const char *name;
  if (getsockname (fd, (struct sockaddr *)&near, &near_length) < 0
      || getpeername (fd, (struct sockaddr *)&far, &far_length) < 0)
    return false;
  while (fds && (name = g_dir_read_name (fds)))
    if (is_other_end (atoi (name), &near, &far, far_length))
      return true;
  return false;
}

static gboolean
on_incoming (GSocketService *service, GSocketConnection *inner, GObject *source,
             gpointer data)
{
  BlTurnTcp *turn = data;
  if (!is_ours (inner)) {
    bl_debug ("another process knocks at the way to the TURN server");
    return TRUE;
  }
  Carried *carried = g_new0 (Carried, 1);
  carried->turn = g_atomic_rc_box_acquire (turn);
  carried->inner = G_IO_STREAM (g_object_ref (inner));
  g_socket_set_option (g_socket_connection_get_socket (inner), IPPROTO_TCP,
                       TCP_NODELAY, 1, NULL);
  g_socket_client_connect_to_host_async (turn->client, turn->host,
                                         turn->server_port, turn->cancellable,
                                         on_connected, carried);
  return TRUE;
}

/* --- the object
 * -------------------------------------------------------------- */

static bool
listen_on_loopback (BlTurnTcp *turn, GError **error)
{
  g_autoptr (GInetAddress) loopback = g_inet_address_new_loopback (
      turn->ipv6 ? G_SOCKET_FAMILY_IPV6 : G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new (loopback, 0);
  g_autoptr (GSocketAddress) effective = NULL;
  if (!g_socket_listener_add_address (
          G_SOCKET_LISTENER (turn->service), address, G_SOCKET_TYPE_STREAM,
          G_SOCKET_PROTOCOL_TCP, NULL, &effective, error)) {
    g_prefix_error (error, "no TCP port on loopback: ");
    return false;
  }
  turn->port
      = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (effective));
  g_signal_connect (turn->service, "incoming", G_CALLBACK (on_incoming), turn);
  return true;
}

BlTurnTcp *
bl_turn_tcp_new (const BlTurnTcpOptions *options, GError **error)
{
  g_autoptr (BlTurnTcp) turn = g_atomic_rc_box_new0 (BlTurnTcp);
  turn->host = g_strdup (options->host);
  turn->server_port = options->port;
  turn->device = g_strdup (options->device);
  turn->ipv6 = options->ipv6;
  turn->trust = options->trust ? g_object_ref (options->trust) : NULL;
  turn->cancellable = g_cancellable_new ();
  turn->client = g_socket_client_new ();
  g_socket_client_set_enable_proxy (turn->client, FALSE);
  g_socket_client_set_tls (turn->client, options->tls);
  g_socket_client_set_timeout (turn->client, CONNECT_S);
  g_signal_connect (turn->client, "event", G_CALLBACK (on_client_event), turn);
  turn->service = g_socket_service_new ();
  return listen_on_loopback (turn, error) ? g_steal_pointer (&turn) : NULL;
}

void
bl_turn_tcp_free (BlTurnTcp *turn)
{
  if (!turn)
    return;
  g_socket_service_stop (turn->service);
  g_socket_listener_close (G_SOCKET_LISTENER (turn->service));
  g_signal_handlers_disconnect_by_data (turn->service, turn);
  g_cancellable_cancel (turn->cancellable);
  release (turn);
}

const char *
bl_turn_tcp_host (const BlTurnTcp *turn)
{
  return turn->ipv6 ? "::1" : "127.0.0.1";
}

guint16
bl_turn_tcp_port (const BlTurnTcp *turn)
{
  return turn->port;
}

const char *
bl_turn_tcp_failure (const BlTurnTcp *turn)
{
  return turn->failure;
}
