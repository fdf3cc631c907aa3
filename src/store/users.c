/* SPDX-License-Identifier: Apache-2.0 */
#include "store/users.h"

#include <string.h>

#include "secure/token.h"
#include "store/db_private.h"

#define NAME_MAX_LENGTH 64
#define NAME_CHARACTERS                                                        \
  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@"

#define USER_COLUMNS                                                           \
  "users.id, name, display_name, role, password_hash, disabled, "              \
  "users.created_us"
#define N_USER_COLUMNS 7

static const char *const role_names[] = {
  [BL_USER_CLINICIAN] = "clinician",
  [BL_USER_IT] = "it",
};

const char *
bl_user_role_name (BlUserRole role)
{
  return role_names[role];
}

gboolean
bl_user_role_from_name (const char *name, BlUserRole *out_role)
{
  for (guint i = 0; i < G_N_ELEMENTS (role_names); i++) {
    if (g_strcmp0 (name, role_names[i]) == 0) {
      *out_role = (BlUserRole)i;
      return TRUE;
    }
  }
  return FALSE;
}

void
bl_user_free (BlUser *user)
{
  if (!user)
    return;
  g_free (user->name);
  g_free (user->display_name);
  g_free (user->password_hash);
  g_free (user);
}

void
bl_sign_in_free (BlSignIn *sign_in)
{
  if (!sign_in)
    return;
  bl_user_free (sign_in->user);
  g_free (sign_in);
}

static gpointer
make_user (sqlite3_stmt *row)
{
  BlUser *user = g_new0 (BlUser, 1);
  user->id = sqlite3_column_int64 (row, 0);
  user->name = bl_db_text (row, 1);
  user->display_name = bl_db_text (row, 2);
  /* The table's CHECK admits no other. */
  (void)bl_user_role_from_name ((const char *)sqlite3_column_text (row, 3),
                                &user->role);
  user->password_hash = bl_db_text (row, 4);
  user->disabled = sqlite3_column_int (row, 5) != 0;
  user->created_us = sqlite3_column_int64 (row, 6);
  return user;
}

static gpointer
make_sign_in (sqlite3_stmt *row)
{
  BlSignIn *sign_in = g_new0 (BlSignIn, 1);
  sign_in->user = make_user (row);
  sign_in->created_us = sqlite3_column_int64 (row, N_USER_COLUMNS);
  sign_in->last_seen_us = sqlite3_column_int64 (row, N_USER_COLUMNS + 1);
  sign_in->expires_us = sqlite3_column_int64 (row, N_USER_COLUMNS + 2);
  return sign_in;
}

gboolean
bl_users_add (BlDb *db, const char *name, const char *display_name,
              BlUserRole role, const char *password_hash, gint64 now_us,
              gint64 *out_id, GError **error)
{
  gsize length = strlen (name);
  if (length == 0 || length > NAME_MAX_LENGTH
      || strspn (name, NAME_CHARACTERS) != length) {
    g_set_error (error, BL_DB_ERROR, BL_DB_ERROR_VALUE,
                 "“%s” can't be a user's name: use 1 to %d of a-z, A-Z, 0-9, "
                 "“.”, “_”, “-” and “@”",
                 name, NAME_MAX_LENGTH);
    return FALSE;
  }
  if (!g_utf8_validate (display_name, -1, NULL)) {
    g_set_error (error, BL_DB_ERROR, BL_DB_ERROR_VALUE,
                 "the display name of “%s” is not UTF-8", name);
    return FALSE;
  }
  g_autofree char *operation = g_strdup_printf ("add the user “%s”", name);
  if (!bl_db_run (BL_DB_OP (db, operation), error,
                  "INSERT INTO users (name, display_name, role,"
                  " password_hash, created_us) VALUES (?1, ?2, ?3, ?4, ?5)",
                  "ssssi", name, display_name, role_names[role], password_hash,
                  now_us))
    return FALSE;
  if (out_id)
    *out_id = bl_db_last_id (db);
  return TRUE;
}

BlUser *
bl_users_find (BlDb *db, const char *name, GError **error)
{
  g_autofree char *missing = g_strdup_printf ("there is no user “%s”", name);
  return bl_db_one (BL_DB_OP (db, "find a user"), make_user, missing, error,
                    "SELECT " USER_COLUMNS " FROM users WHERE name = ?1", "s",
                    name);
}

BlUser *
bl_users_get (BlDb *db, gint64 id, GError **error)
{
  g_autofree char *missing
      = g_strdup_printf ("there is no user %" G_GINT64_FORMAT, id);
  return bl_db_one (BL_DB_OP (db, "find a user"), make_user, missing, error,
                    "SELECT " USER_COLUMNS " FROM users WHERE id = ?1", "i",
                    id);
}

GPtrArray *
bl_users_list (BlDb *db, GError **error)
{
  return bl_db_list (BL_DB_OP (db, "list the users"), make_user,
                     (GDestroyNotify)bl_user_free, error,
                     "SELECT " USER_COLUMNS " FROM users ORDER BY name", "");
}

/* After the one change of `sql` to a user: whoever is signed in as the user,
 * or holds a code, is so no longer. */
static gboolean
change_and_sign_out (BlDb *db, gint64 id, gboolean changed, GError **error)
{
  if (!changed)
    return FALSE;
  if (bl_db_changed (db) == 0) {
    g_set_error (error, BL_DB_ERROR, BL_DB_ERROR_NOT_FOUND,
                 "there is no user %" G_GINT64_FORMAT, id);
    return FALSE;
  }
  const BlDbOp *op = BL_DB_OP (db, "sign a user out");
  return bl_db_run (op, error, "DELETE FROM sign_ins WHERE user_id = ?1", "i",
                    id)
         && bl_db_run (op, error, "DELETE FROM codes WHERE user_id = ?1", "i",
                       id);
}

gboolean
bl_users_set_password (BlDb *db, gint64 id, const char *password_hash,
                       GError **error)
{
  if (!bl_db_begin (db, error))
    return FALSE;
  gboolean changed
      = bl_db_run (BL_DB_OP (db, "set a password"), error,
                   "UPDATE users SET password_hash = ?2 WHERE id = ?1", "is",
                   id, password_hash);
  return bl_db_end (db, change_and_sign_out (db, id, changed, error), error);
}

gboolean
bl_users_set_disabled (BlDb *db, gint64 id, gboolean disabled, GError **error)
{
  if (!bl_db_begin (db, error))
    return FALSE;
  gboolean changed
      = bl_db_run (BL_DB_OP (db, "disable or enable a user"), error,
                   "UPDATE users SET disabled = ?2 WHERE id = ?1", "ii", id,
                   (gint64)(disabled ? 1 : 0));
  return bl_db_end (db, change_and_sign_out (db, id, changed, error), error);
}

/* ---- one-time codes ---- */

gboolean
bl_users_add_code (BlDb *db, gint64 user, const char *code, gint64 now_us,
                   gint64 expires_us, GError **error)
{
  g_autofree char *hash = bl_token_hash (code);
  return bl_db_run (BL_DB_OP (db, "add a sign-in code"), error,
                    "INSERT INTO codes (hash, user_id, created_us, expires_us)"
                    " VALUES (?1, ?2, ?3, ?4)",
                    "siii", hash, user, now_us, expires_us);
}

static BlUser *
take_code (BlDb *db, const char *hash, gint64 now_us, GError **error)
{
  const BlDbOp *op = BL_DB_OP (db, "use a sign-in code");
  g_autoptr (BlUser) user = bl_db_one (
      op, make_user, "this code is unknown, used or expired: get a new one",
      error,
      "SELECT " USER_COLUMNS " FROM codes JOIN users ON user_id = users.id"
      " WHERE hash = ?1 AND expires_us > ?2 AND NOT disabled",
      "si", hash, now_us);
  if (!user
      || !bl_db_run (op, error, "DELETE FROM codes WHERE hash = ?1", "s", hash))
    return NULL;
  return g_steal_pointer (&user);
}

BlUser *
bl_users_use_code (BlDb *db, const char *code, gint64 now_us, GError **error)
{
  g_autofree char *hash = bl_token_hash (code);
  if (!bl_db_begin (db, error))
    return NULL;
  g_autoptr (BlUser) user = take_code (db, hash, now_us, error);
  return bl_db_end (db, user != NULL, error) ? g_steal_pointer (&user) : NULL;
}

/* ---- sign-ins ---- */

gboolean
bl_users_sign_in (BlDb *db, gint64 user, const char *cookie, gint64 now_us,
                  gint64 expires_us, GError **error)
{
  g_autofree char *hash = bl_token_hash (cookie);
  return bl_db_run (BL_DB_OP (db, "sign a user in"), error,
                    "INSERT INTO sign_ins (hash, user_id, created_us,"
                    " last_seen_us, expires_us) VALUES (?1, ?2, ?3, ?3, ?4)",
                    "siii", hash, user, now_us, expires_us);
}

BlSignIn *
bl_users_find_sign_in (BlDb *db, const char *cookie, gint64 now_us,
                       GError **error)
{
  g_autofree char *hash = bl_token_hash (cookie);
  return bl_db_one (BL_DB_OP (db, "find a sign-in"), make_sign_in,
                    "not signed in, or no longer", error,
                    "SELECT " USER_COLUMNS
                    ", sign_ins.created_us, last_seen_us, expires_us"
                    " FROM sign_ins JOIN users ON user_id = users.id"
                    " WHERE hash = ?1 AND expires_us > ?2 AND NOT disabled",
                    "si", hash, now_us);
}

gboolean
bl_users_touch_sign_in (BlDb *db, const char *cookie, gint64 now_us,
                        gint64 expires_us, GError **error)
{
  g_autofree char *hash = bl_token_hash (cookie);
  return bl_db_run (BL_DB_OP (db, "note a sign-in's use"), error,
                    "UPDATE sign_ins SET last_seen_us = ?2, expires_us = ?3"
                    " WHERE hash = ?1",
                    "sii", hash, now_us, expires_us);
}

gboolean
bl_users_sign_out (BlDb *db, const char *cookie, GError **error)
{
  g_autofree char *hash = bl_token_hash (cookie);
  return bl_db_run (BL_DB_OP (db, "sign a user out"), error,
                    "DELETE FROM sign_ins WHERE hash = ?1", "s", hash);
}

gboolean
bl_users_expire (BlDb *db, gint64 now_us, GError **error)
{
  const BlDbOp *op = BL_DB_OP (db, "forget what has expired");
  return bl_db_run (op, error, "DELETE FROM sign_ins WHERE expires_us <= ?1",
                    "i", now_us)
         && bl_db_run (op, error, "DELETE FROM codes WHERE expires_us <= ?1",
                       "i", now_us);
}
