/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/sender.h"

#include <string.h>

#include "../run_suite.h"

#define MAX_SENDS 300

static BlSender sender;
static BlWorkerCounters counters;
static BlUdpStatus result;
static size_t taken_bytes; /* of a send that is not SENT */
static unsigned n_sends;
static struct {
  uint16_t port;
  size_t length;
  uint16_t segment_bytes;
  uint8_t first;
} sends[MAX_SENDS];

/* In the order in which they left. */
static unsigned n_left;
static uint8_t left[2 * MAX_SENDS];

static BlUdpSent
note_send (void *data, const BlPath *path, const uint8_t *bytes, size_t length,
           uint16_t segment_bytes)
{
  ck_assert_uint_lt (n_sends, MAX_SENDS);
  ck_assert_uint_le (length, BL_UDP_MAX_RUN_BYTES);
  ck_assert_uint_le ((length + segment_bytes - 1) / segment_bytes,
                     BL_UDP_MAX_SEGMENTS);
  sends[n_sends].port = bl_address_port (&path->peer);
  sends[n_sends].length = length;
  sends[n_sends].segment_bytes = segment_bytes;
  sends[n_sends].first = bytes[0];
  n_sends++;
  BlUdpSent sent = { .status = result,
                     .whole = true,
                     .calls = 1,
                     .bytes = result == BL_UDP_SENT ? length : taken_bytes };
  for (size_t at = 0; at < sent.bytes && n_left < sizeof left;
       at += segment_bytes)
    left[n_left++] = bytes[at];
  return sent;
}

static BlPath
path_to (uint16_t port)
{
  BlPath path = { 0 };
  bl_address_parse ("192.0.2.1", port, &path.peer);
  return path;
}

static bool
put (uint16_t port, uint8_t mark, size_t length)
{
  BlPath path = path_to (port);
  uint8_t *at
      = bl_sender_open (&sender, &path) ? bl_sender_reserve (&sender) : NULL;
  if (!at)
    return false;
  memset (at, mark, length);
  bl_sender_commit (&sender, length);
  return true;
}

static void
set_up (void)
{
  memset (&counters, 0, sizeof counters);
  n_sends = n_left = 0;
  taken_bytes = 0;
  result = BL_UDP_SENT;
  bl_sender_init (&sender, note_send, NULL, &counters);
}

static void
tear_down (void)
{
  bl_sender_clear (&sender);
}

/* Lengths put one after the other to one path, and the runs that leave. */
static const struct {
  size_t lengths[8];
  size_t runs[8];
} cases[] = {
  { { 100 }, { 100 } },
  { { 100, 100, 100 }, { 300 } },
  { { 100, 100, 60 }, { 260 } },
  { { 100, 60, 60 }, { 160, 60 } },
  { { 100, 60, 100, 100 }, { 160, 200 } },
  { { 60, 100, 100 }, { 60, 200 } },
  { { 1200, 1200, 40, 90, 90 }, { 2440, 180 } },
};

START_TEST (equal_packets_leave_together_and_a_shorter_one_ends_the_run)
{
  for (unsigned i = 0; cases[_i].lengths[i]; i++)
    put (5000, (uint8_t)i, cases[_i].lengths[i]);
  bl_sender_flush (&sender);
  unsigned n = 0;
  for (; cases[_i].runs[n]; n++)
    ck_assert_uint_eq (sends[n].length, cases[_i].runs[n]);
  ck_assert_uint_eq (n_sends, n);
}
END_TEST

START_TEST (another_path_ends_the_run_and_keeps_the_order)
{
  put (5000, 1, 100);
  put (5000, 2, 100);
  put (5001, 3, 100);
  put (5000, 4, 100);
  bl_sender_flush (&sender);
  ck_assert_uint_eq (n_sends, 3);
  ck_assert_uint_eq (sends[0].port, 5000);
  ck_assert_uint_eq (sends[0].first, 1);
  ck_assert_uint_eq (sends[1].port, 5001);
  ck_assert_uint_eq (sends[1].first, 3);
  ck_assert_uint_eq (sends[2].first, 4);
}
END_TEST

START_TEST (a_long_run_is_cut_to_what_the_kernel_takes)
{
  size_t total = 0;
  for (int i = 0; i < 500; i++)
    put (5000, (uint8_t)i, 1400);
  for (int i = 0; i < 500; i++)
    put (5000, (uint8_t)i, 80);
  bl_sender_flush (&sender);
  for (unsigned i = 0; i < n_sends; i++)
    total += sends[i].length;
  ck_assert_uint_eq (total, 500 * 1480);
  ck_assert_uint_eq (counters.packets_out, 1000);
  ck_assert_uint_eq (counters.bytes_out, total);
}
END_TEST

START_TEST (a_reserved_place_may_be_given_up)
{
  put (5000, 1, 100);
  ck_assert_ptr_nonnull (bl_sender_reserve (&sender));
  put (5000, 2, 100);
  bl_sender_flush (&sender);
  ck_assert_uint_eq (n_sends, 1);
  ck_assert_uint_eq (sends[0].length, 200);
}
END_TEST

START_TEST (what_the_kernel_refuses_is_dropped_and_counted)
{
  result = BL_UDP_REFUSED;
  put (5000, 1, 100);
  put (5000, 2, 100);
  ck_assert (bl_sender_flush (&sender));
  result = BL_UDP_SENT;
  put (5000, 3, 100);
  bl_sender_flush (&sender);
  ck_assert_uint_eq (counters.drops[BL_DROP_SEND_ERROR], 2);
  ck_assert_uint_eq (counters.failed_sends, 1);
  ck_assert_uint_eq (counters.packets_out, 1);
}
END_TEST

START_TEST (a_full_socket_keeps_the_run_and_takes_nothing_else)
{
  result = BL_UDP_FULL;
  put (5000, 1, 100);
  put (5000, 2, 100);
  ck_assert (!bl_sender_flush (&sender));
  ck_assert (bl_sender_blocked (&sender));
  /* Nobody gets a place, and nobody asks the kernel in vain. */
  ck_assert (!put (5000, 3, 100));
  ck_assert (!put (5001, 4, 100));
  ck_assert (!bl_sender_flush (&sender));
  ck_assert_uint_eq (n_sends, 1);
  ck_assert (!bl_sender_resume (&sender));
  result = BL_UDP_SENT;
  ck_assert (bl_sender_resume (&sender));
  ck_assert (put (5001, 5, 100));
  bl_sender_flush (&sender);
  ck_assert_uint_eq (n_left, 3);
  ck_assert_mem_eq (left, ((uint8_t[]){ 1, 2, 5 }), 3);
  ck_assert_uint_eq (sends[2].port, 5000);
  ck_assert_uint_eq (sends[3].port, 5001);
  ck_assert_uint_eq (counters.blocked_sends, 2);
  ck_assert_uint_eq (counters.packets_out, 3);
  ck_assert_uint_eq (counters.drops[BL_DROP_SEND_ERROR], 0);
}
END_TEST

/* The lengths of two packets: the commit of the second ends the first's run. */
static const size_t enders[][2] = { { 100, 120 }, { 100, 60 } };

START_TEST (a_packet_whose_commit_finds_the_socket_full_waits_behind)
{
  put (5000, 1, enders[_i][0]);
  result = BL_UDP_FULL;
  put (5000, 2, enders[_i][1]);
  ck_assert (bl_sender_blocked (&sender));
  ck_assert_ptr_null (bl_sender_reserve (&sender));
  result = BL_UDP_SENT;
  ck_assert (bl_sender_resume (&sender));
  put (5000, 3, enders[_i][1]);
  bl_sender_flush (&sender);
  ck_assert_uint_eq (n_left, 3);
  ck_assert_mem_eq (left, ((uint8_t[]){ 1, 2, 3 }), 3);
}
END_TEST

START_TEST (of_a_run_that_left_in_part_the_rest_is_kept)
{
  for (uint8_t mark = 1; mark <= 5; mark++)
    put (5000, mark, 100);
  result = BL_UDP_FULL;
  taken_bytes = 200;
  ck_assert (!bl_sender_flush (&sender));
  ck_assert_uint_eq (counters.packets_out, 2);
  result = BL_UDP_SENT;
  ck_assert (bl_sender_resume (&sender));
  ck_assert_uint_eq (sends[1].length, 300);
  ck_assert_uint_eq (n_left, 5);
  ck_assert_mem_eq (left, ((uint8_t[]){ 1, 2, 3, 4, 5 }), 5);
  ck_assert_uint_eq (counters.packets_out, 5);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("relay/sender");
  TCase *tcase = tcase_create ("sender");
  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_loop_test (
      tcase, equal_packets_leave_together_and_a_shorter_one_ends_the_run, 0,
      G_N_ELEMENTS (cases));
  tcase_add_test (tcase, another_path_ends_the_run_and_keeps_the_order);
  tcase_add_test (tcase, a_long_run_is_cut_to_what_the_kernel_takes);
  tcase_add_test (tcase, a_reserved_place_may_be_given_up);
  tcase_add_test (tcase, what_the_kernel_refuses_is_dropped_and_counted);
  tcase_add_test (tcase, a_full_socket_keeps_the_run_and_takes_nothing_else);
  tcase_add_loop_test (tcase,
                       a_packet_whose_commit_finds_the_socket_full_waits_behind,
                       0, G_N_ELEMENTS (enders));
  tcase_add_test (tcase, of_a_run_that_left_in_part_the_rest_is_kept);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
