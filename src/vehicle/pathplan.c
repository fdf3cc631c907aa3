/* SPDX-License-Identifier: Apache-2.0 */
#include "vehicle/pathplan.h"

#include <string.h>

#include "base/blassert.h"

#define NONE BL_PATHPLAN_PATHS

static const char *const mode_names[] = {
  [BL_PATH_MODE_SINGLE] = "single",
  [BL_PATH_MODE_FAILOVER] = "failover",
  [BL_PATH_MODE_PROTECT] = "protect",
  [BL_PATH_MODE_DUPLICATE] = "duplicate",
};

#define N_MODES (sizeof mode_names / sizeof *mode_names)

bool
bl_path_mode_parse (const char *name, BlPathMode *out_mode)
{
  for (unsigned i = 0; i < N_MODES; i++) {
    if (strcmp (name, mode_names[i]) != 0)
      continue;
    *out_mode = (BlPathMode)i;
    return true;
  }
  return false;
}

const char *
bl_path_mode_name (BlPathMode mode)
{
  bl_assert (mode < N_MODES);
  return mode_names[mode];
}

void
bl_pathplan_init (BlPathPlan *plan, BlPathMode mode)
{
  *plan = (BlPathPlan){ .mode = mode };
}

static bool
is_there (const BlPathPlan *plan, unsigned path)
{
  return (plan->there >> path & 1) != 0;
}

BlTime
bl_pathplan_silent_us (const BlPathPlan *plan, unsigned path, BlTime now)
{
  bl_assert (path < BL_PATHPLAN_PATHS);
  BlTime since = plan->paths[path].unheard_since_us;
  return since == BL_TIME_NEVER ? 0 : now - since;
}

bool
bl_pathplan_in_doubt (const BlPathPlan *plan, unsigned path, BlTime now)
{
  const BlPathReport *report = &plan->paths[path].report;
  return bl_pathplan_silent_us (plan, path, now) > BL_PATHPLAN_SILENT_US
         || report->queue_us > BL_PATHPLAN_QUEUE_US
         || report->loss_percent > BL_PATHPLAN_LOSS_PERCENT;
}

/* One without doubt first, then the one that carries most. */
static bool
is_preferable (const BlPathPlan *plan, unsigned a, unsigned b, BlTime now)
{
  bool a_doubt = bl_pathplan_in_doubt (plan, a, now);
  bool b_doubt = bl_pathplan_in_doubt (plan, b, now);
  return a_doubt == b_doubt
             ? plan->paths[a].report.rate_bps > plan->paths[b].report.rate_bps
             : b_doubt;
}

/* The best but for `except`; of equals the one that came first in number. NONE
 * if there is none. */
static unsigned
best_but (const BlPathPlan *plan, unsigned except, BlTime now)
{
  unsigned best = NONE;
  for (unsigned i = 0; i < BL_PATHPLAN_PATHS; i++)
    if (is_there (plan, i) && i != except
        && (best == NONE || is_preferable (plan, i, best, now)))
      best = i;
  return best;
}

void
bl_pathplan_add (BlPathPlan *plan, unsigned path)
{
  bl_assert (path < BL_PATHPLAN_PATHS);
  if (plan->there == 0)
    plan->best = path;
  plan->there |= 1u << path;
  plan->paths[path] = (BlPlannedPath){ .unheard_since_us = BL_TIME_NEVER,
                                       .better_since_us = BL_TIME_NEVER };
}

void
bl_pathplan_remove (BlPathPlan *plan, unsigned path, BlTime now)
{
  bl_assert (path < BL_PATHPLAN_PATHS);
  plan->there &= ~(1u << path);
  if (plan->best == path && plan->there != 0)
    plan->best = best_but (plan, NONE, now);
}

unsigned
bl_pathplan_second (const BlPathPlan *plan, BlTime now)
{
  return best_but (plan, plan->best, now);
}

void
bl_pathplan_on_sent (BlPathPlan *plan, unsigned paths, BlTime now)
{
  for (unsigned i = 0; i < BL_PATHPLAN_PATHS; i++)
    if ((paths >> i & 1) && plan->paths[i].unheard_since_us == BL_TIME_NEVER)
      plan->paths[i].unheard_since_us = now;
}

void
bl_pathplan_on_heard (BlPathPlan *plan, unsigned path)
{
  bl_assert (path < BL_PATHPLAN_PATHS);
  plan->paths[path].unheard_since_us = BL_TIME_NEVER;
}

void
bl_pathplan_report (BlPathPlan *plan, unsigned path, const BlPathReport *report)
{
  bl_assert (path < BL_PATHPLAN_PATHS);
  plan->paths[path].report = *report;
}

static bool
carries_more (const BlPathPlan *plan, unsigned path)
{
  return plan->paths[path].report.rate_bps
         > plan->paths[plan->best].report.rate_bps / 3 * 4;
}

static BlTime
patience_us (const BlPathPlan *plan, BlTime now)
{
  if (!bl_pathplan_in_doubt (plan, plan->best, now))
    return BL_PATHPLAN_BETTER_US;
  return plan->mode == BL_PATH_MODE_FAILOVER ? 0 : BL_PATHPLAN_DOUBT_US;
}

static bool
is_better (const BlPathPlan *plan, unsigned path, BlTime now)
{
  return path != plan->best && is_there (plan, path)
         && !bl_pathplan_in_doubt (plan, path, now)
         && (bl_pathplan_in_doubt (plan, plan->best, now)
             || carries_more (plan, path));
}

void
bl_pathplan_on_time (BlPathPlan *plan, BlTime now)
{
  if (plan->mode == BL_PATH_MODE_SINGLE || plan->there == 0)
    return;
  for (unsigned i = 0; i < BL_PATHPLAN_PATHS; i++) {
    BlTime *since = &plan->paths[i].better_since_us;
    if (!is_better (plan, i, now)) {
      *since = BL_TIME_NEVER;
      continue;
    }
    if (*since == BL_TIME_NEVER)
      *since = now;
    if (now - *since >= patience_us (plan, now))
      plan->best = i;
  }
}

/* Does the second path get it as well, while there is no doubt? */
static const bool protected_uses[] = {
  [BL_USE_SOUND] = true, [BL_USE_KEYFRAME] = true, [BL_USE_REPAIR] = true,
  [BL_USE_FEC] = true,   [BL_USE_PICTURE] = false, [BL_USE_REPORT] = true,
};

static bool
wants_two (const BlPathPlan *plan, BlPacketUse use, BlTime now)
{
  switch (plan->mode) {
  case BL_PATH_MODE_SINGLE:
  case BL_PATH_MODE_FAILOVER:
    return false;
  case BL_PATH_MODE_PROTECT:
    return protected_uses[use] || bl_pathplan_in_doubt (plan, plan->best, now);
  case BL_PATH_MODE_DUPLICATE:
    return true;
  }
  return false;
}

unsigned
bl_pathplan_choose (const BlPathPlan *plan, BlPacketUse use, BlTime now)
{
  if (plan->there == 0)
    return 0;
  unsigned set = 1u << plan->best;
  unsigned second
      = wants_two (plan, use, now) ? bl_pathplan_second (plan, now) : NONE;
  if (second == NONE)
    return set;
  return use == BL_USE_FEC ? 1u << second : set | 1u << second;
}
