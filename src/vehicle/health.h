/* SPDX-License-Identifier: Apache-2.0
 *
 * Rates of the last second from running totals, for the crew's page and the
 * log. Values only.
 */
#pragma once

#include <glib.h>

#include "vehicle/sender.h"

typedef struct {
  guint64 bitrate_bps;
  double fps;
  gint64 rtt_us;
  double loss; /* 0..1, of the last receiver report */
  guint updates;
  BlTime at_us;
  guint64 bytes, frames; /* totals at that time */
} BlHealth;

void bl_health_reset (BlHealth *health);

/* Once a second or so. Totals that went back are those of a new session. */
void bl_health_update (BlHealth *health, const BlSenderStats *stats,
                       BlTime now);

/* One line for the log; free with g_free. */
char *bl_health_line (const BlHealth *health, const BlSenderStats *stats);

/* The same of a path. */
char *bl_health_path_line (const char *interface, const BlFlowPath *path);
