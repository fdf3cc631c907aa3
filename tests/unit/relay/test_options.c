/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/options.h"

#include <string.h>

#include "suite.h"

#define TLS "[tls]\ncertificate = c.pem\nkey = k.pem\nvehicle_ca = ca.pem\n"
#define EDS "[calls]\neds = north, south\n"

static BlOptions *
parse (const char *text, GError **error)
{
  return bl_options_parse (text, strlen (text), "/etc/bluelight/relay.ini",
                           error);
}

START_TEST (a_short_file_gives_the_defaults)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BlOptions) o = parse (TLS EDS, &error);
  ck_assert_msg (o != NULL, "%s", error ? error->message : "");
  ck_assert_uint_eq (o->http_port, 8443);
  ck_assert_uint_eq (o->vehicle_port, 8444);
  ck_assert (o->has_vehicles);
  ck_assert (!o->has_loopback);
  ck_assert_uint_eq (o->media_port, 50000);
  ck_assert_uint_ge (o->workers, 1);
  ck_assert_uint_eq (o->grace_s, 300);
  ck_assert_str_eq (o->certificate, "/etc/bluelight/c.pem");
  ck_assert_str_eq (o->folder, "/var/lib/bluelight");
  ck_assert (bl_options_has_ed (o, "south"));
  ck_assert (!bl_options_has_ed (o, "west"));
}
END_TEST

START_TEST (loopback_alone_needs_no_certificate)
{
  g_autoptr (BlOptions) o = parse ("[http]\nloopback_port = 8080\n" EDS, NULL);
  ck_assert_ptr_nonnull (o);
  ck_assert (o->has_loopback);
  ck_assert (!o->has_vehicles);
}
END_TEST

START_TEST (ice_servers_are_split_into_url_and_credential)
{
  g_autoptr (BlOptions) o
      = parse (TLS EDS "[ice]\nservers = stun:192.0.2.1:3478, "
                       "turn:ann:p:w@d@t.example:3478?transport=tcp\n",
               NULL);
  ck_assert_ptr_nonnull (o);
  ck_assert_uint_eq (o->ice_servers->len, 2);
  const BlIceServer *stun = g_ptr_array_index (o->ice_servers, 0);
  const BlIceServer *turn = g_ptr_array_index (o->ice_servers, 1);
  ck_assert_str_eq (stun->url, "stun:192.0.2.1:3478");
  ck_assert_ptr_null (stun->username);
  ck_assert_str_eq (turn->url, "turn:t.example:3478?transport=tcp");
  ck_assert_str_eq (turn->username, "ann");
  ck_assert_str_eq (turn->credential, "p:w@d");
}
END_TEST

START_TEST (full_ice_has_servers_of_its_own_or_those_of_clients)
{
  g_autoptr (BlOptions) lite = parse (TLS EDS, NULL);
  ck_assert (!lite->full_ice);
  g_autoptr (BlOptions) shared
      = parse (TLS EDS "[media]\nice = full\n"
                       "[ice]\nservers = stun:192.0.2.1\n",
               NULL);
  ck_assert (shared->full_ice);
  ck_assert_uint_eq (shared->own_ice_servers->len, 1);
  g_autoptr (BlOptions) own
      = parse (TLS EDS "[media]\nice = full\n"
                       "ice_servers = turn:relay:secret@192.0.2.2\n"
                       "[ice]\nservers = stun:192.0.2.1, stun:192.0.2.3\n",
               NULL);
  ck_assert_uint_eq (own->ice_servers->len, 2);
  ck_assert_uint_eq (own->own_ice_servers->len, 1);
  const BlIceServer *turn = g_ptr_array_index (own->own_ice_servers, 0);
  ck_assert_str_eq (turn->url, "turn:192.0.2.2");
  ck_assert_str_eq (turn->username, "relay");
}
END_TEST

/* The message names file, line and key, and the words that are given. */
static const struct {
  const char *text, *words;
} wrong[] = {
  { TLS, "[calls] eds is missing" },
  { TLS "[calls]\neds =\n", "relay.ini:6: [calls] eds: is empty" },
  { TLS "[calls]\neds = North\n", "“North” is not a short name" },
  { TLS "[calls]\neds = a, a\n", "“a” is given twice" },
  { TLS EDS "grace_s = 1\n", "relay.ini:7: [calls] grace_s: “1”" },
  { EDS, "[tls] certificate: is missing" },
  { EDS "[tls]\ncertificate = c.pem\n", "[tls] key: is missing" },
  { EDS "[tls]\nkey = c.pem\n", "[tls] certificate: is missing" },
  { EDS "[tls]\ncertificate = c\nkey = k\n", "[tls] vehicle_ca: is missing" },
  { TLS EDS "[http]\nport = 8444\n", "must differ" },
  { TLS EDS "[http]\nport = 0\n", "[http] port: “0”" },
  { TLS EDS "[http]\nlisten = relay.example\n",
    "[http] listen: “relay.example” is not an IPv4 or IPv6 address" },
  { TLS EDS "[media]\nadvertise = 203.0.113.7, 0.0.0.0\n",
    "nobody can send to “0.0.0.0”" },
  { TLS EDS "[media]\nadvertise = 300.1.1.1\n", "“300.1.1.1” is not an" },
  { TLS EDS "[media]\nport = 65535\nworkers = 2\n", "leaves no room" },
  { TLS EDS "[ice]\nservers = turn:t.example\n", "server 1 is neither" },
  { TLS EDS "[ice]\nservers = http://t.example\n", "server 1 is neither" },
  { TLS EDS "[media]\nice = heavy\n", "none of lite|full" },
  { TLS EDS "[media]\nice_servers = turn:t.example\n",
    "[media] ice_servers: server 1 is neither" },
  { TLS EDS "[log]\nlevel = loud\n", "none of error|warning|info|debug" },
  { TLS EDS "[cals]\nmax = 1\n", "[cals] has no key “max”" },
};

START_TEST (what_is_wrong_is_named_by_file_and_key)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BlOptions) o = parse (wrong[_i].text, &error);
  ck_assert_ptr_null (o);
  ck_assert_msg (strstr (error->message, wrong[_i].words) != NULL,
                 "“%s” does not say “%s”", error->message, wrong[_i].words);
  ck_assert (g_str_has_prefix (error->message, "/etc/bluelight/relay.ini:"));
}
END_TEST

START_TEST (a_wrong_ice_server_does_not_show_its_password)
{
  g_autoptr (GError) error = NULL;
  ck_assert_ptr_null (
      parse (TLS EDS "[ice]\nservers = turm:u:secret@h\n", &error));
  ck_assert_ptr_null (strstr (error->message, "secret"));
  g_clear_error (&error);
  ck_assert_ptr_null (
      parse (TLS EDS "[media]\nice_servers = turm:u:secret@h\n", &error));
  ck_assert_ptr_null (strstr (error->message, "secret"));
}
END_TEST

START_TEST (a_file_that_can_not_be_read_is_named)
{
  g_autoptr (GError) error = NULL;
  ck_assert_ptr_null (bl_options_load ("/nowhere/relay.ini", &error));
  ck_assert_ptr_nonnull (strstr (error->message, "/nowhere/relay.ini"));
}
END_TEST

START_TEST (the_reference_lists_every_section)
{
  g_autofree char *text = bl_options_describe ();
  static const char *const sections[] = { "[http]", "[tls]",   "[media]",
                                          "[ice]",  "[calls]", "[store]",
                                          "[log]" };
  for (gsize i = 0; i < G_N_ELEMENTS (sections); i++)
    ck_assert_ptr_nonnull (strstr (text, sections[i]));
}
END_TEST

int
main (void)
{
  const SuiteTest tests[] = {
    { a_short_file_gives_the_defaults, 0 },
    { loopback_alone_needs_no_certificate, 0 },
    { ice_servers_are_split_into_url_and_credential, 0 },
    { full_ice_has_servers_of_its_own_or_those_of_clients, 0 },
    { what_is_wrong_is_named_by_file_and_key, G_N_ELEMENTS (wrong) },
    { a_wrong_ice_server_does_not_show_its_password, 0 },
    { a_file_that_can_not_be_read_is_named, 0 },
    { the_reference_lists_every_section, 0 },
  };
  return run_table ("relay/options", tests, G_N_ELEMENTS (tests), NULL, NULL);
}
