/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/rtp.h"

#include "rtc_bytes.h"
#include "run_suite.h"

/* Everything a header can have: padding, extension, two CSRCs, marker. */
static const uint8_t full[] = {
  0xb2, 0xe0, 0x12, 0x34, /* V=2 P X CC=2, M, PT 96, seq */
  0x01, 0x02, 0x03, 0x04, /* timestamp */
  0xaa, 0xbb, 0xcc, 0xdd, /* SSRC */
  0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x02, /* CSRCs */
  0xbe, 0xde, 0x00, 0x01, 0x10, 0x41, 0x00, 0x00, /* extension */
  0x65, 0x66, 0x67,                               /* payload */
  0x00, 0x00, 0x00, 0x00, 0x05,                   /* padding */
};

START_TEST (every_field_of_a_full_header_is_read)
{
  BlRtp rtp;
  ck_assert_int_eq (bl_rtp_parse (full, sizeof full, &rtp), BL_RTP_OK);
  ck_assert_uint_eq (rtp.payload_type, 96);
  ck_assert (rtp.marker);
  ck_assert_uint_eq (rtp.seq, 0x1234);
  ck_assert_uint_eq (rtp.timestamp, 0x01020304);
  ck_assert_uint_eq (rtp.ssrc, 0xaabbccdd);
  ck_assert_uint_eq (rtp.csrc_count, 2);
  ck_assert_ptr_eq (rtp.csrcs, full + 12);
  ck_assert (rtp.has_ext);
  ck_assert_uint_eq (rtp.ext_profile, BL_RTP_EXT_ONE_BYTE);
  ck_assert_ptr_eq (rtp.ext, full + 24);
  ck_assert_uint_eq (rtp.ext_length, 4);
  ck_assert_ptr_eq (rtp.payload, full + 28);
  ck_assert_uint_eq (rtp.payload_length, 3);
  ck_assert_uint_eq (rtp.padding, 5);
}
END_TEST

START_TEST (a_header_cut_anywhere_is_refused)
{
  BlRtp rtp;
  for (size_t length = 0; length < 28; length++) {
    uint8_t *copy = exact_copy (full, length);
    ck_assert_int_eq (bl_rtp_parse (copy, length, &rtp), BL_RTP_SHORT);
    free (copy);
  }
}
END_TEST

static const struct {
  const char *what;
  uint8_t bytes[20];
  size_t length;
  BlRtpStatus status;
  uint32_t payload_length;
} cases[] = {
  { "no payload", { 0x80, 0 }, 12, BL_RTP_OK, 0 },
  { "plain", { 0x80, 0 }, 20, BL_RTP_OK, 8 },
  { "version 1", { 0x40, 0 }, 20, BL_RTP_BAD_VERSION, 0 },
  { "version 3", { 0xc0, 0 }, 20, BL_RTP_BAD_VERSION, 0 },
  { "padding of nothing", { 0xa0, 0 }, 12, BL_RTP_BAD_PADDING, 0 },
  { "padding 0", { 0xa0, [19] = 0 }, 20, BL_RTP_BAD_PADDING, 0 },
  { "padding alone", { 0xa0, [19] = 8 }, 20, BL_RTP_OK, 0 },
  { "padding too long", { 0xa0, [19] = 9 }, 20, BL_RTP_BAD_PADDING, 0 },
  { "an empty extension", { 0x90, [12] = 1, 2, 0, 0 }, 20, BL_RTP_OK, 4 },
  { "an extension to the end", { 0x90, [15] = 1 }, 20, BL_RTP_OK, 0 },
  { "an extension past the end", { 0x90, [15] = 2 }, 20, BL_RTP_SHORT, 0 },
  { "CSRCs past the end", { 0x83 }, 20, BL_RTP_SHORT, 0 },
};

START_TEST (a_header_is_judged_as_RFC_3550_says)
{
  BlRtp rtp = { 0 };
  uint8_t *copy = exact_copy (cases[_i].bytes, cases[_i].length);
  ck_assert_msg (bl_rtp_parse (copy, cases[_i].length, &rtp) == cases[_i].status
                     && rtp.payload_length == cases[_i].payload_length,
                 "%s", cases[_i].what);
  free (copy);
}
END_TEST

START_TEST (the_outcome_is_untouched_on_failure)
{
  BlRtp rtp, before;
  memset (&rtp, 0x5a, sizeof rtp);
  before = rtp;
  ck_assert_int_ne (bl_rtp_parse (full, 27, &rtp), BL_RTP_OK);
  ck_assert_mem_eq (&rtp, &before, sizeof rtp);
}
END_TEST

START_TEST (what_is_written_is_read_back)
{
  Random random = RANDOM_SEED;
  for (int i = 0; i < 3000; i++) {
    uint8_t csrcs[60], ext[40], buffer[200];
    for (size_t j = 0; j < sizeof csrcs; j++)
      csrcs[j] = (uint8_t)random_next (&random);
    for (size_t j = 0; j < sizeof ext; j++)
      ext[j] = (uint8_t)random_next (&random);
    BlRtp in = {
      .payload_type = (uint8_t)random_below (&random, 128),
      .marker = random_below (&random, 2),
      .seq = (uint16_t)random_next (&random),
      .timestamp = (uint32_t)random_next (&random),
      .ssrc = (uint32_t)random_next (&random),
      .csrcs = csrcs,
      .csrc_count = (uint8_t)random_below (&random, 16),
      .has_ext = random_below (&random, 2),
      .ext_profile = (uint16_t)random_next (&random),
      .ext = ext,
      .ext_length = 4 * random_below (&random, 11),
    };
    BlWriter w = bl_writer (buffer, sizeof buffer);
    bl_rtp_write_header (&w, &in);
    bl_writer_bytes (&w, "payload", 7);
    ck_assert (bl_writer_ok (&w));

    BlRtp out;
    ck_assert_int_eq (bl_rtp_parse (buffer, bl_writer_length (&w), &out),
                      BL_RTP_OK);
    ck_assert_uint_eq (out.payload_type, in.payload_type);
    ck_assert_uint_eq (out.marker, in.marker);
    ck_assert_uint_eq (out.seq, in.seq);
    ck_assert_uint_eq (out.timestamp, in.timestamp);
    ck_assert_uint_eq (out.ssrc, in.ssrc);
    ck_assert_uint_eq (out.csrc_count, in.csrc_count);
    ck_assert_mem_eq (out.csrcs, csrcs, 4 * (size_t)in.csrc_count);
    ck_assert_uint_eq (out.has_ext, in.has_ext);
    if (in.has_ext) {
      ck_assert_uint_eq (out.ext_profile, in.ext_profile);
      ck_assert_uint_eq (out.ext_length, in.ext_length);
      ck_assert_mem_eq (out.ext, ext, in.ext_length);
    }
    ck_assert_uint_eq (out.payload_length, 7);
    ck_assert_mem_eq (out.payload, "payload", 7);
  }
}
END_TEST

START_TEST (a_full_header_is_written_to_the_byte)
{
  BlRtp rtp;
  uint8_t buffer[64];
  ck_assert_int_eq (bl_rtp_parse (full, sizeof full, &rtp), BL_RTP_OK);
  BlWriter w = bl_writer (buffer, sizeof buffer);
  bl_rtp_write_header (&w, &rtp);
  ck_assert_uint_eq (bl_writer_length (&w), 28);
  ck_assert_uint_eq (buffer[0], 0x92); /* no padding any more */
  ck_assert_mem_eq (buffer + 1, full + 1, 27);

  for (size_t room = 0; room < 28; room++) {
    w = bl_writer (buffer, room);
    bl_rtp_write_header (&w, &rtp);
    ck_assert (!bl_writer_ok (&w));
  }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("rtc/rtp");
  TCase *tcase = tcase_create ("rtp");
  tcase_add_test (tcase, every_field_of_a_full_header_is_read);
  tcase_add_test (tcase, a_header_cut_anywhere_is_refused);
  tcase_add_loop_test (tcase, a_header_is_judged_as_RFC_3550_says, 0,
                       N_OF (cases));
  tcase_add_test (tcase, the_outcome_is_untouched_on_failure);
  tcase_add_test (tcase, what_is_written_is_read_back);
  tcase_add_test (tcase, a_full_header_is_written_to_the_byte);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
