/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/seq.h"

#include "rtc_bytes.h"
#include "run_suite.h"

static const struct {
  uint16_t a, b;
  int16_t diff;
} pairs[] = {
  { 5, 5, 0 },         { 6, 5, 1 },          { 5, 6, -1 },
  { 0, 65535, 1 },     { 65535, 0, -1 },     { 3, 65533, 6 },
  { 32767, 0, 32767 }, { 32768, 0, -32768 }, { 0, 32768, -32768 },
};

START_TEST (sequence_numbers_compare_across_the_wrap)
{
  ck_assert_int_eq (bl_seq_diff (pairs[_i].a, pairs[_i].b), pairs[_i].diff);
  ck_assert (bl_seq_newer (pairs[_i].a, pairs[_i].b) == (pairs[_i].diff > 0));
}
END_TEST

START_TEST (timestamps_compare_across_the_wrap)
{
  ck_assert_int_eq (bl_ts_diff (1, 0xffffffff), 2);
  ck_assert_int_eq (bl_ts_diff (0xffffffff, 1), -2);
  ck_assert (bl_ts_newer (0, 0xffffff00));
  ck_assert (!bl_ts_newer (0x80000000, 0));
}
END_TEST

/* Numbers on the wire in order of arrival, and how far each is from the first;
 * the first stands at 65536 + itself. */
static const struct {
  uint16_t wire;
  int64_t from_first;
} arrivals[] = {
  { 65534, 0 },   { 65535, 1 },     { 1, 3 },         { 0, 2 },
  { 65533, -1 },  { 2, 4 },         { 32000, 32002 }, { 64000, 64002 },
  { 100, 65638 }, { 64001, 64003 }, { 101, 65639 },
};

START_TEST (reordering_around_the_wrap_keeps_the_order_sent)
{
  BlSeqUnwrapper u = { 0 };
  for (size_t i = 0; i < N_OF (arrivals); i++) {
    uint64_t extended = bl_seq_unwrap (&u, arrivals[i].wire);
    ck_assert_uint_eq (extended,
                       BL_SEQ_CYCLE + 65534 + (uint64_t)arrivals[i].from_first);
    ck_assert_uint_eq (extended & 0xffff, arrivals[i].wire);
  }
  ck_assert_uint_eq (u.highest, BL_SEQ_CYCLE + 65534 + 65639);
}
END_TEST

START_TEST (numbers_before_the_first_stay_above_zero)
{
  BlSeqUnwrapper u = { 0 };
  ck_assert_uint_eq (bl_seq_unwrap (&u, 0), 65536);
  ck_assert_uint_eq (bl_seq_unwrap (&u, 65535), 65535);
  ck_assert_uint_eq (bl_seq_unwrap (&u, 32768), 32768);
  ck_assert_uint_eq (u.highest, 65536);
}
END_TEST

START_TEST (a_million_packets_count_a_million)
{
  BlSeqUnwrapper u = { 0 };
  uint64_t wrong = 0;
  for (uint64_t i = 0; i < 1000000; i++)
    wrong += bl_seq_unwrap (&u, (uint16_t)(i + 777)) != BL_SEQ_CYCLE + 777 + i;
  ck_assert_uint_eq (wrong, 0);
}
END_TEST

START_TEST (a_nack_means_the_nearest_number)
{
  ck_assert_uint_eq (bl_seq_near (0x20003, 0x0001), 0x20001);
  ck_assert_uint_eq (bl_seq_near (0x20003, 0xfffe), 0x1fffe);
  ck_assert_uint_eq (bl_seq_near (0x1fffe, 0x0002), 0x20002);
}
END_TEST

START_TEST (timestamps_extend_across_the_wrap)
{
  BlTsUnwrapper u = { 0 };
  uint64_t first = bl_ts_unwrap (&u, 0xfffffff0);
  ck_assert_uint_eq (first, UINT64_C (0x1fffffff0));
  ck_assert_uint_eq (bl_ts_unwrap (&u, 0x10), first + 0x20);
  ck_assert_uint_eq (bl_ts_unwrap (&u, 0xffffffff), first + 0xf);
  ck_assert_uint_eq (u.highest, first + 0x20);
  ck_assert_uint_eq (bl_ts_unwrap (&u, 0x11), first + 0x21);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("rtc/seq");
  TCase *tcase = tcase_create ("seq");
  tcase_add_loop_test (tcase, sequence_numbers_compare_across_the_wrap, 0,
                       N_OF (pairs));
  tcase_add_test (tcase, timestamps_compare_across_the_wrap);
  tcase_add_test (tcase, reordering_around_the_wrap_keeps_the_order_sent);
  tcase_add_test (tcase, numbers_before_the_first_stay_above_zero);
  tcase_add_test (tcase, a_million_packets_count_a_million);
  tcase_add_test (tcase, a_nack_means_the_nearest_number);
  tcase_add_test (tcase, timestamps_extend_across_the_wrap);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
