/* SPDX-License-Identifier: Apache-2.0 */
#include "signal/sdpwrite.h"

#include <string.h>

void
bl_sdpwrite_session (GString *text, const BlSdpLocal *local, const char *bundle,
                     bool ice_lite)
{
  g_string_append_printf (text,
                          "v=0\r\n"
                          "o=- %" G_GUINT64_FORMAT " 1 IN IP4 127.0.0.1\r\n"
                          "s=-\r\n"
                          "t=0 0\r\n",
                          local->session_id);
  if (*bundle)
    g_string_append_printf (text, "a=group:BUNDLE %s\r\n", bundle);
  if (ice_lite)
    g_string_append (text, "a=ice-lite\r\n");
  g_string_append (text, "a=ice-options:trickle\r\n");
}

void
bl_sdpwrite_candidates (GString *text, const BlCandidate *candidates,
                        gsize n_candidates)
{
  for (gsize i = 0; i < n_candidates; i++) {
    char line[BL_CANDIDATE_TEXT_SIZE];
    bl_candidate_format (&candidates[i], line);
    g_string_append_printf (text, "a=%s\r\n", line);
  }
}

/* The m= line and c=: the first candidate is the default one (RFC 8839 section
 * 4.2.1), and without one it is port 9 of nowhere. */
static void
write_head (GString *text, const BlSdpLocal *local, const BlSdpSection *section)
{
  const BlNegotiatedTrack *track = section->track;
  const char *address = "0.0.0.0";
  uint16_t port = 9;
  if (local->n_candidates > 0) {
    address = local->candidates[0].address;
    port = local->candidates[0].port;
  }
  g_string_append_printf (text, "m=%s %u %s",
                          section->kind == BL_MEDIA_AUDIO ? "audio" : "video",
                          port, section->protocol);
  /* Browsers send redundancy if it is what the other end likes best. */
  if (track->red_pt != 0 && !track->sends)
    g_string_append_printf (text, " %u", track->red_pt);
  g_string_append_printf (text, " %u", track->pt);
  if (track->red_pt != 0 && track->sends)
    g_string_append_printf (text, " %u", track->red_pt);
  if (track->rtx_pt >= 0)
    g_string_append_printf (text, " %d", track->rtx_pt);
  if (track->fec_pt != 0)
    g_string_append_printf (text, " %u", track->fec_pt);
  g_string_append_printf (text, "\r\nc=IN IP%c %s\r\n",
                          strchr (address, ':') ? '6' : '4', address);
}

static void
write_transport (GString *text, const BlSdpLocal *local, const char *setup)
{
  g_string_append_printf (text,
                          "a=ice-ufrag:%s\r\n"
                          "a=ice-pwd:%s\r\n"
                          "a=fingerprint:sha-256 ",
                          local->ufrag, local->pwd);
  for (guint i = 0; i < BL_SDP_SHA256_BYTES; i++)
    g_string_append_printf (text, i > 0 ? ":%02X" : "%02X",
                            local->fingerprint[i]);
  g_string_append_printf (text, "\r\na=setup:%s\r\n", setup);
}

static void
write_feedback (GString *text, const BlNegotiatedTrack *track)
{
  static const struct {
    BlFeedback bit;
    const char *text;
  } known[] = {
    { BL_FEEDBACK_NACK, "nack" },
    { BL_FEEDBACK_PLI, "nack pli" },
    { BL_FEEDBACK_FIR, "ccm fir" },
    { BL_FEEDBACK_TRANSPORT_CC, "transport-cc" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (known); i++) {
    if (track->feedback & known[i].bit)
      g_string_append_printf (text, "a=rtcp-fb:%u %s\r\n", track->pt,
                              known[i].text);
  }
  /* RFC 8888 section 6: never for one payload type. */
  if (track->feedback & BL_FEEDBACK_CCFB)
    g_string_append (text, "a=rtcp-fb:* ack ccfb\r\n");
}

static void
write_h264 (GString *text, const BlSdpSection *section)
{
  const BlNegotiatedTrack *track = section->track;
  g_autoptr (GString) fmtp = g_string_new (NULL);
  if (section->h264_asymmetry)
    g_string_append (fmtp, ";level-asymmetry-allowed=1");
  if (section->h264_mode >= 0)
    g_string_append_printf (fmtp, ";packetization-mode=%d", section->h264_mode);
  if (section->h264_profile)
    g_string_append_printf (fmtp, ";profile-level-id=%06x",
                            track->profile_level_id);
  g_string_append_printf (text, "a=rtpmap:%u H264/90000\r\n", track->pt);
  if (fmtp->len > 0)
    g_string_append_printf (text, "a=fmtp:%u %s\r\n", track->pt, fmtp->str + 1);
}

static void
write_opus (GString *text, const BlSdpSection *section)
{
  const BlNegotiatedTrack *track = section->track;
  g_string_append_printf (text,
                          "a=rtpmap:%u opus/48000/2\r\n"
                          "a=fmtp:%u minptime=10;useinbandfec=1%s\r\n",
                          track->pt, track->pt,
                          section->opus_stereo ? ";stereo=1" : "");
  if (track->red_pt != 0)
    g_string_append_printf (text,
                            "a=rtpmap:%u red/48000/2\r\n"
                            "a=fmtp:%u %u/%u\r\n",
                            track->red_pt, track->red_pt, track->pt, track->pt);
}

static void
write_codec (GString *text, const BlSdpSection *section)
{
  const BlNegotiatedTrack *track = section->track;
  if (section->kind == BL_MEDIA_AUDIO)
    write_opus (text, section);
  else
    write_h264 (text, section);
  write_feedback (text, track);
  if (track->rtx_pt >= 0)
    g_string_append_printf (text,
                            "a=rtpmap:%d rtx/90000\r\n"
                            "a=fmtp:%d apt=%u\r\n",
                            track->rtx_pt, track->rtx_pt, track->pt);
  if (track->fec_pt != 0)
    g_string_append_printf (text, "a=rtpmap:%u " BL_SDP_FEC_NAME "/90000\r\n",
                            track->fec_pt);
}

static void
write_sender (GString *text, const BlSdpLocal *local,
              const BlSdpSection *section)
{
  const BlNegotiatedTrack *track = section->track;
  g_string_append_printf (text, "a=msid:%s %s-%s\r\n", local->msid, local->msid,
                          section->kind == BL_MEDIA_AUDIO ? "audio" : "video");
  if (track->rtx_ssrc != 0)
    g_string_append_printf (text, "a=ssrc-group:FID %u %u\r\n", track->ssrc,
                            track->rtx_ssrc);
  /* RFC 5956 section 4.3 */
  if (track->fec_ssrc != 0)
    g_string_append_printf (text, "a=ssrc-group:FEC-FR %u %u\r\n", track->ssrc,
                            track->fec_ssrc);
  g_string_append_printf (text, "a=ssrc:%u cname:%s\r\n", track->ssrc,
                          local->cname);
  if (track->rtx_ssrc != 0)
    g_string_append_printf (text, "a=ssrc:%u cname:%s\r\n", track->rtx_ssrc,
                            local->cname);
  if (track->fec_ssrc != 0)
    g_string_append_printf (text, "a=ssrc:%u cname:%s\r\n", track->fec_ssrc,
                            local->cname);
}

void
bl_sdpwrite_section (GString *text, const BlSdpLocal *local,
                     const BlSdpSection *section)
{
  const BlNegotiatedTrack *track = section->track;
  write_head (text, local, section);
  if (*track->mid)
    g_string_append_printf (text, "a=mid:%s\r\n", track->mid);
  write_transport (text, local, section->setup);
  g_string_append_printf (text, "a=%s\r\na=rtcp-mux\r\n",
                          track->sends ? "sendonly" : "recvonly");
  if (track->rtcp_rsize)
    g_string_append (text, "a=rtcp-rsize\r\n");
  if (track->rcvr_rtt)
    g_string_append (text, "a=rtcp-xr:rcvr-rtt=all\r\n");
  for (guint i = 0; i < BL_RTP_EXT_N; i++) {
    if (track->extensions.id[i] != 0)
      g_string_append_printf (text, "a=extmap:%u %s\r\n",
                              track->extensions.id[i],
                              bl_rtp_ext_uri ((BlRtpExtKind)i));
  }
  write_codec (text, section);
  if (track->sends)
    write_sender (text, local, section);
  if (section->candidates) {
    bl_sdpwrite_candidates (text, local->candidates, local->n_candidates);
    if (section->end_of_candidates)
      g_string_append (text, "a=end-of-candidates\r\n");
  }
}

static void
write_first_format (GString *text, const BlSdpMedia *offered)
{
  const BlSdpCodec *codec = &offered->codecs[0];
  if (offered->n_codecs == 0 || !*codec->name)
    return;
  g_string_append_printf (text, "a=rtpmap:%u %s/%u", codec->pt, codec->name,
                          codec->clock_rate);
  if (codec->channels > 1)
    g_string_append_printf (text, "/%u", codec->channels);
  g_string_append (text, "\r\n");
}

void
bl_sdpwrite_rejected (GString *text, const BlSdpLocal *local, const char *setup,
                      const BlSdpMedia *offered)
{
  g_string_append_printf (text, "m=%s 0 %s %s\r\nc=IN IP4 0.0.0.0\r\n",
                          offered->kind_text, offered->protocol,
                          offered->first_format);
  if (*offered->mid)
    g_string_append_printf (text, "a=mid:%s\r\n", offered->mid);
  write_transport (text, local, setup);
  write_first_format (text, offered);
  g_string_append (text, "a=inactive\r\n");
}
