/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/sender.h"

#include <string.h>

#include "../run_suite.h"

#define MAX_SENDS 300

static BlSender sender;
static BlWorkerCounters counters;
static BlUdpSend result;
static unsigned n_sends;
static struct {
  uint16_t port;
  size_t length;
  uint16_t segment_bytes;
  uint8_t first;
} sends[MAX_SENDS];

static BlUdpSend
note_send (void *data, const BlPath *path, const uint8_t *bytes, size_t length,
           uint16_t segment_bytes, guint64 *out_calls)
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
  ++*out_calls;
  return result;
}

static void
put (uint16_t port, uint8_t mark, size_t length)
{
  BlPath path = { 0 };
  bl_address_parse ("192.0.2.1", port, &path.peer);
  uint8_t *at = bl_sender_reserve (&sender, &path, BL_PACKET_CAPACITY);
  memset (at, mark, length);
  bl_sender_commit (&sender, length);
}

static void
set_up (void)
{
  memset (&counters, 0, sizeof counters);
  n_sends = 0;
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
  BlPath path = { 0 };
  put (5000, 1, 100);
  bl_address_parse ("192.0.2.1", 5000, &path.peer);
  bl_sender_reserve (&sender, &path, 1000);
  put (5000, 2, 100);
  bl_sender_flush (&sender);
  ck_assert_uint_eq (n_sends, 1);
  ck_assert_uint_eq (sends[0].length, 200);
}
END_TEST

START_TEST (what_is_not_taken_is_counted_by_reason)
{
  result = BL_UDP_FULL;
  put (5000, 1, 100);
  put (5000, 1, 100);
  bl_sender_flush (&sender);
  result = BL_UDP_REFUSED;
  put (5000, 1, 100);
  bl_sender_flush (&sender);
  ck_assert_uint_eq (counters.drops[BL_DROP_SEND_FULL], 2);
  ck_assert_uint_eq (counters.drops[BL_DROP_SEND_ERROR], 1);
  ck_assert_uint_eq (counters.packets_out, 0);
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
  tcase_add_test (tcase, what_is_not_taken_is_counted_by_reason);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
