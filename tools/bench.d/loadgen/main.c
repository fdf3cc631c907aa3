/* SPDX-License-Identifier: Apache-2.0
 *
 * loadgen: one source and many viewers, in one thread.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "report.h"

#define EXIT_USAGE 2

/* A socket a viewer, and HTTP. */
static void
allow_files (void)
{
  struct rlimit limit;
  getrlimit (RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit (RLIMIT_NOFILE, &limit);
}

static void
pin (int cpu)
{
  cpu_set_t set;
  CPU_ZERO (&set);
  CPU_SET ((size_t)cpu, &set);
  if (sched_setaffinity (0, sizeof set, &set) < 0)
    perror ("loadgen: --cpu");
}

int
main (int argc, char **argv)
{
  LgOptions options;
  LgResult result;
  g_autoptr (GError) error = NULL;
  int status = EXIT_USAGE;
  if (lg_options_parse (&options, argc, argv)) {
    status = EXIT_FAILURE;
    allow_files ();
    if (options.cpu >= 0)
      pin (options.cpu);
    LgSwarm *swarm = lg_swarm_run (&options, &result, &error);
    if (swarm) {
      lg_report_print (&options, &result);
      if (result.failed == 0 && result.complete == result.joined)
        status = EXIT_SUCCESS;
      lg_swarm_free (swarm);
    } else {
      fprintf (stderr, "loadgen: %s\n", error->message);
    }
  }
  lg_options_clear (&options);
  return status;
}
