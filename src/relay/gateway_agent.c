/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "relay.gateway"
#include "relay/gateway_agent.h"

#include <gio/gio.h>
#include <nice/agent.h>
#include <string.h>

#include "base/log.h"
#include "signal/iceurl.h"
#include "signal/link.h"

#define COMPONENT 1

struct BlGatewayAgent {
  const BlGatewayAgentCallbacks *callbacks;
  gpointer user_data;
  NiceAgent *agent;
  guint stream;
  gsize n_candidates;
  BlCandidate candidates[BL_GATEWAY_MAX_CANDIDATES];
};

typedef struct {
  void (*closed) (gpointer user_data);
  gpointer user_data;
} Closing;

/* ---- signals ---- */

/* The worker's own candidates have foundations of numbers alone. */
static void
name_foundation (BlCandidate *candidate)
{
  char number[sizeof candidate->foundation];
  g_strlcpy (number, candidate->foundation, sizeof number);
  g_snprintf (candidate->foundation, sizeof candidate->foundation, "g%.31s",
              number);
}

static void
on_candidate (NiceAgent *nice, NiceCandidate *found, BlGatewayAgent *a)
{
  if (a->n_candidates == BL_GATEWAY_MAX_CANDIDATES)
    return;
  g_autofree char *text = nice_agent_generate_local_candidate_sdp (nice, found);
  BlCandidate *candidate = &a->candidates[a->n_candidates];
  if (!text
      || bl_candidate_parse (text, strlen (text), candidate) != BL_CANDIDATE_OK)
    return;
  name_foundation (candidate);
  a->n_candidates++;
}

static void
on_gathered (NiceAgent *nice, guint stream, BlGatewayAgent *a)
{
  a->callbacks->gathered (a->user_data);
}

static BlCandidateType
type_of (const NiceCandidate *candidate)
{
  static const BlCandidateType types[] = {
    [NICE_CANDIDATE_TYPE_HOST] = BL_CANDIDATE_HOST,
    [NICE_CANDIDATE_TYPE_SERVER_REFLEXIVE] = BL_CANDIDATE_SRFLX,
    [NICE_CANDIDATE_TYPE_PEER_REFLEXIVE] = BL_CANDIDATE_PRFLX,
    [NICE_CANDIDATE_TYPE_RELAYED] = BL_CANDIDATE_RELAY,
  };
  return types[candidate->type];
}

static void
on_chosen (NiceAgent *nice, guint stream, guint component, NiceCandidate *local,
           NiceCandidate *remote, BlGatewayAgent *a)
{
  a->callbacks->chosen (type_of (local), a->user_data);
}

static void
on_receive (NiceAgent *nice, guint stream, guint component, guint length,
            gchar *data, gpointer user_data)
{
  BlGatewayAgent *a = user_data;
  a->callbacks->packet ((const guint8 *)data, length, a->user_data);
}

/* ---- making ---- */

/* The servers that are asked; gateway.c says which are left out. */
static GPtrArray *
choose_servers (const GPtrArray *servers)
{
  GPtrArray *chosen = g_ptr_array_new ();
  guint n_turn = 0;
  for (guint i = 0; i < servers->len; i++) {
    BlIceServer *server = g_ptr_array_index (servers, i);
    BlIceUrl url;
    if (bl_ice_url_parse (server->url, &url) && url.kind != BL_ICE_TURN_TLS
        && (url.kind == BL_ICE_STUN || n_turn++ < BL_GATEWAY_MAX_TURN))
      g_ptr_array_add (chosen, server);
  }
  return chosen;
}

guint
bl_gateway_agent_descriptors (const GPtrArray *servers, guint n_addresses)
{
  g_autoptr (GPtrArray) chosen = choose_servers (servers);
  guint n_tcp = 0;
  for (guint i = 0; i < chosen->len; i++) {
    const BlIceServer *server = g_ptr_array_index (chosen, i);
    BlIceUrl url;
    n_tcp
        += bl_ice_url_parse (server->url, &url) && url.kind == BL_ICE_TURN_TCP;
  }
  return 1 + n_addresses * (1 + n_tcp);
}

static void
add_server (BlGatewayAgent *a, const BlIceServer *server)
{
  static const NiceRelayType types[] = {
    [BL_ICE_TURN_UDP] = NICE_RELAY_TYPE_TURN_UDP,
    [BL_ICE_TURN_TCP] = NICE_RELAY_TYPE_TURN_TCP,
  };
  BlIceUrl url;
  if (!bl_ice_url_parse (server->url, &url))
    return;
  if (url.kind == BL_ICE_STUN)
    g_object_set (a->agent, "stun-server", url.host, "stun-server-port",
                  (guint)url.port, NULL);
  else
    nice_agent_set_relay_info (a->agent, a->stream, COMPONENT, url.host,
                               url.port, server->username, server->credential,
                               types[url.kind]);
}

static bool
add_address (NiceAgent *nice, const char *text)
{
  NiceAddress address;
  nice_address_init (&address);
  return nice_address_set_from_string (&address, text)
         && nice_agent_add_local_address (nice, &address);
}

static void
connect_signals (BlGatewayAgent *a)
{
  g_signal_connect (a->agent, "new-candidate-full", G_CALLBACK (on_candidate),
                    a);
  g_signal_connect (a->agent, "candidate-gathering-done",
                    G_CALLBACK (on_gathered), a);
  g_signal_connect (a->agent, "new-selected-pair-full", G_CALLBACK (on_chosen),
                    a);
  nice_agent_attach_recv (a->agent, a->stream, COMPONENT,
                          g_main_context_get_thread_default (), on_receive, a);
}

BlGatewayAgent *
bl_gateway_agent_new (const BlGatewayAgentOptions *options,
                      const BlGatewayAgentCallbacks *callbacks,
                      gpointer user_data)
{
  BlGatewayAgent *a = g_new0 (BlGatewayAgent, 1);
  a->callbacks = callbacks;
  a->user_data = user_data;
  a->agent = nice_agent_new_full (
      g_main_context_get_thread_default (), NICE_COMPATIBILITY_RFC5245,
      NICE_AGENT_OPTION_REGULAR_NOMINATION | NICE_AGENT_OPTION_ICE_TRICKLE);
  g_object_set (a->agent, "controlling-mode", FALSE, "ice-tcp", FALSE, "upnp",
                FALSE, NULL);
  a->stream = nice_agent_add_stream (a->agent, 1);
  connect_signals (a);
  g_autoptr (GPtrArray) servers = choose_servers (options->servers);
  for (guint i = 0; i < servers->len; i++)
    add_server (a, g_ptr_array_index (servers, i));
  bool any = false;
  for (guint i = 0; options->addresses[i]; i++)
    any |= add_address (a->agent, options->addresses[i]);
  if (any
      && nice_agent_set_local_credentials (a->agent, a->stream, options->ufrag,
                                           options->pwd)
      && nice_agent_gather_candidates (a->agent, a->stream))
    return a;
  bl_gateway_agent_free (a, NULL, NULL);
  return NULL;
}

static void
on_closed (GObject *nice, GAsyncResult *result, gpointer user_data)
{
  Closing *closing = user_data;
  if (closing->closed)
    closing->closed (closing->user_data);
  g_free (closing);
}

void
bl_gateway_agent_free (BlGatewayAgent *agent, void (*closed) (gpointer),
                       gpointer user_data)
{
  if (!agent)
    return;
  Closing *closing = g_new (Closing, 1);
  *closing = (Closing){ .closed = closed, .user_data = user_data };
  g_signal_handlers_disconnect_by_data (agent->agent, agent);
  nice_agent_attach_recv (agent->agent, agent->stream, COMPONENT, NULL, NULL,
                          NULL);
  nice_agent_close_async (agent->agent, on_closed, closing);
  g_object_unref (agent->agent);
  g_free (agent);
}

const BlCandidate *
bl_gateway_agent_candidates (const BlGatewayAgent *agent, gsize *out_count)
{
  *out_count = agent->n_candidates;
  return agent->candidates;
}

/* ---- the other end ---- */

void
bl_gateway_agent_add (BlGatewayAgent *agent, const BlCandidate *candidates,
                      gsize n_candidates)
{
  GSList *list = NULL;
  for (gsize i = 0; i < n_candidates; i++) {
    char text[BL_CANDIDATE_TEXT_SIZE];
    bl_candidate_format (&candidates[i], text);
    g_autofree char *line = g_strconcat ("a=", text, NULL);
    NiceCandidate *nice = nice_agent_parse_remote_candidate_sdp (
        agent->agent, agent->stream, line);
    if (nice)
      list = g_slist_prepend (list, nice);
  }
  list = g_slist_reverse (list);
  if (list)
    nice_agent_set_remote_candidates (agent->agent, agent->stream, COMPONENT,
                                      list);
  g_slist_free_full (list, (GDestroyNotify)nice_candidate_free);
}

void
bl_gateway_agent_connect (BlGatewayAgent *agent, const BlGatewayRemote *remote)
{
  nice_agent_set_remote_credentials (agent->agent, agent->stream, remote->ufrag,
                                     remote->pwd);
  bl_gateway_agent_add (agent, remote->candidates, remote->n_candidates);
}

void
bl_gateway_agent_restart (BlGatewayAgent *agent, const char *ufrag,
                          const char *pwd)
{
  nice_agent_restart_stream (agent->agent, agent->stream);
  nice_agent_set_local_credentials (agent->agent, agent->stream, ufrag, pwd);
}

void
bl_gateway_agent_send (BlGatewayAgent *agent, const guint8 *data, gsize length)
{
  nice_agent_send (agent->agent, agent->stream, COMPONENT, (guint)length,
                   (const gchar *)data);
}

/* ---- for people ---- */

static void
describe (const NiceCandidate *candidate, GString *out)
{
  char address[NICE_ADDRESS_STRING_LEN];
  nice_address_to_string (&candidate->addr, address);
  g_string_append_printf (out, "%s %s:%u",
                          bl_candidate_type_name (type_of (candidate)), address,
                          nice_address_get_port (&candidate->addr));
}

char *
bl_gateway_agent_describe (const BlGatewayAgent *agent)
{
  NiceCandidate *local, *remote;
  if (!nice_agent_get_selected_pair (agent->agent, agent->stream, COMPONENT,
                                     &local, &remote))
    return NULL;
  GString *text = g_string_new (NULL);
  describe (local, text);
  g_string_append (text, " to ");
  describe (remote, text);
  return g_string_free (text, FALSE);
}
