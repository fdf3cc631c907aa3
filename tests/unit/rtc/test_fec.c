/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/fec.h"

#include <string.h>

#include "rtc/fec_decoder.h"
#include "rtc_bytes.h"
#include "run_suite.h"

#define PACKETS 2048
#define LONGEST 300

/* Packets of a stream with all kinds of lengths, and which of them are there.
 */
static struct {
  uint64_t first;
  bool there[PACKETS];
  uint8_t payloads[PACKETS][LONGEST];
  uint16_t lengths[PACKETS];
} stream;

static BlFecDecoder decoder;
static uint32_t state;

static uint32_t
next_random (void)
{
  state = state * 1664525 + 1013904223;
  return state >> 8;
}

static BlFecSource
packet (uint64_t seq)
{
  unsigned i = (unsigned)(seq - stream.first);
  return (BlFecSource){ .timestamp = 0xfffff000u + i * 3000,
                        .marker = i % 5 == 4,
                        .payload = stream.payloads[i],
                        .length = stream.lengths[i] };
}

static bool
find_sent (void *user_data, uint64_t seq, BlFecSource *out)
{
  if (seq < stream.first || seq >= stream.first + PACKETS)
    return false;
  *out = packet (seq);
  return true;
}

static bool
find_there (void *user_data, uint64_t seq, BlFecSource *out)
{
  return seq >= stream.first && seq < stream.first + PACKETS
         && stream.there[seq - stream.first] && find_sent (user_data, seq, out);
}

static void
begin (uint64_t first, uint32_t seed)
{
  state = seed;
  stream.first = first;
  for (unsigned i = 0; i < PACKETS; i++) {
    stream.there[i] = true;
    stream.lengths[i] = (uint16_t)(i % 7 == 6 ? next_random () % 20
                                              : 1 + next_random () % LONGEST);
    for (unsigned j = 0; j < stream.lengths[i]; j++)
      stream.payloads[i][j] = (uint8_t)next_random ();
  }
  bl_fec_decoder_init (&decoder, find_there, NULL);
}

static uint64_t
lose (unsigned i)
{
  stream.there[i] = false;
  return stream.first + i;
}

static BlFecVerdict
repair (uint16_t key, uint64_t first, unsigned count)
{
  uint8_t buffer[BL_FEC_HEADER_BYTES + BL_FEC_SYMBOL_MOST];
  BlWriter w = bl_writer (buffer, sizeof buffer);
  BlFecRepair parsed;
  ck_assert (bl_fec_write (&w, key, first, count, find_sent, NULL));
  ck_assert (bl_fec_parse (buffer, bl_writer_length (&w), &parsed));
  ck_assert_uint_eq (parsed.first, (uint16_t)first);
  return bl_fec_decoder_on_repair (&decoder, key, first, &parsed);
}

/* Takes what was got back, to the byte; says how many. */
static unsigned
take_all (void)
{
  BlFecRecovered got;
  unsigned n = 0;
  for (; bl_fec_decoder_take (&decoder, &got); n++) {
    BlFecSource sent = packet (got.seq);
    ck_assert (!stream.there[got.seq - stream.first]);
    ck_assert_uint_eq (got.source.timestamp, sent.timestamp);
    ck_assert (got.source.marker == sent.marker);
    ck_assert_uint_eq (got.source.length, sent.length);
    if (sent.length > 0)
      ck_assert_mem_eq (got.source.payload, sent.payload, sent.length);
    stream.there[got.seq - stream.first] = true;
    bl_fec_decoder_on_source (&decoder, got.seq);
  }
  return n;
}

/* 0xffe0: the numbers on the wire roll over within the window. */
static const uint64_t firsts[] = { 0x10000, 0x1ffe0, 0x5fff0 };

START_TEST (as_many_repairs_as_are_missing_bring_them_back)
{
  for (unsigned losses = 1; losses <= 40; losses++) {
    begin (firsts[_i], losses);
    for (unsigned i = 0; i < losses; i++)
      lose (3 * i + 2);
    unsigned got = 0, sent = 0;
    for (; got < losses && sent < losses + 3; sent++) {
      repair ((uint16_t)(0xfffe + sent), stream.first, BL_FEC_WINDOW_MOST);
      got += take_all ();
    }
    ck_assert_uint_eq (got, losses);
    ck_assert_uint_eq (decoder.n_rows, 0);
  }
}
END_TEST

START_TEST (a_repair_of_nothing_missing_costs_nothing)
{
  begin (0x10000, 1);
  ck_assert_int_eq (repair (1, stream.first, 20), BL_FEC_NEEDLESS);
  ck_assert_uint_eq (decoder.n_rows, 0);
  lose (20);
  ck_assert_int_eq (repair (2, stream.first, 20), BL_FEC_NEEDLESS);
  ck_assert_int_eq (repair (3, stream.first, 21), BL_FEC_USED);
  ck_assert_uint_eq (take_all (), 1);
}
END_TEST

START_TEST (windows_that_overlap_help_one_another)
{
  begin (0x10000, 2);
  lose (3), lose (12), lose (13);
  repair (1, stream.first, 15);
  repair (2, stream.first + 5, 15);
  ck_assert_uint_eq (take_all (), 0);
  /* With 12 or 13 known, each row has one unknown less. */
  repair (3, stream.first + 13, 10);
  ck_assert_uint_eq (take_all (), 3);
}
END_TEST

START_TEST (what_is_sent_again_counts_for_a_repair)
{
  begin (0x10000, 3);
  lose (3), lose (7), lose (9);
  repair (1, stream.first, 12);
  repair (2, stream.first, 12);
  ck_assert_uint_eq (take_all (), 0);
  stream.there[7] = true;
  bl_fec_decoder_on_source (&decoder, stream.first + 7);
  ck_assert_uint_eq (take_all (), 2);
}
END_TEST

/* Bursts of four, each repair in danger too, for a long time. */
START_TEST (a_long_stream_with_losses_is_whole_again)
{
  begin (firsts[_i], 77);
  bool bad = false;
  unsigned lost = 0, got = 0;
  uint16_t key = 0xff00;
  for (unsigned i = 0; i < PACKETS; i++) {
    bad = bad ? next_random () % 4 != 0 : next_random () % 40 == 0;
    if (bad)
      lose (i), lost++;
    else
      bl_fec_decoder_on_source (&decoder, stream.first + i);
    if (i % 3 != 2)
      continue;
    bad = bad ? next_random () % 4 != 0 : next_random () % 40 == 0;
    unsigned window = i + 1 < 60 ? i + 1 : 60;
    key++;
    if (!bad)
      repair (key, stream.first + i + 1 - window, window);
    got += take_all ();
  }
  ck_assert_uint_gt (lost, PACKETS / 20);
  ck_assert_uint_ge (got, lost - 10);
}
END_TEST

START_TEST (rows_that_are_too_many_or_too_old_give_way)
{
  begin (0x10000, 4);
  for (unsigned i = 0; i < PACKETS; i++)
    lose (i);
  for (unsigned i = 0; i < 3 * BL_FEC_ROWS; i++)
    repair ((uint16_t)i, stream.first + i, BL_FEC_WINDOW_MOST);
  ck_assert_uint_eq (decoder.n_rows, BL_FEC_ROWS);
  ck_assert_int_eq (repair (1000, stream.first + 1000, 2), BL_FEC_USED);
  ck_assert_uint_eq (decoder.n_rows, 1);
  ck_assert_int_eq (repair (1001, stream.first, 2), BL_FEC_STALE);
  ck_assert_uint_eq (take_all (), 0);
}
END_TEST

/* All is lost that a window of the widest covers, then it comes after all. */
START_TEST (each_repair_and_packet_takes_a_bounded_number_of_steps)
{
  uint64_t most = 0;
  begin (0x10000, 6);
  for (unsigned i = 0; i < PACKETS; i++)
    lose (i);
  for (unsigned i = 0; i < 2 * BL_FEC_ROWS; i++) {
    uint64_t before = decoder.steps;
    stream.there[i] = i % 2 == 0;
    repair ((uint16_t)i, stream.first + i / 2, BL_FEC_WINDOW_MOST);
    ck_assert_uint_le (decoder.steps - before, BL_FEC_REPAIR_STEPS);
  }
  for (unsigned i = BL_FEC_ROWS / 2; i < 2 * BL_FEC_WINDOW_MOST; i++) {
    uint64_t before = decoder.steps;
    unsigned n_rows = decoder.n_rows;
    stream.there[i] = true;
    bl_fec_decoder_on_source (&decoder, stream.first + i);
    ck_assert_uint_le (decoder.steps - before, 2 * n_rows + 1);
    if (decoder.steps - before > most)
      most = decoder.steps - before;
  }
  ck_assert_uint_gt (most, BL_FEC_ROWS);
}
END_TEST

START_TEST (what_is_forgotten_costs_nothing_more)
{
  begin (0x10000, 7);
  lose (3), lose (7);
  repair (1, stream.first, 12);
  bl_fec_decoder_forget (&decoder);
  uint64_t steps = decoder.steps;
  stream.there[7] = true;
  bl_fec_decoder_on_source (&decoder, stream.first + 7);
  ck_assert_uint_eq (take_all (), 0);
  ck_assert_uint_eq (decoder.steps, steps);
  repair (2, stream.first, 12);
  ck_assert_uint_eq (take_all (), 1);
}
END_TEST

START_TEST (a_window_with_a_packet_that_is_gone_is_not_written)
{
  uint8_t buffer[1500];
  begin (0x10000, 5);
  lose (4);
  BlWriter w = bl_writer (buffer, sizeof buffer);
  ck_assert (!bl_fec_write (&w, 1, stream.first, 5, find_there, NULL));
  w = bl_writer (buffer, 60);
  ck_assert (!bl_fec_write (&w, 1, stream.first, 20, find_sent, NULL));
}
END_TEST

static bool
find_fixed (void *user_data, uint64_t seq, BlFecSource *out)
{
  static const BlFecSource fixed[]
      = { { 3000, true, (const uint8_t *)"AB", 2 },
          { 6000, false, (const uint8_t *)"C", 1 } };
  *out = fixed[seq - 0x1ffff];
  return true;
}

/* Computed by hand, so that the format can't change by accident. */
START_TEST (a_repair_is_written_to_the_byte)
{
  uint8_t buffer[64];
  static const uint8_t expected[]
      = { 0xff, 0xff, 0x02, 0x26, 0xa6, 0x00, 0x00, 0x09, 0x0f, 0x63, 0x29 };
  BlWriter w = bl_writer (buffer, sizeof buffer);
  ck_assert (bl_fec_write (&w, 0x1234, 0x1ffff, 2, find_fixed, NULL));
  ck_assert_uint_eq (bl_writer_length (&w), sizeof expected);
  ck_assert_mem_eq (buffer, expected, sizeof expected);
}
END_TEST

static const struct {
  const char *what;
  uint8_t count;
  size_t length; /* of the sum */
  bool good;
} payloads[] = {
  { "least", 1, BL_FEC_SYMBOL_HEADER_BYTES, true },
  { "no packet", 0, 20, false },
  { "widest", BL_FEC_WINDOW_MOST, 20, true },
  { "too wide", BL_FEC_WINDOW_MOST + 1, 20, false },
  { "short", 1, BL_FEC_SYMBOL_HEADER_BYTES - 1, false },
  { "empty", 1, 0, false },
  { "longest", 1, BL_FEC_SYMBOL_MOST, true },
  { "too long", 1, BL_FEC_SYMBOL_MOST + 1, false },
};

START_TEST (a_repair_that_is_malformed_is_refused)
{
  uint8_t bytes[BL_FEC_HEADER_BYTES + BL_FEC_SYMBOL_MOST + 1] = { 0 };
  size_t length = BL_FEC_HEADER_BYTES + payloads[_i].length;
  BlFecRepair parsed;
  bytes[2] = payloads[_i].count;
  uint8_t *copy = exact_copy (bytes, length);
  ck_assert_msg (bl_fec_parse (copy, length, &parsed) == payloads[_i].good,
                 "%s", payloads[_i].what);
  free (copy);
  ck_assert (!bl_fec_parse (bytes, 2, &parsed));
}
END_TEST

/* The sum doesn't fit what is there: whatever comes out is no packet, or one
 * within its bounds. */
START_TEST (nonsense_in_a_repair_does_no_harm)
{
  begin (0x10000, 8);
  for (unsigned round = 0; round < 2000; round++) {
    uint8_t sum[BL_FEC_SYMBOL_MOST];
    BlFecRepair nonsense = {
      .count = (uint8_t)(1 + next_random () % BL_FEC_WINDOW_MOST),
      .sum = sum,
      .length = (uint16_t)(BL_FEC_SYMBOL_HEADER_BYTES + next_random () % 1200),
    };
    for (unsigned i = 0; i < nonsense.length; i++)
      sum[i] = (uint8_t)next_random ();
    stream.there[next_random () % 300] = false;
    bl_fec_decoder_on_repair (&decoder, (uint16_t)round,
                              stream.first + next_random () % 200, &nonsense);
    BlFecRecovered got;
    while (bl_fec_decoder_take (&decoder, &got))
      ck_assert_uint_le (got.source.length, BL_FEC_PAYLOAD_MOST);
    ck_assert_uint_le (decoder.n_rows, BL_FEC_ROWS);
  }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("rtc/fec");
  TCase *tcase = tcase_create ("fec");
  int n_firsts = (int)(sizeof firsts / sizeof firsts[0]);
  tcase_add_loop_test (tcase, as_many_repairs_as_are_missing_bring_them_back, 0,
                       n_firsts);
  tcase_add_test (tcase, a_repair_of_nothing_missing_costs_nothing);
  tcase_add_test (tcase, windows_that_overlap_help_one_another);
  tcase_add_test (tcase, what_is_sent_again_counts_for_a_repair);
  tcase_add_loop_test (tcase, a_long_stream_with_losses_is_whole_again, 0,
                       n_firsts);
  tcase_add_test (tcase, rows_that_are_too_many_or_too_old_give_way);
  tcase_add_test (tcase,
                  each_repair_and_packet_takes_a_bounded_number_of_steps);
  tcase_add_test (tcase, what_is_forgotten_costs_nothing_more);
  tcase_add_test (tcase, a_window_with_a_packet_that_is_gone_is_not_written);
  tcase_add_test (tcase, a_repair_is_written_to_the_byte);
  tcase_add_loop_test (tcase, a_repair_that_is_malformed_is_refused, 0,
                       (int)(sizeof payloads / sizeof payloads[0]));
  tcase_add_test (tcase, nonsense_in_a_repair_does_no_harm);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
