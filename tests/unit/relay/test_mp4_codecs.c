/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/mp4_codecs.h"

#include "suite.h"

static const struct {
  const char *init;
  gsize length;
  const char *codecs;
} rows[] = {
#define BYTES(text) text, sizeof text - 1
  { BYTES ("moov....avcC\x01\x42\xe0\x1f\xff....dOps\0"), "avc1.42e01f,opus" },
  { BYTES ("avcC\x01\x64\x00\x28"), "avc1.640028" },
  { BYTES ("dOps"), "opus" },
  { BYTES ("avcC\x01\x64\x00"), NULL }, /* cut short */
  { BYTES ("moov"), NULL },
  { BYTES (""), NULL },
};

START_TEST (codecs_are_read_from_the_init_segment)
{
  g_autofree char *codecs
      = bl_mp4_codecs ((const guint8 *)rows[_i].init, rows[_i].length);
  ck_assert_pstr_eq (codecs, rows[_i].codecs);
}
END_TEST

START_TEST (a_file_that_is_not_there_has_no_codecs)
{
  ck_assert_ptr_null (bl_mp4_codecs_of_file ("/nowhere/part-0001.mp4", 100));
}
END_TEST

int
main (void)
{
  const SuiteTest tests[] = {
    { codecs_are_read_from_the_init_segment, G_N_ELEMENTS (rows) },
    { a_file_that_is_not_there_has_no_codecs, 0 },
  };
  return run_table ("relay/mp4_codecs", tests, G_N_ELEMENTS (tests), NULL,
                    NULL);
}
