/* SPDX-License-Identifier: Apache-2.0
 *
 * Routes as a const table: method, path, who may use it. Pure: it knows
 * neither sockets nor libsoup.
 *
 * Invariant: access is denied unless the table grants it. A route whose roles
 * are 0 lets nobody in, and a route is not there at a door it does not name.
 */
#pragma once

#include <glib.h>

/* Who a request may come from; a request can have several. */
typedef enum {
  BL_ROLE_ANYBODY = 1 << 0,   /* every request has it */
  BL_ROLE_CLINICIAN = 1 << 1, /* signed in */
  BL_ROLE_IT = 1 << 2,        /* signed in */
  BL_ROLE_VEHICLE = 1 << 3,   /* a valid client certificate */
  BL_ROLE_PUBLISHER = 1 << 4, /* a Bearer token that publishes to an ED */
  BL_ROLE_VIEWER = 1 << 5,    /* a Bearer token that views a call */
  BL_ROLE_LOOPBACK = 1 << 6,  /* came in by the loopback door */
  BL_ROLE_METRICS = 1 << 7,   /* a Bearer token that reads the metrics */
} BlRole;

/* Which port a request came in by. */
typedef enum {
  BL_DOOR_MAIN = 1 << 0,     /* TLS, people and third parties */
  BL_DOOR_VEHICLE = 1 << 1,  /* TLS with a client certificate */
  BL_DOOR_LOOPBACK = 1 << 2, /* no TLS, this machine only */
} BlDoor;

#define BL_DOORS_ALL    (BL_DOOR_MAIN | BL_DOOR_VEHICLE | BL_DOOR_LOOPBACK)
#define BL_DOORS_PEOPLE (BL_DOOR_MAIN | BL_DOOR_LOOPBACK)

typedef struct BlRequest BlRequest;
typedef void (*BlRouteHandler) (BlRequest *request);

typedef struct {
  const char *method;
  /* Segments: literal, {name} for one that is given to the handler, and a
   * last * for all the rest. */
  const char *path;
  guint roles;         /* of BlRole; any one of them will do */
  guint doors;         /* of BlDoor */
  gboolean by_subject; /* a token may use it only for the ED or call that it was
                          made for: the first {name} */
  gboolean cors;       /* other origins' pages may use it, without cookies */
  const char *accepts; /* the body's media type; NULL: takes no body */
  gsize body_max_bytes;
  BlRouteHandler handler;
} BlRoute;

#define BL_ROUTE_ARGS      2
#define BL_ROUTE_ARG_BYTES 128

typedef enum {
  BL_ROUTE_FOUND,
  BL_ROUTE_NO_PATH,   /* 404 */
  BL_ROUTE_NO_METHOD, /* 405; see `allow` and `cors` */
} BlRouteResult;

typedef struct {
  const BlRoute *route; /* only when found */
  /* What stood for each {name} and *, in order; "" where there is none.
   * Never holds a '/' unless it stood for *. */
  char args[BL_ROUTE_ARGS][BL_ROUTE_ARG_BYTES];
  char allow[64]; /* the path's methods: "GET, HEAD"; when not NO_PATH */
  gboolean cors;  /* one of the path's routes has cors */
} BlRouteMatch;

/* Looks `method` and the undecoded `path` up. HEAD is found as GET. `out` is
 * filled as far as its comments say. */
BlRouteResult bl_route_find (const BlRoute *routes, gsize n_routes, BlDoor door,
                             const char *method, const char *path,
                             BlRouteMatch *out);
