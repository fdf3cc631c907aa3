/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/openmetrics.h"

#include <math.h>

static const struct {
  const char *name, *suffix;
} types[] = {
  [BL_METRIC_COUNTER] = { "counter", "_total" },
  [BL_METRIC_GAUGE] = { "gauge", "" },
  [BL_METRIC_HISTOGRAM] = { "histogram", "" },
  [BL_METRIC_INFO] = { "info", "_info" },
};

/* Whole numbers to the last digit, others as short as is exact enough. */
static void
append_number (GString *text, double value)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  g_assert (isfinite (value));
  gboolean whole = value == floor (value) && fabs (value) < 9e15;
  g_string_append (text, g_ascii_formatd (number, sizeof number,
                                          whole ? "%.0f" : "%.12g", value));
}

/* As a bucket's bound: the standard wants whole ones to end in ".0". */
static void
append_bound (GString *text, double bound)
{
  append_number (text, bound);
  if (bound == floor (bound))
    g_string_append (text, ".0");
}

static void
append_sample (GString *text, const BlMetricFamily *family, const char *suffix,
               const char *labels, double value)
{
  g_string_append_printf (text, "%s%s", family->name, suffix);
  if (*labels)
    g_string_append_printf (text, "{%s}", labels);
  g_string_append_c (text, ' ');
  append_number (text, value);
  g_string_append_c (text, '\n');
}

void
bl_openmetrics_begin (GString *text, const BlMetricFamily *family)
{
  g_string_append_printf (text, "# TYPE %s %s\n", family->name,
                          types[family->type].name);
  if (family->unit)
    g_string_append_printf (text, "# UNIT %s %s\n", family->name, family->unit);
  g_string_append_printf (text, "# HELP %s %s\n", family->name, family->help);
}

void
bl_openmetrics_add (GString *text, const BlMetricFamily *family,
                    const char *labels, double value)
{
  append_sample (text, family, types[family->type].suffix, labels, value);
}

void
bl_openmetrics_add_histogram (GString *text, const BlMetricFamily *family,
                              const char *labels, const BlHistogram *histogram,
                              guint first, guint last, double unit)
{
  double count = (double)bl_histogram_count (histogram);
  const char *comma = *labels ? "," : "";
  g_assert (first <= last && last < BL_HISTOGRAM_BUCKETS - 1);
  for (guint bucket = first; bucket <= last; bucket++) {
    g_string_append_printf (text, "%s_bucket{%s%sle=\"", family->name, labels,
                            comma);
    append_bound (text, ldexp (unit, (int)bucket));
    g_string_append (text, "\"} ");
    append_number (text, (double)bl_histogram_at_most (histogram, bucket));
    g_string_append_c (text, '\n');
  }
  g_string_append_printf (text, "%s_bucket{%s%sle=\"+Inf\"} ", family->name,
                          labels, comma);
  append_number (text, count);
  g_string_append_c (text, '\n');
  append_sample (text, family, "_sum", labels, (double)histogram->sum * unit);
  append_sample (text, family, "_count", labels, count);
}

void
bl_openmetrics_end (GString *text)
{
  g_string_append (text, "# EOF\n");
}
