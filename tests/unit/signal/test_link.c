/* SPDX-License-Identifier: Apache-2.0 */
#include "signal/link.h"

#include "run_suite.h"

static const struct {
  const char *value;
  const char *servers; /* "url user credential" each, "|" between */
} links[] = {
  { NULL, "" },
  { "", "" },
  /* RFC 9725 section 4.6 */
  { "<stun:stun.example.net>; rel=\"ice-server\"",
    "stun:stun.example.net - -" },
  { "<turn:turn.example.net?transport=udp>; rel=\"ice-server\"; "
    "username=\"user\"; credential=\"myPassword\"; "
    "credential-type=\"password\"",
    "turn:turn.example.net?transport=udp user myPassword" },
  { "<stun:a>; rel=\"ice-server\", <turns:b:443>;rel=ice-server;username=u;"
    "credential=c",
    "stun:a - -|turns:b:443 u c" },
  { "<turn:t>; rel=\"ice-server\"; username=\"a \\\"b\\\", <c>; d\"; "
    "credential=\"\\\\\"",
    "turn:t a \"b\", <c>; d \\" },
  { "<TURN:t>; REL=\"next ICE-SERVER\"; Username=u; username=v; credential=c",
    "TURN:t u c" },
  { "<stun:a> ; rel = \"ice-server\" ; flag ; other=1", "stun:a - -" },
  { ",, <stun:a>; rel=\"ice-server\", ,", "stun:a - -" },
  /* not for us */
  { "<https://example.net/next>; rel=\"next\"", "" },
  { "<https://example.net/>; rel=\"ice-server\"", "" },
  { "<stun:>; rel=\"ice-server\"", "" },
  { "<stun:a b>; rel=\"ice-server\"", "" },
  { "<stun:a>", "" },
  { "<turn:t>; rel=\"ice-server\"; username=u; credential=c; "
    "credential-type=oauth",
    "" },
  /* malformed: what stands before it still counts */
  { "<stun:a>; rel=\"ice-server\", <stun:b", "stun:a - -" },
  { "<stun:a>; rel=\"ice-server\", stun:b; rel=\"ice-server\"", "stun:a - -" },
  { "<stun:a>; rel=\"ice-server", "" },
  { "<stun:a>; rel=\"ice-server\\", "" },
  { "<stun:a>; rel=", "" },
  { "<stun:a>; =x; rel=\"ice-server\"", "" },
  { "<stun:a>; rel=\"ice-server\" nonsense", "" },
};

START_TEST (ice_servers_are_found_among_links)
{
  g_autoptr (GPtrArray) servers = bl_link_parse (links[_i].value);
  g_autoptr (GString) found = g_string_new (NULL);
  for (guint i = 0; i < servers->len; i++) {
    const BlIceServer *s = servers->pdata[i];
    g_string_append_printf (found, "%s%s %s %s", i > 0 ? "|" : "", s->url,
                            s->username ? s->username : "-",
                            s->credential ? s->credential : "-");
  }
  ck_assert_msg (g_str_equal (found->str, links[_i].servers), "“%s” gave “%s”",
                 links[_i].value, found->str);
}
END_TEST

START_TEST (a_server_comes_back_from_its_link)
{
  static const char *const servers[][3] = {
    { "stun:stun.example.net:3478", NULL, NULL },
    { "turn:turn.example.net:3478?transport=tcp", "a:b", "plain" },
    { "turns:[2001:db8::1]:5349", "quote \" and \\", "; , <>" },
  };
  const char *const *in = servers[_i];
  g_autoptr (BlIceServer) server = bl_ice_server_new (in[0], in[1], in[2]);
  g_autofree char *text = bl_link_build (server);
  g_autoptr (GPtrArray) back = bl_link_parse (text);
  ck_assert_msg (back->len == 1, "%s", text);
  const BlIceServer *out = back->pdata[0];
  ck_assert_str_eq (out->url, in[0]);
  ck_assert_pstr_eq (out->username, in[1]);
  ck_assert_pstr_eq (out->credential, in[2]);
}
END_TEST

START_TEST (a_header_without_end_is_cut)
{
  g_autoptr (GString) many = g_string_new (NULL);
  for (int i = 0; i < 100; i++)
    g_string_append (many, "<stun:a>; rel=\"ice-server\", ");
  g_autoptr (GPtrArray) some = bl_link_parse (many->str);
  ck_assert_uint_eq (some->len, BL_LINK_MAX_SERVERS);
  while (many->len <= BL_LINK_MAX_BYTES)
    g_string_append (many, "<stun:a>; rel=\"ice-server\", ");
  g_autoptr (GPtrArray) none = bl_link_parse (many->str);
  ck_assert_uint_eq (none->len, 0);
}
END_TEST

static const struct {
  const char *value;
  BlIfMatch match;
} matches[] = {
  { NULL, BL_IF_MATCH_MISSING },
  { "*", BL_IF_MATCH_ANY },
  { " * ", BL_IF_MATCH_ANY },
  { "\"tag\"", BL_IF_MATCH_SAME },
  { "\"other\", \"tag\"", BL_IF_MATCH_SAME },
  { "\"with,comma\" ,\"tag\"", BL_IF_MATCH_SAME },
  { ", \"tag\",", BL_IF_MATCH_SAME },
  { "W/\"tag\"", BL_IF_MATCH_DIFFERENT },
  { "\"ta\"", BL_IF_MATCH_DIFFERENT },
  { "\"tagg\"", BL_IF_MATCH_DIFFERENT },
  { "\"\"", BL_IF_MATCH_DIFFERENT },
  { "", BL_IF_MATCH_MALFORMED },
  { "tag", BL_IF_MATCH_MALFORMED },
  { "\"tag", BL_IF_MATCH_MALFORMED },
  { "\"tag\" \"tag\"", BL_IF_MATCH_MALFORMED },
  { "\"ta g\"", BL_IF_MATCH_MALFORMED },
  { "*, \"tag\"", BL_IF_MATCH_MALFORMED },
};

START_TEST (if_match_is_compared_with_the_tag)
{
  BlIfMatch match = bl_etag_if_match (matches[_i].value, "tag");
  ck_assert_msg (match == matches[_i].match, "%s gave %d", matches[_i].value,
                 match);
}
END_TEST

START_TEST (a_tag_comes_back_from_its_quotes)
{
  g_autofree char *quoted = bl_etag_quote ("a1-B2");
  ck_assert_str_eq (quoted, "\"a1-B2\"");
  g_autofree char *tag = bl_etag_unquote (quoted);
  ck_assert_str_eq (tag, "a1-B2");
  static const char *const wrong[] = { "", "a", "W/\"a\"", "\"a", "\"a\" b" };
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    ck_assert_ptr_null (bl_etag_unquote (wrong[i]));
  ck_assert_ptr_null (bl_etag_unquote (NULL));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("signal/link");
  TCase *tcase = tcase_create ("link");
  suite_add_tcase (suite, tcase);
  tcase_add_loop_test (tcase, ice_servers_are_found_among_links, 0,
                       G_N_ELEMENTS (links));
  tcase_add_loop_test (tcase, a_server_comes_back_from_its_link, 0, 3);
  tcase_add_test (tcase, a_header_without_end_is_cut);
  tcase_add_loop_test (tcase, if_match_is_compared_with_the_tag, 0,
                       G_N_ELEMENTS (matches));
  tcase_add_test (tcase, a_tag_comes_back_from_its_quotes);
  return run_suite (suite);
}
