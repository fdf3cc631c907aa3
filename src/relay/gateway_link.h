/* SPDX-License-Identifier: Apache-2.0
 *
 * One session's full ICE on the gateway's thread: an agent towards the world
 * (gateway_agent.h), a UDP socket on loopback towards the worker, and datagrams
 * passed between the two as they are.
 *
 *   peer ⇄ agent ⇄ socket ⇄ worker's UDP port
 *
 * To the worker the socket is one more address of an ICE-lite session's peer:
 * it shows the session's ufrag and password there with a connectivity check
 * that nominates it, when the agent has chosen a pair and when what it passes
 * on is not answered.
 *
 * Invariant: the worker hears nothing of a link over which nothing comes, so a
 * session whose peer is silent ends as every other one.
 *
 * The thread and its default main context as for gateway_agent.h.
 */
#pragma once

#include "base/address.h"
#include "relay/gateway_agent.h"

typedef struct BlGatewayLink BlGatewayLink;

/* All are borrowed for the call. */
typedef struct {
  const GPtrArray *servers;
  const char *const *addresses;
  const char *ufrag, *pwd; /* the session's, at the worker as well */
} BlGatewayLinkOptions;

typedef struct {
  void (*gathered) (BlGatewayLink *link, gpointer user_data);
  /* A pair of this kind is in use from now on. */
  void (*chosen) (BlGatewayLink *link, gpointer user_data);
} BlGatewayLinkCallbacks;

/* Begins to gather. NULL and `error`: no address, no descriptor. The callbacks
 * come later, never from within. */
BlGatewayLink *bl_gateway_link_new (const BlGatewayLinkOptions *options,
                                    const BlGatewayLinkCallbacks *callbacks,
                                    gpointer user_data, GError **error);

/* As bl_gateway_agent_free(). */
void bl_gateway_link_free (BlGatewayLink *link, void (*closed) (gpointer),
                           gpointer user_data);

bool bl_gateway_link_is_gathered (const BlGatewayLink *link);
const BlCandidate *bl_gateway_link_candidates (const BlGatewayLink *link,
                                               gsize *out_count);

/* The session is there at the worker: `label` is what the log calls it. */
void bl_gateway_link_connect (BlGatewayLink *link, const BlAddress *worker,
                              const char *label, const BlGatewayRemote *remote);
void bl_gateway_link_add (BlGatewayLink *link, const BlCandidate *candidates,
                          gsize n_candidates);

/* An ICE restart: other credentials on both sides. */
void bl_gateway_link_restart (BlGatewayLink *link, const char *ufrag,
                              const char *pwd, const BlGatewayRemote *remote);

/* Has anything but checks passed, either way? */
bool bl_gateway_link_is_used (const BlGatewayLink *link);

/* How our end of the pair in use was found; -1: there is none. */
int bl_gateway_link_kind (const BlGatewayLink *link);
