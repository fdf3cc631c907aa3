/* SPDX-License-Identifier: Apache-2.0
 *
 * The real H.264 of data/, as access units.
 */
#pragma once

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "rtc/h264.h"

#define FIXTURE_AUS 12
/* Of an IDR's access unit: AUD, SPS, PPS, (first only) SEI, two slices. */
#define FIXTURE_GROUP 6

typedef struct {
  uint8_t bytes[32768];
  size_t length;
  const uint8_t *aus[FIXTURE_AUS];
  size_t au_lengths[FIXTURE_AUS];
} Fixture;

static inline void
fixture_load (Fixture *fixture)
{
  FILE *file = fopen (RTC_TEST_DATA "/two-groups.h264", "rb");
  ck_assert_ptr_nonnull (file);
  fixture->length = fread (fixture->bytes, 1, sizeof fixture->bytes, file);
  fclose (file);

  /* Each access unit begins with a delimiter after a long start code. */
  static const uint8_t aud[5] = { 0, 0, 0, 1, 9 };
  size_t n = 0;
  for (size_t i = 0; i + sizeof aud <= fixture->length; i++)
    if (memcmp (fixture->bytes + i, aud, sizeof aud) == 0) {
      ck_assert_uint_lt (n, FIXTURE_AUS);
      if (n > 0)
        fixture->au_lengths[n - 1]
            = (size_t)(fixture->bytes + i - fixture->aus[n - 1]);
      fixture->aus[n++] = fixture->bytes + i;
    }
  ck_assert_uint_eq (n, FIXTURE_AUS);
  fixture->au_lengths[n - 1]
      = (size_t)(fixture->bytes + fixture->length - fixture->aus[n - 1]);
}

/* The access unit as a receiver gets it: long start codes, no delimiter. */
static inline size_t
fixture_expected (const Fixture *fixture, size_t au, uint8_t *out)
{
  static const uint8_t start_code[4] = { 0, 0, 0, 1 };
  BlH264Iter iter = bl_h264_iter (fixture->aus[au], fixture->au_lengths[au]);
  BlH264Nal nal;
  size_t length = 0;
  while (bl_h264_iter_next (&iter, &nal)) {
    if (bl_h264_nal_type (&nal) == BL_H264_AUD)
      continue;
    memcpy (out + length, start_code, 4);
    memcpy (out + length + 4, nal.data, nal.length);
    length += 4 + nal.length;
  }
  return length;
}
