/* SPDX-License-Identifier: Apache-2.0 */
#include <err.h>
#include <fcntl.h>
#include <netinet/udp.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "floor.h"

#define BATCH        32
#define BUFFER_BYTES 65536

/* Shared with the child; the sockets of a viewer are [viewer] and, with GRO,
 * [n_viewers + viewer]. */
struct FloorReceivers {
  pid_t pid;
  unsigned n_viewers;
  _Atomic uint64_t packets;
  _Atomic bool ready;
  uint16_t ports[2 * FLOOR_MAX_VIEWERS];
};

static int
open_socket (const FloorReceiverSetup *setup, bool gro, uint16_t *out_port)
{
  int fd = socket (AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = setup->address };
  socklen_t length = sizeof at;
  int on = 1;
  if (fd < 0 || bind (fd, (struct sockaddr *)&at, sizeof at) < 0
      || getsockname (fd, (struct sockaddr *)&at, &length) < 0)
    err (1, "cannot open a receiver's socket");
  if (gro && setsockopt (fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on) < 0)
    err (1, "UDP_GRO");
  *out_port = at.sin_port;
  return fd;
}

/* Takes what the socket has; gives the number of packets. */
static unsigned
drain (int fd, struct mmsghdr *headers)
{
  unsigned packets = 0;
  int n;
  do {
    n = recvmmsg (fd, headers, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n; i++)
      packets
          += (headers[i].msg_len + FLOOR_PACKET_BYTES - 1) / FLOOR_PACKET_BYTES;
  } while (n == BATCH);
  return packets;
}

static void
receive (FloorReceivers *shared, const FloorReceiverSetup *setup)
{
  static uint8_t scratch[BUFFER_BYTES];
  struct mmsghdr headers[BATCH] = { 0 };
  struct iovec vector = { scratch, sizeof scratch };
  int epoll = epoll_create1 (0);
  for (int i = 0; i < BATCH; i++) {
    headers[i].msg_hdr.msg_iov = &vector;
    headers[i].msg_hdr.msg_iovlen = 1;
  }
  for (unsigned i = 0; i < 2 * setup->n_viewers; i++) {
    int fd = open_socket (setup, i >= setup->n_viewers, &shared->ports[i]);
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
    if (epoll_ctl (epoll, EPOLL_CTL_ADD, fd, &event) < 0)
      err (1, "epoll_ctl");
  }
  shared->ready = true;
  for (;;) {
    struct epoll_event events[256];
    int n = epoll_wait (epoll, events, 256, setup->wait_in_epoll ? -1 : 0);
    unsigned packets = 0;
    for (int i = 0; i < n; i++)
      packets += drain (events[i].data.fd, headers);
    shared->packets += packets;
    if (n == 0)
      usleep (200);
  }
}

static void
enter_netns (const char *name)
{
  char path[256];
  snprintf (path, sizeof path, "/run/netns/%s", name);
  int fd = open (path, O_RDONLY);
  if (fd < 0 || setns (fd, CLONE_NEWNET) < 0)
    err (1, "network namespace %s", name);
  close (fd);
}

static void
pin_to_last_cpu (void)
{
  cpu_set_t set;
  CPU_ZERO (&set);
  CPU_SET (sysconf (_SC_NPROCESSORS_ONLN) - 1, &set);
  sched_setaffinity (0, sizeof set, &set);
}

FloorReceivers *
floor_receivers_new (const FloorReceiverSetup *setup)
{
  FloorReceivers *shared = mmap (NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED)
    err (1, "mmap");
  shared->n_viewers = setup->n_viewers;
  pid_t pid = fork ();
  if (pid < 0)
    err (1, "fork");
  if (pid == 0) {
    prctl (PR_SET_PDEATHSIG, SIGKILL);
    if (setup->netns)
      enter_netns (setup->netns);
    pin_to_last_cpu ();
    receive (shared, setup);
  }
  shared->pid = pid;
  while (!shared->ready) {
    if (waitpid (pid, NULL, WNOHANG) != 0)
      errx (1, "no receivers");
    usleep (1000);
  }
  return shared;
}

void
floor_receivers_free (FloorReceivers *receivers)
{
  kill (receivers->pid, SIGKILL);
  waitpid (receivers->pid, NULL, 0);
  munmap (receivers, sizeof *receivers);
}

uint16_t
floor_receivers_port (const FloorReceivers *receivers, bool gro,
                      unsigned viewer)
{
  return receivers->ports[viewer + (gro ? receivers->n_viewers : 0)];
}

uint64_t
floor_receivers_count (const FloorReceivers *receivers)
{
  return receivers->packets;
}

double
floor_receivers_cpu_us (const FloorReceivers *receivers)
{
  struct timespec t = { 0 };
  clockid_t clock;
  if (clock_getcpuclockid (receivers->pid, &clock) == 0)
    clock_gettime (clock, &t);
  return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}
