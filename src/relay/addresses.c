/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/addresses.h"

#include <arpa/inet.h>
#include <gio/gio.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

/* 0: IPv4, 1: IPv6, 2: loopback, in the order in which they are listed. */
static int
rank (GInetAddress *address)
{
  if (g_inet_address_get_is_loopback (address))
    return 2;
  return g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV6;
}

static GInetAddress *
from_interface (const struct ifaddrs *interface)
{
  const struct sockaddr *address = interface->ifa_addr;
  if (!address || !(interface->ifa_flags & IFF_UP))
    return NULL;
  if (address->sa_family == AF_INET)
    return g_inet_address_new_from_bytes (
        (const guint8 *)&((const struct sockaddr_in *)(const void *)address)
            ->sin_addr,
        G_SOCKET_FAMILY_IPV4);
  if (address->sa_family == AF_INET6)
    return g_inet_address_new_from_bytes (
        (const guint8 *)&((const struct sockaddr_in6 *)(const void *)address)
            ->sin6_addr,
        G_SOCKET_FAMILY_IPV6);
  return NULL;
}

static gboolean
is_usable (GInetAddress *address, gboolean with_loopback)
{
  if (g_inet_address_get_is_loopback (address))
    return with_loopback;
  return !g_inet_address_get_is_link_local (address)
         && !g_inet_address_get_is_any (address);
}

GStrv
bl_addresses_gather (const char *bind, gboolean with_loopback, guint max)
{
  g_autoptr (GStrvBuilder) found = g_strv_builder_new ();
  guint count = 0;
  struct ifaddrs *interfaces = NULL;

  g_autoptr (GInetAddress) only
      = bind && *bind ? g_inet_address_new_from_string (bind) : NULL;
  if (only && !g_inet_address_get_is_any (only)) {
    g_strv_builder_add (found, bind);
    return g_strv_builder_end (found);
  }
  if (getifaddrs (&interfaces) != 0)
    return g_strv_builder_end (found);
  for (int wanted = 0; wanted <= 2; wanted++) {
    for (struct ifaddrs *i = interfaces; i && count < max; i = i->ifa_next) {
      g_autoptr (GInetAddress) address = from_interface (i);
      if (!address || rank (address) != wanted
          || !is_usable (address, with_loopback))
        continue;
      if (only
          && g_inet_address_get_family (address)
                 != g_inet_address_get_family (only))
        continue;
      g_autofree char *text = g_inet_address_to_string (address);
      g_strv_builder_add (found, text);
      count++;
    }
  }
  freeifaddrs (interfaces);
  return g_strv_builder_end (found);
}

void
bl_addresses_candidates (const char *const *addresses, guint16 port,
                         BlCandidate *out_candidates)
{
  for (guint i = 0; addresses[i]; i++) {
    BlCandidate *candidate = &out_candidates[i];
    *candidate = (BlCandidate){
      .component = 1,
      .transport = BL_CANDIDATE_UDP,
      .type = BL_CANDIDATE_HOST,
      .port = port,
      .priority
      = bl_candidate_priority (BL_CANDIDATE_HOST, (uint16_t)(G_MAXUINT16 - i)),
    };
    g_snprintf (candidate->foundation, sizeof candidate->foundation, "%u",
                i + 1);
    g_strlcpy (candidate->address, addresses[i], sizeof candidate->address);
  }
}
