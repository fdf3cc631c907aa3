/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/call.h"

#include <string.h>

#include "../run_suite.h"

typedef enum {
  START,
  RESUME,
  HANG_UP,
  SESSION,
  CONNECTED,
  LOST_KEYED,
  LOST_BARE,
  FAILED,
  REFUSED,
  GONE,
  OVER,
  NETWORK,
  DELETED,
  SILENT,
  END,
} Event;

static void
feed (BlCall *c, Event event, BlTime now)
{
  switch (event) {
  case START:
    ck_assert (bl_call_start (c, false, now));
    break;
  case RESUME:
    ck_assert (bl_call_start (c, true, now));
    break;
  case HANG_UP:
    ck_assert (bl_call_hang_up (c, now));
    break;
  case SESSION:
    bl_call_on_session (c);
    break;
  case CONNECTED:
    bl_call_on_connected (c, now);
    break;
  case LOST_KEYED:
    bl_call_on_lost (c, true, now);
    break;
  case LOST_BARE:
    bl_call_on_lost (c, false, now);
    break;
  case FAILED:
    bl_call_on_failed (c, false, now);
    break;
  case REFUSED:
    bl_call_on_failed (c, true, now);
    break;
  case GONE:
    bl_call_on_gone (c, now);
    break;
  case OVER:
    bl_call_on_over (c, now);
    break;
  case NETWORK:
    bl_call_on_network_changed (c, now);
    break;
  case DELETED:
    bl_call_on_deleted (c);
    break;
  case SILENT:
    bl_call_on_silent (c, now);
    break;
  case END:
    break;
  }
}

/* After each event the next action is taken when it is due. */
static const struct {
  const char *name;
  Event events[10];
  BlCallState state;
  BlCallAction last; /* the action after the last event */
} stories[] = {
  { "a call begins with a session",
    { START, END },
    BL_CALL_CALLING,
    BL_CALL_NEW_SESSION },
  { "media makes it live",
    { START, SESSION, CONNECTED, END },
    BL_CALL_LIVE,
    BL_CALL_WAIT },
  { "a lost path is first mended by ICE",
    { START, SESSION, CONNECTED, LOST_KEYED, END },
    BL_CALL_RECONNECTING,
    BL_CALL_RESTART_ICE },
  { "and is live again",
    { START, SESSION, CONNECTED, LOST_KEYED, CONNECTED, END },
    BL_CALL_LIVE,
    BL_CALL_WAIT },
  { "if that does not help it is tried again",
    { START, SESSION, CONNECTED, LOST_KEYED, LOST_KEYED, END },
    BL_CALL_RECONNECTING,
    BL_CALL_RESTART_ICE },
  { "and if it could not be asked for, it is asked for again",
    { START, SESSION, CONNECTED, LOST_KEYED, FAILED, FAILED, FAILED, END },
    BL_CALL_RECONNECTING,
    BL_CALL_RESTART_ICE },
  { "a restart that is refused leads to a new session",
    { START, SESSION, CONNECTED, LOST_KEYED, REFUSED, END },
    BL_CALL_RECONNECTING,
    BL_CALL_NEW_SESSION },
  { "paths that came back make a failed restart no matter",
    { START, SESSION, CONNECTED, LOST_KEYED, CONNECTED, FAILED, END },
    BL_CALL_LIVE,
    BL_CALL_WAIT },
  { "a session that is gone is made again",
    { START, SESSION, CONNECTED, LOST_KEYED, GONE, END },
    BL_CALL_RECONNECTING,
    BL_CALL_NEW_SESSION },
  { "a call that the relay has ended is begun anew",
    { START, SESSION, CONNECTED, LOST_BARE, OVER, END },
    BL_CALL_RECONNECTING,
    BL_CALL_NEW_SESSION },
  { "and there is nothing to delete of it",
    { RESUME, SESSION, OVER, HANG_UP, END },
    BL_CALL_IDLE,
    BL_CALL_WAIT },
  { "without DTLS there is nothing to restart",
    { START, SESSION, CONNECTED, LOST_BARE, END },
    BL_CALL_RECONNECTING,
    BL_CALL_NEW_SESSION },
  { "a path that never was is not restarted",
    { START, SESSION, LOST_KEYED, END },
    BL_CALL_CALLING,
    BL_CALL_NEW_SESSION },
  { "an unreachable relay is called again",
    { START, FAILED, FAILED, END },
    BL_CALL_CALLING,
    BL_CALL_NEW_SESSION },
  { "a refusal ends a call that never was",
    { START, REFUSED, END },
    BL_CALL_IDLE,
    BL_CALL_WAIT },
  { "but not one that was live",
    { START, SESSION, CONNECTED, LOST_BARE, REFUSED, END },
    BL_CALL_RECONNECTING,
    BL_CALL_NEW_SESSION },
  { "nor one that is resumed",
    { RESUME, REFUSED, END },
    BL_CALL_RECONNECTING,
    BL_CALL_NEW_SESSION },
  { "a resumed call reconnects",
    { RESUME, END },
    BL_CALL_RECONNECTING,
    BL_CALL_NEW_SESSION },
  { "hanging up deletes the session",
    { START, SESSION, CONNECTED, HANG_UP, END },
    BL_CALL_ENDING,
    BL_CALL_DELETE },
  { "and then it is over",
    { START, SESSION, CONNECTED, HANG_UP, DELETED, END },
    BL_CALL_IDLE,
    BL_CALL_WAIT },
  { "hanging up without a session is over at once",
    { START, FAILED, HANG_UP, END },
    BL_CALL_IDLE,
    BL_CALL_WAIT },
  { "hanging up a lost call deletes what the relay may still have",
    { START, SESSION, CONNECTED, LOST_BARE, HANG_UP, END },
    BL_CALL_ENDING,
    BL_CALL_DELETE },
  { "nothing brings back a call that was hung up",
    { START, SESSION, CONNECTED, HANG_UP, CONNECTED, LOST_KEYED, FAILED, GONE,
      NETWORK, END },
    BL_CALL_ENDING,
    BL_CALL_WAIT },
  { "a live call leaves other networks to the uplink",
    { START, SESSION, CONNECTED, NETWORK, END },
    BL_CALL_LIVE,
    BL_CALL_WAIT },
  { "a lost one tries at once",
    { START, SESSION, CONNECTED, LOST_KEYED, FAILED, NETWORK, END },
    BL_CALL_RECONNECTING,
    BL_CALL_RESTART_ICE },
  { "a path that dies meanwhile is no longer called live",
    { START, SESSION, CONNECTED, NETWORK, SILENT, END },
    BL_CALL_RECONNECTING,
    BL_CALL_WAIT },
  { "and is when the other one works",
    { START, SESSION, CONNECTED, NETWORK, SILENT, CONNECTED, END },
    BL_CALL_LIVE,
    BL_CALL_WAIT },
  { "an attempt over a network that is gone is not waited for",
    { START, NETWORK, END },
    BL_CALL_CALLING,
    BL_CALL_NEW_SESSION },
  { "a call after a call",
    { START, SESSION, CONNECTED, HANG_UP, DELETED, START, END },
    BL_CALL_CALLING,
    BL_CALL_NEW_SESSION },
};

START_TEST (a_call_lives_its_life)
{
  BlCall c;
  bl_call_init (&c, 42);
  BlTime now = 1000 * BL_SECOND;
  BlCallAction last = BL_CALL_WAIT;
  for (const Event *e = stories[_i].events; *e != END; e++) {
    feed (&c, *e, now);
    BlTime due = bl_call_deadline (&c);
    now = due == BL_TIME_NEVER ? now + BL_MS : due > now ? due : now;
    last = bl_call_take_action (&c, now);
    ck_assert_int_eq (bl_call_take_action (&c, now), BL_CALL_WAIT);
  }
  ck_assert_msg (c.state == stories[_i].state, "%s: %s", stories[_i].name,
                 bl_call_state_name (c.state));
  ck_assert_msg (last == stories[_i].last, "%s: action %d", stories[_i].name,
                 last);
}
END_TEST

START_TEST (retries_wait_longer_up_to_a_bound_and_differ_by_chance)
{
  BlTime first_delays[2];
  for (int vehicle = 0; vehicle < 2; vehicle++) {
    BlCall c;
    bl_call_init (&c, 1 + (uint64_t)vehicle * 977);
    BlTime now = 0, nominal = BL_CALL_RETRY_FIRST_US;
    feed (&c, START, now);
    bl_call_take_action (&c, now);
    for (int i = 0; i < 12; i++) {
      feed (&c, FAILED, now);
      BlTime delay = bl_call_deadline (&c) - now;
      ck_assert_int_ge (delay, nominal * 3 / 4);
      ck_assert_int_le (delay, nominal * 5 / 4);
      if (i == 0)
        first_delays[vehicle] = delay;
      ck_assert_int_eq (bl_call_take_action (&c, now + delay - 1),
                        BL_CALL_WAIT);
      now += delay;
      ck_assert_int_eq (bl_call_take_action (&c, now), BL_CALL_NEW_SESSION);
      nominal = nominal * 2 < BL_CALL_RETRY_MAX_US ? nominal * 2
                                                   : BL_CALL_RETRY_MAX_US;
    }
  }
  ck_assert_int_ne (first_delays[0], first_delays[1]);
}
END_TEST

START_TEST (success_starts_the_waits_anew)
{
  BlCall c;
  bl_call_init (&c, 7);
  feed (&c, START, 0);
  for (int i = 0; i < 6; i++) {
    bl_call_take_action (&c, BL_TIME_NEVER);
    feed (&c, FAILED, 0);
  }
  bl_call_take_action (&c, BL_TIME_NEVER);
  feed (&c, SESSION, 0);
  feed (&c, CONNECTED, 0);
  feed (&c, LOST_BARE, 0);
  ck_assert_int_le (bl_call_deadline (&c), BL_CALL_RETRY_FIRST_US * 5 / 4);
}
END_TEST

START_TEST (a_network_that_comes_back_ends_the_wait)
{
  BlCall c;
  bl_call_init (&c, 7);
  feed (&c, START, 0);
  for (int i = 0; i < 8; i++) {
    bl_call_take_action (&c, BL_TIME_NEVER);
    feed (&c, FAILED, 0);
  }
  ck_assert_int_gt (bl_call_deadline (&c), 4 * BL_SECOND);
  feed (&c, NETWORK, BL_SECOND);
  ck_assert_int_eq (bl_call_take_action (&c, BL_SECOND), BL_CALL_NEW_SESSION);
}
END_TEST

START_TEST (a_session_that_the_relay_has_given_up_is_not_waited_for)
{
  BlCall c;
  bl_call_init (&c, 7);
  feed (&c, START, 0);
  feed (&c, SESSION, 0);
  feed (&c, CONNECTED, 0);
  feed (&c, LOST_KEYED, 0);
  BlTime now = 0;
  while (now < BL_CALL_KEEP_US) {
    ck_assert_int_eq (bl_call_take_action (&c, now), BL_CALL_RESTART_ICE);
    feed (&c, FAILED, now);
    BlTime due = bl_call_deadline (&c);
    ck_assert_int_le (due - now, BL_CALL_RESTART_MAX_US * 5 / 4);
    now = due;
  }
  bl_call_take_action (&c, now);
  feed (&c, FAILED, now);
  ck_assert_int_eq (bl_call_take_action (&c, bl_call_deadline (&c)),
                    BL_CALL_NEW_SESSION);
}
END_TEST

START_TEST (a_second_call_and_a_second_hang_up_are_refused)
{
  BlCall c;
  bl_call_init (&c, 7);
  ck_assert (!bl_call_hang_up (&c, 0));
  ck_assert (bl_call_start (&c, false, 0));
  ck_assert (!bl_call_start (&c, false, 0));
  feed (&c, SESSION, 0);
  ck_assert (bl_call_hang_up (&c, 0));
  ck_assert (!bl_call_hang_up (&c, 0));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vehicle/call");
  TCase *tc = tcase_create ("call");
  tcase_add_loop_test (tc, a_call_lives_its_life, 0,
                       (int)(sizeof stories / sizeof *stories));
  tcase_add_test (tc, retries_wait_longer_up_to_a_bound_and_differ_by_chance);
  tcase_add_test (tc, success_starts_the_waits_anew);
  tcase_add_test (tc, a_network_that_comes_back_ends_the_wait);
  tcase_add_test (tc, a_session_that_the_relay_has_given_up_is_not_waited_for);
  tcase_add_test (tc, a_second_call_and_a_second_hang_up_are_refused);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
