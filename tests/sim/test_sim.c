/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole uplinks in virtual time, with bounds. All figures are of one seed and
 * so always the same; the bounds leave what a small change of the controller
 * may need. `sim --help` runs the same by hand.
 */
#include "sim.h"

#include "run_suite.h"

#define N_OF(array) (sizeof (array) / sizeof (array)[0])
#define KBPS        UINT64_C (1000)

/* Links of a constant rate. */
static const struct {
  const char *what;
  SimLinkOptions link;
  SimFeedback feedback;
  BlTime feedback_us;
  uint32_t back_loss_ppm;
  double utilisation; /* at least */
  BlTime p95_us;      /* at most */
  double frozen;      /* share of time in gaps over 183 ms, at most */
} links[] = {
  { "20 Mb/s, nothing in the way",
    { .rate_bps = 20000 * KBPS, .delay_us = 25 * BL_MS },
    .utilisation = .95,
    .p95_us = 60 * BL_MS },
  { "1.5 Mb/s, 300 ms of drop-tail queue",
    { .rate_bps = 1500 * KBPS, .delay_us = 25 * BL_MS, .queue_bytes = 56250 },
    .utilisation = .85,
    .p95_us = 120 * BL_MS },
  { "300 kb/s, no end of queue",
    { .rate_bps = 300 * KBPS, .delay_us = 25 * BL_MS },
    .utilisation = .80,
    .p95_us = 150 * BL_MS },
  { "4 Mb/s, 200 ms there and back",
    { .rate_bps = 4000 * KBPS, .delay_us = 100 * BL_MS },
    .utilisation = .75,
    .p95_us = 160 * BL_MS },
  { "4 Mb/s, 10 ms there and back",
    { .rate_bps = 4000 * KBPS, .delay_us = 5 * BL_MS },
    .utilisation = .80,
    .p95_us = 70 * BL_MS },
  { "4 Mb/s, 10 ms of jitter",
    { .rate_bps = 4000 * KBPS,
      .delay_us = 25 * BL_MS,
      .jitter_us = 10 * BL_MS },
    .utilisation = .70,
    .p95_us = 90 * BL_MS },
  { "4 Mb/s by transport-cc",
    { .rate_bps = 4000 * KBPS, .delay_us = 25 * BL_MS },
    .feedback = SIM_TWCC,
    .utilisation = .80,
    .p95_us = 90 * BL_MS },
  { "4 Mb/s by transport-cc each 100 ms",
    { .rate_bps = 4000 * KBPS, .delay_us = 25 * BL_MS },
    .feedback = SIM_TWCC,
    .feedback_us = 100 * BL_MS,
    .utilisation = .80,
    .p95_us = 100 * BL_MS },
  { "4 Mb/s, three of ten reports lost",
    { .rate_bps = 4000 * KBPS, .delay_us = 25 * BL_MS },
    .back_loss_ppm = 300000,
    .utilisation = .70,
    .p95_us = 90 * BL_MS },
};

static SimOptions
options_for (const SimLinkOptions *link)
{
  SimOptions o = sim_options ();
  o.link = *link;
  o.link.seed = 1;
  return o;
}

static void
check_bounds (const char *what, const SimResult *r, double utilisation,
              BlTime p95_us, double late, double frozen)
{
  ck_assert_msg (r->utilisation >= utilisation && r->delay_p95_us <= p95_us
                     && r->late <= late && r->frozen_183 <= r->own_183 + frozen,
                 "%s: utilisation %.3f, p95 %d ms, late %.4f, frozen %.4f of "
                 "%.4f",
                 what, r->utilisation, (int)(r->delay_p95_us / BL_MS), r->late,
                 r->frozen_183, r->own_183);
}

START_TEST (a_constant_link_is_used_and_its_queue_stays_short)
{
  SimOptions o = options_for (&links[_i].link);
  o.feedback = links[_i].feedback;
  o.back_us = links[_i].link.delay_us;
  o.back_loss_ppm = links[_i].back_loss_ppm;
  if (links[_i].feedback_us > 0)
    o.feedback_us = links[_i].feedback_us;
  SimResult r = sim_run (&o);
  check_bounds (links[_i].what, &r, links[_i].utilisation, links[_i].p95_us, 0,
                links[_i].frozen);
}
END_TEST

/* Drives with fades to nothing: in a town, and far out. */
static const struct {
  const char *what;
  uint64_t least_bps, most_bps, seed;
  double utilisation;
  BlTime p95_us;
} drives[] = {
  { "fast, 1", 1000 * KBPS, 12000 * KBPS, 1, .70, 110 * BL_MS },
  { "fast, 2", 1000 * KBPS, 12000 * KBPS, 2, .70, 110 * BL_MS },
  { "fast, 3", 1000 * KBPS, 12000 * KBPS, 3, .70, 110 * BL_MS },
  { "slow, 1", 200 * KBPS, 2000 * KBPS, 1, .65, 150 * BL_MS },
  { "slow, 2", 200 * KBPS, 2000 * KBPS, 2, .65, 150 * BL_MS },
  { "slow, 3", 200 * KBPS, 2000 * KBPS, 3, .65, 150 * BL_MS },
};

START_TEST (a_drive_through_fades_stays_live)
{
  SimTrace trace;
  sim_trace_drive (&trace, 120, drives[_i].least_bps, drives[_i].most_bps,
                   drives[_i].seed);
  SimLinkOptions link = { .trace = &trace, .delay_us = 25 * BL_MS };
  SimOptions o = options_for (&link);
  o.duration_us = 120 * BL_SECOND;
  SimResult r = sim_run (&o);
  check_bounds (drives[_i].what, &r, drives[_i].utilisation, drives[_i].p95_us,
                .01, .01);
  sim_trace_clear (&trace);
}
END_TEST

/* Bursts of four packets on average, at 8 Mb/s. */
static SimResult
run_with_loss (double share)
{
  SimLinkOptions link
      = { .rate_bps = 8000 * KBPS,
          .delay_us = 25 * BL_MS,
          .queue_bytes = 200000,
          .bad_loss_ppm = 1000000,
          .to_good_ppm = 250000,
          .to_bad_ppm = (uint32_t)(share / (1 - share) * 250000) };
  SimOptions o = options_for (&link);
  return sim_run (&o);
}

START_TEST (loss_that_is_not_ours_does_not_slow_us_down)
{
  static const struct {
    double loss, share;
  } cases[] = { { .02, .85 }, { .05, .80 }, { .10, .60 }, { .20, .30 } };
  double lossless = run_with_loss (0).utilisation;
  for (size_t i = 0; i < N_OF (cases); i++) {
    SimResult r = run_with_loss (cases[i].loss);
    ck_assert_msg (r.utilisation >= cases[i].share * lossless,
                   "loss %.2f: %.3f of %.3f", cases[i].loss, r.utilisation,
                   lossless);
  }
}
END_TEST

START_TEST (loss_that_a_short_queue_makes_does)
{
  SimLinkOptions link = { .rate_bps = 5000 * KBPS,
                          .delay_us = 25 * BL_MS,
                          .queue_bytes = 3 * 1200 };
  SimOptions o = options_for (&link);
  SimResult r = sim_run (&o);
  ck_assert_msg (r.lost < .05 && r.utilisation > .5, "lost %.3f, used %.3f",
                 r.lost, r.utilisation);
}
END_TEST

START_TEST (after_a_fade_the_rate_is_back_within_three_seconds)
{
  static const SimPiece pieces[]
      = { { 20000, 4000 * KBPS }, { 8000, 250 * KBPS }, { 3000, 4000 * KBPS } };
  SimTrace trace;
  sim_trace_pieces (&trace, pieces, N_OF (pieces));
  SimLinkOptions link = { .trace = &trace, .delay_us = 25 * BL_MS };
  SimOptions o = options_for (&link);
  o.duration_us = 31 * BL_SECOND;
  SimResult r = sim_run (&o);
  ck_assert_uint_ge (r.target_bps, 3000 * KBPS);
  sim_trace_clear (&trace);
}
END_TEST

START_TEST (after_an_outage_the_rate_is_back_within_three_seconds)
{
  static const struct {
    BlTime dead_us;
  } outages[] = { { 2 * BL_SECOND }, { 10 * BL_SECOND }, { 60 * BL_SECOND } };
  BlTime from = 15 * BL_SECOND, until = from + outages[_i].dead_us;
  SimLinkOptions link = { .rate_bps = 4000 * KBPS,
                          .delay_us = 25 * BL_MS,
                          .dead_from_us = from,
                          .dead_until_us = until };
  SimOptions o = options_for (&link);
  o.duration_us = until + 3 * BL_SECOND;
  SimResult r = sim_run (&o);
  ck_assert_uint_ge (r.target_bps, 2800 * KBPS);
  ck_assert_double_lt (r.frozen_183, (double)(outages[_i].dead_us + BL_SECOND)
                                         / (double)o.duration_us);
}
END_TEST

START_TEST (a_marking_queue_is_kept_short_without_loss_of_rate)
{
  SimLinkOptions link
      = { .rate_bps = 4000 * KBPS, .delay_us = 25 * BL_MS, .mark_bytes = 7500 };
  SimOptions o = options_for (&link);
  o.l4s = true;
  SimResult r = sim_run (&o);
  check_bounds ("L4S", &r, .60, 75 * BL_MS, 0, 0);
}
END_TEST

START_TEST (an_encoder_that_makes_too_little_or_too_much_is_borne)
{
  static const struct {
    uint32_t percent;
    double utilisation;
  } encoders[] = { { 70, .65 }, { 85, .70 }, { 120, .80 } };
  SimLinkOptions link = { .rate_bps = 3000 * KBPS, .delay_us = 25 * BL_MS };
  SimOptions o = options_for (&link);
  o.encoder_percent = encoders[_i].percent;
  SimResult r = sim_run (&o);
  check_bounds ("encoder", &r, encoders[_i].utilisation, 120 * BL_MS, 0, 0);
}
END_TEST

START_TEST (with_padding_the_rate_climbs_though_the_picture_is_still)
{
  SimLinkOptions link = { .rate_bps = 20000 * KBPS, .delay_us = 25 * BL_MS };
  SimOptions o = options_for (&link);
  o.encoder_percent = 15;
  o.duration_us = 20 * BL_SECOND;
  SimResult without = sim_run (&o);
  o.padding = true;
  SimResult with = sim_run (&o);
  ck_assert_uint_lt (without.target_bps, 3000 * KBPS);
  ck_assert_uint_eq (with.target_bps, o.cap_bps);
}
END_TEST

START_TEST (the_same_options_give_the_same_run)
{
  SimTrace trace;
  sim_trace_drive (&trace, 30, 500 * KBPS, 6000 * KBPS, 9);
  SimLinkOptions link
      = { .trace = &trace, .delay_us = 25 * BL_MS, .loss_ppm = 10000 };
  SimOptions o = options_for (&link);
  o.duration_us = 30 * BL_SECOND;
  SimResult one = sim_run (&o), two = sim_run (&o);
  ck_assert_uint_eq (one.frames, two.frames);
  ck_assert_uint_eq (one.target_bps, two.target_bps);
  ck_assert_int_eq (one.delay_p99_us, two.delay_p99_us);
  ck_assert_double_eq (one.utilisation, two.utilisation);
  sim_trace_clear (&trace);
}
END_TEST

/* The link itself: what it is told to be, it is. */

static SimLink link_in_test; /* large: not for the stack */

START_TEST (a_link_carries_its_rate_and_delay)
{
  const SimLinkOptions o = { .rate_bps = 1000 * KBPS, .delay_us = 25 * BL_MS };
  BlTime arrival_us;
  bool marked;
  sim_link_init (&link_in_test, &o);
  for (int i = 1; i <= 10; i++) {
    ck_assert (sim_link_put (&link_in_test, 1250, 0, &arrival_us, &marked));
    ck_assert_int_eq (arrival_us, i * 10 * BL_MS + 25 * BL_MS);
  }
}
END_TEST

START_TEST (a_trace_carries_1504_bytes_at_each_of_its_times)
{
  uint32_t at_ms[] = { 10, 20, 20, 50 };
  const SimTrace trace = { .at_ms = at_ms, .count = 4, .length_ms = 50 };
  const SimLinkOptions o = { .trace = &trace };
  /* The second time round begins at 50 ms. */
  static const BlTime expected[] = { 10, 20, 20, 50, 60, 70, 70, 100 };
  BlTime arrival_us;
  bool marked;
  sim_link_init (&link_in_test, &o);
  for (size_t i = 0; i < N_OF (expected); i++) {
    ck_assert (sim_link_put (&link_in_test, SIM_OPPORTUNITY_BYTES, 0,
                             &arrival_us, &marked));
    ck_assert_int_eq (arrival_us, expected[i] * BL_MS);
  }
  /* What nobody used is gone, and two small packets share one. */
  sim_link_init (&link_in_test, &o);
  sim_link_put (&link_in_test, 700, 15 * BL_MS, &arrival_us, &marked);
  ck_assert_int_eq (arrival_us, 20 * BL_MS);
  sim_link_put (&link_in_test, 700, 15 * BL_MS, &arrival_us, &marked);
  ck_assert_int_eq (arrival_us, 20 * BL_MS);
  ck_assert_int_eq (sim_trace_gaps (&trace, 100 * BL_MS, 15 * BL_MS),
                    60 * BL_MS);
  ck_assert_uint_eq (sim_link_capacity (&o, 100 * BL_MS, 10000000),
                     7 * SIM_OPPORTUNITY_BYTES);
}
END_TEST

START_TEST (a_full_queue_drops_and_a_long_one_marks)
{
  const SimLinkOptions o
      = { .rate_bps = 1000 * KBPS, .queue_bytes = 5000, .mark_bytes = 2000 };
  BlTime arrival_us;
  bool marked;
  sim_link_init (&link_in_test, &o);
  for (int i = 0; i < 5; i++) {
    ck_assert (sim_link_put (&link_in_test, 1000, 0, &arrival_us, &marked));
    ck_assert_int_eq (marked, i >= 3);
  }
  ck_assert (!sim_link_put (&link_in_test, 1000, 0, &arrival_us, &marked));
  ck_assert (
      sim_link_put (&link_in_test, 1000, 8 * BL_MS, &arrival_us, &marked));
}
END_TEST

START_TEST (a_lossy_link_loses_its_share)
{
  const SimLinkOptions lossy[] = {
    { .rate_bps = 1000 * KBPS, .loss_ppm = 50000, .seed = 3 },
    { .rate_bps = 1000 * KBPS,
      .to_bad_ppm = 13158,
      .to_good_ppm = 250000,
      .bad_loss_ppm = 1000000,
      .seed = 3 },
  };
  BlTime arrival_us;
  bool marked;
  for (size_t i = 0; i < N_OF (lossy); i++) {
    unsigned lost = 0;
    sim_link_init (&link_in_test, &lossy[i]);
    for (BlTime t = 0; t < 100000; t++)
      lost += !sim_link_put (&link_in_test, 1, t * BL_MS, &arrival_us, &marked);
    ck_assert_uint_ge (lost, 4600);
    ck_assert_uint_le (lost, 5400);
  }
}
END_TEST

static Suite *
suite (void)
{
  Suite *s = suite_create ("sim");
  TCase *tc = tcase_create ("uplinks");
  tcase_set_timeout (tc, 120);
  tcase_add_loop_test (tc, a_constant_link_is_used_and_its_queue_stays_short, 0,
                       N_OF (links));
  tcase_add_loop_test (tc, a_drive_through_fades_stays_live, 0, N_OF (drives));
  tcase_add_test (tc, loss_that_is_not_ours_does_not_slow_us_down);
  tcase_add_test (tc, loss_that_a_short_queue_makes_does);
  tcase_add_test (tc, after_a_fade_the_rate_is_back_within_three_seconds);
  tcase_add_loop_test (
      tc, after_an_outage_the_rate_is_back_within_three_seconds, 0, 3);
  tcase_add_test (tc, a_marking_queue_is_kept_short_without_loss_of_rate);
  tcase_add_loop_test (
      tc, an_encoder_that_makes_too_little_or_too_much_is_borne, 0, 3);
  tcase_add_test (tc, with_padding_the_rate_climbs_though_the_picture_is_still);
  tcase_add_test (tc, the_same_options_give_the_same_run);
  suite_add_tcase (s, tc);

  tc = tcase_create ("link");
  tcase_add_test (tc, a_link_carries_its_rate_and_delay);
  tcase_add_test (tc, a_trace_carries_1504_bytes_at_each_of_its_times);
  tcase_add_test (tc, a_full_queue_drops_and_a_long_one_marks);
  tcase_add_test (tc, a_lossy_link_loses_its_share);
  suite_add_tcase (s, tc);
  return s;
}

int
main (void)
{
  return run_suite (suite ());
}
