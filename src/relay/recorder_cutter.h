/* SPDX-License-Identifier: Apache-2.0
 *
 * Collects a part's samples until they make a fragment. Times are ticks of
 * each track's rate, from the part's beginning.
 *
 * Invariants: a track's samples follow each other without overlap; sound has
 * no hole, so one that is due is filled with silence; a picture lasts until the
 * next one, also when that comes in another fragment. A browser's SourceBuffer
 * takes a hole behind a picture for the end of a stream, and leaves out all
 * that follows until a keyframe (Media Source Extensions, "coded frame
 * processing").
 */
#pragma once

#include <glib.h>

#include "store/cmaf.h"

typedef struct {
  GArray *video; /* BlCmafSample */
  GByteArray *video_data;
  guint64 video_time;   /* of the first collected picture */
  guint64 video_last;   /* of the last one, while it lasts */
  guint64 video_end;    /* where the one before it, or the last, ended */
  guint32 video_usual;  /* how long pictures last, lately */
  gboolean video_lasts; /* the last picture's duration is not yet known */

  GArray *audio; /* BlCmafSample */
  GByteArray *audio_data;
  guint64 audio_time; /* of the first collected sample */
  guint64 audio_end;
  gboolean audio_begun; /* the part has sound already */
} BlCutter;

void bl_cutter_init (BlCutter *cutter);
void bl_cutter_clear (BlCutter *cutter);

/* Forgets everything: a new part begins. */
void bl_cutter_reset (BlCutter *cutter);

/* A picture, no more than a second after the last one if that was not taken
 * yet: NAL units with four-byte lengths, of which parameter sets,
 * delimiters and filler are left out (avcC has the parameters). FALSE if
 * nothing is left of it. It ends the picture before. A time that lies before
 * that one's end is moved there. */
gboolean bl_cutter_add_video (BlCutter *cutter, guint64 time, gboolean keyframe,
                              const guint8 *avcc, gsize length);

/* Ends the last picture at `next`, or, if that is 0, after its usual time. */
void bl_cutter_end_picture (BlCutter *cutter, guint64 next);

/* Sound, at audio_end. */
void bl_cutter_add_audio (BlCutter *cutter, guint32 duration,
                          const guint8 *packet, gsize length);

/* Silence from audio_end up to `time`, in whole packets of 20 ms; before the
 * part's first sound that is as many as end there. */
void bl_cutter_add_silence (BlCutter *cutter, guint64 time);

/* From the earliest collected sample to the latest, as far as known, in
 * microseconds of the part. */
gint64 bl_cutter_span_us (const BlCutter *cutter);
gint64 bl_cutter_start_us (const BlCutter *cutter);
gint64 bl_cutter_end_us (const BlCutter *cutter);

/* Whether the first picture is a keyframe, or there is none. */
gboolean bl_cutter_starts_with_keyframe (const BlCutter *cutter);

/* Whether there is nothing to take. */
gboolean bl_cutter_is_empty (const BlCutter *cutter);

guint bl_cutter_pictures (const BlCutter *cutter);

/* Appends the collected samples as a fragment to `out`. A picture that lasts is
 * kept for the next one; if it is the only picture, it must be ended before:
 * a fragment of sound alone counts as one that begins with a keyframe. */
void bl_cutter_take (BlCutter *cutter, guint32 sequence, GByteArray *out);
