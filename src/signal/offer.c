/* SPDX-License-Identifier: Apache-2.0 */
#include "signal/offer.h"

#include <string.h>

#include "signal/sdpwrite.h"

#define PROTOCOL         "UDP/TLS/RTP/SAVPF"
#define PROFILE_LEVEL_ID 0x42e01f

/* The ids that our offers use; 0: not offered. */
static const BlRtpExtMap extensions = { .id = {
                                            [BL_RTP_EXT_MID] = 1,
                                            [BL_RTP_EXT_TRANSPORT_CC] = 2,
                                            [BL_RTP_EXT_ABS_SEND_TIME] = 3,
                                            [BL_RTP_EXT_ABS_CAPTURE_TIME] = 4,
                                        } };

/* Both tracks as they are offered, in the order of their m-lines. */
typedef struct {
  guint n_tracks;
  BlMediaKind kinds[2];
  BlNegotiatedTrack tracks[2];
} Offered;

static BlNegotiatedTrack *
add_track (Offered *offered, const BlOfferShape *shape, const BlSdpLocal *local,
           BlMediaKind kind)
{
  guint index = offered->n_tracks++;
  offered->kinds[index] = kind;
  BlNegotiatedTrack *track = &offered->tracks[index];
  *track = (BlNegotiatedTrack){
    .present = true,
    .sends = !shape->view,
    .rtx_pt = -1,
    .rcvr_rtt = true,
    .rtcp_rsize = true,
    .extensions = extensions,
    .feedback = BL_FEEDBACK_TRANSPORT_CC,
  };
  /* Who receives reports them, and a viewer of ours can't. */
  if (track->sends)
    track->feedback |= BL_FEEDBACK_CCFB;
  g_snprintf (track->mid, sizeof track->mid, "%u", index);
  if (track->sends)
    g_strlcpy (track->cname, local->cname, sizeof track->cname);
  return track;
}

static void
fill_offered (const BlOfferShape *shape, const BlSdpLocal *local,
              Offered *offered)
{
  *offered = (Offered){ 0 };
  if (shape->audio) {
    BlNegotiatedTrack *audio
        = add_track (offered, shape, local, BL_MEDIA_AUDIO);
    audio->pt = BL_OFFER_PT_OPUS;
    /* What is asked for again comes as redundancy of a later packet. */
    audio->red_pt = audio->sends ? BL_OFFER_PT_RED : 0;
    audio->feedback |= audio->sends ? BL_FEEDBACK_NACK : 0;
    audio->clock_rate = 48000;
    audio->ssrc = audio->sends ? local->audio_ssrc : 0;
  }
  if (shape->video) {
    BlNegotiatedTrack *video
        = add_track (offered, shape, local, BL_MEDIA_VIDEO);
    video->pt = BL_OFFER_PT_H264;
    video->rtx_pt = BL_OFFER_PT_RTX;
    video->clock_rate = 90000;
    video->feedback |= BL_FEEDBACK_NACK | BL_FEEDBACK_PLI | BL_FEEDBACK_FIR;
    video->profile_level_id = PROFILE_LEVEL_ID;
    video->ssrc = video->sends ? local->video_ssrc : 0;
    video->rtx_ssrc = video->sends ? local->video_rtx_ssrc : 0;
    if (video->sends && local->video_fec_ssrc != 0) {
      video->fec_pt = BL_OFFER_PT_FEC;
      video->fec_ssrc = local->video_fec_ssrc;
    }
  }
  g_assert (offered->n_tracks > 0);
}

char *
bl_offer_build (const BlOfferShape *shape, const BlSdpLocal *local)
{
  Offered offered;
  fill_offered (shape, local, &offered);
  GString *text = g_string_new (NULL);
  bl_sdpwrite_session (text, local, offered.n_tracks > 1 ? "0 1" : "0", false);
  for (guint i = 0; i < offered.n_tracks; i++) {
    BlSdpSection section = {
      .kind = offered.kinds[i],
      .protocol = PROTOCOL,
      .track = &offered.tracks[i],
      .h264_asymmetry = true,
      .h264_mode = 1,
      .h264_profile = true,
      .setup = "actpass",
      .candidates = i == 0,
    };
    bl_sdpwrite_section (text, local, &section);
  }
  return g_string_free (text, FALSE);
}

/* --- the answer --- */

static bool refuse (guint m_line, GError **error, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

/* `m_line` counts from 1; 0 is the whole answer. */
static bool
refuse (guint m_line, GError **error, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_autofree char *why = g_strdup_vprintf (format, args);
  va_end (args);
  if (m_line == 0)
    g_set_error (error, BL_SDP_ERROR, BL_SDP_ERROR_NOT_ACCEPTABLE,
                 "the answer %s", why);
  else
    g_set_error (error, BL_SDP_ERROR, BL_SDP_ERROR_NOT_ACCEPTABLE,
                 "m-line %u of the answer %s", m_line, why);
  return false;
}

/* Leaves of `track`, which holds what we offered, what the answer keeps. */
static bool
read_track (const BlSdpMedia *media, guint m_line, BlNegotiatedTrack *track,
            GError **error)
{
  const BlSdpCodec *codec = bl_sdp_codec (media, track->pt);
  BlDirection needed
      = track->sends ? BL_DIRECTION_RECVONLY : BL_DIRECTION_SENDONLY;
  if (media->direction != needed)
    return refuse (m_line, error, "is not %s",
                   track->sends ? "recvonly" : "sendonly");
  if (!codec)
    return refuse (m_line, error, "lacks payload type %u, which we offered",
                   track->pt);
  if (*media->mid && !g_str_equal (media->mid, track->mid))
    return refuse (m_line, error, "has the mid “%s”, but we offered “%s”",
                   media->mid, track->mid);
  if (!media->rtcp_mux)
    return refuse (m_line, error, "has no a=rtcp-mux");
  const BlSdpCodec *rtx = bl_sdp_rtx (media, track->pt);
  if (!rtx || rtx->pt != track->rtx_pt)
    track->rtx_pt = -1;
  const BlSdpCodec *red = bl_sdp_red (media, codec);
  if (!red || red->pt != track->red_pt)
    track->red_pt = 0;
  const BlSdpCodec *fec = bl_sdp_fec (media);
  if (!fec || fec->pt != track->fec_pt)
    track->fec_pt = 0;
  track->feedback &= codec->feedback;
  track->rcvr_rtt = media->rcvr_rtt;
  track->rtcp_rsize = media->rtcp_rsize;
  for (guint i = 0; i < BL_RTP_EXT_N; i++) {
    if (media->extensions.id[i] != track->extensions.id[i])
      track->extensions.id[i] = 0;
  }
  if (track->profile_level_id != 0)
    track->profile_level_id = codec->profile_level_id;
  if (track->sends) {
    track->rtx_ssrc = track->rtx_pt >= 0 ? track->rtx_ssrc : 0;
    track->fec_ssrc = track->fec_pt != 0 ? track->fec_ssrc : 0;
  } else if (media->n_ssrcs > 0) {
    track->ssrc = media->ssrcs[0].ssrc;
    track->rtx_ssrc = track->rtx_pt >= 0 ? media->ssrcs[0].rtx_ssrc : 0;
    g_strlcpy (track->cname, media->ssrcs[0].cname, sizeof track->cname);
  }
  return true;
}

static bool
read_transport (const BlSdp *answer, guint m_line, BlNegotiated *n,
                GError **error)
{
  const BlSdpTransport *t = &answer->media[m_line - 1].transport;
  if (!*t->ufrag || !*t->pwd)
    return refuse (m_line, error, "has no a=ice-ufrag or no a=ice-pwd");
  if (!t->has_fingerprint)
    return refuse (m_line, error, "has no a=fingerprint of sha-256");
  if (t->setup != BL_SETUP_ACTIVE && t->setup != BL_SETUP_PASSIVE)
    return refuse (m_line, error, "has neither a=setup:active nor passive");
  g_strlcpy (n->remote_ufrag, t->ufrag, sizeof n->remote_ufrag);
  g_strlcpy (n->remote_pwd, t->pwd, sizeof n->remote_pwd);
  memcpy (n->remote_fingerprint, t->fingerprint, BL_SDP_SHA256_BYTES);
  n->dtls_client = t->setup == BL_SETUP_PASSIVE;
  n->remote_ice_lite = answer->ice_lite;
  n->remote_renomination = answer->ice_renomination;
  return true;
}

gboolean
bl_offer_read_answer (const BlOfferShape *shape, const BlSdpLocal *local,
                      const BlSdp *answer, BlNegotiated *out_negotiated,
                      GError **error)
{
  Offered offered;
  fill_offered (shape, local, &offered);
  if (answer->n_media != offered.n_tracks)
    return refuse (0, error, "has %u m-lines, but the offer has %u",
                   answer->n_media, offered.n_tracks);
  BlNegotiated n = { 0 };
  guint first = 0; /* the m-line, from 1, that gives the transport */
  for (guint i = 0; i < offered.n_tracks; i++) {
    const BlSdpMedia *media = &answer->media[i];
    BlNegotiatedTrack *track
        = offered.kinds[i] == BL_MEDIA_AUDIO ? &n.audio : &n.video;
    if (media->kind != offered.kinds[i])
      return refuse (i + 1, error, "is %s, which is not what we offered there",
                     media->kind_text);
    if (!bl_sdp_media_offered (media)
        || media->direction == BL_DIRECTION_INACTIVE)
      continue;
    if (!read_track (media, i + 1, &offered.tracks[i], error))
      return FALSE;
    if (first > 0 && !media->bundled)
      return refuse (i + 1, error, "is not in the BUNDLE group");
    *track = offered.tracks[i];
    first = first > 0 ? first : i + 1;
  }
  if (first == 0)
    return refuse (0, error, "takes none of our tracks");
  n.video_refused = shape->video && !n.video.present;
  if (!read_transport (answer, first, &n, error))
    return FALSE;
  *out_negotiated = n;
  return TRUE;
}
