/* SPDX-License-Identifier: Apache-2.0
 *
 * Workers and recorders that do nothing but remember, so that a test can play
 * the network: it tells what the worker would have seen.
 */
#include "fake_media.h"

#include <string.h>

#include "relay/recorder.h"

struct BlWorker {
  BlWorkerOptions options;
  guint sources, sessions;
};

struct BlRecorder {
  BlRecorderOptions options;
};

GQuark
bl_worker_error_quark (void)
{
  return g_quark_from_static_string ("bl-worker-error");
}

static FakeMedia fake;

FakeMedia *
fake_media (void)
{
  return &fake;
}

void
fake_media_tell (BlWorkerEventKind kind, BlSessionId session, BlSourceId source)
{
  BlWorkerEvent event = {
    .kind = kind,
    .session = session,
    .source = source,
    .reason = kind == BL_WORKER_SESSION_LOST ? BL_LOST_SILENT : BL_LOST_NONE,
    .width = 1280,
    .height = 720,
    .profile_level_id = 0x42e01f,
  };
  BlWorker *worker = fake.worker;
  worker->options.on_event (worker, &event, worker->options.user_data);
}

BlWorker *
bl_worker_new (const BlWorkerOptions *options, GError **error)
{
  BlWorker *worker = g_new0 (BlWorker, 1);
  worker->options = *options;
  memset (&fake, 0, sizeof fake);
  fake.worker = worker;
  return worker;
}

void
bl_worker_free (BlWorker *worker)
{
  g_free (worker);
}

guint
bl_worker_index (const BlWorker *worker)
{
  return worker->options.index;
}

guint16
bl_worker_port (const BlWorker *worker)
{
  return 50000;
}

guint64
bl_worker_cpu_us (const BlWorker *worker)
{
  return 1500000;
}

guint
bl_worker_n_sources (const BlWorker *worker)
{
  return worker->sources;
}

guint
bl_worker_n_sessions (const BlWorker *worker)
{
  return worker->sessions;
}

BlSourceId
bl_worker_add_source (BlWorker *worker, guint64 call_number, gboolean record,
                      GError **error)
{
  if (fake.full) {
    g_set_error (error, BL_WORKER_ERROR, BL_WORKER_ERROR_FULL, "full");
    return 0;
  }
  worker->sources++;
  fake.recorded = record;
  return fake.last_source = ++fake.last_id;
}

void
bl_worker_remove_source (BlWorker *worker, BlSourceId source)
{
  worker->sources--;
}

BlSessionId
bl_worker_add_session (BlWorker *worker, BlSourceId source,
                       const BlSessionSetup *setup, GError **error)
{
  if (fake.full) {
    g_set_error (error, BL_WORKER_ERROR, BL_WORKER_ERROR_FULL, "full");
    return 0;
  }
  worker->sessions++;
  fake.sessions_added++;
  return fake.last_session = ++fake.last_id;
}

void
bl_worker_restart_ice (BlWorker *worker, BlSessionId session,
                       const char *local_ufrag, const char *local_pwd)
{
  fake.restarts++;
  g_strlcpy (fake.restart_ufrag, local_ufrag, sizeof fake.restart_ufrag);
}

void
bl_worker_remove_session (BlWorker *worker, BlSessionId session)
{
  worker->sessions--;
  fake.sessions_removed++;
  fake.last_removed = session;
}

void
bl_worker_request_stats (BlWorker *worker)
{
  fake.stats_requests++;
}

const char *
bl_lost_reason_name (BlLostReason reason)
{
  return "silent";
}

BlRecorder *
bl_recorder_new (const BlRecorderOptions *options, GError **error)
{
  BlRecorder *recorder = g_new0 (BlRecorder, 1);
  recorder->options = *options;
  return recorder;
}

void
bl_recorder_free (BlRecorder *recorder)
{
  g_free (recorder);
}

void
bl_recorder_get_stats (BlRecorder *recorder, BlRecorderStats *out_stats)
{
  *out_stats = (BlRecorderStats){ 0 };
}
