/* SPDX-License-Identifier: Apache-2.0 */
#include "signal/answer.h"

#include <string.h>

#include "signal/h264profile.h"
#include "signal/sdpwrite.h"

/* Extensions and feedback that the relay can use. */
static const BlRtpExtKind known_extensions[] = {
  BL_RTP_EXT_MID,           BL_RTP_EXT_ABS_SEND_TIME,
  BL_RTP_EXT_TRANSPORT_CC,  BL_RTP_EXT_ABS_CAPTURE_TIME,
  BL_RTP_EXT_PLAYOUT_DELAY,
};
#define KNOWN_FEEDBACK                                                         \
  (BL_FEEDBACK_NACK | BL_FEEDBACK_PLI | BL_FEEDBACK_FIR                        \
   | BL_FEEDBACK_TRANSPORT_CC)

/* What it can tell a publisher, besides. */
#define PUBLISHER_FEEDBACK BL_FEEDBACK_CCFB

/* One m-line that is taken, and with what. */
typedef struct {
  const BlSdpMedia *media; /* NULL: none */
  const BlSdpCodec *codec;
} Choice;

typedef struct {
  const BlSdp *offer;
  const BlSdpLocal *local;
  bool sends;
  const BlAnswerSource *source; /* when we send */
  Choice audio;
  Choice video;
  BlNegotiated negotiated;
  GError **error;
} Answer;

static bool refuse (Answer *a, const BlSdpMedia *media, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

static bool
refuse (Answer *a, const BlSdpMedia *media, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *why = g_strdup_vprintf (format, args);
  va_end (args);
  guint number = (guint)(media - a->offer->media) + 1;
  g_set_error (a->error, BL_SDP_ERROR, BL_SDP_ERROR_NOT_ACCEPTABLE,
               "m-line %u (%s%s%s): %s", number, media->kind_text,
               *media->mid ? ", mid " : "", media->mid, why);
  return false;
}

static const BlSdpCodec *
choose_opus (const BlSdpMedia *media)
{
  for (guint i = 0; i < media->n_codecs; i++) {
    const BlSdpCodec *codec = &media->codecs[i];
    if (g_ascii_strcasecmp (codec->name, "opus") == 0
        && codec->clock_rate == 48000 && codec->channels == 2)
      return codec;
  }
  return NULL;
}

static uint32_t
source_profile (const Answer *a)
{
  return a->sends ? a->source->profile_level_id : 0;
}

/* How well the mode suits, 0 best; -1 not at all. One that is not given means 0
 * by RFC 6184, but those who leave it out (GStreamer's whepsrc) unpack FU-A all
 * the same. From a publisher both modes can be read. */
static int
mode_rank (const Answer *a, const BlSdpCodec *codec)
{
  if (!codec->has_packetization_mode)
    return 1;
  if (codec->packetization_mode == 1)
    return 0;
  return codec->packetization_mode == 0 && !a->sends ? 2 : -1;
}

/* Among H.264 of the best packetization-mode the one that fits the source best,
 * or, where the source is not known, that most viewers can decode. If none
 * fits, the first will do: it says less about decoders than one would think. */
static const BlSdpCodec *
choose_h264 (const Answer *a, const BlSdpMedia *media, bool *out_mismatch)
{
  BlH264Profile source = bl_h264_profile (source_profile (a));
  const BlSdpCodec *best = NULL;
  int best_mode = -1, best_rank = -1;
  for (guint i = 0; i < media->n_codecs; i++) {
    const BlSdpCodec *codec = &media->codecs[i];
    if (g_ascii_strcasecmp (codec->name, "H264") != 0
        || codec->clock_rate != 90000)
      continue;
    int mode = mode_rank (a, codec);
    int rank = bl_h264_profile_rank (source,
                                     bl_h264_profile (codec->profile_level_id));
    if (mode < 0 || (best && mode > best_mode))
      continue;
    if (!best || mode < best_mode
        || (rank >= 0 && (best_rank < 0 || rank < best_rank))) {
      best = codec;
      best_mode = mode;
      best_rank = rank;
    }
  }
  *out_mismatch = best && best->has_profile_level_id && best_rank < 0;
  return best;
}

static bool
is_wanted (const Answer *a, const BlSdpMedia *media)
{
  BlDirection needed = a->sends ? BL_DIRECTION_RECVONLY : BL_DIRECTION_SENDONLY;
  return bl_sdp_media_offered (media) && (media->direction & needed)
         && strstr (media->protocol, "RTP/SAVP");
}

static void
choose (Answer *a)
{
  bool video_offered = false;
  for (guint i = 0; i < a->offer->n_media; i++) {
    const BlSdpMedia *media = &a->offer->media[i];
    if (!is_wanted (a, media))
      continue;
    if (media->kind == BL_MEDIA_AUDIO && !a->audio.media
        && (!a->sends || a->source->audio)) {
      a->audio.codec = choose_opus (media);
      a->audio.media = a->audio.codec ? media : NULL;
    } else if (media->kind == BL_MEDIA_VIDEO && !a->video.media
               && (!a->sends || a->source->video)) {
      video_offered = true;
      a->video.codec = choose_h264 (a, media, &a->negotiated.profile_mismatch);
      a->video.media = a->video.codec ? media : NULL;
    }
  }
  a->negotiated.video_refused = video_offered && !a->video.media;
}

static const char *
direction_name (BlDirection direction)
{
  static const char *const names[] = {
    [BL_DIRECTION_INACTIVE] = "inactive",
    [BL_DIRECTION_SENDONLY] = "sendonly",
    [BL_DIRECTION_RECVONLY] = "recvonly",
    [BL_DIRECTION_SENDRECV] = "sendrecv",
  };
  return names[direction];
}

/* Says what was offered, so that the reader sees what is missing. */
static bool
refuse_all (Answer *a)
{
  g_autoptr (GString) offered = g_string_new (NULL);
  for (guint i = 0; i < a->offer->n_media && offered->len < 1000; i++) {
    const BlSdpMedia *media = &a->offer->media[i];
    g_string_append_printf (
        offered, "%s%s %s", i > 0 ? "; " : "", media->kind_text,
        bl_sdp_media_offered (media) ? direction_name (media->direction)
                                     : "with port 0");
    for (guint j = 0; j < media->n_codecs && offered->len < 1000; j++) {
      const BlSdpCodec *codec = &media->codecs[j];
      if (!*codec->name || g_ascii_strcasecmp (codec->name, "rtx") == 0)
        continue;
      g_string_append_printf (offered, " %s/%u", codec->name,
                              codec->clock_rate);
      if (g_ascii_strcasecmp (codec->name, "H264") == 0)
        g_string_append_printf (offered, " mode %u", codec->packetization_mode);
    }
  }
  g_set_error (a->error, BL_SDP_ERROR, BL_SDP_ERROR_NOT_ACCEPTABLE,
               "nothing in the offer can be used. Needed: %s opus/48000/2 or "
               "H264/90000 with packetization-mode=1 over UDP/TLS/RTP/SAVPF. "
               "Offered: %s",
               a->sends ? "recvonly" : "sendonly",
               offered->len > 0 ? offered->str : "no m-line");
  return false;
}

/* In a bundle the first m-line that we take gives the transport; one that is
 * bundle-only has none of its own, and shares that of the bundle's first. */
static const BlSdpMedia *
transport_media (const Answer *a, const BlSdpMedia *first)
{
  if (*first->transport.ufrag || !first->bundled)
    return first;
  for (guint i = 0; i < a->offer->n_media; i++) {
    const BlSdpMedia *media = &a->offer->media[i];
    if (media->bundled && *media->transport.ufrag)
      return media;
  }
  return first;
}

static bool
check_transport (Answer *a, const BlSdpMedia *first)
{
  const BlSdpMedia *media = transport_media (a, first);
  const BlSdpTransport *t = &media->transport;
  if (!*t->ufrag || !*t->pwd)
    return refuse (a, media, "no %s, neither here nor for the session",
                   *t->ufrag ? "a=ice-pwd" : "a=ice-ufrag");
  if (!t->has_fingerprint)
    return refuse (a, media,
                   t->other_fingerprint
                       ? "a=fingerprint has no sha-256 one"
                       : "no a=fingerprint, neither here nor for the "
                         "session; only DTLS-SRTP is spoken here");
  if (t->setup == BL_SETUP_HOLDCONN)
    return refuse (a, media, "a=setup is holdconn; offer actpass");
  BlNegotiated *n = &a->negotiated;
  g_strlcpy (n->remote_ufrag, t->ufrag, sizeof n->remote_ufrag);
  g_strlcpy (n->remote_pwd, t->pwd, sizeof n->remote_pwd);
  memcpy (n->remote_fingerprint, t->fingerprint, BL_SDP_SHA256_BYTES);
  n->dtls_client = t->setup == BL_SETUP_PASSIVE;
  n->remote_ice_lite = a->offer->ice_lite;
  n->remote_renomination = a->offer->ice_renomination;
  return true;
}

static bool
check_media (Answer *a)
{
  const BlSdpMedia *audio = a->audio.media, *video = a->video.media;
  const BlSdpMedia *both[] = { audio, video };
  if (a->offer->ice_lite)
    return refuse (a, audio ? audio : video,
                   "the offer is ice-lite, and the relay waits to be asked; "
                   "the offerer has to be a full ICE agent");
  for (guint i = 0; i < G_N_ELEMENTS (both); i++) {
    if (both[i] && !both[i]->rtcp_mux)
      return refuse (a, both[i],
                     "no a=rtcp-mux; RTP and RTCP have to share "
                     "one port (RFC 5761)");
    if (audio && video && !both[i]->bundled)
      return refuse (a, both[i],
                     "not in a BUNDLE group; sound and pictures "
                     "have to share one port (RFC 9143)");
  }
  return true;
}

static void
fill_extensions (const BlSdpMedia *media, BlNegotiatedTrack *track)
{
  const uint8_t *offered = media->extensions.id;
  for (guint i = 0; i < G_N_ELEMENTS (known_extensions); i++)
    track->extensions.id[known_extensions[i]] = offered[known_extensions[i]];
  if (strlen (media->mid) > BL_RTP_MID_MAX_BYTES || !*media->mid)
    track->extensions.id[BL_RTP_EXT_MID] = 0;
  /* The numbers are of no use without the feedback, nor the other way. */
  uint8_t *transport_cc = &track->extensions.id[BL_RTP_EXT_TRANSPORT_CC];
  if (!(track->feedback & BL_FEEDBACK_TRANSPORT_CC))
    *transport_cc = 0;
  else if (*transport_cc == 0)
    track->feedback &= ~(uint32_t)BL_FEEDBACK_TRANSPORT_CC;
}

/* Of the two that congestion control can go by, one: that which tells of each
 * path (RFC 8888 section 6). */
static uint32_t
choose_feedback (const Answer *a, uint32_t offered)
{
  uint32_t known = KNOWN_FEEDBACK | (a->sends ? 0 : PUBLISHER_FEEDBACK);
  uint32_t both = offered & known;
  return both & BL_FEEDBACK_CCFB ? both & ~(uint32_t)BL_FEEDBACK_TRANSPORT_CC
                                 : both;
}

static void
fill_track (const Answer *a, const Choice *choice, BlNegotiatedTrack *track)
{
  const BlSdpMedia *media = choice->media;
  const BlSdpCodec *codec = choice->codec;
  track->present = true;
  track->sends = a->sends;
  g_strlcpy (track->mid, media->mid, sizeof track->mid);
  track->pt = codec->pt;
  track->rtx_pt = -1;
  track->clock_rate = codec->clock_rate;
  track->feedback = choose_feedback (a, codec->feedback);
  track->rcvr_rtt = media->rcvr_rtt;
  track->rtcp_rsize = media->rtcp_rsize;
  fill_extensions (media, track);
  const BlSdpCodec *rtx = bl_sdp_rtx (media, codec->pt);
  if (media->kind == BL_MEDIA_VIDEO && rtx
      && (track->feedback & BL_FEEDBACK_NACK))
    track->rtx_pt = rtx->pt;
  /* Only to who sizes it by what our reports say is lost. */
  const BlSdpCodec *fec = bl_sdp_fec (media);
  if (media->kind == BL_MEDIA_VIDEO && fec && !a->sends
      && (track->feedback & BL_FEEDBACK_CCFB))
    track->fec_pt = fec->pt;
}

static void
fill_remote_ssrc (const BlSdpMedia *media, BlNegotiatedTrack *track)
{
  if (media->n_ssrcs == 0)
    return;
  track->ssrc = media->ssrcs[0].ssrc;
  track->rtx_ssrc = track->rtx_pt >= 0 ? media->ssrcs[0].rtx_ssrc : 0;
  track->fec_ssrc = track->fec_pt != 0 ? media->ssrcs[0].fec_ssrc : 0;
  g_strlcpy (track->cname, media->ssrcs[0].cname, sizeof track->cname);
}

static void
fill_local_ssrc (const Answer *a, uint32_t ssrc, uint32_t rtx_ssrc,
                 BlNegotiatedTrack *track)
{
  track->ssrc = ssrc;
  track->rtx_ssrc = track->rtx_pt >= 0 ? rtx_ssrc : 0;
  g_strlcpy (track->cname, a->local->cname, sizeof track->cname);
}

static void
fill_negotiated (Answer *a)
{
  BlNegotiatedTrack *audio = &a->negotiated.audio;
  BlNegotiatedTrack *video = &a->negotiated.video;
  if (a->audio.media) {
    fill_track (a, &a->audio, audio);
    const BlSdpCodec *red = bl_sdp_red (a->audio.media, a->audio.codec);
    if (red && !a->sends)
      audio->red_pt = red->pt;
    if (a->sends)
      fill_local_ssrc (a, a->local->audio_ssrc, 0, audio);
    else
      fill_remote_ssrc (a->audio.media, audio);
  }
  if (a->video.media) {
    const BlSdpCodec *codec = a->video.codec;
    uint32_t source = source_profile (a);
    fill_track (a, &a->video, video);
    video->profile_level_id = codec->profile_level_id;
    if (source != 0)
      video->profile_level_id = bl_h264_answer_id (
          codec->profile_level_id, source, codec->level_asymmetry_allowed);
    if (a->sends)
      fill_local_ssrc (a, a->local->video_ssrc, a->local->video_rtx_ssrc,
                       video);
    else
      fill_remote_ssrc (a->video.media, video);
  }
}

/* Sound and pictures come over one port: only the payload type tells apart
 * packets that carry no mid. */
static bool
check_payload_types (Answer *a)
{
  const BlNegotiatedTrack *audio = &a->negotiated.audio;
  const BlNegotiatedTrack *video = &a->negotiated.video;
  const uint8_t sound[] = { audio->pt, audio->red_pt };
  for (guint i = 0; i < G_N_ELEMENTS (sound); i++)
    if (audio->present && video->present && (i == 0 || sound[i] != 0)
        && (sound[i] == video->pt || sound[i] == video->rtx_pt
            || sound[i] == video->fec_pt))
      return refuse (a, a->video.media,
                     "payload type %u stands for sound and for pictures in one "
                     "BUNDLE group",
                     sound[i]);
  return true;
}

static char *
write_answer (const Answer *a)
{
  g_autoptr (GString) bundle = g_string_new (NULL);
  const BlSdpMedia *first = NULL;
  for (guint i = 0; i < a->offer->n_media; i++) {
    const BlSdpMedia *media = &a->offer->media[i];
    if (media != a->audio.media && media != a->video.media)
      continue;
    if (!first)
      first = media;
    if (media->bundled)
      g_string_append_printf (bundle, "%s%s", bundle->len > 0 ? " " : "",
                              media->mid);
  }
  GString *text = g_string_new (NULL);
  bl_sdpwrite_session (text, a->local, bundle->str, !a->local->full_ice);
  const char *setup = a->negotiated.dtls_client ? "active" : "passive";
  for (guint i = 0; i < a->offer->n_media; i++) {
    const BlSdpMedia *media = &a->offer->media[i];
    bool audio = media == a->audio.media;
    if (!audio && media != a->video.media) {
      bl_sdpwrite_rejected (text, a->local, setup, media);
      continue;
    }
    const BlSdpCodec *codec = audio ? a->audio.codec : a->video.codec;
    BlSdpSection section = {
      .kind = media->kind,
      .protocol = media->protocol,
      .track = audio ? &a->negotiated.audio : &a->negotiated.video,
      .h264_asymmetry = codec->level_asymmetry_allowed,
      /* Neither is there to be matched unless the offer names it. */
      .h264_mode
      = codec->has_packetization_mode ? (int8_t)codec->packetization_mode : -1,
      .h264_profile = codec->has_profile_level_id,
      .opus_stereo = codec->stereo,
      .setup = setup,
      .candidates = media == first,
      .end_of_candidates = true,
    };
    bl_sdpwrite_section (text, a->local, &section);
  }
  return g_string_free (text, FALSE);
}

static char *
make_answer (Answer *a, BlNegotiated *out_negotiated)
{
  choose (a);
  const BlSdpMedia *audio = a->audio.media, *video = a->video.media;
  if (!audio && !video) {
    refuse_all (a);
    return NULL;
  }
  const BlSdpMedia *first = audio && (!video || audio < video) ? audio : video;
  if (!check_media (a) || !check_transport (a, first))
    return NULL;
  fill_negotiated (a);
  if (!check_payload_types (a))
    return NULL;
  *out_negotiated = a->negotiated;
  return write_answer (a);
}

char *
bl_answer_whip (const BlSdp *offer, const BlSdpLocal *local,
                BlNegotiated *out_negotiated, GError **error)
{
  Answer answer = { .offer = offer, .local = local, .error = error };
  return make_answer (&answer, out_negotiated);
}

char *
bl_answer_whep (const BlSdp *offer, const BlSdpLocal *local,
                const BlAnswerSource *source, BlNegotiated *out_negotiated,
                GError **error)
{
  Answer answer = {
    .offer = offer,
    .local = local,
    .sends = true,
    .source = source,
    .error = error,
  };
  return make_answer (&answer, out_negotiated);
}
