/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/netwatch.h"

#include <gio/gio.h>

#include "vehicle/interfaces.h"

/* Address, route and the old one's end come one after the other, within a few
 * milliseconds of each other; until then nothing is shown. What comes later is
 * followed by itself, or found by the next check. */
#define SETTLES_MS 150

struct BlNetwatch {
  BlNetwatchFunc func;
  gpointer user_data;
  GNetworkMonitor *monitor;
  gulong handler;
  GSource *timer;
  char *addresses; /* as they were at the last call */
};

static char *
describe_interfaces (void)
{
  g_autoptr (GPtrArray) interfaces = bl_interfaces_list (false);
  return bl_interfaces_describe (interfaces);
}

static void
stop_timer (BlNetwatch *w)
{
  if (!w->timer)
    return;
  g_source_destroy (w->timer);
  g_clear_pointer (&w->timer, g_source_unref);
}

static gboolean
on_settled (gpointer data)
{
  BlNetwatch *w = data;
  g_clear_pointer (&w->timer, g_source_unref);
  char *addresses = describe_interfaces ();
  gboolean changed = !g_str_equal (addresses, w->addresses);
  g_free (w->addresses);
  w->addresses = addresses;
  w->func (changed, w->user_data);
  return G_SOURCE_REMOVE;
}

static void
on_changed (GNetworkMonitor *monitor, gboolean available, gpointer data)
{
  BlNetwatch *w = data;
  stop_timer (w);
  w->timer = g_timeout_source_new (SETTLES_MS);
  g_source_set_callback (w->timer, on_settled, w, NULL);
  g_source_attach (w->timer, g_main_context_get_thread_default ());
}

BlNetwatch *
bl_netwatch_new (BlNetwatchFunc func, gpointer user_data)
{
  BlNetwatch *w = g_new0 (BlNetwatch, 1);
  w->func = func;
  w->user_data = user_data;
  w->addresses = describe_interfaces ();
  w->monitor = g_object_ref (g_network_monitor_get_default ());
  w->handler = g_signal_connect (w->monitor, "network-changed",
                                 G_CALLBACK (on_changed), w);
  return w;
}

void
bl_netwatch_free (BlNetwatch *watch)
{
  if (!watch)
    return;
  g_signal_handler_disconnect (watch->monitor, watch->handler);
  g_object_unref (watch->monitor);
  stop_timer (watch);
  g_free (watch->addresses);
  g_free (watch);
}
