/* SPDX-License-Identifier: Apache-2.0 */
#include "signal/answer.h"

#include "fixture.h"

static const BlAnswerSource both = { .audio = true, .video = true };

typedef struct {
  BlNegotiated negotiated;
  char *text;
  BlSdp *sdp; /* the text, read again */
} Answer;

static void
answer_clear (Answer *a)
{
  g_free (a->text);
  bl_sdp_free (a->sdp);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Answer, answer_clear)

/* `source` is NULL for WHIP. */
static Answer
answer_text (const char *offer_text, const BlAnswerSource *source)
{
  g_autoptr (BlSdp) offer = fixture_parse (offer_text);
  g_autoptr (GError) error = NULL;
  Answer a = { 0 };
  a.text = source
               ? bl_answer_whep (offer, &fixture_local, source, &a.negotiated,
                                 &error)
               : bl_answer_whip (offer, &fixture_local, &a.negotiated, &error);
  ck_assert_msg (a.text != NULL, "%s", error ? error->message : "");
  a.sdp = fixture_parse (a.text);
  ck_assert_uint_eq (a.sdp->n_media, offer->n_media);
  for (guint i = 0; i < offer->n_media; i++) {
    ck_assert_str_eq (a.sdp->media[i].mid, offer->media[i].mid);
    ck_assert_str_eq (a.sdp->media[i].kind_text, offer->media[i].kind_text);
    ck_assert_str_eq (a.sdp->media[i].protocol, offer->media[i].protocol);
  }
  return a;
}

static Answer
answer_file (const char *name, const BlAnswerSource *source)
{
  g_autofree char *text = fixture_text (name);
  return answer_text (text, source);
}

/* What is agreed, in one line. */
static char *
describe (const BlNegotiated *n)
{
  const BlNegotiatedTrack *const tracks[] = { &n->audio, &n->video };
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < G_N_ELEMENTS (tracks); i++) {
    const BlNegotiatedTrack *t = tracks[i];
    if (!t->present)
      continue;
    const uint8_t *id = t->extensions.id;
    g_string_append_printf (
        text, "%s mid %s pt %u%s rtx %d fb %x ext %u/%u/%u/%u/%u%s; ",
        i == 0 ? "audio" : "video", t->mid, t->pt, t->red_pt == 0 ? "" : " red",
        t->rtx_pt, t->feedback, id[BL_RTP_EXT_MID],
        id[BL_RTP_EXT_ABS_SEND_TIME], id[BL_RTP_EXT_TRANSPORT_CC],
        id[BL_RTP_EXT_ABS_CAPTURE_TIME], id[BL_RTP_EXT_PLAYOUT_DELAY],
        t->rcvr_rtt ? " rtt" : "");
  }
  if (n->video.present)
    g_string_append_printf (text, "%06x", n->video.profile_level_id);
  if (n->video_refused)
    g_string_append (text, "video refused");
  return g_string_free (text, FALSE);
}

static const struct {
  const char *name;
  const BlAnswerSource *source; /* NULL: WHIP */
  const char *agreed;
} real[] = {
  { "chromium-whip", NULL,
    "audio mid 0 pt 111 red rtx -1 fb 8 ext 4/2/3/0/0 rtt; "
    "video mid 1 pt 108 rtx 109 fb f ext 4/2/3/0/5 rtt; 42e01f" },
  { "chromium-sendrecv-data", NULL,
    "audio mid 0 pt 111 red rtx -1 fb 8 ext 4/2/3/0/0 rtt; "
    "video mid 1 pt 108 rtx 109 fb f ext 4/2/3/0/5 rtt; 42e01f" },
  { "chromium-simulcast", NULL,
    "video mid 0 pt 108 rtx 109 fb f ext 9/2/4/0/5 rtt; 42e01f" },
  { "chromium-whep", &both,
    "audio mid 0 pt 111 rtx -1 fb 8 ext 4/2/3/0/0 rtt; "
    "video mid 1 pt 108 rtx 109 fb f ext 4/2/3/0/5 rtt; 42e01f" },
  { "chromium-whep-maxbundle-data", &both,
    "audio mid 1 pt 111 rtx -1 fb 8 ext 9/2/4/0/0 rtt; "
    "video mid 0 pt 108 rtx 109 fb f ext 9/2/4/0/5 rtt; 42e01f" },
  { "aiortc-whep", &both,
    "audio mid 0 pt 96 rtx -1 fb 0 ext 1/0/0/0/0; "
    "video mid 1 pt 101 rtx 102 fb 3 ext 1/2/0/0/0; 42e01f" },
  { "aiortc-sendrecv-data", NULL,
    "audio mid 0 pt 96 rtx -1 fb 0 ext 1/0/0/0/0; "
    "video mid 1 pt 101 rtx 102 fb 3 ext 1/2/0/0/0; 42e01f" },
  { "gstreamer-whip", NULL,
    "audio mid audio1 pt 97 rtx -1 fb 0 ext 0/0/0/0/0; "
    "video mid video0 pt 96 rtx -1 fb 6 ext 0/0/0/0/0; 42c015" },
  { "ffmpeg-whip", NULL,
    "audio mid 0 pt 111 rtx -1 fb 0 ext 0/0/0/0/0; "
    "video mid 1 pt 106 rtx -1 fb 0 ext 0/0/0/0/0; 42e01f" },
  { "obs-whip", NULL,
    "audio mid 0 pt 111 rtx -1 fb 0 ext 0/0/0/0/0; "
    "video mid 1 pt 96 rtx -1 fb 3 ext 0/0/0/0/0; 42e01f" },
  { "firefox-whep", &both,
    "audio mid 0 pt 109 rtx -1 fb 8 ext 3/0/7/0/0; video refused" },
  { "firefox-sendrecv-data", NULL,
    "audio mid 0 pt 109 rtx -1 fb 8 ext 3/0/7/0/0; video refused" },
};

START_TEST (a_real_offer_is_answered)
{
  g_auto (Answer) a = answer_file (real[_i].name, real[_i].source);
  g_autofree char *agreed = describe (&a.negotiated);
  ck_assert_str_eq (agreed, real[_i].agreed);
  BlDirection ours
      = real[_i].source ? BL_DIRECTION_SENDONLY : BL_DIRECTION_RECVONLY;
  guint candidates = 0;
  ck_assert (a.sdp->ice_lite);
  for (guint i = 0; i < a.sdp->n_media; i++) {
    const BlSdpMedia *m = &a.sdp->media[i];
    ck_assert_int_eq (m->bundled, m->port != 0);
    candidates += m->n_candidates;
    if (m->port == 0)
      continue;
    ck_assert_int_eq (m->direction, ours);
    ck_assert_int_eq (m->transport.setup, a.negotiated.dtls_client
                                              ? BL_SETUP_ACTIVE
                                              : BL_SETUP_PASSIVE);
    ck_assert (m->rtcp_mux);
    ck_assert_str_eq (m->transport.ufrag, fixture_local.ufrag);
    ck_assert_str_eq (m->transport.pwd, fixture_local.pwd);
    ck_assert_mem_eq (m->transport.fingerprint, fixture_fingerprint,
                      BL_SDP_SHA256_BYTES);
    ck_assert_int_eq (m->end_of_candidates, m->n_candidates > 0);
  }
  ck_assert_uint_eq (candidates, fixture_local.n_candidates);
}
END_TEST

START_TEST (the_publishers_side_is_handed_on)
{
  g_auto (Answer) a = answer_file ("chromium-whip", NULL);
  const BlNegotiated *n = &a.negotiated;
  ck_assert_str_eq (n->remote_ufrag, "qaom");
  ck_assert_str_eq (n->remote_pwd, "VdzYfWCrw55Tm5jFCJVT6h01");
  ck_assert_uint_eq (n->remote_fingerprint[0], 0xcf);
  ck_assert (!n->dtls_client);
  ck_assert (!n->remote_ice_lite);
  ck_assert (!n->video.sends);
  ck_assert_uint_eq (n->audio.ssrc, 1257607932);
  ck_assert_uint_eq (n->audio.clock_rate, 48000);
  ck_assert_uint_eq (n->video.ssrc, 3934839272);
  ck_assert_uint_eq (n->video.rtx_ssrc, 2996531445);
  ck_assert_uint_eq (n->video.clock_rate, 90000);
  ck_assert_str_eq (n->video.cname, "FlZ2ZodYCuRL2OAx");
  ck_assert (n->video.rtcp_rsize);
  ck_assert_uint_eq (a.sdp->media[1].n_ssrcs, 0);
}
END_TEST

START_TEST (a_publishers_redundancy_of_sound_is_preferred)
{
  g_auto (Answer) a = answer_file ("chromium-whip", NULL);
  const BlSdpMedia *audio = &a.sdp->media[0];
  ck_assert_uint_eq (a.negotiated.audio.red_pt, 63);
  ck_assert_uint_eq (audio->n_codecs, 2);
  ck_assert_uint_eq (audio->codecs[0].pt, 63);
  ck_assert_int_eq (audio->codecs[0].red_of, 111);
  ck_assert_uint_eq (audio->codecs[1].pt, 111);
}
END_TEST

START_TEST (redundancy_of_several_codecs_is_not_taken)
{
  g_autofree char *mixed = fixture_replace (
      fixture_text ("chromium-whip"), "a=fmtp:63 111/111", "a=fmtp:63 111/9");
  g_auto (Answer) a = answer_text (mixed, NULL);
  ck_assert_uint_eq (a.negotiated.audio.red_pt, 0);
  ck_assert_uint_eq (a.sdp->media[0].n_codecs, 1);
}
END_TEST

START_TEST (a_viewer_is_told_our_streams)
{
  g_auto (Answer) a = answer_file ("chromium-whep", &both);
  const BlSdpMedia *audio = &a.sdp->media[0], *video = &a.sdp->media[1];
  ck_assert_uint_eq (audio->ssrcs[0].ssrc, fixture_local.audio_ssrc);
  ck_assert_uint_eq (video->ssrcs[0].ssrc, fixture_local.video_ssrc);
  ck_assert_uint_eq (video->ssrcs[0].rtx_ssrc, fixture_local.video_rtx_ssrc);
  ck_assert_str_eq (video->ssrcs[0].cname, fixture_local.cname);
  ck_assert_str_eq (audio->msid_stream, fixture_local.msid);
  ck_assert_str_eq (video->msid_stream, fixture_local.msid);
  ck_assert_str_ne (video->msid_track, audio->msid_track);
  const BlNegotiatedTrack *track = &a.negotiated.video;
  ck_assert (track->sends);
  ck_assert_uint_eq (track->ssrc, fixture_local.video_ssrc);
  ck_assert_uint_eq (track->rtx_ssrc, fixture_local.video_rtx_ssrc);
  ck_assert_str_eq (track->cname, fixture_local.cname);
}
END_TEST

START_TEST (a_viewer_that_takes_no_rtx_is_told_of_none)
{
  g_autofree char *text = fixture_replace (fixture_text ("aiortc-whep"),
                                           "a=fmtp:102 apt=101\r\n", "");
  g_auto (Answer) a = answer_text (text, &both);
  ck_assert_int_eq (a.negotiated.video.rtx_pt, -1);
  ck_assert_uint_eq (a.negotiated.video.rtx_ssrc, 0);
  ck_assert_uint_eq (a.sdp->media[1].ssrcs[0].rtx_ssrc, 0);
}
END_TEST

START_TEST (only_the_sound_of_a_call_without_pictures_is_answered)
{
  static const BlAnswerSource sound = { .audio = true };
  g_auto (Answer) a = answer_file ("chromium-whep", &sound);
  ck_assert (a.negotiated.audio.present);
  ck_assert (!a.negotiated.video.present);
  ck_assert (!a.negotiated.video_refused);
  ck_assert_uint_eq (a.sdp->media[1].port, 0);
}
END_TEST

/* Chromium offers 42001f, 42e01f, 4d001f and f4001f. */
static const struct {
  uint32_t source;
  uint32_t answer;
  uint8_t pt;
} profiles[] = {
  { 0x42c01f, 0x42c01f, 108 }, { 0x42e028, 0x42e028, 108 },
  { 0x42001f, 0x42001f, 102 }, { 0x4d401f, 0x4d401f, 116 },
  { 0x640028, 0xf40028, 41 },  { 0xf40028, 0xf40028, 41 },
  { 0, 0x42e01f, 108 },
};

START_TEST (the_codec_is_the_one_that_fits_the_sources_profile)
{
  BlAnswerSource source = both;
  source.profile_level_id = profiles[_i].source;
  g_auto (Answer) a = answer_file ("chromium-whep", &source);
  ck_assert_uint_eq (a.negotiated.video.pt, profiles[_i].pt);
  ck_assert_uint_eq (a.negotiated.video.profile_level_id, profiles[_i].answer);
  ck_assert_uint_eq (a.sdp->media[1].codecs[0].profile_level_id,
                     profiles[_i].answer);
  ck_assert_uint_eq (a.sdp->media[1].codecs[0].packetization_mode, 1);
  ck_assert (!a.negotiated.profile_mismatch);
}
END_TEST

START_TEST (a_profile_that_no_codec_fits_is_told_of)
{
  BlAnswerSource source = both;
  source.profile_level_id = 0x640028;
  g_auto (Answer) a = answer_file ("aiortc-whep", &source);
  ck_assert (a.negotiated.video.present);
  ck_assert (a.negotiated.profile_mismatch);
}
END_TEST

START_TEST (the_level_is_held_down_where_it_may_not_differ)
{
  BlAnswerSource source = both;
  source.profile_level_id = 0x42c028;
  g_autofree char *text = fixture_replace (fixture_text ("aiortc-whep"),
                                           "level-asymmetry-allowed=1;", "");
  g_auto (Answer) a = answer_text (text, &source);
  ck_assert_uint_eq (a.negotiated.video.profile_level_id, 0x42c01f);
  ck_assert (!a.sdp->media[1].codecs[0].level_asymmetry_allowed);
}
END_TEST

START_TEST (transport_cc_needs_both_the_numbers_and_the_feedback)
{
  static const char *const removed[] = {
    "a=extmap:3 http://www.ietf.org/id/"
    "draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n",
    "a=rtcp-fb:108 transport-cc\r\n",
  };
  for (guint i = 0; i < G_N_ELEMENTS (removed); i++) {
    g_autofree char *text
        = fixture_replace (fixture_text ("chromium-whip"), removed[i], "");
    g_auto (Answer) a = answer_text (text, NULL);
    const BlNegotiatedTrack *video = &a.negotiated.video;
    ck_assert_uint_eq (video->extensions.id[BL_RTP_EXT_TRANSPORT_CC], 0);
    ck_assert (!(video->feedback & BL_FEEDBACK_TRANSPORT_CC));
    ck_assert_ptr_null (strstr (a.text, "a=rtcp-fb:108 transport-cc"));
  }
}
END_TEST

/* No browser offers it yet. A viewer that did would get no reports from us: we
 * are who sends. */
START_TEST (ccfb_takes_the_place_of_transport_cc_for_publishers)
{
  static const char *const files[] = { "chromium-whip", "chromium-whep" };
  char *text = fixture_text (files[_i]);
  g_autofree char *offer = fixture_replace (
      text, "a=rtcp-mux\r\n", "a=rtcp-mux\r\na=rtcp-fb:* ack ccfb\r\n");
  g_auto (Answer) a = answer_text (offer, _i == 0 ? NULL : &both);
  const BlNegotiatedTrack *const tracks[]
      = { &a.negotiated.audio, &a.negotiated.video };
  for (guint i = 0; i < G_N_ELEMENTS (tracks); i++) {
    bool ccfb = (tracks[i]->feedback & BL_FEEDBACK_CCFB) != 0;
    bool twcc = (tracks[i]->feedback & BL_FEEDBACK_TRANSPORT_CC) != 0;
    ck_assert_int_eq (ccfb, _i == 0);
    ck_assert_int_eq (twcc, _i == 1);
  }
  ck_assert_int_eq (strstr (a.text, "a=rtcp-fb:* ack ccfb\r\n") != NULL,
                    _i == 0);
}
END_TEST

START_TEST (a_mid_that_no_packet_can_carry_is_only_echoed)
{
  g_autofree char *text
      = fixture_replace (fixture_text ("obs-whip"), "a=mid:1\r\n",
                         "a=mid:a-mid-of-24-characters--\r\n"
                         "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n");
  text = fixture_replace (text, "BUNDLE 0 1",
                          "BUNDLE 0 a-mid-of-24-characters--");
  g_auto (Answer) a = answer_text (text, NULL);
  ck_assert_uint_eq (a.negotiated.video.extensions.id[BL_RTP_EXT_MID], 0);
}
END_TEST

START_TEST (a_second_video_is_answered_with_port_0)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *first = fixture_text ("obs-whip");
  g_string_append (text, first);
  g_string_append (text, "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:2\r\n"
                         "a=sendonly\r\na=rtcp-mux\r\n"
                         "a=rtpmap:96 H264/90000\r\n"
                         "a=fmtp:96 packetization-mode=1\r\n");
  g_string_replace (text, "BUNDLE 0 1", "BUNDLE 0 1 2", 0);
  g_auto (Answer) a = answer_text (text->str, NULL);
  ck_assert_uint_ne (a.sdp->media[1].port, 0);
  const BlSdpMedia *rejected = &a.sdp->media[2];
  ck_assert_uint_eq (rejected->port, 0);
  ck_assert (!rejected->bundled);
  /* webrtcbin and werift refuse the whole answer otherwise. */
  ck_assert_str_eq (rejected->codecs[0].name, "H264");
  ck_assert_str_eq (rejected->transport.ufrag, fixture_local.ufrag);
  ck_assert_str_eq (rejected->transport.pwd, fixture_local.pwd);
  ck_assert (rejected->transport.has_fingerprint);
  ck_assert_int_eq (rejected->transport.setup, BL_SETUP_PASSIVE);
}
END_TEST

START_TEST (a_passive_offer_is_answered_as_active)
{
  g_auto (Answer) passive = answer_file ("ffmpeg-whip", NULL);
  ck_assert (passive.negotiated.dtls_client);
  g_auto (Answer) either = answer_file ("obs-whip", NULL);
  ck_assert (!either.negotiated.dtls_client);
}
END_TEST

START_TEST (one_m_line_needs_neither_bundle_nor_mid)
{
  static const char text[]
      = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n"
        "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n"
        "a=fingerprint:sha-256 "
        "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:"
        "10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r\n"
        "m=audio 9 RTP/SAVPF 111\r\na=sendrecv\r\na=rtcp-mux\r\n"
        "a=rtpmap:111 opus/48000/2\r\n";
  g_auto (Answer) a = answer_text (text, NULL);
  ck_assert (!a.sdp->has_bundle);
  ck_assert (a.negotiated.audio.present);
  ck_assert_str_eq (a.negotiated.audio.mid, "");
}
END_TEST

/* What is changed in an offer, and how it is refused. */
static const struct {
  const char *name;
  const char *from;
  const char *to;
  const BlAnswerSource *source;
  const char *message;
} refusals[] = {
  { "obs-whip", "a=rtcp-mux\r\n", "", NULL,
    "m-line 1 (audio, mid 0): no a=rtcp-mux; RTP and RTCP have to share one "
    "port (RFC 5761)" },
  { "obs-whip", "a=group:BUNDLE 0 1\r\n", "", NULL,
    "m-line 1 (audio, mid 0): not in a BUNDLE group; sound and pictures have "
    "to share one port (RFC 9143)" },
  { "obs-whip", "BUNDLE 0 1", "BUNDLE 0", NULL,
    "m-line 2 (video, mid 1): not in a BUNDLE group; sound and pictures have "
    "to share one port (RFC 9143)" },
  { "obs-whip", "a=ice-ufrag:h5WJ\r\n", "", NULL,
    "m-line 1 (audio, mid 0): no a=ice-ufrag, neither here nor for the "
    "session" },
  { "obs-whip", "a=ice-pwd:bGfd5+KyQpWx0VJc9vTnEd\r\n", "", NULL,
    "m-line 1 (audio, mid 0): no a=ice-pwd, neither here nor for the "
    "session" },
  { "obs-whip", "a=fingerprint:sha-256", "a=none:", NULL,
    "m-line 1 (audio, mid 0): no a=fingerprint, neither here nor for the "
    "session; only DTLS-SRTP is spoken here" },
  { "obs-whip", "a=fingerprint:sha-256", "a=fingerprint:sha-1", NULL,
    "m-line 1 (audio, mid 0): a=fingerprint has no sha-256 one" },
  { "obs-whip", "a=setup:actpass", "a=setup:holdconn", NULL,
    "m-line 1 (audio, mid 0): a=setup is holdconn; offer actpass" },
  { "obs-whip", "a=group:BUNDLE", "a=ice-lite\r\na=group:BUNDLE", NULL,
    "m-line 1 (audio, mid 0): the offer is ice-lite, and the relay waits to "
    "be asked; the offerer has to be a full ICE agent" },
  { "aiortc-sendrecv-data", "UDP/TLS/RTP/SAVPF 96 0 8",
    "UDP/TLS/RTP/SAVPF 101 0 8\r\na=rtpmap:101 opus/48000/2", NULL,
    "m-line 2 (video, mid 1): payload type 101 stands for sound and for "
    "pictures in one BUNDLE group" },
  { "firefox-whep", "opus/48000/2", "opus/48000", &both,
    "nothing in the offer can be used. Needed: recvonly opus/48000/2 or "
    "H264/90000 with packetization-mode=1 over UDP/TLS/RTP/SAVPF. Offered: "
    "audio recvonly opus/48000 G722/8000 PCMU/8000 PCMA/8000 "
    "telephone-event/8000; video recvonly VP8/90000 VP9/90000 AV1/90000 "
    "ulpfec/90000 red/90000" },
  { "obs-whip", "a=sendonly", "a=recvonly", NULL,
    "nothing in the offer can be used. Needed: sendonly opus/48000/2 or "
    "H264/90000 with packetization-mode=1 over UDP/TLS/RTP/SAVPF. Offered: "
    "audio recvonly opus/48000; video recvonly H264/90000 mode 1" },
  { "obs-whip", "a=sendonly", "a=sendonly", &both,
    "nothing in the offer can be used. Needed: recvonly opus/48000/2 or "
    "H264/90000 with packetization-mode=1 over UDP/TLS/RTP/SAVPF. Offered: "
    "audio sendonly opus/48000; video sendonly H264/90000 mode 1" },
};

START_TEST (what_can_not_work_is_refused_for_its_reason)
{
  g_autofree char *text = fixture_replace (fixture_text (refusals[_i].name),
                                           refusals[_i].from, refusals[_i].to);
  g_autoptr (BlSdp) offer = fixture_parse (text);
  BlNegotiated negotiated = { .remote_ufrag = "untouched" };
  g_autoptr (GError) error = NULL;
  g_autofree char *answer
      = refusals[_i].source
            ? bl_answer_whep (offer, &fixture_local, refusals[_i].source,
                              &negotiated, &error)
            : bl_answer_whip (offer, &fixture_local, &negotiated, &error);
  ck_assert_ptr_null (answer);
  ck_assert_str_eq (error->message, refusals[_i].message);
  ck_assert_uint_eq (bl_sdp_error_http_status (error), 406);
  ck_assert_str_eq (negotiated.remote_ufrag, "untouched");
}
END_TEST

/* What H.264 an offer names, and the answer's line for it; NULL: no pictures.
 */
static const struct {
  const char *offered; /* the fmtp, or NULL for none at all */
  bool view;
  const char *answered; /* "": taken, and no fmtp */
} h264_formats[] = {
  { "packetization-mode=0;profile-level-id=42e01f", false,
    "packetization-mode=0;profile-level-id=42e01f" },
  { "packetization-mode=0;profile-level-id=42e01f", true, NULL },
  { "packetization-mode=2;profile-level-id=42e01f", false, NULL },
  { "profile-level-id=42e01f", true, "profile-level-id=42e01f" },
  { "packetization-mode=1", false, "packetization-mode=1" },
  { "packetization-mode=1;profile-level-id=640c1f", false,
    "packetization-mode=1;profile-level-id=640c1f" },
  { NULL, false, "" },
  /* GStreamer's whepsrc with the caps that its users are told to give. */
  { NULL, true, "" },
};

START_TEST (h264_is_answered_with_what_the_offer_names)
{
  static const char fmtp[]
      = "a=fmtp:96 profile-level-id=42e01f;packetization-mode=1;"
        "level-asymmetry-allowed=1\r\n";
  const char *offered = h264_formats[_i].offered;
  g_autofree char *line
      = offered ? g_strdup_printf ("a=fmtp:96 %s\r\n", offered) : g_strdup ("");
  char *text = fixture_replace (fixture_text ("obs-whip"), fmtp, line);
  if (h264_formats[_i].view)
    text = fixture_replace (text, "a=sendonly", "a=recvonly");
  g_autofree char *owned = text;
  g_auto (Answer) a = answer_text (owned, h264_formats[_i].view ? &both : NULL);
  const char *answered = h264_formats[_i].answered;
  ck_assert (a.negotiated.audio.present);
  ck_assert (a.negotiated.video.present == (answered != NULL));
  ck_assert (a.negotiated.video_refused == (answered == NULL));
  g_autofree char *expected
      = answered && *answered ? g_strdup_printf ("a=fmtp:96 %s\r\n", answered)
                              : NULL;
  if (expected)
    ck_assert_msg (strstr (a.text, expected) != NULL, "%s", a.text);
  else
    ck_assert_ptr_null (strstr (a.text, "a=fmtp:96"));
}
END_TEST

START_TEST (mode_1_is_preferred_to_what_stands_before_it)
{
  static const char fmtp[]
      = "a=fmtp:96 profile-level-id=42e01f;packetization-mode=1;"
        "level-asymmetry-allowed=1\r\n";
  static const char instead[]
      = "a=rtpmap:97 H264/90000\r\n"
        "a=fmtp:96 packetization-mode=0;profile-level-id=42e01f\r\n"
        "a=fmtp:97 packetization-mode=1;profile-level-id=f4001f\r\n";
  g_autofree char *text = fixture_replace (
      fixture_replace (fixture_text ("obs-whip"), fmtp, instead), "SAVPF 96",
      "SAVPF 96 97");
  g_auto (Answer) a = answer_text (text, NULL);
  ck_assert_uint_eq (a.negotiated.video.pt, 97);
}
END_TEST

START_TEST (rtcp_mux_only_is_rtcp_mux)
{
  g_autofree char *text = fixture_replace (
      fixture_text ("obs-whip"), "a=rtcp-mux\r\n", "a=rtcp-mux-only\r\n");
  g_auto (Answer) a = answer_text (text, NULL);
  ck_assert (a.negotiated.video.present);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("signal/answer");
  TCase *tcase = tcase_create ("answer");
  suite_add_tcase (suite, tcase);
  tcase_add_loop_test (tcase, a_real_offer_is_answered, 0, G_N_ELEMENTS (real));
  tcase_add_test (tcase, the_publishers_side_is_handed_on);
  tcase_add_test (tcase, a_publishers_redundancy_of_sound_is_preferred);
  tcase_add_test (tcase, redundancy_of_several_codecs_is_not_taken);
  tcase_add_test (tcase, a_viewer_is_told_our_streams);
  tcase_add_test (tcase, a_viewer_that_takes_no_rtx_is_told_of_none);
  tcase_add_test (tcase, only_the_sound_of_a_call_without_pictures_is_answered);
  tcase_add_loop_test (tcase,
                       the_codec_is_the_one_that_fits_the_sources_profile, 0,
                       G_N_ELEMENTS (profiles));
  tcase_add_test (tcase, a_profile_that_no_codec_fits_is_told_of);
  tcase_add_test (tcase, the_level_is_held_down_where_it_may_not_differ);
  tcase_add_test (tcase, transport_cc_needs_both_the_numbers_and_the_feedback);
  tcase_add_loop_test (
      tcase, ccfb_takes_the_place_of_transport_cc_for_publishers, 0, 2);
  tcase_add_test (tcase, a_mid_that_no_packet_can_carry_is_only_echoed);
  tcase_add_test (tcase, a_second_video_is_answered_with_port_0);
  tcase_add_test (tcase, a_passive_offer_is_answered_as_active);
  tcase_add_test (tcase, one_m_line_needs_neither_bundle_nor_mid);
  tcase_add_loop_test (tcase, what_can_not_work_is_refused_for_its_reason, 0,
                       G_N_ELEMENTS (refusals));
  tcase_add_loop_test (tcase, h264_is_answered_with_what_the_offer_names, 0,
                       G_N_ELEMENTS (h264_formats));
  tcase_add_test (tcase, mode_1_is_preferred_to_what_stands_before_it);
  tcase_add_test (tcase, rtcp_mux_only_is_rtcp_mux);
  return run_suite (suite);
}
