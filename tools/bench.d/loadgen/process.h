/* SPDX-License-Identifier: Apache-2.0
 *
 * What Linux says of a process. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct {
  int64_t cpu_us;  /* of all its threads, those that ended too */
  int64_t rss_kib; /* resident, of smaps_rollup */
  int64_t pss_kib; /* the same with what is shared divided by its users */
  int threads;
  int fds;
} LgProcess;

/* False if there is no such process, or it may not be looked at. */
bool lg_process_read (pid_t pid, LgProcess *out_process);

/* Time that all cores together were not idle since the start of the machine,
 * interrupts included; 0 if it can't be read. */
int64_t lg_machine_busy_us (void);
