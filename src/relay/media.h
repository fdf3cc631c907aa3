/* SPDX-License-Identifier: Apache-2.0
 *
 * The media side as control sees it: one DTLS certificate for the process, and
 * the workers, each with its tap and its recorder. Control's thread only.
 */
#pragma once

#include "relay/gateway.h"
#include "relay/options.h"
#include "relay/recorder.h"
#include "relay/worker.h"

typedef struct BlMedia BlMedia;

typedef struct {
  const BlOptions *options; /* borrowed for the object's life */
  BlWorkerEventFunc on_worker;
  BlRecorderEventFunc on_recorder;
  gpointer user_data;
} BlMediaOptions;

/* Binds all ports and starts all threads. */
BlMedia *bl_media_new (const BlMediaOptions *options, GError **error);

/* Ends the workers first and then the recorders, which write all they have.
 * Blocks for that. Accepts NULL. */
void bl_media_free (BlMedia *media);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlMedia, bl_media_free)

guint bl_media_n_workers (const BlMedia *media);
BlWorker *bl_media_worker (const BlMedia *media, guint index);
BlRecorder *bl_media_recorder (const BlMedia *media, guint index);

/* Packets and marks that the recorder was too slow for. */
guint64 bl_media_tap_dropped (const BlMedia *media, guint index);

/* What a worker carries: its work is that of its sessions, nearly. */
typedef struct {
  guint calls, sessions;
} BlMediaLoad;

/* Which of `n` (> 0) the next call should go to: one with room for a call, then
 * the fewest sessions, then the fewest calls, then the first. Pure. */
guint bl_media_choose (const BlMediaLoad *loads, guint n);

/* That worker. */
BlWorker *bl_media_least_loaded (const BlMedia *media);

/* SHA-256 of the certificate that all workers show, for SDP. Borrowed. */
const guint8 *bl_media_fingerprint (const BlMedia *media);

/* The addresses told to clients. Borrowed. */
const char *const *bl_media_addresses (const BlMedia *media);

/* The way to clients for a relay that they can't reach; NULL: it is ICE-lite
 * ([media] ice). */
BlGateway *bl_media_gateway (const BlMedia *media);

/* The worker's candidates: room for BL_OPTIONS_MAX_ADDRESSES. Gives how many.
 */
guint bl_media_candidates (const BlMedia *media, const BlWorker *worker,
                           BlCandidate *out_candidates);
