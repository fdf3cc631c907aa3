/* SPDX-License-Identifier: Apache-2.0
 *
 * Token buckets by key, to slow down guessing: each key may do `burst` things
 * at once and one more each `refill_us`. Time is an argument.
 *
 * Invariant: memory is bounded. When `max_keys` buckets are in use, the one
 * that is nearest to full gives way, so a flood of new keys can't free a key
 * that is throttled until it is the fullest of all.
 */
#pragma once

#include <glib.h>

#include "base/bltime.h"

typedef struct BlThrottle BlThrottle;

BlThrottle *bl_throttle_new (guint burst, BlTime refill_us, guint max_keys);
void bl_throttle_free (BlThrottle *throttle);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlThrottle, bl_throttle_free)

/* Takes one token of `key`. 0 if there was one, or else how long to wait. */
BlTime bl_throttle_take (BlThrottle *throttle, const char *key, BlTime now);

/* Forgets `key`: it has proved itself. */
void bl_throttle_forget (BlThrottle *throttle, const char *key);
