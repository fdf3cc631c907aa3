/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "secure/token.h"
#include "store/calls.h"
#include "store/tokens.h"

#define DEVICE_HOURS (365 * 24)
#define VIEW_HOURS   12
#define HOURS_MAX    (10 * 365 * 24)

static gint64
valid_hours (const BlCli *cli)
{
  if (cli->days == 0 && cli->hours == 0)
    return cli->view ? VIEW_HOURS : DEVICE_HOURS;
  return (gint64)cli->days * 24 + cli->hours;
}

static gboolean
check_options (const BlCli *cli, GError **error)
{
  const char *problem = NULL;
  if ((cli->publish != NULL) + (cli->view != NULL) + (cli->metrics != 0) != 1)
    problem = "give one of --publish ED, --view CALL and --metrics";
  else if (cli->days < 0 || cli->hours < 0 || valid_hours (cli) > HOURS_MAX)
    problem = "a token can be valid for 1 hour to 10 years";
  else if ((cli->publish && !*cli->publish) || (cli->view && !*cli->view))
    problem = "the ED or call has no name";
  if (problem)
    g_set_error_literal (error, BL_CLI_ERROR, BL_CLI_ERROR_USAGE, problem);
  return problem == NULL;
}

static BlTokenKind
kind_of (const BlCli *cli)
{
  return cli->publish ? BL_TOKEN_PUBLISH
         : cli->view  ? BL_TOKEN_VIEW
                      : BL_TOKEN_METRICS;
}

gboolean
bl_cli_token_new (BlCli *cli, GError **error)
{
  if (!check_options (cli, error))
    return FALSE;
  BlTokenKind kind = kind_of (cli);
  const char *subject = cli->publish ? cli->publish
                        : cli->view  ? cli->view
                                     : "";
  if (kind == BL_TOKEN_VIEW) {
    g_autoptr (BlCall) call = bl_calls_get (cli->db, subject, error);
    if (!call)
      return FALSE;
  }
  g_autofree char *secret = bl_token_new ();
  gint64 id = 0;
  gint64 expires_us = cli->now_us + valid_hours (cli) * 3600 * G_USEC_PER_SEC;
  if (!bl_db_begin (cli->db, error))
    return FALSE;
  gboolean added
      = bl_tokens_add (cli->db, kind, subject, cli->label ? cli->label : "",
                       secret, cli->now_us, expires_us, &id, error);
  g_autofree char *object = g_strdup_printf ("%" G_GINT64_FORMAT, id);
  g_autofree char *detail = g_strchomp (
      g_strdup_printf ("%s %s", bl_token_kind_name (kind), subject));
  if (!bl_db_end (
          cli->db,
          added
              && bl_cli_audit (cli, BL_AUDIT_TOKEN_NEW, object, detail, error),
          error))
    return FALSE;
  g_autofree char *until = bl_cli_time (expires_us);
  fprintf (cli->out, "%s\ntoken %s: may %s until %s; it can't be shown again\n",
           secret, object, kind == BL_TOKEN_METRICS ? "read metrics" : detail,
           until);
  return TRUE;
}

static const char *
state_of (const BlToken *token, gint64 now_us)
{
  return token->revoked_us             ? "revoked"
         : token->expires_us <= now_us ? "expired"
                                       : "valid";
}

gboolean
bl_cli_token_list (BlCli *cli, GError **error)
{
  g_autoptr (GPtrArray) tokens = bl_tokens_list (cli->db, error);
  if (!tokens)
    return FALSE;
  fprintf (cli->out, "%5s %-8s %-24s %-8s %-19s %s\n", "ID", "KIND",
           "ED OR CALL", "STATE", "VALID UNTIL", "LABEL");
  for (guint i = 0; i < tokens->len; i++) {
    const BlToken *token = tokens->pdata[i];
    g_autofree char *until = bl_cli_time (token->expires_us);
    fprintf (cli->out, "%5" G_GINT64_FORMAT " %-8s %-24s %-8s %-19s %s\n",
             token->id, bl_token_kind_name (token->kind), token->subject,
             state_of (token, cli->now_us), until, token->label);
  }
  return TRUE;
}

gboolean
bl_cli_token_revoke (BlCli *cli, GError **error)
{
  gint64 id;
  if (!bl_cli_number (cli->arguments[0], &id, error)
      || !bl_db_begin (cli->db, error))
    return FALSE;
  gboolean revoked = bl_tokens_revoke (cli->db, id, cli->now_us, error);
  if (!bl_db_end (cli->db,
                  revoked
                      && bl_cli_audit (cli, BL_AUDIT_TOKEN_REVOKE,
                                       cli->arguments[0], NULL, error),
                  error))
    return FALSE;
  fprintf (cli->out, "token %" G_GINT64_FORMAT " is revoked\n", id);
  return TRUE;
}
