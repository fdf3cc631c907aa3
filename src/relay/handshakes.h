/* SPDX-License-Identifier: Apache-2.0
 *
 * DTLS datagrams that wait for their session. One may cost half a millisecond
 * of arithmetic, as much as two hundred packets of media; so what comes in one
 * batch is not answered in one turn: media goes first, then the oldest of
 * these (relay/hub.h).
 *
 * First in, first out; bounded: what finds no room is lost, and sent again by
 * its peer. Sessions are named by id, since they may go while it waits.
 */
#pragma once

#include "base/packet.h"
#include "relay/udp.h"
#include "relay/worker.h"

/* A hundred peers at once, and their ClientHellos of two datagrams. */
#define BL_HANDSHAKES_MAX 256

typedef struct {
  BlSessionId session;
  BlPacket *packet; /* owned */
} BlHandshake;

typedef struct {
  unsigned first, count;
  BlHandshake waiting[BL_HANDSHAKES_MAX];
} BlHandshakes;

/* Takes a reference of its own to `packet`. False if there is no room. */
bool bl_handshakes_push (BlHandshakes *handshakes, BlSessionId session,
                         BlPacket *packet);

/* The oldest; the caller unrefs its packet. False if there is none. */
bool bl_handshakes_pop (BlHandshakes *handshakes, BlHandshake *out_handshake);

void bl_handshakes_clear (BlHandshakes *handshakes);
