/* SPDX-License-Identifier: Apache-2.0
 *
 * The vehicle's side of WHIP (RFC 9725) over mutual TLS: POST an offer, PATCH
 * candidates or an ICE restart, DELETE to hang up.
 *
 * The relay is who its certificate says: signed by [relay] ca and made out to
 * the name in [relay] url. It is asked nothing over TLS older than 1.2. We are
 * who our certificate says; it is read from its file for each new session, so
 * that a renewed one is taken without a restart. A redirect (307, 308) is
 * followed three times at most, and never from https to anything else; others
 * are errors.
 *
 * Where the vehicle has several networks, a request is tried by one after the
 * other until one of them connects: what routes prefer may be dead. Nothing is
 * sent twice.
 *
 * Errors are sentences for the crew or the IT staff, and say what to do.
 * All asynchronous, in the main context that was the thread's default at
 * bl_whip_new(). A cancelled request ends with G_IO_ERROR_CANCELLED.
 */
#pragma once

#include <gio/gio.h>

typedef struct BlWhip BlWhip;

typedef struct {
  const char *relay_url;   /* without a slash at its end */
  const char *ca;          /* PEM; NULL: the system's */
  const char *certificate; /* PEM; NULL: none (http on loopback) */
  const char *key;
} BlWhipOptions;

#define BL_WHIP_ERROR (bl_whip_error_quark ())
GQuark bl_whip_error_quark (void);

typedef enum {
  BL_WHIP_ERROR_UNREACHABLE,    /* no network, no name, no answer */
  BL_WHIP_ERROR_RELAY_IDENTITY, /* its certificate is not to be trusted */
  BL_WHIP_ERROR_CERTIFICATE,    /* ours is missing, expired or not wanted */
  BL_WHIP_ERROR_UNKNOWN_ED,     /* 404 to a POST */
  BL_WHIP_ERROR_GONE,           /* 404, 410 to a PATCH: make a new session */
  BL_WHIP_ERROR_OVER,           /* 410 to a POST: begin a call with a new id */
  BL_WHIP_ERROR_NOT_ACCEPTABLE, /* 400, 406, 413, 415, 422: our offer */
  BL_WHIP_ERROR_CONFLICT,       /* 409 */
  BL_WHIP_ERROR_PRECONDITION,   /* 412, 428: the session has changed */
  BL_WHIP_ERROR_BUSY,           /* 429, 503 */
  BL_WHIP_ERROR_RELAY,          /* any other status, or no WHIP at all */
} BlWhipError;

/* Will the same request have the same end until a person changes something? */
gboolean bl_whip_error_is_final (const GError *error);

typedef struct {
  char *body;         /* the answer, or a fragment; "" if there is none */
  char *session_url;  /* POST: absolute */
  char *etag;         /* without quotes; NULL if there is none */
  GPtrArray *servers; /* of BlIceServer, from Link; may be empty */
} BlWhipReply;

void bl_whip_reply_free (BlWhipReply *reply);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlWhipReply, bl_whip_reply_free)

/* Strings are borrowed for the object's life. Fails if the CA or our
 * certificate can't be read, or ours has expired. */
BlWhip *bl_whip_new (const BlWhipOptions *options, GError **error);
void bl_whip_free (BlWhip *whip);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlWhip, bl_whip_free)

/* When our certificate ends, in seconds since 1970; 0: there is none. */
gint64 bl_whip_certificate_expires_unix_s (const BlWhip *whip);

/* The interfaces by which to connect from now on, in this order; "" is whatever
 * routes prefer. Each has BL_WHIP_NEXT_MS, and then the first one has as long
 * as it takes. Without a call, or with none: by the routes alone. Copies. */
#define BL_WHIP_NEXT_MS 700
void bl_whip_set_networks (BlWhip *whip, const char *const *networks);

/* POST {relay}/whip/{ed} with Bluelight-Call: {call_id}. */
void bl_whip_post (BlWhip *whip, const char *ed, const char *call_id,
                   const char *offer, GCancellable *cancellable,
                   GAsyncReadyCallback callback, gpointer user_data);

/* PATCH with an SDP fragment. `etag` without quotes; NULL means an ICE restart
 * (If-Match: "*", RFC 9725 section 4.3.2). */
void bl_whip_patch (BlWhip *whip, const char *session_url, const char *etag,
                    const char *fragment, GCancellable *cancellable,
                    GAsyncReadyCallback callback, gpointer user_data);

/* A session that is gone already is deleted well enough. */
void bl_whip_delete (BlWhip *whip, const char *session_url,
                     GCancellable *cancellable, GAsyncReadyCallback callback,
                     gpointer user_data);

/* For all three. */
BlWhipReply *bl_whip_finish (BlWhip *whip, GAsyncResult *result,
                             GError **error);
