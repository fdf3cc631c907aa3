/* SPDX-License-Identifier: Apache-2.0
 *
 * Forwarding takes no memory: malloc is ours here, and counts while the relay
 * is at work. Decryption is left out (--wrap in meson.build): what libsrtp's
 * crypto library does is not in our hands.
 */
#include <string.h>

#include "../run_suite.h"
#include "world.h"

static bool counting;
static unsigned n_allocations;

void *__libc_malloc (size_t size);
void *__libc_calloc (size_t count, size_t size);
void *__libc_realloc (void *memory, size_t size);

void *
malloc (size_t size)
{
  n_allocations += counting;
  return __libc_malloc (size);
}

void *
calloc (size_t count, size_t size)
{
  n_allocations += counting;
  return __libc_calloc (count, size);
}

void *
realloc (void *memory, size_t size)
{
  n_allocations += counting;
  return __libc_realloc (memory, size);
}

BlSrtpStatus __real_bl_srtp_unprotect_rtp (BlSrtp *srtp, uint8_t *packet,
                                           size_t *length);
BlSrtpStatus __wrap_bl_srtp_unprotect_rtp (BlSrtp *srtp, uint8_t *packet,
                                           size_t *length);

BlSrtpStatus
__wrap_bl_srtp_unprotect_rtp (BlSrtp *srtp, uint8_t *packet, size_t *length)
{
  bool before = counting;
  counting = false;
  BlSrtpStatus status = __real_bl_srtp_unprotect_rtp (srtp, packet, length);
  counting = before;
  return status;
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
  n_allocations = 0;
  world_connect (publisher);
  ck_assert_uint_gt (n_allocations, 0);
}
END_TEST

START_TEST (forwarding_takes_no_memory)
{
  Peer *publisher = world_join (BL_SESSION_PUBLISHER, 1);
  Peer *viewer = world_join (BL_SESSION_VIEWER, 2);
  world_join (BL_SESSION_VIEWER, 3);
  world_send_pictures (publisher, 10, 4);
  unsigned before = viewer->n_rtp;

  n_allocations = 0;
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
  ck_assert_uint_eq (n_allocations, 0);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("relay/steady");
  TCase *tcase = tcase_create ("steady");
  tcase_add_checked_fixture (tcase, world_set_up, world_tear_down);
  tcase_add_test (tcase, the_counter_sees_what_a_connection_takes);
  tcase_add_test (tcase, forwarding_takes_no_memory);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
