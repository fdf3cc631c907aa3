/* SPDX-License-Identifier: Apache-2.0
 *
 * The relay's HTTP servers, one for each door: people (TLS), vehicles (TLS
 * with client certificate) and loopback (docs/architecture.md, HTTP). All in
 * the main loop of the thread that makes them.
 *
 * A request goes through these gates, each with its status:
 *   route (404, 405) → identity (401, 403) → role (401, 403) → origin (403) →
 *   body's type and size (415, 413) → the route's handler.
 * All but the size of a body without Content-Length are judged before any of
 * the body is read. Headers and body must be here within
 * BL_HTTP_REQUEST_S, or the connection is closed.
 */
#pragma once

#include "relay/auth.h"
#include "relay/registry.h"

#define BL_HTTP_REQUEST_S 15
#define BL_HTTP_IDLE_S    75
#define BL_HTTP_STALL_S   30 /* a response that nobody reads */

/* At these, the connection that has been idle for longest makes room for a new
 * one; if none is idle, the new one is closed. A hospital may sit behind one
 * address. */
#define BL_HTTP_MAX_CONNECTIONS      4000 /* by one door */
#define BL_HTTP_MAX_FROM_ONE_ADDRESS 2000

#define BL_HTTP_ERROR (bl_http_error_quark ())
GQuark bl_http_error_quark (void);

typedef enum {
  BL_HTTP_ERROR_LISTEN, /* a port can't be had */
  BL_HTTP_ERROR_TLS,    /* certificate or key can't be used */
} BlHttpError;

typedef struct BlHttp BlHttp;

/* Pointers are borrowed for the object's life. */
typedef struct {
  const BlOptions *options;
  BlDb *db;
  BlAuth *auth;
  BlRegistry *registry;
  /* For tests; 0: as above. */
  guint request_s, max_connections;
} BlHttpOptions;

/* Opens the doors that the options name. */
BlHttp *bl_http_new (const BlHttpOptions *options, GError **error);

/* Closes all connections. Accepts NULL. */
void bl_http_free (BlHttp *http);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlHttp, bl_http_free)

/* The port of a door; 0 if it is not open. */
guint16 bl_http_port (const BlHttp *http, BlDoor door);

/* After this, requests are answered with 503: the relay is going down. */
void bl_http_stop (BlHttp *http);
