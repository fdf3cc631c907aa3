/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/x264enc.h"

#include <gio/gio.h>
#include <string.h>
#include <x264.h>

struct BlX264 {
  x264_t *encoder;
  x264_param_t param;
  uint16_t vbv_ms;
  bool failed;     /* the next picture is an IDR */
  int64_t ids[64]; /* of the last pictures, as a ring */
  uint64_t n;      /* pictures so far */
  uint64_t n_idr;  /* before the last IDR */
  uint64_t lost;   /* of the last pictures, the lowest bit is the last */

  /* Of the picture that is being encoded. */
  BlX264PieceFunc on_piece;
  void *user_data;
  unsigned n_pieces;
  GByteArray *piece; /* so far */
};

/* What x264_nal_encode() wants for a NAL unit of so many bytes. */
#define NAL_ROOM(bytes) ((bytes)*3 / 2 + 5 + 64)

/* libx264 counts pictures modulo this as long as it keeps no more than half as
 * many. */
#define MAX_FRAME_NUM 16
G_STATIC_ASSERT (BL_X264_KEPT < MAX_FRAME_NUM - 1);

/* --- NAL units into pieces ------------------------------------------------ */

static unsigned
bit (const uint8_t *data, unsigned at)
{
  return data[at / 8] >> (7 - at % 8) & 1;
}

/* ue(v), H.264 section 9.1. */
static unsigned
skip_ue (const uint8_t *data, unsigned at)
{
  unsigned zeros = 0;
  while (bit (data, at + zeros) == 0)
    zeros++;
  return at + 2 * zeros + 1;
}

/* `sps` is libx264's own, after its NAL header: profile, constraints, level,
 * then four numbers (seq_parameter_set_id, log2_max_frame_num_minus4,
 * pic_order_cnt_type, which is 2, max_num_ref_frames). */
static void
allow_gaps (uint8_t *sps)
{
  unsigned at = 24;
  for (unsigned i = 0; i < 4; i++)
    at = skip_ue (sps, at);
  sps[at / 8] |= (uint8_t)(0x80 >> at % 8);
}

/* `nal` as it is to be sent, in the last bytes of the piece so far. SPS and PPS
 * wait for the slice that they are for; the half kilobyte of SEI in which
 * libx264 tells its settings is left out. */
static void
take_nal (BlX264 *x, const x264_nal_t *nal, uint8_t *payload)
{
  int n_blocks = (x->param.i_width + 15) / 16 * ((x->param.i_height + 15) / 16);
  guint length = (guint)nal->i_payload;
  if (nal->i_type == NAL_SEI) {
    g_byte_array_set_size (x->piece, x->piece->len - length);
    return;
  }
  if (nal->i_type == NAL_SPS)
    allow_gaps (payload + (nal->b_long_startcode ? 5 : 4));
  if (nal->i_type != NAL_SLICE && nal->i_type != NAL_SLICE_IDR)
    return;
  BlX264Piece piece = { .data = x->piece->data,
                        .length = x->piece->len,
                        .index = x->n_pieces++,
                        .more = nal->i_last_mb < n_blocks - 1,
                        .keyframe = nal->i_type == NAL_SLICE_IDR };
  x->on_piece (&piece, x->user_data);
  g_byte_array_set_size (x->piece, 0);
}

/* From within the encoder, as soon as a NAL unit is there. */
static void
on_nal (x264_t *encoder, x264_nal_t *nal, void *data)
{
  BlX264 *x = data;
  guint before = x->piece->len;
  g_byte_array_set_size (x->piece, before + NAL_ROOM ((guint)nal->i_payload));
  x264_nal_encode (encoder, x->piece->data + before, nal);
  g_byte_array_set_size (x->piece, before + (guint)nal->i_payload);
  take_nal (x, nal, x->piece->data + before);
}

/* At a picture's end, where on_nal() was not told of them. */
static void
take_all (BlX264 *x, const x264_nal_t *nals, int n_nals)
{
  for (int i = 0; i < n_nals; i++) {
    guint before = x->piece->len;
    g_byte_array_append (x->piece, nals[i].p_payload, (guint)nals[i].i_payload);
    take_nal (x, &nals[i], x->piece->data + before);
  }
}

/* --- the encoder -----------------------------------------------------------
 */

static void
set_rate (x264_param_t *p, uint32_t bitrate_bps, uint16_t vbv_ms)
{
  int kbps = MAX ((int)(bitrate_bps / 1000), 1);
  p->rc.i_bitrate = kbps;
  p->rc.i_vbv_max_bitrate = kbps;
  p->rc.i_vbv_buffer_size = MAX (kbps * vbv_ms / 1000, 1);
}

/* Room in the decoder for pictures to refer to, by the level that libx264 is
 * going to choose for the size and rate (H.264 table A-1). */
static int
kept (const BlX264Options *o)
{
  int blocks = (o->width + 15) / 16 * ((o->height + 15) / 16);
  int at_31 = blocks <= 3600 && blocks * o->fps <= 108000;
  int room = (at_31 ? 18000 : 32768) / blocks;
  return CLAMP (room, 1, BL_X264_KEPT);
}

static bool
set_up (x264_param_t *p, const BlX264Options *o)
{
  if (x264_param_default_preset (p, o->preset, "zerolatency") < 0)
    return false;
  p->i_log_level = X264_LOG_NONE;
  p->i_width = o->width;
  p->i_height = o->height;
  p->i_csp = X264_CSP_I420;
  p->i_fps_num = o->fps;
  p->i_fps_den = 1;
  p->b_vfr_input = 0;
  p->i_threads = o->threads;
  p->b_sliced_threads = o->threads > 1;
  p->i_slice_count = o->slices;
  p->nalu_process = o->threads > 1 ? NULL : on_nal;
  p->i_keyint_max
      = o->keyframe_s > 0 ? o->keyframe_s * o->fps : X264_KEYINT_MAX_INFINITE;
  p->i_scenecut_threshold = 0;
  p->i_bframe = 0;
  p->i_frame_reference = 1;
  p->i_dpb_size = kept (o);
  p->b_repeat_headers = 1;
  p->b_annexb = 1;
  p->b_aud = 0;
  p->rc.i_rc_method = X264_RC_ABR;
  set_rate (p, o->bitrate_bps, o->vbv_ms);
  return x264_param_apply_profile (p, "baseline") == 0;
}

BlX264 *
bl_x264_new (const BlX264Options *options, GError **error)
{
  g_autofree BlX264 *x = g_new0 (BlX264, 1);
  x->vbv_ms = options->vbv_ms;
  if (set_up (&x->param, options))
    x->encoder = x264_encoder_open (&x->param);
  if (!x->encoder) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                 "libx264 can't encode %ux%u at %u kb/s", options->width,
                 options->height, options->bitrate_bps / 1000);
    return NULL;
  }
  x->piece = g_byte_array_new ();
  return g_steal_pointer (&x);
}

void
bl_x264_free (BlX264 *x264)
{
  if (!x264)
    return;
  x264_encoder_close (x264->encoder);
  g_byte_array_unref (x264->piece);
  g_free (x264);
}

void
bl_x264_set_bitrate (BlX264 *x264, uint32_t bitrate_bps)
{
  set_rate (&x264->param, bitrate_bps, x264->vbv_ms);
  x264_encoder_reconfig (x264->encoder, &x264->param);
}

void
bl_x264_lose (BlX264 *x264, int64_t id)
{
  x264_encoder_invalidate_reference (x264->encoder, id);
  for (unsigned i = 0; i < 64 && i < x264->n; i++)
    if (x264->ids[(x264->n - 1 - i) % 64] >= id)
      x264->lost |= UINT64_C (1) << i;
}

/* Was the picture that begins to count anew (frame_num 0) lost without one
 * after it that wasn't? FFmpeg's decoder, which is Chromium's, then takes the
 * next pictures for older ones and shows none of them for half a second. */
static bool
wrap_is_lost (const BlX264 *x)
{
  uint64_t frame_num = x->n - x->n_idr;
  for (unsigned i = 0; i < 64 && x->lost >> i & 1; i++)
    if ((frame_num - 1 - i) % MAX_FRAME_NUM == 0)
      return true;
  return false;
}

bool
bl_x264_encode (BlX264 *x264, const BlX264Picture *picture, bool keyframe,
                BlX264PieceFunc on_piece, void *user_data)
{
  BlX264 *x = x264;
  x264_picture_t in, out;
  x264_picture_init (&in);
  in.img.i_csp = X264_CSP_I420;
  in.img.i_plane = 3;
  for (int i = 0; i < 3; i++) {
    in.img.plane[i] = (uint8_t *)picture->planes[i];
    in.img.i_stride[i] = picture->strides[i];
  }
  in.i_pts = picture->id;
  in.opaque = x;
  bool idr = keyframe || x->failed || wrap_is_lost (x);
  in.i_type = idr ? X264_TYPE_IDR : X264_TYPE_AUTO;
  x->on_piece = on_piece;
  x->user_data = user_data;
  x->n_pieces = 0;
  g_byte_array_set_size (x->piece, 0);
  x264_nal_t *nals;
  int n_nals;
  int length = x264_encoder_encode (x->encoder, &nals, &n_nals, &in, &out);
  x->failed = length <= 0;
  if (x->failed)
    return false;
  if (!x->param.nalu_process)
    take_all (x, nals, n_nals);
  if (out.b_keyframe)
    x->n_idr = x->n;
  x->ids[x->n++ % 64] = picture->id;
  x->lost <<= 1;
  return true;
}
