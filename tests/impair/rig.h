/* SPDX-License-Identifier: Apache-2.0
 *
 * A link between two TUN devices: two lanes with a clock, files and commands.
 * "up" is from the near end to the far one. One thread; the caller polls `fd`.
 */
#pragma once

#include "lane.h"

typedef enum { IMPAIR_UP, IMPAIR_DOWN, IMPAIR_N_WAYS } ImpairWay;

typedef struct {
  int fd; /* readable: call impair_rig_work() */
  ImpairLane *lanes[IMPAIR_N_WAYS];
  BlTime start_us;

  /* Its own. */
  int timer;
  int tuns[IMPAIR_N_WAYS]; /* where a way's packets come from; owned */
  ImpairSettings settings[IMPAIR_N_WAYS];
  GPtrArray *traces; /* all that were loaded: lanes borrow them */
} ImpairRig;

/* Takes both devices over, and begins. */
ImpairRig *impair_rig_new (int near_tun, int far_tun, uint64_t seed);
void impair_rig_free (ImpairRig *rig);

/* Moves what is to be moved now. */
void impair_rig_work (ImpairRig *rig);

/* Changes settings of one way, loading a trace it names. */
bool impair_rig_set (ImpairRig *rig, ImpairWay way, const char *settings,
                     GError **error);

/* A line: [up|down] cut SECONDS | [up|down] restore | [up|down] SETTINGS; both
 * ways where none is named. */
bool impair_rig_command (ImpairRig *rig, const char *line, GError **error);

/* For --help. */
extern const char impair_rig_commands_help[];
