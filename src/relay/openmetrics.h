/* SPDX-License-Identifier: Apache-2.0
 *
 * A text of OpenMetrics 1.0 (openmetrics.io), family by family. Pure.
 *
 * The writer begins a family and adds its samples, then begins the next; labels
 * are a finished text such as `worker="0",track="video"`, of our own making, ""
 * for none. Each set of labels comes once in a family.
 */
#pragma once

#include <glib.h>

#include "base/histogram.h"

#define BL_OPENMETRICS_TYPE                                                    \
  "application/openmetrics-text; version=1.0.0; charset=utf-8"

typedef enum {
  BL_METRIC_COUNTER,
  BL_METRIC_GAUGE,
  BL_METRIC_HISTOGRAM,
  BL_METRIC_INFO,
} BlMetricType;

typedef struct {
  const char *name; /* without the type's suffix; ends in _`unit` */
  BlMetricType type;
  const char *unit; /* "seconds", "bytes", …; NULL: none */
  const char *help;
} BlMetricFamily;

void bl_openmetrics_begin (GString *text, const BlMetricFamily *family);

/* A sample of a counter, gauge or info (whose value is 1). Not a number and
 * infinite values have no place here. */
void bl_openmetrics_add (GString *text, const BlMetricFamily *family,
                         const char *labels, double value);

/* A histogram's samples. A bucket is shown for each bound from 2^`first` to
 * 2^`last` and one for all; `unit` is what 1 is worth: 1e-6 when microseconds
 * are shown as seconds. */
void bl_openmetrics_add_histogram (GString *text, const BlMetricFamily *family,
                                   const char *labels,
                                   const BlHistogram *histogram, guint first,
                                   guint last, double unit);

/* The last line. */
void bl_openmetrics_end (GString *text);
