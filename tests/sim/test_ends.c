/* SPDX-License-Identifier: Apache-2.0
 *
 * Both ends over links that lose packets in bursts, with bounds. All figures
 * are of one seed and so always the same. `ends --help` runs the same by hand.
 */
#include "ends.h"

#include "run_suite.h"

static const struct {
  const char *what;
  double loss, second; /* of a second link; 0: there is none */
  BlTime p95_us;       /* at most */
  double frozen;       /* at most */
  uint64_t kbps;       /* of pictures shown, at least; of 6000 */
} links[] = {
  { "nothing lost", 0, 0, 60 * BL_MS, 0, 5900 },
  { "5 %", .05, 0, 150 * BL_MS, .001, 4500 },
  { "10 %", .1, 0, 200 * BL_MS, .003, 3600 },
  { "20 %", .2, 0, 300 * BL_MS, .02, 1900 },
  { "two that lose 10 % each", .1, .1, 140 * BL_MS, .001, 4500 },
};

static EndsOptions
options_of (int i)
{
  EndsOptions o = ends_options ();
  if (links[i].loss > 0)
    ends_set_bursts (&o.links[0], links[i].loss, 5);
  if (links[i].second > 0) {
    ends_set_bursts (&o.links[1], links[i].second, 5);
    o.links[1].delay_us = 40 * BL_MS;
    o.links[1].seed = 2;
    o.n_paths = 2;
  }
  return o;
}

START_TEST (bursts_of_loss_leave_the_picture_fresh)
{
  EndsOptions o = options_of (_i);
  EndsResult r = ends_run (&o);
  ck_assert_msg (r.delay_p95_us <= links[_i].p95_us, "%s: p95 %d ms",
                 links[_i].what, (int)(r.delay_p95_us / BL_MS));
  ck_assert_msg (r.frozen <= links[_i].frozen, "%s: %f frozen", links[_i].what,
                 r.frozen);
  ck_assert_msg (r.shown_bps >= links[_i].kbps * 1000, "%s: %d kb/s",
                 links[_i].what, (int)(r.shown_bps / 1000));
  ck_assert_msg ((r.fec_packets > 0) == (links[_i].loss > 0),
                 "%s: %d repair packets", links[_i].what, (int)r.fec_packets);
}
END_TEST

START_TEST (repair_packets_bring_back_what_would_cost_a_round_trip)
{
  EndsOptions o = options_of (2);
  EndsResult with = ends_run (&o);
  o.fec = false;
  EndsResult without = ends_run (&o);
  ck_assert_uint_gt (with.fec_recovered, with.lost_packets / 4);
  ck_assert_uint_eq (without.fec_recovered, 0);
  ck_assert_uint_lt (with.rtx_packets, without.rtx_packets);
  ck_assert_int_lt (with.delay_p50_us, without.delay_p50_us);
}
END_TEST

/* In an outage sound goes on: neither what of it lies in the queue nor what its
 * round trips say may keep pictures back for long. */
START_TEST (pictures_are_back_soon_after_outages_of_a_narrow_link)
{
  static const SimPiece pieces[]
      = { { 10000, 300000 }, { 8000, 0 },      { 7000, 300000 },
          { 4000, 0 },       { 8000, 300000 }, { 2000, 0 },
          { 8000, 300000 },  { 10000, 0 },     { 8000, 300000 } };
  SimTrace trace;
  sim_trace_pieces (&trace, pieces, sizeof pieces / sizeof *pieces);
  EndsOptions o = ends_options ();
  o.links[0].trace = &trace;
  o.links[0].queue_bytes = 0;
  o.duration_us = trace.length_ms * BL_MS;
  EndsResult r = ends_run (&o);
  ck_assert_msg (r.frozen < r.own + 0.04, "%f frozen, the link's own gaps %f",
                 r.frozen, r.own);
  sim_trace_clear (&trace);
}
END_TEST

/* Drives that add to what waits in the link have a p95 of 112 to 116 ms. */
static const struct {
  uint64_t seed;
  uint64_t kbps; /* of pictures shown, at least */
} drives[] = { { 1, 1300 }, { 2, 1350 }, { 3, 950 } };

START_TEST (pictures_stay_fresh_where_the_rate_wanders)
{
  SimTrace trace;
  sim_trace_drive (&trace, 120, 300000, 6000000, drives[_i].seed);
  EndsOptions o = ends_options ();
  o.links[0].trace = &trace;
  o.links[0].queue_bytes = 0;
  o.duration_us = trace.length_ms * BL_MS;
  EndsResult r = ends_run (&o);
  ck_assert_msg (r.delay_p95_us <= 106 * BL_MS, "drive %d: p95 %d ms", _i + 1,
                 (int)(r.delay_p95_us / BL_MS));
  ck_assert_msg (r.frozen < r.own + 0.005,
                 "drive %d: %f frozen, the link's own gaps %f", _i + 1,
                 r.frozen, r.own);
  ck_assert_msg (r.shown_bps >= drives[_i].kbps * 1000, "drive %d: %d kb/s",
                 _i + 1, (int)(r.shown_bps / 1000));
  sim_trace_clear (&trace);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("sim/ends");
  TCase *tcase = tcase_create ("ends");
  tcase_set_timeout (tcase, 120);
  tcase_add_loop_test (tcase, bursts_of_loss_leave_the_picture_fresh, 0,
                       (int)(sizeof links / sizeof links[0]));
  tcase_add_test (tcase,
                  repair_packets_bring_back_what_would_cost_a_round_trip);
  tcase_add_test (tcase, pictures_are_back_soon_after_outages_of_a_narrow_link);
  tcase_add_loop_test (tcase, pictures_stay_fresh_where_the_rate_wanders, 0,
                       (int)(sizeof drives / sizeof drives[0]));
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
