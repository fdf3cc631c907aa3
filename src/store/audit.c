/* SPDX-License-Identifier: Apache-2.0 */
#include "store/audit.h"

#include "store/db_private.h"

static const char *const action_names[BL_AUDIT_N_ACTIONS] = {
  [BL_AUDIT_SIGN_IN] = "sign-in",
  [BL_AUDIT_SIGN_IN_FAILED] = "sign-in-failed",
  [BL_AUDIT_SIGN_OUT] = "sign-out",
  [BL_AUDIT_CALL_START] = "call-start",
  [BL_AUDIT_CALL_END] = "call-end",
  [BL_AUDIT_VIEW_START] = "view-start",
  [BL_AUDIT_VIEW_END] = "view-end",
  [BL_AUDIT_PLAYBACK] = "playback",
  [BL_AUDIT_EXPORT] = "export",
  [BL_AUDIT_TOKEN_NEW] = "token-new",
  [BL_AUDIT_TOKEN_REVOKE] = "token-revoke",
  [BL_AUDIT_USER_ADD] = "user-add",
  [BL_AUDIT_USER_CHANGE] = "user-change",
};

static const char *const actor_names[BL_ACTOR_N_KINDS] = {
  [BL_ACTOR_USER] = "user",     [BL_ACTOR_UNIT] = "unit",
  [BL_ACTOR_TOKEN] = "token",   [BL_ACTOR_OPERATOR] = "operator",
  [BL_ACTOR_SYSTEM] = "system",
};

const char *
bl_audit_action_name (BlAuditAction action)
{
  return action < BL_AUDIT_N_ACTIONS ? action_names[action] : "unknown";
}

const char *
bl_actor_kind_name (BlActorKind kind)
{
  return kind < BL_ACTOR_N_KINDS ? actor_names[kind] : "unknown";
}

void
bl_audit_row_free (BlAuditRow *row)
{
  if (!row)
    return;
  g_free (row->actor);
  g_free (row->object);
  g_free (row->detail);
  g_free (row);
}

/* The index of the column's name; a name that a program of another version
 * wrote gives `n`, shown as unknown. */
static guint
index_of (sqlite3_stmt *row, int column, const char *const *names, guint n)
{
  const char *name = (const char *)sqlite3_column_text (row, column);
  guint i = 0;
  while (i < n && g_strcmp0 (name, names[i]) != 0)
    i++;
  return i;
}

static gpointer
make_row (sqlite3_stmt *stmt)
{
  BlAuditRow *row = g_new0 (BlAuditRow, 1);
  row->id = sqlite3_column_int64 (stmt, 0);
  row->at_us = sqlite3_column_int64 (stmt, 1);
  row->actor_kind
      = (BlActorKind)index_of (stmt, 2, actor_names, BL_ACTOR_N_KINDS);
  row->actor = bl_db_text (stmt, 3);
  row->action
      = (BlAuditAction)index_of (stmt, 4, action_names, BL_AUDIT_N_ACTIONS);
  row->object = bl_db_text (stmt, 5);
  row->detail = bl_db_text (stmt, 6);
  return row;
}

/* What peers sent (a name typed at sign-in) may be any bytes. */
static char *
as_utf8 (const char *text)
{
  return g_utf8_make_valid (text ? text : "", -1);
}

gboolean
bl_audit_add (BlDb *db, gint64 at_us, BlActorKind actor_kind, const char *actor,
              BlAuditAction action, const char *object, const char *detail,
              GError **error)
{
  g_autofree char *actor_text = as_utf8 (actor);
  g_autofree char *object_text = as_utf8 (object);
  g_autofree char *detail_text = as_utf8 (detail);
  return bl_db_run (BL_DB_OP (db, "write the audit"), error,
                    "INSERT INTO audit (at_us, actor_kind, actor, action,"
                    " object, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    "isssss", at_us, actor_names[actor_kind], actor_text,
                    action_names[action], object_text, detail_text);
}

gboolean
bl_audit_add_soon (BlDb *db, gint64 at_us, BlActorKind actor_kind,
                   const char *actor, BlAuditAction action, const char *object,
                   const char *detail, GError **error)
{
  gboolean soon = bl_db_begin_soon (db);
  gboolean added = bl_audit_add (db, at_us, actor_kind, actor, action, object,
                                 detail, error);
  if (soon)
    bl_db_end_soon (db);
  return added;
}

GPtrArray *
bl_audit_list (BlDb *db, gint64 before, guint limit, GError **error)
{
  return bl_db_list (BL_DB_OP (db, "read the audit"), make_row,
                     (GDestroyNotify)bl_audit_row_free, error,
                     "SELECT id, at_us, actor_kind, actor, action, object,"
                     " detail FROM audit WHERE ?1 = 0 OR id < ?1"
                     " ORDER BY id DESC LIMIT ?2",
                     "ii", before, (gint64)limit);
}
