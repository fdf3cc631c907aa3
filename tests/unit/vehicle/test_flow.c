/* SPDX-License-Identifier: Apache-2.0
 *
 * What becomes of packets when one of two paths falls silent; which paths a
 * packet takes otherwise is in test_pathplan.c, and how much leaves in
 * tests/unit/rtc/test_scream.c.
 */
#include "vehicle/flow.h"

#include "../run_suite.h"
#include "rtc/ccfb.h"

#define SSRC  77
#define BYTES 1000
#define STEP  (5 * BL_MS)

#define REPORTS 64

typedef struct {
  BlTime due_us;
  unsigned path;
  size_t length;
  uint8_t bytes[200];
} Report;

enum { FIRST = 1, SECOND = 2, BOTH = 3 };

static BlFlow *flow;
static BlCcfbReceiver seen[2];
static BlTime now, rtt_us;
static Report reports[REPORTS];
static unsigned reports_head, reports_tail;
static uint16_t next_seq;
static unsigned taken;     /* paths of the last packet */
static BlEcn arriving;     /* marks as the other end sees them */
static unsigned padded[2]; /* packets of padding, by path */
static bool padding;       /* is there to be any? */
static bool narrow;        /* the second path marks each of them */

static void
begin (BlPathMode mode)
{
  BlFlowOptions options = {
    .mode = mode, .per_path = true, .start_bps = 2000000, .max_bps = 4000000
  };
  flow = bl_flow_new (&options);
  ck_assert_ptr_nonnull (flow);
  now = 1000 * BL_SECOND;
  rtt_us = 20 * BL_MS;
  next_seq = 100;
  reports_head = reports_tail = 0;
  arriving = BL_ECN_ECT1;
  padded[0] = padded[1] = 0;
  padding = narrow = false;
  for (unsigned i = 0; i < 2; i++) {
    bl_flow_add_path (flow, i);
    bl_ccfb_receiver_init (&seen[i]);
  }
}

static void
tear_down (void)
{
  bl_flow_free (flow);
}

/* What has arrived over `path` is told a round trip later. */
static void
write_report (unsigned path)
{
  Report *r = &reports[reports_tail % REPORTS];
  BlWriter w = bl_writer (r->bytes, sizeof r->bytes);
  if (!bl_ccfb_receiver_write (&seen[path], &w, 1, now,
                               bl_ntp_from_unix_us (now)))
    return;
  r->due_us = now + rtt_us;
  r->path = path;
  r->length = bl_writer_length (&w);
  ck_assert_uint_lt (++reports_tail, reports_head + REPORTS);
}

static void
read_reports (void)
{
  for (; reports_head < reports_tail
         && reports[reports_head % REPORTS].due_us <= now;
       reports_head++) {
    const Report *r = &reports[reports_head % REPORTS];
    BlRtcpIter iter;
    BlRtcpPacket packet;
    BlCcfbReport report;
    ck_assert_int_eq (bl_rtcp_open (&iter, r->bytes, r->length), BL_RTCP_OK);
    ck_assert (bl_rtcp_next (&iter, &packet));
    bl_flow_on_heard (flow, r->path);
    ck_assert_int_eq (bl_ccfb_parse (&packet, &report), BL_CCFB_OK);
    bl_flow_on_ccfb (flow, r->path, &report, now);
  }
}

/* It leaves by `paths`; those in `alive` bear it. */
static void
send_by (unsigned paths, unsigned alive)
{
  bl_flow_on_sent (flow, paths, SSRC, next_seq, BYTES, now);
  for (unsigned i = 0; i < 2; i++)
    if (paths & alive & 1u << i)
      bl_ccfb_receiver_on_packet (&seen[i], SSRC, next_seq, arriving, now);
  next_seq++;
}

/* Padding as congestion control asks for it. */
static void
pad (void)
{
  unsigned paths;
  while ((paths = bl_flow_choose_padding (flow, BYTES, now)) != 0) {
    ck_assert (paths == FIRST || paths == SECOND);
    padded[paths - 1]++;
    if (narrow && paths == SECOND)
      arriving = BL_ECN_CE;
    send_by (paths, BOTH);
    arriving = BL_ECN_ECT1;
  }
}

/* Pictures and sound in turn; the paths in `alive` bear what they are given. */
static void
pass (BlTime us, unsigned alive)
{
  for (BlTime end = now + us; now < end; now += STEP) {
    BlPacketUse use = next_seq % 4 == 0 ? BL_USE_SOUND : BL_USE_PICTURE;
    unsigned paths = bl_flow_choose (flow, use, BYTES, now);
    if (use == BL_USE_PICTURE)
      taken = paths;
    send_by (paths, alive);
    if (padding)
      pad ();
    for (unsigned i = 0; i < 2; i++)
      if (alive >> i & 1)
        write_report (i);
    read_reports ();
    bl_flow_on_time (flow, now);
  }
}

START_TEST (the_second_path_takes_over_before_the_first_is_in_doubt)
{
  begin (BL_PATH_MODE_PROTECT);
  pass (2 * BL_SECOND, BOTH);
  ck_assert_uint_eq (taken, FIRST);
  ck_assert (!bl_flow_is_stalled (flow, now));
  ck_assert_int_lt (bl_flow_path (flow, 0, now).silent_us, 50 * BL_MS);
  ck_assert (!bl_flow_path (flow, 0, now).second);
  ck_assert (bl_flow_path (flow, 1, now).second);
  pass (100 * BL_MS, SECOND);
  ck_assert (!bl_flow_path (flow, 0, now).in_doubt);
  ck_assert_int_ge (bl_flow_path (flow, 0, now).silent_us, 50 * BL_MS);
  ck_assert_uint_eq (taken & SECOND, SECOND);
  ck_assert (!bl_flow_is_stalled (flow, now));
}
END_TEST

START_TEST (what_went_into_the_silence_is_known_and_repaired_around_it)
{
  begin (BL_PATH_MODE_PROTECT);
  pass (2 * BL_SECOND, BOTH);
  ck_assert (!bl_flow_take_silence (flow, now));
  uint16_t before = next_seq;
  pass (40 * BL_MS, SECOND);
  uint16_t after = next_seq;
  pass (60 * BL_MS, SECOND);
  ck_assert (bl_flow_take_silence (flow, now));
  ck_assert (!bl_flow_take_silence (flow, now));
  ck_assert (!bl_flow_is_unheard (flow, SSRC, before - 1));
  for (uint16_t seq = before; seq < after; seq++)
    ck_assert_int_eq (bl_flow_is_unheard (flow, SSRC, seq), seq % 4 != 0);
  ck_assert_uint_eq (bl_flow_choose (flow, BL_USE_REPAIR, BYTES, now), SECOND);
  pass (200 * BL_MS, BOTH);
  ck_assert (!bl_flow_take_silence (flow, now));
  ck_assert_uint_eq (bl_flow_choose (flow, BL_USE_REPAIR, BYTES, now), BOTH);
  pass (100 * BL_MS, SECOND);
  ck_assert (bl_flow_take_silence (flow, now));
}
END_TEST

START_TEST (without_a_second_path_there_is_nothing_to_take_over)
{
  begin (BL_PATH_MODE_PROTECT);
  bl_flow_remove_path (flow, 1, now);
  pass (2 * BL_SECOND, FIRST);
  pass (100 * BL_MS, 0);
  ck_assert (bl_flow_is_stalled (flow, now));
  ck_assert (!bl_flow_take_silence (flow, now));
}
END_TEST

/* With padding, and far enough that windows matter. */
static void
begin_padded (BlPathMode mode)
{
  begin (mode);
  padding = true;
  rtt_us = 80 * BL_MS;
}

START_TEST (the_second_path_is_found_out_before_it_has_to_take_over)
{
  begin_padded (BL_PATH_MODE_PROTECT);
  pass (8 * BL_SECOND, BOTH);
  uint64_t first_bps = bl_flow_path (flow, 0, now).target_bps;
  ck_assert_uint_eq (taken, FIRST);
  ck_assert_uint_gt (padded[1], 0);
  ck_assert_uint_ge (bl_flow_path (flow, 1, now).target_bps, first_bps / 2);
  unsigned before = padded[1];
  pass (2 * BL_SECOND, BOTH);
  ck_assert_uint_eq (padded[1], before);
}
END_TEST

START_TEST (what_the_second_path_does_not_carry_is_not_tried_for_long)
{
  begin_padded (BL_PATH_MODE_PROTECT);
  narrow = true;
  pass (8 * BL_SECOND, BOTH);
  ck_assert_uint_gt (padded[1], 0);
  ck_assert_uint_lt (padded[1], 100);
}
END_TEST

START_TEST (only_who_protects_pays_for_the_second_path)
{
  begin_padded (BL_PATH_MODE_FAILOVER);
  pass (4 * BL_SECOND, BOTH);
  ck_assert_uint_eq (padded[1], 0);
}
END_TEST

START_TEST (marks_are_left_out_on_the_path_where_they_vanish)
{
  begin (BL_PATH_MODE_SINGLE);
  ck_assert (bl_flow_may_mark (flow, 0));
  pass (2 * BL_SECOND, BOTH);
  ck_assert (bl_flow_may_mark (flow, 0));
  arriving = BL_ECN_NOT_ECT;
  pass (2 * BL_SECOND, BOTH);
  ck_assert (!bl_flow_may_mark (flow, 0));
  ck_assert (bl_flow_may_mark (flow, 1));
  /* Another road, perhaps. */
  bl_flow_add_path (flow, 0);
  ck_assert (bl_flow_may_mark (flow, 0));
}
END_TEST

START_TEST (marks_slow_a_path_that_loses_nothing)
{
  begin (BL_PATH_MODE_SINGLE);
  pass (2 * BL_SECOND, BOTH);
  uint64_t before = bl_flow_path (flow, 0, now).target_bps;
  arriving = BL_ECN_CE;
  pass (BL_SECOND, BOTH);
  ck_assert_uint_lt (bl_flow_path (flow, 0, now).target_bps, before / 2);
  ck_assert (bl_flow_may_mark (flow, 0));
}
END_TEST

START_TEST (nothing_is_marked_where_nobody_reports_marks)
{
  BlFlowOptions options = { .mode = BL_PATH_MODE_SINGLE,
                            .start_bps = 2000000,
                            .max_bps = 4000000 };
  flow = bl_flow_new (&options);
  bl_flow_add_path (flow, 0);
  ck_assert (!bl_flow_may_mark (flow, 0));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vehicle/flow");
  TCase *tcase = tcase_create ("flow");
  tcase_add_checked_fixture (tcase, NULL, tear_down);
  tcase_add_test (tcase,
                  the_second_path_takes_over_before_the_first_is_in_doubt);
  tcase_add_test (tcase,
                  what_went_into_the_silence_is_known_and_repaired_around_it);
  tcase_add_test (tcase, without_a_second_path_there_is_nothing_to_take_over);
  tcase_add_test (tcase,
                  the_second_path_is_found_out_before_it_has_to_take_over);
  tcase_add_test (tcase,
                  what_the_second_path_does_not_carry_is_not_tried_for_long);
  tcase_add_test (tcase, only_who_protects_pays_for_the_second_path);
  tcase_add_test (tcase, marks_are_left_out_on_the_path_where_they_vanish);
  tcase_add_test (tcase, marks_slow_a_path_that_loses_nothing);
  tcase_add_test (tcase, nothing_is_marked_where_nobody_reports_marks);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
