/* SPDX-License-Identifier: Apache-2.0
 *
 * How a connection is, in the three words that people are shown, and the
 * figures that each stands for. Values only; any thread.
 *
 *   lost  nothing came for BL_CONNECTION_LOST_US
 *   good  something came within BL_CONNECTION_FRESH_US, and loss, queue, age
 *         and rate are all within their bounds
 *   poor  otherwise
 */
#pragma once

#include <stdint.h>

#include "base/bltime.h"

#define BL_CONNECTION_FRESH_US  BL_SECOND
#define BL_CONNECTION_LOST_US   (3 * BL_SECOND)
#define BL_CONNECTION_LOSS      0.05
#define BL_CONNECTION_QUEUE_US  (150 * BL_MS)
#define BL_CONNECTION_AGE_US    (400 * BL_MS)
#define BL_CONNECTION_VIDEO_BPS 400000

typedef enum {
  BL_CONNECTION_GOOD,
  BL_CONNECTION_POOR,
  BL_CONNECTION_LOST,
} BlConnection;

/* What the end that judges can't know is not held against the connection: it
 * leaves loss, queue and age 0 and the rate -1. */
typedef struct {
  BlTime silent_us;  /* since something came last */
  double loss;       /* 0..1, after repair */
  BlTime queue_us;   /* that a packet waits in the network */
  BlTime age_us;     /* of the newest picture that is here, since capture */
  int64_t video_bps; /* that there is room for */
} BlConnectionFigures;

BlConnection bl_connection_judge (const BlConnectionFigures *figures);

/* "good", "poor", "lost" */
const char *bl_connection_name (BlConnection connection);
