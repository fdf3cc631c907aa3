/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "vehicle.uplink"
#include "vehicle/uplink_path.h"

#include <nice/agent.h>
#include <string.h>

#include "base/log.h"
#include "rtc/stun.h"
#include "signal/iceurl.h"
#include "signal/link.h"
#include "vehicle/interfaces.h"
#include "vehicle/turntcp.h"
#include "vehicle/uplink.h"

#define COMPONENT        1
#define CHECK_PREFERENCE 65535

/* Of the IP header's traffic class (RFC 9331). */
#define TOS_NOT_ECT 0
#define TOS_ECT1    1

struct BlUplinkPath {
  const BlUplinkPathCallbacks *callbacks;
  gpointer user_data;
  NiceAgent *agent;
  guint stream;
  /* For our own checks. */
  char *local_ufrag, *remote_ufrag, *remote_pwd;
  guint64 tie_breaker;
  char *device; /* NULL: by the routes */
  bool has_ipv4;
  GTlsDatabase *turn_trust; /* NULL: the system's */
  GPtrArray *turns;         /* of BlTurnTcp */
  bool started;             /* bl_uplink_path_new() has returned */
  bool gathered;
  bool was_ready;
  bool marks;
  bool has_turn;
  gsize n_candidates;
  BlCandidate candidates[BL_UPLINK_MAX_CANDIDATES];
};

/* --- signals
 * ------------------------------------------------------------------- */

static void
on_candidate (NiceAgent *agent, NiceCandidate *nice, BlUplinkPath *p)
{
  if (p->n_candidates == BL_UPLINK_MAX_CANDIDATES)
    return;
  g_autofree char *text = nice_agent_generate_local_candidate_sdp (agent, nice);
  BlCandidate *candidate = &p->candidates[p->n_candidates];
  if (!text
      || bl_candidate_parse (text, strlen (text), candidate) != BL_CANDIDATE_OK)
    return;
  p->n_candidates++;
  if (p->started)
    p->callbacks->candidate (p, candidate, p->user_data);
}

static void
on_gathered (NiceAgent *agent, guint stream, BlUplinkPath *p)
{
  p->gathered = true;
  if (p->started)
    p->callbacks->gathered (p, p->user_data);
}

static void
on_state (NiceAgent *agent, guint stream, guint component, guint state,
          BlUplinkPath *p)
{
  bl_debug ("ICE: %s", nice_component_state_to_string (state));
  if (state == NICE_COMPONENT_STATE_READY && !p->was_ready) {
    p->was_ready = true;
    p->callbacks->ready (p, p->user_data);
  } else if (state == NICE_COMPONENT_STATE_FAILED) {
    p->was_ready = false;
    p->callbacks->failed (p, p->user_data);
  }
}

static void
on_receive (NiceAgent *agent, guint stream, guint component, guint length,
            gchar *data, gpointer user_data)
{
  BlUplinkPath *p = user_data;
  p->callbacks->packet (p, (guint8 *)data, length, p->user_data);
}

/* --- making
 * -------------------------------------------------------------------- */

/* The loopback address where libnice finds the server; NULL: it can't. */
static const BlTurnTcp *
add_turn_tcp (BlUplinkPath *p, const BlIceUrl *url)
{
  g_autoptr (GError) error = NULL;
  BlTurnTcpOptions options = {
    .host = url->host,
    .port = url->port,
    .tls = url->kind == BL_ICE_TURN_TLS,
    .trust = p->turn_trust,
    .device = p->device,
    /* libnice asks servers of its own address's family. */
    .ipv6 = !p->has_ipv4,
  };
  BlTurnTcp *turn = bl_turn_tcp_new (&options, &error);
  if (!turn) {
    bl_warning ("the TURN server %s can't be used: %s", url->host,
                error->message);
    return NULL;
  }
  g_ptr_array_add (p->turns, turn);
  return turn;
}

static void
add_turn (BlUplinkPath *p, const BlIceServer *server, const BlIceUrl *url)
{
  const char *host = url->host;
  guint port = url->port;
  NiceRelayType type = NICE_RELAY_TYPE_TURN_UDP;
  if (url->kind != BL_ICE_TURN_UDP) {
    const BlTurnTcp *turn = add_turn_tcp (p, url);
    if (!turn)
      return;
    host = bl_turn_tcp_host (turn);
    port = bl_turn_tcp_port (turn);
    type = NICE_RELAY_TYPE_TURN_TCP;
  }
  if (!nice_agent_set_relay_info (p->agent, p->stream, COMPONENT, host, port,
                                  server->username ? server->username : "",
                                  server->credential ? server->credential : "",
                                  type))
    bl_warning ("the TURN server %s can't be used", url->host);
  p->has_turn = true;
}

static void
add_server (BlUplinkPath *p, const BlIceServer *server, bool with_stun)
{
  BlIceUrl url;
  if (!bl_ice_url_parse (server->url, &url))
    bl_warning ("the ICE server “%s” is left out: its address is of no kind"
                " that is supported",
                server->url);
  else if (url.kind != BL_ICE_STUN)
    add_turn (p, server, &url);
  else if (with_stun)
    g_object_set (p->agent, "stun-server", url.host, "stun-server-port",
                  (guint)url.port, NULL);
}

static bool
add_address (NiceAgent *agent, const char *text)
{
  NiceAddress address;
  nice_address_init (&address);
  return nice_address_set_from_string (&address, text)
         && nice_agent_add_local_address (agent, &address);
}

/* The routing table knows one best way to the relay; each interface is to be
 * used all the same. Those for TURN over TCP stay on loopback. */
static void
bind_to_device (BlUplinkPath *p)
{
  g_autoptr (GPtrArray) sockets
      = nice_agent_get_sockets (p->agent, p->stream, COMPONENT);
  for (guint i = 0; sockets && i < sockets->len; i++) {
    GSocket *socket = g_ptr_array_index (sockets, i);
    g_autoptr (GError) error = NULL;
    if (g_socket_get_socket_type (socket) == G_SOCKET_TYPE_DATAGRAM
        && !bl_interface_bind (g_socket_get_fd (socket), p->device, &error))
      bl_warning ("%s", error->message);
  }
}

static void
connect_signals (BlUplinkPath *p)
{
  g_signal_connect (p->agent, "new-candidate-full", G_CALLBACK (on_candidate),
                    p);
  g_signal_connect (p->agent, "candidate-gathering-done",
                    G_CALLBACK (on_gathered), p);
  g_signal_connect (p->agent, "component-state-changed", G_CALLBACK (on_state),
                    p);
  nice_agent_attach_recv (p->agent, p->stream, COMPONENT,
                          g_main_context_get_thread_default (), on_receive, p);
}

static void
on_closed (GObject *agent, GAsyncResult *result, gpointer turns)
{
  g_ptr_array_unref (turns);
}

static BlUplinkPath *
make_path (const BlUplinkPathOptions *options,
           const BlUplinkPathCallbacks *callbacks, gpointer user_data)
{
  BlUplinkPath *p = g_new0 (BlUplinkPath, 1);
  p->callbacks = callbacks;
  p->user_data = user_data;
  p->agent = nice_agent_new_full (g_main_context_get_thread_default (),
                                  NICE_COMPATIBILITY_RFC5245,
                                  NICE_AGENT_OPTION_REGULAR_NOMINATION);
  g_object_set (p->agent, "controlling-mode", TRUE, "ice-tcp", FALSE, "upnp",
                FALSE, NULL);
  p->stream = nice_agent_add_stream (p->agent, 1);
  p->local_ufrag = g_strdup (options->ufrag);
  p->tie_breaker = (guint64)g_random_int () << 32 | g_random_int ();
  p->device = g_strdup (options->device);
  p->turn_trust
      = options->turn_trust ? g_object_ref (options->turn_trust) : NULL;
  p->turns = g_ptr_array_new_with_free_func ((GDestroyNotify)bl_turn_tcp_free);
  for (guint i = 0; i < options->addresses->len; i++)
    p->has_ipv4 |= !strchr (g_ptr_array_index (options->addresses, i), ':');
  return p;
}

BlUplinkPath *
bl_uplink_path_new (const BlUplinkPathOptions *options,
                    const BlUplinkPathCallbacks *callbacks, gpointer user_data,
                    GError **error)
{
  BlUplinkPath *p = make_path (options, callbacks, user_data);
  connect_signals (p);
  for (guint i = 0; options->servers && i < options->servers->len; i++)
    add_server (p, g_ptr_array_index (options->servers, i), true);
  bool any = false;
  for (guint i = 0; i < options->addresses->len; i++)
    any |= add_address (p->agent, g_ptr_array_index (options->addresses, i));
  if (!any
      || !nice_agent_set_local_credentials (p->agent, p->stream, options->ufrag,
                                            options->pwd)
      || !nice_agent_gather_candidates (p->agent, p->stream)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NETWORK_UNREACHABLE,
                 "no address of this network interface can be used");
    bl_uplink_path_free (p);
    return NULL;
  }
  if (p->device)
    bind_to_device (p);
  p->started = true;
  return p;
}

void
bl_uplink_path_free (BlUplinkPath *path)
{
  if (!path)
    return;
  g_signal_handlers_disconnect_by_data (path->agent, path);
  nice_agent_attach_recv (path->agent, path->stream, COMPONENT, NULL, NULL,
                          NULL);
  /* The agent lives on until its TURN servers know, or don't answer. */
  if (path->has_turn)
    nice_agent_close_async (path->agent, on_closed,
                            g_ptr_array_ref (path->turns));
  g_ptr_array_unref (path->turns);
  g_object_unref (path->agent);
  g_clear_object (&path->turn_trust);
  g_free (path->device);
  g_free (path->local_ufrag);
  g_free (path->remote_ufrag);
  g_free (path->remote_pwd);
  g_free (path);
}

const BlCandidate *
bl_uplink_path_candidates (const BlUplinkPath *path, gsize *out_count)
{
  *out_count = path->n_candidates;
  return path->candidates;
}

bool
bl_uplink_path_is_gathered (const BlUplinkPath *path)
{
  return path->gathered;
}

void
bl_uplink_path_add_servers (BlUplinkPath *path, const GPtrArray *servers)
{
  for (guint i = 0; i < servers->len; i++)
    add_server (path, g_ptr_array_index (servers, i), false);
}

/* --- using
 * ---------------------------------------------------------------------- */

bool
bl_uplink_path_connect (BlUplinkPath *path, const char *ufrag, const char *pwd,
                        const BlCandidate *candidates, gsize n_candidates)
{
  GSList *list = NULL;
  g_free (path->remote_ufrag);
  g_free (path->remote_pwd);
  path->remote_ufrag = g_strdup (ufrag);
  path->remote_pwd = g_strdup (pwd);
  for (gsize i = 0; i < n_candidates; i++) {
    char text[BL_CANDIDATE_TEXT_SIZE];
    bl_candidate_format (&candidates[i], text);
    g_autofree char *line = g_strconcat ("a=", text, NULL);
    NiceCandidate *nice = nice_agent_parse_remote_candidate_sdp (
        path->agent, path->stream, line);
    if (nice)
      list = g_slist_prepend (list, nice);
  }
  list = g_slist_reverse (list);
  int taken = 0;
  if (list
      && nice_agent_set_remote_credentials (path->agent, path->stream, ufrag,
                                            pwd))
    taken = nice_agent_set_remote_candidates (path->agent, path->stream,
                                              COMPONENT, list);
  g_slist_free_full (list, (GDestroyNotify)nice_candidate_free);
  return taken > 0;
}

void
bl_uplink_path_mark (BlUplinkPath *path, bool mark)
{
  if (mark == path->marks)
    return;
  path->marks = mark;
  nice_agent_set_stream_tos (path->agent, path->stream,
                             mark ? TOS_ECT1 : TOS_NOT_ECT);
}

bool
bl_uplink_path_send (BlUplinkPath *path, const guint8 *data, gsize length)
{
  return nice_agent_send (path->agent, path->stream, COMPONENT, (guint)length,
                          (const gchar *)data)
         == (gint)length;
}

void
bl_uplink_path_check (BlUplinkPath *path)
{
  if (!path->remote_ufrag)
    return;
  BlStunCheck check = {
    .remote_ufrag = path->remote_ufrag,
    .remote_pwd = path->remote_pwd,
    .local_ufrag = path->local_ufrag,
    .priority = bl_candidate_priority (BL_CANDIDATE_PRFLX, CHECK_PREFERENCE),
    .tie_breaker = path->tie_breaker,
  };
  guint8 datagram[BL_STUN_CHECK_BYTES];
  gsize length = bl_stun_write_check (&check, datagram);
  if (length > 0)
    bl_uplink_path_send (path, datagram, length);
}

static void
describe_candidate (const NiceCandidate *candidate, GString *out)
{
  static const char *const types[] = {
    [NICE_CANDIDATE_TYPE_HOST] = "host",
    [NICE_CANDIDATE_TYPE_SERVER_REFLEXIVE] = "srflx",
    [NICE_CANDIDATE_TYPE_PEER_REFLEXIVE] = "prflx",
    [NICE_CANDIDATE_TYPE_RELAYED] = "relay",
  };
  char address[NICE_ADDRESS_STRING_LEN];
  nice_address_to_string (&candidate->addr, address);
  g_string_append_printf (out, "%s %s:%u", types[candidate->type], address,
                          nice_address_get_port (&candidate->addr));
}

char *
bl_uplink_path_describe (const BlUplinkPath *path)
{
  NiceCandidate *local, *remote;
  if (!nice_agent_get_selected_pair (path->agent, path->stream, COMPONENT,
                                     &local, &remote))
    return NULL;
  GString *text = g_string_new (NULL);
  describe_candidate (local, text);
  g_string_append (text, " to ");
  describe_candidate (remote, text);
  return g_string_free (text, FALSE);
}
