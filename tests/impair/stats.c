/* SPDX-License-Identifier: Apache-2.0 */
#include "stats.h"

const char *const impair_drop_names[IMPAIR_N_DROPS] = {
  [IMPAIR_DROP_QUEUE] = "queue",
  [IMPAIR_DROP_LOSS] = "loss",
  [IMPAIR_DROP_OUTAGE] = "outage",
  [IMPAIR_DROP_REFUSED] = "refused",
};

static void
count_add (ImpairCount *sum, const ImpairCount *part)
{
  sum->packets += part->packets;
  sum->bytes += part->bytes;
}

void
impair_stats_add (ImpairStats *sum, const ImpairStats *part)
{
  count_add (&sum->in, &part->in);
  count_add (&sum->out, &part->out);
  for (unsigned i = 0; i < IMPAIR_N_DROPS; i++)
    count_add (&sum->drops[i], &part->drops[i]);
  sum->marked += part->marked;
  sum->capacity_bytes += part->capacity_bytes;
  sum->waited += part->waited;
  if (part->waited_max_us > sum->waited_max_us)
    sum->waited_max_us = part->waited_max_us;
  for (unsigned i = 0; i < IMPAIR_DELAY_SLOTS; i++)
    sum->waited_ms[i] += part->waited_ms[i];
}

void
impair_stats_waited (ImpairStats *stats, BlTime waited_us)
{
  BlTime ms = waited_us / BL_MS;
  stats->waited++;
  stats->waited_ms[ms < IMPAIR_DELAY_SLOTS ? ms : IMPAIR_DELAY_SLOTS - 1]++;
  if (waited_us > stats->waited_max_us)
    stats->waited_max_us = waited_us;
}

unsigned
impair_stats_quantile_ms (const ImpairStats *stats, double share)
{
  uint64_t wanted = (uint64_t)(share * (double)stats->waited), seen = 0;
  for (unsigned i = 0; i < IMPAIR_DELAY_SLOTS && stats->waited > 0; i++)
    if ((seen += stats->waited_ms[i]) > wanted)
      return i;
  return stats->waited > 0 ? (unsigned)(stats->waited_max_us / BL_MS) : 0;
}
