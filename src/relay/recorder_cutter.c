/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/recorder_cutter.h"

#include <string.h>

#include "base/reader.h"
#include "rtc/h264.h"

#define USUAL_PICTURE (BL_CMAF_VIDEO_RATE / 30)

void
bl_cutter_init (BlCutter *cutter)
{
  *cutter = (BlCutter){
    .video = g_array_new (FALSE, FALSE, sizeof (BlCmafSample)),
    .video_data = g_byte_array_new (),
    .audio = g_array_new (FALSE, FALSE, sizeof (BlCmafSample)),
    .audio_data = g_byte_array_new (),
    .video_usual = USUAL_PICTURE,
  };
}

void
bl_cutter_clear (BlCutter *cutter)
{
  g_clear_pointer (&cutter->video, g_array_unref);
  g_clear_pointer (&cutter->video_data, g_byte_array_unref);
  g_clear_pointer (&cutter->audio, g_array_unref);
  g_clear_pointer (&cutter->audio_data, g_byte_array_unref);
}

/* The first `pictures`, with their bytes, and all sound. */
static void
forget_samples (BlCutter *cutter, guint pictures, gsize length)
{
  g_array_remove_range (cutter->video, 0, pictures);
  g_byte_array_remove_range (cutter->video_data, 0, (guint)length);
  g_array_set_size (cutter->audio, 0);
  g_byte_array_set_size (cutter->audio_data, 0);
}

void
bl_cutter_reset (BlCutter *cutter)
{
  forget_samples (cutter, cutter->video->len, cutter->video_data->len);
  cutter->video_lasts = FALSE;
  cutter->video_end = 0;
  cutter->audio_end = 0;
  cutter->audio_begun = FALSE;
}

static gboolean
is_left_out (const BlH264Nal *nal)
{
  unsigned type = bl_h264_nal_type (nal);
  return type == BL_H264_SPS || type == BL_H264_PPS || type == BL_H264_AUD
         || type == BL_H264_FILLER;
}

/* Appends what is kept; gives whether there is a slice among it. */
static gboolean
append_nals (GByteArray *out, const guint8 *avcc, gsize length)
{
  gboolean picture = FALSE;
  BlReader r = bl_reader (avcc, length);
  while (bl_reader_left (&r) > 0) {
    const guint8 *prefix = r.at;
    guint32 size = bl_reader_be32 (&r);
    const guint8 *nal = bl_reader_bytes (&r, size);
    if (!nal || size == 0)
      break;
    const BlH264Nal unit = { nal, size };
    picture |= bl_h264_nal_is_vcl (&unit);
    if (!is_left_out (&unit))
      g_byte_array_append (out, prefix, 4 + size);
  }
  return picture;
}

void
bl_cutter_end_picture (BlCutter *cutter, guint64 next)
{
  if (!cutter->video_lasts)
    return;
  guint64 duration = cutter->video_usual;
  if (next > cutter->video_last) {
    duration = next - cutter->video_last;
    /* A pause is not what is usual. */
    if (duration <= BL_CMAF_VIDEO_RATE / 5)
      cutter->video_usual = (guint32)duration;
  }
  BlCmafSample *last
      = &g_array_index (cutter->video, BlCmafSample, cutter->video->len - 1);
  last->duration = (guint32)duration;
  cutter->video_end = cutter->video_last + duration;
  cutter->video_lasts = FALSE;
}

gboolean
bl_cutter_add_video (BlCutter *cutter, guint64 time, gboolean keyframe,
                     const guint8 *avcc, gsize length)
{
  guint before = cutter->video_data->len;
  if (!append_nals (cutter->video_data, avcc, length)) {
    g_byte_array_set_size (cutter->video_data, before);
    return FALSE;
  }
  if (cutter->video_lasts) {
    time = MAX (time, cutter->video_last + 1);
    bl_cutter_end_picture (cutter, time);
  }
  time = MAX (time, cutter->video_end);
  if (cutter->video->len == 0)
    cutter->video_time = time;
  const BlCmafSample sample
      = { .size = cutter->video_data->len - before, .keyframe = keyframe };
  g_array_append_val (cutter->video, sample);
  cutter->video_last = time;
  cutter->video_lasts = TRUE;
  return TRUE;
}

void
bl_cutter_add_audio (BlCutter *cutter, guint32 duration, const guint8 *packet,
                     gsize length)
{
  if (cutter->audio->len == 0)
    cutter->audio_time = cutter->audio_end;
  const BlCmafSample sample
      = { .duration = duration, .size = (guint32)length, .keyframe = TRUE };
  g_array_append_val (cutter->audio, sample);
  g_byte_array_append (cutter->audio_data, packet, (guint)length);
  cutter->audio_end += duration;
  cutter->audio_begun = TRUE;
}

void
bl_cutter_add_silence (BlCutter *cutter, guint64 time)
{
  if (!cutter->audio_begun) {
    cutter->audio_end = time % BL_CMAF_SILENCE_TICKS;
    cutter->audio_begun = TRUE;
  }
  while (cutter->audio_end + BL_CMAF_SILENCE_TICKS / 2 <= time)
    bl_cutter_add_audio (cutter, BL_CMAF_SILENCE_TICKS, bl_cmaf_silence,
                         sizeof bl_cmaf_silence);
}

gboolean
bl_cutter_is_empty (const BlCutter *cutter)
{
  return cutter->video->len == 0 && cutter->audio->len == 0;
}

guint
bl_cutter_pictures (const BlCutter *cutter)
{
  return cutter->video->len;
}

gboolean
bl_cutter_starts_with_keyframe (const BlCutter *cutter)
{
  return cutter->video->len == 0
         || g_array_index (cutter->video, BlCmafSample, 0).keyframe;
}

gint64
bl_cutter_start_us (const BlCutter *cutter)
{
  gint64 video
      = cutter->video->len > 0
            ? bl_cmaf_ticks_to_us (cutter->video_time, BL_CMAF_VIDEO_RATE)
            : G_MAXINT64;
  gint64 audio
      = cutter->audio->len > 0
            ? bl_cmaf_ticks_to_us (cutter->audio_time, BL_CMAF_AUDIO_RATE)
            : G_MAXINT64;
  return MIN (video, audio);
}

gint64
bl_cutter_end_us (const BlCutter *cutter)
{
  guint64 video_end
      = cutter->video_lasts ? cutter->video_last : cutter->video_end;
  gint64 video = cutter->video->len > 0
                     ? bl_cmaf_ticks_to_us (video_end, BL_CMAF_VIDEO_RATE)
                     : 0;
  gint64 audio
      = cutter->audio->len > 0
            ? bl_cmaf_ticks_to_us (cutter->audio_end, BL_CMAF_AUDIO_RATE)
            : 0;
  return MAX (video, audio);
}

gint64
bl_cutter_span_us (const BlCutter *cutter)
{
  return bl_cutter_is_empty (cutter)
             ? 0
             : bl_cutter_end_us (cutter) - bl_cutter_start_us (cutter);
}

void
bl_cutter_take (BlCutter *cutter, guint32 sequence, GByteArray *out)
{
  const BlCmafSample *pictures
      = (const BlCmafSample *)(void *)cutter->video->data;
  guint n_pictures = cutter->video->len;
  gsize length = cutter->video_data->len;
  if (cutter->video_lasts) {
    g_assert (n_pictures > 1);
    length -= pictures[--n_pictures].size;
  }
  const BlCmafRun video = {
    .decode_time = cutter->video_time,
    .samples = pictures,
    .n_samples = n_pictures,
    .data = cutter->video_data->data,
    .length = length,
  };
  const BlCmafRun audio = {
    .decode_time = cutter->audio_time,
    .samples = (const BlCmafSample *)(void *)cutter->audio->data,
    .n_samples = cutter->audio->len,
    .data = cutter->audio_data->data,
    .length = cutter->audio_data->len,
  };
  bl_cmaf_append_fragment (out, sequence, &video, &audio);
  forget_samples (cutter, n_pictures, length);
  cutter->video_time = cutter->video_last;
}
