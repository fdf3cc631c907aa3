/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "relay.worker"
#include "relay/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "relay/hub.h"
#include "relay/queue.h"
#include "relay/udp.h"

#define DEFAULT_CONNECT_US (30 * BL_SECOND)
#define DEFAULT_SILENCE_US (10 * BL_SECOND)

G_DEFINE_QUARK (bl - worker - error - quark, bl_worker_error)

typedef struct Command Command;

struct BlWorker {
  guint index;
  guint max_sources, max_sessions;
  BlWorkerEventFunc on_event;
  gpointer user_data;

  /* Control's. */
  GThread *control;
  GHashTable *sources;  /* set of BlSourceId: added and not removed */
  GHashTable *sessions; /* BlSessionId → BlSourceId, likewise */
  guint64 last_id;
  GSource *event_source;
  pthread_t thread;

  /* Between the two. */
  BlQueue commands; /* of Command */
  BlQueue events;   /* of BlWorkerEvent */
  int wake_fd;      /* eventfd: there are commands */

  /* The thread's. */
  BlUdp *udp;
  BlHub *hub;
  int epoll_fd;
  bool stopping;
  BlPacket *packets[BL_UDP_BATCH];
  BlPath paths[BL_UDP_BATCH];
};

static const char *const lost_reason_names[] = {
  [BL_LOST_NONE] = "not lost",
  [BL_LOST_NEVER_CONNECTED] = "never connected",
  [BL_LOST_DTLS] = "DTLS failed",
  [BL_LOST_SILENT] = "nothing came any more",
  [BL_LOST_REPLACED] = "replaced by a newer publisher",
  [BL_LOST_INTERNAL] = "out of memory",
};

const char *
bl_lost_reason_name (BlLostReason reason)
{
  g_assert (reason < G_N_ELEMENTS (lost_reason_names));
  return lost_reason_names[reason];
}

/* ---- commands ---- */

struct Command {
  void (*run) (BlWorker *worker, const Command *command);
  BlSourceId source;
  BlSessionId session;
  guint64 call_number;
  bool record;
  BlSessionRole role;
  BlIceCredentials ice;
  BlNegotiated *negotiated; /* owned, or NULL */
};

static void
command_free (gpointer data)
{
  Command *command = data;
  g_free (command->negotiated);
  g_free (command);
}

static void
run_add_source (BlWorker *worker, const Command *command)
{
  bl_hub_add_source (worker->hub, command->source, command->call_number,
                     command->record);
}

static void
run_remove_source (BlWorker *worker, const Command *command)
{
  bl_hub_remove_source (worker->hub, command->source);
}

static void
run_add_session (BlWorker *worker, const Command *command)
{
  BlSessionSetup setup = { .role = command->role,
                           .local_ufrag = command->ice.ufrag,
                           .local_pwd = command->ice.pwd,
                           .negotiated = command->negotiated };
  bl_hub_add_session (worker->hub, command->session, command->source, &setup);
}

static void
run_restart_ice (BlWorker *worker, const Command *command)
{
  bl_hub_restart_ice (worker->hub, command->session, command->ice.ufrag,
                      command->ice.pwd);
}

static void
run_remove_session (BlWorker *worker, const Command *command)
{
  bl_hub_remove_session (worker->hub, command->session);
}

static void
run_stop (BlWorker *worker, const Command *command)
{
  worker->stopping = true;
}

static void emit (void *data, const BlWorkerEvent *event);

static void
run_request_stats (BlWorker *worker, const Command *command)
{
  BlWorkerEvent event
      = { .kind = BL_WORKER_STATS, .stats = bl_hub_stats (worker->hub) };
  emit (worker, &event);
}

/* Takes a copy of `command`, and what it owns. */
static void
post (BlWorker *worker, const Command *command)
{
  guint64 one = 1;
  bl_queue_push (&worker->commands, g_memdup2 (command, sizeof *command));
  /* Fails only if the counter is full: then it wakes the worker anyway. */
  if (write (worker->wake_fd, &one, sizeof one) < 0)
    g_assert (errno == EAGAIN);
}

static void
run_commands (BlWorker *worker)
{
  guint64 count;
  Command *command;
  if (read (worker->wake_fd, &count, sizeof count) < 0)
    return;
  while ((command = bl_queue_pop (&worker->commands))) {
    command->run (worker, command);
    command_free (command);
  }
}

/* ---- events ---- */

static void
event_free (gpointer data)
{
  BlWorkerEvent *event = data;
  bl_worker_stats_free ((BlWorkerStats *)event->stats);
  g_free (event);
}

/* On the worker's thread. */
static void
emit (void *data, const BlWorkerEvent *event)
{
  BlWorker *worker = data;
  bl_queue_push (&worker->events, g_memdup2 (event, sizeof *event));
  g_source_set_ready_time (worker->event_source, 0);
}

/* Has control not removed what this is about? */
static bool
is_of_interest (const BlWorker *worker, const BlWorkerEvent *event)
{
  if (event->session)
    return g_hash_table_contains (worker->sessions, &event->session);
  if (event->source)
    return g_hash_table_contains (worker->sources, &event->source);
  return true;
}

static gboolean
dispatch_events (gpointer data)
{
  BlWorker *worker = data;
  BlWorkerEvent *event;
  /* First, so that what is pushed from now on comes back here. */
  g_source_set_ready_time (worker->event_source, -1);
  while ((event = bl_queue_pop (&worker->events))) {
    if (is_of_interest (worker, event))
      worker->on_event (worker, event, worker->user_data);
    event_free (event);
  }
  return G_SOURCE_CONTINUE;
}

static gboolean
call_back (GSource *source, GSourceFunc callback, gpointer user_data)
{
  return callback (user_data);
}

static GSource *
new_event_source (BlWorker *worker)
{
  static GSourceFuncs funcs = { .dispatch = call_back };
  GSource *source = g_source_new (&funcs, sizeof (GSource));
  g_source_set_static_name (source, "media worker's events");
  g_source_set_callback (source, dispatch_events, worker, NULL);
  g_source_attach (source, g_main_context_get_thread_default ());
  return source;
}

/* ---- the thread ---- */

/* The pool has packets for all histories and for one batch, so it can't run
 * out: what is not in a history is here. */
static void
refill (BlWorker *worker)
{
  for (unsigned i = 0; i < BL_UDP_BATCH; i++) {
    if (!worker->packets[i])
      worker->packets[i] = bl_packet_new (bl_hub_pool (worker->hub));
    g_assert (worker->packets[i]);
  }
}

static void
receive (BlWorker *worker)
{
  refill (worker);
  unsigned n = bl_udp_receive (worker->udp, worker->packets, BL_UDP_BATCH,
                               worker->paths);
  for (unsigned i = 0; i < n; i++) {
    if (worker->packets[i]->length > 0)
      bl_hub_receive (worker->hub, &worker->paths[i], worker->packets[i]);
    else
      bl_hub_counters (worker->hub)->drops[BL_DROP_TRUNCATED]++;
    bl_packet_unref (&worker->packets[i]);
  }
}

static int
timeout_ms (const BlWorker *worker)
{
  BlTime due = bl_hub_next_deadline (worker->hub);
  if (due == BL_TIME_NEVER)
    return -1;
  BlTime left_us = due - bl_clock_now ();
  /* Up, so that it is due when we wake. */
  return left_us <= 0 ? 0
                      : (int)MIN ((left_us + BL_MS - 1) / BL_MS, (BlTime)60000);
}

static void *
run (void *data)
{
  BlWorker *worker = data;
  struct epoll_event ready[2];

  while (!worker->stopping) {
    int n = epoll_wait (worker->epoll_fd, ready, 2, timeout_ms (worker));
    bl_hub_set_time (worker->hub, bl_clock_now (), bl_clock_ntp ());
    for (int i = 0; i < n; i++)
      if (ready[i].data.fd == worker->wake_fd)
        run_commands (worker);
      else
        receive (worker);
    bl_hub_finish_turn (worker->hub);
  }
  for (unsigned i = 0; i < BL_UDP_BATCH; i++)
    bl_packet_unref (&worker->packets[i]);
  bl_hub_free (worker->hub);
  return NULL;
}

/* ---- control's side ---- */

static bool
watch (BlWorker *worker, int fd)
{
  struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
  return epoll_ctl (worker->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static BlUdpSend
send_udp (void *data, const BlPath *path, const uint8_t *bytes, size_t length,
          uint16_t segment_bytes, guint64 *out_calls)
{
  return bl_udp_send (data, path, bytes, length, segment_bytes, out_calls);
}

/* Everything but the thread; what was made is freed by the caller. */
static bool
set_up (BlWorker *worker, const BlWorkerOptions *options, GError **error)
{
  g_autoptr (GError) bind_error = NULL;
  worker->udp = bl_udp_new (options->bind_address, options->port,
                            options->port_key, &bind_error);
  if (!worker->udp) {
    g_set_error_literal (error, BL_WORKER_ERROR, BL_WORKER_ERROR_BIND,
                         bind_error->message);
    return false;
  }
  BlHubOptions hub = {
    .max_sources = worker->max_sources,
    .max_sessions = worker->max_sessions,
    .connect_us
    = options->connect_us ? options->connect_us : DEFAULT_CONNECT_US,
    .silence_us
    = options->silence_us ? options->silence_us : DEFAULT_SILENCE_US,
    .dtls = options->dtls,
    .tap = options->tap,
    .send = send_udp,
    .send_data = worker->udp,
    .emit = emit,
    .emit_data = worker,
  };
  worker->hub = bl_hub_new (&hub);
  worker->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  worker->wake_fd = eventfd (0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (!worker->hub || worker->epoll_fd < 0 || worker->wake_fd < 0
      || !watch (worker, worker->wake_fd)
      || !watch (worker, bl_udp_fd (worker->udp))) {
    g_set_error (error, BL_WORKER_ERROR, BL_WORKER_ERROR_SETUP,
                 "cannot set up media worker %u: %s; free some memory or raise "
                 "the limit of open files",
                 worker->index, g_strerror (errno));
    return false;
  }
  return true;
}

static bool
start_thread (BlWorker *worker, GError **error)
{
  char name[16];
  sigset_t all, before;
  /* Signals are for the control thread. */
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  int failed = pthread_create (&worker->thread, NULL, run, worker);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  if (failed) {
    g_set_error (error, BL_WORKER_ERROR, BL_WORKER_ERROR_SETUP,
                 "cannot start the thread of media worker %u: %s; raise the "
                 "limit of processes",
                 worker->index, g_strerror (failed));
    return false;
  }
  g_snprintf (name, sizeof name, "bl-media-%u", worker->index);
  pthread_setname_np (worker->thread, name);
  return true;
}

static void
free_control_side (BlWorker *worker)
{
  g_source_destroy (worker->event_source);
  g_source_unref (worker->event_source);
  bl_queue_clear (&worker->commands, command_free);
  bl_queue_clear (&worker->events, event_free);
  if (worker->epoll_fd >= 0)
    close (worker->epoll_fd);
  if (worker->wake_fd >= 0)
    close (worker->wake_fd);
  bl_udp_free (worker->udp);
  g_hash_table_unref (worker->sources);
  g_hash_table_unref (worker->sessions);
  g_free (worker);
}

BlWorker *
bl_worker_new (const BlWorkerOptions *options, GError **error)
{
  BlWorker *worker = g_new0 (BlWorker, 1);
  worker->index = options->index;
  worker->max_sources
      = options->max_sources ? options->max_sources : BL_WORKER_MAX_SOURCES;
  worker->max_sessions
      = options->max_sessions ? options->max_sessions : BL_WORKER_MAX_SESSIONS;
  worker->on_event = options->on_event;
  worker->user_data = options->user_data;
  worker->control = g_thread_self ();
  worker->epoll_fd = worker->wake_fd = -1;
  worker->sources
      = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  worker->sessions
      = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
  bl_queue_init (&worker->commands);
  bl_queue_init (&worker->events);
  worker->event_source = new_event_source (worker);

  if (!set_up (worker, options, error) || !start_thread (worker, error)) {
    bl_hub_free (worker->hub);
    free_control_side (worker);
    return NULL;
  }
  return worker;
}

void
bl_worker_free (BlWorker *worker)
{
  if (!worker)
    return;
  g_assert (worker->control == g_thread_self ());
  post (worker, &(Command){ .run = run_stop });
  pthread_join (worker->thread, NULL);
  free_control_side (worker);
}

guint
bl_worker_index (const BlWorker *worker)
{
  return worker->index;
}

guint16
bl_worker_port (const BlWorker *worker)
{
  return bl_udp_port (worker->udp);
}

guint
bl_worker_n_sources (const BlWorker *worker)
{
  g_assert (worker->control == g_thread_self ());
  return g_hash_table_size (worker->sources);
}

guint
bl_worker_n_sessions (const BlWorker *worker)
{
  g_assert (worker->control == g_thread_self ());
  return g_hash_table_size (worker->sessions);
}

/* No two workers give the same: the index is in the upper bits. */
static guint64
next_id (BlWorker *worker)
{
  return (guint64)worker->index << 48 | ++worker->last_id;
}

static gpointer
id_new (guint64 id)
{
  return g_memdup2 (&id, sizeof id);
}

BlSourceId
bl_worker_add_source (BlWorker *worker, guint64 call_number, gboolean record,
                      GError **error)
{
  if (bl_worker_n_sources (worker) == worker->max_sources) {
    g_set_error (error, BL_WORKER_ERROR, BL_WORKER_ERROR_FULL,
                 "media worker %u already has %u calls", worker->index,
                 worker->max_sources);
    return 0;
  }
  BlSourceId id = next_id (worker);
  g_hash_table_add (worker->sources, id_new (id));
  post (worker, &(Command){ .run = run_add_source,
                            .source = id,
                            .call_number = call_number,
                            .record = record });
  return id;
}

static gboolean
is_of_source (gpointer key, gpointer value, gpointer source)
{
  return *(BlSourceId *)value == *(BlSourceId *)source;
}

void
bl_worker_remove_source (BlWorker *worker, BlSourceId source)
{
  g_assert (worker->control == g_thread_self ());
  if (!g_hash_table_remove (worker->sources, &source))
    return;
  g_hash_table_foreach_remove (worker->sessions, is_of_source, &source);
  post (worker, &(Command){ .run = run_remove_source, .source = source });
}

/* Of the control side's making: their form is a matter of our own code. */
static void
copy_ice (BlIceCredentials *ice, const char *ufrag, const char *pwd)
{
  g_assert (ufrag[0] && strlen (ufrag) < sizeof ice->ufrag);
  g_assert (pwd[0] && strlen (pwd) < sizeof ice->pwd);
  g_strlcpy (ice->ufrag, ufrag, sizeof ice->ufrag);
  g_strlcpy (ice->pwd, pwd, sizeof ice->pwd);
}

BlSessionId
bl_worker_add_session (BlWorker *worker, BlSourceId source,
                       const BlSessionSetup *setup, GError **error)
{
  if (bl_worker_n_sessions (worker) == worker->max_sessions) {
    g_set_error (error, BL_WORKER_ERROR, BL_WORKER_ERROR_FULL,
                 "media worker %u already has %u sessions", worker->index,
                 worker->max_sessions);
    return 0;
  }
  Command command
      = { .run = run_add_session,
          .source = source,
          .session = next_id (worker),
          .role = setup->role,
          .negotiated = g_memdup2 (setup->negotiated, sizeof (BlNegotiated)) };
  copy_ice (&command.ice, setup->local_ufrag, setup->local_pwd);
  g_hash_table_insert (worker->sessions, id_new (command.session),
                       id_new (source));
  post (worker, &command);
  return command.session;
}

void
bl_worker_restart_ice (BlWorker *worker, BlSessionId session,
                       const char *local_ufrag, const char *local_pwd)
{
  g_assert (worker->control == g_thread_self ());
  Command command = { .run = run_restart_ice, .session = session };
  copy_ice (&command.ice, local_ufrag, local_pwd);
  post (worker, &command);
}

void
bl_worker_remove_session (BlWorker *worker, BlSessionId session)
{
  g_assert (worker->control == g_thread_self ());
  if (g_hash_table_remove (worker->sessions, &session))
    post (worker, &(Command){ .run = run_remove_session, .session = session });
}

void
bl_worker_request_stats (BlWorker *worker)
{
  g_assert (worker->control == g_thread_self ());
  post (worker, &(Command){ .run = run_request_stats });
}
