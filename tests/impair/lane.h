/* SPDX-License-Identifier: Apache-2.0
 *
 * One direction of a link: a queue, a bottleneck (rate or trace), loss, delay.
 * Time is an argument, packets are values: no socket, no clock. One thread.
 *
 *   impair_lane_push (lane, bytes, length, now)     a packet enters
 *   impair_lane_next (lane)                         when to look again
 *   while ((p = impair_lane_pop (lane, now))) …     what arrives by now
 *
 * Order of things: outage and queue limit when a packet enters; the bottleneck;
 * CE marks and loss when it has been sent (a lost packet has used the link, as
 * on the air); delay and jitter after it.
 *
 * Invariant: a packet leaves the bottleneck no earlier than its rate or trace
 * allows, and with the same seed the nth packet sent has the same fate.
 */
#pragma once

#include "loss.h"
#include "packets.h"
#include "settings.h"
#include "stats.h"

typedef struct {
  /* For the caller to read. */
  ImpairStats recent; /* since impair_lane_take() */
  ImpairStats total;  /* until impair_lane_take() */
  ImpairPackets packets;

  /* Its own. */
  ImpairSettings settings;
  ImpairLoss loss;
  ImpairRandom jitter, marks;
  BlTime start_us;
  BlTime trace_start_us; /* when this trace was set */
  BlTime cut_until_us;   /* an outage from now; 0: none */
  BlTime now_us;         /* the latest that was told */
  BlTime accounted_us;   /* capacity is counted until then */
  BlTime arrival_us;     /* of the packet sent last */
  bool head_known;       /* the head of the queue is being sent: */
  int64_t head_done_ns;  /* until then; INT64_MAX: not before a change */
  int64_t idle_ns;       /* when the sender was through with the last */
  uint64_t slot;         /* of the trace, in use */
  uint32_t slot_left;    /* bytes left of it */
} ImpairLane;

/* Does nothing to packets until settings are set. */
ImpairLane *impair_lane_new (uint64_t seed, BlTime start_us);
void impair_lane_free (ImpairLane *lane);

/* Applies from `now` on; borrows the trace, which begins when it is first set.
 * A packet that was being sent starts anew. */
void impair_lane_set (ImpairLane *lane, const ImpairSettings *settings,
                      BlTime now);

/* An outage from `now` until `until_us`; BL_TIME_NEVER: for good; `now` or
 * earlier: it ends. */
void impair_lane_cut (ImpairLane *lane, BlTime until_us, BlTime now);

void impair_lane_push (ImpairLane *lane, const uint8_t *bytes, size_t length,
                       BlTime now);

/* BL_TIME_NEVER: nothing is on its way. */
BlTime impair_lane_next (ImpairLane *lane);

/* The next packet that has arrived, valid until the next call; NULL: none. */
const ImpairPacket *impair_lane_pop (ImpairLane *lane, BlTime now);

/* The far end did not take the packet that was popped last. */
void impair_lane_refused (ImpairLane *lane, size_t length);

/* Ends an interval: `recent` has been added to `total` and is copied out. */
void impair_lane_take (ImpairLane *lane, BlTime now, ImpairStats *out_recent);
