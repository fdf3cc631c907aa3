/* SPDX-License-Identifier: Apache-2.0 */
#include <malloc.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "relay/metrics.h"
#include "relay/openmetrics.h"

static void
add (GString *text, const char *name, BlMetricType type, const char *unit,
     const char *help, double value)
{
  const BlMetricFamily family = { name, type, unit, help };
  bl_openmetrics_begin (text, &family);
  bl_openmetrics_add (text, &family, "", value);
}

/* How many entries a folder of /proc has. */
static guint
count_entries (const char *path)
{
  g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
  guint count = 0;
  while (folder && g_dir_read_name (folder))
    count++;
  return count;
}

static double
resident_bytes (void)
{
  g_autofree char *text = NULL;
  unsigned long total, resident = 0;
  if (g_file_get_contents ("/proc/self/statm", &text, NULL, NULL))
    (void)!sscanf (text, "%lu %lu", &total, &resident);
  return (double)resident * (double)sysconf (_SC_PAGESIZE);
}

/* What is asked for and not given back: a leak shows here, while memory in RAM
 * is as much as there ever was use for. */
static double
heap_bytes (void)
{
  struct mallinfo2 heap = mallinfo2 ();
  return (double)(heap.uordblks + heap.hblkhd);
}

static double
cpu_seconds (void)
{
  struct timespec spent = { 0 };
  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &spent);
  return (double)spent.tv_sec + (double)spent.tv_nsec / 1e9;
}

void
bl_metrics_add_process (GString *text, const BlMetricsInput *input)
{
  struct rlimit files = { 0 };
  struct statvfs disk = { 0 };
  getrlimit (RLIMIT_NOFILE, &files);
  add (text, "process_cpu_seconds", BL_METRIC_COUNTER, "seconds",
       "CPU time of all threads.", cpu_seconds ());
  add (text, "process_resident_memory_bytes", BL_METRIC_GAUGE, "bytes",
       "Memory in RAM.", resident_bytes ());
  add (text, "bluelight_heap_bytes", BL_METRIC_GAUGE, "bytes",
       "Memory that the program has asked for and not given back.",
       heap_bytes ());
  /* Without the one that counts them. */
  add (text, "process_open_fds", BL_METRIC_GAUGE, NULL,
       "Open file descriptors.", count_entries ("/proc/self/fd") - 1.0);
  add (text, "process_max_fds", BL_METRIC_GAUGE, NULL,
       "File descriptors that may be open.", (double)files.rlim_cur);
  add (text, "process_threads", BL_METRIC_GAUGE, NULL, "Threads.",
       count_entries ("/proc/self/task"));
  add (text, "process_start_time_seconds", BL_METRIC_GAUGE, "seconds",
       "When the relay was started, since 1970.",
       (double)input->started_us / BL_SECOND);
  if (statvfs (input->folder, &disk) == 0)
    add (text, "bluelight_disk_free_bytes", BL_METRIC_GAUGE, "bytes",
         "Room left where database and recordings are.",
         (double)disk.f_bavail * (double)disk.f_frsize);
}
