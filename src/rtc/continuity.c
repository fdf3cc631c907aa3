/* SPDX-License-Identifier: Apache-2.0 */
#include "rtc/continuity.h"

#include "base/blassert.h"
#include "rtc/seq.h"

void
bl_source_line_init (BlSourceLine *line, uint32_t clock_rate,
                     uint64_t first_seq)
{
  bl_assert (clock_rate > 0 && first_seq >= BL_SEQ_CYCLE);
  *line
      = (BlSourceLine){ .clock_rate = clock_rate, .newest_seq = first_seq - 1 };
}

void
bl_source_line_restart (BlSourceLine *line)
{
  line->joined = false;
}

/* The first packet of a publisher decides where its line joins the source's. */
static void
join (BlSourceLine *line, uint64_t seq, uint32_t timestamp, BlTime now)
{
  line->joined = true;
  line->seq_offset = line->newest_seq + 1 - seq;
  line->timestamp_offset = 0;
  if (!line->started)
    return;
  line->first_in = seq;

  BlTime elapsed_us = now > line->newest_at ? now - line->newest_at : 0;
  uint64_t ticks
      = (uint64_t)(elapsed_us / BL_SECOND) * line->clock_rate
        + (uint64_t)(elapsed_us % BL_SECOND) * line->clock_rate / 1000000;
  if (ticks == 0)
    ticks = 1;
  line->timestamp_offset = line->newest_timestamp + (uint32_t)ticks - timestamp;
}

bool
bl_source_line_map (BlSourceLine *line, uint64_t seq, uint32_t timestamp,
                    BlTime now, uint64_t *out_seq, uint32_t *out_timestamp)
{
  if (!line->joined)
    join (line, seq, timestamp, now);
  else if (seq < line->first_in)
    return false;

  uint64_t mapped = seq + line->seq_offset;
  uint32_t mapped_timestamp = timestamp + line->timestamp_offset;
  if (!line->started
      || bl_ts_newer (mapped_timestamp, line->newest_timestamp)) {
    line->newest_timestamp = mapped_timestamp;
    line->newest_at = now;
  }
  if (mapped > line->newest_seq)
    line->newest_seq = mapped;
  line->started = true;
  *out_seq = mapped;
  *out_timestamp = mapped_timestamp;
  return true;
}

bool
bl_source_line_map_timestamp (const BlSourceLine *line, uint32_t timestamp,
                              uint32_t *out_timestamp)
{
  if (!line->joined)
    return false;
  *out_timestamp = timestamp + line->timestamp_offset;
  return true;
}

void
bl_viewer_line_init (BlViewerLine *line, uint32_t ssrc, uint64_t first_seq,
                     uint32_t timestamp_offset)
{
  bl_assert (first_seq >= BL_SEQ_CYCLE);
  *line = (BlViewerLine){ .ssrc = ssrc,
                          .timestamp_offset = timestamp_offset,
                          .newest_viewer = first_seq - 1 };
}

/* The run `back` places before the last. */
static const BlViewerRun *
run_at (const BlViewerLine *line, uint32_t back)
{
  return &line->runs[(line->n_runs - 1 - back) % BL_VIEWER_LINE_RUNS];
}

static uint32_t
n_kept (const BlViewerLine *line)
{
  return line->n_runs < BL_VIEWER_LINE_RUNS ? line->n_runs
                                            : BL_VIEWER_LINE_RUNS;
}

static void
add_run (BlViewerLine *line, uint64_t source, uint64_t viewer)
{
  line->runs[line->n_runs % BL_VIEWER_LINE_RUNS]
      = (BlViewerRun){ source, viewer };
  line->n_runs++;
}

bool
bl_viewer_line_map (BlViewerLine *line, uint64_t source_seq,
                    uint32_t source_timestamp, uint64_t *out_seq,
                    uint32_t *out_timestamp)
{
  if (!line->started) {
    add_run (line, source_seq, line->newest_viewer + 1);
    line->newest_source = source_seq;
    line->started = true;
  }

  uint32_t back = 0, kept = n_kept (line);
  while (back < kept && source_seq < run_at (line, back)->source)
    back++;
  if (back == kept)
    return false;
  const BlViewerRun *run = run_at (line, back);
  uint64_t mapped = run->viewer + (source_seq - run->source);
  if (back > 0 && mapped >= run_at (line, back - 1)->viewer)
    return false;

  if (source_seq > line->newest_source)
    line->newest_source = source_seq;
  if (mapped > line->newest_viewer)
    line->newest_viewer = mapped;
  *out_seq = mapped;
  *out_timestamp = bl_viewer_line_timestamp (line, source_timestamp);
  return true;
}

/* Leaves out `from` (which is above newest_source) to `to`. A run nothing was
 * mapped into yet just begins later. */
static void
leave_out (BlViewerLine *line, uint64_t from, uint64_t to)
{
  BlViewerRun *last = &line->runs[(line->n_runs - 1) % BL_VIEWER_LINE_RUNS];
  if (from == last->source)
    last->source = to + 1;
  else
    add_run (line, to + 1, last->viewer + (from - last->source));
  line->newest_source = to;
}

void
bl_viewer_line_skip (BlViewerLine *line, uint64_t source_seq)
{
  if (line->started && source_seq > line->newest_source)
    leave_out (line, source_seq, source_seq);
}

void
bl_viewer_line_skip_to (BlViewerLine *line, uint64_t source_seq)
{
  if (line->started && source_seq > line->newest_source + 1)
    leave_out (line, line->newest_source + 1, source_seq - 1);
}

bool
bl_viewer_line_unmap (const BlViewerLine *line, uint16_t viewer_seq,
                      uint64_t *out_source_seq)
{
  uint64_t seq = bl_seq_near (line->newest_viewer, viewer_seq);
  if (!line->started || seq > line->newest_viewer)
    return false;
  for (uint32_t back = 0; back < n_kept (line); back++) {
    const BlViewerRun *run = run_at (line, back);
    if (seq < run->viewer)
      continue;
    *out_source_seq = run->source + (seq - run->viewer);
    return true;
  }
  return false;
}
