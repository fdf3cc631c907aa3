/* SPDX-License-Identifier: Apache-2.0 */
#include "loop.h"

#include <errno.h>
#include <glib-unix.h>
#include <linux/net_tstamp.h>
#include <netinet/udp.h>
#include <stdalign.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define EVENTS         256
#define BATCH          8
#define DATAGRAM_BYTES 65536
#define RECEIVE_BUFFER (4 << 20)
#define CONTROL_BYTES  256

struct LgLoop {
  int epoll_fd, timer_fd;
  guint watch;
  bool gro;
  int64_t (*on_due) (void *);
  void *due_data;
  int64_t due_ns;
  struct mmsghdr headers[BATCH];
  struct iovec vectors[BATCH];
  BlAddress from[BATCH];
  struct {
    alignas (struct cmsghdr) uint8_t bytes[CONTROL_BYTES];
  } control[BATCH];
  uint8_t bytes[BATCH][DATAGRAM_BYTES];
};

static int64_t
clock_ns (clockid_t clock)
{
  struct timespec t;
  clock_gettime (clock, &t);
  return t.tv_sec * INT64_C (1000000000) + t.tv_nsec;
}

int64_t
lg_clock_real_ns (void)
{
  return clock_ns (CLOCK_REALTIME);
}

int64_t
lg_clock_mono_ns (void)
{
  return clock_ns (CLOCK_MONOTONIC);
}

/* ---- receiving ---- */

typedef struct {
  int64_t arrival_ns; /* 0: the kernel didn't say */
  size_t segment;     /* 0: a single datagram */
} Info;

static Info
read_control (struct msghdr *message, LgSocket *socket)
{
  Info info = { 0 };
  struct timespec t;
  int segment;
  for (struct cmsghdr *c = CMSG_FIRSTHDR (message); c;
       c = CMSG_NXTHDR (message, c)) {
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
      memcpy (&t, CMSG_DATA (c), sizeof t);
      info.arrival_ns = t.tv_sec * INT64_C (1000000000) + t.tv_nsec;
    } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
      memcpy (&socket->overflows, CMSG_DATA (c), sizeof socket->overflows);
    } else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
      memcpy (&segment, CMSG_DATA (c), sizeof segment);
      info.segment = (size_t)segment;
    }
  }
  return info;
}

static void
take (LgLoop *loop, LgSocket *socket, unsigned index)
{
  struct msghdr *message = &loop->headers[index].msg_hdr;
  size_t left = loop->headers[index].msg_len;
  uint8_t *at = loop->bytes[index];
  Info info = read_control (message, socket);
  if (info.arrival_ns == 0)
    info.arrival_ns = lg_clock_real_ns ();
  if (info.segment == 0)
    info.segment = left;
  loop->from[index].length = message->msg_namelen;
  while (left > 0 && socket->fd >= 0) {
    size_t length = MIN (left, info.segment);
    socket->receive (socket->user_data, &loop->from[index], at, length,
                     info.arrival_ns);
    at += length;
    left -= length;
  }
}

static void
receive (LgLoop *loop, LgSocket *socket)
{
  for (unsigned i = 0; i < BATCH; i++) {
    loop->vectors[i] = (struct iovec){ loop->bytes[i], DATAGRAM_BYTES };
    loop->headers[i].msg_hdr
        = (struct msghdr){ .msg_name = &loop->from[i].storage,
                           .msg_namelen = sizeof loop->from[i].storage,
                           .msg_iov = &loop->vectors[i],
                           .msg_iovlen = 1,
                           .msg_control = &loop->control[i],
                           .msg_controllen = CONTROL_BYTES };
  }
  int n = recvmmsg (socket->fd, loop->headers, BATCH, MSG_DONTWAIT, NULL);
  for (int i = 0; i < n; i++)
    take (loop, socket, (unsigned)i);
}

/* ---- the timer ---- */

static void
arm (LgLoop *loop)
{
  struct itimerspec when
      = { .it_value = { .tv_sec = loop->due_ns / 1000000000,
                        .tv_nsec = loop->due_ns % 1000000000 } };
  timerfd_settime (loop->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void
run_timer (LgLoop *loop)
{
  if (!loop->on_due || lg_clock_mono_ns () < loop->due_ns)
    return;
  loop->due_ns = loop->on_due (loop->due_data);
  arm (loop);
}

void
lg_loop_set_timer (LgLoop *loop, int64_t (*on_due) (void *), void *user_data,
                   int64_t due_ns)
{
  loop->on_due = on_due;
  loop->due_data = user_data;
  loop->due_ns = due_ns;
  arm (loop);
}

/* ---- the loop ---- */

static gboolean
on_ready (gint fd, GIOCondition condition, gpointer data)
{
  LgLoop *loop = data;
  struct epoll_event events[EVENTS];
  int n = epoll_wait (fd, events, EVENTS, 0);
  for (int i = 0; i < n; i++) {
    run_timer (loop);
    if (events[i].data.ptr)
      receive (loop, events[i].data.ptr);
  }
  run_timer (loop);
  return G_SOURCE_CONTINUE;
}

LgLoop *
lg_loop_new (bool gro)
{
  LgLoop *loop = g_new0 (LgLoop, 1);
  struct epoll_event event = { .events = EPOLLIN };
  loop->gro = gro;
  loop->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  loop->timer_fd = timerfd_create (CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  epoll_ctl (loop->epoll_fd, EPOLL_CTL_ADD, loop->timer_fd, &event);
  loop->watch = g_unix_fd_add (loop->epoll_fd, G_IO_IN, on_ready, loop);
  return loop;
}

void
lg_loop_free (LgLoop *loop)
{
  if (!loop)
    return;
  g_source_remove (loop->watch);
  close (loop->timer_fd);
  close (loop->epoll_fd);
  g_free (loop);
}

/* ---- sockets ---- */

static void
set_option (int fd, int level, int option, int value)
{
  (void)setsockopt (fd, level, option, &value, sizeof value);
}

bool
lg_socket_open (LgLoop *loop, LgSocket *s, int family, const BlAddress *own,
                GError **error)
{
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = s };
  s->fd = socket (family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (s->fd < 0 || (own && bind (s->fd, &own->any, own->length) < 0)
      || epoll_ctl (loop->epoll_fd, EPOLL_CTL_ADD, s->fd, &event) < 0) {
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
                 "can't open a UDP socket: %s", g_strerror (errno));
    lg_socket_close (s);
    return false;
  }
  set_option (s->fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
  set_option (s->fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER);
  set_option (s->fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
  set_option (s->fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
  if (loop->gro)
    set_option (s->fd, IPPROTO_UDP, UDP_GRO, 1);
  return true;
}

void
lg_socket_close (LgSocket *s)
{
  if (s->fd >= 0)
    close (s->fd);
  s->fd = -1;
}

void
lg_socket_address (const LgSocket *s, BlAddress *out_address)
{
  *out_address = (BlAddress){ .length = sizeof out_address->storage };
  getsockname (s->fd, &out_address->any, &out_address->length);
}

void
lg_socket_send (const LgSocket *s, const BlAddress *to, const void *bytes,
                size_t length)
{
  /* A datagram that can't leave is lost, as on any network. */
  if (s->fd >= 0)
    (void)!sendto (s->fd, bytes, length, MSG_DONTWAIT, &to->any, to->length);
}
