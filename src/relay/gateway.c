/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "relay.gateway"
#include "relay/gateway.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "base/log.h"
#include "relay/gateway_private.h"
#include "secure/token.h"
#include "signal/iceurl.h"
#include "signal/link.h"

#define UFRAG_LENGTH 16
#define PWD_LENGTH   32

/* Where a worker that listens on all addresses is reached from here. */
#define LOOPBACK "127.0.0.1"

struct BlGate {
  BlGateway *gateway; /* borrowed */
  guint64 id;
  char *ufrag, *pwd;
  BlGateOpened opened; /* called once */
  gpointer user_data;
  bool settled;
  gsize n_candidates;
  BlCandidate candidates[BL_GATEWAY_MAX_CANDIDATES];
};

/* ---- commands ---- */

void
bl_gate_command_free (gpointer command)
{
  BlGateCommand *c = command;
  g_free (c->ufrag);
  g_free (c->pwd);
  g_free (c->remote_ufrag);
  g_free (c->remote_pwd);
  g_free (c->candidates);
  g_free (c->label);
  g_free (c);
}

static BlGateCommand *
command_new (BlGateCommandKind kind, const BlGate *gate)
{
  BlGateCommand *command = g_new0 (BlGateCommand, 1);
  command->kind = kind;
  command->gate = gate ? gate->id : 0;
  return command;
}

static void
set_candidates (BlGateCommand *command, const BlCandidate *candidates, gsize n)
{
  command->candidates = g_memdup2 (candidates, n * sizeof *candidates);
  command->n_candidates = n;
}

static void
set_remote (BlGateCommand *command, const BlGatewayRemote *remote)
{
  command->remote_ufrag = g_strdup (remote->ufrag);
  command->remote_pwd = g_strdup (remote->pwd);
  set_candidates (command, remote->candidates, remote->n_candidates);
}

static void
post (BlGateway *g, BlGateCommand *taken)
{
  bl_queue_push (&g->commands, taken);
  g_source_set_ready_time (g->command_source, 0);
}

/* ---- events ---- */

static void
tell_opened (BlGateway *g, BlGate *gate, const BlGateEvent *event)
{
  BlGateOpened opened = gate->opened;
  gpointer user_data = gate->user_data;
  g->n_opening--;
  if (event->kind == BL_GATE_FAILED) {
    g->refused++;
    g_clear_pointer (&gate, bl_gate_free);
  } else {
    gate->n_candidates = event->n_candidates;
    memcpy (gate->candidates, event->candidates, sizeof gate->candidates);
  }
  opened (gate, user_data);
}

static void
on_event (BlGateway *g, const BlGateEvent *event)
{
  BlGate *gate = g_hash_table_lookup (g->gates, &event->gate);
  if (!gate)
    return; /* freed meanwhile */
  if (event->kind != BL_GATE_SETTLED) {
    tell_opened (g, gate, event);
    return;
  }
  gate->settled = true;
  g_hash_table_remove (g->gates, &gate->id);
}

static gboolean
dispatch_events (gpointer user_data)
{
  BlGateway *g = user_data;
  BlGateEvent *event;
  g_source_set_ready_time (g->event_source, -1);
  while ((event = bl_queue_pop (&g->events))) {
    on_event (g, event);
    g_free (event);
  }
  return G_SOURCE_CONTINUE;
}

/* ---- beginning and end ---- */

/* Says what is left out. Never a URL: one with credentials may be malformed. */
static void
check_servers (const GPtrArray *servers)
{
  guint stun = 0, turn = 0;
  for (guint i = 0; i < servers->len; i++) {
    const BlIceServer *server = g_ptr_array_index (servers, i);
    BlIceUrl url;
    if (!bl_ice_url_parse (server->url, &url))
      bl_warning ("ICE server %u is left out: its address is of no kind that "
                  "the relay itself can use",
                  i + 1);
    else if (url.kind == BL_ICE_TURN_TLS)
      bl_warning ("the TURN server %s is left out for the relay itself, which "
                  "does not speak TURN over TLS; offer it over TCP, on port "
                  "443 if need be",
                  url.host);
    else if (url.kind != BL_ICE_STUN && turn++ >= BL_GATEWAY_MAX_TURN)
      bl_warning ("the TURN server %s is left out for the relay itself, which "
                  "asks the first %u alone",
                  url.host, (guint)BL_GATEWAY_MAX_TURN);
    else if (url.kind == BL_ICE_STUN && stun++ > 0)
      bl_warning ("of several STUN servers only the last is asked, so not "
                  "those before %s",
                  url.host);
  }
  if (servers->len == 0)
    bl_warning ("full ICE without a STUN or TURN server: nobody finds this "
                "relay from behind its NAT; name them in [media] ice_servers");
}

static bool
listens_everywhere (const BlGateway *g)
{
  return !*g->listen || g_str_equal (g->listen, "::")
         || g_str_equal (g->listen, "0.0.0.0");
}

/* All gates together may take half of the descriptors that there are: each has
 * its agent's, and a socket towards the worker. */
static bool
count_gates (BlGateway *g, GError **error)
{
  struct rlimit files = { 0 };
  guint each
      = 1
        + bl_gateway_agent_descriptors (
            g->servers, listens_everywhere (g) ? BL_GATEWAY_MAX_ADDRESSES : 1);
  getrlimit (RLIMIT_NOFILE, &files);
  g->most_by_files = (guint)MIN ((rlim_t)G_MAXINT, files.rlim_cur / 2 / each);
  g->max_gates = MIN (BL_GATEWAY_MAX_GATES, g->most_by_files);
  if (g->max_gates == 0) {
    g_set_error (
        error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES,
        "[media] ice = full: a process may have only %" G_GUINT64_FORMAT
        " open files here, and a session takes up to %u of half of "
        "them; raise that limit (LimitNOFILE= of systemd)",
        (guint64)files.rlim_cur, each);
    return false;
  }
  if (g->max_gates < BL_GATEWAY_MAX_GATES)
    bl_warning ("full ICE for %u sessions at a time, not %u: a process may "
                "have only %" G_GUINT64_FORMAT
                " open files here, and each takes up to %u of half of them; "
                "raise that limit (LimitNOFILE= of systemd)",
                g->max_gates, (guint)BL_GATEWAY_MAX_GATES,
                (guint64)files.rlim_cur, each);
  return true;
}

static bool
start_thread (BlGateway *g, GError **error)
{
  sigset_t all, before;
  /* Signals are for the control thread. */
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  int failed = pthread_create (&g->thread, NULL, bl_gateway_run, g);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  if (failed) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                 "cannot start the thread of full ICE: %s; raise the limit of "
                 "processes",
                 g_strerror (failed));
    return false;
  }
  pthread_setname_np (g->thread, "bl-gateway");
  return true;
}

static void
free_sources (BlGateway *g)
{
  g_source_destroy (g->command_source);
  g_source_unref (g->command_source);
  g_source_destroy (g->event_source);
  g_source_unref (g->event_source);
  bl_queue_clear (&g->commands, bl_gate_command_free);
  bl_queue_clear (&g->events, g_free);
  g_hash_table_unref (g->gates);
  g_main_context_unref (g->context);
  g_free (g->listen);
  g_free (g);
}

BlGateway *
bl_gateway_new (const BlGatewayOptions *options, GError **error)
{
  BlGateway *g = g_new0 (BlGateway, 1);
  g->servers = options->servers;
  g->listen = g_strdup (options->listen);
  g->context = g_main_context_new ();
  g->gates = g_hash_table_new (g_int64_hash, g_int64_equal);
  bl_queue_init (&g->commands);
  bl_queue_init (&g->events);
  g->event_source
      = bl_queue_source_new ("gateway's events", dispatch_events, g);
  g_main_context_push_thread_default (g->context);
  g->command_source
      = bl_queue_source_new ("gateway's commands", bl_gateway_take_commands, g);
  g_main_context_pop_thread_default (g->context);
  if (!count_gates (g, error) || !start_thread (g, error)) {
    free_sources (g);
    return NULL;
  }
  check_servers (g->servers);
  return g;
}

void
bl_gateway_free (BlGateway *gateway)
{
  if (!gateway)
    return;
  g_assert (g_hash_table_size (gateway->gates) == 0);
  post (gateway, command_new (BL_GATE_STOP, NULL));
  pthread_join (gateway->thread, NULL);
  free_sources (gateway);
}

bool
bl_gateway_is_idle (const BlGateway *gateway)
{
  return gateway->n_opening == 0;
}

void
bl_gateway_get_stats (const BlGateway *gateway, BlGatewayStats *out_stats)
{
  *out_stats = (BlGatewayStats){
    .gates = g_hash_table_size (gateway->gates),
    .asked = gateway->last_id,
    .refused = gateway->refused,
  };
  for (guint i = 0; i < BL_GATEWAY_KINDS; i++)
    out_stats->chosen[i] = (guint)g_atomic_int_get (&gateway->chosen[i]);
}

/* ---- gates ---- */

void
bl_gateway_open (BlGateway *gateway, bool publisher, BlGateOpened opened,
                 gpointer user_data)
{
  BlGateway *g = gateway;
  BlGate *gate = g_new0 (BlGate, 1);
  gate->gateway = g;
  gate->id = ++g->last_id;
  gate->ufrag = bl_ice_chars_new (UFRAG_LENGTH);
  gate->pwd = bl_ice_chars_new (PWD_LENGTH);
  gate->opened = opened;
  gate->user_data = user_data;
  g->n_opening++;
  g_hash_table_insert (g->gates, &gate->id, gate);
  BlGateCommand *command = command_new (BL_GATE_OPEN, gate);
  command->most = publisher ? g->max_gates : (g->max_gates + 1) / 2;
  command->ufrag = g_strdup (gate->ufrag);
  command->pwd = g_strdup (gate->pwd);
  post (g, command);
}

bool
bl_gate_is_settled (const BlGate *gate)
{
  return gate->settled;
}

const char *
bl_gate_ufrag (const BlGate *gate)
{
  return gate->ufrag;
}

const char *
bl_gate_pwd (const BlGate *gate)
{
  return gate->pwd;
}

const BlCandidate *
bl_gate_candidates (const BlGate *gate, gsize *out_count)
{
  *out_count = gate->n_candidates;
  return gate->candidates;
}

static void
set_worker (const BlGateway *g, guint16 port, BlAddress *out_address)
{
  bool parsed = bl_address_parse (listens_everywhere (g) ? LOOPBACK : g->listen,
                                  port, out_address);
  g_assert (parsed); /* the options were checked */
}

void
bl_gate_connect (BlGate *gate, guint16 worker_port, const char *label,
                 const BlGatewayRemote *remote)
{
  BlGateCommand *command = command_new (BL_GATE_CONNECT, gate);
  set_worker (gate->gateway, worker_port, &command->worker);
  command->label = g_strdup (label);
  set_remote (command, remote);
  post (gate->gateway, command);
}

void
bl_gate_add (BlGate *gate, const BlCandidate *candidates, gsize n_candidates)
{
  BlGateCommand *command = command_new (BL_GATE_ADD, gate);
  set_candidates (command, candidates, n_candidates);
  post (gate->gateway, command);
}

void
bl_gate_restart (BlGate *gate, const char *ufrag, const char *pwd,
                 const BlGatewayRemote *remote)
{
  BlGateCommand *command = command_new (BL_GATE_RESTART, gate);
  command->ufrag = g_strdup (ufrag);
  command->pwd = g_strdup (pwd);
  set_remote (command, remote);
  post (gate->gateway, command);
}

void
bl_gate_settle (BlGate *gate)
{
  post (gate->gateway, command_new (BL_GATE_SETTLE, gate));
}

void
bl_gate_free (BlGate *gate)
{
  if (!gate)
    return;
  post (gate->gateway, command_new (BL_GATE_CLOSE, gate));
  g_hash_table_remove (gate->gateway->gates, &gate->id);
  g_free (gate->ufrag);
  g_free (gate->pwd);
  g_free (gate);
}
