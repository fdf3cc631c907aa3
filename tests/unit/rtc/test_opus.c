/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/opus.h"

#include "run_suite.h"

/* RFC 6716 section 3.1. */
static const struct {
  const char *what;
  uint8_t bytes[2];
  size_t length;
  uint32_t ticks;
} packets[] = {
  { "nothing", { 0 }, 0, 0 },
  { "SILK, 10 ms", { 0 << 3 }, 1, 480 },
  { "SILK wideband, 20 ms", { 9 << 3 }, 1, 960 },
  { "SILK, 60 ms", { 3 << 3 }, 1, 2880 },
  { "hybrid, 10 ms", { 14 << 3 }, 1, 480 },
  { "hybrid, 20 ms", { 15 << 3 }, 1, 960 },
  { "CELT, 2.5 ms", { 16 << 3 }, 1, 120 },
  { "CELT fullband, 20 ms, stereo", { 31 << 3 | 4 }, 1, 960 },
  { "two frames of 20 ms", { 31 << 3 | 1 }, 1, 1920 },
  { "two of different sizes", { 31 << 3 | 2 }, 1, 1920 },
  { "three, counted", { 31 << 3 | 3, 0x83 }, 2, 2880 },
  { "as long as may be", { 3 << 3 | 3, 2 }, 2, 5760 },
  { "longer than may be", { 3 << 3 | 3, 3 }, 2, 0 },
  { "counted as none", { 31 << 3 | 3, 0 }, 2, 0 },
  { "without its count", { 31 << 3 | 3 }, 1, 0 },
};

START_TEST (a_packet_says_how_long_it_lasts)
{
  ck_assert_msg (bl_opus_ticks (packets[_i].bytes, packets[_i].length)
                     == packets[_i].ticks,
                 "%s", packets[_i].what);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("rtc/opus");
  TCase *tcase = tcase_create ("opus");
  tcase_add_loop_test (tcase, a_packet_says_how_long_it_lasts, 0,
                       sizeof packets / sizeof packets[0]);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
