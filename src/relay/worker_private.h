/* SPDX-License-Identifier: Apache-2.0
 *
 * The two halves of a worker: worker.c runs on control's thread,
 * worker_thread.c on the worker's own. Between them are two queues and an
 * eventfd.
 *
 * Invariant: each field belongs to one half, or never changes while the thread
 * runs; so nothing here needs a lock but the queues.
 */
#pragma once

#include <pthread.h>

#include "relay/hub.h"
#include "relay/queue.h"
#include "relay/udp.h"
#include "relay/worker.h"

typedef enum {
  BL_COMMAND_ADD_SOURCE,
  BL_COMMAND_REMOVE_SOURCE,
  BL_COMMAND_ADD_SESSION,
  BL_COMMAND_RESTART_ICE,
  BL_COMMAND_REMOVE_SESSION,
  BL_COMMAND_REQUEST_STATS,
  BL_COMMAND_STOP,
} BlCommandKind;

typedef struct {
  BlCommandKind kind;
  BlSourceId source;
  BlSessionId session;
  guint64 call_number;
  bool record;
  BlSessionRole role;
  BlIceCredentials ice;
  BlNegotiated *negotiated; /* owned, or NULL */
} BlCommand;

/* For GDestroyNotify. */
void bl_command_free (gpointer command);

struct BlWorker {
  /* Fixed. */
  guint index;
  guint max_sources, max_sessions;
  BlWorkerEventFunc on_event;
  gpointer user_data;
  GThread *control;
  pthread_t thread;
  GSource *event_source;

  /* Control's. */
  GHashTable *sources;  /* set of BlSourceId: added and not removed */
  GHashTable *sessions; /* BlSessionId → BlSourceId, likewise */
  guint64 last_id;

  /* Between the two. */
  BlQueue commands; /* of BlCommand */
  BlQueue events;   /* of BlWorkerEvent; its stats are owned */
  int wake_fd;      /* eventfd: there are commands */

  /* The thread's. */
  BlUdp *udp;
  BlHub *hub;
  int epoll_fd;
  bool stopping;
  bool waits_for_room; /* epoll tells when the socket has room */
  BlTime reports_due;  /* when they are read; NEVER: epoll tells, once */
  BlPacket *packets[BL_UDP_BATCH];
  BlPath paths[BL_UDP_BATCH];
};

/* The thread's main function; `worker` is a BlWorker. */
void *bl_worker_run (void *worker);

/* Queues a copy of `event` for control. On the worker's thread. */
void bl_worker_emit (void *worker, const BlWorkerEvent *event);

/* bl_udp_send() as the hub wants it; `udp` is a BlUdp. */
BlUdpSent bl_worker_send (void *udp, const BlPath *path, const uint8_t *bytes,
                          size_t length, uint16_t segment_bytes);
