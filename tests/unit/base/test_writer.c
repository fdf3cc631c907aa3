/* SPDX-License-Identifier: Apache-2.0 */
#include "base/writer.h"

#include "run_suite.h"

START_TEST (numbers_are_big_endian)
{
  static const uint8_t expected[]
      = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x10,
          0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0xaa, 0xbb, 0x00, 0x00 };
  uint8_t buffer[sizeof expected];
  BlWriter w = bl_writer (buffer, sizeof buffer);
  bl_writer_u8 (&w, 0x01);
  bl_writer_be16 (&w, 0x0203);
  bl_writer_be24 (&w, 0x040506);
  bl_writer_be32 (&w, 0x0708090a);
  bl_writer_be64 (&w, UINT64_C (0x1011121314151617));
  bl_writer_bytes (&w, "\xaa\xbb", 2);
  bl_writer_zeros (&w, 2);
  ck_assert (bl_writer_ok (&w));
  ck_assert_uint_eq (bl_writer_length (&w), sizeof expected);
  ck_assert_mem_eq (buffer, expected, sizeof expected);
}
END_TEST

START_TEST (what_does_not_fit_leaves_no_trace)
{
  uint8_t buffer[5] = { 9, 9, 9, 9, 9 };
  BlWriter w = bl_writer (buffer, 4);
  bl_writer_be24 (&w, 0x010203);
  bl_writer_be16 (&w, 0x0405);
  ck_assert (!bl_writer_ok (&w));
  ck_assert_uint_eq (bl_writer_length (&w), 3);
  ck_assert_uint_eq (buffer[3], 9);
  ck_assert_uint_eq (buffer[4], 9);
}
END_TEST

START_TEST (the_first_failure_is_latched)
{
  uint8_t buffer[2] = { 9, 9 };
  BlWriter w = bl_writer (buffer, sizeof buffer);
  bl_writer_be32 (&w, 1);
  bl_writer_u8 (&w, 1); /* would fit */
  ck_assert (!bl_writer_ok (&w));
  ck_assert_ptr_null (bl_writer_reserve (&w, 0));
  ck_assert_uint_eq (bl_writer_length (&w), 0);
  ck_assert_uint_eq (buffer[0], 9);
}
END_TEST

START_TEST (room_can_be_filled_later)
{
  uint8_t buffer[4];
  BlWriter w = bl_writer (buffer, sizeof buffer);
  uint8_t *room = bl_writer_reserve (&w, 2);
  bl_writer_be16 (&w, 0x0304);
  room[0] = 1;
  room[1] = 2;
  ck_assert_mem_eq (buffer, "\x01\x02\x03\x04", 4);
}
END_TEST

START_TEST (a_huge_length_does_not_wrap)
{
  uint8_t buffer[4];
  BlWriter w = bl_writer (buffer, sizeof buffer);
  ck_assert_ptr_null (bl_writer_reserve (&w, SIZE_MAX));
  ck_assert (!bl_writer_ok (&w));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("base/writer");
  TCase *tcase = tcase_create ("writer");
  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, numbers_are_big_endian);
  tcase_add_test (tcase, what_does_not_fit_leaves_no_trace);
  tcase_add_test (tcase, the_first_failure_is_latched);
  tcase_add_test (tcase, room_can_be_filled_later);
  tcase_add_test (tcase, a_huge_length_does_not_wrap);
  return run_suite (suite);
}
