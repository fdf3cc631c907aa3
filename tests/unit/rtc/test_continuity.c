/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/continuity.h"

#include "run_suite.h"

#define REFUSED UINT64_MAX

/* One publisher's packet, or R: a new publisher comes. */
static const struct {
  char what;
  uint64_t seq;
  uint32_t timestamp;
  BlTime now;
  uint64_t out_seq;
  uint32_t out_timestamp;
} source_steps[] = {
  /* The first publisher keeps its timestamps. */
  { 'p', 70000, 0xfffffff0, 1000000, 100000, 0xfffffff0 },
  { 'p', 70001, 0xfffffff0, 1000000, 100001, 0xfffffff0 },
  { 'p', 70003, 3000 - 16, 1033333, 100003, 3000 - 16 },
  /* A late one keeps its place; the hole stays open for it. */
  { 'p', 70002, 3000 - 16, 1034000, 100002, 3000 - 16 },
  /* So does one from before the first. */
  { 'p', 69999, 0xfffffff0, 1034000, 99999, 0xfffffff0 },
  /* Ten seconds after the newest timestamp (at 1033333): 900,000 ticks. */
  { 'R', 0, 0, 0, 0, 0 },
  { 'p', 131071, 5, 11033333, 100004, 3000 - 16 + 900000 },
  { 'p', 131073, 3005, 11066666, 100006, 3000 - 16 + 903000 },
  { 'p', 131072, 5, 11066700, 100005, 3000 - 16 + 900000 },
  { 'p', 131070, 5, 11066700, REFUSED, 0 },
  /* At once, and with numbers that happen to be the same: still later. */
  { 'R', 0, 0, 0, 0, 0 },
  { 'p', 131073, 3005, 11066666, 100007, 3000 - 16 + 903001 },
  /* Back after more ticks than 32 bits hold: 15 h are 4,860,000,000. */
  { 'R', 0, 0, 0, 0, 0 },
  { 'p', 65536, 0, 11066666 + 54000 * BL_SECOND, 100008,
    (uint32_t)(3000 - 16 + 903001 + UINT64_C (4860000000)) },
};

START_TEST (a_source_goes_on_over_its_publishers)
{
  BlSourceLine line;
  bl_source_line_init (&line, 90000, 100000);
  for (size_t i = 0; i < sizeof source_steps / sizeof *source_steps; i++) {
    if (source_steps[i].what == 'R') {
      bl_source_line_restart (&line);
      continue;
    }
    uint64_t seq = REFUSED;
    uint32_t timestamp = 0;
    bl_source_line_map (&line, source_steps[i].seq, source_steps[i].timestamp,
                        source_steps[i].now, &seq, &timestamp);
    ck_assert_msg (seq == source_steps[i].out_seq
                       && timestamp == source_steps[i].out_timestamp,
                   "step %zu: %lu %u", i, (unsigned long)seq, timestamp);
  }
}
END_TEST

START_TEST (a_sender_reports_timestamp_moves_as_the_packets_do)
{
  BlSourceLine line;
  uint64_t seq;
  uint32_t timestamp = 1;
  bl_source_line_init (&line, 48000, 100000);
  ck_assert (!bl_source_line_map_timestamp (&line, 5, &timestamp));
  bl_source_line_map (&line, 70000, 1000, 0, &seq, &timestamp);
  bl_source_line_restart (&line);
  ck_assert (!bl_source_line_map_timestamp (&line, 5, &timestamp));
  bl_source_line_map (&line, 80000, 500, BL_SECOND, &seq, &timestamp);
  ck_assert_uint_eq (timestamp, 49000);
  ck_assert (bl_source_line_map_timestamp (&line, 400, &timestamp));
  ck_assert_uint_eq (timestamp, 48900);
}
END_TEST

/* m: map, s: skip, t: skip to. */
static const struct {
  char what;
  uint64_t source;
  uint64_t viewer;
} viewer_steps[] = {
  /* A skip before the start says nothing. */
  { 's', 998, 0 },
  { 'm', 1000, 131070 },
  { 'm', 1001, 131071 },
  { 'm', 1000, 131070 },
  { 'm', 999, REFUSED },
  /* A hole that may yet be filled, over the wrap of 16 bits. */
  { 'm', 1003, 131073 },
  { 'm', 1002, 131072 },
  /* Left out on purpose: the line closes up. */
  { 's', 1004, 0 },
  { 's', 1005, 0 },
  { 'm', 1006, 131074 },
  { 'm', 1004, REFUSED },
  { 'm', 1005, REFUSED },
  { 'm', 1003, 131073 },
  /* A packet missing just before one that is left out keeps its number. */
  { 's', 1008, 0 },
  { 'm', 1009, 131076 },
  { 'm', 1007, 131075 },
  /* Left out though older than the newest: it has its number already. */
  { 'm', 1011, 131078 },
  { 's', 1010, 0 },
  { 'm', 1012, 131079 },
  /* The viewer fell behind. */
  { 't', 1500, 0 },
  { 'm', 1500, 131080 },
  { 'm', 1499, REFUSED },
  { 'm', 1012, 131079 },
  { 't', 1400, 0 },
  { 't', 1501, 0 },
  { 'm', 1501, 131081 },
  /* Twice, and skips after it. */
  { 't', 1600, 0 },
  { 't', 1700, 0 },
  { 's', 1700, 0 },
  { 's', 1701, 0 },
  { 'm', 1703, 131083 },
  { 'm', 1702, 131082 },
};

START_TEST (a_viewers_numbers_have_holes_only_where_packets_are_missing)
{
  BlViewerLine line;
  bl_viewer_line_init (&line, 0x1234, 131070, 10);
  for (size_t i = 0; i < sizeof viewer_steps / sizeof *viewer_steps; i++) {
    uint64_t source = viewer_steps[i].source, seq = REFUSED;
    uint32_t timestamp = 0;
    if (viewer_steps[i].what == 's')
      bl_viewer_line_skip (&line, source);
    else if (viewer_steps[i].what == 't')
      bl_viewer_line_skip_to (&line, source);
    else
      bl_viewer_line_map (&line, source, 0xfffffffb, &seq, &timestamp);
    if (viewer_steps[i].what != 'm')
      continue;
    ck_assert_msg (seq == viewer_steps[i].viewer, "step %zu: %lu", i,
                   (unsigned long)seq);
    if (seq == REFUSED)
      continue;
    ck_assert_uint_eq (timestamp, 5);
    uint64_t back;
    ck_assert (bl_viewer_line_unmap (&line, (uint16_t)seq, &back));
    ck_assert_uint_eq (back, source);
  }
}
END_TEST

START_TEST (what_was_never_sent_has_no_way_back)
{
  BlViewerLine line;
  uint64_t seq, source;
  uint32_t timestamp;
  bl_viewer_line_init (&line, 1, 65536, 0);
  ck_assert (!bl_viewer_line_unmap (&line, 0, &source));
  bl_viewer_line_map (&line, 500, 0, &seq, &timestamp);
  bl_viewer_line_map (&line, 501, 0, &seq, &timestamp);
  ck_assert (bl_viewer_line_unmap (&line, 1, &source));
  ck_assert (!bl_viewer_line_unmap (&line, 2, &source));
  ck_assert (!bl_viewer_line_unmap (&line, 0xffff, &source));
}
END_TEST

START_TEST (runs_that_are_forgotten_are_refused_not_invented)
{
  BlViewerLine line;
  uint64_t seq = 0, source;
  uint32_t timestamp;
  bl_viewer_line_init (&line, 1, 65536, 0);
  /* Every other packet is left out: a run each. */
  for (uint64_t s = 1000; s < 1200; s += 2) {
    ck_assert (bl_viewer_line_map (&line, s, 0, &seq, &timestamp));
    bl_viewer_line_skip (&line, s + 1);
  }
  ck_assert_uint_eq (seq, 65536 + 99);
  ck_assert (!bl_viewer_line_map (&line, 1000, 0, &seq, &timestamp));
  ck_assert (!bl_viewer_line_unmap (&line, 0, &source));
  ck_assert (bl_viewer_line_unmap (&line, 99, &source));
  ck_assert_uint_eq (source, 1198);
  ck_assert (
      bl_viewer_line_unmap (&line, 100 - BL_VIEWER_LINE_RUNS + 1, &source));
  ck_assert_uint_eq (source, 1200 - 2 * (BL_VIEWER_LINE_RUNS - 1));
}
END_TEST

static uint32_t
next_random (uint32_t *state)
{
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state;
}

/* Loss, omission and reordering at random, over several wraps. */
START_TEST (any_course_gives_ascending_numbers_that_lead_back)
{
  uint32_t random = 0x9e3779b9u + (uint32_t)_i;
  BlViewerLine line;
  bl_viewer_line_init (&line, 1, 65536 + 65000, 0);
  uint64_t last = 0, expected_holes = 0, first = 0;
  uint64_t late_source = 0, late_place = 0;

  for (uint64_t source = 70000; source < 70000 + 200000; source++) {
    uint64_t seq, back;
    uint32_t timestamp, dice = next_random (&random) % 100;
    if (dice < 5 && last > 0) {
      bl_viewer_line_skip (&line, source);
      continue;
    }
    if (dice < 10 && last > 0) {
      /* Missing now; it may come one packet later. */
      late_source = source;
      late_place = last + 1 + expected_holes;
      expected_holes++;
      continue;
    }
    ck_assert (bl_viewer_line_map (&line, source, 0, &seq, &timestamp));
    ck_assert (first == 0 || seq == last + 1 + expected_holes);
    first = first ? first : seq;
    last = seq;
    expected_holes = 0;
    ck_assert (bl_viewer_line_unmap (&line, (uint16_t)seq, &back));
    ck_assert_uint_eq (back, source);
    if (late_source) {
      ck_assert (bl_viewer_line_map (&line, late_source, 0, &seq, &timestamp));
      ck_assert_uint_eq (seq, late_place);
      late_source = 0;
    }
  }
  ck_assert_uint_gt (last, 2 * 65536);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("rtc/continuity");
  TCase *tcase = tcase_create ("continuity");
  tcase_add_test (tcase, a_source_goes_on_over_its_publishers);
  tcase_add_test (tcase, a_sender_reports_timestamp_moves_as_the_packets_do);
  tcase_add_test (tcase,
                  a_viewers_numbers_have_holes_only_where_packets_are_missing);
  tcase_add_test (tcase, what_was_never_sent_has_no_way_back);
  tcase_add_test (tcase, runs_that_are_forgotten_are_refused_not_invented);
  tcase_add_loop_test (tcase, any_course_gives_ascending_numbers_that_lead_back,
                       0, 5);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
