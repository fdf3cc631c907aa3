/* SPDX-License-Identifier: Apache-2.0
 *
 * Camera and microphone: runs a pipeline (vehicle/pipeline.h) and gives its
 * access units and Opus packets, each with the moment it was captured.
 *
 * GStreamer runs it on threads of its own, and libx264 where the pipeline gives
 * raw pictures (vehicle/softencoder.h). What comes out goes through a
 * bounded queue into the main context that was the thread's default at
 * bl_capture_new(); all callbacks run there, and all functions belong there.
 * When that thread is late the oldest is dropped and counted, and a keyframe is
 * asked for, so that what is shown is never old.
 *
 * A pipeline that fails (camera unplugged, network camera gone), or that gives
 * no picture for BL_CAPTURE_STALL_MS (three times that for its first), is
 * started again after 0.5 s, 1 s, … 8 s, for as long as capture is on. A
 * microphone that fails is replaced by silence: the picture is worth more.
 *
 * Capture time is buffer timestamp + base time on CLOCK_MONOTONIC: the moment
 * the source stamped the picture, before scaling and encoding.
 */
#pragma once

#include <stdbool.h>

#include "base/bltime.h"
#include "vehicle/encoding.h"
#include "vehicle/pipeline.h"
#include "vehicle/sound.h"

#define BL_CAPTURE_STALL_MS 5000

typedef struct BlCapture BlCapture;

/* Borrowed for the length of the callback. */
typedef struct {
  bool video; /* NAL units of an access unit, Annex B; else one Opus packet */
  /* Video only, as are those up to `data`: the pieces of an access unit come
   * one by one, as they are encoded. All say the same of their picture. */
  unsigned piece; /* 0 is the first */
  bool more;      /* of the same one follow */
  bool keyframe;
  /* It refers to nothing that bl_capture_lose() has told of. */
  bool recovers;
  guint64 picture; /* its number, for bl_capture_lose() */
  const guint8 *data;
  gsize length;
  BlTime captured_us; /* monotonic */
  BlNtp captured_ntp; /* the same moment on the wall clock */
} BlCaptureFrame;

typedef enum {
  BL_CAPTURE_STOPPED,
  BL_CAPTURE_STARTING, /* no picture yet */
  BL_CAPTURE_RUNNING,
  BL_CAPTURE_FAILED, /* will be tried again; the message says why */
  BL_CAPTURE_ENDED,  /* the file is at its end, and not to be repeated */
} BlCaptureState;

const char *bl_capture_state_name (BlCaptureState state);

typedef struct {
  void (*frame) (const BlCaptureFrame *frame, gpointer user_data);
  /* `message` is "" unless there is something to be told. */
  void (*state) (BlCaptureState state, const char *message, gpointer user_data);
} BlCaptureCallbacks;

typedef struct {
  guint64 video_frames;
  guint64 audio_frames;
  guint64 dropped;  /* the main context was late */
  guint64 skipped;  /* pictures that were not encoded: the gate was shut */
  guint64 restarts; /* after a failure */
} BlCaptureStats;

/* `options` and `callbacks` are borrowed for the object's life. Starts
 * nothing. */
BlCapture *bl_capture_new (const BlCaptureOptions *options,
                           const BlCaptureCallbacks *callbacks,
                           gpointer user_data);

/* Stops. No callback runs after it. Accepts NULL. */
void bl_capture_free (BlCapture *capture);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlCapture, bl_capture_free)

/* No effect when it is on already. */
void bl_capture_start (BlCapture *capture);
void bl_capture_stop (BlCapture *capture);

/* The next access unit is to be an IDR. Does nothing while it isn't running. */
void bl_capture_force_keyframe (BlCapture *capture);

/* The picture of this number and all since never left: the next is to refer to
 * none of them, or to be an IDR where the encoder knows no better. */
void bl_capture_lose (BlCapture *capture, guint64 picture);

/* From the next picture on; kept over restarts. The size changes only where the
 * pipeline can (pipelines/README.md). */
void bl_capture_set_encoder (BlCapture *capture,
                             const BlEncoderSettings *settings);

/* The same for sound, where the pipeline has an encoder called "voice". */
void bl_capture_set_sound (BlCapture *capture, const BlSoundSettings *settings);

/* While the gate is shut pictures are passed over ahead of the encoder, so that
 * none is encoded that would only wait; each has BL_FRAMEGATE_PATIENCE_US for
 * it to open. Open at each start. */
void bl_capture_set_gate (BlCapture *capture, bool open);

BlCaptureState bl_capture_state (const BlCapture *capture);
const char *bl_capture_message (const BlCapture *capture);
BlCaptureStats bl_capture_stats (BlCapture *capture);
