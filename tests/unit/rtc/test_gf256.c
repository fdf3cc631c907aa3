/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/gf256.h"

#include <string.h>

#include "run_suite.h"

/* Powers of x, as in the table of RFC 5510's field (and of QR codes). */
static const struct {
  unsigned power;
  uint8_t value;
} powers[] = {
  { 0, 1 },      { 1, 2 },      { 7, 0x80 },   { 8, 0x1d },
  { 9, 0x3a },   { 12, 0xcd },  { 25, 3 },     { 50, 5 },
  { 100, 0x11 }, { 127, 0xcc }, { 254, 0x8e }, { 255, 1 },
};

START_TEST (powers_of_x_are_those_of_the_field)
{
  uint8_t value = 1;
  for (unsigned i = 0; i < powers[_i].power; i++)
    value = bl_gf256_multiply (value, 2);
  ck_assert_uint_eq (value, powers[_i].value);
}
END_TEST

START_TEST (each_but_0_has_one_inverse)
{
  for (unsigned a = 1; a < 256; a++)
    ck_assert_uint_eq (
        bl_gf256_multiply ((uint8_t)a, bl_gf256_inverse ((uint8_t)a)), 1);
}
END_TEST

START_TEST (bytes_in_a_row_are_multiplied_as_each_alone)
{
  uint8_t from[256], to[256], scaled[256];
  for (unsigned factor = 0; factor < 256; factor++) {
    for (unsigned i = 0; i < 256; i++) {
      from[i] = scaled[i] = (uint8_t)i;
      to[i] = (uint8_t)(7 * i);
    }
    bl_gf256_add_multiple (to, from, (uint8_t)factor, 255);
    bl_gf256_scale (scaled, (uint8_t)factor, 255);
    for (unsigned i = 0; i < 255; i++) {
      uint8_t product = bl_gf256_multiply ((uint8_t)factor, (uint8_t)i);
      ck_assert_uint_eq (to[i], (uint8_t)(7 * i) ^ product);
      ck_assert_uint_eq (scaled[i], product);
    }
    ck_assert_uint_eq (to[255], (uint8_t)(7 * 255));
    ck_assert_uint_eq (scaled[255], 255);
  }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("rtc/gf256");
  TCase *tcase = tcase_create ("gf256");
  tcase_add_loop_test (tcase, powers_of_x_are_those_of_the_field, 0,
                       (int)(sizeof powers / sizeof powers[0]));
  tcase_add_test (tcase, each_but_0_has_one_inverse);
  tcase_add_test (tcase, bytes_in_a_row_are_multiplied_as_each_alone);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
