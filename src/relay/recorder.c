/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "relay.recorder"
#include "relay/recorder.h"

#include <gio/gio.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "base/log.h"
#include "relay/recorder_stream.h"

#define RESERVE_BYTES (64 * 1024 * 1024)

/* While something is recorded, the tap is looked into this often; else the
 * worker wakes us. */
#define NAP_MS   20
#define SLEEP_MS 1000

/* After so many records the clock is looked at again. */
#define BATCH 512

/* Where events go: outlives the recorder while some are on their way. */
typedef struct {
  gatomicrefcount refs;
  gboolean closed; /* main context only */
  GMainContext *context;
  BlRecorderEventFunc on_event;
  gpointer user_data;
} Sink;

struct BlRecorder {
  GThread *thread;
  Sink *sink;
  BlRecorderShared shared; /* recorder's thread only */
  GHashTable *streams; /* recording id → BlRecorderStream; that thread's */

  GMutex lock;
  GCond ready;
  gboolean opened; /* the thread has opened the database, or failed */
  gboolean quit;   /* atomic */
  GError *problem; /* why it failed */
  BlRecorderStats stats;
};

/* ---- events ---- */

typedef struct {
  Sink *sink;
  BlRecorderEvent event;
  char *message;
} Letter;

static void
sink_unref (Sink *sink)
{
  if (!g_atomic_ref_count_dec (&sink->refs))
    return;
  g_main_context_unref (sink->context);
  g_free (sink);
}

static void
letter_free (gpointer data)
{
  Letter *letter = data;
  sink_unref (letter->sink);
  g_free (letter->message);
  g_free (letter);
}

static gboolean
deliver (gpointer data)
{
  const Letter *letter = data;
  const Sink *sink = letter->sink;
  if (!sink->closed && sink->on_event)
    sink->on_event (&letter->event, sink->user_data);
  return G_SOURCE_REMOVE;
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
  Letter *letter = g_new0 (Letter, 1);
  letter->sink = recorder->sink;
  g_atomic_ref_count_inc (&letter->sink->refs);
  letter->message = g_strdup (message);
  letter->event = (BlRecorderEvent){ kind, recording, letter->message };
  g_autoptr (GSource) source = g_idle_source_new ();
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, deliver, letter, letter_free);
  g_source_attach (source, letter->sink->context);
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
  g_mutex_lock (&recorder->lock);
  recorder->stats = recorder->shared.stats;
  g_mutex_unlock (&recorder->lock);
}

static void
work (BlRecorder *recorder)
{
  BlTap *tap = recorder->shared.tap;
  for (;;) {
    gboolean quit = g_atomic_int_get (&recorder->quit);
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
  g_mutex_lock (&recorder->lock);
  recorder->opened = TRUE;
  recorder->problem = problem;
  g_cond_signal (&recorder->ready);
  g_mutex_unlock (&recorder->lock);
  if (recorder->shared.db) {
    work (recorder);
    finish_all (recorder);
  }
  g_clear_pointer (&recorder->shared.db, bl_db_close);
  return NULL;
}

/* ---- the owner's ---- */

static Sink *
sink_new (const BlRecorderOptions *options)
{
  Sink *sink = g_new0 (Sink, 1);
  g_atomic_ref_count_init (&sink->refs);
  sink->context = g_main_context_ref_thread_default ();
  sink->on_event = options->on_event;
  sink->user_data = options->user_data;
  return sink;
}

BlRecorder *
bl_recorder_new (const BlRecorderOptions *options, GError **error)
{
  g_autoptr (BlRecorder) recorder = g_new0 (BlRecorder, 1);
  g_mutex_init (&recorder->lock);
  g_cond_init (&recorder->ready);
  recorder->sink = sink_new (options);
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
  recorder->thread = g_thread_try_new ("recorder", run, recorder, error);
  if (!recorder->thread)
    return NULL;
  g_mutex_lock (&recorder->lock);
  while (!recorder->opened)
    g_cond_wait (&recorder->ready, &recorder->lock);
  GError *problem = g_steal_pointer (&recorder->problem);
  g_mutex_unlock (&recorder->lock);
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
  if (recorder->thread) {
    g_atomic_int_set (&recorder->quit, TRUE);
    bl_tap_wake (recorder->shared.tap);
    g_thread_join (recorder->thread);
  }
  recorder->sink->closed = TRUE;
  sink_unref (recorder->sink);
  g_hash_table_unref (recorder->streams);
  g_free (recorder->shared.folder);
  g_cond_clear (&recorder->ready);
  g_mutex_clear (&recorder->lock);
  g_free (recorder);
}

void
bl_recorder_get_stats (BlRecorder *recorder, BlRecorderStats *out_stats)
{
  g_mutex_lock (&recorder->lock);
  *out_stats = recorder->stats;
  g_mutex_unlock (&recorder->lock);
}
