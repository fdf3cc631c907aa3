/* SPDX-License-Identifier: Apache-2.0 */
#include "signal/iceurl.h"

#include "../run_suite.h"

static const struct {
  const char *url;
  BlIceUrlKind kind;
  const char *host; /* NULL: refused */
  int port;
} urls[] = {
  { "stun:stun.example.org", BL_ICE_STUN, "stun.example.org", 3478 },
  { "STUN:192.0.2.1:19302", BL_ICE_STUN, "192.0.2.1", 19302 },
  { "stun:[2001:db8::1]:3479", BL_ICE_STUN, "2001:db8::1", 3479 },
  { "stun:[2001:db8::1]", BL_ICE_STUN, "2001:db8::1", 3478 },
  { "turn:t.example", BL_ICE_TURN_UDP, "t.example", 3478 },
  { "turn:t.example?transport=udp", BL_ICE_TURN_UDP, "t.example", 3478 },
  { "turn:t.example:443?transport=tcp", BL_ICE_TURN_TCP, "t.example", 443 },
  { "turns:t.example", BL_ICE_TURN_TLS, "t.example", 5349 },
  { "turns:t.example:443?transport=TCP", BL_ICE_TURN_TLS, "t.example", 443 },
  { .url = "" },
  { .url = "stun" },
  { .url = "stun:" },
  { .url = "stun::3478" },
  { .url = "stun:a:0" },
  { .url = "stun:a:65536" },
  { .url = "stun:a:12x" },
  { .url = "stun:a:" },
  { .url = "stun:[::1" },
  { .url = "stun:[::1]x" },
  { .url = "stun:a?transport=udp" },
  { .url = "turn:a?transport=sctp" },
  { .url = "turn:a?x=y" },
  { .url = "stuns:a" },
  { .url = "http://a" },
};

START_TEST (a_stun_or_turn_uri_is_read)
{
  BlIceUrl url = { .port = 1 };
  bool ok = bl_ice_url_parse (urls[_i].url, &url);
  ck_assert_msg (ok == (urls[_i].host != NULL), "%s", urls[_i].url);
  if (!ok) {
    ck_assert_uint_eq (url.port, 1);
    return;
  }
  ck_assert_int_eq (url.kind, urls[_i].kind);
  ck_assert_str_eq (url.host, urls[_i].host);
  ck_assert_int_eq (url.port, urls[_i].port);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("signal/iceurl");
  TCase *tc = tcase_create ("iceurl");
  tcase_add_loop_test (tc, a_stun_or_turn_uri_is_read, 0, G_N_ELEMENTS (urls));
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
