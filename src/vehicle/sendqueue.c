/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/sendqueue.h"

#include "base/blassert.h"
#include "rtc/h264.h"

/* The n-th from the oldest on. */
static BlQueuedPayload *
at (BlSendQueue *queue, uint32_t n)
{
  return &queue->payloads[(queue->head + n) % BL_SENDQUEUE_PACKETS];
}

void
bl_sendqueue_push (BlSendQueue *queue, BlPacket *packet,
                   const BlHistoryMeta *meta, uint64_t picture)
{
  bl_assert (queue->count < BL_SENDQUEUE_PACKETS);
  *at (queue, queue->count++) = (BlQueuedPayload){ .packet = packet,
                                                   .meta = *meta,
                                                   .picture = picture };
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

bool
bl_sendqueue_drop_pictures (BlSendQueue *queue, bool rest,
                            BlDroppedPictures *out_dropped)
{
  uint32_t keep = 0;
  while (rest && keep < queue->count)
    rest = !at (queue, keep++)->meta.marker;
  if (keep == queue->count)
    return false;
  *out_dropped = (BlDroppedPictures){ .first = at (queue, keep)->picture };
  while (queue->count > keep) {
    BlQueuedPayload *last = at (queue, --queue->count);
    out_dropped->keyframe |= (last->meta.h264 & BL_H264_HAS_IDR) != 0;
    queue->bytes -= last->meta.payload_length;
    bl_packet_unref (&last->packet);
  }
  return true;
}
