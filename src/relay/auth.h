/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is asking, and may they? Client certificates, cookies, Bearer tokens
 * (RFC 6750), passwords and one-time codes. Knows no HTTP library. Control's
 * thread; passwords are hashed on GLib's task pool.
 *
 * Invariant: whoever shows no good credential has BL_ROLE_ANYBODY and no more.
 */
#pragma once

#include <gio/gio.h>

#include "base/bltime.h"
#include "relay/options.h"
#include "relay/who.h"

#define BL_AUTH_ERROR (bl_auth_error_quark ())
GQuark bl_auth_error_quark (void);

typedef enum {
  BL_AUTH_ERROR_CERTIFICATE, /* none, or a bad one: 403 */
  BL_AUTH_ERROR_TOKEN,       /* unknown, expired or revoked: 401 */
  BL_AUTH_ERROR_WRONG,       /* name, password or code: 401 */
  BL_AUTH_ERROR_THROTTLED,   /* too many tries: 429 */
  BL_AUTH_ERROR_FAILED,      /* the database: 500 */
} BlAuthError;

typedef struct BlAuth BlAuth;

/* Reads the vehicles' CA and revocation list, if there are. Both arguments are
 * borrowed for the object's life. */
BlAuth *bl_auth_new (BlDb *db, const BlOptions *options, GError **error);

/* No sign-in may be under way: run the main loop until they are answered
 * (bl_auth_is_idle()). Accepts NULL. */
void bl_auth_free (BlAuth *auth);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlAuth, bl_auth_free)

/* No password is being checked. */
gboolean bl_auth_is_idle (const BlAuth *auth);

/* What a request shows. Each may be NULL. */
typedef struct {
  BlDoor door;
  const char *cookie;        /* the value */
  const char *authorization; /* the header */
  const guint8 *certificate; /* DER */
  gsize certificate_bytes;
} BlCredentials;

/* Fills `out_who` (bl_who_clear() it in any case). FALSE and `error` for a
 * credential that is no good; a page's old cookie is not one of these. By the
 * vehicles' door the certificate is the only credential that counts. */
gboolean bl_auth_identify (BlAuth *auth, const BlCredentials *credentials,
                           gint64 now_us, BlWho *out_who, GError **error);

typedef enum {
  BL_AUTH_ALLOW,
  BL_AUTH_SIGN_IN, /* 401: nobody; a credential is needed */
  BL_AUTH_DENY,    /* 403 */
} BlAuthDecision;

/* May `who` use the route that was found? Pure. */
BlAuthDecision bl_auth_decide (const BlRouteMatch *match, const BlWho *who);

/* Is a request that changes something by a cookie made by our own page?
 * `origin` and `fetch_site` are its Origin and Sec-Fetch-Site (or NULL), `self`
 * is our own origin: "https://relay.example:8443". Pure. */
gboolean bl_auth_is_same_origin (const char *origin, const char *fetch_site,
                                 const char *self);

/* One of `code`, or both of `name` and `password`. Copied. */
typedef struct {
  const char *name, *password, *code;
  const char *address; /* of the client, for throttle and audit */
} BlSignInTry;

void bl_auth_sign_in_async (BlAuth *auth, const BlSignInTry *try,
                            GAsyncReadyCallback callback, gpointer user_data);

/* The new cookie's value and whose it is, or NULL and `error`. With THROTTLED,
 * `out_wait_us` is how long to wait. */
char *bl_auth_sign_in_finish (BlAuth *auth, GAsyncResult *result,
                              BlUser **out_user, BlTime *out_wait_us,
                              GError **error);

gboolean bl_auth_sign_out (BlAuth *auth, const BlWho *who, const char *cookie,
                           GError **error);
