/* SPDX-License-Identifier: Apache-2.0
 *
 * Payloads of video that wait for their turn. They have no sequence numbers
 * yet, so that those dropped here leave no hole that the other end would have
 * to ask about.
 *
 * Holds one reference on each packet; all memory is in the structure. One
 * thread.
 */
#pragma once

#include "base/packet.h"
#include "rtc/history.h"

/* A power of two. */
#define BL_SENDQUEUE_PACKETS 1024

typedef struct {
  BlPacket *packet;
  BlHistoryMeta meta; /* received_us: when it was queued */
  uint64_t picture;   /* the number of the one it is of */
} BlQueuedPayload;

typedef struct {
  BlQueuedPayload payloads[BL_SENDQUEUE_PACKETS];
  uint32_t head, count;
  uint32_t bytes; /* of all payloads */
} BlSendQueue;

/* Takes the caller's reference. There is room (programmer error otherwise). */
void bl_sendqueue_push (BlSendQueue *queue, BlPacket *packet,
                        const BlHistoryMeta *meta, uint64_t picture);

/* The oldest, borrowed; NULL if there is none. */
const BlQueuedPayload *bl_sendqueue_peek (const BlSendQueue *queue);

/* The oldest, whose reference is now the caller's. There is one. */
BlQueuedPayload bl_sendqueue_pop (BlSendQueue *queue);

typedef struct {
  uint64_t first; /* its number */
  bool keyframe;  /* is among them */
} BlDroppedPictures;

/* Drops all but what is left of the picture that `rest` says has begun to
 * leave. True if there was any. */
bool bl_sendqueue_drop_pictures (BlSendQueue *queue, bool rest,
                                 BlDroppedPictures *out_dropped);

void bl_sendqueue_clear (BlSendQueue *queue);
