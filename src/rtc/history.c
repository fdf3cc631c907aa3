/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/history.h"

#include <stdlib.h>

#include "base/blassert.h"
#include "rtc/h264.h"

bool
bl_history_init (BlHistory *history, uint32_t capacity)
{
  bl_assert (capacity > 0 && (capacity & (capacity - 1)) == 0);
  *history = (BlHistory){ .capacity = capacity, .empty = true };
  history->entries = calloc (capacity, sizeof *history->entries);
  history->arrivals = calloc (capacity, sizeof *history->arrivals);
  if (history->entries && history->arrivals)
    return true;
  bl_history_clear (history);
  return false;
}

void
bl_history_clear (BlHistory *history)
{
  for (uint32_t i = 0; history->entries && i < history->capacity; i++)
    bl_packet_unref (&history->entries[i].packet);
  free (history->entries);
  free (history->arrivals);
  *history = (BlHistory){ .empty = true };
}

static BlHistoryEntry *
slot (const BlHistory *history, uint64_t seq)
{
  return &history->entries[seq & (history->capacity - 1)];
}

static bool
in_window (const BlHistory *history, uint64_t seq)
{
  return !history->empty && seq <= history->newest
         && history->newest - seq < history->capacity;
}

const BlHistoryEntry *
bl_history_get (const BlHistory *history, uint64_t seq)
{
  if (!in_window (history, seq))
    return NULL;
  const BlHistoryEntry *entry = slot (history, seq);
  return entry->packet && entry->seq == seq ? entry : NULL;
}

const BlHistoryEntry *
bl_history_arrival (const BlHistory *history, uint64_t arrival)
{
  return bl_history_get (history,
                         history->arrivals[arrival & (history->capacity - 1)]);
}

/* Moves the latest IDR's start back over what joins to it, and makes it the
 * key once it is sure that nothing of the picture is missing ahead of it: a
 * viewer that joined past the SPS would never see a picture. */
static void
extend_key (BlHistory *history)
{
  BlHistoryKey *latest = &history->latest;
  const BlHistoryEntry *before;
  while ((before = bl_history_get (history, latest->start - 1))
         && before->meta.timestamp == latest->timestamp)
    latest->start--;

  const BlHistoryEntry *entry = bl_history_get (history, latest->start);
  if (entry && entry->meta.h264 & BL_H264_PICTURE_START
      && (before || entry->meta.h264 & BL_H264_HAS_SPS))
    history->key = *latest;
}

static void
note_key (BlHistory *history, uint64_t seq, const BlHistoryMeta *meta)
{
  BlHistoryKey *latest = &history->latest;
  bool same = latest->known && meta->timestamp == latest->timestamp;
  bool ahead = latest->known && seq < latest->start;

  if (meta->h264 & BL_H264_HAS_IDR && !same && !ahead)
    *latest = (BlHistoryKey){ true, meta->timestamp, seq };
  else if (!ahead || (!same && seq + 1 != latest->start))
    return;
  extend_key (history);
}

BlHistoryInsert
bl_history_insert (BlHistory *history, uint64_t seq, BlPacket *packet,
                   const BlHistoryMeta *meta)
{
  bl_assert (seq > 0);
  bool newer = history->empty || seq > history->newest;
  if (!newer && !in_window (history, seq))
    return BL_HISTORY_TOO_OLD;
  BlHistoryEntry *entry = slot (history, seq);
  if (entry->packet && entry->seq == seq)
    return BL_HISTORY_DUPLICATE;

  bl_packet_unref (&entry->packet);
  *entry = (BlHistoryEntry){ seq, bl_packet_ref (packet), *meta };
  history->arrivals[history->n_arrivals++ & (history->capacity - 1)] = seq;
  if (newer)
    history->newest = seq;
  history->empty = false;
  if (!meta->audio)
    note_key (history, seq, meta);
  return BL_HISTORY_INSERTED;
}

bool
bl_history_newest (const BlHistory *history, uint64_t *out_seq)
{
  if (history->empty)
    return false;
  *out_seq = history->newest;
  return true;
}

bool
bl_history_key_start (const BlHistory *history, uint64_t *out_seq)
{
  if (!history->key.known || !in_window (history, history->key.start))
    return false;
  *out_seq = history->key.start;
  return true;
}

bool
bl_history_join_point (const BlHistory *history, uint64_t key_start,
                       uint64_t *out_arrival)
{
  uint64_t first = UINT64_MAX;
  for (uint64_t arrival = bl_history_oldest_arrival (history);
       arrival < history->n_arrivals; arrival++) {
    uint64_t seq = history->arrivals[arrival & (history->capacity - 1)];
    if (seq >= key_start && first == UINT64_MAX)
      first = arrival;
    if (seq == key_start) {
      *out_arrival = first;
      return true;
    }
  }
  return false;
}

uint64_t
bl_history_bytes_since (const BlHistory *history, uint64_t arrival)
{
  uint64_t bytes = 0;
  for (; arrival < history->n_arrivals; arrival++) {
    const BlHistoryEntry *entry = bl_history_arrival (history, arrival);
    bytes += entry ? entry->meta.payload_length : 0;
  }
  return bytes;
}
