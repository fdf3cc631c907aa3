/* SPDX-License-Identifier: Apache-2.0
 *
 * A publisher with the right keys that sends whatever it likes: records of a
 * kind (one byte), a length (two) and as many bytes, given to a source one
 * after the other, with the reports it writes between them.
 */
#include <string.h>

#include "base/blassert.h"
#include "base/reader.h"
#include "relay/source.h"
#include "rtc/red.h"

enum { RTP, RTCP, TIME, PUBLISHER, KEYFRAME, N_KINDS };

static const BlNegotiated negotiated = {
  .video
  = { .present = true,
      .mid = "0",
      .pt = 96,
      .rtx_pt = 97,
      .fec_pt = 99,
      .fec_ssrc = 7,
      .clock_rate = 90000,
      .rcvr_rtt = true,
      .feedback = BL_FEEDBACK_NACK | BL_FEEDBACK_PLI | BL_FEEDBACK_TRANSPORT_CC,
      .extensions.id = { [BL_RTP_EXT_MID] = 4,
                         [BL_RTP_EXT_TRANSPORT_CC] = 3,
                         [BL_RTP_EXT_ABS_CAPTURE_TIME] = 5 } },
  .audio = { .present = true,
             .mid = "1",
             .pt = 98,
             .rtx_pt = -1,
             .red_pt = 63,
             .clock_rate = 48000,
             .feedback = BL_FEEDBACK_NACK,
             .extensions.id = { [BL_RTP_EXT_MID] = 4 } },
};

static BlPacketPool *pool;
static BlSource source;
static BlTime now;

static BlNtp
ntp (void)
{
  return bl_ntp_from_unix_us (1800000000 * BL_SECOND + now);
}

static void
give_rtp (const uint8_t *data, size_t length)
{
  BlPacket *packet = bl_packet_new (pool);
  bl_assert (packet);
  packet->length
      = (uint16_t)(length < BL_PACKET_CAPACITY ? length : BL_PACKET_CAPACITY);
  memcpy (packet->data, data, packet->length);
  uint64_t before[BL_N_TRACKS];
  for (unsigned kind = 0; kind < BL_N_TRACKS; kind++)
    before[kind] = bl_history_next_arrival (&source.tracks[kind].history);
  unsigned result = bl_source_on_rtp (&source, packet, now, ntp ());
  bl_assert (result <= BL_TRACK_REPAIR);
  unsigned fresh = 0;
  for (unsigned kind = 0; kind < BL_N_TRACKS; kind++) {
    const BlHistory *history = &source.tracks[kind].history;
    for (uint64_t n = before[kind]; n < bl_history_next_arrival (history);
         n++) {
      const BlHistoryEntry *entry = bl_history_arrival (history, n);
      bl_assert (entry);
      bl_assert (entry->meta.payload_offset + entry->meta.payload_length
                 <= entry->packet->length);
      /* The others were brought back. */
      fresh += entry->packet == packet;
    }
  }
  bl_assert ((fresh > 0) == (result == BL_TRACK_TAKEN));
  bl_assert (fresh <= BL_RED_BLOCKS);
  bl_packet_unref (&packet);
}

static void
write_reports (void)
{
  uint8_t data[BL_SOURCE_RTCP_BYTES];
  unsigned n = 0;
  while (bl_source_write_rtcp (&source, now, ntp (), data) > 0)
    bl_assert (++n < 1000);
  bl_source_check_live (&source, now);
  bl_source_take_news (&source);
  /* What was due is done: nothing may keep the worker awake. */
  bl_assert (bl_source_next_deadline (&source) > now);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  BlReader r = bl_reader (data, size);
  pool = bl_packet_pool_new (BL_TRACK_VIDEO_HISTORY + BL_TRACK_AUDIO_HISTORY
                             + 2);
  bl_assert (pool && bl_source_init (&source, 12345));
  now = BL_SECOND;
  bl_source_set_publisher (&source, &negotiated, now);
  while (bl_reader_left (&r) > 0) {
    unsigned kind = bl_reader_u8 (&r) % N_KINDS;
    size_t length = bl_reader_be16 (&r);
    if (length > bl_reader_left (&r))
      length = bl_reader_left (&r);
    const uint8_t *bytes = bl_reader_bytes (&r, length);
    if (!bytes)
      break;
    if (kind == RTP)
      give_rtp (bytes, length);
    else if (kind == RTCP)
      bl_source_on_rtcp (&source, bytes, length, now, ntp ());
    else if (kind == TIME)
      now += (BlTime)length * BL_MS;
    else if (kind == PUBLISHER)
      bl_source_set_publisher (&source, length % 2 ? &negotiated : NULL, now);
    else
      bl_source_want_keyframe (&source);
    write_reports ();
  }
  bl_source_clear (&source);
  bl_packet_pool_free (pool);
  return 0;
}
