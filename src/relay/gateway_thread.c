/* SPDX-License-Identifier: Apache-2.0
 *
 * The gateway's thread: links, and what control wants done with them.
 */
#define BL_LOG_TOPIC "relay.gateway"
#include "base/log.h"
#include "relay/addresses.h"
#include "relay/gateway_private.h"
#include "signal/iceurl.h"
#include "signal/link.h"

/* A worker's goodbye may come after the command that closes the gate. */
#define LINGER_MS 300

/* What workers said last is read in the first of these turns; peers may send
 * for ever. */
#define LAST_TURNS 64

/* How long TURN servers may take to hear of the end. */
#define STOP_MS 500

typedef struct {
  BlGateway *gateway;
  guint64 id;
  BlGatewayLink *link;
  GSource *timer; /* of gathering, then of closing; or NULL */
  bool told;      /* that it is open */
  int kind;       /* that is counted, or -1 */
} Entry;

/* ---- entries ---- */

static void
on_closed (gpointer user_data)
{
  BlGateway *g = user_data;
  g->n_closing--;
}

static void
count_kind (Entry *entry, int kind)
{
  int *chosen = entry->gateway->chosen;
  if (entry->kind >= 0)
    g_atomic_int_add (&chosen[entry->kind], -1);
  entry->kind = kind;
  if (kind >= 0)
    g_atomic_int_inc (&chosen[kind]);
}

static void
clear_timer (Entry *entry)
{
  if (!entry->timer)
    return;
  g_source_destroy (entry->timer);
  g_source_unref (entry->timer);
  entry->timer = NULL;
}

static void
set_timer (Entry *entry, guint ms, GSourceFunc func)
{
  clear_timer (entry);
  entry->timer = g_timeout_source_new (ms);
  g_source_set_callback (entry->timer, func, entry, NULL);
  g_source_attach (entry->timer, entry->gateway->context);
}

static void
entry_free (gpointer data)
{
  Entry *entry = data;
  clear_timer (entry);
  count_kind (entry, -1);
  entry->gateway->n_closing++;
  bl_gateway_link_free (entry->link, on_closed, entry->gateway);
  g_free (entry);
}

/* ---- gathering ---- */

static void
push_event (BlGateway *g, BlGateEventKind kind, guint64 gate,
            const BlCandidate *candidates, gsize n_candidates)
{
  BlGateEvent *event = g_new0 (BlGateEvent, 1);
  event->kind = kind;
  event->gate = gate;
  event->n_candidates = n_candidates;
  for (gsize i = 0; i < n_candidates; i++)
    event->candidates[i] = candidates[i];
  bl_queue_push (&g->events, event);
  g_source_set_ready_time (g->event_source, 0);
}

static bool
has_kind (const BlCandidate *candidates, gsize n, BlCandidateType type)
{
  for (gsize i = 0; i < n; i++)
    if (candidates[i].type == type)
      return true;
  return false;
}

/* The TURN servers' hosts and ports; "" if there are none. */
static char *
name_turn_servers (const BlGateway *g)
{
  GString *names = g_string_new (NULL);
  for (guint i = 0; i < g->servers->len; i++) {
    const BlIceServer *server = g_ptr_array_index (g->servers, i);
    BlIceUrl url;
    if (bl_ice_url_parse (server->url, &url)
        && (url.kind == BL_ICE_TURN_UDP || url.kind == BL_ICE_TURN_TCP))
      g_string_append_printf (names, "%s%s port %u over %s",
                              names->len > 0 ? ", " : "", url.host, url.port,
                              url.kind == BL_ICE_TURN_TCP ? "TCP" : "UDP");
  }
  return g_string_free (names, FALSE);
}

/* Once for each change: libnice doesn't say why a server gives no address. */
static void
judge_turn (BlGateway *g, const BlCandidate *candidates, gsize n)
{
  g_autofree char *names = name_turn_servers (g);
  bool lacks = *names && !has_kind (candidates, n, BL_CANDIDATE_RELAY);
  if (lacks == g->lacks_turn)
    return;
  g->lacks_turn = lacks;
  if (lacks)
    bl_warning ("no TURN server gives us an address (%s): is it running and "
                "reached from here, and are user and password in [media] "
                "ice_servers those that it knows? Who needs TURN can't connect",
                names);
  else
    bl_info ("TURN gives us addresses again");
}

static void
tell_open (Entry *entry)
{
  gsize n;
  if (entry->told)
    return;
  clear_timer (entry);
  entry->told = true;
  const BlCandidate *candidates = bl_gateway_link_candidates (entry->link, &n);
  judge_turn (entry->gateway, candidates, n);
  push_event (entry->gateway, BL_GATE_OPENED, entry->id, candidates, n);
}

static void
on_gathered (BlGatewayLink *link, gpointer user_data)
{
  tell_open (user_data);
}

static gboolean
on_gather_timeout (gpointer user_data)
{
  tell_open (user_data);
  return G_SOURCE_REMOVE;
}

static void
on_chosen (BlGatewayLink *link, gpointer user_data)
{
  count_kind (user_data, bl_gateway_link_kind (link));
}

static const BlGatewayLinkCallbacks link_callbacks = {
  .gathered = on_gathered,
  .chosen = on_chosen,
};

static void
refuse (BlGateway *g, guint64 gate, const char *why)
{
  bl_warning ("no full ICE for a session: %s", why);
  push_event (g, BL_GATE_FAILED, gate, NULL, 0);
}

/* Is it one too many? Those that are on their way out hold descriptors, and an
 * agent does until its TURN servers have heard of its end. */
static bool
is_full (BlGateway *g, const BlGateCommand *command)
{
  guint n = g_hash_table_size (g->entries);
  if (n < command->most && n + g->n_closing < g->most_by_files)
    return false;
  g_autofree char *why = g_strdup_printf (
      "there are %u already, %u more are just ending, and this relay can have "
      "%u, half of them for publishers alone",
      n, g->n_closing, g->max_gates);
  refuse (g, command->gate, why);
  return true;
}

static void
open_gate (BlGateway *g, Entry *none, const BlGateCommand *command)
{
  g_autoptr (GError) error = NULL;
  if (is_full (g, command))
    return;
  g_auto (GStrv) addresses
      = bl_addresses_gather (g->listen, FALSE, BL_GATEWAY_MAX_ADDRESSES);
  BlGatewayLinkOptions options = {
    .servers = g->servers,
    .addresses = (const char *const *)addresses,
    .ufrag = command->ufrag,
    .pwd = command->pwd,
  };
  Entry *entry = g_new0 (Entry, 1);
  entry->gateway = g;
  entry->id = command->gate;
  entry->kind = -1;
  entry->link = bl_gateway_link_new (&options, &link_callbacks, entry, &error);
  if (!entry->link) {
    refuse (g, command->gate, error->message);
    g_free (entry);
    return;
  }
  g_hash_table_insert (g->entries, &entry->id, entry);
  if (bl_gateway_link_is_gathered (entry->link))
    tell_open (entry);
  else
    set_timer (entry, BL_GATEWAY_GATHER_MS, on_gather_timeout);
}

/* ---- the other commands ---- */

static BlGatewayRemote
remote_of (const BlGateCommand *command)
{
  return (BlGatewayRemote){
    .ufrag = command->remote_ufrag,
    .pwd = command->remote_pwd,
    .candidates = command->candidates,
    .n_candidates = command->n_candidates,
  };
}

static void
connect_gate (BlGateway *g, Entry *entry, const BlGateCommand *command)
{
  BlGatewayRemote remote = remote_of (command);
  bl_gateway_link_connect (entry->link, &command->worker, command->label,
                           &remote);
}

static void
add (BlGateway *g, Entry *entry, const BlGateCommand *command)
{
  bl_gateway_link_add (entry->link, command->candidates, command->n_candidates);
}

static void
restart (BlGateway *g, Entry *entry, const BlGateCommand *command)
{
  BlGatewayRemote remote = remote_of (command);
  bl_gateway_link_restart (entry->link, command->ufrag, command->pwd, &remote);
}

static void
settle (BlGateway *g, Entry *entry, const BlGateCommand *command)
{
  if (bl_gateway_link_is_used (entry->link))
    return;
  push_event (g, BL_GATE_SETTLED, entry->id, NULL, 0);
  g_hash_table_remove (g->entries, &entry->id);
}

static gboolean
on_linger (gpointer user_data)
{
  Entry *entry = user_data;
  g_hash_table_remove (entry->gateway->entries, &entry->id);
  return G_SOURCE_REMOVE;
}

static void
close_gate (BlGateway *g, Entry *entry, const BlGateCommand *command)
{
  /* Only who has been heard is told goodbye. */
  if (bl_gateway_link_is_used (entry->link))
    set_timer (entry, LINGER_MS, on_linger);
  else
    g_hash_table_remove (g->entries, &entry->id);
}

static void
stop (BlGateway *g, Entry *entry, const BlGateCommand *command)
{
  g->stopping = true;
}

typedef void (*Run) (BlGateway *g, Entry *entry, const BlGateCommand *command);

static const struct {
  Run run;
  bool needs_entry;
} commands[] = {
  [BL_GATE_OPEN] = { open_gate, false },
  [BL_GATE_CONNECT] = { connect_gate, true },
  [BL_GATE_ADD] = { add, true },
  [BL_GATE_RESTART] = { restart, true },
  [BL_GATE_SETTLE] = { settle, true },
  [BL_GATE_CLOSE] = { close_gate, true },
  [BL_GATE_STOP] = { stop, false },
};

gboolean
bl_gateway_take_commands (gpointer gateway)
{
  BlGateway *g = gateway;
  BlGateCommand *command;
  /* First, so that what is pushed from now on comes back here. */
  g_source_set_ready_time (g->command_source, -1);
  while ((command = bl_queue_pop (&g->commands))) {
    Entry *entry = g_hash_table_lookup (g->entries, &command->gate);
    if (entry || !commands[command->kind].needs_entry)
      commands[command->kind].run (g, entry, command);
    bl_gate_command_free (command);
  }
  return G_SOURCE_CONTINUE;
}

/* ---- the thread ---- */

static gboolean
on_time_up (gpointer user_data)
{
  *(bool *)user_data = true;
  return G_SOURCE_REMOVE;
}

/* What the workers said last leaves; then the TURN servers are told. */
static void
end_links (BlGateway *g)
{
  bool time_up = false;
  for (int i = 0; i < LAST_TURNS; i++)
    if (!g_main_context_iteration (g->context, FALSE))
      break;
  g_hash_table_remove_all (g->entries);
  GSource *timer = g_timeout_source_new (STOP_MS);
  g_source_set_callback (timer, on_time_up, &time_up, NULL);
  g_source_attach (timer, g->context);
  while (g->n_closing > 0 && !time_up)
    g_main_context_iteration (g->context, TRUE);
  g_source_destroy (timer);
  g_source_unref (timer);
}

void *
bl_gateway_run (void *gateway)
{
  BlGateway *g = gateway;
  g_main_context_push_thread_default (g->context);
  g->entries
      = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, entry_free);
  while (!g->stopping)
    g_main_context_iteration (g->context, TRUE);
  end_links (g);
  g_hash_table_unref (g->entries);
  g_main_context_pop_thread_default (g->context);
  return NULL;
}
