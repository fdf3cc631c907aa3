/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/stats.h"

static const char *const drop_names[BL_N_DROPS] = {
  [BL_DROP_GARBAGE] = "garbage",
  [BL_DROP_TRUNCATED] = "truncated",
  [BL_DROP_UNKNOWN_ADDRESS] = "unknown_address",
  [BL_DROP_STUN] = "stun",
  [BL_DROP_DTLS] = "dtls",
  [BL_DROP_NO_KEYS] = "no_keys",
  [BL_DROP_AUTH] = "auth",
  [BL_DROP_REPLAY] = "replay",
  [BL_DROP_RTP] = "rtp",
  [BL_DROP_RTCP] = "rtcp",
  [BL_DROP_UNKNOWN_TRACK] = "unknown_track",
  [BL_DROP_PADDING] = "padding",
  [BL_DROP_BEFORE_KEY] = "before_key",
  [BL_DROP_DUPLICATE] = "duplicate",
  [BL_DROP_STALE] = "stale",
  [BL_DROP_TAP] = "tap",
  [BL_DROP_PROTECT] = "protect",
  [BL_DROP_SEND_FULL] = "send_full",
  [BL_DROP_SEND_ERROR] = "send_error",
  [BL_DROP_RTX_BUDGET] = "rtx_budget",
  [BL_DROP_RTX_GONE] = "rtx_gone",
  [BL_DROP_BUDGET] = "budget",
};

const char *
bl_drop_name (BlDrop drop)
{
  g_assert ((guint)drop < BL_N_DROPS);
  return drop_names[drop];
}

const char *
bl_pictures_name (BlPictures pictures)
{
  static const char *const names[] = {
    [BL_PICTURES_ALL] = "all",
    [BL_PICTURES_REFERENCED] = "referenced",
    [BL_PICTURES_KEYFRAMES] = "keyframes",
    [BL_PICTURES_NONE] = "none",
  };
  g_assert ((guint)pictures < G_N_ELEMENTS (names));
  return names[pictures];
}

void
bl_worker_stats_free (BlWorkerStats *stats)
{
  if (!stats)
    return;
  g_free (stats->sources);
  g_free (stats->viewers);
  g_free (stats);
}
