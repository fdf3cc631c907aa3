/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers that go on while what is behind them changes.
 *
 * BlSourceLine, one a track of a source: publishers come and go, each with a
 * random SSRC, sequence number and timestamp; the source's line is continuous.
 *   - Within one publisher, seq and timestamp differ from the publisher's by a
 *     constant, so losses stay holes and reordered packets keep their place.
 *   - The first packet of a new publisher gets newest + 1, and a timestamp
 *     that is later than the newest one by the wall time between them (at
 *     least one tick).
 *   - What a later publisher sent before that first packet is refused, so no
 *     number is given twice. The very first one may come reordered.
 *
 * BlViewerLine, one a track of a viewer: source's line → viewer's own SSRC,
 * sequence numbers and timestamps.
 *   - A source packet always maps to the same numbers, however often asked.
 *   - seq is monotonic in the source's seq. Packets left out on purpose
 *     (bl_viewer_line_skip…) take no number: the line closes up. Packets that
 *     are merely missing keep their number, so the viewer can ask for them.
 *   - Timestamps differ by a constant.
 *   - The way back (viewer's seq of a NACK → source's seq) holds as far back
 *     as BL_VIEWER_LINE_RUNS changes.
 *
 * seq is always an extended sequence number (64 bits, the low 16 go on the
 * wire), timestamps wrap at 32 bits. Values only, one thread, no allocation.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bltime.h"

typedef struct {
  uint32_t clock_rate; /* ticks a second */
  bool started;        /* newest_… hold */
  bool joined;         /* the present publisher's offsets hold */
  uint64_t first_in;   /* lowest seq taken of the present publisher */
  uint64_t seq_offset; /* out = in + offset, modulo 2^64 */
  uint32_t timestamp_offset;
  uint64_t newest_seq;
  uint32_t newest_timestamp;
  BlTime newest_at;
} BlSourceLine;

/* `first_seq` is what the very first packet gets: at least 65536, which leaves
 * room below for what was reordered before it. */
void bl_source_line_init (BlSourceLine *line, uint32_t clock_rate,
                          uint64_t first_seq);

/* The next packet comes from a new publisher (or a new SSRC). */
void bl_source_line_restart (BlSourceLine *line);

/* Where a publisher's packet stands on the source's line; `now` is its arrival.
 * False: it is from before the publisher's first packet; drop it. */
bool bl_source_line_map (BlSourceLine *line, uint64_t seq, uint32_t timestamp,
                         BlTime now, uint64_t *out_seq,
                         uint32_t *out_timestamp);

/* A publisher's timestamp (from a sender report) on the source's line; false
 * before its first packet. */
bool bl_source_line_map_timestamp (const BlSourceLine *line, uint32_t timestamp,
                                   uint32_t *out_timestamp);

/* Runs of packets without an omission that the way back remembers. */
#define BL_VIEWER_LINE_RUNS 64

typedef struct {
  uint64_t source; /* the run's first packet */
  uint64_t viewer; /* and its number for the viewer */
} BlViewerRun;

typedef struct {
  uint32_t ssrc;
  uint32_t timestamp_offset;
  /* Runs in ascending order; a run ends where the next one's viewer number
   * begins. The last has no end. */
  BlViewerRun runs[BL_VIEWER_LINE_RUNS];
  uint32_t n_runs; /* ever; the last is at (n_runs - 1) mod _RUNS */
  bool started;
  uint64_t newest_source; /* highest handled: mapped or skipped */
  uint64_t newest_viewer; /* highest mapped */
} BlViewerLine;

/* `first_seq` and `timestamp_offset` are random (RFC 3550 section 5.1); the
 * seq should be in 65536 … 131071. */
void bl_viewer_line_init (BlViewerLine *line, uint32_t ssrc, uint64_t first_seq,
                          uint32_t timestamp_offset);

/* The viewer's numbers for a packet of the source. The first packet mapped is
 * where the line starts. False: it was left out, is from before the start, or
 * is older than the line remembers. */
bool bl_viewer_line_map (BlViewerLine *line, uint64_t source_seq,
                         uint32_t source_timestamp, uint64_t *out_seq,
                         uint32_t *out_timestamp);

/* This packet will not be sent. One that is older than the newest handled has
 * its number already and leaves a hole. */
void bl_viewer_line_skip (BlViewerLine *line, uint64_t source_seq);

/* Nothing below `source_seq` that isn't mapped yet will be sent: a viewer that
 * fell behind goes on from there. */
void bl_viewer_line_skip_to (BlViewerLine *line, uint64_t source_seq);

/* The source's packet behind a sequence number that the viewer names in a NACK
 * or a report; the nearest one to what was sent last. False: never sent, or
 * too long ago. */
bool bl_viewer_line_unmap (const BlViewerLine *line, uint16_t viewer_seq,
                           uint64_t *out_source_seq);

static inline uint32_t
bl_viewer_line_timestamp (const BlViewerLine *line, uint32_t source_timestamp)
{
  return source_timestamp + line->timestamp_offset;
}
