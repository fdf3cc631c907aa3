/* SPDX-License-Identifier: Apache-2.0
 *
 * The estimate against a simulated link: a queue of so many bytes that drains
 * at so many bits a second, in steps of a millisecond, with a real receiver of
 * transport-cc behind it.
 */
#include "rtc/downlink.h"

#include <string.h>

#include "rtc/rtcp.h"
#include "run_suite.h"

#define PACKET      1200 /* bytes, at most */
#define SOUND       160
#define FRAME_MS    33
#define FEEDBACK_MS 100
#define WAY_MS      20 /* each way, without the queue */
#define MAX_QUEUED  8192
#define MAX_BACK    64
#define CLOCK_US    (500 * BL_SECOND) /* the receiver's clock is elsewhere */

/* A kind of stream: frames of so many bytes, every n-th a keyframe. */
typedef struct {
  uint32_t frame, keyframe;
  unsigned keyframe_every;
} Stream;

static const Stream full = { 10000, 30000, 60 }; /* about 2.7 Mb/s */
static const Stream keys = { 0, 30000, 120 };
static const Stream none = { 0, 0, 1 };

typedef struct {
  uint16_t seq;
  uint16_t bytes;
} Queued;

typedef struct {
  BlTime due;
  size_t length;
  uint8_t data[1200];
} Back;

static struct {
  BlDownlink link;
  BlTwccReceiver receiver;
  BlTime now;
  uint16_t next_seq;

  /* What the link is like. */
  uint32_t rate_bps, queue_bytes;
  double loss; /* at random */
  bool cut, feedback_lost, lumpy;
  int64_t drift_ppm;

  Queued queue[MAX_QUEUED];
  unsigned first, n;
  uint32_t queued_bytes;
  int64_t credit; /* bits it may carry */
  Back back[MAX_BACK];
  unsigned n_back;
  uint32_t random;
  uint64_t frames;
  unsigned pace_left; /* bytes of a keyframe that wait for their pace */
  uint32_t pace_bps;  /* 0: all at once */
  int64_t pace_credit;
} sim;

static void
set_up (void)
{
  memset (&sim, 0, sizeof sim);
  sim.random = 1;
  sim.now = 100 * BL_SECOND;
  sim.rate_bps = 20000000;
  sim.queue_bytes = 200000;
  bl_downlink_init (&sim.link, sim.now);
  bl_twcc_receiver_init (&sim.receiver);
}

static double
chance (void)
{
  sim.random = sim.random * 1664525 + 1013904223;
  return (sim.random >> 8) / (double)(1 << 24);
}

static void
send_packet (uint32_t bytes)
{
  uint16_t seq = sim.next_seq++;
  bl_downlink_on_sent (&sim.link, seq, bytes, sim.now);
  if (sim.cut || sim.queued_bytes + bytes > sim.queue_bytes
      || sim.n == MAX_QUEUED)
    return;
  sim.queue[(sim.first + sim.n++) % MAX_QUEUED]
      = (Queued){ seq, (uint16_t)bytes };
  sim.queued_bytes += bytes;
}

static void
send_bytes (uint32_t bytes)
{
  for (; bytes > 0; bytes -= bytes < PACKET ? bytes : PACKET)
    send_packet (bytes < PACKET ? bytes : PACKET);
}

static void
send_stream (const Stream *stream)
{
  if (sim.now / BL_MS % 20 == 0)
    send_packet (SOUND);
  if (sim.now / BL_MS % FRAME_MS == 0) {
    bool key = sim.frames++ % stream->keyframe_every == 0;
    uint32_t bytes = key ? stream->keyframe : stream->frame;
    if (sim.pace_bps && key)
      sim.pace_left = bytes;
    else
      send_bytes (bytes);
  }
  sim.pace_credit += sim.pace_bps / 1000;
  if (sim.pace_left == 0 && sim.pace_credit > 0)
    sim.pace_credit = 0;
  for (; sim.pace_left > 0 && sim.pace_credit > 0;) {
    uint32_t bytes = sim.pace_left < PACKET ? sim.pace_left : PACKET;
    send_packet (bytes);
    sim.pace_left -= bytes;
    sim.pace_credit -= bytes * 8;
  }
}

static void
carry (void)
{
  sim.credit += sim.rate_bps / 1000;
  if (sim.lumpy && sim.now / BL_MS % 50 != 0)
    return;
  while (sim.n > 0 && sim.credit >= sim.queue[sim.first].bytes * 8) {
    Queued packet = sim.queue[sim.first];
    sim.first = (sim.first + 1) % MAX_QUEUED;
    sim.n--;
    sim.queued_bytes -= packet.bytes;
    sim.credit -= packet.bytes * 8;
    int64_t clock = sim.now + CLOCK_US + WAY_MS * BL_MS
                    + sim.now / 1000000 * sim.drift_ppm;
    if (chance () >= sim.loss)
      bl_twcc_receiver_on_packet (&sim.receiver, packet.seq, clock);
  }
  if (sim.n == 0)
    sim.credit = 0;
}

static void
write_feedback (void)
{
  while (bl_twcc_receiver_has_news (&sim.receiver)) {
    ck_assert_uint_lt (sim.n_back, MAX_BACK);
    Back *back = &sim.back[sim.n_back++];
    BlWriter w = bl_writer (back->data, sizeof back->data);
    ck_assert (bl_twcc_receiver_write (&sim.receiver, &w, 1, 2));
    back->length = bl_writer_length (&w);
    back->due = sim.now + 2 * WAY_MS * BL_MS;
    if (sim.feedback_lost && chance () < 0.3)
      sim.n_back--;
  }
}

static BlTwccFeedback
parse (const uint8_t *data, size_t length)
{
  BlRtcpIter iter;
  BlRtcpPacket packet;
  BlRtcpFeedback common;
  BlTwccFeedback feedback;
  ck_assert (bl_rtcp_open (&iter, data, length) == BL_RTCP_OK);
  ck_assert (bl_rtcp_next (&iter, &packet));
  ck_assert (bl_rtcp_read_feedback (&packet, &common));
  ck_assert (bl_twcc_parse (common.fci, common.fci_length, &feedback)
             == BL_TWCC_OK);
  return feedback;
}

static void
read_feedback (void)
{
  while (sim.n_back > 0 && sim.back[0].due <= sim.now) {
    BlTwccFeedback feedback = parse (sim.back[0].data, sim.back[0].length);
    bl_downlink_on_feedback (&sim.link, &feedback, sim.now);
    memmove (sim.back, sim.back + 1, --sim.n_back * sizeof *sim.back);
  }
}

/* Runs for `ms`, or until the link's judgement is `until` (0, 1; or -1: all the
 * time); gives how long it took. */
static int
run (const Stream *stream, int ms, int until)
{
  int t = 0;
  for (; t < ms && (int)sim.link.overloaded != until; t++) {
    sim.now += BL_MS;
    send_stream (stream);
    carry ();
    if (sim.now / BL_MS % FEEDBACK_MS == 0)
      write_feedback ();
    read_feedback ();
  }
  return t;
}

#define assert_within(value, low, high)                                        \
  do {                                                                         \
    ck_assert_int_ge (value, low);                                             \
    ck_assert_int_le (value, high);                                            \
  } while (0)

START_TEST (it_is_small)
{
  ck_assert_uint_le (sizeof (BlDownlink), 4096 + 320);
}
END_TEST

START_TEST (a_stream_that_fits_is_no_overload)
{
  ck_assert_int_eq (run (&full, 120000, 1), 120000);
  ck_assert_uint_eq (sim.link.loss, 0);
  ck_assert_uint_eq (sim.link.carried_bps, 0);
  ck_assert (sim.link.has_feedback);
}
END_TEST

START_TEST (a_tight_link_is_no_overload_though_keyframes_queue)
{
  sim.rate_bps = 3300000;
  ck_assert_int_eq (run (&full, 60000, 1), 60000);
}
END_TEST

static const struct {
  uint32_t rate_bps, queue_bytes;
  int within_ms;
} narrow[] = {
  { 1000000, 200000, 2500 }, { 1000000, 1000000, 2500 },
  { 2000000, 200000, 2500 }, { 300000, 60000, 2500 },
  { 1000000, 15000, 4000 }, /* hardly any queue: it loses instead */
  { 2000000, 15000, 4000 },
};

START_TEST (a_link_too_narrow_is_found_and_what_it_carries)
{
  sim.rate_bps = narrow[_i].rate_bps;
  sim.queue_bytes = narrow[_i].queue_bytes;
  ck_assert_int_lt (run (&full, 20000, 1), narrow[_i].within_ms);
  run (&full, 3000, -1);
  ck_assert (sim.link.overloaded);
  int rate_bps = (int)sim.rate_bps;
  assert_within ((int)sim.link.carried_bps, rate_bps * 85 / 100,
                 rate_bps * 110 / 100);
  /* What it showed while it was wider is forgotten. */
  ck_assert_uint_le (sim.link.shown_bps, sim.rate_bps * 12 / 10);
}
END_TEST

START_TEST (a_link_that_narrows_is_found_at_once)
{
  run (&full, 30000, -1);
  sim.rate_bps = 1000000;
  ck_assert_int_lt (run (&full, 20000, 1), 2000);
  ck_assert_uint_lt (sim.link.shown_bps, 1500000);
}
END_TEST

START_TEST (it_is_clear_again_once_less_is_sent)
{
  sim.rate_bps = 1000000;
  run (&full, 3000, -1);
  ck_assert (sim.link.overloaded);
  ck_assert_int_lt (run (&keys, 10000, 0), 5000);
  ck_assert_int_eq (run (&keys, 30000, 1), 30000);
}
END_TEST

START_TEST (random_loss_is_no_overload)
{
  static const double losses[] = { 0.01, 0.03, 0.06 };
  sim.loss = losses[_i];
  ck_assert_int_eq (run (&full, 60000, 1), 60000);
  ck_assert_uint_gt (sim.link.lost, 0);
}
END_TEST

START_TEST (an_outage_is_no_overload)
{
  static const int outages_ms[] = { 300, 1000, 3000, 10000 };
  run (&full, 10000, -1);
  sim.cut = true;
  run (&full, outages_ms[_i], -1);
  sim.cut = false;
  ck_assert_int_eq (run (&full, 20000, 1), 20000);
}
END_TEST

/* 20 % of all packets are lost, whatever is sent: that looks like an overload
 * until less is sent and as much is lost. */
START_TEST (loss_that_thinning_does_not_mend_is_the_links_own)
{
  sim.loss = 0.2;
  ck_assert_int_lt (run (&full, 20000, 1), 5000);
  run (&keys, 10000, -1);
  assert_within (sim.link.own_loss, 30, 75);
  ck_assert (!sim.link.overloaded);
  ck_assert_int_eq (run (&full, 20000, 1), 20000);
  /* Once it no longer loses them, that is forgotten too. */
  sim.loss = 0;
  run (&full, 20000, -1);
  ck_assert_uint_lt (sim.link.own_loss, 10);
}
END_TEST

START_TEST (a_paced_keyframe_shows_what_the_link_carries)
{
  static const struct {
    uint32_t rate_bps, pace_bps, low, high;
  } cases[] = {
    { 1000000, 1500000, 900000, 1150000 },  /* no more than it has */
    { 5000000, 1500000, 1350000, 1700000 }, /* no more than was tried */
    { 5000000, 8000000, 4300000, 5700000 },
  };
  sim.rate_bps = 1000000;
  run (&full, 3000, -1);
  sim.rate_bps = cases[_i].rate_bps;
  sim.pace_bps = cases[_i].pace_bps;
  run (&keys, 20000, -1);
  assert_within ((int)sim.link.shown_bps, (int)cases[_i].low,
                 (int)cases[_i].high);
}
END_TEST

/* As a radio does that sends every 50 ms what has gathered. */
START_TEST (a_link_that_hands_over_in_lumps_does_not_look_wide)
{
  sim.lumpy = true;
  sim.pace_bps = 1500000;
  sim.rate_bps = 2000000;
  run (&keys, 20000, -1);
  ck_assert_uint_lt (sim.link.shown_bps, 1700000);
}
END_TEST

START_TEST (what_was_shown_long_ago_is_forgotten)
{
  run (&full, 5000, -1);
  ck_assert_uint_gt (sim.link.shown_bps, 2000000);
  run (&none, 15000, -1);
  ck_assert_uint_lt (sim.link.shown_bps, 500000);
}
END_TEST

START_TEST (clocks_that_drift_are_no_queue)
{
  sim.drift_ppm = _i ? 300 : -300;
  ck_assert_int_eq (run (&full, 600000, 1), 600000);
}
END_TEST

START_TEST (lost_feedback_changes_nothing)
{
  sim.feedback_lost = true;
  ck_assert_int_eq (run (&full, 30000, 1), 30000);
  sim.rate_bps = 1000000;
  ck_assert_int_lt (run (&full, 20000, 1), 2500);
  run (&full, 3000, -1);
  assert_within ((int)sim.link.carried_bps, 850000, 1150000);
}
END_TEST

START_TEST (a_join_is_pardoned_but_not_a_second_of_queue)
{
  sim.rate_bps = 3300000;
  run (&none, 5000, -1);
  bl_downlink_pardon (&sim.link, sim.now + 3 * BL_SECOND);
  send_bytes (190000);
  ck_assert_int_eq (run (&full, 3000, 1), 3000);
  sim.rate_bps = 1000000;
  sim.queue_bytes = 1000000;
  bl_downlink_pardon (&sim.link, sim.now + 30 * BL_SECOND);
  ck_assert_int_lt (run (&full, 30000, 1), 4000);
}
END_TEST

START_TEST (feedback_on_what_was_never_sent_is_ignored)
{
  for (unsigned i = 0; i < 2000; i++)
    bl_twcc_receiver_on_packet (&sim.receiver, (uint16_t)(i * 31),
                                (BlTime)i * BL_SECOND);
  uint8_t data[1200];
  BlWriter w = bl_writer (data, sizeof data);
  while (bl_twcc_receiver_write (&sim.receiver, &w, 1, 2)) {
    BlTwccFeedback feedback = parse (data, bl_writer_length (&w));
    bl_downlink_on_feedback (&sim.link, &feedback, sim.now);
    w = bl_writer (data, sizeof data);
  }
  ck_assert_uint_eq (sim.link.received + sim.link.lost, 0);
  ck_assert (!sim.link.overloaded);
}
END_TEST

START_TEST (a_status_counts_once_however_often_it_comes)
{
  run (&full, 1000, -1);
  uint64_t received = sim.link.received;
  write_feedback ();
  ck_assert_uint_gt (sim.n_back, 0);
  BlTwccFeedback feedback = parse (sim.back[0].data, sim.back[0].length);
  bl_downlink_on_feedback (&sim.link, &feedback, sim.now);
  uint64_t once = sim.link.received;
  ck_assert_uint_gt (once, received);
  for (int i = 0; i < 100; i++)
    bl_downlink_on_feedback (&sim.link, &feedback, sim.now);
  ck_assert_uint_eq (sim.link.received, once);
}
END_TEST

/* ---- without transport-cc ---- */

/* A report each `ms`, for `seconds`. */
static void
report (uint8_t loss, int64_t rtt_us, int ms, int seconds)
{
  for (int t = 0; t < seconds * 1000; t += ms) {
    for (int i = 0; i < ms; i++) {
      sim.now += BL_MS;
      bl_downlink_on_sent (&sim.link, 0, 300, sim.now); /* 2.4 Mb/s */
    }
    bl_downlink_on_report (&sim.link, loss, rtt_us, sim.now);
  }
}

START_TEST (reports_without_loss_or_delay_are_no_overload)
{
  report (5, 40 * BL_MS, 1000, 60);
  ck_assert (!sim.link.overloaded);
}
END_TEST

START_TEST (reported_loss_is_an_overload_and_tells_what_was_carried)
{
  report (0, 40 * BL_MS, 1000, 10);
  report (128, 40 * BL_MS, 1000, 1);
  ck_assert (!sim.link.overloaded);
  report (128, 40 * BL_MS, 1000, 2);
  ck_assert (sim.link.overloaded);
  assert_within ((int)sim.link.carried_bps, 1100000, 1300000);
  report (0, 40 * BL_MS, 1000, 3);
  ck_assert (!sim.link.overloaded);
}
END_TEST

START_TEST (a_round_trip_that_grows_is_a_queue)
{
  report (0, 40 * BL_MS, 1000, 10);
  report (0, 250 * BL_MS, 1000, 3);
  ck_assert (sim.link.overloaded);
  report (0, 60 * BL_MS, 1000, 3);
  ck_assert (!sim.link.overloaded);
}
END_TEST

START_TEST (reports_are_ignored_once_transport_cc_has_come)
{
  run (&full, 5000, -1);
  report (255, 3 * BL_SECOND, 1000, 10);
  ck_assert (!sim.link.overloaded);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("rtc/downlink");
  TCase *tcase = tcase_create ("downlink");
  tcase_set_timeout (tcase, 60);
  tcase_add_checked_fixture (tcase, set_up, NULL);
  tcase_add_test (tcase, it_is_small);
  tcase_add_test (tcase, a_stream_that_fits_is_no_overload);
  tcase_add_test (tcase, a_tight_link_is_no_overload_though_keyframes_queue);
  tcase_add_loop_test (tcase, a_link_too_narrow_is_found_and_what_it_carries, 0,
                       sizeof narrow / sizeof *narrow);
  tcase_add_test (tcase, a_link_that_narrows_is_found_at_once);
  tcase_add_test (tcase, it_is_clear_again_once_less_is_sent);
  tcase_add_loop_test (tcase, random_loss_is_no_overload, 0, 3);
  tcase_add_loop_test (tcase, an_outage_is_no_overload, 0, 4);
  tcase_add_test (tcase, loss_that_thinning_does_not_mend_is_the_links_own);
  tcase_add_loop_test (tcase, a_paced_keyframe_shows_what_the_link_carries, 0,
                       3);
  tcase_add_test (tcase, a_link_that_hands_over_in_lumps_does_not_look_wide);
  tcase_add_test (tcase, what_was_shown_long_ago_is_forgotten);
  tcase_add_loop_test (tcase, clocks_that_drift_are_no_queue, 0, 2);
  tcase_add_test (tcase, lost_feedback_changes_nothing);
  tcase_add_test (tcase, a_join_is_pardoned_but_not_a_second_of_queue);
  tcase_add_test (tcase, feedback_on_what_was_never_sent_is_ignored);
  tcase_add_test (tcase, a_status_counts_once_however_often_it_comes);
  tcase_add_test (tcase, reports_without_loss_or_delay_are_no_overload);
  tcase_add_test (tcase,
                  reported_loss_is_an_overload_and_tells_what_was_carried);
  tcase_add_test (tcase, a_round_trip_that_grows_is_a_queue);
  tcase_add_test (tcase, reports_are_ignored_once_transport_cc_has_come);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
