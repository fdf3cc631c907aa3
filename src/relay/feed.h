/* SPDX-License-Identifier: Apache-2.0
 *
 * A source with all that hangs on it: the session of its publisher, its viewers
 * and its recording. What comes from the publisher goes into the source; once
 * a batch, what is fresh goes into the tap, and a round of the viewers begins.
 *
 * A round visits each viewer once (bl_viewer_serve), so that none waits for the
 * whole of another's burst; who has more to send after it gets another round.
 * Sound has rounds of its own, which go first: a keyframe never delays it. Each
 * round begins with another viewer, so that the last place is everybody's now
 * and then.
 *
 * Invariants:
 * - `source` has a publisher if and only if `publisher` is not NULL, and it is
 *   UP then.
 * - The timer is never later than the source's next deadline, as of the end of
 *   the last batch.
 */
#pragma once

#include "relay/source.h"
#include "relay/viewer.h"

typedef struct BlFeed BlFeed;

/* A publisher's session; it may be one that has been replaced, or that is not
 * yet UP. */
typedef struct BlPublisher {
  BlFeed *feed;       /* borrowed */
  BlSession *session; /* owned */
  BlNegotiated negotiated;
  bool by_path;            /* RFC 8888 was agreed on */
  BlPathFeedback arrivals; /* only then */
} BlPublisher;

typedef struct {
  guint first; /* with whom the last round began */
  guint next;  /* whose turn it is */
  guint left;  /* how many are still to come in this round */
  bool again;  /* another round is due */
} BlRound;

struct BlFeed {
  BlLoop *loop; /* borrowed */
  BlSourceId id;
  BlTap *tap; /* borrowed; NULL: not recorded */
  guint64 recording;
  BlSource source;
  BlTimer timer;
  BlPublisher *publisher; /* the one whose packets count; NULL: none */
  GPtrArray *publishers;  /* of BlPublisher, owned */
  GPtrArray *viewers;     /* of BlViewer, owned */
  BlRound rounds[BL_N_TRACKS];
  BlViewerStats left;           /* sums over the viewers who have left */
  uint64_t nacks_out;           /* packets asked of publishers again */
  uint64_t copies;              /* packets that came again, over another path */
  bool dirty;                   /* something came from the publisher */
  bool tap_begun;               /* START was written, or is owed */
  bool tap_owed;                /* START found no room; try again */
  bool tap_lost;                /* LOST was, and no BACK since */
  bool tap_tracks[BL_N_TRACKS]; /* what the last START said */
  uint64_t tap_cursors[BL_N_TRACKS]; /* the next arrival to record */
  BlTsUnwrapper tap_times[BL_N_TRACKS];
};

/* NULL if there is no memory for its histories. */
BlFeed *bl_feed_new (BlLoop *loop, BlSourceId id, BlTap *tap,
                     guint64 recording);
/* Also removes all sessions. Accepts NULL. */
void bl_feed_free (BlFeed *feed);

BlSession *bl_feed_add_publisher (BlFeed *feed, BlSessionId id,
                                  const BlSessionSetup *setup);
BlSession *bl_feed_add_viewer (BlFeed *feed, BlSessionId id,
                               const BlSessionSetup *setup);

/* The session is one of this feed's. Says goodbye to its peer. */
void bl_feed_remove_session (BlFeed *feed, BlSession *session);

/* For the recording. */
void bl_feed_want_keyframe (BlFeed *feed);

/* At the end of a batch, if it is dirty: tells the news, records what is fresh,
 * and begins a round for it. Returns how many packets are fresh. */
unsigned bl_feed_take_in (BlFeed *feed);

/* Is there a round to go on with? */
bool bl_feed_is_busy (const BlFeed *feed);

/* If busy: the viewer whose turn it is sends what it may. Returns how many
 * packets. While the socket is full, nobody's turn passes. */
unsigned bl_feed_serve (BlFeed *feed);

void bl_feed_stats (const BlFeed *feed, BlSourceStats *out_stats);
