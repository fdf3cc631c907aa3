/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/demux.h"

#include <string.h>

static const struct {
  uint8_t first, last; /* of the datagram's first byte */
  uint8_t minimum;     /* bytes of the kind's own header */
  BlDemuxKind kind;
} ranges[] = {
  { 0, 3, 20, BL_DEMUX_STUN },
  { 20, 63, 13, BL_DEMUX_DTLS },
  { 128, 191, 8, BL_DEMUX_RTP },
};

#define RTP_HEADER_BYTES 12

/* RTP's marker and payload type stand where RTCP has its packet type, so these
 * payload types (64 to 95 with the marker) can't be used for media. */
static BlDemuxKind
rtp_or_rtcp (const uint8_t *bytes, size_t length)
{
  if (bytes[1] >= 192 && bytes[1] <= 223)
    return BL_DEMUX_RTCP;
  return length >= RTP_HEADER_BYTES ? BL_DEMUX_RTP : BL_DEMUX_OTHER;
}

BlDemuxKind
bl_demux (const void *data, size_t length)
{
  static const uint8_t cookie[4] = { 0x21, 0x12, 0xa4, 0x42 };
  const uint8_t *bytes = data;

  for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
    if (length < ranges[i].minimum || bytes[0] < ranges[i].first
        || bytes[0] > ranges[i].last)
      continue;
    if (ranges[i].kind == BL_DEMUX_RTP)
      return rtp_or_rtcp (bytes, length);
    if (ranges[i].kind == BL_DEMUX_STUN
        && memcmp (bytes + 4, cookie, sizeof cookie) != 0)
      return BL_DEMUX_OTHER;
    return ranges[i].kind;
  }
  return BL_DEMUX_OTHER;
}
