/* SPDX-License-Identifier: Apache-2.0
 *
 * The last packets of one track by extended sequence number: one ring serves
 * forwarding, repair (NACK), instant join and the recorder.
 *
 * Invariants: an entry is at index seq mod capacity and holds one reference on
 * its packet; the window is (newest - capacity, newest]; what is in the window
 * stays until the window moves past it (a keyframe flushes nothing).
 * The key is the newest IDR picture whose beginning is here: the lowest
 * sequence number that joins to its IDR slice without a hole and with the same
 * timestamp (so SPS and PPS are in it), and that either has the SPS or follows
 * a packet of another picture. While a newer IDR's beginning is still missing,
 * the older one stays the key.
 *
 * A second ring has the numbers in order of arrival, each once: whoever passes
 * packets on keeps one cursor into it, and "send from the cursor on" is all
 * that forwarding, joining and going on after a pause are. An arrival is
 * numbered from 0 and stays as long as the ring has not gone round.
 *
 * Packets, pool and rings belong to one thread. All memory is taken at init.
 * Sequence numbers are of the source's continuous line (rtc/continuity.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bltime.h"
#include "base/packet.h"

typedef enum {
  BL_HISTORY_INSERTED,
  BL_HISTORY_DUPLICATE, /* that number is here already */
  BL_HISTORY_TOO_OLD,   /* the window has moved past it */
} BlHistoryInsert;

/* What the relay knows of a packet, so that it parses it once. */
typedef struct {
  uint32_t timestamp; /* RTP, on the source's continuous line */
  uint16_t payload_offset, payload_length; /* in packet->data */
  bool marker;
  bool audio;
  uint8_t h264;  /* BL_H264_… flags of the payload; 0 for sound */
  BlNtp capture; /* when the frame was captured, relay's clock; 0: unknown */
  BlTime received_us;
} BlHistoryMeta;

typedef struct {
  uint64_t seq;
  BlPacket *packet; /* NULL: the slot was never used */
  BlHistoryMeta meta;
} BlHistoryEntry;

/* Where an IDR picture begins, as far as is known. */
typedef struct {
  bool known;
  uint32_t timestamp;
  uint64_t start;
} BlHistoryKey;

typedef struct {
  BlHistoryEntry *entries;
  uint64_t *arrivals;  /* numbers; arrival n at n mod capacity */
  uint64_t n_arrivals; /* ever */
  uint32_t capacity;   /* of both, a power of two */
  bool empty;
  uint64_t newest;
  BlHistoryKey key;
  BlHistoryKey latest; /* newest IDR, its beginning maybe still missing */
} BlHistory;

/* `capacity` is a power of two (programmer error otherwise). False if there is
 * no memory. */
bool bl_history_init (BlHistory *history, uint32_t capacity);

/* Gives all packets back. */
void bl_history_clear (BlHistory *history);

/* Takes a reference of its own on `packet` if BL_HISTORY_INSERTED. */
BlHistoryInsert bl_history_insert (BlHistory *history, uint64_t seq,
                                   BlPacket *packet, const BlHistoryMeta *meta);

/* The entry, or NULL if it never came or is too old. Borrowed until the next
 * insert. */
const BlHistoryEntry *bl_history_get (const BlHistory *history, uint64_t seq);

/* The arrival to come: a cursor here has everything before it. */
static inline uint64_t
bl_history_next_arrival (const BlHistory *history)
{
  return history->n_arrivals;
}

/* The oldest arrival that is still known: a cursor below it has lost its way.
 */
static inline uint64_t
bl_history_oldest_arrival (const BlHistory *history)
{
  return history->n_arrivals < history->capacity
             ? 0
             : history->n_arrivals - history->capacity;
}

/* The packet of an arrival (oldest <= arrival < next), borrowed until the next
 * insert; NULL if its number has fallen out of the window already. */
const BlHistoryEntry *bl_history_arrival (const BlHistory *history,
                                          uint64_t arrival);

/* Highest number inserted; false while empty. */
bool bl_history_newest (const BlHistory *history, uint64_t *out_seq);

/* First packet of the newest IDR's access unit, the start of the current group
 * of pictures; false if none is in the window. */
bool bl_history_key_start (const BlHistory *history, uint64_t *out_seq);

/* Where to join: `key_start`, and the first arrival of anything from there on
 * (reordered, another one may be first). Takes a walk over the arrivals. False
 * if key_start's arrival is no longer known. */
bool bl_history_join_point (const BlHistory *history, uint64_t key_start,
                            uint64_t *out_arrival);

/* Bytes of payload of the arrivals from `arrival` on, for pacing. */
uint64_t bl_history_bytes_since (const BlHistory *history, uint64_t arrival);
