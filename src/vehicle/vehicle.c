/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "vehicle"
#include "vehicle/vehicle.h"

#include <gio/gio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "secure/openssl.h"
#include "secure/token.h"
#include "vehicle/call.h"
#include "vehicle/callfile.h"
#include "vehicle/health.h"
#include "vehicle/kiosk.h"
#include "vehicle/netwatch.h"
#include "vehicle/publisher.h"
#include "vehicle/timer.h"

#define HANG_UP_MS 2000

/* Warn this long before our certificate ends. */
#define EXPIRY_WARNING_S (14 * 24 * 3600)

struct BlVehicle {
  const BlVehicleOptions *options;
  const BlVehicleCallbacks *callbacks;
  gpointer user_data;

  BlWhip *whip;
  BlDtlsContext *dtls;
  BlFingerprint fingerprint;
  GTlsDatabase *turn_trust; /* NULL: the system's */
  BlCapture *capture;
  BlEncoding encoding;
  BlEncoderSettings settings; /* as the capture has them */
  guint32 picture_bytes;      /* of the present picture, so far */
  BlKiosk *kiosk;
  BlHealth health;
  BlHealthPath paths[BL_UPLINK_MAX_PATHS]; /* as of look_at_paths() */
  guint n_paths;
  guint health_source;

  BlCall call;
  BlCallFile identity; /* of the call; empty when idle */
  BlCallState shown;   /* the state last logged */
  BlTimer *call_timer;
  BlPublisher *publisher;
  char *session_url; /* the last one that the relay gave for this call */
  guint hang_up_source;
  char *message; /* for the crew: what went wrong last; "" */
  char *path;    /* addresses in use; NULL: none */

  BlNetwatch *network;
};

static void
set_message (BlVehicle *v, const char *message)
{
  g_free (v->message);
  v->message = g_strdup (message);
}

/* --- the call's events
 * ----------------------------------------------------------- */

/* Callbacks of the publisher may not free it: the next step is taken from the
 * main loop. */
static void
step_soon (BlVehicle *v)
{
  bl_timer_set (v->call_timer, 0);
}

/* A call to `ed` that no relay has heard of. */
static void
take_identity (BlVehicle *v, const char *ed)
{
  g_autoptr (GError) why = NULL;
  BlCallFile identity = {
    .ed = g_strdup (ed),
    .id = bl_id_new (),
    .started_unix_s = bl_clock_unix_us () / BL_SECOND,
  };
  if (!bl_call_file_save (v->options->state_folder, &identity, &why))
    bl_warning ("this call can't be resumed after a restart: %s", why->message);
  bl_call_file_clear (&v->identity);
  v->identity = identity;
  g_clear_pointer (&v->session_url, g_free);
}

static void
on_session (gpointer user_data)
{
  BlVehicle *v = user_data;
  g_free (v->session_url);
  v->session_url = g_strdup (bl_publisher_session_url (v->publisher));
  bl_call_on_session (&v->call);
}

static void
on_connected (gpointer user_data)
{
  BlVehicle *v = user_data;
  bl_call_on_connected (&v->call, bl_clock_now ());
  set_message (v, "");
  g_free (v->path);
  v->path = bl_publisher_describe (v->publisher);
  bl_info ("media flows: %s", v->path);
  step_soon (v);
}

static void
on_lost (const char *reason, bool keyed, gpointer user_data)
{
  BlVehicle *v = user_data;
  g_clear_pointer (&v->path, g_free);
  if (v->call.state == BL_CALL_ENDING)
    return;
  bl_warning ("connection lost: %s", reason);
  set_message (v, reason);
  bl_call_on_lost (&v->call, keyed, bl_clock_now ());
  step_soon (v);
}

static void
on_silent (gpointer user_data)
{
  BlVehicle *v = user_data;
  bl_call_on_silent (&v->call, bl_clock_now ());
  step_soon (v);
}

static void
on_failed (const GError *error, gpointer user_data)
{
  BlVehicle *v = user_data;
  bl_warning ("%s", error->message);
  set_message (v, error->message);
  if (g_error_matches (error, BL_WHIP_ERROR, BL_WHIP_ERROR_GONE)
      || g_error_matches (error, BL_WHIP_ERROR, BL_WHIP_ERROR_PRECONDITION))
    bl_call_on_gone (&v->call, bl_clock_now ());
  else if (g_error_matches (error, BL_WHIP_ERROR, BL_WHIP_ERROR_OVER)) {
    /* The patient is still here, so the crew is not asked to call again. */
    take_identity (v, v->identity.ed);
    bl_call_on_over (&v->call, bl_clock_now ());
  } else
    bl_call_on_failed (&v->call, bl_whip_error_is_final (error),
                       bl_clock_now ());
  step_soon (v);
}

static void
on_lost_picture (guint64 picture, gpointer user_data)
{
  BlVehicle *v = user_data;
  bl_capture_lose (v->capture, picture);
}

static void
on_keyframe (gpointer user_data)
{
  BlVehicle *v = user_data;
  bl_capture_force_keyframe (v->capture);
}

static void
tell_encoder (BlVehicle *v)
{
  BlEncoderSettings settings = bl_encoding_settings (&v->encoding);
  if (settings.width != v->settings.width
      || settings.height != v->settings.height)
    bl_info ("picture %ux%u", settings.width, settings.height);
  v->settings = settings;
  bl_capture_set_encoder (v->capture, &settings);
}

static void
on_rate (guint64 video_bps, gpointer user_data)
{
  BlVehicle *v = user_data;
  bl_encoding_set_rate (&v->encoding, video_bps, bl_clock_now ());
  tell_encoder (v);
}

static void
on_sound (const BlSoundSettings *settings, gpointer user_data)
{
  BlVehicle *v = user_data;
  bl_debug ("sound %u b/s, in-band FEC for %u %% of loss",
            settings->bitrate_bps, settings->loss_percent);
  bl_capture_set_sound (v->capture, settings);
}

static void
on_gate (bool open, gpointer user_data)
{
  BlVehicle *v = user_data;
  bl_capture_set_gate (v->capture, open);
}

static const BlPublisherCallbacks publisher_callbacks = {
  .session = on_session,
  .connected = on_connected,
  .lost = on_lost,
  .silent = on_silent,
  .failed = on_failed,
  .lost_picture = on_lost_picture,
  .keyframe = on_keyframe,
  .rate = on_rate,
  .sound = on_sound,
  .gate = on_gate,
};

static void
finish_hang_up (gpointer user_data)
{
  BlVehicle *v = user_data;
  g_clear_handle_id (&v->hang_up_source, g_source_remove);
  bl_call_on_deleted (&v->call);
  step_soon (v);
}

static gboolean
on_hang_up_late (gpointer user_data)
{
  BlVehicle *v = user_data;
  v->hang_up_source = 0;
  finish_hang_up (v);
  return G_SOURCE_REMOVE;
}

/* --- the call's actions
 * ---------------------------------------------------------- */

static void
new_session (BlVehicle *v)
{
  bl_publisher_free (v->publisher);
  BlPublisherOptions options = {
    .whip = v->whip,
    .uplink = {
      .dtls = v->dtls,
      .servers = v->options->ice_servers,
      .turn_trust = v->turn_trust,
      .interfaces = v->options->ice_interfaces,
      .loopback = v->options->relay_is_here,
    },
    .fingerprint = v->fingerprint.bytes,
    .ed = v->identity.ed,
    .call_id = v->identity.id,
    .previous_session_url = v->session_url,
    .max_video_bps = (guint64)v->options->capture.bitrate_bps,
    .sound_bps = (guint)v->options->capture.sound_bitrate_bps,
    .path_mode = v->options->path_mode,
  };
  v->publisher = bl_publisher_new (&options, &publisher_callbacks, v);
  bl_publisher_open (v->publisher);
}

static void
hang_up (BlVehicle *v)
{
  bl_capture_stop (v->capture);
  v->hang_up_source = g_timeout_add (HANG_UP_MS, on_hang_up_late, v);
  bl_publisher_hang_up (v->publisher, finish_hang_up);
}

static void
become_idle (BlVehicle *v)
{
  bl_capture_stop (v->capture);
  g_clear_pointer (&v->publisher, bl_publisher_free);
  bl_call_file_forget (v->options->state_folder);
  bl_call_file_clear (&v->identity);
  g_clear_pointer (&v->path, g_free);
  g_clear_pointer (&v->session_url, g_free);
  bl_health_reset (&v->health);
}

static void
show_state (BlVehicle *v)
{
  BlCallState before = v->shown;
  if (v->call.state == before)
    return;
  v->shown = v->call.state;
  bl_info ("state %s%s%s%s%s", bl_call_state_name (v->shown),
           v->identity.ed ? " ed=" : "", v->identity.ed ? v->identity.ed : "",
           v->identity.id ? " call=" : "",
           v->identity.id ? v->identity.id : "");
  if (v->shown != BL_CALL_IDLE)
    return;
  become_idle (v);
  v->callbacks->ended (before == BL_CALL_CALLING && *v->message ? v->message
                                                                : NULL,
                       v->user_data);
}

static void
step (gpointer user_data)
{
  BlVehicle *v = user_data;
  switch (bl_call_take_action (&v->call, bl_clock_now ())) {
  case BL_CALL_WAIT:
    break;
  case BL_CALL_NEW_SESSION:
    new_session (v);
    break;
  case BL_CALL_RESTART_ICE:
    bl_publisher_restart_ice (v->publisher);
    break;
  case BL_CALL_DELETE:
    hang_up (v);
    break;
  }
  show_state (v);
  bl_timer_set (v->call_timer, bl_call_deadline (&v->call));
}

static gboolean
begin (BlVehicle *v, bool resumed)
{
  if (!bl_call_start (&v->call, resumed, bl_clock_now ()))
    return FALSE;
  set_message (v, "");
  const BlCaptureOptions *capture = &v->options->capture;
  bl_encoding_init (&v->encoding, (guint16)capture->width,
                    (guint16)capture->height, (guint16)capture->fps,
                    (guint64)capture->bitrate_bps);
  tell_encoder (v);
  bl_capture_start (v->capture);
  step_soon (v);
  return TRUE;
}

gboolean
bl_vehicle_resume (BlVehicle *vehicle)
{
  g_autoptr (GError) error = NULL;
  if (!bl_call_file_load (vehicle->options->state_folder, &vehicle->identity,
                          &error)) {
    if (error)
      bl_warning ("%s", error->message);
    return FALSE;
  }
  bl_info ("resuming the call to %s", vehicle->identity.ed);
  return begin (vehicle, true);
}

gboolean
bl_vehicle_call (BlVehicle *vehicle, const char *ed, GError **error)
{
  if (vehicle->call.state != BL_CALL_IDLE) {
    if (g_strcmp0 (vehicle->identity.ed, ed) == 0
        && vehicle->call.state != BL_CALL_ENDING)
      return TRUE;
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_BUSY,
                 "there is a call to %s: hang up first", vehicle->identity.ed);
    return FALSE;
  }
  const char *const *eds = vehicle->options->eds;
  if (!bl_vehicle_ed_is_valid (ed) || (*eds && !g_strv_contains (eds, ed))) {
    g_autofree char *names = g_strjoinv (", ", (char **)eds);
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                 "“%s” is no department that this vehicle may call%s%s", ed,
                 *names ? ": " : "", names);
    return FALSE;
  }
  take_identity (vehicle, ed);
  return begin (vehicle, false);
}

gboolean
bl_vehicle_hang_up (BlVehicle *vehicle)
{
  if (!bl_call_hang_up (&vehicle->call, bl_clock_now ()))
    return FALSE;
  set_message (vehicle, "");
  step_soon (vehicle);
  return TRUE;
}

/* --- capture
 * ------------------------------------------------------------------------ */

static void
on_frame (const BlCaptureFrame *frame, gpointer user_data)
{
  BlVehicle *v = user_data;
  if (!v->publisher)
    return;
  bl_publisher_frame (v->publisher, frame);
  if (!frame->video)
    return;
  if (frame->piece == 0)
    v->picture_bytes = 0;
  v->picture_bytes += (guint32)frame->length;
  if (frame->more)
    return;
  /* The ladder goes up by time alone. */
  bool higher = bl_encoding_set_rate (&v->encoding, v->encoding.rate_bps,
                                      bl_clock_now ());
  bool corrected = bl_encoding_on_picture (&v->encoding, v->picture_bytes,
                                           frame->keyframe);
  if (higher || corrected)
    tell_encoder (v);
}

static void
on_capture_state (BlCaptureState state, const char *message, gpointer user_data)
{
  if (state != BL_CAPTURE_FAILED)
    bl_info ("capture %s%s%s", bl_capture_state_name (state),
             *message ? ": " : "", message);
}

static const BlCaptureCallbacks capture_callbacks
    = { .frame = on_frame, .state = on_capture_state };

/* --- how the connection is
 * ---------------------------------------------------------- */

static void
look_at_paths (BlVehicle *v)
{
  v->n_paths = 0;
  for (unsigned i = 0; v->publisher && i < BL_UPLINK_MAX_PATHS; i++) {
    BlHealthPath *path = &v->paths[v->n_paths];
    if (bl_publisher_path (v->publisher, i, &path->flow, &path->interface))
      v->n_paths++;
  }
  bl_health_hear (&v->health, v->paths, v->n_paths, bl_clock_now ());
}

/* As of look_at_paths(); NULL while there is none to judge. */
static const char *
connection_word (const BlVehicle *v)
{
  if (v->call.state == BL_CALL_RECONNECTING)
    return bl_connection_name (BL_CONNECTION_LOST);
  if (v->call.state != BL_CALL_LIVE)
    return NULL;
  return bl_connection_name (bl_health_connection (
      &v->health, v->paths, v->n_paths, v->encoding.rate_bps, bl_clock_now ()));
}

static BlHealthEncoder
encoder_health (const BlVehicle *v)
{
  return (BlHealthEncoder){
    .settings = v->settings,
    .skipped = bl_capture_stats (v->capture).skipped,
  };
}

/* --- the crew's page
 * ---------------------------------------------------------------- */

static void
on_kiosk_state (BlKioskState *out_state, gpointer user_data)
{
  BlVehicle *v = user_data;
  const char *capture_message = bl_capture_message (v->capture);
  look_at_paths (v);
  BlSenderStats stats
      = v->publisher ? bl_publisher_stats (v->publisher) : (BlSenderStats){ 0 };
  *out_state = (BlKioskState){
    .state = bl_call_state_name (v->call.state),
    .unit = v->options->unit,
    .ed = v->identity.ed,
    .call_id = v->identity.id,
    .since_unix_s = v->identity.started_unix_s,
    .eds = v->options->eds,
    .message = *v->message ? v->message : capture_message,
    .capture = bl_capture_state_name (bl_capture_state (v->capture)),
    .path = v->path,
    .connection = connection_word (v),
    .paths = v->paths,
    .n_paths = v->n_paths,
    .encoder = encoder_health (v),
    .target_bps = stats.target_bps,
    .late_drops = stats.late_drops,
    .bitrate_bps = v->health.bitrate_bps,
    .fps = v->health.fps,
    .rtt_us = v->health.rtt_us,
    .loss = v->health.loss,
    .viewers = -1,
    .restarts = bl_capture_stats (v->capture).restarts,
  };
}

static char *
on_kiosk_call (const char *ed, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  return bl_vehicle_call (user_data, ed, &error) ? NULL
                                                 : g_strdup (error->message);
}

static char *
on_kiosk_hang_up (gpointer user_data)
{
  return bl_vehicle_hang_up (user_data) ? NULL : g_strdup ("there is no call");
}

static const BlKioskCallbacks kiosk_callbacks = {
  .state = on_kiosk_state,
  .call = on_kiosk_call,
  .hang_up = on_kiosk_hang_up,
};

guint16
bl_vehicle_kiosk_port (const BlVehicle *vehicle)
{
  return vehicle->kiosk ? bl_kiosk_port (vehicle->kiosk) : 0;
}

/* --- health and network
 * ------------------------------------------------------------- */

static void
log_health (BlVehicle *v, const BlSenderStats *stats)
{
  BlHealthEncoder encoder = encoder_health (v);
  g_autofree char *line = bl_health_line (&v->health, stats, &encoder);
  bl_info ("health connection=%s %s capture_dropped=%" G_GUINT64_FORMAT,
           connection_word (v), line, bl_capture_stats (v->capture).dropped);
  for (guint i = 0; i < v->n_paths; i++) {
    g_autofree char *path = bl_health_path_line (&v->paths[i]);
    bl_info ("path %s", path);
  }
}

static gboolean
on_second (gpointer user_data)
{
  BlVehicle *v = user_data;
  if (!v->publisher)
    return G_SOURCE_CONTINUE;
  BlSenderStats stats = bl_publisher_stats (v->publisher);
  bl_health_update (&v->health, &stats, bl_clock_now ());
  guint every = v->options->health_s;
  look_at_paths (v);
  if (v->call.state == BL_CALL_LIVE && every > 0
      && v->health.updates % every == 0)
    log_health (v, &stats);
  return G_SOURCE_CONTINUE;
}

static void
on_network (gboolean addresses_changed, gpointer user_data)
{
  BlVehicle *v = user_data;
  if (v->publisher && addresses_changed)
    bl_publisher_follow_interfaces (v->publisher);
  bl_call_on_network_changed (&v->call, bl_clock_now ());
  step_soon (v);
}

/* --- the object
 * --------------------------------------------------------------------- */

static gboolean
load_turn_trust (BlVehicle *v, GError **error)
{
  const char *ca = v->options->ice_ca;
  if (!ca)
    return TRUE;
  v->turn_trust = g_tls_file_database_new (ca, error);
  if (!v->turn_trust)
    g_prefix_error (error, "can't read [ice] ca %s: ", ca);
  return v->turn_trust != NULL;
}

static gboolean
set_up_security (BlVehicle *v, GError **error)
{
  BlWhipOptions whip = {
    .relay_url = v->options->relay_url,
    .ca = v->options->relay_ca,
    .certificate = v->options->certificate,
    .key = v->options->key,
  };
  v->whip = bl_whip_new (&whip, error);
  if (!v->whip)
    return FALSE;
  gint64 now = bl_clock_unix_us () / BL_SECOND;
  gint64 expires = bl_whip_certificate_expires_unix_s (v->whip);
  if (expires > 0 && expires - now < EXPIRY_WARNING_S)
    bl_warning ("this vehicle's certificate %s expires in %d days",
                v->options->certificate, (int)((expires - now) / 86400));
  g_autoptr (BlCert) cert
      = bl_cert_new_self_signed ("bluelight-vehicle", now, error);
  if (!cert)
    return FALSE;
  bl_cert_fingerprint (cert, &v->fingerprint);
  v->dtls = bl_dtls_context_new (cert, error);
  return v->dtls != NULL;
}

/* A camera that is missing now may come; a pipeline that is wrong stays so. */
static gboolean
check_capture (BlVehicle *v, GError **error)
{
  g_autoptr (GstElement) pipeline
      = bl_pipeline_load (&v->options->capture, error);
  if (!pipeline)
    return FALSE;
  g_autoptr (GError) why = NULL;
  if (!bl_pipeline_check_source (&v->options->capture, &why))
    bl_warning ("%s", why->message);
  return TRUE;
}

BlVehicle *
bl_vehicle_new (const BlVehicleOptions *options,
                const BlVehicleCallbacks *callbacks, gpointer user_data,
                GError **error)
{
  g_autoptr (BlVehicle) v = g_new0 (BlVehicle, 1);
  v->options = options;
  v->callbacks = callbacks;
  v->user_data = user_data;
  v->message = g_strdup ("");
  bl_call_init (&v->call, (guint64)g_random_int () << 32 | g_random_int ());
  v->call_timer = bl_timer_new (G_PRIORITY_DEFAULT, step, v);
  v->capture = bl_capture_new (&options->capture, &capture_callbacks, v);
  if (!bl_openssl_check (error)
      || !bl_call_file_prepare (options->state_folder, error)
      || !set_up_security (v, error) || !load_turn_trust (v, error)
      || !check_capture (v, error))
    return NULL;
  if (options->kiosk_port > 0) {
    v->kiosk = bl_kiosk_new (options->kiosk_port, &kiosk_callbacks, v, error);
    if (!v->kiosk)
      return NULL;
  }
  v->health_source = g_timeout_add_seconds (1, on_second, v);
  v->network = bl_netwatch_new (on_network, v);
  return g_steal_pointer (&v);
}

void
bl_vehicle_free (BlVehicle *vehicle)
{
  BlVehicle *v = vehicle;
  if (!v)
    return;
  bl_netwatch_free (v->network);
  g_clear_handle_id (&v->health_source, g_source_remove);
  g_clear_handle_id (&v->hang_up_source, g_source_remove);
  bl_timer_free (v->call_timer);
  bl_kiosk_free (v->kiosk);
  bl_capture_free (v->capture);
  bl_publisher_free (v->publisher);
  bl_dtls_context_free (v->dtls);
  g_clear_object (&v->turn_trust);
  bl_whip_free (v->whip);
  bl_call_file_clear (&v->identity);
  g_free (v->path);
  g_free (v->session_url);
  g_free (v->message);
  g_free (v);
}
