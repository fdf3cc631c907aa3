/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/rtcp.h"

#include "rtc_bytes.h"
#include "run_suite.h"

/* A compound as a publisher sends it: SR with one block, SDES, NACK, PLI. */
static const uint8_t compound[] = {
  /* SR, RC=1, 12 words after the header */
  0x81,
  200,
  0,
  12,
  0x00,
  0x00,
  0x00,
  0x11, /* SSRC */
  0xe8,
  0x00,
  0x00,
  0x01,
  0x80,
  0x00,
  0x00,
  0x00, /* NTP */
  0x00,
  0x01,
  0x5f,
  0x90,
  0,
  0,
  0,
  100,
  0,
  1,
  0,
  0, /* RTP, count, octets */
  0x00,
  0x00,
  0x00,
  0x22,
  0x40,
  0xff,
  0xff,
  0xfe, /* lost 1/4; -2 in all */
  0x00,
  0x01,
  0x00,
  0x05,
  0,
  0,
  0,
  9, /* highest, jitter */
  0x00,
  0x01,
  0x80,
  0x00,
  0x00,
  0x00,
  0x40,
  0x00, /* LSR, DLSR */
  /* SDES, SC=1: CNAME "bl", 12 bytes */
  0x81,
  202,
  0,
  3,
  0x00,
  0x00,
  0x00,
  0x11,
  1,
  2,
  'b',
  'l',
  0,
  0,
  0,
  0,
  /* RFC 4585 section 6.2.1: PID 65534, BLP for 65535, 1 and 14 */
  0x81,
  205,
  0,
  3,
  0,
  0,
  0,
  0x11,
  0,
  0,
  0,
  0x22,
  0xff,
  0xfe,
  0x80,
  0x05,
  /* RFC 4585 section 6.3.1 */
  0x81,
  206,
  0,
  2,
  0,
  0,
  0,
  0x11,
  0,
  0,
  0,
  0x22,
};

static BlRtcpPacket
only_packet (const uint8_t *data, size_t length)
{
  BlRtcpIter iter;
  BlRtcpPacket packet, more;
  ck_assert_int_eq (bl_rtcp_open (&iter, data, length), BL_RTCP_OK);
  ck_assert (bl_rtcp_next (&iter, &packet));
  ck_assert (!bl_rtcp_next (&iter, &more));
  return packet;
}

/* Asks every reader about a packet, whatever it is. */
static void
read_all (const BlRtcpPacket *packet)
{
  uint32_t ssrc;
  uint64_t bps;
  uint16_t seq;
  uint8_t number;
  const char *cname;
  size_t length;
  BlRtcpSenderInfo info;
  BlRtcpReportBlock block;
  BlRtcpFeedback feedback;
  BlRtcpXr xr;
  BlRtcpDlrr dlrr;

  bl_rtcp_read_ssrc (packet, &ssrc);
  bl_rtcp_read_sr (packet, &ssrc, &info);
  for (unsigned i = 0; i < 33; i++) {
    bl_rtcp_read_report (packet, i, &block);
    bl_rtcp_read_bye (packet, i, &ssrc);
    bl_rtcp_read_cname (packet, i, &ssrc, &cname, &length);
  }
  if (bl_rtcp_read_feedback (packet, &feedback)) {
    BlRtcpNackIter nack = bl_rtcp_nack_iter (&feedback);
    while (bl_rtcp_nack_next (&nack, &seq))
      ;
    for (unsigned i = 0; bl_rtcp_read_fir (&feedback, i, &ssrc, &number); i++)
      ;
    bl_rtcp_read_remb (&feedback, &bps);
  }
  if (bl_rtcp_read_xr (packet, &xr))
    for (unsigned i = 0; bl_rtcp_read_dlrr (&xr, i, &dlrr); i++)
      ;
}

START_TEST (a_compound_is_walked_in_order)
{
  static const BlRtcpKind kinds[] = { BL_RTCP_KIND_SR, BL_RTCP_KIND_SDES,
                                      BL_RTCP_KIND_NACK, BL_RTCP_KIND_PLI };
  BlRtcpIter iter;
  BlRtcpPacket packet;
  ck_assert_int_eq (bl_rtcp_open (&iter, compound, sizeof compound),
                    BL_RTCP_OK);
  for (size_t i = 0; i < N_OF (kinds); i++) {
    ck_assert (bl_rtcp_next (&iter, &packet));
    ck_assert_int_eq (packet.kind, kinds[i]);
  }
  ck_assert (!bl_rtcp_next (&iter, &packet));
}
END_TEST

START_TEST (a_sender_report_is_read_to_the_bit)
{
  BlRtcpPacket sr = only_packet (compound, 52);
  uint32_t ssrc;
  BlRtcpSenderInfo info;
  BlRtcpReportBlock block;
  ck_assert (bl_rtcp_read_sr (&sr, &ssrc, &info));
  ck_assert_uint_eq (ssrc, 0x11);
  ck_assert_uint_eq (info.ntp, UINT64_C (0xe800000180000000));
  ck_assert_uint_eq (info.rtp_timestamp, 90000);
  ck_assert_uint_eq (info.packets, 100);
  ck_assert_uint_eq (info.octets, 65536);

  ck_assert (bl_rtcp_read_report (&sr, 0, &block));
  ck_assert_uint_eq (block.ssrc, 0x22);
  ck_assert_uint_eq (block.fraction_lost, 64);
  ck_assert_int_eq (block.cumulative_lost, -2);
  ck_assert_uint_eq (block.highest_seq, 0x10005);
  ck_assert_uint_eq (block.jitter, 9);
  ck_assert_uint_eq (block.lsr, 0x18000);
  ck_assert_uint_eq (block.dlsr, 0x4000);
  ck_assert (!bl_rtcp_read_report (&sr, 1, &block));
}
END_TEST

START_TEST (each_chunk_has_its_cname_beside_other_items)
{
  static const uint8_t sdes[]
      = {
          0x83, 202, 0,   9, 0, 0,   0,   1,   2,   3,
          'B',  'o', 'b', 1, 1, 'x', /* NAME, CNAME */
          0,    0,   0,   0,         /* the end, padded */
          0,    0,   0,   2, 1, 5,   'a', 'l', 'i', 'c',
          'e',  0,   0,   0, 0, 3,   0,   0,   0,   0, /* none */
        };
  BlRtcpPacket packet = only_packet (sdes, sizeof sdes);
  uint32_t ssrc;
  const char *cname;
  size_t length;
  ck_assert (bl_rtcp_read_cname (&packet, 1, &ssrc, &cname, &length));
  ck_assert_uint_eq (ssrc, 2);
  ck_assert_uint_eq (length, 5);
  ck_assert_mem_eq (cname, "alice", 5);
  ck_assert (bl_rtcp_read_cname (&packet, 2, &ssrc, &cname, &length));
  ck_assert_uint_eq (ssrc, 3);
  ck_assert_uint_eq (length, 0);
  ck_assert (!bl_rtcp_read_cname (&packet, 3, &ssrc, &cname, &length));
}
END_TEST

START_TEST (a_nack_names_the_bits_of_its_mask)
{
  static const uint16_t lost[] = { 65534, 65535, 1, 14 };
  BlRtcpPacket packet = only_packet (compound + 68, 16);
  BlRtcpFeedback feedback;
  uint16_t seq;
  ck_assert (bl_rtcp_read_feedback (&packet, &feedback));
  ck_assert_uint_eq (feedback.sender_ssrc, 0x11);
  ck_assert_uint_eq (feedback.media_ssrc, 0x22);
  BlRtcpNackIter iter = bl_rtcp_nack_iter (&feedback);
  for (size_t i = 0; i < N_OF (lost); i++) {
    ck_assert (bl_rtcp_nack_next (&iter, &seq));
    ck_assert_uint_eq (seq, lost[i]);
  }
  ck_assert (!bl_rtcp_nack_next (&iter, &seq));
}
END_TEST

START_TEST (a_FIR_names_streams_and_request_numbers)
{
  static const uint8_t fir[] = {
    0x84, 206, 0, 6,    0, 0, 0, 0x11, 0, 0, 0, 0, /* RFC 5104 section 4.3.1 */
    0,    0,   0, 0x22, 7, 0, 0, 0,    0, 0, 0, 0x33, 255, 0, 0, 0,
  };
  BlRtcpPacket packet = only_packet (fir, sizeof fir);
  BlRtcpFeedback feedback;
  uint32_t ssrc;
  uint8_t number;
  ck_assert_int_eq (packet.kind, BL_RTCP_KIND_FIR);
  ck_assert (bl_rtcp_read_feedback (&packet, &feedback));
  ck_assert (bl_rtcp_read_fir (&feedback, 0, &ssrc, &number));
  ck_assert_uint_eq (ssrc, 0x22);
  ck_assert_uint_eq (number, 7);
  ck_assert (bl_rtcp_read_fir (&feedback, 1, &ssrc, &number));
  ck_assert_uint_eq (ssrc, 0x33);
  ck_assert_uint_eq (number, 255);
  ck_assert (!bl_rtcp_read_fir (&feedback, 2, &ssrc, &number));
}
END_TEST

static const struct {
  uint8_t bits[3]; /* exponent and mantissa */
  uint64_t bps;
} rembs[] = {
  { { 0x00, 0x00, 0x00 }, 0 },
  { { 0x03, 0xff, 0xff }, 262143 },
  { { 0x0a, 0xdc, 0x6c }, 750000 }, /* 187500 << 2 */
  { { 0xfc, 0x00, 0x01 }, UINT64_C (1) << 63 },
  { { 0xff, 0xff, 0xff }, UINT64_MAX },
};

START_TEST (a_REMB_gives_bits_a_second)
{
  uint8_t remb[] = { 0x8f, 206, 0,   5,   0, 0, 0, 1, 0, 0, 0, 0,
                     'R',  'E', 'M', 'B', 1, 0, 0, 0, 0, 0, 0, 2 };
  memcpy (remb + 17, rembs[_i].bits, 3);
  BlRtcpPacket packet = only_packet (remb, sizeof remb);
  BlRtcpFeedback feedback;
  uint64_t bps;
  ck_assert_int_eq (packet.kind, BL_RTCP_KIND_REMB);
  ck_assert (bl_rtcp_read_feedback (&packet, &feedback));
  ck_assert (bl_rtcp_read_remb (&feedback, &bps));
  ck_assert_uint_eq (bps, rembs[_i].bps);
}
END_TEST

START_TEST (application_feedback_that_is_no_REMB_is_passed_over)
{
  static const uint8_t other[]
      = { 0x8f, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 'A', 'B', 'C', 'D' };
  ck_assert_int_eq (only_packet (other, sizeof other).kind, BL_RTCP_KIND_OTHER);
}
END_TEST

START_TEST (extended_reports_give_RRTR_and_DLRR_among_other_blocks)
{
  static const uint8_t xr_packet[]
      = {
          0x80, 207, 0,    13,   0,    0, 0, 0x11, 4, 0, 0,    2,
          0xe8, 0,   0,    1,    0x80, 0, 0, 0, /* RRTR */
          42,   9,   0,    1,    1,    2, 3, 4, /* a block of another type */
          5,    0,   0,    6,    0,    0, 0, 0x22, 0, 1, 0x80, 0,
          0,    0,   0x40, 0, /* DLRR, two */
          0,    0,   0,    0x33, 0,    0, 0, 0,    0, 0, 0,    0,
        };
  BlRtcpPacket packet = only_packet (xr_packet, sizeof xr_packet);
  BlRtcpXr xr;
  BlRtcpDlrr dlrr;
  ck_assert_int_eq (packet.kind, BL_RTCP_KIND_XR);
  ck_assert (bl_rtcp_read_xr (&packet, &xr));
  ck_assert_uint_eq (xr.ssrc, 0x11);
  ck_assert (xr.has_rrtr);
  ck_assert_uint_eq (xr.rrtr, UINT64_C (0xe800000180000000));
  ck_assert (bl_rtcp_read_dlrr (&xr, 0, &dlrr));
  ck_assert_uint_eq (dlrr.ssrc, 0x22);
  ck_assert_uint_eq (dlrr.lrr, 0x18000);
  ck_assert_uint_eq (dlrr.dlrr, 0x4000);
  ck_assert (bl_rtcp_read_dlrr (&xr, 1, &dlrr));
  ck_assert_uint_eq (dlrr.ssrc, 0x33);
  ck_assert (!bl_rtcp_read_dlrr (&xr, 2, &dlrr));
}
END_TEST

START_TEST (an_XR_block_past_the_end_is_refused)
{
  static const uint8_t xr_packet[]
      = { 0x80, 207, 0, 3, 0, 0, 0, 0x11, 4, 0, 0, 2, 1, 2, 3, 4 };
  BlRtcpPacket packet = only_packet (xr_packet, sizeof xr_packet);
  BlRtcpXr xr;
  ck_assert (!bl_rtcp_read_xr (&packet, &xr));
}
END_TEST

static const struct {
  const char *what;
  uint8_t bytes[24];
  size_t length;
  BlRtcpStatus status;
} bad[] = {
  { "nothing", { 0 }, 0, BL_RTCP_SHORT },
  { "half a header", { 0x80, 201 }, 2, BL_RTCP_SHORT },
  { "a length past the end", { 0x80, 201, 0, 2 }, 8, BL_RTCP_SHORT },
  { "three bytes too many", { 0x80, 201, 0, 1 }, 11, BL_RTCP_SHORT },
  { "version 1", { 0x40, 201, 0, 1 }, 8, BL_RTCP_BAD_VERSION },
  { "version 0 second",
    { 0x80, 201, 0, 1, 0, 0, 0, 0, 0, 201, 0, 0 },
    12,
    BL_RTCP_BAD_VERSION },
  { "an RTP payload type", { 0x80, 96, 0, 1 }, 8, BL_RTCP_BAD_TYPE },
  { "type 224", { 0x80, 224, 0, 1 }, 8, BL_RTCP_BAD_TYPE },
  { "padding 0", { 0xa0, 201, 0, 1 }, 8, BL_RTCP_BAD_PADDING },
  { "padding too long",
    { 0xa0, 201, 0, 1, 0, 0, 0, 5 },
    8,
    BL_RTCP_BAD_PADDING },
  { "padding without a body", { 0xa0, 201, 0, 0 }, 4, BL_RTCP_BAD_PADDING },
  { "padding before the last",
    { 0xa0, 201, 0, 1, 0, 0, 0, 4, 0x80, 201, 0, 0 },
    12,
    BL_RTCP_BAD_PADDING },
  { "padding on the last",
    { 0x80, 201, 0, 0, 0xa0, 201, 0, 1, 0, 0, 0, 4 },
    12,
    BL_RTCP_OK },
  { "a PLI alone (RFC 5506)", { 0x81, 206, 0, 2 }, 12, BL_RTCP_OK },
};

START_TEST (a_compound_is_judged_as_RFC_3550_says)
{
  uint8_t *copy = exact_copy (bad[_i].bytes, bad[_i].length);
  BlRtcpIter iter;
  ck_assert_msg (bl_rtcp_open (&iter, copy, bad[_i].length) == bad[_i].status,
                 "%s", bad[_i].what);
  free (copy);
}
END_TEST

START_TEST (a_compound_cut_anywhere_but_between_packets_is_refused)
{
  for (size_t length = 0; length < sizeof compound; length++) {
    uint8_t *copy = exact_copy (compound, length);
    BlRtcpIter iter;
    bool between = length == 52 || length == 68 || length == 84;
    ck_assert_int_eq (bl_rtcp_open (&iter, copy, length),
                      between ? BL_RTCP_OK : BL_RTCP_SHORT);
    free (copy);
  }
}
END_TEST

/* Bodies too short for what their header promises. */
START_TEST (a_body_of_any_length_is_never_read_past)
{
  static const uint8_t types[] = { 200, 201, 202, 203, 205, 206, 207 };
  static const uint8_t counts[] = { 0, 1, 4, 15, 31 };
  Random random = RANDOM_SEED;
  for (size_t t = 0; t < N_OF (types) * N_OF (counts); t++)
    for (uint8_t words = 0; words < 24; words++) {
      uint8_t data[4 + 4 * 24];
      size_t length = 4 + 4 * (size_t)words;
      for (size_t i = 4; i < length; i++)
        data[i] = (uint8_t)random_below (&random, 4);
      data[0] = 0x80 | counts[t / N_OF (types)];
      data[1] = types[t % N_OF (types)];
      data[2] = 0;
      data[3] = words;
      uint8_t *copy = exact_copy (data, length);
      BlRtcpPacket packet = only_packet (copy, length);
      ck_assert_uint_eq (packet.body_length, length - 4);
      read_all (&packet);
      free (copy);
    }
}
END_TEST

START_TEST (a_compound_is_written_to_the_byte)
{
  uint8_t buffer[256];
  BlRtcpSenderInfo info = { UINT64_C (0xe800000180000000), 90000, 100, 65536 };
  BlRtcpReportBlock block = { 0x22, 64, -2, 0x10005, 9, 0x18000, 0x4000 };
  static const uint16_t lost[] = { 65534, 65535, 1, 14 };

  for (size_t room = 0; room <= sizeof compound; room++) {
    BlWriter w = bl_writer (buffer, room);
    bl_rtcp_write_sr (&w, 0x11, &info, &block, 1);
    bl_rtcp_write_cname (&w, 0x11, "bl");
    bl_rtcp_write_nack (&w, 0x11, 0x22, lost, N_OF (lost));
    bl_rtcp_write_pli (&w, 0x11, 0x22);
    ck_assert (bl_writer_ok (&w) == (room == sizeof compound));
  }
  ck_assert_mem_eq (buffer, compound, sizeof compound);
}
END_TEST

START_TEST (a_cname_of_any_length_is_read_back)
{
  char name[301] = "";
  for (size_t length = 0; length <= 300; length++) {
    uint8_t buffer[400];
    BlWriter w = bl_writer (buffer, sizeof buffer);
    bl_rtcp_write_cname (&w, 5, name);
    BlRtcpPacket packet = only_packet (buffer, bl_writer_length (&w));
    uint32_t ssrc;
    const char *cname;
    size_t cname_length;
    ck_assert (bl_rtcp_read_cname (&packet, 0, &ssrc, &cname, &cname_length));
    ck_assert_uint_eq (ssrc, 5);
    ck_assert_uint_eq (cname_length, length < 255 ? length : 255);
    ck_assert_mem_eq (cname, name, cname_length);
    if (length < 300)
      name[length] = (char)('a' + length % 26);
  }
}
END_TEST

START_TEST (any_set_of_lost_packets_is_read_back)
{
  Random random = RANDOM_SEED;
  for (int i = 0; i < 2000; i++) {
    uint16_t seqs[50], seq = (uint16_t)random_next (&random);
    size_t n = 1 + random_below (&random, N_OF (seqs));
    for (size_t j = 0; j < n; j++) {
      seqs[j] = seq;
      seq = (uint16_t)(seq + 1 + random_below (&random, 20));
    }
    uint8_t buffer[256];
    BlWriter w = bl_writer (buffer, sizeof buffer);
    bl_rtcp_write_nack (&w, 1, 2, seqs, n);
    BlRtcpPacket packet = only_packet (buffer, bl_writer_length (&w));
    BlRtcpFeedback feedback;
    ck_assert (bl_rtcp_read_feedback (&packet, &feedback));
    BlRtcpNackIter iter = bl_rtcp_nack_iter (&feedback);
    uint16_t out;
    for (size_t j = 0; j < n; j++) {
      ck_assert (bl_rtcp_nack_next (&iter, &out));
      ck_assert_uint_eq (out, seqs[j]);
    }
    ck_assert (!bl_rtcp_nack_next (&iter, &out));
  }
}
END_TEST

START_TEST (what_is_written_is_read_back)
{
  uint8_t buffer[256];
  BlRtcpDlrr entries[] = { { 1, 2, 3 }, { 4, 5, 6 } }, dlrr;
  BlRtcpReportBlock blocks[2] = {
    { .ssrc = 7, .cumulative_lost = 0x7fffff, .fraction_lost = 255 },
    { .ssrc = 8, .cumulative_lost = -0x800000, .highest_seq = UINT32_MAX },
  }, block;
  BlWriter w = bl_writer (buffer, sizeof buffer);
  bl_rtcp_write_rr (&w, 10, blocks, 2);
  bl_rtcp_write_xr_rrtr (&w, 11, UINT64_C (0x0102030405060708));
  bl_rtcp_write_xr_dlrr (&w, 12, entries, 2);
  bl_rtcp_write_fir (&w, 13, 14, 200);
  bl_rtcp_write_bye (&w, 15);
  ck_assert (bl_writer_ok (&w));

  BlRtcpIter iter;
  BlRtcpPacket packet;
  BlRtcpXr xr;
  BlRtcpFeedback feedback;
  uint32_t ssrc;
  uint8_t number;
  ck_assert_int_eq (bl_rtcp_open (&iter, buffer, bl_writer_length (&w)),
                    BL_RTCP_OK);
  ck_assert (bl_rtcp_next (&iter, &packet));
  ck_assert_int_eq (packet.kind, BL_RTCP_KIND_RR);
  ck_assert (bl_rtcp_read_ssrc (&packet, &ssrc) && ssrc == 10);
  ck_assert (bl_rtcp_read_report (&packet, 0, &block));
  ck_assert_int_eq (block.cumulative_lost, 0x7fffff);
  ck_assert (bl_rtcp_read_report (&packet, 1, &block));
  ck_assert_int_eq (block.cumulative_lost, -0x800000);
  ck_assert_uint_eq (block.highest_seq, UINT32_MAX);

  ck_assert (bl_rtcp_next (&iter, &packet));
  ck_assert (bl_rtcp_read_xr (&packet, &xr) && xr.has_rrtr && xr.ssrc == 11);
  ck_assert_uint_eq (xr.rrtr, UINT64_C (0x0102030405060708));
  ck_assert (!bl_rtcp_read_dlrr (&xr, 0, &dlrr));

  ck_assert (bl_rtcp_next (&iter, &packet));
  ck_assert (bl_rtcp_read_xr (&packet, &xr) && !xr.has_rrtr && xr.ssrc == 12);
  ck_assert (bl_rtcp_read_dlrr (&xr, 1, &dlrr));
  ck_assert (dlrr.ssrc == 4 && dlrr.lrr == 5 && dlrr.dlrr == 6);

  ck_assert (bl_rtcp_next (&iter, &packet));
  ck_assert_int_eq (packet.kind, BL_RTCP_KIND_FIR);
  ck_assert (bl_rtcp_read_feedback (&packet, &feedback));
  ck_assert (bl_rtcp_read_fir (&feedback, 0, &ssrc, &number));
  ck_assert (ssrc == 14 && number == 200);

  ck_assert (bl_rtcp_next (&iter, &packet));
  ck_assert (bl_rtcp_read_bye (&packet, 0, &ssrc) && ssrc == 15);
  ck_assert (!bl_rtcp_read_bye (&packet, 1, &ssrc));
  ck_assert (!bl_rtcp_next (&iter, &packet));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("rtc/rtcp");
  TCase *tcase = tcase_create ("rtcp");
  tcase_add_test (tcase, a_compound_is_walked_in_order);
  tcase_add_test (tcase, a_sender_report_is_read_to_the_bit);
  tcase_add_test (tcase, each_chunk_has_its_cname_beside_other_items);
  tcase_add_test (tcase, a_nack_names_the_bits_of_its_mask);
  tcase_add_test (tcase, a_FIR_names_streams_and_request_numbers);
  tcase_add_loop_test (tcase, a_REMB_gives_bits_a_second, 0, N_OF (rembs));
  tcase_add_test (tcase, application_feedback_that_is_no_REMB_is_passed_over);
  tcase_add_test (tcase,
                  extended_reports_give_RRTR_and_DLRR_among_other_blocks);
  tcase_add_test (tcase, an_XR_block_past_the_end_is_refused);
  tcase_add_loop_test (tcase, a_compound_is_judged_as_RFC_3550_says, 0,
                       N_OF (bad));
  tcase_add_test (tcase,
                  a_compound_cut_anywhere_but_between_packets_is_refused);
  tcase_add_test (tcase, a_body_of_any_length_is_never_read_past);
  tcase_add_test (tcase, a_compound_is_written_to_the_byte);
  tcase_add_test (tcase, a_cname_of_any_length_is_read_back);
  tcase_add_test (tcase, any_set_of_lost_packets_is_read_back);
  tcase_add_test (tcase, what_is_written_is_read_back);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
