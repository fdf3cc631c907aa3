/* SPDX-License-Identifier: Apache-2.0
 *
 * Fragmented MP4 (ISO/IEC 14496-12) with one H.264 track (14496-15, "avc1") and
 * one Opus track ("Opus" in ISOBMFF), either of which may be absent. Bytes in
 * memory only: the recorder writes them, recovery and export read them.
 *
 * A file is an init segment (ftyp, moov) and fragments (moof, mdat):
 *
 *   ftyp | moov: mvhd trak… mvex: mehd trex…
 *   moof: mfhd traf: tfhd tfdt trun | mdat: pictures, then sound
 *
 * Invariants: a fragment's bytes depend on nothing outside it, so that a file
 * cut after any fragment is whole; the init segment's length doesn't depend on
 * the duration, which is patched in place.
 */
#pragma once

#include <glib.h>

#define BL_CMAF_VIDEO_RATE 90000
#define BL_CMAF_AUDIO_RATE 48000

enum {
  BL_CMAF_VIDEO_TRACK = 1,
  BL_CMAF_AUDIO_TRACK = 2,
};

/* An Opus packet of 20 ms of digital silence: for players that take a hole in
 * the sound as none, and would put all that follows it too early. */
#define BL_CMAF_SILENCE_TICKS 960
extern const guint8 bl_cmaf_silence[3];

/* ---- writing ---- */

typedef struct {
  /* NAL units from the header byte on; NULL: no video track. Borrowed. */
  const guint8 *sps, *pps;
  gsize sps_length, pps_length;
  guint16 width, height;
  gboolean audio;
  guint8 channels; /* of the Opus track: 1 or 2 */
} BlCmafTracks;

/* Appends the init segment, with a duration of zero. */
void bl_cmaf_append_init (GByteArray *out, const BlCmafTracks *tracks);

typedef struct {
  guint32 duration; /* in the track's rate */
  guint32 size;     /* bytes */
  gboolean keyframe;
} BlCmafSample;

/* Samples of one track that follow each other without a gap. */
typedef struct {
  guint64 decode_time; /* of the first sample, in the track's rate */
  const BlCmafSample *samples;
  guint n_samples;
  const guint8 *data; /* the samples' bytes; pictures with 4-byte lengths */
  gsize length;
} BlCmafRun;

/* Appends moof and mdat. `sequence` counts from 1. A run without samples is
 * left out; at least one must have some. */
void bl_cmaf_append_fragment (GByteArray *out, guint32 sequence,
                              const BlCmafRun *video, const BlCmafRun *audio);

/* Where in the init segment a duration stands, to be patched in place. */
typedef struct {
  gsize offset;
  guint8 bytes[8];
} BlCmafPatch;

#define BL_CMAF_PATCHES_MAX 2

/* The places of `init` (an init segment of ours) that tell the duration, and
 * what they shall tell. Gives their number; 0 if `init` is not understood. */
guint bl_cmaf_duration_patches (const guint8 *init, gsize length,
                                gint64 duration_us,
                                BlCmafPatch out_patches[BL_CMAF_PATCHES_MAX]);

/* ---- reading ---- */

/* A box's type as a number: BL_CMAF_BOX ('m', 'o', 'o', 'f'). */
#define BL_CMAF_BOX(a, b, c, d)                                                \
  ((guint32)(a) << 24 | (guint32)(b) << 16 | (guint32)(c) << 8 | (guint32)(d))

#define BL_CMAF_HEADER_BYTES 8

/* Type and whole length of the box that begins with these bytes. FALSE if it
 * can't be one of ours (shorter than its header, 64-bit or open-ended). */
gboolean bl_cmaf_read_header (const guint8 header[BL_CMAF_HEADER_BYTES],
                              guint32 *out_type, guint32 *out_length);

typedef struct {
  guint32 sequence;
  guint n_video, n_audio; /* samples */
  guint64 video_time, audio_time;
  guint64 video_duration, audio_duration; /* in each track's rate */
  gboolean keyframe;   /* the first picture is one, or there is none */
  guint64 data_length; /* bytes that the samples take in the mdat */
  /* Smallest start and largest end of both tracks. */
  gint64 start_us, end_us;
} BlCmafFragment;

/* Reads a whole moof box. FALSE if it is not one as written here. */
gboolean bl_cmaf_read_moof (const guint8 *moof, gsize length,
                            BlCmafFragment *out_fragment);

/* Whether the fragment's pictures are tiled by NAL units to the last byte: a
 * tail that was allocated but never reached the disk is not. */
gboolean bl_cmaf_check_mdat (const guint8 *moof, gsize moof_length,
                             const guint8 *mdat, gsize mdat_length);

/* Gives a moof another sequence number and moves its samples later: to join
 * parts in one file. FALSE if it is not a moof as written here. */
gboolean bl_cmaf_shift_moof (guint8 *moof, gsize length, guint32 sequence,
                             gint64 shift_us);

/* Whether two init segments are the same but for the duration, so that one
 * file can hold the fragments of both. */
gboolean bl_cmaf_init_equal (const guint8 *a, gsize a_length, const guint8 *b,
                             gsize b_length);

static inline gint64
bl_cmaf_ticks_to_us (guint64 ticks, guint32 rate)
{
  return (gint64)(ticks / rate * G_USEC_PER_SEC
                  + ticks % rate * G_USEC_PER_SEC / rate);
}
