/* SPDX-License-Identifier: Apache-2.0 */
#define BL_LOG_TOPIC "vehicle"
#include <gio/gio.h>
#include <glib-unix.h>
#include <gst/gst.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "vehicle/vehicle.h"

typedef struct {
  char *config;
  char *call;
  char *source;
  gboolean check_config;
  gboolean help_config;
  gboolean version;
} Arguments;

typedef struct {
  GMainLoop *loop;
  BlVehicle *vehicle;
  bool leaving;               /* a signal came: hang up, then end */
  bool from_the_command_line; /* by --call: a refusal ends the program */
  int status;
} Daemon;

static const char description[]
    = "SIGINT and SIGTERM hang up and end the program. A program that was"
      " killed resumes\nits call when it starts again.\n\n"
      "exit status: 0 after a hang-up; 1 if the configuration is wrong or the"
      " relay\nrefused the call of --call; 2 for a wrong command line\n\n"
      "example:\n"
      "  bluelight-vehicle --config /etc/bluelight/vehicle.ini --call north"
      " --source test";

static gboolean
parse_arguments (int *argc, char ***argv, Arguments *a, GError **error)
{
  const GOptionEntry entries[] = {
    { "config", 'c', 0, G_OPTION_ARG_FILENAME, &a->config,
      "the configuration; see --help-config", "FILE" },
    { "call", 0, 0, G_OPTION_ARG_STRING, &a->call,
      "call this department at once", "ED" },
    { "source", 0, 0, G_OPTION_ARG_FILENAME, &a->source,
      "take picture and sound from a pipeline (test, v4l2, ...), /dev/videoN,"
      " rtsp://... or a media file, whatever the configuration says",
      "SOURCE" },
    { "check-config", 0, 0, G_OPTION_ARG_NONE, &a->check_config,
      "read the configuration, check certificates, pipeline and camera, and"
      " end",
      NULL },
    { "help-config", 0, 0, G_OPTION_ARG_NONE, &a->help_config,
      "print every key of the configuration with its meaning", NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, &a->version, "print the version",
      NULL },
    { NULL, 0, 0, 0, NULL, NULL, NULL },
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_option_context_set_summary (
      context,
      "Live video and sound from an ambulance to an emergency department.");
  g_option_context_set_description (context, description);
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;
  if (*argc > 1) {
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                 "“%s” is not expected", (*argv)[1]);
    return FALSE;
  }
  if (!a->config && !a->help_config && !a->version) {
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                 "--config is missing");
    return FALSE;
  }
  return TRUE;
}

static BlVehicleOptions *
load_options (const Arguments *a, GError **error)
{
  g_autoptr (BlVehicleOptions) options
      = bl_vehicle_options_load (a->config, error);
  if (!options
      || (a->source
          && !bl_vehicle_options_set_source (options, a->source, error)))
    return NULL;
  BlLogLevel level;
  if (bl_log_level_from_string (options->log_level, &level))
    bl_log_init (level);
  return g_steal_pointer (&options);
}

static gboolean
on_signal (gpointer data)
{
  Daemon *d = data;
  if (d->leaving || !bl_vehicle_hang_up (d->vehicle))
    g_main_loop_quit (d->loop);
  d->leaving = true;
  return G_SOURCE_CONTINUE;
}

static void
on_ended (const char *refused, gpointer data)
{
  Daemon *d = data;
  if (refused && d->from_the_command_line) {
    bl_error ("the call did not come about: %s", refused);
    d->status = EXIT_FAILURE;
    g_main_loop_quit (d->loop);
  }
  d->from_the_command_line = false;
  if (d->leaving)
    g_main_loop_quit (d->loop);
}

static const BlVehicleCallbacks callbacks = { .ended = on_ended };

static void
say_ready (const Daemon *d, const BlVehicleOptions *options)
{
  g_autofree char *page = NULL;
  guint16 port = bl_vehicle_kiosk_port (d->vehicle);
  if (port > 0)
    page = g_strdup_printf (" page=http://127.0.0.1:%u/", port);
  printf ("ready pipeline=%s relay=%s%s\n", options->capture.pipeline,
          options->relay_url, page ? page : "");
  fflush (stdout);
}

static gboolean
run (const Arguments *a, const BlVehicleOptions *options, Daemon *d,
     GError **error)
{
  d->vehicle = bl_vehicle_new (options, &callbacks, d, error);
  if (!d->vehicle)
    return FALSE;
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  d->loop = loop;
  guint interrupt = g_unix_signal_add (SIGINT, on_signal, d);
  guint terminate = g_unix_signal_add (SIGTERM, on_signal, d);
  say_ready (d, options);
  bool resumed = bl_vehicle_resume (d->vehicle);
  gboolean ok = TRUE;
  if (a->call) {
    d->from_the_command_line = !resumed;
    ok = bl_vehicle_call (d->vehicle, a->call, error);
  }
  if (ok)
    g_main_loop_run (loop);
  g_source_remove (interrupt);
  g_source_remove (terminate);
  bl_vehicle_free (d->vehicle);
  return ok;
}

static int
check_config (const BlVehicleOptions *options)
{
  g_autoptr (GError) error = NULL;
  Daemon d = { 0 };
  g_autoptr (BlVehicle) vehicle
      = bl_vehicle_new (options, &callbacks, &d, &error);
  if (vehicle && bl_pipeline_check_source (&options->capture, &error)) {
    printf ("the configuration is good\n");
    return EXIT_SUCCESS;
  }
  fprintf (stderr, "bluelight-vehicle: %s\n", error->message);
  return EXIT_FAILURE;
}

static int
serve (const Arguments *a)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BlVehicleOptions) options = load_options (a, &error);
  if (options && a->check_config)
    return check_config (options);
  Daemon d = { .status = EXIT_SUCCESS };
  if (!options || !run (a, options, &d, &error)) {
    fprintf (stderr, "bluelight-vehicle: %s\n", error->message);
    return EXIT_FAILURE;
  }
  return d.status;
}

int
main (int argc, char **argv)
{
  Arguments a = { 0 };
  g_autoptr (GError) error = NULL;
  int status = EXIT_SUCCESS;
  if (!parse_arguments (&argc, &argv, &a, &error)) {
    fprintf (stderr, "bluelight-vehicle: %s; see --help\n", error->message);
    status = 2;
  } else if (a.version) {
    printf ("bluelight-vehicle " BL_VERSION "\n");
  } else if (a.help_config) {
    g_autofree char *text = bl_vehicle_options_describe ();
    fputs (text, stdout);
  } else {
    gst_init (NULL, NULL);
    status = serve (&a);
  }
  g_free (a.config);
  g_free (a.call);
  g_free (a.source);
  return status;
}
