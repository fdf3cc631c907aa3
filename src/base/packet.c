/* SPDX-License-Identifier: Apache-2.0 */
#include "base/packet.h"

#include "base/blassert.h"

struct BlPacketPool {
  BlPacket *free; /* used before; the freshest in the cache first */
  uint32_t n_touched;
  uint32_t left;
  uint32_t count;
  BlPacket packets[];
};

BlPacketPool *
bl_packet_pool_new (uint32_t count)
{
  BlPacketPool *pool
      = calloc (1, sizeof *pool + (size_t)count * sizeof (BlPacket));
  if (!pool)
    return NULL;
  pool->left = pool->count = count;
  return pool;
}

void
bl_packet_pool_free (BlPacketPool *pool)
{
  if (!pool)
    return;
  bl_assert (pool->left == pool->count);
  free (pool);
}

uint32_t
bl_packet_pool_left (const BlPacketPool *pool)
{
  return pool->left;
}

/* Memory that nobody has used yet is the system's still. */
static BlPacket *
touch_next (BlPacketPool *pool)
{
  BlPacket *packet = &pool->packets[pool->n_touched++];
  packet->pool = pool;
  return packet;
}

void
bl_packet_pool_warm (BlPacketPool *pool, uint32_t count)
{
  while (pool->n_touched < count && pool->n_touched < pool->count) {
    BlPacket *packet = touch_next (pool);
    packet->next_free = pool->free;
    pool->free = packet;
  }
}

BlPacket *
bl_packet_new (BlPacketPool *pool)
{
  if (pool->left == 0)
    return NULL;
  BlPacket *packet = pool->free;
  if (packet)
    pool->free = packet->next_free;
  else
    packet = touch_next (pool);
  pool->left--;
  packet->refs = 1;
  packet->length = 0;
  packet->ecn = 0;
  packet->received_us = 0;
  return packet;
}

void
bl_packet_unref (BlPacket **inout)
{
  BlPacket *packet = *inout;
  *inout = NULL;
  if (!packet)
    return;
  bl_assert (packet->refs > 0);
  if (--packet->refs > 0)
    return;
  packet->next_free = packet->pool->free;
  packet->pool->free = packet;
  packet->pool->left++;
}
