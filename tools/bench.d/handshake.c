/* SPDX-License-Identifier: Apache-2.0
 *
 * What a viewer's connection costs the relay: CPU time of each step of a DTLS
 * handshake as its server, and memory before and after. The figures of
 * docs/adr/0007-media-protection.md.
 *
 * usage: handshake [SESSIONS]
 *
 * All sessions take each step together, so that memory shows.
 */
#include <glib.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "relay/viewer.h"
#include "secure/dtls.h"
#include "secure/srtp.h"

#define SESSIONS_MAX 1000
#define REMOTE_SSRCS 32
#define NOW_UNIX_S   INT64_C (1800000000)

typedef struct {
  BlDtlsContext *context;
  BlFingerprint print;
  BlDtls *sessions[SESSIONS_MAX];
} End;

static unsigned n_sessions = 100;
static BlSrtpKeys keys[SESSIONS_MAX];
static BlSrtp *srtps[SESSIONS_MAX];
static End server, client;

static double
cpu_us (void)
{
  struct timespec t;
  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void
open_end (End *end, const char *name)
{
  BlCert *cert = bl_cert_new_self_signed (name, NOW_UNIX_S, NULL);
  end->context = bl_dtls_context_new (cert, NULL);
  if (!end->context)
    g_error ("no certificate for %s", name);
  bl_cert_fingerprint (cert, &end->print);
  bl_cert_free (cert);
}

static void
carry (BlDtls *from, BlDtls *to)
{
  uint8_t datagram[BL_DTLS_MTU_BYTES];
  size_t length;
  while ((length = bl_dtls_next_output (from, datagram, sizeof datagram)) > 0)
    bl_dtls_receive (to, datagram, length);
}

/* --- steps of the server -------------------------------------------------- */

static void
open_server (unsigned i)
{
  server.sessions[i]
      = bl_dtls_new (server.context, BL_DTLS_SERVER, &client.print, 1);
}

static void
hear_client (unsigned i)
{
  carry (client.sessions[i], server.sessions[i]);
}

static void
take_keys (unsigned i)
{
  if (!bl_dtls_keys (server.sessions[i], &keys[i]))
    g_error ("%s", bl_dtls_failure_text (server.sessions[i]));
}

static void
open_srtp (unsigned i)
{
  srtps[i] = bl_srtp_new (&keys[i], REMOTE_SSRCS);
}

static void
settle (unsigned i)
{
  bl_dtls_settle (server.sessions[i]);
}

/* --- steps of the client, not measured ------------------------------------ */

static void
open_client (unsigned i)
{
  client.sessions[i]
      = bl_dtls_new (client.context, BL_DTLS_CLIENT, &server.print, 1);
}

static void
hear_server (unsigned i)
{
  carry (server.sessions[i], client.sessions[i]);
}

static const struct {
  const char *name; /* NULL: not of the server */
  void (*run) (unsigned i);
} steps[] = {
  { "session opened", open_server },
  { NULL, open_client },
  { "ClientHello", hear_client },
  { NULL, hear_server },
  { "client's flight", hear_client },
  { NULL, hear_server },
  { "keys", take_keys },
  { "SRTP opened", open_srtp },
  { "handshake let go of", settle },
};

int
main (int argc, char **argv)
{
  guint64 value = n_sessions;
  if (argc > 1
      && !g_ascii_string_to_unsigned (argv[1], 10, 1, SESSIONS_MAX, &value,
                                      NULL)) {
    fprintf (stderr, "usage: %s [SESSIONS]\n", argv[0]);
    return 2;
  }
  n_sessions = (unsigned)value;
  open_end (&server, "relay");
  open_end (&client, "viewer");
  bl_srtp_free (
      bl_srtp_new (&(BlSrtpKeys){ .profile = BL_SRTP_AEAD_AES_128_GCM }, 1));

  printf ("%u sessions, each:\n%-22s %8s %10s\n", n_sessions, "step", "us CPU",
          "bytes");
  for (size_t s = 0; s < G_N_ELEMENTS (steps); s++) {
    size_t bytes = mallinfo2 ().uordblks;
    double began = cpu_us ();
    for (unsigned i = 0; i < n_sessions; i++)
      steps[s].run (i);
    double us = (cpu_us () - began) / n_sessions;
    bytes = mallinfo2 ().uordblks - bytes;
    if (steps[s].name)
      printf ("%-22s %8.1f %+10ld\n", steps[s].name, us,
              (long)bytes / (long)n_sessions);
  }
  printf ("%-22s %8s %+10ld\n", "BlViewer, BlSession", "",
          (long)(sizeof (BlViewer) + sizeof (BlSession)));
  return 0;
}
