/* SPDX-License-Identifier: Apache-2.0
 *
 * The RTP header (RFC 3550 section 5.1). Parsing copies nothing: pointers are
 * into the packet and live as long as it does.
 *
 * Invariant after BL_RTP_OK: header, extension, payload and padding lie within
 * the packet, in this order, and make up all of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/writer.h"

#define BL_RTP_HEADER_BYTES 12

/* Profiles of the header extension (RFC 8285). */
#define BL_RTP_EXT_ONE_BYTE 0xbede
#define BL_RTP_EXT_TWO_BYTE 0x1000 /* the low four bits are the sender's */

typedef enum {
  BL_RTP_OK,
  BL_RTP_SHORT,       /* ends within header, CSRCs or extension */
  BL_RTP_BAD_VERSION, /* not 2 */
  BL_RTP_BAD_PADDING, /* zero, or more than there is */
} BlRtpStatus;

typedef struct {
  uint8_t payload_type; /* 0..127 */
  bool marker;
  uint16_t seq;
  uint32_t timestamp;
  uint32_t ssrc;

  const uint8_t *csrcs; /* csrc_count big-endian words */
  uint8_t csrc_count;   /* 0..15 */

  bool has_ext;
  uint16_t ext_profile;
  const uint8_t *ext;  /* the extension's content, after its 4-byte header */
  uint32_t ext_length; /* bytes, a multiple of 4 */

  const uint8_t *payload;
  uint32_t payload_length; /* bytes, without padding; may be 0 */
  uint8_t padding;         /* bytes after the payload, 0 without the P bit */
} BlRtp;

/* Borrows `data`. `out_rtp` is untouched unless BL_RTP_OK. */
BlRtpStatus bl_rtp_parse (const void *data, size_t length, BlRtp *out_rtp);

/* Writes the fixed header, the CSRCs and the extension as they stand in `rtp`,
 * without the P bit: the payload is the caller's to append. For a header
 * with extension values of one's own see rtc/rtpext.h. */
void bl_rtp_write_header (BlWriter *w, const BlRtp *rtp);
