/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "vehicle.capture"
#include "vehicle/capture.h"

#include <gst/app/gstappsink.h>

#include "base/clock.h"
#include "base/log.h"
#include "rtc/framegate.h"
#include "vehicle/encoder.h"
#include "vehicle/softencoder.h"
#include "vehicle/timer.h"

/* A second and a half of pictures in four pieces, at 30 a second, with their
 * sound. */
#define QUEUE_LENGTH 256

#define RETRY_FIRST_MS 500
#define RETRY_MAX_MS   8000

/* A pipeline that was running this long has recovered. */
#define STABLE_US (10 * BL_SECOND)

typedef struct {
  GstSample *sample;
  bool video;
  GstClockTime base_time;
} Queued;

struct BlCapture {
  const BlCaptureOptions *options;
  const BlCaptureCallbacks *callbacks;
  gpointer user_data;
  GMainContext *context;

  BlCaptureState state;
  char *message;
  bool on;
  char *no_sound; /* why the microphone failed; "": it has not */
  BlEncoderSettings settings;
  BlSoundSettings sound;
  GstElement *pipeline; /* NULL while stopped */
  GstElement *encoder;  /* NULL: `soft` encodes */
  BlSoftEncoder *soft;  /* NULL: `encoder` does */
  GstElement *size;     /* NULL: the picture's can't be changed */
  GstElement *voice;    /* NULL: nor can the sound's encoder */
  GSource *bus_source;
  GSource *watch;
  GSource *retry;
  guint retry_ms;
  BlTime started_us;
  BlTime picture_us; /* when the last one came, or it was started */
  BlCaptureStats stats;

  BlTimer *wakeup; /* ready when the queue holds something */
  /* Atomic: the encoder's thread looks at the first, and counts. */
  int every;
  int n_skipped;
  guint n_raw; /* its own, as is the next */
  GstClockTime raw_base_time;
  int skipped_seen; /* of these in the statistics */
  GMutex lock;      /* guards what follows; GStreamer's threads come here */
  Queued queue[QUEUE_LENGTH];
  guint head, count;
  guint64 dropped;
  bool ended;
  bool gate_shut;
  GCond gate_opened;
};

static void start_pipeline (BlCapture *c);

const char *
bl_capture_state_name (BlCaptureState state)
{
  static const char *const names[] = {
    [BL_CAPTURE_STOPPED] = "stopped", [BL_CAPTURE_STARTING] = "starting",
    [BL_CAPTURE_RUNNING] = "running", [BL_CAPTURE_FAILED] = "failed",
    [BL_CAPTURE_ENDED] = "ended",
  };
  return names[state];
}

static void
set_state (BlCapture *c, BlCaptureState state, const char *message)
{
  if (c->state == state && g_str_equal (c->message, message))
    return;
  c->state = state;
  g_free (c->message);
  c->message = g_strdup (message);
  c->callbacks->state (state, c->message, c->user_data);
}

/* --- from GStreamer's threads to ours --------------------------------------
 */

static void
push (BlCapture *c, GstSample *sample, bool video, GstClockTime base_time)
{
  GstSample *oldest = NULL;
  g_mutex_lock (&c->lock);
  if (c->count == QUEUE_LENGTH) {
    oldest = c->queue[c->head].sample;
    c->head = (c->head + 1) % QUEUE_LENGTH;
    c->count--;
    c->dropped++;
  }
  c->queue[(c->head + c->count) % QUEUE_LENGTH]
      = (Queued){ .sample = sample, .video = video, .base_time = base_time };
  c->count++;
  g_mutex_unlock (&c->lock);
  if (oldest)
    gst_sample_unref (oldest);
  bl_timer_set (c->wakeup, 0);
}

/* Waits there if it must, on the source's thread; behind it the newest of a
 * leaky queue is next. */
static bool
passes_gate (BlCapture *c)
{
  gint64 until = g_get_monotonic_time () + BL_FRAMEGATE_PATIENCE_US;
  g_mutex_lock (&c->lock);
  while (c->gate_shut && g_cond_wait_until (&c->gate_opened, &c->lock, until))
    ;
  bool open = !c->gate_shut;
  g_mutex_unlock (&c->lock);
  return open;
}

static GstPadProbeReturn
on_raw_picture (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  BlCapture *c = data;
  if (c->n_raw++ % (guint)g_atomic_int_get (&c->every) != 0)
    return GST_PAD_PROBE_DROP;
  if (passes_gate (c))
    return GST_PAD_PROBE_OK;
  g_atomic_int_inc (&c->n_skipped);
  return GST_PAD_PROBE_DROP;
}

static GstFlowReturn
take_sample (GstAppSink *sink, BlCapture *c, bool video)
{
  GstSample *sample = gst_app_sink_pull_sample (sink);
  if (!sample)
    return GST_FLOW_EOS;
  push (c, sample, video, gst_element_get_base_time (GST_ELEMENT (sink)));
  return GST_FLOW_OK;
}

static void
on_piece (GstSample *piece, gpointer data)
{
  BlCapture *c = data;
  push (c, piece, true, c->raw_base_time);
}

static GstFlowReturn
on_raw_sample (GstAppSink *sink, gpointer data)
{
  BlCapture *c = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GstSample) raw = gst_app_sink_pull_sample (sink);
  if (!raw)
    return GST_FLOW_EOS;
  c->raw_base_time = gst_element_get_base_time (GST_ELEMENT (sink));
  if (!bl_softencoder_encode (c->soft, raw, on_piece, c, &error)) {
    GST_ELEMENT_ERROR (sink, STREAM, ENCODE, ("%s", error->message), (NULL));
    return GST_FLOW_ERROR;
  }
  return GST_FLOW_OK;
}

static GstFlowReturn
on_video_sample (GstAppSink *sink, gpointer data)
{
  return take_sample (sink, data, true);
}

static GstFlowReturn
on_audio_sample (GstAppSink *sink, gpointer data)
{
  return take_sample (sink, data, false);
}

/* The picture's end is the end: the sound may be a silence without end. */
static void
on_video_eos (GstAppSink *sink, gpointer data)
{
  BlCapture *c = data;
  g_mutex_lock (&c->lock);
  c->ended = true;
  g_mutex_unlock (&c->lock);
  bl_timer_set (c->wakeup, 0);
}

/* --- in the main context ----------------------------------------------------
 */

static bool
pop (BlCapture *c, Queued *out_queued)
{
  g_mutex_lock (&c->lock);
  bool any = c->count > 0;
  if (any) {
    *out_queued = c->queue[c->head];
    c->head = (c->head + 1) % QUEUE_LENGTH;
    c->count--;
  }
  g_mutex_unlock (&c->lock);
  return any;
}

static BlTime
capture_time (const Queued *q, GstBuffer *buffer, BlTime now)
{
  GstSegment *segment = gst_sample_get_segment (q->sample);
  GstClockTime running = gst_segment_to_running_time (segment, GST_FORMAT_TIME,
                                                      GST_BUFFER_PTS (buffer));
  if (!GST_CLOCK_TIME_IS_VALID (running))
    return now;
  /* An old time stays old, even if it can't be right: a picture that is of no
   * known age must not look fresh. */
  return MIN (now, (BlTime)((q->base_time + running) / 1000));
}

static void
deliver (BlCapture *c, const Queued *q)
{
  GstBuffer *buffer = gst_sample_get_buffer (q->sample);
  GstMapInfo map;
  if (!buffer || !gst_buffer_map (buffer, &map, GST_MAP_READ))
    return;
  BlTime now = bl_clock_now ();
  BlTime captured = capture_time (q, buffer, now);
  /* Of another encoder's buffers most of this means something else. */
  bool soft = q->video && c->soft;
  BlCaptureFrame frame = {
    .video = q->video,
    .piece = soft ? (unsigned)GST_BUFFER_OFFSET_END (buffer) : 0,
    .more = soft && !GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_MARKER),
    .keyframe
    = q->video && !GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT),
    .recovers
    = soft && GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DISCONT),
    .picture = GST_BUFFER_OFFSET (buffer),
    .data = map.data,
    .length = map.size,
    .captured_us = captured,
    .captured_ntp = bl_ntp_add_us (bl_clock_ntp (), captured - now),
  };
  if (q->video) {
    c->stats.video_frames += !frame.more;
    c->picture_us = now;
    set_state (c, BL_CAPTURE_RUNNING, c->no_sound);
    if (now - c->started_us > STABLE_US)
      c->retry_ms = RETRY_FIRST_MS;
  } else {
    c->stats.audio_frames++;
  }
  c->callbacks->frame (&frame, c->user_data);
  gst_buffer_unmap (buffer, &map);
}

static void
drop_queue (BlCapture *c)
{
  Queued q;
  while (pop (c, &q))
    gst_sample_unref (q.sample);
}

static void
stop_source (GSource **source)
{
  if (*source)
    g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

static void
stop_pipeline (BlCapture *c)
{
  stop_source (&c->retry);
  stop_source (&c->watch);
  stop_source (&c->bus_source);
  if (c->pipeline)
    gst_element_set_state (c->pipeline, GST_STATE_NULL);
  g_clear_pointer (&c->soft, bl_softencoder_free);
  gst_clear_object (&c->encoder);
  gst_clear_object (&c->size);
  gst_clear_object (&c->voice);
  gst_clear_object (&c->pipeline);
  drop_queue (c);
  g_mutex_lock (&c->lock);
  c->ended = false;
  g_mutex_unlock (&c->lock);
}

static gboolean
on_retry (gpointer data)
{
  BlCapture *c = data;
  g_clear_pointer (&c->retry, g_source_unref);
  start_pipeline (c);
  return G_SOURCE_REMOVE;
}

static void
restart_in (BlCapture *c, guint delay_ms)
{
  stop_pipeline (c);
  c->retry = g_timeout_source_new (delay_ms);
  g_source_set_callback (c->retry, on_retry, c, NULL);
  g_source_attach (c->retry, c->context);
}

static void
fail (BlCapture *c, const char *message)
{
  bl_warning ("%s; trying again in %u ms", message, c->retry_ms);
  c->stats.restarts++;
  restart_in (c, c->retry_ms);
  c->retry_ms = MIN (c->retry_ms * 2, RETRY_MAX_MS);
  set_state (c, BL_CAPTURE_FAILED, message);
}

static void
on_end (BlCapture *c)
{
  if (c->options->loop) {
    restart_in (c, 0);
    return;
  }
  stop_pipeline (c);
  set_state (c, BL_CAPTURE_ENDED, "the file is at its end");
}

static void
on_wakeup (gpointer data)
{
  BlCapture *c = data;
  Queued q;
  while (pop (c, &q)) {
    deliver (c, &q);
    gst_sample_unref (q.sample);
  }
  g_mutex_lock (&c->lock);
  bool ended = c->ended;
  bool dropped = c->dropped != c->stats.dropped;
  c->stats.dropped = c->dropped;
  g_mutex_unlock (&c->lock);
  if (dropped)
    bl_capture_force_keyframe (c);
  if (ended && c->pipeline)
    on_end (c);
}

/* --- what goes wrong
 * ----------------------------------------------------------- */

static bool
is_within (GstObject *object, const char *name)
{
  for (GstObject *o = object; o; o = GST_OBJECT_PARENT (o)) {
    if (g_str_equal (GST_OBJECT_NAME (o), name))
      return true;
  }
  return false;
}

/* What a person at the vehicle can do about it. */
static const char *
advice (const BlCaptureOptions *options, const GError *error)
{
  if (g_str_has_prefix (options->location, "rtsp"))
    return "is the network camera on, and are its address, user and password"
           " right?";
  if (g_error_matches (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_BUSY))
    return "another program uses the camera";
  if (error->domain == GST_RESOURCE_ERROR)
    return "is the camera plugged in?";
  if (error->domain == GST_STREAM_ERROR)
    return "does the camera or file give this size, rate and format?";
  return "see the pipeline's file for what it needs";
}

static void
on_error (BlCapture *c, GstMessage *message)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *debug = NULL;
  gst_message_parse_error (message, &error, &debug);
  bl_debug ("%s: %s", GST_MESSAGE_SRC_NAME (message), debug ? debug : "");
  if (is_within (GST_MESSAGE_SRC (message), "sound") && !*c->no_sound) {
    g_free (c->no_sound);
    c->no_sound = g_strdup_printf ("no microphone (%s): sending silence",
                                   error->message);
    bl_warning ("%s", c->no_sound);
    restart_in (c, 0);
    return;
  }
  g_autofree char *text
      = g_strdup_printf ("no picture: pipeline %s, %s: %s %s",
                         c->options->pipeline, GST_MESSAGE_SRC_NAME (message),
                         error->message, advice (c->options, error));
  fail (c, text);
}

static gboolean
on_bus (GstBus *bus, GstMessage *message, gpointer data)
{
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    on_error (data, message);
    return G_SOURCE_REMOVE;
  }
  return G_SOURCE_CONTINUE;
}

static guint
stall_ms (const BlCapture *c)
{
  return c->options->stall_ms ? c->options->stall_ms : BL_CAPTURE_STALL_MS;
}

/* A picture that was passed over shows that the camera lives. */
static void
count_skipped (BlCapture *c)
{
  int skipped = g_atomic_int_get (&c->n_skipped);
  if (skipped == c->skipped_seen)
    return;
  c->stats.skipped += (guint)(skipped - c->skipped_seen);
  c->skipped_seen = skipped;
  c->picture_us = bl_clock_now ();
}

/* A camera may hang without a word: its source then waits for ever. */
static gboolean
on_watch (gpointer data)
{
  BlCapture *c = data;
  count_skipped (c);
  guint patience_ms
      = c->state == BL_CAPTURE_STARTING ? 3 * stall_ms (c) : stall_ms (c);
  if (bl_clock_now () - c->picture_us <= patience_ms * BL_MS)
    return G_SOURCE_CONTINUE;
  g_autofree char *text
      = g_strdup_printf ("no picture: pipeline %s gave none for %u ms: has the"
                         " camera hung, or what feeds it?",
                         c->options->pipeline, patience_ms);
  fail (c, text);
  return G_SOURCE_REMOVE;
}

/* --- starting
 * ----------------------------------------------------------------- */

static void
set_up_sink (BlCapture *c, const char *name, GstAppSinkCallbacks *callbacks)
{
  g_autoptr (GstElement) sink
      = gst_bin_get_by_name (GST_BIN (c->pipeline), name);
  /* The sources set the pace, and nobody waits for a first buffer. */
  g_object_set (sink, "sync", FALSE, "async", FALSE, "max-buffers", 0,
                "enable-last-sample", FALSE, NULL);
  gst_app_sink_set_callbacks (GST_APP_SINK (sink), callbacks, c, NULL);
}

static void
set_up_pipeline (BlCapture *c)
{
  GstAppSinkCallbacks video
      = { .new_sample = on_video_sample, .eos = on_video_eos };
  GstAppSinkCallbacks raw
      = { .new_sample = on_raw_sample, .eos = on_video_eos };
  GstAppSinkCallbacks audio = { .new_sample = on_audio_sample };
  g_autoptr (GstElement) raw_sink
      = gst_bin_get_by_name (GST_BIN (c->pipeline), "raw");
  if (raw_sink) {
    c->soft = bl_softencoder_new (c->options->fps, BL_PIPELINE_KEYFRAME_S,
                                  (int)c->settings.bitrate_bps);
    set_up_sink (c, "raw", &raw);
  } else {
    c->encoder = gst_bin_get_by_name (GST_BIN (c->pipeline), "encoder");
    set_up_sink (c, "video", &video);
  }
  set_up_sink (c, "audio", &audio);
  c->size = gst_bin_get_by_name (GST_BIN (c->pipeline), "size");
  c->voice = gst_bin_get_by_name (GST_BIN (c->pipeline), "voice");
  if (c->voice)
    bl_encoder_set_sound (c->voice, &c->sound);
  if (c->size)
    bl_encoder_set_size (c->size, c->settings.width, c->settings.height);
  g_autoptr (GstPad) pad
      = gst_element_get_static_pad (raw_sink ? raw_sink : c->encoder, "sink");
  if (pad)
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_raw_picture, c, NULL);

  /* CLOCK_MONOTONIC, whatever clock the sound card would like to give. */
  g_autoptr (GstClock) clock = gst_system_clock_obtain ();
  gst_pipeline_use_clock (GST_PIPELINE (c->pipeline), clock);

  g_autoptr (GstBus) bus = gst_element_get_bus (c->pipeline);
  c->bus_source = gst_bus_create_watch (bus);
  g_source_set_callback (c->bus_source, G_SOURCE_FUNC (on_bus), c, NULL);
  g_source_attach (c->bus_source, c->context);

  c->watch = g_timeout_source_new (stall_ms (c) / 5);
  g_source_set_callback (c->watch, on_watch, c, NULL);
  g_source_attach (c->watch, c->context);
}

static void
start_pipeline (BlCapture *c)
{
  BlCaptureOptions options = *c->options;
  options.bitrate_bps = (int)c->settings.bitrate_bps;
  if (*c->no_sound)
    options.sound = "none";
  g_autoptr (GError) error = NULL;
  if (!bl_pipeline_check_source (&options, &error)
      || !(c->pipeline = bl_pipeline_load (&options, &error))) {
    fail (c, error->message);
    return;
  }
  bl_capture_set_gate (c, true);
  set_up_pipeline (c);
  c->started_us = c->picture_us = bl_clock_now ();
  set_state (c, BL_CAPTURE_STARTING, c->no_sound);
  /* A failure puts an error on the bus, with the reason in it. */
  gst_element_set_state (c->pipeline, GST_STATE_PLAYING);
}

/* --- the object
 * ---------------------------------------------------------------- */

BlCapture *
bl_capture_new (const BlCaptureOptions *options,
                const BlCaptureCallbacks *callbacks, gpointer user_data)
{
  BlCapture *c = g_new0 (BlCapture, 1);
  c->options = options;
  c->callbacks = callbacks;
  c->user_data = user_data;
  c->context = g_main_context_ref_thread_default ();
  c->message = g_strdup ("");
  c->no_sound = g_strdup ("");
  c->every = 1;
  c->settings
      = (BlEncoderSettings){ .width = (uint16_t)options->width,
                             .height = (uint16_t)options->height,
                             .every = 1,
                             .bitrate_bps = (uint32_t)options->bitrate_bps };
  c->sound.bitrate_bps = (uint32_t)options->sound_bitrate_bps;
  c->retry_ms = RETRY_FIRST_MS;
  g_mutex_init (&c->lock);
  g_cond_init (&c->gate_opened);
  c->wakeup = bl_timer_new (G_PRIORITY_HIGH, on_wakeup, c);
  return c;
}

void
bl_capture_free (BlCapture *capture)
{
  if (!capture)
    return;
  stop_pipeline (capture);
  bl_timer_free (capture->wakeup);
  g_cond_clear (&capture->gate_opened);
  g_mutex_clear (&capture->lock);
  g_main_context_unref (capture->context);
  g_free (capture->no_sound);
  g_free (capture->message);
  g_free (capture);
}

void
bl_capture_start (BlCapture *capture)
{
  if (capture->on)
    return;
  capture->on = true;
  *capture->no_sound = '\0';
  capture->retry_ms = RETRY_FIRST_MS;
  start_pipeline (capture);
}

void
bl_capture_stop (BlCapture *capture)
{
  if (!capture->on)
    return;
  capture->on = false;
  stop_pipeline (capture);
  set_state (capture, BL_CAPTURE_STOPPED, "");
}

void
bl_capture_force_keyframe (BlCapture *capture)
{
  if (capture->soft)
    bl_softencoder_force_keyframe (capture->soft);
  else if (capture->encoder)
    bl_encoder_force_keyframe (capture->encoder);
}

void
bl_capture_lose (BlCapture *capture, guint64 picture)
{
  if (capture->soft)
    bl_softencoder_lose (capture->soft, picture);
  else
    bl_capture_force_keyframe (capture);
}

void
bl_capture_set_encoder (BlCapture *capture, const BlEncoderSettings *settings)
{
  BlCapture *c = capture;
  bool same_size = settings->width == c->settings.width
                   && settings->height == c->settings.height;
  c->settings = *settings;
  g_atomic_int_set (&c->every, settings->every);
  if (c->size && !same_size)
    bl_encoder_set_size (c->size, settings->width, settings->height);
  if (c->soft)
    bl_softencoder_set_bitrate (c->soft, (int)settings->bitrate_bps);
  else if (c->encoder)
    bl_encoder_set_bitrate (c->encoder, (int)settings->bitrate_bps);
}

void
bl_capture_set_sound (BlCapture *capture, const BlSoundSettings *settings)
{
  capture->sound = *settings;
  if (capture->voice)
    bl_encoder_set_sound (capture->voice, settings);
}

void
bl_capture_set_gate (BlCapture *capture, bool open)
{
  g_mutex_lock (&capture->lock);
  capture->gate_shut = !open;
  g_cond_signal (&capture->gate_opened);
  g_mutex_unlock (&capture->lock);
}

BlCaptureState
bl_capture_state (const BlCapture *capture)
{
  return capture->state;
}

const char *
bl_capture_message (const BlCapture *capture)
{
  return capture->message;
}

BlCaptureStats
bl_capture_stats (BlCapture *capture)
{
  count_skipped (capture);
  return capture->stats;
}
