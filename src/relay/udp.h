/* SPDX-License-Identifier: Apache-2.0
 *
 * A worker's UDP socket: batches in, runs out. Dual-stack where the system has
 * IPv6; either way addresses are seen unmapped (base/address.h).
 *
 * Each datagram comes with the path it took: who sent it and to which of our
 * addresses. What is sent to a path leaves from that address, so that a peer
 * behind a NAT or a firewall gets its answers from where it sent its requests.
 *
 * Reports (RTCP) may come in by a second socket of the same address and port,
 * so that they wait in a buffer of their own, and so that the owner may let
 * them wait where media must not. What is sent leaves by the first.
 *
 * One thread.
 */
#pragma once

#include <glib.h>

#include "base/address.h"
#include "base/packet.h"

typedef struct {
  BlAddress peer;
  struct in6_addr local; /* the address it was sent to; IPv4 mapped */
  unsigned interface;    /* of a link-local address, else 0 */
} BlPath;

/* Datagrams taken with one system call. */
#define BL_UDP_BATCH 64

/* The most that the kernel takes as one UDP_SEGMENT send. */
#define BL_UDP_MAX_SEGMENTS  64
#define BL_UDP_MAX_RUN_BYTES 65000

#define BL_UDP_ERROR (bl_udp_error_quark ())
GQuark bl_udp_error_quark (void);

typedef enum {
  BL_UDP_ERROR_ADDRESS, /* not an address, or none of this machine's */
  BL_UDP_ERROR_IN_USE,  /* the port is taken */
  BL_UDP_ERROR_FAILED,  /* anything else */
} BlUdpError;

typedef struct BlUdp BlUdp;

/* `host`: a numeric address, or NULL for all; `port` 0: any free one;
 * `port_key`: which setting has the port, for the message. */
BlUdp *bl_udp_new (const char *host, guint16 port, const char *port_key,
                   GError **error);
/* Accepts NULL. */
void bl_udp_free (BlUdp *udp);

/* From now on RTCP comes to bl_udp_receive_reports() and all else to
 * bl_udp_receive(). What has arrived before, and for a moment what arrives
 * meanwhile, may be at either. False where kernel or sandbox refuse: then
 * everything goes on coming to bl_udp_receive(). Once. */
bool bl_udp_part_reports (BlUdp *udp);

/* For epoll. Owned by the BlUdp. */
int bl_udp_fd (const BlUdp *udp);
/* The same of the reports'; -1 if they are not apart. */
int bl_udp_reports_fd (const BlUdp *udp);
guint16 bl_udp_port (const BlUdp *udp);

/* Receives what has already arrived, at most `count` (<= BL_UDP_BATCH), into
 * `packets`, which are the caller's and empty; sets their lengths and ECN bits
 * and fills `out_paths`. A datagram that was too long has length 0. Returns how
 * many, 0 when there is nothing. Never waits. */
unsigned bl_udp_receive (BlUdp *udp, BlPacket *const *packets, unsigned count,
                         BlPath *out_paths);
/* The same of the reports, if they are apart. */
unsigned bl_udp_receive_reports (BlUdp *udp, BlPacket *const *packets,
                                 unsigned count, BlPath *out_paths);

typedef enum {
  BL_UDP_SENT,
  BL_UDP_FULL, /* the socket's buffer is full; epoll says when there is room */
  BL_UDP_REFUSED, /* unreachable, or anything else */
} BlUdpStatus;

typedef struct {
  BlUdpStatus status;
  bool whole;     /* it was given to the kernel in one piece */
  unsigned calls; /* system calls made */
  size_t bytes;   /* that left: whole datagrams, all of them if SENT */
} BlUdpSent;

/* Sends `length` bytes as datagrams of `segment_bytes` each; the last may be
 * shorter. Within BL_UDP_MAX_SEGMENTS and BL_UDP_MAX_RUN_BYTES. With one
 * system call where kernel, device and path allow it, else with one for each,
 * in order and up to the first that fails. A kernel or device that refuses
 * UDP_SEGMENT is not asked again; a path whose MTU is too small for it is, with
 * each run. */
BlUdpSent bl_udp_send (BlUdp *udp, const BlPath *path, const uint8_t *data,
                       size_t length, uint16_t segment_bytes);

/* For tests: in place of sendmsg(). */
typedef ssize_t (*BlUdpSendmsg) (int fd, const struct msghdr *message,
                                 int flags);
void bl_udp_set_sendmsg (BlUdp *udp, BlUdpSendmsg func);
