/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/sender.h"

#include <string.h>

void
bl_sender_init (BlSender *sender, BlSendFunc send, void *send_data,
                BlWorkerCounters *counters)
{
  *sender = (BlSender){ .send = send,
                        .send_data = send_data,
                        .counters = counters,
                        .buffer = g_malloc (BL_SENDER_BYTES) };
}

void
bl_sender_clear (BlSender *sender)
{
  g_free (sender->buffer);
  *sender = (BlSender){ 0 };
}

/* Sends the run, and begins the next where it ended. */
static void
send_run (BlSender *sender)
{
  size_t length = sender->at - sender->start;
  unsigned n = sender->n;

  sender->n = 0;
  if (n == 0)
    return;
  BlUdpSend result = sender->send (
      sender->send_data, &sender->path, sender->buffer + sender->start, length,
      sender->segment_bytes, &sender->counters->sends);
  sender->start = sender->at;
  if (result == BL_UDP_SENT) {
    sender->counters->packets_out += n;
    sender->counters->bytes_out += length;
  } else {
    BlDrop drop
        = result == BL_UDP_FULL ? BL_DROP_SEND_FULL : BL_DROP_SEND_ERROR;
    sender->counters->drops[drop] += n;
  }
}

void
bl_sender_flush (BlSender *sender)
{
  send_run (sender);
  sender->start = sender->at = 0;
}

static bool
same_path (const BlPath *a, const BlPath *b)
{
  return a->interface == b->interface && memcmp (&a->local, &b->local, sizeof a->local) == 0
         && bl_address_equal (&a->peer, &b->peer);
}

uint8_t *
bl_sender_reserve (BlSender *sender, const BlPath *path, size_t capacity)
{
  g_assert (capacity <= BL_PACKET_CAPACITY);
  if (sender->n > 0 && !same_path (&sender->path, path))
    send_run (sender);
  if (sender->at + capacity > BL_SENDER_BYTES)
    bl_sender_flush (sender);
  if (sender->n == 0)
    sender->path = *path;
  return sender->buffer + sender->at;
}

void
bl_sender_commit (BlSender *sender, size_t length)
{
  bool joins = sender->n > 0 && length <= sender->segment_bytes
               && sender->n < BL_UDP_MAX_SEGMENTS
               && sender->at + length - sender->start <= BL_UDP_MAX_RUN_BYTES;
  if (!joins) {
    send_run (sender);
    sender->segment_bytes = (uint16_t)length;
  }
  sender->at += length;
  sender->n++;
  /* Only the last of a run may be shorter. */
  if (length < sender->segment_bytes)
    send_run (sender);
}
