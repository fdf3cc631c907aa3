/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/reorder.h"

#include <stdlib.h>
#include <string.h>

#include "base/blassert.h"

struct BlReorderSlot {
  bool full;
  BlTapRecord record;
  uint8_t payload[BL_TAP_PAYLOAD_MAX];
};

bool
bl_reorder_init (BlReorder *order, uint32_t capacity, int64_t wait_us)
{
  bl_assert (capacity > 0 && (capacity & (capacity - 1)) == 0);
  *order = (BlReorder){ .capacity = capacity, .wait_us = wait_us };
  order->slots = calloc (capacity, sizeof *order->slots);
  return order->slots != NULL;
}

void
bl_reorder_clear (BlReorder *order)
{
  free (order->slots);
  *order = (BlReorder){ 0 };
}

static BlReorderSlot *
slot_of (const BlReorder *order, uint64_t sequence)
{
  return &order->slots[sequence & (order->capacity - 1)];
}

bool
bl_reorder_push (BlReorder *order, const BlTapRecord *record,
                 const uint8_t *payload)
{
  if (!order->started) {
    order->started = true;
    order->next = record->sequence;
  }
  if (record->sequence < order->next) {
    order->late++;
    return true;
  }
  if (record->sequence - order->next >= order->capacity) {
    if (order->held > 0)
      return false;
    /* Nothing to keep order with: a hole up to here. */
    order->skipped += record->sequence - order->next;
    order->next = record->sequence;
  }
  BlReorderSlot *slot = slot_of (order, record->sequence);
  if (slot->full) {
    order->late++;
    return true;
  }
  slot->full = true;
  slot->record = *record;
  if (record->length > 0)
    memcpy (slot->payload, payload, record->length);
  order->held++;
  return true;
}

const BlTapRecord *
bl_reorder_pull (BlReorder *order, int64_t now_us, bool flush,
                 const uint8_t **out_payload, uint64_t *out_lost)
{
  if (order->held == 0)
    return NULL;
  uint64_t at = order->next;
  while (!slot_of (order, at)->full)
    at++;
  BlReorderSlot *slot = slot_of (order, at);
  uint64_t missing = at - order->next + order->skipped;
  if (at != order->next && !flush
      && now_us - slot->record.arrival_us < order->wait_us)
    return NULL;
  slot->full = false;
  order->held--;
  order->lost += missing;
  order->skipped = 0;
  order->next = at + 1;
  *out_lost = missing;
  *out_payload = slot->payload;
  return &slot->record;
}

void
bl_reorder_reset (BlReorder *order)
{
  for (uint32_t i = 0; order->held > 0 && i < order->capacity; i++)
    order->slots[i].full = false;
  order->held = 0;
  order->skipped = 0;
  order->started = false;
}
