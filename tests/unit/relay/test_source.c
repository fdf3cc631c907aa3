/* SPDX-License-Identifier: Apache-2.0
 *
 * What only a source alone shows; the rest is in test_hub.c.
 */
#include "relay/source.h"

#include <string.h>

#include "../run_suite.h"
#include "rtc/red.h"
#include "rtc/rtcp.h"

#define START (1000 * BL_SECOND)

enum { PT_VIDEO = 96, PT_RTX, PT_AUDIO, PT_FEC, PT_RED = 63 };

static BlPacketPool *pool;
static BlSource source;
static BlNegotiated negotiated;
static uint32_t timestamp; /* of what is received next */

static BlNtp
ntp_at (BlTime now)
{
  return bl_ntp_from_unix_us (1800000000 * BL_SECOND + now);
}

static void
set_up (void)
{
  pool = bl_packet_pool_new (4096);
  negotiated = (BlNegotiated){
    .video = { .present = true,
               .mid = "picture",
               .pt = PT_VIDEO,
               .rtx_pt = PT_RTX,
               .fec_pt = PT_FEC,
               .clock_rate = 90000,
               .rtcp_rsize = true,
               .feedback = BL_FEEDBACK_NACK | BL_FEEDBACK_PLI,
               .extensions.id = { [BL_RTP_EXT_MID] = 4 } },
    .audio = { .present = true,
               .mid = "sound",
               .pt = PT_AUDIO,
               .rtx_pt = -1,
               .red_pt = PT_RED,
               .clock_rate = 48000,
               .extensions.id = { [BL_RTP_EXT_MID] = 4 } },
  };
  ck_assert (bl_source_init (&source, 12345));
  timestamp = 0;
}

static void
tear_down (void)
{
  bl_source_clear (&source);
  bl_packet_pool_free (pool);
}

static unsigned
receive (uint8_t pt, uint32_t ssrc, const char *mid, uint16_t seq,
         const uint8_t *payload, size_t length, BlTime now)
{
  BlPacket *packet = bl_packet_new (pool);
  BlWriter w = bl_writer (packet->data, sizeof packet->data);
  BlRtp header = {
    .payload_type = pt, .seq = seq, .timestamp = timestamp, .ssrc = ssrc
  };
  BlRtpExtValues ext = { 0 };
  if (mid) {
    ext.present = BL_RTP_EXT_BIT (BL_RTP_EXT_MID);
    g_strlcpy (ext.mid, mid, sizeof ext.mid);
  }
  bl_rtp_ext_write (&w, &header, &negotiated.video.extensions, &ext, NULL);
  bl_writer_bytes (&w, payload, length);
  packet->length = (uint16_t)bl_writer_length (&w);
  unsigned result = bl_source_on_rtp (&source, packet, now, ntp_at (now));
  bl_packet_unref (&packet);
  return result;
}

static const uint8_t idr[] = { 0x65, 0x88, 0x80, 0x10 };
static const uint8_t slice[] = { 0x41, 0x9a, 0x80, 0x10 };

static const struct {
  const char *why;
  uint32_t told_ssrc; /* in SDP, for video */
  uint8_t pt;
  uint32_t ssrc;
  const char *mid;
  int track; /* -1: none */
} owners[] = {
  { "by the SSRC of SDP", 7, PT_VIDEO, 7, NULL, BL_TRACK_VIDEO },
  { "by the mid", 0, PT_VIDEO, 8, "picture", BL_TRACK_VIDEO },
  { "by the mid, whatever SDP said of SSRCs", 7, PT_VIDEO, 8, "picture",
    BL_TRACK_VIDEO },
  { "by the payload type", 0, PT_VIDEO, 8, NULL, BL_TRACK_VIDEO },
  { "by the payload type, with an unknown mid", 0, PT_AUDIO, 8, "other",
    BL_TRACK_AUDIO },
  { "by nothing", 7, 50, 8, NULL, -1 },
  { "the right mid with a payload type never agreed on", 0, 50, 8, "picture",
    -1 },
};

START_TEST (a_packet_finds_its_track)
{
  negotiated.video.ssrc = owners[_i].told_ssrc;
  bl_source_set_publisher (&source, &negotiated, START);
  unsigned result = receive (owners[_i].pt, owners[_i].ssrc, owners[_i].mid, 1,
                             idr, sizeof idr, START);
  if (owners[_i].track < 0) {
    ck_assert_uint_eq (result, BL_DROP_UNKNOWN_TRACK);
    return;
  }
  ck_assert_msg (result == BL_TRACK_TAKEN, "%s", owners[_i].why);
  for (unsigned kind = 0; kind < BL_N_TRACKS; kind++)
    ck_assert_uint_eq (bl_history_next_arrival (&source.tracks[kind].history),
                       (unsigned)kind == (unsigned)owners[_i].track);
}
END_TEST

#define FEC_PACKETS 8

static bool
find_sent (void *user_data, uint64_t seq, BlFecSource *out)
{
  bool first = seq == BL_SEQ_CYCLE + 65534;
  *out = (BlFecSource){ .timestamp = timestamp,
                        .payload = first ? idr : slice,
                        .length = sizeof slice };
  return true;
}

static unsigned
receive_repair (uint16_t key, BlTime now)
{
  uint8_t payload[64];
  BlWriter w = bl_writer (payload, sizeof payload);
  ck_assert (bl_fec_write (&w, key, BL_SEQ_CYCLE + 65534, FEC_PACKETS,
                           find_sent, NULL));
  return receive (PT_FEC, 9, NULL, key, payload, bl_writer_length (&w), now);
}

/* Two of eight are lost, the last one too; the numbers roll over. */
START_TEST (forward_error_correction_brings_lost_packets_back)
{
  uint8_t rtcp[BL_SOURCE_RTCP_BYTES];
  const BlTrack *video = &source.tracks[BL_TRACK_VIDEO];
  const BlHistory *history = &video->history;
  bl_source_set_publisher (&source, &negotiated, START);
  for (uint16_t i = 0; i < FEC_PACKETS; i++)
    if (i != 3 && i != FEC_PACKETS - 1)
      ck_assert_uint_eq (receive (PT_VIDEO, 7, NULL, (uint16_t)(65534 + i),
                                  i == 0 ? idr : slice, sizeof slice, START),
                         BL_TRACK_TAKEN);
  ck_assert_uint_eq (receive_repair (65535, START), BL_TRACK_REPAIR);
  ck_assert_uint_eq (bl_history_next_arrival (history), FEC_PACKETS - 2);
  ck_assert_uint_eq (receive_repair (0, START), BL_TRACK_REPAIR);
  ck_assert_uint_eq (bl_history_next_arrival (history), FEC_PACKETS);
  for (uint64_t n = 0; n < FEC_PACKETS; n++) {
    const BlHistoryEntry *entry = bl_history_arrival (history, n);
    ck_assert_uint_eq (entry->meta.payload_length, sizeof slice);
    ck_assert_mem_eq (entry->packet->data + entry->meta.payload_offset,
                      n == 0 ? idr : slice, sizeof slice);
  }
  ck_assert_uint_eq (source.rates.all_bytes,
                     FEC_PACKETS * (sizeof slice + BL_RATES_OVERHEAD_BYTES));
  ck_assert_uint_eq (video->stats.fec_recovered, 2);
  ck_assert_uint_eq (video->stats.repairs, 2);
  /* Nothing is asked for again. */
  while (bl_source_write_rtcp (&source, START + 900 * BL_MS,
                               ntp_at (START + 900 * BL_MS), rtcp)
         > 0)
    ;
  ck_assert_uint_eq (source.nacked_packets, 0);
}
END_TEST

START_TEST (a_repair_packet_tells_of_losses_at_the_end)
{
  uint8_t rtcp[BL_SOURCE_RTCP_BYTES];
  bl_source_set_publisher (&source, &negotiated, START);
  for (uint16_t i = 0; i < FEC_PACKETS - 2; i++)
    receive (PT_VIDEO, 7, NULL, (uint16_t)(65534 + i), i == 0 ? idr : slice,
             sizeof slice, START);
  receive_repair (1, START);
  BlTime due = bl_source_next_deadline (&source);
  ck_assert_int_eq (due, START + BL_NACK_REPAIR_WAIT_US);
  while (bl_source_write_rtcp (&source, due, ntp_at (due), rtcp) > 0)
    ;
  ck_assert_uint_eq (source.nacked_packets, 2);
}
END_TEST

/* Covers as much as there can be around what is sent next, and is nonsense. */
static unsigned
receive_nonsense (uint16_t key, uint16_t seq, BlTime now)
{
  uint8_t payload[BL_FEC_HEADER_BYTES + BL_FEC_SYMBOL_MOST] = { 0 };
  BlWriter w = bl_writer (payload, sizeof payload);
  bl_writer_be16 (&w, (uint16_t)(seq - BL_FEC_WINDOW_MOST / 2));
  bl_writer_u8 (&w, BL_FEC_WINDOW_MOST);
  memset (payload + BL_FEC_HEADER_BYTES, key % 251, BL_FEC_SYMBOL_MOST);
  return receive (PT_FEC, 9, NULL, key, payload, sizeof payload, now);
}

START_TEST (repairs_that_never_solve_anything_cost_a_bounded_amount)
{
  const BlTrack *video = &source.tracks[BL_TRACK_VIDEO];
  BlTime now = START;
  unsigned refused = 0;
  bl_source_set_publisher (&source, &negotiated, START);
  receive (PT_VIDEO, 7, NULL, 1000, idr, sizeof idr, START);
  for (uint16_t i = 1; now < START + 2 * BL_SECOND; i++, now += 200) {
    uint16_t seq = (uint16_t)(1000 + i);
    if (i % 2 == 0)
      receive (PT_VIDEO, 7, NULL, seq, slice, sizeof slice, now);
    refused += receive_nonsense (i, seq, now) == BL_DROP_BUDGET;
  }
  uint64_t limit = BL_TRACK_FEC_STEPS_BURST + 2 * BL_TRACK_FEC_STEPS_PER_SECOND;
  ck_assert_uint_le (video->fec->steps, limit);
  ck_assert_uint_ge (video->fec->steps, limit / 10 * 9);
  ck_assert_uint_gt (refused, 1000);
}
END_TEST

START_TEST (equations_that_can_not_be_afforded_are_forgotten_not_the_packet)
{
  BlTrack *video = &source.tracks[BL_TRACK_VIDEO];
  bl_source_set_publisher (&source, &negotiated, START);
  receive (PT_VIDEO, 7, NULL, 1000, idr, sizeof idr, START);
  for (uint16_t i = 0; i < BL_FEC_ROWS; i++)
    receive_nonsense (i, 1001, START);
  ck_assert_uint_eq (video->fec->n_rows, BL_FEC_ROWS);
  video->steps.full_at_us = START + BL_SECOND; /* spent */
  uint64_t steps = video->fec->steps;
  ck_assert_uint_eq (
      receive (PT_VIDEO, 7, NULL, 1001, slice, sizeof slice, START),
      BL_TRACK_TAKEN);
  ck_assert_uint_eq (video->fec->n_rows, 0);
  ck_assert_uint_eq (video->fec->steps, steps);
}
END_TEST

START_TEST (repair_packets_before_the_stream_or_malformed_are_dropped)
{
  bl_source_set_publisher (&source, &negotiated, START);
  ck_assert_uint_eq (receive_repair (1, START), BL_DROP_STALE);
  receive (PT_VIDEO, 7, NULL, 65534, idr, sizeof idr, START);
  ck_assert_uint_eq (receive (PT_FEC, 9, NULL, 2, slice, 3, START),
                     BL_DROP_RTP);
}
END_TEST

static void
receive_format (uint16_t seq, uint8_t level, BlTime now)
{
  const uint8_t sps[] = { 0x67, 0x42, 0xc0, level, 0xda, 0x05, 0x07, 0xe4 };
  ck_assert_uint_eq (receive (PT_VIDEO, 7, NULL, seq, sps, sizeof sps, now),
                     BL_TRACK_TAKEN);
}

START_TEST (a_format_that_changes_all_the_time_is_told_now_and_then)
{
  BlTime now = START;
  unsigned told = 0;
  bl_source_set_publisher (&source, &negotiated, START);
  for (uint16_t i = 0; i < 10000; i++, now += BL_MS) {
    receive_format (i, i % 2 ? 31 : 40, now);
    told += (bl_source_take_news (&source) & BL_SOURCE_FORMAT) != 0;
  }
  ck_assert_uint_ge (told, 10);
  ck_assert_uint_le (told, 15);
  /* The last is told, if late. */
  receive_format (10000, 21, now);
  bl_source_take_news (&source);
  receive_format (10001, 20, now);
  ck_assert_uint_eq (bl_source_take_news (&source), 0);
  receive (PT_VIDEO, 7, NULL, 10002, slice, sizeof slice, now + BL_SECOND);
  ck_assert_uint_eq (bl_source_take_news (&source), BL_SOURCE_FORMAT);
  ck_assert_uint_eq (source.tracks[BL_TRACK_VIDEO].sps.level_idc, 20);
}
END_TEST

START_TEST (what_is_not_rtp_is_dropped)
{
  BlPacket *packet = bl_packet_new (pool);
  bl_source_set_publisher (&source, &negotiated, START);
  packet->length = 11;
  ck_assert_uint_eq (bl_source_on_rtp (&source, packet, START, ntp_at (START)),
                     BL_DROP_RTP);
  bl_packet_unref (&packet);
}
END_TEST

START_TEST (a_changed_ssrc_goes_on_behind_the_old_one)
{
  bl_source_set_publisher (&source, &negotiated, START);
  receive (PT_VIDEO, 8, NULL, 100, idr, sizeof idr, START);
  const BlHistory *history = &source.tracks[BL_TRACK_VIDEO].history;
  uint64_t seq = bl_history_arrival (history, 0)->seq;
  /* A picture of the new stream that needs one of its own before. */
  ck_assert_uint_eq (receive (PT_VIDEO, 9, NULL, 40000, slice, sizeof slice,
                              START + BL_SECOND),
                     BL_DROP_BEFORE_KEY);
  ck_assert_uint_eq (
      receive (PT_VIDEO, 9, NULL, 40001, idr, sizeof idr, START + BL_SECOND),
      BL_TRACK_TAKEN);
  ck_assert_uint_eq (bl_history_arrival (history, 1)->seq, seq + 1);
}
END_TEST

/* --- redundancy of sound --- */

#define FRAME_BYTES 3
#define FRAME_TICKS 960

/* Sound number `n`, 20 ms of SILK, plain or with those in it that left so many
 * packets earlier (0 ends them). */
static unsigned
receive_sound (unsigned n, const uint8_t *back)
{
  uint8_t frames[BL_RED_BLOCKS][FRAME_BYTES], payload[200];
  BlRedBlock blocks[BL_RED_BLOCKS];
  unsigned n_blocks = 0;
  for (bool own = false; !own; n_blocks++) {
    own = !back || back[n_blocks] == 0;
    unsigned earlier = own ? 0 : back[n_blocks];
    frames[n_blocks][0] = 9 << 3;
    frames[n_blocks][1] = (uint8_t)((n - earlier) >> 8);
    frames[n_blocks][2] = (uint8_t)(n - earlier);
    blocks[n_blocks] = (BlRedBlock){ .payload_type = PT_AUDIO,
                                     .back = (uint16_t)(earlier * FRAME_TICKS),
                                     .length = FRAME_BYTES,
                                     .data = frames[n_blocks] };
  }
  BlWriter w = bl_writer (payload, sizeof payload);
  timestamp = n * FRAME_TICKS;
  if (back)
    bl_red_write (&w, blocks, n_blocks);
  else
    bl_writer_bytes (&w, frames[0], FRAME_BYTES);
  return receive (back ? PT_RED : PT_AUDIO, 5, "sound", (uint16_t)n, payload,
                  bl_writer_length (&w), START + n * 20 * BL_MS);
}

/* What arrived, from `arrival` on, is these numbers, each as itself. */
static void
assert_heard (uint64_t arrival, const unsigned *numbers, unsigned count)
{
  const BlHistory *history = &source.tracks[BL_TRACK_AUDIO].history;
  const BlHistoryEntry *first = bl_history_arrival (history, 0);
  ck_assert_uint_eq (bl_history_next_arrival (history), arrival + count);
  unsigned origin = first->packet->data[first->meta.payload_offset + 2];
  for (unsigned i = 0; i < count; i++) {
    const BlHistoryEntry *entry = bl_history_arrival (history, arrival + i);
    const uint8_t *frame = entry->packet->data + entry->meta.payload_offset;
    ck_assert_uint_eq (entry->meta.payload_length, FRAME_BYTES);
    ck_assert_uint_eq (frame[1] << 8 | frame[2], numbers[i]);
    ck_assert_uint_eq (entry->seq - first->seq, numbers[i] - origin);
    ck_assert_uint_eq (entry->meta.timestamp - first->meta.timestamp,
                       (numbers[i] - origin) * FRAME_TICKS);
  }
}

START_TEST (redundancy_fills_what_is_missing)
{
  static const uint8_t back[] = { 2, 1, 0 };
  bl_source_set_publisher (&source, &negotiated, START);
  receive_sound (10, NULL);
  ck_assert_uint_eq (receive_sound (13, back), BL_TRACK_TAKEN);
  assert_heard (1, (const unsigned[]){ 11, 12, 13 }, 3);
  /* Nothing is missing that would have to be asked for. */
  const BlTrack *track = &source.tracks[BL_TRACK_AUDIO];
  ck_assert_int_eq (bl_nack_next_deadline (&track->nack), BL_TIME_NEVER);
  BlTrackStats stats;
  bl_track_stats (track, START, &stats);
  ck_assert_uint_eq (stats.recovered, 2);
  ck_assert_uint_eq (stats.lost, 0);
  ck_assert_uint_eq (stats.packets, 4);
  ck_assert_uint_eq (source.rates.all_bytes,
                     4 * (FRAME_BYTES + BL_RATES_OVERHEAD_BYTES));
  /* Late, what was restored is a double. */
  ck_assert_uint_eq (receive_sound (12, NULL), BL_DROP_DUPLICATE);
}
END_TEST

START_TEST (redundancy_of_what_is_there_is_ignored)
{
  static const uint8_t back[] = { 2, 1, 0 };
  bl_source_set_publisher (&source, &negotiated, START);
  receive_sound (10, NULL);
  receive_sound (11, NULL);
  ck_assert_uint_eq (receive_sound (12, back), BL_TRACK_TAKEN);
  assert_heard (2, (const unsigned[]){ 12 }, 1);
  /* A packet again, with what it brought; and again with something new. */
  ck_assert_uint_eq (receive_sound (12, back), BL_DROP_DUPLICATE);
  receive_sound (14, NULL);
  static const uint8_t one[] = { 1, 0 };
  ck_assert_uint_eq (receive_sound (14, one), BL_TRACK_TAKEN);
  assert_heard (3, (const unsigned[]){ 14, 13 }, 2);
}
END_TEST

START_TEST (what_came_before_a_stream_began_is_not_restored)
{
  static const uint8_t back[] = { 2, 1, 0 };
  bl_source_set_publisher (&source, &negotiated, START);
  ck_assert_uint_eq (receive_sound (10, back), BL_TRACK_TAKEN);
  assert_heard (0, (const unsigned[]){ 10 }, 1);
}
END_TEST

/* Bytes of 20 and of 60 ms, and of another payload type. */
static const struct {
  const char *why;
  uint8_t payload[12];
  size_t length;
  unsigned result, arrivals;
} odd[] = {
  { "nothing in it", { 0 }, 0, BL_DROP_RTP, 0 },
  { "cut short",
    { 0xe2, 0x0f, 0x00, 0x04, PT_AUDIO, 0x48 },
    6,
    BL_DROP_RTP,
    0 },
  { "of a payload type never agreed on", { 50, 0x48 }, 2, BL_DROP_RTP, 0 },
  { "an earlier one of another payload type",
    { 0xb2, 0x0f, 0x00, 0x01, PT_AUDIO, 0x48, 0x48 },
    7,
    BL_TRACK_TAKEN,
    1 },
  { "an earlier one of another length",
    { 0xe2, 0x0f, 0x00, 0x01, PT_AUDIO, 0x58, 0x48 },
    7,
    BL_TRACK_TAKEN,
    1 },
  { "half a frame earlier",
    { 0xe2, 0x07, 0x80, 0x01, PT_AUDIO, 0x48, 0x48 },
    7,
    BL_TRACK_TAKEN,
    1 },
  { "not earlier at all",
    { 0xe2, 0x00, 0x00, 0x01, PT_AUDIO, 0x48, 0x48 },
    7,
    BL_TRACK_TAKEN,
    1 },
  { "a frame earlier",
    { 0xe2, 0x0f, 0x00, 0x01, PT_AUDIO, 0x48, 0x48 },
    7,
    BL_TRACK_TAKEN,
    2 },
};

START_TEST (redundancy_that_is_not_understood_is_left_out)
{
  bl_source_set_publisher (&source, &negotiated, START);
  receive_sound (10, NULL);
  timestamp = 12 * FRAME_TICKS;
  ck_assert_msg (receive (PT_RED, 5, "sound", 12, odd[_i].payload,
                          odd[_i].length, START + BL_SECOND)
                     == odd[_i].result,
                 "%s", odd[_i].why);
  ck_assert_msg (
      bl_history_next_arrival (&source.tracks[BL_TRACK_AUDIO].history)
          == 1 + odd[_i].arrivals,
      "%s", odd[_i].why);
}
END_TEST

/* Everything due at `now`, as the kinds of packets that were in it. */
static unsigned
write_all (BlTime now)
{
  uint8_t data[BL_SOURCE_RTCP_BYTES];
  unsigned kinds = 0;
  size_t length;
  while ((length = bl_source_write_rtcp (&source, now, ntp_at (now), data))
         > 0) {
    BlRtcpIter iter;
    BlRtcpPacket packet;
    ck_assert_int_eq (bl_rtcp_open (&iter, data, length), BL_RTCP_OK);
    while (bl_rtcp_next (&iter, &packet))
      kinds |= 1u << packet.kind;
  }
  return kinds;
}

#define KIND(name) (1u << BL_RTCP_KIND_##name)

static const struct {
  uint32_t feedback;
  bool rsize;
  unsigned kinds;
} requests[] = {
  { BL_FEEDBACK_PLI, true, KIND (PLI) },
  { BL_FEEDBACK_FIR, true, KIND (FIR) },
  { BL_FEEDBACK_PLI | BL_FEEDBACK_FIR, true, KIND (PLI) },
  { BL_FEEDBACK_PLI, false, KIND (RR) | KIND (SDES) | KIND (PLI) },
  { 0, true, 0 },
};

START_TEST (a_keyframe_is_asked_for_as_was_agreed)
{
  negotiated.video.feedback = requests[_i].feedback;
  negotiated.video.rtcp_rsize = requests[_i].rsize;
  bl_source_set_publisher (&source, &negotiated, START);
  receive (PT_VIDEO, 8, NULL, 1, idr, sizeof idr, START);
  write_all (START + BL_SOURCE_FEEDBACK_US); /* the first report */
  bl_source_want_keyframe (&source);
  BlTime now = START + 60 * BL_MS;
  ck_assert_int_le (bl_source_next_deadline (&source), now);
  ck_assert_uint_eq (write_all (now), requests[_i].kinds);
  /* Whatever could be sent, it doesn't stay due. */
  ck_assert_int_gt (bl_source_next_deadline (&source), now);
}
END_TEST

START_TEST (as_many_losses_as_there_can_be_fit_into_compounds)
{
  bl_source_set_publisher (&source, &negotiated, START);
  receive (PT_VIDEO, 8, NULL, 1, idr, sizeof idr, START);
  for (uint16_t i = 0; i < 250; i++)
    receive (PT_VIDEO, 8, NULL, (uint16_t)(20 + i * 2), slice, sizeof slice,
             START);
  BlTime now = START + 200 * BL_MS;
  ck_assert_uint_eq (write_all (now) & KIND (NACK), KIND (NACK));
  ck_assert_int_gt (bl_source_next_deadline (&source), now);
}
END_TEST

/* Sender reports at these times, in ms of wall clock and of RTP, after a packet
 * at 0 and 0; and whether a capture time is known after the last. */
static const struct {
  const char *what;
  struct {
    int ntp_ms, rtp_ms;
  } reports[4];
  bool known;
} clocks[] = {
  { "no report", { { 0, 0 } }, false },
  { "one that fits", { { 500, 500 } }, true },
  { "one that is far from what came", { { 1600, 3000 } }, false },
  { "a late first one, confirmed", { { 1600, 3000 }, { 2600, 4000 } }, true },
  { "a little jitter", { { 500, 500 }, { 1500, 1433 }, { 2500, 2540 } }, true },
  { "twice the rate", { { 500, 900 }, { 1200, 2300 } }, false },
  { "twice the rate, again and again",
    { { 500, 900 }, { 1200, 2300 }, { 6200, 12300 }, { 11200, 22300 } },
    false },
  { "a jump, and then steady",
    { { 500, 500 }, { 1500, 9000 }, { 2500, 10000 } },
    true },
};

START_TEST (sender_reports_are_believed_when_their_two_times_agree)
{
  BlNtp capture;
  bl_source_set_publisher (&source, &negotiated, START);
  receive (PT_VIDEO, 8, NULL, 1, idr, sizeof idr, START);
  for (unsigned i = 0; i < 4 && clocks[_i].reports[i].ntp_ms; i++) {
    uint8_t data[64];
    BlWriter w = bl_writer (data, sizeof data);
    BlTime now = START + clocks[_i].reports[i].ntp_ms * BL_MS;
    BlRtcpSenderInfo info
        = { .ntp = ntp_at (now),
            .rtp_timestamp = (uint32_t)clocks[_i].reports[i].rtp_ms * 90 };
    bl_rtcp_write_sr (&w, 8, &info, NULL, 0);
    ck_assert_int_eq (bl_source_on_rtcp (&source, data, bl_writer_length (&w),
                                         now, ntp_at (now)),
                      BL_SOURCE_RTCP_OK);
  }
  ck_assert_msg (bl_track_capture (&source.tracks[BL_TRACK_VIDEO],
                                   &source.offset, 0, START, &capture)
                     == clocks[_i].known,
                 "%s", clocks[_i].what);
}
END_TEST

START_TEST (malformed_rtcp_is_refused_whole)
{
  static const uint8_t cut[] = { 0x80, 200, 0, 6, 0, 0, 0, 8 };
  bl_source_set_publisher (&source, &negotiated, START);
  ck_assert_int_eq (bl_source_on_rtcp (&source, cut, sizeof cut, START, 0),
                    BL_SOURCE_RTCP_MALFORMED);
}
END_TEST

START_TEST (without_a_publisher_nothing_is_ever_due)
{
  bl_source_want_keyframe (&source);
  ck_assert_int_eq (bl_source_next_deadline (&source), BL_TIME_NEVER);
  ck_assert_uint_eq (write_all (START), 0);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("relay/source");
  TCase *tcase = tcase_create ("source");
  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_loop_test (tcase, a_packet_finds_its_track, 0,
                       G_N_ELEMENTS (owners));
  tcase_add_test (tcase, forward_error_correction_brings_lost_packets_back);
  tcase_add_test (tcase, a_repair_packet_tells_of_losses_at_the_end);
  tcase_add_test (tcase,
                  repairs_that_never_solve_anything_cost_a_bounded_amount);
  tcase_add_test (
      tcase, equations_that_can_not_be_afforded_are_forgotten_not_the_packet);
  tcase_add_test (tcase,
                  repair_packets_before_the_stream_or_malformed_are_dropped);
  tcase_add_test (tcase,
                  a_format_that_changes_all_the_time_is_told_now_and_then);
  tcase_add_test (tcase, what_is_not_rtp_is_dropped);
  tcase_add_test (tcase, a_changed_ssrc_goes_on_behind_the_old_one);
  tcase_add_test (tcase, redundancy_fills_what_is_missing);
  tcase_add_test (tcase, redundancy_of_what_is_there_is_ignored);
  tcase_add_test (tcase, what_came_before_a_stream_began_is_not_restored);
  tcase_add_loop_test (tcase, redundancy_that_is_not_understood_is_left_out, 0,
                       G_N_ELEMENTS (odd));
  tcase_add_loop_test (tcase, a_keyframe_is_asked_for_as_was_agreed, 0,
                       G_N_ELEMENTS (requests));
  tcase_add_test (tcase, as_many_losses_as_there_can_be_fit_into_compounds);
  tcase_add_loop_test (tcase,
                       sender_reports_are_believed_when_their_two_times_agree,
                       0, G_N_ELEMENTS (clocks));
  tcase_add_test (tcase, malformed_rtcp_is_refused_whole);
  tcase_add_test (tcase, without_a_publisher_nothing_is_ever_due);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
