/* SPDX-License-Identifier: Apache-2.0
 *
 * Who did what, when. Append only: the table refuses UPDATE and DELETE.
 */
#pragma once

#include "store/db.h"

typedef enum {
  BL_AUDIT_SIGN_IN,
  BL_AUDIT_SIGN_IN_FAILED,
  BL_AUDIT_SIGN_OUT,
  BL_AUDIT_CALL_START,
  BL_AUDIT_CALL_END,
  BL_AUDIT_VIEW_START,
  BL_AUDIT_VIEW_END,
  BL_AUDIT_PLAYBACK,
  BL_AUDIT_EXPORT,
  BL_AUDIT_TOKEN_NEW,
  BL_AUDIT_TOKEN_REVOKE,
  BL_AUDIT_USER_ADD,
  BL_AUDIT_USER_CHANGE, /* detail: "disabled", "password", "code" … */
  BL_AUDIT_N_ACTIONS,
} BlAuditAction;

/* "sign-in", "sign-in-failed", "call-start", … */
const char *bl_audit_action_name (BlAuditAction action);

typedef enum {
  BL_ACTOR_USER,     /* name: the user's */
  BL_ACTOR_UNIT,     /* name: the certificate's CN */
  BL_ACTOR_TOKEN,    /* name: the token's id and label */
  BL_ACTOR_OPERATOR, /* name: the login that ran the command line */
  BL_ACTOR_SYSTEM,   /* name: "relay" */
  BL_ACTOR_N_KINDS,
} BlActorKind;

/* "user", "unit", "token", "operator" or "system". */
const char *bl_actor_kind_name (BlActorKind kind);

typedef struct {
  gint64 id;
  gint64 at_us;
  BlActorKind actor_kind;
  char *actor;
  BlAuditAction action;
  char *object; /* call, recording, user or token; "" if none */
  char *detail; /* a few words; "" if none; never a secret */
} BlAuditRow;

void bl_audit_row_free (BlAuditRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BlAuditRow, bl_audit_row_free)

/* On the disk when it returns (BL_DB_DURABLE). NULL is "". What can't be
 * audited should not be done: on FALSE, refuse the request. */
gboolean bl_audit_add (BlDb *db, gint64 at_us, BlActorKind actor_kind,
                       const char *actor, BlAuditAction action,
                       const char *object, const char *detail, GError **error);

/* The same without waiting for the disk: the row is written when it returns,
 * and outlives the relay, and is flushed right after. What only the machine's
 * own death in these moments may lose: for views, of which many may begin at a
 * time, and whose first picture comes later than the flush. */
gboolean bl_audit_add_soon (BlDb *db, gint64 at_us, BlActorKind actor_kind,
                            const char *actor, BlAuditAction action,
                            const char *object, const char *detail,
                            GError **error);

/* Newest first, of those before id `before` (0: the newest), at most `limit`:
 * (element-type BlAuditRow), with free function. */
GPtrArray *bl_audit_list (BlDb *db, gint64 before, guint limit, GError **error);
