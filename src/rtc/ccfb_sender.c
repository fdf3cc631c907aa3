/* SPDX-License-Identifier: Apache-2.0
 *
 * The sender's side: reading reports, matching them with what was sent.
 */
#include "rtc/ccfb.h"

#include "base/blassert.h"

#define RECEIVED          0x8000
#define OFFSET_MASK       0x1fff
#define OFFSET_UNKNOWN    0x1fff
#define OFFSETS_IN_SECOND 1024
#define TICKS_IN_SECOND   65536 /* of the timestamp */
#define TIMESTAMP_BYTES   4

/* Reads a block's header; the rest of it is left in the reader. */
static void
open_block (BlCcfbReport *report)
{
  report->ssrc = bl_reader_be32 (&report->blocks);
  report->seq = bl_reader_be16 (&report->blocks);
  report->left = bl_reader_be16 (&report->blocks);
  report->pad = report->left % 2 * 2;
}

BlCcfbStatus
bl_ccfb_parse (const BlRtcpPacket *packet, BlCcfbReport *out_report)
{
  BlReader r = bl_reader (packet->body, packet->body_length);
  BlCcfbReport report = { .sender_ssrc = bl_reader_be32 (&r) };
  if (bl_reader_left (&r) < TIMESTAMP_BYTES)
    return BL_CCFB_SHORT;
  report.blocks = bl_reader_sub (&r, bl_reader_left (&r) - TIMESTAMP_BYTES);
  report.timestamp = bl_reader_be32 (&r);

  BlCcfbReport walk = report;
  while (bl_reader_left (&walk.blocks) > 0) {
    open_block (&walk);
    bl_reader_skip (&walk.blocks, 2 * (size_t)walk.left + walk.pad);
  }
  if (!bl_reader_ok (&walk.blocks))
    return BL_CCFB_SHORT;
  *out_report = report;
  return BL_CCFB_OK;
}

bool
bl_ccfb_next (BlCcfbReport *report, BlCcfbResult *out_result)
{
  while (report->left == 0) {
    if (bl_reader_left (&report->blocks) == 0)
      return false;
    open_block (report);
  }
  unsigned word = bl_reader_be16 (&report->blocks);
  unsigned offset = word & OFFSET_MASK;
  bool received = word & RECEIVED;
  bool told = received && offset != OFFSET_UNKNOWN;
  *out_result = (BlCcfbResult){
    .ssrc = report->ssrc,
    .seq = report->seq++,
    .received = received,
    .ecn = received ? (BlEcn)(word >> 13 & 3) : BL_ECN_NOT_ECT,
    .before_us = told ? (BlTime)offset * BL_SECOND / OFFSETS_IN_SECOND : 0,
  };
  if (--report->left == 0)
    bl_reader_skip (&report->blocks, report->pad);
  return true;
}

void
bl_ccfb_sender_init (BlCcfbSender *s)
{
  *s = (BlCcfbSender){ 0 };
}

static BlCcfbSent *
sent_of (BlCcfbSender *s, uint32_t ssrc, uint16_t seq)
{
  for (unsigned i = 0; i < s->n_streams; i++)
    if (s->ssrcs[i] == ssrc)
      return &s->sent[i][seq % BL_CCFB_SENT];
  return NULL;
}

void
bl_ccfb_sender_on_sent (BlCcfbSender *s, uint32_t ssrc, uint16_t seq,
                        uint64_t path_seq)
{
  BlCcfbSent *sent = sent_of (s, ssrc, seq);
  bl_assert (path_seq > 0);
  if (!sent) {
    bl_assert (s->n_streams < BL_CCFB_STREAMS);
    s->ssrcs[s->n_streams++] = ssrc;
    sent = sent_of (s, ssrc, seq);
  }
  *sent = (BlCcfbSent){ .path_seq = path_seq, .seq = seq };
}

uint64_t
bl_ccfb_sender_path_seq (const BlCcfbSender *s, uint32_t ssrc, uint16_t seq)
{
  for (unsigned i = 0; i < s->n_streams; i++) {
    const BlCcfbSent *sent = &s->sent[i][seq % BL_CCFB_SENT];
    if (s->ssrcs[i] == ssrc && sent->seq == seq)
      return sent->path_seq;
  }
  return 0;
}

bool
bl_ccfb_sender_next (BlCcfbSender *s, BlCcfbReport *report,
                     BlPacketResult *out_result)
{
  uint64_t ticks = bl_ts_unwrap (&s->timestamps, report->timestamp);
  BlTime written_us = (BlTime)(ticks * BL_SECOND / TICKS_IN_SECOND);
  BlCcfbResult result;
  while (bl_ccfb_next (report, &result)) {
    const BlCcfbSent *sent = sent_of (s, result.ssrc, result.seq);
    if (!sent || sent->path_seq == 0 || sent->seq != result.seq)
      continue;
    *out_result = (BlPacketResult){
      .seq = sent->path_seq,
      .received = result.received,
      .arrival_us = result.received ? written_us - result.before_us : 0,
      .ecn = result.ecn,
    };
    return true;
  }
  return false;
}
