/* SPDX-License-Identifier: Apache-2.0 */
#include "signal/sdp.h"

#include "fixture.h"

/* One line a media: what matters of a real offer. */
static char *
describe (const BlSdp *sdp)
{
  static const char *const directions[] = { "-", "send", "recv", "both" };
  static const char *const setups[] = { "-", "actpass", "active", "passive" };
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < sdp->n_media; i++) {
    const BlSdpMedia *m = &sdp->media[i];
    g_string_append_printf (
        text, "%s %s%s mid %s %s %s%s%s%s %u codecs %u ssrcs %u candidates%s\n",
        m->kind_text, bl_sdp_media_offered (m) ? "" : "refused ",
        m->bundled ? "bundled" : "alone", m->mid, directions[m->direction],
        setups[m->transport.setup], m->rtcp_mux ? " mux" : "",
        m->rtcp_rsize ? " rsize" : "", m->rcvr_rtt ? " rtt" : "", m->n_codecs,
        m->n_ssrcs, m->n_candidates,
        *m->transport.ufrag && *m->transport.pwd && m->transport.has_fingerprint
            ? ""
            : " NO TRANSPORT");
  }
  return g_string_free (text, FALSE);
}

static const struct {
  const char *name;
  const char *description;
} offers[] = {
  { "chromium-whep",
    "audio bundled mid 0 recv actpass mux rsize rtt 8 codecs 0 ssrcs 4 "
    "candidates\n"
    "video bundled mid 1 recv actpass mux rsize rtt 34 codecs 0 ssrcs 4 "
    "candidates\n" },
  { "chromium-whep-maxbundle-data",
    "video bundled mid 0 recv actpass mux rsize rtt 34 codecs 0 ssrcs 4 "
    "candidates\n"
    "audio bundled mid 1 recv actpass mux rsize rtt 8 codecs 0 ssrcs 0 "
    "candidates\n"
    "application bundled mid 2 both actpass 0 codecs 0 ssrcs 0 candidates\n" },
  { "chromium-whip",
    "audio bundled mid 0 send actpass mux rsize rtt 8 codecs 1 ssrcs 4 "
    "candidates\n"
    "video bundled mid 1 send actpass mux rsize rtt 23 codecs 1 ssrcs 4 "
    "candidates\n" },
  { "firefox-whep",
    "audio bundled mid 0 recv actpass mux 5 codecs 1 ssrcs 8 candidates\n"
    "video bundled mid 1 recv actpass mux rsize 9 codecs 1 ssrcs 8 "
    "candidates\n" },
  { "aiortc-whep",
    "audio bundled mid 0 recv actpass mux 3 codecs 1 ssrcs 2 candidates\n"
    "video bundled mid 1 recv actpass mux 6 codecs 1 ssrcs 2 candidates\n" },
  { "gstreamer-whip",
    "video bundled mid video0 send actpass mux rsize 1 codecs 1 ssrcs 9 "
    "candidates\n"
    "audio bundled mid audio1 send actpass mux rsize 1 codecs 1 ssrcs 0 "
    "candidates\n" },
  { "obs-whip",
    "audio bundled mid 0 send actpass mux 1 codecs 1 ssrcs 2 candidates\n"
    "video bundled mid 1 send actpass mux 1 codecs 1 ssrcs 0 candidates\n" },
};

START_TEST (a_real_offer_is_read)
{
  g_autoptr (BlSdp) sdp = fixture_offer (offers[_i].name);
  g_autofree char *description = describe (sdp);
  ck_assert_str_eq (description, offers[_i].description);
}
END_TEST

START_TEST (the_publishers_pictures_are_read_in_full)
{
  g_autoptr (BlSdp) sdp = fixture_offer ("chromium-whip");
  const BlSdpMedia *video = &sdp->media[1];
  const BlSdpCodec *h264 = bl_sdp_codec (video, 108);
  ck_assert_ptr_nonnull (h264);
  ck_assert_str_eq (h264->name, "H264");
  ck_assert_uint_eq (h264->clock_rate, 90000);
  ck_assert_uint_eq (h264->profile_level_id, 0x42e01f);
  ck_assert_uint_eq (h264->packetization_mode, 1);
  ck_assert (h264->level_asymmetry_allowed);
  ck_assert_uint_eq (h264->feedback,
                     BL_FEEDBACK_NACK | BL_FEEDBACK_PLI | BL_FEEDBACK_FIR
                         | BL_FEEDBACK_TRANSPORT_CC | BL_FEEDBACK_REMB);
  ck_assert_uint_eq (bl_sdp_rtx (video, 108)->pt, 109);
  ck_assert_uint_eq (video->extensions.id[BL_RTP_EXT_MID], 4);
  ck_assert_uint_eq (video->extensions.id[BL_RTP_EXT_TRANSPORT_CC], 3);
  ck_assert_uint_eq (video->extensions.id[BL_RTP_EXT_PLAYOUT_DELAY], 5);
  ck_assert_uint_eq (video->extensions.id[BL_RTP_EXT_ABS_CAPTURE_TIME], 0);
  ck_assert_uint_eq (video->ssrcs[0].ssrc, 3934839272);
  ck_assert_uint_eq (video->ssrcs[0].rtx_ssrc, 2996531445);
  ck_assert_str_eq (video->ssrcs[0].cname, "FlZ2ZodYCuRL2OAx");
  ck_assert_str_eq (video->transport.ufrag, "qaom");
  ck_assert_str_eq (video->transport.pwd, "VdzYfWCrw55Tm5jFCJVT6h01");
  ck_assert_uint_eq (video->transport.fingerprint[0], 0xcf);
  ck_assert_uint_eq (video->transport.fingerprint[31], 0xe4);
  ck_assert_str_eq (video->candidates[1].address, "fd00::2");
  ck_assert_str_eq (video->msid_track, "30ee8855-305a-4305-85c7-2ef21ab0b738");
}
END_TEST

START_TEST (the_publishers_sound_is_read_in_full)
{
  g_autoptr (BlSdp) sdp = fixture_offer ("chromium-whip");
  const BlSdpCodec *opus = bl_sdp_codec (&sdp->media[0], 111);
  ck_assert_str_eq (opus->name, "opus");
  ck_assert_uint_eq (opus->clock_rate, 48000);
  ck_assert_uint_eq (opus->channels, 2);
  ck_assert (opus->useinbandfec);
  ck_assert (!opus->stereo);
  ck_assert_uint_eq (opus->minptime_ms, 10);
  ck_assert_int_eq (opus->apt, -1);
}
END_TEST

START_TEST (what_stands_for_the_session_holds_for_its_m_lines)
{
  g_autoptr (BlSdp) sdp = fixture_offer ("obs-whip");
  ck_assert (sdp->ice_trickle);
  ck_assert (!sdp->ice_lite);
  for (guint i = 0; i < sdp->n_media; i++) {
    ck_assert_uint_eq (sdp->media[i].transport.fingerprint[0], 0x3b);
    ck_assert_int_eq (sdp->media[i].transport.setup, BL_SETUP_ACTPASS);
  }
  ck_assert (bl_sdp_codec (&sdp->media[0], 111)->stereo);
}
END_TEST

START_TEST (a_bundle_only_m_line_is_offered_in_spite_of_its_port)
{
  g_autoptr (BlSdp) sdp = fixture_offer ("gstreamer-whip");
  ck_assert_uint_eq (sdp->media[1].port, 0);
  ck_assert (bl_sdp_media_offered (&sdp->media[1]));
}
END_TEST

static const char small[] = "v=0\r\n"
                            "o=- 1 1 IN IP4 127.0.0.1\r\n"
                            "s=-\r\n"
                            "t=0 0\r\n"
                            "a=group:BUNDLE 0 1\r\n"
                            "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
                            "a=mid:0\r\n"
                            "a=rtpmap:111 opus/48000/2\r\n"
                            "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n"
                            "a=mid:1\r\n"
                            "a=rtpmap:96 H264/90000\r\n"
                            "a=rtpmap:97 rtx/90000\r\n"
                            "a=fmtp:97 apt=96\r\n";

/* What is put in the place of a line of `small`, and how the reader says that
 * it is wrong. */
static const struct {
  const char *from;
  const char *to;
  const char *message;
} faults[] = {
  { "v=0", "v=1", "SDP line 1, “v=1”: SDP starts with the line “v=0”" },
  { "v=0\r\n", "",
    "SDP line 1, “o=- 1 1 IN IP4 127.0.0.1”: SDP starts with "
    "the line “v=0”" },
  { "s=-", "nonsense",
    "SDP line 3, “nonsense”: expected a letter and “=” (RFC "
    "8866 section 5)" },
  { "s=-", "s=\a",
    "SDP line 3, “s=\a”: there is a control character in this "
    "line" },
  { "m=audio 9", "m=audio",
    "SDP line 6, “m=audio UDP/TLS/RTP/SAVPF 111”: "
    "expected “m=KIND PORT PROTOCOL FORMAT…” (RFC 8866 "
    "section 5.14)" },
  { "m=audio 9", "m=audio 65536",
    "SDP line 6, “m=audio 65536 UDP/TLS/RTP/SAVPF 111”: expected “m=KIND PORT "
    "PROTOCOL FORMAT…” (RFC 8866 section 5.14)" },
  { "96 97", "96 96",
    "SDP line 9, “m=video 9 UDP/TLS/RTP/SAVPF 96 96”: "
    "payload type 96 stands there twice" },
  { "96 97", "96 128",
    "SDP line 9, “m=video 9 UDP/TLS/RTP/SAVPF 96 128”: "
    "“128” is no payload type from 0 to 127" },
  { "a=mid:1", "a=mid:0",
    "SDP line 10, “a=mid:0”: two m-lines have this mid; each needs its own" },
  { "a=mid:1", "a=mid:",
    "SDP line 10, “a=mid:”: expected a mid of 1 to 32 "
    "characters without spaces" },
  { "H264/90000", "H264",
    "SDP line 11, “a=rtpmap:96 H264”: expected “PAYLOAD-TYPE NAME/CLOCK-RATE” "
    "or “PAYLOAD-TYPE NAME/CLOCK-RATE/CHANNELS”" },
  { "a=rtpmap:97", "a=rtpmap:96",
    "SDP line 12, “a=rtpmap:96 rtx/90000”: "
    "payload type 96 has two a=rtpmap" },
  { "apt=96", "apt=x",
    "SDP line 13, “a=fmtp:97 apt=x”: apt should be a "
    "payload type (RFC 4588 section 8.1)" },
  { "97 apt=96", "96 profile-level-id=42e0",
    "SDP line 13, “a=fmtp:96 profile-level-id=42e0”: profile-level-id should "
    "be six hexadecimal digits, like 42e01f (RFC 6184 section 8.1)" },
  { "97 apt=96", "96 packetization-mode=3",
    "SDP line 13, “a=fmtp:96 packetization-mode=3”: packetization-mode should "
    "be 0, 1 or 2 (RFC 6184 section 8.1)" },
  { "97 apt=96", "96 level-asymmetry-allowed=yes",
    "SDP line 13, “a=fmtp:96 level-asymmetry-allowed=yes”: “yes” should be 0 "
    "or 1" },
  { "fmtp:97 apt=96", "fmtp:H264 x=1",
    "SDP line 13, “a=fmtp:H264 x=1”: "
    "expected a payload type from 0 to "
    "127" },
  { "fmtp:97 apt=96", "rtcp-fb:x nack",
    "SDP line 13, “a=rtcp-fb:x nack”: "
    "expected a payload type from 0 to "
    "127" },
  { "fmtp:97 apt=96", "ice-ufrag:abc",
    "SDP line 13, “a=ice-ufrag:abc”: expected 4 to 256 letters, digits, + or / "
    "(RFC 8839 section 5.4)" },
  { "fmtp:97 apt=96", "ice-ufrag:ab cd",
    "SDP line 13, “a=ice-ufrag:ab cd”: expected 4 to 256 letters, digits, + or "
    "/ (RFC 8839 section 5.4)" },
  { "fmtp:97 apt=96", "ice-pwd:tooshort",
    "SDP line 13, “a=ice-pwd:tooshort”: expected 22 to 256 letters, digits, + "
    "or / (RFC 8839 section 5.4)" },
  { "fmtp:97 apt=96", "fingerprint:sha-256 AB:CD",
    "SDP line 13, “a=fingerprint:sha-256 AB:CD”: expected “sha-256” and 32 "
    "bytes in hexadecimal, separated by colons (RFC 8122 section 5)" },
  { "fmtp:97 apt=96", "setup:both",
    "SDP line 13, “a=setup:both”: expected actpass, active, passive or "
    "holdconn (RFC 4145 section 4)" },
  { "fmtp:97 apt=96", "candidate:1 1 udp 1 192.0.2.1 99999 typ host",
    "SDP line 13, “a=candidate:1 1 udp 1 192.0.2.1 99999 typ host”: the "
    "candidate has a component, priority or port out of range (RFC 8839 "
    "section 5.1)" },
  { "fmtp:97 apt=96", "extmap:0 urn:x",
    "SDP line 13, “a=extmap:0 urn:x”: "
    "expected an id, a space and a URI "
    "(RFC 8285 section 5)" },
  { "a=fmtp:97 apt=96",
    "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
    "a=extmap:4 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    "SDP line 14, “a=extmap:4 "
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time”: extension id "
    "4 stands for “urn:ietf:params:rtp-hdrext:sdes:mid” already" },
  { "fmtp:97 apt=96", "ssrc:4294967296 cname:x",
    "SDP line 13, “a=ssrc:4294967296 cname:x”: expected an SSRC from 0 to "
    "4294967295" },
  { "fmtp:97 apt=96", "ssrc-group:FID 5",
    "SDP line 13, “a=ssrc-group:FID 5”: expected two different SSRCs (RFC 5576 "
    "section 4.2)" },
};

START_TEST (a_fault_is_named_by_its_line_and_what_would_be_right)
{
  g_autofree char *text
      = fixture_replace (g_strdup (small), faults[_i].from, faults[_i].to);
  g_autoptr (GError) error = NULL;
  g_autoptr (BlSdp) sdp = bl_sdp_parse (text, strlen (text), &error);
  ck_assert_msg (sdp == NULL, "%s was taken", faults[_i].to);
  ck_assert_str_eq (error->message, faults[_i].message);
  ck_assert_uint_eq (bl_sdp_error_http_status (error), 400);
}
END_TEST

/* What other stacks do write, and what is none of our business. */
static const struct {
  const char *from;
  const char *to;
} harmless[] = {
  { "\r\n", "\n" },
  { "apt=96\r\n", "apt=96\r\n\r\n" },
  { "apt=96\r\n", "apt=96" },
  { "apt=96", " apt = 96 ;; rtx-time=3000" },
  { "s=-", "s=Café" },
  { "a=mid:1", "a=mid:1\r\na=unknown:thing\r\na=alone" },
  { "a=mid:1", "a=mid:1\r\na=rtpmap:100 left/8000\r\na=fmtp:100 over=1" },
  { "a=mid:1", "a=mid:1\r\na=candidate:1 1 udp 1 fe80::1%eth0 9 typ host" },
  { "a=mid:1", "a=mid:1\r\na=candidate:1 1 quic 1 192.0.2.1 9 typ host" },
  { "a=mid:1", "a=mid:1\r\na=extmap:4096 urn:ietf:params:rtp-hdrext:sdes:mid" },
  { "a=mid:1", "a=mid:1\r\na=fingerprint:md5 AB" },
  { "a=mid:1", "a=mid:1\r\na=ssrc-group:SIM 1 2 3" },
  { "m=audio 9 ", "m=audio 9/2 " },
  { "BUNDLE 0 1", "BUNDLE 0 1 2" },
};

START_TEST (what_is_harmless_is_taken)
{
  g_autofree char *text
      = fixture_replace (g_strdup (small), harmless[_i].from, harmless[_i].to);
  g_autoptr (BlSdp) sdp = fixture_parse (text);
  ck_assert_uint_eq (sdp->n_media, 2);
  ck_assert_str_eq (sdp->media[1].mid, "1");
  ck_assert_ptr_nonnull (bl_sdp_rtx (&sdp->media[1], 96));
  ck_assert_uint_eq (sdp->media[1].n_candidates, 0);
  ck_assert_uint_eq (sdp->media[1].extensions.id[BL_RTP_EXT_MID], 0);
}
END_TEST

START_TEST (attributes_may_stand_in_any_order)
{
  g_autofree char *text = fixture_replace (
      g_strdup (small), "a=mid:1\r\n",
      "a=fmtp:96 packetization-mode=1;profile-level-id=4d001f\r\n"
      "a=rtcp-fb:* nack pli\r\n"
      "a=ssrc-group:FID 5 6\r\n"
      "a=ssrc:6 cname:x\r\n"
      "a=ssrc:5 cname:x\r\n"
      "a=mid:1\r\n");
  g_autoptr (BlSdp) sdp = fixture_parse (text);
  const BlSdpMedia *video = &sdp->media[1];
  ck_assert_uint_eq (video->codecs[0].profile_level_id, 0x4d001f);
  ck_assert_uint_eq (video->codecs[0].feedback, BL_FEEDBACK_PLI);
  ck_assert_uint_eq (video->codecs[1].feedback, BL_FEEDBACK_PLI);
  ck_assert_uint_eq (video->n_ssrcs, 1);
  ck_assert_uint_eq (video->ssrcs[0].ssrc, 5);
  ck_assert_uint_eq (video->ssrcs[0].rtx_ssrc, 6);
  ck_assert_str_eq (video->ssrcs[0].cname, "x");
}
END_TEST

START_TEST (h264_without_parameters_has_those_of_the_rfc)
{
  g_autoptr (BlSdp) sdp = fixture_parse (small);
  const BlSdpCodec *h264 = bl_sdp_codec (&sdp->media[1], 96);
  ck_assert_uint_eq (h264->packetization_mode, 0);
  ck_assert_uint_eq (h264->profile_level_id, 0x42000a);
  ck_assert (!h264->level_asymmetry_allowed);
}
END_TEST

START_TEST (lists_stop_at_their_bounds)
{
  g_autoptr (GString) text = g_string_new (small);
  for (int i = 0; i < 200; i++)
    g_string_append_printf (text,
                            "a=ssrc:%d cname:x\r\n"
                            "a=candidate:%d 1 udp 1 192.0.2.1 9 typ host\r\n",
                            i + 1, i);
  g_autoptr (BlSdp) sdp = fixture_parse (text->str);
  ck_assert_uint_eq (sdp->media[1].n_ssrcs, BL_SDP_MAX_SSRCS);
  ck_assert_uint_eq (sdp->media[1].n_candidates, BL_SDP_MAX_CANDIDATES);
}
END_TEST

START_TEST (candidates_of_no_use_are_passed_over)
{
  g_autofree char *text = g_strconcat (
      small, "a=candidate:1 1 udp 1 192.0.2.1 9 typ satellite\r\n",
      "a=candidate:2 1 ssltcp 1 192.0.2.1 443 typ host\r\n",
      "a=candidate:3 1 udp 1 fe80::1%eth0 9 typ host\r\n", "a=candidate:\r\n",
      NULL);
  g_autoptr (BlSdp) sdp = fixture_parse (text);
  ck_assert_uint_eq (sdp->media[1].n_candidates, 0);
}
END_TEST

START_TEST (too_many_m_lines_are_refused)
{
  g_autoptr (GString) text = g_string_new (small);
  for (int i = 2; i <= BL_SDP_MAX_MEDIA; i++)
    g_string_append_printf (text, "m=video 0 RTP/AVP 0\r\na=mid:%d\r\n", i);
  g_autoptr (GError) error = NULL;
  ck_assert_ptr_null (bl_sdp_parse (text->str, text->len, &error));
  ck_assert_ptr_nonnull (strstr (error->message, "more than 16 m-lines"));
}
END_TEST

START_TEST (too_many_payload_types_are_refused)
{
  g_autoptr (GString) text = g_string_new ("v=0\r\nm=video 9 RTP/SAVPF");
  for (int i = 0; i <= BL_SDP_MAX_CODECS; i++)
    g_string_append_printf (text, " %d", i);
  g_autoptr (GError) error = NULL;
  ck_assert_ptr_null (bl_sdp_parse (text->str, text->len, &error));
  ck_assert_ptr_nonnull (strstr (error->message, "more than 96 payload types"));
}
END_TEST

START_TEST (too_large_a_text_is_refused_as_such)
{
  g_autofree char *text = g_strnfill (BL_SDP_MAX_BYTES + 1, 'a');
  g_autoptr (GError) error = NULL;
  ck_assert_ptr_null (bl_sdp_parse (text, BL_SDP_MAX_BYTES + 1, &error));
  ck_assert_uint_eq (bl_sdp_error_http_status (error), 413);
  ck_assert_str_eq (error->message,
                    "the SDP has 65537 bytes; at most 65536 are read");
}
END_TEST

START_TEST (a_nul_byte_is_refused)
{
  static const char text[] = "v=0\r\ns=a\0b\r\n";
  g_autoptr (GError) error = NULL;
  ck_assert_ptr_null (bl_sdp_parse (text, sizeof text - 1, &error));
  ck_assert_ptr_nonnull (strstr (error->message, "NUL"));
}
END_TEST

START_TEST (nothing_at_all_is_refused)
{
  g_autoptr (GError) error = NULL;
  ck_assert_ptr_null (bl_sdp_parse (NULL, 0, &error));
  ck_assert_str_eq (error->message,
                    "SDP line 1, “”: SDP starts with the line “v=0”");
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("signal/sdp");
  TCase *tcase = tcase_create ("sdp");
  suite_add_tcase (suite, tcase);
  tcase_add_loop_test (tcase, a_real_offer_is_read, 0, G_N_ELEMENTS (offers));
  tcase_add_test (tcase, the_publishers_pictures_are_read_in_full);
  tcase_add_test (tcase, the_publishers_sound_is_read_in_full);
  tcase_add_test (tcase, what_stands_for_the_session_holds_for_its_m_lines);
  tcase_add_test (tcase, a_bundle_only_m_line_is_offered_in_spite_of_its_port);
  tcase_add_loop_test (tcase,
                       a_fault_is_named_by_its_line_and_what_would_be_right, 0,
                       G_N_ELEMENTS (faults));
  tcase_add_loop_test (tcase, what_is_harmless_is_taken, 0,
                       G_N_ELEMENTS (harmless));
  tcase_add_test (tcase, attributes_may_stand_in_any_order);
  tcase_add_test (tcase, h264_without_parameters_has_those_of_the_rfc);
  tcase_add_test (tcase, lists_stop_at_their_bounds);
  tcase_add_test (tcase, candidates_of_no_use_are_passed_over);
  tcase_add_test (tcase, too_many_m_lines_are_refused);
  tcase_add_test (tcase, too_many_payload_types_are_refused);
  tcase_add_test (tcase, too_large_a_text_is_refused_as_such);
  tcase_add_test (tcase, a_nul_byte_is_refused);
  tcase_add_test (tcase, nothing_at_all_is_refused);
  return run_suite (suite);
}
