/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/timer.h"

struct BlTimer {
  GSource source;
  void (*func) (gpointer user_data);
  gpointer user_data;
};

static gboolean
dispatch (GSource *source, GSourceFunc callback, gpointer data)
{
  BlTimer *timer = (BlTimer *)source;
  g_source_set_ready_time (source, -1);
  timer->func (timer->user_data);
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs funcs = { .dispatch = dispatch };

BlTimer *
bl_timer_new (int priority, void (*func) (gpointer user_data),
              gpointer user_data)
{
  GSource *source = g_source_new (&funcs, sizeof (BlTimer));
  BlTimer *timer = (BlTimer *)source;
  timer->func = func;
  timer->user_data = user_data;
  g_source_set_priority (source, priority);
  g_source_attach (source, g_main_context_get_thread_default ());
  return timer;
}

void
bl_timer_free (BlTimer *timer)
{
  if (!timer)
    return;
  g_source_destroy (&timer->source);
  g_source_unref (&timer->source);
}

void
bl_timer_set (BlTimer *timer, BlTime at)
{
  g_source_set_ready_time (&timer->source, at == BL_TIME_NEVER ? -1 : at);
}
