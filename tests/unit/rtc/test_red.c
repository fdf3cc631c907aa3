/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/red.h"

#include "rtc_bytes.h"
#include "run_suite.h"

/* RFC 2198 section 3: two earlier frames, 40 and 20 ms back at 48 kHz. */
static const uint8_t payload[] = {
  0xef, 0x1e, 0x00, 0x03, /* F, PT 111, 1920 ticks, 3 bytes */
  0xef, 0x0f, 0x00, 0x02, /* F, PT 111, 960 ticks, 2 bytes */
  0x6f,                   /* PT 111 */
  'a',  'b',  'c',  'd',  'e', 'f', 'g', 'h', 'i',
};

START_TEST (the_earlier_frames_and_the_own_one_come_out)
{
  BlRed red;
  ck_assert (bl_red_parse (payload, sizeof payload, &red));
  ck_assert_uint_eq (red.n, 3);
  static const struct {
    uint16_t back, length;
    const char *data;
  } expected[] = { { 1920, 3, "abc" }, { 960, 2, "de" }, { 0, 4, "fghi" } };
  for (unsigned i = 0; i < 3; i++) {
    ck_assert_uint_eq (red.blocks[i].payload_type, 111);
    ck_assert_uint_eq (red.blocks[i].back, expected[i].back);
    ck_assert_uint_eq (red.blocks[i].length, expected[i].length);
    ck_assert_mem_eq (red.blocks[i].data, expected[i].data, expected[i].length);
  }
}
END_TEST

START_TEST (what_was_parsed_is_written_to_the_byte)
{
  BlRed red;
  uint8_t buffer[64];
  BlWriter w = bl_writer (buffer, sizeof buffer);
  ck_assert (bl_red_parse (payload, sizeof payload, &red));
  bl_red_write (&w, red.blocks, red.n);
  ck_assert_uint_eq (bl_writer_length (&w), sizeof payload);
  ck_assert_mem_eq (buffer, payload, sizeof payload);
}
END_TEST

START_TEST (a_payload_without_earlier_frames_is_a_byte_longer)
{
  static const uint8_t alone[] = { 0x6f, 'x' };
  BlRed red;
  ck_assert (bl_red_parse (alone, sizeof alone, &red));
  ck_assert_uint_eq (red.n, 1);
  ck_assert_uint_eq (red.blocks[0].length, 1);
  ck_assert (bl_red_parse (alone, 1, &red));
  ck_assert_uint_eq (red.blocks[0].length, 0);
}
END_TEST

START_TEST (what_is_cut_short_is_refused)
{
  /* The own frame has the rest, however little that is. */
  const size_t least = sizeof payload - 4;
  for (size_t length = 0; length < least; length++) {
    uint8_t *copy = exact_copy (payload, length);
    BlRed red = { .n = 4711 };
    ck_assert_msg (!bl_red_parse (copy, length, &red), "%zu bytes", length);
    ck_assert_uint_eq (red.n, 4711);
    free (copy);
  }
}
END_TEST

START_TEST (more_frames_than_are_of_use_are_refused)
{
  for (unsigned earlier = BL_RED_BLOCKS - 1; earlier <= BL_RED_BLOCKS;
       earlier++) {
    uint8_t buffer[64];
    BlWriter w = bl_writer (buffer, sizeof buffer);
    for (unsigned i = 0; i < earlier; i++)
      bl_writer_be32 (&w, 0xef000000);
    bl_writer_u8 (&w, 0x6f);
    BlRed red;
    ck_assert_int_eq (bl_red_parse (buffer, bl_writer_length (&w), &red),
                      earlier < BL_RED_BLOCKS);
  }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("rtc/red");
  TCase *tcase = tcase_create ("red");
  tcase_add_test (tcase, the_earlier_frames_and_the_own_one_come_out);
  tcase_add_test (tcase, what_was_parsed_is_written_to_the_byte);
  tcase_add_test (tcase, a_payload_without_earlier_frames_is_a_byte_longer);
  tcase_add_test (tcase, what_is_cut_short_is_refused);
  tcase_add_test (tcase, more_frames_than_are_of_use_are_refused);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
