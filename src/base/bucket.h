/* SPDX-License-Identifier: Apache-2.0
 *
 * A token bucket: so many units a second, and so many at once after a rest.
 * What bounds the cost of a peer that asks for too much.
 *
 * A bucket is one time, that at which it will be full again; zeroed memory is a
 * full one. The limit is not in it, so that many buckets share one constant.
 *
 *   static const BlBucketLimit checks = { .per_second = 50, .burst = 100 };
 *   if (!bl_bucket_take (&session->checks, &checks, 1, now))
 *     count it and drop it;
 *
 * Invariant: in any span of time, units taken <= burst + span * per_second.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bltime.h"

typedef struct {
  uint32_t per_second; /* > 0 */
  uint32_t burst;      /* more than this are never given in one go */
} BlBucketLimit;

typedef struct {
  BlTime full_at_us;
} BlBucket;

/* How long the bucket takes to refill `units`, rounded up. */
static inline BlTime
bl_bucket_refill_us (const BlBucketLimit *limit, uint32_t units)
{
  return (BlTime)(((uint64_t)units * 1000000 + limit->per_second - 1)
                  / limit->per_second);
}

/* False, with nothing taken, if it holds fewer than `units`. `now` >= 0 and
 * never goes back. */
static inline bool
bl_bucket_take (BlBucket *bucket, const BlBucketLimit *limit, uint32_t units,
                BlTime now)
{
  BlTime full_at_us = bucket->full_at_us > now ? bucket->full_at_us : now;
  full_at_us += bl_bucket_refill_us (limit, units);
  if (full_at_us - now > bl_bucket_refill_us (limit, limit->burst))
    return false;
  bucket->full_at_us = full_at_us;
  return true;
}
