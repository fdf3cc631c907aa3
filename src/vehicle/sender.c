/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/sender.h"

#include <stdlib.h>
#include <string.h>

#include "base/blassert.h"
#include "rtc/h264_pay.h"
#include "rtc/rtpext.h"
#include "rtc/rtx.h"
#include "rtc/seq.h"
#include "vehicle/sender_private.h"

#define VIDEO_CLOCK_HZ 90000
#define AUDIO_CLOCK_HZ 48000
#define OPUS_TICKS     960 /* 20 ms */

/* Sound's timestamps step by whole packets while its capture time is within
 * this of them: jitter of the sound card's stamps is not jitter of the sound.
 */
#define AUDIO_SLACK_TICKS (AUDIO_CLOCK_HZ / 100)

#define MAX_PAYLOAD                                                            \
  (BL_SENDER_MAX_RTP_BYTES - BL_RTP_HEADER_BYTES - 28 - BL_RTX_OSN_BYTES)

#define BUFFER_BYTES (BL_SENDER_MAX_RTP_BYTES + BL_SENDER_TAIL_BYTES)

/* Keeps the pacer ahead of the encoder's keyframes. */
#define PACE_NUMERATOR   5
#define PACE_DENOMINATOR 2

static void
track_init (BlSenderTrack *track, const BlNegotiatedTrack *negotiated,
            uint32_t clock_rate_hz, uint32_t random)
{
  track->negotiated = *negotiated;
  /* Below 2^15, so that a loss at the start can't look like a wrap (SRTP). */
  track->next_seq = BL_SEQ_CYCLE + (random & 0x7fff);
  track->timestamp_offset = random;
  bl_rtp_sender_stats_init (&track->stats, clock_rate_hz);
}

/* splitmix64's finaliser: one seed, several unrelated numbers. */
static uint32_t
scramble (uint64_t seed)
{
  seed = (seed ^ (seed >> 30)) * UINT64_C (0xbf58476d1ce4e5b9);
  seed = (seed ^ (seed >> 27)) * UINT64_C (0x94d049bb133111eb);
  return (uint32_t)(seed >> 32);
}

BlSender *
bl_sender_new (const BlNegotiated *negotiated, const char *cname,
               uint64_t bitrate_bps, uint64_t seed,
               const BlSenderCallbacks *callbacks, void *user_data)
{
  BlSender *s = calloc (1, sizeof *s);
  if (!s)
    return NULL;
  s->pool = bl_packet_pool_new (BL_SENDER_HISTORY + 1);
  if (!s->pool || !bl_history_init (&s->history, BL_SENDER_HISTORY)) {
    bl_packet_pool_free (s->pool);
    free (s);
    return NULL;
  }
  s->callbacks = callbacks;
  s->user_data = user_data;
  strncpy (s->cname, cname, sizeof s->cname - 1);
  track_init (&s->video, &negotiated->video, VIDEO_CLOCK_HZ, scramble (seed));
  track_init (&s->audio, &negotiated->audio, AUDIO_CLOCK_HZ,
              scramble (seed + 1));
  s->rtx_next_seq = BL_SEQ_CYCLE + (scramble (seed + 2) & 0x7fff);
  s->next_to_send = s->video.next_seq;
  bl_twcc_sender_init (&s->twcc);
  bl_pacer_init (&s->pacer, 1);
  bl_sender_set_bitrate (s, bitrate_bps);
  return s;
}

void
bl_sender_free (BlSender *sender)
{
  if (!sender)
    return;
  bl_history_clear (&sender->history);
  bl_packet_pool_free (sender->pool);
  free (sender);
}

void
bl_sender_set_bitrate (BlSender *sender, uint64_t bitrate_bps)
{
  bl_assert (bitrate_bps > 0);
  sender->pacer.rate_bps = bitrate_bps * PACE_NUMERATOR / PACE_DENOMINATOR;
}

static void
lose_queue (BlSender *s)
{
  s->next_to_send = s->video.next_seq;
  s->rtx_count = 0;
  s->await_keyframe = true;
}

void
bl_sender_set_open (BlSender *sender, bool open, BlTime now)
{
  if (sender->open == open)
    return;
  sender->open = open;
  lose_queue (sender);
  if (!open)
    return;
  sender->next_report_us = now + BL_SENDER_FIRST_REPORT_US;
  sender->keyframe_after_us = now;
  if (sender->video.negotiated.present)
    bl_sender_want_keyframe (sender, now);
}

/* --- one packet --------------------------------------------------------------
 */

typedef struct {
  const BlSenderTrack *track;
  uint32_t ssrc;
  uint8_t pt;
  uint16_t seq;
  uint32_t timestamp;
  bool marker;
  BlNtp capture; /* 0: not in this packet */
} Header;

static void
write_header (BlWriter *w, const Header *h, BlNtp wall,
              BlRtpExtOffsets *out_offsets)
{
  BlRtp rtp = {
    .payload_type = h->pt,
    .marker = h->marker,
    .seq = h->seq,
    .timestamp = h->timestamp,
    .ssrc = h->ssrc,
  };
  BlRtpExtValues values = {
    .present = BL_RTP_EXT_BIT (BL_RTP_EXT_MID)
               | BL_RTP_EXT_BIT (BL_RTP_EXT_ABS_SEND_TIME)
               | BL_RTP_EXT_BIT (BL_RTP_EXT_TRANSPORT_CC),
    .abs_send_time = bl_rtp_abs_send_time (wall),
    .capture_ntp = h->capture,
  };
  const BlNegotiatedTrack *negotiated = &h->track->negotiated;
  memcpy (values.mid, negotiated->mid,
          strnlen (negotiated->mid, BL_RTP_MID_MAX_BYTES));
  if (h->capture)
    values.present |= BL_RTP_EXT_BIT (BL_RTP_EXT_ABS_CAPTURE_TIME);
  bl_rtp_ext_write (w, &rtp, &negotiated->extensions, &values, out_offsets);
}

/* Gives the packet its transport-wide number and lets it go. */
static void
let_go (BlSender *s, uint8_t *buffer, BlWriter *w,
        const BlRtpExtOffsets *offsets, BlPacketUse use, BlTime now)
{
  bl_assert (bl_writer_ok (w));
  size_t length = bl_writer_length (w);
  if (offsets->transport_seq)
    bl_rtp_ext_patch_transport_seq (
        buffer, offsets,
        bl_twcc_sender_on_sent (&s->twcc, (uint32_t)length, now));
  s->sender_stats.packets++;
  s->sender_stats.bytes += length;
  s->callbacks->send (buffer, length, BUFFER_BYTES, use, s->user_data);
}

static void
send_video (BlSender *s, const BlHistoryEntry *entry, bool rtx, BlTime now,
            BlNtp wall)
{
  BlSenderTrack *track = &s->video;
  const BlHistoryMeta *meta = &entry->meta;
  const uint8_t *payload = entry->packet->data;
  uint8_t buffer[BUFFER_BYTES];
  BlWriter w = bl_writer (buffer, BL_SENDER_MAX_RTP_BYTES);
  BlRtpExtOffsets offsets;
  Header header = {
    .track = track,
    .ssrc = rtx ? track->negotiated.rtx_ssrc : track->negotiated.ssrc,
    .pt = rtx ? (uint8_t)track->negotiated.rtx_pt : track->negotiated.pt,
    .seq = (uint16_t)(rtx ? s->rtx_next_seq++ : entry->seq),
    .timestamp = meta->timestamp,
    .marker = meta->marker,
    .capture = meta->capture,
  };
  write_header (&w, &header, wall, &offsets);
  if (rtx) {
    bl_rtx_write_payload (&w, (uint16_t)entry->seq, payload,
                          meta->payload_length);
    s->sender_stats.rtx_packets++;
  } else {
    bl_writer_bytes (&w, payload, meta->payload_length);
    bl_rtp_sender_stats_on_sent (&track->stats, meta->payload_length);
  }
  bl_pacer_on_sent (&s->pacer, (uint32_t)bl_writer_length (&w), now);
  BlPacketUse use
      = meta->h264 & BL_H264_HAS_IDR ? BL_USE_KEYFRAME : BL_USE_PICTURE;
  let_go (s, buffer, &w, &offsets, rtx ? BL_USE_REPAIR : use, now);
}

/* --- video -------------------------------------------------------------------
 */

static uint32_t
ticks (BlTime us, uint32_t clock_rate_hz)
{
  return (uint32_t)((uint64_t)us * clock_rate_hz / 1000000);
}

static uint32_t
video_timestamp (BlSenderTrack *track, BlTime captured_us)
{
  uint32_t timestamp
      = track->timestamp_offset + ticks (captured_us, VIDEO_CLOCK_HZ);
  /* Two pictures are two timestamps, even when a source stamps them alike. */
  if (track->started && !bl_ts_newer (timestamp, track->last_timestamp))
    timestamp = track->last_timestamp + 1;
  track->started = true;
  track->last_timestamp = timestamp;
  return timestamp;
}

static void
queue_payload (BlSender *s, const BlH264Payload *payload, uint32_t timestamp,
               bool keyframe, BlNtp capture)
{
  /* The pool has one packet more than the history holds. */
  BlPacket *packet = bl_packet_new (s->pool);
  bl_assert (packet);
  BlWriter w = bl_writer (packet->data, sizeof packet->data);
  bl_h264_payload_write (payload, &w);
  bl_assert (bl_writer_ok (&w));
  packet->length = (uint16_t)bl_writer_length (&w);
  BlHistoryMeta meta = {
    .timestamp = timestamp,
    .payload_length = packet->length,
    .marker = payload->marker,
    .h264 = keyframe ? BL_H264_HAS_IDR : 0,
    .capture = capture,
  };
  bl_history_insert (&s->history, s->video.next_seq++, packet, &meta);
  bl_packet_unref (&packet);
}

static bool
has_room (const BlSender *s, size_t length)
{
  uint64_t waiting = s->video.next_seq - s->next_to_send;
  /* A payload is never emptier than half but for parameter sets and ends of
   * slices; the history has room to spare for those. */
  return waiting + 2 * (length / MAX_PAYLOAD) + 16 <= BL_SENDER_QUEUE;
}

void
bl_sender_video (BlSender *sender, const uint8_t *data, size_t length,
                 bool keyframe, BlTime captured_us, BlNtp captured_ntp,
                 BlTime now, BlNtp wall)
{
  BlSender *s = sender;
  if (!s->video.negotiated.present)
    return;
  if (!s->open || (s->await_keyframe && !keyframe)) {
    s->sender_stats.frames_dropped++;
    if (s->open)
      bl_sender_want_keyframe (s, now);
    return;
  }
  if (!has_room (s, length)) {
    s->sender_stats.frames_dropped++;
    s->await_keyframe = true;
    return;
  }
  if (keyframe) {
    s->await_keyframe = false;
    s->keyframe_pending = false;
  }
  uint32_t timestamp = video_timestamp (&s->video, captured_us);
  bl_rtp_sender_stats_set_clock (&s->video.stats, timestamp, captured_ntp);
  BlH264Pay pay;
  BlH264Payload payload;
  bl_h264_pay_init (&pay, data, length, MAX_PAYLOAD);
  /* The first packet of a picture bears its capture time. */
  for (BlNtp capture = captured_ntp;
       s->video.next_seq - s->next_to_send < BL_SENDER_HISTORY
       && bl_h264_pay_next (&pay, &payload);
       capture = 0)
    queue_payload (s, &payload, timestamp, keyframe, capture);
  s->sender_stats.frames++;
  bl_sender_on_deadline (s, now, wall);
}

/* --- sound -------------------------------------------------------------------
 */

static uint32_t
audio_timestamp (BlSenderTrack *track, BlTime captured_us)
{
  uint32_t exact
      = track->timestamp_offset + ticks (captured_us, AUDIO_CLOCK_HZ);
  uint32_t next = track->last_timestamp + OPUS_TICKS;
  int32_t off = bl_ts_diff (exact, next);
  bool steady
      = track->started && off < AUDIO_SLACK_TICKS && off > -AUDIO_SLACK_TICKS;
  track->started = true;
  track->last_timestamp = steady ? next : exact;
  return track->last_timestamp;
}

void
bl_sender_audio (BlSender *sender, const uint8_t *data, size_t length,
                 BlTime captured_us, BlNtp captured_ntp, BlTime now, BlNtp wall)
{
  BlSenderTrack *track = &sender->audio;
  if (!track->negotiated.present || !sender->open || length > MAX_PAYLOAD)
    return;
  bool first = !track->started;
  Header header = {
    .track = track,
    .ssrc = track->negotiated.ssrc,
    .pt = track->negotiated.pt,
    .seq = (uint16_t)track->next_seq++,
    .timestamp = audio_timestamp (track, captured_us),
    .marker = first, /* RFC 3551 section 4.1: a talkspurt begins */
    .capture = captured_ntp,
  };
  uint8_t buffer[BUFFER_BYTES];
  BlWriter w = bl_writer (buffer, BL_SENDER_MAX_RTP_BYTES);
  BlRtpExtOffsets offsets;
  write_header (&w, &header, wall, &offsets);
  bl_writer_bytes (&w, data, length);
  bl_rtp_sender_stats_set_clock (&track->stats, header.timestamp, captured_ntp);
  bl_rtp_sender_stats_on_sent (&track->stats, (uint32_t)length);
  let_go (sender, buffer, &w, &offsets, BL_USE_SOUND, now);
}

/* --- deadlines ---------------------------------------------------------------
 */

void
bl_sender_queue_rtx (BlSender *s, uint16_t seq)
{
  s->sender_stats.nacked++;
  uint64_t extended = bl_seq_near (s->next_to_send, seq);
  if (s->video.negotiated.rtx_pt < 0 || extended >= s->next_to_send
      || !bl_history_get (&s->history, extended)
      || s->rtx_count == BL_SENDER_RTX_QUEUE) {
    s->sender_stats.nack_misses++;
    return;
  }
  for (uint32_t i = 0; i < s->rtx_count; i++) {
    if (s->rtx_queue[(s->rtx_head + i) % BL_SENDER_RTX_QUEUE] == extended)
      return;
  }
  s->rtx_queue[(s->rtx_head + s->rtx_count++) % BL_SENDER_RTX_QUEUE] = extended;
}

/* Repair first: what it repairs is older. */
static bool
send_next (BlSender *s, BlTime now, BlNtp wall)
{
  bool rtx = s->rtx_count > 0;
  if (!rtx && s->next_to_send == s->video.next_seq)
    return false;
  uint64_t seq = s->next_to_send;
  if (rtx) {
    seq = s->rtx_queue[s->rtx_head];
    s->rtx_head = (s->rtx_head + 1) % BL_SENDER_RTX_QUEUE;
    s->rtx_count--;
  } else {
    s->next_to_send++;
  }
  const BlHistoryEntry *entry = bl_history_get (&s->history, seq);
  if (entry)
    send_video (s, entry, rtx, now, wall);
  return true;
}

void
bl_sender_want_keyframe (BlSender *s, BlTime now)
{
  if (now < s->keyframe_after_us) {
    s->keyframe_pending = true;
    return;
  }
  s->keyframe_pending = false;
  s->keyframe_after_us = now + BL_SENDER_KEYFRAME_US;
  s->callbacks->keyframe (s->user_data);
}

BlTime
bl_sender_deadline (const BlSender *sender)
{
  const BlSender *s = sender;
  if (!s->open)
    return BL_TIME_NEVER;
  BlTime deadline = s->next_report_us;
  if (s->keyframe_pending && s->keyframe_after_us < deadline)
    deadline = s->keyframe_after_us;
  bool waiting = s->rtx_count > 0 || s->next_to_send != s->video.next_seq;
  if (waiting && bl_pacer_next_send (&s->pacer) < deadline)
    deadline = bl_pacer_next_send (&s->pacer);
  return deadline;
}

void
bl_sender_on_deadline (BlSender *sender, BlTime now, BlNtp wall)
{
  if (!sender->open)
    return;
  while (bl_pacer_next_send (&sender->pacer) <= now
         && send_next (sender, now, wall))
    ;
  if (sender->keyframe_pending && now >= sender->keyframe_after_us)
    bl_sender_want_keyframe (sender, now);
  if (now >= sender->next_report_us)
    bl_sender_send_report (sender, now, wall);
}

BlSenderStats
bl_sender_stats (const BlSender *sender)
{
  BlSenderStats stats = sender->sender_stats;
  stats.queued = (uint32_t)(sender->video.next_seq - sender->next_to_send);
  return stats;
}
