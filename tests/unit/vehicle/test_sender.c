/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/sender.h"

#include <stdlib.h>

#include "../run_suite.h"
#include "rtc/h264_depay.h"
#include "rtc/red.h"
#include "rtc/rtcp.h"
#include "rtc/rtpext.h"
#include "rtc/rtx.h"
#include "rtc/seq.h"
#include "sender_world.h"

START_TEST (a_frame_becomes_rtp_that_depacketises_to_the_same)
{
  BlSender *s = sender_world_open_acknowledged ();
  sender_world_send_frame (s, true, 20000, START - 30 * BL_MS);
  sender_world_run_until (s, START + 200 * BL_MS);
  size_t length = sender_world_make_access_unit (true, 20000);
  BlH264Depay depay;
  BlH264Au au = { 0 };
  ck_assert (bl_h264_depay_init (&depay, BL_H264_ANNEX_B, 65536));
  unsigned i = 0, packets = 0;
  size_t bytes = 0;
  bool marker = false;
  BlRtp rtp;
  uint32_t timestamp = 0;
  uint16_t seq = 0;
  while (sender_world_next_rtp (&i, VIDEO_SSRC, &rtp)) {
    ck_assert (!marker);
    ck_assert_uint_le (sender_world.sent[i - 1].length,
                       BL_SENDER_MAX_RTP_BYTES);
    ck_assert_uint_eq (rtp.payload_type, 96);
    if (packets > 0) {
      ck_assert_uint_eq (rtp.timestamp, timestamp);
      ck_assert_uint_eq (rtp.seq, (uint16_t)(seq + 1));
    } else {
      ck_assert_uint_lt (rtp.seq, 0x8000);
    }
    timestamp = rtp.timestamp;
    seq = rtp.seq;
    marker = rtp.marker;
    bytes += rtp.payload_length;
    packets++;
    BlH264DepayPacket packet = {
      .seq = BL_SEQ_CYCLE + rtp.seq,
      .timestamp = rtp.timestamp,
      .marker = rtp.marker,
      .payload = rtp.payload,
      .length = rtp.payload_length,
    };
    ck_assert (bl_h264_depay_push (&depay, &packet, &au)
               == (marker ? BL_H264_DEPAY_AU : BL_H264_DEPAY_MORE));
  }
  ck_assert (marker);
  ck_assert (au.keyframe && !au.broken);
  ck_assert_uint_eq (au.length, length);
  ck_assert_mem_eq (au.data, sender_world.access_unit, length);
  bl_h264_depay_clear (&depay);
  ck_assert_uint_ge (packets, 20000 / BL_SENDER_MAX_RTP_BYTES);
  ck_assert_uint_ge (bytes, 20000);
  ck_assert_uint_eq (bl_sender_stats (s).frames, 1);
  bl_sender_free (s);
}
END_TEST

START_TEST (the_first_packet_of_a_frame_bears_its_capture_time)
{
  BlSender *s = sender_world_open ();
  BlTime captured = START - 41 * BL_MS;
  sender_world_send_frame (s, true, 5000, captured);
  sender_world_run_until (s, START + 100 * BL_MS);
  unsigned i = 0, n = 0;
  BlRtp rtp;
  for (; sender_world_next_rtp (&i, VIDEO_SSRC, &rtp); n++) {
    BlRtpExtValues values;
    ck_assert (bl_rtp_ext_parse (
        &rtp, &sender_world_negotiated.video.extensions, &values));
    ck_assert_int_eq (bl_rtp_ext_has (&values, BL_RTP_EXT_ABS_CAPTURE_TIME),
                      n == 0);
    if (n == 0)
      ck_assert_uint_eq (values.capture_ntp, sender_world_wall (captured));
    ck_assert (bl_rtp_ext_has (&values, BL_RTP_EXT_MID));
    ck_assert_str_eq (values.mid, "1");
    ck_assert (bl_rtp_ext_has (&values, BL_RTP_EXT_ABS_SEND_TIME));
    ck_assert_uint_eq (values.abs_send_time,
                       bl_rtp_abs_send_time (
                           sender_world_wall (sender_world.sent[i - 1].at_us)));
  }
  ck_assert_uint_ge (n, 2);
  bl_sender_free (s);
}
END_TEST

START_TEST (transport_wide_numbers_count_every_packet_in_the_order_sent)
{
  BlSender *s = sender_world_open ();
  for (int frame = 0; frame < 10; frame++) {
    sender_world_send_frame (s, frame == 0, 4000, sender_world.now_us);
    sender_world_send_sound (s, sender_world.now_us);
    sender_world_run_for (s, 33 * BL_MS);
  }
  bool first = true;
  uint16_t expected = 0;
  for (unsigned i = 0; i < sender_world.n_sent; i++) {
    BlRtp rtp;
    BlRtpExtValues values;
    if (sender_world.sent[i].rtcp)
      continue;
    ck_assert (bl_rtp_parse (sender_world.sent[i].data,
                             sender_world.sent[i].length, &rtp)
               == BL_RTP_OK);
    bl_rtp_ext_parse (&rtp, &sender_world_negotiated.video.extensions, &values);
    ck_assert (bl_rtp_ext_has (&values, BL_RTP_EXT_TRANSPORT_CC));
    if (!first)
      ck_assert_uint_eq (values.transport_seq, expected);
    expected = (uint16_t)(values.transport_seq + 1);
    first = false;
  }
  ck_assert (!first);
  bl_sender_free (s);
}
END_TEST

START_TEST (sound_steps_by_whole_packets_and_follows_a_gap)
{
  BlSender *s = sender_world_open ();
  static const BlTime stamps_us[] = { 0, 20100, 39900, 60000, 160000, 180050 };
  static const uint32_t steps[] = { 0, 960, 960, 960, 4800, 960 };
  unsigned index = 0;
  BlRtp rtp;
  uint32_t last = 0;
  for (unsigned i = 0; i < 6; i++) {
    sender_world_send_sound (s, START + stamps_us[i]);
    ck_assert (sender_world_next_rtp (&index, AUDIO_SSRC, &rtp));
    if (i > 0)
      ck_assert_uint_eq (rtp.timestamp - last, steps[i]);
    last = rtp.timestamp;
  }
  bl_sender_free (s);
}
END_TEST

START_TEST (a_nack_is_answered_by_rtx_with_the_same_payload)
{
  BlSender *s = sender_world_open ();
  sender_world_send_frame (s, true, 8000, sender_world.now_us);
  sender_world_run_until (s, START + 90 * BL_MS);
  unsigned i = 0;
  BlRtp lost;
  ck_assert (sender_world_next_rtp (&i, VIDEO_SSRC, &lost));
  ck_assert (sender_world_next_rtp (&i, VIDEO_SSRC, &lost));
  unsigned before = sender_world.n_sent;
  /* Asked for twice, later sent twice. */
  sender_world_receive_nack (s, VIDEO_SSRC, &lost.seq, 1);
  sender_world_receive_nack (s, VIDEO_SSRC, &lost.seq, 1);
  sender_world_run_until (s, START + 95 * BL_MS);
  BlRtp rtx, original;
  unsigned at = before;
  ck_assert (sender_world_next_rtp (&at, RTX_SSRC, &rtx));
  ck_assert_uint_eq (rtx.payload_type, 97);
  ck_assert_uint_eq (rtx.timestamp, lost.timestamp);
  ck_assert_int_eq (rtx.marker, lost.marker);
  ck_assert (bl_rtx_unwrap (&rtx, VIDEO_SSRC, 96, &original));
  ck_assert_uint_eq (original.seq, lost.seq);
  ck_assert_uint_eq (original.payload_length, lost.payload_length);
  ck_assert_mem_eq (original.payload, lost.payload, lost.payload_length);
  ck_assert_uint_le (sender_world.sent[at - 1].length, BL_SENDER_MAX_RTP_BYTES);
  BlRtp again;
  ck_assert (sender_world_next_rtp (&at, RTX_SSRC, &again));
  ck_assert_uint_eq (again.seq, (uint16_t)(rtx.seq + 1));
  ck_assert_uint_eq (bl_sender_stats (s).nacked, 2);
  ck_assert_uint_eq (bl_sender_stats (s).rtx_packets, 2);
  bl_sender_free (s);
}
END_TEST

START_TEST (a_nack_for_what_was_never_sent_is_counted_and_ignored)
{
  BlSender *s = sender_world_open ();
  sender_world_send_frame (s, true, 3000, sender_world.now_us);
  sender_world_run_until (s, START + 50 * BL_MS);
  unsigned i = 0;
  BlRtp first;
  ck_assert (sender_world_next_rtp (&i, VIDEO_SSRC, &first));
  uint16_t seqs[] = { (uint16_t)(first.seq - 5), (uint16_t)(first.seq + 500) };
  sender_world_receive_nack (s, VIDEO_SSRC, seqs, 2);
  sender_world_run_until (s, START + 60 * BL_MS);
  ck_assert_uint_eq (bl_sender_stats (s).nack_misses, 2);
  ck_assert_uint_eq (bl_sender_stats (s).rtx_packets, 0);
  bl_sender_free (s);
}
END_TEST

START_TEST (a_nack_for_sound_is_answered_in_the_next_packet)
{
  BlSender *s = sender_world_open ();
  unsigned i = 0;
  BlRtp rtp, lost = { 0 };
  for (unsigned n = 0; n < 4; n++) {
    sender_world_send_sound (s, START + n * 20 * BL_MS);
    ck_assert (sender_world_next_rtp (&i, AUDIO_SSRC, &rtp));
    ck_assert_uint_eq (rtp.payload_type, n < 3 ? 111 : 63);
    if (n == 1)
      lost = rtp;
    if (n < 2)
      continue;
    sender_world_receive_nack (s, AUDIO_SSRC, &lost.seq, 1);
  }
  BlRed red;
  ck_assert (bl_red_parse (rtp.payload, rtp.payload_length, &red));
  ck_assert_uint_eq (red.n, 2);
  ck_assert_uint_eq (rtp.timestamp - red.blocks[0].back, lost.timestamp);
  ck_assert_uint_eq (red.blocks[0].length, lost.payload_length);
  ck_assert_mem_eq (red.blocks[0].data, lost.payload, lost.payload_length);
  ck_assert_uint_eq (bl_sender_stats (s).sound_again, 1);
  bl_sender_free (s);
}
END_TEST

START_TEST (sound_that_gets_lost_is_sent_with_redundancy)
{
  BlSender *s = sender_world_open_acknowledged ();
  sender_world.loses_every = 10;
  for (unsigned n = 0; n < 200; n++) {
    sender_world_send_sound (s, sender_world.now_us);
    sender_world_run_for (s, 20 * BL_MS);
  }
  BlRtp rtp = { 0 };
  for (unsigned i = 0; sender_world_next_rtp (&i, AUDIO_SSRC, &rtp);)
    ;
  ck_assert_uint_eq (rtp.payload_type, 63);
  ck_assert_uint_gt (sender_world.sound.loss_percent, 0);
  bl_sender_free (s);
}
END_TEST

START_TEST (in_an_outage_most_sound_is_kept_back)
{
  BlSender *s = sender_world_open_acknowledged ();
  for (unsigned n = 0; n < 150; n++) {
    sender_world_send_sound (s, sender_world.now_us);
    sender_world_run_for (s, 20 * BL_MS);
  }
  ck_assert_uint_eq (bl_sender_stats (s).sound_kept_back, 0);
  sender_world.acknowledged = false;
  uint64_t before = bl_sender_stats (s).packets;
  for (unsigned n = 0; n < 500; n++) {
    sender_world_send_sound (s, sender_world.now_us);
    sender_world_run_for (s, 20 * BL_MS);
  }
  BlSenderStats after = bl_sender_stats (s);
  ck_assert_uint_ge (after.sound_kept_back, 250);
  ck_assert_uint_ge (after.packets - before, 100);
  sender_world.acknowledged = true;
  for (unsigned n = 0; n < 50; n++) {
    sender_world_send_sound (s, sender_world.now_us);
    sender_world_run_for (s, 20 * BL_MS);
  }
  ck_assert_uint_lt (bl_sender_stats (s).sound_kept_back,
                     after.sound_kept_back + 10);
  bl_sender_free (s);
}
END_TEST

START_TEST (keyframe_requests_are_merged_and_rate_limited)
{
  BlSender *s = sender_world_open ();
  ck_assert_uint_eq (sender_world.n_keyframes, 1); /* on opening */
  sender_world_send_frame (s, true, 1000, sender_world.now_us);
  sender_world_run_until (s, START + 100 * BL_MS);
  for (int i = 0; i < 50; i++)
    sender_world_receive_pli (s);
  ck_assert_uint_eq (sender_world.n_keyframes, 1);
  sender_world_run_until (s, START + 499 * BL_MS);
  ck_assert_uint_eq (sender_world.n_keyframes, 1);
  sender_world_run_until (s, START + 501 * BL_MS);
  ck_assert_uint_eq (sender_world.n_keyframes, 2);
  sender_world_run_until (s, START + 3 * BL_SECOND);
  ck_assert_uint_eq (sender_world.n_keyframes, 2);
  sender_world_receive_pli (s);
  ck_assert_uint_eq (sender_world.n_keyframes, 3);
  bl_sender_free (s);
}
END_TEST

START_TEST (a_repeated_fir_is_one_request)
{
  BlSender *s = sender_world_open ();
  sender_world_run_until (s, START + BL_SECOND);
  for (int i = 0; i < 4; i++) {
    uint8_t buffer[64];
    BlWriter w = bl_writer (buffer, sizeof buffer);
    bl_rtcp_write_fir (&w, RELAY_SSRC, VIDEO_SSRC, (uint8_t)(7 + i / 3));
    sender_world_receive_rtcp (s, &w);
    sender_world_run_for (s, BL_SECOND);
  }
  ck_assert_uint_eq (bl_sender_stats (s).keyframe_requests, 2);
  ck_assert_uint_eq (sender_world.n_keyframes, 3);
  bl_sender_free (s);
}
END_TEST

/* The last RTCP compound sent. */
static const SenderWorldPacket *
last_rtcp (void)
{
  for (unsigned i = sender_world.n_sent; i-- > 0;) {
    if (sender_world.sent[i].rtcp)
      return &sender_world.sent[i];
  }
  return NULL;
}

START_TEST (reports_go_out_soon_and_then_each_second)
{
  BlSender *s = sender_world_open_acknowledged ();
  BlTime captured = sender_world.now_us;
  for (int frame = 0; frame < 75; frame++) {
    captured = sender_world.now_us;
    sender_world_send_frame (s, frame == 0, 1000, captured);
    sender_world_run_for (s, 33 * BL_MS);
  }
  unsigned reports = 0;
  BlTime first = 0;
  for (unsigned i = 0; i < sender_world.n_sent; i++) {
    if (sender_world.sent[i].rtcp && reports++ == 0)
      first = sender_world.sent[i].at_us;
  }
  ck_assert_int_le (first - START, 150 * BL_MS);
  ck_assert_uint_eq (reports, 3);

  const SenderWorldPacket *report = last_rtcp ();
  BlRtcpIter iter;
  BlRtcpPacket packet;
  ck_assert (bl_rtcp_open (&iter, report->data, report->length) == BL_RTCP_OK);
  ck_assert (bl_rtcp_next (&iter, &packet));
  uint32_t ssrc;
  BlRtcpSenderInfo info;
  ck_assert (bl_rtcp_read_sr (&packet, &ssrc, &info));
  ck_assert_uint_eq (ssrc, VIDEO_SSRC);
  ck_assert_uint_eq (info.ntp, sender_world_wall (report->at_us));
  /* Timestamp and NTP time are one instant: check against the last frame. */
  unsigned i = 0;
  BlRtp rtp, newest = { 0 };
  while (sender_world_next_rtp (&i, VIDEO_SSRC, &rtp))
    newest = rtp;
  int64_t ahead_us = bl_ntp_diff_us (info.ntp, sender_world_wall (captured));
  int32_t ahead = bl_ts_diff (info.rtp_timestamp, newest.timestamp);
  ck_assert_int_le (llabs (ahead_us * 9 / 100 - ahead), 1);
  bool cname_seen = false;
  while (bl_rtcp_next (&iter, &packet))
    cname_seen |= packet.kind == BL_RTCP_KIND_SDES;
  ck_assert (cname_seen);
  bl_sender_free (s);
}
END_TEST

START_TEST (a_receiver_report_tells_loss_jitter_and_round_trip)
{
  BlSender *s = sender_world_open ();
  sender_world_send_frame (s, true, 1000, sender_world.now_us);
  sender_world_run_until (s, START + 500 * BL_MS);
  const SenderWorldPacket *report = last_rtcp ();
  ck_assert_ptr_nonnull (report);
  BlRtcpIter iter;
  BlRtcpPacket packet;
  uint32_t ssrc;
  BlRtcpSenderInfo info;
  ck_assert (bl_rtcp_open (&iter, report->data, report->length) == BL_RTCP_OK);
  ck_assert (bl_rtcp_next (&iter, &packet));
  ck_assert (bl_rtcp_read_sr (&packet, &ssrc, &info));
  /* 25 ms there, 100 ms held, 25 ms back. */
  sender_world.now_us = report->at_us + 150 * BL_MS;
  BlRtcpReportBlock block = {
    .ssrc = VIDEO_SSRC,
    .fraction_lost = 26,
    .jitter = 900,
    .lsr = bl_ntp_middle (info.ntp),
    .dlsr = 65536 / 10,
  };
  uint8_t buffer[128];
  BlWriter w = bl_writer (buffer, sizeof buffer);
  bl_rtcp_write_rr (&w, RELAY_SSRC, &block, 1);
  bl_rtcp_write_xr_rrtr (&w, RELAY_SSRC,
                         sender_world_wall (sender_world.now_us));
  sender_world_receive_rtcp (s, &w);
  BlSenderStats stats = bl_sender_stats (s);
  ck_assert_int_ge (stats.rtt_us, 49 * BL_MS);
  ck_assert_int_le (stats.rtt_us, 51 * BL_MS);
  ck_assert_uint_eq (stats.fraction_lost, 26);
  ck_assert_uint_eq (stats.jitter_us, 10000);

  /* The RRTR in it is answered with the next report. */
  BlTime asked = sender_world.now_us;
  sender_world_run_until (s, asked + 2 * BL_SECOND);
  bool answered = false;
  for (unsigned i = 0; i < sender_world.n_sent; i++) {
    BlRtcpXr xr;
    BlRtcpDlrr dlrr;
    if (!sender_world.sent[i].rtcp || sender_world.sent[i].at_us < asked
        || bl_rtcp_open (&iter, sender_world.sent[i].data,
                         sender_world.sent[i].length)
               != BL_RTCP_OK)
      continue;
    while (bl_rtcp_next (&iter, &packet)) {
      if (packet.kind != BL_RTCP_KIND_XR || !bl_rtcp_read_xr (&packet, &xr)
          || !bl_rtcp_read_dlrr (&xr, 0, &dlrr))
        continue;
      ck_assert (!answered);
      answered = true;
      ck_assert_uint_eq (dlrr.ssrc, RELAY_SSRC);
      ck_assert_uint_eq (dlrr.lrr, bl_ntp_middle (sender_world_wall (asked)));
      int64_t held_us = (int64_t)dlrr.dlrr * BL_SECOND / 65536;
      ck_assert_int_le (llabs (held_us - (sender_world.sent[i].at_us - asked)),
                        100);
    }
  }
  ck_assert (answered);
  bl_sender_free (s);
}
END_TEST

START_TEST (garbage_instead_of_rtcp_is_counted)
{
  BlSender *s = sender_world_open ();
  static const uint8_t garbage[] = { 0x81, 0xcd, 0xff, 0xff, 1, 2, 3, 4 };
  for (size_t length = 0; length <= sizeof garbage; length++)
    bl_sender_on_rtcp (s, 0, garbage, length, sender_world.now_us,
                       sender_world_wall (sender_world.now_us));
  ck_assert_uint_gt (bl_sender_stats (s).bad_rtcp, 0);
  ck_assert_uint_eq (sender_world.n_byes, 0);
  bl_sender_free (s);
}
END_TEST

START_TEST (goodbyes_go_both_ways)
{
  BlSender *s = sender_world_open ();
  uint8_t buffer[64];
  BlWriter w = bl_writer (buffer, sizeof buffer);
  bl_rtcp_write_bye (&w, RELAY_SSRC);
  sender_world_receive_rtcp (s, &w);
  ck_assert_uint_eq (sender_world.n_byes, 1);

  sender_world_send_frame (s, true, 1000, sender_world.now_us);
  bl_sender_send_bye (s, sender_world.now_us,
                      sender_world_wall (sender_world.now_us));
  const SenderWorldPacket *goodbye = last_rtcp ();
  ck_assert_ptr_nonnull (goodbye);
  BlRtcpIter iter;
  BlRtcpPacket packet;
  uint32_t ssrc = 0;
  ck_assert (bl_rtcp_open (&iter, goodbye->data, goodbye->length)
             == BL_RTCP_OK);
  while (bl_rtcp_next (&iter, &packet)) {
    if (packet.kind == BL_RTCP_KIND_BYE)
      ck_assert (bl_rtcp_read_bye (&packet, 0, &ssrc));
  }
  ck_assert_uint_eq (ssrc, VIDEO_SSRC);
  bl_sender_free (s);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vehicle/sender");
  TCase *tc = tcase_create ("sender");
  tcase_set_timeout (tc, 60);
  tcase_add_test (tc, a_frame_becomes_rtp_that_depacketises_to_the_same);
  tcase_add_test (tc, the_first_packet_of_a_frame_bears_its_capture_time);
  tcase_add_test (tc,
                  transport_wide_numbers_count_every_packet_in_the_order_sent);
  tcase_add_test (tc, sound_steps_by_whole_packets_and_follows_a_gap);
  tcase_add_test (tc, a_nack_is_answered_by_rtx_with_the_same_payload);
  tcase_add_test (tc, a_nack_for_what_was_never_sent_is_counted_and_ignored);
  tcase_add_test (tc, a_nack_for_sound_is_answered_in_the_next_packet);
  tcase_add_test (tc, sound_that_gets_lost_is_sent_with_redundancy);
  tcase_add_test (tc, in_an_outage_most_sound_is_kept_back);
  tcase_add_test (tc, keyframe_requests_are_merged_and_rate_limited);
  tcase_add_test (tc, a_repeated_fir_is_one_request);
  tcase_add_test (tc, reports_go_out_soon_and_then_each_second);
  tcase_add_test (tc, a_receiver_report_tells_loss_jitter_and_round_trip);
  tcase_add_test (tc, garbage_instead_of_rtcp_is_counted);
  tcase_add_test (tc, goodbyes_go_both_ways);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
