/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/room.h"

#include <stdlib.h>

#include "../run_suite.h"

#define PACKET 77 /* bytes */

static BlRoom room;
static BlTime now;
static uint16_t seq;

static void
begin (bool can_probe)
{
  bl_room_init (&room, can_probe);
  now = 1000 * BL_SECOND;
  seq = 65533;
}

/* No room for so long; true if that closed it. */
static bool
none_for (BlTime us, bool stalled)
{
  bool changed = false;
  for (BlTime until = now + us; now < until; now += 10 * BL_MS)
    changed |= bl_room_on_rate (&room, false, stalled, now);
  return changed;
}

/* A train leaves when it is due, and arrives over a path of so many bit/s. */
static void
probe (uint64_t bps)
{
  ck_assert_int_ne (bl_room_probe_at (&room), BL_TIME_NEVER);
  now = bl_room_probe_at (&room);
  uint16_t first = seq;
  uint32_t arrival = UINT32_MAX - 100; /* it wraps */
  while (!bl_room_on_probe (&room, seq++, PACKET, now))
    ;
  for (unsigned i = 0; i < BL_ROOM_TRAIN; i++) {
    bl_room_on_arrival (&room, (uint16_t)(first + i), arrival);
    /* In a report more than once. */
    bl_room_on_arrival (&room, first, UINT32_MAX / 2);
    arrival += (uint32_t)(PACKET * 8 * UINT64_C (65536) / bps);
  }
}

/* As congestion control sees it on a path where sound alone is sent. */
static bool
opens (void)
{
  return bl_room_on_rate (&room, true, false, now);
}

START_TEST (it_closes_when_there_is_none_for_a_second)
{
  begin (true);
  ck_assert (!none_for (900 * BL_MS, false));
  ck_assert (!bl_room_on_rate (&room, true, false, now));
  ck_assert (!none_for (900 * BL_MS, false));
  ck_assert (none_for (200 * BL_MS, false));
  ck_assert (!room.open);
}
END_TEST

START_TEST (an_outage_does_not_close_it)
{
  begin (true);
  ck_assert (!none_for (60 * BL_SECOND, true));
  ck_assert (room.open);
}
END_TEST

START_TEST (short_stalls_of_a_narrow_path_count_as_no_room)
{
  bool closed = false;
  begin (true);
  for (unsigned i = 0; i < 8 && !closed; i++)
    closed = none_for (100 * BL_MS, true) || none_for (50 * BL_MS, false);
  ck_assert (closed);
}
END_TEST

static const struct {
  uint64_t bps;
  bool opens;
} paths[] = { { 40000, false }, { 60000, false },  { 150000, false },
              { 400000, true }, { 1500000, true }, { 100000000, true } };

START_TEST (two_trains_that_arrive_close_together_open_it)
{
  begin (true);
  none_for (2 * BL_SECOND, false);
  ck_assert (!room.open);
  BlTime widened = now;
  probe (paths[_i].bps);
  ck_assert (!opens ());
  probe (paths[_i].bps);
  ck_assert_int_eq (opens (), paths[_i].opens);
  ck_assert_int_le (now - widened, 2 * BL_ROOM_WAIT_US);
  ck_assert_int_eq (bl_room_probe_at (&room) == BL_TIME_NEVER, paths[_i].opens);
}
END_TEST

START_TEST (one_that_does_not_begins_the_count_anew)
{
  begin (true);
  none_for (2 * BL_SECOND, false);
  for (unsigned i = 0; i < 5; i++) {
    probe (1500000);
    ck_assert (!opens ());
    probe (40000);
    ck_assert (!opens ());
  }
}
END_TEST

START_TEST (a_train_that_lost_a_packet_tells_nothing)
{
  begin (true);
  none_for (2 * BL_SECOND, false);
  probe (1500000);
  now = bl_room_probe_at (&room);
  while (!bl_room_on_probe (&room, seq++, PACKET, now))
    ;
  for (unsigned i = 1; i < BL_ROOM_TRAIN; i++)
    bl_room_on_arrival (&room, (uint16_t)(seq - BL_ROOM_TRAIN + i), 5);
  ck_assert (!opens ());
  probe (1500000);
  ck_assert (opens ());
}
END_TEST

/* By satellite, or behind a queue that is slow to empty. */
START_TEST (answers_may_come_when_further_trains_have_left)
{
  begin (true);
  none_for (2 * BL_SECOND, false);
  uint16_t first = seq;
  for (unsigned train = 0; train < 4; train++) {
    now = bl_room_probe_at (&room);
    while (!bl_room_on_probe (&room, seq++, PACKET, now))
      ;
  }
  for (unsigned i = 0; i < 2 * BL_ROOM_TRAIN; i++) {
    ck_assert (!opens ());
    bl_room_on_arrival (&room, first++, 1000 + i / BL_ROOM_TRAIN * 32768);
  }
  ck_assert (opens ());
}
END_TEST

START_TEST (halves_of_two_trains_are_none)
{
  begin (true);
  none_for (2 * BL_SECOND, false);
  for (unsigned train = 0; train < 8; train++) {
    now = bl_room_probe_at (&room);
    uint16_t first = seq;
    while (!bl_room_on_probe (&room, seq++, PACKET, now))
      ;
    for (unsigned i = 0; i < BL_ROOM_TRAIN; i++)
      if ((i < BL_ROOM_TRAIN / 2) == (train % 2 == 0))
        bl_room_on_arrival (&room, (uint16_t)(first + i), 1000);
    ck_assert (!opens ());
  }
}
END_TEST

START_TEST (in_vain_it_is_tried_more_seldom)
{
  begin (true);
  none_for (2 * BL_SECOND, false);
  BlTime last = 0;
  for (unsigned i = 0; i < 6; i++) {
    probe (1500000);
    probe (1500000);
    ck_assert (opens ());
    none_for (2 * BL_SECOND, false);
    ck_assert (!room.open);
    ck_assert_int_ge (room.wait_us, last);
    last = room.wait_us;
  }
  ck_assert_int_eq (last, BL_ROOM_WAIT_MOST_US);
  probe (1500000);
  probe (1500000);
  ck_assert (opens ());
  now += BL_ROOM_STABLE_US;
  none_for (2 * BL_SECOND, false);
  ck_assert_int_eq (room.wait_us, BL_ROOM_WAIT_US);
}
END_TEST

START_TEST (where_nothing_tells_of_arrivals_it_is_tried)
{
  begin (false);
  none_for (2 * BL_SECOND, false);
  ck_assert (!room.open);
  ck_assert_int_eq (bl_room_probe_at (&room), BL_TIME_NEVER);
  now += BL_ROOM_WAIT_US;
  ck_assert (!bl_room_on_rate (&room, false, false, now));
  ck_assert (opens ());
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vehicle/room");
  TCase *tcase = tcase_create ("room");
  tcase_add_test (tcase, it_closes_when_there_is_none_for_a_second);
  tcase_add_test (tcase, an_outage_does_not_close_it);
  tcase_add_test (tcase, short_stalls_of_a_narrow_path_count_as_no_room);
  tcase_add_loop_test (tcase, two_trains_that_arrive_close_together_open_it, 0,
                       sizeof paths / sizeof paths[0]);
  tcase_add_test (tcase, one_that_does_not_begins_the_count_anew);
  tcase_add_test (tcase, a_train_that_lost_a_packet_tells_nothing);
  tcase_add_test (tcase, answers_may_come_when_further_trains_have_left);
  tcase_add_test (tcase, halves_of_two_trains_are_none);
  tcase_add_test (tcase, in_vain_it_is_tried_more_seldom);
  tcase_add_test (tcase, where_nothing_tells_of_arrivals_it_is_tried);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
