/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs one simulation and prints its figures.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim.h"

static const char usage[]
    = "usage: sim [OPTION…]\n"
      "\n"
      "Video over a simulated uplink in virtual time: rate, frame delay and\n"
      "freezes as congestion control and the frame gate make them.\n"
      "\n"
      "  --trace FILE      the link follows a trace in mahimahi's format, and\n"
      "                    the simulation is as long as that is\n"
      "  --drive KBPS,KBPS the link's rate wanders between these, with fades;\n"
      "                    --seconds and --seed, if any, come before\n"
      "  --rate KBPS       a constant rate (20000)\n"
      "  --seconds S       (60)\n"
      "  --delay MS        each way (25)\n"
      "  --jitter MS       added to it at random (0)\n"
      "  --queue BYTES     longest queue, drop-tail (0: no end)\n"
      "  --loss PERCENT    at random (0)\n"
      "  --burst PERCENT   lost in bursts of four packets on average (0)\n"
      "  --mark PERCENT    marked CE at random; the sender is L4S (0)\n"
      "  --dead FROM,TO    all is lost between these seconds\n"
      "  --cap KBPS        the most that is sent (6000)\n"
      "  --encoder PERCENT what the encoder makes of what it is told (100)\n"
      "  --feedback MS     from one report to the next (10)\n"
      "  --twcc            feedback is transport-cc, not RFC 8888\n"
      "  --padding         pad what the encoder does not fill\n"
      "  --seed N          (1)\n"
      "  --log MS          print the state each so often\n"
      "  --help\n";

static const struct option long_options[]
    = { { "trace", required_argument, NULL, 't' },
        { "drive", required_argument, NULL, 'v' },
        { "rate", required_argument, NULL, 'r' },
        { "seconds", required_argument, NULL, 's' },
        { "delay", required_argument, NULL, 'd' },
        { "jitter", required_argument, NULL, 'j' },
        { "queue", required_argument, NULL, 'q' },
        { "loss", required_argument, NULL, 'l' },
        { "burst", required_argument, NULL, 'b' },
        { "mark", required_argument, NULL, 'm' },
        { "dead", required_argument, NULL, 'x' },
        { "cap", required_argument, NULL, 'c' },
        { "encoder", required_argument, NULL, 'e' },
        { "feedback", required_argument, NULL, 'f' },
        { "twcc", no_argument, NULL, 'w' },
        { "padding", no_argument, NULL, 'p' },
        { "seed", required_argument, NULL, 'n' },
        { "log", required_argument, NULL, 'g' },
        { "help", no_argument, NULL, 'h' },
        { 0 } };

/* Percent as millionths. */
static uint32_t
ppm (const char *percent)
{
  return (uint32_t)(atof (percent) * 10000);
}

static BlTime
ms (const char *text)
{
  return (BlTime)(atof (text) * BL_MS);
}

/* All lost in the bad state, of four packets on average. */
static void
set_burst (SimLinkOptions *link, const char *percent)
{
  double share = atof (percent) / 100;
  link->bad_loss_ppm = 1000000;
  link->to_good_ppm = 250000;
  link->to_bad_ppm = (uint32_t)(share / (1 - share) * link->to_good_ppm);
}

static bool
set_dead (SimLinkOptions *link, const char *text)
{
  double from, until;
  if (sscanf (text, "%lf,%lf", &from, &until) != 2)
    return false;
  link->dead_from_us = (BlTime)(from * BL_SECOND);
  link->dead_until_us = (BlTime)(until * BL_SECOND);
  return true;
}

static bool
set_trace (SimOptions *o, SimTrace *trace, const char *path)
{
  if (!sim_trace_load (trace, path)) {
    fprintf (stderr, "sim: %s is no trace\n", path);
    return false;
  }
  o->link.trace = trace;
  o->duration_us = trace->length_ms * BL_MS;
  return true;
}

static bool
set_drive (SimOptions *o, SimTrace *trace, const char *text)
{
  unsigned least_kbps, most_kbps;
  if (sscanf (text, "%u,%u", &least_kbps, &most_kbps) != 2 || least_kbps == 0
      || most_kbps < least_kbps)
    return false;
  sim_trace_drive (trace, (uint32_t)(o->duration_us / BL_SECOND),
                   least_kbps * UINT64_C (1000), most_kbps * UINT64_C (1000),
                   o->seed);
  o->link.trace = trace;
  return true;
}

static bool
set_option (SimOptions *o, SimTrace *trace, int option)
{
  switch (option) {
  case 't':
    return set_trace (o, trace, optarg);
  case 'v':
    return set_drive (o, trace, optarg);
  case 'r':
    o->link.rate_bps = strtoull (optarg, NULL, 10) * 1000;
    break;
  case 's':
    o->duration_us = (BlTime)(atof (optarg) * BL_SECOND);
    break;
  case 'd':
    o->link.delay_us = o->back_us = ms (optarg);
    break;
  case 'j':
    o->link.jitter_us = ms (optarg);
    break;
  case 'q':
    o->link.queue_bytes = (uint32_t)atoi (optarg);
    break;
  case 'l':
    o->link.loss_ppm = ppm (optarg);
    break;
  case 'b':
    set_burst (&o->link, optarg);
    break;
  case 'm':
    o->link.mark_ppm = ppm (optarg), o->l4s = true;
    break;
  case 'x':
    return set_dead (&o->link, optarg);
  case 'c':
    o->cap_bps = strtoull (optarg, NULL, 10) * 1000;
    break;
  case 'e':
    o->encoder_percent = (uint32_t)atoi (optarg);
    break;
  case 'f':
    o->feedback_us = ms (optarg);
    break;
  case 'w':
    o->feedback = SIM_TWCC;
    break;
  case 'p':
    o->padding = true;
    break;
  case 'n':
    o->seed = o->link.seed = strtoull (optarg, NULL, 10);
    break;
  case 'g':
    o->log_us = ms (optarg);
    break;
  default:
    return false;
  }
  return true;
}

static void
print (const SimResult *r)
{
  printf ("utilisation %.3f; frame delay p50 %" PRId64 " p95 %" PRId64
          " p99 %" PRId64 " ms, over 400 ms %.2f %%\n",
          r->utilisation, r->delay_p50_us / BL_MS, r->delay_p95_us / BL_MS,
          r->delay_p99_us / BL_MS, 100 * r->late);
  printf ("frozen over 183 ms %.2f %% of the time (the trace's own gaps "
          "%.2f %%), over 500 ms %.2f %% (%.2f %%)\n",
          100 * r->frozen_183, 100 * r->own_183, 100 * r->frozen_500,
          100 * r->own_500);
  printf ("frames %u, skipped %u, given up %u times; packets lost %.2f %%; "
          "padding %" PRIu64 " bytes; at the end %" PRIu64
          " kb/s, round trip %" PRId64 " ms\n",
          r->frames, r->skipped, r->dropped, 100 * r->lost, r->padding_bytes,
          r->target_bps / 1000, r->rtt_us / BL_MS);
}

int
main (int argc, char **argv)
{
  SimOptions o = sim_options ();
  SimTrace trace = { 0 };
  int option;
  while ((option = getopt_long (argc, argv, "", long_options, NULL)) != -1) {
    if (option == 'h') {
      fputs (usage, stdout);
      return 0;
    }
    if (!set_option (&o, &trace, option)) {
      fputs (usage, stderr);
      return 2;
    }
  }
  SimResult result = sim_run (&o);
  print (&result);
  sim_trace_clear (&trace);
  return 0;
}
