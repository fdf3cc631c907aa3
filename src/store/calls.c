/* SPDX-License-Identifier: Apache-2.0 */
#include "store/calls.h"

#include "store/db_private.h"

#define COLUMNS                                                                \
  "id, ed, unit, token_id, state, started_us, seen_us, ended_us, end_reason"

static const char *const state_names[] = {
  [BL_CALL_OPEN] = "open",
  [BL_CALL_INTERRUPTED] = "interrupted",
  [BL_CALL_ENDED] = "ended",
};

const char *
bl_call_state_name (BlCallState state)
{
  return state_names[state];
}

void
bl_call_free (BlCall *call)
{
  if (!call)
    return;
  g_free (call->id);
  g_free (call->ed);
  g_free (call->unit);
  g_free (call->end_reason);
  g_free (call);
}

static BlCallState
state_from_name (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (state_names); i++) {
    if (g_strcmp0 (name, state_names[i]) == 0)
      return (BlCallState)i;
  }
  g_assert_not_reached (); /* the table's CHECK admits no other */
}

static gpointer
make_call (sqlite3_stmt *row)
{
  BlCall *call = g_new0 (BlCall, 1);
  call->id = bl_db_text (row, 0);
  call->ed = bl_db_text (row, 1);
  call->unit = bl_db_text (row, 2);
  call->token = sqlite3_column_int64 (row, 3);
  call->state = state_from_name ((const char *)sqlite3_column_text (row, 4));
  call->started_us = sqlite3_column_int64 (row, 5);
  call->seen_us = sqlite3_column_int64 (row, 6);
  call->ended_us = sqlite3_column_int64 (row, 7);
  call->end_reason = bl_db_text (row, 8);
  return call;
}

gboolean
bl_calls_add (BlDb *db, const char *id, const char *ed, const char *unit,
              gint64 token, gint64 now_us, GError **error)
{
  g_assert ((unit != NULL) != (token != 0));
  g_autofree char *operation = g_strdup_printf ("add the call “%s”", id);
  return bl_db_run (BL_DB_OP (db, operation), error,
                    "INSERT INTO calls (id, ed, unit, token_id, state,"
                    " started_us, seen_us)"
                    " VALUES (?1, ?2, ?3, nullif (?4, 0), 'open', ?5, ?5)",
                    "sssii", id, ed, unit, token, now_us);
}

static void
set_missing (const char *id, GError **error)
{
  g_set_error (error, BL_DB_ERROR, BL_DB_ERROR_NOT_FOUND,
               "there is no call “%s”", id);
}

BlCall *
bl_calls_get (BlDb *db, const char *id, GError **error)
{
  g_autofree char *missing = g_strdup_printf ("there is no call “%s”", id);
  return bl_db_one (BL_DB_OP (db, "find a call"), make_call, missing, error,
                    "SELECT " COLUMNS " FROM calls WHERE id = ?1", "s", id);
}

GPtrArray *
bl_calls_list (BlDb *db, guint limit, GError **error)
{
  return bl_db_list (BL_DB_OP (db, "list the calls"), make_call,
                     (GDestroyNotify)bl_call_free, error,
                     "SELECT " COLUMNS " FROM calls"
                     " ORDER BY started_us DESC, rowid DESC LIMIT ?1",
                     "i", (gint64)limit);
}

GPtrArray *
bl_calls_list_unfinished (BlDb *db, GError **error)
{
  return bl_db_list (BL_DB_OP (db, "list the calls"), make_call,
                     (GDestroyNotify)bl_call_free, error,
                     "SELECT " COLUMNS " FROM calls WHERE state <> 'ended'"
                     " ORDER BY started_us DESC, rowid DESC",
                     "");
}

gboolean
bl_calls_touch (BlDb *db, const char *id, gint64 now_us, GError **error)
{
  return bl_db_run (BL_DB_OP (db, "note that a call lives"), error,
                    "UPDATE calls SET seen_us = ?2"
                    " WHERE id = ?1 AND state = 'open'",
                    "si", id, now_us);
}

gboolean
bl_calls_end (BlDb *db, const char *id, const char *reason, gint64 now_us,
              GError **error)
{
  if (!bl_db_run (BL_DB_OP (db, "end a call"), error,
                  "UPDATE calls SET state = 'ended',"
                  " ended_us = iif (state = 'ended', ended_us, ?3),"
                  " end_reason = iif (state = 'ended', end_reason, ?2)"
                  " WHERE id = ?1",
                  "ssi", id, reason, now_us))
    return FALSE;
  if (bl_db_changed (db) > 0)
    return TRUE;
  set_missing (id, error);
  return FALSE;
}

gboolean
bl_calls_mark_interrupted (BlDb *db, guint *out_count, GError **error)
{
  if (!bl_db_run (BL_DB_OP (db, "mark interrupted calls"), error,
                  "UPDATE calls SET state = 'interrupted'"
                  " WHERE state = 'open'",
                  ""))
    return FALSE;
  if (out_count)
    *out_count = (guint)bl_db_changed (db);
  return TRUE;
}

gboolean
bl_calls_reopen (BlDb *db, const char *id, gint64 now_us, GError **error)
{
  if (!bl_db_run (BL_DB_OP (db, "reopen a call"), error,
                  "UPDATE calls SET state = 'open', seen_us = ?2"
                  " WHERE id = ?1 AND state <> 'ended'",
                  "si", id, now_us))
    return FALSE;
  if (bl_db_changed (db) > 0)
    return TRUE;
  g_set_error (error, BL_DB_ERROR, BL_DB_ERROR_NOT_FOUND,
               "the call “%s” has ended or never was", id);
  return FALSE;
}
