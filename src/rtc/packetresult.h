/* SPDX-License-Identifier: Apache-2.0
 *
 * What became of one sent packet, as the other end reports it: the common form
 * of transport-cc (rtc/twcc.h) and RFC 8888 (rtc/ccfb.h), and what congestion
 * control takes in. Packets are named by a number of the path's own, counted
 * up by one for each packet that leaves, whatever its SSRC.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bltime.h"

/* The two ECN bits (RFC 3168 section 5, RFC 9331 section 2). */
typedef enum {
  BL_ECN_NOT_ECT = 0,
  BL_ECN_ECT1 = 1,
  BL_ECN_ECT0 = 2,
  BL_ECN_CE = 3,
} BlEcn;

typedef struct {
  uint64_t seq;
  bool received;
  BlTime arrival_us; /* on the receiver's clock: only differences count */
  BlEcn ecn;         /* BL_ECN_NOT_ECT where the report cannot say */
} BlPacketResult;
