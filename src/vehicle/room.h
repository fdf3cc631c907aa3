/* SPDX-License-Identifier: Apache-2.0
 *
 * Is there room for pictures beside sound?
 *
 * Congestion control can't say on a very narrow path: its window holds three
 * packets at least, which are 0.75 s of 40 kb/s, and while sound alone is sent
 * nothing shows that there is room for more. So when there has been no room for
 * a second there are no pictures, until small trains of empty packets arrive as
 * close together as they left: how far apart they arrive is how long the path
 * takes for one. A train is 0.3 kB, or 60 ms at 40 kb/s.
 *
 * Where pictures had to be given up again at once, the next trains come later.
 * Sans I/O; one thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bltime.h"

/* No room for so long, though packets come through: then none. A narrow path
 * brings so little back that it looks stalled for moments; an outage lasts. */
#define BL_ROOM_CLOSE_US  BL_SECOND
#define BL_ROOM_OUTAGE_US (300 * BL_MS)

#define BL_ROOM_TRAIN        4 /* packets */
#define BL_ROOM_GOOD_BPS     250000
#define BL_ROOM_GOOD         2 /* trains in a row */
#define BL_ROOM_WAIT_US      (500 * BL_MS)
#define BL_ROOM_WAIT_MOST_US (8 * BL_SECOND)

/* Pictures that last so long were no mistake. */
#define BL_ROOM_STABLE_US (10 * BL_SECOND)

typedef struct {
  bool open; /* there is */
  bool can_probe;
  BlTime since_us; /* there has been none; NEVER: there is */
  BlTime heard_us; /* last time that the path was not stalled */
  BlTime opened_us;
  BlTime wait_us;         /* between trains */
  BlTime probe_us;        /* the next one */
  unsigned good;          /* in a row */
  unsigned n_sent;        /* since it closed */
  uint16_t first_seq;     /* of these */
  uint32_t bytes;         /* of a train but its first packet */
  uint16_t next_seq;      /* what arrives in order has this one */
  uint32_t first_arrival; /* of the train that arrives, in 65536ths of a
                             second */
} BlRoom;

/* `can_probe`: the other end tells when each packet arrived. Else pictures are
 * tried again after BL_ROOM_WAIT_US. */
void bl_room_init (BlRoom *room, bool can_probe);

/* Does congestion control see any; does nothing come back just now? Call it
 * often. True if `open` has changed. */
bool bl_room_on_rate (BlRoom *room, bool any, bool stalled, BlTime now);

/* When a train is to leave; BL_TIME_NEVER while open. */
BlTime bl_room_probe_at (const BlRoom *room);

/* The next packet of a train left, under this number of its stream, which goes
 * up by one; `bytes` on the wire. True if it was the last. */
bool bl_room_on_probe (BlRoom *room, uint16_t seq, uint32_t bytes, BlTime now);

/* A packet of that stream has arrived, at this time of the other end's, in
 * 65536ths of a second. Other trains may have left since. */
void bl_room_on_arrival (BlRoom *room, uint16_t seq, uint32_t arrival);
