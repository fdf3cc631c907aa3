/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/room.h"

#define TICKS_IN_SECOND 65536

void
bl_room_init (BlRoom *room, bool can_probe)
{
  *room = (BlRoom){ .open = true,
                    .can_probe = can_probe,
                    .since_us = BL_TIME_NEVER,
                    .wait_us = BL_ROOM_WAIT_US };
}

static void
close_room (BlRoom *room, BlTime now)
{
  BlTime lasted = now - room->opened_us;
  room->wait_us
      = lasted < BL_ROOM_STABLE_US ? 2 * room->wait_us : BL_ROOM_WAIT_US;
  if (room->wait_us > BL_ROOM_WAIT_MOST_US)
    room->wait_us = BL_ROOM_WAIT_MOST_US;
  room->open = false;
  room->good = 0;
  room->probe_us = now + room->wait_us;
  room->n_sent = 0;
}

bool
bl_room_on_rate (BlRoom *room, bool any, bool stalled, BlTime now)
{
  if (!room->open) {
    bool tried = !room->can_probe && any && now >= room->probe_us;
    room->open = tried || room->good >= BL_ROOM_GOOD;
    room->opened_us = now;
    room->since_us = BL_TIME_NEVER;
    return room->open;
  }
  if (!stalled)
    room->heard_us = now;
  if (any || now - room->heard_us >= BL_ROOM_OUTAGE_US)
    room->since_us = BL_TIME_NEVER;
  else if (room->since_us == BL_TIME_NEVER)
    room->since_us = now;
  else if (now - room->since_us >= BL_ROOM_CLOSE_US) {
    close_room (room, now);
    return true;
  }
  return false;
}

BlTime
bl_room_probe_at (const BlRoom *room)
{
  return room->open || !room->can_probe ? BL_TIME_NEVER : room->probe_us;
}

bool
bl_room_on_probe (BlRoom *room, uint16_t seq, uint32_t bytes, BlTime now)
{
  if (room->n_sent == 0)
    room->first_seq = room->next_seq = seq;
  room->bytes = room->n_sent % BL_ROOM_TRAIN == 0 ? 0 : room->bytes + bytes;
  bool last = ++room->n_sent % BL_ROOM_TRAIN == 0;
  if (last)
    room->probe_us = now + room->wait_us;
  return last;
}

static void
judge (BlRoom *room, uint32_t arrival)
{
  int64_t span = (int32_t)(arrival - room->first_arrival);
  /* At once is as good as can be. */
  int64_t bits = (int64_t)room->bytes * 8 * TICKS_IN_SECOND;
  bool good = span >= 0 && bits >= BL_ROOM_GOOD_BPS * span;
  room->good = good ? room->good + 1 : 0;
}

void
bl_room_on_arrival (BlRoom *room, uint16_t seq, uint32_t arrival)
{
  uint16_t nth = (uint16_t)(seq - room->first_seq);
  int16_t ahead = (int16_t)(seq - room->next_seq);
  unsigned in_train = nth % BL_ROOM_TRAIN;
  /* In order, each once; a train that lost one tells nothing. */
  if (room->open || nth >= room->n_sent || ahead < 0
      || (ahead > 0 && in_train > 0))
    return;
  room->next_seq = (uint16_t)(seq + 1);
  if (in_train == 0)
    room->first_arrival = arrival;
  else if (in_train == BL_ROOM_TRAIN - 1)
    judge (room, arrival);
}
