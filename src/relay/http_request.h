/* SPDX-License-Identifier: Apache-2.0
 *
 * One request and its reply, as the handlers see them. For the http files
 * alone. A handler gives exactly one reply, or calls bl_request_wait() and
 * gives it later.
 */
#pragma once

#include <json-glib/json-glib.h>
#include <libsoup/soup.h>

#include "relay/http.h"

#define BL_BODY_SDP_BYTES  65536
#define BL_BODY_JSON_BYTES 4096

struct BlHttp {
  BlHttpOptions context;
  SoupServer *servers[3]; /* by door, see http.c; NULL: not open */
  gint64 started_us;
  gboolean stopping;
  guint64 requests[6];     /* answered, by status class: [2] is 2xx */
  guint connections[3];    /* by door, likewise */
  GHashTable *per_address; /* address → how many connections */
  GQueue idle;             /* connections between requests, longest first */
  GHashTable *playbacks;   /* "who recording" → when it was audited last */
  GQueue held;             /* BlRequest that wait for the list to change */
};

struct BlRequest {
  BlHttp *http;
  SoupServerMessage *msg; /* owns the request */
  BlDoor door;
  BlRouteMatch match;
  BlWho who;
  gsize body_bytes; /* received so far */
  gboolean waiting;
  guint hold; /* timer of http_calls.c, while in http->held */
};

const char *bl_request_arg (const BlRequest *request, guint index);

/* The header's value or NULL. */
const char *bl_request_header (const BlRequest *request, const char *name);

/* The whole body, which the message keeps. Not NUL-terminated. */
const char *bl_request_body (BlRequest *request, gsize *out_length);

/* A parameter of the query as a number, or `fallback`. */
gint64 bl_request_query_int (const BlRequest *request, const char *name,
                             gint64 fallback);

/* The session cookie's value, or NULL; free with g_free. */
char *bl_request_cookie (const BlRequest *request);

/* The client's address in text; free with g_free. */
char *bl_request_address (const BlRequest *request);

/* "https://host:port" as the client calls us; free with g_free. */
char *bl_request_self_origin (const BlRequest *request);

/* The reply comes later. Gives a reference that bl_request_resume() takes. */
void bl_request_wait (BlRequest *request);
void bl_request_resume (BlRequest *request);

/* A body that is a JSON object, bounded in depth, or NULL after replying 400.
 */
JsonObject *bl_request_json (BlRequest *request);

/* ---- replies ---- */

void bl_reply_header (BlRequest *request, const char *name, const char *value);
/* Sets the session cookie; "" and 0 forget it. */
void bl_reply_cookie (BlRequest *request, const char *value, gint64 max_age_s);

void bl_reply_empty (BlRequest *request, guint status);

/* `body` is copied. */
void bl_reply_text (BlRequest *request, guint status, const char *type,
                    const char *body);

/* Takes the builder's root. */
void bl_reply_json (BlRequest *request, guint status, JsonBuilder *builder);

/* A sentence for people: JSON under /api/, else plain text. */
void bl_reply_error (BlRequest *request, guint status, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

/* 404 with the sentence if the store found nothing, else 500. */
void bl_reply_db_error (BlRequest *request, const GError *error,
                        const char *format, ...) G_GNUC_PRINTF (3, 4);

/* A file's first `size` bytes, with Range; it is read piece by piece while it
 * is sent. `etag` without quotes. */
void bl_reply_file (BlRequest *request, const char *path, guint64 size,
                    const char *type, const char *etag);

/* ---- the servers' own ---- */

BlRequest *bl_request_new (BlHttp *http, BlDoor door, SoupServerMessage *msg);
BlRequest *bl_request_of (SoupServerMessage *msg);

/* Deadlines and connection limits of a message's connection, which came by
 * the door of servers[index]. */
void bl_http_guard (BlHttp *http, guint index, SoupServerMessage *msg);
void bl_http_abort (SoupServerMessage *msg);

/* May the message's connection stay open for another request? Not if we
 * couldn't end it: see http_limits.c. */
gboolean bl_http_may_keep (SoupServerMessage *msg);

/* ---- handlers, by file ---- */

extern const BlRoute bl_http_routes[];
extern const gsize bl_http_n_routes;

void bl_http_on_page (BlRequest *request); /* http_pages.c */
void bl_http_on_app (BlRequest *request);
void bl_http_on_time (BlRequest *request); /* http_api.c */
void bl_http_on_call (BlRequest *request);
void bl_http_on_audit (BlRequest *request);
void bl_http_on_calls (BlRequest *request);   /* http_calls.c */
void bl_http_on_health (BlRequest *request);  /* http_health.c */
void bl_http_on_metrics (BlRequest *request); /* http_metrics.c */
void bl_http_on_me (BlRequest *request);      /* http_sign_in.c */
void bl_http_on_sign_in (BlRequest *request);
void bl_http_on_sign_out (BlRequest *request);
void bl_http_on_recordings (BlRequest *request); /* http_recordings.c */
void bl_http_on_recording (BlRequest *request);
void bl_http_on_part (BlRequest *request);
void bl_http_on_whip (BlRequest *request); /* http_whip.c */
void bl_http_on_whep (BlRequest *request);
void bl_http_on_session_patch (BlRequest *request);
void bl_http_on_session_delete (BlRequest *request);

/* http_calls.c: from bl_http_new() until bl_http_free(). */
void bl_http_watch_calls (BlHttp *http);
void bl_http_unwatch_calls (BlHttp *http);

/* A call's members of docs/api.md into the open object. */
void bl_http_add_call (JsonBuilder *json, const BlLiveCall *call);
void bl_http_add_health (JsonBuilder *json, const BlLiveCall *call);
