/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/thinner.h"

#include "rtc/h264.h"

/* Until what was sent before has drained. */
#define SETTLE_US     (1500 * BL_MS)
#define SETTLE_MAX_US (5 * BL_SECOND)

/* Above this no more is tried. */
#define QUIET_US (75 * BL_MS)

/* What a keyframe may make the sound wait. */
#define KEYFRAME_QUEUE_US (200 * BL_MS)

#define LEAST_PACE_BPS 64000

void
bl_thinner_init (BlThinner *thinner, BlTime now)
{
  *thinner = (BlThinner){ .settled_at = now,
                          .raised_at = now - BL_THINNER_STEADY_US,
                          .patience_us = BL_THINNER_PATIENCE_MIN_US };
}

/* ---- what is wanted ---- */

/* Whether leaving out disposable pictures makes a difference. */
static bool
has_disposable (const BlSourceRates *rates)
{
  return rates->referenced_bps < rates->all_bps / 10 * 9;
}

static bool
fits (BlPictures pictures, const BlSourceRates *rates, uint32_t budget_bps)
{
  uint64_t key_us
      = (uint64_t)rates->key_bytes * 8 * 1000000
        / (budget_bps > rates->sound_bps ? budget_bps - rates->sound_bps : 1);
  switch (pictures) {
  case BL_PICTURES_ALL:
    return rates->all_bps <= budget_bps;
  case BL_PICTURES_REFERENCED:
    return has_disposable (rates) && rates->referenced_bps <= budget_bps;
  case BL_PICTURES_KEYFRAMES:
    return key_us <= BL_THINNER_KEYFRAME_US;
  case BL_PICTURES_NONE:
    break;
  }
  return true;
}

static uint32_t
budget_bps (const BlDownlink *link)
{
  return link->carried_bps / 100 * 85;
}

/* Keyframes that the link carries aren't what overloads it: that is what was
 * sent before, or somebody else. */
static bool
can_lower (const BlThinner *thinner, const BlDownlink *link,
           const BlSourceRates *rates)
{
  return thinner->wanted < BL_PICTURES_KEYFRAMES
         || (thinner->wanted == BL_PICTURES_KEYFRAMES
             && !fits (BL_PICTURES_KEYFRAMES, rates, budget_bps (link)));
}

static void
lower (BlThinner *thinner, const BlDownlink *link, const BlSourceRates *rates,
       BlTime now)
{
  BlTime since_us = now - thinner->raised_at;
  if (since_us < BL_THINNER_FAILED_US)
    thinner->patience_us *= 2;
  else if (since_us >= BL_THINNER_STEADY_US
           && thinner->wanted == BL_PICTURES_ALL)
    thinner->patience_us = BL_THINNER_PATIENCE_MIN_US;
  if (thinner->patience_us > BL_THINNER_PATIENCE_MAX_US)
    thinner->patience_us = BL_THINNER_PATIENCE_MAX_US;
  /* That trial is over. */
  thinner->raised_at = now - BL_THINNER_FAILED_US;

  do
    thinner->wanted++;
  while (!fits (thinner->wanted, rates, budget_bps (link)));

  BlTime settle_us = SETTLE_US + link->queue_us;
  thinner->settled_at
      = now + (settle_us < SETTLE_MAX_US ? settle_us : SETTLE_MAX_US);
  thinner->raise_at = now + thinner->patience_us;
  /* Behind what still stands in the queue a keyframe would lose its end. */
  thinner->next_key_at = now + link->queue_us;
}

/* How long a trial is put off if the link shows no room for it. */
static BlTime
doubt_us (const BlThinner *thinner, const BlDownlink *link)
{
  bool shows = link->has_feedback && thinner->wanted == BL_PICTURES_KEYFRAMES
               && thinner->key_bytes >= BL_THINNER_SHOWING_BYTES;
  return ((shows ? BL_THINNER_DOUBTED : BL_THINNER_BLIND) - 1)
         * thinner->patience_us;
}

/* What the link has room for, as far as it has shown. */
static BlPictures
room_for (const BlThinner *thinner, const BlDownlink *link,
          const BlSourceRates *rates, BlTime now)
{
  uint32_t budget_bps = link->shown_bps / 115 * 100;
  for (BlPictures more = BL_PICTURES_ALL;
       link->has_feedback && more < thinner->wanted; more++)
    if (fits (more, rates, budget_bps))
      return more;
  if (thinner->wanted == BL_PICTURES_NONE) /* sound shows nothing */
    return BL_PICTURES_KEYFRAMES;
  if (now >= thinner->raise_at + doubt_us (thinner, link))
    return BL_PICTURES_ALL;
  return thinner->wanted;
}

static void
raise_if_room (BlThinner *thinner, const BlDownlink *link,
               const BlSourceRates *rates, BlTime now)
{
  BlPictures room = room_for (thinner, link, rates, now);
  if (room >= thinner->wanted)
    return;
  thinner->wanted = room;
  thinner->raised_at = now;
  thinner->raise_at = now + thinner->patience_us;
}

void
bl_thinner_update (BlThinner *thinner, const BlDownlink *link,
                   const BlSourceRates *rates, BlTime now)
{
  if (rates->all_bps == 0)
    return;
  thinner->key_bytes = rates->key_bytes;
  thinner->link_bps = link->shown_bps > link->carried_bps ? link->shown_bps
                                                          : link->carried_bps;
  if (link->overloaded && link->strained && now >= thinner->settled_at
      && can_lower (thinner, link, rates))
    lower (thinner, link, rates, now);
  else if (!link->overloaded && thinner->wanted > BL_PICTURES_ALL
           && link->queue_us < QUIET_US && now >= thinner->raise_at)
    raise_if_room (thinner, link, rates, now);
}

/* ---- what is given ---- */

bool
bl_thinner_takes (BlThinner *thinner, uint32_t timestamp, uint8_t h264)
{
  if (!bl_thinner_waits_for_key (thinner)
      && !(thinner->has_picture && timestamp == thinner->picture)) {
    thinner->has_picture = true;
    thinner->picture = timestamp;
    thinner->given = thinner->wanted;
    thinner->has_key = false;
  }
  switch (thinner->given) {
  case BL_PICTURES_ALL:
    return true;
  case BL_PICTURES_REFERENCED:
    return !(h264 & BL_H264_DISPOSABLE);
  case BL_PICTURES_KEYFRAMES:
    return thinner->has_key && timestamp == thinner->key
           && thinner->wanted != BL_PICTURES_NONE;
  case BL_PICTURES_NONE:
    break;
  }
  return false;
}

bool
bl_thinner_takes_key (BlThinner *thinner, uint32_t timestamp, BlTime now)
{
  thinner->given = thinner->wanted;
  /* The one before, if it is still being sent, goes on. */
  if (thinner->wanted == BL_PICTURES_NONE
      || (thinner->wanted == BL_PICTURES_KEYFRAMES
          && now < thinner->next_key_at))
    return false;
  thinner->has_key = thinner->has_picture = true;
  thinner->key = thinner->picture = timestamp;
  /* With a third of the link to spare for sound and repairs. */
  if (thinner->link_bps > 0)
    thinner->next_key_at = now
                           + (BlTime)((uint64_t)thinner->key_bytes * 8 * 1500000
                                      / thinner->link_bps);
  return true;
}

/* Sent k times as fast as the link carries it, a keyframe leaves a queue of
 * (1 - 1/k) of itself. k is 1.5 at most. */
uint32_t
bl_thinner_pace_bps (const BlThinner *thinner)
{
  uint64_t link_bps = thinner->link_bps, key_bits = thinner->key_bytes * 8;
  uint64_t queue_bits = link_bps * KEYFRAME_QUEUE_US / BL_SECOND;
  if (queue_bits > key_bits / 3)
    queue_bits = key_bits / 3;
  if (key_bits == 0 || link_bps == 0)
    return LEAST_PACE_BPS;
  uint64_t pace_bps = link_bps * key_bits / (key_bits - queue_bits);
  if (pace_bps > UINT32_MAX)
    return UINT32_MAX;
  return pace_bps > LEAST_PACE_BPS ? (uint32_t)pace_bps : LEAST_PACE_BPS;
}
