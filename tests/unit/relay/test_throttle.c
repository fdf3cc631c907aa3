/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/throttle.h"

#include "suite.h"

#define T0 (1000 * BL_SECOND)

START_TEST (a_burst_passes_and_then_one_each_refill)
{
  g_autoptr (BlThrottle) throttle = bl_throttle_new (3, 10 * BL_SECOND, 100);
  for (int i = 0; i < 3; i++)
    ck_assert_int_eq (bl_throttle_take (throttle, "ann", T0), 0);
  ck_assert_int_eq (bl_throttle_take (throttle, "ann", T0), 10 * BL_SECOND);
  /* A try that is refused costs nothing. */
  ck_assert_int_eq (bl_throttle_take (throttle, "ann", T0 + 4 * BL_SECOND),
                    6 * BL_SECOND);
  ck_assert_int_eq (bl_throttle_take (throttle, "ann", T0 + 10 * BL_SECOND), 0);
  ck_assert_int_gt (bl_throttle_take (throttle, "ann", T0 + 10 * BL_SECOND), 0);
}
END_TEST

START_TEST (keys_do_not_touch_each_other)
{
  g_autoptr (BlThrottle) throttle = bl_throttle_new (1, BL_SECOND, 100);
  ck_assert_int_eq (bl_throttle_take (throttle, "ann", T0), 0);
  ck_assert_int_gt (bl_throttle_take (throttle, "ann", T0), 0);
  ck_assert_int_eq (bl_throttle_take (throttle, "bob", T0), 0);
}
END_TEST

START_TEST (a_key_that_is_forgotten_starts_anew)
{
  g_autoptr (BlThrottle) throttle = bl_throttle_new (1, BL_SECOND, 100);
  bl_throttle_take (throttle, "ann", T0);
  bl_throttle_forget (throttle, "ann");
  ck_assert_int_eq (bl_throttle_take (throttle, "ann", T0), 0);
}
END_TEST

START_TEST (a_bucket_never_holds_more_than_its_burst)
{
  g_autoptr (BlThrottle) throttle = bl_throttle_new (2, BL_SECOND, 100);
  bl_throttle_take (throttle, "ann", T0);
  BlTime later = T0 + 3600 * BL_SECOND;
  ck_assert_int_eq (bl_throttle_take (throttle, "ann", later), 0);
  ck_assert_int_eq (bl_throttle_take (throttle, "ann", later), 0);
  ck_assert_int_gt (bl_throttle_take (throttle, "ann", later), 0);
}
END_TEST

START_TEST (a_flood_of_new_keys_does_not_free_one_that_is_throttled)
{
  g_autoptr (BlThrottle) throttle = bl_throttle_new (5, BL_SECOND, 10);
  for (int i = 0; i < 5; i++)
    bl_throttle_take (throttle, "ann", T0);
  for (int i = 0; i < 1000; i++) {
    g_autofree char *key = g_strdup_printf ("key %d", i);
    ck_assert_int_eq (bl_throttle_take (throttle, key, T0), 0);
  }
  ck_assert_int_gt (bl_throttle_take (throttle, "ann", T0), 0);
}
END_TEST

int
main (void)
{
  const SuiteTest tests[] = {
    { a_burst_passes_and_then_one_each_refill, 0 },
    { keys_do_not_touch_each_other, 0 },
    { a_key_that_is_forgotten_starts_anew, 0 },
    { a_bucket_never_holds_more_than_its_burst, 0 },
    { a_flood_of_new_keys_does_not_free_one_that_is_throttled, 0 },
  };
  return run_table ("relay/throttle", tests, G_N_ELEMENTS (tests), NULL, NULL);
}
