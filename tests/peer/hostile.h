/* SPDX-License-Identifier: Apache-2.0
 *
 * What a viewer who means harm sends, over the session that he has a right to.
 */
#pragma once

#include "session.h"

typedef struct {
  unsigned n; /* of each kind, each time */
  uint8_t fir_seq_nr;
  uint16_t nack_seq;
  uint64_t sent; /* datagrams */
} PeerHostile;

/* NACKs for a thousand packets each, PLIs, FIRs, connectivity checks, and
 * feedback on more packets than there are. Nothing before the session is up. */
void peer_hostile_flood (PeerHostile *hostile, PeerSession *session);
