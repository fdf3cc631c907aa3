/* SPDX-License-Identifier: Apache-2.0
 *
 * Forwarding takes no memory, no lock and no time of the system's, logs nothing
 * and hashes no string: these functions are ours here, and count while the
 * relay is at work.
 */
#define BL_LOG_TOPIC "relay.steady"
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "../run_suite.h"
#include "base/clock.h"
#include "base/log.h"
#include "world.h"

enum { MEMORY, LOCK, CLOCK, LOG, HASH, N_KINDS };

static _Thread_local bool counting;
static unsigned counts[N_KINDS];

static void
count (int kind)
{
  counts[kind] += counting;
}

void *__libc_malloc (size_t size);
void *__libc_calloc (size_t n, size_t size);
void *__libc_realloc (void *memory, size_t size);

void *
malloc (size_t size)
{
  count (MEMORY);
  return __libc_malloc (size);
}

void *
calloc (size_t n, size_t size)
{
  count (MEMORY);
  return __libc_calloc (n, size);
}

void *
realloc (void *memory, size_t size)
{
  count (MEMORY);
  return __libc_realloc (memory, size);
}

/* A function of that name which counts, and then does what it always does. */
#define COUNTED(kind, result, name, parameters, ...)                           \
  result name parameters;                                                      \
  result name parameters                                                       \
  {                                                                            \
    static result (*real) parameters;                                          \
    if (!real)                                                                 \
      *(void **)&real = dlsym (RTLD_NEXT, #name);                              \
    count (kind);                                                              \
    return real (__VA_ARGS__);                                                 \
  }

COUNTED (LOCK, int, pthread_mutex_lock, (pthread_mutex_t * m), m)
COUNTED (LOCK, int, pthread_rwlock_rdlock, (pthread_rwlock_t * l), l)
COUNTED (LOCK, int, pthread_rwlock_wrlock, (pthread_rwlock_t * l), l)
COUNTED (CLOCK, int, clock_gettime, (clockid_t id, struct timespec *at), id, at)
COUNTED (CLOCK, int, gettimeofday, (struct timeval * at, void *zone), at, zone)
COUNTED (CLOCK, time_t, time, (time_t * at), at)
COUNTED (LOG, ssize_t, write, (int fd, const void *data, size_t n), fd, data, n)
COUNTED (HASH, guint, g_str_hash, (gconstpointer text), text)

/* GLib's do without pthread's. */
void
g_mutex_lock (GMutex *mutex)
{
  static void (*real) (GMutex * mutex);
  if (!real)
    *(void **)&real = dlsym (RTLD_NEXT, "g_mutex_lock");
  count (LOCK);
  real (mutex);
}

void __wrap_bl_log (BlLogLevel level, const char *topic, const char *format,
                    ...) G_GNUC_PRINTF (3, 4);

void
__wrap_bl_log (BlLogLevel level, const char *topic, const char *format, ...)
{
  count (LOG);
}

static void
watch (bool relay_is_at_work)
{
  counting = relay_is_at_work;
}

START_TEST (the_counter_sees_what_a_connection_takes)
{
  Peer *publisher = world_add_peer (BL_SESSION_PUBLISHER, 1);
  world.watch = watch;
  world_connect (publisher);
  ck_assert_uint_gt (counts[MEMORY], 0);
  ck_assert_uint_gt (counts[LOCK], 0);
}
END_TEST

START_TEST (each_counter_counts)
{
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  watch (true);
  pthread_mutex_lock (&mutex);
  bl_clock_now ();
  bl_debug ("a line");
  g_str_hash ("a string");
  g_free (g_malloc (1));
  watch (false);
  for (int kind = 0; kind < N_KINDS; kind++)
    ck_assert_uint_eq (counts[kind], 1);
}
END_TEST

START_TEST (forwarding_takes_none_of_them)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = world_join (BL_SESSION_VIEWER, 2);
  world_join (BL_SESSION_VIEWER, 3);
  world_send_pictures (publisher, 10, 4);
  peer_send_audio (publisher); /* the first packet of an SSRC may take memory */
  world_settle ();
  unsigned before = viewer->n_rtp;

  for (int i = 0; i < 20; i++) {
    world.watch = watch;
    peer_send_picture (publisher, i == 10, 10);
    peer_send_audio (publisher);
    world_settle ();
    /* Reports are encrypted, too, and not per packet. */
    world.watch = NULL;
    world_advance (33333);
  }
  ck_assert_uint_eq (viewer->n_rtp, before + 20 * 11);
  ck_assert_uint_eq (counts[_i], 0);
}
END_TEST

/* ---- the worker's loop ---- */

static pthread_t main_thread;
static unsigned n_turns;

/* Each turn of the worker begins with one. */
int
epoll_wait (int fd, struct epoll_event *events, int n, int timeout_ms)
{
  if (!pthread_equal (pthread_self (), main_thread)) {
    counting = true;
    n_turns++;
  }
  return epoll_pwait (fd, events, n, timeout_ms, NULL);
}

static void
on_event (BlWorker *worker, const BlWorkerEvent *event, gpointer user_data)
{
  guint64 *packets_in = user_data;
  *packets_in = event->stats->counters.packets_in;
}

START_TEST (a_turn_of_the_worker_reads_the_time_three_times)
{
  enum { DATAGRAMS = 50 };
  guint64 packets_in = 0;
  BlWorkerOptions options = { .bind_address = "127.0.0.1",
                              .port_key = "port",
                              .dtls = world.dtls,
                              .max_sources = 1,
                              .max_sessions = 1,
                              .on_event = on_event,
                              .user_data = &packets_in };
  main_thread = pthread_self ();
  BlWorker *worker = bl_worker_new (&options, NULL);
  BlUdp *udp = bl_udp_new ("127.0.0.1", 0, "port", NULL);
  BlPath to = { 0 };
  ck_assert (worker && udp);
  bl_address_parse ("127.0.0.1", bl_worker_port (worker), &to.peer);
  while (packets_in < DATAGRAMS) {
    bl_udp_send (udp, &to, (const uint8_t *)"?", 1, 1);
    bl_worker_request_stats (worker);
    g_main_context_iteration (NULL, TRUE);
  }
  bl_udp_free (udp);
  bl_worker_free (worker);
  ck_assert_uint_gt (n_turns, 1);
  ck_assert_uint_eq (counts[CLOCK], 3 * n_turns);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("relay/steady");
  TCase *tcase = tcase_create ("steady");
  tcase_add_checked_fixture (tcase, world_set_up, world_tear_down);
  tcase_add_test (tcase, the_counter_sees_what_a_connection_takes);
  tcase_add_test (tcase, each_counter_counts);
  tcase_add_loop_test (tcase, forwarding_takes_none_of_them, 0, N_KINDS);
  tcase_add_test (tcase, a_turn_of_the_worker_reads_the_time_three_times);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
