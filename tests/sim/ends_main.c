/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs one simulation of both ends and prints its figures.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ends.h"

static const char usage[]
    = "usage: ends [OPTION…]\n"
      "\n"
      "The vehicle's sender and the relay's source over simulated links that\n"
      "lose packets, in virtual time.\n"
      "\n"
      "  --trace FILE      the first link follows a trace in mahimahi's "
      "format,\n"
      "                    as long as that is, with a queue without end\n"
      "  --loss PERCENT    lost in bursts (0)\n"
      "  --length PACKETS  of a burst, on average (4)\n"
      "  --second PERCENT  a second link, 40 ms each way, that loses so much\n"
      "  --rate KBPS       of each link (8000)\n"
      "  --delay MS        each way (25)\n"
      "  --cap KBPS        the most that is encoded (6000)\n"
      "  --seconds S       (40)\n"
      "  --mode MODE       single, failover, protect or duplicate (protect)\n"
      "  --no-fec          without forward error correction\n"
      "  --seed N          (1)\n"
      "  --seeds N         the mean of so many, from --seed on (1)\n"
      "  --log MS          print the state each so often, and each freeze\n"
      "  --help\n";

static const struct option long_options[]
    = { { "trace", required_argument, NULL, 't' },
        { "loss", required_argument, NULL, 'l' },
        { "length", required_argument, NULL, 'b' },
        { "second", required_argument, NULL, '2' },
        { "rate", required_argument, NULL, 'r' },
        { "delay", required_argument, NULL, 'd' },
        { "cap", required_argument, NULL, 'c' },
        { "seconds", required_argument, NULL, 's' },
        { "mode", required_argument, NULL, 'm' },
        { "no-fec", no_argument, NULL, 'f' },
        { "seed", required_argument, NULL, 'n' },
        { "seeds", required_argument, NULL, 'k' },
        { "log", required_argument, NULL, 'g' },
        { "help", no_argument, NULL, 'h' },
        { 0 } };

typedef struct {
  EndsOptions o;
  double loss, second, length;
  unsigned seeds;
  SimTrace trace;
} Args;

static bool
set_trace (Args *args, const char *path)
{
  SimLinkOptions *link = &args->o.links[0];
  if (!sim_trace_load (&args->trace, path)) {
    fprintf (stderr, "ends: %s is no trace\n", path);
    return false;
  }
  link->trace = &args->trace;
  link->queue_bytes = 0;
  args->o.duration_us = args->trace.length_ms * BL_MS;
  return true;
}

static bool
set_option (Args *args, int option)
{
  SimLinkOptions *links = args->o.links;
  switch (option) {
  case 't':
    return set_trace (args, optarg);
  case 'l':
    args->loss = atof (optarg) / 100;
    break;
  case 'b':
    args->length = atof (optarg);
    break;
  case '2':
    args->second = atof (optarg) / 100;
    args->o.n_paths = 2;
    break;
  case 'r':
    links[0].rate_bps = links[1].rate_bps = strtoull (optarg, NULL, 10) * 1000;
    break;
  case 'd':
    links[0].delay_us = (BlTime)(atof (optarg) * BL_MS);
    break;
  case 'c':
    args->o.max_video_bps = strtoull (optarg, NULL, 10) * 1000;
    break;
  case 's':
    args->o.duration_us = (BlTime)(atof (optarg) * BL_SECOND);
    break;
  case 'm':
    return bl_path_mode_parse (optarg, &args->o.mode);
  case 'f':
    args->o.fec = false;
    break;
  case 'n':
    args->o.seed = strtoull (optarg, NULL, 10);
    break;
  case 'k':
    args->seeds = (unsigned)atoi (optarg);
    break;
  case 'g':
    args->o.log_us = (BlTime)(atof (optarg) * BL_MS);
    break;
  default:
    return false;
  }
  return true;
}

static void
run (const Args *args)
{
  double p50 = 0, p95 = 0, p99 = 0, frozen = 0, own = 0, kbps = 0, fps = 0,
         lost = 0, rtx = 0, fec = 0, by_fec = 0, steps = 0, by_rtx = 0,
         keyframes = 0, given_up = 0;
  double n = args->seeds;
  for (unsigned i = 0; i < args->seeds; i++) {
    EndsOptions o = args->o;
    o.seed += i;
    o.links[0].seed = 100 + o.seed;
    o.links[1].seed = 200 + o.seed;
    EndsResult r = ends_run (&o);
    double packets = (double)r.sent_packets;
    p50 += (double)r.delay_p50_us / BL_MS / n;
    p95 += (double)r.delay_p95_us / BL_MS / n;
    p99 += (double)r.delay_p99_us / BL_MS / n;
    frozen += 100 * r.frozen / n;
    own += 100 * r.own / n;
    kbps += (double)r.shown_bps / 1000 / n;
    fps += (double)r.shown * BL_SECOND / (double)o.duration_us / n;
    lost += 100 * (double)r.lost_packets / packets / n;
    rtx += 100 * (double)r.rtx_packets / packets / n;
    fec += 100 * (double)r.fec_packets / packets / n;
    by_fec += (double)r.fec_recovered / n;
    steps += (double)r.fec_steps / n;
    by_rtx += (double)r.recovered / n;
    keyframes += r.keyframes / n;
    given_up += (double)r.given_up / n;
  }
  printf (
      "delay p50 %.0f p95 %.0f p99 %.0f ms; frozen %.2f %% (the trace's own "
      "gaps %.2f %%); shown %.0f "
      "kb/s in %.1f pictures a second; of packets lost %.1f %%, RTX %.1f %%, "
      "FEC %.1f %%; got back "
      "%.0f by FEC in %.0f steps, %.0f by RTX, given up %.0f; keyframes %.0f\n",
      p50, p95, p99, frozen, own, kbps, fps, lost, rtx, fec, by_fec, steps,
      by_rtx, given_up, keyframes);
}

int
main (int argc, char **argv)
{
  Args args = { .o = ends_options (), .length = 4, .seeds = 1 };
  int option;
  args.o.links[1].delay_us = 40 * BL_MS;
  while ((option = getopt_long (argc, argv, "", long_options, NULL)) != -1) {
    if (option == 'h') {
      fputs (usage, stdout);
      return 0;
    }
    if (!set_option (&args, option)) {
      fputs (usage, stderr);
      return 2;
    }
  }
  if (args.loss > 0)
    ends_set_bursts (&args.o.links[0], args.loss, args.length);
  if (args.second > 0)
    ends_set_bursts (&args.o.links[1], args.second, args.length);
  run (&args);
  sim_trace_clear (&args.trace);
  return 0;
}
