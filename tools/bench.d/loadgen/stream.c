/* SPDX-License-Identifier: Apache-2.0 */
#include "stream.h"

#include <gio/gio.h>

#include "rtc/h264.h"

#define START_CODE 3 /* bytes ahead of a NAL unit */

static void
end_frame (LgStream *stream, const uint8_t *end)
{
  if (stream->frames->len == 0)
    return;
  LgFrame *last
      = &g_array_index (stream->frames, LgFrame, stream->frames->len - 1);
  last->length = (size_t)(end - last->data);
}

static void
split (LgStream *stream, size_t length)
{
  BlH264Iter iter = bl_h264_iter (stream->bytes, length);
  BlH264Nal nal;
  while (bl_h264_iter_next (&iter, &nal)) {
    if (bl_h264_nal_type (&nal) == BL_H264_AUD) {
      LgFrame frame = { .data = nal.data - START_CODE };
      end_frame (stream, frame.data);
      g_array_append_val (stream->frames, frame);
    } else if (bl_h264_nal_type (&nal) == BL_H264_IDR
               && stream->frames->len > 0) {
      g_array_index (stream->frames, LgFrame, stream->frames->len - 1).key
          = true;
    }
  }
  end_frame (stream, (const uint8_t *)stream->bytes + length);
}

LgStream *
lg_stream_load (const char *path, GError **error)
{
  g_autoptr (LgStream) stream = g_new0 (LgStream, 1);
  gsize length;
  stream->frames = g_array_new (FALSE, FALSE, sizeof (LgFrame));
  if (!g_file_get_contents (path, &stream->bytes, &length, error))
    return NULL;
  split (stream, length);
  if (stream->frames->len == 0
      || !g_array_index (stream->frames, LgFrame, 0).key) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                 "%s: not H.264 with access unit delimiters that begins with "
                 "an IDR picture; make one with tools/bench stream",
                 path);
    return NULL;
  }
  return g_steal_pointer (&stream);
}

void
lg_stream_free (LgStream *stream)
{
  if (!stream)
    return;
  g_array_unref (stream->frames);
  g_free (stream->bytes);
  g_free (stream);
}
