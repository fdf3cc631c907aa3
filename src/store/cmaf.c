/* SPDX-License-Identifier: Apache-2.0 */
#include "store/cmaf.h"

#include <string.h>

/* Units of the movie's own durations a second. */
#define MOVIE_RATE 1000

/* trun's and trex's sample flags (14496-12 section 8.8.3.1). */
#define FLAGS_SYNC     0x02000000 /* depends on no other */
#define FLAGS_NON_SYNC 0x01010000 /* depends on others, not a sync sample */

#define TFHD_BASE_IS_MOOF 0x020000
#define TRUN_OFFSET       0x000001
#define TRUN_DURATION     0x000100
#define TRUN_SIZE         0x000200
#define TRUN_FLAGS        0x000400

/* A TOC (full band, 20 ms, stereo, one frame) and the range coder's bytes for
 * CELT's silence flag. */
const guint8 bl_cmaf_silence[3] = { 0xfc, 0xff, 0xfe };

static void
be (GByteArray *out, guint64 value, guint width)
{
  guint8 bytes[8];
  for (guint i = 0; i < width; i++)
    bytes[i] = (guint8)(value >> (8 * (width - 1 - i)));
  g_byte_array_append (out, bytes, width);
}

static void
zeros (GByteArray *out, guint count)
{
  static const guint8 zero[64] = { 0 };
  g_assert (count <= sizeof zero);
  g_byte_array_append (out, zero, count);
}

static void
patch_be32 (GByteArray *out, guint at, guint32 value)
{
  value = GUINT32_TO_BE (value);
  memcpy (out->data + at, &value, sizeof value);
}

/* Begins a box; gives where, for end(). */
static guint
begin (GByteArray *out, const char *type)
{
  guint at = out->len;
  be (out, 0, 4);
  g_byte_array_append (out, (const guint8 *)type, 4);
  return at;
}

static guint
begin_full (GByteArray *out, const char *type, guint version, guint32 flags)
{
  guint at = begin (out, type);
  be (out, (guint64)version << 24 | flags, 4);
  return at;
}

static void
end (GByteArray *out, guint at)
{
  patch_be32 (out, at, out->len - at);
}

/* ---- init segment ---- */

static void
append_matrix (GByteArray *out)
{
  static const guint32 identity[9]
      = { 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000 };
  for (guint i = 0; i < G_N_ELEMENTS (identity); i++)
    be (out, identity[i], 4);
}

static void
append_ftyp (GByteArray *out)
{
  guint box = begin (out, "ftyp");
  g_byte_array_append (out, (const guint8 *)"iso6\0\0\0\0iso6cmfcmp41", 20);
  end (out, box);
}

static void
append_mvhd (GByteArray *out)
{
  guint box = begin_full (out, "mvhd", 1, 0);
  be (out, 0, 8); /* made: the database knows */
  be (out, 0, 8); /* changed */
  be (out, MOVIE_RATE, 4);
  be (out, 0, 8);       /* duration */
  be (out, 0x10000, 4); /* speed 1.0 */
  be (out, 0x100, 2);   /* volume 1.0 */
  zeros (out, 10);
  append_matrix (out);
  zeros (out, 24);
  be (out, BL_CMAF_AUDIO_TRACK + 1, 4); /* next track's id */
  end (out, box);
}

static void
append_tkhd (GByteArray *out, guint32 track, guint16 width, guint16 height)
{
  guint box = begin_full (out, "tkhd", 1, 3); /* enabled, in movie */
  be (out, 0, 8);
  be (out, 0, 8);
  be (out, track, 4);
  zeros (out, 4);
  be (out, 0, 8); /* duration */
  zeros (out, 8);
  be (out, 0, 2);                                        /* layer */
  be (out, 0, 2);                                        /* alternate group */
  be (out, track == BL_CMAF_AUDIO_TRACK ? 0x100 : 0, 2); /* volume */
  zeros (out, 2);
  append_matrix (out);
  be (out, (guint32)width << 16, 4);
  be (out, (guint32)height << 16, 4);
  end (out, box);
}

static void
append_mdhd (GByteArray *out, guint32 rate)
{
  guint box = begin_full (out, "mdhd", 1, 0);
  be (out, 0, 8);
  be (out, 0, 8);
  be (out, rate, 4);
  be (out, 0, 8);      /* duration */
  be (out, 0x55c4, 2); /* language "und" */
  be (out, 0, 2);
  end (out, box);
}

static void
append_hdlr (GByteArray *out, const char *type, const char *name)
{
  guint box = begin_full (out, "hdlr", 0, 0);
  zeros (out, 4);
  g_byte_array_append (out, (const guint8 *)type, 4);
  zeros (out, 12);
  g_byte_array_append (out, (const guint8 *)name, (guint)strlen (name) + 1);
  end (out, box);
}

/* AVCDecoderConfigurationRecord (14496-15 section 5.3.3.1). */
static void
append_avcc (GByteArray *out, const BlCmafTracks *t)
{
  guint box = begin (out, "avcC");
  be (out, 1, 1);
  g_byte_array_append (out, t->sps + 1, 3); /* profile, constraints, level */
  be (out, 0xff, 1);                        /* lengths have 4 bytes */
  be (out, 0xe1, 1);                        /* one SPS */
  be (out, t->sps_length, 2);
  g_byte_array_append (out, t->sps, (guint)t->sps_length);
  be (out, 1, 1);
  be (out, t->pps_length, 2);
  g_byte_array_append (out, t->pps, (guint)t->pps_length);
  if (t->sps[1] == 100) /* High: 4:2:0, 8 bits, no SPS extension */
    be (out, 0xfdf8f800, 4);
  end (out, box);
}

static void
append_avc1 (GByteArray *out, const BlCmafTracks *t)
{
  guint box = begin (out, "avc1");
  zeros (out, 6);
  be (out, 1, 2); /* data reference */
  zeros (out, 16);
  be (out, t->width, 2);
  be (out, t->height, 2);
  be (out, 0x480000, 4); /* 72 dpi */
  be (out, 0x480000, 4);
  zeros (out, 4);
  be (out, 1, 2);  /* pictures a sample */
  zeros (out, 32); /* compressor's name */
  be (out, 24, 2); /* depth */
  be (out, 0xffff, 2);
  append_avcc (out, t);
  end (out, box);
}

/* Encapsulation of Opus in ISO Base Media File Format, section 4.3. */
static void
append_opus (GByteArray *out, const BlCmafTracks *t)
{
  guint box = begin (out, "Opus");
  zeros (out, 6);
  be (out, 1, 2); /* data reference */
  zeros (out, 8);
  be (out, t->channels, 2);
  be (out, 16, 2); /* bits a sample */
  zeros (out, 4);
  be (out, (guint32)BL_CMAF_AUDIO_RATE << 16, 4);
  guint dops = begin (out, "dOps");
  be (out, 0, 1); /* version */
  be (out, t->channels, 1);
  be (out, 0, 2); /* no pre-skip: the stream has no known beginning */
  be (out, BL_CMAF_AUDIO_RATE, 4);
  be (out, 0, 2); /* gain */
  be (out, 0, 1); /* channel mapping family */
  end (out, dops);
  end (out, box);
}

/* The sample tables that a fragmented file leaves empty. */
static void
append_empty_tables (GByteArray *out)
{
  static const struct {
    const char *type;
    guint words;
  } tables[] = { { "stts", 1 }, { "stsc", 1 }, { "stsz", 2 }, { "stco", 1 } };
  for (guint i = 0; i < G_N_ELEMENTS (tables); i++) {
    guint box = begin_full (out, tables[i].type, 0, 0);
    zeros (out, 4 * tables[i].words);
    end (out, box);
  }
}

static void
append_minf (GByteArray *out, guint32 track, const BlCmafTracks *t)
{
  guint minf = begin (out, "minf");
  guint head = track == BL_CMAF_VIDEO_TRACK ? begin_full (out, "vmhd", 0, 1)
                                            : begin_full (out, "smhd", 0, 0);
  zeros (out, track == BL_CMAF_VIDEO_TRACK ? 8 : 4);
  end (out, head);
  guint dinf = begin (out, "dinf");
  guint dref = begin_full (out, "dref", 0, 0);
  be (out, 1, 4);
  end (out, begin_full (out, "url ", 0, 1)); /* in this file */
  end (out, dref);
  end (out, dinf);
  guint stbl = begin (out, "stbl");
  guint stsd = begin_full (out, "stsd", 0, 0);
  be (out, 1, 4);
  if (track == BL_CMAF_VIDEO_TRACK)
    append_avc1 (out, t);
  else
    append_opus (out, t);
  end (out, stsd);
  append_empty_tables (out);
  end (out, stbl);
  end (out, minf);
}

static void
append_trak (GByteArray *out, guint32 track, const BlCmafTracks *t)
{
  gboolean video = track == BL_CMAF_VIDEO_TRACK;
  guint trak = begin (out, "trak");
  append_tkhd (out, track, video ? t->width : 0, video ? t->height : 0);
  guint mdia = begin (out, "mdia");
  append_mdhd (out, video ? BL_CMAF_VIDEO_RATE : BL_CMAF_AUDIO_RATE);
  append_hdlr (out, video ? "vide" : "soun", video ? "video" : "audio");
  append_minf (out, track, t);
  end (out, mdia);
  end (out, trak);
}

static void
append_trex (GByteArray *out, guint32 track)
{
  guint box = begin_full (out, "trex", 0, 0);
  be (out, track, 4);
  be (out, 1, 4); /* sample description */
  be (out, 0, 4); /* default duration: each sample tells its own */
  be (out, 0, 4); /* default size */
  be (out, track == BL_CMAF_AUDIO_TRACK ? FLAGS_SYNC : FLAGS_NON_SYNC, 4);
  end (out, box);
}

void
bl_cmaf_append_init (GByteArray *out, const BlCmafTracks *tracks)
{
  g_assert (tracks->sps || tracks->audio);
  g_assert (!tracks->sps || (tracks->sps_length >= 4 && tracks->pps));
  append_ftyp (out);
  guint moov = begin (out, "moov");
  append_mvhd (out);
  if (tracks->sps)
    append_trak (out, BL_CMAF_VIDEO_TRACK, tracks);
  if (tracks->audio)
    append_trak (out, BL_CMAF_AUDIO_TRACK, tracks);
  guint mvex = begin (out, "mvex");
  guint mehd = begin_full (out, "mehd", 1, 0);
  be (out, 0, 8);
  end (out, mehd);
  if (tracks->sps)
    append_trex (out, BL_CMAF_VIDEO_TRACK);
  if (tracks->audio)
    append_trex (out, BL_CMAF_AUDIO_TRACK);
  end (out, mvex);
  end (out, moov);
}

/* ---- fragments ---- */

/* Gives where the run's data offset is to be patched in. */
static guint
append_traf (GByteArray *out, guint32 track, const BlCmafRun *run)
{
  gboolean video = track == BL_CMAF_VIDEO_TRACK;
  guint traf = begin (out, "traf");
  guint tfhd = begin_full (out, "tfhd", 0, TFHD_BASE_IS_MOOF);
  be (out, track, 4);
  end (out, tfhd);
  guint tfdt = begin_full (out, "tfdt", 1, 0);
  be (out, run->decode_time, 8);
  end (out, tfdt);
  guint trun = begin_full (out, "trun", 0,
                           TRUN_OFFSET | TRUN_DURATION | TRUN_SIZE
                               | (video ? TRUN_FLAGS : 0));
  be (out, run->n_samples, 4);
  guint offset_at = out->len;
  be (out, 0, 4);
  for (guint i = 0; i < run->n_samples; i++) {
    const BlCmafSample *sample = &run->samples[i];
    be (out, sample->duration, 4);
    be (out, sample->size, 4);
    if (video)
      be (out, sample->keyframe ? FLAGS_SYNC : FLAGS_NON_SYNC, 4);
  }
  end (out, trun);
  end (out, traf);
  return offset_at;
}

void
bl_cmaf_append_fragment (GByteArray *out, guint32 sequence,
                         const BlCmafRun *video, const BlCmafRun *audio)
{
  const BlCmafRun *runs[2] = { video && video->n_samples > 0 ? video : NULL,
                               audio && audio->n_samples > 0 ? audio : NULL };
  guint offset_at[2] = { 0, 0 };
  g_assert (runs[0] || runs[1]);
  guint moof = begin (out, "moof");
  guint mfhd = begin_full (out, "mfhd", 0, 0);
  be (out, sequence, 4);
  end (out, mfhd);
  for (guint i = 0; i < 2; i++) {
    if (runs[i])
      offset_at[i] = append_traf (out, BL_CMAF_VIDEO_TRACK + i, runs[i]);
  }
  end (out, moof);
  guint mdat = begin (out, "mdat");
  for (guint i = 0; i < 2; i++) {
    if (!runs[i])
      continue;
    patch_be32 (out, offset_at[i], out->len - moof);
    g_byte_array_append (out, runs[i]->data, (guint)runs[i]->length);
  }
  end (out, mdat);
}
