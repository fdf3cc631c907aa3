/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/x264enc.h"

#include <string.h>

#include "../run_suite.h"
#include "rtc/h264.h"

#define WIDTH  320
#define HEIGHT 240
#define LUMA   (WIDTH * HEIGHT)

static const BlX264Options defaults = {
  .width = WIDTH,
  .height = HEIGHT,
  .fps = 30,
  .vbv_ms = 67,
  .keyframe_s = 4,
  .slices = 2,
  .threads = 1,
  .preset = "superfast",
  .bitrate_bps = 500000,
};

typedef struct {
  BlX264 *x264;
  int64_t id;
  bool keyframe; /* the last was one */
  size_t bytes;  /* of the last */
  unsigned pieces, slices;
  bool more; /* pieces of it are to come */
  bool pps, sei;
  BlH264Sps sps;
} Encoder;

static Encoder
open_encoder (const BlX264Options *options)
{
  Encoder e = { .x264 = bl_x264_new (options, NULL) };
  ck_assert_ptr_nonnull (e.x264);
  return e;
}

/* Two scenes that have nothing in common. */
static const uint8_t *
scene (unsigned which)
{
  static uint8_t scenes[2][LUMA * 3 / 2];
  static bool drawn;
  srand (1);
  for (unsigned i = 0; !drawn && i < 2; i++)
    for (unsigned at = 0; at < sizeof scenes[i]; at++)
      scenes[i][at] = at % 8 == 0 || at < 8 || at >= LUMA
                          ? (uint8_t)(rand () % 200 + 20)
                          : scenes[i][at - 1];
  drawn = true;
  return scenes[which];
}

static void
look_at (const BlX264Piece *piece, void *user_data)
{
  Encoder *e = user_data;
  BlH264Iter iter = bl_h264_iter (piece->data, piece->length);
  BlH264Nal nal;
  ck_assert (piece->index == 0 || piece->keyframe == e->keyframe);
  ck_assert_uint_eq (piece->index, e->pieces++);
  e->keyframe = piece->keyframe;
  e->bytes += piece->length;
  e->more = piece->more;
  while (bl_h264_iter_next (&iter, &nal)) {
    unsigned type = bl_h264_nal_type (&nal);
    e->slices += type == BL_H264_SLICE || type == BL_H264_IDR;
    e->pps |= type == BL_H264_PPS;
    e->sei |= type == BL_H264_SEI;
    if (type == BL_H264_SPS)
      ck_assert (bl_h264_sps_parse (nal.data, nal.length, &e->sps));
    ck_assert (type != BL_H264_IDR || piece->keyframe);
  }
  ck_assert_uint_eq (e->slices, e->pieces);
}

static size_t
encode (Encoder *e, unsigned which)
{
  const uint8_t *y = scene (which);
  BlX264Picture picture = { .planes = { y, y + LUMA, y + LUMA + LUMA / 4 },
                            .strides = { WIDTH, WIDTH / 2, WIDTH / 2 },
                            .id = e->id++ };
  e->pieces = e->slices = 0;
  e->bytes = 0;
  e->more = true;
  ck_assert (bl_x264_encode (e->x264, &picture, false, look_at, e));
  ck_assert (!e->more);
  return e->bytes;
}

static void
encode_many (Encoder *e, unsigned n, unsigned which)
{
  while (n-- > 0)
    encode (e, which);
}

START_TEST (it_begins_with_a_keyframe_of_constrained_baseline_without_talk)
{
  Encoder e = open_encoder (&defaults);
  encode (&e, 0);
  ck_assert (e.keyframe && e.pps && !e.sei);
  ck_assert_uint_eq (bl_h264_sps_profile_level_id (&e.sps) & 0xffff00,
                     0x42c000);
  ck_assert_uint_eq (e.sps.width, WIDTH);
  ck_assert_uint_eq (e.sps.height, HEIGHT);
  encode (&e, 0);
  ck_assert (!e.keyframe);
  bl_x264_free (e.x264);
}
END_TEST

/* With one thread they come as they are made, with two at the end. */
START_TEST (a_picture_comes_slice_by_slice_in_order)
{
  static const struct {
    uint16_t slices, threads;
    unsigned pieces;
  } cases[] = { { 1, 1, 1 }, { 2, 1, 2 }, { 4, 1, 4 }, { 4, 2, 2 } };
  BlX264Options options = defaults;
  options.slices = cases[_i].slices;
  options.threads = cases[_i].threads;
  Encoder e = open_encoder (&options);
  for (unsigned i = 0; i < 10; i++) {
    encode (&e, i % 2);
    ck_assert_uint_eq (e.pieces, cases[_i].pieces);
    ck_assert_int_eq (e.keyframe, i == 0);
  }
  bl_x264_free (e.x264);
}
END_TEST

START_TEST (it_makes_a_keyframe_of_its_own_accord_after_a_time)
{
  Encoder e = open_encoder (&defaults);
  encode_many (&e, 120, 0);
  ck_assert (!e.keyframe);
  encode (&e, 0);
  ck_assert (e.keyframe);
  bl_x264_free (e.x264);
}
END_TEST

START_TEST (what_follows_a_loss_refers_to_what_was_before_it)
{
  Encoder e = open_encoder (&defaults);
  encode_many (&e, 20, 0);
  encode_many (&e, 3, 1);
  size_t without = encode (&e, 0);
  bl_x264_free (e.x264);

  e = open_encoder (&defaults);
  encode_many (&e, 20, 0);
  encode_many (&e, 3, 1);
  bl_x264_lose (e.x264, 20);
  size_t with = encode (&e, 0);
  ck_assert (!e.keyframe);
  ck_assert_msg (with * 4 < without, "%zu bytes, %zu without", with, without);
  /* And what follows refers to that one. */
  size_t next = encode (&e, 0);
  ck_assert_msg (next * 4 < without, "%zu bytes, %zu without", next, without);
  bl_x264_free (e.x264);
}
END_TEST

/* Of the pictures from 0 on, which are lost, and whether that takes an IDR. */
static const struct {
  int64_t pictures, first_lost;
  bool keyframe;
} losses[] = {
  { 5, 4, false },                      /* the last */
  { 12, 12 - BL_X264_KEPT + 1, false }, /* all but one of those kept */
  { 12, 12 - BL_X264_KEPT, true },      /* all of them */
  { 5, 0, true },                       /* the keyframe */
  { 16, 15, false },                    /* frame_num 15 */
  { 17, 16, true },                     /* frame_num begins anew */
  { 18, 16, true },                     /* and one more */
  { 18, 17, false },                    /* the one after it */
};

START_TEST (a_loss_takes_a_keyframe_only_where_nothing_is_left)
{
  Encoder e = open_encoder (&defaults);
  encode_many (&e, (unsigned)losses[_i].pictures, 0);
  bl_x264_lose (e.x264, losses[_i].first_lost);
  encode (&e, 0);
  ck_assert_int_eq (e.keyframe, losses[_i].keyframe);
  bl_x264_free (e.x264);
}
END_TEST

START_TEST (a_loss_is_over_with_the_picture_that_follows)
{
  Encoder e = open_encoder (&defaults);
  encode_many (&e, 16, 0);
  bl_x264_lose (e.x264, 15);
  encode_many (&e, 2, 0);
  ck_assert (!e.keyframe);
  bl_x264_free (e.x264);
}
END_TEST

START_TEST (the_bitrate_holds_from_the_next_picture_on)
{
  Encoder e = open_encoder (&defaults);
  size_t high = 0, low = 0;
  for (unsigned i = 0; i < 60; i++)
    high += encode (&e, i % 2);
  bl_x264_set_bitrate (e.x264, 100000);
  for (unsigned i = 0; i < 60; i++)
    low += encode (&e, i % 2);
  ck_assert_msg (low * 2 < high, "%zu bytes before, %zu after", high, low);
  bl_x264_free (e.x264);
}
END_TEST

START_TEST (what_libx264_refuses_is_an_error)
{
  BlX264Options options = defaults;
  options.preset = "no such preset";
  g_autoptr (GError) error = NULL;
  ck_assert_ptr_null (bl_x264_new (&options, &error));
  ck_assert_ptr_nonnull (error);
}
END_TEST

int
main (void)
{
  Suite *s = suite_create ("vehicle/x264enc");
  TCase *tc = tcase_create ("x264enc");
  tcase_set_timeout (tc, 60);
  tcase_add_test (
      tc, it_begins_with_a_keyframe_of_constrained_baseline_without_talk);
  tcase_add_loop_test (tc, a_picture_comes_slice_by_slice_in_order, 0, 4);
  tcase_add_test (tc, it_makes_a_keyframe_of_its_own_accord_after_a_time);
  tcase_add_test (tc, what_follows_a_loss_refers_to_what_was_before_it);
  tcase_add_loop_test (tc, a_loss_takes_a_keyframe_only_where_nothing_is_left,
                       0, G_N_ELEMENTS (losses));
  tcase_add_test (tc, a_loss_is_over_with_the_picture_that_follows);
  tcase_add_test (tc, the_bitrate_holds_from_the_next_picture_on);
  tcase_add_test (tc, what_libx264_refuses_is_an_error);
  suite_add_tcase (s, tc);
  return run_suite (s);
}
