/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/worker.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "relay/worker_private.h"

#define DEFAULT_CONNECT_US (30 * BL_SECOND)
#define DEFAULT_SILENCE_US (10 * BL_SECOND)

/* Longer than a vehicle believes its session to be kept (BL_CALL_KEEP_US in
 * vehicle/call.h). */
#define DEFAULT_PUBLISHER_SILENCE_US (100 * BL_SECOND)

GQuark
bl_worker_error_quark (void)
{
  return g_quark_from_static_string ("bl-worker-error");
}

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

void
bl_command_free (gpointer data)
{
  BlCommand *command = data;
  g_free (command->negotiated);
  g_free (command);
}

/* Takes a copy of `command`, and what it owns. */
static void
post (BlWorker *worker, const BlCommand *command)
{
  guint64 one = 1;
  bl_queue_push (&worker->commands, g_memdup2 (command, sizeof *command));
  /* Fails only if the counter is full: then it wakes the worker anyway. */
  if (write (worker->wake_fd, &one, sizeof one) < 0)
    g_assert (errno == EAGAIN);
}

/* ---- events ---- */

static void
event_free (gpointer data)
{
  BlWorkerEvent *event = data;
  bl_worker_stats_free ((BlWorkerStats *)event->stats);
  g_free (event);
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

/* ---- beginning and end ---- */

static bool
watch (BlWorker *worker, int fd, uint32_t events)
{
  struct epoll_event event = { .events = events, .data.fd = fd };
  return epoll_ctl (worker->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
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
    .publisher_silence_us = options->publisher_silence_us
                                ? options->publisher_silence_us
                                : DEFAULT_PUBLISHER_SILENCE_US,
    .dtls = options->dtls,
    .tap = options->tap,
    .send = bl_worker_send,
    .send_data = worker->udp,
    .emit = bl_worker_emit,
    .emit_data = worker,
  };
  worker->hub = bl_hub_new (&hub);
  worker->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  worker->wake_fd = eventfd (0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (!worker->hub || worker->epoll_fd < 0 || worker->wake_fd < 0
      || !watch (worker, worker->wake_fd, EPOLLIN)
      || !watch (worker, bl_udp_fd (worker->udp), EPOLLIN)
      || (bl_udp_part_reports (worker->udp)
          && !watch (worker, bl_udp_reports_fd (worker->udp),
                     EPOLLIN | EPOLLONESHOT))) {
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
  int failed = pthread_create (&worker->thread, NULL, bl_worker_run, worker);
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
  bl_queue_clear (&worker->commands, bl_command_free);
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
  worker->reports_due = BL_TIME_NEVER;
  worker->sources
      = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  worker->sessions
      = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
  bl_queue_init (&worker->commands);
  bl_queue_init (&worker->events);
  worker->event_source
      = bl_queue_source_new ("media worker's events", dispatch_events, worker);

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
  post (worker, &(BlCommand){ .kind = BL_COMMAND_STOP });
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

guint64
bl_worker_cpu_us (const BlWorker *worker)
{
  clockid_t clock;
  struct timespec spent = { 0 };
  g_assert (worker->control == g_thread_self ());
  if (pthread_getcpuclockid (worker->thread, &clock) == 0)
    clock_gettime (clock, &spent);
  return (guint64)spent.tv_sec * BL_SECOND + (guint64)spent.tv_nsec / 1000;
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
  post (worker, &(BlCommand){ .kind = BL_COMMAND_ADD_SOURCE,
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
  post (worker,
        &(BlCommand){ .kind = BL_COMMAND_REMOVE_SOURCE, .source = source });
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
  BlCommand command
      = { .kind = BL_COMMAND_ADD_SESSION,
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
  BlCommand command = { .kind = BL_COMMAND_RESTART_ICE, .session = session };
  copy_ice (&command.ice, local_ufrag, local_pwd);
  post (worker, &command);
}

void
bl_worker_remove_session (BlWorker *worker, BlSessionId session)
{
  g_assert (worker->control == g_thread_self ());
  if (g_hash_table_remove (worker->sessions, &session))
    post (worker, &(BlCommand){ .kind = BL_COMMAND_REMOVE_SESSION,
                                .session = session });
}

void
bl_worker_request_stats (BlWorker *worker)
{
  g_assert (worker->control == g_thread_self ());
  post (worker, &(BlCommand){ .kind = BL_COMMAND_REQUEST_STATS });
}
