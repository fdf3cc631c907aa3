/* SPDX-License-Identifier: Apache-2.0
 *
 * A publisher made of arithmetic: a decodable H.264 stream of one macroblock
 * (an IDR of raw samples, then pictures that repeat it) and Opus packets that
 * carry their number, as records of the tap.
 */
#pragma once

#include <glib.h>
#include <string.h>

#include "base/bltime.h"
#include "relay/tap.h"

/* ---- bits (H.264 section 9.1) ---- */

typedef struct {
  guint8 bytes[512];
  guint bits;
} Bits;

static inline void
put (Bits *b, guint value, guint width)
{
  for (guint i = 0; i < width; i++, b->bits++) {
    if (value >> (width - 1 - i) & 1)
      b->bytes[b->bits / 8] |= (guint8)(0x80 >> b->bits % 8);
  }
}

static inline void
put_ue (Bits *b, guint value)
{
  guint length = 0;
  while ((value + 1) >> (length + 1))
    length++;
  put (b, 0, length);
  put (b, value + 1, length + 1);
}

/* Ends a NAL unit; gives its length. */
static inline guint
put_end (Bits *b)
{
  put (b, 1, 1);
  b->bits = (b->bits + 7) & ~7u;
  return b->bits / 8;
}

/* `level` is there to make one SPS differ from another. */
static inline guint
make_sps (Bits *b, guint level)
{
  *b = (Bits){ { 0x67, 66, 0xe0, (guint8)level }, 32 };
  put_ue (b, 0); /* id */
  put_ue (b, 4); /* frame_num has 8 bits */
  put_ue (b, 2); /* order of output is that of decoding */
  put_ue (b, 1); /* reference pictures */
  put (b, 0, 1);
  put_ue (b, 0);   /* one macroblock wide */
  put_ue (b, 0);   /* and high */
  put (b, 0xc, 4); /* frames, direct 8x8, no cropping, no VUI */
  return put_end (b);
}

static inline guint
make_pps (Bits *b)
{
  *b = (Bits){ { 0x68 }, 8 };
  put_ue (b, 0);
  put_ue (b, 0);
  put (b, 0, 2); /* CAVLC, no bottom field order */
  put_ue (b, 0);
  put_ue (b, 0);
  put_ue (b, 0);
  put (b, 0, 3); /* no weighted prediction */
  put_ue (b, 0);
  put_ue (b, 0);
  put_ue (b, 0);
  put (b, 0, 3);
  return put_end (b);
}

static inline guint
make_idr (Bits *b, guint idr_id)
{
  *b = (Bits){ { 0x65 }, 8 };
  put_ue (b, 0); /* first macroblock */
  put_ue (b, 7); /* I slice */
  put_ue (b, 0);
  put (b, 0, 8); /* frame_num */
  put_ue (b, idr_id & 1);
  put (b, 0, 2);
  put_ue (b, 0);  /* quantiser's change */
  put_ue (b, 25); /* I_PCM: raw samples follow */
  b->bits = (b->bits + 7) & ~7u;
  for (guint i = 0; i < 384; i++)
    put (b, 128, 8);
  return put_end (b);
}

static inline guint
make_p (Bits *b, guint frame_num)
{
  *b = (Bits){ { 0x61 }, 8 };
  put_ue (b, 0);
  put_ue (b, 5); /* P slice */
  put_ue (b, 0);
  put (b, frame_num & 0xff, 8);
  put (b, 0, 3);
  put_ue (b, 0);
  put_ue (b, 1); /* one macroblock skipped: all of them */
  return put_end (b);
}

#define SEI_NUMBER_AT 19

/* Tells the picture's number, in bytes that can't look like a start code. */
static inline guint
make_sei (Bits *b, guint number)
{
  *b = (Bits){ { 0x06, 5, 20 }, 0 };
  memset (b->bytes + 3, 0xbb, 16);
  for (guint i = 0; i < 4; i++)
    b->bytes[SEI_NUMBER_AT + i] = (guint8)(0x80 | (number >> (7 * i) & 0x7f));
  b->bytes[SEI_NUMBER_AT + 4] = 0x80;
  return SEI_NUMBER_AT + 5;
}

/* ---- the publisher ---- */

typedef void (*SinkFunc) (const BlTapRecord *record, const guint8 *payload,
                          gpointer data);

typedef struct {
  SinkFunc sink;
  gpointer data;
  guint64 recording;
  gint64 start_us;   /* capture time of the first samples */
  gint64 network_us; /* from capture to arrival */
  gboolean has_video, has_audio;
  guint fps;
  guint gop;            /* pictures from one IDR to the next */
  guint level;          /* in the SPS */
  double audio_ppm;     /* by how much the sound's clock runs fast */
  gboolean no_captures; /* packets don't tell */

  guint frame, since_idr, sound; /* next ones */
  guint64 video_seq, audio_seq;
  guint64 video_base, audio_base; /* RTP times of the start */
} Publisher;

static inline Publisher
publisher (SinkFunc sink, gpointer data, guint64 recording, gint64 start_us)
{
  return (Publisher){ .sink = sink,
                      .data = data,
                      .recording = recording,
                      .start_us = start_us,
                      .network_us = 40000,
                      .has_video = TRUE,
                      .has_audio = TRUE,
                      .fps = 30,
                      .gop = 60,
                      .level = 10,
                      .video_seq = 65000,
                      .audio_seq = 100,
                      .video_base = UINT64_C (0xfffff000),
                      .audio_base = 777777 };
}

static inline void
publisher_control (Publisher *p, BlTapKind kind, gint64 at_us)
{
  const BlTapRecord record
      = { .recording = p->recording,
          .arrival_us = at_us + p->network_us,
          .kind = (uint8_t)kind,
          .has_video = kind == BL_TAP_START && p->has_video,
          .has_audio = kind == BL_TAP_START && p->has_audio };
  p->sink (&record, NULL, p->data);
}

static inline gint64
publisher_video_us (const Publisher *p)
{
  return p->start_us + (gint64)p->frame * 1000000 / p->fps;
}

/* When the next sound was captured, by the true clock. */
static inline gint64
publisher_sound_us (const Publisher *p)
{
  return p->start_us
         + (gint64)((double)p->sound * 20000.0 / (1 + p->audio_ppm / 1e6));
}

static inline void
publisher_packet (Publisher *p, BlTrackKind track, gint64 at_us, guint64 time,
                  gboolean marker, const guint8 *payload, guint length)
{
  guint64 *seq = track == BL_TRACK_VIDEO ? &p->video_seq : &p->audio_seq;
  const BlTapRecord record
      = { .recording = p->recording,
          .arrival_us = at_us + p->network_us,
          .kind = BL_TAP_PACKET,
          .track = (uint8_t)track,
          .marker = marker,
          .length = (uint16_t)length,
          .sequence = (*seq)++,
          .rtp_time = time,
          .capture_us = p->no_captures ? BL_TAP_TIME_UNKNOWN : at_us };
  p->sink (&record, payload, p->data);
}

static inline void
publisher_video (Publisher *p)
{
  gint64 at_us = publisher_video_us (p);
  guint64 time = p->video_base + (guint64)p->frame * 90000 / p->fps;
  Bits b;
  guint length;
  if (p->since_idr == 0) {
    length = make_sps (&b, p->level);
    publisher_packet (p, BL_TRACK_VIDEO, at_us, time, FALSE, b.bytes, length);
    length = make_pps (&b);
    publisher_packet (p, BL_TRACK_VIDEO, at_us, time, FALSE, b.bytes, length);
  }
  length = make_sei (&b, p->frame);
  publisher_packet (p, BL_TRACK_VIDEO, at_us, time, FALSE, b.bytes, length);
  length
      = p->since_idr == 0 ? make_idr (&b, p->frame) : make_p (&b, p->since_idr);
  publisher_packet (p, BL_TRACK_VIDEO, at_us, time, TRUE, b.bytes, length);
  p->frame++;
  p->since_idr = (p->since_idr + 1) % p->gop;
}

/* Opus: a TOC of 20 ms, then the packet's number, so that a test knows it. */
static inline void
publisher_sound (Publisher *p)
{
  guint8 payload[8] = { 0xfc, 0xff, 0xfe };
  memcpy (payload + 4, &p->sound, sizeof p->sound);
  publisher_packet (p, BL_TRACK_AUDIO, publisher_sound_us (p),
                    p->audio_base + (guint64)p->sound * 960, FALSE, payload,
                    sizeof payload);
  p->sound++;
}

/* Sends all that is captured before `until_us`, in the order of capture. */
static inline void
publisher_run (Publisher *p, gint64 until_us)
{
  for (;;) {
    gint64 video = p->has_video ? publisher_video_us (p) : G_MAXINT64;
    gint64 sound = p->has_audio ? publisher_sound_us (p) : G_MAXINT64;
    if (MIN (video, sound) >= until_us)
      return;
    if (video <= sound)
      publisher_video (p);
    else
      publisher_sound (p);
  }
}

/* Lets time pass in which nothing is sent. */
static inline void
publisher_skip (Publisher *p, gint64 until_us)
{
  while (p->has_video && publisher_video_us (p) < until_us)
    p->frame++;
  while (p->has_audio && publisher_sound_us (p) < until_us)
    p->sound++;
  p->since_idr = 0;
}
