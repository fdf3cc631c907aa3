/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <err.h>
#include <getopt.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "floor_variants.h"

#define MAX_PAIRS    1000
#define MAX_VARIANTS 64

static const char usage_text[]
    = "usage: floor [option…] [variant…]\n"
      "\n"
      "Measures the least CPU time in which this machine encrypts and sends a\n"
      "2.5 Mb/s stream to many viewers. Without variants: base, gro, copy and\n"
      "copy-gcm. Each variant runs in pairs with the base, and is told by the\n"
      "medians of all pairs. The sender runs on the first CPU, the receivers\n"
      "on the last.\n"
      "\n"
      "  --all           every variant\n"
      "  --list          what variants there are\n"
      "  --json          one JSON object instead of a table\n"
      "  --viewers N     default 100\n"
      "  --frames N      a run; default 5\n"
      "  --pairs N       default 61\n"
      "  --fps N         frames at this rate; default: as fast as received\n"
      "  --alone         without the base in between: for a profiler\n"
      "  --wake          receivers sleep in epoll; default: look each 200 µs\n"
      "  --to ADDRESS    where the receivers listen; default 127.0.0.1\n"
      "  --netns NAME    network namespace of the receivers\n";

typedef struct {
  FloorReceiverSetup receivers;
  unsigned frames, pairs, fps;
  bool json, alone;
  unsigned n_variants;
  const FloorVariant *variants[MAX_VARIANTS];
} Setup;

/* Per packet, of one run. */
typedef struct {
  double cpu_us;      /* of the sending thread, while it builds and sends */
  double wall_us;     /* the same by the clock */
  double process_us;  /* of the process, all in all */
  double receiver_us; /* of the receivers' process */
  double lost;        /* share of packets that no receiver saw */
} Sample;

typedef struct {
  FloorSender *sender; /* NULL: not on this system */
  const char *why;
  Sample own[MAX_PAIRS], base[MAX_PAIRS];
  uint64_t errors;
} Result;

static double
now_us (clockid_t clock)
{
  struct timespec t;
  clock_gettime (clock, &t);
  return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static double
process_us (void)
{
  struct rusage u;
  getrusage (RUSAGE_SELF, &u);
  return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6
         + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* Until all is received, or nothing more comes. */
static uint64_t
await (const FloorReceivers *receivers, uint64_t expected)
{
  uint64_t count = floor_receivers_count (receivers);
  for (int idle = 0; count < expected && idle < 100;) {
    usleep (100);
    uint64_t next = floor_receivers_count (receivers);
    idle = next == count ? idle + 1 : 0;
    count = next;
  }
  return count;
}

static Sample
run (FloorSender *sender, const FloorVariant *variant,
     const FloorReceivers *receivers, const Setup *setup)
{
  Sample sum = { 0 };
  uint64_t packets = 0;
  uint64_t first = floor_receivers_count (receivers);
  double process = process_us ();
  double receiver = floor_receivers_cpu_us (receivers);
  double next = now_us (CLOCK_MONOTONIC);

  for (unsigned i = 0; i < setup->frames; i++) {
    floor_sender_prepare (sender);
    double cpu = now_us (CLOCK_THREAD_CPUTIME_ID);
    double wall = now_us (CLOCK_MONOTONIC);
    packets += floor_sender_frame (sender);
    sum.wall_us += now_us (CLOCK_MONOTONIC) - wall;
    sum.cpu_us += now_us (CLOCK_THREAD_CPUTIME_ID) - cpu;
    if (variant->submit != FLOOR_NOWHERE)
      await (receivers, first + packets);
    if (setup->fps) {
      next += 1e6 / setup->fps;
      double left = next - now_us (CLOCK_MONOTONIC);
      if (left > 0)
        usleep ((useconds_t)left);
    }
  }
  uint64_t received = floor_receivers_count (receivers) - first;
  sum.process_us = process_us () - process;
  sum.receiver_us = floor_receivers_cpu_us (receivers) - receiver;
  double n = (double)packets;
  double due = variant->submit == FLOOR_NOWHERE ? 0 : n;
  return (Sample){ sum.cpu_us / n, sum.wall_us / n, sum.process_us / n,
                   sum.receiver_us / n, (due - (double)received) / n };
}

static void
measure (const Setup *setup, const FloorReceivers *receivers, Result *results)
{
  const char *why = NULL;
  FloorSender *base
      = floor_sender_new (&floor_variants[0], setup->receivers.n_viewers,
                          setup->receivers.address, receivers, &why);
  if (!base)
    errx (1, "cannot send: %s", why);
  for (unsigned v = 0; v < setup->n_variants; v++)
    results[v].sender = floor_sender_new (
        setup->variants[v], setup->receivers.n_viewers,
        setup->receivers.address, receivers, &results[v].why);

  /* The first round only warms. */
  for (unsigned pair = 0; pair <= setup->pairs; pair++)
    for (unsigned v = 0; v < setup->n_variants; v++) {
      Result *r = &results[v];
      unsigned at = pair ? pair - 1 : 0;
      if (!r->sender)
        continue;
      /* Who goes first alternates: the second finds warmer caches. */
      for (unsigned turn = 0; turn < 2; turn++)
        if ((pair + turn) % 2 == 0)
          r->own[at] = run (r->sender, setup->variants[v], receivers, setup);
        else if (!setup->alone)
          r->base[at] = run (base, &floor_variants[0], receivers, setup);
      if (setup->alone)
        r->base[at] = r->own[at];
      r->errors = floor_sender_errors (r->sender);
    }
}

static int
compare (const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Of n values, sorted here; share 0.5 is the median. */
static double
quantile (double *values, unsigned n, double share)
{
  qsort (values, n, sizeof *values, compare);
  return values[(unsigned)((n - 1) * share + 0.5)];
}

/* The median of the field at this offset. */
static double
median_of (const Sample *samples, unsigned n, size_t offset)
{
  double values[MAX_PAIRS];
  for (unsigned i = 0; i < n; i++)
    memcpy (&values[i], (const char *)&samples[i] + offset, sizeof *values);
  return quantile (values, n, 0.5);
}
#define MEDIAN(samples, n, field)                                              \
  median_of (samples, n, offsetof (Sample, field))

static double
ratio (const Result *r, unsigned n, double share)
{
  double values[MAX_PAIRS];
  for (unsigned i = 0; i < n; i++)
    values[i] = r->own[i].cpu_us / r->base[i].cpu_us;
  return quantile (values, n, share);
}

static void
print_table (const Setup *setup, const Result *results)
{
  printf ("%u viewers, %u pairs of %u frames; µs a packet; × base: median "
          "(quartiles)\n\n",
          setup->receivers.n_viewers, setup->pairs, setup->frames);
  printf ("%-16s %6s %6s %7s %8s   %-19s %6s\n", "variant", "cpu", "wall",
          "process", "receiver", "× base", "lost");
  for (unsigned v = 0; v < setup->n_variants; v++) {
    const Result *r = &results[v];
    unsigned n = setup->pairs;
    printf ("%-16s ", setup->variants[v]->name);
    if (!r->sender) {
      printf ("not here: %s\n", r->why);
      continue;
    }
    printf ("%6.3f %6.3f %7.3f %8.3f   %5.3f (%5.3f-%5.3f) %5.2f%%",
            MEDIAN (r->own, n, cpu_us), MEDIAN (r->own, n, wall_us),
            MEDIAN (r->own, n, process_us), MEDIAN (r->own, n, receiver_us),
            ratio (r, n, 0.5), ratio (r, n, 0.25), ratio (r, n, 0.75),
            100 * MEDIAN (r->own, n, lost));
    printf (r->errors ? "  %lu errors\n" : "\n", (unsigned long)r->errors);
  }
}

/* The figures that others compare with, under names of their own. */
static void
print_summary (const Setup *setup, const Result *results)
{
  static const struct {
    const char *variant, *key;
  } keys[] = { { "base", "copy_gcm_gso_us" },
               { "gro", "with_gro_us" },
               { "copy", "copy_us" },
               { "copy-gcm", "copy_gcm_us" } };
  for (unsigned v = 0; v < setup->n_variants; v++)
    for (unsigned k = 0; k < sizeof keys / sizeof keys[0]; k++)
      if (strcmp (setup->variants[v]->name, keys[k].variant) == 0)
        printf ("\"%s\": %.3f, ", keys[k].key,
                MEDIAN (results[v].own, setup->pairs, cpu_us));
}

static void
print_json (const Setup *setup, const Result *results)
{
  unsigned n = setup->pairs;
  printf ("{\"viewers\": %u, \"pairs\": %u, \"frames\": %u, \"fps\": %u, ",
          setup->receivers.n_viewers, n, setup->frames, setup->fps);
  print_summary (setup, results);
  printf ("\"variants\": {");
  const char *comma = "";
  for (unsigned v = 0; v < setup->n_variants; v++) {
    const Result *r = &results[v];
    if (!r->sender)
      continue;
    printf ("%s\n  \"%s\": {\"cpu_us\": %.3f, \"wall_us\": %.3f, "
            "\"process_us\": %.3f, \"receiver_us\": %.3f, \"ratio\": %.3f, "
            "\"ratio_q1\": %.3f, \"ratio_q3\": %.3f, \"lost\": %.5f}",
            comma, setup->variants[v]->name, MEDIAN (r->own, n, cpu_us),
            MEDIAN (r->own, n, wall_us), MEDIAN (r->own, n, process_us),
            MEDIAN (r->own, n, receiver_us), ratio (r, n, 0.5),
            ratio (r, n, 0.25), ratio (r, n, 0.75), MEDIAN (r->own, n, lost));
    comma = ",";
  }
  printf ("}}\n");
}

static void
list (void)
{
  for (unsigned v = 0; v < floor_n_variants; v++)
    printf ("%-16s %s\n", floor_variants[v].name, floor_variants[v].what);
}

static void
add (Setup *setup, const char *name)
{
  for (unsigned v = 0; v < floor_n_variants; v++)
    if (!name || strcmp (floor_variants[v].name, name) == 0) {
      setup->variants[setup->n_variants++] = &floor_variants[v];
      if (name)
        return;
    }
  if (name)
    errx (2, "no variant '%s'; see floor --list", name);
}

static unsigned
number (const char *text, unsigned max)
{
  char *end;
  unsigned long value = strtoul (text, &end, 10);
  if (*end || value < 1 || value > max)
    errx (2, "'%s' is not a number from 1 to %u", text, max);
  return (unsigned)value;
}

static void
read_options (int argc, char **argv, Setup *setup)
{
  static const struct option options[]
      = { { "all", no_argument, NULL, 'a' },
          { "list", no_argument, NULL, 'l' },
          { "json", no_argument, NULL, 'j' },
          { "viewers", required_argument, NULL, 'v' },
          { "frames", required_argument, NULL, 'f' },
          { "pairs", required_argument, NULL, 'p' },
          { "fps", required_argument, NULL, 'r' },
          { "alone", no_argument, NULL, 'A' },
          { "wake", no_argument, NULL, 'w' },
          { "to", required_argument, NULL, 't' },
          { "netns", required_argument, NULL, 'n' },
          { "help", no_argument, NULL, 'h' },
          { 0 } };
  int c;
  while ((c = getopt_long (argc, argv, "h", options, NULL)) != -1)
    switch (c) {
    case 'a':
      add (setup, NULL);
      break;
    case 'l':
      list ();
      exit (0);
    case 'j':
      setup->json = true;
      break;
    case 'v':
      setup->receivers.n_viewers = number (optarg, FLOOR_MAX_VIEWERS);
      break;
    case 'f':
      setup->frames = number (optarg, 100000);
      break;
    case 'p':
      setup->pairs = number (optarg, MAX_PAIRS);
      break;
    case 'r':
      setup->fps = number (optarg, 1000);
      break;
    case 'A':
      setup->alone = true;
      break;
    case 'w':
      setup->receivers.wait_in_epoll = true;
      break;
    case 't':
      if (inet_pton (AF_INET, optarg, &setup->receivers.address) != 1)
        errx (2, "'%s' is not an IPv4 address", optarg);
      break;
    case 'n':
      setup->receivers.netns = optarg;
      break;
    case 'h':
      fputs (usage_text, stdout);
      exit (0);
    default:
      fputs (usage_text, stderr);
      exit (2);
    }
  for (; optind < argc; optind++)
    add (setup, argv[optind]);
}

static void
pin_to_first_cpu (void)
{
  cpu_set_t set;
  CPU_ZERO (&set);
  CPU_SET (0, &set);
  sched_setaffinity (0, sizeof set, &set);
}

int
main (int argc, char **argv)
{
  static const char *const usual[] = { "base", "gro", "copy", "copy-gcm" };
  Setup setup = { .receivers = { .n_viewers = 100,
                                 .address.s_addr = htonl (INADDR_LOOPBACK) },
                  .frames = 5,
                  .pairs = 61 };
  read_options (argc, argv, &setup);
  if (setup.n_variants == 0)
    for (unsigned i = 0; i < 4; i++)
      add (&setup, usual[i]);

  /* Several sockets a viewer and variant. */
  struct rlimit files;
  getrlimit (RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit (RLIMIT_NOFILE, &files);

  static Result results[MAX_VARIANTS];
  FloorReceivers *receivers = floor_receivers_new (&setup.receivers);
  pin_to_first_cpu ();
  measure (&setup, receivers, results);
  if (setup.json)
    print_json (&setup, results);
  else
    print_table (&setup, results);
  for (unsigned v = 0; v < setup.n_variants; v++)
    if (results[v].sender)
      floor_sender_free (results[v].sender);
  floor_receivers_free (receivers);
  return 0;
}
