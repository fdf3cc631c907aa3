/* SPDX-License-Identifier: Apache-2.0
 *
 * RTCP (RFC 3550 section 6, 4585, 5104, 5506, 3611): walking a compound,
 * reading and writing its packets. rtcp.c reads, rtcp_write.c writes.
 *
 *   BlRtcpIter iter;
 *   BlRtcpPacket packet;
 *   if (bl_rtcp_open (&iter, data, length) != BL_RTCP_OK)
 *     count it and drop it;
 *   while (bl_rtcp_next (&iter, &packet))
 *     switch (packet.kind) ...
 *
 * Invariant: after BL_RTCP_OK the packets' lengths add up to the whole; each
 * packet's body lies within it. A body may still be too short for its kind:
 * then the reader of that kind says false and leaves its output untouched.
 * All pointers are into the caller's data.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bltime.h"
#include "base/reader.h"
#include "base/writer.h"

typedef enum {
  BL_RTCP_OK,
  BL_RTCP_SHORT,       /* a length points past the end, or under 4 bytes */
  BL_RTCP_BAD_VERSION, /* not 2 */
  BL_RTCP_BAD_TYPE,    /* no RTCP packet type (192..223) */
  BL_RTCP_BAD_PADDING, /* not on the last packet, zero, too much */
} BlRtcpStatus;

typedef enum {
  BL_RTCP_KIND_OTHER, /* pass over */
  BL_RTCP_KIND_SR,
  BL_RTCP_KIND_RR,
  BL_RTCP_KIND_SDES,
  BL_RTCP_KIND_BYE,
  BL_RTCP_KIND_NACK,         /* RTPFB 1 */
  BL_RTCP_KIND_CCFB,         /* RTPFB 11: see rtc/ccfb.h */
  BL_RTCP_KIND_TRANSPORT_CC, /* RTPFB 15: see rtc/twcc.h */
  BL_RTCP_KIND_PLI,          /* PSFB 1 */
  BL_RTCP_KIND_FIR,          /* PSFB 4 */
  BL_RTCP_KIND_REMB,         /* PSFB 15 with "REMB" */
  BL_RTCP_KIND_XR,
} BlRtcpKind;

/* Packet types (RFC 3550 section 12.1, 4585, 3611). */
enum {
  BL_RTCP_PT_SR = 200,
  BL_RTCP_PT_RR = 201,
  BL_RTCP_PT_SDES = 202,
  BL_RTCP_PT_BYE = 203,
  BL_RTCP_PT_RTPFB = 205,
  BL_RTCP_PT_PSFB = 206,
  BL_RTCP_PT_XR = 207,
};

/* Blocks of XR (RFC 3611). */
enum {
  BL_RTCP_XR_RRTR = 4,
  BL_RTCP_XR_DLRR = 5,
};

typedef struct {
  BlRtcpKind kind;
  uint8_t type;         /* PT */
  uint8_t count;        /* RC, SC or FMT: 0..31 */
  const uint8_t *body;  /* after the 4-byte header */
  uint32_t body_length; /* bytes, without padding */
} BlRtcpPacket;

typedef struct {
  BlReader reader;
} BlRtcpIter;

/* Checks the whole compound; `out_iter` untouched unless BL_RTCP_OK. Any type
 * may come first, alone or not (RFC 5506). */
BlRtcpStatus bl_rtcp_open (BlRtcpIter *out_iter, const void *data,
                           size_t length);

/* The next packet; false at the end. */
bool bl_rtcp_next (BlRtcpIter *iter, BlRtcpPacket *out_packet);

/* Sender and receiver reports (RFC 3550 section 6.4) */

typedef struct {
  BlNtp ntp;
  uint32_t rtp_timestamp; /* the same instant on the track's clock */
  uint32_t packets;
  uint32_t octets; /* of payload */
} BlRtcpSenderInfo;

typedef struct {
  uint32_t ssrc;           /* the stream reported on */
  uint8_t fraction_lost;   /* of 256, since the last report */
  int32_t cumulative_lost; /* 24 bits, negative with duplicates */
  uint32_t highest_seq;    /* with cycles in the upper half */
  uint32_t jitter;         /* timestamp units */
  uint32_t lsr;            /* middle of the last SR's NTP time; 0: none */
  uint32_t dlsr;           /* delay since that, 1/65536 s */
} BlRtcpReportBlock;

bool bl_rtcp_read_sr (const BlRtcpPacket *sr, uint32_t *out_ssrc,
                      BlRtcpSenderInfo *out_info);

/* The SSRC that sent the SR, RR, XR or feedback (its first word). */
bool bl_rtcp_read_ssrc (const BlRtcpPacket *packet, uint32_t *out_ssrc);

/* Report block `index` (from 0) of an SR or RR; false past the last. */
bool bl_rtcp_read_report (const BlRtcpPacket *sr_or_rr, unsigned index,
                          BlRtcpReportBlock *out_block);

/* The CNAME of chunk `index` (from 0), not zero-terminated. False past the
 * last chunk or if it is malformed; a chunk without CNAME gives length 0. */
bool bl_rtcp_read_cname (const BlRtcpPacket *sdes, unsigned index,
                         uint32_t *out_ssrc, const char **out_cname,
                         size_t *out_length);

/* The SSRC number `index` (from 0) that leaves; false past the last. */
bool bl_rtcp_read_bye (const BlRtcpPacket *bye, unsigned index,
                       uint32_t *out_ssrc);

/* Feedback (RFC 4585 section 6.1) */

typedef struct {
  uint32_t sender_ssrc;
  uint32_t media_ssrc;
  const uint8_t *fci;
  uint32_t fci_length; /* bytes */
} BlRtcpFeedback;

/* The common part of NACK, TRANSPORT_CC, PLI, FIR and REMB. */
bool bl_rtcp_read_feedback (const BlRtcpPacket *packet,
                            BlRtcpFeedback *out_feedback);

/* Generic NACK (RFC 4585 section 6.2.1): walks the lost sequence numbers in
 * the order written. */
typedef struct {
  BlReader reader;
  uint16_t pid;
  uint16_t blp;
} BlRtcpNackIter;

BlRtcpNackIter bl_rtcp_nack_iter (const BlRtcpFeedback *nack);
bool bl_rtcp_nack_next (BlRtcpNackIter *iter, uint16_t *out_seq);

/* FIR entry `index` (RFC 5104 section 4.3.1): which stream, and the request's
 * number: the same number again is a repetition, not a new request. */
bool bl_rtcp_read_fir (const BlRtcpFeedback *fir, unsigned index,
                       uint32_t *out_ssrc, uint8_t *out_seq_nr);

/* draft-alvestrand-rmcat-remb-03. */
bool bl_rtcp_read_remb (const BlRtcpFeedback *remb, uint64_t *out_bps);

/* Extended reports (RFC 3611 sections 4.4 and 4.5) */

typedef struct {
  uint32_t ssrc; /* the receiver whose RRTR is answered */
  uint32_t lrr;  /* middle of that RRTR's NTP time; 0: none came */
  uint32_t dlrr; /* delay since it, 1/65536 s */
} BlRtcpDlrr;

typedef struct {
  uint32_t ssrc;
  bool has_rrtr;
  BlNtp rrtr;
  const uint8_t *dlrr; /* the first DLRR block's entries, or NULL */
  uint32_t dlrr_length;
} BlRtcpXr;

/* Blocks of other types are passed over; false if a block's length points
 * past the end. */
bool bl_rtcp_read_xr (const BlRtcpPacket *packet, BlRtcpXr *out_xr);
bool bl_rtcp_read_dlrr (const BlRtcpXr *xr, unsigned index,
                        BlRtcpDlrr *out_dlrr);

/* Writers. Each appends one packet; several make a compound, an SR or RR
 * first and then a CNAME unless reduced-size RTCP (RFC 5506) was negotiated.
 * What doesn't fit fails the writer: ask bl_writer_ok() once. */

#define BL_RTCP_MAX_REPORTS 31

/* `n_blocks` <= BL_RTCP_MAX_REPORTS. */
void bl_rtcp_write_sr (BlWriter *w, uint32_t ssrc, const BlRtcpSenderInfo *info,
                       const BlRtcpReportBlock *blocks, size_t n_blocks);
void bl_rtcp_write_rr (BlWriter *w, uint32_t ssrc,
                       const BlRtcpReportBlock *blocks, size_t n_blocks);
/* At most 255 bytes of `cname` are written. */
void bl_rtcp_write_cname (BlWriter *w, uint32_t ssrc, const char *cname);
void bl_rtcp_write_bye (BlWriter *w, uint32_t ssrc);
/* `seqs` in ascending order (modulo 2^16), so that neighbours share a word. */
void bl_rtcp_write_nack (BlWriter *w, uint32_t sender_ssrc, uint32_t media_ssrc,
                         const uint16_t *seqs, size_t n_seqs);
void bl_rtcp_write_pli (BlWriter *w, uint32_t sender_ssrc, uint32_t media_ssrc);
void bl_rtcp_write_fir (BlWriter *w, uint32_t sender_ssrc, uint32_t media_ssrc,
                        uint8_t seq_nr);
void bl_rtcp_write_xr_rrtr (BlWriter *w, uint32_t ssrc, BlNtp ntp);
void bl_rtcp_write_xr_dlrr (BlWriter *w, uint32_t ssrc,
                            const BlRtcpDlrr *entries, size_t n_entries);
