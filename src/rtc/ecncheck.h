/* SPDX-License-Identifier: Apache-2.0
 *
 * May the packets of a path be marked as ECT(1), so that its queues can say
 * "congestion" without losing any (RFC 9331)? Some networks wipe the marks
 * out, some drop what is marked, some mark everything. So packets are marked at
 * first, and what the other end reports of them decides (RFC 6679 section
 * 7.2). It goes on being looked at: a handover may lead by another road. Once
 * given up, marks do not come back on that path.
 *
 * Sans I/O; one thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bltime.h"
#include "rtc/packetresult.h"

/* A verdict for each so many packets that have arrived. */
#define BL_ECNCHECK_PACKETS 50

/* Where nothing that is marked arrives within this time, nothing will. */
#define BL_ECNCHECK_SILENT_US BL_SECOND

typedef enum {
  BL_ECNCHECK_TESTING,
  BL_ECNCHECK_CAPABLE,
  BL_ECNCHECK_FAILED,
} BlEcnCheckState;

/* All zero at start. */
typedef struct {
  BlEcnCheckState state;
  bool began;
  BlTime began_us;
  uint64_t edge;                /* looked at up to this packet */
  uint32_t arrived, marked, ce; /* since the last verdict; CE is marked too */
} BlEcnCheck;

static inline bool
bl_ecncheck_may_mark (const BlEcnCheck *c)
{
  return c->state != BL_ECNCHECK_FAILED;
}

/* A packet has left, marked if it may be. */
void bl_ecncheck_on_sent (BlEcnCheck *c, BlTime now);

/* Numbers grow by the order of sending; what is reported again doesn't count.
 */
void bl_ecncheck_on_feedback (BlEcnCheck *c, const BlPacketResult *results,
                              size_t n);
