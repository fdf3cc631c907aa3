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
