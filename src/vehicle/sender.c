/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/sender.h"

#include <stdlib.h>
#include <string.h>

#include "base/blassert.h"
#include "rtc/fec.h"
#include "rtc/framegate.h"
#include "rtc/h264.h"
#include "rtc/h264_pay.h"
#include "rtc/ladder.h"
#include "rtc/rtx.h"
#include "rtc/seq.h"
#include "vehicle/sender_private.h"

#define VIDEO_CLOCK_HZ 90000
#define AUDIO_CLOCK_HZ 48000

/* Sound's timestamps step by whole packets while its capture time is within
 * this of them: jitter of the sound card's stamps is not jitter of the sound.
 */
#define AUDIO_SLACK_TICKS (AUDIO_CLOCK_HZ / 100)

/* Where congestion control begins. */
#define START_BPS 1500000

/* While no window has room, it is looked at again after so long. */
#define WINDOW_FULL_US (5 * BL_MS)

#define STALL_PROBE_US (250 * BL_MS)

/* Of SRTP, UDP and IP. */
#define PACKET_BYTES 44

/* The encoder is told a new rate if it is another by more than a part in so
 * many, or after so long. */
#define RATE_PART 16
#define RATE_US   (500 * BL_MS)

/* Repair's share of the video is weighed so often, smoothed over four times,
 * and at most a half counts. Shares are in 65536ths. */
#define REPAIR_US   (250 * BL_MS)
#define REPAIR_ONE  65536
#define REPAIR_MOST (REPAIR_ONE / 2)

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
bl_sender_new (const BlNegotiated *negotiated, const BlSenderOptions *options,
               const BlSenderCallbacks *callbacks, void *user_data)
{
  uint64_t max_bps = options->max_video_bps * 5 / 4 + BL_LADDER_SOUND_BPS;
  BlFlowOptions flow = {
    .mode = options->path_mode,
    .per_path = (negotiated->video.feedback & BL_FEEDBACK_CCFB) != 0,
    .start_bps = max_bps < START_BPS ? max_bps : START_BPS,
    .max_bps = max_bps,
  };
  BlSender *s = calloc (1, sizeof *s);
  if (!s)
    return NULL;
  s->pool = bl_packet_pool_new (BL_SENDER_HISTORY + BL_SENDQUEUE_PACKETS + 1);
  s->flow = bl_flow_new (&flow);
  if (!s->pool || !s->flow
      || !bl_history_init (&s->history, BL_SENDER_HISTORY)) {
    bl_sender_free (s);
    return NULL;
  }
  s->callbacks = callbacks;
  s->user_data = user_data;
  s->max_video_bps = options->max_video_bps;
  s->per_path_reports = flow.per_path;
  strncpy (s->cname, options->cname, sizeof s->cname - 1);
  uint64_t seed = options->seed;
  track_init (&s->video, &negotiated->video, VIDEO_CLOCK_HZ, scramble (seed));
  track_init (&s->audio, &negotiated->audio, AUDIO_CLOCK_HZ,
              scramble (seed + 1));
  bl_sound_init (&s->sound, negotiated->audio.pt, negotiated->audio.red_pt,
                 options->sound_bps);
  bl_room_init (&s->room, flow.per_path && negotiated->video.rtx_pt >= 0);
  s->rtx_next_seq = BL_SEQ_CYCLE + (scramble (seed + 2) & 0x7fff);
  s->fec_next_seq = BL_SEQ_CYCLE + (scramble (seed + 3) & 0x7fff);
  s->fec_first = s->video.next_seq;
  bl_twcc_sender_init (&s->twcc);
  s->twcc_before = s->twcc.next_seq - 1;
  bl_pacer_init (&s->pacer, flow.start_bps);
  return s;
}

void
bl_sender_free (BlSender *sender)
{
  if (!sender)
    return;
  bl_sendqueue_clear (&sender->queue);
  bl_history_clear (&sender->history);
  bl_packet_pool_free (sender->pool);
  bl_flow_free (sender->flow);
  free (sender);
}

/* Of a picture that has begun to leave the rest is lost without a hole in the
 * numbers. One is left unused, or the other end would take what it has for the
 * whole picture. */
static void
lose_queue (BlSender *s)
{
  if (s->mid_picture)
    s->video.next_seq++;
  s->mid_picture = s->unfinished = false;
  s->fec_first = s->video.next_seq;
  s->fec_due = s->picture_packets = 0;
  bl_sendqueue_clear (&s->queue);
  s->rtx.count = s->rtx_again.count = 0;
  s->await_keyframe = true;
}

/* This picture and all since. */
static void
lose_from (BlSender *s, uint64_t picture, BlTime now)
{
  s->await_recovery = true;
  s->unfinished = false;
  s->recovery_asked_us = now;
  s->callbacks->lost (picture, s->user_data);
}

/* What waits and has not begun to leave is lost, without a trace in the
 * numbers; what has begun is completed, as long as that is of use. A keyframe
 * was somebody's only way on: nothing recovers without another, at once. */
static void
lose_late (BlSender *s, const BlQueuedPayload *oldest, BlTime now)
{
  BlDroppedPictures dropped;
  if (s->mid_picture && now - oldest->meta.received_us >= BL_SENDER_REST_US) {
    lose_queue (s);
    bl_sender_want_keyframe (s, now);
  } else if (bl_sendqueue_drop_pictures (&s->queue, s->mid_picture, &dropped)) {
    lose_from (s, dropped.first, now);
    if (dropped.keyframe) {
      s->await_keyframe = true;
      s->keyframe_after_us = now;
      bl_sender_want_keyframe (s, now);
    }
  } else {
    return;
  }
  s->sender_stats.late_drops++;
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
  sender->window_full_until_us = now;
  if (sender->audio.negotiated.present)
    sender->callbacks->sound (&sender->sound.settings, sender->user_data);
  bl_sender_tell_rate (sender, now);
  if (sender->video.negotiated.present)
    bl_sender_want_keyframe (sender, now);
}

void
bl_sender_add_path (BlSender *sender, unsigned path)
{
  bl_flow_add_path (sender->flow, path);
}

void
bl_sender_remove_path (BlSender *sender, unsigned path, BlTime now)
{
  bl_flow_remove_path (sender->flow, path, now);
}

/* --- the encoder
 * --------------------------------------------------------------
 */

static void
weigh_repair (BlSender *s, BlTime now)
{
  uint64_t all = s->video_bytes + s->repair_bytes;
  if (now - s->repair_weighed_us < REPAIR_US || all == 0)
    return;
  int32_t share = (int32_t)(s->repair_bytes * REPAIR_ONE / all);
  s->repair_share += (share - s->repair_share) / 4;
  if (s->repair_share > REPAIR_MOST)
    s->repair_share = REPAIR_MOST;
  s->video_bytes = s->repair_bytes = 0;
  s->repair_weighed_us = now;
}

/* There is no room for pictures any more, or there is some again. */
static void
on_room (BlSender *s, BlTime now)
{
  if (s->room.open)
    bl_sender_want_keyframe (s, now);
  else
    lose_queue (s);
}

void
bl_sender_tell_rate (BlSender *s, BlTime now)
{
  weigh_repair (s, now);
  uint64_t target = bl_flow_target_bps (s->flow, now);
  s->sender_stats.target_bps = target;
  bool with_sound = s->audio.negotiated.present;
  /* Where there is no room for pictures the target is not to be believed. */
  if (with_sound
      && bl_sound_on_rate (&s->sound, s->room.open ? target : 0, now))
    s->callbacks->sound (&s->sound.settings, s->user_data);
  uint64_t sound = with_sound ? bl_sound_bps (&s->sound) : 0;
  uint64_t more = sound > BL_LADDER_SOUND_BPS ? sound - BL_LADDER_SOUND_BPS : 0;
  uint64_t rate
      = bl_ladder_video_bps (target > more ? target - more : 0, with_sound);
  if (with_sound
      && bl_room_on_rate (&s->room, rate > 0, bl_flow_is_stalled (s->flow, now),
                          now))
    on_room (s, now);
  if (!s->room.open)
    rate = 0;
  rate -= rate * (uint64_t)s->repair_share / REPAIR_ONE;
  uint64_t told = s->rate_told_bps;
  if (rate > s->max_video_bps)
    rate = s->max_video_bps;
  uint64_t change = rate > told ? rate - told : told - rate;
  if (change == 0
      || (change <= told / RATE_PART && now - s->rate_told_us < RATE_US))
    return;
  s->rate_told_bps = rate;
  s->rate_told_us = now;
  s->callbacks->rate (rate, s->user_data);
}

bool
bl_sender_may_encode (BlSender *sender, BlTime now)
{
  BlSender *s = sender;
  const BlQueuedPayload *oldest = bl_sendqueue_peek (&s->queue);
  BlFrameGateState state = {
    .queued_bytes = s->queue.bytes,
    .oldest_us = oldest ? oldest->meta.received_us : now,
    .target_bps = bl_flow_target_bps (s->flow, now),
    .blocked = bl_flow_is_blocked (s->flow, now),
  };
  BlFrameGateVerdict verdict = bl_framegate_ask (&state, now);
  if (verdict == BL_FRAMEGATE_DROP)
    lose_late (s, oldest, now);
  /* Without sound, one in a while has to find out whether the path is back. */
  bool probe = !s->audio.negotiated.present && s->queue.count == 0
               && now - s->frame_us >= STALL_PROBE_US;
  if (!s->room.open)
    return false;
  return verdict == BL_FRAMEGATE_OPEN
         || (verdict == BL_FRAMEGATE_DROP && !state.blocked
             && s->queue.count == 0)
         || probe;
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
queue_payload (BlSender *s, const BlSenderPicture *picture,
               const BlH264Payload *payload, uint32_t timestamp, BlNtp capture,
               BlTime now)
{
  /* The pool has one packet more than queue and history hold. */
  BlPacket *packet = bl_packet_new (s->pool);
  bl_assert (packet);
  BlWriter w = bl_writer (packet->data, sizeof packet->data);
  bl_h264_payload_write (payload, &w);
  bl_assert (bl_writer_ok (&w));
  packet->length = (uint16_t)bl_writer_length (&w);
  BlHistoryMeta meta = {
    .timestamp = timestamp,
    .payload_length = packet->length,
    .marker = payload->marker && !picture->more,
    .h264 = picture->keyframe ? BL_H264_HAS_IDR : 0,
    .capture = capture,
    .received_us = now,
  };
  bl_sendqueue_push (&s->queue, packet, &meta, picture->number);
}

static bool
has_room (const BlSender *s, size_t length)
{
  /* A payload is never emptier than half but for parameter sets and ends of
   * slices. */
  return s->queue.count + 2 * (length / BL_SENDER_MAX_PAYLOAD) + 16
         <= BL_SENDQUEUE_PACKETS;
}

/* A picture that refers to what was lost is of no use. */
static bool
is_awaited (const BlSender *s, const BlSenderPicture *picture)
{
  return picture->keyframe
         || (!s->await_keyframe && (!s->await_recovery || picture->recovers));
}

/* Must a keyframe be asked for (again)? What recovers may not come: an encoder
 * can miss what it was told. */
static bool
is_overdue (const BlSender *s, BlTime now)
{
  return s->await_keyframe
         || now - s->recovery_asked_us >= BL_SENDER_RECOVERY_US;
}

/* Whether the picture is taken, of which this is the first piece. */
static bool
begin_picture (BlSender *s, const BlSenderPicture *picture, BlTime now)
{
  if (!s->open || !s->room.open || !is_awaited (s, picture)) {
    s->sender_stats.frames_dropped++;
    if (s->open && s->room.open && is_overdue (s, now))
      bl_sender_want_keyframe (s, now);
    return false;
  }
  if (!has_room (s, picture->length)) {
    s->sender_stats.frames_dropped++;
    lose_from (s, picture->number, now);
    return false;
  }
  if (picture->keyframe)
    s->await_keyframe = s->keyframe_pending = false;
  s->await_recovery = false;
  s->picture = picture->number;
  s->next_piece = 0;
  s->sender_stats.frames++;
  s->frame_us = now;
  bl_rtp_sender_stats_set_clock (
      &s->video.stats, video_timestamp (&s->video, picture->captured_us),
      picture->captured_ntp);
  return true;
}

/* Does the picture that has begun go on with this piece? */
static bool
goes_on (const BlSender *s, const BlSenderPicture *piece)
{
  return s->unfinished && piece->number == s->picture
         && piece->piece == s->next_piece && has_room (s, piece->length);
}

void
bl_sender_video (BlSender *sender, const BlSenderPicture *picture, BlTime now,
                 BlNtp wall)
{
  BlSender *s = sender;
  if (!s->video.negotiated.present)
    return;
  bool first = picture->piece == 0;
  bool next = goes_on (s, picture);
  /* One that will never be whole, and some of it may have left. */
  if (s->unfinished && !next) {
    lose_queue (s);
    bl_sender_want_keyframe (s, now);
  }
  if (first ? !begin_picture (s, picture, now) : !next)
    return;
  BlH264Pay pay;
  BlH264Payload payload;
  bl_h264_pay_init (&pay, picture->data, picture->length,
                    BL_SENDER_MAX_PAYLOAD);
  /* The first packet of a picture bears its capture time. */
  for (BlNtp capture = first ? picture->captured_ntp : 0;
       s->queue.count < BL_SENDQUEUE_PACKETS
       && bl_h264_pay_next (&pay, &payload);
       capture = 0)
    queue_payload (s, picture, &payload, s->video.last_timestamp, capture, now);
  s->unfinished = picture->more;
  s->next_piece++;
  bl_sender_on_deadline (s, now, wall);
}

/* --- sound -------------------------------------------------------------------
 */

static uint32_t
audio_timestamp (BlSenderTrack *track, BlTime captured_us)
{
  uint32_t exact
      = track->timestamp_offset + ticks (captured_us, AUDIO_CLOCK_HZ);
  uint32_t next = track->last_timestamp + BL_SOUND_FRAME_TICKS;
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
  if (!track->negotiated.present || !sender->open
      || length > BL_SENDER_MAX_PAYLOAD)
    return;
  bool first = !track->started;
  uint32_t timestamp = audio_timestamp (track, captured_us);
  uint64_t seq = track->next_seq++;
  bl_rtp_sender_stats_set_clock (&track->stats, timestamp, captured_ntp);
  if (bl_sound_on_frame (&sender->sound, seq, timestamp, data, length))
    bl_sender_send_sound (sender, seq, timestamp, first, captured_ntp, now,
                          wall);
}

/* --- deadlines ---------------------------------------------------------------
 */

static bool
is_queued (const BlRtxQueue *queue, uint64_t seq)
{
  for (uint32_t i = 0; i < queue->count; i++)
    if (queue->orders[(queue->head + i) % BL_SENDER_RTX_QUEUE].seq == seq)
      return true;
  return false;
}

static bool
queue_order (BlRtxQueue *queue, uint64_t seq, BlTime due)
{
  if (queue->count == BL_SENDER_RTX_QUEUE)
    return false;
  queue->orders[(queue->head + queue->count++) % BL_SENDER_RTX_QUEUE]
      = (BlRtxOrder){ .seq = seq, .due_us = due };
  return true;
}

/* What has gone into the silence of the best path, again by another. */
static void
repair_silence (BlSender *s, BlTime now)
{
  uint64_t seq = s->video.next_seq;
  if (!s->room.open)
    return;
  for (unsigned n = 0; n < BL_SENDER_RTX_QUEUE
                       && bl_flow_is_unheard (s->flow, s->video.negotiated.ssrc,
                                              (uint16_t)(seq - 1));
       n++)
    seq--;
  for (; seq < s->video.next_seq; seq++)
    if (s->video.negotiated.rtx_pt >= 0 && !is_queued (&s->rtx, seq))
      queue_order (&s->rtx, seq, now);
}

void
bl_sender_queue_rtx (BlSender *s, uint16_t seq, BlTime now)
{
  s->sender_stats.nacked++;
  uint64_t extended = bl_seq_near (s->video.next_seq, seq);
  if (is_queued (&s->rtx, extended))
    return;
  if (s->video.negotiated.rtx_pt < 0 || !s->room.open
      || !bl_history_get (&s->history, extended)
      || !queue_order (&s->rtx, extended, now)) {
    s->sender_stats.nack_misses++;
    return;
  }
  if (s->sender_stats.fraction_lost * 100
      > BL_SENDER_RTX_TWICE_PERCENT * UINT32_C (256))
    queue_order (&s->rtx_again, extended, now + BL_SENDER_RTX_AGAIN_US);
}

static const BlRtxOrder *
peek_order (const BlRtxQueue *queue)
{
  return queue->count > 0 ? &queue->orders[queue->head] : NULL;
}

/* Repair first: what it repairs is older. NULL: none is due. */
static BlRtxQueue *
due_rtx (BlSender *s, BlTime now)
{
  const BlRtxOrder *again = peek_order (&s->rtx_again);
  if (s->rtx.count > 0)
    return &s->rtx;
  return again && again->due_us <= now ? &s->rtx_again : NULL;
}

/* False, and looked at again a little later, if no window has room. */
static bool
find_paths (BlSender *s, BlPacketUse use, uint32_t payload_bytes, BlTime now,
            unsigned *out_paths)
{
  *out_paths = bl_flow_choose (s->flow, use,
                               payload_bytes + BL_SENDER_HEADER_BYTES, now);
  if (*out_paths == 0)
    s->window_full_until_us = now + WINDOW_FULL_US;
  return *out_paths != 0;
}

static bool
send_rtx (BlSender *s, BlRtxQueue *queue, BlTime now, BlNtp wall)
{
  const BlHistoryEntry *entry
      = bl_history_get (&s->history, queue->orders[queue->head].seq);
  unsigned paths = 0;
  if (entry
      && !find_paths (s, BL_USE_REPAIR, entry->meta.payload_length, now,
                      &paths))
    return false;
  queue->head = (queue->head + 1) % BL_SENDER_RTX_QUEUE;
  queue->count--;
  if (entry) {
    s->sender_stats.rtx_packets++;
    s->repair_bytes += entry->meta.payload_length;
    bl_sender_send_rtx (s, entry, paths, now, wall);
  }
  return true;
}

static void
plan_fec (BlSender *s, bool keyframe, BlTime now)
{
  if (s->video.negotiated.fec_pt != 0)
    s->fec_due += bl_flow_repairs (s->flow, s->picture_packets, keyframe, now);
  s->picture_packets = 0;
}

/* The first packet that a repair packet is to cover: the oldest that left not
 * too long ago. */
static uint64_t
fec_window (const BlSender *s, BlTime now)
{
  uint64_t first = s->video.next_seq;
  while (first > s->fec_first
         && s->video.next_seq - first < BL_FEC_WINDOW_MOST) {
    const BlHistoryEntry *entry = bl_history_get (&s->history, first - 1);
    if (!entry || now - entry->meta.received_us > BL_SENDER_FEC_US)
      break;
    first--;
  }
  return first;
}

static bool
send_fec (BlSender *s, BlTime now, BlNtp wall)
{
  uint64_t first = fec_window (s, now);
  const BlHistoryEntry *last
      = bl_history_get (&s->history, s->video.next_seq - 1);
  unsigned paths;
  if (first == s->video.next_seq || !last) {
    s->fec_due = 0;
    return true;
  }
  if (!find_paths (s, BL_USE_FEC, last->meta.payload_length, now, &paths))
    return false;
  s->fec_due--;
  s->sender_stats.fec_packets++;
  bl_sender_send_fec (s, first, paths, now, wall);
  return true;
}

static bool
send_queued (BlSender *s, BlTime now, BlNtp wall)
{
  const BlQueuedPayload *next = bl_sendqueue_peek (&s->queue);
  unsigned paths;
  if (!next)
    return false;
  BlPacketUse use
      = next->meta.h264 & BL_H264_HAS_IDR ? BL_USE_KEYFRAME : BL_USE_PICTURE;
  if (!find_paths (s, use, next->meta.payload_length, now, &paths))
    return false;
  BlQueuedPayload payload = bl_sendqueue_pop (&s->queue);
  uint64_t seq = s->video.next_seq++;
  s->mid_picture = !payload.meta.marker;
  bl_history_insert (&s->history, seq, payload.packet, &payload.meta);
  s->video_bytes += payload.meta.payload_length;
  s->picture_packets++;
  bl_sender_send_payload (s, &payload, seq, paths, now, wall);
  if (payload.meta.marker)
    plan_fec (s, (payload.meta.h264 & BL_H264_HAS_IDR) != 0, now);
  bl_packet_unref (&payload.packet);
  return true;
}

/* What was sent last, again, when congestion control wants to know whether the
 * path carries more than the encoder makes. */
static bool
send_padding (BlSender *s, BlTime now, BlNtp wall)
{
  const BlHistoryEntry *last
      = bl_history_get (&s->history, s->video.next_seq - 1);
  if (!last || s->video.negotiated.rtx_pt < 0)
    return false;
  unsigned paths = bl_flow_choose_padding (
      s->flow, last->meta.payload_length + BL_SENDER_HEADER_BYTES, now);
  if (paths == 0)
    return false;
  s->sender_stats.padding_packets++;
  bl_sender_send_rtx (s, last, paths, now, wall);
  return true;
}

/* A train of empty packets, when one is due. */
static bool
send_probe (BlSender *s, BlTime now, BlNtp wall)
{
  const uint32_t bytes = BL_SENDER_HEADER_BYTES + PACKET_BYTES;
  unsigned paths;
  bool last = false;
  if (bl_room_probe_at (&s->room) > now
      || !find_paths (s, BL_USE_PICTURE, 0, now, &paths))
    return false;
  while (!last) {
    last = bl_room_on_probe (&s->room, (uint16_t)s->rtx_next_seq, bytes, now);
    bl_sender_send_probe (s, paths, now, wall);
  }
  return true;
}

static bool
send_next (BlSender *s, BlTime now, BlNtp wall)
{
  if (!s->room.open)
    return send_probe (s, now, wall);
  BlRtxQueue *rtx = due_rtx (s, now);
  if (rtx)
    return send_rtx (s, rtx, now, wall);
  if (s->fec_due > 0)
    return send_fec (s, now, wall);
  if (s->queue.count > 0)
    return send_queued (s, now, wall);
  return send_padding (s, now, wall);
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
  const BlRtxOrder *again = peek_order (&s->rtx_again);
  BlTime send_at = BL_TIME_NEVER;
  if (s->rtx.count > 0 || s->queue.count > 0 || s->fec_due > 0)
    send_at = bl_pacer_next_send (&s->pacer);
  else if (again)
    send_at = again->due_us;
  if (bl_room_probe_at (&s->room) < send_at)
    send_at = bl_room_probe_at (&s->room);
  if (send_at < s->window_full_until_us)
    send_at = s->window_full_until_us;
  return send_at < deadline ? send_at : deadline;
}

void
bl_sender_on_deadline (BlSender *sender, BlTime now, BlNtp wall)
{
  BlSender *s = sender;
  if (!s->open)
    return;
  bl_flow_on_time (s->flow, now);
  if (bl_flow_take_silence (s->flow, now))
    repair_silence (s, now);
  s->pacer.rate_bps = bl_flow_pacing_bps (s->flow, now);
  while (bl_pacer_next_send (&s->pacer) <= now && s->window_full_until_us <= now
         && send_next (s, now, wall))
    ;
  bl_sender_tell_rate (s, now);
  if (s->keyframe_pending && now >= s->keyframe_after_us)
    bl_sender_want_keyframe (s, now);
  if (now >= s->next_report_us)
    bl_sender_send_report (s, now, wall);
}

BlSenderStats
bl_sender_stats (const BlSender *sender)
{
  BlSenderStats stats = sender->sender_stats;
  stats.queued = sender->queue.count;
  stats.sound_again = sender->sound.again;
  return stats;
}

BlFlowPath
bl_sender_path (const BlSender *sender, unsigned path, BlTime now)
{
  return bl_flow_path (sender->flow, path, now);
}

bool
bl_sender_may_mark (const BlSender *sender, unsigned path)
{
  return bl_flow_may_mark (sender->flow, path);
}
