/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/blassert.h"
#include "rtc/rtcp.h"

#define VERSION         2
#define CNAME_MAX_BYTES 255

/* `count` is RC, SC or FMT; `words` is what follows the header. */
static void
write_header (BlWriter *w, unsigned count, uint8_t type, size_t words)
{
  bl_assert (count < 32 && words <= 0xffff);
  bl_writer_u8 (w, (uint8_t)(VERSION << 6 | count));
  bl_writer_u8 (w, type);
  bl_writer_be16 (w, (uint16_t)words);
}

static void
write_blocks (BlWriter *w, const BlRtcpReportBlock *blocks, size_t n_blocks)
{
  for (size_t i = 0; i < n_blocks; i++) {
    const BlRtcpReportBlock *block = &blocks[i];
    bl_writer_be32 (w, block->ssrc);
    bl_writer_u8 (w, block->fraction_lost);
    bl_writer_be24 (w, (uint32_t)block->cumulative_lost & 0xffffff);
    bl_writer_be32 (w, block->highest_seq);
    bl_writer_be32 (w, block->jitter);
    bl_writer_be32 (w, block->lsr);
    bl_writer_be32 (w, block->dlsr);
  }
}

void
bl_rtcp_write_sr (BlWriter *w, uint32_t ssrc, const BlRtcpSenderInfo *info,
                  const BlRtcpReportBlock *blocks, size_t n_blocks)
{
  bl_assert (n_blocks <= BL_RTCP_MAX_REPORTS);
  write_header (w, (unsigned)n_blocks, BL_RTCP_PT_SR, 6 + 6 * n_blocks);
  bl_writer_be32 (w, ssrc);
  bl_writer_be64 (w, info->ntp);
  bl_writer_be32 (w, info->rtp_timestamp);
  bl_writer_be32 (w, info->packets);
  bl_writer_be32 (w, info->octets);
  write_blocks (w, blocks, n_blocks);
}

void
bl_rtcp_write_rr (BlWriter *w, uint32_t ssrc, const BlRtcpReportBlock *blocks,
                  size_t n_blocks)
{
  bl_assert (n_blocks <= BL_RTCP_MAX_REPORTS);
  write_header (w, (unsigned)n_blocks, BL_RTCP_PT_RR, 1 + 6 * n_blocks);
  bl_writer_be32 (w, ssrc);
  write_blocks (w, blocks, n_blocks);
}

void
bl_rtcp_write_cname (BlWriter *w, uint32_t ssrc, const char *cname)
{
  size_t length = strnlen (cname, CNAME_MAX_BYTES);
  size_t items = 2 + length; /* and at least one zero to end them */
  size_t padded = (items + 4) / 4 * 4;
  write_header (w, 1, BL_RTCP_PT_SDES, 1 + padded / 4);
  bl_writer_be32 (w, ssrc);
  bl_writer_u8 (w, 1); /* CNAME */
  bl_writer_u8 (w, (uint8_t)length);
  bl_writer_bytes (w, cname, length);
  bl_writer_zeros (w, padded - items);
}

void
bl_rtcp_write_bye (BlWriter *w, uint32_t ssrc)
{
  write_header (w, 1, BL_RTCP_PT_BYE, 1);
  bl_writer_be32 (w, ssrc);
}

/* How many of `seqs`, from the first, one PID and BLP can name. */
static size_t
nack_word (const uint16_t *seqs, size_t n_seqs, uint16_t *out_blp)
{
  size_t used = 1;
  uint16_t blp = 0;
  for (; used < n_seqs; used++) {
    uint16_t step = (uint16_t)(seqs[used] - seqs[0]);
    if (step > 16)
      break;
    if (step > 0)
      blp = (uint16_t)(blp | 1u << (step - 1));
  }
  *out_blp = blp;
  return used;
}

void
bl_rtcp_write_nack (BlWriter *w, uint32_t sender_ssrc, uint32_t media_ssrc,
                    const uint16_t *seqs, size_t n_seqs)
{
  size_t words = 0;
  uint16_t blp;
  for (size_t i = 0; i < n_seqs; words++)
    i += nack_word (seqs + i, n_seqs - i, &blp);

  write_header (w, 1, BL_RTCP_PT_RTPFB, 2 + words);
  bl_writer_be32 (w, sender_ssrc);
  bl_writer_be32 (w, media_ssrc);
  for (size_t i = 0; i < n_seqs;) {
    size_t used = nack_word (seqs + i, n_seqs - i, &blp);
    bl_writer_be16 (w, seqs[i]);
    bl_writer_be16 (w, blp);
    i += used;
  }
}

void
bl_rtcp_write_pli (BlWriter *w, uint32_t sender_ssrc, uint32_t media_ssrc)
{
  write_header (w, 1, BL_RTCP_PT_PSFB, 2);
  bl_writer_be32 (w, sender_ssrc);
  bl_writer_be32 (w, media_ssrc);
}

void
bl_rtcp_write_fir (BlWriter *w, uint32_t sender_ssrc, uint32_t media_ssrc,
                   uint8_t seq_nr)
{
  write_header (w, 4, BL_RTCP_PT_PSFB, 4);
  bl_writer_be32 (w, sender_ssrc);
  bl_writer_be32 (w, 0); /* RFC 5104 section 4.3.1.2: the entry names it */
  bl_writer_be32 (w, media_ssrc);
  bl_writer_u8 (w, seq_nr);
  bl_writer_zeros (w, 3);
}

/* The header of an XR with one block of `words` (RFC 3611 section 3). */
static void
write_xr (BlWriter *w, uint32_t ssrc, uint8_t block_type, size_t words)
{
  write_header (w, 0, BL_RTCP_PT_XR, 2 + words);
  bl_writer_be32 (w, ssrc);
  bl_writer_u8 (w, block_type);
  bl_writer_u8 (w, 0);
  bl_writer_be16 (w, (uint16_t)words);
}

void
bl_rtcp_write_xr_rrtr (BlWriter *w, uint32_t ssrc, BlNtp ntp)
{
  write_xr (w, ssrc, BL_RTCP_XR_RRTR, 2);
  bl_writer_be64 (w, ntp);
}

void
bl_rtcp_write_xr_dlrr (BlWriter *w, uint32_t ssrc, const BlRtcpDlrr *entries,
                       size_t n_entries)
{
  write_xr (w, ssrc, BL_RTCP_XR_DLRR, 3 * n_entries);
  for (size_t i = 0; i < n_entries; i++) {
    bl_writer_be32 (w, entries[i].ssrc);
    bl_writer_be32 (w, entries[i].lrr);
    bl_writer_be32 (w, entries[i].dlrr);
  }
}
