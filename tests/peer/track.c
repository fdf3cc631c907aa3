/* SPDX-License-Identifier: Apache-2.0 */
#include "track.h"

#include "rtc/h264.h"

/* Further than this from the highest is another sequence, not disorder. */
#define JUMP (PEER_TRACK_SLOTS / 2)

void
peer_figures_add (PeerFigures *sum, const PeerFigures *part)
{
  sum->packets += part->packets;
  sum->frames += part->frames;
  sum->keyframes += part->keyframes;
  sum->lost += part->lost;
  sum->repaired += part->repaired;
  sum->duplicates += part->duplicates;
  sum->jumps += part->jumps;
  sum->regressions += part->regressions;
  sum->ssrc_changes += part->ssrc_changes;
  sum->age_sum_us += part->age_sum_us;
  sum->ages += part->ages;
  for (unsigned i = 0; i < PEER_AGE_STEPS; i++)
    sum->ages_by_step[i] += part->ages_by_step[i];
  if (part->gap_max_us > sum->gap_max_us)
    sum->gap_max_us = part->gap_max_us;
  if (part->age_max_us > sum->age_max_us)
    sum->age_max_us = part->age_max_us;
}

int64_t
peer_figures_age_p95_us (const PeerFigures *figures)
{
  uint64_t count = 0;
  unsigned step = 0;
  while (step < PEER_AGE_STEPS
         && (count += figures->ages_by_step[step]) * 20 < figures->ages * 19)
    step++;
  return figures->ages > 0 ? (step + 1) * PEER_AGE_STEP_US : -1;
}

static unsigned
age_step (int64_t age_us)
{
  int64_t step = age_us > 0 ? age_us / PEER_AGE_STEP_US : 0;
  return step < PEER_AGE_STEPS ? (unsigned)step : PEER_AGE_STEPS - 1;
}

void
peer_track_init (PeerTrack *track, bool video, uint32_t clock_rate_hz)
{
  *track = (PeerTrack){ .video = video,
                        .first_keyframe_us = BL_TIME_NEVER,
                        .last_frame_us = BL_TIME_NEVER,
                        .blocked_us = BL_TIME_NEVER };
  bl_nack_init (&track->nack, &bl_nack_defaults);
  bl_rtp_receiver_stats_init (&track->report, clock_rate_hz);
}

/* The relay's payloads begin with a SPS of their own or in a STAP-A. */
static void
read_size (PeerTrack *track, const uint8_t *payload, size_t length)
{
  BlReader r = bl_reader (payload, length);
  BlH264Sps sps;
  bool found = false;
  if ((payload[0] & 0x1f) == BL_H264_STAP_A) {
    bl_reader_u8 (&r);
    while (!found && bl_reader_left (&r) > 2) {
      BlReader nal = bl_reader_sub (&r, bl_reader_be16 (&r));
      found = bl_reader_left (&nal) > 0
              && bl_h264_sps_parse (nal.at, bl_reader_left (&nal), &sps);
    }
  } else {
    found = bl_h264_sps_parse (payload, length, &sps);
  }
  if (found) {
    track->width = sps.width;
    track->height = sps.height;
  }
}

static void
note_frame (PeerTrack *track, bool key, BlTime now, BlNtp ntp)
{
  PeerFigures *f = &track->figures;
  f->frames++;
  f->keyframes += key;
  if (track->first_keyframe_us == BL_TIME_NEVER && (key || !track->video))
    track->first_keyframe_us = now;
  if (track->last_frame_us != BL_TIME_NEVER
      && now - track->last_frame_us > f->gap_max_us)
    f->gap_max_us = now - track->last_frame_us;
  track->last_frame_us = now;
  if (track->capture) {
    int64_t age_us = bl_ntp_diff_us (ntp, track->capture);
    f->ages++;
    f->age_sum_us += age_us;
    f->ages_by_step[age_step (age_us)]++;
    if (age_us > f->age_max_us)
      f->age_max_us = age_us;
  }
}

static void
deliver (PeerTrack *track, const PeerSlot *slot, BlTime now, BlNtp ntp)
{
  if (track->has_timestamp && bl_ts_newer (track->timestamp, slot->timestamp))
    track->figures.regressions++;
  track->has_timestamp = true;
  track->timestamp = slot->timestamp;
  if (slot->capture)
    track->capture = slot->capture;
  /* What is missing is of what was before. */
  if (slot->begins_key)
    track->broken = false;
  track->frame_key |= slot->key;
  if (track->video && !slot->marker)
    return;
  if (!track->broken)
    note_frame (track, track->frame_key, now, ntp);
  track->broken = false;
  track->frame_key = false;
  track->capture = 0;
}

static PeerSlot *
slot_of (PeerTrack *track, uint64_t seq)
{
  return &track->slots[seq % PEER_TRACK_SLOTS];
}

/* A hole is known of since something from behind it came. */
static BlTime
hole_since (PeerTrack *track)
{
  uint64_t seq = track->next;
  while (slot_of (track, seq)->seq != seq && seq < track->seqs.highest)
    seq++;
  return slot_of (track, seq)->arrived_us;
}

static void
advance (PeerTrack *track, BlTime now, BlNtp ntp)
{
  uint64_t before = track->next;
  while (slot_of (track, track->next)->seq == track->next)
    deliver (track, slot_of (track, track->next++), now, ntp);
  if (track->next > track->seqs.highest)
    track->blocked_us = BL_TIME_NEVER;
  else if (track->next != before || track->blocked_us == BL_TIME_NEVER)
    track->blocked_us = hole_since (track);
}

static void
give_up (PeerTrack *track, BlTime now, BlNtp ntp)
{
  while (track->next <= track->seqs.highest
         && slot_of (track, track->next)->seq != track->next) {
    track->figures.lost++;
    track->next++;
  }
  track->broken = true;
  advance (track, now, ntp);
}

static void
begin (PeerTrack *track, const BlRtp *rtp)
{
  track->started = true;
  track->ssrc = rtp->ssrc;
  track->seqs = (BlSeqUnwrapper){ 0 };
  track->next = bl_seq_unwrap (&track->seqs, rtp->seq);
  track->blocked_us = BL_TIME_NEVER;
  bl_nack_init (&track->nack, &bl_nack_defaults);
  bl_rtp_receiver_stats_init (&track->report, track->report.clock_rate_hz);
  for (unsigned i = 0; i < PEER_TRACK_SLOTS; i++)
    track->slots[i].seq = 0;
}

/* False: a packet that can't belong to the sequence as it was; it begins one
 * anew. */
static bool
continues (PeerTrack *track, const BlRtp *rtp)
{
  int16_t step = bl_seq_diff (rtp->seq, (uint16_t)track->seqs.highest);
  if (rtp->ssrc != track->ssrc)
    track->figures.ssrc_changes++;
  else if (step > JUMP || step < -JUMP)
    track->figures.jumps++;
  else
    return true;
  return false;
}

void
peer_track_on_packet (PeerTrack *track, const BlRtp *rtp,
                      const BlRtpExtValues *ext, bool repair, BlTime now,
                      BlNtp ntp)
{
  if (repair && !track->started)
    return;
  if (!track->started || (!repair && !continues (track, rtp)))
    begin (track, rtp);
  uint64_t seq = bl_seq_unwrap (&track->seqs, rtp->seq);
  if (!repair)
    bl_rtp_receiver_stats_on_packet (&track->report, seq, rtp->timestamp, now);
  bl_nack_on_packet (&track->nack, seq, now);
  PeerSlot *slot = slot_of (track, seq);
  if (seq < track->next || slot->seq == seq) {
    track->figures.duplicates++;
    return;
  }
  track->figures.packets++;
  track->figures.repaired += repair;
  *slot = (PeerSlot){ .seq = seq,
                      .timestamp = rtp->timestamp,
                      .marker = rtp->marker,
                      .arrived_us = now };
  if (bl_rtp_ext_has (ext, BL_RTP_EXT_ABS_CAPTURE_TIME))
    slot->capture = ext->capture_ntp;
  if (track->video && rtp->payload_length > 0) {
    uint8_t flags = bl_h264_payload_flags (rtp->payload, rtp->payload_length);
    slot->key = flags & BL_H264_HAS_IDR;
    slot->begins_key = flags & BL_H264_HAS_SPS;
    if (slot->begins_key)
      read_size (track, rtp->payload, rtp->payload_length);
  }
  advance (track, now, ntp);
}

void
peer_track_on_time (PeerTrack *track, BlTime now, BlNtp ntp)
{
  while (track->blocked_us != BL_TIME_NEVER
         && (now - track->blocked_us > PEER_TRACK_WAIT_US
             || track->seqs.highest - track->next > JUMP))
    give_up (track, now, ntp);
}

PeerFigures
peer_track_take_figures (PeerTrack *track, BlTime now)
{
  PeerFigures figures = track->figures;
  if (track->last_frame_us != BL_TIME_NEVER
      && now - track->last_frame_us > figures.gap_max_us)
    figures.gap_max_us = now - track->last_frame_us;
  track->figures = (PeerFigures){ 0 };
  return figures;
}
