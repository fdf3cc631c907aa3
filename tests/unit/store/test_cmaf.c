/* SPDX-License-Identifier: Apache-2.0 */
#include "store/cmaf.h"

#include <string.h>

#include "../run_suite.h"
#include "base/reader.h"

/* SPS and PPS of a 64x48 baseline stream, as x264 writes them. */
static const guint8 sps[] = { 0x67, 0x42, 0xc0, 0x0a, 0xda, 0x10, 0x8c,
                              0x9b, 0x81, 0x10, 0x08, 0x00, 0x00, 0x03 };
static const guint8 pps[] = { 0x68, 0xce, 0x3c, 0x80 };

static const BlCmafTracks both = { .sps = sps,
                                   .sps_length = sizeof sps,
                                   .pps = pps,
                                   .pps_length = sizeof pps,
                                   .width = 64,
                                   .height = 48,
                                   .audio = TRUE,
                                   .channels = 2 };

/* Two pictures of one NAL unit each, and three packets. */
static const guint8 pictures[]
    = { 0, 0, 0, 3, 0x65, 1, 2, 0, 0, 0, 2, 0x61, 3 };
static const BlCmafSample picture_list[]
    = { { 3000, 7, TRUE }, { 3003, 6, FALSE } };
static const guint8 packets[] = { 0xfc, 1, 0xfc, 2, 0xfc, 3 };
static const BlCmafSample packet_list[]
    = { { 960, 2, TRUE }, { 960, 2, TRUE }, { 965, 2, TRUE } };
static const BlCmafRun video_run
    = { 90000, picture_list, 2, pictures, sizeof pictures };
static const BlCmafRun audio_run
    = { 48100, packet_list, 3, packets, sizeof packets };

/* The content of the box at this path ("moov/trak/mdia"), the first of each
 * name; asserts that every box on the way fits into the one around it. */
static BlReader
box_at (const guint8 *bytes, gsize length, const char *path)
{
  g_auto (GStrv) names = g_strsplit (path, "/", -1);
  BlReader inside = bl_reader (bytes, length);
  for (guint i = 0; names[i]; i++) {
    for (;;) {
      guint32 size = bl_reader_be32 (&inside);
      const guint8 *type = bl_reader_bytes (&inside, 4);
      ck_assert_msg (type && size >= 8, "no %s in %s", names[i], path);
      BlReader content = bl_reader_sub (&inside, size - 8);
      ck_assert_msg (bl_reader_ok (&content), "%s is cut off", names[i]);
      if (memcmp (type, names[i], 4) == 0) {
        inside = content;
        break;
      }
    }
    if (g_str_equal (names[i], "stsd"))
      bl_reader_skip (&inside, 8);
    if (g_str_equal (names[i], "avc1"))
      bl_reader_skip (&inside, 78);
    if (g_str_equal (names[i], "Opus"))
      bl_reader_skip (&inside, 28);
  }
  return inside;
}

static GByteArray *
make_init (const BlCmafTracks *tracks)
{
  GByteArray *out = g_byte_array_new ();
  bl_cmaf_append_init (out, tracks);
  return out;
}

static GByteArray *
make_fragment (guint32 sequence)
{
  GByteArray *out = g_byte_array_new ();
  bl_cmaf_append_fragment (out, sequence, &video_run, &audio_run);
  return out;
}

static gsize
moof_length (const GByteArray *fragment)
{
  guint32 type, length;
  ck_assert (bl_cmaf_read_header (fragment->data, &type, &length));
  ck_assert_uint_eq (type, BL_CMAF_BOX ('m', 'o', 'o', 'f'));
  return length;
}

START_TEST (the_init_segment_describes_h264_by_its_own_parameters)
{
  g_autoptr (GByteArray) init = make_init (&both);
  BlReader r = box_at (init->data, init->len,
                       "moov/trak/mdia/minf/stbl/stsd/avc1/avcC");
  static const guint8 head[] = { 1, 0x42, 0xc0, 0x0a, 0xff, 0xe1, 0, 14 };
  ck_assert_mem_eq (bl_reader_bytes (&r, 8), head, 8);
  ck_assert_mem_eq (bl_reader_bytes (&r, sizeof sps), sps, sizeof sps);
  ck_assert_uint_eq (bl_reader_u8 (&r), 1);
  ck_assert_uint_eq (bl_reader_be16 (&r), sizeof pps);
  ck_assert_mem_eq (bl_reader_bytes (&r, sizeof pps), pps, sizeof pps);
  ck_assert_uint_eq (bl_reader_left (&r), 0);
  r = box_at (init->data, init->len, "moov/trak/tkhd");
  bl_reader_skip (&r, 88);
  ck_assert_uint_eq (bl_reader_be32 (&r), 64 << 16);
  ck_assert_uint_eq (bl_reader_be32 (&r), 48 << 16);
}
END_TEST

START_TEST (the_high_profile_gets_its_extension)
{
  guint8 high[sizeof sps];
  memcpy (high, sps, sizeof sps);
  high[1] = 100;
  BlCmafTracks tracks = both;
  tracks.sps = high;
  g_autoptr (GByteArray) init = make_init (&tracks);
  BlReader r = box_at (init->data, init->len,
                       "moov/trak/mdia/minf/stbl/stsd/avc1/avcC");
  bl_reader_skip (&r, 8 + sizeof sps + 3 + sizeof pps);
  static const guint8 extension[] = { 0xfd, 0xf8, 0xf8, 0x00 };
  ck_assert_uint_eq (bl_reader_left (&r), 4);
  ck_assert_mem_eq (bl_reader_bytes (&r, 4), extension, 4);
}
END_TEST

START_TEST (the_init_segment_describes_opus)
{
  BlCmafTracks tracks = { .audio = TRUE, .channels = 2 };
  g_autoptr (GByteArray) init = make_init (&tracks);
  BlReader r = box_at (init->data, init->len,
                       "moov/trak/mdia/minf/stbl/stsd/Opus/dOps");
  static const guint8 dops[] = { 0, 2, 0, 0, 0, 0, 0xbb, 0x80, 0, 0, 0 };
  ck_assert_uint_eq (bl_reader_left (&r), sizeof dops);
  ck_assert_mem_eq (bl_reader_bytes (&r, sizeof dops), dops, sizeof dops);
  r = box_at (init->data, init->len, "moov/trak/mdia/hdlr");
  bl_reader_skip (&r, 8);
  ck_assert_mem_eq (bl_reader_bytes (&r, 4), "soun", 4);
}
END_TEST

START_TEST (a_fragment_tells_time_duration_and_place_of_each_sample)
{
  g_autoptr (GByteArray) f = make_fragment (7);
  BlReader r = box_at (f->data, f->len, "moof/mfhd");
  bl_reader_skip (&r, 4);
  ck_assert_uint_eq (bl_reader_be32 (&r), 7);
  r = box_at (f->data, f->len, "moof/traf/tfdt");
  bl_reader_skip (&r, 4);
  ck_assert_uint_eq (bl_reader_be64 (&r), 90000);
  r = box_at (f->data, f->len, "moof/traf/trun");
  ck_assert_uint_eq (bl_reader_be32 (&r), 0x701);
  ck_assert_uint_eq (bl_reader_be32 (&r), 2);
  guint32 offset = bl_reader_be32 (&r);
  ck_assert_mem_eq (f->data + offset, pictures, sizeof pictures);
  ck_assert_mem_eq (f->data + offset + sizeof pictures, packets,
                    sizeof packets);
  ck_assert_uint_eq (f->len, offset + sizeof pictures + sizeof packets);
  static const guint32 want[] = { 3000, 7, 0x02000000, 3003, 6, 0x01010000 };
  for (guint i = 0; i < G_N_ELEMENTS (want); i++)
    ck_assert_uint_eq (bl_reader_be32 (&r), want[i]);
}
END_TEST

START_TEST (what_was_written_reads_back)
{
  g_autoptr (GByteArray) f = make_fragment (7);
  gsize moof = moof_length (f);
  BlCmafFragment got;
  ck_assert (bl_cmaf_read_moof (f->data, moof, &got));
  ck_assert_uint_eq (got.sequence, 7);
  ck_assert_uint_eq (got.n_video, 2);
  ck_assert_uint_eq (got.n_audio, 3);
  ck_assert_uint_eq (got.video_time, 90000);
  ck_assert_uint_eq (got.video_duration, 6003);
  ck_assert_uint_eq (got.audio_time, 48100);
  ck_assert_uint_eq (got.audio_duration, 2885);
  ck_assert_uint_eq (got.data_length, sizeof pictures + sizeof packets);
  ck_assert (got.keyframe);
  ck_assert_int_eq (got.start_us, 1000000);
  ck_assert_int_eq (got.end_us, 1066700);
  ck_assert (bl_cmaf_check_mdat (f->data, moof, f->data + moof, f->len - moof));
}
END_TEST

START_TEST (a_fragment_of_one_track_has_one_traf)
{
  g_autoptr (GByteArray) f = g_byte_array_new ();
  const BlCmafRun empty = { 0 };
  bl_cmaf_append_fragment (f, 1, _i ? &empty : &video_run,
                           _i ? &audio_run : NULL);
  BlCmafFragment got;
  ck_assert (bl_cmaf_read_moof (f->data, moof_length (f), &got));
  ck_assert_uint_eq (got.n_video, _i ? 0 : 2);
  ck_assert_uint_eq (got.n_audio, _i ? 3 : 0);
  ck_assert (got.keyframe);
}
END_TEST

START_TEST (a_moof_that_is_cut_or_stretched_anywhere_is_refused)
{
  g_autoptr (GByteArray) f = make_fragment (1);
  gsize moof = moof_length (f);
  BlCmafFragment got;
  for (gsize length = 0; length < moof; length++)
    ck_assert (!bl_cmaf_read_moof (f->data, length, &got));
  ck_assert (!bl_cmaf_read_moof (f->data, moof + 1, &got));
}
END_TEST

START_TEST (a_damaged_moof_is_never_read_past_its_end)
{
  g_autoptr (GByteArray) f = make_fragment (1);
  gsize moof = moof_length (f);
  BlCmafFragment got;
  for (gsize at = 0; at < moof; at++) {
    for (guint bit = 0; bit < 8; bit++) {
      g_autofree guint8 *copy = g_memdup2 (f->data, moof); /* for ASan */
      copy[at] ^= (guint8)(1 << bit);
      if (bl_cmaf_read_moof (copy, moof, &got)) {
        (void)bl_cmaf_check_mdat (copy, moof, f->data + moof, f->len - moof);
        ck_assert (bl_cmaf_shift_moof (copy, moof, 2, 5));
      }
    }
  }
}
END_TEST

START_TEST (an_mdat_of_zeros_is_refused)
{
  g_autoptr (GByteArray) f = make_fragment (1);
  gsize moof = moof_length (f);
  memset (f->data + moof + 8, 0, f->len - moof - 8);
  ck_assert (
      !bl_cmaf_check_mdat (f->data, moof, f->data + moof, f->len - moof));
}
END_TEST

START_TEST (shifting_moves_both_tracks_by_the_same_time)
{
  g_autoptr (GByteArray) f = make_fragment (1);
  gsize moof = moof_length (f);
  const gint64 ten_hours_us = G_GINT64_CONSTANT (36000500000);
  ck_assert (bl_cmaf_shift_moof (f->data, moof, 99, ten_hours_us));
  BlCmafFragment got;
  ck_assert (bl_cmaf_read_moof (f->data, moof, &got));
  ck_assert_uint_eq (got.sequence, 99);
  ck_assert_uint_eq (got.video_time, 90000 + UINT64_C (3240045000));
  ck_assert_uint_eq (got.audio_time, 48100 + UINT64_C (1728024000));
  ck_assert_int_eq (got.start_us, 1000000 + ten_hours_us);
}
END_TEST

START_TEST (the_duration_is_patched_in_place)
{
  g_autoptr (GByteArray) init = make_init (&both);
  BlCmafPatch patches[BL_CMAF_PATCHES_MAX];
  guint n = bl_cmaf_duration_patches (init->data, init->len, 12345000, patches);
  ck_assert_uint_eq (n, 1);
  memcpy (init->data + patches[0].offset, patches[0].bytes, 8);
  BlReader r = box_at (init->data, init->len, "moov/mvex/mehd");
  bl_reader_skip (&r, 4);
  ck_assert_uint_eq (bl_reader_be64 (&r), 12345);
  r = box_at (init->data, init->len, "moov/mvhd");
  bl_reader_skip (&r, 20);
  ck_assert_uint_eq (bl_reader_be32 (&r), 1000);
  for (guint cut = 0; cut < init->len; cut++)
    (void)bl_cmaf_duration_patches (init->data, cut, 1, patches);
}
END_TEST

START_TEST (init_segments_are_equal_whatever_their_duration)
{
  g_autoptr (GByteArray) a = make_init (&both);
  g_autoptr (GByteArray) b = make_init (&both);
  BlCmafTracks narrow = both;
  narrow.width = 32;
  g_autoptr (GByteArray) c = make_init (&narrow);
  BlCmafPatch patches[BL_CMAF_PATCHES_MAX];
  bl_cmaf_duration_patches (b->data, b->len, 99000000, patches);
  memcpy (b->data + patches[0].offset, patches[0].bytes, 8);
  ck_assert_mem_ne (a->data, b->data, a->len);
  ck_assert (bl_cmaf_init_equal (a->data, a->len, b->data, b->len));
  ck_assert (!bl_cmaf_init_equal (a->data, a->len, c->data, c->len));
  ck_assert (!bl_cmaf_init_equal (a->data, a->len, a->data, a->len - 1));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("store/cmaf");
  TCase *tc = tcase_create ("cmaf");
  tcase_add_test (tc, the_init_segment_describes_h264_by_its_own_parameters);
  tcase_add_test (tc, the_high_profile_gets_its_extension);
  tcase_add_test (tc, the_init_segment_describes_opus);
  tcase_add_test (tc, a_fragment_tells_time_duration_and_place_of_each_sample);
  tcase_add_test (tc, what_was_written_reads_back);
  tcase_add_loop_test (tc, a_fragment_of_one_track_has_one_traf, 0, 2);
  tcase_add_test (tc, a_moof_that_is_cut_or_stretched_anywhere_is_refused);
  tcase_add_test (tc, a_damaged_moof_is_never_read_past_its_end);
  tcase_add_test (tc, an_mdat_of_zeros_is_refused);
  tcase_add_test (tc, shifting_moves_both_tracks_by_the_same_time);
  tcase_add_test (tc, the_duration_is_patched_in_place);
  tcase_add_test (tc, init_segments_are_equal_whatever_their_duration);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
