/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/flow.h"

#include <stdlib.h>

#include "base/blassert.h"
#include "rtc/ecncheck.h"
#include "rtc/scream.h"

#define MSS_BYTES 1250
#define MIN_BPS   40000
#define RESULTS   64

/* A second path's window is warmed so often, for so long at most. */
#define WARM_AGAIN_US (60 * BL_SECOND)
#define WARM_MOST_US  (4 * BL_SECOND)

typedef struct {
  BlScream scream;
  BlCcfbSender sent;
  BlEcnCheck ecn;
  uint64_t seq; /* of the last packet */
} Control;

struct BlFlow {
  BlFlowOptions options;
  BlPathPlan plan;
  BlFecPlan fec;
  bool silence_told; /* of the best path, since it is silent */
  BlTime warmed_us[BL_PATHPLAN_PATHS]; /* when that began last; 0: not yet */
  unsigned n_controls;                 /* 1, or one for each path */
  Control *controls;
};

static void
init_control (const BlFlow *flow, Control *control)
{
  BlScreamConfig config = { .min_bps = MIN_BPS,
                            .start_bps = flow->options.start_bps,
                            .max_bps = flow->options.max_bps,
                            .mss_bytes = MSS_BYTES,
                            .l4s = flow->options.per_path };
  bl_scream_init (&control->scream, &config);
  bl_ccfb_sender_init (&control->sent);
  control->ecn = (BlEcnCheck){ 0 };
  control->seq = 0;
}

BlFlow *
bl_flow_new (const BlFlowOptions *options)
{
  BlFlow *flow = calloc (1, sizeof *flow);
  if (!flow)
    return NULL;
  flow->options = *options;
  flow->n_controls = options->per_path ? BL_PATHPLAN_PATHS : 1;
  flow->controls = calloc (flow->n_controls, sizeof *flow->controls);
  if (!flow->controls) {
    free (flow);
    return NULL;
  }
  bool copies = options->per_path || options->mode == BL_PATH_MODE_SINGLE;
  bl_pathplan_init (&flow->plan,
                    copies ? options->mode : BL_PATH_MODE_FAILOVER);
  for (unsigned i = 0; i < flow->n_controls; i++)
    init_control (flow, &flow->controls[i]);
  return flow;
}

void
bl_flow_free (BlFlow *flow)
{
  if (!flow)
    return;
  free (flow->controls);
  free (flow);
}

static Control *
control_of (const BlFlow *flow, unsigned path)
{
  bl_assert (path < BL_PATHPLAN_PATHS);
  return &flow->controls[flow->options.per_path ? path : 0];
}

void
bl_flow_add_path (BlFlow *flow, unsigned path)
{
  /* A path that works anew may be another road. */
  if (flow->options.per_path)
    init_control (flow, control_of (flow, path));
  flow->warmed_us[path] = 0;
  bl_fecplan_forget (&flow->fec, path);
  bl_pathplan_add (&flow->plan, path);
}

void
bl_flow_remove_path (BlFlow *flow, unsigned path, BlTime now)
{
  bl_pathplan_remove (&flow->plan, path, now);
}

/* Does nothing come back by the best path, where a second is to help out? */
static bool
is_silent (const BlFlow *flow, BlTime now)
{
  return flow->plan.mode == BL_PATH_MODE_PROTECT
         && bl_scream_is_stalled (&control_of (flow, flow->plan.best)->scream,
                                  now);
}

static unsigned
choose (const BlFlow *flow, BlPacketUse use, BlTime now)
{
  unsigned best = 1u << flow->plan.best;
  if (!is_silent (flow, now))
    return bl_pathplan_choose (&flow->plan, use, now);
  /* All goes where sound goes; what repairs must not wait in the silence. */
  unsigned paths = bl_pathplan_choose (&flow->plan, BL_USE_SOUND, now);
  bool repairs = use == BL_USE_REPAIR || use == BL_USE_FEC;
  return repairs && paths != best ? paths & ~best : paths;
}

bool
bl_flow_take_silence (BlFlow *flow, BlTime now)
{
  unsigned paths = choose (flow, BL_USE_REPAIR, now);
  bool silent = is_silent (flow, now) && (paths & ~(1u << flow->plan.best));
  bool news = silent && !flow->silence_told;
  flow->silence_told = silent;
  return news;
}

bool
bl_flow_is_unheard (const BlFlow *flow, uint32_t ssrc, uint16_t seq)
{
  const Control *best = control_of (flow, flow->plan.best);
  for (unsigned i = 0; i < flow->n_controls; i++) {
    const Control *control = &flow->controls[i];
    if (control != best
        && bl_ccfb_sender_path_seq (&control->sent, ssrc, seq) != 0)
      return false;
  }
  return bl_ccfb_sender_path_seq (&best->sent, ssrc, seq)
         > best->scream.meter.highest_acked;
}

/* Of `paths` those whose windows have room. */
static unsigned
with_room (const BlFlow *flow, unsigned paths, uint32_t bytes, BlTime now)
{
  for (unsigned i = 0; i < BL_PATHPLAN_PATHS; i++)
    if (!bl_scream_may_send (&control_of (flow, i)->scream, bytes, now))
      paths &= ~(1u << i);
  return paths;
}

/* Those of `paths` on which sound would not only lie in a queue. */
static unsigned
without_outage (const BlFlow *flow, unsigned paths, BlTime now)
{
  for (unsigned i = 0; i < BL_PATHPLAN_PATHS; i++)
    if (bl_scream_sound_waits (&control_of (flow, i)->scream, now))
      paths &= ~(1u << i);
  return paths;
}

unsigned
bl_flow_choose (const BlFlow *flow, BlPacketUse use, uint32_t bytes, BlTime now)
{
  unsigned paths = choose (flow, use, now);
  if (use == BL_USE_REPORT)
    return paths;
  if (use == BL_USE_SOUND)
    return without_outage (flow, paths, now);
  unsigned open = with_room (flow, paths, bytes, now);
  /* Late, by the other path, a repair packet is of no use. */
  return open == 0 && use == BL_USE_FEC
             ? with_room (flow, 1u << flow->plan.best, bytes, now)
             : open;
}

void
bl_flow_on_sent (BlFlow *flow, unsigned paths, uint32_t ssrc, uint16_t seq,
                 uint32_t bytes, BlTime now)
{
  bl_pathplan_on_sent (&flow->plan, paths, now);
  if (!flow->options.per_path)
    paths = 1;
  for (unsigned i = 0; i < flow->n_controls; i++) {
    Control *control = &flow->controls[i];
    if (!(paths >> i & 1))
      continue;
    bl_scream_on_sent (&control->scream, ++control->seq, bytes, now);
    bl_ccfb_sender_on_sent (&control->sent, ssrc, seq, control->seq);
    bl_ecncheck_on_sent (&control->ecn, now);
  }
}

void
bl_flow_on_heard (BlFlow *flow, unsigned path)
{
  bl_pathplan_on_heard (&flow->plan, path);
}

static void
learn (BlFlow *flow, unsigned path)
{
  const BlPathMeter *meter = &control_of (flow, path)->scream.meter;
  BlPathReport report = {
    .queue_us = meter->standing_queue_us,
    .loss_percent = meter->loss_q16 * 100 >> 16,
    .rate_bps = bl_scream_target_bps (&control_of (flow, path)->scream),
  };
  bl_pathplan_report (&flow->plan, path, &report);
}

static void
take_results (Control *control, const BlPacketResult *results, unsigned n,
              BlTime now)
{
  bl_scream_on_feedback (&control->scream, results, n, now);
  bl_ecncheck_on_feedback (&control->ecn, results, n);
}

void
bl_flow_on_ccfb (BlFlow *flow, unsigned path, const BlCcfbReport *report,
                 BlTime now)
{
  Control *control = control_of (flow, path);
  BlCcfbReport rest = *report;
  BlPacketResult results[RESULTS];
  unsigned n = 0;
  while (bl_ccfb_sender_next (&control->sent, &rest, &results[n]))
    if (++n == RESULTS) {
      take_results (control, results, n, now);
      n = 0;
    }
  if (n > 0)
    take_results (control, results, n, now);
  learn (flow, path);
}

void
bl_flow_on_results (BlFlow *flow, const BlPacketResult *results, unsigned n,
                    BlTime now)
{
  bl_scream_on_feedback (&flow->controls[0].scream, results, n, now);
  if (flow->plan.there != 0)
    learn (flow, flow->plan.best);
}

/* Would it be good to know whether the second path carries more? */
static bool
is_worth_warming (const BlFlow *flow, unsigned path, BlTime now)
{
  return flow->plan.mode == BL_PATH_MODE_PROTECT
         && !bl_pathplan_in_doubt (&flow->plan, path, now)
         && !bl_pathplan_in_doubt (&flow->plan, flow->plan.best, now)
         && control_of (flow, path)->scream.target_bps
                < control_of (flow, flow->plan.best)->scream.target_bps;
}

static void
begin_warming (BlFlow *flow, BlTime now)
{
  unsigned second = bl_pathplan_second (&flow->plan, now);
  if (second == BL_PATHPLAN_PATHS || !is_worth_warming (flow, second, now))
    return;
  BlTime *since = &flow->warmed_us[second];
  if (*since == 0 || now - *since >= WARM_AGAIN_US)
    *since = now;
}

void
bl_flow_on_time (BlFlow *flow, BlTime now)
{
  bl_pathplan_on_time (&flow->plan, now);
  if (flow->plan.there != 0)
    begin_warming (flow, now);
  if (now - flow->fec.looked_us < BL_FECPLAN_US)
    return;
  flow->fec.looked_us = now;
  for (unsigned i = 0; i < flow->n_controls; i++) {
    const BlPathMeter *meter = &flow->controls[i].scream.meter;
    bl_fecplan_on_totals (&flow->fec, i, meter->arrived_packets,
                          meter->lost_packets);
  }
}

unsigned
bl_flow_repairs (BlFlow *flow, unsigned packets, bool keyframe, BlTime now)
{
  unsigned paths
      = choose (flow, keyframe ? BL_USE_KEYFRAME : BL_USE_PICTURE, now);
  return bl_fecplan_repairs (&flow->fec, paths, packets, keyframe);
}

/* Does `a` carry the picture better than `b`? */
static bool
carries_better (const BlFlow *flow, unsigned a, unsigned b, BlTime now)
{
  bool a_stalled = bl_scream_is_stalled (&control_of (flow, a)->scream, now);
  bool b_stalled = bl_scream_is_stalled (&control_of (flow, b)->scream, now);
  return !a_stalled && b_stalled;
}

/* The control that the picture's rate follows: of the best path; of its copies'
 * when nothing comes back from that one; the slower of the two where both are
 * to carry everything. */
static const BlScream *
leading (const BlFlow *flow, BlTime now)
{
  unsigned paths = choose (flow, BL_USE_PICTURE, now);
  unsigned lead = flow->plan.best;
  for (unsigned i = 0; i < BL_PATHPLAN_PATHS; i++) {
    if (i == lead || !(paths >> i & 1))
      continue;
    if (carries_better (flow, i, lead, now)
        || (flow->plan.mode == BL_PATH_MODE_DUPLICATE
            && !carries_better (flow, lead, i, now)
            && bl_scream_target_bps (&control_of (flow, i)->scream)
                   < bl_scream_target_bps (&control_of (flow, lead)->scream)))
      lead = i;
  }
  return &control_of (flow, lead)->scream;
}

uint64_t
bl_flow_target_bps (const BlFlow *flow, BlTime now)
{
  return bl_scream_target_bps (leading (flow, now));
}

uint64_t
bl_flow_pacing_bps (const BlFlow *flow, BlTime now)
{
  return bl_scream_pacing_bps (leading (flow, now), now);
}

bool
bl_flow_is_stalled (const BlFlow *flow, BlTime now)
{
  return bl_scream_is_stalled (leading (flow, now), now);
}

bool
bl_flow_is_blocked (const BlFlow *flow, BlTime now)
{
  const BlScream *scream = leading (flow, now);
  return bl_scream_is_stalled (scream, now) || bl_scream_is_full (scream);
}

/* Once it carries as much as the best one, or has shown that it doesn't, that
 * is known until the next time. */
static bool
is_warming (const BlFlow *flow, unsigned path, BlTime now)
{
  const BlScream *scream = &control_of (flow, path)->scream;
  BlTime since = flow->warmed_us[path];
  bool congested = scream->congested_once && scream->congestion_us >= since;
  return since != 0 && now - since < WARM_MOST_US && !congested
         && is_worth_warming (flow, path, now);
}

static bool
wants_padding (BlFlow *flow, unsigned path, uint32_t bytes, BlTime now)
{
  BlScream *scream = &control_of (flow, path)->scream;
  return bl_scream_padding_bytes (scream, now) >= bytes
         && bl_scream_may_send (scream, bytes, now);
}

unsigned
bl_flow_choose_padding (BlFlow *flow, uint32_t bytes, BlTime now)
{
  if (flow->plan.there == 0)
    return 0;
  if (wants_padding (flow, flow->plan.best, bytes, now))
    return 1u << flow->plan.best;
  unsigned second = bl_pathplan_second (&flow->plan, now);
  return second < BL_PATHPLAN_PATHS && is_warming (flow, second, now)
                 && wants_padding (flow, second, bytes, now)
             ? 1u << second
             : 0;
}

bool
bl_flow_may_mark (const BlFlow *flow, unsigned path)
{
  return flow->options.per_path && (flow->plan.there >> path & 1) != 0
         && bl_ecncheck_may_mark (&control_of (flow, path)->ecn);
}

BlFlowPath
bl_flow_path (const BlFlow *flow, unsigned path, BlTime now)
{
  const BlScream *scream = &control_of (flow, path)->scream;
  bool there = (flow->plan.there >> path & 1) != 0;
  return (BlFlowPath){
    .there = there,
    .best = there && flow->plan.best == path,
    .second = there && bl_pathplan_second (&flow->plan, now) == path,
    .silent_us = there ? bl_pathplan_silent_us (&flow->plan, path, now) : 0,
    .in_doubt = there && bl_pathplan_in_doubt (&flow->plan, path, now),
    .rtt_us = scream->meter.smoothed_rtt_us,
    .queue_us = scream->meter.standing_queue_us,
    .loss_percent = scream->meter.loss_q16 * 100 >> 16,
    .target_bps = bl_scream_target_bps (scream),
  };
}
