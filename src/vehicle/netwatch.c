/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/netwatch.h"

#include <gio/gio.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <string.h>

#define SETTLES_MS 500

struct BlNetwatch {
  BlNetwatchFunc func;
  gpointer user_data;
  GNetworkMonitor *monitor;
  gulong handler;
  GSource *timer;
  char *addresses; /* as they were at the last call */
};

static int
compare (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

static void
add_address (GPtrArray *list, const struct ifaddrs *i)
{
  char text[NI_MAXHOST];
  if (!i->ifa_addr || !(i->ifa_flags & IFF_RUNNING)
      || (i->ifa_flags & IFF_LOOPBACK))
    return;
  int family = i->ifa_addr->sa_family;
  if (family != AF_INET && family != AF_INET6)
    return;
  socklen_t length = family == AF_INET ? sizeof (struct sockaddr_in)
                                       : sizeof (struct sockaddr_in6);
  if (getnameinfo (i->ifa_addr, length, text, sizeof text, NULL, 0,
                   NI_NUMERICHOST)
      == 0)
    g_ptr_array_add (list, g_strdup (text));
}

/* All of them in order, as one text. */
static char *
list_addresses (void)
{
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func (g_free);
  struct ifaddrs *all = NULL;
  if (getifaddrs (&all) == 0) {
    for (const struct ifaddrs *i = all; i; i = i->ifa_next)
      add_address (list, i);
    freeifaddrs (all);
  }
  g_ptr_array_sort (list, compare);
  g_ptr_array_add (list, NULL);
  return g_strjoinv (" ", (char **)list->pdata);
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
  char *addresses = list_addresses ();
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
  w->addresses = list_addresses ();
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
