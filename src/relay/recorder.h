/* SPDX-License-Identifier: Apache-2.0
 *
 * The recorder of one media worker: a thread that reads the worker's tap and
 * writes `folder`/recordings/<id>/part-0001.mp4 … (store/cmaf) and its list in
 * the database (store/recordings). It has its own database connection.
 *
 * There is no command to start or stop: the worker's START and STOP in the tap
 * do that, in order with the packets. Control makes the recording's row first,
 * with bl_recordings_open(), and gives its id to bl_worker_add_source().
 *
 * Invariants:
 * - The worker is never held up: a slow disk fills the tap, and packets drop.
 * - A fragment holds what arrived within BL_RECORDER_FRAGMENT_US, and is on the
 *   disk (fdatasync) before the database lists it. With the time a missing
 *   packet is waited for, a kill -9 loses less than 2 s. Where pictures pause,
 *   the last one before is kept for the next fragment, which says how long it
 *   lasts: no hole in which a browser would lose its way.
 * - Sound is one unbroken run of samples (silence where none came) and is the
 *   file's clock; pictures are placed against it by capture time. So sound and
 *   picture stay together in players that count samples, too.
 * - What is missing is listed as a gap.
 * - A full disk stops the recording (one FULL event), never the call; it goes
 *   on in a new part when there is room again (RESUMED).
 */
#pragma once

#include <glib.h>

#include "base/bltime.h"
#include "relay/tap.h"

typedef struct BlRecorder BlRecorder;

#define BL_RECORDER_FRAGMENT_US (1 * BL_SECOND)
#define BL_RECORDER_REPAIR_US   (700 * BL_MS) /* waits for RTX this long */

typedef enum {
  BL_RECORDER_STARTED, /* the first fragment is on the disk */
  BL_RECORDER_FULL,    /* no room on the disk: recording stands still */
  BL_RECORDER_RESUMED, /* after FULL or FAILED: it goes on */
  BL_RECORDER_FAILED,  /* any other error of disk or database; tried again */
  BL_RECORDER_ENDED,   /* after STOP: all is written, the recording closed */
} BlRecorderEventKind;

typedef struct {
  BlRecorderEventKind kind;
  gint64 recording;
  const char *message; /* for log and health; borrowed; NULL if none */
} BlRecorderEvent;

/* Runs in the main context that was the thread's default when
 * bl_recorder_new() was called. */
typedef void (*BlRecorderEventFunc) (const BlRecorderEvent *event,
                                     gpointer user_data);

typedef struct {
  const char *folder;    /* [store] folder: bluelight.db and recordings/ */
  BlTap *tap;            /* borrowed; outlives the recorder */
  guint64 reserve_bytes; /* stop when less is free, so that the database
                            still can write; 0: 64 MiB */
  BlRecorderEventFunc on_event;
  gpointer user_data;
  /* For tests: bytes free at a path, or NULL for statvfs. */
  guint64 (*free_bytes) (const char *path, gpointer user_data);
} BlRecorderOptions;

/* Opens the database and starts the thread. NULL and `error` (BL_DB_ERROR, or
 * G_IO_ERROR for the folder). Options are copied, the string too. */
BlRecorder *bl_recorder_new (const BlRecorderOptions *options, GError **error);

/* Reads the tap to its end, closes all recordings (also those without STOP),
 * ends the thread. Free the worker first. Pending events are dropped. Blocks
 * for the disk. Accepts NULL. */
void bl_recorder_free (BlRecorder *recorder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlRecorder, bl_recorder_free)

typedef struct {
  guint recordings;  /* open now */
  guint stopped;     /* of these, standing still for FULL or FAILED */
  guint64 fragments; /* written */
  guint64 bytes;     /* written */
  guint64 lost;      /* packets that never came, or were dropped by the tap */
  guint64 broken;    /* pictures left out because of them */
} BlRecorderStats;

/* Any thread. */
void bl_recorder_get_stats (BlRecorder *recorder, BlRecorderStats *out_stats);
