/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/rtpext.h"

#include <string.h>

#include "base/blassert.h"
#include "base/reader.h"

#define ONE_BYTE_MAX_ID 14
#define TRANSPORT_CC_URI                                                       \
  "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

static const char *const uris[BL_RTP_EXT_N] = {
  [BL_RTP_EXT_MID] = "urn:ietf:params:rtp-hdrext:sdes:mid",
  [BL_RTP_EXT_ABS_SEND_TIME]
  = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
  [BL_RTP_EXT_TRANSPORT_CC] = TRANSPORT_CC_URI,
  [BL_RTP_EXT_ABS_CAPTURE_TIME]
  = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
  [BL_RTP_EXT_PLAYOUT_DELAY]
  = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
  [BL_RTP_EXT_AUDIO_LEVEL] = "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
};

const char *
bl_rtp_ext_uri (BlRtpExtKind kind)
{
  bl_assert (kind < BL_RTP_EXT_N);
  return uris[kind];
}

bool
bl_rtp_ext_kind_from_uri (const char *uri, BlRtpExtKind *out_kind)
{
  for (int kind = 0; kind < BL_RTP_EXT_N; kind++)
    if (strcmp (uri, uris[kind]) == 0) {
      *out_kind = (BlRtpExtKind)kind;
      return true;
    }
  return false;
}

/* Readers of one element each; false: not of a length that the kind has. */

static bool
read_mid (BlReader *r, BlRtpExtValues *v)
{
  size_t length = bl_reader_left (r);
  if (length == 0 || length > BL_RTP_MID_MAX_BYTES)
    return false;
  memcpy (v->mid, bl_reader_bytes (r, length), length);
  v->mid[length] = '\0';
  return true;
}

static bool
read_abs_send_time (BlReader *r, BlRtpExtValues *v)
{
  if (bl_reader_left (r) != 3)
    return false;
  v->abs_send_time = bl_reader_be24 (r);
  return true;
}

static bool
read_transport_cc (BlReader *r, BlRtpExtValues *v)
{
  if (bl_reader_left (r) != 2)
    return false;
  v->transport_seq = bl_reader_be16 (r);
  return true;
}

static bool
read_abs_capture_time (BlReader *r, BlRtpExtValues *v)
{
  size_t length = bl_reader_left (r);
  if (length != 8 && length != 16)
    return false;
  v->capture_ntp = bl_reader_be64 (r);
  v->has_capture_offset = length == 16;
  v->capture_offset_q32 = length == 16 ? (int64_t)bl_reader_be64 (r) : 0;
  return true;
}

static bool
read_playout_delay (BlReader *r, BlRtpExtValues *v)
{
  if (bl_reader_left (r) != 3)
    return false;
  uint32_t both = bl_reader_be24 (r);
  v->playout_min_ms = (uint16_t)(10 * (both >> 12));
  v->playout_max_ms = (uint16_t)(10 * (both & 0xfff));
  return true;
}

static bool
read_audio_level (BlReader *r, BlRtpExtValues *v)
{
  /* The two-byte form may carry a byte of padding (RFC 6464 section 3). */
  if (bl_reader_left (r) != 1 && bl_reader_left (r) != 2)
    return false;
  uint8_t byte = bl_reader_u8 (r);
  v->voice = byte >> 7;
  v->audio_level = byte & 0x7f;
  return true;
}

static bool (*const readers[BL_RTP_EXT_N]) (BlReader *, BlRtpExtValues *) = {
  [BL_RTP_EXT_MID] = read_mid,
  [BL_RTP_EXT_ABS_SEND_TIME] = read_abs_send_time,
  [BL_RTP_EXT_TRANSPORT_CC] = read_transport_cc,
  [BL_RTP_EXT_ABS_CAPTURE_TIME] = read_abs_capture_time,
  [BL_RTP_EXT_PLAYOUT_DELAY] = read_playout_delay,
  [BL_RTP_EXT_AUDIO_LEVEL] = read_audio_level,
};

static bool
read_element (BlReader *element, uint8_t id, const BlRtpExtMap *map,
              BlRtpExtValues *v)
{
  for (int kind = 0; kind < BL_RTP_EXT_N; kind++)
    if (map->id[kind] == id) {
      if (!readers[kind](element, v))
        return false;
      v->present |= BL_RTP_EXT_BIT (kind);
      return true;
    }
  return true;
}

bool
bl_rtp_ext_parse (const BlRtp *rtp, const BlRtpExtMap *map,
                  BlRtpExtValues *out_values)
{
  *out_values = (BlRtpExtValues){ 0 };
  bool one_byte = rtp->ext_profile == BL_RTP_EXT_ONE_BYTE;
  bool two_byte = (rtp->ext_profile & 0xfff0) == BL_RTP_EXT_TWO_BYTE;
  if (!rtp->has_ext || (!one_byte && !two_byte))
    return true;

  BlReader r = bl_reader (rtp->ext, rtp->ext_length);
  bool good = true;
  while (bl_reader_left (&r) > 0) {
    uint8_t id = bl_reader_u8 (&r);
    size_t length;
    if (id == 0)
      continue; /* padding between elements */
    if (one_byte) {
      length = (id & 0x0f) + 1u;
      id >>= 4;
      if (id == 15)
        break; /* RFC 8285 section 4.2: stop here */
      if (id == 0)
        return false;
    } else {
      length = bl_reader_u8 (&r);
    }
    BlReader element = bl_reader_sub (&r, length);
    if (!bl_reader_ok (&r))
      return false;
    if (!read_element (&element, id, map, out_values))
      good = false;
  }
  return good;
}

static size_t
element_length (BlRtpExtKind kind, const BlRtpExtValues *v)
{
  static const uint8_t lengths[BL_RTP_EXT_N] = {
    [BL_RTP_EXT_ABS_SEND_TIME] = 3,    [BL_RTP_EXT_TRANSPORT_CC] = 2,
    [BL_RTP_EXT_ABS_CAPTURE_TIME] = 8, [BL_RTP_EXT_PLAYOUT_DELAY] = 3,
    [BL_RTP_EXT_AUDIO_LEVEL] = 1,
  };
  if (kind == BL_RTP_EXT_MID)
    return strnlen (v->mid, BL_RTP_MID_MAX_BYTES);
  if (kind == BL_RTP_EXT_ABS_CAPTURE_TIME && v->has_capture_offset)
    return 16;
  return lengths[kind];
}

static void
write_value (BlWriter *w, BlRtpExtKind kind, const BlRtpExtValues *v)
{
  switch (kind) {
  case BL_RTP_EXT_MID:
    bl_writer_bytes (w, v->mid, strnlen (v->mid, BL_RTP_MID_MAX_BYTES));
    break;
  case BL_RTP_EXT_ABS_SEND_TIME:
    bl_writer_be24 (w, v->abs_send_time & 0xffffff);
    break;
  case BL_RTP_EXT_TRANSPORT_CC:
    bl_writer_be16 (w, v->transport_seq);
    break;
  case BL_RTP_EXT_ABS_CAPTURE_TIME:
    bl_writer_be64 (w, v->capture_ntp);
    if (v->has_capture_offset)
      bl_writer_be64 (w, (uint64_t)v->capture_offset_q32);
    break;
  case BL_RTP_EXT_PLAYOUT_DELAY:
    bl_writer_be24 (w, (uint32_t)(v->playout_min_ms / 10 & 0xfff) << 12
                           | (v->playout_max_ms / 10 & 0xfff));
    break;
  case BL_RTP_EXT_AUDIO_LEVEL:
    bl_writer_u8 (w, (uint8_t)(v->voice << 7 | (v->audio_level & 0x7f)));
    break;
  case BL_RTP_EXT_N:
    break;
  }
}

/* Which kinds are to be written, and whether all of them fit the one-byte
 * form. An empty mid is none. */
static uint32_t
choose (const BlRtpExtMap *map, const BlRtpExtValues *v, bool *out_one_byte)
{
  uint32_t chosen = 0;
  *out_one_byte = true;
  for (int kind = 0; kind < BL_RTP_EXT_N; kind++)
    if (map->id[kind] != 0 && bl_rtp_ext_has (v, (BlRtpExtKind)kind)
        && element_length ((BlRtpExtKind)kind, v) > 0) {
      chosen |= BL_RTP_EXT_BIT (kind);
      if (map->id[kind] > ONE_BYTE_MAX_ID)
        *out_one_byte = false;
    }
  return chosen;
}

static void
write_elements (BlWriter *w, uint32_t chosen, bool one_byte,
                const uint8_t *packet, const BlRtpExtMap *map,
                const BlRtpExtValues *v, BlRtpExtOffsets *offsets)
{
  for (int i = 0; i < BL_RTP_EXT_N; i++) {
    BlRtpExtKind kind = (BlRtpExtKind)i;
    if (!(chosen & BL_RTP_EXT_BIT (kind)))
      continue;
    size_t length = element_length (kind, v);
    if (one_byte) {
      bl_writer_u8 (w, (uint8_t)(map->id[kind] << 4 | (length - 1)));
    } else {
      bl_writer_u8 (w, map->id[kind]);
      bl_writer_u8 (w, (uint8_t)length);
    }
    uint16_t offset = (uint16_t)(w->at - packet);
    write_value (w, kind, v);
    if (kind == BL_RTP_EXT_TRANSPORT_CC)
      offsets->transport_seq = offset;
    else if (kind == BL_RTP_EXT_ABS_SEND_TIME)
      offsets->abs_send_time = offset;
    else if (kind == BL_RTP_EXT_ABS_CAPTURE_TIME)
      offsets->abs_capture_time = offset;
  }
}

void
bl_rtp_ext_write (BlWriter *w, const BlRtp *rtp, const BlRtpExtMap *map,
                  const BlRtpExtValues *values, BlRtpExtOffsets *out_offsets)
{
  uint8_t *packet = w->at;
  BlRtpExtOffsets offsets = { 0 };
  bool one_byte;
  uint32_t chosen = choose (map, values, &one_byte);

  BlRtp header = *rtp;
  header.csrc_count = 0;
  header.has_ext = false;
  header.ext_length = 0;
  bl_rtp_write_header (w, &header);
  if (chosen != 0) {
    bl_writer_be16 (w, one_byte ? BL_RTP_EXT_ONE_BYTE : BL_RTP_EXT_TWO_BYTE);
    uint8_t *words = bl_writer_reserve (w, 2);
    const uint8_t *start = w->at;
    write_elements (w, chosen, one_byte, packet, map, values, &offsets);
    size_t length = (size_t)(w->at - start);
    bl_writer_zeros (w, -length % 4);
    if (bl_writer_ok (w)) {
      bl_writer_be (&(BlWriter){ .at = words, .end = words + 2 },
                    (length + 3) / 4, 2);
      packet[0] |= 0x10; /* X */
    }
  }
  if (out_offsets && bl_writer_ok (w))
    *out_offsets = offsets;
}

static void
patch (uint8_t *packet, uint16_t offset, uint64_t value, size_t width)
{
  if (offset == 0)
    return;
  BlWriter w = bl_writer (packet + offset, width);
  bl_writer_be (&w, value, width);
}

void
bl_rtp_ext_patch_transport_seq (uint8_t *packet, const BlRtpExtOffsets *offsets,
                                uint16_t transport_seq)
{
  patch (packet, offsets->transport_seq, transport_seq, 2);
}

void
bl_rtp_ext_patch_abs_send_time (uint8_t *packet, const BlRtpExtOffsets *offsets,
                                uint32_t abs_send_time)
{
  patch (packet, offsets->abs_send_time, abs_send_time & 0xffffff, 3);
}
