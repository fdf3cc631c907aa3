/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_link.h"

#define CAP_WINDOW_US (100 * BL_MS)

void
sim_link_init (SimLink *link, const SimLinkOptions *options)
{
  *link = (SimLink){ .options = *options, .left = SIM_OPPORTUNITY_BYTES };
  link->random.state = options->seed;
}

static BlTime
leave_by_trace (SimLink *link, uint32_t bytes, BlTime now)
{
  BlTime leaves_us = now;
  while (bytes > 0) {
    BlTime at = sim_trace_at (link->options.trace, link->opportunity);
    if (at < now || link->left == 0) {
      link->opportunity++;
      link->left = SIM_OPPORTUNITY_BYTES;
      continue;
    }
    uint32_t used = bytes < link->left ? bytes : link->left;
    bytes -= used;
    link->left -= used;
    leaves_us = at;
  }
  return leaves_us;
}

static BlTime
leave_by_rate (SimLink *link, uint32_t bytes, BlTime now)
{
  BlTime start = link->free_us > now ? link->free_us : now;
  uint64_t bits = (uint64_t)bytes * 8;
  link->free_us = start + (BlTime)(bits * BL_SECOND / link->options.rate_bps);
  return link->free_us;
}

static bool
is_lost (SimLink *link, BlTime now)
{
  const SimLinkOptions *o = &link->options;
  uint32_t turn_ppm = link->bad ? o->to_good_ppm : o->to_bad_ppm;
  if (sim_random_hit (&link->random, turn_ppm))
    link->bad = !link->bad;
  bool lost = sim_random_hit (&link->random, o->loss_ppm);
  bool lost_while_bad = sim_random_hit (&link->random, o->bad_loss_ppm);
  return lost || (link->bad && lost_while_bad)
         || (now >= o->dead_from_us && now < o->dead_until_us);
}

static void
empty_queue (SimLink *link, BlTime now)
{
  for (; link->head != link->tail; link->head++) {
    uint32_t i = link->head % SIM_LINK_QUEUE;
    if (link->queue[i].leaves_us > now)
      return;
    link->queued_bytes -= link->queue[i].bytes;
  }
}

bool
sim_link_put (SimLink *link, uint32_t bytes, BlTime now, BlTime *out_arrival_us,
              bool *out_marked)
{
  const SimLinkOptions *o = &link->options;
  empty_queue (link, now);
  if (is_lost (link, now)
      || (o->queue_bytes > 0 && link->queued_bytes + bytes > o->queue_bytes)
      || link->tail - link->head == SIM_LINK_QUEUE)
    return false;

  *out_marked = sim_random_hit (&link->random, o->mark_ppm)
                || (o->mark_bytes > 0 && link->queued_bytes > o->mark_bytes);
  BlTime leaves_us = o->trace ? leave_by_trace (link, bytes, now)
                              : leave_by_rate (link, bytes, now);
  uint32_t i = link->tail++ % SIM_LINK_QUEUE;
  link->queue[i].leaves_us = leaves_us;
  link->queue[i].bytes = bytes;
  link->queued_bytes += bytes;

  BlTime arrival_us = leaves_us + o->delay_us;
  if (o->jitter_us > 0)
    arrival_us += sim_random_below (&link->random, (uint32_t)o->jitter_us);
  if (arrival_us < link->last_arrival_us)
    arrival_us = link->last_arrival_us;
  link->last_arrival_us = arrival_us;
  *out_arrival_us = arrival_us;
  return true;
}

uint64_t
sim_link_capacity (const SimLinkOptions *o, BlTime until_us, uint64_t cap_bps)
{
  const uint64_t windows = BL_SECOND / CAP_WINDOW_US;
  uint64_t most = cap_bps / 8 / windows, total = 0, index = 0;
  for (BlTime end = CAP_WINDOW_US; end <= until_us; end += CAP_WINDOW_US) {
    uint64_t bytes = o->trace ? 0 : o->rate_bps / 8 / windows;
    for (; o->trace && sim_trace_at (o->trace, index) < end; index++)
      bytes += SIM_OPPORTUNITY_BYTES;
    total += bytes < most ? bytes : most;
  }
  return total;
}
