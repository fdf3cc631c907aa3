/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/openmetrics.h"

#include <check.h>
#include <string.h>

#include "openmetrics_check.h"
#include "run_suite.h"

static const BlMetricFamily counter
    = { "bl_bytes", BL_METRIC_COUNTER, "bytes", "What it is." };
static const BlMetricFamily gauge = { "bl_live", BL_METRIC_GAUGE, NULL, "Is." };
static const BlMetricFamily info = { "bl_build", BL_METRIC_INFO, NULL, "It." };
static const BlMetricFamily histogram
    = { "bl_queue_seconds", BL_METRIC_HISTOGRAM, "seconds", "How long." };

static void
assert_text (GString *text, const char *expected)
{
  bl_openmetrics_end (text);
  g_ptr_array_unref (openmetrics_check (text->str));
  ck_assert_str_eq (text->str, expected);
}

START_TEST (a_family_says_its_type_unit_and_help)
{
  g_autoptr (GString) text = g_string_new (NULL);
  bl_openmetrics_begin (text, &counter);
  bl_openmetrics_add (text, &counter, "worker=\"0\"", 12);
  bl_openmetrics_add (text, &counter, "worker=\"1\"", 0);
  bl_openmetrics_begin (text, &gauge);
  bl_openmetrics_add (text, &gauge, "", -0.5);
  bl_openmetrics_begin (text, &info);
  bl_openmetrics_add (text, &info, "version=\"1\"", 1);
  assert_text (text, "# TYPE bl_bytes counter\n"
                     "# UNIT bl_bytes bytes\n"
                     "# HELP bl_bytes What it is.\n"
                     "bl_bytes_total{worker=\"0\"} 12\n"
                     "bl_bytes_total{worker=\"1\"} 0\n"
                     "# TYPE bl_live gauge\n"
                     "# HELP bl_live Is.\n"
                     "bl_live -0.5\n"
                     "# TYPE bl_build info\n"
                     "# HELP bl_build It.\n"
                     "bl_build_info{version=\"1\"} 1\n"
                     "# EOF\n");
}
END_TEST

START_TEST (a_histogram_is_cumulative_and_in_its_unit)
{
  g_autoptr (GString) text = g_string_new (NULL);
  BlHistogram values = { 0 };
  bl_histogram_add (&values, 3);
  bl_histogram_add (&values, 16);
  bl_histogram_add (&values, 33);
  bl_histogram_add (&values, 100000000);
  bl_openmetrics_begin (text, &histogram);
  bl_openmetrics_add_histogram (text, &histogram, "w=\"0\"", &values, 4, 6,
                                1e-6);
  assert_text (text, "# TYPE bl_queue_seconds histogram\n"
                     "# UNIT bl_queue_seconds seconds\n"
                     "# HELP bl_queue_seconds How long.\n"
                     "bl_queue_seconds_bucket{w=\"0\",le=\"1.6e-05\"} 2\n"
                     "bl_queue_seconds_bucket{w=\"0\",le=\"3.2e-05\"} 2\n"
                     "bl_queue_seconds_bucket{w=\"0\",le=\"6.4e-05\"} 3\n"
                     "bl_queue_seconds_bucket{w=\"0\",le=\"+Inf\"} 4\n"
                     "bl_queue_seconds_sum{w=\"0\"} 100.000052\n"
                     "bl_queue_seconds_count{w=\"0\"} 4\n"
                     "# EOF\n");
}
END_TEST

START_TEST (whole_bounds_end_as_the_standard_wants)
{
  static const BlMetricFamily packets
      = { "bl_packets", BL_METRIC_HISTOGRAM, "packets", "How many." };
  g_autoptr (GString) text = g_string_new (NULL);
  const BlHistogram none = { 0 };
  bl_openmetrics_begin (text, &packets);
  bl_openmetrics_add_histogram (text, &packets, "", &none, 0, 1, 1);
  assert_text (text, "# TYPE bl_packets histogram\n"
                     "# UNIT bl_packets packets\n"
                     "# HELP bl_packets How many.\n"
                     "bl_packets_bucket{le=\"1.0\"} 0\n"
                     "bl_packets_bucket{le=\"2.0\"} 0\n"
                     "bl_packets_bucket{le=\"+Inf\"} 0\n"
                     "bl_packets_sum 0\n"
                     "bl_packets_count 0\n"
                     "# EOF\n");
}
END_TEST

START_TEST (large_counters_keep_their_last_digit)
{
  g_autoptr (GString) text = g_string_new (NULL);
  bl_openmetrics_begin (text, &counter);
  bl_openmetrics_add (text, &counter, "", 8999999999999999.0);
  ck_assert_ptr_nonnull (strstr (text->str, " 8999999999999999\n"));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("relay/openmetrics");
  TCase *tcase = tcase_create ("openmetrics");
  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, a_family_says_its_type_unit_and_help);
  tcase_add_test (tcase, a_histogram_is_cumulative_and_in_its_unit);
  tcase_add_test (tcase, whole_bounds_end_as_the_standard_wants);
  tcase_add_test (tcase, large_counters_keep_their_last_digit);
  return run_suite (suite);
}
