/* SPDX-License-Identifier: Apache-2.0
 *
 * A media worker: one thread, one UDP port, one epoll loop, and all that
 * passes through them. This header is the whole seam between the control
 * thread and the workers.
 *
 * Control gives commands; each is a function here, returns at once and takes
 * effect in the order given. The worker answers with events, which run in the
 * main context that was the thread's default when bl_worker_new() was called.
 * Every function here belongs to that thread, and asserts it.
 *
 * Invariants:
 * - Only control adds and removes. A session that is lost or closed stays, and
 *   stays silent, until control removes it; so does a source.
 * - An id is given once, by any worker, and never again. A command with an
 *   id that is gone does nothing, and no event names an id after control has
 *   removed it. So control may remove at any moment.
 * - A session belongs to one source. Removing a source removes its sessions.
 * - A source outlives its publishers: once a new publisher on the same source
 *   is connected it takes over from the old one (which is LOST, REPLACED).
 *   Viewers and recording go on with continuous numbers and times.
 */
#pragma once

#include <gio/gio.h>

#include "base/bltime.h"
#include "relay/stats.h"
#include "relay/tap.h"
#include "secure/dtls.h"
#include "signal/negotiated.h"

typedef struct BlWorker BlWorker;
typedef guint64 BlSourceId;  /* 0 is none */
typedef guint64 BlSessionId; /* 0 is none */

#define BL_WORKER_ERROR (bl_worker_error_quark ())
GQuark bl_worker_error_quark (void);

typedef enum {
  BL_WORKER_ERROR_BIND,  /* the port or the address can't be had */
  BL_WORKER_ERROR_SETUP, /* no thread, no memory, no epoll */
  BL_WORKER_ERROR_FULL,  /* no room for another source or session */
} BlWorkerError;

typedef enum {
  /* ICE and DTLS are up, media may flow. Once a session. */
  BL_WORKER_SESSION_CONNECTED,
  /* `reason` says why; nothing more will come from it. Remove it. */
  BL_WORKER_SESSION_LOST,
  /* The peer said goodbye: DTLS close_notify or, from a publisher, RTCP BYE for
   * all its tracks. Remove it. */
  BL_WORKER_SESSION_CLOSED,
  /* Media has begun to flow, or flows again. */
  BL_WORKER_SOURCE_STARTED,
  /* No media for BL_MEDIA_SILENCE_US; the source stays. */
  BL_WORKER_SOURCE_STOPPED,
  /* The picture's parameters, from its SPS: on the first and each change. */
  BL_WORKER_SOURCE_FORMAT,
  /* What bl_worker_request_stats() asked for. */
  BL_WORKER_STATS,
} BlWorkerEventKind;

typedef enum {
  BL_LOST_NONE,
  BL_LOST_NEVER_CONNECTED, /* no working path within the time to connect */
  BL_LOST_DTLS,            /* handshake or fingerprint failed */
  BL_LOST_SILENT,          /* neither STUN nor media for the silence time */
  BL_LOST_REPLACED,        /* a newer publisher took over its source */
  BL_LOST_INTERNAL,        /* no memory for its DTLS or SRTP */
} BlLostReason;

/* "never connected", "DTLS failed", …: for logs and the audit. */
const char *bl_lost_reason_name (BlLostReason reason);

typedef struct {
  BlWorkerEventKind kind;
  BlSourceId source;          /* of the session too; 0 for STATS */
  BlSessionId session;        /* SESSION_… only */
  BlLostReason reason;        /* SESSION_LOST only */
  guint32 profile_level_id;   /* SOURCE_FORMAT: 0x42e01f */
  guint width, height;        /* SOURCE_FORMAT, in pixels */
  const BlWorkerStats *stats; /* STATS; borrowed for the call */
} BlWorkerEvent;

/* Runs in control's main context. May call any function of this header but
 * bl_worker_free(). */
typedef void (*BlWorkerEventFunc) (BlWorker *worker, const BlWorkerEvent *event,
                                   gpointer user_data);

typedef struct {
  guint index;              /* 0, 1, …: for names and messages */
  const char *bind_address; /* NULL: all, IPv6 and IPv4 */
  guint16 port;             /* 0: any free one, see bl_worker_port() */
  const char *port_key;     /* what to change if the port is in use, for the
                               message: "[media] port" */
  BlDtlsContext *dtls;      /* borrowed; outlives the worker */
  BlTap *tap;               /* borrowed; outlives the worker; or NULL */
  guint max_sources;        /* 0: BL_WORKER_MAX_SOURCES */
  guint max_sessions;       /* 0: BL_WORKER_MAX_SESSIONS */
  BlTime connect_us;        /* time to connect; 0: 30 s */
  BlTime silence_us;        /* time until a session is lost; 0: 10 s */
  /* The same for a publisher from which media has come: its vehicle is out of
   * reach and comes back to the same session. 0: 100 s. */
  BlTime publisher_silence_us;
  BlWorkerEventFunc on_event;
  gpointer user_data;
} BlWorkerOptions;

#define BL_WORKER_MAX_SOURCES  32
#define BL_WORKER_MAX_SESSIONS 2048

/* Binds the port and starts the thread. The options are copied, the strings
 * too. NULL and `error` (BL_WORKER_ERROR), which names address and port and
 * says what to change. */
BlWorker *bl_worker_new (const BlWorkerOptions *options, GError **error);

/* Says goodbye to all peers, ends the thread, drops pending events. Blocks
 * for some milliseconds. Accepts NULL. */
void bl_worker_free (BlWorker *worker);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlWorker, bl_worker_free)

guint bl_worker_index (const BlWorker *worker);

/* The UDP port it is bound to. */
guint16 bl_worker_port (const BlWorker *worker);

/* CPU time that its thread has taken. */
guint64 bl_worker_cpu_us (const BlWorker *worker);

/* How many sources and sessions it has, to choose the least loaded. */
guint bl_worker_n_sources (const BlWorker *worker);
guint bl_worker_n_sessions (const BlWorker *worker);

/* A new source, as yet without a publisher. With `record`, its packets also go
 * to the tap under `call_number`. 0 and `error` (FULL) if there is no room. */
BlSourceId bl_worker_add_source (BlWorker *worker, guint64 call_number,
                                 gboolean record, GError **error);

/* Also removes its sessions, with goodbyes. */
void bl_worker_remove_source (BlWorker *worker, BlSourceId source);

typedef enum {
  BL_SESSION_PUBLISHER,
  BL_SESSION_VIEWER,
} BlSessionRole;

/* Borrowed for the length of the call. */
typedef struct {
  BlSessionRole role;
  const char *local_ufrag; /* ours; unique in the process, and unguessable */
  const char *local_pwd;
  const BlNegotiated *negotiated; /* with our SSRCs where we send */
} BlSessionSetup;

/* Begins to listen for the peer's STUN under `local_ufrag`. 0 and `error`
 * (FULL) if there is no room. */
BlSessionId bl_worker_add_session (BlWorker *worker, BlSourceId source,
                                   const BlSessionSetup *setup, GError **error);

/* ICE restart (RFC 8445 section 9): checks with the new credentials are
 * answered from now on, and those with the ones before too, so that media flows
 * over the old path until the peer has chosen a new one. DTLS and SRTP are
 * kept. As an ICE-lite server sends no checks, it needs only its own
 * credentials and none of the peer's. */
void bl_worker_restart_ice (BlWorker *worker, BlSessionId session,
                            const char *local_ufrag, const char *local_pwd);

/* Sends RTCP BYE and DTLS close_notify, and forgets it. */
void bl_worker_remove_session (BlWorker *worker, BlSessionId session);

/* Answered by one BL_WORKER_STATS event. */
void bl_worker_request_stats (BlWorker *worker);
