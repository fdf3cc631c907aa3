/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/h264.h"

#include <string.h>

#include "h264_fixture.h"
#include "run_suite.h"

/* What an Annex B stream holds: each NAL unit's length, 0 ends the list. */
static const struct {
  const char *what;
  uint8_t bytes[24];
  size_t length;
  size_t nals[4];
} streams[] = {
  { "nothing", { 0 }, 0, { 0 } },
  { "no start code", { 0x65, 1, 2, 3, 4 }, 5, { 0 } },
  { "a start code alone", { 0, 0, 1 }, 3, { 0 } },
  { "zeros", { 0, 0, 0, 0, 0 }, 5, { 0 } },
  { "a short start code", { 0, 0, 1, 0x65, 7 }, 5, { 2 } },
  { "a long start code", { 0, 0, 0, 1, 0x65, 7 }, 6, { 2 } },
  { "bytes ahead", { 9, 9, 0, 0, 1, 0x65, 7 }, 7, { 2 } },
  { "two, long and short",
    { 0, 0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x68, 3 },
    12,
    { 3, 2 } },
  { "two long", { 0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 3 }, 12, { 2, 2 } },
  { "an empty one between",
    { 0, 0, 1, 0x67, 1, 0, 0, 1, 0, 0, 1, 0x68 },
    12,
    { 2, 1 } },
  { "trailing zeros", { 0, 0, 1, 0x65, 7, 0, 0, 0 }, 8, { 2 } },
  { "an escaped zero run", { 0, 0, 1, 0x65, 0, 0, 3, 1 }, 8, { 5 } },
  { "a cut start code at the end", { 0, 0, 1, 0x65, 7, 0, 0 }, 7, { 2 } },
  { "three of one byte",
    { 0, 0, 1, 0x09, 0, 0, 1, 0x0a, 0, 0, 1, 0x0b },
    12,
    { 1, 1, 1 } },
};

START_TEST (nal_units_are_what_stands_between_start_codes)
{
  BlH264Iter iter = bl_h264_iter (streams[_i].bytes, streams[_i].length);
  BlH264Nal nal;
  size_t n = 0;
  while (bl_h264_iter_next (&iter, &nal)) {
    ck_assert_msg (n < 4 && nal.length == streams[_i].nals[n], "%s: %zu",
                   streams[_i].what, nal.length);
    n++;
  }
  ck_assert_msg (n == 4 || streams[_i].nals[n] == 0, "%s: %zu",
                 streams[_i].what, n);
}
END_TEST

START_TEST (a_real_stream_is_walked_to_its_end)
{
  static const uint8_t types[]
      = { 9, 7, 8, 6, 5, 5, 9, 1, 1, 9, 1, 1, 9, 1, 1, 9, 1, 1, 9, 1, 1,
          9, 7, 8, 5, 5, 9, 1, 1, 9, 1, 1, 9, 1, 1, 9, 1, 1, 9, 1, 1 };
  Fixture fixture;
  fixture_load (&fixture);
  BlH264Iter iter = bl_h264_iter (fixture.bytes, fixture.length);
  BlH264Nal nal;
  for (size_t i = 0; i < sizeof types; i++) {
    ck_assert (bl_h264_iter_next (&iter, &nal));
    ck_assert_uint_eq (bl_h264_nal_type (&nal), types[i]);
    ck_assert (bl_h264_nal_is_vcl (&nal) == (types[i] == 1 || types[i] == 5));
  }
  ck_assert (!bl_h264_iter_next (&iter, &nal));
  ck_assert (!bl_h264_iter_next (&iter, &nal));
}
END_TEST

#define SPS(...) { __VA_ARGS__ }, sizeof ((uint8_t[]){ __VA_ARGS__ })

/* The first seven are x264's (through ffmpeg, which names the values); the
 * others were written bit by bit from H.264's tables. Profile 0: refused. */
static const struct {
  const char *what;
  uint8_t bytes[96];
  size_t length;
  uint32_t profile_level_id;
  unsigned width, height, fps_num, fps_den;
} sps_cases[] = {
  { "constrained baseline 720p30",
    SPS (0x67, 0x42, 0xc0, 0x1f, 0xd9, 0x00, 0x50, 0x05, 0xbb, 0x01, 0x10, 0x00,
         0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0xc0, 0xf1, 0x83, 0x24,
         0x80),
    0x42c01f, 1280, 720, 60, 2 },
  { "high 1080i25",
    SPS (0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x04, 0x4f, 0xde, 0x02,
         0x20, 0x00, 0x00, 0x03, 0x00, 0x20, 0x00, 0x00, 0x06, 0x43, 0xe2, 0xc5,
         0xb2, 0xc0),
    0x640028, 1920, 1080, 50, 2 },
  { "main 1918x1078, 29.97",
    SPS (0x67, 0x4d, 0x40, 0x28, 0xec, 0xa0, 0x3c, 0x01, 0x13, 0xd4, 0xd8, 0x08,
         0x80, 0x00, 0x01, 0xf4, 0x80, 0x00, 0x75, 0x30, 0x07, 0x8c, 0x18,
         0xcb),
    0x4d4028, 1918, 1078, 60000, 2002 },
  { "high 4:4:4 360p30",
    SPS (0x67, 0xf4, 0x00, 0x1e, 0x91, 0x9b, 0x28, 0x14, 0x05, 0xff, 0x13, 0x80,
         0x88, 0x00, 0x00, 0x03, 0x00, 0x08, 0x00, 0x00, 0x03, 0x01, 0xe0, 0x78,
         0xb1, 0x6c, 0xb0),
    0xf4001e, 640, 360, 60, 2 },
  { "high 4:2:2 of ten bits, 642x362p50",
    SPS (0x67, 0x7a, 0x00, 0x1f, 0xb6, 0xcd, 0x94, 0x0a, 0x42, 0xfe, 0x22, 0x7c,
         0x04, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40, 0x00, 0x00, 0x19, 0x03, 0xc6,
         0x0c, 0x65, 0x80),
    0x7a001f, 642, 362, 100, 2 },
  { "high 480p15",
    SPS (0x67, 0x64, 0x00, 0x16, 0xac, 0xd9, 0x40, 0xa0, 0x3d, 0xb0, 0x11, 0x00,
         0x00, 0x03, 0x00, 0x01, 0x00, 0x00, 0x03, 0x00, 0x1e, 0x0f, 0x16, 0x2d,
         0x96),
    0x640016, 640, 480, 30, 2 },
  { "high of one plane",
    SPS (0x67, 0x64, 0x00, 0x16, 0xf3, 0x65, 0x02, 0x80, 0xf6, 0xc0, 0x5b, 0x20,
         0x00, 0x00, 0x03, 0x00, 0x20, 0x00, 0x00, 0x03, 0x03, 0xc1, 0xe2, 0xc5,
         0xb2, 0xc0),
    0x640016, 640, 480, 30, 2 },
  { "scaling lists and picture order of type 1",
    SPS (0x67, 0x64, 0x00, 0x1f, 0xad, 0xa4, 0x92, 0x49, 0x24, 0x92, 0x49, 0x42,
         0x21, 0x31, 0xcc, 0x73, 0x1c, 0xc7, 0x31, 0xcc, 0x73, 0x1c, 0xc7, 0x31,
         0xcc, 0x73, 0x1c, 0xc7, 0x31, 0xcc, 0x73, 0x1c, 0xc7, 0x31, 0xcc, 0x73,
         0x1c, 0xc7, 0x31, 0xcc, 0x73, 0x1c, 0xc7, 0x31, 0xcc, 0x73, 0x1c, 0xc7,
         0x31, 0xcc, 0x73, 0x1c, 0xc7, 0x15, 0x0e, 0x42, 0x20, 0x00, 0x04, 0x45,
         0xc2, 0x29, 0x81, 0x40, 0x7b, 0x20),
    0x64001f, 640, 480, 0, 0 },
  { "no usability information",
    SPS (0x67, 0x42, 0xc0, 0x1e, 0xda, 0x02, 0x80, 0xf6, 0x40), 0x42c01e, 640,
    480, 0, 0 },
  { "cropped on all sides",
    SPS (0x67, 0x42, 0xc0, 0x1e, 0xda, 0x02, 0x80, 0xf7, 0x4c, 0x85, 0x40),
    0x42c01e, 634, 466, 0, 0 },
  { "fields, 720x576",
    SPS (0x67, 0x4d, 0x00, 0x1e, 0xda, 0x02, 0xd0, 0x93, 0x20), 0x4d001e, 720,
    576, 0, 0 },
  { "everything ahead of the timing",
    SPS (0x67, 0x42, 0xc0, 0x1e, 0xda, 0x02, 0x80, 0xf6, 0xff, 0xc0, 0x01, 0x00,
         0x00, 0xed, 0xc0, 0x40, 0x40, 0x69, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40,
         0x00, 0x00, 0x0c, 0xb0),
    0x42c01e, 640, 480, 50, 2 },
  { "usability information cut short",
    SPS (0x67, 0x42, 0xc0, 0x1e, 0xda, 0x02, 0x80, 0xf6, 0xff, 0xc0, 0x01, 0x00,
         0x00, 0xed),
    0x42c01e, 640, 480, 0, 0 },
  { "a tick of no units",
    SPS (0x67, 0x42, 0xc0, 0x1e, 0xda, 0x02, 0x80, 0xf6, 0x84, 0x00, 0x00, 0x03,
         0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0xf3),
    0x42c01e, 640, 480, 0, 0 },
  { "the widest",
    SPS (0x67, 0x42, 0xc0, 0x1e, 0xda, 0x00, 0x0f, 0xff, 0x0f, 0x64), 0x42c01e,
    65520, 480, 0, 0 },
  { "too wide",
    SPS (0x67, 0x42, 0xc0, 0x1e, 0xda, 0x00, 0x04, 0x00, 0x03, 0xd9), 0, 0, 0,
    0, 0 },
  { "cropped to nothing",
    SPS (0x67, 0x42, 0xc0, 0x1e, 0xda, 0x02, 0x80, 0xf7, 0x01, 0x42, 0x02, 0x87,
         0x40),
    0, 0, 0, 0, 0 },
  { "id 32", SPS (0x67, 0x42, 0xc0, 0x1e, 0x04, 0x36, 0x80, 0xa0, 0x3d, 0x90),
    0, 0, 0, 0, 0 },
  { "picture order of type 3",
    SPS (0x67, 0x42, 0xc0, 0x1e, 0xc8, 0x80, 0xa0, 0x3d, 0x90), 0, 0, 0, 0, 0 },
  { "exp-Golomb without end",
    SPS (0x67, 0x42, 0xc0, 0x1e, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x00,
         0x03, 0x00, 0x01, 0x80),
    0, 0, 0, 0, 0 },
  { "a PPS", SPS (0x68, 0xce, 0x3c, 0x80), 0, 0, 0, 0, 0 },
  { "the forbidden bit",
    SPS (0xe7, 0x42, 0xc0, 0x1e, 0xda, 0x02, 0x80, 0xf6, 0x40), 0, 0, 0, 0, 0 },
  { "a header alone", SPS (0x67), 0, 0, 0, 0, 0 },
};

START_TEST (an_sps_gives_profile_size_and_rate_or_is_refused)
{
  BlH264Sps sps = { .width = 1 };
  bool ok = bl_h264_sps_parse (sps_cases[_i].bytes, sps_cases[_i].length, &sps);
  ck_assert_msg (ok == (sps_cases[_i].profile_level_id != 0), "%s",
                 sps_cases[_i].what);
  if (!ok) {
    ck_assert_uint_eq (sps.width, 1);
    return;
  }
  ck_assert_msg (sps.width == sps_cases[_i].width
                     && sps.height == sps_cases[_i].height,
                 "%s: %ux%u", sps_cases[_i].what, sps.width, sps.height);
  ck_assert_uint_eq (bl_h264_sps_profile_level_id (&sps),
                     sps_cases[_i].profile_level_id);
  ck_assert_msg (sps.fps_num == sps_cases[_i].fps_num
                     && sps.fps_den == sps_cases[_i].fps_den,
                 "%s: %u/%u", sps_cases[_i].what, sps.fps_num, sps.fps_den);
}
END_TEST

START_TEST (an_sps_cut_ahead_of_its_size_is_refused)
{
  /* 640x480 without usability information: only the last bits may go. */
  const uint8_t sps[]
      = { 0x67, 0x42, 0xc0, 0x1e, 0xda, 0x02, 0x80, 0xf6, 0x40 };
  BlH264Sps out;
  for (size_t length = 0; length < sizeof sps - 1; length++)
    ck_assert (!bl_h264_sps_parse (sps, length, &out));
}
END_TEST

#define DISPOSABLE BL_H264_DISPOSABLE
#define IDR_START                                                              \
  (BL_H264_HAS_IDR | BL_H264_SLICE_START | BL_H264_PICTURE_START)
#define SLICE_AND_PICTURE (BL_H264_SLICE_START | BL_H264_PICTURE_START)

static const struct {
  const char *what;
  uint8_t bytes[16];
  size_t length;
  unsigned flags;
} payloads[] = {
  { "nothing", { 0 }, 0, BL_H264_MALFORMED },
  { "a slice", { 0x41, 0x9a }, 2, SLICE_AND_PICTURE },
  { "a second slice", { 0x41, 0x0a }, 2, BL_H264_SLICE_START },
  { "a disposable slice", { 0x01, 0x9a }, 2, SLICE_AND_PICTURE | DISPOSABLE },
  { "an IDR slice", { 0x65, 0x88 }, 2, IDR_START },
  { "a second IDR slice",
    { 0x65, 0x08 },
    2,
    BL_H264_HAS_IDR | BL_H264_SLICE_START },
  { "a slice of one byte", { 0x65 }, 1, BL_H264_HAS_IDR | BL_H264_SLICE_START },
  { "SPS", { 0x67, 1 }, 2, BL_H264_HAS_SPS | BL_H264_PICTURE_START },
  { "PPS", { 0x68, 1 }, 2, BL_H264_HAS_PPS | BL_H264_PICTURE_START },
  { "SEI", { 0x06, 1 }, 2, BL_H264_PICTURE_START },
  { "AUD", { 0x09, 0xf0 }, 2, BL_H264_PICTURE_START },
  { "filler", { 0x0c, 0xff }, 2, 0 },
  { "SEI and a slice that is referred to",
    { 0x78, 0, 1, 0x06, 0, 2, 0x41, 0x9a },
    8,
    SLICE_AND_PICTURE },
  { "SPS and PPS together",
    { 0x78, 0, 2, 0x67, 1, 0, 1, 0x68 },
    8,
    BL_H264_HAS_SPS | BL_H264_HAS_PPS | BL_H264_PICTURE_START },
  { "SPS, PPS and IDR together",
    { 0x78, 0, 1, 0x67, 0, 1, 0x68, 0, 2, 0x65, 0x88 },
    11,
    BL_H264_HAS_SPS | BL_H264_HAS_PPS | IDR_START },
  { "disposables together",
    { 0x18, 0, 1, 0x06, 0, 2, 0x01, 0x9a },
    8,
    SLICE_AND_PICTURE | DISPOSABLE },
  { "a first fragment of an IDR", { 0x7c, 0x85, 0x88 }, 3, IDR_START },
  { "a middle one", { 0x7c, 0x05, 0x88 }, 3, BL_H264_HAS_IDR },
  { "the last one", { 0x7c, 0x45, 0x88 }, 3, BL_H264_HAS_IDR },
  { "a first fragment of a second slice",
    { 0x5c, 0x81, 0x08 },
    3,
    BL_H264_SLICE_START },
  { "a middle one of a slice", { 0x5c, 0x01, 0x88 }, 3, 0 },
  { "a disposable fragment", { 0x1c, 0x41, 0x88 }, 3, DISPOSABLE },
  { "the forbidden bit", { 0xe5, 0x88 }, 2, BL_H264_MALFORMED },
  { "type 0", { 0x60, 0x88 }, 2, BL_H264_MALFORMED },
  { "STAP-B", { 0x79, 0, 0, 0, 1, 0x67 }, 6, BL_H264_MALFORMED },
  { "FU-B", { 0x7d, 0x85, 0, 0, 1 }, 5, BL_H264_MALFORMED },
  { "type 31", { 0x7f, 1 }, 2, BL_H264_MALFORMED },
  { "an empty aggregate", { 0x78 }, 1, BL_H264_MALFORMED },
  { "half a size", { 0x78, 0 }, 2, BL_H264_MALFORMED },
  { "a size of none", { 0x78, 0, 0, 0, 1, 0x67 }, 6, BL_H264_MALFORMED },
  { "a size too large", { 0x78, 0, 3, 0x67, 1 }, 5, BL_H264_MALFORMED },
  { "bytes left over", { 0x78, 0, 1, 0x67, 9 }, 5, BL_H264_MALFORMED },
  { "an aggregate in an aggregate",
    { 0x78, 0, 4, 0x78, 0, 1, 0x67 },
    7,
    BL_H264_MALFORMED },
  { "a fragment of nothing", { 0x7c, 0x85 }, 2, BL_H264_MALFORMED },
  { "first and last at once", { 0x7c, 0xc5, 0x88 }, 3, BL_H264_MALFORMED },
  { "a fragment of a fragment", { 0x7c, 0x9c, 0x88 }, 3, BL_H264_MALFORMED },
};

START_TEST (a_payload_is_known_without_reassembly)
{
  unsigned flags
      = bl_h264_payload_flags (payloads[_i].bytes, payloads[_i].length);
  ck_assert_msg (flags == payloads[_i].flags, "%s: 0x%02x", payloads[_i].what,
                 flags);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("rtc/h264");
  TCase *tcase = tcase_create ("h264");
  tcase_add_loop_test (tcase, nal_units_are_what_stands_between_start_codes, 0,
                       sizeof streams / sizeof *streams);
  tcase_add_test (tcase, a_real_stream_is_walked_to_its_end);
  tcase_add_loop_test (tcase, an_sps_gives_profile_size_and_rate_or_is_refused,
                       0, sizeof sps_cases / sizeof *sps_cases);
  tcase_add_test (tcase, an_sps_cut_ahead_of_its_size_is_refused);
  tcase_add_loop_test (tcase, a_payload_is_known_without_reassembly, 0,
                       sizeof payloads / sizeof *payloads);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
