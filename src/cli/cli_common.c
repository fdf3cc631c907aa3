/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/cli.h"

/* A line of input may be so long, with its end. */
#define LINE_MAX_BYTES 1024

gboolean
bl_cli_audit (BlCli *cli, BlAuditAction action, const char *object,
              const char *detail, GError **error)
{
  return bl_audit_add (cli->db, cli->now_us, BL_ACTOR_OPERATOR,
                       g_get_user_name (), action, object, detail, error);
}

char *
bl_cli_time (gint64 unix_us)
{
  if (unix_us == 0)
    return g_strdup ("-");
  g_autoptr (GDateTime) time
      = g_date_time_new_from_unix_local (unix_us / G_USEC_PER_SEC);
  return time ? g_date_time_format (time, "%Y-%m-%d %H:%M:%S") : g_strdup ("?");
}

char *
bl_cli_duration (gint64 us)
{
  gint64 seconds = us / G_USEC_PER_SEC;
  return g_strdup_printf ("%" G_GINT64_FORMAT ":%02d:%02d", seconds / 3600,
                          (int)(seconds / 60 % 60), (int)(seconds % 60));
}

char *
bl_cli_text (const char *text)
{
  char *copy = g_utf8_make_valid (text, -1);
  for (char *c = copy; *c; c++) {
    if ((guchar)*c < 0x20 || *c == 0x7f)
      *c = '?';
  }
  return copy;
}

gboolean
bl_cli_number (const char *text, gint64 *out_number, GError **error)
{
  g_autoptr (GError) problem = NULL;
  guint64 number;
  if (!g_ascii_string_to_unsigned (text, 10, 1, G_MAXINT64, &number,
                                   &problem)) {
    g_set_error (error, BL_CLI_ERROR, BL_CLI_ERROR_USAGE,
                 "“%s” is not an ID: take the number from the list", text);
    return FALSE;
  }
  *out_number = (gint64)number;
  return TRUE;
}

void
bl_cli_password_free (char *password)
{
  if (!password)
    return;
  explicit_bzero (password, strlen (password));
  g_free (password);
}

/* A line without its end; NULL at the end of input or if it is too long. */
static char *
read_line (FILE *in)
{
  char line[LINE_MAX_BYTES];
  char *text = NULL;
  if (fgets (line, sizeof line, in)) {
    gsize length = strcspn (line, "\r\n");
    if (line[length] != '\0' || feof (in))
      text = g_strndup (line, length);
  }
  explicit_bzero (line, sizeof line);
  return text;
}

static char *
ask_without_echo (FILE *in, const char *question)
{
  struct termios before, quiet;
  int fd = fileno (in);
  tcgetattr (fd, &before);
  quiet = before;
  quiet.c_lflag &= ~(tcflag_t)ECHO;
  fputs (question, stderr);
  tcsetattr (fd, TCSAFLUSH, &quiet);
  char *text = read_line (in);
  tcsetattr (fd, TCSAFLUSH, &before);
  fputc ('\n', stderr);
  return text;
}

char *
bl_cli_read_password (BlCli *cli, GError **error)
{
  gboolean terminal = isatty (fileno (cli->in));
  char *password = terminal ? ask_without_echo (cli->in, "Password: ")
                            : read_line (cli->in);
  char *again = terminal ? ask_without_echo (cli->in, "Once more: ") : NULL;
  const char *problem
      = !password ? "no password was given: type it, or pipe one line in"
        : terminal && g_strcmp0 (password, again) != 0
            ? "the two passwords differ: try again"
            : NULL;
  bl_cli_password_free (again);
  if (!problem)
    return password;
  bl_cli_password_free (password);
  g_set_error_literal (error, BL_CLI_ERROR, BL_CLI_ERROR_INPUT, problem);
  return NULL;
}
