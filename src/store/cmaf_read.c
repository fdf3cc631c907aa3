/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/reader.h"
#include "base/writer.h"
#include "store/cmaf.h"

#define BOX_MOOF BL_CMAF_BOX ('m', 'o', 'o', 'f')
#define BOX_MFHD BL_CMAF_BOX ('m', 'f', 'h', 'd')
#define BOX_TRAF BL_CMAF_BOX ('t', 'r', 'a', 'f')
#define BOX_TFHD BL_CMAF_BOX ('t', 'f', 'h', 'd')
#define BOX_TFDT BL_CMAF_BOX ('t', 'f', 'd', 't')
#define BOX_TRUN BL_CMAF_BOX ('t', 'r', 'u', 'n')
#define BOX_MDAT BL_CMAF_BOX ('m', 'd', 'a', 't')
#define BOX_MOOV BL_CMAF_BOX ('m', 'o', 'o', 'v')
#define BOX_MVEX BL_CMAF_BOX ('m', 'v', 'e', 'x')

/* No fragment of ours has more samples: 1 s of 2.5 ms Opus frames, and the
 * silence that fills a gap before them. */
#define SAMPLES_MAX 1000000

#define SYNC_MASK 0x00010000 /* sample_is_non_sync_sample */

gboolean
bl_cmaf_read_header (const guint8 header[BL_CMAF_HEADER_BYTES],
                     guint32 *out_type, guint32 *out_length)
{
  BlReader r = bl_reader (header, BL_CMAF_HEADER_BYTES);
  guint32 length = bl_reader_be32 (&r), type = bl_reader_be32 (&r);
  if (length < BL_CMAF_HEADER_BYTES)
    return FALSE;
  *out_length = length;
  *out_type = type;
  return TRUE;
}

/* The next box: its type and a reader of what is in it. FALSE at the end and
 * on nonsense, which `r` tells apart. */
static gboolean
next_box (BlReader *r, guint32 *out_type, BlReader *out_content)
{
  if (bl_reader_left (r) == 0)
    return FALSE;
  guint32 length = bl_reader_be32 (r);
  guint32 type = bl_reader_be32 (r);
  if (!bl_reader_ok (r) || length < BL_CMAF_HEADER_BYTES) {
    r->failed = true;
    return FALSE;
  }
  *out_content = bl_reader_sub (r, length - BL_CMAF_HEADER_BYTES);
  *out_type = type;
  return bl_reader_ok (r);
}

/* One track's part of a moof. The pointers lead into the moof. */
typedef struct {
  guint32 track;
  const guint8 *time; /* tfdt's 8 bytes */
  guint32 n_samples;
  guint32 data_offset;
  BlReader samples; /* of `sample_bytes` each */
  guint sample_bytes;
} Traf;

static gboolean
read_trun (BlReader *r, Traf *traf)
{
  guint32 flags = bl_reader_be32 (r) & 0xffffff;
  if ((flags & ~0x400u) != 0x301)
    return FALSE;
  traf->n_samples = bl_reader_be32 (r);
  traf->data_offset = bl_reader_be32 (r);
  traf->sample_bytes = flags & 0x400 ? 12 : 8;
  traf->samples = *r;
  return bl_reader_ok (r) && traf->n_samples > 0
         && traf->n_samples <= SAMPLES_MAX
         && bl_reader_left (r) == (size_t)traf->n_samples * traf->sample_bytes;
}

static gboolean
read_traf (BlReader *r, Traf *out_traf)
{
  Traf traf = { 0 };
  guint32 type;
  BlReader box;
  while (next_box (r, &type, &box)) {
    if (type == BOX_TFHD) {
      bl_reader_skip (&box, 4);
      traf.track = bl_reader_be32 (&box);
    } else if (type == BOX_TFDT) {
      if (bl_reader_be32 (&box) >> 24 != 1)
        return FALSE;
      traf.time = bl_reader_bytes (&box, 8);
    } else if (type == BOX_TRUN && !read_trun (&box, &traf)) {
      return FALSE;
    }
  }
  *out_traf = traf;
  return bl_reader_ok (r) && traf.time && traf.n_samples > 0
         && (traf.track == BL_CMAF_VIDEO_TRACK
             || traf.track == BL_CMAF_AUDIO_TRACK)
         && traf.sample_bytes == (traf.track == BL_CMAF_VIDEO_TRACK ? 12u : 8u);
}

/* A whole moof, taken apart. */
typedef struct {
  const guint8 *sequence; /* mfhd's 4 bytes */
  Traf trafs[2];
  guint n_trafs;
} Moof;

static gboolean
read_moof (const guint8 *bytes, gsize length, Moof *out_moof)
{
  Moof moof = { 0 };
  BlReader r = bl_reader (bytes, length), box, content;
  guint32 type;
  if (!next_box (&r, &type, &content) || type != BOX_MOOF
      || bl_reader_left (&r) != 0)
    return FALSE;
  while (next_box (&content, &type, &box)) {
    if (type == BOX_MFHD) {
      bl_reader_skip (&box, 4);
      moof.sequence = bl_reader_bytes (&box, 4);
    } else if (type == BOX_TRAF) {
      if (moof.n_trafs == 2 || !read_traf (&box, &moof.trafs[moof.n_trafs]))
        return FALSE;
      moof.n_trafs++;
    }
  }
  *out_moof = moof;
  return bl_reader_ok (&content) && moof.sequence && moof.n_trafs > 0;
}

static guint64
be64_at (const guint8 *bytes)
{
  BlReader r = bl_reader (bytes, 8);
  return bl_reader_be64 (&r);
}

static void
add_traf (BlCmafFragment *fragment, Traf *traf)
{
  gboolean video = traf->track == BL_CMAF_VIDEO_TRACK;
  guint32 rate = video ? BL_CMAF_VIDEO_RATE : BL_CMAF_AUDIO_RATE;
  guint64 time = be64_at (traf->time), duration = 0;
  for (guint32 i = 0; i < traf->n_samples; i++) {
    duration += bl_reader_be32 (&traf->samples);
    fragment->data_length += bl_reader_be32 (&traf->samples);
    if (video) {
      guint32 flags = bl_reader_be32 (&traf->samples);
      if (i == 0)
        fragment->keyframe = (flags & SYNC_MASK) == 0;
    }
  }
  if (video) {
    fragment->n_video = traf->n_samples;
    fragment->video_time = time;
    fragment->video_duration = duration;
  } else {
    fragment->n_audio = traf->n_samples;
    fragment->audio_time = time;
    fragment->audio_duration = duration;
  }
  gint64 start_us = bl_cmaf_ticks_to_us (time, rate);
  gint64 end_us = bl_cmaf_ticks_to_us (time + duration, rate);
  fragment->start_us = MIN (fragment->start_us, start_us);
  fragment->end_us = MAX (fragment->end_us, end_us);
}

gboolean
bl_cmaf_read_moof (const guint8 *moof, gsize length,
                   BlCmafFragment *out_fragment)
{
  Moof parsed;
  if (!read_moof (moof, length, &parsed))
    return FALSE;
  BlReader r = bl_reader (parsed.sequence, 4);
  BlCmafFragment fragment = { .sequence = bl_reader_be32 (&r),
                              .keyframe = TRUE,
                              .start_us = G_MAXINT64,
                              .end_us = 0 };
  for (guint i = 0; i < parsed.n_trafs; i++)
    add_traf (&fragment, &parsed.trafs[i]);
  *out_fragment = fragment;
  return TRUE;
}

/* Whether NAL units with four-byte lengths fill the sample. */
static gboolean
is_tiled (BlReader *sample)
{
  while (bl_reader_left (sample) > 0) {
    guint32 length = bl_reader_be32 (sample);
    if (length == 0)
      return FALSE;
    bl_reader_skip (sample, length);
  }
  return bl_reader_ok (sample);
}

gboolean
bl_cmaf_check_mdat (const guint8 *moof, gsize moof_length, const guint8 *mdat,
                    gsize mdat_length)
{
  Moof parsed;
  guint32 type, length;
  if (!read_moof (moof, moof_length, &parsed)
      || mdat_length < BL_CMAF_HEADER_BYTES
      || !bl_cmaf_read_header (mdat, &type, &length) || type != BOX_MDAT
      || length != mdat_length)
    return FALSE;
  for (guint i = 0; i < parsed.n_trafs; i++) {
    Traf *traf = &parsed.trafs[i];
    if (traf->data_offset < moof_length)
      return FALSE;
    BlReader data = bl_reader (mdat, mdat_length);
    bl_reader_skip (&data, traf->data_offset - moof_length);
    for (guint32 n = 0; n < traf->n_samples; n++) {
      bl_reader_skip (&traf->samples, 4);
      BlReader sample = bl_reader_sub (&data, bl_reader_be32 (&traf->samples));
      bl_reader_skip (&traf->samples, traf->sample_bytes - 8);
      if (traf->track == BL_CMAF_VIDEO_TRACK && !is_tiled (&sample))
        return FALSE;
    }
    if (!bl_reader_ok (&data))
      return FALSE;
  }
  return TRUE;
}

gboolean
bl_cmaf_shift_moof (guint8 *moof, gsize length, guint32 sequence,
                    gint64 shift_us)
{
  Moof parsed;
  if (!read_moof (moof, length, &parsed))
    return FALSE;
  BlWriter w = bl_writer (moof + (parsed.sequence - moof), 4);
  bl_writer_be32 (&w, sequence);
  for (guint i = 0; i < parsed.n_trafs; i++) {
    const Traf *traf = &parsed.trafs[i];
    gint64 rate = traf->track == BL_CMAF_VIDEO_TRACK ? BL_CMAF_VIDEO_RATE
                                                     : BL_CMAF_AUDIO_RATE;
    /* Ticks of 90 and 48 kHz: split, so that years don't overflow. */
    gint64 ticks = shift_us / G_USEC_PER_SEC * rate
                   + shift_us % G_USEC_PER_SEC * rate / G_USEC_PER_SEC;
    w = bl_writer (moof + (traf->time - moof), 8);
    bl_writer_be64 (&w, be64_at (traf->time) + (guint64)ticks);
  }
  return TRUE;
}

/* ---- the init segment's durations ---- */

/* Boxes (of version 1) whose content tells the duration, and at which byte.
 * The header boxes' own durations stay 0: they count the moov's samples. */
static const struct {
  guint32 type;
  gsize at;
} durations[] = {
  { BL_CMAF_BOX ('m', 'e', 'h', 'd'), 4 },
};

static gboolean
is_container (guint32 type)
{
  return type == BOX_MOOV || type == BOX_MVEX;
}

static void
collect (const guint8 *init, BlReader *r, BlCmafPatch *patches, guint *n)
{
  guint32 type;
  BlReader box;
  while (next_box (r, &type, &box)) {
    if (is_container (type)) {
      collect (init, &box, patches, n);
      r->failed |= box.failed;
    }
    for (guint i = 0; i < G_N_ELEMENTS (durations); i++) {
      if (durations[i].type == type && *n < BL_CMAF_PATCHES_MAX
          && bl_reader_left (&box) >= durations[i].at + 8)
        patches[(*n)++].offset = (gsize)(box.at - init) + durations[i].at;
    }
  }
}

guint
bl_cmaf_duration_patches (const guint8 *init, gsize length, gint64 duration_us,
                          BlCmafPatch out_patches[BL_CMAF_PATCHES_MAX])
{
  guint n = 0;
  BlReader r = bl_reader (init, length);
  collect (init, &r, out_patches, &n);
  for (guint i = 0; i < n; i++) {
    BlWriter w = bl_writer (out_patches[i].bytes, 8);
    bl_writer_be64 (&w, (guint64)(duration_us / 1000));
  }
  return bl_reader_ok (&r) ? n : 0;
}

/* A copy with durations of zero; NULL if it is no init segment. */
static guint8 *
without_duration (const guint8 *init, gsize length)
{
  BlCmafPatch patches[BL_CMAF_PATCHES_MAX];
  guint n = bl_cmaf_duration_patches (init, length, 0, patches);
  if (n == 0)
    return NULL;
  guint8 *copy = g_memdup2 (init, length);
  for (guint i = 0; i < n; i++)
    memcpy (copy + patches[i].offset, patches[i].bytes, 8);
  return copy;
}

gboolean
bl_cmaf_init_equal (const guint8 *a, gsize a_length, const guint8 *b,
                    gsize b_length)
{
  g_autofree guint8 *plain_a = without_duration (a, a_length);
  g_autofree guint8 *plain_b = without_duration (b, b_length);
  return plain_a && plain_b && a_length == b_length
         && memcmp (plain_a, plain_b, a_length) == 0;
}
