/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/ccfb.h"

#include "rtc_bytes.h"
#include "run_suite.h"

#define SENDER 0x11
#define NOW    (100 * BL_SECOND)
#define NTP    (UINT64_C (0x0001000280000000)) /* middle 0x00028000 */

/* Large: not for the stack. */
static BlCcfbReceiver receiver;
static BlCcfbSender sender;

typedef struct {
  uint32_t ssrc;
  uint16_t seq;
  BlTime age_us; /* before the report */
  BlEcn ecn;
} Arrival;

/* Arrivals and the packet worked out by hand from RFC 8888 section 3.1. */
static const struct {
  const char *what;
  size_t n;
  Arrival arrivals[8];
  size_t length;
  uint8_t bytes[64];
} vectors[] = {
  { "one packet, padded to a word",
    1,
    { { 0x22, 7, 0, BL_ECN_NOT_ECT } },
    24,
    { 0x8b, 205, 0, 5, 0,    0, 0, 0x11, 0, 0, 0,    0x22,
      0,    7,   0, 1, 0x80, 0, 0, 0,    0, 2, 0x80, 0 } },
  { "a loss between two, the first marked, across the wrap",
    2,
    { { 0x22, 0xffff, BL_SECOND, BL_ECN_CE }, { 0x22, 1, 0, BL_ECN_ECT1 } },
    28,
    { 0x8b, 205, 0,    6, 0, 0, 0,    0x11, 0, 0, 0, 0x22, 0xff, 0xff,
      0,    3,   0xe4, 0, 0, 0, 0xa0, 0,    0, 0, 0, 2,    0x80, 0 } },
  { "two streams",
    3,
    { { 0x22, 1, 0, BL_ECN_ECT0 },
      { 0x33, 9, 0, BL_ECN_ECT0 },
      { 0x33, 10, 0, BL_ECN_ECT0 } },
    36,
    { 0x8b, 205, 0, 8, 0,    0, 0,    0x11, 0, 0, 0,    0x22,
      0,    1,   0, 1, 0xc0, 0, 0,    0,    0, 0, 0,    0x33,
      0,    9,   0, 2, 0xc0, 0, 0xc0, 0,    0, 2, 0x80, 0 } },
  { "an arrival too long ago to tell",
    1,
    { { 0x22, 7, 9 * BL_SECOND, BL_ECN_NOT_ECT } },
    24,
    { 0x8b, 205, 0, 5, 0,    0,    0, 0x11, 0, 0, 0,    0x22,
      0,    7,   0, 1, 0x9f, 0xfe, 0, 0,    0, 2, 0x80, 0 } },
  { "a double: the first arrival, and the mark of the second",
    2,
    { { 0x22, 7, BL_SECOND, BL_ECN_ECT1 }, { 0x22, 7, 0, BL_ECN_CE } },
    24,
    { 0x8b, 205, 0, 5, 0,    0, 0, 0x11, 0, 0, 0,    0x22,
      0,    7,   0, 1, 0xe4, 0, 0, 0,    0, 2, 0x80, 0 } },
};

static void
note (uint32_t ssrc, uint16_t seq, BlTime arrival_us)
{
  bl_ccfb_receiver_on_packet (&receiver, ssrc, seq, BL_ECN_ECT1, arrival_us);
}

/* Writes into memory of just `room` bytes and parses what was written. */
static BlCcfbReport
report (uint8_t *buffer, size_t room, size_t *out_length)
{
  BlWriter w = bl_writer (buffer, room);
  BlRtcpIter iter;
  BlRtcpPacket packet;
  BlCcfbReport parsed;
  ck_assert (bl_ccfb_receiver_write (&receiver, &w, SENDER, NOW, NTP));
  *out_length = bl_writer_length (&w);
  ck_assert_int_eq (bl_rtcp_open (&iter, buffer, *out_length), BL_RTCP_OK);
  ck_assert (bl_rtcp_next (&iter, &packet));
  ck_assert_int_eq (packet.kind, BL_RTCP_KIND_CCFB);
  ck_assert_int_eq (bl_ccfb_parse (&packet, &parsed), BL_CCFB_OK);
  return parsed;
}

START_TEST (reports_are_those_worked_out_by_hand)
{
  uint8_t buffer[128];
  size_t length;
  bl_ccfb_receiver_init (&receiver);
  for (size_t i = 0; i < vectors[_i].n; i++) {
    const Arrival *a = &vectors[_i].arrivals[i];
    bl_ccfb_receiver_on_packet (&receiver, a->ssrc, a->seq, a->ecn,
                                NOW - a->age_us);
  }
  BlCcfbReport parsed = report (buffer, sizeof buffer, &length);
  ck_assert_msg (length == vectors[_i].length
                     && memcmp (buffer, vectors[_i].bytes, length) == 0,
                 "%s", vectors[_i].what);
  ck_assert_uint_eq (parsed.sender_ssrc, SENDER);
  ck_assert_uint_eq (parsed.timestamp, 0x28000);
}
END_TEST

START_TEST (what_was_written_is_read)
{
  uint8_t buffer[256];
  size_t length;
  BlCcfbResult result;
  bl_ccfb_receiver_init (&receiver);
  note (5, 100, NOW - 2 * BL_SECOND);
  note (5, 103, NOW - BL_SECOND);
  BlCcfbReport parsed = report (buffer, sizeof buffer, &length);
  for (uint16_t seq = 100; seq < 104; seq++) {
    bool received = seq == 100 || seq == 103;
    ck_assert (bl_ccfb_next (&parsed, &result));
    ck_assert_uint_eq (result.ssrc, 5);
    ck_assert_uint_eq (result.seq, seq);
    ck_assert_int_eq (result.received, received);
    ck_assert_int_eq (result.ecn, received ? BL_ECN_ECT1 : BL_ECN_NOT_ECT);
  }
  ck_assert_int_eq (result.before_us, BL_SECOND);
  ck_assert (!bl_ccfb_next (&parsed, &result));
}
END_TEST

START_TEST (each_packet_is_in_three_reports)
{
  uint8_t buffer[256];
  size_t length;
  unsigned told = 0;
  bl_ccfb_receiver_init (&receiver);
  note (5, 0, NOW);
  for (uint16_t i = 1; i <= 6; i++) {
    BlCcfbResult result;
    BlCcfbReport parsed = report (buffer, sizeof buffer, &length);
    while (bl_ccfb_next (&parsed, &result))
      told += result.seq == 0;
    note (5, i, NOW);
  }
  ck_assert_uint_eq (told, BL_CCFB_REPEATS);
}
END_TEST

START_TEST (a_late_packet_is_reported_with_all_after_it)
{
  uint8_t buffer[512];
  size_t length;
  BlCcfbResult result;
  bl_ccfb_receiver_init (&receiver);
  for (uint16_t seq = 0; seq < 50; seq++)
    if (seq != 3)
      note (5, seq, NOW);
  for (int i = 0; i < 5; i++) {
    note (5, (uint16_t)(50 + i), NOW);
    report (buffer, sizeof buffer, &length);
  }
  ck_assert (!bl_ccfb_receiver_has_news (&receiver));
  note (5, 3, NOW);
  ck_assert (bl_ccfb_receiver_has_news (&receiver));
  BlCcfbReport parsed = report (buffer, sizeof buffer, &length);
  ck_assert (bl_ccfb_next (&parsed, &result));
  ck_assert_uint_eq (result.seq, 3);
  ck_assert (result.received);
}
END_TEST

START_TEST (little_room_takes_several_reports_and_loses_nothing)
{
  uint8_t buffer[BL_CCFB_MIN_ROOM_BYTES];
  bool seen[300] = { false };
  bl_ccfb_receiver_init (&receiver);
  for (uint16_t seq = 0; seq < 300; seq++)
    note (5, seq, NOW);
  for (int i = 0; bl_ccfb_receiver_has_news (&receiver); i++) {
    size_t length;
    BlCcfbResult result;
    ck_assert_int_lt (i, 30);
    BlCcfbReport parsed = report (buffer, sizeof buffer, &length);
    while (bl_ccfb_next (&parsed, &result))
      seen[result.seq] = result.received;
  }
  for (size_t i = 0; i < N_OF (seen); i++)
    ck_assert (seen[i]);
}
END_TEST

START_TEST (too_little_room_changes_nothing)
{
  uint8_t buffer[BL_CCFB_MIN_ROOM_BYTES - 1];
  BlWriter w = bl_writer (buffer, sizeof buffer);
  bl_ccfb_receiver_init (&receiver);
  note (5, 1, NOW);
  ck_assert (!bl_ccfb_receiver_write (&receiver, &w, SENDER, NOW, NTP));
  ck_assert (bl_writer_ok (&w));
  ck_assert_uint_eq (bl_writer_length (&w), 0);
  ck_assert (bl_ccfb_receiver_has_news (&receiver));
}
END_TEST

START_TEST (a_jump_in_numbers_reports_no_more_than_the_window)
{
  uint8_t buffer[2048];
  size_t length;
  BlCcfbResult result;
  unsigned n = 0;
  bl_ccfb_receiver_init (&receiver);
  note (5, 0, NOW);
  note (5, 30000, NOW);
  BlCcfbReport parsed = report (buffer, sizeof buffer, &length);
  while (bl_ccfb_next (&parsed, &result))
    n++;
  ck_assert_uint_eq (n, BL_CCFB_WINDOW);
  ck_assert_uint_eq (result.seq, 30000);
}
END_TEST

START_TEST (a_ninth_stream_takes_the_place_of_the_most_silent)
{
  uint8_t buffer[2048];
  size_t length;
  BlCcfbResult result;
  bool seen[10] = { false };
  bl_ccfb_receiver_init (&receiver);
  for (uint32_t ssrc = 1; ssrc <= 9; ssrc++)
    note (ssrc, 0, NOW - (ssrc == 4 ? 2 : 1) * BL_SECOND);
  BlCcfbReport parsed = report (buffer, sizeof buffer, &length);
  while (bl_ccfb_next (&parsed, &result))
    seen[result.ssrc] = true;
  for (uint32_t ssrc = 1; ssrc <= 9; ssrc++)
    ck_assert_int_eq (seen[ssrc], ssrc != 4);
}
END_TEST

/* Bodies after the RTCP header that end too soon. */
static const struct {
  const char *what;
  size_t length;
  uint8_t body[24];
} short_bodies[] = {
  { "nothing", 0, { 0 } },
  { "no timestamp", 4, { 0 } },
  { "half a block header", 12, { 0 } },
  { "reports missing", 16, { 0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0, 1 } },
  { "padding missing", 18, { 0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0, 1 } },
  { "a count far past the end",
    20,
    { 0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0xff, 0xff } },
};

START_TEST (a_report_cut_short_is_refused)
{
  uint8_t *body = exact_copy (short_bodies[_i].body, short_bodies[_i].length);
  BlRtcpPacket packet = { .kind = BL_RTCP_KIND_CCFB,
                          .body = body,
                          .body_length = (uint32_t)short_bodies[_i].length };
  BlCcfbReport untouched = { .timestamp = 77 };
  ck_assert_msg (bl_ccfb_parse (&packet, &untouched) == BL_CCFB_SHORT, "%s",
                 short_bodies[_i].what);
  ck_assert_uint_eq (untouched.timestamp, 77);
  free (body);
}
END_TEST

START_TEST (results_name_the_packets_of_the_path)
{
  uint8_t buffer[256];
  size_t length;
  BlPacketResult result;
  bl_ccfb_sender_init (&sender);
  bl_ccfb_sender_on_sent (&sender, 5, 65535, 41);
  bl_ccfb_sender_on_sent (&sender, 6, 1, 42);
  bl_ccfb_sender_on_sent (&sender, 5, 0, 43);

  bl_ccfb_receiver_init (&receiver);
  note (5, 65535, NOW - 500 * BL_MS);
  note (6, 1, NOW - 250 * BL_MS);
  note (5, 0, NOW - 125 * BL_MS);
  note (7, 9, NOW); /* of nobody */
  BlCcfbReport parsed = report (buffer, sizeof buffer, &length);
  const struct {
    uint64_t seq;
    BlTime after_us;
  } expected[] = { { 41, 0 }, { 43, 375 * BL_MS }, { 42, 250 * BL_MS } };
  BlTime first_us = 0;
  for (size_t i = 0; i < N_OF (expected); i++) {
    ck_assert (bl_ccfb_sender_next (&sender, &parsed, &result));
    if (i == 0)
      first_us = result.arrival_us;
    ck_assert_uint_eq (result.seq, expected[i].seq);
    ck_assert (result.received);
    ck_assert_int_eq (result.arrival_us - first_us, expected[i].after_us);
    ck_assert_int_eq (result.ecn, BL_ECN_ECT1);
  }
  ck_assert (!bl_ccfb_sender_next (&sender, &parsed, &result));
}
END_TEST

START_TEST (arrivals_go_on_when_the_timestamp_wraps)
{
  uint8_t buffer[256];
  BlTime last_us = 0;
  bl_ccfb_sender_init (&sender);
  bl_ccfb_receiver_init (&receiver);
  for (uint16_t i = 0; i < 4; i++) {
    BlWriter w = bl_writer (buffer, sizeof buffer);
    BlNtp ntp = (UINT64_C (0xfffe) << 32) + ((BlNtp)i << 32);
    BlRtcpIter iter;
    BlRtcpPacket packet;
    BlCcfbReport parsed;
    BlPacketResult result, newest = { 0 };
    bl_ccfb_sender_on_sent (&sender, 5, i, 1u + i);
    note (5, i, NOW + i * BL_SECOND);
    ck_assert (bl_ccfb_receiver_write (&receiver, &w, SENDER,
                                       NOW + i * BL_SECOND, ntp));
    ck_assert_int_eq (bl_rtcp_open (&iter, buffer, bl_writer_length (&w)),
                      BL_RTCP_OK);
    ck_assert (bl_rtcp_next (&iter, &packet));
    ck_assert_int_eq (bl_ccfb_parse (&packet, &parsed), BL_CCFB_OK);
    while (bl_ccfb_sender_next (&sender, &parsed, &result))
      newest = result;
    if (i > 0)
      ck_assert_int_eq (newest.arrival_us - last_us, BL_SECOND);
    last_us = newest.arrival_us;
  }
}
END_TEST

static Suite *
suite (void)
{
  Suite *s = suite_create ("rtc/ccfb");
  TCase *tc = tcase_create ("ccfb");
  tcase_add_loop_test (tc, reports_are_those_worked_out_by_hand, 0,
                       N_OF (vectors));
  tcase_add_test (tc, what_was_written_is_read);
  tcase_add_test (tc, each_packet_is_in_three_reports);
  tcase_add_test (tc, a_late_packet_is_reported_with_all_after_it);
  tcase_add_test (tc, little_room_takes_several_reports_and_loses_nothing);
  tcase_add_test (tc, too_little_room_changes_nothing);
  tcase_add_test (tc, a_jump_in_numbers_reports_no_more_than_the_window);
  tcase_add_test (tc, a_ninth_stream_takes_the_place_of_the_most_silent);
  tcase_add_loop_test (tc, a_report_cut_short_is_refused, 0,
                       N_OF (short_bodies));
  tcase_add_test (tc, results_name_the_packets_of_the_path);
  tcase_add_test (tc, arrivals_go_on_when_the_timestamp_wraps);
  suite_add_tcase (s, tc);
  return s;
}

int
main (void)
{
  return run_suite (suite ());
}
