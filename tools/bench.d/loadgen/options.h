/* SPDX-License-Identifier: Apache-2.0
 *
 * loadgen's command line.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
  char *stream;
  /* The source: WHIP, or plain RTP. */
  char *publish, *publish_token_file;
  char *rtp;
  /* The viewers: WHEP, or Janus. */
  char *watch, *token_file, *token_command;
  char *janus;
  int mountpoint;
  char *ca;
  int viewers;
  double join_seconds, settle_seconds, seconds;
  double stay_seconds; /* 0: they stay */
  int server_pid, cpu;
  int fps, payload_bytes;
  double pace_ms;
  int no_gro;
  int phases;
  int quiet;
} LgOptions;

/* False, after a message, if they make no sense. */
bool lg_options_parse (LgOptions *options, int argc, char **argv);
void lg_options_clear (LgOptions *options);
