/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/sendqueue.h"

#include "base/blassert.h"

void
bl_sendqueue_push (BlSendQueue *queue, BlPacket *packet,
                   const BlHistoryMeta *meta)
{
  bl_assert (queue->count < BL_SENDQUEUE_PACKETS);
  uint32_t at = (queue->head + queue->count++) % BL_SENDQUEUE_PACKETS;
  queue->payloads[at] = (BlQueuedPayload){ .packet = packet, .meta = *meta };
  queue->bytes += meta->payload_length;
}

const BlQueuedPayload *
bl_sendqueue_peek (const BlSendQueue *queue)
{
  return queue->count > 0 ? &queue->payloads[queue->head] : NULL;
}

BlQueuedPayload
bl_sendqueue_pop (BlSendQueue *queue)
{
  bl_assert (queue->count > 0);
  BlQueuedPayload oldest = queue->payloads[queue->head];
  queue->head = (queue->head + 1) % BL_SENDQUEUE_PACKETS;
  queue->count--;
  queue->bytes -= oldest.meta.payload_length;
  return oldest;
}

void
bl_sendqueue_clear (BlSendQueue *queue)
{
  while (queue->count > 0) {
    BlQueuedPayload oldest = bl_sendqueue_pop (queue);
    bl_packet_unref (&oldest.packet);
  }
}
