/* SPDX-License-Identifier: Apache-2.0
 *
 * Raw pictures into H.264 access units by libx264, in our own hands rather than
 * GStreamer's: so that the encoder can be told which of its pictures never
 * left, and a picture's first slices leave while the rest is encoded
 * (docs/adr/0013-encoder.md).
 *
 * H.264 constrained baseline, one reference, no B-frames, no lookahead: each
 * picture comes out at once, Annex B, with SPS and PPS ahead of an IDR.
 *
 * Invariants: no picture refers to one that was told to bl_x264_lose(), nor to
 * one that did; the numbers (frame_num) of pictures that were lost are missing
 * from the stream (gaps_in_frame_num_value_allowed_flag is set, H.264
 * section 8.2.5.2), and what decodes it needs no other sign.
 *
 * One thread at a time.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Pictures that are kept to refer to: so many but one may be lost at once, or
 * fewer where the level has not the room; then it takes an IDR. */
#define BL_X264_KEPT 8

typedef struct BlX264 BlX264;

typedef struct {
  uint16_t width, height; /* even */
  uint16_t fps;
  uint16_t vbv_ms;
  uint16_t keyframe_s; /* an IDR of its own accord after so long */
  uint16_t slices;     /* of each picture, where one thread makes them */
  uint16_t threads;   /* one: each slice comes as soon as it is made; more: they
                         make one each, and all come at the picture's end */
  const char *preset; /* of x264; borrowed for the call */
  uint32_t bitrate_bps;
} BlX264Options;

/* I420; borrowed. */
typedef struct {
  const uint8_t *planes[3];
  int strides[3];
  int64_t id; /* any, but growing */
} BlX264Picture;

/* A slice of a picture, and what stands ahead of it. */
typedef struct {
  const uint8_t *data; /* whole NAL units; borrowed for the call */
  size_t length;
  unsigned index; /* 0 is the picture's first */
  bool more;      /* pieces of the same picture follow */
  bool keyframe;  /* the picture is one */
} BlX264Piece;

typedef void (*BlX264PieceFunc) (const BlX264Piece *piece, void *user_data);

/* NULL if libx264 refuses. */
BlX264 *bl_x264_new (const BlX264Options *options, GError **error);

/* Accepts NULL. */
void bl_x264_free (BlX264 *x264);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlX264, bl_x264_free)

/* From the next picture on. */
void bl_x264_set_bitrate (BlX264 *x264, uint32_t bitrate_bps);

/* The picture `id` and all since were lost: the next one refers to what was
 * before, or is an IDR if that is no longer kept. */
void bl_x264_lose (BlX264 *x264, int64_t id);

/* The pieces come in order, within the call. False if libx264 failed, be it
 * after the first of them; the next picture is then an IDR. */
bool bl_x264_encode (BlX264 *x264, const BlX264Picture *picture, bool keyframe,
                     BlX264PieceFunc on_piece, void *user_data);
