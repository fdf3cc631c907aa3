/* SPDX-License-Identifier: Apache-2.0
 *
 * What all parts of one worker share: its time, deadlines, send buffer,
 * addresses and counters, and the way events leave. All of one thread.
 */
#pragma once

#include "relay/budget.h"
#include "relay/handshakes.h"
#include "relay/mux.h"
#include "relay/sender.h"
#include "relay/timers.h"
#include "relay/worker.h"

typedef struct {
  /* Read once a batch, so the same for all of it. */
  BlTime now;
  BlNtp ntp; /* our wall clock at `now` */

  unsigned join_packets_left; /* what joins may still send in this turn */

  BlTimers timers;
  BlSender sender;
  BlHandshakes handshakes; /* filled by sessions, emptied by the hub */
  BlMux *mux;              /* owned */
  BlWorkerCounters counters;
  BlBudget strangers; /* what all may cost who have not proved themselves */
  BlTime connect_us;  /* see BlWorkerOptions */
  BlTime silence_us;
  BlTime publisher_silence_us;
  const BlDtlsContext *dtls; /* borrowed */
  void (*emit) (void *data, const BlWorkerEvent *event);
  void *emit_data; /* borrowed */
} BlLoop;

static inline void
bl_loop_drop (BlLoop *loop, BlDrop reason)
{
  loop->counters.drops[reason]++;
}
