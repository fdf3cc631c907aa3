/* SPDX-License-Identifier: Apache-2.0
 *
 * What viewers saw, as lines of JSON; tests/lib/viewers.mjs has their types.
 */
#pragma once

#include "viewer.h"

/* A viewer with its sums; the totals grow with each interval. */
typedef struct {
  PeerViewer *viewer;
  PeerFigures video, audio;             /* of the interval just taken */
  PeerFigures video_total, audio_total; /* of all */
  char *error;                          /* why it never began; NULL */
} PeerReported;

/* Ends an interval. */
void peer_report_take (PeerReported *reported, BlTime now);

/* All viewers of the interval in one line, printed. */
void peer_report_interval (const PeerReported *viewers, unsigned count,
                           BlTime elapsed_us, BlTime interval_us);

/* Each viewer's totals in one line, printed. */
void peer_report_end (const PeerReported *viewers, unsigned count,
                      BlTime elapsed_us);
