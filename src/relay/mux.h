/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose datagram is this? A session is found by the local ufrag of a STUN
 * request, and by the address of the peer once a request from there has been
 * validated.
 *
 * Two tables with open addressing, sized once for the most sessions a worker
 * may have and at most half full, so that a look-up touches a cache line or two
 * and nothing is ever allocated. An address gets in only by a request with the
 * right password, so nobody else can fill or unbalance the table.
 *
 * Invariant: an address belongs to at most one session.
 */
#pragma once

#include <stddef.h>

#include "base/address.h"

#define BL_MUX_UFRAG_SIZE 33 /* ours are short; with NUL */

typedef struct BlSession BlSession;
typedef struct BlMux BlMux;

/* Room for `max_ufrags` and `max_addresses`; aborts without memory. */
BlMux *bl_mux_new (uint32_t max_ufrags, uint32_t max_addresses);
void bl_mux_free (BlMux *mux);

/* `ufrag` is not in the table yet, and is 1 to BL_MUX_UFRAG_SIZE - 1 bytes. */
void bl_mux_add_ufrag (BlMux *mux, const char *ufrag, BlSession *session);
void bl_mux_remove_ufrag (BlMux *mux, const char *ufrag);
/* NULL if it is nobody's. `ufrag` comes from the network, without NUL. */
BlSession *bl_mux_by_ufrag (const BlMux *mux, const void *ufrag, size_t length);

/* Gives the address to `session`. Returns who had it before: NULL, or a session
 * whose peer was there until now and which must forget it. */
BlSession *bl_mux_set_address (BlMux *mux, const BlAddress *address,
                               BlSession *session);
void bl_mux_remove_address (BlMux *mux, const BlAddress *address);
BlSession *bl_mux_by_address (const BlMux *mux, const BlAddress *address);
