/* SPDX-License-Identifier: Apache-2.0
 *
 * A full ICE agent (RFC 8445) for one session: host, server-reflexive and TURN
 * candidates, one component, the controlled role. The only file of the relay's
 * that knows libnice.
 *
 * libnice 0.1.21 sends by one pair, the nominated one with the highest
 * priority; it receives by all that were checked. It makes no consent checks
 * here: the worker decides how long a silent session lives.
 *
 * One thread, whose default main context runs the agent and the callbacks. No
 * callback may free the agent.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "signal/sdp.h"

typedef struct BlGatewayAgent BlGatewayAgent;

/* Addresses of this machine, and TURN servers, that are used at most: those
 * after them are left out. */
#define BL_GATEWAY_MAX_ADDRESSES 4
#define BL_GATEWAY_MAX_TURN      4

/* Of each address: itself, as seen from outside, and at each TURN server. */
#define BL_GATEWAY_MAX_CANDIDATES                                              \
  (BL_GATEWAY_MAX_ADDRESSES * (2 + BL_GATEWAY_MAX_TURN))

typedef struct {
  /* No more candidates will come. */
  void (*gathered) (gpointer user_data);
  /* The pair to send by was chosen, with this end of ours: the first one or
   * another. */
  void (*chosen) (BlCandidateType local, gpointer user_data);
  void (*packet) (const guint8 *data, gsize length, gpointer user_data);
} BlGatewayAgentCallbacks;

/* Borrowed for the call. */
typedef struct {
  const GPtrArray *servers;     /* of BlIceServer; TLS is left out */
  const char *const *addresses; /* of this machine */
  const char *ufrag, *pwd;      /* ours */
} BlGatewayAgentOptions;

/* The other end; borrowed for the call. */
typedef struct {
  const char *ufrag, *pwd;
  const BlCandidate *candidates;
  gsize n_candidates;
} BlGatewayRemote;

/* What an agent with so many addresses holds at most: one by which libnice
 * wakes up, a socket for each address, and from each of these a connection to
 * each TURN server over TCP. */
guint bl_gateway_agent_descriptors (const GPtrArray *servers,
                                    guint n_addresses);

/* Begins to gather. NULL: none of the addresses can be used. */
BlGatewayAgent *bl_gateway_agent_new (const BlGatewayAgentOptions *options,
                                      const BlGatewayAgentCallbacks *callbacks,
                                      gpointer user_data);

/* Gives TURN allocations back meanwhile; `closed` is called, perhaps at once,
 * when that is done or given up. Accepts NULL, and calls nothing then. */
void bl_gateway_agent_free (BlGatewayAgent *agent, void (*closed) (gpointer),
                            gpointer user_data);

const BlCandidate *bl_gateway_agent_candidates (const BlGatewayAgent *agent,
                                                gsize *out_count);

/* The first time, or with other credentials once bl_gateway_agent_restart() has
 * been called: begins the checks. */
void bl_gateway_agent_connect (BlGatewayAgent *agent,
                               const BlGatewayRemote *remote);

/* Candidates that trickled in. */
void bl_gateway_agent_add (BlGatewayAgent *agent, const BlCandidate *candidates,
                           gsize n_candidates);

/* New credentials of ours; what is in use goes on until another pair is found.
 */
void bl_gateway_agent_restart (BlGatewayAgent *agent, const char *ufrag,
                               const char *pwd);

/* What can't be sent now is dropped. */
void bl_gateway_agent_send (BlGatewayAgent *agent, const guint8 *data,
                            gsize length);

/* "relay 192.0.2.1:50000 to srflx 198.51.100.2:50000" for the log; NULL if none
 * is chosen. Free with g_free. */
char *bl_gateway_agent_describe (const BlGatewayAgent *agent);
