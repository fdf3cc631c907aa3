/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <netinet/udp.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "floor_private.h"

#ifdef HAVE_LIBURING
#include <liburing.h>
#endif

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY 60
#endif

#define BUFFER_BYTES (8 << 20)
#define MAX_MESSAGES 1024

/* A message as the kernel takes it. */
typedef struct {
  struct iovec vector;
  alignas (
      struct cmsghdr) uint8_t control[CMSG_SPACE (sizeof (uint16_t))
                                      + CMSG_SPACE (sizeof (struct in6_pktinfo))
                                      + CMSG_SPACE (sizeof (uint64_t))];
} Parts;

static void
add_control (struct msghdr *header, int level, int type, const void *value,
             size_t length)
{
  struct cmsghdr *c = (struct cmsghdr *)((uint8_t *)header->msg_control
                                         + header->msg_controllen);
  c->cmsg_level = level;
  c->cmsg_type = type;
  c->cmsg_len = CMSG_LEN (length);
  memcpy (CMSG_DATA (c), value, length);
  header->msg_controllen += CMSG_SPACE (length);
}

static void
add_pktinfo (const FloorSender *s, struct msghdr *header)
{
  if (s->variant->mapped) {
    struct in6_pktinfo info = { 0 };
    info.ipi6_addr.s6_addr[10] = info.ipi6_addr.s6_addr[11] = 0xff;
    memcpy (info.ipi6_addr.s6_addr + 12, &s->local, sizeof s->local);
    add_control (header, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
  } else {
    struct in_pktinfo info = { .ipi_spec_dst = s->local };
    add_control (header, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
  }
}

static void
add_txtime (struct msghdr *header)
{
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  uint64_t at_ns = now.tv_sec * 1000000000ull + now.tv_nsec;
  add_control (header, SOL_SOCKET, SCM_TXTIME, &at_ns, sizeof at_ns);
}

static void
fill (const FloorSender *s, const FloorMessage *message, struct msghdr *header,
      Parts *parts)
{
  const FloorViewer *viewer = message->viewer;
  parts->vector = (struct iovec){ (void *)message->bytes, message->length };
  *header = (struct msghdr){ .msg_iov = &parts->vector,
                             .msg_iovlen = 1,
                             .msg_control = parts->control };
  if (viewer->address_length) {
    header->msg_name = (void *)&viewer->address;
    header->msg_namelen = viewer->address_length;
  }
  if (message->many) {
    uint16_t bytes = FLOOR_PACKET_BYTES;
    add_control (header, IPPROTO_UDP, UDP_SEGMENT, &bytes, sizeof bytes);
  }
  if (s->variant->pktinfo)
    add_pktinfo (s, header);
  if (s->variant->txtime)
    add_txtime (header);
}

static void
submit_sendmsg (FloorSender *s)
{
  int flags = s->variant->zerocopy ? MSG_ZEROCOPY : 0;
  for (unsigned i = 0; i < s->n_messages; i++) {
    struct msghdr header;
    Parts parts;
    fill (s, &s->messages[i], &header, &parts);
    if (sendmsg (s->messages[i].viewer->fd, &header, flags) < 0)
      s->errors++;
    else if (s->variant->zerocopy)
      s->incomplete++;
  }
}

static void
submit_sendmmsg (FloorSender *s)
{
  static struct mmsghdr headers[MAX_MESSAGES];
  static Parts parts[MAX_MESSAGES];
  for (unsigned first = 0; first < s->n_messages;) {
    unsigned n = s->n_messages - first;
    if (n > MAX_MESSAGES)
      n = MAX_MESSAGES;
    for (unsigned i = 0; i < n; i++)
      fill (s, &s->messages[first + i], &headers[i].msg_hdr, &parts[i]);
    int sent = sendmmsg (s->messages[first].viewer->fd, headers, n, 0);
    s->errors += sent < (int)n;
    first += sent > 0 ? (unsigned)sent : 1;
  }
}

static void
submit_uring (FloorSender *s)
{
#ifdef HAVE_LIBURING
  static struct msghdr headers[MAX_MESSAGES];
  static Parts parts[MAX_MESSAGES];
  for (unsigned i = 0; i < s->n_messages; i++) {
    struct io_uring_sqe *sqe = io_uring_get_sqe (s->ring);
    fill (s, &s->messages[i], &headers[i], &parts[i]);
    io_uring_prep_sendmsg (sqe, s->messages[i].viewer->fd, &headers[i], 0);
  }
  io_uring_submit_and_wait (s->ring, s->n_messages);
  struct io_uring_cqe *cqe;
  unsigned head, n = 0;
  io_uring_for_each_cqe (s->ring, head, cqe)
  {
    s->errors += cqe->res < 0;
    n++;
  }
  io_uring_cq_advance (s->ring, n);
#endif
}

static void
submit_nowhere (FloorSender *s)
{
}

void (*const floor_submit[]) (FloorSender *s) = {
  [FLOOR_SENDMSG] = submit_sendmsg,
  [FLOOR_SENDMMSG] = submit_sendmmsg,
  [FLOOR_URING] = submit_uring,
  [FLOOR_NOWHERE] = submit_nowhere,
};

void
floor_take_completions (FloorSender *s)
{
  while (s->incomplete > 0) {
    alignas (struct cmsghdr) uint8_t control[256];
    struct msghdr header
        = { .msg_control = control, .msg_controllen = sizeof control };
    if (recvmsg (s->viewers[0].fd, &header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
      continue;
    const struct sock_extended_err *e
        = (void *)CMSG_DATA (CMSG_FIRSTHDR (&header));
    /* Completed are the sends from ee_info to ee_data. */
    s->incomplete -= e->ee_data - e->ee_info + 1;
  }
}

void
floor_address (const FloorSender *s, FloorViewer *viewer, struct in_addr to,
               uint16_t port)
{
  if (s->variant->mapped) {
    viewer->address.sin6_family = AF_INET6;
    viewer->address.sin6_port = port;
    viewer->address.sin6_addr.s6_addr[10] = 0xff;
    viewer->address.sin6_addr.s6_addr[11] = 0xff;
    memcpy (viewer->address.sin6_addr.s6_addr + 12, &to, sizeof to);
    viewer->address_length = sizeof viewer->address;
  } else {
    struct sockaddr_in *in = (struct sockaddr_in *)&viewer->address;
    *in = (struct sockaddr_in){ AF_INET, port, to, { 0 } };
    viewer->address_length = sizeof *in;
  }
}

static bool
set (int fd, int level, int option, const void *value, socklen_t length,
     const char **out_why)
{
  if (setsockopt (fd, level, option, value, length) == 0)
    return true;
  *out_why = strerror (errno);
  return false;
}

static int
open_socket (const FloorVariant *variant, const char **out_why)
{
  int fd = socket (variant->mapped ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
  int bytes = variant->sndbuf_bytes ? variant->sndbuf_bytes : BUFFER_BYTES;
  int on = 1, off = 0;
  struct sock_txtime txtime = { .clockid = CLOCK_MONOTONIC };
  setsockopt (fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  if (variant->mapped)
    setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  bool ok
      = (!variant->zerocopy
         || set (fd, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof on, out_why))
        && (!variant->txtime
            || set (fd, SOL_SOCKET, SO_TXTIME, &txtime, sizeof txtime, out_why))
        && (!variant->busy_poll_us
            || set (fd, SOL_SOCKET, SO_BUSY_POLL, &variant->busy_poll_us,
                    sizeof variant->busy_poll_us, out_why));
  if (ok)
    return fd;
  close (fd);
  return -1;
}

static bool
open_ring (FloorSender *s, const char **out_why)
{
#ifdef HAVE_LIBURING
  s->ring = calloc (1, sizeof *s->ring);
  int result = io_uring_queue_init (MAX_MESSAGES, s->ring, 0);
  if (result == 0)
    return true;
  free (s->ring);
  s->ring = NULL;
  *out_why = strerror (-result);
#else
  *out_why = "built without liburing";
#endif
  return false;
}

/* Our address on the way there. */
static struct in_addr
local_address (struct in_addr to)
{
  struct sockaddr_in at = { AF_INET, htons (9), to, { 0 } };
  socklen_t length = sizeof at;
  int fd = socket (AF_INET, SOCK_DGRAM, 0);
  if (connect (fd, (struct sockaddr *)&at, sizeof at) < 0
      || getsockname (fd, (struct sockaddr *)&at, &length) < 0)
    err (1, "no way to the receivers");
  close (fd);
  return at.sin_addr;
}

bool
floor_open (FloorSender *s, struct in_addr to, const char **out_why)
{
  s->local = local_address (to);
  int fd = -1;
  for (unsigned i = 0; i < s->n_viewers; i++) {
    FloorViewer *viewer = &s->viewers[i];
    if (i == 0 || s->variant->connected)
      fd = open_socket (s->variant, out_why);
    viewer->fd = fd;
    if (fd < 0)
      return false;
    if (s->variant->connected) {
      if (connect (fd, (struct sockaddr *)&viewer->address,
                   viewer->address_length)
          < 0) {
        *out_why = strerror (errno);
        return false;
      }
      viewer->address_length = 0;
    }
  }
  return s->variant->submit != FLOOR_URING || open_ring (s, out_why);
}

/* The sockets stay open until the process ends. */
void
floor_close (FloorSender *s)
{
#ifdef HAVE_LIBURING
  if (s->ring)
    io_uring_queue_exit (s->ring);
#endif
  free (s->ring);
}
