/* SPDX-License-Identifier: Apache-2.0
 *
 * What a peer may cost. Each thing that it can make the relay do has a token
 * bucket, wide enough for any honest peer on a bad network; what exceeds it is
 * dropped and counted, before the work is done. So whatever a viewer sends, it
 * costs a bounded amount of work and of the others' share.
 *
 * A session has a budget of its own; a worker has one more for those who have
 * not proved yet that they know a password.
 *
 * Sans I/O. A zeroed budget is a full one.
 */
#pragma once

#include "base/bucket.h"

typedef enum {
  /* STUN checks from addresses that are paths already. */
  BL_BUDGET_CHECKS,
  /* STUN checks from other addresses that name this session. Its ufrag may
   * have been overheard, so they are apart from those of its own peer. */
  BL_BUDGET_STRANGE_CHECKS,
  /* The same of all sessions; each costs two HMACs. */
  BL_BUDGET_WORKER_CHECKS,
  BL_BUDGET_DTLS, /* datagrams */
  BL_BUDGET_RTCP, /* authentic compounds */
  /* RTCP that is not authentic. As long as any is left, a forger can't use up
   * what the viewer itself has. */
  BL_BUDGET_FORGED,
  /* Numbers in NACKs, to look up. */
  BL_BUDGET_NACKED,
  /* Statuses in transport-cc feedback: 36 bytes can name 65,535 of them. */
  BL_BUDGET_STATUSES,
  /* Bytes to send again. */
  BL_BUDGET_REPAIRS,
  /* PLI or FIR that would make the source send a keyframe: each takes
   * BL_BUDGET_KEYFRAME. It costs every other viewer of its picture. */
  BL_BUDGET_KEYFRAMES,
  BL_N_BUDGETS,
} BlBudgetItem;

#define BL_BUDGET_KEYFRAME 2

typedef struct {
  BlBucket buckets[BL_N_BUDGETS];
} BlBudget;

const BlBucketLimit *bl_budget_limit (BlBudgetItem item);

/* Whether there is a unit left. */
bool bl_budget_holds (const BlBudget *budget, BlBudgetItem item, BlTime now);

/* False, with nothing taken, if it is too much: leave it. */
bool bl_budget_take (BlBudget *budget, BlBudgetItem item, uint32_t units,
                     BlTime now);
