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
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
