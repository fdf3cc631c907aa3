/* SPDX-License-Identifier: Apache-2.0
 *
 * H.264 profiles as profile-level-id tells them (RFC 6184 section 8.1, table
 * 5): which of those a peer offers fits a picture best. Pure functions.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef enum {
  BL_H264_OTHER, /* none that Bluelight knows */
  BL_H264_CONSTRAINED_BASELINE,
  BL_H264_BASELINE,
  BL_H264_MAIN,
  BL_H264_CONSTRAINED_HIGH,
  BL_H264_HIGH,
  BL_H264_HIGH_444,
} BlH264Profile;

/* By the first two of the three bytes. 42e01f and 42c01f and 4d801f are all
 * constrained baseline. */
BlH264Profile bl_h264_profile (uint32_t profile_level_id);

/* How well a decoder of `offered` fits a stream of `source`: 0 is best, and
 * -1 means that nothing says it can decode it. OTHER as `source` means that
 * it is not known: then what most decoders understand is best. */
int bl_h264_profile_rank (BlH264Profile source, BlH264Profile offered);

/* profile-level-id for an answer: the profile of the offered one (RFC 6184
 * section 8.2.2 wants it the same), in the source's spelling if that is the
 * same profile, with the source's level; not above the offered level unless
 * `asymmetry`. */
uint32_t bl_h264_answer_id (uint32_t offered, uint32_t source, bool asymmetry);
