/* SPDX-License-Identifier: Apache-2.0
 *
 * Bearer tokens (RFC 6750) for publishers and viewers that are neither our
 * vehicles nor signed-in people, and for monitoring. Stored as SHA-256 of a
 * random value.
 */
#pragma once

#include "store/db.h"

typedef enum {
  BL_TOKEN_PUBLISH, /* subject: the ED to publish to */
  BL_TOKEN_VIEW,    /* subject: the call to view */
  BL_TOKEN_METRICS, /* reads the relay's metrics; subject: "" */
} BlTokenKind;

/* "publish", "view" or "metrics". */
const char *bl_token_kind_name (BlTokenKind kind);

typedef struct {
  gint64 id;
  BlTokenKind kind;
  char *subject; /* ED or call id */
  char *label;   /* for people; may be "" */
  gint64 created_us, expires_us;
  gint64 revoked_us; /* 0: it is not */
} BlToken;

void bl_token_free (BlToken *token);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlToken, bl_token_free)

/* Stores the hash of `secret`, which the caller made at random and shows once.
 */
gboolean bl_tokens_add (BlDb *db, BlTokenKind kind, const char *subject,
                        const char *label, const char *secret, gint64 now_us,
                        gint64 expires_us, gint64 *out_id, GError **error);

/* The token of this secret. NOT_FOUND if it is unknown, expired or revoked. */
BlToken *bl_tokens_find (BlDb *db, const char *secret, gint64 now_us,
                         GError **error);
BlToken *bl_tokens_get (BlDb *db, gint64 id, GError **error);

/* All, newest first: (element-type BlToken), with free function. */
GPtrArray *bl_tokens_list (BlDb *db, GError **error);

/* NOT_FOUND if there is none; TRUE if it was revoked before. */
gboolean bl_tokens_revoke (BlDb *db, gint64 id, gint64 now_us, GError **error);
