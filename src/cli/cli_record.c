/* SPDX-License-Identifier: Apache-2.0
 *
 * What has been: calls, recordings, the audit.
 */
#include "cli/cli.h"
#include "store/calls.h"
#include "store/export.h"
#include "store/recordings.h"

#define LIMIT 50

static guint
limit_of (const BlCli *cli)
{
  return cli->limit > 0 ? (guint)cli->limit : LIMIT;
}

gboolean
bl_cli_call_list (BlCli *cli, GError **error)
{
  g_autoptr (GPtrArray) calls = bl_calls_list (cli->db, limit_of (cli), error);
  if (!calls)
    return FALSE;
  fprintf (cli->out, "%-22s %-12s %-16s %-11s %-19s %-19s %s\n", "CALL", "ED",
           "FROM", "STATE", "STARTED", "ENDED", "REASON");
  for (guint i = 0; i < calls->len; i++) {
    const BlCall *call = calls->pdata[i];
    g_autofree char *started = bl_cli_time (call->started_us);
    g_autofree char *ended = bl_cli_time (call->ended_us);
    g_autofree char *from
        = call->unit ? g_strdup (call->unit)
                     : g_strdup_printf ("token %" G_GINT64_FORMAT, call->token);
    fprintf (cli->out, "%-22s %-12s %-16s %-11s %-19s %-19s %s\n", call->id,
             call->ed, from, bl_call_state_name (call->state), started, ended,
             call->end_reason ? call->end_reason : "");
  }
  return TRUE;
}

gboolean
bl_cli_recording_list (BlCli *cli, GError **error)
{
  g_autoptr (GPtrArray) list
      = bl_recordings_list (cli->db, limit_of (cli), error);
  if (!list)
    return FALSE;
  fprintf (cli->out, "%5s %-22s %-19s %8s %5s %8s %s\n", "ID", "CALL",
           "STARTED", "LENGTH", "PARTS", "MB", "STATE");
  for (guint i = 0; i < list->len; i++) {
    const BlRecording *row = list->pdata[i];
    g_autofree char *started = bl_cli_time (row->origin_us);
    g_autofree char *length = bl_cli_duration (row->duration_us);
    fprintf (cli->out, "%5" G_GINT64_FORMAT " %-22s %-19s %8s %5u %8.1f %s\n",
             row->id, row->call, started, length, row->parts,
             (double)row->bytes / 1e6, row->ended_us ? "ended" : "open");
  }
  return TRUE;
}

gboolean
bl_cli_recording_verify (BlCli *cli, GError **error)
{
  gint64 id;
  if (!bl_cli_number (cli->arguments[0], &id, error))
    return FALSE;
  g_autoptr (GPtrArray) problems = bl_export_verify (cli->db, id, error);
  if (!problems)
    return FALSE;
  for (guint i = 0; i < problems->len; i++)
    fprintf (cli->out, "%s\n", (const char *)problems->pdata[i]);
  if (problems->len > 0) {
    g_set_error (error, BL_CLI_ERROR, BL_CLI_ERROR_FAILED,
                 "recording %" G_GINT64_FORMAT ": %u problems", id,
                 problems->len);
    return FALSE;
  }
  g_autoptr (GArray) fragments = bl_recordings_fragments (cli->db, id, error);
  g_autoptr (GPtrArray) gaps
      = fragments ? bl_recordings_gaps (cli->db, id, error) : NULL;
  if (!gaps)
    return FALSE;
  for (guint i = 0; i < gaps->len; i++) {
    const BlGap *gap = gaps->pdata[i];
    g_autofree char *at = bl_cli_duration (gap->start_us);
    fprintf (cli->out, "gap at %s: %.1f s of %s: %s\n", at,
             (double)gap->duration_us / 1e6, bl_gap_track_name (gap->track),
             gap->reason);
  }
  fprintf (cli->out,
           "recording %" G_GINT64_FORMAT ": all %u fragments are whole\n", id,
           fragments->len);
  return TRUE;
}

gboolean
bl_cli_recording_export (BlCli *cli, GError **error)
{
  gint64 id;
  if (!bl_cli_number (cli->arguments[0], &id, error))
    return FALSE;
  /* Audited before: what left the store must be known to have left. */
  if (!bl_cli_audit (cli, BL_AUDIT_EXPORT, cli->arguments[0], cli->arguments[1],
                     error))
    return FALSE;
  g_autoptr (GPtrArray) paths
      = bl_export_run (cli->db, id, cli->arguments[1], error);
  if (!paths)
    return FALSE;
  for (guint i = 0; i < paths->len; i++)
    fprintf (cli->out, "%s\n", (const char *)paths->pdata[i]);
  return TRUE;
}

gboolean
bl_cli_audit_list (BlCli *cli, GError **error)
{
  g_autoptr (GPtrArray) rows
      = bl_audit_list (cli->db, 0, limit_of (cli), error);
  if (!rows)
    return FALSE;
  fprintf (cli->out, "%-19s %-9s %-20s %-15s %-22s %s\n", "TIME", "KIND", "WHO",
           "DID", "TO", "DETAIL");
  for (guint i = 0; i < rows->len; i++) {
    const BlAuditRow *row = rows->pdata[i];
    g_autofree char *at = bl_cli_time (row->at_us);
    /* A name typed at sign-in may hold anything. */
    g_autofree char *actor = bl_cli_text (row->actor);
    g_autofree char *object = bl_cli_text (row->object);
    g_autofree char *detail = bl_cli_text (row->detail);
    fprintf (cli->out, "%-19s %-9s %-20s %-15s %-22s %s\n", at,
             bl_actor_kind_name (row->actor_kind), actor,
             bl_audit_action_name (row->action), object, detail);
  }
  return TRUE;
}
