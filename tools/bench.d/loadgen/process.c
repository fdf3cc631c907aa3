/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool
read_file (pid_t pid, const char *name, char **out_text)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/%s", (int)pid, name);
  return g_file_get_contents (path, out_text, NULL, NULL);
}

/* The number behind "Name:" at a line's start; 0 without. */
static int64_t
number_of (const char *text, const char *name)
{
  char label[32];
  int length = snprintf (label, sizeof label, "\n%s:", name);
  const char *at = strstr (text, label);
  return at ? g_ascii_strtoll (at + length, NULL, 10) : 0;
}

/* To the nanosecond, where /proc counts in ticks of 10 ms. */
static bool
read_cpu_us (pid_t pid, int64_t *out_us)
{
  clockid_t clock;
  struct timespec spent;
  if (clock_getcpuclockid (pid, &clock) != 0
      || clock_gettime (clock, &spent) != 0)
    return false;
  *out_us = spent.tv_sec * INT64_C (1000000) + spent.tv_nsec / 1000;
  return true;
}

static int
count_fds (pid_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/fd", (int)pid);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  int n = 0;
  while (dir && g_dir_read_name (dir))
    n++;
  return n;
}

bool
lg_process_read (pid_t pid, LgProcess *out)
{
  g_autofree char *status = NULL, *smaps = NULL;
  int64_t cpu_us;
  if (!read_cpu_us (pid, &cpu_us) || !read_file (pid, "status", &status)
      || !read_file (pid, "smaps_rollup", &smaps))
    return false;
  *out = (LgProcess){ .cpu_us = cpu_us,
                      .rss_kib = number_of (smaps, "Rss"),
                      .pss_kib = number_of (smaps, "Pss"),
                      .threads = (int)number_of (status, "Threads"),
                      .fds = count_fds (pid) };
  return true;
}

int64_t
lg_machine_busy_us (void)
{
  g_autofree char *text = NULL;
  /* User, nice, system, idle, waiting, interrupts. */
  unsigned long long t[7];
  if (!g_file_get_contents ("/proc/stat", &text, NULL, NULL)
      || sscanf (text, "cpu %llu %llu %llu %llu %llu %llu %llu", &t[0], &t[1],
                 &t[2], &t[3], &t[4], &t[5], &t[6])
             != 7)
    return 0;
  return (int64_t)((t[0] + t[1] + t[2] + t[5] + t[6]) * 1000000
                   / (unsigned long long)sysconf (_SC_CLK_TCK));
}
