/* SPDX-License-Identifier: Apache-2.0
 *
 * RTP header extensions (RFC 8285), one- and two-byte form, of the kinds that
 * Bluelight knows. Ids are per session and come from SDP (BlRtpExtMap).
 *
 * What can't be read is passed over: an extension must never cost a packet.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bltime.h"
#include "base/writer.h"
#include "rtc/rtp.h"

typedef enum {
  BL_RTP_EXT_MID,              /* RFC 9143 */
  BL_RTP_EXT_ABS_SEND_TIME,    /* 24 bits, 6.18 fixed-point seconds */
  BL_RTP_EXT_TRANSPORT_CC,     /* draft-holmer-rmcat-transport-wide-cc-...-01 */
  BL_RTP_EXT_ABS_CAPTURE_TIME, /* 8 or 16 bytes */
  BL_RTP_EXT_PLAYOUT_DELAY,    /* two times 12 bits of 10 ms */
  BL_RTP_EXT_AUDIO_LEVEL,      /* RFC 6464 */
  BL_RTP_EXT_N,
} BlRtpExtKind;

/* A longer mid is not written and, received, passed over. */
#define BL_RTP_MID_MAX_BYTES 16

/* All extensions of BlRtpExtValues together, with header and padding. */
#define BL_RTP_EXT_MAX_BYTES 64

/* The id of each kind, 1..255; 0: not negotiated. Ids above 14 take the
 * two-byte form. */
typedef struct {
  uint8_t id[BL_RTP_EXT_N];
} BlRtpExtMap;

#define BL_RTP_EXT_BIT(kind) (1u << (kind))

/* A field counts only if its kind's bit is set in `present`. */
typedef struct {
  uint32_t present;
  char mid[BL_RTP_MID_MAX_BYTES + 1];
  uint32_t abs_send_time; /* the low 24 bits */
  uint16_t transport_seq;
  BlNtp capture_ntp;          /* in the clock of the system that captured */
  bool has_capture_offset;    /* the 16-byte form */
  int64_t capture_offset_q32; /* 32.32 s: capture clock minus sender clock */
  uint16_t playout_min_ms;    /* multiples of 10, at most 40950 */
  uint16_t playout_max_ms;
  bool voice;
  uint8_t audio_level; /* 0..127: -dBov */
} BlRtpExtValues;

static inline bool
bl_rtp_ext_has (const BlRtpExtValues *values, BlRtpExtKind kind)
{
  return values->present & BL_RTP_EXT_BIT (kind);
}

/* The URI that stands in a=extmap for `kind`. Static. */
const char *bl_rtp_ext_uri (BlRtpExtKind kind);

/* False if `uri` (zero-terminated) is none of ours. */
bool bl_rtp_ext_kind_from_uri (const char *uri, BlRtpExtKind *out_kind);

/* Reads the extension of a parsed packet by `map`. `out_values` is always
 * filled, with present = 0 if nothing could be read. False: some element was
 * malformed or of the wrong length; those before it, or the others, count. */
bool bl_rtp_ext_parse (const BlRtp *rtp, const BlRtpExtMap *map,
                       BlRtpExtValues *out_values);

/* Where in the packet, from its first byte, a value stands that is known only
 * when the packet leaves; 0 if it was not written. */
typedef struct {
  uint16_t transport_seq;    /* 2 bytes */
  uint16_t abs_send_time;    /* 3 bytes */
  uint16_t abs_capture_time; /* 8 bytes */
} BlRtpExtOffsets;

/* The fan-out's header: the fixed header of `rtp` (its CSRCs and extension
 * are left out) and those of `values` that are present and have an id in
 * `map`. The packet starts where `w` stands. The payload goes right after.
 * `out_offsets` may be NULL. */
void bl_rtp_ext_write (BlWriter *w, const BlRtp *rtp, const BlRtpExtMap *map,
                       const BlRtpExtValues *values,
                       BlRtpExtOffsets *out_offsets);

/* Fill in the value at its offset; nothing if it has none. */
void bl_rtp_ext_patch_transport_seq (uint8_t *packet,
                                     const BlRtpExtOffsets *offsets,
                                     uint16_t transport_seq);
void bl_rtp_ext_patch_abs_send_time (uint8_t *packet,
                                     const BlRtpExtOffsets *offsets,
                                     uint32_t abs_send_time);

/* The 24 bits of abs-send-time for a time of sending. */
static inline uint32_t
bl_rtp_abs_send_time (BlNtp ntp)
{
  return (uint32_t)(ntp >> 14) & 0xffffff;
}
