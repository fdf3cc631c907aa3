/* SPDX-License-Identifier: Apache-2.0
 *
 * How the call goes, for the crew's page and the log: rates of the last second
 * from running totals, each path's state, and the connection in a word
 * (base/connection.h). Values only.
 */
#pragma once

#include <glib.h>

#include "base/connection.h"
#include "vehicle/encoding.h"
#include "vehicle/sender.h"

typedef struct {
  const char *interface; /* borrowed */
  BlFlowPath flow;
} BlHealthPath;

typedef struct {
  guint64 bitrate_bps;
  double fps;
  gint64 rtt_us;
  double loss; /* 0..1, of the last receiver report */
  guint updates;
  BlTime heard_us; /* when something came last over any path; 0: never */
  BlTime at_us;
  guint64 bytes, frames; /* totals at that time */
} BlHealth;

void bl_health_reset (BlHealth *health);

/* Once a second or so. Totals that went back are those of a new session. */
void bl_health_update (BlHealth *health, const BlSenderStats *stats,
                       BlTime now);

/* What the paths say now. Before bl_health_connection(), and often enough for
 * its figures. */
void bl_health_hear (BlHealth *health, const BlHealthPath *paths, guint n_paths,
                     BlTime now);

/* The connection over all paths. `video_bps` is what the picture may take. */
BlConnection bl_health_connection (const BlHealth *health,
                                   const BlHealthPath *paths, guint n_paths,
                                   guint64 video_bps, BlTime now);

/* "best", "second" or "spare", if all is well with it; "doubt" for its queue or
 * its loss (vehicle/pathplan.h); "silent". */
const char *bl_health_path_state (const BlFlowPath *path);

/* What is told of the encoder. */
typedef struct {
  BlEncoderSettings settings;
  guint64 skipped; /* pictures that the gate kept from it */
} BlHealthEncoder;

/* One line for the log; free with g_free. */
char *bl_health_line (const BlHealth *health, const BlSenderStats *stats,
                      const BlHealthEncoder *encoder);

/* The same of a path. */
char *bl_health_path_line (const BlHealthPath *path);
