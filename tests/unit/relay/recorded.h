/* SPDX-License-Identifier: Apache-2.0
 *
 * What a recording's files hold, sample by sample, for tests.
 */
#pragma once

#include <check.h>
#include <glib.h>
#include <string.h>

#include "base/reader.h"
#include "store/part_file.h"
#include "store/recordings.h"
#include "synthetic.h"

typedef struct {
  guint part;
  guint fragment; /* within the part, from 0 */
  gint64 at_us;   /* on the recording's timeline */
  gint64 duration_us;
  gboolean video, keyframe;
  guint32 number; /* the publisher's; G_MAXUINT32 for silence */
} Sample;

static inline const guint8 *
find_box (const guint8 *bytes, gsize length, const guint8 *from,
          const char *type)
{
  const guint8 *at = memmem (from, length - (gsize)(from - bytes), type, 4);
  return at ? at + 4 : NULL;
}

/* The samples of one moof, by its traf boxes in order. */
static inline void
add_samples (GArray *samples, const guint8 *bytes, gsize moof, gsize length,
             Sample base)
{
  const guint8 *at = bytes;
  while ((at = find_box (bytes, moof, at, "traf"))) {
    const guint8 *tfhd = find_box (bytes, moof, at, "tfhd");
    const guint8 *tfdt = find_box (bytes, moof, at, "tfdt");
    const guint8 *trun = find_box (bytes, moof, at, "trun");
    BlReader r = bl_reader (tfhd + 4, 4);
    gboolean video = bl_reader_be32 (&r) == BL_CMAF_VIDEO_TRACK;
    guint32 rate = video ? BL_CMAF_VIDEO_RATE : BL_CMAF_AUDIO_RATE;
    r = bl_reader (tfdt + 4, 8);
    guint64 time = bl_reader_be64 (&r);
    r = bl_reader (trun + 4, length);
    guint32 n = bl_reader_be32 (&r);
    const guint8 *data = bytes + bl_reader_be32 (&r);
    for (guint32 i = 0; i < n; i++) {
      guint32 duration = bl_reader_be32 (&r), size = bl_reader_be32 (&r);
      guint32 flags = video ? bl_reader_be32 (&r) : 0;
      Sample sample = base;
      sample.video = video;
      sample.keyframe = !(flags & 0x10000);
      sample.at_us += bl_cmaf_ticks_to_us (time, rate);
      sample.duration_us = bl_cmaf_ticks_to_us (duration, rate);
      sample.number = G_MAXUINT32;
      if (!video && size == 8)
        memcpy (&sample.number, data + 4, 4);
      if (video) {
        sample.number = 0;
        for (guint k = 0; k < 4; k++)
          sample.number |= (data[4 + SEI_NUMBER_AT + k] & 0x7fu) << (7 * k);
      }
      g_array_append_val (samples, sample);
      time += duration;
      data += size;
    }
    at = trun;
  }
}

/* All samples of the recording (element-type Sample), in file order. Asserts
 * that every file is whole, and that the database lists just its fragments. */
static inline GArray *
read_recording (BlDb *from, gint64 id)
{
  g_autoptr (GArray) parts = bl_recordings_parts (from, id, NULL);
  g_autoptr (GArray) listed = bl_recordings_fragments (from, id, NULL);
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  GArray *samples = g_array_new (FALSE, FALSE, sizeof (Sample));
  guint n = 0;
  for (guint i = 0; i < parts->len; i++) {
    const BlPart *part = &g_array_index (parts, BlPart, i);
    g_autofree char *path
        = bl_recordings_part_path (bl_db_folder (from), id, part->number);
    g_auto (BlPartFile) file = BL_PART_FILE_INIT;
    g_autoptr (GError) error = NULL;
    ck_assert_msg (bl_part_file_open (&file, path, FALSE, &error), "%s",
                   error ? error->message : "");
    ck_assert_int_eq (file.bytes, part->bytes);
    ck_assert_int_eq (file.init_bytes, part->init_bytes);
    BlCmafFragment found;
    gsize moof;
    gint64 at = file.init_bytes;
    for (guint f = 0; bl_part_file_read (&file, at, bytes, &moof, &found, NULL)
                      == BL_PART_FRAGMENT;
         f++) {
      ck_assert_uint_lt (n, listed->len);
      const BlFragment *row = &g_array_index (listed, BlFragment, n++);
      ck_assert_uint_eq (row->part, part->number);
      ck_assert_int_eq (row->offset, at);
      ck_assert_int_eq (row->length, bytes->len);
      ck_assert_int_eq (row->start_us, part->start_us + found.start_us);
      ck_assert_int_eq (row->duration_us, found.end_us - found.start_us);
      ck_assert_int_eq (row->keyframe, found.keyframe);
      ck_assert_uint_eq (found.sequence, f + 1);
      add_samples (samples, bytes->data, moof, bytes->len,
                   (Sample){ .part = part->number,
                             .fragment = f,
                             .at_us = part->start_us });
      at += bytes->len;
    }
    ck_assert_msg (at == file.bytes, "%s is torn", path);
  }
  ck_assert_uint_eq (n, listed->len);
  return samples;
}

static inline guint
count_samples (const GArray *samples, gboolean video)
{
  guint n = 0;
  for (guint i = 0; i < samples->len; i++)
    n += g_array_index (samples, Sample, i).video == video;
  return n;
}
