/* SPDX-License-Identifier: Apache-2.0
 *
 * bl-viewers: so many viewers of one call, in one thread, without decoding.
 */
#include <errno.h>
#include <glib-unix.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "frames.h"
#include "hostile.h"
#include "report.h"
#include "whep.h"

#define TICK_MS           10
#define DELETE_TIMEOUT_S  3
#define MAX_DATAGRAM      2048
#define RECEIVE_BUFFER    (1 << 20)
#define DATAGRAMS_AT_ONCE 64
#define EXIT_USAGE        2

static const char summary[]
    = "Watches a call with so many viewers at once, without decoding, and\n"
      "prints what they got: a line of JSON each second about all, and at\n"
      "the end one about each.\n\n"
      "Exit status: 0 all were connected, 1 some were not, 2 wrong usage.\n"
      "A Bearer token is read from --token-file or from BL_TOKEN.";

typedef struct {
  char *url, *ca, *token_file, *frames;
  int count, seconds, flood;
} Arguments;

typedef struct Swarm Swarm;

typedef struct {
  Swarm *swarm;
  PeerReported reported;
  char *session_url; /* NULL: none */
  int fd;            /* -1 before the answer */
  guint watch;
  PeerHostile hostile;
} Member;

struct Swarm {
  GMainLoop *loop;
  PeerWhep *whep;
  BlCert *cert;
  BlDtlsContext *context;
  Member *members;
  PeerReported *line; /* copies for a report */
  unsigned count, n_deleting, flood;
  BlTime started_us, interval_us;
  bool ending;
  PeerFrames *frames; /* of the first viewer; NULL */
  PeerScreen *screen;
};

/* ---- sockets ---- */

static void
send_datagram (PeerViewer *viewer, const BlAddress *to, const uint8_t *bytes,
               size_t length)
{
  const Member *m = viewer->user_data;
  /* A datagram that can't leave is lost, as on any network. */
  if (m->fd >= 0)
    (void)!sendto (m->fd, bytes, length, MSG_DONTWAIT, &to->any, to->length);
}

static gboolean
on_readable (gint fd, GIOCondition condition, gpointer data)
{
  Member *m = data;
  uint8_t datagram[MAX_DATAGRAM];
  BlTime now = bl_clock_now ();
  for (unsigned i = 0; i < DATAGRAMS_AT_ONCE; i++) {
    BlAddress from = { .length = sizeof from.storage };
    ssize_t n = recvfrom (fd, datagram, sizeof datagram, MSG_DONTWAIT,
                          &from.any, &from.length);
    if (n < 0)
      break;
    peer_viewer_receive (m->reported.viewer, &from, datagram, (size_t)n, now);
  }
  return G_SOURCE_CONTINUE;
}

static void
open_socket (Member *m)
{
  const int buffer = RECEIVE_BUFFER;
  int family = m->reported.viewer->session.candidates[0].any.sa_family;
  m->fd = socket (family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (m->fd < 0) {
    m->reported.error
        = g_strdup_printf ("can't open a UDP socket: %s", g_strerror (errno));
    return;
  }
  setsockopt (m->fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  m->watch = g_unix_fd_add (m->fd, G_IO_IN, on_readable, m);
}

/* ---- a viewer's life ---- */

static void
on_answered (char *text, char *session_url, GError *why, gpointer data)
{
  Member *m = data;
  g_autofree char *answer = text;
  g_autoptr (GError) error = why;
  m->session_url = session_url;
  if (answer
      && peer_viewer_answer (m->reported.viewer, answer, strlen (answer),
                             &error))
    open_socket (m);
  else
    m->reported.error = g_strdup (error->message);
}

static void
start_member (Swarm *s, unsigned index)
{
  Member *m = &s->members[index];
  *m = (Member){ .swarm = s, .fd = -1 };
  m->reported.viewer
      = peer_viewer_new (index, s->cert, s->context, send_datagram, m);
  if (index == 0 && s->frames) {
    m->reported.viewer->screen = s->screen;
    m->reported.viewer->heard = peer_frames_hear;
    m->reported.viewer->heard_data = s->frames;
  }
  g_autofree char *offer
      = peer_viewer_offer (m->reported.viewer, bl_clock_now ());
  peer_whep_post (s->whep, offer, on_answered, m);
}

static void
clear_member (Member *m)
{
  if (m->fd >= 0) {
    g_source_remove (m->watch);
    close (m->fd);
  }
  peer_viewer_free (m->reported.viewer);
  g_free (m->reported.error);
  g_free (m->session_url);
}

/* ---- the swarm ---- */

static const PeerReported *
take_all (Swarm *s, BlTime now)
{
  for (unsigned i = 0; i < s->count; i++) {
    peer_report_take (&s->members[i].reported, now);
    s->line[i] = s->members[i].reported;
  }
  return s->line;
}

static gboolean
on_tick (gpointer data)
{
  Swarm *s = data;
  BlTime now = bl_clock_now ();
  for (unsigned i = 0; i < s->count; i++) {
    Member *m = &s->members[i];
    peer_viewer_on_time (m->reported.viewer, now);
    m->hostile.n = s->flood;
    peer_hostile_flood (&m->hostile, &m->reported.viewer->session);
  }
  return G_SOURCE_CONTINUE;
}

static gboolean
on_second (gpointer data)
{
  Swarm *s = data;
  BlTime now = bl_clock_now ();
  if (!s->ending)
    peer_report_interval (take_all (s, now), s->count, now - s->started_us,
                          now - s->interval_us);
  s->interval_us = now;
  return G_SOURCE_CONTINUE;
}

static gboolean
on_quit (gpointer data)
{
  g_main_loop_quit (((Swarm *)data)->loop);
  return G_SOURCE_CONTINUE;
}

static void
on_deleted (gpointer data)
{
  Swarm *s = data;
  if (--s->n_deleting == 0)
    g_main_loop_quit (s->loop);
}

/* Everybody leaves; says what they saw until now. */
static gboolean
on_end (gpointer data)
{
  Swarm *s = data;
  BlTime now = bl_clock_now ();
  if (s->ending)
    return G_SOURCE_CONTINUE;
  s->ending = true;
  peer_report_end (take_all (s, now), s->count, now - s->started_us);
  for (unsigned i = 0; i < s->count; i++) {
    if (!s->members[i].session_url)
      continue;
    s->n_deleting++;
    peer_whep_delete (s->whep, s->members[i].session_url, on_deleted, s);
  }
  if (s->n_deleting == 0)
    g_main_loop_quit (s->loop);
  g_timeout_add_seconds (DELETE_TIMEOUT_S, on_quit, s);
  return G_SOURCE_CONTINUE;
}

static bool
run (Swarm *s, int seconds)
{
  unsigned connected = 0;
  s->loop = g_main_loop_new (NULL, FALSE);
  s->members = g_new0 (Member, s->count);
  s->line = g_new0 (PeerReported, s->count);
  s->started_us = s->interval_us = bl_clock_now ();
  for (unsigned i = 0; i < s->count; i++)
    start_member (s, i);
  g_timeout_add (TICK_MS, on_tick, s);
  g_timeout_add_seconds (1, on_second, s);
  g_unix_signal_add (SIGINT, on_end, s);
  g_unix_signal_add (SIGTERM, on_end, s);
  if (seconds > 0)
    g_timeout_add_seconds ((guint)seconds, on_end, s);
  g_main_loop_run (s->loop);
  for (unsigned i = 0; i < s->count; i++)
    connected
        += s->members[i].reported.viewer->session.connected_us != BL_TIME_NEVER;
  return connected == s->count;
}

static void
clear (Swarm *s)
{
  peer_whep_free (s->whep);
  /* What it cancelled ends in the main context, with members still there. */
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  for (unsigned i = 0; s->members && i < s->count; i++)
    clear_member (&s->members[i]);
  g_free (s->members);
  g_free (s->line);
  peer_screen_free (s->screen);
  peer_frames_free (s->frames);
  bl_dtls_context_free (s->context);
  bl_cert_free (s->cert);
  g_clear_pointer (&s->loop, g_main_loop_unref);
}

static bool
prepare (Swarm *s, const Arguments *a, GError **error)
{
  g_autofree char *text = NULL;
  const char *token = g_getenv ("BL_TOKEN");
  if (a->token_file) {
    if (!g_file_get_contents (a->token_file, &text, NULL, error))
      return false;
    token = g_strstrip (text);
  }
  s->count = (unsigned)a->count;
  s->flood = (unsigned)a->flood;
  s->cert = bl_cert_new_self_signed ("viewer", bl_clock_unix_us () / 1000000,
                                     error);
  if (!s->cert || !(s->context = bl_dtls_context_new (s->cert, error)))
    return false;
  s->whep = peer_whep_new (a->url, a->ca, token, error);
  if (!s->whep || !a->frames)
    return s->whep != NULL;
  BlNtp ntp_at_0 = bl_ntp_add_us (bl_clock_ntp (), -bl_clock_now ());
  s->frames = peer_frames_new (a->frames, ntp_at_0, error);
  s->screen = s->frames ? peer_screen_new (peer_frames_add, s->frames) : NULL;
  return s->screen != NULL;
}

static bool
parse_arguments (int argc, char **argv, Arguments *a)
{
  const GOptionEntry entries[] = {
    { "url", 0, 0, G_OPTION_ARG_STRING, &a->url, "the call's WHEP address",
      "https://…/whep/CALL" },
    { "ca", 0, 0, G_OPTION_ARG_FILENAME, &a->ca,
      "who signed the relay's certificate (PEM); else the system's", "FILE" },
    { "token-file", 0, 0, G_OPTION_ARG_FILENAME, &a->token_file, "Bearer token",
      "FILE" },
    { "count", 0, 0, G_OPTION_ARG_INT, &a->count, "viewers; 1", "N" },
    { "frames", 0, 0, G_OPTION_ARG_FILENAME, &a->frames,
      "write what the first one could show to PREFIX.csv and PREFIX.h264, and "
      "when it heard something to PREFIX.sound.csv",
      "PREFIX" },
    { "flood", 0, 0, G_OPTION_ARG_INT, &a->flood,
      "each also sends so many NACKs, PLIs, FIRs, checks and bad feedbacks "
      "each 10 ms, as a hostile viewer would",
      "N" },
    { "seconds", 0, 0, G_OPTION_ARG_INT, &a->seconds,
      "how long; until SIGINT or SIGTERM", "S" },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;
  g_option_context_set_summary (context, summary);
  g_option_context_add_main_entries (context, entries, NULL);
  if (g_option_context_parse (context, &argc, &argv, &error) && argc == 1
      && a->url && a->count > 0 && a->seconds >= 0 && a->flood >= 0)
    return true;
  fprintf (stderr, "bl-viewers: %s; see --help\n",
           error ? error->message : "--url URL [--count N] is needed");
  return false;
}

int
main (int argc, char **argv)
{
  Arguments arguments = { .count = 1 };
  Swarm swarm = { 0 };
  g_autoptr (GError) error = NULL;
  int status = EXIT_USAGE;
  if (parse_arguments (argc, argv, &arguments)) {
    if (!prepare (&swarm, &arguments, &error)) {
      fprintf (stderr, "bl-viewers: %s\n", error->message);
      status = EXIT_FAILURE;
    } else {
      status = run (&swarm, arguments.seconds) ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    clear (&swarm);
  }
  g_free (arguments.url);
  g_free (arguments.ca);
  g_free (arguments.token_file);
  g_free (arguments.frames);
  return status;
}
