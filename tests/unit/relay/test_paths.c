/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/paths.h"

#include "../run_suite.h"

#define PATIENCE (400 * BL_MS)

static BlPaths paths;
static BlAddress old;

static BlPath
path (uint16_t port)
{
  BlPath result = { 0 };
  ck_assert (bl_address_parse ("192.0.2.1", port, &result.peer));
  return result;
}

static BlPathsProof
prove (uint16_t port, bool nominated, BlTime now)
{
  BlPath to = path (port);
  return bl_paths_prove (&paths, &to, nominated, now, &old);
}

static void
hear (uint16_t port, BlTime now)
{
  BlPath from = path (port);
  bl_paths_hear (&paths, &from.peer, now);
}

static uint16_t
chosen (void)
{
  const BlPath *to = bl_paths_chosen (&paths);
  return to ? bl_address_port (&to->peer) : 0;
}

static void
set_up (void)
{
  bl_paths_init (&paths, PATIENCE);
}

START_TEST (there_is_none_before_a_check)
{
  ck_assert_uint_eq (chosen (), 0);
  hear (1, 0);
  ck_assert_uint_eq (chosen (), 0);
}
END_TEST

START_TEST (the_first_is_used_until_one_is_nominated)
{
  ck_assert_int_eq (prove (1, false, 0), BL_PATHS_NEW);
  ck_assert_int_eq (prove (2, false, 1), BL_PATHS_NEW);
  ck_assert_uint_eq (chosen (), 1);
  ck_assert_int_eq (prove (2, true, 2), BL_PATHS_KNOWN);
  ck_assert_uint_eq (chosen (), 2);
  prove (1, false, 3);
  ck_assert_uint_eq (chosen (), 2);
  prove (1, true, 4);
  ck_assert_uint_eq (chosen (), 1);
}
END_TEST

START_TEST (a_silent_one_gives_way_to_one_that_is_heard)
{
  prove (1, true, 0);
  prove (2, false, 0);
  hear (2, PATIENCE);
  ck_assert_uint_eq (chosen (), 1);
  hear (1, PATIENCE);
  hear (2, 2 * PATIENCE);
  ck_assert_uint_eq (chosen (), 1);
  hear (2, 2 * PATIENCE + 1);
  ck_assert_uint_eq (chosen (), 2);
}
END_TEST

START_TEST (the_longest_silent_gives_its_place_but_never_the_chosen_one)
{
  prove (1, true, 0);
  for (uint16_t port = 2; port <= BL_PATHS_MAX; port++)
    prove (port, false, port);
  hear (2, 50);
  ck_assert_int_eq (prove (9, false, 60), BL_PATHS_NEW_FOR_OLD);
  ck_assert_uint_eq (bl_address_port (&old), 3);
  ck_assert_uint_eq (chosen (), 1);
  ck_assert_int_eq (prove (3, true, 61), BL_PATHS_NEW_FOR_OLD);
  ck_assert_uint_eq (bl_address_port (&old), 4);
  ck_assert_uint_eq (chosen (), 3);
}
END_TEST

START_TEST (forgetting_keeps_the_choice_where_it_can)
{
  for (uint16_t port = 1; port <= 3; port++)
    prove (port, port == 3, 0);
  BlPath first = path (1), third = path (3);
  bl_paths_forget (&paths, &first.peer);
  ck_assert_uint_eq (chosen (), 3);
  bl_paths_forget (&paths, &first.peer);
  bl_paths_forget (&paths, &third.peer);
  ck_assert_uint_eq (chosen (), 2);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("relay/paths");
  TCase *tcase = tcase_create ("paths");
  tcase_add_checked_fixture (tcase, set_up, NULL);
  tcase_add_test (tcase, there_is_none_before_a_check);
  tcase_add_test (tcase, the_first_is_used_until_one_is_nominated);
  tcase_add_test (tcase, a_silent_one_gives_way_to_one_that_is_heard);
  tcase_add_test (tcase,
                  the_longest_silent_gives_its_place_but_never_the_chosen_one);
  tcase_add_test (tcase, forgetting_keeps_the_choice_where_it_can);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
