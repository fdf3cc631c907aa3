/* SPDX-License-Identifier: Apache-2.0 */
#include "signal/h264profile.h"

#include <stddef.h>

/* RFC 6184 table 5: profile_idc, and which bits of profile-iop must be how. */
static const struct {
  uint8_t idc;
  uint8_t mask;
  uint8_t bits;
  BlH264Profile profile;
} patterns[] = {
  { 0x42, 0x4f, 0x40, BL_H264_CONSTRAINED_BASELINE },
  { 0x4d, 0x8f, 0x80, BL_H264_CONSTRAINED_BASELINE },
  { 0x58, 0xcf, 0xc0, BL_H264_CONSTRAINED_BASELINE },
  { 0x42, 0x4f, 0x00, BL_H264_BASELINE },
  { 0x58, 0xcf, 0x80, BL_H264_BASELINE },
  { 0x4d, 0xaf, 0x00, BL_H264_MAIN },
  { 0x64, 0xff, 0x0c, BL_H264_CONSTRAINED_HIGH },
  { 0x64, 0xff, 0x00, BL_H264_HIGH },
  { 0xf4, 0xff, 0x00, BL_H264_HIGH_444 },
};

BlH264Profile
bl_h264_profile (uint32_t profile_level_id)
{
  uint8_t idc = (uint8_t)(profile_level_id >> 16);
  uint8_t iop = (uint8_t)(profile_level_id >> 8);
  for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
    if (patterns[i].idc == idc && (iop & patterns[i].mask) == patterns[i].bits)
      return patterns[i].profile;
  }
  return BL_H264_OTHER;
}

#define MAX_FITS 6

/* For each source, the decoders' profiles that fit, best first. Baseline's own
 * tools (FMO, ASO) are used by no encoder that matters, and High's interlace by
 * no camera, so their constrained kin stand as a last resort. */
static const uint8_t fits[][MAX_FITS] = {
  [BL_H264_OTHER]
  = { BL_H264_CONSTRAINED_BASELINE, BL_H264_BASELINE, BL_H264_MAIN,
      BL_H264_CONSTRAINED_HIGH, BL_H264_HIGH, BL_H264_HIGH_444 },
  [BL_H264_CONSTRAINED_BASELINE]
  = { BL_H264_CONSTRAINED_BASELINE, BL_H264_BASELINE, BL_H264_MAIN,
      BL_H264_CONSTRAINED_HIGH, BL_H264_HIGH, BL_H264_HIGH_444 },
  [BL_H264_BASELINE]
  = { BL_H264_BASELINE, BL_H264_CONSTRAINED_BASELINE, BL_H264_MAIN,
      BL_H264_CONSTRAINED_HIGH, BL_H264_HIGH, BL_H264_HIGH_444 },
  [BL_H264_MAIN] = { BL_H264_MAIN, BL_H264_HIGH, BL_H264_HIGH_444 },
  [BL_H264_CONSTRAINED_HIGH]
  = { BL_H264_CONSTRAINED_HIGH, BL_H264_HIGH, BL_H264_HIGH_444 },
  [BL_H264_HIGH] = { BL_H264_HIGH, BL_H264_HIGH_444, BL_H264_CONSTRAINED_HIGH },
  [BL_H264_HIGH_444] = { BL_H264_HIGH_444 },
};

int
bl_h264_profile_rank (BlH264Profile source, BlH264Profile offered)
{
  for (int i = 0; i < MAX_FITS; i++) {
    if (offered != BL_H264_OTHER && fits[source][i] == offered)
      return i;
  }
  return -1;
}

uint32_t
bl_h264_answer_id (uint32_t offered, uint32_t source, bool asymmetry)
{
  uint32_t level = source & 0xff, offered_level = offered & 0xff;
  if (!asymmetry && level > offered_level)
    level = offered_level;
  BlH264Profile profile = bl_h264_profile (source);
  bool same = profile != BL_H264_OTHER && profile == bl_h264_profile (offered);
  return ((same ? source : offered) & 0xffff00) | level;
}
