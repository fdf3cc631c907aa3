/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/scream.h"

#include <stdlib.h>

#include "base/blassert.h"

/* Ratios are in 65536ths. */
#define ONE INT64_C (65536)

/* Of the draft, section 4.1.1. */
#define VIRTUAL_RTT_US (25 * BL_MS)
#define AFTER_LOSS     (7 * ONE / 10)
#define AFTER_ECN      (8 * ONE / 10)
#define ALPHA_GAIN     16
#define FIRST_ALPHA    (ONE / 4)

/* Ours. */
#define QUEUE_FROM(target) ((target) / 5) /* where backing off begins */
#define GROWTH             (ONE / 10)     /* of the window, in a round trip */
#define LEAST_NEAR         (ONE / 10)
#define LEAST_BY_QUEUE     (3 * ONE / 10)
#define CALM_ROUNDS        3
#define INFLECTION_ROUNDS  5
#define LONG_AGO_ROUNDS    100
#define PLENTY_US          (10 * BL_SECOND)
#define STALL_US           (50 * BL_MS)
#define OWN_LOSS           (ONE / 50) /* more of its own: loss is no sign */
#define SHALLOW_US         (30 * BL_SECOND)
#define OUTAGE_US          (250 * BL_MS)
#define PROBE_US           (200 * BL_MS)
#define SOUND_OUTAGE_US    (500 * BL_MS)
#define SOUND_ANYHOW_US    (10 * BL_SECOND)
#define PADDING_BURST_US   (33 * BL_MS)

static int64_t
min_of (int64_t a, int64_t b)
{
  return a < b ? a : b;
}

static int64_t
max_of (int64_t a, int64_t b)
{
  return a > b ? a : b;
}

static int64_t
part_of (int64_t value, int64_t ratio)
{
  return value * ratio / ONE;
}

/* a / b, at most 1. */
static int64_t
ratio_of (int64_t a, int64_t b)
{
  return a >= b ? ONE : a * ONE / b;
}

static int64_t
least_window (const BlScream *s)
{
  return BL_SCREAM_MIN_WINDOW_PACKETS * (int64_t)s->config.mss_bytes;
}

void
bl_scream_init (BlScream *s, const BlScreamConfig *config)
{
  bl_assert (config->min_bps > 0 && config->min_bps <= config->start_bps
             && config->start_bps <= config->max_bps && config->mss_bytes > 0);
  *s = (BlScream){ .config = *config, .target_bps = config->start_bps };
  if (s->config.queue_target_us == 0)
    s->config.queue_target_us = BL_SCREAM_QUEUE_TARGET_US;
  bl_pathmeter_init (&s->meter);
  /* Until the round trip is known, a tenth of a second's. */
  s->window_bytes = max_of ((int64_t)config->start_bps / 80, least_window (s));
}

void
bl_scream_set_max (BlScream *s, uint64_t max_bps)
{
  s->config.max_bps = max_bps > s->config.min_bps ? max_bps : s->config.min_bps;
}

/* Below zero is what was sent ahead of the target. */
static void
earn_padding (BlScream *s, BlTime now)
{
  int64_t most = (int64_t)s->target_bps * PADDING_BURST_US / 8 / BL_SECOND;
  BlTime since = min_of (now - s->padding_us, PADDING_BURST_US);
  s->padding_us = now;
  s->padding_credit_bytes += (int64_t)s->target_bps * since / 8 / BL_SECOND;
  s->padding_credit_bytes
      = max_of (min_of (s->padding_credit_bytes, most), -most);
}

void
bl_scream_on_sent (BlScream *s, uint64_t seq, uint32_t bytes, BlTime now)
{
  bl_pathmeter_on_sent (&s->meter, seq, bytes, now);
  uint32_t in_flight = bl_pathmeter_in_flight (&s->meter);
  if (in_flight > s->round_flight)
    s->round_flight = in_flight;
  earn_padding (s, now);
  s->padding_credit_bytes -= bytes;
}

static BlTime
round_trip (const BlScream *s)
{
  return max_of (s->meter.smoothed_rtt_us, VIRTUAL_RTT_US);
}

/* A round ends: its share of CE goes into alpha, its most in flight bounds the
 * window. */
static void
turn_round (BlScream *s, BlTime now)
{
  if (now - s->round_us < round_trip (s))
    return;
  if (s->round_packets > 0) {
    int64_t share = ratio_of (s->round_ce, s->round_packets);
    s->alpha_q16
        = (uint32_t)(s->alpha_q16 + (share - s->alpha_q16) / ALPHA_GAIN);
  }
  s->round_packets = s->round_ce = 0;
  s->last_flight = s->round_flight;
  s->round_flight = bl_pathmeter_in_flight (&s->meter);
  s->round_us = now;
}

/* 1 far from the last inflection, LEAST_NEAR at it. */
static int64_t
near_inflection (const BlScream *s)
{
  if (s->inflection_bytes == 0)
    return ONE;
  int64_t off = llabs (s->window_bytes - s->inflection_bytes);
  int64_t near = ratio_of (2 * off, s->inflection_bytes);
  return max_of (part_of (near, near), LEAST_NEAR);
}

static void
back_off_to (BlScream *s, int64_t ratio, BlTime now)
{
  if (now - s->inflection_us > INFLECTION_ROUNDS * s->meter.smoothed_rtt_us) {
    s->inflection_us = now;
    s->inflection_bytes = s->window_bytes;
  }
  s->window_bytes = part_of (s->window_bytes, ratio);
  s->growth_q16 = 0;
  s->congestion_us = now;
  s->congested_once = true;
}

/* Several reactions come in one long round trip, so each is smaller. */
static int64_t
scaled_backoff (const BlScream *s, int64_t alpha)
{
  return alpha / 2 * VIRTUAL_RTT_US / round_trip (s);
}

/* After long calm the window may be far more than what is in flight, and alpha
 * speaks of another time. */
static void
react_to_ce (BlScream *s, BlTime now)
{
  BlTime calm = now - s->congestion_us;
  if (!s->config.l4s) {
    if (!s->congested_once || calm >= s->meter.smoothed_rtt_us)
      back_off_to (s, AFTER_ECN, now);
    return;
  }
  if (!s->congested_once || calm > LONG_AGO_ROUNDS * round_trip (s)) {
    s->window_bytes = min_of (s->window_bytes, s->last_flight);
    s->alpha_q16 = (uint32_t)max_of (s->alpha_q16, FIRST_ALPHA);
  }
  int64_t backoff = scaled_backoff (s, s->alpha_q16);
  back_off_to (
      s, ONE - part_of (backoff, max_of (near_inflection (s), ONE / 4)), now);
}

/* The draft's virtual marks: the nearer the standing queue is to the target,
 * the more. */
static void
react_to_queue (BlScream *s, BlTime now)
{
  BlTime from = QUEUE_FROM (s->config.queue_target_us);
  int64_t alpha = ratio_of (s->meter.standing_queue_us - from,
                            s->config.queue_target_us - from);
  back_off_to (s, ONE - scaled_backoff (s, alpha), now);
}

static void
react (BlScream *s, const BlPathNews *news, BlTime now)
{
  bool queue
      = s->meter.standing_queue_us > QUEUE_FROM (s->config.queue_target_us);
  BlTime calm = now - s->congestion_us, rtt = s->meter.smoothed_rtt_us;
  if (s->congested_once && calm < min_of (rtt, VIRTUAL_RTT_US))
    return;
  bool own = s->losscheck.own_q16 > OWN_LOSS;
  if (news->lost_packets > 0 && queue && !own
      && (!s->congested_once || calm >= rtt))
    back_off_to (s, AFTER_LOSS, now);
  else if (news->ce_packets > 0)
    react_to_ce (s, now);
  else if (queue)
    react_to_queue (s, now);
}

/* How long a packet counts as in flight: until the next feedback tells of it.
 */
static BlTime
held_for (const BlScream *s)
{
  return s->meter.smoothed_rtt_us + s->meter.interval_us;
}

/* The window from which set_target() makes about `bps`. */
static int64_t
window_for (const BlScream *s, int64_t bps)
{
  return bps * held_for (s) / (8 * BL_SECOND);
}

static void
check_loss (BlScream *s, const BlPathNews *news, BlTime now)
{
  switch (bl_losscheck_on_feedback (&s->losscheck, news->arrived_packets,
                                    news->lost_packets,
                                    s->meter.smoothed_rtt_us, now)) {
  case BL_LOSSCHECK_SLOW_DOWN:
    s->before_trial_bytes = s->window_bytes;
    s->before_trial_bps = s->meter.delivered_bps;
    back_off_to (s, AFTER_LOSS, now);
    break;
  case BL_LOSSCHECK_NOT_OURS:
    s->window_bytes = max_of (s->window_bytes, s->before_trial_bytes);
    /* Then what an earlier trial found was chance, too. */
    s->shallow_until_us = now;
    break;
  case BL_LOSSCHECK_OURS:
    s->inflection_bytes = window_for (
        s, max_of ((int64_t)s->before_trial_bps, (int64_t)s->target_bps));
    s->shallow_until_us = now + SHALLOW_US;
    break;
  case BL_LOSSCHECK_NOTHING:
    break;
  }
}

/* Bytes to grow by, in 65536ths: a packet a round trip and, after some calm, a
 * share of the window; less near the last inflection, while a queue stands, and
 * above what a short queue was seen to carry. */
static int64_t
growth (const BlScream *s, int64_t past_bytes, BlTime now)
{
  const BlPathMeter *m = &s->meter;
  bool shallow = now < s->shallow_until_us;
  int64_t near = near_inflection (s);
  int64_t calm = ONE;
  if (shallow)
    calm = 0;
  else if (s->congested_once)
    calm = ratio_of (now - s->congestion_us, CALM_ROUNDS * round_trip (s));
  int64_t rtt = ratio_of (m->smoothed_rtt_us, VIRTUAL_RTT_US);
  int64_t queue
      = ratio_of (m->standing_queue_us, QUEUE_FROM (s->config.queue_target_us));

  int64_t share = part_of (part_of (GROWTH, calm), near);
  int64_t in_round = s->config.mss_bytes + part_of (s->window_bytes, share);
  int64_t bytes_q16 = past_bytes * ONE / s->window_bytes * in_round;
  bytes_q16 = part_of (bytes_q16, part_of (rtt, rtt));
  bytes_q16 = part_of (bytes_q16, max_of (near, ONE / 4));
  bytes_q16 = part_of (bytes_q16, max_of (ONE - queue, LEAST_BY_QUEUE));
  return shallow && s->window_bytes > s->inflection_bytes ? bytes_q16 / 8
                                                          : bytes_q16;
}

/* Not far beyond what is really sent: of a window that was never filled nobody
 * knows whether it fits. */
static void
grow (BlScream *s, const BlPathNews *news, BlTime now)
{
  int64_t flight = max_of (s->round_flight, s->last_flight);
  int64_t cap = flight + flight / 2 + s->config.mss_bytes;
  s->wants_more = s->window_bytes >= cap;
  if (s->wants_more || s->losscheck.trial || s->target_bps >= s->config.max_bps)
    return;
  uint32_t unmarked = news->past_bytes > news->ce_bytes
                          ? news->past_bytes - news->ce_bytes
                          : 0;
  s->growth_q16 += growth (s, unmarked, now);
  s->window_bytes = min_of (s->window_bytes + s->growth_q16 / ONE, cap);
  s->growth_q16 %= ONE;
}

/* What fills the window; a little less when that is only a few packets, since
 * frames are not all of one size. */
static void
set_target (BlScream *s)
{
  int64_t few = ratio_of (s->config.mss_bytes, s->window_bytes) - ONE / 10;
  int64_t ratio = ONE - max_of (min_of (few, ONE / 5), 0);
  int64_t bps = part_of (s->window_bytes, ratio) * 8 * BL_SECOND
                / (held_for (s) + BL_MS);
  bps = min_of (bps, (int64_t)s->config.max_bps);
  s->target_bps = (uint64_t)max_of (bps, (int64_t)s->config.min_bps);
}

void
bl_scream_on_feedback (BlScream *s, const BlPacketResult *results, size_t n,
                       BlTime now)
{
  bool outage = bl_pathmeter_silence (&s->meter, now) > OUTAGE_US;
  BlPathNews news = bl_pathmeter_on_feedback (&s->meter, results, n, now);
  if (!news.progress)
    return;
  /* What an outage swallowed says nothing of the rate. */
  if (outage)
    news.lost_packets = 0;
  s->round_packets += news.arrived_packets;
  s->round_ce += news.ce_packets;
  turn_round (s, now);
  react (s, &news, now);
  check_loss (s, &news, now);
  grow (s, &news, now);
  s->window_bytes = max_of (s->window_bytes, least_window (s));
  set_target (s);
}

uint64_t
bl_scream_pacing_bps (const BlScream *s, BlTime now)
{
  bool smooth = s->losscheck.trial || now < s->shallow_until_us;
  if (smooth)
    return s->target_bps * 11 / 10;
  /* Where all that is ever sent has long passed, a burst does no harm. */
  bool plenty = s->target_bps >= s->config.max_bps
                && now - s->congestion_us > PLENTY_US;
  return s->target_bps * (plenty ? 4 : 2);
}

bool
bl_scream_may_send (const BlScream *s, uint32_t bytes, BlTime now)
{
  const BlPathMeter *m = &s->meter;
  int64_t in_flight = bl_pathmeter_in_flight (m);
  int64_t room = s->window_bytes + s->config.mss_bytes;
  if (m->standing_queue_us < s->config.queue_target_us)
    room += s->window_bytes / 5;
  if (in_flight == 0 || in_flight + bytes <= room)
    return true;
  return bl_pathmeter_silence (m, now) > PROBE_US + m->smoothed_rtt_us
         && now - m->last_sent_us >= PROBE_US;
}

uint32_t
bl_scream_padding_bytes (BlScream *s, BlTime now)
{
  earn_padding (s, now);
  bool queue
      = s->meter.standing_queue_us > QUEUE_FROM (s->config.queue_target_us);
  if (!s->wants_more || queue || s->target_bps >= s->config.max_bps
      || bl_scream_is_stalled (s, now) || s->padding_credit_bytes <= 0)
    return 0;
  return (uint32_t)s->padding_credit_bytes;
}

bool
bl_scream_is_stalled (const BlScream *s, BlTime now)
{
  const BlPathMeter *m = &s->meter;
  if (m->rtt_us == 0)
    return false;
  return bl_pathmeter_silence (m, now) > STALL_US + m->interval_us;
}

bool
bl_scream_is_full (const BlScream *s)
{
  return s->meter.rtt_us > 0
         && bl_pathmeter_in_flight (&s->meter) > s->window_bytes;
}

bool
bl_scream_sound_waits (const BlScream *s, BlTime now)
{
  const BlPathMeter *m = &s->meter;
  BlTime silence_us = bl_pathmeter_silence (m, now);
  return m->highest_acked > 0 && silence_us > SOUND_OUTAGE_US
         && silence_us < SOUND_ANYHOW_US
         && bl_pathmeter_in_flight (m) > s->window_bytes
         && now - m->last_sent_us < PROBE_US;
}
