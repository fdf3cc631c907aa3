/* SPDX-License-Identifier: Apache-2.0
 *
 * What the source has sent lately: when, and how to know it again at a viewer,
 * whose numbers, timestamps and keys are its own but whose payload is the same.
 * Numbers count packets from 0. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Remembered packets, about a minute at 2.5 Mb/s; a power of two. */
#define LG_SENT_PACKETS 16384

typedef struct {
  uint64_t number; /* filled in by lg_sent_add() */
  int64_t sent_ns; /* CLOCK_REALTIME, just before the system call */
  uint64_t hash;   /* of the payload */
  uint32_t timestamp;
  uint32_t frame; /* frames are counted from 0 */
  uint16_t count; /* packets of the frame */
  bool key;       /* of an IDR picture */
} LgSentPacket;

typedef struct {
  uint64_t count; /* sent so far: the next number */
  LgSentPacket packets[LG_SENT_PACKETS];
} LgSent;

uint64_t lg_payload_hash (const void *payload, size_t length);

void lg_sent_add (LgSent *sent, const LgSentPacket *packet);

/* NULL: never sent, or forgotten. */
const LgSentPacket *lg_sent_get (const LgSent *sent, uint64_t number);

/* The latest packet with this payload; false if there is none. */
bool lg_sent_find (const LgSent *sent, uint64_t hash, uint64_t *out_number);
