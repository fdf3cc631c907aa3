/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>
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

/* utime and stime are fields 14 and 15; the name before them may hold blanks
 * and ends at the last bracket. */
static int64_t
read_cpu_us (const char *stat)
{
  unsigned long long user, system;
  const char *rest = strrchr (stat, ')');
  if (!rest
      || sscanf (rest,
                 ") %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu %llu",
                 &user, &system)
             != 2)
    return 0;
  return (int64_t)((user + system) * 1000000
                   / (unsigned long long)sysconf (_SC_CLK_TCK));
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
  g_autofree char *stat = NULL, *status = NULL, *smaps = NULL;
  if (!read_file (pid, "stat", &stat) || !read_file (pid, "status", &status)
      || !read_file (pid, "smaps_rollup", &smaps))
    return false;
  *out = (LgProcess){ .cpu_us = read_cpu_us (stat),
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
