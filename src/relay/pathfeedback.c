/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/pathfeedback.h"

#include <glib.h>
#include <string.h>

void
bl_pathfeedback_init (BlPathFeedback *f, BlTime now, BlNtp ntp)
{
  *f = (BlPathFeedback){ .began_us = now, .began_ntp = ntp };
}

void
bl_pathfeedback_clear (BlPathFeedback *f)
{
  for (unsigned i = 0; i < f->n; i++)
    g_free (f->paths[i].seen);
  f->n = 0;
}

static BlPathArrivals *
longest_silent (BlPathFeedback *f)
{
  BlPathArrivals *oldest = &f->paths[0];
  for (unsigned i = 1; i < f->n; i++)
    if (f->paths[i].heard_us < oldest->heard_us)
      oldest = &f->paths[i];
  return oldest;
}

static BlPathArrivals *
begin (BlPathFeedback *f, const BlPath *path, BlTime now)
{
  BlPathArrivals *p;
  if (f->n < BL_PATHS_MAX) {
    p = &f->paths[f->n++];
    p->seen = g_new (BlCcfbReceiver, 1);
  } else {
    p = longest_silent (f);
  }
  bl_ccfb_receiver_init (p->seen);
  p->path = *path;
  p->reported_us = now - BL_PATHFEEDBACK_LONE_US;
  p->due_us = BL_TIME_NEVER;
  p->waiting = 0;
  return p;
}

static BlPathArrivals *
arrivals_of (BlPathFeedback *f, const BlPath *path, BlTime now)
{
  for (unsigned i = 0; i < f->n; i++) {
    BlPathArrivals *p = &f->paths[i];
    if (!bl_address_equal (&p->path.peer, &path->peer))
      continue;
    /* Our end of it may have changed. */
    if (memcmp (&p->path.local, &path->local, sizeof path->local) != 0)
      p->path = *path;
    return p;
  }
  return begin (f, path, now);
}

static BlTime
lag_us (const BlPathFeedback *f, const BlPathArrivals *except,
        const BlArrival *arrival, BlTime now)
{
  BlTime lag = -1, first;
  for (unsigned i = 0; i < f->n; i++)
    if (&f->paths[i] != except
        && bl_ccfb_receiver_find (f->paths[i].seen, arrival->ssrc, arrival->seq,
                                  &first)
        && now - first > lag)
      lag = now - first;
  return lag;
}

BlTime
bl_pathfeedback_on_arrival (BlPathFeedback *f, const BlPath *path,
                            const BlArrival *arrival, BlTime now)
{
  BlPathArrivals *p = arrivals_of (f, path, now);
  bl_ccfb_receiver_on_packet (p->seen, arrival->ssrc, arrival->seq,
                              arrival->ecn, now);
  p->heard_us = now;
  p->waiting++;
  p->due_us = p->reported_us
              + (p->waiting > 1 ? BL_PATHFEEDBACK_US : BL_PATHFEEDBACK_LONE_US);
  return lag_us (f, p, arrival, now);
}

BlTime
bl_pathfeedback_due (const BlPathFeedback *f)
{
  BlTime due = BL_TIME_NEVER;
  for (unsigned i = 0; i < f->n; i++)
    due = MIN (due, f->paths[i].due_us);
  return due;
}

const BlPath *
bl_pathfeedback_write (BlPathFeedback *f, BlWriter *w, uint32_t own_ssrc,
                       BlTime now)
{
  BlNtp ntp = bl_ntp_add_us (f->began_ntp, now - f->began_us);
  for (unsigned i = 0; i < f->n; i++) {
    BlPathArrivals *p = &f->paths[i];
    if (p->due_us > now)
      continue;
    p->reported_us = now;
    p->waiting = 0;
    bool written = bl_ccfb_receiver_write (p->seen, w, own_ssrc, now, ntp);
    /* What didn't fit goes in the next one, at once. */
    if (!bl_ccfb_receiver_has_news (p->seen))
      p->due_us = BL_TIME_NEVER;
    if (written)
      return &p->path;
  }
  return NULL;
}
