/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/budget.h"

#include "base/blassert.h"

static const BlBucketLimit limits[BL_N_BUDGETS] = {
  /* Chromium: one path checked each 50 ms until it is nominated, then each
   * 2.5 s; some ten paths. */
  [BL_BUDGET_CHECKS] = { .per_second = 50, .burst = 200 },
  [BL_BUDGET_STRANGE_CHECKS] = { .per_second = 20, .burst = 100 },
  [BL_BUDGET_WORKER_CHECKS] = { .per_second = 2000, .burst = 2000 },
  /* A handshake is some ten datagrams each way, each sent again some times. */
  [BL_BUDGET_DTLS] = { .per_second = 20, .burst = 100 },
  /* Chromium: 10 to 20 feedbacks and reports, and a NACK each 20 ms. */
  [BL_BUDGET_RTCP] = { .per_second = 200, .burst = 400 },
  [BL_BUDGET_FORGED] = { .per_second = 1000, .burst = 2000 },
  /* Of 300 packets a second each asked for ten times, or an outage. */
  [BL_BUDGET_NACKED] = { .per_second = 2500, .burst = 2500 },
  [BL_BUDGET_STATUSES] = { .per_second = 5000, .burst = 10000 },
  [BL_BUDGET_REPAIRS] = { .per_second = 250000, .burst = 100000 },
  /* Two at once, then one each two seconds. */
  [BL_BUDGET_KEYFRAMES]
  = { .per_second = BL_BUDGET_KEYFRAME / 2, .burst = 2 * BL_BUDGET_KEYFRAME },
};

const BlBucketLimit *
bl_budget_limit (BlBudgetItem item)
{
  bl_assert ((unsigned)item < BL_N_BUDGETS);
  return &limits[item];
}

bool
bl_budget_holds (const BlBudget *budget, BlBudgetItem item, BlTime now)
{
  BlBucket bucket = budget->buckets[item];
  return bl_bucket_take (&bucket, bl_budget_limit (item), 1, now);
}

bool
bl_budget_take (BlBudget *budget, BlBudgetItem item, uint32_t units, BlTime now)
{
  return bl_bucket_take (&budget->buckets[item], bl_budget_limit (item), units,
                         now);
}
