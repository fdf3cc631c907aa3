/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/h264_depay.h"

#include "h264_fixture.h"
#include "rtc/h264_pay.h"
#include "run_suite.h"

static BlH264Depay depay;

static void
setup (void)
{
  ck_assert (bl_h264_depay_init (&depay, BL_H264_ANNEX_B, 65536));
}

static void
teardown (void)
{
  bl_h264_depay_clear (&depay);
}

/* The fixture's packets, as they would be on the wire. */
typedef struct {
  BlH264DepayPacket header;
  size_t au;
  uint8_t payload[1200];
} Wire;

#define WIRE_MAX 256

static size_t
make_wire (const Fixture *fixture, uint16_t max_payload, Wire *wire)
{
  size_t n = 0;
  for (size_t au = 0; au < FIXTURE_AUS; au++) {
    BlH264Pay pay;
    BlH264Payload payload;
    bl_h264_pay_init (&pay, fixture->aus[au], fixture->au_lengths[au],
                      max_payload);
    while (bl_h264_pay_next (&pay, &payload)) {
      ck_assert_uint_lt (n, WIRE_MAX);
      BlWriter w = bl_writer (wire[n].payload, sizeof wire[n].payload);
      bl_h264_payload_write (&payload, &w);
      ck_assert (bl_writer_ok (&w));
      wire[n].au = au;
      wire[n].header = (BlH264DepayPacket){
        .seq = 65530 + n,
        .timestamp = (uint32_t)(0xffffff00 + 3000 * au),
        .marker = payload.marker,
        .payload = wire[n].payload,
        .length = payload.length,
      };
      n++;
    }
  }
  return n;
}

START_TEST (what_was_paid_out_comes_back_byte_for_byte)
{
  static const uint16_t sizes[] = { 64, 100, 301, 1150, 1200 };
  static Wire wire[WIRE_MAX];
  Fixture fixture;
  uint8_t expected[32768];
  fixture_load (&fixture);
  size_t n = make_wire (&fixture, sizes[_i], wire), given = 0;
  for (size_t i = 0; i < n; i++) {
    BlH264Au au;
    BlH264DepayResult result
        = bl_h264_depay_push (&depay, &wire[i].header, &au);
    ck_assert_int_eq (result, wire[i].header.marker ? BL_H264_DEPAY_AU
                                                    : BL_H264_DEPAY_MORE);
    if (result == BL_H264_DEPAY_MORE)
      continue;
    size_t length = fixture_expected (&fixture, given, expected);
    ck_assert_uint_eq (au.length, length);
    ck_assert_mem_eq (au.data, expected, length);
    ck_assert (au.keyframe == (given % FIXTURE_GROUP == 0));
    ck_assert (!au.broken && !au.after_loss);
    ck_assert_uint_eq (au.timestamp, (uint32_t)(0xffffff00 + 3000 * given));
    ck_assert_uint_eq (au.last_seq, wire[i].header.seq);
    given++;
  }
  ck_assert_uint_eq (given, FIXTURE_AUS);
  ck_assert_uint_eq (depay.parameter_changes, 2);
  ck_assert_uint_eq (depay.malformed + depay.broken + depay.oversize, 0);

  BlH264Sps sps;
  ck_assert (bl_h264_sps_parse (depay.sps.data, depay.sps.length, &sps));
  ck_assert_uint_eq (sps.width, 176);
  ck_assert_uint_eq (sps.height, 144);
}
END_TEST

/* Each packet in turn is lost: its picture, and no other, must not pass for
 * whole, and what is given must still be whole NAL units. */
START_TEST (a_lost_packet_breaks_its_picture_alone)
{
  static Wire wire[WIRE_MAX];
  Fixture fixture;
  uint8_t expected[32768];
  fixture_load (&fixture);
  size_t n = make_wire (&fixture, 400, wire);
  for (size_t lost = 0; lost < n; lost++) {
    bool whole[FIXTURE_AUS] = { false };
    bl_h264_depay_reset (&depay);
    for (size_t i = 0; i < n; i++) {
      BlH264Au au;
      BlH264DepayResult result;
      if (i == lost)
        continue;
      do {
        result = bl_h264_depay_push (&depay, &wire[i].header, &au);
        if (result == BL_H264_DEPAY_MORE || au.broken)
          continue;
        size_t which = (size_t)(au.timestamp - 0xffffff00u) / 3000;
        size_t length = fixture_expected (&fixture, which, expected);
        /* Nothing tells that SPS and PPS are missing ahead of a slice that is
         * a picture's first, save the hole (or the stream's beginning). */
        if (au.length != length)
          ck_assert (au.keyframe && (au.after_loss || lost == 0)
                     && which == wire[lost].au);
        else
          ck_assert_mem_eq (au.data, expected, length);
        whole[which] = true;
      } while (result == BL_H264_DEPAY_AGAIN);
    }
    for (size_t au = 0; au < FIXTURE_AUS; au++)
      if (au != wire[lost].au)
        ck_assert_msg (whole[au], "packet %zu of picture %zu harmed %zu", lost,
                       wire[lost].au, au);
  }
}
END_TEST

/* Made-up payloads: what is pushed, and what then comes out. */
typedef struct {
  uint64_t seq;
  uint32_t timestamp;
  bool marker;
  uint8_t payload[12];
  size_t length;
  BlH264DepayResult result;
  uint8_t au[16]; /* Annex B */
  size_t au_length;
  bool broken, after_loss;
} Step;

#define MORE  BL_H264_DEPAY_MORE, { 0 }, 0, false, false
#define SLICE { 0, 0, 0, 1, 0x41, 0x9a }, 6

static const Step without_marker[] = {
  { 10, 1, false, { 0x41, 0x9a }, 2, MORE },
  /* The timestamp changes, nothing is lost: whole. */
  { 11, 2, false, { 0x41, 0x9b }, 2, BL_H264_DEPAY_AGAIN, SLICE, false, false },
  { 11, 2, false, { 0x41, 0x9b }, 2, MORE },
  /* It changes after a hole: its end may have been there. */
  { 13,
    3,
    true,
    { 0x41, 0x9a },
    2,
    BL_H264_DEPAY_AGAIN,
    { 0, 0, 0, 1, 0x41, 0x9b },
    6,
    true,
    false },
  { 13, 3, true, { 0x41, 0x9a }, 2, BL_H264_DEPAY_AU, SLICE, false, true },
  { 14, 4, true, { 0x41, 0x9a }, 2, BL_H264_DEPAY_AU, SLICE, false, false },
};

static const Step fragments[] = {
  /* Joined in the middle of a fragmented slice. */
  { 10, 1, false, { 0x5c, 0x01, 7 }, 3, MORE },
  { 11, 1, true, { 0x5c, 0x41, 8 }, 3, MORE },
  { 12, 2, false, { 0x5c, 0x81, 0x9a }, 3, MORE },
  { 13,
    2,
    true,
    { 0x5c, 0x41, 8 },
    3,
    BL_H264_DEPAY_AU,
    { 0, 0, 0, 1, 0x41, 0x9a, 8 },
    7,
    false,
    true },
  /* The end is lost, a whole slice follows. */
  { 14, 3, false, { 0x5c, 0x81, 0x9a }, 3, MORE },
  { 16, 3, true, { 0x41, 0x9a }, 2, BL_H264_DEPAY_AU, SLICE, true, false },
  /* The end never comes though nothing is lost. */
  { 17, 4, false, { 0x5c, 0x81, 0x9a }, 3, MORE },
  { 18, 4, true, { 0x41, 0x9a }, 2, BL_H264_DEPAY_AU, SLICE, true, false },
  { 19, 5, false, { 0x41, 0x9a }, 2, MORE },
  { 20,
    5,
    true,
    { 0x5c, 0x81, 0x9a },
    3,
    BL_H264_DEPAY_AU,
    SLICE,
    true,
    false },
  /* A fragment of another NAL unit. */
  { 21, 6, false, { 0x41, 0x9a }, 2, MORE },
  { 22, 6, false, { 0x5c, 0x81, 0x9a }, 3, MORE },
  { 23,
    6,
    true,
    { 0x7c, 0x45, 0x9a },
    3,
    BL_H264_DEPAY_AU,
    SLICE,
    true,
    false },
  /* Nothing harmed what comes next. */
  { 24, 7, true, { 0x41, 0x9a }, 2, BL_H264_DEPAY_AU, SLICE, false, false },
};

static const Step odd_packets[] = {
  { 10, 1, true, { 0x41, 0x9a }, 2, BL_H264_DEPAY_AU, SLICE, false, false },
  /* Again, and late. */
  { 10, 1, true, { 0x41, 0x9a }, 2, MORE },
  { 9, 1, true, { 0x41, 0x9a }, 2, MORE },
  /* Padding only. */
  { 11, 1, false, { 0 }, 0, MORE },
  { 12, 2, true, { 0x41, 0x9a }, 2, BL_H264_DEPAY_AU, SLICE, false, false },
  /* Padding after a loss doesn't hide the loss. */
  { 14, 2, false, { 0 }, 0, MORE },
  { 15, 3, true, { 0x41, 0x9a }, 2, BL_H264_DEPAY_AU, SLICE, false, true },
  /* A second slice after a loss: the first may be gone. */
  { 17,
    4,
    true,
    { 0x41, 0x1a },
    2,
    BL_H264_DEPAY_AU,
    { 0, 0, 0, 1, 0x41, 0x1a },
    6,
    true,
    true },
  /* Nonsense inside a picture. */
  { 18, 5, false, { 0x41, 0x9a }, 2, MORE },
  { 19,
    5,
    true,
    { 0x78, 0, 9, 0x67 },
    4,
    BL_H264_DEPAY_AU,
    SLICE,
    true,
    false },
  /* And alone: nothing to give, but a hole. */
  { 20, 6, true, { 0x7f, 1 }, 2, MORE },
  { 21, 7, true, { 0x41, 0x9a }, 2, BL_H264_DEPAY_AU, SLICE, false, true },
  /* An aggregate. */
  { 22,
    8,
    true,
    { 0x78, 0, 1, 0x68, 0, 2, 0x41, 0x9a },
    8,
    BL_H264_DEPAY_AU,
    { 0, 0, 0, 1, 0x68, 0, 0, 0, 1, 0x41, 0x9a },
    11,
    false,
    false },
};

static const struct {
  const Step *steps;
  size_t n;
} courses[] = {
  { without_marker, sizeof without_marker / sizeof (Step) },
  { fragments, sizeof fragments / sizeof (Step) },
  { odd_packets, sizeof odd_packets / sizeof (Step) },
};

START_TEST (each_course_of_packets_gives_what_it_should)
{
  for (size_t i = 0; i < courses[_i].n; i++) {
    const Step *step = &courses[_i].steps[i];
    BlH264DepayPacket packet = { step->seq, step->timestamp, step->marker,
                                 step->payload, step->length };
    BlH264Au au = { 0 };
    ck_assert_msg (bl_h264_depay_push (&depay, &packet, &au) == step->result,
                   "step %zu", i);
    if (step->result == BL_H264_DEPAY_MORE)
      continue;
    ck_assert_msg (au.length == step->au_length, "step %zu: %zu bytes", i,
                   au.length);
    ck_assert_mem_eq (au.data, step->au, au.length);
    ck_assert_msg (au.broken == step->broken
                       && au.after_loss == step->after_loss,
                   "step %zu: %d %d", i, au.broken, au.after_loss);
  }
}
END_TEST

START_TEST (lengths_stand_where_start_codes_were)
{
  static const uint8_t payload[] = { 0x78, 0, 1, 0x68, 0, 3, 0x65, 0x88, 0x80 };
  static const uint8_t expected[]
      = { 0, 0, 0, 1, 0x68, 0, 0, 0, 3, 0x65, 0x88, 0x80 };
  bl_h264_depay_clear (&depay);
  ck_assert (bl_h264_depay_init (&depay, BL_H264_AVCC, 1000));
  BlH264DepayPacket packet = { 1, 1, true, payload, sizeof payload };
  BlH264Au au;
  ck_assert_int_eq (bl_h264_depay_push (&depay, &packet, &au),
                    BL_H264_DEPAY_AU);
  ck_assert_uint_eq (au.length, sizeof expected);
  ck_assert_mem_eq (au.data, expected, sizeof expected);
  ck_assert (au.keyframe);
}
END_TEST

START_TEST (a_picture_too_large_is_dropped_and_counted)
{
  /* Room for 32 bytes: prefix, header byte, and 27 bytes of three tens. */
  bl_h264_depay_clear (&depay);
  ck_assert (bl_h264_depay_init (&depay, BL_H264_ANNEX_B, 32));
  uint8_t payload[12] = { 0x5c, 0x81, 0x9a };
  BlH264DepayPacket packet = { 1, 1, false, payload, sizeof payload };
  BlH264Au au;
  for (unsigned round = 0; round < 2; round++)
    for (unsigned i = 0; i < 3; i++) {
      payload[1] = i == 0 ? 0x81 : i == 2 ? 0x41 : 0x01;
      packet.marker = i == 2;
      ck_assert_int_eq (bl_h264_depay_push (&depay, &packet, &au),
                        BL_H264_DEPAY_MORE);
      packet.seq++;
      packet.timestamp = 1 + round + (i == 2);
    }
  ck_assert_uint_eq (depay.oversize, 2);

  static const uint8_t small[] = { 0x41, 0x9a };
  packet = (BlH264DepayPacket){ packet.seq, 9, true, small, sizeof small };
  ck_assert_int_eq (bl_h264_depay_push (&depay, &packet, &au),
                    BL_H264_DEPAY_AU);
  ck_assert (!au.broken && au.after_loss);
}
END_TEST

START_TEST (a_change_of_parameters_is_counted_once)
{
  static const uint8_t payloads[][4] = {
    { 0x67, 1, 2, 3 }, { 0x67, 1, 2, 3 }, { 0x67, 1, 2, 4 }, { 0x68, 1, 2, 4 }
  };
  static const uint32_t changes[] = { 1, 1, 2, 3 };
  for (size_t i = 0; i < 4; i++) {
    BlH264DepayPacket packet = { i + 1, 1, false, payloads[i], 4 };
    BlH264Au au;
    bl_h264_depay_push (&depay, &packet, &au);
    ck_assert_uint_eq (depay.parameter_changes, changes[i]);
  }
  ck_assert_uint_eq (depay.sps.length, 4);
  ck_assert_mem_eq (depay.sps.data, payloads[2], 4);
  ck_assert_mem_eq (depay.pps.data, payloads[3], 4);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("rtc/h264_depay");
  TCase *tcase = tcase_create ("h264_depay");
  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_add_loop_test (tcase, what_was_paid_out_comes_back_byte_for_byte, 0, 5);
  tcase_add_test (tcase, a_lost_packet_breaks_its_picture_alone);
  tcase_add_loop_test (tcase, each_course_of_packets_gives_what_it_should, 0,
                       sizeof courses / sizeof *courses);
  tcase_add_test (tcase, lengths_stand_where_start_codes_were);
  tcase_add_test (tcase, a_picture_too_large_is_dropped_and_counted);
  tcase_add_test (tcase, a_change_of_parameters_is_counted_once);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
