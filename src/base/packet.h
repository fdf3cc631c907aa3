/* SPDX-License-Identifier: Apache-2.0
 *
 * Packets from a pool that is sized once. A pool and its packets belong to one
 * thread: the counts are plain integers, and a packet never crosses a thread.
 *
 * Invariant: every packet of a pool is either free or has refs >= 1; a pool is
 * freed only when all its packets are back.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bltime.h"

/* An Ethernet MTU's worth, and room for an SRTP tag and an RTX header. */
#define BL_PACKET_CAPACITY 1600

typedef struct BlPacketPool BlPacketPool;

typedef struct BlPacket {
  BlPacketPool *pool;
  struct BlPacket *next_free;
  uint32_t refs;
  uint16_t length; /* bytes used of data */
  uint8_t ecn;     /* of its IP header (RFC 3168): 0 to 3 */
  BlTime received_us;
  uint8_t data[BL_PACKET_CAPACITY];
} BlPacket;

/* A pool of `count` packets, all memory taken now; NULL if there is none. The
 * system gives each page when it is first used, so that a large pool costs
 * what was used of it at most at one time. */
BlPacketPool *bl_packet_pool_new (uint32_t count);

/* Accepts NULL. All packets must be back. */
void bl_packet_pool_free (BlPacketPool *pool);

/* How many packets are free now. */
uint32_t bl_packet_pool_left (const BlPacketPool *pool);

/* Asks the system now for the memory of the first `count` packets, in use or
 * free, as far as nobody has used them yet: else their first use does. */
void bl_packet_pool_warm (BlPacketPool *pool, uint32_t count);

/* An empty packet with one reference, or NULL when the pool is exhausted:
 * drop what you hold and count it. */
BlPacket *bl_packet_new (BlPacketPool *pool);

static inline BlPacket *
bl_packet_ref (BlPacket *packet)
{
  packet->refs++;
  return packet;
}

/* Drops a reference and clears the caller's pointer. Accepts NULL inside. */
void bl_packet_unref (BlPacket **packet);
