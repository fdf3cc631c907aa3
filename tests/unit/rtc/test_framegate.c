/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/framegate.h"

#include "rtc_bytes.h"
#include "run_suite.h"

#define NOW  (10 * BL_SECOND)
#define MBPS 1000000

/* At 1 Mb/s 3750 bytes are 30 ms. */
static const struct {
  const char *what;
  uint32_t queued_bytes;
  BlTime waited_us;
  uint64_t target_bps;
  bool blocked;
  BlFrameGateVerdict verdict;
} cases[] = {
  { "an empty pacer", 0, 0, MBPS, false, BL_FRAMEGATE_OPEN },
  { "just as much as it may hold", 3750, 0, MBPS, false, BL_FRAMEGATE_OPEN },
  { "more than 30 ms at the target", 3900, 0, MBPS, false, BL_FRAMEGATE_SHUT },
  { "the same at twice the rate", 3900, 0, 2 * MBPS, false, BL_FRAMEGATE_OPEN },
  { "a little that has waited", 100, 31 * BL_MS, MBPS, false,
    BL_FRAMEGATE_SHUT },
  { "too long", 100, 150 * BL_MS, MBPS, false, BL_FRAMEGATE_DROP },
  { "too long, and the path blocked", 100, 150 * BL_MS, MBPS, true,
    BL_FRAMEGATE_DROP },
  { "a blocked path", 0, 0, MBPS, true, BL_FRAMEGATE_SHUT },
  { "old times of an empty pacer", 0, NOW, MBPS, false, BL_FRAMEGATE_OPEN },
  { "no rate at all", 1, 0, 0, false, BL_FRAMEGATE_SHUT },
  { "no rate, nothing held", 0, 0, 0, false, BL_FRAMEGATE_OPEN },
};

START_TEST (the_gate_opens_for_what_can_leave_at_once)
{
  BlFrameGateState state = {
    .queued_bytes = cases[_i].queued_bytes,
    .oldest_us = NOW - cases[_i].waited_us,
    .target_bps = cases[_i].target_bps,
    .blocked = cases[_i].blocked,
  };
  ck_assert_msg (bl_framegate_ask (&state, NOW) == cases[_i].verdict, "%s",
                 cases[_i].what);
}
END_TEST

static Suite *
suite (void)
{
  Suite *s = suite_create ("rtc/framegate");
  TCase *tc = tcase_create ("framegate");
  tcase_add_loop_test (tc, the_gate_opens_for_what_can_leave_at_once, 0,
                       N_OF (cases));
  suite_add_tcase (s, tc);
  return s;
}

int
main (void)
{
  return run_suite (suite ());
}
