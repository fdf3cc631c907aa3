/* SPDX-License-Identifier: Apache-2.0
 *
 * A source with all that hangs on it: the session of its publisher, its viewers
 * and its recording. What comes from the publisher goes into the source; once
 * a batch, what is fresh goes to the viewers and into the tap.
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
} BlPublisher;

struct BlFeed {
  BlLoop *loop; /* borrowed */
  BlSourceId id;
  BlTap *tap; /* borrowed; NULL: not recorded */
  guint64 recording;
  BlSource source;
  BlTimer timer;
  BlPublisher *publisher;       /* the one whose packets count; NULL: none */
  GPtrArray *publishers;        /* of BlPublisher, owned */
  GPtrArray *viewers;           /* of BlViewer, owned */
  bool dirty;                   /* there is something fresh */
  bool tap_begun;               /* START was written, or is owed */
  bool tap_owed;                /* START found no room; try again */
  bool tap_lost;                /* LOST was, and no BACK since */
  bool tap_tracks[BL_N_TRACKS]; /* what the last START said */
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

/* At the end of a batch, if it is dirty: passes on what is fresh. */
void bl_feed_forward (BlFeed *feed);

void bl_feed_stats (const BlFeed *feed, BlSourceStats *out_stats);
