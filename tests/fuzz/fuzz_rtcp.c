/* SPDX-License-Identifier: Apache-2.0
 *
 * RTCP compounds: every reader on every packet, whatever its kind.
 */
#include "base/blassert.h"
#include "rtc/rtcp.h"

/* So that reads past the end are made, not optimised away. */
static volatile uint64_t sink;

static void
read_reports (const BlRtcpPacket *packet)
{
  uint32_t ssrc;
  const char *cname;
  size_t length;
  BlRtcpSenderInfo info;
  BlRtcpReportBlock block;

  if (bl_rtcp_read_ssrc (packet, &ssrc))
    sink += ssrc;
  if (bl_rtcp_read_sr (packet, &ssrc, &info))
    sink += info.ntp;
  for (unsigned i = 0; bl_rtcp_read_report (packet, i, &block); i++) {
    bl_assert (i < BL_RTCP_MAX_REPORTS);
    bl_assert (block.cumulative_lost >= -0x800000
               && block.cumulative_lost <= 0x7fffff);
  }
  for (unsigned i = 0; bl_rtcp_read_bye (packet, i, &ssrc); i++)
    sink += ssrc;
  for (unsigned i = 0; bl_rtcp_read_cname (packet, i, &ssrc, &cname, &length);
       i++)
    for (size_t j = 0; j < length; j++)
      sink += (uint8_t)cname[j];
}

static void
read_feedback (const BlRtcpPacket *packet)
{
  BlRtcpFeedback feedback;
  uint32_t ssrc;
  uint16_t seq;
  uint8_t number;
  uint64_t bps;
  if (!bl_rtcp_read_feedback (packet, &feedback))
    return;
  unsigned lost = 0;
  BlRtcpNackIter nack = bl_rtcp_nack_iter (&feedback);
  while (bl_rtcp_nack_next (&nack, &seq))
    lost++;
  bl_assert (lost <= feedback.fci_length / 4 * 17);
  for (unsigned i = 0; bl_rtcp_read_fir (&feedback, i, &ssrc, &number); i++)
    sink += number;
  if (bl_rtcp_read_remb (&feedback, &bps))
    sink += bps;
}

static void
read_extended (const BlRtcpPacket *packet)
{
  BlRtcpXr xr;
  BlRtcpDlrr dlrr;
  if (!bl_rtcp_read_xr (packet, &xr))
    return;
  sink += xr.rrtr;
  for (unsigned i = 0; bl_rtcp_read_dlrr (&xr, i, &dlrr); i++)
    sink += dlrr.lrr;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  BlRtcpIter iter;
  BlRtcpPacket packet;
  if (bl_rtcp_open (&iter, data, size) != BL_RTCP_OK)
    return 0;
  const uint8_t *end = data;
  while (bl_rtcp_next (&iter, &packet)) {
    bl_assert (packet.body >= end + 4);
    end = packet.body + packet.body_length;
    bl_assert (end <= data + size);
    read_reports (&packet);
    read_feedback (&packet);
    read_extended (&packet);
  }
  return 0;
}
