/* SPDX-License-Identifier: Apache-2.0 */
#include "tun.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Room for bursts while this process waits for its turn. */
#define DEVICE_QUEUE 1000

static void
fail (GError **error, const char *what, const char *which)
{
  int code = errno;
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code),
               "can't %s %s: %s", what, which, g_strerror (code));
}

int
impair_netns_open (const char *name, GError **error)
{
  g_autofree char *path = *name ? g_build_filename ("/run/netns", name, NULL)
                                : g_strdup ("/proc/thread-self/ns/net");
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    fail (error, "open network namespace", path);
  return fd;
}

static bool
parse_address (const char *text, struct in_addr *address, struct in_addr *mask,
               GError **error)
{
  g_auto (GStrv) parts = g_strsplit (text, "/", 2);
  guint64 bits = 24;
  if (g_strv_length (parts) == 0 || inet_pton (AF_INET, parts[0], address) != 1
      || (parts[1]
          && !g_ascii_string_to_unsigned (parts[1], 10, 1, 32, &bits, NULL))) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                 "“%s” is no IPv4 address with a prefix length", text);
    return false;
  }
  mask->s_addr = htonl ((uint32_t)(UINT64_C (0xffffffff) << (32 - bits)));
  return true;
}

/* Address and flags, through any socket of the device's namespace. */
static bool
configure (struct ifreq *request, const char *address, GError **error)
{
  struct in_addr ip, mask;
  if (!parse_address (address, &ip, &mask, error))
    return false;
  int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in *in = (struct sockaddr_in *)(void *)&request->ifr_addr;
  *in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = ip };
  bool good = fd >= 0 && ioctl (fd, SIOCSIFADDR, request) == 0;
  in->sin_addr = mask;
  good = good && ioctl (fd, SIOCSIFNETMASK, request) == 0;
  request->ifr_qlen = DEVICE_QUEUE;
  good = good && ioctl (fd, SIOCSIFTXQLEN, request) == 0;
  request->ifr_flags = IFF_UP | IFF_RUNNING;
  good = good && ioctl (fd, SIOCSIFFLAGS, request) == 0;
  if (!good)
    fail (error, "set up device", request->ifr_name);
  if (fd >= 0)
    close (fd);
  return good;
}

static int
open_here (const char *name, const char *address, GError **error)
{
  struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
  if (g_strlcpy (request.ifr_name, name, IFNAMSIZ) >= IFNAMSIZ) {
    errno = ENAMETOOLONG;
    fail (error, "open TUN device", name);
    return -1;
  }
  int fd = open ("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0 || ioctl (fd, TUNSETIFF, &request) != 0)
    fail (error, "open TUN device", name);
  else if (configure (&request, address, error))
    return fd;
  if (fd >= 0)
    close (fd);
  return -1;
}

int
impair_tun_open (int netns_fd, const char *name, const char *address,
                 GError **error)
{
  int home = impair_netns_open ("", error);
  if (home < 0)
    return -1;
  int fd = -1;
  if (setns (netns_fd, CLONE_NEWNET) != 0)
    fail (error, "enter the network namespace of", name);
  else
    fd = open_here (name, address, error);
  if (setns (home, CLONE_NEWNET) != 0)
    g_error ("can't go back to the first network namespace");
  close (home);
  return fd;
}
