/* SPDX-License-Identifier: Apache-2.0 */
#include "base/packet.h"

#include <signal.h>

#include "run_suite.h"

START_TEST (a_pool_gives_what_it_has_and_then_nothing)
{
  BlPacketPool *pool = bl_packet_pool_new (3);
  BlPacket *packets[3];
  for (int i = 0; i < 3; i++) {
    packets[i] = bl_packet_new (pool);
    ck_assert_ptr_nonnull (packets[i]);
    for (int j = 0; j < i; j++)
      ck_assert_ptr_ne (packets[i], packets[j]);
  }
  ck_assert_uint_eq (bl_packet_pool_left (pool), 0);
  ck_assert_ptr_null (bl_packet_new (pool));
  for (int i = 0; i < 3; i++)
    bl_packet_unref (&packets[i]);
  ck_assert_uint_eq (bl_packet_pool_left (pool), 3);
  bl_packet_pool_free (pool);
}
END_TEST

START_TEST (a_warm_pool_has_no_more_packets_than_a_cold_one)
{
  BlPacketPool *pool = bl_packet_pool_new (3);
  BlPacket *packets[3];
  bl_packet_pool_warm (pool, 2);
  bl_packet_pool_warm (pool, 4);
  ck_assert_uint_eq (bl_packet_pool_left (pool), 3);
  for (int i = 0; i < 3; i++) {
    packets[i] = bl_packet_new (pool);
    ck_assert_ptr_nonnull (packets[i]);
    for (int before = 0; before < i; before++)
      ck_assert_ptr_ne (packets[i], packets[before]);
  }
  ck_assert_ptr_null (bl_packet_new (pool));
  for (int i = 0; i < 3; i++)
    bl_packet_unref (&packets[i]);
  bl_packet_pool_free (pool);
}
END_TEST

START_TEST (warming_again_takes_what_was_warm_before)
{
  BlPacketPool *pool = bl_packet_pool_new (3);
  bl_packet_pool_warm (pool, 1);
  BlPacket *packet = bl_packet_new (pool);
  const BlPacket *first = packet;
  bl_packet_unref (&packet);
  bl_packet_pool_warm (pool, 1);
  packet = bl_packet_new (pool);
  ck_assert_ptr_eq (packet, first);
  bl_packet_unref (&packet);
  bl_packet_pool_free (pool);
}
END_TEST

START_TEST (a_packet_comes_back_with_its_last_reference)
{
  BlPacketPool *pool = bl_packet_pool_new (1);
  BlPacket *packet = bl_packet_new (pool);
  BlPacket *second = bl_packet_ref (packet);
  bl_packet_unref (&packet);
  ck_assert_ptr_null (packet);
  ck_assert_uint_eq (bl_packet_pool_left (pool), 0);
  bl_packet_unref (&second);
  ck_assert_uint_eq (bl_packet_pool_left (pool), 1);
  bl_packet_pool_free (pool);
}
END_TEST

START_TEST (a_packet_is_empty_again_when_it_is_given_again)
{
  BlPacketPool *pool = bl_packet_pool_new (1);
  BlPacket *packet = bl_packet_new (pool);
  packet->length = 100;
  packet->received_us = 5;
  bl_packet_unref (&packet);
  packet = bl_packet_new (pool);
  ck_assert_uint_eq (packet->length, 0);
  ck_assert_int_eq (packet->received_us, 0);
  ck_assert_uint_eq (packet->refs, 1);
  bl_packet_unref (&packet);
  bl_packet_pool_free (pool);
}
END_TEST

START_TEST (nothing_can_be_freed_and_unreferenced)
{
  BlPacket *none = NULL;
  bl_packet_unref (&none);
  bl_packet_pool_free (NULL);
  BlPacketPool *empty = bl_packet_pool_new (0);
  ck_assert_ptr_null (bl_packet_new (empty));
  bl_packet_pool_free (empty);
}
END_TEST

START_TEST (a_pool_with_a_packet_out_is_not_freed)
{
  BlPacketPool *pool = bl_packet_pool_new (1);
  BlPacket *packet = bl_packet_new (pool);
  ck_assert_ptr_nonnull (packet);
  bl_packet_pool_free (pool); /* aborts */
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("base/packet");
  TCase *tcase = tcase_create ("packet");
  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, a_warm_pool_has_no_more_packets_than_a_cold_one);
  tcase_add_test (tcase, warming_again_takes_what_was_warm_before);
  tcase_add_test (tcase, a_pool_gives_what_it_has_and_then_nothing);
  tcase_add_test (tcase, a_packet_comes_back_with_its_last_reference);
  tcase_add_test (tcase, a_packet_is_empty_again_when_it_is_given_again);
  tcase_add_test (tcase, nothing_can_be_freed_and_unreferenced);
  tcase_add_test_raise_signal (tcase, a_pool_with_a_packet_out_is_not_freed,
                               SIGABRT);
  return run_suite (suite);
}
