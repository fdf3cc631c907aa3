/* SPDX-License-Identifier: Apache-2.0
 *
 * What a path is like, measured from what was sent over it and what the other
 * end reports of that: round-trip time, queue delay, loss, silence. Sans I/O;
 * one thread; all memory is in the structure.
 *
 * Packets leave in the order of their numbers. All up to the highest one
 * received are no longer in flight: they arrived or are taken for lost once a
 * packet that left BL_PATHMETER_REORDER_US later has arrived.
 *
 * Queue delay is the one-way delay less the smallest of the last ten seconds
 * (RFC 6817 section 3.4.2): the two clocks need not agree, and may drift apart
 * by a little. The standing queue is the least of it lately: what is there even
 * when a burst, or a short pause of the radio, has passed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bltime.h"
#include "rtc/packetresult.h"

/* Packets remembered; a power of two. At 20 Mb/s these are two seconds. */
#define BL_PATHMETER_SENT 4096

#define BL_PATHMETER_REORDER_US (20 * BL_MS)

/* The least delays are kept for so many spans of so long. */
#define BL_PATHMETER_SPANS   10
#define BL_PATHMETER_SPAN_US BL_SECOND

/* The standing queue is the least of one to two of these. */
#define BL_PATHMETER_STANDING_US (20 * BL_MS)

/* A standing queue between these two, for so long, is the path's own. */
#define BL_PATHMETER_OWN_LEAST_US (5 * BL_MS)
#define BL_PATHMETER_OWN_MOST_US  (60 * BL_MS)
#define BL_PATHMETER_OWN_US       BL_SECOND

/* The rate of delivery is taken over so long. */
#define BL_PATHMETER_RATE_US (500 * BL_MS)

typedef struct {
  uint64_t seq; /* 0: empty */
  BlTime sent_us;
  uint64_t sent_before; /* bytes that had left before this packet */
  uint32_t bytes;
  bool acked;
} BlPathSent;

/* What one feedback told. */
typedef struct {
  bool progress; /* a later packet than before has arrived */
  uint32_t arrived_packets, ce_packets, lost_packets;
  uint32_t past_bytes; /* no longer in flight */
  uint32_t ce_bytes;
} BlPathNews;

typedef struct {
  BlPathSent sent[BL_PATHMETER_SENT];
  uint64_t last_sent, highest_acked; /* numbers; 0: none yet */
  uint64_t loss_edge;                /* losses are counted up to this one */
  uint64_t sent_bytes;
  uint64_t past_bytes; /* of these no longer in flight */
  BlTime last_sent_us;
  BlTime progress_us; /* when packets in flight were last acknowledged, or the
                         first of them left */
  BlTime interval_us; /* between feedbacks with progress, smoothed */

  BlTime rtt_us; /* last sample; 0: none yet */
  BlTime smoothed_rtt_us;
  BlTime queue_us;          /* last sample */
  BlTime standing_queue_us; /* without the path's own */
  BlTime own_queue_us;

  bool started; /* any feedback yet */
  unsigned span;
  BlTime span_start_us;
  BlTime least_rtt_us[BL_PATHMETER_SPANS];
  BlTime least_delay_us[BL_PATHMETER_SPANS];
  BlTime standing_start_us, least_queue_us, least_queue_before_us;
  BlTime own_start_us, own_least_us;

  uint64_t arrived_bytes;
  BlTime rate_start_us;
  uint64_t rate_start_bytes;
  uint64_t delivered_bps; /* 0: not known yet */

  uint32_t loss_q16; /* of the last packets, about a hundred; of 65536 */
  uint64_t arrived_packets, lost_packets, ce_packets;
} BlPathMeter;

void bl_pathmeter_init (BlPathMeter *m);

/* `seq` >= 1 and one more than the last (programmer error otherwise). */
void bl_pathmeter_on_sent (BlPathMeter *m, uint64_t seq, uint32_t bytes,
                           BlTime now);

/* The results of one feedback, in any order. Those of packets that are
 * unknown, forgotten or already acknowledged are passed over, and those that
 * say "not received": loss is seen by what arrives after. */
BlPathNews bl_pathmeter_on_feedback (BlPathMeter *m,
                                     const BlPacketResult *results, size_t n,
                                     BlTime now);

static inline uint32_t
bl_pathmeter_in_flight (const BlPathMeter *m)
{
  return (uint32_t)(m->sent_bytes - m->past_bytes);
}

/* How long nothing new has been acknowledged though packets are in flight;
 * 0 while none are. */
BlTime bl_pathmeter_silence (const BlPathMeter *m, BlTime now);

/* The round trip without a queue: the least of the last ten seconds; 0: not
 * known yet. */
BlTime bl_pathmeter_base_rtt (const BlPathMeter *m);
