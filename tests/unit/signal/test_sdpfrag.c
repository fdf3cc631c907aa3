/* SPDX-License-Identifier: Apache-2.0 */
#include "signal/sdpfrag.h"

#include "fixture.h"

/* RFC 9725 section 4.3.2: candidates for the session as it is. */
static const char trickle[]
    = "a=group:BUNDLE 0 1\r\n"
      "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
      "a=mid:0\r\n"
      "a=ice-ufrag:EsAw\r\n"
      "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n"
      "a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host "
      "generation 0 ufrag EsAw network-id 1\r\n"
      "a=candidate:3471623853 1 udp 2122194687 198.51.100.2 61765 typ host "
      "generation 0 ufrag EsAw network-id 2\r\n"
      "a=candidate:473322822 1 tcp 1518280447 192.0.2.1 9 typ host tcptype "
      "active generation 0 ufrag EsAw network-id 1\r\n"
      "a=end-of-candidates\r\n";

static BlSdpFrag
parse (const char *text)
{
  BlSdpFrag frag;
  g_autoptr (GError) error = NULL;
  ck_assert_msg (bl_sdpfrag_parse (text, strlen (text), &frag, &error), "%s",
                 error ? error->message : "");
  return frag;
}

START_TEST (the_rfcs_example_is_read)
{
  BlSdpFrag frag = parse (trickle);
  ck_assert_str_eq (frag.ufrag, "EsAw");
  ck_assert_str_eq (frag.pwd, "P2uYro0UCOQ4zxjKXaWCBui1");
  ck_assert_str_eq (frag.mid, "0");
  ck_assert_uint_eq (frag.n_candidates, 3);
  ck_assert_str_eq (frag.candidates[1].address, "198.51.100.2");
  ck_assert_int_eq (frag.candidates[2].transport, BL_CANDIDATE_TCP_ACTIVE);
  ck_assert (frag.end_of_candidates);
  ck_assert (!frag.ice_lite);
}
END_TEST

START_TEST (other_credentials_ask_for_a_restart)
{
  BlSdpFrag frag = parse (trickle);
  ck_assert (
      !bl_sdpfrag_is_restart (&frag, "EsAw", "P2uYro0UCOQ4zxjKXaWCBui1"));
  ck_assert (bl_sdpfrag_is_restart (&frag, "ysXw", "vw5LmwG4y/e6dPP/zAP9Gp5k"));
  ck_assert (bl_sdpfrag_is_restart (&frag, "EsAw", "vw5LmwG4y/e6dPP/zAP9Gp5k"));
  BlSdpFrag bare = parse ("m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
                          "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n");
  ck_assert (
      !bl_sdpfrag_is_restart (&bare, "ysXw", "vw5LmwG4y/e6dPP/zAP9Gp5k"));
  ck_assert_uint_eq (bare.n_candidates, 1);
}
END_TEST

START_TEST (credentials_may_stand_above_the_m_lines_or_without_any)
{
  static const char *const texts[] = {
    "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:a\r\n"
    "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n",
    "a=ice-ufrag:EsAw\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\n"
    "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\n",
  };
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    BlSdpFrag frag = parse (texts[i]);
    ck_assert_str_eq (frag.ufrag, "EsAw");
    ck_assert_uint_eq (frag.n_candidates, 1);
  }
}
END_TEST

START_TEST (a_built_body_is_read_back)
{
  BlSdpFrag frag = { .ufrag = "ourUfrag",
                     .pwd = "ourPasswordOf24Characters",
                     .ice_lite = true,
                     .end_of_candidates = true,
                     .mid = "video0",
                     .n_candidates = 2 };
  memcpy (frag.candidates, fixture_candidates, sizeof fixture_candidates);
  g_autofree char *text = bl_sdpfrag_build (&frag);
  ck_assert_str_eq (
      text, "a=ice-lite\r\n"
            "a=ice-options:trickle\r\n"
            "a=group:BUNDLE video0\r\n"
            "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n"
            "a=mid:video0\r\n"
            "a=ice-ufrag:ourUfrag\r\n"
            "a=ice-pwd:ourPasswordOf24Characters\r\n"
            "a=candidate:1 1 udp 2130706431 192.0.2.7 50000 typ host\r\n"
            "a=candidate:2 1 udp 2130706175 2001:db8::7 50000 typ host\r\n"
            "a=end-of-candidates\r\n");
  BlSdpFrag back = parse (text);
  ck_assert_str_eq (back.ufrag, frag.ufrag);
  ck_assert_str_eq (back.pwd, frag.pwd);
  ck_assert_str_eq (back.mid, frag.mid);
  ck_assert (back.ice_lite && back.end_of_candidates);
  ck_assert_uint_eq (back.n_candidates, 2);
}
END_TEST

START_TEST (an_empty_body_is_an_empty_fragment)
{
  BlSdpFrag frag = parse ("");
  ck_assert_uint_eq (frag.n_candidates, 0);
  ck_assert_str_eq (frag.ufrag, "");
}
END_TEST

START_TEST (a_wrong_body_is_refused_for_its_reason)
{
  static const struct {
    const char *text;
    const char *message;
  } faults[] = {
    { "{\"candidate\": 1}", "SDP line 1, “{\"candidate\": 1}”: expected a "
                            "letter and “=” (RFC 8866 section 5)" },
    { "a=ice-ufrag:EsAw\r\n", "a=ice-ufrag and a=ice-pwd go together, but the "
                              "body has only one of them" },
    { "m=audio 9 RTP/SAVPF 0\r\na=ice-ufrag:EsAw\r\n"
      "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n"
      "m=video 9 RTP/SAVPF 0\r\na=ice-ufrag:EsAx\r\n"
      "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n",
      "two m-lines have different a=ice-ufrag, but everything is bundled: one "
      "set of credentials serves all" },
    { "m=audio 9 RTP/SAVPF 0\r\na=candidate:1\r\n",
      "SDP line 2, “a=candidate:1”: the candidate has too few fields; expected "
      "“candidate:FOUNDATION COMPONENT TRANSPORT PRIORITY ADDRESS PORT typ "
      "TYPE” (RFC 8839 section 5.1)" },
  };
  for (guint i = 0; i < G_N_ELEMENTS (faults); i++) {
    BlSdpFrag frag = { .n_candidates = 7 };
    g_autoptr (GError) error = NULL;
    const char *text = faults[i].text;
    ck_assert (!bl_sdpfrag_parse (text, strlen (text), &frag, &error));
    ck_assert_str_eq (error->message, faults[i].message);
    ck_assert_uint_eq (frag.n_candidates, 7);
  }
}
END_TEST

START_TEST (too_large_a_body_is_refused_as_such)
{
  g_autofree char *text = g_strnfill (BL_SDPFRAG_MAX_BYTES + 1, '\n');
  BlSdpFrag frag;
  g_autoptr (GError) error = NULL;
  ck_assert (!bl_sdpfrag_parse (text, BL_SDPFRAG_MAX_BYTES + 1, &frag, &error));
  ck_assert_uint_eq (bl_sdp_error_http_status (error), 413);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("signal/sdpfrag");
  TCase *tcase = tcase_create ("sdpfrag");
  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, the_rfcs_example_is_read);
  tcase_add_test (tcase, other_credentials_ask_for_a_restart);
  tcase_add_test (tcase,
                  credentials_may_stand_above_the_m_lines_or_without_any);
  tcase_add_test (tcase, a_built_body_is_read_back);
  tcase_add_test (tcase, an_empty_body_is_an_empty_fragment);
  tcase_add_test (tcase, a_wrong_body_is_refused_for_its_reason);
  tcase_add_test (tcase, too_large_a_body_is_refused_as_such);
  return run_suite (suite);
}
