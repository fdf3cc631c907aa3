/* SPDX-License-Identifier: Apache-2.0
 *
 * One WHIP session of a call: the offer and its answer, trickled candidates,
 * the uplink and the sender over it. A call that loses it for good makes
 * another.
 *
 * The offer goes out with the host candidates, which libnice has at once; those
 * of STUN and TURN servers follow by PATCH, several in one. So a server that
 * does not answer costs no time.
 *
 * Main context and callbacks as in uplink.h. No callback may free it.
 */
#pragma once

#include "vehicle/capture.h"
#include "vehicle/sender.h"
#include "vehicle/uplink.h"
#include "vehicle/whip.h"

typedef struct BlPublisher BlPublisher;

typedef struct {
  /* The relay has a session for us. */
  void (*session) (gpointer user_data);
  /* Media can flow. */
  void (*connected) (gpointer user_data);
  /* It no longer can; `keyed`: an ICE restart may mend it. */
  void (*lost) (const char *reason, bool keyed, gpointer user_data);
  /* Nothing comes back while an ICE restart is under way. */
  void (*silent) (gpointer user_data);
  /* bl_publisher_open() or bl_publisher_restart_ice() failed. */
  void (*failed) (const GError *error, gpointer user_data);
  /* The picture of this number and all since never left. */
  void (*lost_picture) (guint64 picture, gpointer user_data);
  /* The next access unit is to be a keyframe. */
  void (*keyframe) (gpointer user_data);
  /* What the encoder may make from now on, in bit/s. */
  void (*rate) (guint64 video_bps, gpointer user_data);
  /* What the sound's is asked for. */
  void (*sound) (const BlSoundSettings *settings, gpointer user_data);
  /* Whether a picture that is encoded now would leave at once; told about every
   * 5 ms. */
  void (*gate) (bool open, gpointer user_data);
} BlPublisherCallbacks;

/* All borrowed for the object's life. */
typedef struct {
  BlWhip *whip;
  BlUplinkOptions uplink;
  const guint8 *fingerprint; /* SHA-256 of our DTLS certificate */
  const char *ed;
  const char *call_id;
  const char *previous_session_url; /* what to delete before it is answered;
                                       NULL: nothing */
  guint64 max_video_bps;
  guint sound_bps;
  BlPathMode path_mode;
} BlPublisherOptions;

BlPublisher *bl_publisher_new (const BlPublisherOptions *options,
                               const BlPublisherCallbacks *callbacks,
                               gpointer user_data);

/* Without a word to the relay but DTLS's: see bl_publisher_hang_up(). Accepts
 * NULL. */
void bl_publisher_free (BlPublisher *publisher);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlPublisher, bl_publisher_free)

/* Gathers and POSTs. Ends with session, then connected or lost; or failed. */
void bl_publisher_open (BlPublisher *publisher);

/* Only after `session`. Ends with connected, lost or failed. Takes the place of
 * one that is under way. */
void bl_publisher_restart_ice (BlPublisher *publisher);

/* Interfaces have come or gone. */
void bl_publisher_follow_interfaces (BlPublisher *publisher);

/* The relay's name for it; NULL before `session`. */
const char *bl_publisher_session_url (const BlPublisher *publisher);

/* RTCP BYE and DELETE; `done` runs once, also when the relay did not answer.
 * `done` is not called if the publisher is freed before. */
void bl_publisher_hang_up (BlPublisher *publisher,
                           void (*done) (gpointer user_data));

/* A frame to be sent now, or dropped if there is no path. */
void bl_publisher_frame (BlPublisher *publisher, const BlCaptureFrame *frame);

BlSenderStats bl_publisher_stats (const BlPublisher *publisher);

/* One of the paths, below BL_UPLINK_MAX_PATHS, and its interface's name; false
 * if there is none of this number. */
bool bl_publisher_path (const BlPublisher *publisher, unsigned path,
                        BlFlowPath *out_path, const char **out_interface);

/* The pairs of addresses in use; free with g_free. */
char *bl_publisher_describe (const BlPublisher *publisher);
