/* SPDX-License-Identifier: Apache-2.0
 *
 * What the gateway's two sides share: gateway.c (control) and gateway_thread.c.
 */
#pragma once

#include "relay/gateway.h"
#include "relay/gateway_link.h"
#include "relay/queue.h"

#define BL_GATEWAY_KINDS (BL_CANDIDATE_RELAY + 1)

typedef enum {
  BL_GATE_OPEN,    /* ufrag, pwd: ours; most */
  BL_GATE_CONNECT, /* worker, label, remote and its candidates */
  BL_GATE_ADD,     /* candidates */
  BL_GATE_RESTART, /* ufrag, pwd; remote and its candidates */
  BL_GATE_SETTLE,
  BL_GATE_CLOSE,
  BL_GATE_STOP, /* the thread; `gate` is 0 */
} BlGateCommandKind;

/* What isn't said of a kind is 0 and NULL. */
typedef struct {
  BlGateCommandKind kind;
  guint64 gate;
  guint most; /* that there may be with this one */
  char *ufrag, *pwd;
  char *remote_ufrag, *remote_pwd;
  BlCandidate *candidates;
  gsize n_candidates;
  BlAddress worker;
  char *label;
} BlGateCommand;

void bl_gate_command_free (gpointer command);

typedef enum {
  BL_GATE_OPENED,  /* with candidates */
  BL_GATE_FAILED,  /* it can't be opened */
  BL_GATE_SETTLED, /* it was opened, and is given up */
} BlGateEventKind;

typedef struct {
  BlGateEventKind kind;
  guint64 gate;
  gsize n_candidates;
  BlCandidate candidates[BL_GATEWAY_MAX_CANDIDATES];
} BlGateEvent;

struct BlGateway {
  const GPtrArray *servers; /* borrowed */
  char *listen;
  GMainContext *context; /* the thread's */
  pthread_t thread;
  BlQueue commands, events;
  GSource *command_source, *event_source;
  int chosen[BL_GATEWAY_KINDS]; /* atomic */
  guint max_gates, most_by_files;

  /* control's */
  guint64 last_id;
  guint64 refused;
  guint n_opening;
  GHashTable *gates; /* &id → BlGate: those that have an agent, or may */

  /* the thread's */
  GHashTable *entries; /* &id → Entry */
  guint n_closing;     /* agents whose TURN servers don't know yet */
  bool stopping;
  bool lacks_turn; /* as told last */
};

/* The thread, and what runs on it when there are commands. */
void *bl_gateway_run (void *gateway);
gboolean bl_gateway_take_commands (gpointer gateway);
