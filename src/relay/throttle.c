/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/throttle.h"

struct BlThrottle {
  guint burst;
  BlTime refill_us;
  guint max_keys;
  GHashTable *full_at; /* key → BlTime*: when its bucket will be full again */
};

BlThrottle *
bl_throttle_new (guint burst, BlTime refill_us, guint max_keys)
{
  g_assert (burst > 0 && refill_us > 0 && max_keys > 0);
  BlThrottle *throttle = g_new0 (BlThrottle, 1);
  throttle->burst = burst;
  throttle->refill_us = refill_us;
  throttle->max_keys = max_keys;
  throttle->full_at
      = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return throttle;
}

void
bl_throttle_free (BlThrottle *throttle)
{
  if (!throttle)
    return;
  g_hash_table_unref (throttle->full_at);
  g_free (throttle);
}

static void
make_room (BlThrottle *throttle, BlTime now)
{
  GHashTableIter iter;
  gpointer key, value;
  const char *fullest = NULL;
  BlTime earliest = BL_TIME_NEVER;

  g_hash_table_iter_init (&iter, throttle->full_at);
  while (g_hash_table_iter_next (&iter, &key, &value)) {
    BlTime full_at = *(BlTime *)value;
    if (full_at <= now) {
      g_hash_table_iter_remove (&iter);
    } else if (full_at < earliest) {
      earliest = full_at;
      fullest = key;
    }
  }
  if (g_hash_table_size (throttle->full_at) >= throttle->max_keys)
    g_hash_table_remove (throttle->full_at, fullest);
}

BlTime
bl_throttle_take (BlThrottle *throttle, const char *key, BlTime now)
{
  BlTime *full_at = g_hash_table_lookup (throttle->full_at, key);
  if (!full_at) {
    if (g_hash_table_size (throttle->full_at) >= throttle->max_keys)
      make_room (throttle, now);
    full_at = g_new (BlTime, 1);
    *full_at = now;
    g_hash_table_insert (throttle->full_at, g_strdup (key), full_at);
  }
  BlTime from = MAX (*full_at, now);
  BlTime wait = from - now - (throttle->burst - 1) * throttle->refill_us;
  if (wait > 0)
    return wait;
  *full_at = from + throttle->refill_us;
  return 0;
}

void
bl_throttle_forget (BlThrottle *throttle, const char *key)
{
  g_hash_table_remove (throttle->full_at, key);
}
