/* SPDX-License-Identifier: Apache-2.0 */
#include "lane.h"

#include <glib.h>

#include "ecn.h"

enum { LOSS = 1, JITTER, MARKS };

#define NS_A_US ((int64_t)1000)
#define NEVER   INT64_MAX

ImpairLane *
impair_lane_new (uint64_t seed, BlTime start_us)
{
  ImpairLane *lane = g_new0 (ImpairLane, 1);
  impair_packets_init (&lane->packets);
  lane->loss = impair_loss_init (seed);
  lane->jitter = impair_random_init (seed + JITTER, JITTER);
  lane->marks = impair_random_init (seed + MARKS, MARKS);
  lane->start_us = lane->now_us = lane->accounted_us = start_us;
  lane->idle_ns = start_us * NS_A_US;
  return lane;
}

void
impair_lane_free (ImpairLane *lane)
{
  if (lane)
    impair_packets_clear (&lane->packets);
  g_free (lane);
}

static void
drop (ImpairLane *lane, ImpairDrop why, size_t length)
{
  lane->recent.drops[why].packets++;
  lane->recent.drops[why].bytes += length;
}

/* ---- outages ---- */

/* The end of the outage that `at` lies in; `at` itself when it lies in none. */
static BlTime
outage_end (const ImpairLane *lane, BlTime at)
{
  const ImpairSettings *s = &lane->settings;
  bool moved = true;
  while (moved && at != BL_TIME_NEVER) {
    moved = false;
    if (at < lane->cut_until_us) {
      at = lane->cut_until_us;
      moved = true;
    }
    for (unsigned i = 0; i < s->n_outages; i++) {
      BlTime since = at - lane->start_us;
      if (since >= s->outages[i].from_us && since < s->outages[i].to_us) {
        at = lane->start_us + s->outages[i].to_us;
        moved = true;
      }
    }
  }
  return at;
}

static bool
is_out (const ImpairLane *lane, BlTime at)
{
  return outage_end (lane, at) != at;
}

/* How much of the time between is out. */
static BlTime
out_within (const ImpairLane *lane, BlTime from, BlTime to)
{
  BlTime out = 0;
  while (from < to) {
    BlTime end = outage_end (lane, from);
    out += MIN (end, to) - from;
    from = end;
    /* To the next outage, if there is one before `to`. */
    BlTime next = to;
    for (unsigned i = 0; i < lane->settings.n_outages; i++) {
      BlTime begin = lane->start_us + lane->settings.outages[i].from_us;
      if (begin >= from && begin < next)
        next = begin;
    }
    from = MAX (from, next);
  }
  return out;
}

/* ---- the bottleneck ---- */

static BlTime
slot_time (const ImpairLane *lane)
{
  const ImpairSettings *s = &lane->settings;
  return lane->trace_start_us - s->trace_offset_us
         + impair_trace_at (s->trace, lane->slot);
}

/* The first opportunity at `at` or later, outside outages, whole. */
static void
seek_slot (ImpairLane *lane, BlTime at)
{
  const ImpairSettings *s = &lane->settings;
  lane->slot = impair_trace_find (s->trace, at - lane->trace_start_us
                                                + s->trace_offset_us);
  lane->slot_left = IMPAIR_TRACE_BYTES;
}

/* Sends `length` bytes by the trace, from `from` on; when that is done. */
static BlTime
send_by_trace (ImpairLane *lane, size_t length, BlTime from)
{
  size_t left = length;
  if (slot_time (lane) < from)
    seek_slot (lane, from);
  for (;;) {
    BlTime at = slot_time (lane), end = outage_end (lane, at);
    if (end == BL_TIME_NEVER)
      return BL_TIME_NEVER;
    if (end != at) {
      seek_slot (lane, end);
    } else if (left > lane->slot_left) {
      left -= lane->slot_left;
      lane->slot++;
      lane->slot_left = IMPAIR_TRACE_BYTES;
    } else {
      lane->slot_left -= (uint32_t)left;
      return at;
    }
  }
}

static int64_t
send_head (ImpairLane *lane, const ImpairPacket *head, int64_t from_ns)
{
  const ImpairSettings *s = &lane->settings;
  BlTime from_us = from_ns / NS_A_US, end = outage_end (lane, from_us);
  if (end == BL_TIME_NEVER)
    return NEVER;
  if (s->trace) {
    BlTime done = send_by_trace (lane, head->length, end);
    return done == BL_TIME_NEVER ? NEVER : done * NS_A_US;
  }
  if (end != from_us)
    from_ns = end * NS_A_US;
  if (s->rate_bps == 0)
    return from_ns;
  return from_ns
         + (int64_t)((double)head->length * 8e9 / (double)s->rate_bps + 0.5);
}

/* Begins to send the head of the queue; false: an outage that forgets the queue
 * comes before it is sent. */
static bool
begin_head (ImpairLane *lane, const ImpairPacket *head)
{
  int64_t from_ns = MAX (head->entered_us * NS_A_US, lane->idle_ns);
  lane->head_done_ns = send_head (lane, head, from_ns);
  BlTime done_us
      = lane->head_done_ns == NEVER ? NEVER : lane->head_done_ns / NS_A_US;
  lane->head_known = !lane->settings.drops_in_outage
                     || out_within (lane, head->entered_us, done_us) == 0;
  return lane->head_known;
}

static void
mark (ImpairLane *lane, ImpairPacket *packet, BlTime waited_us)
{
  const ImpairSettings *s = &lane->settings;
  double share = impair_random_share (&lane->marks);
  bool due = (s->mark && waited_us >= s->mark_us) || share < s->mark_share;
  if (due && impair_ecn_mark (packet->bytes, packet->length))
    lane->recent.marked++;
}

/* The head has been sent. */
static void
finish_head (ImpairLane *lane, ImpairPacket *head)
{
  const ImpairSettings *s = &lane->settings;
  BlTime done_us = (lane->head_done_ns + NS_A_US - 1) / NS_A_US;
  double extra = impair_random_share (&lane->jitter) * (double)s->jitter_us;
  BlTime arrives_us = done_us + s->delay_us + (BlTime)extra;
  lane->idle_ns = lane->head_done_ns;
  lane->head_known = false;
  impair_stats_waited (&lane->recent, done_us - head->entered_us);
  mark (lane, head, done_us - head->entered_us);
  if (impair_loss_next (&lane->loss, s)) {
    drop (lane, IMPAIR_DROP_LOSS, head->length);
    impair_packets_drop_head (&lane->packets);
    return;
  }
  if (!s->reorder)
    arrives_us = MAX (arrives_us, lane->arrival_us);
  lane->arrival_us = arrives_us;
  impair_packets_launch_head (&lane->packets, arrives_us);
}

/* Lets the bottleneck work until `now`. */
static void
serve (ImpairLane *lane, BlTime now)
{
  ImpairPacket *head;
  lane->now_us = MAX (lane->now_us, now);
  while ((head = impair_packets_head (&lane->packets))) {
    if (!lane->head_known && !begin_head (lane, head)) {
      drop (lane, IMPAIR_DROP_OUTAGE, head->length);
      impair_packets_drop_head (&lane->packets);
      continue;
    }
    if (lane->head_done_ns > now * NS_A_US)
      break;
    finish_head (lane, head);
  }
}

/* ---- capacity ---- */

static uint64_t
capacity_within (const ImpairLane *lane, BlTime from, BlTime to)
{
  const ImpairSettings *s = &lane->settings;
  BlTime base = lane->trace_start_us - s->trace_offset_us;
  if (!s->trace)
    return s->rate_bps * (uint64_t)(to - from - out_within (lane, from, to))
           / (8 * (uint64_t)BL_SECOND);
  uint64_t count = 0, index = impair_trace_find (s->trace, from - base);
  for (BlTime at; (at = base + impair_trace_at (s->trace, index)) < to; index++)
    count += !is_out (lane, at);
  return count * IMPAIR_TRACE_BYTES;
}

static void
account (ImpairLane *lane, BlTime now)
{
  if (now <= lane->accounted_us)
    return;
  lane->recent.capacity_bytes
      += capacity_within (lane, lane->accounted_us, now);
  lane->accounted_us = now;
}

/* ---- the caller's side ---- */

/* What was known of the packet being sent holds no longer. */
static void
restart (ImpairLane *lane, BlTime now)
{
  lane->head_known = false;
  lane->idle_ns = MAX (lane->idle_ns, now * NS_A_US);
  if (lane->settings.trace)
    seek_slot (lane, now);
}

void
impair_lane_set (ImpairLane *lane, const ImpairSettings *settings, BlTime now)
{
  serve (lane, now);
  account (lane, now);
  if (settings->trace != lane->settings.trace)
    lane->trace_start_us = now;
  lane->settings = *settings;
  restart (lane, now);
}

void
impair_lane_cut (ImpairLane *lane, BlTime until_us, BlTime now)
{
  serve (lane, now);
  account (lane, now);
  lane->cut_until_us = until_us;
  restart (lane, now);
}

static bool
is_full (const ImpairLane *lane, size_t length)
{
  const ImpairSettings *s = &lane->settings;
  const ImpairPackets *p = &lane->packets;
  uint64_t limit = s->queue_bytes;
  if (s->queue_us > 0) {
    uint64_t bps = s->trace ? impair_trace_mean_bps (s->trace) : s->rate_bps;
    limit = bps / 8 * (uint64_t)s->queue_us / (uint64_t)BL_SECOND;
  }
  if (p->n_queued == 0)
    return false;
  return (limit > 0 && p->queued_bytes + length > limit)
         || (s->queue_packets > 0 && p->n_queued >= s->queue_packets);
}

void
impair_lane_push (ImpairLane *lane, const uint8_t *bytes, size_t length,
                  BlTime now)
{
  serve (lane, now);
  lane->recent.in.packets++;
  lane->recent.in.bytes += length;
  if (length > IMPAIR_MAX_PACKET)
    drop (lane, IMPAIR_DROP_REFUSED, length);
  else if (lane->settings.drops_in_outage && is_out (lane, now))
    drop (lane, IMPAIR_DROP_OUTAGE, length);
  else if (is_full (lane, length)
           || !impair_packets_enqueue (&lane->packets, bytes, length, now))
    drop (lane, IMPAIR_DROP_QUEUE, length);
}

BlTime
impair_lane_next (ImpairLane *lane)
{
  serve (lane, lane->now_us);
  const ImpairPacket *first = impair_packets_first (&lane->packets);
  BlTime next = first ? first->arrives_us : BL_TIME_NEVER;
  if (impair_packets_head (&lane->packets) && lane->head_done_ns != NEVER)
    next = MIN (next, (lane->head_done_ns + NS_A_US - 1) / NS_A_US);
  return next;
}

const ImpairPacket *
impair_lane_pop (ImpairLane *lane, BlTime now)
{
  serve (lane, now);
  const ImpairPacket *first = impair_packets_first (&lane->packets);
  if (!first || first->arrives_us > now)
    return NULL;
  lane->recent.out.packets++;
  lane->recent.out.bytes += first->length;
  impair_packets_land_first (&lane->packets);
  return first;
}

void
impair_lane_refused (ImpairLane *lane, size_t length)
{
  lane->recent.out.packets--;
  lane->recent.out.bytes -= length;
  drop (lane, IMPAIR_DROP_REFUSED, length);
}

void
impair_lane_take (ImpairLane *lane, BlTime now, ImpairStats *out_recent)
{
  serve (lane, now);
  account (lane, now);
  *out_recent = lane->recent;
  impair_stats_add (&lane->total, &lane->recent);
  lane->recent = (ImpairStats){ 0 };
}
