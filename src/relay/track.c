/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/track.h"

#include <stdlib.h>
#include <string.h>

#include "base/reader.h"
#include "rtc/opus.h"
#include "rtc/red.h"
#include "rtc/rtx.h"

/* How far the RTP time of a first sender report may be from what has come. */
#define SR_FIRST_US (1 * BL_SECOND)

/* How far two of them may disagree: by this, and a twentieth of their distance.
 * Some senders pair the time of sending with the last packet's timestamp. */
#define SR_SLACK_US (200 * BL_MS)

/* Sound that is later than this is of no use to who listens; nor could it come,
 * as redundancy reaches no further back. */
#define SOUND_LATE_US (340 * BL_MS)

static const struct {
  uint32_t history;
  uint32_t clock_rate_hz;
  BlTime nack_us; /* asked for again for so long */
} shapes[BL_N_TRACKS] = {
  [BL_TRACK_VIDEO] = { BL_TRACK_VIDEO_HISTORY, 90000, BL_SECOND },
  [BL_TRACK_AUDIO] = { BL_TRACK_AUDIO_HISTORY, 48000, SOUND_LATE_US },
};

uint32_t
bl_track_clock_hz (BlTrackKind kind)
{
  return shapes[kind].clock_rate_hz;
}

/* What forward error correction asks for, by the publisher's numbers. */
static bool
find_source (void *user_data, uint64_t seq, BlFecSource *out)
{
  const BlTrack *track = user_data;
  const BlSourceLine *line = &track->line;
  if (!line->joined || seq < line->first_in)
    return false;
  const BlHistoryEntry *entry
      = bl_history_get (&track->history, seq + line->seq_offset);
  if (!entry || entry->meta.payload_length > BL_FEC_PAYLOAD_MOST)
    return false;
  *out = (BlFecSource){
    .timestamp = entry->meta.timestamp - line->timestamp_offset,
    .marker = entry->meta.marker,
    .payload = entry->packet->data + entry->meta.payload_offset,
    .length = entry->meta.payload_length,
  };
  return true;
}

static const BlBucketLimit fec_steps
    = { .per_second = BL_TRACK_FEC_STEPS_PER_SECOND,
        .burst = BL_TRACK_FEC_STEPS_BURST };

/* Are there so many steps left? */
static bool
can_afford (const BlTrack *track, uint32_t steps, BlTime now)
{
  BlBucket left = track->steps;
  return bl_bucket_take (&left, &fec_steps, steps, now);
}

/* For what was done since there were `before`, and could be afforded. */
static void
pay (BlTrack *track, uint64_t before, BlTime now)
{
  uint32_t steps = (uint32_t)(track->fec->steps - before);
  if (steps > 0)
    (void)bl_bucket_take (&track->steps, &fec_steps, steps, now);
}

/* A packet that repairs may have waited for. */
static void
tell_fec (BlTrack *track, uint64_t seq, BlTime now)
{
  uint64_t before = track->fec->steps;
  if (!can_afford (track, 2 * track->fec->n_rows + 1, now))
    bl_fec_decoder_forget (track->fec);
  bl_fec_decoder_on_source (track->fec, seq);
  pay (track, before, now);
}

/* The publisher's numbers begin anew: another publisher, or another SSRC. */
static void
begin_stream (BlTrack *track)
{
  uint32_t clock_rate_hz = shapes[track->kind].clock_rate_hz;
  track->lost_before += track->nack.lost;
  track->recovered_before += track->nack.recovered;
  track->seqs = (BlSeqUnwrapper){ 0 };
  BlNackConfig nack = bl_nack_defaults;
  nack.max_age_us = shapes[track->kind].nack_us;
  bl_nack_init (&track->nack, &nack);
  if (track->fec)
    bl_fec_decoder_init (track->fec, find_source, track);
  bl_rtp_receiver_stats_init (&track->receiver, clock_rate_hz);
  bl_clock_map_init (&track->clock, clock_rate_hz);
  track->has_sr = false;
  bl_source_line_restart (&track->line);
  track->waits_for_key = track->kind == BL_TRACK_VIDEO;
}

bool
bl_track_init (BlTrack *track, BlTrackKind kind)
{
  *track = (BlTrack){ .kind = kind, .newest_at_us = BL_TIME_NEVER };
  if (!bl_history_init (&track->history, shapes[kind].history))
    return false;
  bl_source_line_init (&track->line, shapes[kind].clock_rate_hz, BL_SEQ_CYCLE);
  begin_stream (track);
  return true;
}

void
bl_track_clear (BlTrack *track)
{
  bl_history_clear (&track->history);
  free (track->fec);
  track->fec = NULL;
}

void
bl_track_set_publisher (BlTrack *track, const BlNegotiatedTrack *setup)
{
  track->setup = setup ? *setup : (BlNegotiatedTrack){ 0 };
  track->ssrc_known = track->setup.ssrc != 0;
  track->ssrc = track->setup.ssrc;
  track->rtx_ssrc_known = track->setup.rtx_ssrc != 0;
  track->rtx_ssrc = track->setup.rtx_ssrc;
  if (track->setup.fec_pt != 0 && !track->fec)
    track->fec = malloc (sizeof *track->fec);
  begin_stream (track);
}

static bool
is_fec (const BlTrack *track, uint8_t payload_type)
{
  return track->setup.fec_pt != 0 && payload_type == track->setup.fec_pt;
}

bool
bl_track_owns_ssrc (const BlTrack *track, uint32_t ssrc)
{
  return track->setup.present
         && ((track->ssrc_known && ssrc == track->ssrc)
             || (track->rtx_ssrc_known && ssrc == track->rtx_ssrc)
             || (track->setup.fec_ssrc != 0 && ssrc == track->setup.fec_ssrc));
}

bool
bl_track_owns_mid (const BlTrack *track, const BlRtpExtValues *ext)
{
  return track->setup.present && bl_rtp_ext_has (ext, BL_RTP_EXT_MID)
         && strcmp (ext->mid, track->setup.mid) == 0;
}

static bool
is_red (const BlTrack *track, uint8_t payload_type)
{
  return track->setup.red_pt != 0 && payload_type == track->setup.red_pt;
}

bool
bl_track_owns_pt (const BlTrack *track, uint8_t payload_type)
{
  return track->setup.present
         && (payload_type == track->setup.pt
             || payload_type == track->setup.rtx_pt
             || is_red (track, payload_type) || is_fec (track, payload_type));
}

/* A sender may choose another SSRC at any time (RFC 3550 section 8.2). */
static void
learn_ssrc (BlTrack *track, const BlRtp *rtp)
{
  if (rtp->payload_type == track->setup.rtx_pt) {
    track->rtx_ssrc = rtp->ssrc;
    track->rtx_ssrc_known = true;
  } else if (!track->ssrc_known || rtp->ssrc != track->ssrc) {
    if (track->seqs.started)
      begin_stream (track);
    track->ssrc = rtp->ssrc;
    track->ssrc_known = true;
  }
}

/* The SPS in a payload: alone, or in a STAP-A (RFC 6184 section 5.7.1). */
static bool
find_sps (const BlRtp *rtp, BlH264Sps *out_sps)
{
  BlReader r = bl_reader (rtp->payload, rtp->payload_length);
  if ((bl_reader_u8 (&r) & 0x1f) != BL_H264_STAP_A)
    return bl_h264_sps_parse (rtp->payload, rtp->payload_length, out_sps);
  while (bl_reader_left (&r) > 2) {
    uint16_t length = bl_reader_be16 (&r);
    const uint8_t *nal = bl_reader_bytes (&r, length);
    if (nal && bl_h264_sps_parse (nal, length, out_sps))
      return true;
  }
  return false;
}

static bool
same_format (const BlH264Sps *a, const BlH264Sps *b)
{
  return bl_h264_sps_profile_level_id (a) == bl_h264_sps_profile_level_id (b)
         && a->width == b->width && a->height == b->height;
}

static void
note_sps (BlTrack *track, const BlRtp *rtp)
{
  BlH264Sps sps;
  if (!find_sps (rtp, &sps))
    return;
  if (!same_format (&sps, &track->sps))
    track->new_sps = true;
  track->sps = sps;
}

static void
note_clock (BlTrack *track, const BlRtp *rtp, const BlRtpExtValues *ext,
            BlClockOffset *offset, BlTime now, BlNtp ntp)
{
  if (!bl_rtp_ext_has (ext, BL_RTP_EXT_ABS_CAPTURE_TIME))
    return;
  BlNtp capture = ext->capture_ntp;
  /* Onto the clock of the publisher, whose offset to ours is measured. */
  if (ext->has_capture_offset)
    capture -= (uint64_t)ext->capture_offset_q32;
  bl_clock_map_on_capture (&track->clock, rtp->timestamp, capture);
  bl_clock_offset_on_one_way (offset, capture, ntp, now);
}

static int64_t
to_us (const BlTrack *track, int32_t ticks)
{
  return (int64_t)ticks * BL_SECOND / shapes[track->kind].clock_rate_hz;
}

/* Do its two times go together: with the report before or, for the first, with
 * the packets? */
static bool
is_believable (const BlTrack *track, const BlRtcpSenderInfo *info)
{
  if (track->has_sr) {
    int64_t by_rtp_us
        = to_us (track, bl_ts_diff (info->rtp_timestamp, track->sr_timestamp));
    int64_t by_ntp_us = bl_ntp_diff_us (info->ntp, track->sr_ntp);
    return llabs (by_rtp_us - by_ntp_us)
           <= SR_SLACK_US + llabs (by_ntp_us) / 20;
  }
  uint32_t newest = track->line.newest_timestamp - track->line.timestamp_offset;
  return track->line.joined
         && llabs (to_us (track, bl_ts_diff (info->rtp_timestamp, newest)))
                <= SR_FIRST_US;
}

void
bl_track_on_sr (BlTrack *track, const BlRtcpSenderInfo *info, BlTime now)
{
  bl_rtp_receiver_stats_on_sr (&track->receiver, info->ntp, now);
  if (is_believable (track, info))
    bl_clock_map_on_sr (&track->clock, info->rtp_timestamp, info->ntp);
  else if (track->clock.source == BL_CLOCK_MAP_SR)
    bl_clock_map_init (&track->clock, shapes[track->kind].clock_rate_hz);
  track->has_sr = true;
  track->sr_timestamp = info->rtp_timestamp;
  track->sr_ntp = info->ntp;
}

bool
bl_track_capture (const BlTrack *track, const BlClockOffset *offset,
                  uint32_t publisher_timestamp, BlTime now, BlNtp *out_capture)
{
  BlNtp remote;
  if (bl_clock_map_ntp (&track->clock, publisher_timestamp, &remote)
          == BL_CLOCK_MAP_NONE
      || bl_clock_offset_kind (offset) == BL_CLOCK_OFFSET_NONE)
    return false;
  *out_capture = bl_clock_offset_to_local (offset, remote, now);
  return true;
}

static void
count_taken (BlTrack *track, const BlRtp *rtp, const BlHistoryMeta *meta)
{
  track->stats.packets++;
  track->stats.bytes += rtp->payload_length;
  if (track->kind == BL_TRACK_VIDEO && meta->marker)
    track->stats.frames++;
  if ((meta->h264 & BL_H264_HAS_IDR)
      && (!track->key_seen
          || bl_ts_newer (meta->timestamp, track->key_timestamp))) {
    track->key_seen = true;
    track->key_timestamp = meta->timestamp;
    track->stats.keyframes++;
  }
  track->newest_at_us = meta->received_us;
  track->newest_capture = meta->capture;
}

static const BlDrop insert_drops[] = {
  [BL_HISTORY_DUPLICATE] = BL_DROP_DUPLICATE,
  [BL_HISTORY_TOO_OLD] = BL_DROP_STALE,
};

static BlHistoryMeta
describe (const BlTrack *track, const BlPacket *packet, const BlRtp *original,
          BlTime now)
{
  BlHistoryMeta meta
      = { .marker = original->marker,
          .audio = track->kind == BL_TRACK_AUDIO,
          .payload_offset = (uint16_t)(original->payload - packet->data),
          .payload_length = (uint16_t)original->payload_length,
          .received_us = now };
  if (track->kind == BL_TRACK_VIDEO && meta.payload_length > 0)
    meta.h264 = bl_h264_payload_flags (original->payload, meta.payload_length);
  return meta;
}

/* Into the history, as itself; `original` points into `packet`. */
static unsigned
take (BlTrack *track, BlPacket *packet, const BlRtp *original, uint64_t seq,
      const BlClockOffset *offset, BlHistoryMeta *meta)
{
  BlTime now = meta->received_us;
  uint64_t line_seq;
  if (!bl_track_capture (track, offset, original->timestamp, now,
                         &meta->capture))
    meta->capture = 0;
  if (!bl_source_line_map (&track->line, seq, original->timestamp, now,
                           &line_seq, &meta->timestamp))
    return BL_DROP_STALE;
  BlHistoryInsert inserted
      = bl_history_insert (&track->history, line_seq, packet, meta);
  if (inserted != BL_HISTORY_INSERTED)
    return insert_drops[inserted];
  if (track->fec)
    tell_fec (track, seq, now);
  /* Not by the IDR's own packets: of what is missing just before them it can't
   * be known whether it is theirs. */
  if (meta->h264 & BL_H264_HAS_SPS) {
    note_sps (track, original);
    bl_nack_on_keyframe (&track->nack, seq);
  }
  count_taken (track, original, meta);
  return BL_TRACK_TAKEN;
}

/* ---- redundancy of sound (RFC 2198) ---- */

static bool
open_red (const BlTrack *track, const BlRtp *rtp, BlRed *out_red,
          BlRtp *out_own)
{
  if (!bl_red_parse (rtp->payload, rtp->payload_length, out_red))
    return false;
  const BlRedBlock *own = &out_red->blocks[out_red->n - 1];
  out_own->payload_type = own->payload_type;
  out_own->payload = own->data;
  out_own->payload_length = own->length;
  return own->payload_type == track->setup.pt;
}

/* How many packets before its own this frame left. Frames are as long as one
 * another: only then it can be told; else 0. */
static unsigned
packets_back (const BlRed *red, const BlRedBlock *block)
{
  const BlRedBlock *own = &red->blocks[red->n - 1];
  uint32_t ticks = bl_opus_ticks (own->data, own->length);
  bool same = ticks > 0 && bl_opus_ticks (block->data, block->length) == ticks
              && block->payload_type == own->payload_type;
  return same && block->back % ticks == 0 ? block->back / ticks : 0;
}

/* Takes what is missing before `own` from its packet, oldest first. */
static unsigned
restore (BlTrack *track, BlPacket *packet, const BlRtp *own, uint64_t own_seq,
         const BlRed *red, const BlClockOffset *offset, BlTime now)
{
  unsigned result = BL_DROP_DUPLICATE;
  for (unsigned i = 0; i < red->n - 1; i++) {
    const BlRedBlock *block = &red->blocks[i];
    unsigned back = packets_back (red, block);
    if (back == 0)
      continue;
    BlRtp earlier = *own;
    earlier.marker = false;
    earlier.timestamp -= block->back;
    earlier.payload = block->data;
    earlier.payload_length = block->length;
    BlHistoryMeta meta = describe (track, packet, &earlier, now);
    uint64_t seq = own_seq - back, asked = track->nack.recovered;
    if (take (track, packet, &earlier, seq, offset, &meta) != BL_TRACK_TAKEN)
      continue;
    bl_nack_on_packet (&track->nack, seq, now);
    track->restored += track->nack.recovered == asked;
    result = BL_TRACK_TAKEN;
  }
  return result;
}

/* ---- forward error correction (rtc/fec.h) ---- */

static unsigned
receive_fec (BlTrack *track, const BlRtp *rtp, BlTime now)
{
  BlFecRepair repair;
  if (!bl_fec_parse (rtp->payload, rtp->payload_length, &repair))
    return BL_DROP_RTP;
  if (!track->fec || !track->seqs.started)
    return BL_DROP_STALE;
  if (!can_afford (track, BL_FEC_REPAIR_STEPS, now))
    return BL_DROP_BUDGET;
  track->stats.repairs++;
  uint64_t first = bl_seq_near (track->seqs.highest, repair.first);
  bl_nack_on_repair (&track->nack, first + repair.count - 1u, now);
  uint64_t before = track->fec->steps;
  BlFecVerdict verdict
      = bl_fec_decoder_on_repair (track->fec, rtp->seq, first, &repair);
  pay (track, before, now);
  return verdict == BL_FEC_STALE ? BL_DROP_STALE : BL_TRACK_REPAIR;
}

unsigned
bl_track_receive (BlTrack *track, BlPacket *packet, const BlRtp *rtp,
                  const BlRtpExtValues *ext, BlClockOffset *offset, BlTime now,
                  BlNtp ntp)
{
  BlRtp original = *rtp;
  BlRed red;
  bool repair = rtp->payload_type == track->setup.rtx_pt;
  bool redundant = is_red (track, rtp->payload_type);

  if (is_fec (track, rtp->payload_type))
    return receive_fec (track, rtp, now);
  if (!repair && !redundant && rtp->payload_type != track->setup.pt)
    return BL_DROP_UNKNOWN_TRACK;
  learn_ssrc (track, rtp);
  if (repair && !bl_rtx_unwrap (rtp, track->ssrc, track->setup.pt, &original))
    return BL_DROP_PADDING;
  /* An RTX packet for a stream that hasn't begun names nothing we know. */
  if (repair && !track->seqs.started)
    return BL_DROP_STALE;
  if (redundant && !open_red (track, rtp, &red, &original))
    return BL_DROP_RTP;

  BlHistoryMeta meta = describe (track, packet, &original, now);
  if (track->waits_for_key) {
    if (!(meta.h264 & (BL_H264_HAS_SPS | BL_H264_HAS_IDR)))
      return BL_DROP_BEFORE_KEY;
    track->waits_for_key = false;
  }

  bool begun = track->seqs.started;
  uint64_t seq = bl_seq_unwrap (&track->seqs, original.seq);
  note_clock (track, &original, ext, offset, now, ntp);
  unsigned restored = BL_DROP_DUPLICATE;
  if (redundant && begun)
    restored = restore (track, packet, &original, seq, &red, offset, now);
  bl_nack_on_packet (&track->nack, seq, now);
  if (!repair)
    bl_rtp_receiver_stats_on_packet (&track->receiver, seq, original.timestamp,
                                     now);
  unsigned result = take (track, packet, &original, seq, offset, &meta);
  return restored == BL_TRACK_TAKEN ? restored : result;
}

/* One that was brought back, into the history as if it had come. */
static void
take_recovered (BlTrack *track, BlPacket *packet, const BlFecRecovered *got,
                const BlClockOffset *offset, BlTime now)
{
  const BlFecSource *source = &got->source;
  memcpy (packet->data, source->payload, source->length);
  packet->length = source->length;
  packet->received_us = now;
  BlRtp original = { .payload_type = track->setup.pt,
                     .marker = source->marker,
                     .seq = (uint16_t)got->seq,
                     .timestamp = source->timestamp,
                     .ssrc = track->ssrc,
                     .payload = packet->data,
                     .payload_length = source->length };
  BlHistoryMeta meta = describe (track, packet, &original, now);
  uint64_t seq = bl_seq_unwrap (&track->seqs, original.seq);
  bl_nack_on_packet (&track->nack, seq, now);
  if (take (track, packet, &original, seq, offset, &meta) == BL_TRACK_TAKEN)
    track->stats.fec_recovered++;
}

void
bl_track_take_recovered (BlTrack *track, BlPacketPool *pool,
                         const BlClockOffset *offset, BlTime now)
{
  BlFecRecovered got;
  while (track->fec && !track->waits_for_key
         && bl_fec_decoder_take (track->fec, &got)) {
    BlPacket *packet = bl_packet_new (pool);
    if (!packet)
      return;
    take_recovered (track, packet, &got, offset, now);
    bl_packet_unref (&packet);
  }
}

void
bl_track_stats (const BlTrack *track, BlTime now, BlTrackStats *out_stats)
{
  *out_stats = track->stats;
  out_stats->live = track->newest_at_us != BL_TIME_NEVER
                    && now - track->newest_at_us < BL_MEDIA_SILENCE_US;
  out_stats->lost = track->lost_before + track->nack.lost;
  out_stats->recovered
      = track->recovered_before + track->nack.recovered + track->restored;
  out_stats->jitter_us
      = (uint32_t)((uint64_t)(track->receiver.jitter_q4 >> 4) * 1000000
                   / shapes[track->kind].clock_rate_hz);
}
