/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "relay.recorder"
#include "relay/recorder.h"

#include <errno.h>
#include <gio/gio.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "base/log.h"
#include "relay/queue.h"
#include "relay/recorder_stream.h"

#define RESERVE_BYTES (64 * 1024 * 1024)

/* While something is recorded, the tap is looked into this often; else the
 * worker wakes us. */
#define NAP_MS   100
#define SLEEP_MS 1000

/* After so many records the clock is looked at again. */
#define BATCH 512

struct BlRecorder {
  pthread_t thread;
  gboolean running;
  BlRecorderShared shared; /* recorder's thread only */
  GHashTable *streams; /* recording id → BlRecorderStream; that thread's */
  _Atomic bool quit;

  /* Events back to the owner's main context. */
  GSource *event_source;
  BlQueue events;
  BlRecorderEventFunc on_event;
  gpointer user_data;

  /* GLib's locks are hidden from ThreadSanitizer. */
  pthread_mutex_t lock;
  pthread_cond_t ready;
  gboolean opened; /* the thread has opened the database, or failed */
  GError *problem; /* why it failed */
  BlRecorderStats stats;
};

/* ---- events ---- */

static void
event_free (gpointer data)
{
  BlRecorderEvent *event = data;
  g_free ((char *)(gpointer)event->message);
  g_free (event);
}

static gboolean
deliver (gpointer data)
{
  BlRecorder *recorder = data;
  BlRecorderEvent *event;
  /* First, so that what is pushed from now on comes back here. */
  g_source_set_ready_time (recorder->event_source, -1);
  while ((event = bl_queue_pop (&recorder->events))) {
    if (recorder->on_event)
      recorder->on_event (event, recorder->user_data);
    event_free (event);
  }
  return G_SOURCE_CONTINUE;
}

static const struct {
  BlLogLevel level;
  const char *text;
} event_texts[] = {
  [BL_RECORDER_STARTED] = { BL_LOG_INFO, "started" },
  [BL_RECORDER_FULL] = { BL_LOG_WARNING, "stands still: no room on the disk" },
  [BL_RECORDER_RESUMED] = { BL_LOG_INFO, "goes on" },
  [BL_RECORDER_FAILED] = { BL_LOG_WARNING, "stands still" },
  [BL_RECORDER_ENDED] = { BL_LOG_INFO, "ended" },
};

static void
post (gpointer data, BlRecorderEventKind kind, gint64 recording,
      const char *message)
{
  BlRecorder *recorder = data;
  bl_log (event_texts[kind].level, BL_LOG_TOPIC,
          "recording %" G_GINT64_FORMAT " %s%s%s", recording,
          event_texts[kind].text, message ? ": " : "", message ? message : "");
  BlRecorderEvent *event = g_new0 (BlRecorderEvent, 1);
  *event = (BlRecorderEvent){ kind, recording, g_strdup (message) };
  bl_queue_push (&recorder->events, event);
  g_source_set_ready_time (recorder->event_source, 0);
}

/* ---- the thread ---- */

static guint64
free_bytes (const char *path, gpointer user_data)
{
  struct statvfs st;
  if (statvfs (path, &st) < 0)
    return G_MAXUINT64; /* the write will tell what is wrong */
  return (guint64)st.f_bavail * st.f_frsize;
}

static void
start_stream (BlRecorder *recorder, const BlTapRecord *record)
{
  gint64 id = (gint64)record->recording;
  BlRecorderStream *stream = bl_recorder_stream_new (&recorder->shared, record);
  if (!stream) {
    post (recorder, BL_RECORDER_FAILED, id, "out of memory");
    return;
  }
  g_hash_table_insert (recorder->streams, g_memdup2 (&id, sizeof id), stream);
}

static void
take (BlRecorder *recorder, const BlTapRecord *record, const uint8_t *payload)
{
  gint64 id = (gint64)record->recording;
  BlRecorderStream *stream = g_hash_table_lookup (recorder->streams, &id);
  if (!stream) {
    if (record->kind == BL_TAP_START)
      start_stream (recorder, record);
  } else if (record->kind == BL_TAP_STOP) {
    bl_recorder_stream_finish (stream, TRUE);
    g_hash_table_remove (recorder->streams, &id);
  } else {
    bl_recorder_stream_take (stream, record, payload);
  }
}

/* Gives whether the tap was read to its end. */
static gboolean
take_batch (BlRecorder *recorder)
{
  BlTap *tap = recorder->shared.tap;
  for (guint i = 0; i < BATCH; i++) {
    const uint8_t *payload;
    const BlTapRecord *record = bl_tap_peek (tap, &payload);
    if (!record)
      return TRUE;
    take (recorder, record, payload);
    bl_tap_pop (tap);
  }
  return FALSE;
}

static void
tick (BlRecorder *recorder)
{
  GHashTableIter iter;
  gpointer stream;
  gint64 now_us = bl_clock_unix_us ();
  g_hash_table_iter_init (&iter, recorder->streams);
  while (g_hash_table_iter_next (&iter, NULL, &stream))
    bl_recorder_stream_tick (stream, now_us);
  pthread_mutex_lock (&recorder->lock);
  recorder->stats = recorder->shared.stats;
  pthread_mutex_unlock (&recorder->lock);
}

static void
work (BlRecorder *recorder)
{
  BlTap *tap = recorder->shared.tap;
  for (;;) {
    gboolean quit = atomic_load (&recorder->quit);
    gboolean at_end = take_batch (recorder);
    tick (recorder);
    if (!at_end)
      continue;
    if (quit)
      return;
    if (g_hash_table_size (recorder->streams) > 0)
      bl_tap_nap (tap, NAP_MS);
    else
      bl_tap_wait (tap, SLEEP_MS);
  }
}

static void
finish_all (BlRecorder *recorder)
{
  GHashTableIter iter;
  gpointer stream;
  g_hash_table_iter_init (&iter, recorder->streams);
  while (g_hash_table_iter_next (&iter, NULL, &stream)) {
    bl_recorder_stream_finish (stream, FALSE);
    g_hash_table_iter_remove (&iter);
  }
}

static gboolean
open_store (BlRecorder *recorder, GError **error)
{
  BlRecorderShared *shared = &recorder->shared;
  g_autofree char *path
      = g_build_filename (shared->folder, BL_RECORDINGS_FOLDER, NULL);
  if (g_mkdir_with_parents (path, 0700) < 0) {
    int code = errno;
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code),
                 "%s: can't make the recordings' folder: %s", path,
                 g_strerror (code));
    return FALSE;
  }
  shared->db = bl_db_open (shared->folder, BL_DB_RELAXED, error);
  return shared->db != NULL;
}

static gpointer
run (gpointer data)
{
  BlRecorder *recorder = data;
  GError *problem = NULL;
  (void)open_store (recorder, &problem);
  pthread_mutex_lock (&recorder->lock);
  recorder->opened = TRUE;
  recorder->problem = problem;
  pthread_cond_signal (&recorder->ready);
  pthread_mutex_unlock (&recorder->lock);
  if (recorder->shared.db) {
    work (recorder);
    finish_all (recorder);
  }
  g_clear_pointer (&recorder->shared.db, bl_db_close);
  return NULL;
}

/* ---- the owner's ---- */

/* Waits until the thread has the database; gives what it could not do. */
static GError *
wait_for_store (BlRecorder *recorder)
{
  pthread_mutex_lock (&recorder->lock);
  while (!recorder->opened)
    pthread_cond_wait (&recorder->ready, &recorder->lock);
  GError *problem = g_steal_pointer (&recorder->problem);
  pthread_mutex_unlock (&recorder->lock);
  return problem;
}

BlRecorder *
bl_recorder_new (const BlRecorderOptions *options, GError **error)
{
  g_autoptr (BlRecorder) recorder = g_new0 (BlRecorder, 1);
  pthread_mutex_init (&recorder->lock, NULL);
  pthread_cond_init (&recorder->ready, NULL);
  bl_queue_init (&recorder->events);
  recorder->on_event = options->on_event;
  recorder->user_data = options->user_data;
  recorder->event_source
      = bl_queue_source_new ("recorder's events", deliver, recorder);
  recorder->streams
      = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free,
                               (GDestroyNotify)bl_recorder_stream_free);
  recorder->shared = (BlRecorderShared){
    .tap = options->tap,
    .folder = g_strdup (options->folder),
    .reserve_bytes
    = options->reserve_bytes ? options->reserve_bytes : RESERVE_BYTES,
    .free_bytes = options->free_bytes ? options->free_bytes : free_bytes,
    .user_data = options->user_data,
    .post = post,
    .post_data = recorder,
  };
  sigset_t all, before; /* signals are the main thread's */
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  int failed = pthread_create (&recorder->thread, NULL, run, recorder);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  if (failed) {
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (failed),
                 "can't start the recorder's thread: %s", g_strerror (failed));
    return NULL;
  }
  recorder->running = TRUE;
  pthread_setname_np (recorder->thread, "recorder");
  GError *problem = wait_for_store (recorder);
  if (problem) {
    g_propagate_error (error, problem);
    return NULL;
  }
  return g_steal_pointer (&recorder);
}

void
bl_recorder_free (BlRecorder *recorder)
{
  if (!recorder)
    return;
  if (recorder->running) {
    atomic_store (&recorder->quit, true);
    bl_tap_wake (recorder->shared.tap);
    pthread_join (recorder->thread, NULL);
  }
  g_source_destroy (recorder->event_source);
  g_source_unref (recorder->event_source);
  bl_queue_clear (&recorder->events, event_free);
  g_hash_table_unref (recorder->streams);
  g_free (recorder->shared.folder);
  pthread_cond_destroy (&recorder->ready);
  pthread_mutex_destroy (&recorder->lock);
  g_free (recorder);
}

void
bl_recorder_get_stats (BlRecorder *recorder, BlRecorderStats *out_stats)
{
  pthread_mutex_lock (&recorder->lock);
  *out_stats = recorder->stats;
  pthread_mutex_unlock (&recorder->lock);
}
