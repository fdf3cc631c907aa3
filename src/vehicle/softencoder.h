/* SPDX-License-Identifier: Apache-2.0
 *
 * Encodes the raw pictures of a pipeline in this process (vehicle/x264enc.h):
 * each at once, on the thread that brings it, at the size it comes in.
 *
 * What it is asked for may be asked on any thread, and holds from the next
 * picture on. Pictures are numbered from 0 on, by this object; where one
 * recovers from a loss or is a keyframe, nothing older that was lost is
 * referred to any more.
 */
#pragma once

#include <gst/gst.h>

/* For constrained baseline's sake as short as 67 ms: an IDR is then half as
 * large again as a picture, and not five times (docs/adr/0013-encoder.md). */
#define BL_SOFTENCODER_VBV_MS 67

typedef struct BlSoftEncoder BlSoftEncoder;

BlSoftEncoder *bl_softencoder_new (int fps, int keyframe_s, int bitrate_bps);

/* Accepts NULL. Nothing brings pictures any more. */
void bl_softencoder_free (BlSoftEncoder *encoder);

void bl_softencoder_force_keyframe (BlSoftEncoder *encoder);
void bl_softencoder_set_bitrate (BlSoftEncoder *encoder, int bitrate_bps);

/* The picture of this number and all since were lost: the next recovers. */
void bl_softencoder_lose (BlSoftEncoder *encoder, guint64 picture);

/* A slice of a picture (BlX264Piece): GST_BUFFER_OFFSET is the picture's
 * number, OFFSET_END the piece's, from 0 on, and MARKER is set on the last.
 * DELTA_UNIT is unset on all of a keyframe, DISCONT set on all of what
 * recovers. The caller's. */
typedef void (*BlSoftEncoderFunc) (GstSample *piece, gpointer user_data);

/* An I420 picture into its pieces, each as soon as it is there. FALSE if it
 * can't be encoded: `error` says why; what of it has come is without an end. On
 * one thread. */
gboolean bl_softencoder_encode (BlSoftEncoder *encoder, GstSample *raw,
                                BlSoftEncoderFunc on_piece, gpointer user_data,
                                GError **error);
