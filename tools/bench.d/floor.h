/* SPDX-License-Identifier: Apache-2.0
 *
 * The floor of fan-out on this machine: what it costs, at the least, to give
 * each of N viewers its own encrypted copy of a stream. No relay: each packet
 * is copied, gets an RTP header with extensions, is encrypted by AES-128-GCM,
 * and leaves for the viewer's socket.
 *
 * One frame is 9 packets, 10,417 bytes of payload: 2.5 Mb/s at 30 frames a
 * second.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#define FLOOR_PACKETS_A_FRAME 9
#define FLOOR_PAYLOAD_BYTES   1160
#define FLOOR_LAST_BYTES      1137
/* RTP header, and mid, abs-send-time, transport-cc, playout-delay and
 * abs-capture-time as one-byte extensions. */
#define FLOOR_HEADER_BYTES 40
#define FLOOR_TAG_BYTES    16
#define FLOOR_PACKET_BYTES                                                     \
  (FLOOR_HEADER_BYTES + FLOOR_PAYLOAD_BYTES + FLOOR_TAG_BYTES)
#define FLOOR_RUN_BYTES   (FLOOR_PACKETS_A_FRAME * FLOOR_PACKET_BYTES)
#define FLOOR_MAX_VIEWERS 2000

/* How the packets of a frame reach the kernel. */
typedef enum {
  FLOOR_SENDMSG,  /* one call a message */
  FLOOR_SENDMMSG, /* one call for the messages of `window` viewers */
  FLOOR_URING,    /* the same through io_uring */
  FLOOR_NOWHERE,  /* not at all: what is before the send */
} FloorSubmit;

typedef enum {
  FLOOR_POOL_PLAIN,
  FLOOR_POOL_MADVISE, /* MADV_HUGEPAGE */
  FLOOR_POOL_HUGETLB, /* MAP_HUGETLB */
} FloorMemory;

/* One way to do it. What is 0 is as in the base. */
typedef struct {
  const char *name;
  const char *what;
  unsigned run;    /* packets a message (UDP_SEGMENT); 0: a frame's */
  unsigned window; /* viewers built before they are sent; 0: 1 */
  FloorSubmit submit;
  FloorMemory memory; /* of packets and send buffer */
  bool gro;           /* the receivers take UDP_GRO */
  bool connected;     /* a connected socket a viewer */
  bool mapped;        /* one IPv6 socket for IPv4 too */
  bool pktinfo;       /* the source address in each message */
  bool txtime;        /* SO_TXTIME: a departure time in each message */
  bool zerocopy;      /* MSG_ZEROCOPY */
  bool no_copy;       /* encrypt from the packet into the send buffer */
  bool no_cipher;
  bool rekey;       /* one cipher context, keyed for each packet */
  bool prefetch;    /* of the next viewer's cipher context */
  bool by_packet;   /* packet by packet to all, not viewer by viewer */
  bool relay;       /* the relay's hub does it all */
  int sndbuf_bytes; /* 0: 8 MiB */
  int busy_poll_us; /* SO_BUSY_POLL; 0: none */
} FloorVariant;

/* Receivers: a child process that takes what comes and counts it. */
typedef struct FloorReceivers FloorReceivers;

typedef struct {
  unsigned n_viewers;
  struct in_addr address; /* where they listen */
  const char *netns;      /* NULL: here */
  bool wait_in_epoll;     /* woken by packets, else they look every 200 µs */
} FloorReceiverSetup;

/* On the last CPU. Exits with a message if it can't. */
FloorReceivers *floor_receivers_new (const FloorReceiverSetup *setup);
void floor_receivers_free (FloorReceivers *receivers);
uint16_t floor_receivers_port (const FloorReceivers *receivers, bool gro,
                               unsigned viewer);
/* Packets since the start. */
uint64_t floor_receivers_count (const FloorReceivers *receivers);
/* CPU time of the child since its start. */
double floor_receivers_cpu_us (const FloorReceivers *receivers);

/* Sender of one variant. NULL if the system doesn't offer it: *out_why says
 * what failed. */
typedef struct FloorSender FloorSender;
FloorSender *floor_sender_new (const FloorVariant *variant, unsigned n_viewers,
                               struct in_addr to,
                               const FloorReceivers *receivers,
                               const char **out_why);
void floor_sender_free (FloorSender *sender);
/* What is not to be measured: the frame comes in. */
void floor_sender_prepare (FloorSender *sender);
/* One frame to all; gives the number of packets. */
unsigned floor_sender_frame (FloorSender *sender);
/* Messages that the kernel didn't take. */
uint64_t floor_sender_errors (const FloorSender *sender);
