/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/addresses.h"

#include <string.h>

#include "suite.h"

START_TEST (an_address_to_listen_on_is_the_only_one)
{
  g_auto (GStrv) found = bl_addresses_gather ("192.0.2.7", TRUE, 8);
  ck_assert_uint_eq (g_strv_length (found), 1);
  ck_assert_str_eq (found[0], "192.0.2.7");
}
END_TEST

START_TEST (loopback_is_last_and_only_on_demand)
{
  g_auto (GStrv) with = bl_addresses_gather ("", TRUE, 8);
  g_auto (GStrv) without = bl_addresses_gather ("0.0.0.0", FALSE, 8);
  guint n = g_strv_length (with);
  ck_assert_uint_ge (n, 1);
  ck_assert (g_strv_contains ((const char *const *)with, "127.0.0.1")
             || g_strv_contains ((const char *const *)with, "::1"));
  ck_assert (g_str_has_prefix (with[n - 1], "127.")
             || g_str_equal (with[n - 1], "::1"));
  for (char **a = without; *a; a++)
    ck_assert (!g_str_has_prefix (*a, "127.") && !strchr (*a, ':'));
}
END_TEST

START_TEST (no_more_are_given_than_asked_for)
{
  g_auto (GStrv) found = bl_addresses_gather (NULL, TRUE, 1);
  ck_assert_uint_eq (g_strv_length (found), 1);
}
END_TEST

START_TEST (candidates_keep_the_order_by_priority)
{
  static const char *const addresses[] = { "192.0.2.7", "2001:db8::7", NULL };
  BlCandidate candidates[2];
  bl_addresses_candidates (addresses, 50001, candidates);
  ck_assert_str_eq (candidates[0].address, "192.0.2.7");
  ck_assert_str_eq (candidates[1].address, "2001:db8::7");
  ck_assert_uint_eq (candidates[1].port, 50001);
  ck_assert_int_eq (candidates[0].type, BL_CANDIDATE_HOST);
  ck_assert_uint_gt (candidates[0].priority, candidates[1].priority);
  ck_assert_str_ne (candidates[0].foundation, candidates[1].foundation);
}
END_TEST

int
main (void)
{
  const SuiteTest tests[] = {
    { an_address_to_listen_on_is_the_only_one, 0 },
    { loopback_is_last_and_only_on_demand, 0 },
    { no_more_are_given_than_asked_for, 0 },
    { candidates_keep_the_order_by_priority, 0 },
  };
  return run_table ("relay/addresses", tests, G_N_ELEMENTS (tests), NULL, NULL);
}
