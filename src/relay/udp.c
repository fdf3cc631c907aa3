/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "relay.udp"
#include "relay/udp.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/udp.h>
#include <stdalign.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

/* In: what comes while a turn is at work, from every peer. Out: what keeps the
 * device busy until we look again; a longer queue would only make packets late,
 * where we can't see it. The kernel counts some 2 KB for each datagram. */
#define RECEIVE_BUFFER_BYTES (8 * 1024 * 1024)
#define SEND_BUFFER_BYTES    (2 * 1024 * 1024)

/* Some 1,000 reports: of a hundred viewers those of a second, of as many as a
 * worker takes those of 50 ms. A later one is of no use, and where somebody
 * floods, a longer queue makes them all later. */
#define REPORTS_BUFFER_BYTES (1024 * 1024)

/* Room for either of the two kinds of packet info, and for the byte that has
 * the ECN bits. */
#define INFO_BYTES    CMSG_SPACE (sizeof (struct in6_pktinfo))
#define CONTROL_BYTES (INFO_BYTES + CMSG_SPACE (sizeof (int)))

#define ECN_MASK 3

struct BlUdp {
  int fd;
  int reports_fd; /* or -1 */
  int family;
  guint16 port;
  bool segments; /* the kernel takes UDP_SEGMENT, as far as we know */
  BlUdpSendmsg sendmsg;
  struct mmsghdr headers[BL_UDP_BATCH];
  struct iovec vectors[BL_UDP_BATCH];
  struct {
    alignas (struct cmsghdr) uint8_t bytes[CONTROL_BYTES];
  } control[BL_UDP_BATCH];
};

GQuark
bl_udp_error_quark (void)
{
  return g_quark_from_static_string ("bl-udp-error");
}

static BlAddress
wildcard (int family, guint16 port)
{
  BlAddress address = { 0 };
  if (family == AF_INET6) {
    address.in6.sin6_family = AF_INET6;
    address.in6.sin6_port = htons (port);
    address.length = sizeof address.in6;
  } else {
    address.in4.sin_family = AF_INET;
    address.in4.sin_port = htons (port);
    address.length = sizeof address.in4;
  }
  return address;
}

/* All of these only improve what works without them. */
static bool
set_option (int fd, int level, int option, int value)
{
  if (setsockopt (fd, level, option, &value, sizeof value) == 0)
    return true;
  bl_debug ("socket option %d/%d: %s", level, option, g_strerror (errno));
  return false;
}

/* Beyond net.core.[rw]mem_max where we may (CAP_NET_ADMIN), else up to it. */
static void
set_buffer (int fd, int option, int forced_option, int bytes)
{
  if (setsockopt (fd, SOL_SOCKET, forced_option, &bytes, sizeof bytes) < 0)
    set_option (fd, SOL_SOCKET, option, bytes);
}

/* A bound socket, or -1 with errno. `joins`: the address is taken by a socket
 * of ours that shares it. */
static int
open_socket (const BlAddress *address, int receive_buffer_bytes, bool joins)
{
  int family = address->any.sa_family;
  int fd = socket (family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return -1;
  set_buffer (fd, SO_RCVBUF, SO_RCVBUFFORCE, receive_buffer_bytes);
  set_buffer (fd, SO_SNDBUF, SO_SNDBUFFORCE, SEND_BUFFER_BYTES);
  if (family == AF_INET6) {
    set_option (fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    set_option (fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    set_option (fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
  } else
    set_option (fd, IPPROTO_IP, IP_PKTINFO, 1);
  /* Of IPv4 on a dual-stack socket, too. */
  set_option (fd, IPPROTO_IP, IP_RECVTOS, 1);
  if (joins)
    set_option (fd, SOL_SOCKET, SO_REUSEPORT, 1);
  if (bind (fd, &address->any, address->length) < 0) {
    int bind_errno = errno;
    close (fd);
    errno = bind_errno;
    return -1;
  }
  return fd;
}

/* Linux has UDP_SEGMENT from 4.18 on; some sandboxes don't. */
static bool
knows_segments (int fd)
{
  int off = 0;
  return setsockopt (fd, IPPROTO_UDP, UDP_SEGMENT, &off, sizeof off) == 0;
}

static void
set_bind_error (GError **error, const char *host, guint16 port,
                const char *port_key)
{
  BlUdpError code = errno == EADDRINUSE      ? BL_UDP_ERROR_IN_USE
                    : errno == EADDRNOTAVAIL ? BL_UDP_ERROR_ADDRESS
                                             : BL_UDP_ERROR_FAILED;
  const char *advice
      = code == BL_UDP_ERROR_IN_USE
            ? "another program uses it: stop that one, or change the port in"
        : code == BL_UDP_ERROR_ADDRESS
            ? "this machine has no such address: correct the one beside"
            : "see";
  g_set_error (error, BL_UDP_ERROR, (gint)code,
               "cannot take UDP port %u on %s: %s; %s %s", port,
               host ? host : "all addresses", g_strerror (errno), advice,
               port_key);
}

static BlAddress
bound_address (int fd)
{
  BlAddress bound = { .length = sizeof bound.storage };
  getsockname (fd, &bound.any, &bound.length);
  return bound;
}

BlUdp *
bl_udp_new (const char *host, guint16 port, const char *port_key,
            GError **error)
{
  BlAddress address = wildcard (AF_INET6, port);
  if (host && !bl_address_parse (host, port, &address)) {
    g_set_error (error, BL_UDP_ERROR, BL_UDP_ERROR_ADDRESS,
                 "'%s' is not a numeric IPv4 or IPv6 address; correct the one "
                 "beside %s",
                 host, port_key);
    return NULL;
  }
  int fd = open_socket (&address, RECEIVE_BUFFER_BYTES, false);
  /* A system without IPv6. */
  if (fd < 0 && !host && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
    address = wildcard (AF_INET, port);
    fd = open_socket (&address, RECEIVE_BUFFER_BYTES, false);
  }
  if (fd < 0) {
    set_bind_error (error, host, port, port_key);
    return NULL;
  }

  BlUdp *udp = g_new0 (BlUdp, 1);
  BlAddress bound = bound_address (fd);
  udp->fd = fd;
  udp->reports_fd = -1;
  udp->family = address.any.sa_family;
  udp->port = bl_address_port (&bound);
  udp->segments = knows_segments (fd);
  udp->sendmsg = sendmsg;
  for (unsigned i = 0; i < BL_UDP_BATCH; i++) {
    udp->headers[i].msg_hdr.msg_iov = &udp->vectors[i];
    udp->headers[i].msg_hdr.msg_iovlen = 1;
  }
  return udp;
}

void
bl_udp_free (BlUdp *udp)
{
  if (!udp)
    return;
  close (udp->fd);
  if (udp->reports_fd >= 0)
    close (udp->reports_fd);
  g_free (udp);
}

/* Of the sockets that share this one's address: RTCP to the second, all else
 * to the first. The rule is that of rtc/demux (RFC 7983, RFC 5761 section 4);
 * where a byte is missing, the answer is the first. */
static bool
steer_reports (int fd)
{
  static struct sock_filter rule[] = {
    BPF_STMT (BPF_LD | BPF_B | BPF_ABS, 0),
    BPF_STMT (BPF_ALU | BPF_AND | BPF_K, 0xc0),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, 0x80, 0, 4), /* 128 to 191 */
    BPF_STMT (BPF_LD | BPF_B | BPF_ABS, 1),
    BPF_STMT (BPF_ALU | BPF_AND | BPF_K, 0xe0),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, 0xc0, 0, 1), /* 192 to 223 */
    BPF_STMT (BPF_RET | BPF_K, 1),
    BPF_STMT (BPF_RET | BPF_K, 0),
  };
  struct sock_fprog program = { G_N_ELEMENTS (rule), rule };
  return setsockopt (fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program,
                     sizeof program)
         == 0;
}

/* The first is shared only now, when it has its port: bl_udp_new() is still
 * refused one that somebody else has, another relay too. */
bool
bl_udp_part_reports (BlUdp *udp)
{
  BlAddress bound = bound_address (udp->fd);
  int fd = -1;
  if (set_option (udp->fd, SOL_SOCKET, SO_REUSEPORT, 1))
    fd = open_socket (&bound, REPORTS_BUFFER_BYTES, true);
  if (fd >= 0 && steer_reports (udp->fd)) {
    udp->reports_fd = fd;
    return true;
  }
  bl_debug ("port %u: reports come in with all else: %s", udp->port,
            g_strerror (errno));
  if (fd >= 0)
    close (fd);
  set_option (udp->fd, SOL_SOCKET, SO_REUSEPORT, 0);
  return false;
}

void
bl_udp_set_sendmsg (BlUdp *udp, BlUdpSendmsg func)
{
  udp->sendmsg = func;
}

int
bl_udp_fd (const BlUdp *udp)
{
  return udp->fd;
}

int
bl_udp_reports_fd (const BlUdp *udp)
{
  return udp->reports_fd;
}

guint16
bl_udp_port (const BlUdp *udp)
{
  return udp->port;
}

static void
map_ipv4 (struct in_addr in, struct in6_addr *out)
{
  *out = (struct in6_addr){ 0 };
  out->s6_addr[10] = out->s6_addr[11] = 0xff;
  memcpy (out->s6_addr + 12, &in, 4);
}

static void
read_control (struct msghdr *header, BlPacket *packet, BlPath *path)
{
  for (struct cmsghdr *c = CMSG_FIRSTHDR (header); c;
       c = CMSG_NXTHDR (header, c)) {
    if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
      struct in6_pktinfo info;
      memcpy (&info, CMSG_DATA (c), sizeof info);
      path->local = info.ipi6_addr;
      /* Routing finds the way for all others, after a failover too. */
      if (IN6_IS_ADDR_LINKLOCAL (&info.ipi6_addr))
        path->interface = info.ipi6_ifindex;
    } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      struct in_pktinfo info;
      memcpy (&info, CMSG_DATA (c), sizeof info);
      map_ipv4 (info.ipi_spec_dst, &path->local);
    } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS) {
      int traffic_class;
      memcpy (&traffic_class, CMSG_DATA (c), sizeof traffic_class);
      packet->ecn = traffic_class & ECN_MASK;
    } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS)
      packet->ecn = *CMSG_DATA (c) & ECN_MASK;
  }
}

static unsigned
receive_from (BlUdp *udp, int fd, BlPacket *const *packets, unsigned count,
              BlPath *out_paths)
{
  g_assert (count <= BL_UDP_BATCH);
  for (unsigned i = 0; i < count; i++) {
    struct msghdr *header = &udp->headers[i].msg_hdr;
    udp->vectors[i] = (struct iovec){ packets[i]->data, BL_PACKET_CAPACITY };
    out_paths[i] = (BlPath){ 0 };
    header->msg_name = &out_paths[i].peer.storage;
    header->msg_namelen = sizeof out_paths[i].peer.storage;
    header->msg_control = udp->control[i].bytes;
    header->msg_controllen = CONTROL_BYTES;
    header->msg_flags = 0;
  }
  int got = recvmmsg (fd, udp->headers, count, MSG_DONTWAIT, NULL);
  /* An ICMP error for something sent earlier also ends up here: take what comes
   * on the next turn. */
  if (got <= 0)
    return 0;
  for (int i = 0; i < got; i++) {
    struct msghdr *header = &udp->headers[i].msg_hdr;
    bool truncated = header->msg_flags & MSG_TRUNC;
    packets[i]->length = truncated ? 0 : (uint16_t)udp->headers[i].msg_len;
    out_paths[i].peer.length = header->msg_namelen;
    packets[i]->ecn = 0;
    read_control (header, packets[i], &out_paths[i]);
    bl_address_unmap (&out_paths[i].peer);
  }
  return (unsigned)got;
}

unsigned
bl_udp_receive (BlUdp *udp, BlPacket *const *packets, unsigned count,
                BlPath *out_paths)
{
  return receive_from (udp, udp->fd, packets, count, out_paths);
}

unsigned
bl_udp_receive_reports (BlUdp *udp, BlPacket *const *packets, unsigned count,
                        BlPath *out_paths)
{
  return receive_from (udp, udp->reports_fd, packets, count, out_paths);
}

/* Appends a control message with room for `length` bytes at its data. */
static void *
add_control (struct msghdr *header, int level, int type, size_t length)
{
  struct cmsghdr *c
      = (void *)((uint8_t *)header->msg_control + header->msg_controllen);
  c->cmsg_level = level;
  c->cmsg_type = type;
  c->cmsg_len = CMSG_LEN (length);
  header->msg_controllen += CMSG_SPACE (length);
  return CMSG_DATA (c);
}

static void
add_local (const BlUdp *udp, const BlPath *path, struct msghdr *header)
{
  if (IN6_IS_ADDR_UNSPECIFIED (&path->local))
    return;
  if (udp->family == AF_INET6) {
    struct in6_pktinfo *info = add_control (header, IPPROTO_IPV6, IPV6_PKTINFO,
                                            sizeof (struct in6_pktinfo));
    info->ipi6_addr = path->local;
    info->ipi6_ifindex = path->interface;
  } else {
    struct in_pktinfo *info = add_control (header, IPPROTO_IP, IP_PKTINFO,
                                           sizeof (struct in_pktinfo));
    *info = (struct in_pktinfo){ 0 };
    memcpy (&info->ipi_spec_dst, path->local.s6_addr + 12, 4);
  }
}

/* The peer as this socket's family writes it. */
static BlAddress
wire_address (const BlUdp *udp, const BlAddress *peer)
{
  if (udp->family == AF_INET || peer->any.sa_family == AF_INET6)
    return *peer;
  BlAddress mapped = wildcard (AF_INET6, ntohs (peer->in4.sin_port));
  map_ipv4 (peer->in4.sin_addr, &mapped.in6.sin6_addr);
  return mapped;
}

static bool
send_once (BlUdp *udp, const BlPath *path, const uint8_t *data, size_t length,
           uint16_t segment_bytes)
{
  alignas (struct cmsghdr)
      uint8_t control[INFO_BYTES + CMSG_SPACE (sizeof (uint16_t))]
      = { 0 };
  BlAddress to = wire_address (udp, &path->peer);
  struct iovec vector = { (void *)(uintptr_t)data, length };
  struct msghdr header = { .msg_name = &to.storage,
                           .msg_namelen = to.length,
                           .msg_iov = &vector,
                           .msg_iovlen = 1,
                           .msg_control = control };
  add_local (udp, path, &header);
  if (length > segment_bytes) {
    void *at = add_control (&header, IPPROTO_UDP, UDP_SEGMENT, 2);
    memcpy (at, &segment_bytes, 2);
  }
  if (header.msg_controllen == 0)
    header.msg_control = NULL;
  return udp->sendmsg (udp->fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

/* Of the call that has just failed. ENOBUFS is no reason to wait: no event
 * would say when it is over. */
static BlUdpStatus
failure (void)
{
  return errno == EAGAIN || errno == EWOULDBLOCK ? BL_UDP_FULL : BL_UDP_REFUSED;
}

/* Why the kernel didn't take a run that it may well take in pieces. */
static bool
is_about_segments (BlUdp *udp)
{
  switch (errno) {
  case EIO: /* the device can't compute checksums for us */
  case EOPNOTSUPP:
  case ENOPROTOOPT:
    bl_info ("port %u: UDP_SEGMENT is refused (%s); sending one by one",
             udp->port, g_strerror (errno));
    udp->segments = false;
    return true;
  case EINVAL: /* this path's MTU is smaller than the datagrams */
  case EMSGSIZE:
    return true;
  default:
    return false;
  }
}

static BlUdpSent
send_one_by_one (BlUdp *udp, const BlPath *path, const uint8_t *data,
                 size_t length, uint16_t segment_bytes)
{
  BlUdpSent sent = { .status = BL_UDP_SENT };
  while (sent.bytes < length) {
    size_t part = MIN (length - sent.bytes, segment_bytes);
    sent.calls++;
    if (!send_once (udp, path, data + sent.bytes, part, segment_bytes)) {
      sent.status = failure ();
      break;
    }
    sent.bytes += part;
  }
  return sent;
}

BlUdpSent
bl_udp_send (BlUdp *udp, const BlPath *path, const uint8_t *data, size_t length,
             uint16_t segment_bytes)
{
  BlUdpSent sent = { .status = BL_UDP_SENT, .whole = true, .calls = 1 };
  if (!udp->segments && length > segment_bytes)
    return send_one_by_one (udp, path, data, length, segment_bytes);
  if (send_once (udp, path, data, length, segment_bytes)) {
    sent.bytes = length;
    return sent;
  }
  sent.status = failure ();
  if (length <= segment_bytes || !is_about_segments (udp))
    return sent;
  sent = send_one_by_one (udp, path, data, length, segment_bytes);
  sent.calls++;
  return sent;
}
