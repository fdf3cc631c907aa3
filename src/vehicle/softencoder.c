/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/softencoder.h"

#include <gst/video/video.h>

#include "vehicle/x264enc.h"

#define NONE   G_MAXUINT64
#define PRESET "superfast"

/* Several threads are for pictures that one may not manage in time. Below, one
 * is as fast where it matters: its first slices are on their way while it makes
 * the others. Small pictures have few slices: each ends with a packet that is
 * not full. */
#define THREADS       2
#define THREADS_ABOVE 720

static const struct {
  int up_to_height;
  guint16 slices;
} slicing[] = { { 360, 1 }, { 540, 2 }, { G_MAXINT, 4 } };

typedef struct {
  int bitrate_bps;
  gboolean keyframe;
  guint64 lost; /* this picture and all since; NONE */
} Orders;

struct BlSoftEncoder {
  int fps, keyframe_s;

  /* The encoding thread's. */
  BlX264 *x264; /* NULL: none yet */
  int width, height;
  int bitrate_bps; /* as the encoder was told */
  guint64 n_pictures;

  GMutex lock; /* guards what follows */
  Orders orders;
};

BlSoftEncoder *
bl_softencoder_new (int fps, int keyframe_s, int bitrate_bps)
{
  BlSoftEncoder *e = g_new0 (BlSoftEncoder, 1);
  e->fps = fps;
  e->keyframe_s = keyframe_s;
  e->orders = (Orders){ .bitrate_bps = bitrate_bps, .lost = NONE };
  g_mutex_init (&e->lock);
  return e;
}

void
bl_softencoder_free (BlSoftEncoder *encoder)
{
  if (!encoder)
    return;
  bl_x264_free (encoder->x264);
  g_mutex_clear (&encoder->lock);
  g_free (encoder);
}

void
bl_softencoder_force_keyframe (BlSoftEncoder *encoder)
{
  g_mutex_lock (&encoder->lock);
  encoder->orders.keyframe = TRUE;
  g_mutex_unlock (&encoder->lock);
}

void
bl_softencoder_set_bitrate (BlSoftEncoder *encoder, int bitrate_bps)
{
  g_mutex_lock (&encoder->lock);
  encoder->orders.bitrate_bps = bitrate_bps;
  g_mutex_unlock (&encoder->lock);
}

void
bl_softencoder_lose (BlSoftEncoder *encoder, guint64 picture)
{
  g_mutex_lock (&encoder->lock);
  encoder->orders.lost = MIN (encoder->orders.lost, picture);
  g_mutex_unlock (&encoder->lock);
}

static Orders
take_orders (BlSoftEncoder *e)
{
  g_mutex_lock (&e->lock);
  Orders orders = e->orders;
  e->orders.keyframe = FALSE;
  e->orders.lost = NONE;
  g_mutex_unlock (&e->lock);
  return orders;
}

static gboolean
begin_anew (BlSoftEncoder *e, const GstVideoInfo *info, int bitrate_bps,
            GError **error)
{
  guint rung = 0;
  while (info->height > slicing[rung].up_to_height)
    rung++;
  guint threads = info->height > THREADS_ABOVE
                      ? MIN (g_get_num_processors (), THREADS)
                      : 1;
  BlX264Options options = { .width = (guint16)info->width,
                            .height = (guint16)info->height,
                            .fps = (guint16)e->fps,
                            .vbv_ms = BL_SOFTENCODER_VBV_MS,
                            .keyframe_s = (guint16)e->keyframe_s,
                            .slices = slicing[rung].slices,
                            .threads = (guint16)threads,
                            .preset = PRESET,
                            .bitrate_bps = (guint32)bitrate_bps };
  g_clear_pointer (&e->x264, bl_x264_free);
  e->width = info->width;
  e->height = info->height;
  e->bitrate_bps = bitrate_bps;
  e->x264 = bl_x264_new (&options, error);
  return e->x264 != NULL;
}

/* Does what was asked for. */
static gboolean
follow (BlSoftEncoder *e, const Orders *orders, const GstVideoInfo *info,
        GError **error)
{
  if (!e->x264 || info->width != e->width || info->height != e->height)
    return begin_anew (e, info, orders->bitrate_bps, error);
  if (orders->bitrate_bps != e->bitrate_bps)
    bl_x264_set_bitrate (e->x264, (guint32)orders->bitrate_bps);
  e->bitrate_bps = orders->bitrate_bps;
  if (orders->lost != NONE)
    bl_x264_lose (e->x264, (gint64)orders->lost);
  return TRUE;
}

/* The picture that is being encoded. */
typedef struct {
  GstSample *raw;
  guint64 number;
  gboolean recovers;
  BlSoftEncoderFunc on_piece;
  gpointer user_data;
} Picture;

static void
on_piece (const BlX264Piece *piece, void *user_data)
{
  const Picture *p = user_data;
  GstBuffer *buffer = gst_buffer_new_memdup (piece->data, piece->length);
  GST_BUFFER_PTS (buffer) = GST_BUFFER_PTS (gst_sample_get_buffer (p->raw));
  GST_BUFFER_OFFSET (buffer) = p->number;
  GST_BUFFER_OFFSET_END (buffer) = piece->index;
  if (!piece->more)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_MARKER);
  if (!piece->keyframe)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  if (piece->keyframe || p->recovers)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
  p->on_piece (
      gst_sample_new (buffer, NULL, gst_sample_get_segment (p->raw), NULL),
      p->user_data);
  gst_buffer_unref (buffer);
}

gboolean
bl_softencoder_encode (BlSoftEncoder *encoder, GstSample *raw,
                       BlSoftEncoderFunc on_piece_func, gpointer user_data,
                       GError **error)
{
  BlSoftEncoder *e = encoder;
  GstVideoInfo info;
  GstVideoFrame frame;
  GstBuffer *picture = gst_sample_get_buffer (raw);
  if (!picture || !gst_video_info_from_caps (&info, gst_sample_get_caps (raw))
      || GST_VIDEO_INFO_FORMAT (&info) != GST_VIDEO_FORMAT_I420
      || !gst_video_frame_map (&frame, &info, picture, GST_MAP_READ)) {
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
                 "a picture for libx264 is not I420");
    return FALSE;
  }
  Orders orders = take_orders (e);
  Picture out = { .raw = raw,
                  .number = e->n_pictures,
                  .recovers = orders.lost != NONE,
                  .on_piece = on_piece_func,
                  .user_data = user_data };
  BlX264Picture in = { .id = (gint64)e->n_pictures++ };
  for (guint i = 0; i < 3; i++) {
    in.planes[i] = GST_VIDEO_FRAME_PLANE_DATA (&frame, i);
    in.strides[i] = GST_VIDEO_FRAME_PLANE_STRIDE (&frame, i);
  }
  gboolean begun = follow (e, &orders, &info, error);
  gboolean made
      = begun && bl_x264_encode (e->x264, &in, orders.keyframe, on_piece, &out);
  if (begun && !made)
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_ENCODE,
                 "libx264 failed");
  gst_video_frame_unmap (&frame);
  return made;
}
