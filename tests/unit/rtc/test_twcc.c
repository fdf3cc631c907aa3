/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/twcc.h"

#include "rtc/rtcp.h"
#include "rtc_bytes.h"
#include "run_suite.h"

#define TICK    BL_TWCC_TICK_US
#define T0      (1000 * BL_TWCC_REFERENCE_US) /* reference time 0x0003e8 */
#define FCI_AT  12
#define LOST    INT64_MIN
#define MAX_FCI 40

/* Arrivals of consecutive packets from `base` on, in ticks after T0, and the
 * feedback control information worked out by hand from the draft, section 3.1.
 */
static const struct {
  const char *what;
  uint16_t base;
  size_t n;
  int64_t ticks[20];
  size_t length;
  uint8_t fci[MAX_FCI];
} vectors[] = {
  { "one packet: a run of one small delta",
    7,
    1,
    { 3 },
    12,
    { 0, 7, 0, 1, 0, 3, 0xe8, 0, 0x20, 0x01, 3, 0 } },
  { "deltas of 255 and 256 ticks: two-bit vector 1 1 2",
    10,
    3,
    { 0, 255, 511 },
    16,
    { 0, 10, 0, 3, 0, 3, 0xe8, 0, 0xd6, 0x00, 0, 255, 1, 0, 0, 0 } },
  { "a packet that overtook: negative delta",
    10,
    3,
    { 8, 4, 12 },
    16,
    { 0, 10, 0, 3, 0, 3, 0xe8, 0, 0xd9, 0x00, 8, 0xff, 0xfc, 8, 0, 0 } },
  { "losses: one-bit vector 1 0 1 1, across the wrap",
    65534,
    4,
    { 0, LOST, 1, 3 },
    16,
    { 0xff, 0xfe, 0, 4, 0, 3, 0xe8, 0, 0xac, 0x00, 0, 1, 2, 0, 0, 0 } },
  { "a burst of losses: a vector of 14, then one of 3",
    1,
    17,
    { 0, 1, LOST, LOST, LOST, LOST, LOST, LOST, LOST, LOST, LOST, LOST, LOST,
      LOST, LOST, LOST, 2 },
    16,
    { 0, 1, 0, 17, 0, 3, 0xe8, 0, 0xb0, 0x00, 0x88, 0x00, 0, 1, 1, 0 } },
  { "twenty in time: one run",
    100,
    20,
    { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19 },
    32,
    { 0, 100, 0, 20, 0, 3, 0xe8, 0, 0x20, 20, 0, 1, 1, 1, 1, 1,
      1, 1,   1, 1,  1, 1, 1,    1, 1,    1,  1, 1, 1, 1, 0, 0 } },
};

static BlTwccReceiver receiver; /* 16 KiB: not for the stack of each test */
static BlTwccSender sender;

static void
setup (void)
{
  bl_twcc_receiver_init (&receiver);
  bl_twcc_sender_init (&sender);
}

/* Parses an RTCP packet that bl_twcc_receiver_write wrote. */
static BlTwccFeedback
parse (const uint8_t *data, size_t length)
{
  BlRtcpIter iter;
  BlRtcpPacket packet;
  BlRtcpFeedback common;
  BlTwccFeedback feedback;
  ck_assert_int_eq (bl_rtcp_open (&iter, data, length), BL_RTCP_OK);
  ck_assert (bl_rtcp_next (&iter, &packet));
  ck_assert_int_eq (packet.kind, BL_RTCP_KIND_TRANSPORT_CC);
  ck_assert (bl_rtcp_read_feedback (&packet, &common));
  ck_assert_uint_eq (common.sender_ssrc, 0x11);
  ck_assert_uint_eq (common.media_ssrc, 0x22);
  ck_assert_int_eq (bl_twcc_parse (common.fci, common.fci_length, &feedback),
                    BL_TWCC_OK);
  return feedback;
}

START_TEST (feedback_is_written_to_the_byte)
{
  for (size_t i = 0; i < vectors[_i].n; i++)
    if (vectors[_i].ticks[i] != LOST)
      bl_twcc_receiver_on_packet (&receiver, (uint16_t)(vectors[_i].base + i),
                                  T0 + vectors[_i].ticks[i] * TICK);
  uint8_t buffer[100];
  BlWriter w = bl_writer (buffer, sizeof buffer);
  ck_assert (bl_twcc_receiver_write (&receiver, &w, 0x11, 0x22));
  ck_assert_uint_eq (bl_writer_length (&w), FCI_AT + vectors[_i].length);
  static const uint8_t head[] = { 0x8f, 205, 0 };
  ck_assert_mem_eq (buffer, head, sizeof head);
  ck_assert_uint_eq (buffer[3], (FCI_AT + vectors[_i].length) / 4 - 1);
  ck_assert_mem_eq (buffer + FCI_AT, vectors[_i].fci, vectors[_i].length);
}
END_TEST

START_TEST (feedback_is_read_to_the_tick)
{
  BlTwccFeedback feedback;
  BlTwccResult result;
  ck_assert_int_eq (
      bl_twcc_parse (vectors[_i].fci, vectors[_i].length, &feedback),
      BL_TWCC_OK);
  ck_assert_uint_eq (feedback.reference, 1000);
  for (size_t i = 0; i < vectors[_i].n; i++) {
    ck_assert (bl_twcc_next (&feedback, &result));
    ck_assert_uint_eq (result.seq, (uint16_t)(vectors[_i].base + i));
    ck_assert (result.received == (vectors[_i].ticks[i] != LOST));
    if (result.received)
      ck_assert_int_eq (result.offset_us, vectors[_i].ticks[i] * TICK);
  }
  ck_assert (!bl_twcc_next (&feedback, &result));
}
END_TEST

START_TEST (feedback_cut_anywhere_in_its_content_is_refused)
{
  size_t needed = vectors[_i].length;
  while (needed > 0 && vectors[_i].fci[needed - 1] == 0)
    needed--; /* zero padding is not content */
  for (size_t length = 0; length < needed; length++) {
    uint8_t *copy = exact_copy (vectors[_i].fci, length);
    BlTwccFeedback feedback;
    ck_assert_int_eq (bl_twcc_parse (copy, length, &feedback), BL_TWCC_SHORT);
    free (copy);
  }
}
END_TEST

/* The chunks that the draft shows in sections 3.1.3 and 3.1.4. */
static const struct {
  const char *what;
  size_t length;
  uint8_t fci[MAX_FCI];
  BlTwccStatus status;
  const char *received; /* one letter a status, "-" lost */
} foreign[] = {
  { "a one-bit vector as in the draft",
    16,
    { 0, 1, 0, 14, 0, 0, 0, 0, 0x9f, 0x1c, 1, 1, 1, 1, 1, 1 },
    BL_TWCC_SHORT,
    NULL },
  { "the same with all its deltas",
    18,
    { 0, 1, 0, 14, 0, 0, 0, 0, 0x9f, 0x1c, 1, 1, 1, 1, 1, 1, 1, 1 },
    BL_TWCC_OK,
    "-+++++---+++--" },
  { "a run of 14 losses, 0x000e",
    10,
    { 0, 1, 0, 14, 0, 0, 0, 0, 0x00, 0x0e },
    BL_TWCC_OK,
    "--------------" },
  { "a run longer than the count",
    11,
    { 0, 1, 0, 1, 0, 0, 0, 0, 0x3f, 0xff, 9 },
    BL_TWCC_OK,
    "+" },
  { "a run of none, then one",
    13,
    { 0, 1, 0, 1, 0, 0, 0, 0, 0x20, 0x00, 0x20, 0x01, 9 },
    BL_TWCC_OK,
    "+" },
  { "reserved bits past the count",
    11,
    { 0, 1, 0, 1, 0, 0, 0, 0, 0xdf, 0xff, 9 },
    BL_TWCC_OK,
    "+" },
  { "the reserved status in a vector",
    16,
    { 0, 1, 0, 2, 0, 0, 0, 0, 0xdc, 0x00, 9 },
    BL_TWCC_BAD_SYMBOL,
    NULL },
  { "the reserved status in a run",
    16,
    { 0, 1, 0, 2, 0, 0, 0, 0, 0x60, 0x02, 9 },
    BL_TWCC_BAD_SYMBOL,
    NULL },
  { "no status at all", 8, { 0, 1, 0, 0, 0, 0, 0, 0 }, BL_TWCC_EMPTY, NULL },
  { "65535 statuses without chunks",
    10,
    { 0, 1, 0xff, 0xff, 0, 0, 0, 0, 0x1f, 0xff },
    BL_TWCC_SHORT,
    NULL },
};

START_TEST (feedback_of_others_is_judged_by_its_chunks)
{
  BlTwccFeedback feedback;
  uint8_t *copy = exact_copy (foreign[_i].fci, foreign[_i].length);
  ck_assert_msg (bl_twcc_parse (copy, foreign[_i].length, &feedback)
                     == foreign[_i].status,
                 "%s", foreign[_i].what);
  for (const char *p = foreign[_i].received; p && *p; p++) {
    BlTwccResult result;
    ck_assert_msg (bl_twcc_next (&feedback, &result), "%s", foreign[_i].what);
    ck_assert_msg (result.received == (*p == '+'), "%s", foreign[_i].what);
  }
  free (copy);
}
END_TEST

START_TEST (nothing_new_makes_no_feedback)
{
  uint8_t buffer[100];
  BlWriter w = bl_writer (buffer, sizeof buffer);
  ck_assert (!bl_twcc_receiver_write (&receiver, &w, 0x11, 0x22));
  bl_twcc_receiver_on_packet (&receiver, 5, T0);
  ck_assert (bl_twcc_receiver_has_news (&receiver));
  ck_assert (bl_twcc_receiver_write (&receiver, &w, 0x11, 0x22));
  ck_assert (!bl_twcc_receiver_has_news (&receiver));
  bl_twcc_receiver_on_packet (&receiver, 5, T0 + 1); /* a double */
  ck_assert (!bl_twcc_receiver_has_news (&receiver));
  ck_assert (!bl_twcc_receiver_write (&receiver, &w, 0x11, 0x22));
}
END_TEST

START_TEST (too_little_room_changes_nothing)
{
  uint8_t buffer[BL_TWCC_MIN_ROOM_BYTES];
  bl_twcc_receiver_on_packet (&receiver, 5, T0);
  BlWriter w = bl_writer (buffer, sizeof buffer - 1);
  ck_assert (!bl_twcc_receiver_write (&receiver, &w, 0x11, 0x22));
  ck_assert (bl_writer_ok (&w));
  ck_assert_uint_eq (bl_writer_length (&w), 0);
  w = bl_writer (buffer, sizeof buffer);
  ck_assert (bl_twcc_receiver_write (&receiver, &w, 0x11, 0x22));
}
END_TEST

START_TEST (each_feedback_goes_on_where_the_last_ended_and_counts)
{
  uint8_t buffer[100];
  uint16_t seq = 65530;
  for (unsigned i = 0; i < 300; i++) {
    BlWriter w = bl_writer (buffer, sizeof buffer);
    bl_twcc_receiver_on_packet (&receiver, (uint16_t)(seq + 1), T0 + i * 1000);
    ck_assert (bl_twcc_receiver_write (&receiver, &w, 0x11, 0x22));
    BlTwccFeedback feedback = parse (buffer, bl_writer_length (&w));
    /* The very first starts with the packet that came; then with the gap. */
    ck_assert_uint_eq (feedback.base_seq, (uint16_t)(seq + (i == 0)));
    ck_assert_uint_eq (feedback.status_count, i == 0 ? 1 : 2);
    ck_assert_uint_eq (feedback.feedback_count, (uint8_t)i);
    seq = (uint16_t)(seq + 2);
  }
}
END_TEST

START_TEST (a_packet_that_comes_after_it_was_reported_lost_is_reported_again)
{
  uint8_t buffer[100];
  BlWriter w = bl_writer (buffer, sizeof buffer);
  bl_twcc_receiver_on_packet (&receiver, 1, T0);
  bl_twcc_receiver_on_packet (&receiver, 3, T0 + 2 * TICK);
  ck_assert (bl_twcc_receiver_write (&receiver, &w, 0x11, 0x22));
  bl_twcc_receiver_on_packet (&receiver, 2, T0 + 9 * TICK);
  w = bl_writer (buffer, sizeof buffer);
  ck_assert (bl_twcc_receiver_write (&receiver, &w, 0x11, 0x22));
  BlTwccFeedback feedback = parse (buffer, bl_writer_length (&w));
  BlTwccResult result;
  ck_assert_uint_eq (feedback.base_seq, 2);
  ck_assert (bl_twcc_next (&feedback, &result));
  ck_assert (result.received && result.offset_us == 9 * TICK);
  ck_assert (bl_twcc_next (&feedback, &result));
  ck_assert (result.received && result.offset_us == 2 * TICK);
}
END_TEST

START_TEST (a_pause_too_long_for_a_delta_starts_another_packet)
{
  uint8_t buffer[200];
  BlWriter w = bl_writer (buffer, sizeof buffer);
  BlTime late = T0 + 32768 * (BlTime)TICK;
  bl_twcc_receiver_on_packet (&receiver, 1, T0);
  bl_twcc_receiver_on_packet (&receiver, 2, late);
  ck_assert (bl_twcc_receiver_write (&receiver, &w, 0x11, 0x22));
  ck_assert (bl_twcc_receiver_has_news (&receiver));
  size_t first = bl_writer_length (&w);
  ck_assert (bl_twcc_receiver_write (&receiver, &w, 0x11, 0x22));
  ck_assert (!bl_twcc_receiver_has_news (&receiver));

  BlTwccFeedback feedback
      = parse (buffer + first, bl_writer_length (&w) - first);
  BlTwccResult result;
  ck_assert_uint_eq (feedback.base_seq, 2);
  ck_assert (bl_twcc_next (&feedback, &result));
  ck_assert_int_eq (feedback.reference * (BlTime)BL_TWCC_REFERENCE_US
                        + result.offset_us,
                    late);
}
END_TEST

START_TEST (a_jump_past_the_window_forgets_what_is_older)
{
  uint8_t buffer[2000];
  BlWriter w = bl_writer (buffer, sizeof buffer);
  bl_twcc_receiver_on_packet (&receiver, 1, T0);
  bl_twcc_receiver_on_packet (&receiver, 20001, T0);
  ck_assert (bl_twcc_receiver_write (&receiver, &w, 0x11, 0x22));
  ck_assert (!bl_twcc_receiver_has_news (&receiver));
  BlTwccFeedback feedback = parse (buffer, bl_writer_length (&w));
  ck_assert_uint_eq (feedback.base_seq, 20002 - BL_TWCC_WINDOW);
  ck_assert_uint_eq (feedback.status_count, BL_TWCC_WINDOW);
  /* Older than the window: as if it had not come. */
  bl_twcc_receiver_on_packet (&receiver, 20001 - BL_TWCC_WINDOW, T0);
  ck_assert (!bl_twcc_receiver_has_news (&receiver));
}
END_TEST

/* Every second packet; then what lies between, so late that no delta reaches
 * from one to the next, and from the last on, so that each has all after it
 * reported again. */
START_TEST (gaps_filled_late_make_no_more_feedback_than_their_statuses_take)
{
  static const struct {
    size_t room;
    unsigned most;
  } feedback_rooms[] = { { 1000, 3 }, { BL_TWCC_MIN_ROOM_BYTES, 64 } };
  uint8_t buffer[1000];
  size_t room = feedback_rooms[_i].room;
  BlTime now = T0;
  for (unsigned seq = 0; seq < BL_TWCC_WINDOW; seq += 2)
    bl_twcc_receiver_on_packet (&receiver, (uint16_t)seq, now);
  do {
    BlWriter w = bl_writer (buffer, room);
    ck_assert (bl_twcc_receiver_write (&receiver, &w, 0x11, 0x22));
  } while (bl_twcc_receiver_has_news (&receiver));

  now += 9 * BL_SECOND;
  for (unsigned seq = BL_TWCC_WINDOW - 1; seq < BL_TWCC_WINDOW; seq -= 2) {
    unsigned n = 0;
    bl_twcc_receiver_on_packet (&receiver, (uint16_t)seq, now);
    while (bl_twcc_receiver_has_news (&receiver)) {
      BlWriter w = bl_writer (buffer, room);
      ck_assert (bl_twcc_receiver_write (&receiver, &w, 0x11, 0x22));
      BlTwccFeedback feedback = parse (buffer, bl_writer_length (&w));
      BlTwccResult result;
      ck_assert (bl_twcc_next (&feedback, &result));
      if (n++ > 0)
        continue;
      ck_assert_uint_eq (result.seq, seq);
      ck_assert (result.received);
    }
    ck_assert_uint_ge (n, 1);
    ck_assert_uint_le (n, feedback_rooms[_i].most);
    now += 10 * BL_MS;
  }
}
END_TEST

/* Random traffic with loss, reordering and pauses, reported in packets of
 * random room: every packet sent gets its true fate and arrival. */
START_TEST (every_packet_gets_its_fate_whatever_the_traffic)
{
  enum { PACKETS = 10000, BATCH = 50, START = 60000 /* wraps */ };
  static BlTime arrival[PACKETS + 1];
  static int8_t fate[PACKETS + 1]; /* 0 unknown, -1 lost, 1 received */
  Random random = RANDOM_SEED;
  BlTime now = T0;

  memset (fate, 0, sizeof fate);
  sender.next_seq += START;
  for (size_t i = 0; i < PACKETS; i += BATCH) {
    size_t order[BATCH];
    for (size_t j = 0; j < BATCH; j++) {
      order[j] = j;
      arrival[i + j] = -1;
      bl_twcc_sender_on_sent (&sender, (uint32_t)(i + j), now);
    }
    for (size_t j = 0; j + 1 < BATCH; j++)
      if (random_below (&random, 10) == 0) {
        size_t other = order[j];
        order[j] = order[j + 1];
        order[j + 1] = other;
      }
    for (size_t j = 0; j < BATCH; j++) {
      now += random_below (&random, 3000);
      if (random_below (&random, 200) == 0)
        now += random_below (&random, 20000000);
      if (random_below (&random, 100) < 15)
        continue;
      arrival[i + order[j]] = now;
      bl_twcc_receiver_on_packet (&receiver, (uint16_t)(START + i + order[j]),
                                  now);
    }
    while (bl_twcc_receiver_has_news (&receiver)) {
      uint8_t buffer[1200];
      size_t room = BL_TWCC_MIN_ROOM_BYTES + random_below (&random, 200);
      BlWriter w = bl_writer (buffer, room);
      ck_assert (bl_twcc_receiver_write (&receiver, &w, 0x11, 0x22));
      BlTwccFeedback feedback = parse (buffer, bl_writer_length (&w));
      BlTwccAck ack;
      while (bl_twcc_sender_next_ack (&sender, &feedback, &ack)) {
        size_t index = (size_t)(ack.seq - BL_SEQ_CYCLE - START);
        ck_assert_uint_eq (ack.bytes, index);
        ck_assert_int_ne (fate[index], 1);
        fate[index] = ack.received ? 1 : -1;
        if (ack.received)
          ck_assert_int_eq (ack.received_us, arrival[index] / TICK * TICK);
      }
    }
  }
  for (size_t i = BATCH; i + BATCH < PACKETS; i++)
    ck_assert_msg (fate[i] == (arrival[i] < 0 ? -1 : 1), "packet %zu", i);
}
END_TEST

START_TEST (acknowledgements_are_given_once_and_only_for_what_was_sent)
{
  static const uint8_t fci[] = { 0, 0, 0, 3, 0, 3, 0xe8, 0, 0x20, 3, 0, 4, 4 };
  BlTwccFeedback feedback, again;
  BlTwccAck ack;
  ck_assert_uint_eq (bl_twcc_sender_on_sent (&sender, 1000, 77), 0);
  ck_assert_uint_eq (bl_twcc_sender_on_sent (&sender, 500, 78), 1);
  ck_assert_int_eq (bl_twcc_parse (fci, sizeof fci, &feedback), BL_TWCC_OK);
  again = feedback;
  ck_assert (bl_twcc_sender_next_ack (&sender, &feedback, &ack));
  ck_assert (ack.received && ack.bytes == 1000 && ack.sent_us == 77);
  ck_assert (bl_twcc_sender_next_ack (&sender, &feedback, &ack));
  ck_assert (ack.received && ack.bytes == 500 && ack.sent_us == 78);
  ck_assert_int_eq (ack.received_us, T0 + 4 * TICK);
  ck_assert (!bl_twcc_sender_next_ack (&sender, &feedback, &ack));
  ck_assert (!bl_twcc_sender_next_ack (&sender, &again, &ack));
}
END_TEST

START_TEST (a_packet_given_as_lost_can_come_as_received)
{
  static const uint8_t lost[] = { 0, 0, 0, 1, 0, 3, 0xe8, 0, 0x00, 1 };
  static const uint8_t came[] = { 0, 0, 0, 1, 0, 3, 0xe8, 1, 0x20, 1, 8 };
  BlTwccFeedback feedback;
  BlTwccAck ack;
  bl_twcc_sender_on_sent (&sender, 1000, 77);
  ck_assert_int_eq (bl_twcc_parse (lost, sizeof lost, &feedback), BL_TWCC_OK);
  ck_assert (bl_twcc_sender_next_ack (&sender, &feedback, &ack));
  ck_assert (!ack.received);
  ck_assert_int_eq (bl_twcc_parse (came, sizeof came, &feedback), BL_TWCC_OK);
  ck_assert (bl_twcc_sender_next_ack (&sender, &feedback, &ack));
  ck_assert (ack.received);
}
END_TEST

START_TEST (the_reference_time_goes_on_across_its_wrap)
{
  static const uint8_t before[]
      = { 0, 0, 0, 1, 0xff, 0xff, 0xff, 0, 0x20, 1, 0 };
  static const uint8_t after[] = { 0, 1, 0, 1, 0, 0, 1, 1, 0x20, 1, 0 };
  BlTwccFeedback feedback;
  BlTwccAck first, second;
  bl_twcc_sender_on_sent (&sender, 1, 0);
  bl_twcc_sender_on_sent (&sender, 1, 0);
  bl_twcc_parse (before, sizeof before, &feedback);
  ck_assert (bl_twcc_sender_next_ack (&sender, &feedback, &first));
  bl_twcc_parse (after, sizeof after, &feedback);
  ck_assert (bl_twcc_sender_next_ack (&sender, &feedback, &second));
  ck_assert_int_eq (second.received_us - first.received_us,
                    2 * BL_TWCC_REFERENCE_US);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("rtc/twcc");
  TCase *tcase = tcase_create ("twcc");
  tcase_add_checked_fixture (tcase, setup, NULL);
  tcase_add_loop_test (tcase, feedback_is_written_to_the_byte, 0,
                       N_OF (vectors));
  tcase_add_loop_test (tcase, feedback_is_read_to_the_tick, 0, N_OF (vectors));
  tcase_add_loop_test (tcase, feedback_cut_anywhere_in_its_content_is_refused,
                       0, N_OF (vectors));
  tcase_add_loop_test (tcase, feedback_of_others_is_judged_by_its_chunks, 0,
                       N_OF (foreign));
  tcase_add_test (tcase, nothing_new_makes_no_feedback);
  tcase_add_test (tcase, too_little_room_changes_nothing);
  tcase_add_test (tcase, each_feedback_goes_on_where_the_last_ended_and_counts);
  tcase_add_test (
      tcase, a_packet_that_comes_after_it_was_reported_lost_is_reported_again);
  tcase_add_test (tcase, a_pause_too_long_for_a_delta_starts_another_packet);
  tcase_add_test (tcase, a_jump_past_the_window_forgets_what_is_older);
  tcase_add_loop_test (
      tcase, gaps_filled_late_make_no_more_feedback_than_their_statuses_take, 0,
      2);
  tcase_add_test (tcase, every_packet_gets_its_fate_whatever_the_traffic);
  tcase_add_test (tcase,
                  acknowledgements_are_given_once_and_only_for_what_was_sent);
  tcase_add_test (tcase, a_packet_given_as_lost_can_come_as_received);
  tcase_add_test (tcase, the_reference_time_goes_on_across_its_wrap);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
