/* SPDX-License-Identifier: Apache-2.0 */
#include "signal/h264profile.h"

#include "run_suite.h"

static const struct {
  uint32_t id;
  BlH264Profile profile;
} ids[] = {
  { 0x42e01f, BL_H264_CONSTRAINED_BASELINE },
  { 0x42c01f, BL_H264_CONSTRAINED_BASELINE }, /* x264 */
  { 0x42c015, BL_H264_CONSTRAINED_BASELINE },
  { 0x42f00b, BL_H264_CONSTRAINED_BASELINE },
  { 0x4d8028, BL_H264_CONSTRAINED_BASELINE },
  { 0x58c01f, BL_H264_CONSTRAINED_BASELINE },
  { 0x42001f, BL_H264_BASELINE },
  { 0x42800a, BL_H264_BASELINE },
  { 0x58801f, BL_H264_BASELINE },
  { 0x4d001f, BL_H264_MAIN },
  { 0x4d4028, BL_H264_MAIN },
  { 0x64001f, BL_H264_HIGH },
  { 0x640c1f, BL_H264_CONSTRAINED_HIGH },
  { 0xf4001f, BL_H264_HIGH_444 },
  { 0x58001f, BL_H264_OTHER }, /* extended */
  { 0x6e001f, BL_H264_OTHER }, /* high 10 */
  { 0x000000, BL_H264_OTHER },
  { 0xffffff, BL_H264_OTHER },
};

START_TEST (a_profile_is_known_by_its_two_bytes)
{
  ck_assert_msg (bl_h264_profile (ids[_i].id) == ids[_i].profile, "%06x",
                 ids[_i].id);
}
END_TEST

START_TEST (a_decoder_of_the_same_profile_fits_best)
{
  for (int p = BL_H264_CONSTRAINED_BASELINE; p <= BL_H264_HIGH_444; p++)
    ck_assert_int_eq (bl_h264_profile_rank ((BlH264Profile)p, (BlH264Profile)p),
                      0);
}
END_TEST

START_TEST (a_decoder_of_less_than_the_source_does_not_fit)
{
  ck_assert_int_lt (bl_h264_profile_rank (BL_H264_HIGH, BL_H264_BASELINE), 0);
  ck_assert_int_lt (bl_h264_profile_rank (BL_H264_MAIN, BL_H264_BASELINE), 0);
  ck_assert_int_lt (bl_h264_profile_rank (BL_H264_HIGH_444, BL_H264_HIGH), 0);
  for (int p = BL_H264_OTHER; p <= BL_H264_HIGH_444; p++)
    ck_assert_int_lt (bl_h264_profile_rank ((BlH264Profile)p, BL_H264_OTHER),
                      0);
}
END_TEST

static const struct {
  uint32_t offered, source;
  bool asymmetry;
  uint32_t answer;
} answers[] = {
  { 0x42e01f, 0x42e01f, true, 0x42e01f },
  { 0x42e01f, 0x42c01f, true, 0x42c01f },  /* the SPS's spelling */
  { 0x42e01f, 0x42c028, true, 0x42c028 },  /* a higher level is allowed */
  { 0x42e01f, 0x42c028, false, 0x42c01f }, /* or it is not */
  { 0x42e01f, 0x42c015, false, 0x42c015 }, /* lower always is */
  { 0x42001f, 0x42c01f, true, 0x42001f },  /* another profile is kept */
  { 0xf4001f, 0x640028, true, 0xf40028 },
  { 0x58001f, 0x58001f, true, 0x58001f },
};

START_TEST (an_answer_has_the_offered_profile_and_the_sources_level)
{
  uint32_t id = bl_h264_answer_id (answers[_i].offered, answers[_i].source,
                                   answers[_i].asymmetry);
  ck_assert_msg (id == answers[_i].answer, "%06x for %06x gave %06x",
                 answers[_i].offered, answers[_i].source, id);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("signal/h264profile");
  TCase *tcase = tcase_create ("h264profile");
  suite_add_tcase (suite, tcase);
  tcase_add_loop_test (tcase, a_profile_is_known_by_its_two_bytes, 0,
                       sizeof ids / sizeof *ids);
  tcase_add_test (tcase, a_decoder_of_the_same_profile_fits_best);
  tcase_add_test (tcase, a_decoder_of_less_than_the_source_does_not_fit);
  tcase_add_loop_test (tcase,
                       an_answer_has_the_offered_profile_and_the_sources_level,
                       0, sizeof answers / sizeof *answers);
  return run_suite (suite);
}
