/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/range.h"

#include "suite.h"

static const struct {
  const char *header;
  guint64 size;
  BlRangeKind kind;
  guint64 first, last;
} rows[] = {
  { NULL, 100, BL_RANGE_WHOLE, 0, 0 },
  { "bytes=0-", 100, BL_RANGE_PART, 0, 99 },
  { "bytes=0-0", 100, BL_RANGE_PART, 0, 0 },
  { "Bytes=10-19", 100, BL_RANGE_PART, 10, 19 },
  { "bytes=99-", 100, BL_RANGE_PART, 99, 99 },
  { "bytes=90-200", 100, BL_RANGE_PART, 90, 99 },
  { "bytes=-5", 100, BL_RANGE_PART, 95, 99 },
  { "bytes=-500", 100, BL_RANGE_PART, 0, 99 },
  { "bytes=100-", 100, BL_RANGE_NONE, 0, 0 },
  { "bytes=100-200", 100, BL_RANGE_NONE, 0, 0 },
  { "bytes=-0", 100, BL_RANGE_NONE, 0, 0 },
  { "bytes=0-", 0, BL_RANGE_NONE, 0, 0 },
  { "bytes=-1", 0, BL_RANGE_NONE, 0, 0 },
  /* Malformed, or more than one: the whole, RFC 9110 section 14.2. */
  { "bytes=", 100, BL_RANGE_WHOLE, 0, 0 },
  { "bytes=-", 100, BL_RANGE_WHOLE, 0, 0 },
  { "bytes=5", 100, BL_RANGE_WHOLE, 0, 0 },
  { "bytes=5-4", 100, BL_RANGE_WHOLE, 0, 0 },
  { "bytes=a-b", 100, BL_RANGE_WHOLE, 0, 0 },
  { "bytes=0-1,5-6", 100, BL_RANGE_WHOLE, 0, 0 },
  { "bytes=1-2 ", 100, BL_RANGE_WHOLE, 0, 0 },
  { "bytes=+1-2", 100, BL_RANGE_WHOLE, 0, 0 },
  { "lines=1-2", 100, BL_RANGE_WHOLE, 0, 0 },
  { "bytes=99999999999999999999999-", 100, BL_RANGE_WHOLE, 0, 0 },
  { "bytes=0-99999999999999999999999", 100, BL_RANGE_WHOLE, 0, 0 },
};

START_TEST (a_range_is_read_as_rfc_9110_says)
{
  guint64 first = 0, last = 0;
  ck_assert_int_eq (
      bl_range_parse (rows[_i].header, rows[_i].size, &first, &last),
      rows[_i].kind);
  ck_assert_uint_eq (first, rows[_i].first);
  ck_assert_uint_eq (last, rows[_i].last);
}
END_TEST

int
main (void)
{
  const SuiteTest tests[] = {
    { a_range_is_read_as_rfc_9110_says, G_N_ELEMENTS (rows) },
  };
  return run_table ("relay/range", tests, G_N_ELEMENTS (tests), NULL, NULL);
}
