/* SPDX-License-Identifier: Apache-2.0
 *
 * bluelight-relay: takes calls in, fans them out, records them.
 */
#define BL_LOG_TOPIC "relay"
#include <glib-unix.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "relay/daemon.h"
#include "relay/hub.h"
#include "secure/openssl.h"

/* Exit statuses: 0 ended by a signal, 1 could not start, 2 wrong usage. */
#define EXIT_USAGE 2
static const char summary[]
    = "Takes calls from ambulances in (WHIP), shows them to the emergency\n"
      "department (WHEP and pages) and records them.\n\n"
      "When all is ready it prints one line to standard output:\n"
      "  ready https=PORT vehicle=PORT loopback=PORT media=PORT[,PORT] "
      "advertise=ADDRESS[,ADDRESS]\n"
      "SIGINT and SIGTERM end it: connections are closed, recordings are\n"
      "finished, and calls go on after the next start. Exit status: 0 ended\n"
      "by a signal, 1 could not start, 2 wrong usage.";

typedef struct {
  char *config;
  gboolean help_config, check_config, version;
} Arguments;

/* What is known of hundreds of viewers lies on hundreds of pages, and without
 * huge ones each packet waits for the page tables: a tenth of its whole cost
 * (docs/adr/0006). glibc takes this wish from the environment alone, so the
 * program begins anew with it, once. The workers' state is in the main arena,
 * because others grow in pieces too small for huge pages. And what viewers
 * and calls leave behind is kept for those to come, up to 64 MiB, their large
 * blocks too: to give it back and take it anew costs the next one its first
 * packets. */
static void
begin_with_huge_pages (char **argv)
{
  if (g_getenv ("GLIBC_TUNABLES"))
    return;
  g_setenv ("GLIBC_TUNABLES",
            "glibc.malloc.hugetlb=1:glibc.malloc.arena_max=1"
            ":glibc.malloc.trim_threshold=67108864"
            ":glibc.malloc.mmap_threshold=33554432",
            FALSE);
  /* By its name: processes are known by what they were started as. */
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  /* Without them all works as well, and costs more. */
  if (program)
    execv (program, argv);
}

/* The heap of the first hundreds of viewers and of as many calls as the workers
 * foresee, which take some 5 MiB each, is touched now, and kept: later each
 * huge page of it would be zeroed while somebody waits, and what the relay
 * holds would step up for hours with each crowd that is larger than those
 * before. */
static void
take_heap_ahead (void)
{
  enum {
    HEAP_BYTES = (16 + 5 * BL_HUB_SOURCES_FORESEEN) << 20,
    BLOCK_BYTES = 64 << 10,
    BLOCKS = HEAP_BYTES / BLOCK_BYTES
  };
  void *blocks[BLOCKS];
  for (int i = 0; i < BLOCKS; i++) {
    blocks[i] = g_malloc (BLOCK_BYTES);
    explicit_bzero (blocks[i], BLOCK_BYTES);
  }
  for (int i = 0; i < BLOCKS; i++)
    g_free (blocks[i]);
}

/* Browsers and vehicles of this decade have TLS 1.2 and 1.3. libsoup has no
 * setting for it: GLib reads this one, with its own default in it, when TLS is
 * first needed. */
static void
refuse_old_tls (void)
{
  g_setenv ("G_TLS_GNUTLS_PRIORITY", "NORMAL:%COMPAT:-VERS-TLS1.0:-VERS-TLS1.1",
            FALSE);
}

/* Each connection and each worker takes descriptors; the usual soft limit of
 * 1024 is for programs that use select(). */
static void
raise_file_limit (void)
{
  struct rlimit limit;
  if (getrlimit (RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit (RLIMIT_NOFILE, &limit);
  }
}

static gboolean
parse_arguments (int argc, char **argv, Arguments *out)
{
  const GOptionEntry entries[] = {
    { "config", 'c', 0, G_OPTION_ARG_FILENAME, &out->config,
      "the configuration file", "FILE" },
    { "check-config", 0, 0, G_OPTION_ARG_NONE, &out->check_config,
      "check the configuration file and end", NULL },
    { "help-config", 0, 0, G_OPTION_ARG_NONE, &out->help_config,
      "print every key of the configuration and end", NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, &out->version,
      "print the version and end", NULL },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;

  g_option_context_set_summary (context, summary);
  g_option_context_add_main_entries (context, entries, NULL);
  if (g_option_context_parse (context, &argc, &argv, &error) && argc == 1)
    return TRUE;
  fprintf (stderr, "bluelight-relay: %s; see --help\n",
           error ? error->message : "there is an argument too many");
  return FALSE;
}

static gboolean
on_signal (gpointer loop)
{
  g_main_loop_quit (loop);
  return G_SOURCE_CONTINUE;
}

static int
run (const BlOptions *options)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  guint interrupt = g_unix_signal_add (SIGINT, on_signal, loop);
  guint terminate = g_unix_signal_add (SIGTERM, on_signal, loop);

  take_heap_ahead ();
  BlDaemon *daemon = bl_daemon_new (options, &error);
  if (!daemon) {
    fprintf (stderr, "bluelight-relay: %s\n", error->message);
    return EXIT_FAILURE;
  }
  g_autofree char *ready = bl_daemon_describe (daemon);
  printf ("%s\n", ready);
  fflush (stdout);
  g_main_loop_run (loop);

  bl_info ("ending");
  bl_daemon_free (daemon);
  g_source_remove (interrupt);
  g_source_remove (terminate);
  return EXIT_SUCCESS;
}

static int
load_and_run (const Arguments *arguments)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BlOptions) options = bl_options_load (arguments->config, &error);
  if (!options || (arguments->check_config && !bl_openssl_check (&error))) {
    fprintf (stderr, "bluelight-relay: %s\n", error->message);
    return EXIT_FAILURE;
  }
  if (arguments->check_config) {
    printf ("%s is good\n", arguments->config);
    return EXIT_SUCCESS;
  }
  bl_log_init ((BlLogLevel)options->log_level);
  raise_file_limit ();
  return run (options);
}

int
main (int argc, char **argv)
{
  Arguments arguments = { 0 };
  int status = EXIT_SUCCESS;

  begin_with_huge_pages (argv);
  refuse_old_tls ();
  if (!parse_arguments (argc, argv, &arguments))
    return EXIT_USAGE;
  if (arguments.version) {
    printf ("bluelight-relay %s\n", BL_VERSION);
  } else if (arguments.help_config) {
    g_autofree char *help = bl_options_describe ();
    printf ("%s", help);
  } else if (!arguments.config) {
    fprintf (stderr, "bluelight-relay: --config FILE is missing; "
                     "--help-config prints what goes into it\n");
    status = EXIT_USAGE;
  } else {
    status = load_and_run (&arguments);
  }
  g_free (arguments.config);
  return status;
}
