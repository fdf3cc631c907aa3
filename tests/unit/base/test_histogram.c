/* SPDX-License-Identifier: Apache-2.0 */
#include "base/histogram.h"

#include "run_suite.h"

#define LAST (BL_HISTOGRAM_BUCKETS - 1)

static const struct {
  int64_t value;
  unsigned bucket;
} places[] = {
  { -1, 0 },
  { 0, 0 },
  { 1, 0 },
  { 2, 1 },
  { 3, 2 },
  { 4, 2 },
  { 5, 3 },
  { 64, 6 },
  { 65, 7 },
  { INT64_C (1) << (LAST - 1), LAST - 1 },
  { (INT64_C (1) << (LAST - 1)) + 1, LAST },
  { INT64_MAX, LAST },
};

START_TEST (a_value_is_counted_in_the_first_bucket_that_reaches_it)
{
  BlHistogram histogram = { 0 };
  bl_histogram_add (&histogram, places[_i].value);
  for (unsigned i = 0; i < BL_HISTOGRAM_BUCKETS; i++)
    ck_assert_uint_eq (histogram.counts[i], i == places[_i].bucket);
}
END_TEST

START_TEST (what_is_at_most_a_bound_adds_up)
{
  BlHistogram histogram = { 0 };
  for (int64_t value = 1; value <= 100; value++)
    bl_histogram_add (&histogram, value);
  for (unsigned bucket = 0; bucket < 7; bucket++)
    ck_assert_uint_eq (bl_histogram_at_most (&histogram, bucket), 1u << bucket);
  ck_assert_uint_eq (bl_histogram_at_most (&histogram, 7), 100);
  ck_assert_uint_eq (bl_histogram_count (&histogram), 100);
  ck_assert_uint_eq (histogram.sum, 5050);
}
END_TEST

START_TEST (less_than_nothing_adds_nothing_to_the_sum)
{
  BlHistogram histogram = { 0 };
  bl_histogram_add (&histogram, INT64_MIN);
  bl_histogram_add (&histogram, 7);
  ck_assert_uint_eq (histogram.sum, 7);
  ck_assert_uint_eq (bl_histogram_count (&histogram), 2);
}
END_TEST

START_TEST (many_of_a_value_are_as_good_as_one_after_another)
{
  BlHistogram at_once = { 0 }, singly = { 0 };
  bl_histogram_add_many (&at_once, 33, 5);
  for (unsigned i = 0; i < 5; i++)
    bl_histogram_add (&singly, 33);
  ck_assert_mem_eq (&at_once, &singly, sizeof at_once);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("base/histogram");
  TCase *tcase = tcase_create ("histogram");
  suite_add_tcase (suite, tcase);
  tcase_add_loop_test (tcase,
                       a_value_is_counted_in_the_first_bucket_that_reaches_it,
                       0, sizeof places / sizeof *places);
  tcase_add_test (tcase, what_is_at_most_a_bound_adds_up);
  tcase_add_test (tcase, less_than_nothing_adds_nothing_to_the_sum);
  tcase_add_test (tcase, many_of_a_value_are_as_good_as_one_after_another);
  return run_suite (suite);
}
