/* SPDX-License-Identifier: Apache-2.0
 *
 * The relay as a whole: what is started in which order, and ended in the other.
 */
#pragma once

#include "relay/http.h"

typedef struct BlDaemon BlDaemon;

/* Starts everything; `options` are borrowed for the object's life. The error
 * is one sentence for the operator. */
BlDaemon *bl_daemon_new (const BlOptions *options, GError **error);

/* Ends sessions, closes recordings. Blocks for the disk. Accepts NULL. */
void bl_daemon_free (BlDaemon *daemon);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlDaemon, bl_daemon_free)

/* "ready https=8443 …": what tests and the demo wait for; free with g_free. */
char *bl_daemon_describe (const BlDaemon *daemon);

BlHttp *bl_daemon_http (BlDaemon *daemon);
BlRegistry *bl_daemon_registry (BlDaemon *daemon);
