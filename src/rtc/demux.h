/* SPDX-License-Identifier: Apache-2.0
 *
 * What a datagram is, by its first bytes (RFC 7983 section 7; RTP and RTCP by
 * the payload type, RFC 5761 section 4). Only a first look: each kind's own
 * parser decides whether it is well formed. Any bytes, any length.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef enum {
  BL_DEMUX_OTHER, /* too short, ZRTP, TURN channel, garbage: count and drop */
  BL_DEMUX_STUN,
  BL_DEMUX_DTLS,
  BL_DEMUX_RTP,
  BL_DEMUX_RTCP,
} BlDemuxKind;

BlDemuxKind bl_demux (const void *data, size_t length);
