/* SPDX-License-Identifier: Apache-2.0 */
#include "selftest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "rig.h"
#include "tun.h"

#define NEAR       "10.99.0.1"
#define FAR        "10.99.0.2"
#define PORT       9000
#define SEED       7
#define HEADERS    28 /* IPv4 and UDP */
#define MAX_PROBES 4096
#define DRAIN_US   (400 * BL_MS)
#define LONGEST_US (10 * BL_SECOND)
#define STEP_MS    1

typedef struct {
  uint32_t number;
  BlTime sent_us;
  uint8_t rest[1188];
} Probe;

/* What came of `count` probes. */
typedef struct {
  unsigned count, arrived;
  size_t bytes; /* of one, as the link counts it */
  BlTime sent_us[MAX_PROBES], arrived_us[MAX_PROBES]; /* NEVER: lost */
  BlTime first_us, last_us;
} Probed;

typedef struct {
  ImpairRig *rig;
  int near, far; /* sockets */
} Bed;

/* ---- the bed ---- */

/* A namespace of this thread's own, in which it then is; its file, or -1. */
static int
enter_new_netns (void)
{
  if (unshare (CLONE_NEWNET) != 0)
    return -1;
  /* The kernel's own packets would be drawn for as well. */
  int fd = open ("/proc/sys/net/ipv6/conf/default/disable_ipv6",
                 O_WRONLY | O_CLOEXEC);
  if (fd >= 0) {
    (void)!write (fd, "1", 1);
    close (fd);
  }
  return impair_netns_open ("", NULL);
}

static int
open_socket (const char *address)
{
  struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons (PORT) };
  int fd = socket (AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  inet_pton (AF_INET, address, &in.sin_addr);
  if (fd >= 0 && bind (fd, (struct sockaddr *)&in, sizeof in) != 0) {
    close (fd);
    fd = -1;
  }
  return fd;
}

/* A device and a socket in a namespace of their own. */
static bool
make_end (const char *address, int *out_tun, int *out_socket, GError **error)
{
  g_autofree char *with_bits = g_strdup_printf ("%s/24", address);
  int netns = enter_new_netns ();
  if (netns < 0) {
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
                 "can't make a network namespace: %s", g_strerror (errno));
    return false;
  }
  *out_tun = impair_tun_open (netns, "impair", with_bits, error);
  close (netns);
  *out_socket = *out_tun < 0 ? -1 : open_socket (address);
  return *out_socket >= 0;
}

static bool
make_bed (Bed *bed, GError **error)
{
  int home = impair_netns_open ("", error), near = -1, far = -1;
  if (home < 0)
    return false;
  bool good = make_end (NEAR, &near, &bed->near, error)
              && make_end (FAR, &far, &bed->far, error);
  if (setns (home, CLONE_NEWNET) != 0)
    g_error ("can't go back to the first network namespace");
  close (home);
  if (good)
    bed->rig = impair_rig_new (near, far, SEED);
  return good;
}

static void
clear_bed (Bed *bed)
{
  impair_rig_free (bed->rig);
  close (bed->near);
  close (bed->far);
}

/* ---- probes ---- */

static void
receive (Bed *bed, Probed *p)
{
  Probe probe;
  while (recv (bed->far, &probe, sizeof probe, 0) >= 16) {
    if (probe.number >= p->count
        || p->arrived_us[probe.number] != BL_TIME_NEVER)
      continue;
    p->last_us = p->arrived_us[probe.number] = bl_clock_now ();
    if (p->arrived++ == 0)
      p->first_us = p->last_us;
  }
}

static void
send_probe (Bed *bed, Probed *p, unsigned number)
{
  Probe probe = { .number = number, .sent_us = bl_clock_now () };
  struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons (PORT) };
  inet_pton (AF_INET, FAR, &to.sin_addr);
  p->sent_us[number] = probe.sent_us;
  p->arrived_us[number] = BL_TIME_NEVER;
  (void)!sendto (bed->near, &probe, p->bytes - HEADERS, 0,
                 (struct sockaddr *)&to, sizeof to);
}

/* Sends `count` probes, one each `every_us`, and waits until no more come. */
static Probed *
probe (Bed *bed, unsigned count, size_t bytes, BlTime every_us)
{
  Probed *p = g_new0 (Probed, 1);
  BlTime begin = bl_clock_now (), now = begin, quiet = begin;
  p->bytes = bytes;
  while (p->count < count
         || (now - quiet < DRAIN_US && now - begin < LONGEST_US)) {
    struct pollfd files[] = { { .fd = bed->rig->fd, .events = POLLIN },
                              { .fd = bed->far, .events = POLLIN } };
    unsigned before = p->arrived;
    while (p->count < count && begin + p->count * every_us <= now)
      send_probe (bed, p, p->count), p->count++;
    poll (files, G_N_ELEMENTS (files), STEP_MS);
    impair_rig_work (bed->rig);
    receive (bed, p);
    now = bl_clock_now ();
    if (p->arrived != before || p->count < count)
      quiet = now;
  }
  return p;
}

static int
compare (const void *a, const void *b)
{
  BlTime left = *(const BlTime *)a, right = *(const BlTime *)b;
  return (left > right) - (left < right);
}

/* Sorted delays of what arrived, and a 0 where nothing did; free with g_free().
 */
static BlTime *
delays (const Probed *p)
{
  BlTime *all = g_new0 (BlTime, p->arrived + 1);
  unsigned n = 0;
  for (unsigned i = 0; i < p->count; i++)
    if (p->arrived_us[i] != BL_TIME_NEVER)
      all[n++] = p->arrived_us[i] - p->sent_us[i];
  qsort (all, n, sizeof *all, compare);
  return all;
}

/* ---- claims ---- */

static bool
say (bool good, const char *claim, double measured, const char *unit)
{
  printf ("%s %s: %.3f %s\n", good ? "ok  " : "FAIL", claim, measured, unit);
  return good;
}

static double
rate_mbps (const Probed *p)
{
  BlTime took = MAX (p->last_us - p->first_us, 1);
  return (double)((MAX (p->arrived, 1) - 1) * p->bytes) * 8 / (double)took;
}

static bool
rate_holds (Bed *bed, bool loaded)
{
  impair_rig_command (bed->rig, "rate=4M queue=100ms", NULL);
  g_autofree Probed *p = probe (bed, 1500, 1200, 1600);
  g_autofree BlTime *late = delays (p);
  double mbps = rate_mbps (p),
         worst_ms = (double)late[MAX (p->arrived, 1) - 1] / 1e3;
  bool good = say (mbps < 4 * 1.03 && (loaded || mbps > 4 * 0.97),
                   "6 Mb/s through rate=4M", mbps, "Mb/s");
  /* A full queue of 100 ms, and no more. */
  return say (loaded || (worst_ms > 90 && worst_ms < 115),
              "the longest wait in queue=100ms", worst_ms, "ms")
         && good;
}

static bool
delay_holds (Bed *bed, bool loaded)
{
  impair_rig_command (bed->rig, "rate=0 queue=0 delay=80", NULL);
  g_autofree Probed *p = probe (bed, 200, 200, 5000);
  g_autofree BlTime *late = delays (p);
  double least_ms = (double)late[0] / 1e3;
  double middle_ms = (double)late[p->arrived / 2] / 1e3;
  bool good = say (p->arrived == p->count && least_ms >= 80,
                   "the least of delay=80", least_ms, "ms");
  return say (loaded || middle_ms < 83, "the median of delay=80", middle_ms,
              "ms")
         && good;
}

static bool
loss_holds (Bed *bed, bool loaded)
{
  impair_rig_command (bed->rig, "delay=0 up loss=0", NULL);
  impair_rig_command (bed->rig, "up delay=0 loss=0.05 ge=0.02:0.25", NULL);
  ImpairLoss twin = bed->rig->lanes[IMPAIR_UP]->loss;
  const ImpairSettings *settings = &bed->rig->lanes[IMPAIR_UP]->settings;
  g_autofree Probed *p = probe (bed, 2000, 200, 500);
  unsigned otherwise = 0;
  for (unsigned i = 0; i < p->count; i++)
    otherwise += impair_loss_next (&twin, settings)
                 != (p->arrived_us[i] == BL_TIME_NEVER);
  double share = 1 - (double)p->arrived / p->count;
  bool good = say (otherwise == 0, "packets whose fate was not as drawn",
                   otherwise, "");
  /* 0.05 and, of the rest, 0.02/0.27 in bursts: 0.12. */
  return say (share > 0.08 && share < 0.16, "lost of loss=0.05 ge=0.02:0.25",
              share, "")
         && good;
}

static bool
outage_holds (Bed *bed, bool loaded)
{
  impair_rig_command (bed->rig, "up loss=0 ge=0 in-outage=drop", NULL);
  impair_rig_command (bed->rig, "cut 0.5", NULL);
  g_autofree Probed *p = probe (bed, 200, 200, 5000);
  double after_ms = (double)(p->first_us - p->sent_us[0]) / 1e3;
  bool good
      = say (after_ms >= 499, "the first packet after cut 0.5", after_ms, "ms");
  return say (p->arrived < p->count && (loaded || p->arrived > 90),
              "packets of 200 that came through", p->arrived, "")
         && good;
}

bool
impair_selftest_run (bool loaded)
{
  static bool (*const claims[]) (Bed *, bool)
      = { rate_holds, delay_holds, loss_holds, outage_holds };
  g_autoptr (GError) error = NULL;
  Bed bed = { 0 };
  bool good = true;
  if (geteuid () != 0) {
    puts ("SKIPPED: network namespaces and TUN devices need root");
    return true;
  }
  if (!make_bed (&bed, &error)) {
    printf ("FAIL the test's own network: %s\n",
            error ? error->message : g_strerror (errno));
    return false;
  }
  for (unsigned i = 0; i < G_N_ELEMENTS (claims); i++)
    good = claims[i](&bed, loaded) && good;
  clear_bed (&bed);
  return good;
}
