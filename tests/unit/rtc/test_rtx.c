/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/rtx.h"

#include "rtc_bytes.h"
#include "run_suite.h"

/* RFC 4588 section 4: an RTX header, the OSN 0xfffe, the original payload. */
static const uint8_t rtx_packet[] = {
  0x80, 0xe1, 0x00, 0x07, 0x00, 0x00, 0x0b, 0xb8, /* M, PT 97, seq 7 */
  0x00, 0x00, 0x00, 0x99, 0xff, 0xfe,             /* SSRC, OSN */
  0x41, 0x42, 0x43,
};

START_TEST (the_original_packet_comes_out)
{
  BlRtp rtx, original;
  ck_assert_int_eq (bl_rtp_parse (rtx_packet, sizeof rtx_packet, &rtx),
                    BL_RTP_OK);
  ck_assert (bl_rtx_unwrap (&rtx, 0x11, 96, &original));
  ck_assert_uint_eq (original.seq, 0xfffe);
  ck_assert_uint_eq (original.ssrc, 0x11);
  ck_assert_uint_eq (original.payload_type, 96);
  ck_assert_uint_eq (original.timestamp, 3000);
  ck_assert (original.marker);
  ck_assert_uint_eq (original.payload_length, 3);
  ck_assert_mem_eq (original.payload, "ABC", 3);
}
END_TEST

START_TEST (unwrapping_works_in_place)
{
  BlRtp rtp;
  ck_assert_int_eq (bl_rtp_parse (rtx_packet, sizeof rtx_packet, &rtp),
                    BL_RTP_OK);
  ck_assert (bl_rtx_unwrap (&rtp, 0x11, 96, &rtp));
  ck_assert_uint_eq (rtp.seq, 0xfffe);
  ck_assert_uint_eq (rtp.payload_length, 3);
}
END_TEST

START_TEST (a_probe_without_original_number_is_none)
{
  BlRtp rtx, original = { .seq = 4711 };
  for (size_t length = 12; length < 14; length++) {
    uint8_t *copy = exact_copy (rtx_packet, length);
    ck_assert_int_eq (bl_rtp_parse (copy, length, &rtx), BL_RTP_OK);
    ck_assert (!bl_rtx_unwrap (&rtx, 0x11, 96, &original));
    ck_assert_uint_eq (original.seq, 4711);
    free (copy);
  }
}
END_TEST

START_TEST (an_empty_original_is_still_one)
{
  BlRtp rtx, original;
  ck_assert_int_eq (bl_rtp_parse (rtx_packet, 14, &rtx), BL_RTP_OK);
  ck_assert (bl_rtx_unwrap (&rtx, 0x11, 96, &original));
  ck_assert_uint_eq (original.payload_length, 0);
}
END_TEST

START_TEST (a_retransmission_is_written_to_the_byte)
{
  uint8_t buffer[64];
  BlWriter w = bl_writer (buffer, sizeof buffer);
  BlRtp header = { .payload_type = 97,
                   .marker = true,
                   .seq = 7,
                   .timestamp = 3000,
                   .ssrc = 0x99 };
  bl_rtp_write_header (&w, &header);
  bl_rtx_write_payload (&w, 0xfffe, (const uint8_t *)"ABC", 3);
  ck_assert_uint_eq (bl_writer_length (&w), sizeof rtx_packet);
  ck_assert_mem_eq (buffer, rtx_packet, sizeof rtx_packet);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("rtc/rtx");
  TCase *tcase = tcase_create ("rtx");
  tcase_add_test (tcase, the_original_packet_comes_out);
  tcase_add_test (tcase, unwrapping_works_in_place);
  tcase_add_test (tcase, a_probe_without_original_number_is_none);
  tcase_add_test (tcase, an_empty_original_is_still_one);
  tcase_add_test (tcase, a_retransmission_is_written_to_the_byte);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
