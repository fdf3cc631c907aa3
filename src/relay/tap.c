/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/tap.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/blassert.h"

#define LINE         64 /* a cache line: each side's counters on their own */
#define ALIGN        8
#define MIN_CAPACITY (64 * 1024)
#define WANTED       16 /* keyframes asked for and not yet seen */

/* What stands in the ring. A record never wraps: where it would, an entry
 * without a record fills up the end. */
typedef struct {
  uint32_t size; /* of the entry with payload, a multiple of ALIGN */
  uint32_t filler;
  BlTapRecord record;
} Entry;

/* A filler may be this small: only the first two members are then there. */
#define FILLER_MIN ALIGN

/* head and tail count bytes and never wrap; both are multiples of ALIGN. */
struct BlTap {
  /* writer's */
  _Alignas(LINE) _Atomic size_t head;
  size_t tail_seen; /* tail as the writer last saw it */
  _Atomic uint64_t dropped;
  size_t wanted_tail;

  /* reader's */
  _Alignas(LINE) _Atomic size_t tail;
  _Atomic size_t wanted_head;
  _Atomic uint64_t wanted[WANTED];

  /* both */
  _Alignas(LINE) _Atomic bool sleeping;
  uint8_t *bytes;
  size_t mask;
  int event_fd;
};

static size_t
entry_size (const BlTapRecord *record)
{
  return (sizeof (Entry) + record->length + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

BlTap *
bl_tap_new (size_t capacity_bytes)
{
  size_t capacity = MIN_CAPACITY;
  while (capacity < capacity_bytes)
    capacity *= 2;
  BlTap *tap = aligned_alloc (LINE, sizeof *tap);
  if (!tap)
    return NULL;
  memset (tap, 0, sizeof *tap);
  tap->mask = capacity - 1;
  tap->bytes = aligned_alloc (LINE, capacity);
  tap->event_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (!tap->bytes || tap->event_fd < 0) {
    bl_tap_free (tap);
    return NULL;
  }
  /* Its memory is taken now, not while packets wait. */
  memset (tap->bytes, 0, capacity);
  return tap;
}

void
bl_tap_free (BlTap *tap)
{
  if (!tap)
    return;
  if (tap->event_fd >= 0)
    close (tap->event_fd);
  free (tap->bytes);
  free (tap);
}

/* Room for `size` bytes in one piece, with `spare` left over, at out_at (a
 * count like head). Fills up the ring's end if the piece would wrap. */
static bool
reserve (BlTap *tap, size_t size, size_t spare, size_t *out_at)
{
  size_t capacity = tap->mask + 1;
  size_t head = atomic_load_explicit (&tap->head, memory_order_relaxed);
  size_t to_end = capacity - (head & tap->mask);
  size_t filler = to_end < size ? to_end : 0;
  if (head + filler + size + spare - tap->tail_seen > capacity) {
    tap->tail_seen = atomic_load_explicit (&tap->tail, memory_order_acquire);
    if (head + filler + size + spare - tap->tail_seen > capacity)
      return false;
  }
  if (filler > 0) {
    const uint32_t mark[2] = { (uint32_t)filler, 1 };
    memcpy (tap->bytes + (head & tap->mask), mark, FILLER_MIN);
  }
  *out_at = head + filler;
  return true;
}

bool
bl_tap_write (BlTap *tap, const BlTapRecord *record, const uint8_t *payload)
{
  bl_assert (record->length <= BL_TAP_PAYLOAD_MAX);
  size_t size = entry_size (record), at;
  size_t spare = record->kind == BL_TAP_PACKET ? BL_TAP_CONTROL_ROOM : 0;
  if (!reserve (tap, size, spare, &at)) {
    atomic_fetch_add_explicit (&tap->dropped, 1, memory_order_relaxed);
    return false;
  }
  const Entry entry = { .size = (uint32_t)size, .record = *record };
  uint8_t *to = tap->bytes + (at & tap->mask);
  memcpy (to, &entry, sizeof entry);
  if (record->length > 0)
    memcpy (to + sizeof entry, payload, record->length);
  /* Sequentially consistent against bl_tap_wait(): either the reader sees the
   * new head before it sleeps, or we see that it sleeps. */
  atomic_store (&tap->head, at + size);
  if (atomic_load (&tap->sleeping) && atomic_exchange (&tap->sleeping, false))
    bl_tap_wake (tap);
  return true;
}

bool
bl_tap_next_keyframe_wanted (BlTap *tap, uint64_t *out_recording)
{
  if (atomic_load_explicit (&tap->wanted_head, memory_order_acquire)
      == tap->wanted_tail)
    return false;
  uint64_t recording = atomic_exchange_explicit (
      &tap->wanted[tap->wanted_tail % WANTED], 0, memory_order_acq_rel);
  tap->wanted_tail++;
  *out_recording = recording;
  return true;
}

void
bl_tap_want_keyframe (BlTap *tap, uint64_t recording)
{
  size_t head = atomic_load_explicit (&tap->wanted_head, memory_order_relaxed);
  _Atomic uint64_t *slot = &tap->wanted[head % WANTED];
  /* A slot that is still set has not been taken: full. */
  if (recording == 0 || atomic_load_explicit (slot, memory_order_acquire) != 0)
    return;
  atomic_store_explicit (slot, recording, memory_order_relaxed);
  atomic_store_explicit (&tap->wanted_head, head + 1, memory_order_release);
}

const BlTapRecord *
bl_tap_peek (BlTap *tap, const uint8_t **out_payload)
{
  size_t tail = atomic_load_explicit (&tap->tail, memory_order_relaxed);
  if (atomic_load_explicit (&tap->head, memory_order_acquire) == tail)
    return NULL;
  const uint8_t *at = tap->bytes + (tail & tap->mask);
  uint32_t mark[2]; /* size, filler */
  memcpy (mark, at, sizeof mark);
  if (mark[1]) {
    /* The record after it was published together with it. */
    atomic_store_explicit (&tap->tail, tail + mark[0], memory_order_release);
    at = tap->bytes;
  }
  const Entry *entry = (const Entry *)(const void *)at;
  *out_payload = at + sizeof *entry;
  return &entry->record;
}

void
bl_tap_pop (BlTap *tap)
{
  size_t tail = atomic_load_explicit (&tap->tail, memory_order_relaxed);
  uint32_t size;
  memcpy (&size, tap->bytes + (tail & tap->mask), sizeof size);
  atomic_store_explicit (&tap->tail, tail + size, memory_order_release);
}

void
bl_tap_nap (BlTap *tap, int ms)
{
  struct pollfd fd = { .fd = tap->event_fd, .events = POLLIN };
  (void)poll (&fd, 1, ms);
  uint64_t count;
  if (read (tap->event_fd, &count, sizeof count) < 0)
    return; /* nobody woke us: the time was up */
}

void
bl_tap_wait (BlTap *tap, int timeout_ms)
{
  size_t tail = atomic_load_explicit (&tap->tail, memory_order_relaxed);
  atomic_store (&tap->sleeping, true);
  bl_tap_nap (tap, atomic_load (&tap->head) == tail ? timeout_ms : 0);
  atomic_store (&tap->sleeping, false);
}

void
bl_tap_wake (BlTap *tap)
{
  const uint64_t one = 1;
  if (write (tap->event_fd, &one, sizeof one) < 0)
    return; /* so many wake-ups are pending that the counter is full */
}

uint64_t
bl_tap_dropped (const BlTap *tap)
{
  return atomic_load_explicit (&tap->dropped, memory_order_relaxed);
}
