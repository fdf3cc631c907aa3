/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "vehicle.publisher"
#include "vehicle/publisher.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "rtc/framegate.h"
#include "secure/token.h"
#include "signal/offer.h"
#include "signal/sdpfrag.h"
#include "vehicle/timer.h"

#define TRICKLE_US (20 * BL_MS)

static const BlOfferShape shape = { .audio = true, .video = true };

struct BlPublisher {
  BlPublisherOptions options;
  const BlPublisherCallbacks *callbacks;
  gpointer user_data;
  void (*hung_up) (gpointer user_data);

  GCancellable *cancellable; /* of all requests but DELETE */
  BlUplink *uplink;
  BlTimer *gate_timer;
  BlSender *sender; /* from the answer on */
  BlTimer *sender_timer;
  guint32 audio_ssrc, video_ssrc, rtx_ssrc, fec_ssrc;
  char *cname;
  char *msid;

  char *session_url; /* from the answer on */
  char *etag;
  char mid[BL_SDP_MID_SIZE];
  gsize n_relay_candidates;
  BlCandidate relay_candidates[BL_SDP_MAX_CANDIDATES];
  BlFingerprint relay_fingerprint;

  bool exchanging; /* an offer or a restart is under way */
  gsize trickled;  /* how many candidates the relay knows */
  BlTimer *trickle_timer;
  bool trickle_soon;
  bool no_trickle; /* the relay doesn't want any */
};

static void schedule_trickle (BlPublisher *p);

/* --- the sender's side
 * -------------------------------------------------------- */

static void
schedule_sender (BlPublisher *p)
{
  bl_timer_set (p->sender_timer, bl_sender_deadline (p->sender));
}

static void
on_sender_timer (gpointer data)
{
  BlPublisher *p = data;
  bl_sender_on_deadline (p->sender, bl_clock_now (), bl_clock_ntp ());
  schedule_sender (p);
}

static void
on_gate_timer (gpointer data)
{
  BlPublisher *p = data;
  BlTime now = bl_clock_now ();
  for (unsigned i = 0; i < BL_UPLINK_MAX_PATHS; i++)
    bl_uplink_mark (p->uplink, i, bl_sender_may_mark (p->sender, i));
  p->callbacks->gate (bl_sender_may_encode (p->sender, now), p->user_data);
  bl_timer_set (p->gate_timer, now + BL_FRAMEGATE_ASK_US);
}

static void
on_send (uint8_t *packet, size_t length, size_t capacity, unsigned paths,
         bool rtcp, void *user_data)
{
  BlPublisher *p = user_data;
  bl_uplink_send (p->uplink, paths, packet, length, capacity, rtcp);
}

static void
on_rate (uint64_t video_bps, void *user_data)
{
  BlPublisher *p = user_data;
  p->callbacks->rate (video_bps, p->user_data);
}

static void
on_sound (const BlSoundSettings *settings, void *user_data)
{
  BlPublisher *p = user_data;
  p->callbacks->sound (settings, p->user_data);
}

static void
on_lost_picture (uint64_t picture, void *user_data)
{
  BlPublisher *p = user_data;
  p->callbacks->lost_picture (picture, p->user_data);
}

static void
on_keyframe (void *user_data)
{
  BlPublisher *p = user_data;
  p->callbacks->keyframe (p->user_data);
}

static void
on_bye (void *user_data)
{
  BlPublisher *p = user_data;
  p->callbacks->lost ("the relay ended the session", false, p->user_data);
}

static const BlSenderCallbacks sender_callbacks = {
  .send = on_send,
  .rate = on_rate,
  .sound = on_sound,
  .lost = on_lost_picture,
  .keyframe = on_keyframe,
  .bye = on_bye,
};

void
bl_publisher_frame (BlPublisher *publisher, const BlCaptureFrame *frame)
{
  BlPublisher *p = publisher;
  if (!p->sender)
    return;
  BlTime now = bl_clock_now ();
  BlNtp wall = bl_clock_ntp ();
  if (frame->video)
    bl_sender_video (p->sender,
                     &(BlSenderPicture){ .data = frame->data,
                                         .length = frame->length,
                                         .number = frame->picture,
                                         .piece = frame->piece,
                                         .more = frame->more,
                                         .keyframe = frame->keyframe,
                                         .recovers = frame->recovers,
                                         .captured_us = frame->captured_us,
                                         .captured_ntp = frame->captured_ntp },
                     now, wall);
  else
    bl_sender_audio (p->sender, frame->data, frame->length, frame->captured_us,
                     frame->captured_ntp, now, wall);
  schedule_sender (p);
}

/* --- the uplink's side
 * ---------------------------------------------------------- */

static void
set_open (BlPublisher *p, bool open)
{
  if (!p->sender)
    return;
  bl_sender_set_open (p->sender, open, bl_clock_now ());
  schedule_sender (p);
}

static void
on_uplink_state (BlUplinkState state, const char *reason, gpointer user_data)
{
  BlPublisher *p = user_data;
  bl_debug ("uplink %s %s", bl_uplink_state_name (state), reason);
  if (state == BL_UPLINK_CONNECTED) {
    set_open (p, true);
    p->callbacks->connected (p->user_data);
  } else if (state == BL_UPLINK_LOST) {
    set_open (p, false);
    p->callbacks->lost (reason, bl_uplink_is_keyed (p->uplink), p->user_data);
  }
}

static void
on_uplink_candidate (const BlCandidate *candidate, gpointer user_data)
{
  schedule_trickle (user_data);
}

static void
on_uplink_gathered (gpointer user_data)
{
  schedule_trickle (user_data);
}

static void
on_uplink_silent (gpointer user_data)
{
  BlPublisher *p = user_data;
  set_open (p, false);
  p->callbacks->silent (p->user_data);
}

static void
on_uplink_path (unsigned path, bool usable, gpointer user_data)
{
  BlPublisher *p = user_data;
  if (usable)
    bl_sender_add_path (p->sender, path);
  else
    bl_sender_remove_path (p->sender, path, bl_clock_now ());
}

static void
on_uplink_rtcp (unsigned path, const guint8 *data, gsize length, BlTime now,
                gpointer user_data)
{
  BlPublisher *p = user_data;
  if (!p->sender)
    return;
  bl_sender_on_rtcp (p->sender, path, data, length, now, bl_clock_ntp ());
  schedule_sender (p);
}

static const BlUplinkCallbacks uplink_callbacks = {
  .state = on_uplink_state,
  .candidate = on_uplink_candidate,
  .gathered = on_uplink_gathered,
  .silent = on_uplink_silent,
  .path = on_uplink_path,
  .rtcp = on_uplink_rtcp,
};

/* --- signalling
 * ------------------------------------------------------------------- */

static void
fail (BlPublisher *p, GError *error)
{
  p->exchanging = false;
  bl_uplink_cancel_restart (p->uplink);
  if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    p->callbacks->failed (error, p->user_data);
  g_error_free (error);
}

/* Requests go by the networks that media go by, if routes prefer dead ones. */
static void
tell_networks (BlPublisher *p)
{
  g_auto (GStrv) networks = bl_uplink_networks (p->uplink);
  bl_whip_set_networks (p->options.whip, (const char *const *)networks);
}

static BlSdpLocal
local_description (BlPublisher *p)
{
  BlSdpLocal local = {
    .ufrag = bl_uplink_local_ufrag (p->uplink),
    .pwd = bl_uplink_local_pwd (p->uplink),
    .fingerprint = p->options.fingerprint,
    .session_id = (guint64)bl_clock_unix_us (),
    .cname = p->cname,
    .msid = p->msid,
    .audio_ssrc = p->audio_ssrc,
    .video_ssrc = p->video_ssrc,
    .video_rtx_ssrc = p->rtx_ssrc,
    .video_fec_ssrc = p->fec_ssrc,
  };
  local.candidates
      = bl_uplink_local_candidates (p->uplink, &local.n_candidates);
  return local;
}

/* A fragment with our credentials and the candidates from number `from` on. */
static char *
local_fragment (BlPublisher *p, gsize from, gsize *out_until)
{
  BlSdpFrag *frag = g_new0 (BlSdpFrag, 1);
  g_strlcpy (frag->ufrag, bl_uplink_local_ufrag (p->uplink),
             sizeof frag->ufrag);
  g_strlcpy (frag->pwd, bl_uplink_local_pwd (p->uplink), sizeof frag->pwd);
  g_strlcpy (frag->mid, p->mid, sizeof frag->mid);
  gsize count;
  const BlCandidate *candidates
      = bl_uplink_local_candidates (p->uplink, &count);
  for (gsize i = from; i < count && frag->n_candidates < BL_SDP_MAX_CANDIDATES;
       i++)
    frag->candidates[frag->n_candidates++] = candidates[i];
  frag->end_of_candidates = bl_uplink_is_gathered (p->uplink);
  char *text = bl_sdpfrag_build (frag);
  g_free (frag);
  *out_until = count;
  return text;
}

static void
take_reply (BlPublisher *p, BlWhipReply *reply)
{
  if (reply->session_url) {
    g_free (p->session_url);
    p->session_url = g_steal_pointer (&reply->session_url);
  }
  if (reply->etag) {
    g_free (p->etag);
    p->etag = g_steal_pointer (&reply->etag);
  }
}

static gboolean
connect_uplink (BlPublisher *p, const char *ufrag, const char *pwd,
                GError **error)
{
  BlUplinkRemote remote = {
    .ufrag = ufrag,
    .pwd = pwd,
    .fingerprint = &p->relay_fingerprint,
    .candidates = p->relay_candidates,
    .n_candidates = p->n_relay_candidates,
  };
  if (!bl_uplink_connect (p->uplink, &remote, error))
    return FALSE;
  p->exchanging = false;
  schedule_trickle (p);
  return TRUE;
}

static gboolean
take_answer (BlPublisher *p, const char *text, GError **error)
{
  g_autoptr (BlSdp) answer = bl_sdp_parse (text, strlen (text), error);
  BlSdpLocal local = local_description (p);
  BlNegotiated negotiated;
  if (!answer
      || !bl_offer_read_answer (&shape, &local, answer, &negotiated, error)) {
    g_prefix_error (error, "the relay's answer makes no sense: ");
    return FALSE;
  }
  p->relay_fingerprint.hash = BL_FINGERPRINT_SHA256;
  p->relay_fingerprint.length = BL_SDP_SHA256_BYTES;
  memcpy (p->relay_fingerprint.bytes, negotiated.remote_fingerprint,
          BL_SDP_SHA256_BYTES);
  for (guint i = 0; i < answer->n_media; i++) {
    const BlSdpMedia *media = &answer->media[i];
    if (media->n_candidates == 0 || p->n_relay_candidates > 0)
      continue;
    p->n_relay_candidates = media->n_candidates;
    memcpy (p->relay_candidates, media->candidates,
            media->n_candidates * sizeof *media->candidates);
  }
  g_strlcpy (p->mid, answer->media[0].mid, sizeof p->mid);
  BlSenderOptions options = {
    .cname = p->cname,
    .seed = (guint64)g_random_int () << 32 | g_random_int (),
    .max_video_bps = p->options.max_video_bps,
    .sound_bps = p->options.sound_bps,
    .path_mode = p->options.path_mode,
  };
  p->sender = bl_sender_new (&negotiated, &options, &sender_callbacks, p);
  if (!p->sender) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                         "no memory for packets");
    return FALSE;
  }
  bl_timer_set (p->gate_timer, 0);
  return connect_uplink (p, negotiated.remote_ufrag, negotiated.remote_pwd,
                         error);
}

static gboolean
take_restart (BlPublisher *p, const char *text, GError **error)
{
  g_autofree BlSdpFrag *frag = g_new0 (BlSdpFrag, 1);
  if (!bl_sdpfrag_parse (text, strlen (text), frag, error)) {
    g_prefix_error (error, "the relay's answer to an ICE restart makes no"
                           " sense: ");
    return FALSE;
  }
  if (frag->n_candidates > 0) {
    p->n_relay_candidates = frag->n_candidates;
    memcpy (p->relay_candidates, frag->candidates,
            frag->n_candidates * sizeof *frag->candidates);
  }
  return connect_uplink (p, frag->ufrag, frag->pwd, error);
}

static void
on_exchanged (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  g_autoptr (BlWhipReply) reply = bl_whip_finish (NULL, result, &error);
  /* A cancelled request may outlive the publisher: `data` is not to be touched
   * then. */
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
    g_error_free (error);
    return;
  }
  BlPublisher *p = data;
  if (!reply) {
    fail (p, error);
    return;
  }
  bool first = reply->session_url != NULL;
  take_reply (p, reply);
  if (first) {
    p->callbacks->session (p->user_data);
    bl_uplink_add_servers (p->uplink, reply->servers);
  }
  if (!(first ? take_answer : take_restart) (p, reply->body, &error))
    fail (p, error);
}

void
bl_publisher_open (BlPublisher *publisher)
{
  BlPublisher *p = publisher;
  GError *error = NULL;
  p->exchanging = true;
  if (!bl_uplink_gather (p->uplink, &error)) {
    fail (p, error);
    return;
  }
  BlSdpLocal local = local_description (p);
  p->trickled = local.n_candidates;
  g_autofree char *offer = bl_offer_build (&shape, &local);
  tell_networks (p);
  bl_whip_post (p->options.whip, p->options.ed, p->options.call_id, offer,
                p->cancellable, on_exchanged, p);
}

void
bl_publisher_restart_ice (BlPublisher *publisher)
{
  BlPublisher *p = publisher;
  GError *error = NULL;
  g_cancellable_cancel (p->cancellable);
  g_object_unref (p->cancellable);
  p->cancellable = g_cancellable_new ();
  p->exchanging = true;
  if (!bl_uplink_gather (p->uplink, &error)) {
    fail (p, error);
    return;
  }
  g_autofree char *fragment = local_fragment (p, 0, &p->trickled);
  tell_networks (p);
  bl_whip_patch (p->options.whip, p->session_url, NULL, fragment,
                 p->cancellable, on_exchanged, p);
}

void
bl_publisher_follow_interfaces (BlPublisher *publisher)
{
  bl_uplink_follow_interfaces (publisher->uplink);
}

/* --- trickle
 * ------------------------------------------------------------------------ */

static void
on_trickled (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BlWhipReply) reply = bl_whip_finish (NULL, result, &error);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  BlPublisher *p = data;
  if (reply) {
    take_reply (p, reply);
    bl_debug ("the relay has %zu candidates of ours", p->trickled);
  } else {
    bl_debug ("the relay takes no further candidates: %s", error->message);
    p->no_trickle = true;
  }
}

static void
on_trickle_timer (gpointer data)
{
  BlPublisher *p = data;
  p->trickle_soon = false;
  gsize count;
  (void)bl_uplink_local_candidates (p->uplink, &count);
  if (p->exchanging || !p->session_url || !p->etag || p->no_trickle
      || count <= p->trickled)
    return;
  g_autofree char *fragment = local_fragment (p, p->trickled, &p->trickled);
  bl_whip_patch (p->options.whip, p->session_url, p->etag, fragment,
                 p->cancellable, on_trickled, p);
}

static void
schedule_trickle (BlPublisher *p)
{
  /* Several in one: the first sets the time. */
  if (!p->trickle_soon)
    bl_timer_set (p->trickle_timer, bl_clock_now () + TRICKLE_US);
  p->trickle_soon = true;
}

/* --- hanging up
 * ------------------------------------------------------------------------ */

static void
on_deleted (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;
  bl_whip_reply_free (bl_whip_finish (NULL, result, &error));
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  BlPublisher *p = data;
  if (error)
    bl_warning ("the relay did not hear that we hung up, and will wait for"
                " this vehicle for a while: %s",
                error->message);
  p->hung_up (p->user_data);
}

void
bl_publisher_hang_up (BlPublisher *publisher, void (*done) (gpointer user_data))
{
  BlPublisher *p = publisher;
  p->hung_up = done;
  if (p->sender)
    bl_sender_send_bye (p->sender, bl_clock_now (), bl_clock_ntp ());
  set_open (p, false);
  tell_networks (p);
  if (p->session_url)
    bl_whip_delete (p->options.whip, p->session_url, p->cancellable, on_deleted,
                    p);
  else
    done (p->user_data);
}

/* --- the object
 * ------------------------------------------------------------------------- */

BlPublisher *
bl_publisher_new (const BlPublisherOptions *options,
                  const BlPublisherCallbacks *callbacks, gpointer user_data)
{
  BlPublisher *p = g_new0 (BlPublisher, 1);
  p->options = *options;
  p->callbacks = callbacks;
  p->user_data = user_data;
  p->cancellable = g_cancellable_new ();
  p->session_url = g_strdup (options->previous_session_url);
  p->cname = bl_id_new ();
  p->msid = bl_id_new ();
  p->audio_ssrc = g_random_int () | 1;
  p->video_ssrc = p->audio_ssrc + 2;
  p->rtx_ssrc = p->audio_ssrc + 4;
  p->fec_ssrc = p->audio_ssrc + 6;
  p->sender_timer = bl_timer_new (G_PRIORITY_HIGH, on_sender_timer, p);
  p->trickle_timer = bl_timer_new (G_PRIORITY_DEFAULT, on_trickle_timer, p);
  p->gate_timer = bl_timer_new (G_PRIORITY_HIGH, on_gate_timer, p);
  p->uplink = bl_uplink_new (&options->uplink, &uplink_callbacks, p);
  return p;
}

void
bl_publisher_free (BlPublisher *publisher)
{
  BlPublisher *p = publisher;
  if (!p)
    return;
  g_cancellable_cancel (p->cancellable);
  g_object_unref (p->cancellable);
  bl_timer_free (p->gate_timer);
  bl_timer_free (p->trickle_timer);
  bl_timer_free (p->sender_timer);
  bl_uplink_free (p->uplink);
  bl_sender_free (p->sender);
  g_free (p->session_url);
  g_free (p->etag);
  g_free (p->cname);
  g_free (p->msid);
  g_free (p);
}

const char *
bl_publisher_session_url (const BlPublisher *publisher)
{
  return publisher->session_url;
}

BlSenderStats
bl_publisher_stats (const BlPublisher *publisher)
{
  return publisher->sender ? bl_sender_stats (publisher->sender)
                           : (BlSenderStats){ 0 };
}

bool
bl_publisher_path (const BlPublisher *publisher, unsigned path,
                   BlFlowPath *out_path, const char **out_interface)
{
  const char *interface = bl_uplink_interface (publisher->uplink, path);
  if (!publisher->sender || !interface)
    return false;
  BlFlowPath known = bl_sender_path (publisher->sender, path, bl_clock_now ());
  if (!known.there)
    return false;
  *out_path = known;
  *out_interface = interface;
  return true;
}

char *
bl_publisher_describe (const BlPublisher *publisher)
{
  return bl_uplink_describe (publisher->uplink);
}
