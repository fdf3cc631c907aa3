/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/call.h"

const char *
bl_call_state_name (BlCallState state)
{
  static const char *const names[] = {
    [BL_CALL_IDLE] = "idle",     [BL_CALL_CALLING] = "calling",
    [BL_CALL_LIVE] = "live",     [BL_CALL_RECONNECTING] = "reconnecting",
    [BL_CALL_ENDING] = "ending",
  };
  return names[state];
}

static void
plan (BlCall *c, BlCallAction action, BlTime at)
{
  c->action = action;
  c->action_at_us = at;
}

static void
become_idle (BlCall *c)
{
  c->state = BL_CALL_IDLE;
  c->was_live = false;
  c->has_session = false;
  c->tries = 0;
  c->keep_session_until_us = 0;
  plan (c, BL_CALL_WAIT, BL_TIME_NEVER);
}

void
bl_call_init (BlCall *call, uint64_t seed)
{
  *call = (BlCall){ .random = seed | 1 };
  become_idle (call);
}

/* xorshift64*: chance enough to spread a fleet. */
static uint32_t
chance (BlCall *c)
{
  c->random ^= c->random >> 12;
  c->random ^= c->random << 25;
  c->random ^= c->random >> 27;
  return (uint32_t)((c->random * UINT64_C (0x2545f4914f6cdd1d)) >> 32);
}

static BlTime
retry_delay (BlCall *c, BlTime longest_us)
{
  BlTime delay = BL_CALL_RETRY_FIRST_US;
  for (uint32_t i = 0; i < c->tries && delay < longest_us; i++)
    delay *= 2;
  c->tries++;
  BlTime spread = delay / 2;
  return delay - spread / 2 + (BlTime)((uint64_t)spread * chance (c) >> 32);
}

bool
bl_call_start (BlCall *call, bool resumed, BlTime now)
{
  if (call->state != BL_CALL_IDLE)
    return false;
  call->state = resumed ? BL_CALL_RECONNECTING : BL_CALL_CALLING;
  call->was_live = resumed;
  call->since_us = now;
  plan (call, BL_CALL_NEW_SESSION, now);
  return true;
}

bool
bl_call_hang_up (BlCall *call, BlTime now)
{
  if (call->state == BL_CALL_IDLE || call->state == BL_CALL_ENDING)
    return false;
  if (!call->has_session) {
    become_idle (call);
    return true;
  }
  call->state = BL_CALL_ENDING;
  plan (call, BL_CALL_DELETE, now);
  return true;
}

static bool
is_on (const BlCall *call)
{
  return call->state == BL_CALL_CALLING || call->state == BL_CALL_LIVE
         || call->state == BL_CALL_RECONNECTING;
}

void
bl_call_on_session (BlCall *call)
{
  if (is_on (call))
    call->has_session = true;
}

void
bl_call_on_connected (BlCall *call, BlTime now)
{
  (void)now;
  if (!is_on (call))
    return;
  call->state = BL_CALL_LIVE;
  call->was_live = true;
  call->tries = 0;
  plan (call, BL_CALL_WAIT, BL_TIME_NEVER);
}

static void
reconnect (BlCall *c, BlCallAction action, BlTime at)
{
  if (c->was_live)
    c->state = BL_CALL_RECONNECTING;
  plan (c, action, at);
}

/* Asks for the session's paths again as long as the relay may have it. */
static void
reconnect_soon (BlCall *c, bool keep_session, BlTime now)
{
  if (keep_session && now < c->keep_session_until_us)
    reconnect (c, BL_CALL_RESTART_ICE,
               now + retry_delay (c, BL_CALL_RESTART_MAX_US));
  else
    reconnect (c, BL_CALL_NEW_SESSION,
               now + retry_delay (c, BL_CALL_RETRY_MAX_US));
}

void
bl_call_on_lost (BlCall *call, bool keyed, BlTime now)
{
  if (!is_on (call))
    return;
  if (!keyed || call->state != BL_CALL_LIVE) {
    reconnect_soon (call, keyed, now);
    return;
  }
  call->keep_session_until_us = now + BL_CALL_KEEP_US;
  reconnect (call, BL_CALL_RESTART_ICE, now);
}

void
bl_call_on_silent (BlCall *call, BlTime now)
{
  if (call->state != BL_CALL_LIVE)
    return;
  call->state = BL_CALL_RECONNECTING;
  call->keep_session_until_us = now + BL_CALL_KEEP_US;
}

void
bl_call_on_failed (BlCall *call, bool final, BlTime now)
{
  /* A restart that failed while the old paths work is no loss. */
  if (!is_on (call) || call->state == BL_CALL_LIVE)
    return;
  if (final && !call->was_live) {
    become_idle (call);
    return;
  }
  reconnect_soon (call, !final && call->under_way == BL_CALL_RESTART_ICE, now);
}

void
bl_call_on_gone (BlCall *call, BlTime now)
{
  if (!is_on (call))
    return;
  call->has_session = false;
  reconnect (call, BL_CALL_NEW_SESSION, now);
}

void
bl_call_on_over (BlCall *call, BlTime now)
{
  if (!is_on (call))
    return;
  call->has_session = false;
  /* It answers: what made us wait before is past. */
  call->tries = 0;
  reconnect (call, BL_CALL_NEW_SESSION,
             now + retry_delay (call, BL_CALL_RETRY_MAX_US));
}

void
bl_call_on_network_changed (BlCall *call, BlTime now)
{
  if (!is_on (call) || call->state == BL_CALL_LIVE)
    return;
  bool restart = call->under_way == BL_CALL_RESTART_ICE
                 && now < call->keep_session_until_us;
  call->tries = 0;
  plan (call, restart ? BL_CALL_RESTART_ICE : BL_CALL_NEW_SESSION, now);
}

void
bl_call_on_deleted (BlCall *call)
{
  if (call->state == BL_CALL_ENDING)
    become_idle (call);
}

BlCallAction
bl_call_take_action (BlCall *call, BlTime now)
{
  if (call->action == BL_CALL_WAIT || now < call->action_at_us)
    return BL_CALL_WAIT;
  BlCallAction action = call->action;
  call->under_way = action;
  plan (call, BL_CALL_WAIT, BL_TIME_NEVER);
  return action;
}

BlTime
bl_call_deadline (const BlCall *call)
{
  return call->action == BL_CALL_WAIT ? BL_TIME_NEVER : call->action_at_us;
}
