/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/h264.h"

#include "base/reader.h"

/* The next 00 00 01, or `end`. */
static const uint8_t *
find_start_code (const uint8_t *at, const uint8_t *end)
{
  while (end - at >= 3) {
    if (at[2] > 1)
      at += 3;
    else if (at[0] == 0 && at[1] == 0 && at[2] == 1)
      return at;
    else
      at++;
  }
  return end;
}

static const uint8_t *
after_start_code (const uint8_t *at, const uint8_t *end)
{
  return at < end ? at + 3 : end;
}

BlH264Iter
bl_h264_iter (const void *annex_b, size_t length)
{
  BlReader r = bl_reader (annex_b, length);
  const uint8_t *first = find_start_code (r.at, r.end);
  return (BlH264Iter){ after_start_code (first, r.end), r.end };
}

bool
bl_h264_iter_next (BlH264Iter *iter, BlH264Nal *out_nal)
{
  while (iter->at < iter->end) {
    const uint8_t *nal = iter->at;
    const uint8_t *stop = find_start_code (nal, iter->end);
    iter->at = after_start_code (stop, iter->end);
    /* A NAL unit never ends in a zero byte; what is here is padding, or the
     * first byte of a longer start code. */
    while (stop > nal && stop[-1] == 0)
      stop--;
    if (stop > nal) {
      *out_nal = (BlH264Nal){ nal, (size_t)(stop - nal) };
      return true;
    }
  }
  return false;
}

/* Bits of a NAL unit without its emulation prevention bytes (H.264 section
 * 7.3.1). Latches its first failure like BlReader. */
typedef struct {
  const uint8_t *at, *end;
  unsigned zeros; /* zero bytes just before `at` */
  unsigned left;  /* bits not yet read of `byte` */
  uint8_t byte;
  bool failed;
} Bits;

static unsigned
read_bit (Bits *b)
{
  if (b->left == 0) {
    if (b->zeros >= 2 && b->at < b->end && *b->at == 3) {
      b->at++;
      b->zeros = 0;
    }
    if (b->at >= b->end) {
      b->failed = true;
      return 0;
    }
    b->byte = *b->at++;
    b->zeros = b->byte == 0 ? b->zeros + 1 : 0;
    b->left = 8;
  }
  b->left--;
  return b->byte >> b->left & 1;
}

static uint32_t
read_bits (Bits *b, unsigned n)
{
  uint32_t value = 0;
  while (n-- > 0)
    value = value << 1 | read_bit (b);
  return value;
}

/* ue(v), H.264 section 9.1; more than `maximum` fails. */
static uint32_t
read_ue (Bits *b, uint32_t maximum)
{
  unsigned zeros = 0;
  while (!b->failed && read_bit (b) == 0)
    if (++zeros > 31)
      b->failed = true;
  if (b->failed)
    return 0;
  uint64_t value = (UINT64_C (1) << zeros) - 1 + read_bits (b, zeros);
  if (value > maximum)
    b->failed = true;
  return b->failed ? 0 : (uint32_t)value;
}

/* se(v), H.264 section 9.1.1. */
static int32_t
read_se (Bits *b)
{
  uint32_t k = read_ue (b, UINT32_MAX - 1);
  int32_t magnitude = (int32_t)(k / 2 + k % 2);
  return k % 2 ? magnitude : -magnitude;
}

static bool
has_chroma_info (uint8_t profile_idc)
{
  static const uint8_t profiles[]
      = { 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135 };
  for (size_t i = 0; i < sizeof profiles; i++)
    if (profiles[i] == profile_idc)
      return true;
  return false;
}

static void
skip_scaling_list (Bits *b, unsigned size)
{
  int32_t last = 8, next = 8;
  for (unsigned i = 0; i < size && next != 0 && !b->failed; i++) {
    next = (last + read_se (b) % 256 + 256) % 256;
    last = next ? next : last;
  }
}

/* Gives ChromaArrayType. */
static uint32_t
read_chroma (Bits *b)
{
  uint32_t format = read_ue (b, 3);
  bool separate = format == 3 && read_bit (b);
  read_ue (b, 6); /* bit_depth_luma_minus8 */
  read_ue (b, 6); /* bit_depth_chroma_minus8 */
  read_bit (b);   /* qpprime_y_zero_transform_bypass_flag */
  if (read_bit (b)) {
    unsigned n_lists = format == 3 ? 12 : 8;
    for (unsigned i = 0; i < n_lists; i++)
      if (read_bit (b))
        skip_scaling_list (b, i < 6 ? 16 : 64);
  }
  return separate ? 0 : format;
}

static void
skip_picture_order (Bits *b)
{
  uint32_t type = read_ue (b, 2);
  if (type == 0) {
    read_ue (b, 12); /* log2_max_pic_order_cnt_lsb_minus4 */
  } else if (type == 1) {
    read_bit (b); /* delta_pic_order_always_zero_flag */
    read_se (b);  /* offset_for_non_ref_pic */
    read_se (b);  /* offset_for_top_to_bottom_field */
    uint32_t n = read_ue (b, 255);
    for (uint32_t i = 0; i < n && !b->failed; i++)
      read_se (b);
  }
}

/* Width and height with their cropping (H.264 section 7.4.2.1.1). */
static void
read_size (Bits *b, uint32_t chroma_array_type, BlH264Sps *sps)
{
  uint32_t width = 16 * (read_ue (b, UINT16_MAX / 16 - 1) + 1);
  uint32_t map_units = read_ue (b, UINT16_MAX / 16 - 1) + 1;
  bool frame_mbs_only = read_bit (b);
  uint32_t fields = frame_mbs_only ? 1 : 2;
  if (!frame_mbs_only)
    read_bit (b); /* mb_adaptive_frame_field_flag */
  uint32_t height = 16 * map_units * fields;
  read_bit (b); /* direct_8x8_inference_flag */

  if (read_bit (b)) {
    uint32_t unit_x = chroma_array_type == 1 || chroma_array_type == 2 ? 2 : 1;
    uint32_t unit_y = (chroma_array_type == 1 ? 2 : 1) * fields;
    uint32_t crop_x = 0, crop_y = 0;
    for (int side = 0; side < 2; side++)
      crop_x += unit_x * read_ue (b, UINT16_MAX);
    for (int side = 0; side < 2; side++)
      crop_y += unit_y * read_ue (b, UINT16_MAX);
    if (crop_x >= width || crop_y >= height)
      b->failed = true;
    width -= crop_x;
    height -= crop_y;
  }
  if (width > UINT16_MAX || height > UINT16_MAX)
    b->failed = true;
  sps->width = (uint16_t)width;
  sps->height = (uint16_t)height;
}

/* Video usability information as far as its timing (H.264 section E.1.1). A
 * picture is two ticks. */
static void
read_rate (Bits *b, BlH264Sps *sps)
{
  if (read_bit (b) && read_bits (b, 8) == 255)
    read_bits (b, 32); /* sample aspect ratio */
  if (read_bit (b))
    read_bit (b); /* overscan_appropriate_flag */
  if (read_bit (b)) {
    read_bits (b, 4); /* video_format, video_full_range_flag */
    if (read_bit (b))
      read_bits (b, 24); /* colour description */
  }
  if (read_bit (b)) {
    read_ue (b, 5); /* chroma_sample_loc_type_top_field */
    read_ue (b, 5);
  }
  if (!read_bit (b))
    return;
  uint32_t units_in_tick = read_bits (b, 32);
  uint32_t time_scale = read_bits (b, 32);
  if (b->failed || units_in_tick == 0 || units_in_tick > UINT32_MAX / 2
      || time_scale == 0)
    return;
  sps->fps_num = time_scale;
  sps->fps_den = 2 * units_in_tick;
}

bool
bl_h264_sps_parse (const void *nal, size_t length, BlH264Sps *out_sps)
{
  const uint8_t *bytes = nal;
  if (length < 4 || (bytes[0] & 0x9f) != BL_H264_SPS)
    return false;
  BlH264Sps sps = { .profile_idc = bytes[1],
                    .constraints = bytes[2],
                    .level_idc = bytes[3] };
  Bits b = { .at = bytes + 4, .end = bytes + length };
  b.zeros = bytes[3] != 0 ? 0 : bytes[2] != 0 ? 1 : 2;

  read_ue (&b, 31); /* seq_parameter_set_id */
  uint32_t chroma_array_type = 1;
  if (has_chroma_info (sps.profile_idc))
    chroma_array_type = read_chroma (&b);
  read_ue (&b, 12); /* log2_max_frame_num_minus4 */
  skip_picture_order (&b);
  read_ue (&b, 16); /* max_num_ref_frames */
  read_bit (&b);    /* gaps_in_frame_num_value_allowed_flag */
  read_size (&b, chroma_array_type, &sps);
  bool usability = read_bit (&b);
  if (b.failed)
    return false;
  if (usability)
    read_rate (&b, &sps);
  *out_sps = sps;
  return true;
}

/* Of a NAL unit's first bytes: all of it, or a first fragment. `first_byte` is
 * the one after the header, 0 if there is none. */
static uint8_t
nal_flags (unsigned type, uint8_t first_byte)
{
  switch (type) {
  case BL_H264_IDR:
  case BL_H264_SLICE:
  case 2: /* data partition A has a slice header too */
    /* ue(v) of first_mb_in_slice: 0 is the single bit 1. */
    return (uint8_t)(BL_H264_SLICE_START
                     | (type == BL_H264_IDR ? BL_H264_HAS_IDR : 0)
                     | (first_byte & 0x80 ? BL_H264_PICTURE_START : 0));
  case BL_H264_SPS:
    return BL_H264_HAS_SPS | BL_H264_PICTURE_START;
  case BL_H264_PPS:
    return BL_H264_HAS_PPS | BL_H264_PICTURE_START;
  case BL_H264_SEI:
  case BL_H264_AUD:
    return BL_H264_PICTURE_START;
  default:
    return 0;
  }
}

/* `ref_idc`: the header's bits, not shifted. */
static uint8_t
disposable_flag (unsigned type, unsigned ref_idc)
{
  return type <= 4 && ref_idc == 0 ? BL_H264_DISPOSABLE : 0;
}

static bool
is_single (unsigned type)
{
  return type >= 1 && type <= 23;
}

static uint8_t
aggregate_flags (const uint8_t *bytes, size_t length)
{
  BlReader r = bl_reader (bytes + 1, length - 1);
  uint8_t flags = 0, ref_idc = 0;
  do {
    BlReader nal = bl_reader_sub (&r, bl_reader_be16 (&r));
    uint8_t header = bl_reader_u8 (&nal);
    if (!bl_reader_ok (&nal) || !is_single (header & 0x1f) || header & 0x80)
      return BL_H264_MALFORMED;
    ref_idc |= header & 0x60;
    flags |= nal_flags (header & 0x1f, bl_reader_u8 (&nal));
    flags |= disposable_flag (header & 0x1f, header & 0x60);
  } while (bl_reader_left (&r) > 0);
  return ref_idc ? flags & (uint8_t)~BL_H264_DISPOSABLE : flags;
}

static uint8_t
fragment_flags (const uint8_t *bytes, size_t length)
{
  if (length < 3 || (bytes[1] & 0xc0) == 0xc0 || !is_single (bytes[1] & 0x1f))
    return BL_H264_MALFORMED;
  unsigned type = bytes[1] & 0x1f;
  uint8_t flags = type == BL_H264_IDR ? BL_H264_HAS_IDR : 0;
  if (bytes[1] & 0x80)
    flags |= nal_flags (type, bytes[2]);
  return flags | disposable_flag (type, bytes[0] & 0x60);
}

uint8_t
bl_h264_payload_flags (const void *payload, size_t length)
{
  const uint8_t *bytes = payload;
  if (length == 0 || bytes[0] & 0x80)
    return BL_H264_MALFORMED;
  unsigned type = bytes[0] & 0x1f;
  if (type == BL_H264_STAP_A)
    return aggregate_flags (bytes, length);
  if (type == BL_H264_FU_A)
    return fragment_flags (bytes, length);
  if (!is_single (type))
    return BL_H264_MALFORMED;
  return nal_flags (type, length > 1 ? bytes[1] : 0)
         | disposable_flag (type, bytes[0] & 0x60);
}
