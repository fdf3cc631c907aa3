/* SPDX-License-Identifier: Apache-2.0
 *
 * For store/ only: a thread that flushes a file to the disk when asked, so that
 * the one who wrote need not wait for the disk. What was written before several
 * requests goes with one flush.
 */
#pragma once

#include <glib.h>

typedef struct BlFlusher BlFlusher;

/* Opens `path` and starts the thread; NULL if it can't. */
BlFlusher *bl_flusher_new (const char *path);

/* Flushes what was asked for, then ends the thread. Accepts NULL. */
void bl_flusher_free (BlFlusher *flusher);

/* What was written until now is to be flushed. Never waits. */
void bl_flusher_request (BlFlusher *flusher);

/* A flush has failed, once: the disk can't be trusted with later ones. */
gboolean bl_flusher_has_failed (BlFlusher *flusher);
