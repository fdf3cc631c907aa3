/* SPDX-License-Identifier: Apache-2.0
 *
 * A worker's send buffer. Packets are built and encrypted in it, in place, and
 * packets that follow each other to the same path with the same size leave
 * together (the last one may be shorter).
 *
 *   uint8_t *at = bl_sender_reserve (sender, path, needed);
 *   … write the packet at `at` …
 *   bl_sender_commit (sender, length);   or nothing, to give it up
 *   …
 *   bl_sender_flush (sender);            at the end of the batch
 *
 * Invariant: packets leave in the order of their commits. What the socket does
 * not take is dropped and counted, never kept: the next packet is fresher.
 */
#pragma once

#include "relay/stats.h"
#include "relay/udp.h"

/* bl_udp_send(), or a test's own. */
typedef BlUdpSend (*BlSendFunc) (void *data, const BlPath *path,
                                 const uint8_t *bytes, size_t length,
                                 uint16_t segment_bytes, guint64 *out_calls);

/* Two runs: while the first has not left, the next is begun behind it. */
#define BL_SENDER_BYTES (2 * 65536)

typedef struct {
  BlSendFunc send;
  void *send_data;            /* borrowed */
  BlWorkerCounters *counters; /* borrowed */
  BlPath path;                /* of the run */
  size_t start;               /* of the run, in the buffer */
  size_t at;                  /* end of the run; the reserved packet starts */
  uint16_t segment_bytes;     /* of the run */
  unsigned n;                 /* packets in the run */
  uint8_t *buffer;
} BlSender;

/* Takes all memory now; aborts if there is none. */
void bl_sender_init (BlSender *sender, BlSendFunc send, void *send_data,
                     BlWorkerCounters *counters);
void bl_sender_clear (BlSender *sender);

/* Room for a packet of up to `capacity` (<= BL_PACKET_CAPACITY) bytes. */
uint8_t *bl_sender_reserve (BlSender *sender, const BlPath *path,
                            size_t capacity);
void bl_sender_commit (BlSender *sender, size_t length);

/* The run leaves now. */
void bl_sender_flush (BlSender *sender);
