/* SPDX-License-Identifier: Apache-2.0 */
#include "sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/blassert.h"
#include "sim_private.h"

#define TICK_US  500
#define LATE_US  (400 * BL_MS)
#define FRAME_US (BL_SECOND / SIM_FPS)

SimOptions
sim_options (void)
{
  return (SimOptions){
    .link = { .rate_bps = 20000000, .delay_us = 25 * BL_MS, .seed = 1 },
    .feedback_us = 10 * BL_MS,
    .back_us = 25 * BL_MS,
    .duration_us = 60 * BL_SECOND,
    .start_bps = 1000000,
    .cap_bps = 6000000,
    .encoder_percent = 100,
    .recovery_percent = 300,
    .burst_us = BL_PACER_BURST_US,
    .seed = 1,
  };
}

static int
compare_times (const void *a, const void *b)
{
  BlTime x = *(const BlTime *)a, y = *(const BlTime *)b;
  return (x > y) - (x < y);
}

static void
measure_delays (const Sim *s, SimResult *r)
{
  BlTime *delays = malloc ((s->n_frames + 1) * sizeof *delays);
  unsigned n = 0, late = 0;
  bl_assert (delays);
  for (uint32_t i = 0; i < s->n_frames; i++) {
    const SimFrame *frame = &s->frames[i];
    if (frame->complete_us == 0)
      continue;
    delays[n] = frame->complete_us - frame->captured_us;
    late += delays[n++] > LATE_US;
  }
  r->frames = n;
  if (n > 0) {
    qsort (delays, n, sizeof *delays, compare_times);
    r->delay_p50_us = delays[n / 2];
    r->delay_p95_us = delays[n * 95 / 100];
    r->delay_p99_us = delays[n * 99 / 100];
    r->late = (double)late / n;
  }
  free (delays);
}

/* Of the whole time; a simulation's end ends the last gap. */
static double
frozen (const Sim *s, BlTime longer_us)
{
  BlTime last_us = 0, total_us = 0, end_us = s->o.duration_us;
  for (uint32_t i = 0; i <= s->n_frames; i++) {
    BlTime at = i < s->n_frames ? s->frames[i].complete_us : end_us;
    if (at == 0)
      continue;
    if (at - last_us > longer_us)
      total_us += at - last_us;
    last_us = at;
  }
  return (double)total_us / (double)end_us;
}

static double
own_gaps (const Sim *s, BlTime longer_us)
{
  const SimTrace *trace = s->o.link.trace;
  BlTime end_us = s->o.duration_us;
  if (!trace)
    return 0;
  return (double)sim_trace_gaps (trace, end_us, longer_us - FRAME_US)
         / (double)end_us;
}

static SimResult
summarise (const Sim *s)
{
  uint64_t capacity
      = sim_link_capacity (&s->o.link, s->o.duration_us, s->o.cap_bps);
  SimResult r = {
    .utilisation = (double)s->media_bytes / (double)capacity,
    .frozen_183 = frozen (s, 183 * BL_MS),
    .frozen_500 = frozen (s, 500 * BL_MS),
    .own_183 = own_gaps (s, 183 * BL_MS),
    .own_500 = own_gaps (s, 500 * BL_MS),
    .skipped = s->skipped,
    .dropped = s->dropped,
    .lost = (double)s->lost / (double)s->packets,
    .padding_bytes = s->padding_bytes,
    .target_bps = bl_scream_target_bps (&s->scream),
    .rtt_us = s->scream.meter.smoothed_rtt_us,
  };
  measure_delays (s, &r);
  return r;
}

static void
log_state (const Sim *s, BlTime now)
{
  const BlScream *c = &s->scream;
  printf ("%7.2f s: target %5" PRIu64 " kb/s, window %6" PRId64
          " B (inflection %6" PRId64 "), in flight %6u B, rtt %4" PRId64
          " ms, queue %4" PRId64 " ms, arrives %5" PRIu64
          " kb/s, pacer %5u B\n",
          (double)now / BL_SECOND, c->target_bps / 1000, c->window_bytes,
          c->inflection_bytes, bl_pathmeter_in_flight (&c->meter),
          c->meter.smoothed_rtt_us / BL_MS, c->meter.standing_queue_us / BL_MS,
          c->meter.delivered_bps / 1000, s->waiting_bytes);
}

SimResult
sim_run (const SimOptions *options)
{
  Sim *s = calloc (1, sizeof *s);
  bl_assert (s);
  s->o = *options;
  s->random.state = options->seed;
  sim_link_init (&s->link, &options->link);
  sim_sender_start (s);
  sim_receiver_start (s);
  for (BlTime now = 0; now < options->duration_us; now += TICK_US) {
    sim_receiver_step (s, now);
    sim_sender_step (s, now);
    if (options->log_us > 0 && now % options->log_us == 0)
      log_state (s, now);
  }
  SimResult result = summarise (s);
  free (s);
  return result;
}
