/* SPDX-License-Identifier: Apache-2.0
 *
 * Identity of a call (docs/architecture.md): what to do when a publisher
 * comes. Pure: no state, no clock.
 *
 * Invariant: a call has one owner, a unit or a token, and one ED, for life.
 */
#pragma once

#include <glib.h>

/* Who comes. Exactly one of unit and token is set. */
typedef struct {
  const char *unit;
  gint64 token;
  const char *ed;
} BlClaimant;

typedef enum {
  BL_CLAIMED_UNKNOWN, /* there is no such call */
  BL_CLAIMED_OPEN,
  BL_CLAIMED_INTERRUPTED, /* the relay was restarted in the middle of it */
  BL_CLAIMED_ENDED,
} BlClaimedState;

/* The call it comes for. */
typedef struct {
  BlClaimedState state;
  const char *unit; /* the owner; NULL: a token */
  gint64 token;
  const char *ed;
  gboolean publisher_connected;
} BlClaimed;

typedef enum {
  BL_CLAIM_OPEN,     /* begin the call */
  BL_CLAIM_RESUME,   /* go on with it; replace the publisher if there is one */
  BL_CLAIM_REOPEN,   /* go on with an interrupted one */
  BL_CLAIM_BUSY,     /* refuse: a token's publisher may not be replaced */
  BL_CLAIM_FOREIGN,  /* refuse: another one's call */
  BL_CLAIM_OTHER_ED, /* refuse: the call went to another ED */
  BL_CLAIM_OVER,     /* refuse: it has ended */
} BlClaim;

BlClaim bl_claim_decide (const BlClaimed *call, const BlClaimant *who);

/* A vehicle's name for its call: 1 to 64 of A-Z a-z 0-9 - _. */
gboolean bl_claim_id_is_valid (const char *id);
