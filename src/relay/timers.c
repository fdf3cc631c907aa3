/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/timers.h"

#include <glib.h>

void
bl_timers_init (BlTimers *timers, uint32_t capacity)
{
  *timers = (BlTimers){ .heap = g_new0 (BlTimer *, capacity + 1),
                        .capacity = capacity };
}

void
bl_timers_clear (BlTimers *timers)
{
  g_assert (timers->n == 0);
  g_free (timers->heap);
  *timers = (BlTimers){ 0 };
}

static void
put (BlTimers *timers, BlTimer *timer, uint32_t place)
{
  timers->heap[place] = timer;
  timer->place = place;
}

static void
rise (BlTimers *timers, BlTimer *timer, uint32_t place)
{
  while (place > 1 && timers->heap[place / 2]->due_us > timer->due_us) {
    put (timers, timers->heap[place / 2], place);
    place /= 2;
  }
  put (timers, timer, place);
}

static void
sink (BlTimers *timers, BlTimer *timer, uint32_t place)
{
  for (;;) {
    uint32_t child = place * 2;
    if (child > timers->n)
      break;
    if (child < timers->n
        && timers->heap[child + 1]->due_us < timers->heap[child]->due_us)
      child++;
    if (timers->heap[child]->due_us >= timer->due_us)
      break;
    put (timers, timers->heap[child], place);
    place = child;
  }
  put (timers, timer, place);
}

static void
take (BlTimers *timers, BlTimer *timer)
{
  uint32_t place = timer->place;
  BlTimer *last = timers->heap[timers->n];

  timers->n--;
  timer->place = 0;
  if (last == timer)
    return;
  if (place > 1 && timers->heap[place / 2]->due_us > last->due_us)
    rise (timers, last, place);
  else
    sink (timers, last, place);
}

void
bl_timers_set (BlTimers *timers, BlTimer *timer, BlTime due)
{
  if (timer->place)
    take (timers, timer);
  if (due == BL_TIME_NEVER)
    return;
  g_assert (timers->n < timers->capacity);
  timer->due_us = due;
  timers->n++;
  rise (timers, timer, timers->n);
}

void
bl_timers_hasten (BlTimers *timers, BlTimer *timer, BlTime due)
{
  if (!timer->place || due < timer->due_us)
    bl_timers_set (timers, timer, due);
}

BlTime
bl_timers_next (const BlTimers *timers)
{
  return timers->n ? timers->heap[1]->due_us : BL_TIME_NEVER;
}

void
bl_timers_run (BlTimers *timers, BlTime now)
{
  /* Each owner sets its timer again while it runs. Counting the turns keeps one
   * that sets it to `now` from holding the loop. */
  for (uint32_t turns = timers->n; turns && bl_timers_next (timers) <= now;
       turns--) {
    BlTimer *timer = timers->heap[1];
    take (timers, timer);
    timer->run (timer->owner, now);
  }
}
