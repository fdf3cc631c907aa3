/* SPDX-License-Identifier: Apache-2.0
 *
 * One H.264 access unit into RTP payloads, RFC 6184 packetization-mode 1:
 * SPS, PPS and SEI that stand together share a STAP-A; a NAL unit that fits
 * goes alone; a larger one goes as FU-A fragments that are all of one size,
 * but for a last, shorter one, which is what UDP_SEGMENT wants. Access unit
 * delimiters and filler are left out.
 *
 *   BlH264Pay pay;
 *   bl_h264_pay_init (&pay, au, au_length, 1150);
 *   while (bl_h264_pay_next (&pay, &payload))
 *     { bl_h264_payload_write (&payload, &writer); ... }
 *
 * Invariant: the marker is on the last payload and on no other; no payload is
 * longer than `max_payload`; the payloads hold every byte of every NAL unit
 * (but those left out) once. Borrows the access unit; allocates nothing.
 */
#pragma once

#include "base/writer.h"
#include "rtc/h264.h"

/* NAL units in one STAP-A at most; more go into the next. */
#define BL_H264_PAY_PARTS 8

/* The least `max_payload`: smaller fragments make no sense. */
#define BL_H264_PAY_MIN 64

typedef struct {
  uint8_t header[3];
  uint8_t header_length;
  uint16_t body_length;
  const uint8_t *body; /* a slice of the access unit */
} BlH264PayloadPart;

/* The payload is header and body of each part, one after the other. */
typedef struct {
  BlH264PayloadPart parts[BL_H264_PAY_PARTS];
  unsigned n_parts;
  uint16_t length; /* of the whole payload */
  bool marker;     /* last of the access unit */
} BlH264Payload;

typedef struct {
  BlH264Iter iter;
  BlH264Nal nal;  /* the one to send next; data is NULL at the end */
  BlH264Nal next; /* the one after it, or data is NULL */
  size_t sent;    /* bytes of nal that went as fragments, 0: none yet */
  uint16_t fragment_bytes;
  uint16_t max_payload;
} BlH264Pay;

/* `max_payload` is at least BL_H264_PAY_MIN (programmer error otherwise). */
void bl_h264_pay_init (BlH264Pay *pay, const void *annex_b, size_t length,
                       uint16_t max_payload);

/* False when the access unit is at its end. */
bool bl_h264_pay_next (BlH264Pay *pay, BlH264Payload *out_payload);

/* Latches in the writer if there is no room. */
void bl_h264_payload_write (const BlH264Payload *payload, BlWriter *w);
