/* SPDX-License-Identifier: Apache-2.0
 *
 * The tap: a ring of bytes from one media worker (the writer) to its recorder
 * (the reader). One writer thread, one reader thread, no lock. Records keep
 * their order. The payload is copied once, on write.
 *
 * Invariants:
 * - The writer never waits. A packet that does not fit is dropped and counted,
 *   and the recorder sees its sequence number missing.
 * - The last BL_TAP_CONTROL_ROOM bytes are for control records only, so that a
 *   full tap still takes a STOP.
 * - The eventfd is written only when the reader sleeps: a busy tap costs no
 *   system call.
 *
 * What the worker writes for a recorded source, all under `recording`, which is
 * the id given by bl_recordings_open() (bl_worker_add_source()'s call_number):
 * - START: the source is added, or its publisher's tracks have changed.
 * - PACKET: each RTP packet that is not a duplicate; repairs (RTX) under their
 *   original sequence number, when they arrive.
 * - LOST: the publisher went away or fell silent.
 * - BACK: media flows again, or another publisher has taken over. Sequence
 *   numbers and times may go on or start anywhere: the recorder finds its place
 *   by capture time, or by arrival.
 * - STOP: the source is removed.
 * A PACKET, LOST, BACK or STOP outside START … STOP is ignored.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/packet.h"
#include "relay/stats.h"

typedef struct BlTap BlTap;

typedef enum {
  BL_TAP_PACKET,
  BL_TAP_START,
  BL_TAP_LOST,
  BL_TAP_BACK,
  BL_TAP_STOP,
} BlTapKind;

#define BL_TAP_TIME_UNKNOWN INT64_MIN
#define BL_TAP_CONTROL_ROOM 8192
#define BL_TAP_PAYLOAD_MAX  BL_PACKET_CAPACITY

/* Every field not named for a kind is zero. All kinds: kind, recording,
 * arrival_us. */
typedef struct {
  uint64_t recording;
  int64_t arrival_us; /* relay's wall clock, Unix microseconds */
  uint8_t kind;       /* BlTapKind */

  /* START: whether there is such a track. H.264 at 90 kHz, Opus at 48 kHz. */
  bool has_video, has_audio;

  /* PACKET */
  uint8_t track;      /* BlTrackKind */
  bool marker;        /* RTP marker bit */
  bool keyframe;      /* begins or belongs to an IDR; a hint only */
  uint16_t length;    /* bytes of payload, at most BL_TAP_PAYLOAD_MAX */
  uint64_t sequence;  /* extended sequence number */
  uint64_t rtp_time;  /* unwrapped RTP timestamp, in the track's clock rate */
  int64_t capture_us; /* when the sample was captured, in the relay's wall
                         clock (Unix microseconds), by abs-capture-time or by
                         the sender reports; or BL_TAP_TIME_UNKNOWN */
} BlTapRecord;

/* A ring of `capacity_bytes` (rounded up to a power of two, at least 64 KiB):
 * some seconds of all sources of a worker, 8 MiB for 20 Mb/s. All memory is
 * taken now. NULL without memory or eventfd. */
BlTap *bl_tap_new (size_t capacity_bytes);

/* After both threads have ended. Accepts NULL. */
void bl_tap_free (BlTap *tap);

/* ---- writer ---- */

/* Copies record and payload (record->length bytes; NULL if that is 0). False
 * when it was dropped for want of room; a control record is then to be tried
 * again. Wakes the reader if it sleeps. */
bool bl_tap_write (BlTap *tap, const BlTapRecord *record,
                   const uint8_t *payload);

/* The next recording that wants a keyframe, if there is one: look once per
 * batch (one atomic load), and merge it with the viewers' requests. */
bool bl_tap_next_keyframe_wanted (BlTap *tap, uint64_t *out_recording);

/* ---- reader ---- */

/* The oldest record and its payload, valid until bl_tap_pop(); NULL if the
 * ring is empty. */
const BlTapRecord *bl_tap_peek (BlTap *tap, const uint8_t **out_payload);
void bl_tap_pop (BlTap *tap);

/* Sleeps until there is a record, bl_tap_wake() was called, or `timeout_ms`
 * (-1: none) has passed. */
void bl_tap_wait (BlTap *tap, int timeout_ms);

/* Sleeps for `ms`, which only bl_tap_wake() shortens: while records are sure to
 * come, so that the writer need not wake us for each. */
void bl_tap_nap (BlTap *tap, int ms);

/* Asks the worker for a keyframe. Lost if the worker is far behind: ask again.
 */
void bl_tap_want_keyframe (BlTap *tap, uint64_t recording);

/* ---- any thread ---- */

/* Ends a bl_tap_wait() or bl_tap_nap(), now or the next. */
void bl_tap_wake (BlTap *tap);

/* Packets and control records dropped since bl_tap_new(). */
uint64_t bl_tap_dropped (const BlTap *tap);
