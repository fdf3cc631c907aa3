/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_trace.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/blassert.h"
#include "sim_random.h"

#define STEP_MS  250
#define BUNCH_MS 20
#define FADE_PPM 12000 /* of all steps */
#define LONGEST  (24 * 3600 * 1000u)

static void
add (SimTrace *trace, uint32_t at_ms)
{
  if (trace->count == trace->capacity) {
    trace->capacity = trace->capacity ? 2 * trace->capacity : 1024;
    trace->at_ms
        = realloc (trace->at_ms, trace->capacity * sizeof *trace->at_ms);
    bl_assert (trace->at_ms);
  }
  trace->at_ms[trace->count++] = at_ms;
}

bool
sim_trace_load (SimTrace *trace, const char *path)
{
  FILE *file = fopen (path, "r");
  unsigned at_ms, last_ms = 0;
  *trace = (SimTrace){ 0 };
  if (!file)
    return false;
  while (fscanf (file, "%u", &at_ms) == 1 && at_ms >= last_ms
         && at_ms < LONGEST) {
    add (trace, at_ms);
    last_ms = at_ms;
  }
  bool whole = feof (file) && last_ms > 0;
  fclose (file);
  trace->length_ms = last_ms;
  return whole;
}

/* Opportunities for so many bytes a millisecond, in bunches of `bunch_ms`;
 * what is left over is carried on. */
static void
add_rate (SimTrace *trace, uint32_t ms, uint64_t rate_bps, uint32_t bunch_ms,
          uint64_t *bits)
{
  for (uint32_t end = trace->length_ms + ms; trace->length_ms < end;) {
    *bits += rate_bps / 1000;
    trace->length_ms++;
    if (trace->length_ms % bunch_ms != 0)
      continue;
    for (; *bits >= 8 * SIM_OPPORTUNITY_BYTES;
         *bits -= 8 * SIM_OPPORTUNITY_BYTES)
      add (trace, trace->length_ms - 1);
  }
}

void
sim_trace_drive (SimTrace *trace, uint32_t seconds, uint64_t least_bps,
                 uint64_t most_bps, uint64_t seed)
{
  SimRandom random = { .state = seed };
  uint64_t rate_bps = (least_bps + most_bps) / 2, bits = 0;
  *trace = (SimTrace){ 0 };
  while (trace->length_ms < 1000 * seconds) {
    uint32_t bunch_ms = 1 + sim_random_below (&random, BUNCH_MS);
    uint32_t ms = STEP_MS / 2 + sim_random_below (&random, STEP_MS);
    add_rate (trace, ms, rate_bps, bunch_ms, &bits);
    rate_bps
        = sim_random_below (&random, 2) ? rate_bps * 4 / 3 : rate_bps * 3 / 4;
    rate_bps = rate_bps < least_bps ? least_bps : rate_bps;
    rate_bps = rate_bps > most_bps ? most_bps : rate_bps;
    if (sim_random_hit (&random, FADE_PPM))
      trace->length_ms += 200 + sim_random_below (&random, 1800);
  }
}

void
sim_trace_pieces (SimTrace *trace, const SimPiece *pieces, size_t n)
{
  uint64_t bits = 0;
  *trace = (SimTrace){ 0 };
  for (size_t i = 0; i < n; i++)
    add_rate (trace, pieces[i].ms, pieces[i].rate_bps, 1, &bits);
}

void
sim_trace_clear (SimTrace *trace)
{
  free (trace->at_ms);
  *trace = (SimTrace){ 0 };
}

BlTime
sim_trace_at (const SimTrace *trace, uint64_t index)
{
  return ((BlTime)(index / trace->count) * trace->length_ms
          + trace->at_ms[index % trace->count])
         * BL_MS;
}

BlTime
sim_trace_gaps (const SimTrace *trace, BlTime until_us, BlTime longer_us)
{
  BlTime last = 0, total = 0;
  for (uint64_t i = 0; last < until_us; i++) {
    BlTime at = sim_trace_at (trace, i);
    BlTime end = at < until_us ? at : until_us;
    if (end - last > longer_us)
      total += end - last;
    last = at;
  }
  return total;
}
