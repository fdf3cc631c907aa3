/* SPDX-License-Identifier: Apache-2.0
 *
 * The program as an operator meets it: what it says when it can't start, and
 * how it ends.
 */
#include <ftw.h>
#include <gio/gio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "suite.h"

static char *folder; /* minted certificates, configuration and store */

static int
remove_one (const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
  return remove (path);
}

static void
setup (void)
{
  g_autofree char *store = g_build_filename (folder, "store", NULL);
  nftw (store, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A port of 127.0.0.1: bound, and for TCP listened at. */
static GSocket *
take_port (GSocketType type, guint16 *out_port)
{
  GSocket *taken = g_socket_new (G_SOCKET_FAMILY_IPV4, type,
                                 G_SOCKET_PROTOCOL_DEFAULT, NULL);
  g_autoptr (GSocketAddress) any
      = g_inet_socket_address_new_from_string ("127.0.0.1", 0);
  ck_assert (g_socket_bind (taken, any, FALSE, NULL));
  if (type == G_SOCKET_TYPE_STREAM)
    ck_assert (g_socket_listen (taken, NULL));
  g_autoptr (GSocketAddress) local = g_socket_get_local_address (taken, NULL);
  *out_port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (local));
  return taken;
}

/* ---- configuration ---- */

typedef struct {
  const char *certificate, *key, *ca, *store, *more;
  guint16 port, vehicle_port, loopback_port, media_port;
} Config;

/* The ports that are not given are free, and differ: none is let go before all
 * are chosen, or the system could give one of them twice. */
static char *
write_config (const Config *given)
{
  Config c = *given;
  guint16 *const ports[] = { &c.port, &c.vehicle_port, &c.loopback_port };
  GSocket *held[G_N_ELEMENTS (ports)] = { NULL };
  for (gsize i = 0; i < G_N_ELEMENTS (ports); i++)
    if (*ports[i] == 0)
      held[i] = take_port (G_SOCKET_TYPE_STREAM, ports[i]);
  g_autofree char *path = g_build_filename (folder, "relay.ini", NULL);
  g_autofree char *text = g_strdup_printf (
      "[http]\nlisten = 127.0.0.1\nport = %u\nvehicle_port = %u\n"
      "loopback_port = %u\n"
      "[tls]\ncertificate = %s\nkey = %s\nvehicle_ca = %s\n"
      "[media]\nlisten = 127.0.0.1\nport = %u\nworkers = 1\n"
      "[calls]\neds = north\n"
      "[store]\nfolder = %s\n%s",
      c.port, c.vehicle_port, c.loopback_port,
      c.certificate ? c.certificate : "ca/relay.pem",
      c.key ? c.key : "ca/relay.key", c.ca ? c.ca : "ca/ca.pem", c.media_port,
      c.store ? c.store : "store", c.more ? c.more : "");
  ck_assert (g_file_set_contents (path, text, -1, NULL));
  for (gsize i = 0; i < G_N_ELEMENTS (held); i++)
    g_clear_object (&held[i]);
  return g_steal_pointer (&path);
}

/* ---- running ---- */

static GSubprocess *
spawn (const char *const *arguments)
{
  g_autoptr (GStrvBuilder) argv = g_strv_builder_new ();
  g_autoptr (GError) error = NULL;
  g_strv_builder_add (argv, g_getenv ("BL_TEST_RELAY"));
  g_strv_builder_addv (argv, (const char **)arguments);
  g_auto (GStrv) all = g_strv_builder_end (argv);
  GSubprocess *process = g_subprocess_newv (
      (const char *const *)all,
      G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE, &error);
  ck_assert_msg (process != NULL, "%s", error ? error->message : "");
  return process;
}

/* Runs to the end; gives the exit status and all it said. */
static int
run (const char *const *arguments, char **out_said)
{
  g_autoptr (GSubprocess) process = spawn (arguments);
  g_autofree char *out = NULL;
  g_autofree char *err = NULL;
  ck_assert (
      g_subprocess_communicate_utf8 (process, NULL, NULL, &out, &err, NULL));
  *out_said = g_strconcat (out, err, NULL);
  ck_assert (g_subprocess_get_if_exited (process));
  return g_subprocess_get_exit_status (process);
}

/* Starts it and waits for its line. */
static GSubprocess *
start (const char *config, char **out_ready)
{
  const char *const arguments[] = { "--config", config, NULL };
  GSubprocess *process = spawn (arguments);
  g_autoptr (GDataInputStream) lines
      = g_data_input_stream_new (g_subprocess_get_stdout_pipe (process));
  *out_ready = g_data_input_stream_read_line (lines, NULL, NULL, NULL);
  ck_assert_ptr_nonnull (*out_ready);
  return process;
}

/* ---- tests ---- */

static const struct {
  const char *const arguments[4];
  int status;
  const char *words;
} lines[] = {
  { { "--version" }, 0, "bluelight-relay " },
  { { "--help" }, 0, "--check-config" },
  { { "--help-config" }, 0, "[http]" },
  { { NULL }, 2, "--config FILE is missing" },
  { { "--nonsense" }, 2, "see --help" },
  { { "--version", "x" }, 2, "an argument too many" },
  { { "--config", "/nowhere/relay.ini" }, 1, "/nowhere/relay.ini" },
};

START_TEST (the_command_line_answers)
{
  g_autofree char *said = NULL;
  ck_assert_int_eq (run (lines[_i].arguments, &said), lines[_i].status);
  ck_assert_msg (strstr (said, lines[_i].words) != NULL, "%s", said);
}
END_TEST

static const struct {
  Config config;
  const char *words;
} wrong[] = {
  { { .more = "[log]\nlevel = loud\n" }, "relay.ini:19: [log] level" },
  { { .more = "nonsense\n" }, "relay.ini:18: expected" },
  { { .certificate = "none.pem" }, "none.pem" },
  { { .certificate = "expired.pem", .key = "expired.key" }, "expired" },
  { { .key = "ca/RTW-1.key" }, "ca/RTW-1.key" },
  { { .ca = "none.pem" }, "none.pem" },
  { { .ca = "ca/index.txt" }, "index.txt" },
  { { .store = "/dev/null/store" }, "[store] folder: can't write" },
};

START_TEST (a_relay_that_can_not_start_says_why_in_one_sentence)
{
  g_autofree char *path = write_config (&wrong[_i].config);
  g_autofree char *said = NULL;
  const char *const arguments[] = { "--config", path, NULL };
  ck_assert_int_eq (run (arguments, &said), 1);
  ck_assert_msg (strstr (said, wrong[_i].words) != NULL, "%s", said);
  ck_assert_msg (g_str_has_prefix (said, "bluelight-relay: "), "%s", said);
  ck_assert_ptr_eq (strchr (said, '\n'), said + strlen (said) - 1);
}
END_TEST

static const struct {
  GSocketType type;
  gsize field;
  const char *words;
} ports[] = {
  { G_SOCKET_TYPE_STREAM, G_STRUCT_OFFSET (Config, port), "[http] port" },
  { G_SOCKET_TYPE_STREAM, G_STRUCT_OFFSET (Config, vehicle_port),
    "[http] vehicle_port" },
  { G_SOCKET_TYPE_STREAM, G_STRUCT_OFFSET (Config, loopback_port),
    "[http] loopback_port" },
  { G_SOCKET_TYPE_DATAGRAM, G_STRUCT_OFFSET (Config, media_port),
    "[media] port" },
};

START_TEST (a_port_in_use_is_named_by_its_key)
{
  guint16 port;
  GSocket *taken = take_port (ports[_i].type, &port);
  Config config = { 0 };
  G_STRUCT_MEMBER (guint16, &config, ports[_i].field) = port;
  g_autofree char *path = write_config (&config);
  g_autofree char *said = NULL;
  g_autofree char *number = g_strdup_printf ("%u", port);
  const char *const arguments[] = { "--config", path, NULL };
  ck_assert_int_eq (run (arguments, &said), 1);
  ck_assert_msg (strstr (said, ports[_i].words) != NULL, "%s", said);
  ck_assert_msg (strstr (said, number) != NULL, "%s", said);
  g_object_unref (taken);
}
END_TEST

START_TEST (a_signal_ends_a_running_relay_cleanly)
{
  const Config config = { 0 };
  g_autofree char *path = write_config (&config);
  g_autofree char *ready = NULL;
  g_autoptr (GSubprocess) process = start (path, &ready);
  ck_assert_msg (g_str_has_prefix (ready, "ready https="), "%s", ready);
  ck_assert_ptr_nonnull (strstr (ready, " vehicle="));
  ck_assert_ptr_nonnull (strstr (ready, " loopback="));
  ck_assert_ptr_nonnull (strstr (ready, " media="));
  ck_assert_ptr_nonnull (strstr (ready, " advertise=127.0.0.1"));
  g_subprocess_send_signal (process, _i == 0 ? SIGTERM : SIGINT);
  ck_assert (g_subprocess_wait (process, NULL, NULL));
  ck_assert (g_subprocess_get_if_exited (process));
  ck_assert_int_eq (g_subprocess_get_exit_status (process), 0);
}
END_TEST

static const struct {
  const char *version;
  gboolean taken;
} versions[] = {
  { "-tls1", FALSE },
  { "-tls1_1", FALSE },
  { "-tls1_2", TRUE },
  { "-tls1_3", TRUE },
};

/* Does the door that this is said of in `ready` shake hands by this version? */
static gboolean
shakes_hands (const char *ready, const char *door, const char *version)
{
  const char *port = strstr (ready, door);
  ck_assert_ptr_nonnull (port);
  g_autofree char *address
      = g_strdup_printf ("127.0.0.1:%d", atoi (port + strlen (door)));
  g_autoptr (GSubprocess) client = g_subprocess_new (
      G_SUBPROCESS_FLAGS_STDOUT_SILENCE | G_SUBPROCESS_FLAGS_STDERR_SILENCE,
      NULL, "openssl", "s_client", "-connect", address, version, "-cipher",
      "DEFAULT:@SECLEVEL=0", NULL);
  ck_assert_ptr_nonnull (client);
  return g_subprocess_wait_check (client, NULL, NULL);
}

START_TEST (tls_that_is_too_old_is_refused_at_both_doors)
{
  const Config config = { 0 };
  g_autofree char *path = write_config (&config);
  g_autofree char *ready = NULL;
  g_autoptr (GSubprocess) process = start (path, &ready);
  ck_assert_int_eq (shakes_hands (ready, "https=", versions[_i].version),
                    versions[_i].taken);
  ck_assert_int_eq (shakes_hands (ready, "vehicle=", versions[_i].version),
                    versions[_i].taken);
  g_subprocess_send_signal (process, SIGTERM);
  ck_assert (g_subprocess_wait (process, NULL, NULL));
}
END_TEST

START_TEST (a_second_relay_leaves_the_firsts_store_alone)
{
  const Config config = { 0 };
  g_autofree char *path = write_config (&config);
  g_autofree char *ready = NULL;
  g_autoptr (GSubprocess) first = start (path, &ready);
  g_autofree char *other = write_config (&config); /* other free ports */
  g_autofree char *said = NULL;
  const char *const arguments[] = { "--config", other, NULL };
  ck_assert_int_eq (run (arguments, &said), 1);
  ck_assert_msg (strstr (said, "another relay is running") != NULL, "%s", said);
  g_subprocess_send_signal (first, SIGTERM);
  ck_assert (g_subprocess_wait (first, NULL, NULL));
}
END_TEST

START_TEST (a_configuration_can_be_checked)
{
  const Config config = { 0 };
  g_autofree char *path = write_config (&config);
  g_autofree char *said = NULL;
  const char *const arguments[] = { "--check-config", "--config", path, NULL };
  ck_assert_int_eq (run (arguments, &said), 0);
  ck_assert_ptr_nonnull (strstr (said, "is good"));
}
END_TEST

int
main (void)
{
  const SuiteTest tests[] = {
    { the_command_line_answers, G_N_ELEMENTS (lines) },
    { a_relay_that_can_not_start_says_why_in_one_sentence,
      G_N_ELEMENTS (wrong) },
    { a_port_in_use_is_named_by_its_key, G_N_ELEMENTS (ports) },
    { a_signal_ends_a_running_relay_cleanly, 2 },
    { tls_that_is_too_old_is_refused_at_both_doors, G_N_ELEMENTS (versions) },
    { a_second_relay_leaves_the_firsts_store_alone, 0 },
    { a_configuration_can_be_checked, 0 },
  };
  folder = g_dir_make_tmp ("bluelight-main-XXXXXX", NULL);
  const char *argv[] = { g_getenv ("BL_TEST_MINT_SITE"), folder, NULL };
  int status = -1;
  if (!folder || !argv[0]
      || !g_spawn_sync (NULL, (char **)argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL,
                        NULL, NULL, NULL, NULL, &status, NULL)
      || status != 0) {
    fprintf (stderr, "can't mint\n");
    return EXIT_FAILURE;
  }
  int failed
      = run_table ("relay/main", tests, G_N_ELEMENTS (tests), setup, setup);
  nftw (folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  g_free (folder);
  return failed;
}
