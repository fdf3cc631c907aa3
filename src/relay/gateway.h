/* SPDX-License-Identifier: Apache-2.0
 *
 * Full ICE for a relay that can't be reached from outside by UDP
 * (docs/adr/0011-full-ice.md): one thread with an agent for each session, which
 * passes datagrams between its peer and the session's worker
 * (gateway_link.h). Workers know nothing of it.
 *
 * Shape of use, in control's thread, which all functions here belong to:
 *
 *   bl_gateway_open() … opened (gate) → an answer with the gate's credentials
 *   and candidates, and a session with these credentials at a worker →
 *   bl_gate_connect() → bl_gate_add(), bl_gate_restart() … bl_gate_free()
 *
 * Invariants:
 * - A gate's credentials are those of its session at the worker. So the
 *   worker's own candidates may stand in the same answer: a peer that reaches
 *   the worker by itself, such as one in the hospital's network, does.
 * - At most BL_GATEWAY_MAX_GATES, fewer if the descriptors don't suffice; those
 *   that were freed and still say goodbye are counted.
 *   Viewers get none of the last half, so that they can't keep a call out.
 */
#pragma once

#include <gio/gio.h>

#include "relay/gateway_agent.h"

/* What one thread carries; each holds some descriptors and, with a TURN server,
 * an allocation there. */
#define BL_GATEWAY_MAX_GATES 128

/* How long an answer waits for STUN and TURN servers. */
#define BL_GATEWAY_GATHER_MS 2000

typedef struct BlGateway BlGateway;
typedef struct BlGate BlGate;

/* Borrowed for the object's life. */
typedef struct {
  const GPtrArray *servers; /* of BlIceServer: our own STUN and TURN servers */
  const char *listen;       /* the workers' address; "" for all */
} BlGatewayOptions;

typedef struct {
  guint gates;
  guint chosen[BL_CANDIDATE_RELAY + 1]; /* of them, by our end of the pair */
  guint64 asked;                        /* calls of bl_gateway_open() */
  guint64 refused;                      /* of them, without a gate */
} BlGatewayStats;

/* Starts the thread. Says which servers it leaves out, and why. */
BlGateway *bl_gateway_new (const BlGatewayOptions *options, GError **error);

/* All gates have been freed; waits a moment for TURN servers to take their
 * allocations back. Free the workers before, so that their goodbyes leave.
 * Accepts NULL. */
void bl_gateway_free (BlGateway *gateway);

/* Once, from the main context, within BL_GATEWAY_GATHER_MS: a gate that is now
 * the callee's, with what was gathered in time; NULL if there can't be one (the
 * log says why): then ICE-lite has to do. */
typedef void (*BlGateOpened) (BlGate *gate, gpointer user_data);
void bl_gateway_open (BlGateway *gateway, bool publisher, BlGateOpened opened,
                      gpointer user_data);

/* Is no bl_gateway_open() under way? */
bool bl_gateway_is_idle (const BlGateway *gateway);

void bl_gateway_get_stats (const BlGateway *gateway, BlGatewayStats *out_stats);

/* Its candidates stay the same for its life. Borrowed. */
const char *bl_gate_ufrag (const BlGate *gate);
const char *bl_gate_pwd (const BlGate *gate);
const BlCandidate *bl_gate_candidates (const BlGate *gate, gsize *out_count);

/* Once: the session is at the worker with this port. `label` names it in the
 * log. */
void bl_gate_connect (BlGate *gate, guint16 worker_port, const char *label,
                      const BlGatewayRemote *remote);

/* Candidates that trickled in. */
void bl_gate_add (BlGate *gate, const BlCandidate *candidates,
                  gsize n_candidates);

/* An ICE restart with these credentials of ours, at the worker too. */
void bl_gate_restart (BlGate *gate, const char *ufrag, const char *pwd,
                      const BlGatewayRemote *remote);

/* The session is up. A gate that nothing has passed is given up, a little
 * later: its peer reaches the worker by itself. Calls for a settled gate do
 * nothing, and its candidates are void. */
void bl_gate_settle (BlGate *gate);
bool bl_gate_is_settled (const BlGate *gate);

/* What the worker is just saying still leaves. Accepts NULL. */
void bl_gate_free (BlGate *gate);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlGate, bl_gate_free)
