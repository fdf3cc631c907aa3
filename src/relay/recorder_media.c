/* SPDX-License-Identifier: Apache-2.0
 *
 * Pictures and sound of one recording: decodable or not, and where on the
 * timeline.
 */
#include "relay/recorder_stream.h"

/* A picture that refers to lost ones is left out until the next IDR, but not
 * longer than this: then a smeared picture is better than none. */
#define DAMAGED_MAX_US (2 * BL_SECOND)

/* A longer hole ends the part rather than being filled. */
#define HOLE_MAX_US (10 * BL_SECOND)

/* A fragment is cut at an IDR once it has this much, and in any case before
 * the next picture would make it too long. */
#define IDR_CUT_US  (200 * BL_MS)
#define FULL_CUT_US (BL_RECORDER_FRAGMENT_US - 100 * BL_MS)

/* The timeline follows the sound's clock by so much a packet: 5 % of its time.
 * What is off by more than the other has jumped. */
#define SKEW_STEP_US (1 * BL_MS)
#define SKEW_JUMP_US (100 * BL_MS)

/* RTP times of sound that contradict capture times by this are another
 * stream's. */
#define AUDIO_JUMP_TICKS BL_CMAF_AUDIO_RATE

static guint64
video_ticks (const BlRecorderStream *stream, gint64 at_us)
{
  gint64 us = at_us - stream->part.start_us;
  return us > 0 ? (guint64)us * 9 / 100 : 0;
}

static gint64
audio_ticks (const BlRecorderStream *stream, gint64 at_us)
{
  return (at_us - stream->part.start_us) * 6 / 125;
}

static gint64
audio_us (const BlRecorderStream *stream, guint64 ticks)
{
  return stream->part.start_us
         + bl_cmaf_ticks_to_us (ticks, BL_CMAF_AUDIO_RATE);
}

/* Within what can be true, also for a sample from before a jump. */
static gint64
capture_time (const BlRecorderStream *stream, BlTrackKind track,
              guint64 rtp_time)
{
  gint64 capture_us = bl_recorder_clock_map (&stream->clock[track], rtp_time);
  return CLAMP (capture_us, stream->now_us - BL_RECORDER_AGE_MAX_US,
                stream->now_us + BL_RECORDER_LEAD_MAX_US);
}

/* A sample's place on the timeline, which begins with the first sample that is
 * recorded. */
static gint64
place (BlRecorderStream *stream, BlTrackKind track, guint64 rtp_time)
{
  gint64 capture_us = capture_time (stream, track, rtp_time);
  if (!stream->placed)
    stream->origin_us = capture_us;
  return capture_us - stream->origin_us + stream->skew_us;
}

static void
update_clock (BlRecorderStream *stream, BlTrackKind track,
              const BlTapRecord *record)
{
  BlTrackKind other = track == BL_TRACK_VIDEO ? BL_TRACK_AUDIO : BL_TRACK_VIDEO;
  bl_recorder_clock_update (&stream->clock[track], record->rtp_time,
                            record->capture_us, record->arrival_us,
                            stream->clock[other].delay_us);
}

static gint64
recorded_end_us (const BlRecorderStream *stream)
{
  return MAX (stream->end_us[BL_TRACK_VIDEO], stream->end_us[BL_TRACK_AUDIO]);
}

static void
before_sample (BlRecorderStream *stream)
{
  if (bl_cutter_is_empty (&stream->cutter))
    stream->collecting_since_us = stream->now_us;
}

/* ---- pictures ---- */

/* Whether the picture can be shown: it and all it refers to are whole. */
static gboolean
is_decodable (BlRecorderStream *stream, const BlH264Au *au)
{
  if ((au->broken || au->after_loss) && !stream->damaged) {
    stream->damaged = TRUE;
    stream->damaged_since_us = stream->now_us;
  }
  if (stream->damaged && !au->broken
      && (au->keyframe
          || stream->now_us - stream->damaged_since_us >= DAMAGED_MAX_US))
    stream->damaged = FALSE;
  if (!stream->damaged)
    return TRUE;
  stream->shared->stats.broken++;
  if (!stream->gap_reason[BL_TRACK_VIDEO])
    stream->gap_reason[BL_TRACK_VIDEO] = "packets lost";
  bl_recorder_stream_want_keyframe (stream);
  return FALSE;
}

/* Whether a part is open that this picture can go into. */
static gboolean
have_part (BlRecorderStream *stream, const BlH264Au *au, gint64 at_us)
{
  BlRecorderPart *part = &stream->part;
  if (part->open
      && (at_us - recorded_end_us (stream) > HOLE_MAX_US
          || (au->keyframe
              && (!part->has_video
                  || stream->part_parameters
                         != stream->depay.parameter_changes))))
    bl_recorder_stream_end_part (stream);
  if (part->open && part->has_video)
    return TRUE;
  if (stream->stopped)
    return FALSE;
  if (!au->keyframe) {
    bl_recorder_stream_want_keyframe (stream);
    return FALSE;
  }
  return bl_recorder_stream_begin_part (stream, at_us, TRUE);
}

/* Cuts before the picture at `ticks`, if a fragment is due. */
static void
cut_before_picture (BlRecorderStream *stream, guint64 ticks, gboolean keyframe)
{
  BlCutter *cutter = &stream->cutter;
  gboolean pause
      = cutter->video_lasts && ticks > cutter->video_last + BL_CMAF_VIDEO_RATE;
  gint64 span_us = bl_cutter_span_us (cutter);
  if (!pause && span_us < (keyframe ? IDR_CUT_US : FULL_CUT_US))
    return;
  bl_cutter_end_picture (cutter, pause ? 0 : ticks);
  bl_recorder_stream_cut (stream);
}

/* Behind a hole a browser shows nothing until a keyframe. */
static void
mend_hole (BlRecorderStream *stream, guint64 ticks, gboolean keyframe)
{
  const BlCutter *cutter = &stream->cutter;
  if (!keyframe && !cutter->video_lasts
      && ticks > cutter->video_end + cutter->video_usual)
    bl_recorder_stream_want_keyframe (stream);
}

static void
on_picture (BlRecorderStream *stream, const BlH264Au *au, guint64 rtp_time)
{
  if (!is_decodable (stream, au) || stream->stopped)
    return;
  gint64 at_us = place (stream, BL_TRACK_VIDEO, rtp_time);
  if (!have_part (stream, au, at_us))
    return;
  at_us = place (stream, BL_TRACK_VIDEO, rtp_time); /* a new part may move it */
  guint64 ticks = video_ticks (stream, at_us);
  cut_before_picture (stream, ticks, au->keyframe);
  if (stream->stopped)
    return;
  mend_hole (stream, ticks, au->keyframe);
  bl_recorder_stream_note_gap (stream, BL_TRACK_VIDEO, at_us);
  before_sample (stream);
  BlCutter *cutter = &stream->cutter;
  if (stream->stopped
      || !bl_cutter_add_video (cutter, ticks, au->keyframe, au->data,
                               au->length))
    return;
  stream->end_us[BL_TRACK_VIDEO]
      = stream->part.start_us
        + bl_cmaf_ticks_to_us (cutter->video_last + cutter->video_usual,
                               BL_CMAF_VIDEO_RATE);
}

void
bl_recorder_stream_on_video (BlRecorderStream *stream,
                             const BlTapRecord *record, const guint8 *payload,
                             guint64 lost)
{
  update_clock (stream, BL_TRACK_VIDEO, record);
  const BlH264DepayPacket packet = {
    .seq = record->sequence,
    .timestamp = (guint32)record->rtp_time,
    .marker = record->marker,
    .payload = payload,
    .length = record->length,
  };
  BlH264DepayResult result;
  BlH264Au au;
  do {
    result = bl_h264_depay_push (&stream->depay, &packet, &au);
    if (result != BL_H264_DEPAY_MORE) {
      /* The access unit is this packet's, or one before. */
      guint32 back = (guint32)record->rtp_time - au.timestamp;
      on_picture (stream, &au, record->rtp_time - back);
    }
  } while (result == BL_H264_DEPAY_AGAIN);
}

/* ---- sound ---- */

/* How long an Opus packet lasts at 48 kHz (RFC 6716 section 3.1); 0 if it is
 * none. */
static guint32
opus_ticks (const guint8 *packet, gsize length)
{
  static const guint16 silk[4] = { 480, 960, 1920, 2880 };
  if (length == 0)
    return 0;
  guint config = packet[0] >> 3, code = packet[0] & 3;
  guint32 frame = config < 12   ? silk[config & 3]
                  : config < 16 ? (config & 1 ? 960u : 480u)
                                : 120u << (config & 3);
  guint32 frames = code == 0 ? 1 : 2;
  if (code == 3)
    frames = length > 1 ? packet[1] & 0x3f : 0;
  return frame * frames <= 5760 ? frame * frames : 0;
}

/* Whether a part is open that takes sound. One without a picture begins when
 * a picture is not expected, or has been waited for long enough. */
static gboolean
have_part_for_sound (BlRecorderStream *stream, gint64 at_us)
{
  if (stream->part.open && at_us - recorded_end_us (stream) > HOLE_MAX_US)
    bl_recorder_stream_end_part (stream);
  if (stream->part.open)
    return stream->part.has_audio;
  if (stream->stopped)
    return FALSE;
  if (stream->has[BL_TRACK_VIDEO]) {
    if (stream->waiting_since_us == 0)
      stream->waiting_since_us = stream->now_us;
    if (stream->now_us - stream->waiting_since_us
        < BL_RECORDER_PICTURE_WAIT_US) {
      bl_recorder_stream_want_keyframe (stream);
      return FALSE;
    }
  }
  return bl_recorder_stream_begin_part (stream, at_us, FALSE);
}

/* Where in the part the sound belongs, in ticks: after the packet before by
 * the RTP times, or by capture time where they say nothing. */
static gint64
sound_target (BlRecorderStream *stream, guint64 rtp_time, gint64 at_us)
{
  gint64 end = (gint64)stream->cutter.audio_end;
  gint64 target = audio_ticks (stream, at_us);
  gint64 by_rtp = (gint64)rtp_time - stream->audio_base;
  if (stream->audio_placed && ABS (by_rtp - target) <= AUDIO_JUMP_TICKS)
    return by_rtp;
  /* A stream that begins anew a little early is taken as it comes. */
  gboolean early = target < end && end - target < BL_CMAF_AUDIO_RATE;
  return stream->cutter.audio_begun && early ? end : target;
}

/* Little by little, so that pictures don't jump with the sound's estimate. */
static void
follow_skew (BlRecorderStream *stream, gint64 skew_us)
{
  gint64 error_us = skew_us - stream->skew_us;
  stream->skew_us
      = ABS (error_us) > SKEW_JUMP_US
            ? skew_us
            : stream->skew_us + CLAMP (error_us, -SKEW_STEP_US, SKEW_STEP_US);
}

/* Silence up to `target`, in fragments of the usual length. */
static void
fill_hole (BlRecorderStream *stream, guint64 target)
{
  BlCutter *cutter = &stream->cutter;
  while (!stream->stopped
         && cutter->audio_end + BL_CMAF_SILENCE_TICKS <= target) {
    if (bl_cutter_span_us (cutter) >= FULL_CUT_US) {
      bl_recorder_stream_cut_in_time (stream);
      before_sample (stream);
    }
    bl_cutter_add_silence (cutter, cutter->audio_end + BL_CMAF_SILENCE_TICKS);
  }
}

static void
add_sound (BlRecorderStream *stream, const BlTapRecord *record,
           const guint8 *payload, guint32 duration, gint64 target)
{
  BlCutter *cutter = &stream->cutter;
  before_sample (stream);
  if (cutter->audio_begun)
    fill_hole (stream, (guint64)target);
  else if (!stream->part.has_video)
    cutter->audio_end = (guint64)target;
  if (stream->stopped)
    return;
  if (cutter->audio_begun || stream->part.has_video)
    bl_cutter_add_silence (cutter, (guint64)target);
  guint64 slot = cutter->audio_end;
  bl_cutter_add_audio (cutter, duration, payload, record->length);
  stream->audio_base = (gint64)record->rtp_time - (gint64)slot;
  stream->audio_placed = TRUE;
  stream->end_us[BL_TRACK_AUDIO] = audio_us (stream, cutter->audio_end);
  gint64 capture_us = capture_time (stream, BL_TRACK_AUDIO, record->rtp_time);
  follow_skew (stream,
               audio_us (stream, slot) - (capture_us - stream->origin_us));
}

void
bl_recorder_stream_on_audio (BlRecorderStream *stream,
                             const BlTapRecord *record, const guint8 *payload,
                             guint64 lost)
{
  update_clock (stream, BL_TRACK_AUDIO, record);
  stream->audio_seen_us = stream->now_us;
  if (lost > 0 && !stream->gap_reason[BL_TRACK_AUDIO])
    stream->gap_reason[BL_TRACK_AUDIO] = "packets lost";
  guint32 duration = opus_ticks (payload, record->length);
  if (duration == 0 || stream->stopped)
    return;
  gint64 at_us = place (stream, BL_TRACK_AUDIO, record->rtp_time);
  if (!have_part_for_sound (stream, at_us))
    return;
  at_us = place (stream, BL_TRACK_AUDIO, record->rtp_time);
  gint64 target = sound_target (stream, record->rtp_time, at_us);
  if (target + duration / 2 < (gint64)stream->cutter.audio_end || target < 0)
    return; /* its place has been filled, or lies before the part */
  bl_recorder_stream_note_gap (stream, BL_TRACK_AUDIO,
                               audio_us (stream, (guint64)target));
  if (stream->stopped)
    return;
  add_sound (stream, record, payload, duration, target);
  if (bl_cutter_span_us (&stream->cutter) >= BL_RECORDER_FRAGMENT_US)
    bl_recorder_stream_cut_in_time (stream);
}
