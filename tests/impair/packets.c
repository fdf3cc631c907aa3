/* SPDX-License-Identifier: Apache-2.0 */
#include "packets.h"

#include <glib.h>
#include <string.h>

void
impair_packets_init (ImpairPackets *p)
{
  p->store = g_new0 (ImpairPacket, IMPAIR_STORE);
  p->n_free = IMPAIR_STORE;
  for (unsigned i = 0; i < IMPAIR_STORE; i++)
    p->free[i] = IMPAIR_STORE - 1 - i;
  p->queue_first = p->n_queued = p->n_flying = 0;
  p->queued_bytes = p->departures = 0;
}

void
impair_packets_clear (ImpairPackets *p)
{
  g_clear_pointer (&p->store, g_free);
}

bool
impair_packets_enqueue (ImpairPackets *p, const uint8_t *bytes, size_t length,
                        BlTime now)
{
  g_assert (length <= IMPAIR_MAX_PACKET);
  if (p->n_free == 0)
    return false;
  uint32_t index = p->free[--p->n_free];
  ImpairPacket *packet = &p->store[index];
  packet->entered_us = now;
  packet->length = length;
  memcpy (packet->bytes, bytes, length);
  p->queue[(p->queue_first + p->n_queued++) % IMPAIR_STORE] = index;
  p->queued_bytes += length;
  return true;
}

ImpairPacket *
impair_packets_head (const ImpairPackets *p)
{
  return p->n_queued > 0 ? &p->store[p->queue[p->queue_first]] : NULL;
}

static uint32_t
dequeue (ImpairPackets *p)
{
  uint32_t index = p->queue[p->queue_first];
  p->queue_first = (p->queue_first + 1) % IMPAIR_STORE;
  p->n_queued--;
  p->queued_bytes -= p->store[index].length;
  return index;
}

void
impair_packets_drop_head (ImpairPackets *p)
{
  uint32_t index = dequeue (p);
  p->free[p->n_free++] = index;
}

/* Does the heap's `a` arrive before its `b`? */
static bool
before (const ImpairPackets *p, unsigned a, unsigned b)
{
  const ImpairPacket *left = &p->store[p->flight[a]];
  const ImpairPacket *right = &p->store[p->flight[b]];
  return left->arrives_us < right->arrives_us
         || (left->arrives_us == right->arrives_us
             && left->order < right->order);
}

static void
swap (ImpairPackets *p, unsigned a, unsigned b)
{
  uint32_t index = p->flight[a];
  p->flight[a] = p->flight[b];
  p->flight[b] = index;
}

void
impair_packets_launch_head (ImpairPackets *p, BlTime arrives_us)
{
  uint32_t index = dequeue (p);
  p->store[index].arrives_us = arrives_us;
  p->store[index].order = p->departures++;
  unsigned at = p->n_flying++;
  p->flight[at] = index;
  for (; at > 0 && before (p, at, (at - 1) / 2); at = (at - 1) / 2)
    swap (p, at, (at - 1) / 2);
}

ImpairPacket *
impair_packets_first (const ImpairPackets *p)
{
  return p->n_flying > 0 ? &p->store[p->flight[0]] : NULL;
}

void
impair_packets_land_first (ImpairPackets *p)
{
  p->free[p->n_free++] = p->flight[0];
  p->flight[0] = p->flight[--p->n_flying];
  for (unsigned at = 0;;) {
    unsigned least = at;
    for (unsigned child = 2 * at + 1; child <= 2 * at + 2; child++)
      if (child < p->n_flying && before (p, child, least))
        least = child;
    if (least == at)
      break;
    swap (p, at, least);
    at = least;
  }
}
