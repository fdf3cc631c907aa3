/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/mux.h"

#include <glib.h>
#include <string.h>

#include "../run_suite.h"

#define MANY 300

static BlMux *mux;

/* Never looked into by the mux. */
static char marks[MANY];

static BlSession *
session (unsigned i)
{
  return (BlSession *)(void *)&marks[i];
}

static BlAddress
address (const char *host, uint16_t port)
{
  BlAddress result;
  ck_assert (bl_address_parse (host, port, &result));
  return result;
}

static void
set_up (void)
{
  mux = bl_mux_new (MANY, MANY);
}

static void
tear_down (void)
{
  bl_mux_free (mux);
}

START_TEST (a_ufrag_is_found_until_it_is_removed)
{
  char ufrag[BL_MUX_UFRAG_SIZE];
  for (unsigned i = 0; i < MANY; i++) {
    g_snprintf (ufrag, sizeof ufrag, "u%u", i);
    bl_mux_add_ufrag (mux, ufrag, session (i));
  }
  for (unsigned i = 0; i < MANY; i += 2) {
    g_snprintf (ufrag, sizeof ufrag, "u%u", i);
    bl_mux_remove_ufrag (mux, ufrag);
  }
  for (unsigned i = 0; i < MANY; i++) {
    g_snprintf (ufrag, sizeof ufrag, "u%u", i);
    ck_assert_ptr_eq (bl_mux_by_ufrag (mux, ufrag, strlen (ufrag)),
                      i % 2 ? session (i) : NULL);
  }
}
END_TEST

START_TEST (a_ufrag_that_is_empty_long_or_only_begins_alike_is_nobodys)
{
  char longest[300];
  memset (longest, 'a', sizeof longest);
  bl_mux_add_ufrag (mux, "abcd", session (1));
  ck_assert_ptr_null (bl_mux_by_ufrag (mux, "abcd", 0));
  ck_assert_ptr_null (bl_mux_by_ufrag (mux, "abcd", 3));
  ck_assert_ptr_null (bl_mux_by_ufrag (mux, "abcde", 5));
  ck_assert_ptr_null (bl_mux_by_ufrag (mux, longest, sizeof longest));
  ck_assert_ptr_eq (bl_mux_by_ufrag (mux, "abcd", 4), session (1));
}
END_TEST

START_TEST (addresses_come_and_go_without_losing_any)
{
  BlSession *owners[MANY] = { NULL };
  GRand *rand = g_rand_new_with_seed ((guint32)_i);
  for (int step = 0; step < 3000; step++) {
    unsigned i = (unsigned)g_rand_int_range (rand, 0, MANY);
    BlAddress a
        = address (i % 2 ? "192.0.2.7" : "2001:db8::7", (uint16_t)(1000 + i));
    if (g_rand_boolean (rand)) {
      BlSession *before = bl_mux_set_address (mux, &a, session (i));
      ck_assert_ptr_null (before);
      owners[i] = session (i);
    } else {
      bl_mux_remove_address (mux, &a);
      owners[i] = NULL;
    }
  }
  for (unsigned i = 0; i < MANY; i++) {
    BlAddress a
        = address (i % 2 ? "192.0.2.7" : "2001:db8::7", (uint16_t)(1000 + i));
    ck_assert_ptr_eq (bl_mux_by_address (mux, &a), owners[i]);
  }
  g_rand_free (rand);
}
END_TEST

START_TEST (an_address_has_one_owner_and_the_one_before_is_named)
{
  BlAddress a = address ("192.0.2.7", 5000);
  ck_assert_ptr_null (bl_mux_set_address (mux, &a, session (1)));
  ck_assert_ptr_null (bl_mux_set_address (mux, &a, session (1)));
  ck_assert_ptr_eq (bl_mux_set_address (mux, &a, session (2)), session (1));
  ck_assert_ptr_eq (bl_mux_by_address (mux, &a), session (2));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("relay/mux");
  TCase *tcase = tcase_create ("mux");
  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_test (tcase, a_ufrag_is_found_until_it_is_removed);
  tcase_add_test (tcase,
                  a_ufrag_that_is_empty_long_or_only_begins_alike_is_nobodys);
  tcase_add_loop_test (tcase, addresses_come_and_go_without_losing_any, 0, 10);
  tcase_add_test (tcase, an_address_has_one_owner_and_the_one_before_is_named);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
