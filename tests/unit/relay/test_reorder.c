/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/reorder.h"

#include <glib.h>

#include "../run_suite.h"

#define WAIT_US 700

/* What happens, in order, and what comes out of it. Sequence numbers; a pull
 * takes all it can get. */
typedef struct {
  const char *arrivals; /* "1 2 4@100": sequence and arrival time */
  int64_t now_us;       /* of the pull after them all */
  bool flush;
  const char *out; /* "1 2 (1)4": 1 lost before 4 */
} Case;

static const Case cases[] = {
  { "1 2 3", 0, false, "1 2 3" },
  { "1 3 2", 0, false, "1 2 3" },
  { "1 2 2 1 3", 0, false, "1 2 3" },
  { "1 3@100 4@200", 799, false, "1" },
  { "1 3@100 4@200", 800, false, "1 (1)3 4" },
  { "1 3@100 5@200", 899, false, "1 (1)3" },
  { "1 3@100 5@200", 900, false, "1 (1)3 (1)5" },
  { "1 3@100 5@200", 0, true, "1 (1)3 (1)5" },
  { "5 3 6", 0, false, "5 6" }, /* before the first: too late */
  { "1 8 4", 0, true, "1 (2)4 (3)8" },
  { "1 1000000", 0, true, "1 (999998)1000000" },
};

static BlReorder order;

static void
setup (void)
{
  ck_assert (bl_reorder_init (&order, 8, WAIT_US));
}

static void
teardown (void)
{
  bl_reorder_clear (&order);
}

static void
pull_all (GString *out, int64_t now_us, bool flush)
{
  const BlTapRecord *record;
  const uint8_t *payload;
  uint64_t lost;
  while ((record = bl_reorder_pull (&order, now_us, flush, &payload, &lost))) {
    if (out->len > 0)
      g_string_append_c (out, ' ');
    if (lost > 0)
      g_string_append_printf (out, "(%" G_GUINT64_FORMAT ")", lost);
    g_string_append_printf (out, "%" G_GUINT64_FORMAT, record->sequence);
    ck_assert_uint_eq (payload[0], (uint8_t)record->sequence);
  }
}

START_TEST (packets_come_out_in_order_and_holes_are_waited_for)
{
  const Case *c = &cases[_i];
  g_auto (GStrv) arrivals = g_strsplit (c->arrivals, " ", -1);
  g_autoptr (GString) out = g_string_new ("");
  for (guint i = 0; arrivals[i]; i++) {
    char *at = strchr (arrivals[i], '@');
    const BlTapRecord record
        = { .sequence = g_ascii_strtoull (arrivals[i], NULL, 10),
            .arrival_us = at ? g_ascii_strtoll (at + 1, NULL, 10) : 0,
            .length = 1 };
    const uint8_t payload = (uint8_t)record.sequence;
    if (!bl_reorder_push (&order, &record, &payload)) {
      pull_all (out, 0, true);
      ck_assert (bl_reorder_push (&order, &record, &payload));
    }
  }
  pull_all (out, c->now_us, c->flush);
  ck_assert_str_eq (out->str, c->out);
}
END_TEST

START_TEST (after_a_reset_any_number_comes_first)
{
  const uint8_t payload = 7;
  const BlTapRecord high = { .sequence = 500, .length = 1 };
  const BlTapRecord low = { .sequence = 7, .length = 1 };
  ck_assert (bl_reorder_push (&order, &high, &payload));
  bl_reorder_reset (&order);
  g_autoptr (GString) out = g_string_new ("");
  pull_all (out, 0, true);
  ck_assert_str_eq (out->str, "");
  ck_assert (bl_reorder_push (&order, &low, &payload));
  pull_all (out, 0, false);
  ck_assert_str_eq (out->str, "7");
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("relay/reorder");
  TCase *tc = tcase_create ("reorder");
  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_loop_test (tc, packets_come_out_in_order_and_holes_are_waited_for,
                       0, G_N_ELEMENTS (cases));
  tcase_add_test (tc, after_a_reset_any_number_comes_first);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
