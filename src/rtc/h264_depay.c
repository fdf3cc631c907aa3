/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/h264_depay.h"

#include <stdlib.h>
#include <string.h>

#include "base/reader.h"
#include "base/writer.h"

/* A start code and a length are both of this size. */
#define PREFIX_BYTES 4

bool
bl_h264_depay_init (BlH264Depay *depay, BlH264Framing framing, size_t capacity)
{
  *depay = (BlH264Depay){ .framing = framing, .capacity = capacity };
  depay->buffer = malloc (capacity);
  return depay->buffer != NULL;
}

void
bl_h264_depay_clear (BlH264Depay *depay)
{
  free (depay->buffer);
  *depay = (BlH264Depay){ .framing = BL_H264_ANNEX_B };
}

void
bl_h264_depay_reset (BlH264Depay *depay)
{
  depay->used = 0;
  depay->started = depay->lost = depay->open = depay->fragment = false;
}

static void
keep_parameters (BlH264Depay *depay, BlH264ParameterSet *set,
                 const uint8_t *nal, size_t length)
{
  if (length > sizeof set->data
      || (length == set->length && memcmp (set->data, nal, length) == 0))
    return;
  memcpy (set->data, nal, length);
  set->length = (uint16_t)length;
  depay->parameter_changes++;
}

/* A NAL unit is written in parts: begin, append…, then end or abandon. */
static void
append (BlH264Depay *depay, const void *data, size_t length)
{
  if (length > depay->capacity - depay->used)
    depay->au_oversize = true;
  if (depay->au_oversize || length == 0)
    return;
  memcpy (depay->buffer + depay->used, data, length);
  depay->used += length;
}

static void
begin_nal (BlH264Depay *depay)
{
  static const uint8_t start_code[PREFIX_BYTES] = { 0, 0, 0, 1 };
  depay->nal_at = depay->used;
  append (depay, start_code, sizeof start_code);
}

static void
end_nal (BlH264Depay *depay)
{
  depay->fragment = false;
  if (depay->au_oversize)
    return;
  uint8_t *prefix = depay->buffer + depay->nal_at;
  const uint8_t *nal = prefix + PREFIX_BYTES;
  size_t length = depay->used - depay->nal_at - PREFIX_BYTES;
  if (depay->framing == BL_H264_AVCC) {
    BlWriter w = bl_writer (prefix, PREFIX_BYTES);
    bl_writer_be32 (&w, (uint32_t)length);
  }
  switch (nal[0] & 0x1f) {
  case BL_H264_IDR:
    depay->au_keyframe = true;
    break;
  case BL_H264_SPS:
    keep_parameters (depay, &depay->sps, nal, length);
    break;
  case BL_H264_PPS:
    keep_parameters (depay, &depay->pps, nal, length);
    break;
  default:
    break;
  }
}

/* Takes back a NAL unit whose rest is not going to come. */
static void
abandon_fragment (BlH264Depay *depay)
{
  if (!depay->fragment)
    return;
  depay->fragment = false;
  depay->used = depay->nal_at;
  depay->au_broken = true;
}

static void
take_nal (BlH264Depay *depay, const uint8_t *nal, size_t length)
{
  begin_nal (depay);
  append (depay, nal, length);
  end_nal (depay);
}

static void
take_aggregate (BlH264Depay *depay, const BlH264DepayPacket *packet)
{
  BlReader r = bl_reader (packet->payload, packet->length);
  bl_reader_skip (&r, 1);
  while (bl_reader_left (&r) > 0) {
    uint16_t length = bl_reader_be16 (&r);
    const uint8_t *nal = bl_reader_bytes (&r, length);
    if (nal)
      take_nal (depay, nal, length);
  }
}

static void
take_fragment (BlH264Depay *depay, const BlH264DepayPacket *packet)
{
  bool first = packet->payload[1] & 0x80, last = packet->payload[1] & 0x40;
  uint8_t header = (packet->payload[0] & 0xe0) | (packet->payload[1] & 0x1f);

  if (first) {
    abandon_fragment (depay);
    begin_nal (depay);
    append (depay, &header, 1);
    depay->fragment = true;
  } else if (!depay->fragment) {
    depay->au_broken = true;
    return;
  } else if (!depay->au_oversize
             && depay->buffer[depay->nal_at + PREFIX_BYTES] != header) {
    abandon_fragment (depay);
    depay->malformed++;
    return;
  }
  append (depay, packet->payload + 2, packet->length - 2);
  if (last)
    end_nal (depay);
}

static void
take_payload (BlH264Depay *depay, const BlH264DepayPacket *packet,
              uint8_t flags)
{
  unsigned type = packet->payload[0] & 0x1f;
  if (flags & BL_H264_MALFORMED) {
    abandon_fragment (depay);
    depay->au_broken = true;
    depay->malformed++;
    return;
  }
  if (type == BL_H264_FU_A) {
    take_fragment (depay, packet);
    return;
  }
  abandon_fragment (depay);
  if (type == BL_H264_STAP_A)
    take_aggregate (depay, packet);
  else
    take_nal (depay, packet->payload, packet->length);
}

static void
open_au (BlH264Depay *depay, const BlH264DepayPacket *packet, uint8_t flags)
{
  bool unsure = depay->lost || !depay->started;
  depay->open = true;
  depay->used = 0;
  depay->timestamp = packet->timestamp;
  depay->first_seq = packet->seq;
  depay->au_keyframe = depay->au_oversize = false;
  depay->au_after_loss = depay->lost;
  depay->au_broken = unsure && !(flags & BL_H264_PICTURE_START);
}

/* False if nothing of the access unit is left to give. */
static bool
close_au (BlH264Depay *depay, BlH264Au *out_au)
{
  abandon_fragment (depay);
  depay->open = false;
  depay->oversize += depay->au_oversize;
  if (depay->au_oversize || depay->used == 0) {
    depay->lost = true;
    return false;
  }
  depay->broken += depay->au_broken;
  *out_au = (BlH264Au){
    .data = depay->buffer,
    .length = depay->used,
    .timestamp = depay->timestamp,
    .first_seq = depay->first_seq,
    .last_seq = depay->last_seq,
    .keyframe = depay->au_keyframe,
    .broken = depay->au_broken,
    .after_loss = depay->au_after_loss,
  };
  return true;
}

BlH264DepayResult
bl_h264_depay_push (BlH264Depay *depay, const BlH264DepayPacket *packet,
                    BlH264Au *out_au)
{
  if (depay->started && packet->seq < depay->next_seq)
    return BL_H264_DEPAY_MORE;
  if (depay->started && packet->seq > depay->next_seq)
    depay->lost = true;

  if (depay->open && packet->timestamp != depay->timestamp
      && packet->length > 0) {
    depay->au_broken |= depay->lost;
    if (close_au (depay, out_au))
      return BL_H264_DEPAY_AGAIN;
  }

  uint8_t flags = bl_h264_payload_flags (packet->payload, packet->length);
  if (packet->length > 0) {
    if (!depay->open) {
      open_au (depay, packet, flags);
    } else if (depay->lost) {
      abandon_fragment (depay);
      depay->au_broken = true;
    }
    depay->lost = false;
    depay->last_seq = packet->seq;
    take_payload (depay, packet, flags);
  }
  depay->started = true;
  depay->next_seq = packet->seq + 1;
  if (packet->marker && depay->open && close_au (depay, out_au))
    return BL_H264_DEPAY_AU;
  return BL_H264_DEPAY_MORE;
}
