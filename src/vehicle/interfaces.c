/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/interfaces.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

static void
interface_free (gpointer data)
{
  BlInterface *interface = data;
  g_free (interface->name);
  g_ptr_array_unref (interface->addresses);
  g_free (interface);
}

static BlInterface *
find (const GPtrArray *list, const char *name)
{
  for (guint i = 0; i < list->len; i++) {
    BlInterface *interface = g_ptr_array_index (list, i);
    if (g_str_equal (interface->name, name))
      return interface;
  }
  return NULL;
}

static void
add (GPtrArray *list, const char *name, const char *address)
{
  BlInterface *interface = find (list, name);
  if (!interface) {
    interface = g_new0 (BlInterface, 1);
    interface->name = g_strdup (name);
    interface->addresses = g_ptr_array_new_with_free_func (g_free);
    g_ptr_array_add (list, interface);
  }
  g_ptr_array_add (interface->addresses, g_strdup (address));
}

static bool
is_of_use (const struct ifaddrs *i, bool loopback)
{
  if (!i->ifa_addr || !(i->ifa_flags & IFF_RUNNING)
      || (!loopback && (i->ifa_flags & IFF_LOOPBACK)))
    return false;
  if (i->ifa_addr->sa_family != AF_INET6)
    return i->ifa_addr->sa_family == AF_INET;
  const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)i->ifa_addr;
  return !IN6_IS_ADDR_LINKLOCAL (&in6->sin6_addr);
}

GPtrArray *
bl_interfaces_list (bool loopback)
{
  GPtrArray *list = g_ptr_array_new_with_free_func (interface_free);
  struct ifaddrs *all = NULL;
  if (getifaddrs (&all) != 0)
    return list;
  for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
    char text[NI_MAXHOST];
    if (!is_of_use (i, loopback))
      continue;
    socklen_t length = i->ifa_addr->sa_family == AF_INET
                           ? sizeof (struct sockaddr_in)
                           : sizeof (struct sockaddr_in6);
    if (getnameinfo (i->ifa_addr, length, text, sizeof text, NULL, 0,
                     NI_NUMERICHOST)
        == 0)
      add (list, i->ifa_name, text);
  }
  freeifaddrs (all);
  return list;
}

static void
add_wanted (GPtrArray *list, const BlInterface *interface, const char *wanted)
{
  bool by_name = !wanted || g_str_equal (interface->name, wanted);
  for (guint i = 0; i < interface->addresses->len; i++) {
    const char *address = g_ptr_array_index (interface->addresses, i);
    if (by_name || g_str_equal (address, wanted))
      add (list, interface->name, address);
  }
}

GPtrArray *
bl_interfaces_choose (const GPtrArray *all, const char *const *wanted)
{
  static const char *const any[] = { NULL };
  GPtrArray *list = g_ptr_array_new_with_free_func (interface_free);
  const char *const *name = wanted && *wanted ? wanted : any;
  do
    for (guint i = 0; i < all->len; i++)
      add_wanted (list, g_ptr_array_index (all, i), *name);
  while (*name && *++name);
  return list;
}

char *
bl_interfaces_describe (const GPtrArray *interfaces)
{
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < interfaces->len; i++) {
    const BlInterface *interface = g_ptr_array_index (interfaces, i);
    g_string_append_printf (text, "%s%s", i > 0 ? ", " : "", interface->name);
    for (guint a = 0; a < interface->addresses->len; a++)
      g_string_append_printf (
          text, " %s", (char *)g_ptr_array_index (interface->addresses, a));
  }
  return g_string_free (text, FALSE);
}

bool
bl_interface_bind (int fd, const char *name, GError **error)
{
  if (setsockopt (fd, SOL_SOCKET, SO_BINDTODEVICE, name,
                  (socklen_t)strlen (name) + 1)
      == 0)
    return true;
  int why = errno;
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (why),
               "what is to go by %s may go another way: %s", name,
               g_strerror (why));
  return false;
}
