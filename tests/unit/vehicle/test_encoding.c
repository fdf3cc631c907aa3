/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/encoding.h"

#include "../run_suite.h"

#define FPS 30

/* An encoder that makes `percent` of what it is told. */
static void
encode (BlEncoding *e, unsigned pictures, unsigned percent)
{
  for (unsigned i = 0; i < pictures; i++) {
    uint32_t told = bl_encoding_settings (e).bitrate_bps;
    bl_encoding_on_picture (
        e, (uint32_t)((uint64_t)told * percent / 100 / 8 / FPS), false);
  }
}

static const struct {
  unsigned makes, told; /* percent of what it is told, and so of the rate */
} encoders[] = {
  { 100, 100 }, { 90, 107 },
  { 75, 127 },  { 50, BL_ENCODING_MOST_PERCENT },
  { 110, 95 },  { 150, BL_ENCODING_LEAST_PERCENT },
};

START_TEST (an_encoder_is_told_so_much_that_what_comes_out_fits)
{
  BlEncoding e;
  bl_encoding_init (&e, 1280, 720, FPS, 2000000);
  encode (&e, 60 * BL_ENCODING_PICTURES, encoders[_i].makes);
  unsigned told = bl_encoding_settings (&e).bitrate_bps / 20000;
  ck_assert_msg (told + 6 >= encoders[_i].told && told <= encoders[_i].told + 6,
                 "%u %%", told);
}
END_TEST

START_TEST (keyframes_and_an_encoder_that_settles_do_not_count)
{
  BlEncoding e;
  bl_encoding_init (&e, 1280, 720, FPS, 3000000);
  for (unsigned i = 0; i < 100; i++)
    ck_assert (!bl_encoding_on_picture (&e, 100000, true));
  bl_encoding_set_rate (&e, 2000000, 0);
  encode (&e, BL_ENCODING_SETTLES, 200);
  encode (&e, BL_ENCODING_PICTURES, 100);
  ck_assert_uint_eq (bl_encoding_settings (&e).bitrate_bps, 2000000);
}
END_TEST

START_TEST (an_encoder_is_measured_while_its_rate_is_never_the_same)
{
  BlEncoding e;
  bl_encoding_init (&e, 1280, 720, FPS, 2000000);
  for (unsigned i = 0; i < 60 * BL_ENCODING_PICTURES; i++) {
    bl_encoding_set_rate (&e, 2000000 + i % 7 * 20000, 0);
    encode (&e, 1, 80);
  }
  bl_encoding_set_rate (&e, 2000000, 0);
  ck_assert_uint_ge (bl_encoding_settings (&e).bitrate_bps, 2300000);
}
END_TEST

static const struct {
  uint16_t width, height, fps;
  uint64_t rate_bps;
  uint16_t to_width, to_height, every;
} sizes[] = {
  { 1280, 720, 30, 2500000, 1280, 720, 1 },
  { 1280, 720, 30, 1000000, 960, 540, 1 },
  { 1280, 720, 30, 450000, 640, 360, 1 },
  { 1280, 720, 30, 100000, 640, 360, 1 },
  { 1280, 720, 30, 90000, 640, 360, 2 },
  { 1920, 1080, 60, 4000000, 1920, 1080, 2 },
  { 1024, 768, 30, 450000, 480, 360, 1 },
  { 320, 240, 30, 90000, 320, 240, 2 },
  { 352, 288, 15, 100000, 352, 288, 1 },
};

START_TEST (the_picture_is_as_large_as_the_rate_is_good_for)
{
  BlEncoding e;
  bl_encoding_init (&e, sizes[_i].width, sizes[_i].height, sizes[_i].fps,
                    sizes[_i].rate_bps);
  BlEncoderSettings settings = bl_encoding_settings (&e);
  ck_assert_uint_eq (settings.width, sizes[_i].to_width);
  ck_assert_uint_eq (settings.height, sizes[_i].to_height);
  ck_assert_uint_eq (settings.every, sizes[_i].every);
}
END_TEST

START_TEST (it_tells_when_fewer_pictures_become_all_of_them_again)
{
  BlEncoding e;
  bl_encoding_init (&e, 640, 360, FPS, 90000);
  ck_assert_uint_eq (bl_encoding_settings (&e).every, 2);
  ck_assert (!bl_encoding_set_rate (&e, 600000, 0));
  BlTime now = 0;
  while (!bl_encoding_set_rate (&e, 600000, now)) {
    ck_assert_int_lt (now, 10 * BL_SECOND);
    now += 33 * BL_MS;
  }
  ck_assert_uint_eq (bl_encoding_settings (&e).every, 1);
  ck_assert_uint_eq (bl_encoding_settings (&e).width, 640);
}
END_TEST

START_TEST (no_rate_is_so_small_that_an_encoder_would_refuse_it)
{
  BlEncoding e;
  bl_encoding_init (&e, 1280, 720, FPS, 2000000);
  bl_encoding_set_rate (&e, 0, 0);
  ck_assert_uint_gt (bl_encoding_settings (&e).bitrate_bps, 0);
}
END_TEST

START_TEST (an_encoder_that_is_given_every_second_picture_is_told_twice_as_much)
{
  BlEncoding e;
  bl_encoding_init (&e, 1280, 720, FPS, 99000);
  BlEncoderSettings settings = bl_encoding_settings (&e);
  ck_assert_uint_eq (settings.every, 2);
  ck_assert_uint_eq (settings.bitrate_bps, 200000);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vehicle/encoding");
  TCase *tc = tcase_create ("encoding");
  tcase_add_loop_test (tc, an_encoder_is_told_so_much_that_what_comes_out_fits,
                       0, (int)(sizeof encoders / sizeof *encoders));
  tcase_add_test (tc, keyframes_and_an_encoder_that_settles_do_not_count);
  tcase_add_test (tc, an_encoder_is_measured_while_its_rate_is_never_the_same);
  tcase_add_loop_test (tc, the_picture_is_as_large_as_the_rate_is_good_for, 0,
                       (int)(sizeof sizes / sizeof *sizes));
  tcase_add_test (tc, it_tells_when_fewer_pictures_become_all_of_them_again);
  tcase_add_test (tc, no_rate_is_so_small_that_an_encoder_would_refuse_it);
  tcase_add_test (
      tc, an_encoder_that_is_given_every_second_picture_is_told_twice_as_much);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
