/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bucket.h"

#include "run_suite.h"

static const BlBucketLimit ten = { .per_second = 10, .burst = 5 };

/* Takes one by one until it is refused; gives how many. */
static unsigned
drain (BlBucket *bucket, const BlBucketLimit *limit, BlTime now)
{
  unsigned n = 0;
  while (bl_bucket_take (bucket, limit, 1, now))
    n++;
  return n;
}

START_TEST (zeroed_memory_is_a_full_bucket_at_any_time)
{
  static const BlTime times[] = { 0, 1, BL_SECOND, 1000000 * BL_SECOND };
  for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
    BlBucket bucket = { 0 };
    ck_assert_uint_eq (drain (&bucket, &ten, times[i]), ten.burst);
  }
}
END_TEST

START_TEST (an_empty_bucket_gives_at_the_rate)
{
  BlBucket bucket = { 0 };
  drain (&bucket, &ten, 0);
  unsigned given = 0;
  for (BlTime t = BL_MS; t <= 10 * BL_SECOND; t += BL_MS)
    given += bl_bucket_take (&bucket, &ten, 1, t);
  ck_assert_uint_eq (given, 100);
}
END_TEST

START_TEST (a_long_rest_saves_up_no_more_than_the_burst)
{
  BlBucket bucket = { 0 };
  drain (&bucket, &ten, 0);
  ck_assert_uint_eq (drain (&bucket, &ten, 3600 * BL_SECOND), ten.burst);
}
END_TEST

START_TEST (what_is_refused_costs_nothing)
{
  BlBucket bucket = { 0 };
  ck_assert (bl_bucket_take (&bucket, &ten, 3, 0));
  for (int i = 0; i < 1000; i++)
    ck_assert (!bl_bucket_take (&bucket, &ten, 3, 0));
  ck_assert (bl_bucket_take (&bucket, &ten, 2, 0));
  ck_assert (!bl_bucket_take (&bucket, &ten, 1, 0));
}
END_TEST

START_TEST (more_than_the_burst_is_never_given)
{
  BlBucket bucket = { 0 };
  ck_assert (!bl_bucket_take (&bucket, &ten, 6, BL_SECOND));
  ck_assert (!bl_bucket_take (&bucket, &ten, UINT32_MAX, BL_SECOND));
  ck_assert (bl_bucket_take (&bucket, &ten, 5, BL_SECOND));
}
END_TEST

/* 3 a second do not divide a second: rounding may not give more away. */
START_TEST (in_any_span_no_more_than_burst_and_rate_allow)
{
  static const BlBucketLimit limits[] = {
    { 3, 1 }, { 7, 20 }, { 250000, 100000 }, { 1000000, 1 }, { 3000000, 5000 }
  };
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
    BlBucket bucket = { 0 };
    const BlTime span = 2 * BL_SECOND;
    uint64_t given = 0;
    for (BlTime t = 0; t <= span; t += 777)
      for (int j = 0; j < 3000 && bl_bucket_take (&bucket, &limits[i], 1, t);
           j++)
        given++;
    ck_assert_uint_le (given, limits[i].burst + 2 * limits[i].per_second);
    ck_assert_uint_ge (given, limits[i].burst);
  }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("base/bucket");
  TCase *tcase = tcase_create ("bucket");
  tcase_add_test (tcase, zeroed_memory_is_a_full_bucket_at_any_time);
  tcase_add_test (tcase, an_empty_bucket_gives_at_the_rate);
  tcase_add_test (tcase, a_long_rest_saves_up_no_more_than_the_burst);
  tcase_add_test (tcase, what_is_refused_costs_nothing);
  tcase_add_test (tcase, more_than_the_burst_is_never_given);
  tcase_add_test (tcase, in_any_span_no_more_than_burst_and_rate_allow);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
