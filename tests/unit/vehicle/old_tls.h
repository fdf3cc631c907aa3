/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: a server that speaks TLS of one old version alone.
 */
#pragma once

#include <check.h>
#include <gio/gio.h>

/* openssl's s_server with this version ("-tls1_1"), for one connection, and its
 * port as soon as it says so. What it is sent is in its standard output. */
static inline GSubprocess *
start_old_tls (const char *pem, const char *key, const char *version,
               guint16 *out_port)
{
  g_autoptr (GError) error = NULL;
  GSubprocess *server = g_subprocess_new (
      G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE
          | G_SUBPROCESS_FLAGS_STDERR_SILENCE,
      &error, "openssl", "s_server", "-accept", "0", "-naccept", "1", "-cert",
      pem, "-key", key, version, "-cipher", "DEFAULT:@SECLEVEL=0", NULL);
  ck_assert_msg (server, "%s", error ? error->message : "");
  g_autoptr (GDataInputStream) said
      = g_data_input_stream_new (g_subprocess_get_stdout_pipe (server));
  g_filter_input_stream_set_close_base_stream (G_FILTER_INPUT_STREAM (said),
                                               FALSE);
  for (;;) {
    g_autofree char *line
        = g_data_input_stream_read_line (said, NULL, NULL, NULL);
    ck_assert_msg (line, "openssl s_server has ended");
    const char *colon = strrchr (line, ':');
    if (!g_str_has_prefix (line, "ACCEPT") || !colon)
      continue;
    *out_port = (guint16)atoi (colon + 1);
    return server;
  }
}
