/* SPDX-License-Identifier: Apache-2.0
 *
 * Stands in for relay/worker.h and relay/recorder.h: see fake_media.c.
 */
#pragma once

#include "relay/worker.h"

typedef struct {
  BlWorker *worker;
  guint64 last_id;
  BlSourceId last_source;
  BlSessionId last_session, last_removed;
  guint sessions_added, sessions_removed, restarts, stats_requests;
  char restart_ufrag[64];
  gboolean recorded;
  gboolean full; /* refuse what comes next */
} FakeMedia;

FakeMedia *fake_media (void);

/* Gives the event to the registry as the worker would. */
void fake_media_tell (BlWorkerEventKind kind, BlSessionId session,
                      BlSourceId source);
