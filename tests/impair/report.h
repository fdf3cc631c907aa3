/* SPDX-License-Identifier: Apache-2.0
 *
 * What a link did, as a line of JSON; tests/lib/impair.mjs has its type.
 */
#pragma once

#include <stdio.h>

#include "lane.h"

typedef struct {
  const ImpairStats *stats;
  const ImpairLane *lane; /* for what is queued now */
} ImpairReported;

/* `kind`: "second" or "total". */
void impair_report_print (FILE *file, const char *kind, BlTime since_us,
                          ImpairReported up, ImpairReported down);
