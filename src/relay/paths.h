/* SPDX-License-Identifier: Apache-2.0
 *
 * The ways to one peer that have been proven by its connectivity checks, and
 * which of them is used. A vehicle may have several at once (several modems).
 *
 * Sans I/O: `now` comes in, nothing goes out.
 *
 * Invariants:
 * - No two have the same peer address; at most BL_PATHS_MAX. For one more, the
 *   one that has been silent longest gives way, never the chosen one.
 * - Chosen is the one nominated last, the first one until then. When it has
 *   been silent for longer than `patience_us` and another is heard, that one.
 */
#pragma once

#include "base/bltime.h"
#include "relay/udp.h"

#define BL_PATHS_MAX 4

typedef struct {
  BlPath path;
  BlTime heard_us; /* a valid check or media */
} BlKnownPath;

typedef struct {
  BlTime patience_us;
  unsigned n;
  unsigned chosen; /* counts only if n > 0 */
  BlKnownPath known[BL_PATHS_MAX];
} BlPaths;

void bl_paths_init (BlPaths *paths, BlTime patience_us);

typedef enum {
  BL_PATHS_KNOWN, /* was there already */
  BL_PATHS_NEW,
  BL_PATHS_NEW_FOR_OLD, /* and `out_old` is forgotten for it */
} BlPathsProof;

/* A valid check came this way. */
BlPathsProof bl_paths_prove (BlPaths *paths, const BlPath *path, bool nominated,
                             BlTime now, BlAddress *out_old);

/* Authentic media, or a copy of it, came from there; nothing if it is not
 * known. */
void bl_paths_hear (BlPaths *paths, const BlAddress *peer, BlTime now);

void bl_paths_forget (BlPaths *paths, const BlAddress *peer);

/* Where to send; NULL if there is none. Borrowed. */
const BlPath *bl_paths_chosen (const BlPaths *paths);
