/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/downlink.h"

#define DELAY_TURN_US (30 * BL_SECOND)
#define RATE_TURN_US  (5 * BL_SECOND)

/* A queue that shows that the link is busy all the time. */
#define BUSY_US (50 * BL_MS)

/* Even of one who joins. */
#define QUEUE_UNPARDONABLE_US (1 * BL_SECOND)

/* Of fewer statuses no share is told. */
#define LEAST_STATUSES 10

/* No run is taken for quicker. */
#define LEAST_RUN_US (1 * BL_MS)

void
bl_downlink_init (BlDownlink *link, BlTime now)
{
  *link = (BlDownlink){
    .queued_since = BL_TIME_NEVER,
    .lossy_since = BL_TIME_NEVER,
    .clear_since = BL_TIME_NEVER,
    .delays_us = { now + DELAY_TURN_US, { INT64_MAX, INT64_MAX } },
    .rates_bps = { now + RATE_TURN_US, { 0, 0 } },
    .window = { .opened = now, .least_delay_us = INT64_MAX },
  };
}

void
bl_downlink_pardon (BlDownlink *link, BlTime until)
{
  link->pardoned_until = until;
}

void
bl_downlink_on_sent (BlDownlink *link, uint16_t transport_seq, uint32_t bytes,
                     BlTime now)
{
  link->sent[transport_seq % BL_DOWNLINK_SENT] = (BlDownlinkSent){
    .sent_ms = (uint16_t)(now / BL_MS),
    .bytes = bytes < UINT16_MAX ? (uint16_t)bytes : UINT16_MAX,
  };
  link->next_seq = (uint16_t)(transport_seq + 1);
  if (link->n_sent < BL_DOWNLINK_SENT)
    link->n_sent++;
  link->reported_bytes += bytes;
}

/* ---- windows ---- */

static uint32_t
rate_bps (uint64_t bytes, int64_t span_us)
{
  uint64_t bps = bytes * 8 * 1000000 / (uint64_t)span_us;
  return bps < UINT32_MAX ? (uint32_t)bps : UINT32_MAX;
}

/* Lets the older half go when it is time, with `none` in its place. */
static void
turn (BlDownlinkExtreme *extreme, BlTime every_us, int64_t none, BlTime now)
{
  if (now < extreme->turns)
    return;
  extreme->value[1] = extreme->value[0];
  extreme->value[0] = none;
  extreme->turns = now + every_us;
}

static void
note_rate (BlDownlink *link, uint32_t bps)
{
  int64_t *rates = link->rates_bps.value;
  if (bps > rates[0])
    rates[0] = bps;
  link->shown_bps = (uint32_t)(rates[0] > rates[1] ? rates[0] : rates[1]);
}

static void
forget_old_rates (BlDownlink *link, BlTime now)
{
  turn (&link->rates_bps, RATE_TURN_US, 0, now);
  note_rate (link, 0);
}

static void
measure_queue (BlDownlink *link, BlTime now)
{
  int64_t delay_us = link->window.least_delay_us;
  int64_t *least = link->delays_us.value;
  if (delay_us == INT64_MAX)
    return;
  turn (&link->delays_us, DELAY_TURN_US, INT64_MAX, now);
  if (delay_us < least[0])
    least[0] = delay_us;
  link->queue_us = delay_us - (least[0] < least[1] ? least[0] : least[1]);
}

static void
measure_loss (BlDownlink *link)
{
  uint64_t all = link->window.received + link->window.lost;
  link->loss = 0;
  if (all >= LEAST_STATUSES)
    link->loss = (uint8_t)((uint64_t)link->window.lost * 255 / all);
}

static bool
is_lossy (const BlDownlink *link)
{
  unsigned bound = BL_DOWNLINK_LOSS + 2 * link->own_loss;
  if (bound > BL_DOWNLINK_LOSS_MAX)
    bound = BL_DOWNLINK_LOSS_MAX;
  return link->loss > bound;
}

/* Busy: what arrives is what it carries. With much less on its way than that,
 * what is lost is lost for other reasons. */
static void
measure_rate (BlDownlink *link)
{
  const BlDownlinkWindow *window = &link->window;
  if (window->span_us <= 0 || window->received < LEAST_STATUSES)
    return;
  uint32_t bps = rate_bps (window->bytes, window->span_us);
  int change = link->loss - link->own_loss;
  if (link->queue_us >= BUSY_US || is_lossy (link))
    link->carried_bps = link->overloaded ? (link->carried_bps + bps) / 2 : bps;
  else if (change < 0)
    link->own_loss = (uint8_t)(link->own_loss + change / 8);
  if (link->carried_bps > 0 && bps < link->carried_bps / 2 && change > 0
      && link->queue_us < BUSY_US)
    link->own_loss = (uint8_t)(link->own_loss + (change + 3) / 4);
}

static void
note_since (BlTime *since, bool is_so, BlTime opened)
{
  if (!is_so)
    *since = BL_TIME_NEVER;
  else if (*since == BL_TIME_NEVER)
    *since = opened;
}

/* For so long, and in more than one window. */
static bool
is_since (BlTime since, BlTime span_us, BlTime opened, BlTime now)
{
  return since != BL_TIME_NEVER && since < opened && now - since >= span_us;
}

static void
judge (BlDownlink *link, BlTime now)
{
  BlTime opened = link->window.opened;
  BlTime queue_us = link->queue_us;
  bool pardoned = now < link->pardoned_until;
  bool lossy = is_lossy (link);
  note_since (&link->queued_since,
              queue_us >= BL_DOWNLINK_QUEUE_US && !pardoned, opened);
  note_since (&link->lossy_since, lossy && !pardoned, opened);
  link->strained = queue_us >= BL_DOWNLINK_QUEUE_US || lossy;
  note_since (&link->clear_since, queue_us < BL_DOWNLINK_QUEUE_US / 2 && !lossy,
              opened);

  BlTime most_us = pardoned ? QUEUE_UNPARDONABLE_US : BL_DOWNLINK_QUEUE_MAX_US;
  if (queue_us >= most_us
      || is_since (link->queued_since, BL_DOWNLINK_QUEUED_US, opened, now)
      || is_since (link->lossy_since, BL_DOWNLINK_LOSSY_US, opened, now)) {
    /* What was shown before holds no longer. */
    if (!link->overloaded)
      link->rates_bps.value[0] = link->rates_bps.value[1] = 0;
    link->overloaded = true;
    note_rate (link, link->carried_bps);
  } else if (is_since (link->clear_since, BL_DOWNLINK_CLEAR_US, opened, now))
    link->overloaded = false;
}

static void
close_window (BlDownlink *link, BlTime now)
{
  /* A link that carries nothing at all is down, and not narrow. */
  if (link->window.received > 0) {
    measure_queue (link, now);
    measure_loss (link);
    measure_rate (link);
    judge (link, now);
  }
  link->window
      = (BlDownlinkWindow){ .opened = now, .least_delay_us = INT64_MAX };
}

/* ---- what the viewer says ---- */

static void
add_to_run (BlDownlink *link, BlTime sent_us, int64_t received_us,
            uint16_t bytes)
{
  BlDownlinkRun *run = &link->run;
  if (run->begun) {
    run->n++;
    run->bytes += bytes;
  }
  if (run->n == BL_DOWNLINK_RUN) {
    int64_t span_us = LEAST_RUN_US;
    if (sent_us - run->first_sent_us > span_us)
      span_us = sent_us - run->first_sent_us;
    if (received_us - run->first_received_us > span_us)
      span_us = received_us - run->first_received_us;
    note_rate (link, rate_bps (run->bytes, span_us));
    run->begun = false;
  }
  if (!run->begun)
    *run = (BlDownlinkRun){ .first_sent_us = sent_us,
                            .first_received_us = received_us,
                            .begun = true };
}

static void
on_received (BlDownlink *link, const BlDownlinkSent *sent, int64_t received_us,
             BlTime now)
{
  BlDownlinkWindow *window = &link->window;
  uint16_t ago_ms = (uint16_t)(now / BL_MS - sent->sent_ms);
  BlTime sent_us = (now / BL_MS - ago_ms) * BL_MS;
  int64_t delay_us = received_us - sent_us;

  window->received++;
  link->received++;
  if (delay_us < window->least_delay_us)
    window->least_delay_us = delay_us;
  if (link->has_received) {
    window->bytes += sent->bytes;
    window->span_us += received_us - link->received_us;
  }
  link->has_received = true;
  link->received_us = received_us;
  add_to_run (link, sent_us, received_us, sent->bytes);
}

/* In the order sent, each once; what comes late was counted as lost. */
static void
on_status (BlDownlink *link, const BlTwccResult *status, BlTime now)
{
  uint16_t age = (uint16_t)(link->next_seq - 1 - status->seq);
  int step = link->judged ? bl_seq_diff (status->seq, link->judged_seq) : 1;
  if (age >= link->n_sent || step <= 0)
    return;
  if (step > 1) { /* feedback was lost */
    link->has_received = false;
    link->run = (BlDownlinkRun){ 0 };
  }
  link->judged = true;
  link->judged_seq = status->seq;
  if (status->received)
    on_received (link, &link->sent[status->seq % BL_DOWNLINK_SENT],
                 link->reference * BL_TWCC_REFERENCE_US + status->offset_us,
                 now);
  else {
    link->window.lost++;
    link->lost++;
  }
}

/* The 24-bit reference time, extended next to the last one. */
static int64_t
extend_reference (int64_t last, uint32_t reference)
{
  uint32_t step = (reference - (uint32_t)last) & 0xffffff;
  return last + step - (step & 0x800000 ? 0x1000000 : 0);
}

void
bl_downlink_on_feedback (BlDownlink *link, const BlTwccFeedback *feedback,
                         BlTime now)
{
  BlTwccFeedback walk = *feedback;
  BlTwccResult status;
  link->reference = link->has_feedback
                        ? extend_reference (link->reference, walk.reference)
                        : walk.reference;
  link->has_feedback = true;
  forget_old_rates (link, now);
  while (bl_twcc_next (&walk, &status))
    on_status (link, &status, now);
  if (now - link->window.opened >= BL_DOWNLINK_WINDOW_US
      && link->window.received + link->window.lost > 0)
    close_window (link, now);
}

void
bl_downlink_on_report (BlDownlink *link, uint8_t fraction_lost, int64_t rtt_us,
                       BlTime now)
{
  BlDownlinkWindow *window = &link->window;
  if (link->has_feedback || now - window->opened < BL_DOWNLINK_WINDOW_US)
    return;
  window->received = 256u - fraction_lost;
  window->lost = fraction_lost;
  window->span_us = now - window->opened;
  window->bytes = link->reported_bytes * window->received / 256;
  if (rtt_us > 0)
    window->least_delay_us = rtt_us;
  link->reported_bytes = 0;
  forget_old_rates (link, now);
  close_window (link, now);
}
