/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/sender.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "rtc/ccfb.h"
#include "rtc/h264_depay.h"
#include "rtc/rtcp.h"
#include "rtc/rtp.h"
#include "rtc/rtpext.h"
#include "rtc/rtx.h"
#include "rtc/seq.h"
#include "rtc/twcc.h"
#include "vehicle/sendqueue.h"

#define VIDEO_SSRC 0x1111
#define RTX_SSRC   0x2222
#define AUDIO_SSRC 0x3333
#define RELAY_SSRC 0x9999
#define BITRATE    UINT64_C (2000000)
#define START      (1000 * BL_SECOND)
#define MAX_SENT   8192

typedef struct {
  uint8_t data[1400];
  size_t length;
  bool rtcp;
  unsigned paths;
  BlTime at_us;
} Sent;

static Sent sent[MAX_SENT];
static unsigned n_sent, n_keyframes, n_byes;
static BlTime now_us;
static uint64_t rate_bps;
static bool acknowledged; /* the other end reports what arrives, as all does */
static BlCcfbReceiver arrivals;
static uint8_t access_unit[400000];

static BlNtp
wall (BlTime now)
{
  return bl_ntp_from_unix_us (1700000000 * BL_SECOND + now);
}

static void
on_send (uint8_t *packet, size_t length, size_t capacity, unsigned paths,
         bool rtcp, void *user_data)
{
  ck_assert_uint_ge (capacity, length + 20);
  ck_assert_uint_lt (n_sent, MAX_SENT);
  Sent *s = &sent[n_sent++];
  memcpy (s->data, packet, length);
  s->length = length;
  s->rtcp = rtcp;
  s->paths = paths;
  s->at_us = now_us;
  BlRtp rtp;
  if (acknowledged && !rtcp && bl_rtp_parse (packet, length, &rtp) == BL_RTP_OK)
    bl_ccfb_receiver_on_packet (&arrivals, rtp.ssrc, rtp.seq, BL_ECN_NOT_ECT,
                                now_us);
  /* Room that may be used is used. */
  memset (packet + length, 0xaa, capacity - length);
}

static void
on_rate (uint64_t video_bps, void *user_data)
{
  rate_bps = video_bps;
}

static void
on_keyframe (void *user_data)
{
  n_keyframes++;
}

static void
on_bye (void *user_data)
{
  n_byes++;
}

static const BlSenderCallbacks callbacks = {
  .send = on_send, .rate = on_rate, .keyframe = on_keyframe, .bye = on_bye
};

static const BlNegotiated negotiated = {
  .video = { .present = true,
             .mid = "1",
             .sends = true,
             .pt = 96,
             .rtx_pt = 97,
             .feedback = BL_FEEDBACK_NACK | BL_FEEDBACK_CCFB,
             .clock_rate = 90000,
             .ssrc = VIDEO_SSRC,
             .rtx_ssrc = RTX_SSRC,
             .extensions = { .id = { [BL_RTP_EXT_MID] = 1,
                                     [BL_RTP_EXT_ABS_SEND_TIME] = 2,
                                     [BL_RTP_EXT_TRANSPORT_CC] = 3,
                                     [BL_RTP_EXT_ABS_CAPTURE_TIME] = 4 } } },
  .audio = { .present = true,
             .mid = "0",
             .sends = true,
             .pt = 111,
             .rtx_pt = -1,
             .clock_rate = 48000,
             .ssrc = AUDIO_SSRC,
             .extensions = { .id = { [BL_RTP_EXT_MID] = 1,
                                     [BL_RTP_EXT_TRANSPORT_CC] = 3,
                                     [BL_RTP_EXT_ABS_CAPTURE_TIME] = 4 } } },
};

static BlSender *
new_open_sender (void)
{
  n_sent = n_keyframes = n_byes = 0;
  now_us = START;
  acknowledged = false;
  bl_ccfb_receiver_init (&arrivals);
  BlSenderOptions options = { .cname = "cname",
                              .seed = 5,
                              .max_video_bps = BITRATE,
                              .path_mode = BL_PATH_MODE_PROTECT };
  BlSender *s = bl_sender_new (&negotiated, &options, &callbacks, NULL);
  ck_assert_ptr_nonnull (s);
  bl_sender_add_path (s, 0);
  bl_sender_set_open (s, true, now_us);
  return s;
}

/* SPS, PPS and one IDR of `bytes`; or one slice. */
static size_t
make_access_unit (bool keyframe, size_t bytes)
{
  static const uint8_t parameter_sets[] = { 0,    0,    0,    1,   0x67, 0x42,
                                            0xc0, 0x1f, 0x8c, 0,   0,    0,
                                            1,    0x68, 0xce, 0x3c };
  BlWriter w = bl_writer (access_unit, sizeof access_unit);
  if (keyframe)
    bl_writer_bytes (&w, parameter_sets, sizeof parameter_sets);
  bl_writer_be32 (&w, 1);
  bl_writer_u8 (&w, keyframe ? 0x65 : 0x41);
  for (size_t i = 0; i < bytes; i++)
    bl_writer_u8 (&w, (uint8_t)(i % 251 + 1));
  ck_assert (bl_writer_ok (&w));
  return bl_writer_length (&w);
}

static void
send_frame (BlSender *s, bool keyframe, size_t bytes, BlTime captured)
{
  size_t length = make_access_unit (keyframe, bytes);
  bl_sender_video (s, access_unit, length, keyframe, captured, wall (captured),
                   now_us, wall (now_us));
}

static void
report_arrivals (BlSender *s)
{
  uint8_t buffer[1200];
  BlWriter w = bl_writer (buffer, sizeof buffer);
  while (bl_ccfb_receiver_has_news (&arrivals)
         && bl_ccfb_receiver_write (&arrivals, &w, RELAY_SSRC, now_us,
                                    wall (now_us)))
    ;
  if (bl_writer_length (&w) > 0)
    bl_sender_on_rtcp (s, 0, buffer, bl_writer_length (&w), now_us,
                       wall (now_us));
}

/* Lets time go by, as the main loop would. */
static void
run_until (BlSender *s, BlTime until)
{
  BlTime report = now_us;
  for (;;) {
    BlTime due = bl_sender_deadline (s);
    BlTime next = acknowledged && report < due ? report : due;
    if (next > until)
      break;
    now_us = next > now_us ? next : now_us;
    if (next == report) {
      report_arrivals (s);
      report += 10 * BL_MS;
    } else {
      bl_sender_on_deadline (s, now_us, wall (now_us));
    }
  }
  now_us = until;
}

static BlSender *
new_acknowledged_sender (void)
{
  BlSender *s = new_open_sender ();
  acknowledged = true;
  return s;
}

/* The next packet of `ssrc` from number *index on. */
static bool
next_rtp (unsigned *index, uint32_t ssrc, BlRtp *out_rtp)
{
  while (*index < n_sent) {
    const Sent *p = &sent[(*index)++];
    if (!p->rtcp && bl_rtp_parse (p->data, p->length, out_rtp) == BL_RTP_OK
        && out_rtp->ssrc == ssrc)
      return true;
  }
  return false;
}

static void
receive_nack (BlSender *s, const uint16_t *seqs, size_t n)
{
  uint8_t buffer[512];
  BlWriter w = bl_writer (buffer, sizeof buffer);
  bl_rtcp_write_nack (&w, RELAY_SSRC, VIDEO_SSRC, seqs, n);
  bl_sender_on_rtcp (s, 0, buffer, bl_writer_length (&w), now_us,
                     wall (now_us));
}

static void
receive_pli (BlSender *s)
{
  uint8_t buffer[64];
  BlWriter w = bl_writer (buffer, sizeof buffer);
  bl_rtcp_write_pli (&w, RELAY_SSRC, VIDEO_SSRC);
  bl_sender_on_rtcp (s, 0, buffer, bl_writer_length (&w), now_us,
                     wall (now_us));
}

START_TEST (a_frame_becomes_rtp_that_depacketises_to_the_same)
{
  BlSender *s = new_acknowledged_sender ();
  send_frame (s, true, 20000, START - 30 * BL_MS);
  run_until (s, START + 200 * BL_MS);
  size_t length = make_access_unit (true, 20000);
  BlH264Depay depay;
  BlH264Au au = { 0 };
  ck_assert (bl_h264_depay_init (&depay, BL_H264_ANNEX_B, 65536));
  unsigned i = 0, packets = 0;
  size_t bytes = 0;
  bool marker = false;
  BlRtp rtp;
  uint32_t timestamp = 0;
  uint16_t seq = 0;
  while (next_rtp (&i, VIDEO_SSRC, &rtp)) {
    ck_assert (!marker);
    ck_assert_uint_le (sent[i - 1].length, BL_SENDER_MAX_RTP_BYTES);
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
  ck_assert_mem_eq (au.data, access_unit, length);
  bl_h264_depay_clear (&depay);
  ck_assert_uint_ge (packets, 20000 / BL_SENDER_MAX_RTP_BYTES);
  ck_assert_uint_ge (bytes, 20000);
  ck_assert_uint_eq (bl_sender_stats (s).frames, 1);
  bl_sender_free (s);
}
END_TEST

START_TEST (the_first_packet_of_a_frame_bears_its_capture_time)
{
  BlSender *s = new_open_sender ();
  BlTime captured = START - 41 * BL_MS;
  send_frame (s, true, 5000, captured);
  run_until (s, START + 100 * BL_MS);
  unsigned i = 0, n = 0;
  BlRtp rtp;
  for (; next_rtp (&i, VIDEO_SSRC, &rtp); n++) {
    BlRtpExtValues values;
    ck_assert (bl_rtp_ext_parse (&rtp, &negotiated.video.extensions, &values));
    ck_assert_int_eq (bl_rtp_ext_has (&values, BL_RTP_EXT_ABS_CAPTURE_TIME),
                      n == 0);
    if (n == 0)
      ck_assert_uint_eq (values.capture_ntp, wall (captured));
    ck_assert (bl_rtp_ext_has (&values, BL_RTP_EXT_MID));
    ck_assert_str_eq (values.mid, "1");
    ck_assert (bl_rtp_ext_has (&values, BL_RTP_EXT_ABS_SEND_TIME));
    ck_assert_uint_eq (values.abs_send_time,
                       bl_rtp_abs_send_time (wall (sent[i - 1].at_us)));
  }
  ck_assert_uint_ge (n, 2);
  bl_sender_free (s);
}
END_TEST

START_TEST (transport_wide_numbers_count_every_packet_in_the_order_sent)
{
  BlSender *s = new_open_sender ();
  for (int frame = 0; frame < 10; frame++) {
    send_frame (s, frame == 0, 4000, now_us);
    uint8_t opus[80] = { 0x78 };
    bl_sender_audio (s, opus, sizeof opus, now_us, wall (now_us), now_us,
                     wall (now_us));
    run_until (s, now_us + 33 * BL_MS);
  }
  bool first = true;
  uint16_t expected = 0;
  for (unsigned i = 0; i < n_sent; i++) {
    BlRtp rtp;
    BlRtpExtValues values;
    if (sent[i].rtcp)
      continue;
    ck_assert (bl_rtp_parse (sent[i].data, sent[i].length, &rtp) == BL_RTP_OK);
    bl_rtp_ext_parse (&rtp, &negotiated.video.extensions, &values);
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

START_TEST (a_keyframe_is_spread_out_and_not_thrown_at_the_network)
{
  BlSender *s = new_acknowledged_sender ();
  send_frame (s, true, 30000, now_us);
  /* At most 5 ms of what is paced, twice the target, may leave at once. */
  uint64_t pace_bps = bl_sender_stats (s).target_bps * 2;
  size_t at_once = 0;
  for (unsigned i = 0; i < n_sent; i++)
    at_once += sent[i].length;
  ck_assert_uint_le (at_once, pace_bps / 8 * 5 / 1000 + 1300);
  ck_assert_uint_gt (bl_sender_stats (s).queued, 0);
  run_until (s, START + 300 * BL_MS);
  ck_assert_uint_eq (bl_sender_stats (s).queued, 0);
  bl_sender_free (s);
}
END_TEST

START_TEST (the_encoder_is_told_a_rate_that_grows_up_to_its_bound)
{
  BlSender *s = new_acknowledged_sender ();
  run_until (s, START + 10 * BL_MS);
  uint64_t first_bps = rate_bps;
  ck_assert_uint_gt (first_bps, 0);
  ck_assert_uint_lt (first_bps, BITRATE);
  for (int frame = 0; frame < 150; frame++) {
    send_frame (s, frame == 0, (size_t)(rate_bps / 8 / 30), now_us);
    run_until (s, now_us + 33 * BL_MS);
  }
  ck_assert_uint_eq (rate_bps, BITRATE);
  bl_sender_free (s);
}
END_TEST

START_TEST (the_gate_shuts_while_pictures_wait_and_drops_what_is_late)
{
  BlSender *s = new_open_sender ();
  ck_assert (bl_sender_may_encode (s, now_us));
  send_frame (s, true, 60000, now_us);
  /* Nothing comes back, so the window fills and the rest waits. */
  run_until (s, START + 60 * BL_MS);
  ck_assert (!bl_sender_may_encode (s, now_us));
  ck_assert_uint_gt (bl_sender_stats (s).queued, 0);
  unsigned asked = n_keyframes;
  run_until (s, START + BL_SECOND);
  bl_sender_may_encode (s, now_us);
  ck_assert_uint_eq (bl_sender_stats (s).queued, 0);
  ck_assert_uint_eq (bl_sender_stats (s).late_drops, 1);
  ck_assert_uint_eq (n_keyframes, asked + 1);
  /* What was dropped took no numbers, but for one that says that the picture
   * is not whole. */
  acknowledged = true;
  send_frame (s, true, 1000, now_us);
  run_until (s, now_us + BL_SECOND);
  unsigned i = 0, n = 0;
  BlRtp rtp;
  uint16_t seq = 0;
  uint32_t timestamp = 0;
  for (; next_rtp (&i, VIDEO_SSRC, &rtp); n++) {
    unsigned step = rtp.timestamp == timestamp ? 1 : 2;
    ck_assert (n == 0 || rtp.seq == (uint16_t)(seq + step));
    seq = rtp.seq;
    timestamp = rtp.timestamp;
  }
  ck_assert (rtp.ssrc != 0 && n > 1 && rtp.marker);
  bl_sender_free (s);
}
END_TEST

START_TEST (a_second_path_gets_sound_and_keyframes_too)
{
  BlSender *s = new_acknowledged_sender ();
  bl_sender_add_path (s, 1);
  uint8_t opus[80] = { 0x78 };
  bl_sender_audio (s, opus, sizeof opus, now_us, wall (now_us), now_us,
                   wall (now_us));
  ck_assert_uint_eq (sent[n_sent - 1].paths, 3);
  send_frame (s, true, 500, now_us);
  ck_assert_uint_eq (sent[n_sent - 1].paths, 3);
  run_until (s, now_us + 20 * BL_MS);
  send_frame (s, false, 500, now_us);
  ck_assert_uint_eq (sent[n_sent - 1].paths, 1);
  bl_sender_remove_path (s, 0, now_us);
  run_until (s, now_us + 20 * BL_MS);
  send_frame (s, false, 500, now_us);
  ck_assert_uint_eq (sent[n_sent - 1].paths, 2);
  bl_sender_free (s);
}
END_TEST

START_TEST (sound_does_not_wait_behind_a_keyframe)
{
  BlSender *s = new_open_sender ();
  send_frame (s, true, 60000, now_us);
  unsigned before = n_sent;
  uint8_t opus[80] = { 0x78 };
  bl_sender_audio (s, opus, sizeof opus, now_us, wall (now_us), now_us,
                   wall (now_us));
  ck_assert_uint_eq (n_sent, before + 1);
  BlRtp rtp;
  ck_assert (bl_rtp_parse (sent[before].data, sent[before].length, &rtp)
             == BL_RTP_OK);
  ck_assert_uint_eq (rtp.ssrc, AUDIO_SSRC);
  ck_assert_uint_eq (rtp.payload_length, sizeof opus);
  bl_sender_free (s);
}
END_TEST

START_TEST (sound_steps_by_whole_packets_and_follows_a_gap)
{
  BlSender *s = new_open_sender ();
  static const BlTime stamps_us[] = { 0, 20100, 39900, 60000, 160000, 180050 };
  static const uint32_t steps[] = { 0, 960, 960, 960, 4800, 960 };
  uint8_t opus[80] = { 0x78 };
  for (unsigned i = 0; i < 6; i++)
    bl_sender_audio (s, opus, sizeof opus, START + stamps_us[i],
                     wall (START + stamps_us[i]), now_us, wall (now_us));
  unsigned index = 0;
  BlRtp rtp;
  uint32_t last = 0;
  for (unsigned i = 0; next_rtp (&index, AUDIO_SSRC, &rtp); i++) {
    if (i > 0)
      ck_assert_uint_eq (rtp.timestamp - last, steps[i]);
    last = rtp.timestamp;
  }
  bl_sender_free (s);
}
END_TEST

START_TEST (a_nack_is_answered_by_rtx_with_the_same_payload)
{
  BlSender *s = new_open_sender ();
  send_frame (s, true, 8000, now_us);
  run_until (s, START + 90 * BL_MS);
  unsigned i = 0;
  BlRtp lost;
  ck_assert (next_rtp (&i, VIDEO_SSRC, &lost));
  ck_assert (next_rtp (&i, VIDEO_SSRC, &lost));
  unsigned before = n_sent;
  receive_nack (s, &lost.seq, 1);
  receive_nack (s, &lost.seq, 1); /* asked for twice, later sent twice */
  run_until (s, START + 95 * BL_MS);
  BlRtp rtx, original;
  unsigned at = before;
  ck_assert (next_rtp (&at, RTX_SSRC, &rtx));
  ck_assert_uint_eq (rtx.payload_type, 97);
  ck_assert_uint_eq (rtx.timestamp, lost.timestamp);
  ck_assert_int_eq (rtx.marker, lost.marker);
  ck_assert (bl_rtx_unwrap (&rtx, VIDEO_SSRC, 96, &original));
  ck_assert_uint_eq (original.seq, lost.seq);
  ck_assert_uint_eq (original.payload_length, lost.payload_length);
  ck_assert_mem_eq (original.payload, lost.payload, lost.payload_length);
  ck_assert_uint_le (sent[at - 1].length, BL_SENDER_MAX_RTP_BYTES);
  BlRtp again;
  ck_assert (next_rtp (&at, RTX_SSRC, &again));
  ck_assert_uint_eq (again.seq, (uint16_t)(rtx.seq + 1));
  ck_assert_uint_eq (bl_sender_stats (s).nacked, 2);
  ck_assert_uint_eq (bl_sender_stats (s).rtx_packets, 2);
  bl_sender_free (s);
}
END_TEST

START_TEST (a_nack_for_what_was_never_sent_is_counted_and_ignored)
{
  BlSender *s = new_open_sender ();
  send_frame (s, true, 3000, now_us);
  run_until (s, START + 50 * BL_MS);
  unsigned i = 0;
  BlRtp first;
  ck_assert (next_rtp (&i, VIDEO_SSRC, &first));
  uint16_t seqs[] = { (uint16_t)(first.seq - 5), (uint16_t)(first.seq + 500) };
  receive_nack (s, seqs, 2);
  run_until (s, START + 60 * BL_MS);
  ck_assert_uint_eq (bl_sender_stats (s).nack_misses, 2);
  ck_assert_uint_eq (bl_sender_stats (s).rtx_packets, 0);
  bl_sender_free (s);
}
END_TEST

START_TEST (keyframe_requests_are_merged_and_rate_limited)
{
  BlSender *s = new_open_sender ();
  ck_assert_uint_eq (n_keyframes, 1); /* on opening */
  send_frame (s, true, 1000, now_us);
  run_until (s, START + 100 * BL_MS);
  for (int i = 0; i < 50; i++)
    receive_pli (s);
  ck_assert_uint_eq (n_keyframes, 1);
  run_until (s, START + 499 * BL_MS);
  ck_assert_uint_eq (n_keyframes, 1);
  run_until (s, START + 501 * BL_MS);
  ck_assert_uint_eq (n_keyframes, 2);
  run_until (s, START + 3 * BL_SECOND);
  ck_assert_uint_eq (n_keyframes, 2);
  receive_pli (s);
  ck_assert_uint_eq (n_keyframes, 3);
  bl_sender_free (s);
}
END_TEST

START_TEST (a_repeated_fir_is_one_request)
{
  BlSender *s = new_open_sender ();
  run_until (s, START + BL_SECOND);
  for (int i = 0; i < 4; i++) {
    uint8_t buffer[64];
    BlWriter w = bl_writer (buffer, sizeof buffer);
    bl_rtcp_write_fir (&w, RELAY_SSRC, VIDEO_SSRC, (uint8_t)(7 + i / 3));
    bl_sender_on_rtcp (s, 0, buffer, bl_writer_length (&w), now_us,
                       wall (now_us));
    run_until (s, now_us + BL_SECOND);
  }
  ck_assert_uint_eq (bl_sender_stats (s).keyframe_requests, 2);
  ck_assert_uint_eq (n_keyframes, 3);
  bl_sender_free (s);
}
END_TEST

START_TEST (video_starts_with_a_keyframe_and_stops_with_the_path)
{
  BlSender *s = new_open_sender ();
  send_frame (s, false, 1000, now_us);
  ck_assert_uint_eq (n_sent, 0);
  ck_assert_uint_eq (bl_sender_stats (s).frames_dropped, 1);
  send_frame (s, true, 60000, now_us);
  ck_assert_uint_gt (n_sent, 0);
  bl_sender_set_open (s, false, now_us);
  unsigned before = n_sent;
  ck_assert_int_eq (bl_sender_deadline (s), BL_TIME_NEVER);
  send_frame (s, true, 1000, now_us);
  bl_sender_on_deadline (s, now_us + BL_SECOND, wall (now_us + BL_SECOND));
  ck_assert_uint_eq (n_sent, before);
  /* What waited is too old by then: nothing but the next keyframe is sent. */
  now_us += 5 * BL_SECOND;
  bl_sender_set_open (s, true, now_us);
  ck_assert_uint_eq (n_keyframes, 2);
  send_frame (s, false, 1000, now_us);
  ck_assert_uint_eq (n_sent, before);
  send_frame (s, true, 1000, now_us);
  ck_assert_uint_gt (n_sent, before);
  bl_sender_free (s);
}
END_TEST

START_TEST (a_frame_without_room_is_dropped_whole)
{
  BlSender *s = new_acknowledged_sender ();
  send_frame (s, true, 390000, now_us);
  send_frame (s, false, 390000, now_us);
  ck_assert_uint_le (bl_sender_stats (s).queued, BL_SENDQUEUE_PACKETS);
  send_frame (s, false, 390000, now_us);
  send_frame (s, false, 390000, now_us);
  BlSenderStats stats = bl_sender_stats (s);
  ck_assert_uint_gt (stats.frames_dropped, 0);
  ck_assert_uint_le (stats.queued, BL_SENDQUEUE_PACKETS);
  /* Every frame that was begun is sent to its marker. */
  run_until (s, START + 10 * BL_SECOND);
  unsigned i = 0, markers = 0;
  BlRtp rtp;
  while (next_rtp (&i, VIDEO_SSRC, &rtp))
    markers += rtp.marker;
  ck_assert_uint_eq (markers, stats.frames);
  bl_sender_free (s);
}
END_TEST

/* The last RTCP compound sent. */
static const Sent *
last_rtcp (void)
{
  for (unsigned i = n_sent; i-- > 0;) {
    if (sent[i].rtcp)
      return &sent[i];
  }
  return NULL;
}

START_TEST (reports_go_out_soon_and_then_each_second)
{
  BlSender *s = new_acknowledged_sender ();
  BlTime captured = now_us;
  for (int frame = 0; frame < 75; frame++) {
    captured = now_us;
    send_frame (s, frame == 0, 1000, captured);
    run_until (s, now_us + 33 * BL_MS);
  }
  unsigned reports = 0;
  BlTime first = 0;
  for (unsigned i = 0; i < n_sent; i++) {
    if (sent[i].rtcp && reports++ == 0)
      first = sent[i].at_us;
  }
  ck_assert_int_le (first - START, 150 * BL_MS);
  ck_assert_uint_eq (reports, 3);

  const Sent *report = last_rtcp ();
  BlRtcpIter iter;
  BlRtcpPacket packet;
  ck_assert (bl_rtcp_open (&iter, report->data, report->length) == BL_RTCP_OK);
  ck_assert (bl_rtcp_next (&iter, &packet));
  uint32_t ssrc;
  BlRtcpSenderInfo info;
  ck_assert (bl_rtcp_read_sr (&packet, &ssrc, &info));
  ck_assert_uint_eq (ssrc, VIDEO_SSRC);
  ck_assert_uint_eq (info.ntp, wall (report->at_us));
  /* Timestamp and NTP time are one instant: check against the last frame. */
  unsigned i = 0;
  BlRtp rtp, newest = { 0 };
  while (next_rtp (&i, VIDEO_SSRC, &rtp))
    newest = rtp;
  int64_t ahead_us = bl_ntp_diff_us (info.ntp, wall (captured));
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
  BlSender *s = new_open_sender ();
  send_frame (s, true, 1000, now_us);
  run_until (s, START + 500 * BL_MS);
  const Sent *report = last_rtcp ();
  ck_assert_ptr_nonnull (report);
  BlRtcpIter iter;
  BlRtcpPacket packet;
  uint32_t ssrc;
  BlRtcpSenderInfo info;
  ck_assert (bl_rtcp_open (&iter, report->data, report->length) == BL_RTCP_OK);
  ck_assert (bl_rtcp_next (&iter, &packet));
  ck_assert (bl_rtcp_read_sr (&packet, &ssrc, &info));
  /* 25 ms there, 100 ms held, 25 ms back. */
  now_us = report->at_us + 150 * BL_MS;
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
  bl_rtcp_write_xr_rrtr (&w, RELAY_SSRC, wall (now_us));
  bl_sender_on_rtcp (s, 0, buffer, bl_writer_length (&w), now_us,
                     wall (now_us));
  BlSenderStats stats = bl_sender_stats (s);
  ck_assert_int_ge (stats.rtt_us, 49 * BL_MS);
  ck_assert_int_le (stats.rtt_us, 51 * BL_MS);
  ck_assert_uint_eq (stats.fraction_lost, 26);
  ck_assert_uint_eq (stats.jitter_us, 10000);

  /* The RRTR in it is answered with the next report. */
  BlTime asked = now_us;
  run_until (s, asked + 2 * BL_SECOND);
  bool answered = false;
  for (unsigned i = 0; i < n_sent; i++) {
    BlRtcpXr xr;
    BlRtcpDlrr dlrr;
    if (!sent[i].rtcp || sent[i].at_us < asked
        || bl_rtcp_open (&iter, sent[i].data, sent[i].length) != BL_RTCP_OK)
      continue;
    while (bl_rtcp_next (&iter, &packet)) {
      if (packet.kind != BL_RTCP_KIND_XR || !bl_rtcp_read_xr (&packet, &xr)
          || !bl_rtcp_read_dlrr (&xr, 0, &dlrr))
        continue;
      ck_assert (!answered);
      answered = true;
      ck_assert_uint_eq (dlrr.ssrc, RELAY_SSRC);
      ck_assert_uint_eq (dlrr.lrr, bl_ntp_middle (wall (asked)));
      int64_t held_us = (int64_t)dlrr.dlrr * BL_SECOND / 65536;
      ck_assert_int_le (llabs (held_us - (sent[i].at_us - asked)), 100);
    }
  }
  ck_assert (answered);
  bl_sender_free (s);
}
END_TEST

START_TEST (transport_feedback_is_matched_with_what_was_sent)
{
  BlSender *s = new_open_sender ();
  send_frame (s, true, 20000, now_us);
  run_until (s, START + 90 * BL_MS);
  BlTwccReceiver receiver;
  bl_twcc_receiver_init (&receiver);
  unsigned i = 0, n = 0, lost = 0;
  BlRtp rtp;
  for (; next_rtp (&i, VIDEO_SSRC, &rtp); n++) {
    BlRtpExtValues values;
    bl_rtp_ext_parse (&rtp, &negotiated.video.extensions, &values);
    if (n % 5 == 2)
      lost++;
    else
      bl_twcc_receiver_on_packet (&receiver, values.transport_seq,
                                  sent[i - 1].at_us + 30 * BL_MS);
  }
  uint8_t buffer[1200];
  BlWriter w = bl_writer (buffer, sizeof buffer);
  ck_assert (bl_twcc_receiver_write (&receiver, &w, RELAY_SSRC, VIDEO_SSRC));
  bl_sender_on_rtcp (s, 0, buffer, bl_writer_length (&w), now_us,
                     wall (now_us));
  BlSenderStats stats = bl_sender_stats (s);
  ck_assert_uint_eq (stats.twcc_lost, lost);
  ck_assert_uint_eq (stats.twcc_received, n - lost);
  bl_sender_free (s);
}
END_TEST

START_TEST (garbage_instead_of_rtcp_is_counted)
{
  BlSender *s = new_open_sender ();
  static const uint8_t garbage[] = { 0x81, 0xcd, 0xff, 0xff, 1, 2, 3, 4 };
  for (size_t length = 0; length <= sizeof garbage; length++)
    bl_sender_on_rtcp (s, 0, garbage, length, now_us, wall (now_us));
  ck_assert_uint_gt (bl_sender_stats (s).bad_rtcp, 0);
  ck_assert_uint_eq (n_byes, 0);
  bl_sender_free (s);
}
END_TEST

START_TEST (goodbyes_go_both_ways)
{
  BlSender *s = new_open_sender ();
  uint8_t buffer[64];
  BlWriter w = bl_writer (buffer, sizeof buffer);
  bl_rtcp_write_bye (&w, RELAY_SSRC);
  bl_sender_on_rtcp (s, 0, buffer, bl_writer_length (&w), now_us,
                     wall (now_us));
  ck_assert_uint_eq (n_byes, 1);

  send_frame (s, true, 1000, now_us);
  bl_sender_send_bye (s, now_us, wall (now_us));
  const Sent *goodbye = last_rtcp ();
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
  tcase_add_test (tc, a_keyframe_is_spread_out_and_not_thrown_at_the_network);
  tcase_add_test (tc, the_encoder_is_told_a_rate_that_grows_up_to_its_bound);
  tcase_add_test (tc,
                  the_gate_shuts_while_pictures_wait_and_drops_what_is_late);
  tcase_add_test (tc, a_second_path_gets_sound_and_keyframes_too);
  tcase_add_test (tc, sound_does_not_wait_behind_a_keyframe);
  tcase_add_test (tc, sound_steps_by_whole_packets_and_follows_a_gap);
  tcase_add_test (tc, a_nack_is_answered_by_rtx_with_the_same_payload);
  tcase_add_test (tc, a_nack_for_what_was_never_sent_is_counted_and_ignored);
  tcase_add_test (tc, keyframe_requests_are_merged_and_rate_limited);
  tcase_add_test (tc, a_repeated_fir_is_one_request);
  tcase_add_test (tc, video_starts_with_a_keyframe_and_stops_with_the_path);
  tcase_add_test (tc, a_frame_without_room_is_dropped_whole);
  tcase_add_test (tc, reports_go_out_soon_and_then_each_second);
  tcase_add_test (tc, a_receiver_report_tells_loss_jitter_and_round_trip);
  tcase_add_test (tc, transport_feedback_is_matched_with_what_was_sent);
  tcase_add_test (tc, garbage_instead_of_rtcp_is_counted);
  tcase_add_test (tc, goodbyes_go_both_ways);
  suite_add_tcase (suite, tc);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
