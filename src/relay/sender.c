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

static unsigned
packets_in (const BlRun *run, size_t length)
{
  return (unsigned)((length + run->segment_bytes - 1) / run->segment_bytes);
}

/* Takes what has left off the run's front, and counts it. */
static void
note_sent (BlWorkerCounters *counters, BlRun *run, const BlUdpSent *sent)
{
  unsigned n = packets_in (run, sent->bytes);
  counters->sends += sent->calls;
  counters->packets_out += n;
  counters->bytes_out += sent->bytes;
  if (n > 0)
    bl_histogram_add_many (&counters->send_batch, sent->whole ? n : 1,
                           sent->whole ? 1 : n);
  run->start += sent->bytes;
  run->length -= sent->bytes;
  run->n -= n;
}

/* False if it has to be kept. */
static bool
let_go (BlSender *sender, const BlPath *path, BlRun *run)
{
  BlWorkerCounters *counters = sender->counters;
  BlUdpSent sent
      = sender->send (sender->send_data, path, sender->buffer + run->start,
                      run->length, run->segment_bytes);
  note_sent (counters, run, &sent);
  if (sent.status == BL_UDP_FULL) {
    counters->blocked_sends++;
    return false;
  }
  if (sent.status == BL_UDP_REFUSED) {
    counters->failed_sends++;
    counters->drops[BL_DROP_SEND_ERROR] += run->n;
  }
  return true;
}

/* Sends the run, or keeps it. The next one begins at `start`, or behind what is
 * kept. */
static void
end_run (BlSender *sender, size_t start)
{
  BlRun run = sender->run;
  if (run.n > 0 && !let_go (sender, &sender->path, &run)) {
    sender->kept = run;
    sender->kept_path = sender->path;
    start = run.start + run.length;
  }
  sender->run = (BlRun){ .start = start };
}

bool
bl_sender_flush (BlSender *sender)
{
  if (!bl_sender_blocked (sender))
    end_run (sender, 0);
  return !bl_sender_blocked (sender);
}

bool
bl_sender_resume (BlSender *sender)
{
  if (bl_sender_blocked (sender)
      && let_go (sender, &sender->kept_path, &sender->kept))
    sender->kept.n = 0;
  return !bl_sender_blocked (sender);
}

static bool
same_path (const BlPath *a, const BlPath *b)
{
  return a->interface == b->interface && memcmp (&a->local, &b->local, sizeof a->local) == 0
         && bl_address_equal (&a->peer, &b->peer);
}

bool
bl_sender_open (BlSender *sender, const BlPath *path)
{
  if (sender->run.n > 0 && same_path (&sender->path, path))
    return !bl_sender_blocked (sender);
  if (!bl_sender_flush (sender))
    return false;
  sender->path = *path;
  return true;
}

uint8_t *
bl_sender_reserve (BlSender *sender)
{
  BlRun *run = &sender->run;
  if (run->start + run->length + BL_PACKET_CAPACITY > BL_SENDER_BYTES)
    bl_sender_flush (sender);
  if (bl_sender_blocked (sender))
    return NULL;
  return sender->buffer + run->start + run->length;
}

void
bl_sender_commit (BlSender *sender, size_t length)
{
  BlRun *run = &sender->run;
  bool joins = length <= run->segment_bytes && run->n < BL_UDP_MAX_SEGMENTS
               && run->length + length <= BL_UDP_MAX_RUN_BYTES;
  /* The packet stands behind the run, wherever that goes. */
  if (!joins)
    end_run (sender, run->start + run->length);
  if (run->n == 0)
    run->segment_bytes = (uint16_t)length;
  run->length += length;
  run->n++;
  /* Only the last of a run may be shorter. */
  if (length < run->segment_bytes)
    bl_sender_flush (sender);
}
