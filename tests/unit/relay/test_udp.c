/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/udp.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "../run_suite.h"
#include "refuse.h"
#include "rtc/demux.h"

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

/* Until something is there, for at most 5 s. */
static void
wait_for (int fd)
{
  struct pollfd ready = { .fd = fd, .events = POLLIN };
  ck_assert_int_eq (poll (&ready, 1, 5000), 1);
}

static unsigned
receive (BlUdp *udp)
{
  wait_for (bl_udp_fd (udp));
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

/* Dual-stack, IPv4 alone, IPv6 alone. */
static const struct {
  const char *bound, *to;
} ways[] = {
  { NULL, "127.0.0.1" },
  { NULL, "::1" },
  { "127.0.0.1", "127.0.0.1" },
  { "::1", "::1" },
};

START_TEST (each_datagram_comes_with_its_ecn_mark)
{
  BlUdp *server = open_udp (ways[_i].bound);
  BlUdp *client = open_udp (ways[_i].to);
  BlPath to = path_to (ways[_i].to, server);
  for (int ecn = 0; ecn < 4; ecn++) {
    int field = 0x88 | ecn; /* under a DSCP */
    ck_assert_int_eq (strchr (ways[_i].to, ':')
                          ? setsockopt (bl_udp_fd (client), IPPROTO_IPV6,
                                        IPV6_TCLASS, &field, sizeof field)
                          : setsockopt (bl_udp_fd (client), IPPROTO_IP, IP_TOS,
                                        &field, sizeof field),
                      0);
    ck_assert_int_eq (
        bl_udp_send (client, &to, (const uint8_t *)"x", 1, 1).status,
        BL_UDP_SENT);
    ck_assert_uint_eq (receive (server), 1);
    ck_assert_uint_eq (packets[0]->ecn, ecn);
    BlPath back = paths[0];
    ck_assert (bl_udp_send (server, &back, (const uint8_t *)"y", 1, 1).status
               == BL_UDP_SENT);
    ck_assert_uint_eq (receive (client), 1);
    ck_assert_uint_eq (packets[0]->ecn, 0);
  }
  bl_udp_free (server);
  bl_udp_free (client);
}
END_TEST

/* ---- reports apart ---- */

static BlUdp *
open_parted (const char *host)
{
  BlUdp *udp = open_udp (host);
  ck_assert (bl_udp_part_reports (udp));
  return udp;
}

static unsigned
receive_reports (BlUdp *udp)
{
  wait_for (bl_udp_reports_fd (udp));
  return bl_udp_receive_reports (udp, packets, BL_UDP_BATCH, paths);
}

/* The shortest that may be any of them. */
#define DATAGRAM_BYTES 20

static bool
is_report (const uint8_t *datagram)
{
  return bl_demux (datagram, DATAGRAM_BYTES) == BL_DEMUX_RTCP;
}

static void
send_datagram (BlUdp *client, const BlPath *to, uint8_t first, uint8_t second)
{
  const uint8_t datagram[DATAGRAM_BYTES] = { first, second };
  ck_assert_int_eq (
      bl_udp_send (client, to, datagram, sizeof datagram, sizeof datagram)
          .status,
      BL_UDP_SENT);
}

/* Around RTCP's, and of RTP, STUN and DTLS. */
static const uint8_t second_bytes[]
    = { 0, 1, 96, 111, 127, 128, 191, 192, 200, 205, 206, 223, 224, 254, 255 };

START_TEST (reports_come_to_one_socket_and_all_else_to_the_other)
{
  BlUdp *server = open_parted (ways[_i].bound);
  BlUdp *client = open_udp (ways[_i].to);
  BlPath to = path_to (ways[_i].to, server);
  for (unsigned first = 0; first < 256; first++) {
    unsigned n_reports = 0, n_others = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS (second_bytes); i++)
      send_datagram (client, &to, (uint8_t)first, second_bytes[i]);
    while (n_reports < (first >> 6 == 2 ? 5 : 0)) {
      unsigned n = receive_reports (server);
      for (unsigned i = 0; i < n; i++, n_reports++)
        ck_assert (is_report (packets[i]->data));
    }
    while (n_reports + n_others < G_N_ELEMENTS (second_bytes)) {
      unsigned n = receive (server);
      for (unsigned i = 0; i < n; i++, n_others++)
        ck_assert (!is_report (packets[i]->data));
    }
  }
  ck_assert_uint_eq (
      bl_udp_receive_reports (server, packets, BL_UDP_BATCH, paths), 0);
  ck_assert_uint_eq (bl_udp_receive (server, packets, BL_UDP_BATCH, paths), 0);
  bl_udp_free (server);
  bl_udp_free (client);
}
END_TEST

START_TEST (a_datagram_too_short_to_be_a_report_is_none)
{
  BlUdp *server = open_parted (NULL);
  BlUdp *client = open_udp ("127.0.0.1");
  BlPath to = path_to ("127.0.0.1", server);
  const uint8_t first = 0x80;
  for (unsigned length = 0; length <= 1; length++) {
    ck_assert_int_eq (bl_udp_send (client, &to, &first, length, 1).status,
                      BL_UDP_SENT);
    ck_assert_uint_eq (receive (server), 1);
    ck_assert_uint_eq (packets[0]->length, length);
  }
  bl_udp_free (server);
  bl_udp_free (client);
}
END_TEST

START_TEST (a_report_comes_with_its_path_and_its_ecn_mark)
{
  BlUdp *server = open_parted (ways[_i].bound);
  BlUdp *client = open_udp (ways[_i].to);
  BlPath to = path_to (ways[_i].to, server);
  bool ipv6 = strchr (ways[_i].to, ':');
  int ce = 3;
  ck_assert_int_eq (setsockopt (bl_udp_fd (client),
                                ipv6 ? IPPROTO_IPV6 : IPPROTO_IP,
                                ipv6 ? IPV6_TCLASS : IP_TOS, &ce, sizeof ce),
                    0);
  send_datagram (client, &to, 0x81, 201);
  ck_assert_uint_eq (receive_reports (server), 1);
  ck_assert_uint_eq (packets[0]->ecn, ce);
  BlPath back = paths[0];
  ck_assert (bl_udp_send (server, &back, (const uint8_t *)"tell", 4, 4).status
             == BL_UDP_SENT);
  ck_assert_uint_eq (receive (client), 1);
  ck_assert (bl_address_equal (&paths[0].peer, &to.peer));
  bl_udp_free (server);
  bl_udp_free (client);
}
END_TEST

START_TEST (reports_that_nobody_reads_take_no_room_from_media)
{
  BlUdp *server = open_parted (NULL);
  BlUdp *client = open_udp ("127.0.0.1");
  BlPath to = path_to ("127.0.0.1", server);
  for (unsigned i = 0; i < 20000; i++)
    send_datagram (client, &to, 0x81, 201);
  /* As many as have room in the buffer that anybody may ask for. */
  for (unsigned i = 0; i < 200; i++)
    send_datagram (client, &to, 0x80, 96);
  for (unsigned got = 0; got < 200;)
    got += receive (server);
  unsigned n, n_reports = 0;
  while ((n = bl_udp_receive_reports (server, packets, BL_UDP_BATCH, paths))
         > 0)
    n_reports += n;
  ck_assert_uint_gt (n_reports, 0);
  ck_assert_uint_lt (n_reports, 20000);
  bl_udp_free (server);
  bl_udp_free (client);
}
END_TEST

static const int needed_options[] = { SO_REUSEPORT, SO_ATTACH_REUSEPORT_CBPF };

START_TEST (where_a_sandbox_refuses_reports_come_with_all_else)
{
  BlUdp *server = open_udp (NULL);
  BlUdp *client = open_udp ("127.0.0.1");
  BlPath to = path_to ("127.0.0.1", server);
  refuse_socket_option (needed_options[_i]);
  ck_assert (!bl_udp_part_reports (server));
  ck_assert_int_eq (bl_udp_reports_fd (server), -1);
  for (unsigned i = 0; i < 1000; i++)
    send_datagram (client, &to, 0x80, i % 2 ? 201 : 96);
  for (unsigned got = 0; got < 1000;) {
    unsigned n = receive (server);
    for (unsigned i = 0; i < n; i++, got++)
      ck_assert_uint_eq (packets[i]->data[1], got % 2 ? 201 : 96);
  }
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

/* ---- a kernel that refuses runs ---- */

static int refusal;      /* errno for a run */
static int left_to_give; /* datagrams that are taken before EAGAIN */
static unsigned n_runs, n_singles;
static uint8_t singles[64];

static ssize_t
refuse_runs (int fd, const struct msghdr *message, int flags)
{
  bool run = false;
  for (struct cmsghdr *c = CMSG_FIRSTHDR (message); c;
       c = CMSG_NXTHDR ((struct msghdr *)message, c))
    run |= c->cmsg_level == IPPROTO_UDP;
  if (run) {
    n_runs++;
    errno = refusal;
    return -1;
  }
  if (left_to_give-- == 0) {
    errno = EAGAIN;
    return -1;
  }
  singles[n_singles++] = *(const uint8_t *)message->msg_iov->iov_base;
  return (ssize_t)message->msg_iov->iov_len;
}

static BlUdp *
open_refusing (int why)
{
  BlUdp *udp = open_udp ("127.0.0.1");
  bl_udp_set_sendmsg (udp, refuse_runs);
  refusal = why;
  left_to_give = 1000;
  n_runs = n_singles = 0;
  return udp;
}

/* Why a run is refused, and how many are tried out of three. */
static const struct {
  int why;
  unsigned tries;
} refusals[] = {
  { EIO, 1 },
  { EOPNOTSUPP, 1 },
  { EINVAL, 3 },
  { EMSGSIZE, 3 },
};

START_TEST (what_is_refused_as_a_run_leaves_one_by_one_in_order)
{
  BlUdp *udp = open_refusing (refusals[_i].why);
  BlPath to = path_to ("127.0.0.1", udp);
  uint8_t run[3 * 100 + 7];
  for (size_t i = 0; i < sizeof run; i++)
    run[i] = (uint8_t)(i / 100);
  for (unsigned i = 0; i < 3; i++) {
    BlUdpSent sent = bl_udp_send (udp, &to, run, sizeof run, 100);
    ck_assert_int_eq (sent.status, BL_UDP_SENT);
    ck_assert_uint_eq (sent.bytes, sizeof run);
    ck_assert_uint_eq (sent.calls, 4 + (i < refusals[_i].tries));
  }
  ck_assert_uint_eq (n_runs, refusals[_i].tries);
  ck_assert_uint_eq (n_singles, 12);
  ck_assert_mem_eq (singles, "\0\1\2\3\0\1\2\3\0\1\2\3", 12);
  bl_udp_free (udp);
}
END_TEST

START_TEST (a_run_that_fills_the_socket_half_way_says_how_far_it_came)
{
  BlUdp *udp = open_refusing (EIO);
  BlPath to = path_to ("127.0.0.1", udp);
  uint8_t run[500] = { 0 };
  left_to_give = 2;
  BlUdpSent sent = bl_udp_send (udp, &to, run, sizeof run, 100);
  ck_assert_int_eq (sent.status, BL_UDP_FULL);
  ck_assert_uint_eq (sent.bytes, 200);
  bl_udp_free (udp);
}
END_TEST

/* errno of a send, and what it means. */
static const struct {
  int why;
  BlUdpStatus status;
} failures[] = {
  { EAGAIN, BL_UDP_FULL },
  { ENOBUFS, BL_UDP_REFUSED },
  { EPERM, BL_UDP_REFUSED },
  { ENETUNREACH, BL_UDP_REFUSED },
};

START_TEST (a_run_that_fails_for_another_reason_is_not_tried_in_pieces)
{
  BlUdp *udp = open_refusing (failures[_i].why);
  BlPath to = path_to ("127.0.0.1", udp);
  uint8_t run[500] = { 0 };
  BlUdpSent sent = bl_udp_send (udp, &to, run, sizeof run, 100);
  ck_assert_int_eq (sent.status, failures[_i].status);
  ck_assert_uint_eq (sent.bytes, 0);
  ck_assert_uint_eq (n_singles, 0);
  bl_udp_free (udp);
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
  BlUdp *first = _i ? open_parted (NULL) : open_udp (NULL);
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
  tcase_add_loop_test (tcase, each_datagram_comes_with_its_ecn_mark, 0,
                       G_N_ELEMENTS (ways));
  tcase_add_loop_test (tcase,
                       reports_come_to_one_socket_and_all_else_to_the_other, 0,
                       G_N_ELEMENTS (ways));
  tcase_add_test (tcase, a_datagram_too_short_to_be_a_report_is_none);
  tcase_add_loop_test (tcase, a_report_comes_with_its_path_and_its_ecn_mark, 0,
                       G_N_ELEMENTS (ways));
  tcase_add_test (tcase, reports_that_nobody_reads_take_no_room_from_media);
  tcase_add_loop_test (tcase,
                       where_a_sandbox_refuses_reports_come_with_all_else, 0,
                       G_N_ELEMENTS (needed_options));
  tcase_add_test (tcase, a_run_arrives_as_its_packets_in_order);
  tcase_add_loop_test (tcase,
                       what_is_refused_as_a_run_leaves_one_by_one_in_order, 0,
                       G_N_ELEMENTS (refusals));
  tcase_add_test (tcase,
                  a_run_that_fills_the_socket_half_way_says_how_far_it_came);
  tcase_add_loop_test (
      tcase, a_run_that_fails_for_another_reason_is_not_tried_in_pieces, 0,
      G_N_ELEMENTS (failures));
  tcase_add_test (tcase, a_datagram_that_is_too_long_has_no_length);
  tcase_add_loop_test (tcase, a_port_in_use_says_which_key_to_change, 0, 2);
  tcase_add_loop_test (tcase, a_wrong_address_says_what_is_wrong, 0,
                       G_N_ELEMENTS (bad_hosts));
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
