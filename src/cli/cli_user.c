/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "secure/password.h"
#include "secure/token.h"
#include "store/users.h"

#define CODE_MINUTES     10
#define CODE_MINUTES_MAX (24 * 60)

static char *
read_and_hash (BlCli *cli, GError **error)
{
  char *password = bl_cli_read_password (cli, error);
  if (!password)
    return NULL;
  char *hash = bl_password_hash (password, error);
  bl_cli_password_free (password);
  return hash;
}

/* The change and its line in the audit, in one commit. `changed` is the
 * change, made after bl_db_begin(). */
static gboolean
commit (BlCli *cli, gboolean changed, BlAuditAction action, const char *detail,
        GError **error)
{
  return bl_db_end (
      cli->db,
      changed && bl_cli_audit (cli, action, cli->arguments[0], detail, error),
      error);
}

gboolean
bl_cli_user_add (BlCli *cli, GError **error)
{
  const char *name = cli->arguments[0];
  BlUserRole role = BL_USER_CLINICIAN;
  if (cli->role && !bl_user_role_from_name (cli->role, &role)) {
    g_set_error (error, BL_CLI_ERROR, BL_CLI_ERROR_USAGE,
                 "there is no role “%s”: use clinician or it", cli->role);
    return FALSE;
  }
  g_autofree char *hash = NULL;
  if (!cli->no_password && !(hash = read_and_hash (cli, error)))
    return FALSE;
  if (!bl_db_begin (cli->db, error))
    return FALSE;
  gboolean added = bl_users_add (cli->db, name,
                                 cli->display_name ? cli->display_name : name,
                                 role, hash, cli->now_us, NULL, error);
  if (!commit (cli, added, BL_AUDIT_USER_ADD, bl_user_role_name (role), error))
    return FALSE;
  fprintf (cli->out, "%s may sign in as %s%s%s\n", name,
           bl_user_role_name (role),
           hash ? "" : ", by code: bluelight user code ", hash ? "" : name);
  return TRUE;
}

gboolean
bl_cli_user_list (BlCli *cli, GError **error)
{
  g_autoptr (GPtrArray) users = bl_users_list (cli->db, error);
  if (!users)
    return FALSE;
  fprintf (cli->out, "%-24s %-10s %-9s %-9s %s\n", "NAME", "ROLE", "PASSWORD",
           "STATE", "DISPLAY NAME");
  for (guint i = 0; i < users->len; i++) {
    const BlUser *user = users->pdata[i];
    fprintf (cli->out, "%-24s %-10s %-9s %-9s %s\n", user->name,
             bl_user_role_name (user->role), user->password_hash ? "yes" : "no",
             user->disabled ? "disabled" : "active", user->display_name);
  }
  return TRUE;
}

gboolean
bl_cli_user_disable (BlCli *cli, GError **error)
{
  g_autoptr (BlUser) user = bl_users_find (cli->db, cli->arguments[0], error);
  if (!user || !bl_db_begin (cli->db, error))
    return FALSE;
  gboolean changed
      = bl_users_set_disabled (cli->db, user->id, !cli->undo, error);
  if (!commit (cli, changed, BL_AUDIT_USER_CHANGE,
               cli->undo ? "enabled" : "disabled", error))
    return FALSE;
  fprintf (cli->out,
           cli->undo ? "%s may sign in again\n"
                     : "%s may no longer sign in, and is signed out\n",
           user->name);
  return TRUE;
}

gboolean
bl_cli_user_password (BlCli *cli, GError **error)
{
  g_autoptr (BlUser) user = bl_users_find (cli->db, cli->arguments[0], error);
  if (!user)
    return FALSE;
  g_autofree char *hash = read_and_hash (cli, error);
  if (!hash || !bl_db_begin (cli->db, error))
    return FALSE;
  gboolean changed = bl_users_set_password (cli->db, user->id, hash, error);
  if (!commit (cli, changed, BL_AUDIT_USER_CHANGE, "password", error))
    return FALSE;
  fprintf (cli->out, "%s has a new password, and is signed out\n", user->name);
  return TRUE;
}

gboolean
bl_cli_user_code (BlCli *cli, GError **error)
{
  int minutes = cli->minutes ? cli->minutes : CODE_MINUTES;
  if (minutes < 1 || minutes > CODE_MINUTES_MAX) {
    g_set_error (error, BL_CLI_ERROR, BL_CLI_ERROR_USAGE,
                 "--minutes must be 1 to %d", CODE_MINUTES_MAX);
    return FALSE;
  }
  g_autoptr (BlUser) user = bl_users_find (cli->db, cli->arguments[0], error);
  if (!user)
    return FALSE;
  if (user->disabled) {
    g_set_error (error, BL_CLI_ERROR, BL_CLI_ERROR_FAILED,
                 "%s is disabled: bluelight user disable --undo %s", user->name,
                 user->name);
    return FALSE;
  }
  g_autofree char *code = bl_code_new ();
  gint64 expires_us = cli->now_us + (gint64)minutes * 60 * G_USEC_PER_SEC;
  if (!bl_db_begin (cli->db, error))
    return FALSE;
  gboolean changed = bl_users_add_code (cli->db, user->id, code, cli->now_us,
                                        expires_us, error);
  if (!commit (cli, changed, BL_AUDIT_USER_CHANGE, "code", error))
    return FALSE;
  fprintf (cli->out, "%s\nsigns %s in once, within %d minutes\n", code,
           user->name, minutes);
  return TRUE;
}
