/* SPDX-License-Identifier: Apache-2.0 */
#include "base/reader.h"

#include "run_suite.h"

static const uint8_t bytes[]
    = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0xff, 0xfe };

START_TEST (numbers_are_big_endian)
{
  BlReader r = bl_reader (bytes, sizeof bytes);
  ck_assert_uint_eq (bl_reader_be64 (&r), UINT64_C (0x0102030405060708));
  ck_assert_uint_eq (bl_reader_be16 (&r), 0xfffe);
  ck_assert (bl_reader_ok (&r));
  r = bl_reader (bytes, sizeof bytes);
  ck_assert_uint_eq (bl_reader_u8 (&r), 0x01);
  ck_assert_uint_eq (bl_reader_be24 (&r), 0x020304);
  ck_assert_uint_eq (bl_reader_be32 (&r), 0x05060708);
  ck_assert_uint_eq (bl_reader_left (&r), 2);
}
END_TEST

START_TEST (the_first_failure_is_latched)
{
  BlReader r = bl_reader (bytes, 3);
  ck_assert_uint_eq (bl_reader_be16 (&r), 0x0102);
  ck_assert_uint_eq (bl_reader_be16 (&r), 0);
  ck_assert (!bl_reader_ok (&r));
  /* The third byte is there, but nothing moves any more. */
  ck_assert_uint_eq (bl_reader_left (&r), 0);
  ck_assert_uint_eq (bl_reader_u8 (&r), 0);
  ck_assert_ptr_eq (r.at, bytes + 2);
  ck_assert (!bl_reader_ok (&r));
}
END_TEST

START_TEST (all_bytes_can_be_read_and_not_one_more)
{
  BlReader r = bl_reader (bytes, sizeof bytes);
  ck_assert_ptr_eq (bl_reader_bytes (&r, sizeof bytes), bytes);
  ck_assert (bl_reader_ok (&r));
  ck_assert_uint_eq (bl_reader_left (&r), 0);
  bl_reader_skip (&r, 1);
  ck_assert (!bl_reader_ok (&r));
}
END_TEST

START_TEST (a_huge_length_does_not_wrap)
{
  BlReader r = bl_reader (bytes, sizeof bytes);
  ck_assert_ptr_null (bl_reader_bytes (&r, SIZE_MAX));
  ck_assert (!bl_reader_ok (&r));
}
END_TEST

START_TEST (a_part_ends_where_it_was_told_to)
{
  BlReader r = bl_reader (bytes, sizeof bytes);
  BlReader part = bl_reader_sub (&r, 2);
  ck_assert_uint_eq (bl_reader_be16 (&part), 0x0102);
  ck_assert_uint_eq (bl_reader_u8 (&part), 0);
  ck_assert (!bl_reader_ok (&part));
  ck_assert (bl_reader_ok (&r));
  ck_assert_uint_eq (bl_reader_u8 (&r), 0x03);
}
END_TEST

START_TEST (a_part_that_is_too_long_has_failed_from_the_start)
{
  BlReader r = bl_reader (bytes, 2);
  BlReader part = bl_reader_sub (&r, 3);
  ck_assert (!bl_reader_ok (&part));
  ck_assert (!bl_reader_ok (&r));
  ck_assert_uint_eq (bl_reader_u8 (&part), 0);
}
END_TEST

START_TEST (nothing_can_be_read_from_nothing)
{
  BlReader r = bl_reader (NULL, 0);
  ck_assert (bl_reader_ok (&r));
  ck_assert_uint_eq (bl_reader_left (&r), 0);
  bl_reader_skip (&r, 0);
  ck_assert (bl_reader_ok (&r));
  ck_assert_uint_eq (bl_reader_u8 (&r), 0);
  ck_assert (!bl_reader_ok (&r));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("base/reader");
  TCase *tcase = tcase_create ("reader");
  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, numbers_are_big_endian);
  tcase_add_test (tcase, the_first_failure_is_latched);
  tcase_add_test (tcase, all_bytes_can_be_read_and_not_one_more);
  tcase_add_test (tcase, a_huge_length_does_not_wrap);
  tcase_add_test (tcase, a_part_ends_where_it_was_told_to);
  tcase_add_test (tcase, a_part_that_is_too_long_has_failed_from_the_start);
  tcase_add_test (tcase, nothing_can_be_read_from_nothing);
  return run_suite (suite);
}
