/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/nack.h"

#include <string.h>

#define UNKNOWN_RTT_US (100 * BL_MS)
#define MIN_RETRY_US   (15 * BL_MS)
#define MAX_RETRY_US   (500 * BL_MS)

const BlNackConfig bl_nack_defaults = {
  .reorder_packets = 3,
  .reorder_us = 10 * BL_MS,
  .max_tries = 10,
  .max_age_us = BL_SECOND,
};

void
bl_nack_init (BlNack *n, const BlNackConfig *config)
{
  *n = (BlNack){ .config = *config };
  bl_nack_set_rtt (n, UNKNOWN_RTT_US);
}

void
bl_nack_set_rtt (BlNack *n, int64_t rtt_us)
{
  /* A quarter more than the round trip: asking just before the answer comes
   * doubles the traffic of a path that is short of room already. */
  if (rtt_us < 0)
    rtt_us = 0;
  if (rtt_us > MAX_RETRY_US)
    rtt_us = MAX_RETRY_US;
  BlTime retry_us = rtt_us + rtt_us / 4 + 5 * BL_MS;
  if (retry_us < MIN_RETRY_US)
    retry_us = MIN_RETRY_US;
  n->retry_us = retry_us < MAX_RETRY_US ? retry_us : MAX_RETRY_US;
}

static void
give_up (BlNack *n, uint64_t seq)
{
  n->lost++;
  n->gave_up |= seq > n->keyframe;
}

/* Drops the `count` oldest as lost for good. */
static void
give_up_oldest (BlNack *n, uint32_t count)
{
  for (uint32_t i = 0; i < count; i++)
    give_up (n, n->entries[i].seq);
  n->count -= count;
  memmove (n->entries, n->entries + count, n->count * sizeof n->entries[0]);
}

/* Of copies or repairs. */
static bool
expects_help (const BlNack *n, BlTime now)
{
  return now < n->copies_until_us || now < n->repairs_until_us;
}

/* How long a packet may be overtaken by others. */
static BlTime
reorder_us (const BlNack *n, BlTime now)
{
  BlTime repair_us = now < n->repairs_until_us ? BL_NACK_REPAIR_WAIT_US
                                               : n->config.reorder_us;
  if (now >= n->copies_until_us)
    return repair_us;
  /* A third more, for the next one may be slower. */
  BlTime wait_us = n->copy_lag_us + n->copy_lag_us / 3;
  if (wait_us < BL_NACK_COPY_LEAST_US)
    wait_us = BL_NACK_COPY_LEAST_US;
  if (wait_us > BL_NACK_COPY_MOST_US)
    wait_us = BL_NACK_COPY_MOST_US;
  return wait_us > repair_us ? wait_us : repair_us;
}

void
bl_nack_on_copy (BlNack *n, BlTime lag_us, BlTime now)
{
  n->copies_until_us = now + BL_NACK_COPIES_US;
  if (lag_us >= n->copy_lag_us)
    n->copy_lag_us = lag_us;
  else
    n->copy_lag_us -= (n->copy_lag_us - lag_us) / 16;
}

/* `seq` came, and with it the news that all between are missing. */
static void
add_missing (BlNack *n, uint64_t seq, BlTime now)
{
  uint64_t first = n->highest + 1, missing = seq - first;
  if (missing > BL_NACK_MAX) {
    n->lost += n->count + missing;
    n->count = 0;
    n->gave_up = true;
    return;
  }
  uint32_t room = BL_NACK_MAX - n->count;
  if (missing > room)
    give_up_oldest (n, (uint32_t)missing - room);
  for (uint64_t i = first; i < seq; i++)
    n->entries[n->count++] = (BlNackEntry){
      .seq = i, .since_us = now, .due_us = now + reorder_us (n, now)
    };
}

/* Enough later packets came: this is loss, not reordering. */
static void
end_reordering (BlNack *n, BlTime now)
{
  if (expects_help (n, now))
    return;
  for (uint32_t i = 0; i < n->count; i++) {
    BlNackEntry *entry = &n->entries[i];
    if (entry->tries == 0 && entry->due_us > now
        && n->highest - entry->seq >= n->config.reorder_packets)
      entry->due_us = now;
  }
}

static void
remove_found (BlNack *n, uint64_t seq)
{
  uint32_t low = 0, high = n->count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (n->entries[middle].seq < seq)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == n->count || n->entries[low].seq != seq)
    return;
  if (n->entries[low].tries > 0)
    n->recovered++;
  n->count--;
  memmove (n->entries + low, n->entries + low + 1,
           (n->count - low) * sizeof n->entries[0]);
}

void
bl_nack_on_packet (BlNack *n, uint64_t seq, BlTime now)
{
  if (!n->started) {
    n->started = true;
    n->highest = seq;
  } else if (seq > n->highest) {
    if (seq > n->highest + 1)
      add_missing (n, seq, now);
    n->highest = seq;
    end_reordering (n, now);
  } else {
    remove_found (n, seq);
  }
}

void
bl_nack_on_repair (BlNack *n, uint64_t last, BlTime now)
{
  n->repairs_until_us = now + BL_NACK_REPAIRS_US;
  if (!n->started || last <= n->highest)
    return;
  add_missing (n, last + 1, now);
  n->highest = last;
}

BlTime
bl_nack_next_deadline (const BlNack *n)
{
  BlTime next = BL_TIME_NEVER;
  for (uint32_t i = 0; i < n->count; i++) {
    BlTime expiry = n->entries[i].since_us + n->config.max_age_us;
    if (n->entries[i].due_us < next)
      next = n->entries[i].due_us;
    if (expiry < next)
      next = expiry;
  }
  return next;
}

size_t
bl_nack_poll (BlNack *n, BlTime now, uint16_t *out_seqs, size_t max_seqs)
{
  size_t asked = 0;
  uint32_t kept = 0;
  for (uint32_t i = 0; i < n->count; i++) {
    BlNackEntry entry = n->entries[i];
    bool due = entry.due_us <= now;
    if (now - entry.since_us >= n->config.max_age_us
        || (due && entry.tries >= n->config.max_tries)) {
      give_up (n, entry.seq);
      continue;
    }
    if (due && asked < max_seqs) {
      out_seqs[asked++] = (uint16_t)entry.seq;
      entry.tries++;
      entry.due_us = now + n->retry_us;
      n->requested++;
    }
    n->entries[kept++] = entry;
  }
  n->count = kept;
  return asked;
}

bool
bl_nack_take_gave_up (BlNack *n)
{
  bool gave_up = n->gave_up;
  n->gave_up = false;
  return gave_up;
}

void
bl_nack_on_keyframe (BlNack *n, uint64_t seq)
{
  if (seq > n->keyframe)
    n->keyframe = seq;
}
