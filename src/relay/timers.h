/* SPDX-License-Identifier: Apache-2.0
 *
 * A worker's deadlines: a binary heap of timers that live inside their owners.
 * The worker sleeps until the earliest, and nothing scans all sessions.
 *
 * Invariants: a timer is in the heap if and only if it is set; the heap never
 * grows beyond the capacity it was made with, so that setting one can't fail.
 * Setting, clearing and taking are O(log n).
 */
#pragma once

#include "base/bltime.h"

typedef struct BlTimer {
  BlTime due_us;
  uint32_t place; /* in the heap, from 1; 0: not set */
  /* The timer is no longer set when this runs; it may be set again. */
  void (*run) (void *owner, BlTime now);
  void *owner; /* borrowed */
} BlTimer;

typedef struct {
  BlTimer **heap; /* from 1 */
  uint32_t n;
  uint32_t capacity;
} BlTimers;

/* Takes all memory now; aborts if there is none. */
void bl_timers_init (BlTimers *timers, uint32_t capacity);
/* All timers must be clear. */
void bl_timers_clear (BlTimers *timers);

/* Moves `timer`, set or not, to `due`. BL_TIME_NEVER clears it. */
void bl_timers_set (BlTimers *timers, BlTimer *timer, BlTime due);

/* Only ever moves `timer` forward to `due`: for work that became more urgent.
 */
void bl_timers_hasten (BlTimers *timers, BlTimer *timer, BlTime due);

/* The earliest deadline; BL_TIME_NEVER if none is set. */
BlTime bl_timers_next (const BlTimers *timers);

/* Runs what is due at `now`, in order of deadline. A timer that is set again to
 * `now` or earlier while this runs waits for the next call. */
void bl_timers_run (BlTimers *timers, BlTime now);
