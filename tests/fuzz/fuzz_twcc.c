/* SPDX-License-Identifier: Apache-2.0
 *
 * Transport-wide feedback: what parses is walked to its end, matched with
 * packets sent, and the arrivals it tells of are reported anew.
 */
#include "base/blassert.h"
#include "rtc/rtcp.h"
#include "rtc/twcc.h"

static BlTwccReceiver receiver;
static BlTwccSender sender;

static void
report_anew (BlTwccFeedback feedback)
{
  BlTime start = (BlTime)feedback.reference * BL_TWCC_REFERENCE_US;
  BlTwccResult result;
  bl_twcc_receiver_init (&receiver);
  while (bl_twcc_next (&feedback, &result))
    if (result.received && start + result.offset_us >= 0)
      bl_twcc_receiver_on_packet (&receiver, result.seq,
                                  start + result.offset_us);

  for (unsigned i = 0; bl_twcc_receiver_has_news (&receiver); i++) {
    uint8_t buffer[200];
    BlWriter w = bl_writer (buffer, sizeof buffer);
    bl_assert (i <= BL_TWCC_WINDOW);
    bl_assert (bl_twcc_receiver_write (&receiver, &w, 1, 2));

    BlRtcpIter iter;
    BlRtcpPacket packet;
    BlRtcpFeedback common;
    BlTwccFeedback again;
    bl_assert (bl_rtcp_open (&iter, buffer, bl_writer_length (&w))
               == BL_RTCP_OK);
    bl_assert (bl_rtcp_next (&iter, &packet));
    bl_assert (bl_rtcp_read_feedback (&packet, &common));
    bl_assert (bl_twcc_parse (common.fci, common.fci_length, &again)
               == BL_TWCC_OK);
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  BlTwccFeedback feedback, copy;
  BlTwccResult result;
  BlTwccAck ack;
  if (bl_twcc_parse (data, size, &feedback) != BL_TWCC_OK)
    return 0;

  uint32_t n = 0;
  for (copy = feedback; bl_twcc_next (&copy, &result); n++)
    bl_assert (result.seq == (uint16_t)(feedback.base_seq + n));
  bl_assert (n == feedback.status_count);
  bl_assert (bl_reader_left (&copy.deltas) == 0);

  bl_twcc_sender_init (&sender);
  for (uint32_t i = 0; i < 100; i++)
    bl_twcc_sender_on_sent (&sender, i, i);
  for (copy = feedback, n = 0; bl_twcc_sender_next_ack (&sender, &copy, &ack);
       n++)
    bl_assert (ack.bytes == ack.seq - BL_SEQ_CYCLE);
  bl_assert (n <= 100);

  report_anew (feedback);
  return 0;
}
