/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/udp.h"

#include <poll.h>
#include <string.h>

#include "../run_suite.h"

static BlPacketPool *pool;
static BlPacket *packets[BL_UDP_BATCH];
static BlPath paths[BL_UDP_BATCH];

static void
set_up (void)
{
  pool = bl_packet_pool_new (BL_UDP_BATCH);
  for (unsigned i = 0; i < BL_UDP_BATCH; i++)
    packets[i] = bl_packet_new (pool);
}

static void
tear_down (void)
{
  for (unsigned i = 0; i < BL_UDP_BATCH; i++)
    bl_packet_unref (&packets[i]);
  bl_packet_pool_free (pool);
}

static BlUdp *
open_udp (const char *host)
{
  g_autoptr (GError) error = NULL;
  BlUdp *udp = bl_udp_new (host, 0, "[media] port", &error);
  ck_assert_msg (udp, "%s", error ? error->message : "");
  return udp;
}

/* Waits until something is there, for at most 5 s. */
static unsigned
receive (BlUdp *udp)
{
  struct pollfd ready = { .fd = bl_udp_fd (udp), .events = POLLIN };
  ck_assert_int_eq (poll (&ready, 1, 5000), 1);
  return bl_udp_receive (udp, packets, BL_UDP_BATCH, paths);
}

static BlPath
path_to (const char *host, const BlUdp *udp)
{
  BlPath path = { 0 };
  ck_assert (bl_address_parse (host, bl_udp_port (udp), &path.peer));
  return path;
}

static const char *const hosts[] = { "127.0.0.1", "127.0.0.2", "::1" };

START_TEST (an_answer_leaves_from_the_address_that_was_asked)
{
  BlUdp *server = open_udp (NULL);
  BlUdp *client = open_udp (_i == 2 ? "::1" : "127.0.0.1");
  BlPath to = path_to (hosts[_i], server);
  ck_assert_int_eq (
      bl_udp_send (client, &to, (const uint8_t *)"ask", 3, 3).status,
      BL_UDP_SENT);
  ck_assert_uint_eq (receive (server), 1);
  ck_assert_uint_eq (packets[0]->length, 3);
  ck_assert_uint_eq (bl_address_port (&paths[0].peer), bl_udp_port (client));
  ck_assert_int_eq (bl_address_is_ipv6 (&paths[0].peer), _i == 2);

  BlPath back = paths[0];
  ck_assert_int_eq (
      bl_udp_send (server, &back, (const uint8_t *)"tell", 4, 4).status,
      BL_UDP_SENT);
  ck_assert_uint_eq (receive (client), 1);
  ck_assert (bl_address_equal (&paths[0].peer, &to.peer));
  bl_udp_free (server);
  bl_udp_free (client);
}
END_TEST

START_TEST (a_run_arrives_as_its_packets_in_order)
{
  BlUdp *server = open_udp (NULL);
  BlUdp *client = open_udp ("127.0.0.1");
  BlPath to = path_to ("127.0.0.1", client);
  uint8_t run[10 * 1200 + 7];
  for (size_t i = 0; i < sizeof run; i++)
    run[i] = (uint8_t)(i / 1200);
  ck_assert_int_eq (bl_udp_send (server, &to, run, sizeof run, 1200).status,
                    BL_UDP_SENT);
  for (unsigned got = 0; got < 11;) {
    unsigned n = receive (client);
    for (unsigned i = 0; i < n; i++, got++) {
      ck_assert_uint_eq (packets[i]->length, got == 10 ? 7 : 1200);
      ck_assert_uint_eq (packets[i]->data[0], got);
    }
  }
  bl_udp_free (server);
  bl_udp_free (client);
}
END_TEST

START_TEST (a_datagram_that_is_too_long_has_no_length)
{
  BlUdp *server = open_udp (NULL);
  BlUdp *client = open_udp ("127.0.0.1");
  BlPath to = path_to ("127.0.0.1", server);
  uint8_t data[3000] = { 0 };
  bl_udp_send (client, &to, data, sizeof data, sizeof data);
  ck_assert_uint_eq (receive (server), 1);
  ck_assert_uint_eq (packets[0]->length, 0);
  bl_udp_free (server);
  bl_udp_free (client);
}
END_TEST

START_TEST (a_port_in_use_says_which_key_to_change)
{
  g_autoptr (GError) error = NULL;
  BlUdp *first = open_udp (NULL);
  BlUdp *second
      = bl_udp_new (NULL, bl_udp_port (first), "[media] port", &error);
  ck_assert_ptr_null (second);
  ck_assert (g_error_matches (error, BL_UDP_ERROR, BL_UDP_ERROR_IN_USE));
  g_autofree char *port = g_strdup_printf ("%u", bl_udp_port (first));
  ck_assert_ptr_nonnull (strstr (error->message, port));
  ck_assert_ptr_nonnull (strstr (error->message, "[media] port"));
  bl_udp_free (first);
}
END_TEST

static const struct {
  const char *host;
  const char *says;
} bad_hosts[] = {
  { "relay.example", "numeric" },
  { "192.0.2.1", "no such address" },
};

START_TEST (a_wrong_address_says_what_is_wrong)
{
  g_autoptr (GError) error = NULL;
  ck_assert_ptr_null (
      bl_udp_new (bad_hosts[_i].host, 0, "[media] port", &error));
  ck_assert (g_error_matches (error, BL_UDP_ERROR, BL_UDP_ERROR_ADDRESS));
  ck_assert_ptr_nonnull (strstr (error->message, bad_hosts[_i].host));
  ck_assert_ptr_nonnull (strstr (error->message, bad_hosts[_i].says));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("relay/udp");
  TCase *tcase = tcase_create ("udp");
  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_loop_test (tcase, an_answer_leaves_from_the_address_that_was_asked,
                       0, G_N_ELEMENTS (hosts));
  tcase_add_test (tcase, a_run_arrives_as_its_packets_in_order);
  tcase_add_test (tcase, a_datagram_that_is_too_long_has_no_length);
  tcase_add_test (tcase, a_port_in_use_says_which_key_to_change);
  tcase_add_loop_test (tcase, a_wrong_address_says_what_is_wrong, 0,
                       G_N_ELEMENTS (bad_hosts));
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
