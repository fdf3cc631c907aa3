/* SPDX-License-Identifier: Apache-2.0
 *
 * A worker's send buffer. Packets are built and encrypted in it, in place, and
 * packets that follow each other to the same path with the same size leave
 * together, as a run (the last one may be shorter).
 *
 *   if (!bl_sender_open (sender, path))          what follows goes there
 *     the socket is full: come back later, or drop and count
 *   while (… && (at = bl_sender_reserve (sender))) {
 *     … write the packet at `at` …
 *     bl_sender_commit (sender, length);         or nothing, to give it up
 *   }
 *   …
 *   bl_sender_flush (sender);                    at the end of the turn
 *
 * A full socket (EAGAIN) blocks the sender: the run that did not leave is kept
 * as it is, encrypted, and nothing else is taken until bl_sender_resume() has
 * got rid of it. Beside it waits at most the one packet whose commit found the
 * socket full.
 *
 * Invariants: packets leave in the order of their commits, each once; what was
 * committed is lost only if the kernel refuses it, which is counted.
 */
#pragma once

#include "relay/stats.h"
#include "relay/udp.h"

/* bl_udp_send(), or a test's own. */
typedef BlUdpSent (*BlSendFunc) (void *data, const BlPath *path,
                                 const uint8_t *bytes, size_t length,
                                 uint16_t segment_bytes);

/* Two runs: while the first has not left, the next is begun behind it. */
#define BL_SENDER_BYTES (2 * 65536)

typedef struct {
  size_t start, length; /* in the buffer */
  uint16_t segment_bytes;
  unsigned n; /* packets */
} BlRun;

typedef struct {
  BlSendFunc send;
  void *send_data;            /* borrowed */
  BlWorkerCounters *counters; /* borrowed */
  BlPath path;                /* of `run` */
  BlRun run;                  /* the reserved packet starts at its end */
  BlPath kept_path;
  BlRun kept; /* n > 0: the sender is blocked */
  uint8_t *buffer;
} BlSender;

/* Takes all memory now; aborts if there is none. */
void bl_sender_init (BlSender *sender, BlSendFunc send, void *send_data,
                     BlWorkerCounters *counters);
void bl_sender_clear (BlSender *sender);

/* Is the socket full? */
static inline bool
bl_sender_blocked (const BlSender *sender)
{
  return sender->kept.n > 0;
}

/* The packets that follow go to `path`. False while blocked. */
bool bl_sender_open (BlSender *sender, const BlPath *path);

/* Room for BL_PACKET_CAPACITY bytes; NULL while blocked. */
uint8_t *bl_sender_reserve (BlSender *sender);
void bl_sender_commit (BlSender *sender, size_t length);

/* What has been committed leaves now. False if blocked. */
bool bl_sender_flush (BlSender *sender);

/* The socket has room again, it seems: what was kept leaves. False if blocked
 * still. */
bool bl_sender_resume (BlSender *sender);
