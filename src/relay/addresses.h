/* SPDX-License-Identifier: Apache-2.0
 *
 * Where clients can reach the media ports: what the configuration says, or
 * this machine's own addresses.
 */
#pragma once

#include <glib.h>

#include "signal/candidate.h"

/* This machine's unicast addresses that are up, IPv4 before IPv6, at most
 * `max`, without link-local ones; loopback only `with_loopback`, and then
 * last. An address given in `bind` ("" or NULL for none) is the only one, as
 * nothing listens elsewhere. NULL-terminated, possibly empty. */
GStrv bl_addresses_gather (const char *bind, gboolean with_loopback, guint max);

/* Host candidates for the addresses, the first with the highest priority. The
 * caller's array has room for all of them. */
void bl_addresses_candidates (const char *const *addresses, guint16 port,
                              BlCandidate *out_candidates);
