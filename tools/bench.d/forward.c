/* SPDX-License-Identifier: Apache-2.0
 *
 * What forwarding costs, without the network's other end: a hub with one
 * publisher and many viewers, whose pictures go out of a real socket to a
 * process that throws them away. Only the hub's own work is timed.
 *
 *   forward [VIEWERS [PICTURES [PACKETS-A-PICTURE [nosend]]]]
 */
#include <check.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "peer.h"
#include "relay/hub.h"
#include "secure/cert.h"

#define SOURCE 1
#define BATCH  64

typedef struct {
  BlPath path;
  size_t length;
  uint8_t bytes[1600];
} Datagram;

static struct {
  BlHub *hub;
  BlUdp *udp;
  GQueue to_hub, to_peers;
  GPtrArray *peers;
  GPtrArray *addresses; /* of BlPath, of the peers */
  uint16_t port;        /* where the viewers' pictures go */
  bool connected, nosend;
  guint64 bytes;
} bench;

static BlNtp
wall_clock (void)
{
  return bl_clock_ntp ();
}

static void
peer_sends (void *data, Peer *peer, const uint8_t *bytes, size_t length)
{
  Datagram *d = g_new0 (Datagram, 1);
  guint i = 0;
  g_ptr_array_find (bench.peers, peer, &i);
  d->path = *(const BlPath *)g_ptr_array_index (bench.addresses, i);
  d->length = length;
  memcpy (d->bytes, bytes, length);
  g_queue_push_tail (&bench.to_hub, d);
}

static BlUdpSent
hub_sends (void *data, const BlPath *path, const uint8_t *bytes, size_t length,
           uint16_t segment_bytes)
{
  bench.bytes += length;
  if (bench.connected && !bench.nosend)
    return bl_udp_send (bench.udp, path, bytes, length, segment_bytes);
  for (size_t at = 0; !bench.connected && at < length; at += segment_bytes) {
    Datagram *d = g_new0 (Datagram, 1);
    d->path = *path;
    d->length = MIN (segment_bytes, length - at);
    memcpy (d->bytes, bytes + at, d->length);
    g_queue_push_tail (&bench.to_peers, d);
  }
  return (BlUdpSent){
    .status = BL_UDP_SENT, .whole = true, .calls = 1, .bytes = length
  };
}

static void
ignore_event (void *data, const BlWorkerEvent *event)
{
}

/* Throws away what comes, until it is killed. */
static pid_t
start_sink (uint16_t *out_port)
{
  int fd = socket (AF_INET, SOCK_DGRAM, 0);
  int bytes = 64 << 20, on = 1;
  struct sockaddr_in any = { .sin_family = AF_INET };
  socklen_t length = sizeof any;
  setsockopt (fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
  setsockopt (fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on);
  if (fd < 0 || bind (fd, (struct sockaddr *)&any, sizeof any) < 0
      || getsockname (fd, (struct sockaddr *)&any, &length) < 0)
    g_error ("no socket to send to");
  *out_port = ntohs (any.sin_port);
  pid_t pid = fork ();
  if (pid == 0) {
    static char buffer[65536];
    prctl (PR_SET_PDEATHSIG, SIGKILL);
    for (;;)
      if (recv (fd, buffer, sizeof buffer, 0) < 0)
        _exit (1);
  }
  close (fd);
  return pid;
}

static int64_t
cpu_ns (void)
{
  struct timespec at;
  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &at);
  return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

/* One turn with what is on its way; gives the CPU time that the hub took. */
static int64_t
turn (void)
{
  BlPacket *packets[BATCH];
  BlPath paths[BATCH];
  unsigned n = 0;
  for (Datagram *d; n < BATCH && (d = g_queue_pop_head (&bench.to_hub)); n++) {
    packets[n] = bl_packet_new (bl_hub_pool (bench.hub));
    packets[n]->length = (uint16_t)d->length;
    paths[n] = d->path;
    memcpy (packets[n]->data, d->bytes, d->length);
    g_free (d);
  }
  int64_t before = cpu_ns ();
  bl_hub_set_time (bench.hub, bl_clock_now (), wall_clock ());
  for (unsigned i = 0; i < n; i++)
    bl_hub_receive (bench.hub, &paths[i], packets[i]);
  for (unsigned i = 0; i < n; i++)
    bl_packet_unref (&packets[i]);
  do {
    bl_hub_set_time (bench.hub, bl_clock_now (), wall_clock ());
    bl_hub_finish_turn (bench.hub);
    bl_hub_note_end (bench.hub, bl_clock_now ());
    bl_hub_on_writable (bench.hub);
  } while (bl_hub_next_deadline (bench.hub) <= bl_clock_now ());
  return cpu_ns () - before;
}

static void
settle (void)
{
  do {
    turn ();
    Datagram *d;
    while ((d = g_queue_pop_head (&bench.to_peers))) {
      for (guint i = 0; i < bench.peers->len; i++) {
        const BlPath *path = g_ptr_array_index (bench.addresses, i);
        if (bl_address_equal (&path->peer, &d->path.peer))
          peer_receive (g_ptr_array_index (bench.peers, i), d->bytes,
                        d->length);
      }
      g_free (d);
    }
  } while (!g_queue_is_empty (&bench.to_hub));
}

static Peer *
join (BlSessionRole role, unsigned id, const BlCert *cert)
{
  char host[32];
  g_autofree BlPath *path = g_new0 (BlPath, 1);
  g_snprintf (host, sizeof host, "127.1.%u.%u", id / 250, 1 + id % 250);
  bl_address_parse (host, bench.port, &path->peer);
  Peer *peer = peer_new (role, id, cert, peer_sends, NULL);
  g_ptr_array_add (bench.peers, peer);
  g_ptr_array_add (bench.addresses, g_steal_pointer (&path));
  BlSessionSetup setup = peer_setup (peer);
  bl_hub_add_session (bench.hub, id, SOURCE, &setup);
  peer_check (peer, true);
  settle ();
  peer_start_dtls (peer);
  for (int i = 0; i < 100 && !peer_is_up (peer); i++)
    settle ();
  if (!peer_is_up (peer))
    g_error ("peer %u does not connect", id);
  return peer;
}

static void
report (int64_t cpu, unsigned viewers, guint64 packets)
{
  const BlWorkerCounters *c = bl_hub_counters (bench.hub);
  printf ("%u viewers: %.3f us CPU a packet, %" G_GUINT64_FORMAT
          " packets, %.1f packets a send, blocked %" G_GUINT64_FORMAT
          ", failed %" G_GUINT64_FORMAT "\n",
          viewers, (double)cpu / 1000 / (double)packets, packets,
          (double)c->packets_out / (double)c->sends, c->blocked_sends,
          c->failed_sends);
}

static void
run (unsigned viewers, unsigned pictures, unsigned n_packets)
{
  pid_t sink = start_sink (&bench.port);
  bench.peers = g_ptr_array_new ();
  bench.addresses = g_ptr_array_new_with_free_func (g_free);
  bench.udp = bl_udp_new ("127.0.0.1", 0, "port", NULL);
  BlCert *cert
      = bl_cert_new_self_signed ("bench", bl_clock_unix_us () / 1000000, NULL);
  BlDtlsContext *dtls = bl_dtls_context_new (cert, NULL);
  BlHubOptions options = { .max_sources = 1,
                           .max_sessions = viewers + 1,
                           .connect_us = 300 * BL_SECOND,
                           .silence_us = 300 * BL_SECOND,
                           .dtls = dtls,
                           .send = hub_sends,
                           .emit = ignore_event };
  bench.hub = bl_hub_new (&options);
  bl_hub_set_time (bench.hub, bl_clock_now (), wall_clock ());
  bl_hub_add_source (bench.hub, SOURCE, 1, false);
  Peer *publisher = join (BL_SESSION_PUBLISHER, 1, cert);
  peer_send_picture (publisher, true, 20);
  settle ();
  for (unsigned i = 0; i < viewers; i++)
    join (BL_SESSION_VIEWER, 2 + i, cert);
  bench.connected = true;

  int64_t cpu = 0;
  guint64 before = bl_hub_counters (bench.hub)->packets_out;
  for (unsigned i = 0; i < pictures; i++) {
    peer_send_picture (publisher, false, n_packets);
    while (!g_queue_is_empty (&bench.to_hub))
      cpu += turn ();
  }
  report (cpu, viewers, bl_hub_counters (bench.hub)->packets_out - before);
  kill (sink, SIGKILL);
  waitpid (sink, NULL, 0);
}

static unsigned numbers[] = { 100, 300, 10 };

START_TEST (forward)
{
  run (numbers[0], numbers[1], numbers[2]);
}
END_TEST

/* The peers are those of the tests, which want a test around them. */
int
main (int argc, char **argv)
{
  for (int i = 1; i < argc && i <= 3; i++)
    numbers[i - 1] = (unsigned)atoi (argv[i]);
  bench.nosend = argc > 4;
  Suite *suite = suite_create ("forward");
  TCase *tcase = tcase_create ("forward");
  tcase_set_timeout (tcase, 0);
  tcase_add_test (tcase, forward);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_set_fork_status (runner, CK_NOFORK);
  srunner_run_all (runner, CK_SILENT);
  return srunner_ntests_failed (runner);
}
