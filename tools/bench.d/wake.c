/* SPDX-License-Identifier: Apache-2.0
 *
 * How long a datagram takes on this machine with nothing of ours in its way:
 * from just before sendto() on one core until a thread that slept in
 * epoll_wait() on another has read it. What a relay adds for one viewer can't
 * be less. usage: wake [DATAGRAMS]
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_DATAGRAMS 600
#define MAX_DATAGRAMS     100000
/* A picture's distance at 100 a second: long enough for a core to sleep. */
#define INTERVAL_US  10000
#define PACKET_BYTES 1150
#define WAIT_MS      1000

typedef struct {
  int fd;
  unsigned wanted, count;
  int64_t *taken_ns;
} Receiver;

static int64_t
now_ns (void)
{
  struct timespec t;
  clock_gettime (CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
use_core (int core)
{
  cpu_set_t cores;
  CPU_ZERO (&cores);
  CPU_SET (core, &cores);
  /* On a machine with one core both share it. */
  (void)!sched_setaffinity (0, sizeof cores, &cores);
}

static void *
receive (void *data)
{
  Receiver *r = data;
  struct epoll_event event = { .events = EPOLLIN };
  char packet[PACKET_BYTES];
  int64_t sent_ns;
  use_core (1);
  int epoll = epoll_create1 (EPOLL_CLOEXEC);
  epoll_ctl (epoll, EPOLL_CTL_ADD, r->fd, &event);
  while (r->count < r->wanted && epoll_wait (epoll, &event, 1, WAIT_MS) == 1) {
    if (recv (r->fd, packet, sizeof packet, 0) != (ssize_t)sizeof packet)
      break;
    memcpy (&sent_ns, packet, sizeof sent_ns);
    r->taken_ns[r->count++] = now_ns () - sent_ns;
  }
  close (epoll);
  return NULL;
}

static int
open_socket (struct sockaddr_in *out_address)
{
  socklen_t length = sizeof *out_address;
  int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  *out_address = (struct sockaddr_in){ .sin_family = AF_INET };
  out_address->sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  if (fd < 0 || bind (fd, (struct sockaddr *)out_address, length) != 0
      || getsockname (fd, (struct sockaddr *)out_address, &length) != 0) {
    perror ("wake: a UDP socket on loopback");
    exit (EXIT_FAILURE);
  }
  return fd;
}

static void
send_all (int fd, const struct sockaddr_in *to, unsigned count)
{
  char packet[PACKET_BYTES] = { 0 };
  use_core (0);
  for (unsigned i = 0; i < count; i++) {
    usleep (INTERVAL_US);
    int64_t sent_ns = now_ns ();
    memcpy (packet, &sent_ns, sizeof sent_ns);
    (void)!sendto (fd, packet, sizeof packet, 0, (const struct sockaddr *)to,
                   sizeof *to);
  }
}

static int
compare (const void *a, const void *b)
{
  int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
  return (left > right) - (left < right);
}

int
main (int argc, char **argv)
{
  long wanted = argc > 1 ? strtol (argv[1], NULL, 10) : DEFAULT_DATAGRAMS;
  if (argc > 2 || wanted < 1 || wanted > MAX_DATAGRAMS) {
    fprintf (stderr, "usage: wake [DATAGRAMS]\n");
    return 2;
  }
  struct sockaddr_in address, own;
  Receiver receiver
      = { .fd = open_socket (&address), .wanted = (unsigned)wanted };
  receiver.taken_ns = calloc ((size_t)wanted, sizeof *receiver.taken_ns);
  int fd = open_socket (&own);
  pthread_t thread;
  if (!receiver.taken_ns
      || pthread_create (&thread, NULL, receive, &receiver) != 0)
    return EXIT_FAILURE;
  send_all (fd, &address, receiver.wanted);
  pthread_join (thread, NULL);
  unsigned n = receiver.count;
  qsort (receiver.taken_ns, n, sizeof *receiver.taken_ns, compare);
  if (n > 0)
    printf ("{\"datagrams\":%u,\"p50_us\":%.1f,\"p95_us\":%.1f,"
            "\"p99_us\":%.1f,\"max_us\":%.1f}\n",
            n, (double)receiver.taken_ns[n / 2] / 1e3,
            (double)receiver.taken_ns[n * 95 / 100] / 1e3,
            (double)receiver.taken_ns[n * 99 / 100] / 1e3,
            (double)receiver.taken_ns[n - 1] / 1e3);
  free (receiver.taken_ns);
  close (receiver.fd);
  close (fd);
  return n == receiver.wanted ? EXIT_SUCCESS : EXIT_FAILURE;
}
