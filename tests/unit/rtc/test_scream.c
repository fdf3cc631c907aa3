/* SPDX-License-Identifier: Apache-2.0
 *
 * The controller alone, against a link of the simplest kind: a constant rate, a
 * drop-tail queue, no frames. tests/sim has the others.
 */
#include "rtc/scream.h"

#include "rtc_bytes.h"
#include "run_suite.h"

#define PACKET_BYTES 1000
#define FEEDBACK_US  (10 * BL_MS)
#define TICK_US      (BlTime)100
#define MOST         4096 /* packets on their way */

static const BlScreamConfig usual = {
  .min_bps = 100000,
  .start_bps = 1000000,
  .max_bps = 6000000,
  .mss_bytes = PACKET_BYTES,
};

typedef struct {
  uint64_t rate_bps;
  BlTime delay_us; /* each way */
  BlTime queue_us; /* longest */
  unsigned mark_every;
  BlTime now, next_send, free_us, next_feedback;
  uint64_t seq, reported;
  BlTime arrivals[MOST]; /* 0: lost */
  uint64_t sum_bps, ticks;
} Link;

/* Large: not for the stack. */
static BlScream scream;
static Link path;

static void
open_link (uint64_t rate_bps, BlTime delay_us, BlTime queue_us)
{
  path = (Link){ .rate_bps = rate_bps,
                 .delay_us = delay_us,
                 .queue_us = queue_us };
}

static void
send_one (void)
{
  BlTime start = path.free_us > path.now ? path.free_us : path.now;
  BlTime *arrival = &path.arrivals[++path.seq % MOST];
  bl_scream_on_sent (&scream, path.seq, PACKET_BYTES, path.now);
  *arrival = 0;
  if (start - path.now > path.queue_us)
    return;
  path.free_us = start + PACKET_BYTES * 8 * BL_SECOND / (BlTime)path.rate_bps;
  *arrival = path.free_us + path.delay_us;
}

/* What had arrived a way back ago. */
static void
report (void)
{
  BlPacketResult results[MOST];
  size_t n = 0;
  BlTime until = path.now - path.delay_us;
  for (uint64_t seq = path.reported + 1; seq <= path.seq; seq++) {
    BlTime arrival = path.arrivals[seq % MOST];
    if (arrival > until)
      break;
    path.reported = seq;
    if (arrival == 0)
      continue;
    bool marked = path.mark_every > 0 && seq % path.mark_every == 0;
    results[n++] = (BlPacketResult){ .seq = seq,
                                     .received = true,
                                     .arrival_us = arrival,
                                     .ecn = marked ? BL_ECN_CE : BL_ECN_ECT1 };
  }
  bl_scream_on_feedback (&scream, results, n, path.now);
}

/* Sends at the target's rate, evenly; notes the targets of the time. */
static void
run_for (BlTime for_us)
{
  for (BlTime end = path.now + for_us; path.now < end; path.now += TICK_US) {
    uint64_t target = bl_scream_target_bps (&scream);
    while (path.next_send <= path.now
           && bl_scream_may_send (&scream, PACKET_BYTES, path.now)) {
      send_one ();
      path.next_send = path.now + PACKET_BYTES * 8 * BL_SECOND / (BlTime)target;
    }
    if (path.now >= path.next_feedback) {
      path.next_feedback += FEEDBACK_US;
      report ();
    }
    path.sum_bps += target;
    path.ticks++;
  }
}

/* The mean of a second's targets. */
static uint64_t
mean_of_a_second (void)
{
  path.sum_bps = path.ticks = 0;
  run_for (BL_SECOND);
  return path.sum_bps / path.ticks;
}

/* The facts of the issue and more: each second from the tenth to
 * the thirtieth has a mean target within these bounds. */
static const struct {
  const char *what;
  uint64_t rate_bps;
  BlTime delay_us, queue_us;
  uint64_t least_bps, most_bps;
  BlTime most_rtt_us;
} links[] = {
  { "2 Mb/s, 10 ms", 2000000, 10 * BL_MS, BL_SECOND, 1500000, 2500000,
    80 * BL_MS },
  { "5 Mb/s, a queue of three packets", 5000000, 25 * BL_MS,
    (BlTime)(2.5 * PACKET_BYTES * 8 / 5), 1500000, 5400000, 80 * BL_MS },
  { "1.5 Mb/s, 300 ms of queue", 1500000, 25 * BL_MS, 300 * BL_MS, 1100000,
    1700000, 90 * BL_MS },
  { "300 kb/s", 300000, 40 * BL_MS, BL_SECOND, 150000, 400000, 180 * BL_MS },
  { "100 Mb/s", 100000000, 5 * BL_MS, BL_SECOND, 6000000, 6000000, 15 * BL_MS },
};

START_TEST (packets_follow_faster_where_there_has_long_been_plenty)
{
  bl_scream_init (&scream, &usual);
  open_link (20000000, 10 * BL_MS, 300 * BL_MS);
  run_for (5 * BL_SECOND);
  ck_assert_uint_eq (bl_scream_target_bps (&scream), usual.max_bps);
  run_for (15 * BL_SECOND);
  ck_assert_uint_eq (bl_scream_pacing_bps (&scream, path.now),
                     4 * usual.max_bps);
  path.mark_every = 1;
  run_for (BL_SECOND / 2);
  ck_assert_uint_eq (bl_scream_pacing_bps (&scream, path.now),
                     2 * bl_scream_target_bps (&scream));
}
END_TEST

START_TEST (the_target_finds_the_links_rate)
{
  bl_scream_init (&scream, &usual);
  open_link (links[_i].rate_bps, links[_i].delay_us, links[_i].queue_us);
  run_for (10 * BL_SECOND);
  for (int i = 10; i < 30; i++) {
    uint64_t mean_bps = mean_of_a_second ();
    ck_assert_msg (
        mean_bps >= links[_i].least_bps && mean_bps <= links[_i].most_bps
            && scream.meter.smoothed_rtt_us <= links[_i].most_rtt_us,
        "%s, second %d: %d kb/s, round trip %d ms", links[_i].what, i,
        (int)(mean_bps / 1000), (int)(scream.meter.smoothed_rtt_us / 1000));
  }
}
END_TEST

START_TEST (alpha_is_the_share_of_marks)
{
  BlScreamConfig config = usual;
  config.l4s = true;
  bl_scream_init (&scream, &config);
  open_link (100000000, 25 * BL_MS, BL_SECOND);
  path.mark_every = 5;
  run_for (30 * BL_SECOND);
  ck_assert_uint_ge (scream.alpha_q16, 65536 * 19 / 100);
  ck_assert_uint_le (scream.alpha_q16, 65536 * 21 / 100);
  ck_assert_uint_lt (bl_scream_target_bps (&scream), usual.max_bps);
}
END_TEST

START_TEST (marks_slow_down_what_is_not_l4s_too)
{
  bl_scream_init (&scream, &usual);
  open_link (100000000, 25 * BL_MS, BL_SECOND);
  run_for (5 * BL_SECOND);
  ck_assert_uint_eq (bl_scream_target_bps (&scream), usual.max_bps);
  path.mark_every = 5;
  run_for (5 * BL_SECOND);
  ck_assert_uint_lt (bl_scream_target_bps (&scream), usual.max_bps / 2);
}
END_TEST

START_TEST (the_window_stops_what_a_dead_path_would_swallow)
{
  bl_scream_init (&scream, &usual);
  open_link (4000000, 25 * BL_MS, BL_SECOND);
  run_for (5 * BL_SECOND);
  ck_assert (!bl_scream_is_stalled (&scream, path.now));
  uint64_t before = path.seq;
  path.rate_bps = 1; /* for a packet, hours */
  run_for (300 * BL_MS);
  ck_assert (bl_scream_is_stalled (&scream, path.now));
  ck_assert (!bl_scream_may_send (&scream, PACKET_BYTES, path.now));
  ck_assert_uint_lt (path.seq - before, 60);
  /* A probe now and then, no more. */
  before = path.seq;
  run_for (5 * BL_SECOND);
  ck_assert_uint_ge (path.seq - before, 10);
  ck_assert_uint_le (path.seq - before, 30);
}
END_TEST

/* Sends until the path is full; the bytes of it. */
static int64_t
fill (void)
{
  int64_t bytes = 0;
  for (; !bl_scream_is_full (&scream) && bytes < 1000000; bytes += PACKET_BYTES)
    send_one ();
  return bytes;
}

START_TEST (a_path_is_full_with_more_than_its_window_on_the_way)
{
  bl_scream_init (&scream, &usual);
  open_link (4000000, 25 * BL_MS, BL_SECOND);
  ck_assert_int_eq (fill (), 1000000); /* nothing ever came back */
  bl_scream_init (&scream, &usual);
  open_link (4000000, 25 * BL_MS, BL_SECOND);
  run_for (5 * BL_SECOND);
  path.now += BL_SECOND;
  report ();
  int64_t window = scream.window_bytes, bytes = fill ();
  ck_assert_int_gt (bytes, window);
  ck_assert_int_le (bytes, window + PACKET_BYTES);
  /* What has begun may still leave. */
  ck_assert (bl_scream_may_send (&scream, PACKET_BYTES, path.now));
  path.now += BL_SECOND;
  report ();
  ck_assert (!bl_scream_is_full (&scream));
}
END_TEST

/* Of so many packets of sound, one each 20 ms, how many leave into an outage.
 */
static unsigned
sound_in_outage (unsigned n)
{
  unsigned left = 0;
  for (unsigned i = 0; i < n; i++, path.now += 20 * BL_MS) {
    if (bl_scream_sound_waits (&scream, path.now))
      continue;
    bl_scream_on_sent (&scream, ++path.seq, PACKET_BYTES / 10, path.now);
    left++;
  }
  return left;
}

START_TEST (in_an_outage_sound_fills_the_window_and_no_more)
{
  bl_scream_init (&scream, &usual);
  open_link (500000, 25 * BL_MS, BL_SECOND);
  ck_assert_uint_eq (sound_in_outage (50), 50); /* nothing ever came back */
  for (uint64_t seq = 1; seq <= path.seq; seq++)
    path.arrivals[seq % MOST] = path.now - path.delay_us;
  report ();
  run_for (5 * BL_SECOND);
  unsigned window = (unsigned)scream.window_bytes / (PACKET_BYTES / 10);
  ck_assert_uint_eq (sound_in_outage (25), 25);
  unsigned left = sound_in_outage (400);
  ck_assert_uint_ge (left, 40);
  ck_assert_uint_le (left, 40 + window);
  ck_assert_uint_eq (sound_in_outage (50), 5);
  /* Perhaps only what comes back is lost. */
  sound_in_outage (50);
  ck_assert_uint_eq (sound_in_outage (50), 50);
  for (uint64_t seq = path.reported + 1; seq <= path.seq; seq++)
    path.arrivals[seq % MOST] = path.now - path.delay_us;
  report ();
  ck_assert_uint_eq (sound_in_outage (25), 25);
}
END_TEST

START_TEST (after_an_outage_the_rate_is_back_within_two_seconds)
{
  bl_scream_init (&scream, &usual);
  open_link (4000000, 25 * BL_MS, 10 * BL_SECOND);
  run_for (10 * BL_SECOND);
  path.free_us = path.now + 5 * BL_SECOND;
  run_for (7 * BL_SECOND);
  ck_assert_uint_ge (bl_scream_target_bps (&scream), 3000000);
}
END_TEST

START_TEST (after_a_fade_the_rate_is_back_within_three_seconds)
{
  bl_scream_init (&scream, &usual);
  open_link (4000000, 25 * BL_MS, 10 * BL_SECOND);
  run_for (10 * BL_SECOND);
  path.rate_bps = 250000;
  run_for (10 * BL_SECOND);
  ck_assert_uint_le (bl_scream_target_bps (&scream), 350000);
  path.rate_bps = 4000000;
  run_for (3 * BL_SECOND);
  ck_assert_uint_ge (bl_scream_target_bps (&scream), 3000000);
}
END_TEST

START_TEST (padding_is_wanted_only_where_more_could_be_sent)
{
  bl_scream_init (&scream, &usual);
  open_link (20000000, 25 * BL_MS, BL_SECOND);
  ck_assert_uint_eq (bl_scream_padding_bytes (&scream, 0), 0);
  /* An encoder that makes 300 kb/s whatever it is told. */
  for (BlTime end = 5 * BL_SECOND; path.now < end; path.now += TICK_US) {
    if (path.now % (30 * BL_MS) == 0)
      send_one ();
    if (path.now % FEEDBACK_US == 0)
      report ();
  }
  uint64_t held = bl_scream_target_bps (&scream);
  ck_assert_uint_lt (held, 2000000);
  ck_assert_uint_ge (bl_scream_padding_bytes (&scream, path.now), PACKET_BYTES);
  /* With padding it climbs. */
  for (BlTime end = path.now + 5 * BL_SECOND; path.now < end;
       path.now += TICK_US) {
    if (path.now % (30 * BL_MS) == 0
        || bl_scream_padding_bytes (&scream, path.now) >= PACKET_BYTES)
      send_one ();
    if (path.now % FEEDBACK_US == 0)
      report ();
  }
  ck_assert_uint_eq (bl_scream_target_bps (&scream), usual.max_bps);
  ck_assert_uint_eq (bl_scream_padding_bytes (&scream, path.now), 0);
}
END_TEST

START_TEST (a_new_highest_rate_holds_from_the_next_feedback)
{
  bl_scream_init (&scream, &usual);
  open_link (20000000, 25 * BL_MS, BL_SECOND);
  run_for (5 * BL_SECOND);
  bl_scream_set_max (&scream, 2000000);
  run_for (100 * BL_MS);
  ck_assert_uint_eq (bl_scream_target_bps (&scream), 2000000);
  bl_scream_set_max (&scream, 1);
  run_for (100 * BL_MS);
  ck_assert_uint_eq (bl_scream_target_bps (&scream), usual.min_bps);
}
END_TEST

START_TEST (the_same_input_gives_the_same_output)
{
  uint64_t targets[2][50];
  for (int take = 0; take < 2; take++) {
    bl_scream_init (&scream, &usual);
    open_link (3000000, 30 * BL_MS, 50 * BL_MS);
    for (int i = 0; i < 50; i++) {
      run_for (200 * BL_MS);
      targets[take][i] = bl_scream_target_bps (&scream);
    }
  }
  ck_assert_mem_eq (targets[0], targets[1], sizeof targets[0]);
}
END_TEST

static Suite *
suite (void)
{
  Suite *s = suite_create ("rtc/scream");
  TCase *tc = tcase_create ("scream");
  tcase_set_timeout (tc, 60);
  tcase_add_test (tc, packets_follow_faster_where_there_has_long_been_plenty);
  tcase_add_loop_test (tc, the_target_finds_the_links_rate, 0, N_OF (links));
  tcase_add_test (tc, alpha_is_the_share_of_marks);
  tcase_add_test (tc, marks_slow_down_what_is_not_l4s_too);
  tcase_add_test (tc, the_window_stops_what_a_dead_path_would_swallow);
  tcase_add_test (tc, a_path_is_full_with_more_than_its_window_on_the_way);
  tcase_add_test (tc, in_an_outage_sound_fills_the_window_and_no_more);
  tcase_add_test (tc, after_an_outage_the_rate_is_back_within_two_seconds);
  tcase_add_test (tc, after_a_fade_the_rate_is_back_within_three_seconds);
  tcase_add_test (tc, padding_is_wanted_only_where_more_could_be_sent);
  tcase_add_test (tc, a_new_highest_rate_holds_from_the_next_feedback);
  tcase_add_test (tc, the_same_input_gives_the_same_output);
  suite_add_tcase (s, tc);
  return s;
}

int
main (void)
{
  return run_suite (suite ());
}
