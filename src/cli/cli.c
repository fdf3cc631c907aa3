/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <stddef.h>
#include <string.h>

#include "base/clock.h"

#define DEFAULT_FOLDER "/var/lib/bluelight"
#define MAX_OPTIONS    6

G_DEFINE_QUARK (bl - cli - error - quark, bl_cli_error)

/* Every option of every command, once. */
static const struct {
  const char *name;
  GOptionArg kind;
  gsize at; /* in BlCli */
  const char *value;
  const char *help;
} options[] = {
  { "folder", G_OPTION_ARG_FILENAME, offsetof (BlCli, folder), "DIR",
    "the relay's [store] folder (" DEFAULT_FOLDER ")" },
  { "display-name", G_OPTION_ARG_STRING, offsetof (BlCli, display_name), "TEXT",
    "the name that others see (NAME)" },
  { "role", G_OPTION_ARG_STRING, offsetof (BlCli, role), "ROLE",
    "clinician or it (clinician)" },
  { "no-password", G_OPTION_ARG_NONE, offsetof (BlCli, no_password), NULL,
    "sign in with one-time codes only" },
  { "undo", G_OPTION_ARG_NONE, offsetof (BlCli, undo), NULL,
    "let the user in again" },
  { "minutes", G_OPTION_ARG_INT, offsetof (BlCli, minutes), "N",
    "how long the code can be used (10)" },
  { "publish", G_OPTION_ARG_STRING, offsetof (BlCli, publish), "ED",
    "a token to publish to this ED; one for each device" },
  { "view", G_OPTION_ARG_STRING, offsetof (BlCli, view), "CALL",
    "a token to view this call" },
  { "metrics", G_OPTION_ARG_NONE, offsetof (BlCli, metrics), NULL,
    "a token to read the relay's metrics" },
  { "label", G_OPTION_ARG_STRING, offsetof (BlCli, label), "TEXT",
    "what it is for, for people" },
  { "days", G_OPTION_ARG_INT, offsetof (BlCli, days), "N",
    "how long it is valid (publish, metrics: 365 days)" },
  { "hours", G_OPTION_ARG_INT, offsetof (BlCli, hours), "N",
    "the same in hours (view: 12 hours)" },
  { "limit", G_OPTION_ARG_INT, offsetof (BlCli, limit), "N",
    "at most so many lines (50)" },
};

static const struct Command {
  const char *group, *verb;
  const char *arguments; /* as shown */
  int n_arguments;
  const char *help;
  const char *options; /* names, separated by spaces */
  gboolean (*run) (BlCli *cli, GError **error);
} commands[] = {
  { "user", "add", "NAME", 1, "add a person who may sign in",
    "display-name role no-password", bl_cli_user_add },
  { "user", "list", "", 0, "list the people who may sign in", "",
    bl_cli_user_list },
  { "user", "disable", "NAME", 1, "let a person in no longer", "undo",
    bl_cli_user_disable },
  { "user", "password", "NAME", 1,
    "set a password, read from the terminal or standard input", "",
    bl_cli_user_password },
  { "user", "code", "NAME", 1, "make a code that signs a person in once",
    "minutes", bl_cli_user_code },
  { "token", "new", "", 0,
    "make a bearer token for a publisher, a viewer or monitoring; shown once",
    "publish view metrics label days hours", bl_cli_token_new },
  { "token", "list", "", 0, "list the tokens", "", bl_cli_token_list },
  { "token", "revoke", "ID", 1, "make a token invalid", "",
    bl_cli_token_revoke },
  { "call", "list", "", 0, "list the calls, newest first", "limit",
    bl_cli_call_list },
  { "recording", "list", "", 0, "list the recordings, newest first", "limit",
    bl_cli_recording_list },
  { "recording", "verify", "ID", 1,
    "compare a recording's files with the database", "",
    bl_cli_recording_verify },
  { "recording", "export", "ID OUT.mp4", 2,
    "write a recording to a file of its own", "", bl_cli_recording_export },
  { "audit", "list", "", 0, "who did what, newest first", "limit",
    bl_cli_audit_list },
};

static void
print_overview (FILE *to)
{
  fputs ("usage: bluelight [--folder DIR] COMMAND ...\n\n"
         "Manages the users, tokens and recordings of a Bluelight relay, while "
         "it runs or not.\n\n",
         to);
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++) {
    g_autofree char *words = g_strdup_printf (
        "%s %s %s", commands[i].group, commands[i].verb, commands[i].arguments);
    fprintf (to, "  %-28s %s\n", words, commands[i].help);
  }
  fputs ("\n  --folder DIR   the relay's [store] folder (" DEFAULT_FOLDER ")\n"
         "  --version      print the version\n\n"
         "bluelight COMMAND --help tells a command's options.\n",
         to);
}

static const struct Command *
find_command (const char *group, const char *verb)
{
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++) {
    if (g_strcmp0 (group, commands[i].group) == 0
        && g_strcmp0 (verb, commands[i].verb) == 0)
      return &commands[i];
  }
  return NULL;
}

/* The options of one command, or without it those of all, as GOption wants
 * them, to be read into `cli`. */
static GOptionContext *
make_context (BlCli *cli, const struct Command *command)
{
  GOptionEntry entries[MAX_OPTIONS + 2] = { 0 };
  g_auto (GStrv) names = g_strsplit (command ? command->options : "", " ", -1);
  guint n = 0;
  for (guint i = 0; i < G_N_ELEMENTS (options); i++) {
    if (i > 0 && !g_strv_contains ((const char *const *)names, options[i].name))
      continue;
    g_assert (n <= MAX_OPTIONS);
    entries[n++] = (GOptionEntry){
      .long_name = options[i].name,
      .arg = options[i].kind,
      .arg_data = (char *)cli + options[i].at,
      .description = options[i].help,
      .arg_description = options[i].value,
    };
  }
  g_autofree char *words
      = command ? g_strdup_printf ("%s %s %s", command->group, command->verb,
                                   command->arguments)
                : g_strdup ("COMMAND ...");
  GOptionContext *context = g_option_context_new (words);
  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_set_help_enabled (context, FALSE);
  if (command)
    g_option_context_set_summary (context, command->help);
  return context;
}

/* Whether the word is there; takes it out. */
static gboolean
take_flag (char **argv, const char *const *words)
{
  for (char **word = argv; *word && strcmp (*word, "--") != 0; word++) {
    if (!g_strv_contains (words, *word))
      continue;
    g_free (*word);
    memmove (word, word + 1, g_strv_length (word) * sizeof *word);
    return TRUE;
  }
  return FALSE;
}

/* Puts the two words of the command to the front, past a --folder. FALSE if
 * they are not there. */
static const struct Command *
take_command (BlCli *cli, char ***argv, GError **error)
{
  g_autoptr (GOptionContext) context = make_context (cli, NULL);
  g_option_context_set_ignore_unknown_options (context, TRUE);
  g_option_context_set_strict_posix (context, TRUE);
  if (!g_option_context_parse_strv (context, argv, error))
    return NULL;
  char **words = *argv;
  guint n = g_strv_length (words);
  const struct Command *command
      = n >= 3 ? find_command (words[1], words[2]) : NULL;
  if (!command) {
    g_set_error (error, BL_CLI_ERROR, BL_CLI_ERROR_USAGE,
                 n < 2   ? "a command is missing: see bluelight --help"
                 : n < 3 ? "there is no command “%s”: see bluelight --help"
                         : "there is no command “%s %s”: see bluelight --help",
                 n > 1 ? words[1] : "", n > 2 ? words[2] : "");
    return NULL;
  }
  g_free (words[1]);
  g_free (words[2]);
  memmove (words + 1, words + 3, (n - 2) * sizeof *words);
  return command;
}

static gboolean
take_arguments (BlCli *cli, const struct Command *command, char ***argv,
                GError **error)
{
  g_autoptr (GOptionContext) context = make_context (cli, command);
  if (!g_option_context_parse_strv (context, argv, error))
    return FALSE;
  char **words = *argv;
  if (words[1] && g_str_equal (words[1], "--")) {
    g_free (words[1]);
    memmove (words + 1, words + 2, g_strv_length (words + 1) * sizeof *words);
  }
  int given = (int)g_strv_length (words) - 1;
  if (given != command->n_arguments) {
    g_set_error (error, BL_CLI_ERROR, BL_CLI_ERROR_USAGE,
                 "“%s %s” takes %s: see bluelight %s %s --help", command->group,
                 command->verb,
                 command->n_arguments == 0 ? "no arguments"
                                           : command->arguments,
                 command->group, command->verb);
    return FALSE;
  }
  cli->arguments = words + 1;
  return TRUE;
}

static gboolean
run_command (BlCli *cli, const struct Command *command, GError **error)
{
  const char *folder = cli->folder ? cli->folder : DEFAULT_FOLDER;
  cli->now_us = bl_clock_unix_us ();
  cli->db = bl_db_open (folder, BL_DB_DURABLE, error);
  if (!cli->db) {
    if (!cli->folder)
      g_prefix_error (error, "no --folder given: ");
    return FALSE;
  }
  gboolean ok = command->run (cli, error);
  bl_db_close (cli->db);
  return ok;
}

static void
clear (BlCli *cli)
{
  for (guint i = 0; i < G_N_ELEMENTS (options); i++) {
    if (options[i].value && options[i].kind != G_OPTION_ARG_INT)
      g_free (*(char **)(void *)((char *)cli + options[i].at));
  }
}

int
bl_cli_run (int argc, char **argv, FILE *in, FILE *out, FILE *err)
{
  static const char *const help[] = { "--help", "-h", "-?", NULL };
  static const char *const version[] = { "--version", NULL };
  BlCli cli = { .in = in, .out = out };
  g_autoptr (GError) error = NULL;
  char **words = g_new0 (char *, (gsize)argc + 1);
  for (int i = 0; i < argc; i++)
    words[i] = g_strdup (argv[i]);
  int status = 0;
  gboolean want_help = take_flag (words, help);
  if (take_flag (words, version)) {
    fprintf (out, "bluelight %s\n", BL_VERSION);
    goto out;
  }
  const struct Command *command = take_command (&cli, &words, &error);
  if (want_help) {
    g_autoptr (GOptionContext) context = make_context (&cli, command);
    g_autofree char *text = g_option_context_get_help (context, FALSE, NULL);
    if (command)
      fputs (text, out);
    else
      print_overview (out);
    g_clear_error (&error);
  } else if (!command || !take_arguments (&cli, command, &words, &error)) {
    status = 2;
  } else if (!run_command (&cli, command, &error)) {
    status = g_error_matches (error, BL_CLI_ERROR, BL_CLI_ERROR_USAGE) ? 2 : 1;
  }
  if (error)
    fprintf (err, "bluelight: %s\n", error->message);
out:
  clear (&cli);
  g_strfreev (words);
  return fflush (out) == 0 ? status : 1;
}
