/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/rtcp.h"

#include <string.h>

#define VERSION       2
#define HEADER_BYTES  4
#define FIRST_TYPE    192 /* RFC 5761 section 4 */
#define LAST_TYPE     223
#define REPORT_BYTES  24
#define FIR_BYTES     8
#define DLRR_BYTES    12
#define FB_BYTES      8  /* both SSRCs of a feedback packet */
#define SR_INFO_BYTES 20 /* after the SSRC */

static const struct {
  uint8_t type;
  uint8_t format; /* 0: any, for these types */
  BlRtcpKind kind;
} kinds[] = {
  { BL_RTCP_PT_SR, 0, BL_RTCP_KIND_SR },
  { BL_RTCP_PT_RR, 0, BL_RTCP_KIND_RR },
  { BL_RTCP_PT_SDES, 0, BL_RTCP_KIND_SDES },
  { BL_RTCP_PT_BYE, 0, BL_RTCP_KIND_BYE },
  { BL_RTCP_PT_RTPFB, 1, BL_RTCP_KIND_NACK },
  { BL_RTCP_PT_RTPFB, 11, BL_RTCP_KIND_CCFB },
  { BL_RTCP_PT_RTPFB, 15, BL_RTCP_KIND_TRANSPORT_CC },
  { BL_RTCP_PT_PSFB, 1, BL_RTCP_KIND_PLI },
  { BL_RTCP_PT_PSFB, 4, BL_RTCP_KIND_FIR },
  { BL_RTCP_PT_PSFB, 15, BL_RTCP_KIND_REMB },
  { BL_RTCP_PT_XR, 0, BL_RTCP_KIND_XR },
};

/* PSFB 15 is for any application; only "REMB" is known. */
static bool
is_remb (const BlRtcpPacket *packet)
{
  return packet->body_length >= FB_BYTES + 4
         && memcmp (packet->body + FB_BYTES, "REMB", 4) == 0;
}

static BlRtcpKind
kind_of (const BlRtcpPacket *packet)
{
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
    if (packet->type == kinds[i].type
        && (kinds[i].format == 0 || packet->count == kinds[i].format)) {
      if (kinds[i].kind == BL_RTCP_KIND_REMB && !is_remb (packet))
        return BL_RTCP_KIND_OTHER;
      return kinds[i].kind;
    }
  return BL_RTCP_KIND_OTHER;
}

/* Reads the packet at the cursor (RFC 3550 appendix A.2). */
static BlRtcpStatus
read_packet (BlReader *r, BlRtcpPacket *out_packet)
{
  uint8_t first = bl_reader_u8 (r);
  uint8_t type = bl_reader_u8 (r);
  uint32_t length = 4 * (uint32_t)bl_reader_be16 (r);
  const uint8_t *body = bl_reader_bytes (r, length);
  if (!bl_reader_ok (r))
    return BL_RTCP_SHORT;
  if (first >> 6 != VERSION)
    return BL_RTCP_BAD_VERSION;
  if (type < FIRST_TYPE || type > LAST_TYPE)
    return BL_RTCP_BAD_TYPE;
  if (first & 0x20) {
    uint8_t padding = length > 0 ? body[length - 1] : 0;
    if (bl_reader_left (r) > 0 || padding == 0 || padding > length)
      return BL_RTCP_BAD_PADDING;
    length -= padding;
  }
  *out_packet = (BlRtcpPacket){
    .type = type, .count = first & 0x1f, .body = body, .body_length = length
  };
  out_packet->kind = kind_of (out_packet);
  return BL_RTCP_OK;
}

BlRtcpStatus
bl_rtcp_open (BlRtcpIter *out_iter, const void *data, size_t length)
{
  BlReader r = bl_reader (data, length);
  do {
    BlRtcpPacket packet;
    BlRtcpStatus status = read_packet (&r, &packet);
    if (status != BL_RTCP_OK)
      return status;
  } while (bl_reader_left (&r) > 0);
  out_iter->reader = bl_reader (data, length);
  return BL_RTCP_OK;
}

bool
bl_rtcp_next (BlRtcpIter *iter, BlRtcpPacket *out_packet)
{
  return bl_reader_left (&iter->reader) > 0
         && read_packet (&iter->reader, out_packet) == BL_RTCP_OK;
}

bool
bl_rtcp_read_ssrc (const BlRtcpPacket *packet, uint32_t *out_ssrc)
{
  BlReader r = bl_reader (packet->body, packet->body_length);
  uint32_t ssrc = bl_reader_be32 (&r);
  if (!bl_reader_ok (&r))
    return false;
  *out_ssrc = ssrc;
  return true;
}

bool
bl_rtcp_read_sr (const BlRtcpPacket *sr, uint32_t *out_ssrc,
                 BlRtcpSenderInfo *out_info)
{
  BlReader r = bl_reader (sr->body, sr->body_length);
  uint32_t ssrc = bl_reader_be32 (&r);
  BlRtcpSenderInfo info;
  info.ntp = bl_reader_be64 (&r);
  info.rtp_timestamp = bl_reader_be32 (&r);
  info.packets = bl_reader_be32 (&r);
  info.octets = bl_reader_be32 (&r);
  if (!bl_reader_ok (&r))
    return false;
  *out_ssrc = ssrc;
  *out_info = info;
  return true;
}

/* A 24-bit number with sign. */
static int32_t
signed_24 (uint32_t value)
{
  return (int32_t)(value ^ 0x800000) - 0x800000;
}

bool
bl_rtcp_read_report (const BlRtcpPacket *sr_or_rr, unsigned index,
                     BlRtcpReportBlock *out_block)
{
  if (index >= sr_or_rr->count)
    return false;
  BlReader r = bl_reader (sr_or_rr->body, sr_or_rr->body_length);
  bl_reader_skip (&r, 4);
  if (sr_or_rr->type == BL_RTCP_PT_SR)
    bl_reader_skip (&r, SR_INFO_BYTES);
  bl_reader_skip (&r, (size_t)index * REPORT_BYTES);

  BlRtcpReportBlock block;
  block.ssrc = bl_reader_be32 (&r);
  block.fraction_lost = bl_reader_u8 (&r);
  block.cumulative_lost = signed_24 (bl_reader_be24 (&r));
  block.highest_seq = bl_reader_be32 (&r);
  block.jitter = bl_reader_be32 (&r);
  block.lsr = bl_reader_be32 (&r);
  block.dlsr = bl_reader_be32 (&r);
  if (!bl_reader_ok (&r))
    return false;
  *out_block = block;
  return true;
}

/* Reads one SDES chunk: items until a zero, padded to a whole word. */
static bool
read_chunk (BlReader *r, uint32_t *out_ssrc, const char **out_cname,
            size_t *out_length)
{
  const uint8_t *start = r->at;
  uint32_t ssrc = bl_reader_be32 (r);
  const char *cname = "";
  size_t cname_length = 0;
  uint8_t item;
  while ((item = bl_reader_u8 (r)) != 0) {
    size_t length = bl_reader_u8 (r);
    const uint8_t *text = bl_reader_bytes (r, length);
    if (item == 1 && text) {
      cname = (const char *)text;
      cname_length = length;
    }
  }
  if (bl_reader_ok (r))
    bl_reader_skip (r, -(size_t)(r->at - start) % 4);
  if (!bl_reader_ok (r))
    return false;
  *out_ssrc = ssrc;
  *out_cname = cname;
  *out_length = cname_length;
  return true;
}

bool
bl_rtcp_read_cname (const BlRtcpPacket *sdes, unsigned index,
                    uint32_t *out_ssrc, const char **out_cname,
                    size_t *out_length)
{
  BlReader r = bl_reader (sdes->body, sdes->body_length);
  uint32_t ssrc;
  const char *cname;
  size_t length;
  if (index >= sdes->count)
    return false;
  for (unsigned i = 0; i <= index; i++)
    if (!read_chunk (&r, &ssrc, &cname, &length))
      return false;
  *out_ssrc = ssrc;
  *out_cname = cname;
  *out_length = length;
  return true;
}

bool
bl_rtcp_read_bye (const BlRtcpPacket *bye, unsigned index, uint32_t *out_ssrc)
{
  if (index >= bye->count)
    return false;
  BlReader r = bl_reader (bye->body, bye->body_length);
  bl_reader_skip (&r, 4 * (size_t)index);
  uint32_t ssrc = bl_reader_be32 (&r);
  if (!bl_reader_ok (&r))
    return false;
  *out_ssrc = ssrc;
  return true;
}

bool
bl_rtcp_read_feedback (const BlRtcpPacket *packet, BlRtcpFeedback *out_feedback)
{
  BlReader r = bl_reader (packet->body, packet->body_length);
  BlRtcpFeedback feedback;
  feedback.sender_ssrc = bl_reader_be32 (&r);
  feedback.media_ssrc = bl_reader_be32 (&r);
  if (!bl_reader_ok (&r))
    return false;
  feedback.fci = r.at;
  feedback.fci_length = (uint32_t)bl_reader_left (&r);
  *out_feedback = feedback;
  return true;
}

BlRtcpNackIter
bl_rtcp_nack_iter (const BlRtcpFeedback *nack)
{
  return (BlRtcpNackIter){ .reader = bl_reader (nack->fci, nack->fci_length) };
}

bool
bl_rtcp_nack_next (BlRtcpNackIter *iter, uint16_t *out_seq)
{
  if (iter->blp == 0) {
    uint16_t pid = bl_reader_be16 (&iter->reader);
    uint16_t blp = bl_reader_be16 (&iter->reader);
    if (!bl_reader_ok (&iter->reader))
      return false;
    iter->pid = pid;
    iter->blp = blp;
    *out_seq = pid;
    return true;
  }
  int bit = __builtin_ctz (iter->blp);
  iter->blp = (uint16_t)(iter->blp & (iter->blp - 1));
  *out_seq = (uint16_t)(iter->pid + bit + 1);
  return true;
}

bool
bl_rtcp_read_fir (const BlRtcpFeedback *fir, unsigned index, uint32_t *out_ssrc,
                  uint8_t *out_seq_nr)
{
  BlReader r = bl_reader (fir->fci, fir->fci_length);
  bl_reader_skip (&r, (size_t)index * FIR_BYTES);
  uint32_t ssrc = bl_reader_be32 (&r);
  uint8_t seq_nr = bl_reader_u8 (&r);
  bl_reader_skip (&r, 3);
  if (!bl_reader_ok (&r))
    return false;
  *out_ssrc = ssrc;
  *out_seq_nr = seq_nr;
  return true;
}

bool
bl_rtcp_read_remb (const BlRtcpFeedback *remb, uint64_t *out_bps)
{
  BlReader r = bl_reader (remb->fci, remb->fci_length);
  bl_reader_skip (&r, 5); /* "REMB" and the number of SSRCs */
  uint32_t bits = bl_reader_be24 (&r);
  if (!bl_reader_ok (&r))
    return false;
  unsigned exponent = bits >> 18;
  uint64_t mantissa = bits & 0x3ffff;
  /* 18 bits shifted by up to 63: what doesn't fit is as good as no limit. */
  *out_bps
      = mantissa > UINT64_MAX >> exponent ? UINT64_MAX : mantissa << exponent;
  return true;
}

bool
bl_rtcp_read_xr (const BlRtcpPacket *packet, BlRtcpXr *out_xr)
{
  BlReader r = bl_reader (packet->body, packet->body_length);
  BlRtcpXr xr = { .ssrc = bl_reader_be32 (&r) };
  while (bl_reader_left (&r) > 0) {
    uint8_t type = bl_reader_u8 (&r);
    bl_reader_skip (&r, 1);
    uint32_t length = 4 * (uint32_t)bl_reader_be16 (&r);
    BlReader block = bl_reader_sub (&r, length);
    if (!bl_reader_ok (&r))
      return false;
    if (type == BL_RTCP_XR_RRTR && length == 8) {
      xr.has_rrtr = true;
      xr.rrtr = bl_reader_be64 (&block);
    } else if (type == BL_RTCP_XR_DLRR && !xr.dlrr) {
      xr.dlrr = block.at;
      xr.dlrr_length = length;
    }
  }
  if (!bl_reader_ok (&r))
    return false;
  *out_xr = xr;
  return true;
}

bool
bl_rtcp_read_dlrr (const BlRtcpXr *xr, unsigned index, BlRtcpDlrr *out_dlrr)
{
  BlReader r = bl_reader (xr->dlrr, xr->dlrr_length);
  bl_reader_skip (&r, (size_t)index * DLRR_BYTES);
  BlRtcpDlrr dlrr;
  dlrr.ssrc = bl_reader_be32 (&r);
  dlrr.lrr = bl_reader_be32 (&r);
  dlrr.dlrr = bl_reader_be32 (&r);
  if (!bl_reader_ok (&r))
    return false;
  *out_dlrr = dlrr;
  return true;
}
