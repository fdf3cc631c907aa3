/* SPDX-License-Identifier: Apache-2.0
 *
 * The operator's command. A command is a line in a table: its words, its
 * arguments and options, and a function. What it changes goes to the audit, in
 * one commit with the change, under the operator's login.
 */
#pragma once

#include <glib.h>
#include <stdio.h>

#include "store/audit.h"
#include "store/db.h"

/* What the command line said, and what a command needs. */
typedef struct {
  /* options; NULL or 0 if not given */
  char *folder;
  char *display_name;
  char *role;
  gboolean no_password;
  gboolean undo;
  int minutes;
  char *publish, *view;
  gboolean metrics;
  char *label;
  int days, hours;
  int limit;

  /* for the command */
  char **arguments; /* as many as the table says; NULL-terminated */
  BlDb *db;
  gint64 now_us;
  FILE *in, *out;
} BlCli;

/* Runs a command line: argv[0] is the program's name. Gives the exit status:
 * 0, 1 for a failure (the message is on `err`), 2 for a wrong command line. */
int bl_cli_run (int argc, char **argv, FILE *in, FILE *out, FILE *err);

/* ---- the commands (cli_*.c): FALSE and `error` on failure ---- */

gboolean bl_cli_user_add (BlCli *cli, GError **error);
gboolean bl_cli_user_list (BlCli *cli, GError **error);
gboolean bl_cli_user_disable (BlCli *cli, GError **error);
gboolean bl_cli_user_password (BlCli *cli, GError **error);
gboolean bl_cli_user_code (BlCli *cli, GError **error);
gboolean bl_cli_token_new (BlCli *cli, GError **error);
gboolean bl_cli_token_list (BlCli *cli, GError **error);
gboolean bl_cli_token_revoke (BlCli *cli, GError **error);
gboolean bl_cli_call_list (BlCli *cli, GError **error);
gboolean bl_cli_recording_list (BlCli *cli, GError **error);
gboolean bl_cli_recording_verify (BlCli *cli, GError **error);
gboolean bl_cli_recording_export (BlCli *cli, GError **error);
gboolean bl_cli_audit_list (BlCli *cli, GError **error);

/* ---- what they share ---- */

#define BL_CLI_ERROR (bl_cli_error_quark ())
GQuark bl_cli_error_quark (void);

typedef enum {
  BL_CLI_ERROR_USAGE,  /* the command line makes no sense */
  BL_CLI_ERROR_INPUT,  /* what was typed makes no sense */
  BL_CLI_ERROR_FAILED, /* found something wrong, and said so */
} BlCliError;

/* A line in the audit, by the operator. */
gboolean bl_cli_audit (BlCli *cli, BlAuditAction action, const char *object,
                       const char *detail, GError **error);

/* "2026-11-21 21:40:05" in local time; "-" for 0. */
char *bl_cli_time (gint64 unix_us);

/* "1:02:03" */
char *bl_cli_duration (gint64 us);

/* A copy that can't harm a terminal: control characters become "?". */
char *bl_cli_text (const char *text);

/* The argument as a positive number. */
gboolean bl_cli_number (const char *text, gint64 *out_number, GError **error);

/* A password typed twice without echo, or one line of input that is no
 * terminal. Free with bl_cli_password_free(). */
char *bl_cli_read_password (BlCli *cli, GError **error);
void bl_cli_password_free (char *password);
