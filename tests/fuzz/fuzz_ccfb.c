/* SPDX-License-Identifier: Apache-2.0
 *
 * RFC 8888 reports, from after the RTCP header on: what parses is walked to
 * its end and matched with packets sent, and the arrivals it tells of are
 * reported anew.
 */
#include "base/blassert.h"
#include "rtc/ccfb.h"

#define SENT 100

static BlCcfbReceiver receiver;
static BlCcfbSender sender;

static void
report_anew (BlCcfbReport report)
{
  const BlTime now = 10 * BL_SECOND;
  BlCcfbResult result;
  bl_ccfb_receiver_init (&receiver);
  while (bl_ccfb_next (&report, &result))
    if (result.received)
      bl_ccfb_receiver_on_packet (&receiver, result.ssrc, result.seq,
                                  result.ecn, now - result.before_us);

  for (unsigned i = 0; bl_ccfb_receiver_has_news (&receiver); i++) {
    uint8_t buffer[200];
    BlWriter w = bl_writer (buffer, sizeof buffer);
    BlRtcpIter iter;
    BlRtcpPacket packet;
    BlCcfbReport again;
    bl_assert (i <= BL_CCFB_STREAMS * BL_CCFB_WINDOW);
    bl_assert (bl_ccfb_receiver_write (&receiver, &w, 1, now, 2));
    bl_assert (bl_rtcp_open (&iter, buffer, bl_writer_length (&w))
               == BL_RTCP_OK);
    bl_assert (bl_rtcp_next (&iter, &packet));
    bl_assert (packet.kind == BL_RTCP_KIND_CCFB);
    bl_assert (bl_ccfb_parse (&packet, &again) == BL_CCFB_OK);
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  BlRtcpPacket packet = { .kind = BL_RTCP_KIND_CCFB,
                          .body = data,
                          .body_length = (uint32_t)size };
  BlCcfbReport report, copy;
  BlCcfbResult result;
  BlPacketResult of_path;
  if (bl_ccfb_parse (&packet, &report) != BL_CCFB_OK)
    return 0;

  size_t n = 0;
  for (copy = report; bl_ccfb_next (&copy, &result); n++)
    bl_assert (result.before_us >= 0 && result.before_us < 9 * BL_SECOND);
  bl_assert (n <= size / 2);
  bl_assert (bl_reader_left (&copy.blocks) == 0);

  bl_ccfb_sender_init (&sender);
  for (uint16_t i = 0; i < SENT; i++)
    bl_ccfb_sender_on_sent (&sender, 0x22, i, 1u + i);
  for (copy = report; bl_ccfb_sender_next (&sender, &copy, &of_path);)
    bl_assert (of_path.seq >= 1 && of_path.seq <= SENT);

  report_anew (report);
  return 0;
}
