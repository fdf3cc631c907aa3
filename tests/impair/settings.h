/* SPDX-License-Identifier: Apache-2.0
 *
 * What one direction of a link does to its packets, and the text that says so:
 * "rate=1.5M delay=40 queue=300ms loss=0.05", by spaces or commas. A value.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "base/bltime.h"
#include "trace.h"

#define IMPAIR_MAX_OUTAGES 32

typedef struct {
  BlTime from_us, to_us; /* since the link's beginning */
} ImpairOutage;

/* All 0: a link that does nothing. */
typedef struct {
  uint64_t rate_bps;        /* 0: no limit */
  const ImpairTrace *trace; /* takes the rate's place; borrowed */
  char trace_path[512];     /* for who loads it; "": none */
  BlTime trace_offset_us;   /* where in the trace the link begins */
  BlTime delay_us, jitter_us;
  bool reorder;                           /* jitter may change the order */
  uint64_t queue_bytes;                   /* 0: no limit; so are these */
  BlTime queue_us;                        /* at the rate, or the mean one */
  uint64_t queue_packets;                 /* with the one on the wire */
  double loss;                            /* share, each for itself */
  double ge_to_bad, ge_to_good;           /* Gilbert-Elliott, a packet */
  double ge_loss_in_bad, ge_loss_in_good; /* shares */
  bool mark;                              /* CE on ECT packets that */
  BlTime mark_us;                         /* waited at least so long, */
  double mark_share;                      /* or by chance */
  ImpairOutage outages[IMPAIR_MAX_OUTAGES];
  unsigned n_outages;
  bool drops_in_outage; /* and forgets its queue; else it holds it */
} ImpairSettings;

/* Changes what `text` names, all of it or (FALSE, `error`) nothing. A trace's
 * path is taken over and `trace` cleared: whoever does I/O loads it. */
bool impair_settings_parse (ImpairSettings *settings, const char *text,
                            GError **error);

/* The keys and their values, for --help. */
extern const char impair_settings_help[];
