/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/h264_pay.h"

#include "base/blassert.h"

/* The next NAL unit that is worth sending; `data` is NULL if there is none. */
static BlH264Nal
take_nal (BlH264Iter *iter)
{
  BlH264Nal nal;
  while (bl_h264_iter_next (iter, &nal)) {
    unsigned type = bl_h264_nal_type (&nal);
    if (type != BL_H264_AUD && type != BL_H264_FILLER)
      return nal;
  }
  return (BlH264Nal){ NULL, 0 };
}

static void
advance (BlH264Pay *pay)
{
  pay->nal = pay->next;
  pay->next = take_nal (&pay->iter);
  pay->sent = 0;
}

void
bl_h264_pay_init (BlH264Pay *pay, const void *annex_b, size_t length,
                  uint16_t max_payload)
{
  bl_assert (max_payload >= BL_H264_PAY_MIN);
  *pay = (BlH264Pay){ .iter = bl_h264_iter (annex_b, length),
                      .max_payload = max_payload };
  pay->nal = take_nal (&pay->iter);
  pay->next = take_nal (&pay->iter);
}

static void
pay_single (BlH264Pay *pay, BlH264Payload *payload)
{
  payload->parts[0] = (BlH264PayloadPart){
    .body = pay->nal.data,
    .body_length = (uint16_t)pay->nal.length,
  };
  payload->n_parts = 1;
  payload->length = (uint16_t)pay->nal.length;
  advance (pay);
}

/* RFC 6184 section 5.8. The fragments are equal, so that a run of them leaves
 * in one UDP_SEGMENT send. */
static void
pay_fragment (BlH264Pay *pay, BlH264Payload *payload)
{
  const BlH264Nal *nal = &pay->nal;
  size_t body = nal->length - 1, room = pay->max_payload - 2u;
  if (pay->sent == 0) {
    size_t count = (body + room - 1) / room;
    pay->fragment_bytes = (uint16_t)((body + count - 1) / count);
  }
  size_t left = body - pay->sent;
  bool first = pay->sent == 0, last = left <= pay->fragment_bytes;
  uint16_t bytes = last ? (uint16_t)left : pay->fragment_bytes;

  BlH264PayloadPart *part = &payload->parts[0];
  part->header[0] = (uint8_t)((nal->data[0] & 0x60) | BL_H264_FU_A);
  part->header[1] = (uint8_t)((first ? 0x80 : 0) | (last ? 0x40 : 0)
                              | bl_h264_nal_type (nal));
  part->header_length = 2;
  part->body = nal->data + 1 + pay->sent;
  part->body_length = bytes;
  payload->n_parts = 1;
  payload->length = (uint16_t)(2 + bytes);

  pay->sent += bytes;
  if (last)
    advance (pay);
}

static bool
can_aggregate (const BlH264Pay *pay)
{
  return pay->next.data && !bl_h264_nal_is_vcl (&pay->nal)
         && !bl_h264_nal_is_vcl (&pay->next)
         && 1 + 2 + pay->nal.length + 2 + pay->next.length <= pay->max_payload;
}

/* RFC 6184 section 5.7.1. */
static void
pay_aggregate (BlH264Pay *pay, BlH264Payload *payload)
{
  uint8_t ref_idc = 0;
  payload->length = 1;
  while (pay->nal.data && !bl_h264_nal_is_vcl (&pay->nal)
         && payload->n_parts < BL_H264_PAY_PARTS
         && payload->length + 2 + pay->nal.length <= pay->max_payload) {
    BlH264PayloadPart *part = &payload->parts[payload->n_parts];
    /* The aggregate's own header byte goes ahead of the first size. */
    uint8_t *size = part->header + (payload->n_parts == 0 ? 1 : 0);
    size[0] = (uint8_t)(pay->nal.length >> 8);
    size[1] = (uint8_t)pay->nal.length;
    part->header_length = payload->n_parts == 0 ? 3 : 2;
    part->body = pay->nal.data;
    part->body_length = (uint16_t)pay->nal.length;
    if ((pay->nal.data[0] & 0x60) > ref_idc)
      ref_idc = pay->nal.data[0] & 0x60;
    payload->length = (uint16_t)(payload->length + 2 + pay->nal.length);
    payload->n_parts++;
    advance (pay);
  }
  payload->parts[0].header[0] = ref_idc | BL_H264_STAP_A;
}

bool
bl_h264_pay_next (BlH264Pay *pay, BlH264Payload *out_payload)
{
  if (!pay->nal.data)
    return false;
  BlH264Payload payload = { .n_parts = 0 };
  if (pay->nal.length > pay->max_payload)
    pay_fragment (pay, &payload);
  else if (can_aggregate (pay))
    pay_aggregate (pay, &payload);
  else
    pay_single (pay, &payload);
  payload.marker = !pay->nal.data;
  *out_payload = payload;
  return true;
}

void
bl_h264_payload_write (const BlH264Payload *payload, BlWriter *w)
{
  for (unsigned i = 0; i < payload->n_parts; i++) {
    const BlH264PayloadPart *part = &payload->parts[i];
    bl_writer_bytes (w, part->header, part->header_length);
    bl_writer_bytes (w, part->body, part->body_length);
  }
}
