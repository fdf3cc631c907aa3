/* SPDX-License-Identifier: Apache-2.0
 *
 * Tells when networks come and go: once they have been still for a
 * moment (150 ms), in the main context that was the thread's default at the
 * start.
 */
#pragma once

#include <glib.h>

typedef struct BlNetwatch BlNetwatch;

/* `addresses_changed`: this machine has other addresses than at the last call,
 * not only other routes. */
typedef void (*BlNetwatchFunc) (gboolean addresses_changed, gpointer user_data);

BlNetwatch *bl_netwatch_new (BlNetwatchFunc func, gpointer user_data);
void bl_netwatch_free (BlNetwatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlNetwatch, bl_netwatch_free)
