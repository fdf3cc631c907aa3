/* SPDX-License-Identifier: Apache-2.0
 *
 * A capture pipeline from its file (pipelines/README.md): placeholders filled
 * in, parsed, and checked for what capture.h needs of it. Every error says
 * which pipeline, what is missing, and what to install, plug in or write.
 *
 * A value from the configuration can't become another element: numbers are
 * numbers, and texts go in quotes after texts that could leave their quotes
 * have been refused.
 */
#pragma once

#include <glib.h>
#include <gst/gst.h>

/* A keyframe of the encoder's own accord: it costs more than a picture, and who
 * joins or has lost something asks for one. These are for viewers that get
 * nothing else (relay/thinner.h). */
#define BL_PIPELINE_KEYFRAME_S 4

/* "none" is a pipeline without sound of its own: silence. */
#define BL_PIPELINE_SOUND_CHOICES "auto|alsa|pulse|tone|none"

typedef struct {
  const char *folder;   /* of the *.pipeline files */
  const char *pipeline; /* name, without .pipeline */
  const char *device;
  const char *location;
  gboolean loop;
  const char *sound; /* one of BL_PIPELINE_SOUND_CHOICES */
  const char *sound_device;
  int width;
  int height;
  int fps;
  int bitrate_bps;
  int sound_bitrate_bps;
  guint stall_ms; /* see vehicle/capture.h; 0: BL_CAPTURE_STALL_MS */
} BlCaptureOptions;

#define BL_PIPELINE_ERROR (bl_pipeline_error_quark ())
GQuark bl_pipeline_error_quark (void);

typedef enum {
  BL_PIPELINE_ERROR_FILE,        /* no such pipeline, or unreadable */
  BL_PIPELINE_ERROR_PLACEHOLDER, /* unknown ${…}, or a value that can't go in */
  BL_PIPELINE_ERROR_ELEMENT,     /* GStreamer lacks an element */
  BL_PIPELINE_ERROR_SYNTAX,      /* not a pipeline */
  BL_PIPELINE_ERROR_SHAPE,       /* lacks raw, or encoder and video; or audio */
  BL_PIPELINE_ERROR_SOURCE,      /* the camera or file is not there */
} BlPipelineError;

/* Is it a fault of the installation, rather than of the moment? Then trying
 * again is of no use. */
gboolean bl_pipeline_error_is_final (const GError *error);

gboolean bl_pipeline_exists (const char *folder, const char *name);

/* The names in the folder, "file, rtsp, …"; free with g_free. */
char *bl_pipeline_list (const char *folder);

/* `text` without comments and with its placeholders filled in; free with
 * g_free. `name` is for messages. */
char *bl_pipeline_expand (const char *text, const char *name,
                          const BlCaptureOptions *options, GError **error);

/* The pipeline, stopped; takes no ownership of `options`. Does not touch the
 * camera. gst_init() has been called. */
GstElement *bl_pipeline_load (const BlCaptureOptions *options, GError **error);

/* Is the camera, file or socket that the pipeline names there? Network cameras
 * are not asked. */
gboolean bl_pipeline_check_source (const BlCaptureOptions *options,
                                   GError **error);

/* Of H.264, by Annex A: the lowest of 3.1, 4, 4.2, 5.1 that carries this size
 * and rate. */
const char *bl_pipeline_level (int width, int height, int fps);
