/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/encoder.h"

#include <gst/video/video-event.h>

void
bl_encoder_force_keyframe (GstElement *encoder)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (encoder, "src");
  if (pad)
    gst_pad_send_event (pad, gst_video_event_new_upstream_force_key_unit (
                                 GST_CLOCK_TIME_NONE, TRUE, 0));
}

static void
set_v4l2_bitrate (GstElement *encoder, int bitrate_bps)
{
  GstStructure *controls = NULL;
  g_object_get (encoder, "extra-controls", &controls, NULL);
  if (!controls)
    controls = gst_structure_new_empty ("controls");
  gst_structure_set (controls, "video_bitrate", G_TYPE_INT, bitrate_bps, NULL);
  g_object_set (encoder, "extra-controls", controls, NULL);
  gst_structure_free (controls);
}

void
bl_encoder_set_bitrate (GstElement *encoder, int bitrate_bps)
{
  GObjectClass *class = G_OBJECT_GET_CLASS (encoder);
  /* In kbit/s for x264enc and those of VA-API. */
  if (g_object_class_find_property (class, "bitrate"))
    g_object_set (encoder, "bitrate", (guint)bitrate_bps / 1000, NULL);
  else if (g_object_class_find_property (class, "extra-controls"))
    set_v4l2_bitrate (encoder, bitrate_bps);
}

void
bl_encoder_set_size (GstElement *size, int width, int height)
{
  /* Its shape is the source's, so that the pixels' needs no telling: where it
   * is unknown (shared memory), a telling would find nothing to agree with. */
  g_autoptr (GstCaps) caps
      = gst_caps_new_simple ("video/x-raw", "width", G_TYPE_INT, width,
                             "height", G_TYPE_INT, height, NULL);
  g_object_set (size, "caps", caps, NULL);
}

void
bl_encoder_set_sound (GstElement *encoder, const BlSoundSettings *settings)
{
  GObjectClass *class = G_OBJECT_GET_CLASS (encoder);
  if (g_object_class_find_property (class, "bitrate"))
    g_object_set (encoder, "bitrate", (gint)settings->bitrate_bps, NULL);
  if (g_object_class_find_property (class, "inband-fec"))
    g_object_set (encoder, "inband-fec", settings->loss_percent > 0,
                  "packet-loss-percentage", (gint)settings->loss_percent, NULL);
}
