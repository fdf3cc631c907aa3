/* SPDX-License-Identifier: Apache-2.0
 *
 * What the relay tells its monitoring: docs/metrics.md has the list, and a test
 * holds the two together. Control's thread.
 *
 * Invariants:
 * - No label and no value says who: calls are numbers, and neither names of
 *   people, units or departments nor addresses, tokens or the vehicle's own
 *   text for its call are in it.
 * - Nothing waits. The workers' figures are of their last answer, at most a
 *   second old while a worker lives; how old is a metric of its own.
 */
#pragma once

#include "relay/registry.h"

typedef struct {
  BlRegistry *registry;
  const char *folder; /* [store] folder */
  gint64 started_us;
  guint64 requests[6];  /* by status class: [2] is 2xx */
  guint connections[3]; /* now: main, vehicle, loopback door */
} BlMetricsInput;

/* The whole text; free with g_free. */
char *bl_metrics_write (const BlMetricsInput *input);

/* The process's own, from /proc and the kernel's clocks. */
void bl_metrics_add_process (GString *text, const BlMetricsInput *input);
