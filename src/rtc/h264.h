/* SPDX-License-Identifier: Apache-2.0
 *
 * H.264 as far as a relay needs it: walking the NAL units of an access unit,
 * the sequence parameter set's profile and size (ITU-T H.264 section 7.3.2.1),
 * and what an RTP payload (RFC 6184) carries, without reassembling it.
 *
 * All functions borrow their bytes, keep no state, and take any bytes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* nal_unit_type (H.264 table 7-1; from 24 on RFC 6184 table 1). */
enum {
  BL_H264_SLICE = 1,
  BL_H264_IDR = 5,
  BL_H264_SEI = 6,
  BL_H264_SPS = 7,
  BL_H264_PPS = 8,
  BL_H264_AUD = 9,
  BL_H264_FILLER = 12,
  BL_H264_STAP_A = 24,
  BL_H264_FU_A = 28,
};

/* One NAL unit, from its header byte on, without a start code. */
typedef struct {
  const uint8_t *data;
  size_t length; /* >= 1 */
} BlH264Nal;

static inline unsigned
bl_h264_nal_type (const BlH264Nal *nal)
{
  return nal->data[0] & 0x1f;
}

/* Slices of any kind (types 1 to 5): they carry picture. */
static inline bool
bl_h264_nal_is_vcl (const BlH264Nal *nal)
{
  unsigned type = bl_h264_nal_type (nal);
  return type >= 1 && type <= 5;
}

/* Walks Annex B (start codes of three or four bytes). Bytes before the first
 * start code, empty NAL units and trailing zeros are passed over. */
typedef struct {
  const uint8_t *at;
  const uint8_t *end;
} BlH264Iter;

BlH264Iter bl_h264_iter (const void *annex_b, size_t length);
bool bl_h264_iter_next (BlH264Iter *iter, BlH264Nal *out_nal);

typedef struct {
  uint8_t profile_idc;
  uint8_t constraints; /* constraint_set0_flag is the highest bit */
  uint8_t level_idc;
  uint16_t width, height; /* luma samples after cropping */
  /* Pictures per second as a fraction; 0/0 if the stream doesn't say. */
  uint32_t fps_num, fps_den;
} BlH264Sps;

/* `nal` starts at the NAL header byte. False if it isn't an SPS, ends early or
 * has a value out of range; `out_sps` is then untouched. Usability information
 * that is cut short or nonsense costs the rate only. */
bool bl_h264_sps_parse (const void *nal, size_t length, BlH264Sps *out_sps);

/* The 24 bits of SDP's profile-level-id (RFC 6184 section 8.1). */
static inline uint32_t
bl_h264_sps_profile_level_id (const BlH264Sps *sps)
{
  return (uint32_t)sps->profile_idc << 16 | (uint32_t)sps->constraints << 8
         | sps->level_idc;
}

/* What an RTP payload carries; the sum of these. */
enum {
  BL_H264_HAS_IDR = 1 << 0, /* any part of an IDR picture's slice */
  BL_H264_HAS_SPS = 1 << 1,
  BL_H264_HAS_PPS = 1 << 2,
  /* A slice begins here (single NAL, inside a STAP-A, or a first FU-A). */
  BL_H264_SLICE_START = 1 << 3,
  /* It is the picture's first slice (first_mb_in_slice is 0), or something
   * that may only stand ahead of it (AUD, SPS, PPS, SEI): nothing of this
   * picture was sent earlier, save more of the same. */
  BL_H264_PICTURE_START = 1 << 4,
  /* Slices, and no NAL unit in it is used for reference (nal_ref_idc 0): it
   * may be left out without harm to other pictures, if all of its picture is.
   * SEI and filler alone are not meant: they may stand in a picture that is
   * needed, and even be its last packet. */
  BL_H264_DISPOSABLE = 1 << 5,
  /* A fragment or aggregation that contradicts itself, or a type that
   * packetization-mode 1 doesn't allow. */
  BL_H264_MALFORMED = 1 << 6,
};

uint8_t bl_h264_payload_flags (const void *payload, size_t length);
