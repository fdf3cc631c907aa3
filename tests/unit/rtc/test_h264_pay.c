/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/h264_pay.h"

#include "h264_fixture.h"
#include "run_suite.h"

/* An access unit of NAL units with these lengths (first byte: its header, the
 * others count up), and what each payload of it should be. */
typedef struct {
  uint8_t header;
  unsigned length;
} Nal;

typedef struct {
  uint8_t type; /* of the payload */
  unsigned length;
} Expected;

static const struct {
  const char *what;
  uint16_t max;
  Nal nals[10];
  Expected payloads[10];
} cases[] = {
  { "nothing", 100, { { 0, 0 } }, { { 0, 0 } } },
  { "a slice that fits", 100, { { 0x41, 100 } }, { { 1, 100 } } },
  /* 100 bytes of body in fragments of at most 98: two of 50. */
  { "a slice one byte too long",
    100,
    { { 0x41, 101 } },
    { { 28, 52 }, { 28, 52 } } },
  { "fragments are of one size, the last may be shorter",
    100,
    { { 0x41, 1 + 250 } },
    { { 28, 2 + 84 }, { 28, 2 + 84 }, { 28, 2 + 82 } } },
  { "two slices go apart",
    100,
    { { 0x41, 20 }, { 0x41, 20 } },
    { { 1, 20 }, { 1, 20 } } },
  { "SPS and PPS together, ahead of the IDR",
    100,
    { { 0x67, 12 }, { 0x68, 4 }, { 0x65, 40 } },
    { { 24, 1 + 2 + 12 + 2 + 4 }, { 5, 40 } } },
  { "SEI with them",
    100,
    { { 0x67, 12 }, { 0x68, 4 }, { 0x06, 50 }, { 0x65, 40 } },
    { { 24, 1 + 2 + 12 + 2 + 4 + 2 + 50 }, { 5, 40 } } },
  { "SEI too large to be with them",
    100,
    { { 0x67, 12 }, { 0x68, 4 }, { 0x06, 90 }, { 0x65, 40 } },
    { { 24, 1 + 2 + 12 + 2 + 4 }, { 6, 90 }, { 5, 40 } } },
  { "an aggregate that just fits",
    100,
    { { 0x67, 91 }, { 0x68, 4 }, { 0x65, 40 } },
    { { 24, 100 }, { 5, 40 } } },
  { "one byte more",
    100,
    { { 0x67, 92 }, { 0x68, 4 }, { 0x65, 40 } },
    { { 7, 92 }, { 8, 4 }, { 5, 40 } } },
  { "delimiter and filler are left out",
    100,
    { { 0x09, 2 },
      { 0x67, 12 },
      { 0x0c, 30 },
      { 0x68, 4 },
      { 0x65, 40 },
      { 0x0c, 99 } },
    { { 24, 1 + 2 + 12 + 2 + 4 }, { 5, 40 } } },
  { "more than one aggregate holds",
    1000,
    { { 0x68, 2 },
      { 0x68, 2 },
      { 0x68, 2 },
      { 0x68, 2 },
      { 0x68, 2 },
      { 0x68, 2 },
      { 0x68, 2 },
      { 0x68, 2 },
      { 0x68, 2 },
      { 0x65, 40 } },
    { { 24, 1 + 8 * 4 }, { 8, 2 }, { 5, 40 } } },
};

static size_t
build_au (const Nal *nals, size_t n, uint8_t *out)
{
  size_t length = 0;
  for (size_t i = 0; i < n && nals[i].length > 0; i++) {
    static const uint8_t start_code[4] = { 0, 0, 0, 1 };
    memcpy (out + length, start_code, 4);
    length += 4;
    for (unsigned j = 0; j < nals[i].length; j++)
      out[length++] = j == 0 ? nals[i].header : (uint8_t)(j | 1);
  }
  return length;
}

START_TEST (an_access_unit_becomes_these_payloads)
{
  uint8_t au[4096], bytes[2048];
  size_t length = build_au (cases[_i].nals, 10, au);
  BlH264Pay pay;
  BlH264Payload payload;
  size_t n = 0;
  bl_h264_pay_init (&pay, au, length, cases[_i].max);
  while (bl_h264_pay_next (&pay, &payload)) {
    ck_assert_uint_lt (n, 10);
    BlWriter w = bl_writer (bytes, cases[_i].max);
    bl_h264_payload_write (&payload, &w);
    ck_assert (bl_writer_ok (&w));
    ck_assert_uint_eq (bl_writer_length (&w), payload.length);
    ck_assert_msg ((bytes[0] & 0x1f) == cases[_i].payloads[n].type
                       && payload.length == cases[_i].payloads[n].length,
                   "%s: payload %zu is of type %d and %u bytes", cases[_i].what,
                   n, bytes[0] & 0x1f, payload.length);
    n++;
    bool last = n == 10 || cases[_i].payloads[n].length == 0;
    ck_assert_msg (payload.marker == last, "%s: marker of %zu", cases[_i].what,
                   n - 1);
    ck_assert (
        !(bl_h264_payload_flags (bytes, payload.length) & BL_H264_MALFORMED));
  }
  ck_assert_msg (n == 10 || cases[_i].payloads[n].length == 0, "%s",
                 cases[_i].what);
}
END_TEST

START_TEST (fragments_carry_the_bytes_and_bits_of_the_nal_unit)
{
  const Nal nal = { 0x65, 1 + 150 };
  uint8_t au[256], bytes[128];
  size_t length = build_au (&nal, 1, au);
  BlH264Pay pay;
  BlH264Payload payload;
  bl_h264_pay_init (&pay, au, length, 64);
  static const uint8_t headers[][2]
      = { { 0x7c, 0x85 }, { 0x7c, 0x05 }, { 0x7c, 0x45 } };
  for (size_t i = 0; i < 3; i++) {
    ck_assert (bl_h264_pay_next (&pay, &payload));
    BlWriter w = bl_writer (bytes, sizeof bytes);
    bl_h264_payload_write (&payload, &w);
    ck_assert_mem_eq (bytes, headers[i], 2);
    ck_assert_uint_eq (payload.length, 52);
    ck_assert_mem_eq (bytes + 2, au + 5 + 50 * i, 50);
  }
  ck_assert (!bl_h264_pay_next (&pay, &payload));
}
END_TEST

START_TEST (an_aggregate_has_the_highest_ref_idc_and_each_size)
{
  const Nal nals[] = { { 0x27, 3 }, { 0x68, 2 }, { 0x06, 2 }, { 0x65, 9 } };
  static const uint8_t expected[]
      = { 0x78, 0, 3, 0x27, 1, 3, 0, 2, 0x68, 1, 0, 2, 0x06, 1 };
  uint8_t au[64], bytes[64];
  size_t length = build_au (nals, 4, au);
  BlH264Pay pay;
  BlH264Payload payload;
  bl_h264_pay_init (&pay, au, length, 64);
  ck_assert (bl_h264_pay_next (&pay, &payload));
  BlWriter w = bl_writer (bytes, sizeof bytes);
  bl_h264_payload_write (&payload, &w);
  ck_assert_uint_eq (bl_writer_length (&w), sizeof expected);
  ck_assert_mem_eq (bytes, expected, sizeof expected);
}
END_TEST

/* A picture's fragments differ in size only at the end of a slice. */
START_TEST (real_pictures_leave_in_runs_of_one_size)
{
  Fixture fixture;
  fixture_load (&fixture);
  unsigned fragments = 0;
  for (size_t au = 0; au < FIXTURE_AUS; au++) {
    BlH264Pay pay;
    BlH264Payload payload;
    uint16_t run = 0;
    bl_h264_pay_init (&pay, fixture.aus[au], fixture.au_lengths[au], 300);
    while (bl_h264_pay_next (&pay, &payload)) {
      ck_assert_uint_le (payload.length, 300);
      const uint8_t *header = payload.parts[0].header;
      if ((header[0] & 0x1f) != BL_H264_FU_A)
        continue;
      fragments++;
      if (header[1] & 0x80)
        run = payload.length;
      else if (header[1] & 0x40)
        ck_assert_uint_le (payload.length, run);
      else
        ck_assert_uint_eq (payload.length, run);
    }
  }
  ck_assert_uint_gt (fragments, 20);
}
END_TEST

START_TEST (a_writer_without_room_says_so)
{
  const Nal nal = { 0x65, 60 };
  uint8_t au[128], bytes[59];
  size_t length = build_au (&nal, 1, au);
  BlH264Pay pay;
  BlH264Payload payload;
  bl_h264_pay_init (&pay, au, length, 64);
  ck_assert (bl_h264_pay_next (&pay, &payload));
  BlWriter w = bl_writer (bytes, sizeof bytes);
  bl_h264_payload_write (&payload, &w);
  ck_assert (!bl_writer_ok (&w));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("rtc/h264_pay");
  TCase *tcase = tcase_create ("h264_pay");
  tcase_add_loop_test (tcase, an_access_unit_becomes_these_payloads, 0,
                       sizeof cases / sizeof *cases);
  tcase_add_test (tcase, fragments_carry_the_bytes_and_bits_of_the_nal_unit);
  tcase_add_test (tcase, an_aggregate_has_the_highest_ref_idc_and_each_size);
  tcase_add_test (tcase, real_pictures_leave_in_runs_of_one_size);
  tcase_add_test (tcase, a_writer_without_room_says_so);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
