/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/rtpstats.h"

#include "rtc/seq.h"
#include "rtc_bytes.h"
#include "run_suite.h"

#define RATE_HZ  8000
#define FRAME    160 /* timestamp units in 20 ms */
#define FRAME_US (20 * BL_MS)

static BlRtpReceiverStats stats;

static void
setup (void)
{
  bl_rtp_receiver_stats_init (&stats, RATE_HZ);
}

/* Packet `i` of a steady stream, `late_us` after its time. */
static void
receive (uint64_t i, BlTime late_us)
{
  bl_rtp_receiver_stats_on_packet (
      &stats, BL_SEQ_CYCLE + 100 + i, 0xffffff00u + (uint32_t)i * FRAME,
      5 * BL_SECOND + (BlTime)i * FRAME_US + late_us);
}

static BlRtcpReportBlock
report (void)
{
  BlRtcpReportBlock block;
  ck_assert (bl_rtp_receiver_stats_report (&stats, 7, 0, &block));
  return block;
}

START_TEST (before_the_first_packet_there_is_nothing_to_report)
{
  BlRtcpReportBlock block = { .jitter = 4711 };
  ck_assert (!bl_rtp_receiver_stats_report (&stats, 7, 0, &block));
  ck_assert_uint_eq (block.jitter, 4711);
  ck_assert_int_eq (bl_rtp_receiver_stats_lost (&stats), 0);
}
END_TEST

START_TEST (a_steady_stream_has_neither_loss_nor_jitter)
{
  for (uint64_t i = 0; i < 100; i++)
    receive (i, 0);
  BlRtcpReportBlock block = report ();
  ck_assert_uint_eq (block.ssrc, 7);
  ck_assert_uint_eq (block.fraction_lost, 0);
  ck_assert_int_eq (block.cumulative_lost, 0);
  ck_assert_uint_eq (block.highest_seq, 199);
  ck_assert_uint_eq (block.jitter, 0);
  ck_assert_uint_eq (block.lsr, 0);
  ck_assert_uint_eq (block.dlsr, 0);
}
END_TEST

/* RFC 3550 appendix A.8 by hand, in sixteenths: a packet 10 ms (80 units) late,
 * +80 = 80; the next in time, +80 - (88 >> 4) = 155; then in time,
 * - (163 >> 4) = 145. */
START_TEST (jitter_follows_appendix_A8)
{
  static const uint32_t by_hand[] = { 0, 80, 155, 145 };
  static const BlTime late_us[] = { 0, 10 * BL_MS, 0, 0 };
  for (size_t i = 0; i < N_OF (by_hand); i++) {
    receive (i, late_us[i]);
    ck_assert_uint_eq (stats.jitter_q4, by_hand[i]);
  }
  ck_assert_uint_eq (report ().jitter, 145 / 16);
}
END_TEST

START_TEST (losses_are_counted_in_all_and_for_the_interval)
{
  for (uint64_t i = 0; i < 100; i++)
    if (i % 4 != 1)
      receive (i, 0);
  BlRtcpReportBlock block = report ();
  ck_assert_uint_eq (block.fraction_lost, 64);
  ck_assert_int_eq (block.cumulative_lost, 25);
  for (uint64_t i = 100; i < 200; i++)
    receive (i, 0);
  block = report ();
  ck_assert_uint_eq (block.fraction_lost, 0);
  ck_assert_int_eq (block.cumulative_lost, 25);
  ck_assert_int_eq (bl_rtp_receiver_stats_lost (&stats), 25);
}
END_TEST

START_TEST (doubles_make_the_loss_negative_but_not_its_fraction)
{
  for (uint64_t i = 0; i < 10; i++) {
    receive (i, 0);
    receive (i, 0);
  }
  BlRtcpReportBlock block = report ();
  ck_assert_uint_eq (block.fraction_lost, 0);
  ck_assert_int_eq (block.cumulative_lost, -10);
}
END_TEST

START_TEST (an_interval_with_nothing_received_has_no_fraction)
{
  receive (0, 0);
  report ();
  ck_assert_uint_eq (report ().fraction_lost, 0);
}
END_TEST

START_TEST (a_loss_of_nearly_all_is_255_of_256)
{
  receive (0, 0);
  report ();
  receive (100000, 0);
  ck_assert_uint_eq (report ().fraction_lost, 255);
}
END_TEST

START_TEST (the_cumulative_loss_stops_at_24_bits)
{
  receive (0, 0);
  receive (UINT64_C (1) << 30, 0);
  ck_assert_int_eq (report ().cumulative_lost, 0x7fffff);
}
END_TEST

START_TEST (cycles_stand_above_the_sequence_number)
{
  BlSeqUnwrapper u = { 0 };
  for (uint16_t seq = 65500; seq != 20; seq++)
    bl_rtp_receiver_stats_on_packet (&stats, bl_seq_unwrap (&u, seq), 0, 0);
  ck_assert_uint_eq (report ().highest_seq, 0x10013);
}
END_TEST

START_TEST (the_last_sender_report_is_echoed_with_its_age)
{
  BlRtcpReportBlock block;
  receive (0, 0);
  bl_rtp_receiver_stats_on_sr (&stats, UINT64_C (0x1111222233334444),
                               10 * BL_SECOND);
  ck_assert (bl_rtp_receiver_stats_report (
      &stats, 7, 10 * BL_SECOND + BL_SECOND / 4, &block));
  ck_assert_uint_eq (block.lsr, 0x22223333);
  ck_assert_uint_eq (block.dlsr, 65536 / 4);
}
END_TEST

START_TEST (a_sender_report_needs_packets_and_a_clock)
{
  BlRtpSenderStats sender;
  BlRtcpSenderInfo info;
  BlNtp noon = UINT64_C (0xe8000000) << 32;
  bl_rtp_sender_stats_init (&sender, 90000);
  ck_assert (!bl_rtp_sender_stats_info (&sender, noon, &info));
  bl_rtp_sender_stats_on_sent (&sender, 1000);
  ck_assert (!bl_rtp_sender_stats_info (&sender, noon, &info));
  bl_rtp_sender_stats_on_sent (&sender, 200);
  bl_rtp_sender_stats_set_clock (&sender, 0xffffff00, noon);
  BlNtp now = bl_ntp_add_us (noon, 100 * BL_MS);
  ck_assert (bl_rtp_sender_stats_info (&sender, now, &info));
  ck_assert_uint_eq (info.ntp, now);
  ck_assert_uint_eq (info.rtp_timestamp, 9000 - 0x100);
  ck_assert_uint_eq (info.packets, 2);
  ck_assert_uint_eq (info.octets, 1200);
}
END_TEST

#define AT(seconds, fraction_16)                                               \
  ((UINT64_C (0xe800) << 48) + ((uint64_t)(seconds) << 32)                     \
   + ((uint64_t)(fraction_16) << 16))

/* RFC 3550 figure 2: A = 0xb710:8000, LSR = 0xb705:2000, DLSR = 5.25 s. */
static const struct {
  const char *what;
  uint32_t last, delay;
  BlNtp now;
  bool known;
  int64_t rtt_us;
} round_trips[] = {
  { "figure 2 of RFC 3550", 0xb7052000, 0x00054000,
    UINT64_C (0x0000b71080000000), true, 6125000 },
  { "no report to answer", 0, 0, AT (1, 0), false, 0 },
  { "a quarter of a second", 0x00010000, 0x00008000, AT (1, 0xc000), true,
    250000 },
  { "the seconds wrap", 0xfffff000, 0, UINT64_C (0xe801000000000000), true,
    62500 },
  { "less than nothing, by rounding", 0x00010000, 1, AT (1, 0), true, 0 },
  { "far less than nothing", 0x00020000, 0x10000, AT (1, 0), false, 0 },
  { "a minute", 0x00010000, 0, AT (61, 0), false, 0 },
};

START_TEST (a_round_trip_is_what_the_delay_leaves)
{
  int64_t rtt_us = 0;
  ck_assert_msg (bl_rtcp_round_trip_us (round_trips[_i].last,
                                        round_trips[_i].delay,
                                        round_trips[_i].now, &rtt_us)
                         == round_trips[_i].known
                     && rtt_us == round_trips[_i].rtt_us,
                 "%s: %lld us", round_trips[_i].what, (long long)rtt_us);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("rtc/rtpstats");
  TCase *tcase = tcase_create ("rtpstats");
  tcase_add_checked_fixture (tcase, setup, NULL);
  tcase_add_test (tcase, before_the_first_packet_there_is_nothing_to_report);
  tcase_add_test (tcase, a_steady_stream_has_neither_loss_nor_jitter);
  tcase_add_test (tcase, jitter_follows_appendix_A8);
  tcase_add_test (tcase, losses_are_counted_in_all_and_for_the_interval);
  tcase_add_test (tcase, doubles_make_the_loss_negative_but_not_its_fraction);
  tcase_add_test (tcase, an_interval_with_nothing_received_has_no_fraction);
  tcase_add_test (tcase, a_loss_of_nearly_all_is_255_of_256);
  tcase_add_test (tcase, the_cumulative_loss_stops_at_24_bits);
  tcase_add_test (tcase, cycles_stand_above_the_sequence_number);
  tcase_add_test (tcase, the_last_sender_report_is_echoed_with_its_age);
  tcase_add_test (tcase, a_sender_report_needs_packets_and_a_clock);
  tcase_add_loop_test (tcase, a_round_trip_is_what_the_delay_leaves, 0,
                       N_OF (round_trips));
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
