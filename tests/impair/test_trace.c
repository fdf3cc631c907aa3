/* SPDX-License-Identifier: Apache-2.0 */
#include "trace.h"

#include <string.h>

#include "run_suite.h"

static ImpairTrace *
parsed (const char *text)
{
  return impair_trace_parse (text, strlen (text), NULL);
}

START_TEST (opportunities_go_on_behind_the_last_line)
{
  static const BlTime times_ms[] = { 0, 3, 3, 10, 10, 13, 13, 20, 20, 23 };
  ImpairTrace *trace = parsed ("0\n3\n3\n10\n");
  ck_assert_ptr_nonnull (trace);
  for (unsigned i = 0; i < sizeof times_ms / sizeof *times_ms; i++)
    ck_assert_int_eq (impair_trace_at (trace, i), times_ms[i] * BL_MS);
  impair_trace_free (trace);
}
END_TEST

START_TEST (the_first_opportunity_at_a_time_or_later_is_found)
{
  static const struct {
    BlTime us;
    uint64_t index;
  } cases[] = { { -5, 0 },    { 0, 0 },     { 1, 1 },        { 3000, 1 },
                { 3001, 3 },  { 10000, 3 }, { 10001, 5 },    { 13000, 5 },
                { 20000, 7 }, { 20001, 9 }, { 1003000, 401 } };
  ImpairTrace *trace = parsed ("0\n3\n3\n10\n");
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
    ck_assert_uint_eq (impair_trace_find (trace, cases[i].us), cases[i].index);
  impair_trace_free (trace);
}
END_TEST

START_TEST (its_mean_is_of_1504_bytes_an_opportunity)
{
  ImpairTrace *trace = parsed ("1\n2\n3\n4\r\n5\n6\n7\n8\n9\n10");
  ck_assert_uint_eq (trace->count, 10);
  ck_assert_uint_eq (impair_trace_mean_bps (trace), 12032000);
  impair_trace_free (trace);
}
END_TEST

START_TEST (what_is_no_trace_is_refused_with_its_line)
{
  static const struct {
    const char *text, *says;
  } cases[] = {
    { "", "later than 0" },   { "0\n0\n", "later than 0" },
    { "5\n4\n", "line 2" },   { "1\nx\n", "line 2" },
    { "1\n\n3\n", "line 2" }, { "-1\n", "line 1" },
    { "1.5\n", "line 1" },    { "99999999999\n", "line 1" },
  };
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
    GError *error = NULL;
    ck_assert_ptr_null (
        impair_trace_parse (cases[i].text, strlen (cases[i].text), &error));
    ck_assert_ptr_nonnull (strstr (error->message, cases[i].says));
    g_error_free (error);
  }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("impair/trace");
  TCase *tcase = tcase_create ("trace");
  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, opportunities_go_on_behind_the_last_line);
  tcase_add_test (tcase, the_first_opportunity_at_a_time_or_later_is_found);
  tcase_add_test (tcase, its_mean_is_of_1504_bytes_an_opportunity);
  tcase_add_test (tcase, what_is_no_trace_is_refused_with_its_line);
  return run_suite (suite);
}
