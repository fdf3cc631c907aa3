/* SPDX-License-Identifier: Apache-2.0 */
#include "store/tokens.h"

#include "secure/token.h"
#include "store/db_private.h"

#define COLUMNS "id, kind, subject, label, created_us, expires_us, revoked_us"

static const char *const kind_names[] = {
  [BL_TOKEN_PUBLISH] = "publish",
  [BL_TOKEN_VIEW] = "view",
  [BL_TOKEN_METRICS] = "metrics",
};

const char *
bl_token_kind_name (BlTokenKind kind)
{
  return kind_names[kind];
}

void
bl_token_free (BlToken *token)
{
  if (!token)
    return;
  g_free (token->subject);
  g_free (token->label);
  g_free (token);
}

/* The table has no other kinds. */
static BlTokenKind
kind_of (const char *name)
{
  for (guint kind = 0; kind < G_N_ELEMENTS (kind_names); kind++) {
    if (g_str_equal (kind_names[kind], name))
      return (BlTokenKind)kind;
  }
  g_assert_not_reached ();
}

static gpointer
make_token (sqlite3_stmt *row)
{
  BlToken *token = g_new0 (BlToken, 1);
  token->id = sqlite3_column_int64 (row, 0);
  token->kind = kind_of ((const char *)sqlite3_column_text (row, 1));
  token->subject = bl_db_text (row, 2);
  token->label = bl_db_text (row, 3);
  token->created_us = sqlite3_column_int64 (row, 4);
  token->expires_us = sqlite3_column_int64 (row, 5);
  token->revoked_us = sqlite3_column_int64 (row, 6);
  return token;
}

gboolean
bl_tokens_add (BlDb *db, BlTokenKind kind, const char *subject,
               const char *label, const char *secret, gint64 now_us,
               gint64 expires_us, gint64 *out_id, GError **error)
{
  if (!g_utf8_validate (label, -1, NULL)
      || !g_utf8_validate (subject, -1, NULL)) {
    g_set_error_literal (error, BL_DB_ERROR, BL_DB_ERROR_VALUE,
                         "the token's label or subject is not UTF-8");
    return FALSE;
  }
  g_autofree char *hash = bl_token_hash (secret);
  if (!bl_db_run (BL_DB_OP (db, "add a token"), error,
                  "INSERT INTO tokens (kind, subject, label, hash, created_us,"
                  " expires_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                  "ssssii", kind_names[kind], subject, label, hash, now_us,
                  expires_us))
    return FALSE;
  if (out_id)
    *out_id = bl_db_last_id (db);
  return TRUE;
}

BlToken *
bl_tokens_find (BlDb *db, const char *secret, gint64 now_us, GError **error)
{
  g_autofree char *hash = bl_token_hash (secret);
  return bl_db_one (BL_DB_OP (db, "find a token"), make_token,
                    "this token is unknown, expired or revoked", error,
                    "SELECT " COLUMNS " FROM tokens WHERE hash = ?1"
                    " AND expires_us > ?2 AND revoked_us = 0",
                    "si", hash, now_us);
}

BlToken *
bl_tokens_get (BlDb *db, gint64 id, GError **error)
{
  g_autofree char *missing
      = g_strdup_printf ("there is no token %" G_GINT64_FORMAT, id);
  return bl_db_one (BL_DB_OP (db, "find a token"), make_token, missing, error,
                    "SELECT " COLUMNS " FROM tokens WHERE id = ?1", "i", id);
}

GPtrArray *
bl_tokens_list (BlDb *db, GError **error)
{
  return bl_db_list (BL_DB_OP (db, "list the tokens"), make_token,
                     (GDestroyNotify)bl_token_free, error,
                     "SELECT " COLUMNS " FROM tokens ORDER BY id DESC", "");
}

gboolean
bl_tokens_revoke (BlDb *db, gint64 id, gint64 now_us, GError **error)
{
  if (!bl_db_run (BL_DB_OP (db, "revoke a token"), error,
                  "UPDATE tokens SET revoked_us ="
                  " CASE revoked_us WHEN 0 THEN ?2 ELSE revoked_us END"
                  " WHERE id = ?1",
                  "ii", id, now_us))
    return FALSE;
  if (bl_db_changed (db) > 0)
    return TRUE;
  g_set_error (error, BL_DB_ERROR, BL_DB_ERROR_NOT_FOUND,
               "there is no token %" G_GINT64_FORMAT, id);
  return FALSE;
}
