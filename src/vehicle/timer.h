/* SPDX-License-Identifier: Apache-2.0
 *
 * One deadline in the main context that was the thread's default when it was
 * made: set it, move it, stop it. Fires once for each setting.
 */
#pragma once

#include <glib.h>

#include "base/bltime.h"

typedef struct BlTimer BlTimer;

BlTimer *bl_timer_new (int priority, void (*func) (gpointer user_data),
                       gpointer user_data);

/* Accepts NULL. */
void bl_timer_free (BlTimer *timer);

/* Fires as soon as it is `at` on the monotonic clock (0: now), instead of what
 * was set before; BL_TIME_NEVER stops it. From any thread. */
void bl_timer_set (BlTimer *timer, BlTime at);
