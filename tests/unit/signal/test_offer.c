/* SPDX-License-Identifier: Apache-2.0 */
#include "signal/offer.h"

#include "fixture.h"
#include "signal/answer.h"

static const BlSdpLocal vehicle = {
  .ufrag = "vehicleUfrag",
  .pwd = "vehiclePasswordOf28Character",
  .fingerprint = fixture_fingerprint,
  .session_id = 7,
  .cname = "vehicle",
  .msid = "call",
  .audio_ssrc = 2001,
  .video_ssrc = 2002,
  .video_rtx_ssrc = 2003,
  .video_fec_ssrc = 2004,
};

static const BlOfferShape publisher = { .audio = true, .video = true };
static const BlOfferShape viewer
    = { .audio = true, .video = true, .view = true };

START_TEST (the_vehicles_offer_says_all_that_it_can)
{
  g_autofree char *text = bl_offer_build (&publisher, &vehicle);
  g_autoptr (BlSdp) offer = fixture_parse (text);
  ck_assert (offer->ice_trickle);
  ck_assert (!offer->ice_lite);
  ck_assert_uint_eq (offer->n_media, 2);
  for (guint i = 0; i < 2; i++) {
    const BlSdpMedia *m = &offer->media[i];
    ck_assert (m->bundled && m->rtcp_mux && m->rtcp_rsize && m->rcvr_rtt);
    ck_assert_int_eq (m->direction, BL_DIRECTION_SENDONLY);
    ck_assert_int_eq (m->transport.setup, BL_SETUP_ACTPASS);
    ck_assert_str_eq (m->ssrcs[0].cname, "vehicle");
    ck_assert_str_eq (m->msid_stream, "call");
    ck_assert_uint_ne (m->extensions.id[BL_RTP_EXT_MID], 0);
    ck_assert_uint_ne (m->extensions.id[BL_RTP_EXT_TRANSPORT_CC], 0);
    ck_assert_uint_ne (m->extensions.id[BL_RTP_EXT_ABS_SEND_TIME], 0);
    ck_assert_uint_ne (m->extensions.id[BL_RTP_EXT_ABS_CAPTURE_TIME], 0);
    ck_assert (!m->end_of_candidates);
  }
  const BlSdpCodec *opus = bl_sdp_codec (&offer->media[0], BL_OFFER_PT_OPUS);
  ck_assert (opus->useinbandfec && opus->minptime_ms == 10);
  ck_assert_uint_eq (offer->media[0].codecs[0].pt, BL_OFFER_PT_OPUS);
  ck_assert_uint_eq (bl_sdp_red (&offer->media[0], opus)->pt, BL_OFFER_PT_RED);
  const BlSdpMedia *video = &offer->media[1];
  const BlSdpCodec *h264 = bl_sdp_codec (video, BL_OFFER_PT_H264);
  ck_assert_uint_eq (h264->profile_level_id, 0x42e01f);
  ck_assert_uint_eq (h264->packetization_mode, 1);
  ck_assert_uint_eq (bl_sdp_rtx (video, BL_OFFER_PT_H264)->pt, BL_OFFER_PT_RTX);
  ck_assert_uint_eq (video->ssrcs[0].ssrc, 2002);
  ck_assert_uint_eq (video->ssrcs[0].rtx_ssrc, 2003);
  ck_assert_uint_eq (bl_sdp_fec (video)->pt, BL_OFFER_PT_FEC);
  ck_assert_uint_eq (video->ssrcs[0].fec_ssrc, 2004);
  ck_assert_uint_eq (video->n_ssrcs, 1);
}
END_TEST

/* Offer, the relay's answer, and both ends' view of what is agreed. */
static void
negotiate (const BlOfferShape *shape, BlNegotiated *out_relay,
           BlNegotiated *out_ours)
{
  static const BlAnswerSource source = { true, true, 0x42c01f };
  g_autofree char *offer_text = bl_offer_build (shape, &vehicle);
  g_autoptr (BlSdp) offer = fixture_parse (offer_text);
  g_autoptr (GError) error = NULL;
  g_autofree char *answer_text
      = shape->view
            ? bl_answer_whep (offer, &fixture_local, &source, out_relay, &error)
            : bl_answer_whip (offer, &fixture_local, out_relay, &error);
  ck_assert_msg (answer_text != NULL, "%s", error ? error->message : "");
  g_autoptr (BlSdp) answer = fixture_parse (answer_text);
  ck_assert_msg (
      bl_offer_read_answer (shape, &vehicle, answer, out_ours, &error), "%s",
      error ? error->message : "");
}

static void
assert_same (const BlNegotiatedTrack *ours, const BlNegotiatedTrack *theirs)
{
  ck_assert (ours->present && theirs->present);
  ck_assert_str_eq (ours->mid, theirs->mid);
  ck_assert_int_ne (ours->sends, theirs->sends);
  ck_assert_uint_eq (ours->pt, theirs->pt);
  ck_assert_int_eq (ours->rtx_pt, theirs->rtx_pt);
  ck_assert_uint_eq (ours->red_pt, theirs->red_pt);
  ck_assert_uint_eq (ours->clock_rate, theirs->clock_rate);
  ck_assert_uint_eq (ours->feedback, theirs->feedback);
  ck_assert_int_eq (ours->rcvr_rtt, theirs->rcvr_rtt);
  ck_assert_int_eq (ours->rtcp_rsize, theirs->rtcp_rsize);
  ck_assert_mem_eq (&ours->extensions, &theirs->extensions,
                    sizeof ours->extensions);
  ck_assert_uint_eq (ours->profile_level_id, theirs->profile_level_id);
  ck_assert_uint_eq (ours->ssrc, theirs->ssrc);
  ck_assert_uint_eq (ours->rtx_ssrc, theirs->rtx_ssrc);
  ck_assert_uint_eq (ours->fec_pt, theirs->fec_pt);
  ck_assert_uint_eq (ours->fec_ssrc, theirs->fec_ssrc);
  ck_assert_str_eq (ours->cname, theirs->cname);
}

START_TEST (both_ends_agree_on_the_same)
{
  const BlOfferShape *shape = _i == 0 ? &publisher : &viewer;
  BlNegotiated relay, ours;
  negotiate (shape, &relay, &ours);
  assert_same (&ours.audio, &relay.audio);
  assert_same (&ours.video, &relay.video);
  ck_assert_int_eq (ours.video.sends, !shape->view);
  ck_assert_int_eq (ours.video.rtx_pt, BL_OFFER_PT_RTX);
  ck_assert_uint_eq (ours.audio.red_pt, shape->view ? 0 : BL_OFFER_PT_RED);
  ck_assert_uint_eq (ours.video.fec_pt, shape->view ? 0 : BL_OFFER_PT_FEC);
  ck_assert_uint_eq (ours.video.fec_ssrc, shape->view ? 0 : 2004);
  ck_assert_uint_eq (ours.video.ssrc, shape->view ? fixture_local.video_ssrc
                                                  : vehicle.video_ssrc);
  ck_assert (ours.dtls_client);
  ck_assert (!relay.dtls_client);
  ck_assert (ours.remote_ice_lite);
  ck_assert_str_eq (ours.remote_ufrag, fixture_local.ufrag);
  ck_assert_str_eq (relay.remote_ufrag, vehicle.ufrag);
  ck_assert_uint_ne (ours.video.extensions.id[BL_RTP_EXT_ABS_CAPTURE_TIME], 0);
}
END_TEST

/* Another server passes over a name that it doesn't know. */
START_TEST (without_an_answer_there_is_no_error_correction)
{
  BlNegotiated relay, ours;
  g_autofree char *offer_text = bl_offer_build (&publisher, &vehicle);
  g_autofree char *other
      = fixture_replace (g_strdup (offer_text), BL_SDP_FEC_NAME, "x-other");
  g_autoptr (BlSdp) offer = fixture_parse (other);
  g_autofree char *answer_text
      = bl_answer_whip (offer, &fixture_local, &relay, NULL);
  ck_assert_uint_eq (relay.video.fec_pt, 0);
  ck_assert_uint_eq (relay.video.fec_ssrc, 0);
  g_autoptr (BlSdp) answer = fixture_parse (answer_text);
  ck_assert (bl_offer_read_answer (&publisher, &vehicle, answer, &ours, NULL));
  ck_assert_uint_eq (ours.video.fec_pt, 0);
  ck_assert_uint_eq (ours.video.fec_ssrc, 0);
}
END_TEST

START_TEST (one_track_alone_is_offered_too)
{
  static const BlOfferShape sound = { .audio = true };
  static const BlOfferShape pictures = { .video = true };
  BlNegotiated relay, ours;
  negotiate (&sound, &relay, &ours);
  ck_assert (ours.audio.present && !ours.video.present);
  ck_assert (!ours.video_refused);
  negotiate (&pictures, &relay, &ours);
  ck_assert (!ours.audio.present && ours.video.present);
}
END_TEST

/* The relay's answer to the vehicle's offer, with a fault put in. */
static const struct {
  const char *from;
  const char *to;
  const char *message; /* NULL: it is taken nevertheless */
} faults[] = {
  { "a=mid:1\r\n", "a=mid:one\r\n",
    "m-line 2 of the answer has the mid “one”, but we offered “1”" },
  { "a=recvonly", "a=sendrecv", "m-line 1 of the answer is not recvonly" },
  { "111\r\n", "100\r\n",
    "m-line 1 of the answer lacks payload type 111, which we offered" },
  { "a=rtcp-mux\r\n", "", "m-line 1 of the answer has no a=rtcp-mux" },
  { "a=setup:passive", "a=setup:actpass",
    "m-line 1 of the answer has neither a=setup:active nor passive" },
  { "a=ice-ufrag:ourUfrag\r\n", "",
    "m-line 1 of the answer has no a=ice-ufrag or no a=ice-pwd" },
  { "sha-256", "sha-1",
    "m-line 1 of the answer has no a=fingerprint of sha-256" },
  { "m=audio", "m=video",
    "m-line 1 of the answer is video, which is not what we offered there" },
  { "m=video 50000", "m=video 0", NULL },
  { "a=recvonly", "a=inactive", "the answer takes none of our tracks" },
  { "BUNDLE 0 1", "BUNDLE 0",
    "m-line 2 of the answer is not in the BUNDLE "
    "group" },
  { "a=end-of-candidates\r\n", "m=audio 0 RTP/AVP 0\r\n",
    "the answer has 3 m-lines, but the offer has 2" },
};

START_TEST (an_answer_that_breaks_the_rules_is_refused_for_its_reason)
{
  g_autofree char *offer_text = bl_offer_build (&publisher, &vehicle);
  g_autoptr (BlSdp) offer = fixture_parse (offer_text);
  BlNegotiated relay, ours = { .remote_ufrag = "untouched" };
  g_autoptr (GError) error = NULL;
  char *good = bl_answer_whip (offer, &fixture_local, &relay, &error);
  g_autofree char *text
      = fixture_replace (good, faults[_i].from, faults[_i].to);
  if (faults[_i].message && strstr (faults[_i].message, "one”"))
    text = fixture_replace (text, "BUNDLE 0 1", "BUNDLE 0 one");
  g_autoptr (BlSdp) answer = fixture_parse (text);
  gboolean ok
      = bl_offer_read_answer (&publisher, &vehicle, answer, &ours, &error);
  if (!faults[_i].message) {
    ck_assert (ok);
    ck_assert (ours.video_refused && ours.audio.present);
    return;
  }
  ck_assert (!ok);
  ck_assert_str_eq (error->message, faults[_i].message);
  ck_assert_str_eq (ours.remote_ufrag, "untouched");
}
END_TEST

START_TEST (what_the_answer_leaves_out_is_not_used)
{
  g_autofree char *offer_text = bl_offer_build (&publisher, &vehicle);
  g_autoptr (BlSdp) offer = fixture_parse (offer_text);
  BlNegotiated relay, ours;
  char *text = bl_answer_whip (offer, &fixture_local, &relay, NULL);
  text = fixture_replace (text, "a=fmtp:97 apt=96\r\n", "");
  text = fixture_replace (text, "a=rtcp-fb:96 ccm fir\r\n", "");
  text = fixture_replace (text, "a=extmap:4 ", "a=extmap:5 ");
  g_autofree char *less
      = fixture_replace (text, "a=rtcp-xr:rcvr-rtt=all\r\n", "");
  g_autoptr (BlSdp) answer = fixture_parse (less);
  ck_assert (bl_offer_read_answer (&publisher, &vehicle, answer, &ours, NULL));
  ck_assert_int_eq (ours.video.rtx_pt, -1);
  ck_assert_uint_eq (ours.video.rtx_ssrc, 0);
  ck_assert (!(ours.video.feedback & BL_FEEDBACK_FIR));
  ck_assert (ours.video.feedback & BL_FEEDBACK_NACK);
  ck_assert_uint_eq (ours.video.extensions.id[BL_RTP_EXT_ABS_CAPTURE_TIME], 0);
  ck_assert (!ours.video.rcvr_rtt);
}
END_TEST

/* Each has what congestion control goes by, and never both. */
START_TEST (our_own_ends_report_by_path)
{
  BlNegotiated relay, ours;
  negotiate (&publisher, &relay, &ours);
  const BlNegotiatedTrack *tracks[] = { &ours.audio, &ours.video };
  for (guint i = 0; i < 2; i++) {
    ck_assert (tracks[i]->feedback & BL_FEEDBACK_CCFB);
    ck_assert (!(tracks[i]->feedback & BL_FEEDBACK_TRANSPORT_CC));
    ck_assert_uint_eq (tracks[i]->extensions.id[BL_RTP_EXT_TRANSPORT_CC], 0);
  }
  negotiate (&viewer, &relay, &ours);
  ck_assert (!(ours.video.feedback & BL_FEEDBACK_CCFB));
  ck_assert (ours.video.feedback & BL_FEEDBACK_TRANSPORT_CC);
}
END_TEST

START_TEST (reports_by_path_are_offered_for_all_payload_types)
{
  g_autofree char *text = bl_offer_build (&publisher, &vehicle);
  const char *audio = strstr (text, "a=rtcp-fb:* ack ccfb\r\n");
  const char *video = strstr (text, "m=video");
  ck_assert (audio && audio < video);
  ck_assert (strstr (video, "a=rtcp-fb:* ack ccfb\r\n"));
  g_autofree char *view = bl_offer_build (&viewer, &vehicle);
  ck_assert (!strstr (view, "ccfb"));
}
END_TEST

/* A relay that doesn't know our reports. */
START_TEST (transport_cc_is_what_is_left_without_ccfb)
{
  char *offer_text = bl_offer_build (&publisher, &vehicle);
  g_autofree char *older
      = fixture_replace (offer_text, "a=rtcp-fb:* ack ccfb\r\n", "");
  g_autoptr (BlSdp) offer = fixture_parse (older);
  BlNegotiated relay, ours;
  g_autofree char *text = bl_answer_whip (offer, &fixture_local, &relay, NULL);
  ck_assert (!strstr (text, "ccfb"));
  g_autoptr (BlSdp) answer = fixture_parse (text);
  ck_assert (bl_offer_read_answer (&publisher, &vehicle, answer, &ours, NULL));
  ck_assert (!(ours.video.feedback & BL_FEEDBACK_CCFB));
  ck_assert (ours.video.feedback & BL_FEEDBACK_TRANSPORT_CC);
  ck_assert_uint_ne (ours.video.extensions.id[BL_RTP_EXT_TRANSPORT_CC], 0);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("signal/offer");
  TCase *tcase = tcase_create ("offer");
  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, the_vehicles_offer_says_all_that_it_can);
  tcase_add_loop_test (tcase, both_ends_agree_on_the_same, 0, 2);
  tcase_add_test (tcase, without_an_answer_there_is_no_error_correction);
  tcase_add_test (tcase, one_track_alone_is_offered_too);
  tcase_add_loop_test (
      tcase, an_answer_that_breaks_the_rules_is_refused_for_its_reason, 0,
      G_N_ELEMENTS (faults));
  tcase_add_test (tcase, what_the_answer_leaves_out_is_not_used);
  tcase_add_test (tcase, our_own_ends_report_by_path);
  tcase_add_test (tcase, reports_by_path_are_offered_for_all_payload_types);
  tcase_add_test (tcase, transport_cc_is_what_is_left_without_ccfb);
  return run_suite (suite);
}
