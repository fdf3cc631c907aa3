/* SPDX-License-Identifier: Apache-2.0 */
#include "base/packet.h"

#include "base/blassert.h"

struct BlPacketPool {
  BlPacket *free;
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
  for (uint32_t i = 0; i < count; i++) {
    BlPacket *packet = &pool->packets[i];
    packet->pool = pool;
    packet->next_free = pool->free;
    pool->free = packet;
  }
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

BlPacket *
bl_packet_new (BlPacketPool *pool)
{
  BlPacket *packet = pool->free;
  if (!packet)
    return NULL;
  pool->free = packet->next_free;
  pool->left--;
  packet->refs = 1;
  packet->length = 0;
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
