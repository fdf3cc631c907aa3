/* SPDX-License-Identifier: Apache-2.0
 *
 * A call's life, as logic alone: what to do next, and when. No I/O and no
 * clock; events come in with their time, actions are asked for.
 *
 *   IDLE --start--> CALLING --connected--> LIVE --lost--> RECONNECTING
 *                      |                     ^                 |
 *                      +---refused: IDLE     +----connected----+
 *   any but IDLE --hang up--> ENDING --deleted--> IDLE
 *
 * Shape of use, after each event and when bl_call_deadline() is reached:
 *   switch (bl_call_take_action (&call, now)) ...
 * An action that was taken is under way until an event says how it ended. An
 * action given meanwhile (hanging up, another network) takes its place.
 *
 * Lost paths come back by themselves (uplink.h) while the relay keeps the
 * session; meanwhile an ICE restart is tried at once and again and again, which
 * also tells whether it still does. Only when it does not, or after
 * BL_CALL_KEEP_US, comes a new session for the same call. What is tried again
 * is tried after 0.5 s, 1 s, … 8 s (restarts: 2 s), each a quarter more or less
 * by chance, so that a fleet doesn't return in step. A refusal that only a
 * person can change ends a call that was never live; one that was goes on
 * trying, because the patient is still there.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bltime.h"

#define BL_CALL_RETRY_FIRST_US (500 * BL_MS)
#define BL_CALL_RETRY_MAX_US   (8 * BL_SECOND)
#define BL_CALL_RESTART_MAX_US (2 * BL_SECOND)

/* As long as the relay keeps a silent session. */
#define BL_CALL_KEEP_US (90 * BL_SECOND)

typedef enum {
  BL_CALL_IDLE,
  BL_CALL_CALLING,
  BL_CALL_LIVE,
  BL_CALL_RECONNECTING,
  BL_CALL_ENDING,
} BlCallState;

typedef enum {
  BL_CALL_WAIT,        /* nothing to do now */
  BL_CALL_NEW_SESSION, /* drop what there is, POST an offer */
  BL_CALL_RESTART_ICE, /* PATCH, keep the session */
  BL_CALL_DELETE,      /* hang up */
} BlCallAction;

typedef struct {
  BlCallState state;
  bool was_live;
  bool has_session; /* the relay has one of ours, for all we know */
  BlCallAction action;
  BlTime action_at_us;
  BlCallAction under_way;       /* the last one taken */
  BlTime keep_session_until_us; /* counts while RECONNECTING */
  BlTime since_us;              /* of the call */
  uint32_t tries;               /* in a row without success */
  uint64_t random;
} BlCall;

/* "idle", "calling", … as the page knows them. */
const char *bl_call_state_name (BlCallState state);

/* `seed` is random. */
void bl_call_init (BlCall *call, uint64_t seed);

/* False unless IDLE. `resumed`: the call was live before this process began. */
bool bl_call_start (BlCall *call, bool resumed, BlTime now);

/* False when IDLE or ENDING. Without a session there is nothing to delete, and
 * the call is IDLE at once. */
bool bl_call_hang_up (BlCall *call, BlTime now);

/* The POST was answered with a session. */
void bl_call_on_session (BlCall *call);

/* Media can flow. */
void bl_call_on_connected (BlCall *call, BlTime now);

/* The path that carried media is gone. `keyed`: DTLS stands, so an ICE restart
 * can mend it. */
void bl_call_on_lost (BlCall *call, bool keyed, BlTime now);

/* Nothing comes back over the path, and mending it is under way. */
void bl_call_on_silent (BlCall *call, BlTime now);

/* The action under way failed. `final`: only a person can change that. */
void bl_call_on_failed (BlCall *call, bool final, BlTime now);

/* The relay no longer has our session: make another at once. */
void bl_call_on_gone (BlCall *call, BlTime now);

/* The relay has ended the call: begin another soon. */
void bl_call_on_over (BlCall *call, BlTime now);

/* Interfaces came or went: what is under way may hang on one that is gone, so
 * try at once. Nothing while LIVE: the uplink follows by itself. */
void bl_call_on_network_changed (BlCall *call, BlTime now);

/* The DELETE has ended, well or not. */
void bl_call_on_deleted (BlCall *call);

BlCallAction bl_call_take_action (BlCall *call, BlTime now);

/* When the next action is due; BL_TIME_NEVER: not before an event. */
BlTime bl_call_deadline (const BlCall *call);
