/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "relay/worker_private.h"

/* Media are read at once. Reports are too if none came lately; else so often,
 * as many as have come, since being woken costs more than hearing one
 * (docs/adr/0006). After a full batch sooner: so 64,000 a second are heard, and
 * not more, whoever sends them. */
#define REPORTS_INTERVAL_US   (10 * BL_MS)
#define REPORTS_MORE_AFTER_US BL_MS

/* ---- commands ---- */

static void
add_source (BlWorker *worker, const BlCommand *command)
{
  bl_hub_add_source (worker->hub, command->source, command->call_number,
                     command->record);
}

static void
remove_source (BlWorker *worker, const BlCommand *command)
{
  bl_hub_remove_source (worker->hub, command->source);
}

static void
add_session (BlWorker *worker, const BlCommand *command)
{
  BlSessionSetup setup = { .role = command->role,
                           .local_ufrag = command->ice.ufrag,
                           .local_pwd = command->ice.pwd,
                           .negotiated = command->negotiated };
  bl_hub_add_session (worker->hub, command->session, command->source, &setup);
}

static void
restart_ice (BlWorker *worker, const BlCommand *command)
{
  bl_hub_restart_ice (worker->hub, command->session, command->ice.ufrag,
                      command->ice.pwd);
}

static void
remove_session (BlWorker *worker, const BlCommand *command)
{
  bl_hub_remove_session (worker->hub, command->session);
}

static void
request_stats (BlWorker *worker, const BlCommand *command)
{
  BlWorkerEvent event
      = { .kind = BL_WORKER_STATS, .stats = bl_hub_stats (worker->hub) };
  bl_worker_emit (worker, &event);
}

static void
stop (BlWorker *worker, const BlCommand *command)
{
  worker->stopping = true;
}

static void (*const commands[]) (BlWorker *worker, const BlCommand *command) = {
  [BL_COMMAND_ADD_SOURCE] = add_source,
  [BL_COMMAND_REMOVE_SOURCE] = remove_source,
  [BL_COMMAND_ADD_SESSION] = add_session,
  [BL_COMMAND_RESTART_ICE] = restart_ice,
  [BL_COMMAND_REMOVE_SESSION] = remove_session,
  [BL_COMMAND_REQUEST_STATS] = request_stats,
  [BL_COMMAND_STOP] = stop,
};

static void
run_commands (BlWorker *worker)
{
  guint64 count;
  BlCommand *command;
  if (read (worker->wake_fd, &count, sizeof count) < 0)
    return;
  while ((command = bl_queue_pop (&worker->commands))) {
    commands[command->kind](worker, command);
    bl_command_free (command);
  }
}

void
bl_worker_emit (void *data, const BlWorkerEvent *event)
{
  BlWorker *worker = data;
  bl_queue_push (&worker->events, g_memdup2 (event, sizeof *event));
  g_source_set_ready_time (worker->event_source, 0);
}

/* ---- datagrams ---- */

BlUdpSent
bl_worker_send (void *udp, const BlPath *path, const uint8_t *bytes,
                size_t length, uint16_t segment_bytes)
{
  return bl_udp_send (udp, path, bytes, length, segment_bytes);
}

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

/* bl_udp_receive() or its like. */
typedef unsigned (*Take) (BlUdp *udp, BlPacket *const *packets, unsigned count,
                          BlPath *out_paths);

static unsigned
receive (BlWorker *worker, Take take)
{
  refill (worker);
  unsigned n = take (worker->udp, worker->packets, BL_UDP_BATCH, worker->paths);
  if (n > 0)
    bl_histogram_add (&bl_hub_counters (worker->hub)->receive_batch, n);
  for (unsigned i = 0; i < n; i++) {
    if (worker->packets[i]->length > 0)
      bl_hub_receive (worker->hub, &worker->paths[i], worker->packets[i]);
    else
      bl_hub_counters (worker->hub)->drops[BL_DROP_TRUNCATED]++;
    bl_packet_unref (&worker->packets[i]);
  }
  return n;
}

/* Sets what epoll tells of `fd`. */
static void
watch (const BlWorker *worker, int fd, uint32_t events)
{
  struct epoll_event interest = { .events = events, .data.fd = fd };
  if (epoll_ctl (worker->epoll_fd, EPOLL_CTL_MOD, fd, &interest) < 0)
    g_error ("epoll_ctl: %s", g_strerror (errno));
}

static void
hear_reports (BlWorker *worker, BlTime now)
{
  unsigned n = receive (worker, bl_udp_receive_reports);
  if (n > 0) {
    worker->reports_due
        = now
          + (n < BL_UDP_BATCH ? REPORTS_INTERVAL_US : REPORTS_MORE_AFTER_US);
    return;
  }
  watch (worker, bl_udp_reports_fd (worker->udp), EPOLLIN | EPOLLONESHOT);
  worker->reports_due = BL_TIME_NEVER;
}

/* Asks epoll to tell when the socket has room, or no longer to. */
static void
watch_room (BlWorker *worker)
{
  bool wanted = bl_hub_is_blocked (worker->hub);
  if (wanted == worker->waits_for_room)
    return;
  watch (worker, bl_udp_fd (worker->udp), EPOLLIN | (wanted ? EPOLLOUT : 0));
  worker->waits_for_room = wanted;
}

static int
timeout_ms (const BlWorker *worker, BlTime now)
{
  BlTime due = bl_hub_next_deadline (worker->hub);
  due = MIN (due, worker->reports_due);
  if (due == BL_TIME_NEVER)
    return -1;
  /* Up, so that it is due when we wake. */
  return due <= now ? 0
                    : (int)MIN ((due - now + BL_MS - 1) / BL_MS, (BlTime)60000);
}

/* ---- the loop ---- */

static void
handle (BlWorker *worker, const struct epoll_event *ready)
{
  if (ready->data.fd == worker->wake_fd) {
    run_commands (worker);
    return;
  }
  if (ready->data.fd == bl_udp_reports_fd (worker->udp)) {
    worker->reports_due = 0;
    return;
  }
  if (ready->events & EPOLLOUT)
    bl_hub_on_writable (worker->hub);
  if (ready->events & (EPOLLIN | EPOLLERR))
    receive (worker, bl_udp_receive);
}

static void
begin_turn (BlWorker *worker, BlTime now)
{
  bl_hub_set_time (worker->hub, now, bl_clock_ntp ());
}

/* Gives the time at its end. */
static BlTime
finish_turn (BlWorker *worker)
{
  bl_hub_finish_turn (worker->hub);
  watch_room (worker);
  BlTime end = bl_clock_now ();
  bl_hub_note_end (worker->hub, end);
  return end;
}

void *
bl_worker_run (void *data)
{
  BlWorker *worker = data;
  struct epoll_event ready[3];
  int wait_ms = 0;

  while (!worker->stopping) {
    int n = epoll_wait (worker->epoll_fd, ready, G_N_ELEMENTS (ready), wait_ms);
    begin_turn (worker, bl_clock_now ());
    for (int i = 0; i < n; i++)
      handle (worker, &ready[i]);
    BlTime end = finish_turn (worker);
    /* A turn of their own, so that media have left before. */
    if (worker->reports_due <= end) {
      begin_turn (worker, end);
      hear_reports (worker, end);
      end = finish_turn (worker);
    }
    wait_ms = timeout_ms (worker, end);
  }
  for (unsigned i = 0; i < BL_UDP_BATCH; i++)
    bl_packet_unref (&worker->packets[i]);
  bl_hub_free (worker->hub);
  return NULL;
}
