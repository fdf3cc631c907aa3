/* SPDX-License-Identifier: Apache-2.0
 *
 * bl-impair: a link with a rate, a delay, losses and outages, between two
 * network namespaces.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "report.h"
#include "rig.h"
#include "selftest.h"
#include "tun.h"

#define EXIT_USAGE 2
#define PRIORITY   (-10)

typedef struct {
  char *near, *far, *up, *down, *both, *control;
  gint64 seed;
  int seconds;
  gboolean self_test, loaded, quiet;
} Arguments;

typedef struct {
  ImpairRig *rig;
  GMainLoop *loop;
  GIOChannel *control;
} Program;

static const char summary[]
    = "Joins two network namespaces by a link that is as bad as you wish.\n"
      "Up is from the near end to the far one. Prints “ready”, each second "
      "a\nline of JSON, and one of all at SIGINT or SIGTERM.\n\n"
      "An end is NAMESPACE:DEVICE:ADDRESS[/BITS]; the device is made, and "
      "gone with\nthe program. Without a name before the first colon: this "
      "namespace.";

/* ---- while it runs ---- */

static void
report (Program *p, bool last)
{
  ImpairReported reported[IMPAIR_N_WAYS];
  g_autofree ImpairStats *recent = g_new0 (ImpairStats, IMPAIR_N_WAYS);
  BlTime now = bl_clock_now ();
  for (unsigned way = 0; way < IMPAIR_N_WAYS; way++) {
    ImpairLane *lane = p->rig->lanes[way];
    impair_lane_take (lane, now, &recent[way]);
    reported[way]
        = (ImpairReported){ last ? &lane->total : &recent[way], lane };
  }
  impair_report_print (stdout, last ? "total" : "second",
                       now - p->rig->start_us, reported[IMPAIR_UP],
                       reported[IMPAIR_DOWN]);
}

static gboolean
on_second (gpointer data)
{
  report (data, false);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_work (gint fd, GIOCondition condition, gpointer data)
{
  impair_rig_work (((Program *)data)->rig);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_end (gpointer data)
{
  g_main_loop_quit (((Program *)data)->loop);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_command (GIOChannel *channel, GIOCondition condition, gpointer data)
{
  Program *p = data;
  g_autofree char *line = NULL;
  g_autoptr (GError) error = NULL;
  GIOStatus status;
  while ((status = g_io_channel_read_line (channel, &line, NULL, NULL, NULL))
         == G_IO_STATUS_NORMAL) {
    if (!impair_rig_command (p->rig, line, &error))
      fprintf (stderr, "bl-impair: %s\n", error->message);
    g_clear_error (&error);
    g_clear_pointer (&line, g_free);
  }
  return status == G_IO_STATUS_AGAIN;
}

/* "-" or a FIFO, which is made if need be. Kept open for writing too, so it has
 * no end when a writer leaves. */
static bool
open_control (Program *p, const char *path, GError **error)
{
  bool is_stdin = g_str_equal (path, "-");
  if (!is_stdin && mkfifo (path, 0600) != 0 && errno != EEXIST) {
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
                 "can't make the FIFO %s: %s", path, g_strerror (errno));
    return false;
  }
  int fd
      = is_stdin ? STDIN_FILENO : open (path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) {
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
                 "can't open %s: %s", path, g_strerror (errno));
    return false;
  }
  p->control = g_io_channel_unix_new (fd);
  g_io_channel_set_close_on_unref (p->control, !is_stdin);
  g_io_channel_set_flags (p->control, G_IO_FLAG_NONBLOCK, NULL);
  g_io_add_watch (p->control, G_IO_IN | G_IO_HUP, on_command, p);
  return true;
}

/* ---- its beginning ---- */

static int
open_end (const char *text, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (text, ":", 3);
  if (g_strv_length (parts) != 3) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                 "“%s” is not NAMESPACE:DEVICE:ADDRESS", text);
    return -1;
  }
  int netns = impair_netns_open (parts[0], error);
  if (netns < 0)
    return -1;
  int tun = impair_tun_open (netns, parts[1], parts[2], error);
  close (netns);
  return tun;
}

static bool
prepare (Program *p, const Arguments *a, GError **error)
{
  int near = open_end (a->near, error);
  int far = near < 0 ? -1 : open_end (a->far, error);
  if (far < 0) {
    if (near >= 0)
      close (near);
    return false;
  }
  p->rig = impair_rig_new (near, far, (uint64_t)a->seed);
  const struct {
    ImpairWay way;
    const char *settings;
  } given[] = { { IMPAIR_UP, a->both },
                { IMPAIR_DOWN, a->both },
                { IMPAIR_UP, a->up },
                { IMPAIR_DOWN, a->down } };
  for (unsigned i = 0; i < G_N_ELEMENTS (given); i++)
    if (given[i].settings
        && !impair_rig_set (p->rig, given[i].way, given[i].settings, error))
      return false;
  return !a->control || open_control (p, a->control, error);
}

static bool
run (const Arguments *a, GError **error)
{
  Program p = { 0 };
  bool good = prepare (&p, a, error);
  if (good) {
    /* A link that waits for the processor would be a slower link. */
    (void)setpriority (PRIO_PROCESS, 0, PRIORITY);
    p.loop = g_main_loop_new (NULL, FALSE);
    g_unix_fd_add (p.rig->fd, G_IO_IN, on_work, &p);
    g_unix_signal_add (SIGINT, on_end, &p);
    g_unix_signal_add (SIGTERM, on_end, &p);
    if (!a->quiet)
      g_timeout_add_seconds (1, on_second, &p);
    if (a->seconds > 0)
      g_timeout_add_seconds ((guint)a->seconds, on_end, &p);
    puts ("ready");
    fflush (stdout);
    g_main_loop_run (p.loop);
    report (&p, true);
    g_main_loop_unref (p.loop);
  }
  g_clear_pointer (&p.control, g_io_channel_unref);
  impair_rig_free (p.rig);
  return good;
}

static bool
parse_arguments (int argc, char **argv, Arguments *a)
{
  const GOptionEntry entries[] = {
    { "near", 0, 0, G_OPTION_ARG_STRING, &a->near, "the near end", "END" },
    { "far", 0, 0, G_OPTION_ARG_STRING, &a->far, "the far end", "END" },
    { "both", 0, 0, G_OPTION_ARG_STRING, &a->both, "both ways' settings",
      "SETTINGS" },
    { "up", 0, 0, G_OPTION_ARG_STRING, &a->up, "from near to far", "SETTINGS" },
    { "down", 0, 0, G_OPTION_ARG_STRING, &a->down, "from far to near",
      "SETTINGS" },
    { "seed", 0, 0, G_OPTION_ARG_INT64, &a->seed, "of what is drawn; 1", "N" },
    { "control", 0, 0, G_OPTION_ARG_FILENAME, &a->control,
      "commands, a line each: - or a FIFO", "FILE" },
    { "seconds", 0, 0, G_OPTION_ARG_INT, &a->seconds, "how long", "S" },
    { "quiet", 0, 0, G_OPTION_ARG_NONE, &a->quiet, "no line each second",
      NULL },
    { "self-test", 0, 0, G_OPTION_ARG_NONE, &a->self_test,
      "prove rate, delay and loss, and end", NULL },
    { "loaded", 0, 0, G_OPTION_ARG_NONE, &a->loaded,
      "of the self-test: judge nothing that a busy machine spoils", NULL },
    G_OPTION_ENTRY_NULL,
  };
  g_autofree char *more
      = g_strdup_printf ("Settings, by spaces or commas:\n%s\nCommands:\n%s\n"
                         "Exit status: 0, 1 failed, 2 wrong usage.",
                         impair_settings_help, impair_rig_commands_help);
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;
  g_option_context_set_summary (context, summary);
  g_option_context_set_description (context, more);
  g_option_context_add_main_entries (context, entries, NULL);
  if (g_option_context_parse (context, &argc, &argv, &error) && argc == 1
      && (a->self_test || (a->near && a->far)))
    return true;
  fprintf (stderr, "bl-impair: %s; see --help\n",
           error ? error->message : "--near END --far END is needed");
  return false;
}

int
main (int argc, char **argv)
{
  Arguments a = { .seed = 1 };
  g_autoptr (GError) error = NULL;
  int status = EXIT_USAGE;
  if (parse_arguments (argc, argv, &a)) {
    bool good = a.self_test ? impair_selftest_run (a.loaded) : run (&a, &error);
    if (error)
      fprintf (stderr, "bl-impair: %s\n", error->message);
    status = good ? EXIT_SUCCESS : EXIT_FAILURE;
  }
  char *const owned[] = { a.near, a.far, a.up, a.down, a.both, a.control };
  for (unsigned i = 0; i < G_N_ELEMENTS (owned); i++)
    g_free (owned[i]);
  return status;
}
