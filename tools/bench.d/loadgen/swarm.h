/* SPDX-License-Identifier: Apache-2.0
 *
 * A load from beginning to end: the source, then the viewers one after the
 * other, a time to settle, the measurement, everybody leaves. In the thread's
 * default main context.
 */
#pragma once

#include "member.h"
#include "options.h"
#include "process.h"
#include "source.h"

typedef struct LgSwarm LgSwarm;

/* What came of it; times in nanoseconds. */
typedef struct {
  LgShared *shared; /* the sums */
  LgSource *source;
  unsigned joined;   /* viewers that came, with --stay-seconds more than N */
  unsigned complete; /* of those: saw a whole keyframe */
  unsigned failed;   /* refused, or hung up on */
  const char *first_error; /* NULL: none */
  /* Since the POST, of the `complete` ones: to the other's SDP, to keys, of
   * that what was our own doing behind the SDP, to the keyframe. */
  int64_t *answers_ns, *connects_ns, *owns_ns, *keyframes_ns;
  /* Over the measurement. */
  int64_t measured_ns;
  uint64_t source_packets, source_bytes;
  int64_t own_cpu_us, busy_us; /* ours, and of the whole machine */
  bool has_process; /* the server's: before the viewers, and over it */
  LgProcess before, from, to;
} LgResult;

/* Runs it. FALSE and `error` if the source could not start. Free the swarm
 * after the result was used. */
LgSwarm *lg_swarm_run (const LgOptions *options, LgResult *out_result,
                       GError **error);
void lg_swarm_free (LgSwarm *swarm);
