/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/rtpext.h"

#include "rtc_bytes.h"
#include "run_suite.h"

static const BlRtpExtMap small_ids = { .id = {
                                           [BL_RTP_EXT_MID] = 1,
                                           [BL_RTP_EXT_ABS_SEND_TIME] = 2,
                                           [BL_RTP_EXT_TRANSPORT_CC] = 3,
                                           [BL_RTP_EXT_ABS_CAPTURE_TIME] = 4,
                                           [BL_RTP_EXT_PLAYOUT_DELAY] = 5,
                                           [BL_RTP_EXT_AUDIO_LEVEL] = 14,
                                       } };

/* One id is too high for the one-byte form. */
static const BlRtpExtMap big_ids = { .id = {
                                         [BL_RTP_EXT_MID] = 1,
                                         [BL_RTP_EXT_ABS_SEND_TIME] = 2,
                                         [BL_RTP_EXT_TRANSPORT_CC] = 3,
                                         [BL_RTP_EXT_ABS_CAPTURE_TIME] = 4,
                                         [BL_RTP_EXT_PLAYOUT_DELAY] = 15,
                                         [BL_RTP_EXT_AUDIO_LEVEL] = 255,
                                     } };

#define ALL (BL_RTP_EXT_BIT (BL_RTP_EXT_N) - 1)

static const BlRtpExtValues values = {
  .present = ALL,
  .mid = "v0",
  .abs_send_time = 0x123456,
  .transport_seq = 0xabcd,
  .capture_ntp = UINT64_C (0x0102030405060708),
  .playout_min_ms = 0,
  .playout_max_ms = 40950,
  .voice = true,
  .audio_level = 42,
};

static const uint8_t one_byte[] = {
  0xbe, 0xde, 0x00, 0x07, 0x11, 'v',  '0',  0x22, 0x12, 0x34, 0x56,
  0x31, 0xab, 0xcd, 0x47, 1,    2,    3,    4,    5,    6,    7,
  8,    0x52, 0x00, 0x0f, 0xff, 0xe0, 0xaa, 0,    0,    0,
};

static const uint8_t two_byte[] = {
  0x10, 0x00, 0x00, 0x08, 1,    2,    'v',  '0',  2,   3, 0x12, 0x34,
  0x56, 3,    2,    0xab, 0xcd, 4,    8,    1,    2,   3, 4,    5,
  6,    7,    8,    15,   3,    0x00, 0x0f, 0xff, 255, 1, 0xaa, 0,
};

static const struct {
  const BlRtpExtMap *map;
  const uint8_t *bytes;
  size_t length;
} forms[] = {
  { &small_ids, one_byte, sizeof one_byte },
  { &big_ids, two_byte, sizeof two_byte },
};

static void
assert_same (const BlRtpExtValues *a, const BlRtpExtValues *b)
{
  ck_assert_uint_eq (a->present, b->present);
  if (bl_rtp_ext_has (a, BL_RTP_EXT_MID))
    ck_assert_str_eq (a->mid, b->mid);
  if (bl_rtp_ext_has (a, BL_RTP_EXT_ABS_SEND_TIME))
    ck_assert_uint_eq (a->abs_send_time, b->abs_send_time);
  if (bl_rtp_ext_has (a, BL_RTP_EXT_TRANSPORT_CC))
    ck_assert_uint_eq (a->transport_seq, b->transport_seq);
  if (bl_rtp_ext_has (a, BL_RTP_EXT_ABS_CAPTURE_TIME)) {
    ck_assert_uint_eq (a->capture_ntp, b->capture_ntp);
    ck_assert_uint_eq (a->has_capture_offset, b->has_capture_offset);
    ck_assert_int_eq (a->capture_offset_q32, b->capture_offset_q32);
  }
  if (bl_rtp_ext_has (a, BL_RTP_EXT_PLAYOUT_DELAY)) {
    ck_assert_uint_eq (a->playout_min_ms, b->playout_min_ms);
    ck_assert_uint_eq (a->playout_max_ms, b->playout_max_ms);
  }
  if (bl_rtp_ext_has (a, BL_RTP_EXT_AUDIO_LEVEL)) {
    ck_assert_uint_eq (a->voice, b->voice);
    ck_assert_uint_eq (a->audio_level, b->audio_level);
  }
}

/* A packet's view of extension bytes that include the 4-byte header. */
static BlRtp
packet_with (const uint8_t *ext, size_t length)
{
  return (BlRtp){ .has_ext = true,
                  .ext_profile = (uint16_t)(ext[0] << 8 | ext[1]),
                  .ext = ext + 4,
                  .ext_length = (uint32_t)length - 4 };
}

START_TEST (all_kinds_are_written_to_the_byte_in_either_form)
{
  uint8_t buffer[128];
  BlRtpExtOffsets offsets;
  BlRtp header = { .payload_type = 96, .seq = 1, .ssrc = 2 };
  BlWriter w = bl_writer (buffer, sizeof buffer);
  bl_writer_zeros (&w, 5); /* a packet need not start where the buffer does */
  bl_rtp_ext_write (&w, &header, forms[_i].map, &values, &offsets);
  ck_assert (bl_writer_ok (&w));
  ck_assert_uint_eq (bl_writer_length (&w), 5 + 12 + forms[_i].length);
  ck_assert_uint_eq (buffer[5], 0x90);
  ck_assert_mem_eq (buffer + 17, forms[_i].bytes, forms[_i].length);
  ck_assert (forms[_i].length <= BL_RTP_EXT_MAX_BYTES);
  ck_assert_uint_eq (buffer[5 + offsets.transport_seq], 0xab);
  ck_assert_uint_eq (buffer[5 + offsets.abs_send_time], 0x12);
}
END_TEST

START_TEST (all_kinds_are_read_in_either_form)
{
  BlRtpExtValues out;
  BlRtp rtp = packet_with (forms[_i].bytes, forms[_i].length);
  ck_assert (bl_rtp_ext_parse (&rtp, forms[_i].map, &out));
  assert_same (&values, &out);
}
END_TEST

START_TEST (what_is_not_negotiated_is_neither_written_nor_read)
{
  uint8_t buffer[64];
  BlRtp header = { .payload_type = 96 };
  BlRtpExtMap map = { .id = { [BL_RTP_EXT_TRANSPORT_CC] = 3 } };
  BlRtpExtOffsets offsets;
  BlWriter w = bl_writer (buffer, sizeof buffer);
  bl_rtp_ext_write (&w, &header, &map, &values, &offsets);
  ck_assert_uint_eq (bl_writer_length (&w), 12 + 8);
  ck_assert_uint_eq (offsets.transport_seq, 17);
  ck_assert_uint_eq (offsets.abs_send_time, 0);

  BlRtpExtValues out;
  BlRtp rtp = packet_with (one_byte, sizeof one_byte);
  ck_assert (bl_rtp_ext_parse (&rtp, &map, &out));
  ck_assert_uint_eq (out.present, BL_RTP_EXT_BIT (BL_RTP_EXT_TRANSPORT_CC));
}
END_TEST

START_TEST (a_packet_with_nothing_to_say_has_no_extension)
{
  uint8_t buffer[64];
  BlRtp header = { .payload_type = 96, .has_ext = true, .ext_length = 4 };
  BlRtpExtValues none = { 0 };
  BlWriter w = bl_writer (buffer, sizeof buffer);
  bl_rtp_ext_write (&w, &header, &small_ids, &none, NULL);
  ck_assert_uint_eq (bl_writer_length (&w), 12);
  ck_assert_uint_eq (buffer[0], 0x80);
}
END_TEST

START_TEST (values_are_patched_at_their_offsets)
{
  uint8_t buffer[128];
  BlRtp header = { .payload_type = 96 }, rtp;
  BlRtpExtOffsets offsets;
  BlRtpExtValues out, expected = values;
  BlWriter w = bl_writer (buffer, sizeof buffer);
  bl_rtp_ext_write (&w, &header, forms[_i].map, &values, &offsets);
  bl_rtp_ext_patch_transport_seq (buffer, &offsets, 0x7788);
  bl_rtp_ext_patch_abs_send_time (buffer, &offsets, 0xff998877);
  expected.transport_seq = 0x7788;
  expected.abs_send_time = 0x998877;

  ck_assert_int_eq (bl_rtp_parse (buffer, bl_writer_length (&w), &rtp),
                    BL_RTP_OK);
  ck_assert (bl_rtp_ext_parse (&rtp, forms[_i].map, &out));
  assert_same (&expected, &out);

  offsets = (BlRtpExtOffsets){ 0 };
  uint8_t untouched = buffer[0];
  bl_rtp_ext_patch_transport_seq (buffer, &offsets, 0x1111);
  ck_assert_uint_eq (buffer[0], untouched);
}
END_TEST

/* Extensions as others may write them, and what counts. */
static const struct {
  const char *what;
  uint8_t ext[24];
  size_t length;
  bool good;
  uint32_t present;
} cases[] = {
  { "padding between elements",
    { 0xbe, 0xde, 0, 2, 0, 0, 0x31, 1, 2, 0, 0x10, 'a' },
    12,
    true,
    BL_RTP_EXT_BIT (BL_RTP_EXT_TRANSPORT_CC)
        | BL_RTP_EXT_BIT (BL_RTP_EXT_MID) },
  { "id 15 ends it (RFC 8285 section 4.2)",
    { 0xbe, 0xde, 0, 2, 0x31, 1, 2, 0xf0, 0, 0x10, 'a', 0 },
    12,
    true,
    BL_RTP_EXT_BIT (BL_RTP_EXT_TRANSPORT_CC) },
  { "id 0 with a length", { 0xbe, 0xde, 0, 1, 0x01, 1, 2, 3 }, 8, false, 0 },
  { "an element past the end",
    { 0xbe, 0xde, 0, 1, 0x47, 1, 2, 3 },
    8,
    false,
    0 },
  { "transport-cc of three bytes",
    { 0xbe, 0xde, 0, 2, 0x32, 1, 2, 3, 0x10, 'a', 0, 0 },
    12,
    false,
    BL_RTP_EXT_BIT (BL_RTP_EXT_MID) },
  { "an unknown id",
    { 0xbe, 0xde, 0, 2, 0x92, 1, 2, 3, 0x10, 'a', 0, 0 },
    12,
    true,
    BL_RTP_EXT_BIT (BL_RTP_EXT_MID) },
  { "a two-byte element of no length",
    { 0x10, 0x03, 0, 1, 9, 0, 0, 0 },
    8,
    true,
    0 },
  { "a two-byte element without its length",
    { 0x10, 0x00, 0, 1, 0, 0, 0, 1 },
    8,
    false,
    0 },
  { "a two-byte element past the end",
    { 0x10, 0x00, 0, 1, 1, 3, 'a', 'b' },
    8,
    false,
    0 },
  { "another profile", { 0x12, 0x34, 0, 1, 0x10, 'a', 0, 0 }, 8, true, 0 },
  { "nothing", { 0xbe, 0xde, 0, 0 }, 4, true, 0 },
};

START_TEST (odd_extensions_cost_only_themselves)
{
  BlRtpExtValues out;
  uint8_t *copy = exact_copy (cases[_i].ext, cases[_i].length);
  BlRtp rtp = packet_with (copy, cases[_i].length);
  ck_assert_msg (bl_rtp_ext_parse (&rtp, &small_ids, &out) == cases[_i].good
                     && out.present == cases[_i].present,
                 "%s: present %x", cases[_i].what, out.present);
  free (copy);
}
END_TEST

START_TEST (a_packet_without_extension_has_no_values)
{
  BlRtp rtp = { 0 };
  BlRtpExtValues out = { .present = 7 };
  ck_assert (bl_rtp_ext_parse (&rtp, &small_ids, &out));
  ck_assert_uint_eq (out.present, 0);
}
END_TEST

START_TEST (a_cut_extension_is_never_read_past)
{
  for (size_t length = 4; length < forms[_i].length; length++) {
    BlRtpExtValues out;
    uint8_t *copy = exact_copy (forms[_i].bytes, length);
    BlRtp rtp = packet_with (copy, length);
    bl_rtp_ext_parse (&rtp, forms[_i].map, &out);
    ck_assert_uint_eq (out.present & ~ALL, 0);
    free (copy);
  }
}
END_TEST

START_TEST (a_buffer_too_small_fails_the_writer)
{
  uint8_t buffer[64];
  BlRtp header = { .payload_type = 96 };
  BlRtpExtOffsets offsets = { .transport_seq = 1234 };
  for (size_t room = 0; room < 12 + forms[_i].length; room++) {
    BlWriter w = bl_writer (buffer, room);
    bl_rtp_ext_write (&w, &header, forms[_i].map, &values, &offsets);
    ck_assert (!bl_writer_ok (&w));
    ck_assert_uint_eq (offsets.transport_seq, 1234);
  }
}
END_TEST

static BlRtpExtValues
random_values (Random *random)
{
  BlRtpExtValues v = {
    .present = random_below (random, ALL + 1),
    .abs_send_time = random_below (random, 1 << 24),
    .transport_seq = (uint16_t)random_next (random),
    .capture_ntp = random_next (random),
    .has_capture_offset = random_below (random, 2),
    .playout_min_ms = (uint16_t)(10 * random_below (random, 4096)),
    .playout_max_ms = (uint16_t)(10 * random_below (random, 4096)),
    .voice = random_below (random, 2),
    .audio_level = (uint8_t)random_below (random, 128),
  };
  if (v.has_capture_offset)
    v.capture_offset_q32 = (int64_t)random_next (random);
  size_t length = 1 + random_below (random, BL_RTP_MID_MAX_BYTES);
  memset (v.mid, 'a' + (int)random_below (random, 26), length);
  return v;
}

START_TEST (what_is_written_is_read_back)
{
  Random random = RANDOM_SEED;
  for (int i = 0; i < 3000; i++) {
    const BlRtpExtMap *map = random_below (&random, 2) ? &small_ids : &big_ids;
    BlRtpExtValues in = random_values (&random), out;
    uint8_t buffer[12 + BL_RTP_EXT_MAX_BYTES + 4];
    BlRtp header = { .payload_type = 111, .seq = (uint16_t)i }, rtp;
    BlWriter w = bl_writer (buffer, sizeof buffer);
    bl_rtp_ext_write (&w, &header, map, &in, NULL);
    bl_writer_bytes (&w, "data", 4);
    ck_assert (bl_writer_ok (&w));
    ck_assert_int_eq (bl_rtp_parse (buffer, bl_writer_length (&w), &rtp),
                      BL_RTP_OK);
    ck_assert_uint_eq (rtp.seq, (uint16_t)i);
    ck_assert_uint_eq (rtp.payload_length, 4);
    ck_assert (bl_rtp_ext_parse (&rtp, map, &out));
    assert_same (&in, &out);
  }
}
END_TEST

START_TEST (each_kind_has_its_URI)
{
  BlRtpExtKind kind;
  for (int i = 0; i < BL_RTP_EXT_N; i++) {
    ck_assert (
        bl_rtp_ext_kind_from_uri (bl_rtp_ext_uri ((BlRtpExtKind)i), &kind));
    ck_assert_int_eq (kind, i);
  }
  ck_assert (!bl_rtp_ext_kind_from_uri ("urn:3gpp:video-orientation", &kind));
}
END_TEST

START_TEST (send_times_are_seconds_in_6_18_fixed_point)
{
  /* 65.5 s: 64 s wrap away; 1.5 s is 0x060000. */
  ck_assert_uint_eq (bl_rtp_abs_send_time (UINT64_C (65) << 32 | 0x80000000),
                     0x060000);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("rtc/rtpext");
  TCase *tcase = tcase_create ("rtpext");
  tcase_add_loop_test (tcase, all_kinds_are_written_to_the_byte_in_either_form,
                       0, N_OF (forms));
  tcase_add_loop_test (tcase, all_kinds_are_read_in_either_form, 0,
                       N_OF (forms));
  tcase_add_test (tcase, what_is_not_negotiated_is_neither_written_nor_read);
  tcase_add_test (tcase, a_packet_with_nothing_to_say_has_no_extension);
  tcase_add_loop_test (tcase, values_are_patched_at_their_offsets, 0,
                       N_OF (forms));
  tcase_add_loop_test (tcase, odd_extensions_cost_only_themselves, 0,
                       N_OF (cases));
  tcase_add_test (tcase, a_packet_without_extension_has_no_values);
  tcase_add_loop_test (tcase, a_cut_extension_is_never_read_past, 0,
                       N_OF (forms));
  tcase_add_loop_test (tcase, a_buffer_too_small_fails_the_writer, 0,
                       N_OF (forms));
  tcase_add_test (tcase, what_is_written_is_read_back);
  tcase_add_test (tcase, each_kind_has_its_URI);
  tcase_add_test (tcase, send_times_are_seconds_in_6_18_fixed_point);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
