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
