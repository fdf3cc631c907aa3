/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages from one thread to another: commands to a worker, and events back.
 * Not for packets. A pthread mutex rather than GLib's, because ThreadSanitizer
 * sees through it.
 */
#pragma once

#include <glib.h>
#include <pthread.h>

typedef struct {
  pthread_mutex_t lock;
  GQueue messages;
} BlQueue;

void bl_queue_init (BlQueue *queue);
/* Frees what is left with `free_message`. */
void bl_queue_clear (BlQueue *queue, GDestroyNotify free_message);

/* Takes `message`. Any thread. */
void bl_queue_push (BlQueue *queue, gpointer message);

/* The oldest message, which the caller now owns, or NULL. Any thread. */
gpointer bl_queue_pop (BlQueue *queue);

/* A source of the thread's default main context that runs `dispatch` when its
 * ready time has come: the receiving end of a queue. The pusher sets the time
 * to 0, `dispatch` sets it to -1 before it pops. Free it with
 * g_source_destroy() and g_source_unref(). `name` is a literal. */
GSource *bl_queue_source_new (const char *name, GSourceFunc dispatch,
                              gpointer user_data);
