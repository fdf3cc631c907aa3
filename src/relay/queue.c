/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/queue.h"

void
bl_queue_init (BlQueue *queue)
{
  pthread_mutex_init (&queue->lock, NULL);
  g_queue_init (&queue->messages);
}

void
bl_queue_clear (BlQueue *queue, GDestroyNotify free_message)
{
  g_queue_clear_full (&queue->messages, free_message);
  pthread_mutex_destroy (&queue->lock);
}

void
bl_queue_push (BlQueue *queue, gpointer message)
{
  pthread_mutex_lock (&queue->lock);
  g_queue_push_tail (&queue->messages, message);
  pthread_mutex_unlock (&queue->lock);
}

gpointer
bl_queue_pop (BlQueue *queue)
{
  pthread_mutex_lock (&queue->lock);
  gpointer message = g_queue_pop_head (&queue->messages);
  pthread_mutex_unlock (&queue->lock);
  return message;
}

static gboolean
call_back (GSource *source, GSourceFunc callback, gpointer user_data)
{
  return callback (user_data);
}

GSource *
bl_queue_source_new (const char *name, GSourceFunc dispatch, gpointer user_data)
{
  static GSourceFuncs funcs = { .dispatch = call_back };
  GSource *source = g_source_new (&funcs, sizeof (GSource));
  g_source_set_static_name (source, name);
  g_source_set_callback (source, dispatch, user_data, NULL);
  g_source_attach (source, g_main_context_get_thread_default ());
  return source;
}
