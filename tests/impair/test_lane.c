/* SPDX-License-Identifier: Apache-2.0 */
#include "lane.h"

#include <string.h>

#include "run_suite.h"

#define START    (1000 * BL_SECOND) /* a clock does not begin at 0 */
#define MAX_SENT 20000

/* What came of numbered packets. Times since START. */
typedef struct {
  ImpairLane *lane;
  ImpairTrace *trace;
  unsigned arrived, disorder;
  uint32_t sent, last;
  BlTime first_us, last_us;
  BlTime at_us[MAX_SENT]; /* BL_TIME_NEVER: not arrived */
} Run;

/* With a trace in milliseconds, or NULL. */
static Run *
begin (const char *settings, const char *trace)
{
  Run *run = g_new0 (Run, 1);
  ImpairSettings s = { 0 };
  ck_assert (impair_settings_parse (&s, settings, NULL));
  if (trace) {
    s.trace = run->trace = impair_trace_parse (trace, strlen (trace), NULL);
    ck_assert_ptr_nonnull (run->trace);
  }
  run->lane = impair_lane_new (1, START);
  impair_lane_set (run->lane, &s, START);
  return run;
}

static void
end (Run *run)
{
  impair_lane_free (run->lane);
  impair_trace_free (run->trace);
  g_free (run);
}

/* What arrives until then, each when the lane says so. */
static void
advance (Run *run, BlTime until_us)
{
  const ImpairPacket *packet;
  BlTime now;
  while ((now = impair_lane_next (run->lane)) <= START + until_us) {
    while ((packet = impair_lane_pop (run->lane, now))) {
      uint32_t number;
      memcpy (&number, packet->bytes, sizeof number);
      run->disorder += run->arrived > 0 && number < run->last;
      run->last = number;
      run->at_us[number] = run->last_us = now - START;
      if (run->arrived++ == 0)
        run->first_us = now - START;
    }
  }
}

static void
send_one (Run *run, size_t length, BlTime at_us)
{
  uint8_t bytes[IMPAIR_MAX_PACKET] = { 0 };
  advance (run, at_us);
  memcpy (bytes, &run->sent, sizeof run->sent);
  run->at_us[run->sent++] = BL_TIME_NEVER;
  impair_lane_push (run->lane, bytes, length, START + at_us);
}

static void
send_many (Run *run, unsigned count, size_t length, BlTime every_us)
{
  BlTime from = run->lane->now_us - START;
  for (unsigned i = 0; i < count; i++)
    send_one (run, length, from + i * every_us);
}

static ImpairStats *
take (Run *run, BlTime at_us)
{
  ImpairStats *stats = g_new (ImpairStats, 1);
  impair_lane_take (run->lane, START + at_us, stats);
  return stats;
}

START_TEST (a_link_without_settings_passes_all_at_once)
{
  Run *run = begin ("", NULL);
  send_many (run, 100, 1200, 10);
  advance (run, BL_SECOND);
  ck_assert_uint_eq (run->arrived, 100);
  for (unsigned i = 0; i < 100; i++)
    ck_assert_int_eq (run->at_us[i], i * 10);
  end (run);
}
END_TEST

START_TEST (a_rate_is_kept_to_the_microsecond)
{
  /* 1000 bytes at 3 Mb/s: 2666.67 us each. */
  Run *run = begin ("rate=3M", NULL);
  send_many (run, 3000, 1000, 0);
  advance (run, 20 * BL_SECOND);
  ck_assert_uint_eq (run->arrived, 3000);
  ck_assert_int_eq (run->first_us, 2667);
  ck_assert_int_ge (run->last_us, 8000000);
  ck_assert_int_le (run->last_us, 8000001);
  end (run);
}
END_TEST

START_TEST (a_delay_comes_behind_the_queue)
{
  Run *run = begin ("rate=8M delay=40", NULL);
  send_many (run, 3, 1000, 0);
  advance (run, BL_SECOND);
  ck_assert_int_eq (run->at_us[0], 41000);
  ck_assert_int_eq (run->at_us[2], 43000);
  end (run);
}
END_TEST

START_TEST (jitter_keeps_the_order_unless_told_otherwise)
{
  static const struct {
    const char *settings;
    bool disorder;
  } cases[] = { { "delay=10 jitter=20", false },
                { "delay=10 jitter=20 reorder=yes", true } };
  for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
    Run *run = begin (cases[i].settings, NULL);
    BlTime most = 0;
    send_many (run, 1000, 100, 1000);
    advance (run, 2 * BL_SECOND);
    for (unsigned n = 0; n < 1000; n++) {
      ck_assert_int_ge (run->at_us[n] - n * 1000, 10000);
      ck_assert_int_lt (run->at_us[n] - n * 1000, 30000);
      most = MAX (most, run->at_us[n] - n * 1000);
    }
    ck_assert_int_gt (most, 29000);
    ck_assert_uint_eq (run->arrived, 1000);
    ck_assert ((run->disorder > 0) == cases[i].disorder);
    end (run);
  }
}
END_TEST

START_TEST (a_full_queue_drops_what_comes_last)
{
  static const struct {
    const char *settings;
    unsigned passed;
  } cases[] = {
    { "rate=8M queue=10000", 10 },
    { "rate=8M queue=10ms", 10 },
    { "rate=8M queue=3p", 3 },
    { "rate=8M queue=500", 1 },
    { "rate=8M", 100 },
  };
  for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
    Run *run = begin (cases[i].settings, NULL);
    send_many (run, 100, 1000, 0);
    advance (run, BL_SECOND);
    g_autofree ImpairStats *stats = take (run, BL_SECOND);
    ck_assert_uint_eq (run->arrived, cases[i].passed);
    for (unsigned n = 0; n < run->arrived; n++)
      ck_assert_int_ne (run->at_us[n], BL_TIME_NEVER);
    ck_assert_uint_eq (stats->drops[IMPAIR_DROP_QUEUE].packets,
                       100 - cases[i].passed);
    ck_assert_uint_eq (stats->capacity_bytes, 1000000);
    ck_assert_int_eq (stats->waited_max_us, cases[i].passed * 1000);
    end (run);
  }
}
END_TEST

START_TEST (a_trace_delivers_at_its_opportunities_only)
{
  Run *run = begin ("", "5\n10\n10\n500\n");
  /* Small ones share an opportunity, large ones take their bytes from two. */
  send_one (run, 700, 0);
  send_one (run, 700, 0);
  send_one (run, 1504, 0);
  send_one (run, 1504, 20000);
  send_one (run, 100, 505000); /* that of 505 ms, the second time round */
  advance (run, 2 * BL_SECOND);
  ck_assert_int_eq (run->at_us[0], 5000);
  ck_assert_int_eq (run->at_us[1], 5000);
  ck_assert_int_eq (run->at_us[2], 10000);
  ck_assert_int_eq (run->at_us[3], 500000);
  ck_assert_int_eq (run->at_us[4], 505000);
  g_autofree ImpairStats *stats = take (run, BL_SECOND);
  ck_assert_uint_eq (stats->capacity_bytes, 7 * IMPAIR_TRACE_BYTES);
  end (run);
}
END_TEST

START_TEST (what_nobody_used_of_a_trace_is_gone)
{
  Run *run = begin ("", "10\n20\n30\n");
  send_one (run, 100, 25000);
  send_one (run, 1500, 25000); /* 96 bytes are left over for the next */
  send_one (run, 1404, 29999);
  advance (run, BL_SECOND);
  ck_assert_int_eq (run->at_us[0], 30000);
  ck_assert_int_eq (run->at_us[1], 40000);
  ck_assert_int_eq (run->at_us[2], 40000);
  end (run);
}
END_TEST

START_TEST (a_saturated_trace_carries_all_its_bytes)
{
  Run *run = begin ("offset=0.002", "1\n2\n3\n4\n");
  send_many (run, 4000, 1200, 0);
  advance (run, BL_SECOND);
  /* 1000 opportunities, the first after 1 ms, of 1504 bytes. */
  ck_assert_uint_eq (run->arrived, 1001 * IMPAIR_TRACE_BYTES / 1200);
  end (run);
}
END_TEST

START_TEST (a_trace_begins_when_it_is_set)
{
  Run *run = begin ("", NULL);
  run->trace = impair_trace_parse ("100\n200\n", 8, NULL);
  ImpairSettings settings = { .trace = run->trace };
  impair_lane_set (run->lane, &settings, START + 50000);
  send_one (run, 1000, 60000);
  settings.delay_us = 7000; /* which leaves the trace where it is */
  impair_lane_set (run->lane, &settings, START + 160000);
  send_one (run, 1000, 170000);
  advance (run, BL_SECOND);
  ck_assert_int_eq (run->at_us[0], 150000);
  ck_assert_int_eq (run->at_us[1], 257000);
  end (run);
}
END_TEST

START_TEST (an_outage_holds_the_queue_or_forgets_it)
{
  static const struct {
    const char *settings;
    unsigned arrived, outage;
  } cases[] = {
    { "rate=8M outages=0.1-0.6", 1000, 0 },
    { "rate=8M outages=0.1-0.6 in-outage=drop", 500, 500 },
    { "rate=8M outages=0.1-0.3:0.3-0.6 queue=20p", 519, 0 },
    { "outages=0.1-0.6 in-outage=drop", 500, 500 },
  };
  for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
    Run *run = begin (cases[i].settings, NULL);
    send_many (run, 1000, 1000, 1000);
    advance (run, 9 * BL_SECOND);
    g_autofree ImpairStats *stats = take (run, 9 * BL_SECOND);
    ck_assert_int_le (run->arrived > 0 ? run->at_us[98] : 0, 100000);
    for (unsigned n = 0; n < 1000; n++)
      ck_assert (run->at_us[n] <= 100000 || run->at_us[n] >= 600000);
    ck_assert_uint_eq (stats->drops[IMPAIR_DROP_OUTAGE].packets,
                       cases[i].outage);
    ck_assert_uint_eq (run->arrived, cases[i].arrived);
    end (run);
  }
}
END_TEST

START_TEST (a_cut_lasts_until_it_is_over_or_taken_back)
{
  Run *run = begin ("rate=8M", NULL);
  send_one (run, 1000, 0);
  advance (run, 10000);
  impair_lane_cut (run->lane, START + 50000, START + 10000);
  send_one (run, 1000, 20000);
  advance (run, 100000);
  impair_lane_cut (run->lane, BL_TIME_NEVER, START + 100000);
  send_one (run, 1000, 110000);
  ck_assert_int_eq (impair_lane_next (run->lane), BL_TIME_NEVER);
  impair_lane_cut (run->lane, START + 200000, START + 200000);
  advance (run, BL_SECOND);
  ck_assert_int_eq (run->at_us[0], 1000);
  ck_assert_int_eq (run->at_us[1], 51000);
  ck_assert_int_eq (run->at_us[2], 201000);
  g_autofree ImpairStats *stats = take (run, BL_SECOND);
  ck_assert_uint_eq (stats->capacity_bytes, 860000);
  end (run);
}
END_TEST

START_TEST (a_change_of_rate_holds_from_then_on)
{
  Run *run = begin ("rate=8M", NULL);
  ImpairSettings slower = run->lane->settings;
  slower.rate_bps = 800000;
  send_many (run, 20, 1000, 0);
  advance (run, 5000);
  impair_lane_set (run->lane, &slower, START + 5000);
  advance (run, BL_SECOND);
  ck_assert_int_eq (run->at_us[4], 5000);
  ck_assert_int_eq (run->at_us[5], 15000);
  ck_assert_int_eq (run->at_us[19], 155000);
  end (run);
}
END_TEST

START_TEST (marks_are_for_those_that_waited)
{
  Run *run = begin ("rate=8M mark=5", NULL);
  uint8_t ect[1000] = { 0x45, 0x01 }, not_ect[1000] = { 0x45, 0x00 };
  unsigned marked = 0, seen = 0;
  for (unsigned i = 0; i < 10; i++) {
    impair_lane_push (run->lane, ect, sizeof ect, START);
    impair_lane_push (run->lane, not_ect, sizeof not_ect, START);
  }
  const ImpairPacket *packet;
  while ((packet = impair_lane_pop (run->lane, START + BL_SECOND))) {
    bool is_marked = (packet->bytes[1] & 3) == 3;
    /* The first to wait 5 ms is the fifth, the odd ones are ECT. */
    ck_assert (is_marked == (seen >= 4 && seen % 2 == 0));
    marked += is_marked;
    seen++;
  }
  g_autofree ImpairStats *stats = take (run, BL_SECOND);
  ck_assert_uint_eq (stats->marked, marked);
  end (run);
}
END_TEST

START_TEST (what_enters_is_accounted_for)
{
  Run *run = begin ("rate=2M queue=50ms delay=30 jitter=10 loss=0.1 "
                    "outages=1-1.5 in-outage=drop",
                    NULL);
  send_many (run, 2000, 1000, 2000);
  g_autofree ImpairStats *early = take (run, 2 * BL_SECOND);
  advance (run, 9 * BL_SECOND);
  g_autofree ImpairStats *late = take (run, 9 * BL_SECOND);
  const ImpairStats *total = &run->lane->total;
  uint64_t gone = 0;
  for (unsigned i = 0; i < IMPAIR_N_DROPS; i++)
    gone += total->drops[i].packets;
  ck_assert_uint_eq (total->in.packets, 2000);
  ck_assert_uint_eq (total->out.packets, run->arrived);
  ck_assert_uint_eq (total->out.packets + gone, 2000);
  ck_assert_uint_eq (early->in.packets + late->in.packets, 2000);
  ck_assert_uint_gt (total->drops[IMPAIR_DROP_LOSS].packets, 0);
  ck_assert_uint_gt (total->drops[IMPAIR_DROP_OUTAGE].packets, 0);
  ck_assert_uint_le (impair_stats_quantile_ms (total, 0.95), 50);
  end (run);
}
END_TEST

START_TEST (more_than_the_store_holds_is_dropped)
{
  Run *run = begin ("rate=1k", NULL);
  send_many (run, IMPAIR_STORE + 10, 100, 0);
  g_autofree ImpairStats *stats = take (run, 0);
  ck_assert_uint_eq (stats->drops[IMPAIR_DROP_QUEUE].packets, 10);
  uint8_t large[IMPAIR_MAX_PACKET + 1] = { 0 };
  impair_lane_push (run->lane, large, sizeof large, START);
  ck_assert_uint_eq (run->lane->recent.drops[IMPAIR_DROP_REFUSED].packets, 1);
  end (run);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("impair/lane");
  TCase *tcase = tcase_create ("lane");
  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, a_link_without_settings_passes_all_at_once);
  tcase_add_test (tcase, a_rate_is_kept_to_the_microsecond);
  tcase_add_test (tcase, a_delay_comes_behind_the_queue);
  tcase_add_test (tcase, jitter_keeps_the_order_unless_told_otherwise);
  tcase_add_test (tcase, a_full_queue_drops_what_comes_last);
  tcase_add_test (tcase, a_trace_delivers_at_its_opportunities_only);
  tcase_add_test (tcase, what_nobody_used_of_a_trace_is_gone);
  tcase_add_test (tcase, a_saturated_trace_carries_all_its_bytes);
  tcase_add_test (tcase, a_trace_begins_when_it_is_set);
  tcase_add_test (tcase, an_outage_holds_the_queue_or_forgets_it);
  tcase_add_test (tcase, a_cut_lasts_until_it_is_over_or_taken_back);
  tcase_add_test (tcase, a_change_of_rate_holds_from_then_on);
  tcase_add_test (tcase, marks_are_for_those_that_waited);
  tcase_add_test (tcase, what_enters_is_accounted_for);
  tcase_add_test (tcase, more_than_the_store_holds_is_dropped);
  return run_suite (suite);
}
